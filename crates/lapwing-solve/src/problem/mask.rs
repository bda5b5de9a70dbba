//! Detector pixels that are ignored: dead, hot, or behind a beam stop.

use std::collections::HashSet;
use std::sync::Arc;

use super::ProblemError;
use crate::noise::PatternOrder;
use lapwing_model::parallel::InParallel;
use lapwing_model::{ForwardModel, Modes, Object, Position};
use ndarray::{ArrayView2, ArrayView3, Axis};

/// Lists that are made at a time.
const TOGETHER: usize = 1 << 12;

/// The bad pixels, as indices in pattern order: one list for all patterns, or one for each. Equal
/// lists are in memory once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    bad: Vec<Arc<[u32]>>,
}

impl Mask {
    pub fn new(model: &ForwardModel, valid: ArrayView3<bool>) -> Self {
        Self::of_each(valid.len_of(Axis(0)), |index| {
            bad_pixels(model, valid.index_axis(Axis(0), index))
        })
    }

    /// One list for each of `n` patterns, that of an index made by `list`.
    pub fn of_each(n: usize, list: impl Fn(usize) -> Vec<u32> + Sync) -> Self {
        let (mut known, mut bad) = (HashSet::<Arc<[u32]>>::new(), Vec::with_capacity(n));
        for first in (0..n).step_by(TOGETHER) {
            let indices = first..(first + TOGETHER).min(n);
            for list in indices.in_parallel().map(&list) {
                let shared = known.get(&list[..]).map_or_else(|| list.into(), Arc::clone);
                known.insert(Arc::clone(&shared));
                bad.push(shared);
            }
        }
        Self { bad }
    }

    /// Number of lists: none, one for all patterns, or one for each.
    pub fn lists(&self) -> usize {
        self.bad.len()
    }

    /// The mask of these patterns alone.
    pub fn selected(&self, patterns: &[usize]) -> Self {
        match self.bad.as_slice() {
            [] | [_] => self.clone(),
            each => Self { bad: patterns.iter().map(|&pattern| each[pattern].clone()).collect() },
        }
    }

    /// The mask with more bad pixels in every pattern.
    pub fn with(self, places: &[u32]) -> Self {
        if places.is_empty() {
            return self;
        }
        Self::of_each(self.bad.len().max(1), |index| {
            let mut bad = self.of(index).to_vec();
            bad.extend(places);
            bad.sort_unstable();
            bad.dedup();
            bad
        })
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

    /// Share of the light that the start fields send to good pixels, over the whole scan.
    pub fn seen_share(
        &self,
        model: &ForwardModel,
        object: &Object,
        probe: &Modes,
        scan: &[Position],
    ) -> f64 {
        let pixel_of = PatternOrder::new(model).pixel_of;
        let light = |index: usize| -> (f64, f64) {
            let intensity = model
                .intensity(object, probe.view(), scan[index])
                .expect("every window of a checked scan lies on the object");
            let intensity = intensity.as_slice().expect("a new array is in standard order");
            let of = |place: &u32| f64::from(intensity[pixel_of[*place as usize] as usize]);
            let all = intensity.iter().map(|&value| f64::from(value)).sum();
            (all, self.of(index).iter().map(of).sum())
        };
        let each: Vec<(f64, f64)> = (0..scan.len()).in_parallel().map(light);
        let (all, hidden) =
            each.iter().fold((0.0, 0.0), |sum, light| (sum.0 + light.0, sum.1 + light.1));
        if all > 0.0 { 1.0 - hidden / all } else { 0.0 }
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
            "expected shape ({height}, {width}), one for all patterns, or ({patterns}, {height}, \
             {width}), found {:?}",
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
