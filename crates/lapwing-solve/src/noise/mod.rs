//! What a detector adds to the light: gain and excess noise, a static background, bad pixels and
//! bad frames, read off the patterns before any reconstruction.
//!
//! A background that is fitted together with object and probe is biased: fields with thousands of
//! free values explain single counts of it as speckle. The **moments** of the patterns over the
//! scan know nothing of the fields. At a pixel where coherent light is a developed speckle over the
//! scan, its variance is the square of its mean (Goodman 2007, Speckle Phenomena in Optics, Sec.
//! 3.2); counting adds the gain times the mean, and static light adds to the mean alone:
//!
//! ```text
//! mean = c + b          variance = gain (c + b) + c^2
//! ```
//!
//! so mean and variance tell c from b. The gain is what neighbouring patterns differ by where there
//! is little light: their coherent light is much the same, their noise is not.
//!
//! [`Noise`] is the likelihood by which LSQML fits; [`estimate`] finds a [`NoiseModel`].

mod background;
mod clipped;
mod faults;
mod gain;
mod likelihood;
mod moments;
mod rings;
#[cfg(test)]
mod tests;

pub(crate) use background::normalised_blur;
pub(crate) use clipped::Clipped;
#[cfg(feature = "gpu")]
pub(crate) use clipped::FEW;
pub use likelihood::Noise;

use crate::Problem;
use crate::solver::batching;
use lapwing_model::{ForwardModel, Position};
use moments::Moments;
use ndarray::{Array2, ArrayView3, Axis};
use rings::Rings;

/// What was found out about a detector from the patterns of one scan.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseModel {
    /// Variance over mean of what is recorded: 1 for photon counts, more for counts of which one
    /// photon or electron makes several. 1 where it cannot be told.
    pub gain: f64,
    /// Mean of the light in every pixel that is the same in all patterns and belongs to no coherent
    /// wave, axes (y, x), zero frequency in the centre; 0 in bad pixels.
    pub background: Array2<f32>,
    /// Mean summed intensity of a good pattern over its good pixels.
    pub mean_intensity: f64,
    /// Whether the noise of adjacent pixels is correlated.
    pub correlated: bool,
    /// Pixels that the given mask calls good and that are found not to be.
    pub faults: Faults,
}

/// Pixels and patterns that hold no measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// Pixels (y, x) that never count although light falls around them.
    pub dead: Vec<(usize, usize)>,
    /// Pixels (y, x) that show much more than their neighbours, or the same in all patterns.
    pub hot: Vec<(usize, usize)>,
    /// The value at which the detector saturates, where many pixels have it: they hold at least
    /// that much light.
    pub saturation: Option<f32>,
    /// Patterns without the light that their neighbours have.
    pub lost: Vec<usize>,
    /// Patterns that look like no other.
    pub wrong: Vec<usize>,
}

impl Faults {
    /// Patterns to leave out, ascending.
    pub fn patterns(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.lost.iter().chain(&self.wrong).copied().collect();
        all.sort_unstable();
        all
    }

    /// Pixels to leave out of all patterns.
    pub fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.dead.iter().chain(&self.hot).copied()
    }

    /// These and `other`, each in its place.
    fn with(mut self, other: &Self) -> Self {
        fn join<T: Ord + Clone>(all: &mut Vec<T>, more: &[T]) {
            all.extend_from_slice(more);
            all.sort_unstable();
            all.dedup();
        }
        join(&mut self.dead, &other.dead);
        join(&mut self.hot, &other.hot);
        join(&mut self.lost, &other.lost);
        join(&mut self.wrong, &other.wrong);
        self.saturation = self.saturation.or(other.saturation);
        self
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl NoiseModel {
    /// Photons, and nothing else.
    pub fn photons(shape: (usize, usize), mean_intensity: f64) -> Self {
        Self {
            gain: 1.0,
            background: Array2::zeros(shape),
            mean_intensity,
            correlated: false,
            faults: Faults::default(),
        }
    }

    /// Sum of the background over a pattern.
    pub fn background_per_pattern(&self) -> f64 {
        self.background.iter().map(|&value| f64::from(value)).sum()
    }

    /// The background's share of a pattern.
    pub fn background_share(&self) -> f64 {
        match self.mean_intensity > 0.0 {
            true => self.background_per_pattern() / self.mean_intensity,
            false => 0.0,
        }
    }
}

/// Finds gain, background and faults from the patterns `intensity` (pattern, y, x), zero frequency
/// in the centre, taken at `scan`. `valid`, axes (1 or pattern, y, x), tells the good pixels; what
/// is bad in one pattern counts in none.
///
/// A few passes over the patterns and no transform. The result does not depend on the number of
/// threads. Fewer than four patterns tell nothing: [`NoiseModel::photons`].
///
/// # Panics
/// When the lengths of the axes disagree.
pub fn estimate(
    intensity: ArrayView3<'_, f32>,
    scan: &[Position],
    valid: Option<ArrayView3<'_, bool>>,
) -> NoiseModel {
    estimate_beside(intensity, scan, valid, &Faults::default())
}

/// As [`estimate`], where some faults are `known`: they tell nothing, and are among those found.
///
/// # Panics
/// When the lengths of the axes disagree.
pub fn estimate_beside(
    intensity: ArrayView3<'_, f32>,
    scan: &[Position],
    valid: Option<ArrayView3<'_, bool>>,
    known: &Faults,
) -> NoiseModel {
    let (_, height, width) = intensity.dim();
    let mut good = Array2::from_elem((height, width), true);
    for valid in valid.iter().flat_map(|valid| valid.outer_iter()) {
        good.zip_mut_with(&valid, |good, &valid| *good &= valid);
    }
    let intensity = intensity.as_standard_layout();
    of_stack(&Stack::Array(intensity.view()), scan, good, known)
}

/// As [`estimate_beside`], of any stack and the pixels that are good in all of its patterns.
pub(crate) fn of_stack(
    stack: &Stack<'_>,
    scan: &[Position],
    good: Array2<bool>,
    known: &Faults,
) -> NoiseModel {
    let mut good = good;
    let patterns = stack.len();
    assert_eq!(patterns, scan.len(), "every pattern has a position");
    known.pixels().for_each(|at| good[at] = false);
    let bad = known.patterns();
    let left = (0..patterns).filter(|pattern| bad.binary_search(pattern).is_err()).collect();
    // Neighbours in this order are neighbours in the scan.
    let path = batching::path(scan, left);
    if path.len() < 4 || !good.iter().any(|&good| good) {
        let photons = NoiseModel::photons(good.dim(), stack.mean(&good));
        return NoiseModel { faults: known.clone(), ..photons };
    }
    let faults = faults::find(stack, &path, &mut good).with(known);
    let bad = faults.patterns();
    let path: Vec<usize> =
        path.into_iter().filter(|pattern| bad.binary_search(pattern).is_err()).collect();
    let mut members = path.clone();
    members.sort_unstable();
    let moments = Moments::of(stack, &members);
    let rings = Rings::around(moments.centre(&good), &good);
    let (gain, correlated) = gain::find(stack, scan, &path, &rings, &moments);
    let background = background::find(&moments, gain, &rings, &good);
    let mean_intensity = moments.sum(&good);
    NoiseModel { gain, background, mean_intensity, correlated, faults }
}

/// The patterns, wherever they are.
pub(crate) enum Stack<'a> {
    /// In memory, in standard order, zero frequency in the centre.
    Array(ArrayView3<'a, f32>),
    /// Those of a problem.
    Problem(&'a Problem, PatternOrder),
}

impl Stack<'_> {
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Array(intensity) => (intensity.dim().1, intensity.dim().2),
            Self::Problem(problem, _) => problem.pattern_shape(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Array(intensity) => intensity.len_of(Axis(0)),
            Self::Problem(problem, _) => problem.n_patterns(),
        }
    }

    /// A pattern in axes (y, x), zero frequency in the centre: a view, or a copy in `buffer`.
    pub fn pattern<'b>(&'b self, index: usize, buffer: &'b mut Buffer) -> &'b [f32] {
        match self {
            Self::Array(intensity) => {
                let start = index * intensity.len_of(Axis(1)) * intensity.len_of(Axis(2));
                let all = intensity.as_slice().expect("the stack is in standard order");
                &all[start..start + intensity.len_of(Axis(1)) * intensity.len_of(Axis(2))]
            }
            Self::Problem(problem, order) => {
                let pixels = problem.model.len();
                buffer.0.resize(pixels, 0.0);
                buffer.1.resize(pixels, 0.0);
                let Buffer(ordered, centred) = buffer;
                let factor = problem.to_input_unit(1.0) as f32;
                let values = problem.pattern(index, ordered);
                for (&place, value) in order.pixel_of.iter().zip(values) {
                    centred[place as usize] = value * factor;
                }
                centred
            }
        }
    }

    fn mean(&self, good: &Array2<bool>) -> f64 {
        let mut buffer = Buffer::default();
        let mut sum = 0.0;
        for pattern in 0..self.len() {
            let pixels = self.pattern(pattern, &mut buffer).iter().zip(good);
            sum +=
                pixels.filter(|(_, good)| **good).map(|(&value, _)| f64::from(value)).sum::<f64>();
        }
        sum / self.len().max(1) as f64
    }
}

/// Memory for a pattern.
#[derive(Default)]
pub(crate) struct Buffer(Vec<f32>, Vec<f32>);

/// Where the pixels of a pattern are in pattern order (see [`ForwardModel::to_pattern_order`]).
pub(crate) struct PatternOrder {
    /// The pixel, counted along x and then y, at each place.
    pub pixel_of: Vec<u32>,
    /// The place of each pixel.
    pub place_of: Vec<u32>,
}

impl PatternOrder {
    pub fn new(model: &ForwardModel) -> Self {
        let pixels: Vec<u32> = (0..model.len() as u32).collect();
        let mut pixel_of = pixels.clone();
        model.to_pattern_order(&pixels, &mut pixel_of);
        let mut place_of = pixels;
        for (place, &pixel) in (0_u32..).zip(&pixel_of) {
            place_of[pixel as usize] = place;
        }
        Self { pixel_of, place_of }
    }
}
