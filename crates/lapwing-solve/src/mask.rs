//! Detector pixels that count for nothing: dead, hot, or behind a beam stop.

use crate::{Problem, ProblemError};
use lapwing_model::{Field, ForwardModel, Modes, Position};
use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

/// The bad pixels, as indices in pattern order: one list for all patterns, or one for each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    bad: Vec<Vec<u32>>,
}

impl Mask {
    fn new(model: &ForwardModel, valid: ArrayView3<bool>) -> Self {
        Self { bad: valid.outer_iter().map(|valid| bad_pixels(model, valid)).collect() }
    }

    /// Bad pixels of pattern `index`.
    pub fn of(&self, index: usize) -> &[u32] {
        match self.bad.as_slice() {
            [] => &[],
            [all] => all,
            each => &each[index],
        }
    }

    /// Number of bad pixels in all of `patterns` patterns.
    pub fn count(&self, patterns: usize) -> usize {
        (0..patterns).map(|index| self.of(index).len()).sum()
    }
}

fn bad_pixels(model: &ForwardModel, valid: ArrayView2<bool>) -> Vec<u32> {
    let bad: Vec<bool> = valid.iter().map(|&good| !good).collect();
    let mut ordered = bad.clone();
    model.to_pattern_order(&bad, &mut ordered);
    (0_u32..).zip(ordered).filter(|(_, bad)| *bad).map(|(index, _)| index).collect()
}

/// Refuses a mask that is neither one for all patterns of a stack nor one for each.
pub(crate) fn check_mask(
    valid: ArrayView3<bool>,
    (patterns, height, width): (usize, usize, usize),
) -> Result<(), ProblemError> {
    let (masks, mask_height, mask_width) = valid.dim();
    if (masks != 1 && masks != patterns) || (mask_height, mask_width) != (height, width) {
        return Err(ProblemError::Mask(format!(
            "expected shape ({height}, {width}), one for all patterns, or ({patterns}, {height}, {width}), found {:?}",
            valid.dim()
        )));
    }
    Ok(())
}

/// The mask of pattern `index`.
pub(crate) fn mask_of(valid: ArrayView3<'_, bool>, index: usize) -> ArrayView2<'_, bool> {
    let index = if valid.len_of(Axis(0)) == 1 { 0 } else { index };
    valid.index_axis_move(Axis(0), index)
}

impl Problem {
    /// As [`Problem::new`], with a detector mask: pixels where `valid` is false enter neither
    /// likelihood nor updates, so the model is free there. `valid` has axes (1 or pattern, y, x),
    /// zero frequency in the centre; what `intensity` holds at bad pixels is not looked at.
    ///
    /// The power that the bad pixels hide is estimated from the start fields.
    ///
    /// # Errors
    /// As [`Problem::new`], and when the mask has another shape or leaves nothing.
    pub fn masked(
        mut intensity: Array3<f32>,
        valid: ArrayView3<bool>,
        scan: Vec<Position>,
        object: Field,
        probe: Modes,
    ) -> Result<Self, ProblemError> {
        check_mask(valid, intensity.dim())?;
        for (index, mut pattern) in intensity.axis_iter_mut(Axis(0)).enumerate() {
            pattern.zip_mut_with(&mask_of(valid, index), |value, &good| {
                if !good {
                    *value = 0.0;
                }
            });
        }
        Self::new(intensity, scan, object, probe)?.behind(valid)
    }

    /// The problem with a mask; its patterns are zero at bad pixels.
    pub(crate) fn behind(mut self, valid: ArrayView3<bool>) -> Result<Self, ProblemError> {
        self.mask = Mask::new(&self.model, valid);
        let seen = self.seen_share();
        if seen <= 0.0 || self.used_pixels() == 0 {
            return Err(ProblemError::Mask(
                "expected some pixels to be good (true, or not 0), found none that the start fields light"
                    .to_owned(),
            ));
        }
        self.mean_intensity /= seen;
        Ok(self)
    }

    /// Pixels of all patterns that enter the likelihood.
    pub(crate) fn used_pixels(&self) -> usize {
        self.n_patterns() * self.model.len() - self.mask.count(self.n_patterns())
    }

    /// Share of the light that the start fields send to good pixels.
    fn seen_share(&self) -> f64 {
        let light = |index: usize| -> (f64, f64) {
            let Ok(fields) =
                self.model.far_field(self.object.view(), self.probe.view(), self.scan[index])
            else {
                return (0.0, 0.0);
            };
            let (mut all, mut hidden) = (0.0, 0.0);
            for field in fields.outer_iter() {
                let power: Vec<f64> =
                    field.iter().map(|value| f64::from(value.norm_sqr())).collect();
                all += power.iter().sum::<f64>();
                hidden +=
                    self.mask.of(index).iter().map(|&pixel| power[pixel as usize]).sum::<f64>();
            }
            (all, hidden)
        };
        let each: Vec<(f64, f64)> = (0..self.n_patterns()).into_par_iter().map(light).collect();
        let (all, hidden) =
            each.iter().fold((0.0, 0.0), |sum, light| (sum.0 + light.0, sum.1 + light.1));
        if all > 0.0 { 1.0 - hidden / all } else { 0.0 }
    }
}
