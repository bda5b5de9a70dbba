//! The fields as they move, and one epoch of either batching.

use super::momentum::{Momentum, half_weight};
use super::{BALANCE_EVERY, Batching, Lsqml, Noise, ObjectStep, Preconditioner};
use crate::batch::{Batch, Normal, Wanted};
use crate::guard::Guard;
use crate::ml::prior::Prior;
use crate::positions::{self, Offsets};
use crate::probe_side::ProbeSide;
use crate::run::Iteration;
use crate::smooth::smooth;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::touched::Touched;
use crate::{Problem, Solution, batching, gauge};
use lapwing_model::{Complex32, elementwise};
use std::borrow::Cow;

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Share of the largest value that is added to sum |O|^2 under the probe direction.
const PROBE_DAMPING: f32 = 0.1;
/// Share of the batch's mean that is added to the diagonal of each pattern's step-length equations.
const STEP_DAMPING: f64 = 0.1;
/// Smallest illumination that is divided by; its square is a normal number.
const DARK: f32 = 1e-18;
/// Past updates the momentum of object and probe compares with.
const OBJECT_MEMORY: usize = 2;
const PROBE_MEMORY: usize = 3;
/// Factor on the steps after epochs that had to be taken back.
const CAUTION: f64 = 0.5;
/// Factor on the positions' Gauss-Newton steps: the object has taken most of the error on itself by
/// the time they move.
const POSITION_GAIN: f64 = 4.0;
/// A position moves by this many pixels per epoch and axis at most.
const POSITION_STEP: f64 = 0.3;

pub(super) struct State<'a> {
    options: &'a Lsqml,
    problem: Cow<'a, Problem>,
    /// The batches that are the same in every epoch.
    groups: Vec<Vec<usize>>,
    object: Vec<Complex32>,
    /// (mode, y, x)
    probe: Vec<Complex32>,
    /// sum_j sum_k |P_jk|^2 on the object's grid, from the last epoch.
    illumination: Vec<f32>,
    /// Its maximum.
    strongest: f32,
    /// The same, being summed up in this epoch.
    next_illumination: Vec<f32>,
    /// sum_j chi_j conj(P_j) on the object's grid.
    sum: Vec<Complex32>,
    /// The sum divided by the illumination: the object direction.
    object_direction: Vec<Complex32>,
    probe_direction: Vec<Complex32>,
    /// What the epoch has added to object and probe: what momentum works with.
    object_update: Vec<Complex32>,
    probe_update: Vec<Complex32>,
    batch: Batch,
    probe_side: ProbeSide,
    object_momentum: Momentum,
    probe_momentum: Momentum,
    /// Where positions are refined: their offsets, and this epoch's slopes (s_y, s_x), pattern by
    /// pattern.
    offsets: Offsets,
    slopes: Vec<[f64; 2]>,
    guard: Guard,
    /// Factor on all steps: 1 until something went wrong.
    caution: f64,
}

impl<'a> State<'a> {
    pub fn new(options: &'a Lsqml, problem: &'a Problem) -> Self {
        let object: Vec<Complex32> = problem.object.iter().copied().collect();
        let mut probe: Vec<Complex32> = problem.probe.iter().copied().collect();
        let mut illumination = gauge::illumination(problem, &probe);
        let factor = gauge::probe_scale(problem, &object, &illumination);
        probe.iter_mut().for_each(|value| *value *= factor);
        illumination.iter_mut().for_each(|value| *value *= factor * factor);
        let (pixels, probe_pixels) = (object.len(), probe.len());
        let refined = if options.positions_from_epoch.is_some() { problem.n_patterns() } else { 0 };
        Self {
            options,
            problem: Cow::Borrowed(problem),
            groups: match options.batching {
                Batching::Random => Vec::new(),
                Batching::Compact => batching::compact(&problem.scan, options.batch_size),
                Batching::Sparse => batching::sparse(&problem.scan, options.batch_size),
            },
            strongest: elementwise::largest(&illumination),
            illumination,
            next_illumination: vec![0.0; pixels],
            sum: vec![ZERO; pixels],
            object_direction: vec![ZERO; pixels],
            probe_direction: vec![ZERO; probe_pixels],
            object_update: vec![ZERO; pixels],
            probe_update: vec![ZERO; probe_pixels],
            batch: Batch::new(
                problem,
                options.batch_size,
                Wanted { waves: true, slopes: refined > 0 },
            ),
            probe_side: ProbeSide::new(problem),
            object_momentum: Momentum::new(OBJECT_MEMORY, pixels),
            probe_momentum: Momentum::new(PROBE_MEMORY, probe_pixels),
            offsets: vec![ZERO; refined],
            slopes: vec![[0.0; 2]; refined],
            guard: Guard::default(),
            caution: 1.0,
            object,
            probe,
        }
    }

    fn batches(&self, epoch: usize) -> Vec<Vec<usize>> {
        let (options, epoch) = (self.options, epoch as u64);
        match options.batching {
            Batching::Compact => self.groups.clone(),
            Batching::Random => {
                let batches = batching::random(
                    self.problem.n_patterns(),
                    options.batch_size,
                    options.seed,
                    epoch,
                );
                batches.into_iter().map(|batch| batching::path(&self.problem.scan, batch)).collect()
            }
            Batching::Sparse => {
                let order = batching::order(self.groups.len(), options.seed, epoch);
                order.into_iter().map(|set| self.groups[set].clone()).collect()
            }
        }
    }

    /// Object, probe and offsets in one piece.
    fn fields(&self) -> Vec<Complex32> {
        self.object.iter().chain(&self.probe).chain(&self.offsets).copied().collect()
    }

    fn set_fields(&mut self, fields: &[Complex32]) {
        let (object, rest) = fields.split_at(self.object.len());
        let (probe, offsets) = rest.split_at(self.probe.len());
        self.object.copy_from_slice(object);
        self.probe.copy_from_slice(probe);
        self.offsets.copy_from_slice(offsets);
        if !self.offsets.is_empty() {
            self.problem.to_mut().offset_positions(&self.offsets);
        }
    }

    /// One epoch in which both fields move after every batch; returns the summed loss and the mean
    /// object step.
    fn batch_epoch(&mut self, epoch: usize, batches: &[Vec<usize>]) -> (f64, f64) {
        let (mut loss, mut steps) = (0.0, 0.0);
        for members in batches {
            let touched = Touched::by(&self.problem, members);
            touched.for_each(&mut self.sum, |sum, _| sum.fill(ZERO));
            let (normals, batch_loss) = self.directions(members, &touched);
            loss += batch_loss;
            let (object_steps, probe_steps) =
                step_lengths(&normals, self.options.step_scale * self.caution);
            let object_step = trimmed_mean(object_steps);
            steps += object_step;
            self.move_object(object_step, &touched);
            if epoch >= self.options.probe_from_epoch {
                self.move_probe(mean(&probe_steps));
            }
        }
        (loss, steps / batches.len() as f64)
    }

    /// One epoch in which the probe moves after every batch and the object at the end; returns the
    /// summed loss and the object step.
    fn whole_epoch(&mut self, epoch: usize, batches: &[Vec<usize>]) -> (f64, f64) {
        self.sum.fill(ZERO);
        let mut loss = 0.0;
        let mut object_step = f64::INFINITY;
        for members in batches {
            let touched = Touched::by(&self.problem, members);
            let (normals, batch_loss) = self.directions(members, &touched);
            loss += batch_loss;
            let (object_steps, probe_steps) =
                step_lengths(&normals, self.options.step_scale * self.caution);
            object_step = object_step.min(trimmed_mean(object_steps));
            if epoch >= self.options.probe_from_epoch {
                self.move_probe(mean(&probe_steps) / batches.len() as f64);
            }
        }
        let everything = Touched::everything(&self.problem);
        let light = (self.illumination.as_slice(), self.strongest);
        precondition(
            &mut self.object_direction,
            &self.sum,
            light,
            self.options.damping,
            &everything,
        );
        self.move_object(object_step, &everything);
        (loss, object_step)
    }

    fn set_illumination(&mut self, illumination: Vec<f32>) {
        self.strongest = elementwise::largest(&illumination);
        self.illumination = illumination;
    }

    fn begin_epoch(&mut self) {
        self.next_illumination.fill(0.0);
        self.object_update.fill(ZERO);
        self.probe_update.fill(ZERO);
    }

    fn end_epoch(&mut self) {
        std::mem::swap(&mut self.illumination, &mut self.next_illumination);
        self.strongest = elementwise::largest(&self.illumination);
    }

    /// Moves the positions by the Gauss-Newton step of each.
    fn move_positions(&mut self) {
        self.probe_side.look_at(&self.problem.model, &self.probe);
        let curvature = positions::curvature(&self.problem, &self.probe_side.spectra);
        let transmission = positions::transmission(&self.problem);
        for ((offset, slope), transmission) in
            self.offsets.iter_mut().zip(&self.slopes).zip(transmission)
        {
            let step = |slope: f64, curvature: f64| {
                let step = POSITION_GAIN * self.caution * slope
                    / (transmission * curvature).max(f64::MIN_POSITIVE);
                step.clamp(-POSITION_STEP, POSITION_STEP) as f32
            };
            *offset += Complex32::new(step(slope[0], curvature[0]), step(slope[1], curvature[1]));
        }
        positions::bound(&self.problem, &mut self.offsets);
        self.problem.to_mut().offset_positions(&self.offsets);
    }

    /// Computes the update directions of a batch where it touches the object, adding to `sum`, and
    /// every pattern's step-length equations; the probe's direction is F^-1[sums] / (sum |O|^2 +
    /// damping max).
    fn directions(&mut self, members: &[usize], touched: &Touched) -> (Vec<Normal>, f64) {
        let (options, problem) = (self.options, &*self.problem);
        self.probe_side.look_at(&problem.model, &self.probe);
        let spectra = &self.probe_side.spectra;
        let loss =
            self.batch.project(problem, options.noise.into(), members, &self.object, spectra);
        if !self.offsets.is_empty() {
            members
                .iter()
                .zip(self.batch.slopes())
                .for_each(|(&pattern, slope)| self.slopes[pattern] = slope);
        }
        let batch = &self.batch;
        let object_direction = || {
            if options.preconditioner == Preconditioner::Batch
                && options.object_step() == ObjectStep::Batch
            {
                self.strongest =
                    batch.scatter_anew(problem, touched, &mut self.sum, &mut self.illumination);
                let light = &self.illumination;
                touched.for_each(&mut self.next_illumination, |sum, at| {
                    sum.iter_mut().zip(&light[at]).for_each(|(sum, light)| *sum += light);
                });
            } else {
                batch.scatter(problem, &mut self.sum, &mut self.next_illumination);
            }
            let light = (self.illumination.as_slice(), self.strongest);
            precondition(&mut self.object_direction, &self.sum, light, options.damping, touched);
        };
        let probe_direction = || {
            self.probe_side.clear();
            self.probe_side.add(batch);
            let (sum, power) = self.probe_side.direction(&problem.model);
            let floor = (PROBE_DAMPING * elementwise::largest(power)).max(f32::MIN_POSITIVE);
            self.probe_direction.copy_from_slice(sum);
            for mode in self.probe_direction.chunks_exact_mut(problem.model.len()) {
                for (value, &power) in mode.iter_mut().zip(power) {
                    *value /= power + floor;
                }
            }
        };
        rayon::join(object_direction, probe_direction);
        let directions = (self.object_direction.as_slice(), self.probe_direction.as_slice());
        (self.batch.normals(problem, members, &self.object, directions), loss)
    }

    fn move_object(&mut self, step: f64, part: &Touched) {
        let step = step as f32;
        for field in [&mut self.object, &mut self.object_update] {
            part.for_each(field, |value, at| {
                elementwise::add_scaled(value, step, &self.object_direction[at])
            });
        }
    }

    fn move_probe(&mut self, step: f64) {
        let step = step as f32;
        let fields = self.probe.iter_mut().zip(&mut self.probe_update).zip(&self.probe_direction);
        for ((value, update), direction) in fields {
            let change = direction * step;
            *value += change;
            *update += change;
        }
    }

    /// Adds momentum after an epoch in which the object moved once; `loss` is its loss, `earlier`
    /// those before, and `misfit` the loss in the problem's own unit.
    fn accelerate(&mut self, earlier: &[f64], loss: f64, misfit: f64) {
        // A velocity that runs against a limit gathers for ever.
        let limited = self.options.constraints.limits_object();
        if limited
            || self.options.momentum == 0.0
            || self.options.object_step() != ObjectStep::Epoch
        {
            return;
        }
        let gain = self.options.momentum as f32;
        let improving = match earlier {
            [.., a, b] => a.max(*b) > b.min(loss),
            _ => true,
        };
        if let Some(velocity) = self.object_momentum.after(&self.object_update, improving) {
            let variance = match self.options.noise {
                // The prior holds the noise down itself.
                _ if self.options.prior > 0.0 => 0.0,
                Noise::Gaussian => misfit,
                // Half the deviance is about twice the squared difference of amplitudes, and
                // photons make that a quarter of a count.
                Noise::Poisson => (0.5 * misfit).min(0.25 / self.problem.to_input_unit(1.0)),
            };
            let half_weight = half_weight(self.strongest, variance);
            let everything = Touched::everything(&self.problem);
            let illumination = &self.illumination;
            everything.for_each(&mut self.object, |object, at| {
                let pixels = object.iter_mut().zip(&velocity[at.clone()]).zip(&illumination[at]);
                for ((value, velocity), &light) in pixels {
                    *value += velocity * (gain * light / (light + half_weight));
                }
            });
        }
        if let Some(velocity) = self.probe_momentum.after(&self.probe_update, improving) {
            self.probe
                .iter_mut()
                .zip(velocity)
                .for_each(|(value, velocity)| *value += velocity * gain);
        }
    }

    /// Removes the scale ambiguity O -> c O, P -> P / c: the illumination-weighted r.m.s. of the
    /// object becomes 1.
    fn balance(&mut self) {
        let rms = gauge::object_rms(&self.object, &self.illumination);
        gauge::rescale(&mut self.object, &self.illumination, &mut self.probe, rms);
        let (up, down) = (rms as f32, (1.0 / rms) as f32);
        self.illumination.iter_mut().for_each(|light| *light *= up * up);
        self.strongest *= up * up;
        self.object_momentum.rescale(down);
        self.probe_momentum.rescale(up);
    }
}

impl Iteration for State<'_> {
    fn epoch(&mut self, number: usize, losses: &[f64]) -> f64 {
        let began = self.fields();
        let batches = self.batches(number);
        self.begin_epoch();
        let (loss, object_step) = match self.options.object_step() {
            ObjectStep::Batch => self.batch_epoch(number, &batches),
            ObjectStep::Epoch => self.whole_epoch(number, &batches),
        };
        self.end_epoch();
        let misfit = loss / self.problem.used_pixels() as f64;
        let loss = self.problem.to_input_unit(misfit);
        if let Some((safe, good)) = self.guard.judge(began, loss) {
            let safe = safe.to_vec();
            self.set_fields(&safe);
            self.set_illumination(gauge::illumination(&self.problem, &self.probe));
            self.object_momentum.stop();
            self.probe_momentum.stop();
            self.caution *= CAUTION;
            return good;
        }
        self.accelerate(losses, loss, misfit);
        if self.options.prior > 0.0 {
            let prior =
                Prior { strength: object_step * self.options.prior, edge: self.options.prior_edge };
            let power: f64 = self.probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
            let (width, s2) = (self.problem.object.dim().1, power / self.problem.mean_intensity);
            smooth(&mut self.object, &self.illumination, width, s2, prior);
        }
        if self.options.positions_from_epoch.is_some_and(|from| number >= from) {
            self.move_positions();
        }
        let constraints = self.options.constraints;
        if constraints.keeps_balance() && number.is_multiple_of(BALANCE_EVERY) {
            self.balance();
        }
        constraints.apply(&self.problem, &mut self.object, &mut self.probe);
        loss
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put_fields("fields", &self.fields());
        snapshot.put_single("illumination", &self.illumination);
        snapshot.put_numbers("caution", &[self.caution]);
        self.object_momentum.save("object", snapshot);
        self.probe_momentum.save("probe", snapshot);
        self.guard.save(snapshot);
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let len = self.object.len() + self.probe.len() + self.offsets.len();
        self.set_fields(snapshot.fields("fields", len)?);
        self.set_illumination(snapshot.single("illumination", self.object.len())?.to_vec());
        [self.caution] = snapshot.numbers("caution")?;
        self.object_momentum.load("object", snapshot)?;
        self.probe_momentum.load("probe", snapshot)?;
        self.guard.load(snapshot, len)
    }

    fn finish(mut self: Box<Self>, losses: Vec<f64>) -> Solution {
        if self.options.constraints.keeps_balance() {
            self.balance();
        }
        Solution::new(&self.problem, self.object, self.probe, &self.offsets, losses)
    }
}

/// direction = sum / sqrt(illumination^2 + (damping max illumination)^2), given the illumination
/// and its maximum.
fn precondition(
    direction: &mut [Complex32],
    sum: &[Complex32],
    (illumination, strongest): (&[f32], f32),
    damping: f64,
    part: &Touched,
) {
    let floor = (damping as f32 * strongest).max(DARK);
    part.for_each(direction, |direction, at| {
        elementwise::divide_damped(direction, &sum[at.clone()], &illumination[at], floor);
    });
}

/// Step lengths of every pattern, object's and probe's: the 2 x 2 least-squares problem with a
/// slightly raised diagonal, never negative, times `scale`.
fn step_lengths(normals: &[Normal], scale: f64) -> (Vec<f64>, Vec<f64>) {
    let count = normals.len().max(1) as f64;
    let object_damping = STEP_DAMPING * normals.iter().map(|n| n.object).sum::<f64>() / count;
    let probe_damping = STEP_DAMPING * normals.iter().map(|n| n.probe).sum::<f64>() / count;
    normals
        .iter()
        .map(|n| {
            let (a, b, c) = (n.object + object_damping, n.probe + probe_damping, n.cross);
            let determinant = a * b - c * c;
            if !(determinant > 0.0 && determinant.is_finite()) {
                return (0.0, 0.0);
            }
            let object = (b * n.object_chi - c * n.probe_chi) / determinant;
            let probe = (a * n.probe_chi - c * n.object_chi) / determinant;
            (scale * object.max(0.0), scale * probe.max(0.0))
        })
        .unzip()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Mean of the values between the 10 % and the 90 % quantile.
fn trimmed_mean(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 10;
    mean(&values[cut..values.len() - cut])
}
