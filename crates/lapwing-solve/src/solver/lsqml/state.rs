//! One epoch of either batching, and the state kept from one to the next.

use super::momentum::{Momentum, half_weight};
use super::{BALANCE_EVERY, Batching, Lsqml, Noise, ObjectStep, Preconditioner};
use crate::engine::{Push, SearchDirections};
use crate::prior::{Absorption, Jumps, Prior, smooth};
use crate::solver::frame::{Frame, Guarded};
use crate::solver::refinement::Offsets;
use crate::solver::run::Algorithm;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use crate::solver::{Solver, batching, positions, variation};
use crate::{Problem, neighbours};
use lapwing_model::Complex32;

/// Share of the largest value that is added to sum |O|^2 under the probe direction.
const PROBE_DAMPING: f64 = 0.1;
/// Past updates the momentum of object and probe compares with.
const OBJECT_MEMORY: usize = 2;
const PROBE_MEMORY: usize = 3;
/// Factor on the positions' Gauss-Newton steps: by the time they move, the object has absorbed most
/// of the error.
const POSITION_GAIN: f64 = 4.0;
/// A position moves by this many pixels per epoch and axis at most.
const POSITION_STEP: f64 = 0.3;
/// Momentum, as a share of the last epoch's step, of positions that drift and of the beam's powers:
/// what is common to many patterns, the object takes on as well, and steps alone undo that slowly.
const TOGETHER: f32 = 0.8;
/// Share of their Gauss-Newton steps by which powers move that are free in every pattern: a flat
/// object leaves what the specimen absorbs to them, and must not find nothing left.
const POWER_GAIN: f32 = 0.5;
/// Factor on the strength of the prior on free powers. The misfit that tells their noise is too
/// small by what the object has fitted of it.
const POWER_PRIOR: f64 = 2.0;

pub(super) struct State<'a> {
    options: &'a Lsqml,
    /// The batches that are the same in every epoch.
    groups: Vec<Vec<usize>>,
    momentum: Momentum,
    /// Where positions are refined: this epoch's slopes (s_y, s_x), pattern by pattern.
    slopes: Vec<[f64; 2]>,
    /// Where the probe varies: this epoch's slopes of the eigenmodes' weights (pattern, eigenmode),
    /// and of the powers' logarithms.
    weight_slopes: Vec<Complex32>,
    power_slopes: Vec<f64>,
    /// The changes that weights and powers may have.
    variation: variation::Allowed,
    /// How far the powers changed in the epoch before.
    power_velocity: Vec<Complex32>,
    /// The offsets that positions may have, and how far they moved in the epoch before, where they
    /// move together.
    refined: Option<(Offsets, Vec<Complex32>)>,
}

impl<'a> State<'a> {
    pub fn new(options: &'a Lsqml, frame: &mut Frame<'_>) -> Self {
        let problem = frame.problem;
        let n = problem.n_patterns();
        let refined = if options.refined_positions().is_some() { n } else { 0 };
        let (weights, powers) =
            (n * problem.n_eigenmodes(), if problem.varies_in_power() { n } else { 0 });
        Self {
            options,
            groups: match options.batching {
                Batching::Random => Vec::new(),
                Batching::Compact => neighbours::compact(&problem.scan, options.batch_size),
                Batching::Sparse => batching::sparse(&problem.scan, options.batch_size),
            },
            momentum: Momentum::new(
                [problem.object.slices().len(), problem.probe.len()],
                [OBJECT_MEMORY, PROBE_MEMORY],
            ),
            slopes: vec![[0.0; 2]; refined],
            weight_slopes: vec![Complex32::ZERO; weights],
            power_slopes: vec![0.0; powers],
            variation: variation::Allowed::of_start(frame),
            power_velocity: vec![Complex32::ZERO; powers],
            refined: options
                .refined_positions()
                .map(|(what, _)| (Offsets::new(problem, what), vec![Complex32::ZERO; refined])),
        }
    }

    fn batches(&self, frame: &Frame<'_>, epoch: usize) -> Vec<Vec<usize>> {
        let (options, problem, epoch) = (self.options, frame.problem, epoch as u64);
        match options.batching {
            Batching::Compact => self.groups.clone(),
            Batching::Random => {
                let (n, size) = (problem.n_patterns(), options.batch_size);
                let batches = batching::random(n, size, options.seed, epoch);
                batches.into_iter().map(|batch| neighbours::path(&problem.scan, batch)).collect()
            }
            Batching::Sparse => {
                let order = batching::order(self.groups.len(), options.seed, epoch);
                order.into_iter().map(|set| self.groups[set].clone()).collect()
            }
        }
    }

    /// Visits all batches; returns the summed loss and the step of the object, of its mean batch
    /// where it moves after every batch.
    fn sweep(&mut self, frame: &mut Frame<'_>, epoch: usize) -> (f64, f64) {
        let options = self.options;
        let batches = self.batches(frame, epoch);
        let object_moves = options.object_moves() == ObjectStep::Batch;
        let probe_moves = epoch >= options.probe_from_epoch;
        // The probe moves after every batch; where the object waits, by as much less.
        let share = if object_moves { 1.0 } else { batches.len() as f64 };
        frame.engine.begin_search(SearchDirections {
            object_damping: options.damping,
            probe_damping: PROBE_DAMPING,
            every_batch: object_moves,
            light_of_batch: object_moves && options.preconditioner == Preconditioner::Batch,
            step: options.step_scale * frame.step_factor(),
            probe: probe_moves.then(|| 1.0 / share),
        });
        for members in &batches {
            frame.engine.project(members, options.noise.into());
            if !self.slopes.is_empty() {
                let slopes = members.iter().zip(frame.engine.slopes());
                slopes.for_each(|(&pattern, slope)| self.slopes[pattern] = slope);
            }
            self.note_variation(frame, members);
            frame.engine.search();
        }
        let step = frame.engine.end_search();
        (frame.engine.take_losses().seen, step)
    }

    /// Stores a batch's slopes of its patterns' weights and powers.
    fn note_variation(&mut self, frame: &mut Frame<'_>, members: &[usize]) {
        let count = frame.problem.n_eigenmodes();
        if count > 0 {
            let slopes = frame.engine.weight_slopes();
            for (&pattern, slopes) in members.iter().zip(slopes.chunks_exact(count)) {
                self.weight_slopes[pattern * count..][..count].copy_from_slice(slopes);
            }
        }
        for (&pattern, slope) in members.iter().zip(frame.engine.power_slopes()) {
            self.power_slopes[pattern] = slope;
        }
    }

    /// Moves weights and powers by the Gauss-Newton step of each; `misfit` is the epoch's loss in
    /// the problem's own unit.
    ///
    /// Free powers have a Gaussian prior about their mean, whose variance is what their own present
    /// one and their noise add up to (expectation maximisation): where the beam is steady it ends
    /// near the noise, and holds them; where they differ by more it says nothing.
    fn move_variation(&mut self, frame: &mut Frame<'_>, misfit: f64) {
        let (problem, factor) = (frame.problem, frame.step_factor() as f32);
        let probe = frame.engine.fields().probe();
        let of_weights = variation::of_weights(problem, probe);
        let of_powers = variation::of_powers(problem, probe);
        if of_weights.is_empty() && of_powers.is_empty() {
            return;
        }
        let parts = frame.engine.fields_mut().parts_mut();
        let [gain, hold] = match problem.varies_slowly {
            // A few numbers that all patterns determine together.
            true => [1.0, 0.0],
            false => [POWER_GAIN, self.hold(problem, parts.log_powers, misfit)],
        };
        let free = if problem.weights_stay { &mut [] } else { parts.weights };
        let weights = self.weight_slopes.iter().zip(of_weights);
        let mut weights: Vec<Complex32> =
            weights.map(|(slope, curvature)| slope * (factor / curvature)).collect();
        // chi fits amplitudes, whose curvature is half that of counts.
        let powers = self.power_slopes.iter().zip(of_powers);
        let mut powers: Vec<Complex32> = powers
            .zip(&*parts.log_powers)
            .map(|((&slope, curvature), power)| {
                let step = 2.0 * slope as f32 / curvature - hold * power.re;
                Complex32::from(factor * gain * step)
            })
            .collect();
        self.variation.restrict(&mut weights, &mut powers);
        for (velocity, step) in self.power_velocity.iter_mut().zip(&mut powers) {
            *velocity = *velocity * TOGETHER + *step;
            *step = *velocity;
        }
        free.iter_mut().zip(weights).for_each(|(weight, step)| *weight += step);
        parts.log_powers.iter_mut().zip(powers).for_each(|(power, step)| *power += step);
        variation::bound(parts.log_powers);
    }

    /// The prior's curvature over that of the data, for powers of which `log_powers` are the
    /// logarithms.
    fn hold(&self, problem: &Problem, log_powers: &[Complex32], misfit: f64) -> f32 {
        let patterns = log_powers.len().max(1) as f64;
        let spread = log_powers.iter().map(|power| f64::from(power.re).powi(2)).sum::<f64>();
        // An amplitude changes by half its own per unit of the logarithm.
        let noise = 4.0 * self.variance(problem, misfit) / problem.mean_intensity;
        let all = (spread / patterns + noise).max(f64::MIN_POSITIVE);
        (POWER_PRIOR * noise / all).min(1.0) as f32
    }

    /// Variance of the measured amplitudes, as far as a misfit tells it.
    fn variance(&self, problem: &Problem, misfit: f64) -> f64 {
        match self.options.noise {
            Noise::Gaussian => misfit,
            // Half the deviance is about twice the squared difference of amplitudes, and photons
            // make that a quarter of a count.
            Noise::Poisson => (0.5 * misfit).min(0.25 / problem.to_input_unit(1.0)),
        }
    }

    /// Moves the positions by the Gauss-Newton step of each.
    fn move_positions(&mut self, frame: &mut Frame<'_>) {
        let (problem, factor) = (frame.problem, POSITION_GAIN * frame.step_factor());
        let fields = frame.engine.fields();
        let curvatures = positions::curvatures(problem, fields.object(), fields.probe());
        let offsets = frame.engine.fields_mut().parts_mut().offsets;
        let steps = self.slopes.iter().zip(curvatures).map(|(slope, curvature)| {
            let step = |slope: f64, curvature: f64| {
                let step = factor * slope / curvature.max(f64::MIN_POSITIVE);
                step.clamp(-POSITION_STEP, POSITION_STEP) as f32
            };
            Complex32::new(step(slope[0], curvature[0]), step(slope[1], curvature[1]))
        });
        match &mut self.refined {
            Some((allowed, velocity)) if !allowed.are_free() => {
                let mut steps: Vec<Complex32> = steps.collect();
                allowed.restrict(&mut steps);
                let moved = offsets.iter_mut().zip(velocity).zip(steps);
                for ((offset, velocity), step) in moved {
                    *velocity = *velocity * TOGETHER + step;
                    *offset += *velocity;
                }
            }
            _ => offsets.iter_mut().zip(steps).for_each(|(offset, step)| *offset += step),
        }
        if let Some((allowed, _)) = &self.refined {
            allowed.bound(problem, offsets);
        }
    }

    /// Adds momentum after an epoch in which the object moved once; `loss` is its loss, `earlier`
    /// those before, and `misfit` the loss in the problem's own unit.
    fn accelerate(&mut self, frame: &mut Frame<'_>, earlier: &[f64], loss: f64, misfit: f64) {
        let options = self.options;
        // A velocity against a limit would grow without bound.
        let limited = options.constraints.limits_object();
        if limited || options.momentum == 0.0 || options.object_moves() != ObjectStep::Epoch {
            return;
        }
        let gain = options.momentum as f32;
        let improving = match earlier {
            [.., a, b] => a.max(*b) > b.min(loss),
            _ => true,
        };
        // The prior suppresses the noise by itself.
        let variance = if options.prior > 0.0 { 0.0 } else { self.variance(frame.problem, misfit) };
        let engine = &mut *frame.engine;
        let (velocity, [object, probe]) = self.momentum.after(engine, improving);
        let half = half_weight(engine.strongest_light(), variance);
        let push = Push { object: object.then_some([gain, half]), probe: probe.then_some(gain) };
        if object || probe {
            engine.push(velocity, push);
        }
    }

    /// The prior's step after one of length `object_step` down the likelihood.
    fn smooth(&self, frame: &mut Frame<'_>, object_step: f64) {
        let options = self.options;
        let prior = Prior {
            strength: object_step * options.prior,
            edge: options.prior_edge,
            jumps: Jumps::Linear,
            absorption: Absorption::AS_PHASE,
        };
        let (width, slice) = (frame.problem.object.shape().1, frame.problem.slice_len());
        // Every slice takes its share of the probe's scale.
        let s2 = frame.relative_power().powf(1.0 / frame.problem.n_slices() as f64);
        let (fields, trail) = frame.engine.fields_and_trail_mut();
        let slices = fields.parts_mut().object.chunks_exact_mut(slice);
        for (object, light) in slices.zip(trail.light().chunks_exact(slice)) {
            smooth(object, light, width, s2, prior.clone());
        }
    }
}

impl Algorithm for State<'_> {
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, losses: &[f64]) -> f64 {
        let mut object_step = 0.0;
        let epoch = frame.guarded(|frame| {
            let (loss, step) = self.sweep(frame, number);
            object_step = step;
            loss
        });
        let (summed, loss) = match epoch {
            Guarded::Kept { summed, loss } => (summed, loss),
            Guarded::RolledBack { loss } => {
                self.momentum.stop();
                self.power_velocity.fill(Complex32::ZERO);
                return loss;
            }
        };
        let misfit = summed / frame.problem.used_pixels() as f64;
        self.accelerate(frame, losses, loss, misfit);
        if self.options.prior > 0.0 {
            self.smooth(frame, object_step);
        }
        if self.options.refined_positions().is_some_and(|(_, from)| number >= from) {
            self.move_positions(frame);
        }
        if number >= self.options.probe_from_epoch {
            self.move_variation(frame, misfit);
        }
        if number.is_multiple_of(BALANCE_EVERY) {
            let factors = frame.balance().map(|factor| factor as f32);
            self.momentum.rescale(&mut *frame.engine, factors);
        }
        frame.constrain();
        loss
    }

    fn save(&self, frame: &mut Frame<'_>, snapshot: &mut Snapshot) {
        self.momentum.save(&mut *frame.engine, snapshot);
        if let Some((allowed, velocity)) = &self.refined
            && !allowed.are_free()
        {
            snapshot.put_fields("positions.velocity", velocity);
        }
        if !self.power_velocity.is_empty() {
            snapshot.put_fields("powers.velocity", &self.power_velocity);
        }
    }

    fn load(&mut self, frame: &mut Frame<'_>, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        if let Some((allowed, velocity)) = &mut self.refined
            && !allowed.are_free()
        {
            let len = velocity.len();
            velocity.copy_from_slice(snapshot.fields("positions.velocity", len)?);
        }
        let velocity = &mut self.power_velocity;
        if !velocity.is_empty() {
            let len = velocity.len();
            velocity.copy_from_slice(snapshot.fields("powers.velocity", len)?);
        }
        self.momentum.load(&mut *frame.engine, snapshot)
    }
}
