//! The engine for this machine's processor: fields in the memory of the process, batches on the
//! threads of the current rayon pool.

mod bands;
mod batch;
mod chunk;
mod detector;
mod footprint;
mod passage;
mod probe_gradient;
mod scratch;
mod search;
mod slopes;
#[cfg(test)]
mod tests;
mod vectors;
mod waves;

use super::held::Held;
use super::{
    Blend, DetectorRule, Engine, Fields, Floor, HoldOut, Losses, NO_SEARCH, Products, Push,
    Quotient, SearchDirections, Side, Sums, Trail, Vector, WaveUpdate, step_lengths,
};
use crate::Problem;
use crate::outside::StoredField;
use bands::Bands;
use batch::Batch;
use chunk::Scene;
use lapwing_model::forward::Ramp;
use lapwing_model::parallel::{self, InParallel};
use lapwing_model::{Complex32, Window, elementwise};
use probe_gradient::{ProbeGradient, ProbeSum};
use search::Directions;
use waves::Waves;

/// See the [module](self).
pub(crate) struct Cpu<'a> {
    problem: &'a Problem,
    fields: Fields,
    /// The shifts of the probe to every pattern's position within its window, those of the places
    /// of an exposure one after the other.
    ramps: Vec<Ramp>,
    /// Whether the fields have changed since the probe's spectra were made of them, and where and
    /// how bright it is in any pattern since the ramps were.
    stale: bool,
    moved: bool,
    /// The batch that was computed last, and its members.
    batch: Batch,
    members: Vec<usize>,
    gradient: ProbeGradient,
    /// The object's sum and light of one batch, on the object's grid; allocated when needed.
    sum: Vec<Complex32>,
    light: Vec<f32>,
    added: Option<Added>,
    directions: Option<Directions>,
    waves: Option<Waves>,
    held: Option<Held>,
    /// The background in use, in pattern order.
    background: Option<Vec<f32>>,
    losses: Losses,
    /// Vectors that solvers keep.
    kept: Vec<StoredField>,
}

/// Sums over several batches.
struct Added {
    object: Vec<Complex32>,
    light: Vec<f32>,
    probe: ProbeSum,
}

impl<'a> Cpu<'a> {
    pub fn new(problem: &'a Problem, batch_size: usize, products: Products) -> Self {
        Self {
            fields: Fields::start(problem, products.slopes),
            ramps: problem.windows.iter().flat_map(|window| problem.model.ramps(window)).collect(),
            stale: true,
            moved: true,
            batch: Batch::new(problem, batch_size, products),
            members: Vec::new(),
            gradient: ProbeGradient::new(problem),
            sum: Vec::new(),
            light: Vec::new(),
            added: None,
            directions: products.waves.then(|| Directions::new(problem)),
            waves: None,
            held: None,
            background: problem.background.clone(),
            losses: Losses::default(),
            kept: Vec::new(),
            problem,
        }
    }

    fn begin_batch(&mut self, members: &[usize]) {
        self.follow_fields();
        self.members.clear();
        self.members.extend_from_slice(members);
    }

    fn batch_and_scene(&mut self) -> (&mut Batch, Scene<'_>) {
        let scene = Scene {
            problem: self.problem,
            ramps: &self.ramps,
            object: self.fields.object(),
            spectra: &self.gradient.spectra,
            weights: self.fields.weights(),
            held: self.held.as_ref(),
            background: self.background.as_deref(),
            powers: self.fields.log_powers(),
        };
        (&mut self.batch, scene)
    }

    /// Brings ramps and spectra to where the fields are.
    fn follow_fields(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.gradient.set_probe(&self.problem.model, self.fields.probe());
        let (model, fields) = (&self.problem.model, &self.fields);
        let powers = self.fields.log_powers();
        if !std::mem::take(&mut self.moved) || (fields.offsets().is_empty() && powers.is_empty()) {
            return;
        }
        let of_patterns = self.ramps.chunks_mut(model.n_places());
        let of_patterns = of_patterns.zip(&self.problem.windows).enumerate();
        of_patterns.in_parallel().for_each(|(pattern, (ramps, window))| {
            let offset = fields.offset_of(pattern);
            let moved = Window {
                rest_y: window.rest_y + f64::from(offset.re),
                rest_x: window.rest_x + f64::from(offset.im),
                ..*window
            };
            ramps.clone_from_slice(&model.ramps(&moved));
            if let Some(power) = powers.get(pattern) {
                ramps.iter_mut().for_each(|ramp| ramp.scale((0.5 * power.re).exp()));
            }
        });
    }
}

impl Engine for Cpu<'_> {
    fn fields(&mut self) -> &Fields {
        &self.fields
    }

    fn fields_mut(&mut self) -> &mut Fields {
        (self.stale, self.moved) = (true, true);
        &mut self.fields
    }

    fn project(&mut self, members: &[usize], step: DetectorRule) {
        self.begin_batch(members);
        let (batch, scene) = self.batch_and_scene();
        let losses = batch.project(scene, step, members);
        self.losses.seen += losses.seen;
        self.losses.held_out += losses.held_out;
    }

    fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    fn hold_out(&mut self, hidden: Option<HoldOut>) {
        self.held = hidden.map(|hidden| Held::new(self.problem, hidden));
    }

    fn scale_background(&mut self, share: f32) {
        self.background = self
            .problem
            .background
            .as_ref()
            .map(|background| background.iter().map(|&value| share * value).collect());
    }

    fn project_waves(&mut self, members: &[usize], update: WaveUpdate) {
        self.begin_batch(members);
        let waves = self.waves.take().unwrap_or_else(|| Waves::new(self.problem));
        let (batch, scene) = self.batch_and_scene();
        let gap = batch.project_waves(scene, update, members, &waves);
        self.waves = Some(waves);
        self.losses.seen += gap.seen;
    }

    fn share_waves(&mut self, members: &[usize], side: Side) {
        self.begin_batch(members);
        let waves = self.waves.take().expect("waves are stored before they share");
        let (batch, scene) = self.batch_and_scene();
        batch.share_waves(scene, side, members, &waves);
        self.waves = Some(waves);
    }

    fn waves(&mut self) -> Option<Vec<Complex32>> {
        self.waves.as_ref()?.values()
    }

    fn set_waves(&mut self, waves: &[Complex32]) {
        self.waves.get_or_insert_with(|| Waves::new(self.problem)).set(waves);
    }

    fn add_sums(&mut self) {
        let (problem, batch) = (self.problem, &self.batch);
        let added = self.added.get_or_insert_with(|| Added {
            object: vec![Complex32::ZERO; self.fields.object().len()],
            light: vec![0.0; self.fields.object().len()],
            probe: ProbeSum::new(problem),
        });
        parallel::both(
            || batch.scatter(problem, &mut added.object, &mut added.light),
            || added.probe.add(batch),
        );
    }

    fn take_sums(&mut self) -> Sums {
        let problem = self.problem;
        let added = self.added.take();
        let Some(Added { object, light, mut probe }) = added else {
            let objects = self.fields.object().len();
            return Sums {
                object: vec![Complex32::ZERO; objects],
                light: vec![0.0; objects],
                probe: vec![Complex32::ZERO; self.fields.probe().len()],
                power: vec![0.0; problem.model.len()],
            };
        };
        let direction = self.gradient.direction(&problem.model, &mut probe).to_vec();
        Sums { object, light, probe: direction, power: probe.power }
    }

    fn slopes(&mut self) -> Vec<[f64; 2]> {
        self.batch.slopes().collect()
    }

    fn weight_slopes(&mut self) -> Vec<Complex32> {
        self.batch.weight_slopes()
    }

    fn power_slopes(&mut self) -> Vec<f64> {
        self.batch.power_slopes()
    }

    fn step_by_quotients(&mut self, object: Quotient, probe: Option<Quotient>) {
        let Self { problem, fields, batch, members, gradient, sum, light, .. } = self;
        let object_floor = Least::of(object.floor, problem, fields);
        let probe = probe.map(|quotient| (quotient, Least::of(quotient.floor, problem, fields)));
        let parts = fields.parts_mut();
        let (of_object, of_probe) = (parts.object, parts.probe);
        let move_object = || {
            let bands = Bands::of(problem, members);
            let Quotient { weight, step, .. } = object;
            match object_floor {
                Least::Known(floor) => {
                    batch.scatter_into(problem, &bands, of_object, |value, sum, light| {
                        elementwise::add_quotient(value, sum, light, (weight, floor, step));
                    });
                }
                Least::ShareOfLargest(share) => {
                    sum.resize(of_object.len(), Complex32::ZERO);
                    light.resize(of_object.len(), 0.0);
                    let largest = batch.scatter_anew(problem, &bands, sum, light);
                    let floor = (share * largest).max(f32::MIN_POSITIVE);
                    bands.for_each(of_object, |value, at| {
                        let (sum, light) = (&sum[at.clone()], &light[at]);
                        elementwise::add_quotient(value, sum, light, (weight, floor, step));
                    });
                }
            }
        };
        let move_probe = || {
            let Some((Quotient { weight, step, .. }, probe_floor)) = probe else { return };
            let (model, pixels) = (&problem.model, problem.model.len());
            let (direction, power) = gradient.of_batch(model, batch);
            let floor = match probe_floor {
                Least::Known(floor) => floor,
                Least::ShareOfLargest(share) => {
                    (share * elementwise::largest(power)).max(f32::MIN_POSITIVE)
                }
            };
            let modes = of_probe.chunks_exact_mut(pixels).zip(direction.chunks_exact(pixels));
            for (mode, direction) in modes {
                elementwise::add_quotient(mode, direction, power, (weight, floor, step));
            }
            gradient.set_probe(model, of_probe);
        };
        parallel::both(move_object, move_probe);
    }

    fn begin_search(&mut self, search: SearchDirections) {
        let problem = self.problem;
        self.directions_mut().begin(problem, search);
    }

    fn search(&mut self) {
        let Self { problem, fields, batch, members, gradient, directions, .. } = self;
        let directions = directions.as_mut().expect(NO_SEARCH);
        directions.of_batch(problem, batch, members, gradient);
        let (to_object, to_probe) = directions.along();
        let (powers, object) = (fields.log_powers(), fields.object());
        let normals = batch.normals(problem, members, powers, object, to_object, to_probe);
        self.stale |= directions.advance(fields, step_lengths(&normals));
    }

    fn end_search(&mut self) -> f64 {
        let Self { problem, fields, directions, .. } = self;
        directions.as_mut().expect(NO_SEARCH).end(problem, fields)
    }

    fn new_vector(&mut self) -> Vector {
        let (len, store) = (self.fields.values().len(), self.problem.field_store());
        self.kept.push(StoredField::zeros(len, store));
        Vector::Kept(self.kept.len() - 1)
    }

    fn copy(&mut self, to: Vector, from: Vector) {
        self.copy_vector(to, from);
    }

    fn blend(&mut self, to: Vector, from: Vector, blend: Blend) {
        self.blend_vectors(to, from, blend);
    }

    fn dots(&mut self, pairs: &[[Vector; 2]]) -> Vec<[f64; 2]> {
        self.dots_of_vectors(pairs)
    }

    fn push(&mut self, from: Vector, push: Push) {
        self.push_fields(from, push);
    }

    fn vector(&mut self, vector: Vector) -> Vec<Complex32> {
        self.values_of_vector(vector)
    }

    fn set_vector(&mut self, vector: Vector, values: &[Complex32]) {
        self.set_values_of_vector(vector, values);
    }

    fn strongest_light(&mut self) -> f32 {
        self.directions_mut().trail.strongest()
    }

    fn trail_mut(&mut self) -> &mut Trail {
        &mut self.directions_mut().trail
    }

    fn fields_and_trail_mut(&mut self) -> (&mut Fields, &mut Trail) {
        (self.stale, self.moved) = (true, true);
        (&mut self.fields, &mut self.directions.as_mut().expect(NO_SEARCH).trail)
    }
}

/// A [`Floor`], as far as it is known before the sums over the batch are.
#[derive(Clone, Copy)]
enum Least {
    Known(f32),
    ShareOfLargest(f32),
}

impl Least {
    fn of(floor: Floor, problem: &Problem, fields: &Fields) -> Self {
        match floor {
            Floor::ShareOfLargest(share) => Self::ShareOfLargest(share),
            Floor::OfProbe { .. } => {
                Self::Known(floor.of_probe(fields.probe(), problem.model.len()))
            }
        }
    }
}

impl Cpu<'_> {
    fn directions_mut(&mut self) -> &mut Directions {
        self.directions.as_mut().expect(NO_SEARCH)
    }
}
