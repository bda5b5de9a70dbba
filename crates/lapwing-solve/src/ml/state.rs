//! The fields as they move: one epoch of either stage.

use super::Ml;
use super::lbfgs::Lbfgs;
use super::precondition::{self, Preconditioner};
use super::prior::{Prior, curvature};
use crate::batch::{Batch, Wanted};
use crate::detector::Step;
use crate::guard::{Guard, diverged};
use crate::planes::Planes;
use crate::probe_side::ProbeSide;
use crate::run::Iteration;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::touched::Touched;
use crate::vector::{add_scaled, difference, dot, scaled};
use crate::{Problem, Solution, batching, gauge, positions};
use fearless_simd::dispatch;
use lapwing_model::{Complex32, elementwise};
use std::borrow::Cow;

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Background e added to data and model, counts.
const BACKGROUND: f32 = 1e-4;
/// Share added under the updates of stage 1: of the probe's brightest light (object), and of the
/// largest sum |O|^2 (probe).
const START_DAMPING: f32 = 0.01;
/// Factor on it when an epoch has done harm and is taken back.
const CAUTION: f32 = 8.0;
/// Photons per object pixel added there: batches that bring fewer are averaged rather than
/// believed.
const START_PHOTONS: f64 = 6.0;
/// First epoch in which the probe moves.
const PROBE_FROM: usize = 2;
/// Patterns computed at once in stage 2; only memory depends on it.
const GROUP: usize = 320;
/// Pairs that L-BFGS remembers.
const MEMORY: usize = 10;
/// Length of the first step of stage 2, when there is no pair yet: object and probe both take the
/// whole error on themselves.
const FIRST_STEP: f64 = 0.5;
/// A loss may rise by this share of itself before the step is taken back: single precision, and the
/// ups and downs of L-BFGS.
const RISE: f64 = 1e-4;

pub(super) struct State<'a> {
    options: &'a Ml,
    problem: Cow<'a, Problem>,
    /// Object, then probe modes, then, where positions are refined, their offsets as y + i x.
    x: Vec<Complex32>,
    /// Where the probe modes end.
    probe_end: usize,
    batch: Batch,
    /// All patterns, neighbours next to each other.
    path: Vec<usize>,
    probe_side: ProbeSide,
    damping: f32,
    /// Whether the positions move in this epoch.
    positions_free: bool,
    /// The way back in stage 1.
    guard: Guard,
    descent: Option<Descent>,
    lbfgs: Lbfgs,
    room: precondition::Room,
}

/// The last accepted point of stage 2 and the step taken from it.
struct Descent {
    x: Vec<Complex32>,
    gradient: Vec<Complex32>,
    direction: Vec<Complex32>,
    loss: f64,
    step: f64,
}

impl Descent {
    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_fields("descent.x", &self.x);
        snapshot.put_fields("descent.gradient", &self.gradient);
        snapshot.put_fields("descent.direction", &self.direction);
        snapshot.put_numbers("descent.loss_and_step", &[self.loss, self.step]);
    }

    fn load(snapshot: &Snapshot, len: usize) -> Result<Self, SnapshotError> {
        let field = |name| snapshot.fields(name, len).map(<[Complex32]>::to_vec);
        let [loss, step] = snapshot.numbers("descent.loss_and_step")?;
        Ok(Self {
            x: field("descent.x")?,
            gradient: field("descent.gradient")?,
            direction: field("descent.direction")?,
            loss,
            step,
        })
    }
}

/// Sums over all patterns at one point.
struct Evaluation {
    loss: f64,
    gradient: Vec<Complex32>,
    preconditioner: Preconditioner,
}

impl<'a> State<'a> {
    pub fn new(options: &'a Ml, problem: &'a Problem) -> Self {
        let mut x: Vec<Complex32> = problem.object.iter().chain(&problem.probe).copied().collect();
        let (object, probe) = x.split_at_mut(problem.object.len());
        let scale = gauge::probe_scale(problem, object, &gauge::illumination(problem, probe));
        probe.iter_mut().for_each(|value| *value *= scale);
        let probe_end = x.len();
        if options.positions_from_epoch.is_some() {
            x.resize(probe_end + problem.n_patterns(), ZERO);
        }
        let wanted = Wanted { waves: false, slopes: options.positions_from_epoch.is_some() };
        Self {
            options,
            problem: Cow::Borrowed(problem),
            x,
            probe_end,
            batch: Batch::new(problem, options.start_batch_size.max(GROUP), wanted),
            path: batching::path(&problem.scan, (0..problem.n_patterns()).collect()),
            probe_side: ProbeSide::new(problem),
            damping: START_DAMPING,
            positions_free: false,
            guard: Guard::default(),
            descent: None,
            lbfgs: Lbfgs::new(MEMORY),
            room: precondition::Room::default(),
        }
    }

    fn object_len(&self) -> usize {
        self.problem.object.len()
    }

    /// s^2 = sum |P|^2 / C
    fn relative_power(&self) -> f64 {
        let probe = &self.x[self.object_len()..self.probe_end];
        probe.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>()
            / self.problem.mean_intensity
    }

    /// max sum_k |P_k|^2
    fn brightest(&self) -> f32 {
        let mut power = vec![0.0; self.problem.model.len()];
        let probe = &self.x[self.object_len()..self.probe_end];
        probe.chunks_exact(power.len()).for_each(|mode| elementwise::add_power(&mut power, mode));
        elementwise::largest(&power)
    }

    fn per_pixel(&self, loss: f64) -> f64 {
        self.problem.to_input_unit(loss / self.problem.used_pixels() as f64)
    }

    /// Brings [`Self::probe_side`] to where the probe is.
    fn look_at_probe(&mut self) {
        self.probe_side
            .look_at(&self.problem.model, &self.x[self.problem.object.len()..self.probe_end]);
    }

    /// One epoch of small batches; returns the loss per pixel.
    fn start_epoch(&mut self, epoch: usize) -> f64 {
        let (objects, pixels) = (self.object_len(), self.problem.model.len());
        let began = self.x.clone();
        let mut loss = 0.0;
        let (size, seed) = (self.options.start_batch_size, self.options.seed);
        self.look_at_probe();
        for mut members in batching::random(self.problem.n_patterns(), size, seed, epoch as u64) {
            // From top to bottom: what a thread has worked out is then mostly what it moves.
            members.sort_unstable_by_key(|&pattern| (self.problem.windows[pattern].row, pattern));
            let photons = (START_PHOTONS * self.relative_power()) as f32;
            let floor = (self.damping * self.brightest() + photons).max(f32::MIN_POSITIVE);
            let (object, probe) = self.x[..self.probe_end].split_at_mut(objects);
            let step = Step::Modulus { background: BACKGROUND };
            loss +=
                self.batch.project(&self.problem, step, &members, object, &self.probe_side.spectra);
            let move_object = || {
                let touched = Touched::by(&self.problem, &members);
                self.batch.scatter_into(&self.problem, &touched, object, |object, sum, light| {
                    elementwise::add_quotient(object, sum, light, (1.0, floor, 1.0));
                });
            };
            let move_probe = || {
                if epoch < PROBE_FROM {
                    return;
                }
                let (side, model) = (&mut self.probe_side, &self.problem.model);
                side.clear();
                side.add(&self.batch);
                let (direction, power) = side.direction(model);
                let floor = (self.damping * elementwise::largest(power)).max(f32::MIN_POSITIVE);
                for (mode, direction) in
                    probe.chunks_exact_mut(pixels).zip(direction.chunks_exact(pixels))
                {
                    elementwise::add_quotient(mode, direction, power, (1.0, floor, 1.0));
                }
                side.look_at(model, probe);
            };
            rayon::join(move_object, move_probe);
        }
        if let Some((safe, good)) = self.guard.judge(began, loss) {
            self.x.copy_from_slice(safe);
            self.damping = (CAUTION * self.damping).min(1.0);
            return self.per_pixel(good);
        }
        let (object, probe) = self.x[..self.probe_end].split_at_mut(objects);
        self.options.constraints.apply(&self.problem, object, probe);
        self.per_pixel(loss)
    }

    /// One epoch of L-BFGS: evaluates the present point, takes it or goes back, and steps; returns
    /// the loss per pixel.
    fn descend(&mut self, number: usize) -> f64 {
        let from = self.options.positions_from_epoch;
        self.positions_free = from.is_some_and(|from| number >= from);
        let mut here = self.evaluate();
        if let Some((safe, good)) = self.guard.take() {
            // The last batches of stage 1 may have done harm that no loss has shown yet.
            if diverged(2.0 * here.loss, good) {
                self.x = safe;
                here = self.evaluate();
            }
        }
        let Evaluation { loss, gradient, preconditioner } = here;
        if let Some(last) = &mut self.descent {
            if loss > last.loss + RISE * last.loss.abs() || loss.is_nan() {
                // Back to the last good point, and half as far along the steepest preconditioned
                // way.
                last.step *= 0.5;
                if !self.lbfgs.is_empty() {
                    self.lbfgs.clear();
                    last.direction = scaled(&last.gradient, -1.0);
                    preconditioner.solve(&mut last.direction, &mut self.room);
                    last.step = FIRST_STEP;
                }
                self.x.copy_from_slice(&last.x);
                add_scaled(&mut self.x, last.step, &last.direction);
                self.constrain();
                return self.per_pixel(2.0 * self.descent.as_ref().map_or(loss, |last| last.loss));
            }
            if from == Some(number) {
                // The gradient has just gained the positions' part, so it compares with none
                // before.
                self.lbfgs.clear();
            } else {
                self.lbfgs
                    .remember(difference(&self.x, &last.x), difference(&gradient, &last.gradient));
            }
        }
        let room = &mut self.room;
        let mut direction = self.lbfgs.direction(&gradient, |v| preconditioner.solve(v, room));
        let mut step = if self.lbfgs.is_empty() { FIRST_STEP } else { 1.0 };
        let slope = dot(&gradient, &direction);
        if slope >= 0.0 || slope.is_nan() {
            self.lbfgs.clear();
            let room = &mut self.room;
            direction = self.lbfgs.direction(&gradient, |v| preconditioner.solve(v, room));
            step = FIRST_STEP;
        }
        let before = self.x.clone();
        add_scaled(&mut self.x, step, &direction);
        self.constrain();
        self.descent = Some(Descent { x: before, gradient, direction, loss, step });
        self.per_pixel(2.0 * loss)
    }

    fn constrain(&mut self) {
        let (fields, offsets) = self.x.split_at_mut(self.probe_end);
        let (object, probe) = fields.split_at_mut(self.problem.object.len());
        self.options.constraints.apply(&self.problem, object, probe);
        positions::bound(&self.problem, offsets);
    }

    /// Loss, gradient (of the loss with respect to the conjugate fields) and preconditioner at the
    /// present point.
    fn evaluate(&mut self) -> Evaluation {
        let objects = self.object_len();
        let (width, probe_end) = (self.problem.object.dim().1, self.probe_end);
        if probe_end < self.x.len() {
            self.problem.to_mut().offset_positions(&self.x[probe_end..]);
        }
        self.look_at_probe();
        self.probe_side.clear();
        let mut gradient = vec![ZERO; self.x.len()];
        let mut sum = vec![ZERO; objects];
        let mut kappa = vec![0.0_f32; objects];
        let mut loss = 0.0;
        let step = Step::Gradient { background: BACKGROUND };
        for members in self.path.chunks(GROUP) {
            let (object, spectra) = (&self.x[..objects], &self.probe_side.spectra);
            loss += 0.5 * self.batch.project(&self.problem, step, members, object, spectra);
            rayon::join(
                || self.batch.scatter(&self.problem, &mut sum, &mut kappa),
                || self.probe_side.add(&self.batch),
            );
            if self.positions_free {
                for (&pattern, [y, x]) in members.iter().zip(self.batch.slopes()) {
                    gradient[probe_end + pattern] = Complex32::new(-y as f32, -x as f32);
                }
            }
        }
        let (fields, by_position) = gradient.split_at_mut(probe_end);
        let mean = positions::mean(by_position);
        by_position.iter_mut().for_each(|value| *value -= mean);
        // chi is minus the gradient in the detector plane.
        let (by_object, by_probe) = fields.split_at_mut(objects);
        let (direction, power) = self.probe_side.direction(&self.problem.model);
        let kp = power.to_vec();
        by_probe
            .iter_mut()
            .zip(direction)
            .for_each(|(gradient, &direction)| *gradient = -direction);
        let prior = (self.options.prior > 0.0).then(|| {
            let prior = Prior { strength: self.options.prior, edge: self.options.prior_edge };
            let s2 = self.relative_power();
            let object = Planes::of(&self.x[..objects], width);
            let at = prior.weights(&object, s2);
            loss += at.value;
            let factor = (prior.strength / self.problem.mean_intensity * at.weighted_power) as f32;
            for (gradient, probe) in by_probe.iter_mut().zip(&self.x[objects..]) {
                *gradient += probe * factor;
            }
            let strength = (prior.strength * s2) as f32;
            let mut gradient = object.clone();
            gradient.sum_by_rows(|first, rows| {
                for (index, out) in rows.chunks_exact_mut(width).enumerate() {
                    dispatch!(elementwise::level(), _ => {
                        curvature(&at.weights, &object, (first + index / 2, index % 2), out);
                        out.iter_mut().for_each(#[inline(always)] |value| *value *= strength);
                    });
                }
                0.0
            });
            gradient.write_to(by_object);
            (strength, at.weights)
        });
        add_scaled(by_object, -1.0, &sum);
        self.options.constraints.confine(&self.problem, by_probe);
        let mut preconditioner = Preconditioner::new(kappa, kp, width, prior);
        if probe_end < self.x.len() {
            let [of_y, of_x] = positions::curvature(&self.problem, &self.probe_side.spectra);
            let each = positions::transmission(&self.problem).into_iter();
            let curvatures =
                each.map(|share| ((0.5 * share * (of_y + of_x)) as f32).max(f32::MIN_POSITIVE));
            preconditioner = preconditioner.with_positions(curvatures.collect());
        }
        Evaluation { loss, gradient, preconditioner }
    }
}

impl Iteration for State<'_> {
    fn epoch(&mut self, number: usize, _losses: &[f64]) -> f64 {
        if number <= self.options.start_epochs {
            self.start_epoch(number)
        } else {
            self.descend(number)
        }
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_fields("x", &self.x);
        snapshot.put_numbers("damping", &[f64::from(self.damping)]);
        self.guard.save(snapshot);
        self.lbfgs.save(snapshot);
        if let Some(descent) = &self.descent {
            descent.save(snapshot);
        }
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let len = self.x.len();
        self.x.copy_from_slice(snapshot.fields("x", len)?);
        self.damping = snapshot.numbers::<1>("damping")?[0] as f32;
        self.guard.load(snapshot, len)?;
        self.lbfgs.load(snapshot, len)?;
        self.descent = match snapshot.has("descent.x") {
            true => Some(Descent::load(snapshot, len)?),
            false => None,
        };
        Ok(())
    }

    /// The fields, the object scaled to an illumination-weighted r.m.s. of 1 unless the probe's
    /// power is fixed.
    fn finish(mut self: Box<Self>, losses: Vec<f64>) -> Solution {
        let objects = self.object_len();
        let offsets = self.x.split_off(self.probe_end);
        let mut probe = self.x.split_off(objects);
        let mut object = self.x;
        if self.options.constraints.keeps_balance() {
            let illumination = gauge::illumination(&self.problem, &probe);
            let rms = gauge::object_rms(&object, &illumination);
            gauge::rescale(&mut object, &illumination, &mut probe, rms);
        }
        Solution::new(&self.problem, object, probe, &offsets, losses)
    }
}
