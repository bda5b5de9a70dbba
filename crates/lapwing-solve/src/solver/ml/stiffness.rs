//! The prior on all slices of an object: its value, gradient and curvature.
//!
//! On a thin object the scale s^2 of the prior (module [`prior`](crate::prior)) is that of the
//! probe. Slices may exchange factors without the patterns noticing, O_1 -> c O_1, O_2 -> O_2 / c,
//! so there each slice has its own, s^2 = sum g / sum g |O|^2 with g the light of the start fields,
//! and the prior depends on no factor at all.

use crate::Problem;
use crate::engine::{Fields, PriorRule};
use crate::prior::{Absorption, Draw, HeldPrior, Jumps, ObjectSystem, Prior};
use crate::solver::gauge;
use lapwing_model::Complex32;

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
        Self { strength: 0.0, absorption: 1.0, jumps: Jumps::Linear, edge, light, held: Vec::new() }
    }

    /// The prior of a thin object whose s^2 is `scale`, for a device; `None` for no prior.
    pub fn rule(&self, problem: &Problem, scale: f64) -> Option<PriorRule> {
        (self.strength > 0.0).then_some(PriorRule {
            strength: self.strength,
            edge: self.edge,
            jumps: self.jumps,
            absorption: self.absorption,
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
        match problem.prior_draw {
            Some(draw) if self.strength > 0.0 && self.held.is_empty() => {
                self.hold(problem, fields, s2, &light, draw);
            }
            _ => {}
        }
        let all = fields.object().chunks_exact(slice).zip(by_object.chunks_exact_mut(slice));
        let mut value = 0.0;
        let systems = all.enumerate().map(|(index, (object, gradient))| {
            let mut kappa = light[index * slice..(index + 1) * slice].to_vec();
            let prior = (self.strength > 0.0).then(|| {
                if let Some(held) = self.held.get(index) {
                    value += held.add_gradient(object, gradient);
                    return held.curvature();
                }
                let prior = self.prior(object, &kappa);
                let (s2, power) = match slices {
                    1 => (s2, 0.0),
                    _ => self.scale_of(object),
                };
                let planes = prior.absorption.split(object, width);
                let at = prior.weights(&planes, s2);
                value += at.value;
                if slices == 1 {
                    let by_power = prior.strength / problem.mean_intensity * at.weighted_power;
                    let factor = by_power as f32;
                    for (gradient, probe) in by_probe.iter_mut().zip(fields.probe()) {
                        *gradient += probe * factor;
                    }
                }
                prior.gradient(&at, &planes, s2, gradient);
                if slices > 1 {
                    // d s^2 / d conj(O) = -s^2 g O / sum g |O|^2
                    let factor = (-prior.strength * at.weighted_power * s2 / power) as f32;
                    let pixels = gradient.iter_mut().zip(object).zip(&self.light);
                    pixels.for_each(|((sum, value), light)| *sum += value * (factor * light));
                }
                prior.curvature(at, s2)
            });
            // Slices move together: |sum of K changes|^2 <= K sum of |change|^2.
            if slices > 1 {
                kappa.iter_mut().for_each(|value| *value *= slices as f32);
            }
            ObjectSystem::new(kappa, width, prior)
        });
        let systems = systems.collect();
        (value, systems)
    }

    /// That of a slice under this light.
    fn prior(&self, object: &[Complex32], light: &[f32]) -> Prior {
        Prior {
            strength: self.strength,
            edge: self.edge,
            jumps: self.jumps,
            absorption: Absorption::new(self.absorption, object, light),
        }
    }

    /// Holds the prior of every slice at these fields.
    fn hold(&mut self, problem: &Problem, fields: &Fields, s2: f64, light: &[f32], draw: Draw) {
        let (width, slice) = (problem.object.shape().1, problem.slice_len());
        let slices = fields.object().chunks_exact(slice).zip(light.chunks_exact(slice));
        self.held = slices
            .enumerate()
            .map(|(index, (object, light))| {
                let s2 = if self.light.is_empty() { s2 } else { self.scale_of(object).0 };
                let prior = self.prior(object, light);
                HeldPrior::new(prior, (object, width), s2, problem.gain, (draw, index))
            })
            .collect();
    }

    /// s^2 of a slice, and sum g |O|^2.
    fn scale_of(&self, object: &[Complex32]) -> (f64, f64) {
        let (mut all, mut power) = (0.0, 0.0);
        for (value, &light) in object.iter().zip(&self.light) {
            all += f64::from(light);
            power += f64::from(light) * f64::from(value.norm_sqr());
        }
        let power = power.max(f64::MIN_POSITIVE);
        (all / power, power)
    }
}
