//! The fields as they move, and one epoch of either batching.

use super::momentum::Momentum;
use super::{Batching, Lsqml};
use crate::batch::{Batch, Normal, ProbeSums};
use crate::{Problem, Solution, gauge};
use lapwing_model::Complex32;
use lapwing_model::forward::Workspace;
use rayon::prelude::*;

const ZERO: Complex32 = Complex32::new(0.0, 0.0);
/// Share of the largest value that is added to sum |O|^2 under the probe direction.
const PROBE_DAMPING: f32 = 0.1;
/// Share of the batch's mean that is added to the diagonal of each pattern's step-length equations.
const STEP_DAMPING: f64 = 0.1;
/// Past updates the momentum of object and probe compares with.
const OBJECT_MEMORY: usize = 2;
const PROBE_MEMORY: usize = 3;

pub(super) struct State<'a> {
    options: &'a Lsqml,
    problem: &'a Problem,
    object: Vec<Complex32>,
    /// (mode, y, x)
    probe: Vec<Complex32>,
    /// sum_j sum_k |P_jk|^2 on the object's grid, from the last epoch.
    illumination: Vec<f32>,
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
    work: Workspace,
    object_momentum: Momentum,
    probe_momentum: Momentum,
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
        Self {
            options,
            problem,
            illumination,
            next_illumination: vec![0.0; pixels],
            sum: vec![ZERO; pixels],
            object_direction: vec![ZERO; pixels],
            probe_direction: vec![ZERO; probe_pixels],
            object_update: vec![ZERO; pixels],
            probe_update: vec![ZERO; probe_pixels],
            batch: Batch::new(problem, options.batch_size),
            work: problem.model.workspace(),
            object_momentum: Momentum::new(OBJECT_MEMORY, pixels),
            probe_momentum: Momentum::new(PROBE_MEMORY, probe_pixels),
            object,
            probe,
        }
    }

    /// One epoch in which both fields move after every batch; returns the mean loss per pixel.
    pub fn random_epoch(&mut self, epoch: usize, batches: &[Vec<usize>]) -> f64 {
        self.begin_epoch();
        let mut loss = 0.0;
        for members in batches {
            self.sum.fill(ZERO);
            let (normals, batch_loss) = self.directions(members);
            loss += batch_loss;
            let (object_steps, probe_steps) = step_lengths(&normals, self.options.step_scale);
            self.move_object(trimmed_mean(object_steps));
            if epoch >= self.options.probe_from_epoch {
                self.move_probe(mean(&probe_steps));
            }
        }
        self.end_epoch(loss)
    }

    /// One epoch in which the probe moves after every batch and the object at the end; returns the mean loss per pixel.
    pub fn compact_epoch(&mut self, epoch: usize, batches: &[Vec<usize>]) -> f64 {
        self.begin_epoch();
        self.sum.fill(ZERO);
        let mut loss = 0.0;
        let mut object_step = f64::INFINITY;
        for members in batches {
            let (normals, batch_loss) = self.directions(members);
            loss += batch_loss;
            let (object_steps, probe_steps) = step_lengths(&normals, self.options.step_scale);
            object_step = object_step.min(trimmed_mean(object_steps));
            if epoch >= self.options.probe_from_epoch {
                self.move_probe(mean(&probe_steps) / batches.len() as f64);
            }
        }
        self.move_object(object_step);
        self.end_epoch(loss)
    }

    fn begin_epoch(&mut self) {
        self.next_illumination.fill(0.0);
        self.object_update.fill(ZERO);
        self.probe_update.fill(ZERO);
    }

    fn end_epoch(&mut self, loss: f64) -> f64 {
        std::mem::swap(&mut self.illumination, &mut self.next_illumination);
        self.problem.to_input_unit(loss / self.problem.amplitude.len() as f64)
    }

    /// Computes the update directions of a batch, adding to `sum`, and every pattern's step-length equations.
    fn directions(&mut self, members: &[usize]) -> (Vec<Normal>, f64) {
        let pixels = self.problem.model.len();
        let mut spectra = vec![ZERO; self.probe.len()];
        for (mode, spectrum) in self.probe.chunks_exact(pixels).zip(spectra.chunks_exact_mut(pixels)) {
            self.problem.model.probe_spectrum(mode, spectrum, &mut self.work);
        }
        let sums =
            self.batch.project(self.problem, self.options.noise.into(), members, &self.object, &spectra);
        self.batch.scatter(self.problem, members, &mut self.sum, &mut self.next_illumination);
        self.precondition_object();
        let loss = sums.loss;
        self.precondition_probe(sums);
        let normals = self.batch.normals(
            self.problem,
            members,
            &self.object,
            &self.object_direction,
            &self.probe_direction,
        );
        (normals, loss)
    }

    /// object_direction = sum / sqrt(illumination^2 + (damping max illumination)^2)
    fn precondition_object(&mut self) {
        let strongest = self.illumination.iter().fold(0.0_f32, |max, &value| max.max(value));
        let floor = (self.options.damping as f32 * strongest).powi(2).max(f32::MIN_POSITIVE);
        let row = self.problem.object.dim().1;
        self.object_direction
            .par_chunks_mut(row)
            .zip(self.sum.par_chunks(row))
            .zip(self.illumination.par_chunks(row))
            .for_each(|((direction, sum), light)| {
                for ((direction, sum), light) in direction.iter_mut().zip(sum).zip(light) {
                    *direction = sum / (light * light + floor).sqrt();
                }
            });
    }

    /// probe_direction = F^-1[spectra] / (sum |O|^2 + damping max)
    fn precondition_probe(&mut self, mut sums: ProbeSums) {
        let pixels = self.problem.model.len();
        let strongest = sums.object_power.iter().fold(0.0_f32, |max, &value| max.max(value));
        let floor = (PROBE_DAMPING * strongest).max(f32::MIN_POSITIVE);
        let modes = self.probe_direction.chunks_exact_mut(pixels).zip(sums.spectrum.chunks_exact_mut(pixels));
        for (direction, spectrum) in modes {
            self.problem.model.back_propagate(spectrum, direction, &mut self.work);
            for (value, &power) in direction.iter_mut().zip(&sums.object_power) {
                *value /= power + floor;
            }
        }
    }

    fn move_object(&mut self, step: f64) {
        let step = step as f32;
        let fields = self.object.iter_mut().zip(&mut self.object_update).zip(&self.object_direction);
        for ((value, update), direction) in fields {
            let change = direction * step;
            *value += change;
            *update += change;
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

    /// Adds momentum after an epoch of compact batches.
    pub fn accelerate(&mut self, losses: &[f64]) {
        if self.options.momentum == 0.0 || self.options.batching != Batching::Compact {
            return;
        }
        let gain = self.options.momentum as f32;
        let improving = match losses {
            [.., a, b, c] => a.max(*b) > b.min(*c),
            _ => true,
        };
        if let Some(velocity) = self.object_momentum.after(&self.object_update, improving) {
            let strongest = self.illumination.iter().fold(0.0_f32, |max, &value| max.max(value));
            let floor = (0.1 * strongest).max(f32::MIN_POSITIVE);
            for ((value, velocity), &light) in self.object.iter_mut().zip(velocity).zip(&self.illumination) {
                *value += velocity * (gain * light / (light + floor));
            }
        }
        if let Some(velocity) = self.probe_momentum.after(&self.probe_update, improving) {
            self.probe.iter_mut().zip(velocity).for_each(|(value, velocity)| *value += velocity * gain);
        }
    }

    /// Removes the scale ambiguity O -> c O, P -> P / c: the illumination-weighted r.m.s. of the object becomes 1.
    pub fn balance(&mut self) {
        let rms = gauge::object_rms(&self.object, &self.illumination);
        gauge::rescale(&mut self.object, &self.illumination, &mut self.probe, rms);
        let (up, down) = (rms as f32, (1.0 / rms) as f32);
        self.illumination.iter_mut().for_each(|light| *light *= up * up);
        self.object_momentum.rescale(down);
        self.probe_momentum.rescale(up);
    }

    pub fn into_solution(self, loss: Vec<f64>) -> Solution {
        Solution::new(self.problem, self.object, self.probe, loss)
    }
}

/// Step lengths of every pattern, object's and probe's: the 2 x 2 least-squares problem with a slightly raised diagonal,
/// never negative, times `scale`.
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
