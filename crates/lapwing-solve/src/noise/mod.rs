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
mod dark_field;
mod faults;
mod gain;
mod inwards;
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
pub use dark_field::DarkField;
pub use likelihood::Noise;
pub use model::{Faults, NoiseModel};
pub use rule::DetectorRule;
pub(crate) use stack::{PatternOrder, Stack};

use crate::{Flow, neighbours};
use lapwing_model::{Position, median};
use moments::Moments;
use ndarray::{Array2, ArrayView3};
use rings::Rings;
use stack::{GoOn, Stopped};

/// Finds gain, background and faults from the patterns `intensity` (pattern, y, x), zero frequency
/// in the centre, taken at `scan`. `valid`, axes (1 or pattern, y, x), marks the good pixels. Each
/// is judged by the patterns in which it is good, unless these are far fewer than those of others:
/// a mask of bright values leaves the dim ones, which would look like static light.
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
    let intensity = intensity.as_standard_layout();
    of_stack(&Stack::Array(intensity.view(), valid), scan, known, scans, go_on)
}

/// As [`estimate_while`], of any stack.
pub(crate) fn of_stack(
    stack: &Stack<'_>,
    scan: &[Position],
    known: &Faults,
    scans: Option<&[usize]>,
    go_on: GoOn<'_>,
) -> Option<NoiseModel> {
    assert_eq!(stack.len(), scan.len(), "every pattern has a position");
    let good = stack.seen();
    let all: Vec<usize> = (0..stack.len()).collect();
    let Some(of) = scans else {
        return of_members(stack, scan, &all, good, known, go_on).ok().map(|found| found.0);
    };
    assert_eq!(stack.len(), of.len(), "every pattern is of a scan");
    let count = of.iter().max().map_or(0, |last| last + 1);
    let members = (0..count).map(|number| -> Vec<usize> {
        all.iter().copied().filter(|&pattern| of[pattern] == number).collect()
    });
    let each = members.filter(|members| !members.is_empty()).map(|members| {
        let (found, seen) = of_members(stack, scan, &members, good.clone(), known, &mut *go_on)?;
        Ok((members.len(), found, seen))
    });
    let each = each.collect::<Result<Vec<_>, Stopped>>().ok()?;
    Some(NoiseModel::mean(&each).unwrap_or_else(|| NoiseModel::photons(good.dim(), 0.0)))
}

/// Of the patterns `members` alone, ascending; and the pixels that these show, of those `seen`.
fn of_members(
    stack: &Stack<'_>,
    scan: &[Position],
    members: &[usize],
    mut seen: Array2<bool>,
    known: &Faults,
    go_on: GoOn<'_>,
) -> Result<(NoiseModel, Array2<bool>), Stopped> {
    known.pixels().for_each(|at| seen[at] = false);
    let bad = known.patterns();
    let is_left = |pattern: &usize| bad.binary_search(pattern).is_err();
    let left = members.iter().copied().filter(is_left).collect();
    // Neighbours in this order are neighbours in the scan.
    let path = neighbours::path(scan, left);
    let first = match stack.hides() {
        true => Some(Moments::of(stack, &path, &mut *go_on)?),
        false => None,
    };
    let mut good = match &first {
        Some(moments) => {
            seen.zip_mut_with(&moments.patterns, |seen, &patterns| *seen &= patterns > 0);
            often_good(moments, path.len(), &seen)
        }
        None => seen.clone(),
    };
    if path.len() < 4 || !good.iter().any(|&good| good) {
        let photons = NoiseModel::photons(good.dim(), stack.mean(&seen));
        return Ok((NoiseModel { faults: known.clone(), ..photons }, seen));
    }
    let faults =
        faults::find(stack, scan, &path, &mut good, first.as_ref(), &mut *go_on)?.with(known);
    faults.pixels().for_each(|at| seen[at] = false);
    let bad = faults.patterns();
    let path: Vec<usize> =
        path.into_iter().filter(|pattern| bad.binary_search(pattern).is_err()).collect();
    let mut members = path.clone();
    members.sort_unstable();
    let moments = Moments::of(stack, &members, &mut *go_on)?;
    let rings = Rings::around(moments.centre(&good), &good);
    let noise = gain::find(stack, scan, &path, &rings, &moments, go_on)?;
    let background = background::find(&moments, &noise, &rings, &good, &seen);
    let gain::Found { gain, correlated, .. } = noise;
    let mean_intensity = moments.sum(&seen);
    Ok((NoiseModel { gain, background, mean_intensity, correlated, faults }, seen))
}

/// Patterns in which a pixel must be good to be judged.
const SEEN: u32 = 4;
/// A pixel is hidden by its light, or by its place, when that happens more often than to the dimmer
/// half of all pixels by this many standard deviations of chance.
const CHANCE: f64 = 4.0;

/// Of the pixels `seen`, those that are to be judged by their `moments` over so many `patterns`.
///
/// Masks of chance, say of cosmic rays, hide all pixels alike and leave fair samples. Those of
/// bright values do not: what they leave of a bright pixel has too small a mean and far too small a
/// variance. They hide nothing of the dimmer half of the pixels, by which chance is known.
fn often_good(moments: &Moments, patterns: usize, seen: &Array2<bool>) -> Array2<bool> {
    let hidden = moments.patterns.mapv(|good| patterns as u32 - good);
    let each = moments.mean.iter().zip(&hidden).zip(seen).filter(|(_, seen)| **seen);
    let mut by_light: Vec<(f64, u32)> = each.map(|((&mean, &hidden), _)| (mean, hidden)).collect();
    by_light.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_light.truncate(by_light.len().div_ceil(2));
    let never = by_light.iter().filter(|(_, hidden)| *hidden == 0).count() as f64;
    let usual = match median(by_light.iter().map(|&(_, hidden)| hidden.into())) {
        // Of numbers that are mostly zero, the mean of a Poisson distribution with as many zeros.
        Some(0.0) => (by_light.len() as f64 / never).ln(),
        Some(middle) => middle,
        None => 0.0,
    };
    let most = usual + CHANCE * usual.sqrt();
    Array2::from_shape_fn(seen.dim(), |at| {
        seen[at] && moments.patterns[at] >= SEEN && f64::from(hidden[at]) <= most
    })
}
