//! Removes from a reconstruction what ptychography does not determine: shift, phase ramp, global
//! phase and scale.
//!
//! The model is reconstruction(r + shift) = scale exp(i (phase + ramp . (r - r0))) truth(r), r0 the
//! centre of the region. A coarse search makes the alignment robust, a least-squares fit of all
//! unknowns together makes it exact:
//!
//! 1. Whole pixels: phase correlation of the neighbour products f(r + 1) conj(f(r)) along y and
//!    along x. A ramp multiplies these by one constant, so it cannot hide the peak.
//! 2. Ramp: for each candidate shift, the peak of the transform of reconstruction x conj(truth), on
//!    a fine grid. The candidate with the highest peak wins.
//! 3. Sub-pixel: upsampled cross-correlation of the ramp-free fields, 1/50 px
//!    ([`crate::registration`]).
//! 4. Gauss-Newton on shift, ramp and complex scale together, to convergence ([`crate::fit`]).

use crate::fit::{Fit, fit};
use crate::fourier::{Fft2, sum_at};
use crate::patch::Source;
use crate::registration::{cross_power, highest, refine, signed, whiten};
use crate::window::{soft_window, windowed};
use crate::{CompareError, Region};
use lapwing_model::parallel;
use ndarray::{Array2, s};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Largest shift, along either axis, that the coarse search finds, pixels (or a quarter of the
/// region's side).
pub const LARGEST_SHIFT: usize = 16;

/// Fraction of a pixel of the upsampled registration that the least-squares fit starts from.
const UPSAMPLE: usize = 50;

/// What was removed from the reconstruction: with r0 the centre ((rows - 1) / 2, (columns - 1) / 2)
/// of the region, reconstruction(r + shift) = scale exp(i (phase + ramp . (r - r0))) truth(r), as
/// nearly as least squares can.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// Displacement (y, x) of the reconstruction relative to the truth, pixels.
    pub shift: [f64; 2],
    /// Phase ramp (y, x), radians per pixel.
    pub ramp: [f64; 2],
    /// Amplitude scale of the reconstruction relative to the truth.
    pub scale: f64,
    /// Global phase at the region's centre, radians, in [-pi, pi].
    pub phase: f64,
    /// Steps of the least-squares fit.
    pub iterations: usize,
    /// Whether the fit converged; if not, the best of its steps was kept.
    pub converged: bool,
}

/// Aligns a reconstruction with the truth; returns what was removed, the aligned crop and the
/// truth's crop.
pub(crate) fn align(
    source: &Source<'_>,
    truth_source: &Source<'_>,
    region: &Region,
) -> Result<(Alignment, Array2<Complex64>, Array2<Complex64>), CompareError> {
    let truth = &truth_source.crop([0, 0]);
    let mask = region.mask().mapv(f64::from);
    let energy = |field: &Array2<Complex64>| -> f64 {
        field.iter().zip(&mask).map(|(value, weight)| value.norm_sqr() * weight).sum()
    };
    if energy(truth) == 0.0 {
        return Err(CompareError::Zero { which: truth_source.which() });
    }
    if energy(&source.crop([0, 0])) == 0.0 {
        return Err(CompareError::Zero { which: source.which() });
    }
    let start = search(source, truth, region, &mask);
    let Fit { shift, ramp, factor, aligned, iterations, converged, .. } =
        fit(source, truth_source, truth, &mask, start);
    let alignment = Alignment {
        shift,
        ramp,
        scale: 1.0 / factor.norm(),
        phase: -factor.arg(),
        iterations,
        converged,
    };
    Ok((alignment, aligned, truth.clone()))
}

/// Shift to 1/50 px and ramp to a fraction of a radian across the region.
fn search(
    source: &Source<'_>,
    truth: &Array2<Complex64>,
    region: &Region,
    mask: &Array2<f64>,
) -> ([f64; 2], [f64; 2]) {
    let window = soft_window(region.mask());
    let mut best = (f64::NEG_INFINITY, [0, 0], [0.0; 2]);
    for shift in whole_pixel_candidates(source, truth, mask, &window) {
        let (score, ramp) = ramp_of(&source.crop(shift), truth, mask);
        if score > best.0 {
            best = (score, shift, ramp);
        }
    }
    let (_, whole, ramp) = best;
    let mut moving = source.crop(whole);
    multiply_ramp(&mut moving, [-ramp[0], -ramp[1]]);
    let fft = Fft2::new(truth.dim());
    let power = cross_power(&fft, windowed(truth, &window), windowed(&moving, &window));
    let rest = refine(&power, [0.0; 2], UPSAMPLE);
    ([whole[0] as f64 + rest[0], whole[1] as f64 + rest[1]], ramp)
}

/// No shift, and the peaks of the phase correlation and of the cross-correlation of the neighbour
/// products.
fn whole_pixel_candidates(
    source: &Source<'_>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
    window: &Array2<f64>,
) -> Vec<[isize; 2]> {
    let (height, width) = truth.dim();
    let fft = Fft2::new((height, width));
    let moving = source.crop([0, 0]);
    // Sums over both directions of the squared cross-correlation and phase correlation.
    let along = |step: [usize; 2]| -> [Array2<f64>; 2] {
        let product = |field| windowed(&neighbour_product(field, mask, step), window);
        let (reference, moving) = parallel::both(|| product(truth), || product(&moving));
        let power = cross_power(&fft, reference, moving);
        let mut white = power.clone();
        whiten(&mut white);
        [power, white].map(|spectrum| fft.inverse(spectrum).mapv(|c| c.norm_sqr()))
    };
    let (mut correlations, others) = parallel::both(|| along([1, 0]), || along([0, 1]));
    correlations.iter_mut().zip(&others).for_each(|(sum, other)| *sum += other);
    let limit = [height, width].map(|side| LARGEST_SHIFT.min(side / 4));
    let mut candidates = vec![[0, 0]];
    for correlation in &correlations {
        let place = highest(correlation, limit).map(|s| s as isize);
        if !candidates.contains(&place) {
            candidates.push(place);
        }
    }
    candidates
}

/// f(r + step) conj(f(r)) where both pixels count, else zero.
fn neighbour_product(
    field: &Array2<Complex64>,
    mask: &Array2<f64>,
    step: [usize; 2],
) -> Array2<Complex64> {
    let (height, width) = field.dim();
    Array2::from_shape_fn((height, width), |(y, x)| {
        let next = [y + step[0], x + step[1]];
        if next[0] < height && next[1] < width {
            field[next] * field[[y, x]].conj() * (mask[next] * mask[[y, x]])
        } else {
            Complex64::default()
        }
    })
}

/// The ramp (rad/px) of `moving` against `truth`, and how much of their energy it explains (0 to
/// 1).
fn ramp_of(
    moving: &Array2<Complex64>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
) -> (f64, [f64; 2]) {
    let mut product = moving.clone();
    product.zip_mut_with(truth, |m, t| *m *= t.conj());
    product.zip_mut_with(mask, |m, &weight| *m *= weight);
    let energy: f64 = moving.iter().zip(mask).map(|(m, w)| m.norm_sqr() * w).sum();
    // Ramps are slow: sums over blocks of pixels lose nothing and save most of the work.
    let block = (product.nrows().max(product.ncols()) / 256).max(1);
    let blocks = block_sums(&product, block);
    let (height, width) = blocks.dim();
    let spectrum = Fft2::new((height, width)).forward(blocks.clone());
    let (mut best, mut peak) = (-1.0, [0.0; 2]);
    for ((u_x, u_y), value) in spectrum.indexed_iter() {
        if value.norm_sqr() > best {
            let turns = [signed(u_y, height) / height as f64, signed(u_x, width) / width as f64];
            (best, peak) = (value.norm_sqr(), turns.map(|turn| TAU * turn));
        }
    }
    let coordinates =
        |length: usize| -> Vec<f64> { (0..length).map(|index| index as f64).collect() };
    let (ys, xs) = (coordinates(height), coordinates(width));
    for step in [0.25, 0.05] {
        let rates = |axis: usize, length: usize| -> Vec<f64> {
            (-4..=4).map(|i| -(peak[axis] + f64::from(i) * step * TAU / length as f64)).collect()
        };
        let (rates_y, rates_x) = (rates(0, height), rates(1, width));
        let values = sum_at(&blocks, [&ys, &xs], [&rates_y, &rates_x]);
        for ((row, column), value) in values.indexed_iter() {
            if value.norm_sqr() > best {
                (best, peak) = (value.norm_sqr(), [-rates_y[row], -rates_x[column]]);
            }
        }
    }
    let score = if energy > 0.0 { best / energy } else { 0.0 };
    (score, peak.map(|rate| rate / block as f64))
}

fn block_sums(field: &Array2<Complex64>, block: usize) -> Array2<Complex64> {
    let (height, width) = field.dim();
    Array2::from_shape_fn((height.div_ceil(block), width.div_ceil(block)), |(row, column)| {
        let (y, x) = (row * block, column * block);
        field.slice(s![y..(y + block).min(height), x..(x + block).min(width)]).sum()
    })
}

/// Multiplies by exp(i ramp . r).
pub(crate) fn multiply_ramp(field: &mut Array2<Complex64>, ramp: [f64; 2]) {
    let waves: Vec<Complex64> =
        (0..field.ncols()).map(|x| Complex64::cis(ramp[1] * x as f64)).collect();
    for (y, mut row) in field.outer_iter_mut().enumerate() {
        let wave_y = Complex64::cis(ramp[0] * y as f64);
        row.iter_mut().zip(&waves).for_each(|(value, wave)| *value *= wave_y * wave);
    }
}
