//! The prior on all slices of an object: its value, gradient and curvature.
//!
//! On a thin object the scale s^2 of the prior (module [`prior`](crate::prior)) is that of the
//! probe. Slices may exchange factors without the patterns noticing, O_1 -> c O_1, O_2 -> O_2 / c,
//! so there each slice has its own,
//!
//! ```text
//! s_k^2 = (s^2 n_1^2 ... n_K^2)^(1/K) / n_k^2,  n_k^2 = sum g |O_k|^2 / sum g
//! ```
//!
//! with g the light of the start fields, and the prior depends on no factor at all. Slices may
//! also exchange slow ramps of amplitude, O_1 exp(a x), O_2 exp(-a x), which patterns hardly
//! notice. The product of the s_k is that of a thin object, s, so no such exchange lowers every
//! slice's amplitude where most of the specimen is, as it does where s_k is 1 / n_k, which the few
//! bright pixels at the end of a ramp decide: there long fits run away.

use super::space::{Lent, Space, There};
use crate::Problem;
use crate::engine::{Fields, PriorRule, Vector};
use crate::prior::{Absorption, Draw, HeldPrior, Jumps, ObjectSystem, Prior, SplitComplex};
use crate::solver::frame::Frame;
use crate::solver::gauge;
use crate::solver::snapshot::{Snapshot, SnapshotError};
use lapwing_model::Complex32;
use std::rc::Rc;
use std::sync::Arc;

/// See the [module](self).
pub(super) struct Stiffness {
    /// mu, in the solver's unit of intensity; 0 for no prior.
    pub strength: f64,
    /// Weight of absorption.
    pub absorption: f64,
    /// How it grows with large differences.
    pub jumps: Jumps,
    edge: f64,
    /// g on the grid of a slice; empty for a thin object.
    light: Vec<f32>,
    /// Every slice's, held where evaluation began, with a draw of it; empty unless
    /// [asked for](Problem::prior_draw).
    held: Vec<HeldPrior>,
    /// U of every slice (module [`prior`](crate::prior)), once it is needed.
    directions: Vec<Arc<SplitComplex>>,
    /// The same in a vector of the engine.
    directions_there: Option<Rc<Vector>>,
}

impl Stiffness {
    /// For `problem`, from the start fields on; `edge` is that of the prior, relative.
    pub fn new(problem: &Problem, edge: f64, start: &Fields) -> Self {
        let light = match problem.n_slices() {
            1 => Vec::new(),
            _ => {
                let mut light = gauge::illumination(problem, start.probe());
                light.truncate(problem.slice_len());
                light
            }
        };
        Self {
            strength: 0.0,
            absorption: 1.0,
            jumps: Jumps::Linear,
            edge,
            light,
            held: Vec::new(),
            directions: Vec::new(),
            directions_there: None,
        }
    }

    /// Forgets what absorption is; the next fields say it anew.
    pub fn begin_again(&mut self) {
        (self.directions, self.directions_there) = (Vec::new(), None);
    }

    /// Whether U is needed and not known.
    fn is_to_look(&self, problem: &Problem) -> bool {
        let is_needed = self.absorption != 1.0 || problem.prior_draw.is_some();
        is_needed && self.strength > 0.0 && self.directions.is_empty()
    }

    /// Takes U from these fields.
    fn look_at(&mut self, problem: &Problem, fields: &Fields) {
        let (width, slice) = (problem.object.shape().1, problem.slice_len());
        let photons = gauge::photons_of_a_pixel(problem, fields.probe());
        let varies = problem.n_eigenmodes() > 0 || problem.varies_in_power();
        let light = gauge::illumination(problem, fields.probe());
        let slices = fields.object().chunks_exact(slice);
        self.directions = slices
            .map(|object| {
                let planes = SplitComplex::of(object, width);
                Absorption::directions(&planes, &light[..slice], photons, varies)
            })
            .collect();
    }

    /// Takes U from the present fields of a device that keeps vectors, where it is needed and not
    /// known, and puts it there.
    pub fn look_there(&mut self, frame: &mut Frame<'_>, lent: &mut Lent) {
        if self.is_to_look(frame.problem) {
            self.look_at(frame.problem, frame.engine.fields());
        }
        if let (Some(directions), None) = (self.directions.first(), &self.directions_there) {
            let mut values = vec![Complex32::ZERO; frame.engine.fields().values().len()];
            directions.write_to(&mut values[..frame.problem.slice_len()]);
            let mut there = There { engine: &mut *frame.engine, lent };
            self.directions_there = Some(there.of_values(&values));
        }
    }

    /// Keeps U.
    pub fn save(&self, problem: &Problem, snapshot: &mut Snapshot) {
        let slice = problem.slice_len();
        let mut values = vec![Complex32::ZERO; self.directions.len() * slice];
        for (values, directions) in values.chunks_exact_mut(slice).zip(&self.directions) {
            directions.write_to(values);
        }
        snapshot.put_fields("prior.directions", &values);
    }

    pub fn load(&mut self, problem: &Problem, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let (width, slice) = (problem.object.shape().1, problem.slice_len());
        let values = snapshot.fields_or_none("prior.directions", slice * problem.n_slices())?;
        self.begin_again();
        self.directions = values
            .chunks_exact(slice)
            .map(|values| Arc::new(SplitComplex::of(values, width)))
            .collect();
        Ok(())
    }

    /// The prior of a thin object whose s^2 is `scale`, for a device; `None` for no prior.
    pub fn rule(&self, problem: &Problem, scale: f64) -> Option<PriorRule> {
        (self.strength > 0.0).then_some(PriorRule {
            strength: self.strength,
            edge: self.edge,
            jumps: self.jumps,
            absorption: self.absorption,
            directions: self.directions_there.as_deref().copied(),
            scale,
            per_power: self.strength / problem.mean_intensity,
        })
    }

    /// The prior at `fields`, whose s^2 is `s2` where the object is thin, and under the patterns'
    /// `light` (slice, y, x). Adds its gradient to those with respect to object and probe; returns
    /// its value, and what the curvature of every slice is with that of the patterns.
    ///
    /// Where a [draw of the prior](Problem::prior_draw) is asked for, it is the prior held where
    /// the first evaluation was, which leaves the probe alone.
    pub fn at(
        &mut self,
        problem: &Problem,
        fields: &Fields,
        s2: f64,
        light: Vec<f32>,
        (by_object, by_probe): (&mut [Complex32], &mut [Complex32]),
    ) -> (f64, Vec<ObjectSystem>) {
        let (width, slice, slices) =
            (problem.object.shape().1, problem.slice_len(), problem.n_slices());
        if self.is_to_look(problem) {
            self.look_at(problem, fields);
        }
        match problem.prior_draw {
            Some(draw) if self.strength > 0.0 && self.held.is_empty() => {
                self.hold(problem, fields, s2, draw);
            }
            _ => {}
        }
        let scales = self.scales(fields.object(), (slice, slices), s2);
        let all = fields.object().chunks_exact(slice).zip(by_object.chunks_exact_mut(slice));
        let (mut value, mut by_scales) = (0.0, Vec::with_capacity(slices));
        let systems = all.zip(&scales).enumerate().map(|(index, ((object, gradient), scale))| {
            let mut kappa = light[index * slice..(index + 1) * slice].to_vec();
            let prior = (self.strength > 0.0).then(|| {
                if let Some(held) = self.held.get(index) {
                    value += held.add_gradient(object, gradient);
                    return held.curvature();
                }
                let planes = SplitComplex::of(object, width);
                let prior = self.prior(index);
                let at = prior.weights(&planes, scale.s2);
                value += at.value;
                by_scales.push(at.weighted_power);
                prior.gradient(&at, &planes, scale.s2, gradient);
                prior.curvature(at, scale.s2)
            });
            // Slices move together: |sum of K changes|^2 <= K sum of |change|^2.
            if slices > 1 {
                kappa.iter_mut().for_each(|value| *value *= slices as f32);
            }
            ObjectSystem::new(kappa, width, prior)
        });
        let systems = systems.collect();
        if !by_scales.is_empty() {
            self.add_by_scales(problem, fields, (s2, &scales, &by_scales), (by_object, by_probe));
        }
        (value, systems)
    }

    /// Adds the gradient that scales bring, whose derivatives are `by_scales` times the strength:
    /// d s_k^2 = s_k^2 (d s^2 / (K s^2) + sum_j (1/K - [j = k]) d n_j^2 / n_j^2).
    fn add_by_scales(
        &self,
        problem: &Problem,
        fields: &Fields,
        (s2, scales, by_scales): (f64, &[Scale], &[f64]),
        (by_object, by_probe): (&mut [Complex32], &mut [Complex32]),
    ) {
        let slices = scales.len() as f64;
        let shares = scales.iter().zip(by_scales).map(|(scale, by)| by * (scale.s2 / s2));
        let mean = shares.sum::<f64>() / slices;
        let factor = (self.strength / problem.mean_intensity * mean) as f32;
        for (gradient, probe) in by_probe.iter_mut().zip(fields.probe()) {
            *gradient += probe * factor;
        }
        if scales.len() == 1 {
            return;
        }
        let slice = problem.slice_len();
        let all = fields.object().chunks_exact(slice).zip(by_object.chunks_exact_mut(slice));
        for ((object, gradient), (scale, by)) in all.zip(scales.iter().zip(by_scales)) {
            let factor = (self.strength * (mean * s2 - by * scale.s2) / scale.power) as f32;
            let pixels = gradient.iter_mut().zip(object).zip(&self.light);
            pixels.for_each(|((sum, value), light)| *sum += value * (factor * light));
        }
    }

    /// That of a slice.
    fn prior(&self, slice: usize) -> Prior {
        let directions = self.directions.get(slice);
        let absorption = directions.map(|directions| Absorption::new(self.absorption, directions));
        Prior {
            strength: self.strength,
            edge: self.edge,
            jumps: self.jumps,
            absorption: absorption.unwrap_or(Absorption::AS_PHASE),
        }
    }

    /// Holds the prior of every slice at these fields.
    fn hold(&mut self, problem: &Problem, fields: &Fields, s2: f64, draw: Draw) {
        let slice = problem.slice_len();
        let scales = self.scales(fields.object(), (slice, problem.n_slices()), s2);
        let slices = fields.object().chunks_exact(slice).zip(scales);
        self.held = slices
            .enumerate()
            .map(|(index, (object, scale))| {
                let prior = self.prior(index);
                let fit = (object, &*self.directions[index]);
                HeldPrior::new(prior, fit, scale.s2, problem.gain, (draw, index))
            })
            .collect();
    }

    /// The scale of every slice, of `slice` pixels each, where that of a thin object is `s2`.
    fn scales(&self, object: &[Complex32], (slice, slices): (usize, usize), s2: f64) -> Vec<Scale> {
        if slices == 1 {
            return vec![Scale { s2, power: 0.0 }];
        }
        let all: f64 = self.light.iter().map(|&light| f64::from(light)).sum();
        let power = |object: &[Complex32]| {
            let pixels = object.iter().zip(&self.light);
            let power: f64 =
                pixels.map(|(value, &light)| f64::from(light) * f64::from(value.norm_sqr())).sum();
            power.max(f64::MIN_POSITIVE)
        };
        let powers: Vec<f64> = object.chunks_exact(slice).map(power).collect();
        // By logarithms, for the product of many has no bounds.
        let logs = powers.iter().map(|power| (power / all).ln()).sum::<f64>() + s2.ln();
        let shared = (logs / slices as f64).exp();
        powers.into_iter().map(|power| Scale { s2: shared * all / power, power }).collect()
    }
}

/// The scale of a slice.
struct Scale {
    /// s_k^2
    s2: f64,
    /// sum g |O_k|^2 where there are several slices.
    power: f64,
}

#[cfg(test)]
mod tests;
