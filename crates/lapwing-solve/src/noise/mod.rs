//! What a detector adds to the light: gain and excess noise, a static background, bad pixels and
//! bad frames, read off the patterns before any reconstruction.
//!
//! A background that is fitted together with object and probe is biased: fields with thousands of
//! free values explain single counts of it as speckle. The **moments** of the patterns over the
//! scan do not depend on a fit. At a pixel where coherent light is a developed speckle over the
//! scan, its variance is the square of its mean (Goodman 2007, Speckle Phenomena in Optics, Sec.
//! 3.2); counting adds the gain times the mean, and static light adds to the mean alone:
//!
//! ```text
//! mean = c + b          variance = gain (c + b) + c^2
//! ```
//!
//! so mean and variance separate c from b. The gain comes from the difference of neighbouring
//! patterns where there is little light: their coherent light is nearly the same, their noise is
//! independent.
//!
//! [`Noise`] is the likelihood by which LSQML fits; [`estimate`] finds a [`NoiseModel`].

mod background;
mod clipped;
mod faults;
mod gain;
mod likelihood;
mod model;
mod moments;
mod rings;
mod rule;
mod stack;
#[cfg(test)]
mod tests;

pub(crate) use background::normalised_blur;
pub(crate) use clipped::Clipped;
#[cfg(feature = "gpu")]
pub(crate) use clipped::FEW;
pub use likelihood::Noise;
pub use model::{Faults, NoiseModel};
pub use rule::DetectorRule;
pub(crate) use stack::{PatternOrder, Stack};

use crate::{Flow, neighbours};
use lapwing_model::Position;
use moments::Moments;
use ndarray::{Array2, ArrayView3};
use rings::Rings;
use stack::{GoOn, Stopped};

/// Finds gain, background and faults from the patterns `intensity` (pattern, y, x), zero frequency
/// in the centre, taken at `scan`. `valid`, axes (1 or pattern, y, x), marks the good pixels; one
/// that is bad in one pattern is used in none.
///
/// A few passes over the patterns and no transform. The result does not depend on the number of
/// threads. For fewer than four patterns the result is [`NoiseModel::photons`].
///
/// # Panics
/// When the lengths of the axes disagree.
pub fn estimate(
    intensity: ArrayView3<'_, f32>,
    scan: &[Position],
    valid: Option<ArrayView3<'_, bool>>,
) -> NoiseModel {
    estimate_beside(intensity, scan, valid, &Faults::default(), None)
}

/// As [`estimate`], where some faults are `known`: they are not used, and are among those found.
/// `scans` says which of several scans each pattern belongs to, counted from 0: each has light of
/// its own, so each is judged by itself, and what is the detector's is their mean.
///
/// # Panics
/// When the lengths of the axes disagree.
pub fn estimate_beside(
    intensity: ArrayView3<'_, f32>,
    scan: &[Position],
    valid: Option<ArrayView3<'_, bool>>,
    known: &Faults,
    scans: Option<&[usize]>,
) -> NoiseModel {
    estimate_while(intensity, scan, valid, known, scans, &mut || Flow::Continue)
        .unwrap_or_else(|| unreachable!("nobody stops it"))
}

/// As [`estimate_beside`], as long as `go_on`, which is asked between pieces of the passes, wants
/// it; `None` where it was stopped.
///
/// # Panics
/// When the lengths of the axes disagree.
pub fn estimate_while(
    intensity: ArrayView3<'_, f32>,
    scan: &[Position],
    valid: Option<ArrayView3<'_, bool>>,
    known: &Faults,
    scans: Option<&[usize]>,
    go_on: &mut dyn FnMut() -> Flow,
) -> Option<NoiseModel> {
    let (_, height, width) = intensity.dim();
    let mut good = Array2::from_elem((height, width), true);
    for valid in valid.iter().flat_map(|valid| valid.outer_iter()) {
        good.zip_mut_with(&valid, |good, &valid| *good &= valid);
    }
    let intensity = intensity.as_standard_layout();
    of_stack(&Stack::Array(intensity.view()), scan, good, known, scans, go_on)
}

/// As [`estimate_while`], of any stack and the pixels that are good in all of its patterns.
pub(crate) fn of_stack(
    stack: &Stack<'_>,
    scan: &[Position],
    good: Array2<bool>,
    known: &Faults,
    scans: Option<&[usize]>,
    go_on: GoOn<'_>,
) -> Option<NoiseModel> {
    assert_eq!(stack.len(), scan.len(), "every pattern has a position");
    let all: Vec<usize> = (0..stack.len()).collect();
    let Some(of) = scans else {
        return of_members(stack, scan, &all, good, known, go_on).ok();
    };
    assert_eq!(stack.len(), of.len(), "every pattern is of a scan");
    let count = of.iter().max().map_or(0, |last| last + 1);
    let members = (0..count).map(|number| -> Vec<usize> {
        all.iter().copied().filter(|&pattern| of[pattern] == number).collect()
    });
    let each = members.filter(|members| !members.is_empty()).map(|members| {
        let found = of_members(stack, scan, &members, good.clone(), known, &mut *go_on)?;
        Ok((members.len(), found))
    });
    let each = each.collect::<Result<Vec<_>, Stopped>>().ok()?;
    Some(NoiseModel::mean(&each).unwrap_or_else(|| NoiseModel::photons(good.dim(), 0.0)))
}

/// Of the patterns `members` alone, ascending.
fn of_members(
    stack: &Stack<'_>,
    scan: &[Position],
    members: &[usize],
    mut good: Array2<bool>,
    known: &Faults,
    go_on: GoOn<'_>,
) -> Result<NoiseModel, Stopped> {
    known.pixels().for_each(|at| good[at] = false);
    let bad = known.patterns();
    let is_left = |pattern: &usize| bad.binary_search(pattern).is_err();
    let left = members.iter().copied().filter(is_left).collect();
    // Neighbours in this order are neighbours in the scan.
    let path = neighbours::path(scan, left);
    if path.len() < 4 || !good.iter().any(|&good| good) {
        let photons = NoiseModel::photons(good.dim(), stack.mean(&good));
        return Ok(NoiseModel { faults: known.clone(), ..photons });
    }
    let faults = faults::find(stack, &path, &mut good, &mut *go_on)?.with(known);
    let bad = faults.patterns();
    let path: Vec<usize> =
        path.into_iter().filter(|pattern| bad.binary_search(pattern).is_err()).collect();
    let mut members = path.clone();
    members.sort_unstable();
    let moments = Moments::of(stack, &members, &mut *go_on)?;
    let rings = Rings::around(moments.centre(&good), &good);
    let (gain, correlated) = gain::find(stack, scan, &path, &rings, &moments, go_on)?;
    let background = background::find(&moments, gain, &rings, &good);
    let mean_intensity = moments.sum(&good);
    Ok(NoiseModel { gain, background, mean_intensity, correlated, faults })
}
