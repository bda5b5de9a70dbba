//! A problem and what is known of its detector.

use super::{Mask, Problem, ProblemError};
use crate::Flow;
use crate::noise::{self, Clipped, Faults, NoiseModel, PatternOrder, Stack};
use lapwing_model::forward::Propagation;
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis};

/// What of the patterns is at the detector's limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtLimit {
    /// Values that reach it, pixels that the mask hides left out.
    pub values: usize,
    /// The largest of all values, an intensity.
    pub largest: f64,
}

impl Problem {
    /// How many values are at the detector's limit, where it has one.
    pub fn at_limit(&self) -> Option<AtLimit> {
        let limit = self.clipped?.limit;
        let of = |buffer: &mut Vec<f32>, pattern: usize| -> (usize, f32) {
            let mut bad = self.mask.of(pattern).iter().peekable();
            let values = self.pattern(pattern, buffer).iter().enumerate();
            let good =
                values.filter(|(place, _)| bad.next_if(|&&bad| bad as usize == *place).is_none());
            good.fold((0, 0.0), |(reached, largest), (_, &value)| {
                (reached + usize::from(value >= limit), value.max(largest))
            })
        };
        let buffer = || vec![0.0; self.model.len()];
        let each = (0..self.n_patterns()).in_parallel().map_with(buffer, of);
        let (values, largest) =
            each.iter().fold((0, 0.0_f32), |all, one| (all.0 + one.0, all.1.max(one.1)));
        Some(AtLimit { values, largest: self.to_input_unit(largest.into()) })
    }

    /// The detector's properties estimated from the patterns, with the faults that are known: see
    /// [`noise::estimate_beside`], also for `scans`, one number for every pattern of the problem.
    pub fn estimate_noise(&self, known: &Faults, scans: Option<&[usize]>) -> NoiseModel {
        self.estimate_noise_while(known, scans, &mut || Flow::Continue)
            .unwrap_or_else(|| unreachable!("nobody stops it"))
    }

    /// As [`estimate_noise`](Self::estimate_noise), as long as `go_on`, which is asked between
    /// pieces of the passes over the patterns, wants it; `None` where it was stopped.
    pub fn estimate_noise_while(
        &self,
        known: &Faults,
        scans: Option<&[usize]>,
        go_on: &mut dyn FnMut() -> Flow,
    ) -> Option<NoiseModel> {
        let order = PatternOrder::new(&self.model);
        let stack = Stack::Problem(self, order);
        let mut found = noise::of_stack(&stack, &self.scan, known, scans, go_on)?;
        if self.physics().propagation != Propagation::FarField {
            // The light of an image is no developed speckle, so its moments do not give a
            // background.
            found.background.fill(0.0);
        }
        Some(found)
    }

    /// The problem with a detector of this noise: its background is added to the model's intensity,
    /// its gain weighs the likelihood of ML against its prior, its faulty pixels count for nothing,
    /// pixels at its limit hold at least that much light, and its faulty patterns are left out.
    /// Patterns are shared with this problem.
    ///
    /// # Errors
    /// When the background has another shape than the patterns, holds what is no intensity, or
    /// leaves no light, the gain is no positive number, or no pattern or no pixel is left.
    pub fn with_noise(&self, noise: &NoiseModel) -> Result<Self, ProblemError> {
        if !(noise.gain > 0.0 && noise.gain.is_finite()) {
            return Err(ProblemError::Gain(noise.gain));
        }
        let order = PatternOrder::new(&self.model);
        let mut problem = self.clone();
        problem.gain = self.to_solver_unit(noise.gain);
        problem.correlated = noise.correlated;
        let faults = &noise.faults;
        let lost = faults.patterns();
        let kept: Vec<usize> =
            (0..self.n_patterns()).filter(|pattern| lost.binary_search(pattern).is_err()).collect();
        if kept.is_empty() {
            return Err(ProblemError::Dark);
        }
        let changed = !faults.is_empty();
        if changed {
            problem.kept = kept.iter().map(|&pattern| self.kept[pattern]).collect();
            problem.scan = kept.iter().map(|&pattern| self.scan[pattern]).collect();
            problem.weights = self.weights.select(Axis(0), &kept);
            let powers = |all: &Vec<f32>| kept.iter().map(|&pattern| all[pattern]).collect();
            problem.log_powers = self.log_powers.as_ref().map(powers);
            problem.windows = kept.iter().map(|&pattern| self.windows[pattern]).collect();
            let width = self.model.shape().1;
            let places: Vec<u32> =
                faults.pixels().map(|(y, x)| order.place_of[y * width + x]).collect();
            problem.mask = self.mask.selected(&kept).with(&places);
            problem.clipped = faults
                .saturation
                .map(|limit| Clipped::new(self.to_solver_unit(limit.into()), problem.gain));
        }
        problem.background = self.background_of(&noise.background, &order)?;
        if changed || problem.background.is_some() {
            // Only unclipped pixels measure the light.
            let known = match problem.clipped {
                Some(Clipped { limit, .. }) => problem.without_saturated(limit),
                None => problem.mask.clone(),
            };
            problem.mean_intensity = match problem.clipped {
                Some(clipped) if problem.is_dark(&known) => problem.mean_of_binary(clipped)?,
                _ => problem.mean_coherent_intensity(&known)?,
            };
        }
        Ok(problem)
    }

    /// The background in the solver's unit and in pattern order; `None` when there is none.
    fn background_of(
        &self,
        background: &Array2<f32>,
        order: &PatternOrder,
    ) -> Result<Option<Vec<f32>>, ProblemError> {
        let (expected, found) = (self.model.shape(), background.dim());
        if expected != found {
            return Err(ProblemError::BackgroundShape { expected, found });
        }
        let wrong = background.iter().find(|value| !(**value >= 0.0 && value.is_finite()));
        if let Some(&value) = wrong {
            return Err(ProblemError::BackgroundValue(value));
        }
        let factor = self.to_solver_unit(1.0) as f32;
        let values: Vec<f32> = background.iter().map(|value| value * factor).collect();
        let ordered = order.pixel_of.iter().map(|&pixel| values[pixel as usize]).collect();
        Ok(values.iter().any(|&value| value > 0.0).then_some(ordered))
    }

    /// The mask, and in every pattern the pixels that reach `saturation`.
    fn without_saturated(&self, saturation: f32) -> Mask {
        Mask::of_each(self.n_patterns(), |pattern| {
            let mut bad = self.mask.of(pattern).to_vec();
            let mut buffer = vec![0.0; self.model.len()];
            let values = self.pattern(pattern, &mut buffer);
            let places = (0_u32..).zip(values).filter(|(_, value)| **value >= saturation);
            bad.extend(places.map(|(place, _)| place));
            bad.sort_unstable();
            bad.dedup();
            bad
        })
    }

    /// Whether no light falls on the pixels that `mask` leaves.
    fn is_dark(&self, mask: &Mask) -> bool {
        let dark = |buffer: &mut Vec<f32>, pattern: usize| {
            let mut bad = mask.of(pattern).iter().peekable();
            let values = self.pattern(pattern, buffer).iter().enumerate();
            let mut seen =
                values.filter(|(place, _)| bad.next_if(|&&bad| bad as usize == *place).is_none());
            seen.all(|(_, &value)| value == 0.0)
        };
        let patterns = (0..self.n_patterns()).in_parallel();
        let dark = patterns.map_with(|| vec![0.0; self.model.len()], dark);
        dark.into_iter().all(|dark| dark)
    }

    /// Mean summed intensity of a pattern less the background, in the solver's unit, where pixels
    /// record only whether there was a photon: a pixel that is lit in a share f of the patterns has
    /// -ln(1 - f) photons on average, of the same light in all of them.
    fn mean_of_binary(&self, clipped: Clipped) -> Result<f64, ProblemError> {
        let (pixels, patterns) = (self.model.len(), self.n_patterns());
        let (mut lit, mut buffer) = (vec![0_u32; pixels], vec![0.0; pixels]);
        for pattern in 0..patterns {
            let values = self.pattern(pattern, &mut buffer);
            let mut bad = self.mask.of(pattern).iter().peekable();
            for (place, (&value, lit)) in values.iter().zip(&mut lit).enumerate() {
                let masked = bad.next_if(|&&bad| bad as usize == place).is_some();
                *lit += u32::from(!masked && value >= clipped.limit);
            }
        }
        // A pixel that is always lit is only known to be lit nearly always.
        let most = 1.0 - 0.5 / patterns as f64;
        let mean = |lit: &u32| -(1.0 - (f64::from(*lit) / patterns as f64).min(most)).ln();
        let light = f64::from(clipped.limit) * lit.iter().map(mean).sum::<f64>();
        let background: f64 = self.background.iter().flatten().map(|&b| f64::from(b)).sum();
        if light <= background {
            return Err(ProblemError::Dark);
        }
        Ok(light - background)
    }

    /// Mean summed intensity of a pattern less the background, in the solver's unit, with what the
    /// `mask` hides.
    fn mean_coherent_intensity(&self, mask: &Mask) -> Result<f64, ProblemError> {
        let pixels = self.model.len();
        let of = |buffer: &mut Vec<f32>, pattern: usize| -> (f64, f64) {
            let sum = |values: &[f32], masked: &[u32]| -> f64 {
                let all: f64 = values.iter().map(|&value| f64::from(value)).sum();
                all - masked.iter().map(|&place| f64::from(values[place as usize])).sum::<f64>()
            };
            let masked = mask.of(pattern);
            let light = sum(self.pattern(pattern, buffer), masked);
            (light, self.background.as_ref().map_or(0.0, |values| sum(values, masked)))
        };
        let each: Vec<(f64, f64)> =
            (0..self.n_patterns()).in_parallel().map_with(|| vec![0.0; pixels], of);
        let (light, background) =
            each.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if light <= 0.0 {
            return Err(ProblemError::Dark);
        }
        if background >= light {
            let mean = |sum: f64| self.to_input_unit(sum / self.n_patterns() as f64);
            return Err(ProblemError::Background {
                light: mean(light),
                background: mean(background),
            });
        }
        let seen = match mask.lists() {
            0 => 1.0,
            _ => mask.seen_share(&self.model, &self.object, &self.probe, &self.scan),
        };
        if seen <= 0.0 {
            return Err(ProblemError::Mask("expected some pixels to be good, found none".into()));
        }
        Ok((light - background) / self.n_patterns() as f64 / seen)
    }
}
