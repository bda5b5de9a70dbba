//! Momentum acceleration: when the epoch's updates keep pointing the same way, go further that way.
//!
//! The scheme known as accelerated gradients of PtychoShelves (O18's companion code), in formulas:
//! with U the epoch's update, Uhat = U / rms(U), and c_i the correlation of Uhat with the one i
//! epochs ago, a line through the origin is fitted to (i, ln c_i); half its slope is the friction,
//! and the velocity becomes V <- (1 - friction) V + U. When an earlier update points away (c_i <=
//! 0), or the loss has stopped falling, the velocity is halved and nothing is added. How much of
//! the velocity a pixel of the object takes depends on the noise that its light leaves it with
//! ([`half_weight`]).

use crate::engine::vectors::Pool;
use crate::engine::{Blend, Engine, Vector};
use crate::solver::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;
use std::collections::VecDeque;

/// Share of the largest illumination at which the object's momentum has half its weight where there
/// is no noise.
const DAMPING: f64 = 0.1;
/// Noise of an object pixel, relative to the object's r.m.s., at which it has half its weight in
/// strong light: above it most of what accumulates over epochs is noise.
const NOISE: f64 = 0.05;

/// The illumination at which the object's momentum has half its weight, light / (light + this).
///
/// The misfit per pixel of an exit wave, `variance`, leaves an object pixel that `light` fell on
/// with the variance `variance` / light.
pub(super) fn half_weight(peak: f32, variance: f64) -> f32 {
    let light = DAMPING * f64::from(peak) + variance / NOISE.powi(2);
    (light as f32).max(f32::MIN_POSITIVE)
}

/// Velocities of object and probe, and their past updates.
pub(super) struct Momentum {
    fields: [OfField; 2],
    velocity: Option<Vector>,
    pool: Pool,
}

/// What is kept for one field.
struct OfField {
    name: &'static str,
    /// Updates before the present one with which it is compared.
    memory: usize,
    /// Vectors with past updates, newest first, and the r.m.s. of each; at most as many as are
    /// compared with.
    past: VecDeque<(Vector, f64)>,
    /// Updates that there were, as far as it matters: one more than are compared with.
    seen: usize,
    /// Number of values.
    len: usize,
}

impl Momentum {
    /// Fields of so many values at rest, comparing each update with so many before it.
    pub fn new([object, probe]: [usize; 2], memory: [usize; 2]) -> Self {
        let field =
            |name, memory, len| OfField { name, memory, past: VecDeque::new(), seen: 0, len };
        let fields = [field("object", memory[0], object), field("probe", memory[1], probe)];
        Self { fields, velocity: None, pool: Pool::default() }
    }

    fn used(&self) -> Vec<Vector> {
        let past = self.fields.iter().flat_map(|field| field.past.iter().map(|(past, _)| *past));
        past.chain(self.velocity).collect()
    }

    fn velocity(&mut self, engine: &mut dyn Engine) -> Vector {
        if let Some(velocity) = self.velocity {
            return velocity;
        }
        let used = self.used();
        let velocity = self.pool.free(engine, &used);
        let rest = Blend { object: [0.0; 2], probe: [0.0; 2] };
        engine.blend(velocity, Vector::Update, rest);
        *self.velocity.insert(velocity)
    }

    /// Takes the epoch's update, which is remembered, and moves the velocities; returns that of
    /// object and probe, and whether each is to be added.
    pub fn after(&mut self, engine: &mut dyn Engine, improving: bool) -> (Vector, [bool; 2]) {
        let velocity = self.velocity(engine);
        let mut pairs = vec![[Vector::Update; 2]];
        let past = self.used();
        pairs.extend(past.iter().map(|&past| [Vector::Update, past]));
        let dots = engine.dots(&pairs);
        let with = |vector: Vector| past.iter().position(|past| *past == vector);
        let mut blend = Blend::NOTHING;
        let factors = [&mut blend.object, &mut blend.probe];
        let (mut moves, mut kept) = ([false; 2], [None; 2]);
        for (index, (field, factors)) in self.fields.iter_mut().zip(factors).enumerate() {
            let rms = (dots[0][index] / field.len as f64).sqrt();
            if !(rms > 0.0 && rms.is_finite()) {
                continue;
            }
            kept[index] = Some(rms);
            let correlation = |&(vector, size): &(Vector, f64)| {
                with(vector).map_or(0.0, |at| dots[at + 1][index] / (rms * size * field.len as f64))
            };
            let correlations: Vec<f64> = field.past.iter().map(correlation).collect();
            let ready = field.seen > field.memory;
            field.seen = (field.seen + 1).min(field.memory + 1);
            // The oldest makes room for this one.
            field.past.truncate(field.memory - 1);
            if !ready {
                continue;
            }
            if !improving || correlations.iter().any(|&c| c <= 0.0) {
                *factors = [0.5, 0.0];
                continue;
            }
            *factors = [(1.0 - friction(&correlations)) as f32, 1.0];
            moves[index] = true;
        }
        if kept != [None; 2] {
            let now = self.pool.free(engine, &self.used());
            engine.copy(now, Vector::Update);
            for (field, rms) in self.fields.iter_mut().zip(kept) {
                if let Some(rms) = rms {
                    field.past.push_front((now, rms));
                }
            }
        }
        if blend != Blend::NOTHING {
            engine.blend(velocity, Vector::Update, blend);
        }
        (velocity, moves)
    }

    /// Brings the fields to rest and forgets their past.
    pub fn stop(&mut self) {
        for field in &mut self.fields {
            field.past.clear();
            field.seen = 0;
        }
        self.velocity = None;
    }

    pub fn save(&self, engine: &mut dyn Engine, snapshot: &mut Snapshot) {
        if let Some(velocity) = self.velocity {
            snapshot.put_fields("momentum.velocity", &engine.vector(velocity));
        }
        for field in &self.fields {
            for (age, &(past, _)) in field.past.iter().enumerate() {
                let name = format!("momentum.{}.past.{age}", field.name);
                snapshot.put_fields(&name, &engine.vector(past));
            }
            let sizes: Vec<f64> = field.past.iter().map(|(_, size)| *size).collect();
            snapshot.put_numbers(&format!("momentum.{}.rms", field.name), &sizes);
            snapshot.put_numbers(&format!("momentum.{}.seen", field.name), &[field.seen as f64]);
        }
    }

    pub fn load(
        &mut self,
        engine: &mut dyn Engine,
        snapshot: &Snapshot,
    ) -> Result<(), SnapshotError> {
        self.stop();
        let len = engine.fields().values().len();
        let mut taken = Vec::new();
        let mut take = |pool: &mut Pool, engine: &mut dyn Engine, values: &[Complex32]| {
            let vector = pool.free(engine, &taken);
            taken.push(vector);
            engine.set_vector(vector, values);
            vector
        };
        if snapshot.has("momentum.velocity") {
            let values = snapshot.fields("momentum.velocity", len)?;
            self.velocity = Some(take(&mut self.pool, engine, values));
        }
        for field in &mut self.fields {
            let sizes = snapshot.all_numbers(&format!("momentum.{}.rms", field.name))?;
            let seen = format!("momentum.{}.seen", field.name);
            field.seen = match snapshot.has(&seen) {
                true => snapshot.numbers::<1>(&seen)?[0] as usize,
                // Of earlier versions, which kept one more.
                false => sizes.len(),
            };
            for (age, &size) in sizes.iter().enumerate().take(field.memory) {
                let name = format!("momentum.{}.past.{age}", field.name);
                let vector = take(&mut self.pool, engine, snapshot.fields(&name, len)?);
                field.past.push_back((vector, size));
            }
        }
        Ok(())
    }

    /// Follows a change of scale: factors on object and probe.
    pub fn rescale(&mut self, engine: &mut dyn Engine, [object, probe]: [f32; 2]) {
        if let Some(velocity) = self.velocity {
            let blend = Blend { object: [object, 0.0], probe: [probe, 0.0] };
            engine.blend(velocity, Vector::Update, blend);
        }
    }
}

/// Half the decay rate per epoch of the correlations, by a least-squares line through (0, 0) and
/// (i, ln c_i).
fn friction(correlations: &[f64]) -> f64 {
    // The fit is of slope and offset: the origin is a point like the others.
    let n = (correlations.len() + 1) as f64;
    let points = std::iter::once(0.0).chain(correlations.iter().map(|c| c.ln()));
    let (mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0);
    for (i, y) in points.enumerate() {
        let x = i as f64;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    let slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    (-0.5 * slope).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;
    use crate::engine::Products;
    use lapwing_model::{Modes, Object, Position};

    /// An engine of the processor whose epochs of search directions add what a test wants.
    fn engine(problem: &Problem) -> Box<dyn Engine + '_> {
        crate::engine::open(
            problem,
            1,
            Products { waves: true, slopes: false, ..Products::default() },
        )
    }

    fn problem() -> Problem {
        let scan = vec![Position { y: 2.0, x: 2.0 }];
        let probe = Modes::from_elem((1, 4, 4), Complex32::ONE);
        let builder = Problem::builder(scan, Object::flat((4, 5)), probe);
        builder.patterns(ndarray::Array3::from_elem((1, 4, 4), 3.0)).unwrap()
    }

    fn set_update(engine: &mut dyn Engine, value: f32) {
        let trail = engine.trail_mut();
        trail.object_update.fill(Complex32::new(value, -2.0 * value));
        trail.probe_update.fill(Complex32::ZERO);
    }

    #[test]
    fn steady_updates_build_up_speed_without_friction() {
        let problem = problem();
        let mut engine = engine(&problem);
        let mut momentum = Momentum::new([20, 16], [2, 3]);
        let mut after = |value: f32, improving: bool| {
            set_update(&mut *engine, value);
            let (velocity, moves) = momentum.after(&mut *engine, improving);
            // A probe at rest has no momentum.
            assert!(!moves[1]);
            (engine.vector(velocity)[0].re, moves[0])
        };
        for _ in 0..3 {
            assert_eq!(after(1.0, true), (0.0, false));
        }
        for expected in [1.0, 2.0] {
            let (speed, moves) = after(1.0, true);
            assert!((speed - expected).abs() < 1e-5 && moves);
        }
        // A loss that stopped falling halves the velocity and adds nothing.
        let (speed, moves) = after(1.0, false);
        assert!((speed - 1.0).abs() < 1e-5 && !moves);
        // So does an update that turns round.
        let (speed, moves) = after(-1.0, true);
        assert!((speed - 0.5).abs() < 1e-5 && !moves);
        // The past updates survive a snapshot.
        let mut snapshot = Snapshot::default();
        momentum.save(&mut *engine, &mut snapshot);
        let mut loaded = Momentum::new([20, 16], [2, 3]);
        loaded.load(&mut *engine, &snapshot).unwrap();
        loaded.rescale(&mut *engine, [2.0, 1.0]);
        let velocity = loaded.velocity.unwrap();
        assert!((engine.vector(velocity)[0].re - 1.0).abs() < 1e-5);
        assert_eq!(loaded.fields[0].past.len(), momentum.fields[0].past.len());
    }

    #[test]
    fn momentum_is_weak_where_noise_or_darkness_is() {
        let weight =
            |light: f32, strongest, variance| light / (light + half_weight(strongest, variance));
        // 5 % of noise: a standard deviation of 0.05, so a variance of 0.0025 in light of 1.
        assert!((weight(1.0, 0.0, 0.0025) - 0.5).abs() < 1e-6);
        // Four times the light, a quarter of the variance.
        assert!((weight(4.0, 0.0, 0.0025) - 0.8).abs() < 1e-6);
        // Without noise: half at a tenth of the strongest light, nearly all in it.
        assert!((weight(3.0, 30.0, 0.0) - 0.5).abs() < 1e-6);
        assert!((weight(30.0, 30.0, 0.0) - 10.0 / 11.0).abs() < 1e-6);
        // Darkness and no noise: no division by zero, and no weight.
        assert_eq!(weight(0.0, 0.0, 0.0), 0.0);
    }

    #[test]
    fn friction_is_half_the_decay_rate() {
        let rate: f64 = 0.3;
        let correlations: Vec<f64> = (1..=3).map(|i| (-rate * f64::from(i)).exp()).collect();
        assert!((friction(&correlations) - rate / 2.0).abs() < 1e-12);
        assert_eq!(friction(&[1.0, 1.0]), 0.0);
    }
}
