//! Fit of shift, phase ramp and complex factor, all together, by Gauss-Newton steps.
//!
//! The model of the truth t is c exp(-i k . (r - r0)) a(r + s) with the reconstruction a,
//! interpolated by its Fourier series, the shift s, the ramp k and the factor c, which is always at
//! its least-squares optimum. The derivatives are those of the truth in place of the aligned
//! reconstruction (the inverse compositional form of S. Baker, I. Matthews, Int. J. Comput. Vis.
//! 56, 221 (2004)): they carry no noise, so noise makes the steps neither shorter nor biased, and
//! they are computed once. The fit has converged when the residual is orthogonal to all of them.

use crate::fourier::{Fft2, change_each, fast_length};
use crate::patch::Source;
use crate::registration::signed;
use lapwing_model::linear::solve;
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis, s};
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};

/// Pixels around the region that are kept unchanged, and pixels over which the rest fades to zero.
const MARGIN: usize = 4;
const FADE: usize = 16;

const MAX_STEPS: usize = 40;
/// The fit stays within this many pixels of its start.
const FARTHEST: f64 = 2.0;
/// A fit has converged when a step changes the shift by less (px), and the ramp's phase at the
/// region's edge (rad).
const TOLERANCE: f64 = 1e-6;
/// Unknowns: real and imaginary part of the factor, shift (y, x), ramp (y, x).
const UNKNOWNS: usize = 6;

/// The optimum: aligned = factor exp(-i ramp . (r - r0)) reconstruction(r + shift).
pub(crate) struct Fit {
    pub(crate) shift: [f64; 2],
    pub(crate) ramp: [f64; 2],
    pub(crate) factor: Complex64,
    pub(crate) cost: f64,
    pub(crate) aligned: Array2<Complex64>,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Fits from a start that is right to about a pixel and about a radian across the region.
pub(crate) fn fit(
    source: &Source<'_>,
    truth_source: &Source<'_>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
    start: ([f64; 2], [f64; 2]),
) -> Fit {
    let half = [truth.nrows(), truth.ncols()].map(|side| (side as f64 - 1.0) / 2.0);
    let linear = Linearised::new(truth_source, truth, mask);
    let mut patch = Interpolator::new(source, start.0.map(|s| s.round() as isize));
    let (mut shift, mut ramp) = start;
    let mut best: Option<Fit> = None;
    for iterations in 1..=MAX_STEPS {
        // Interpolation is meant for about a pixel: follow a fit that wanders off.
        if [0, 1].iter().any(|&axis| (shift[axis] - patch.whole[axis] as f64).abs() > 1.5) {
            patch = Interpolator::new(source, shift.map(|s| s.round() as isize));
        }
        let value = patch.deramped(shift, ramp, None);
        let Step { factor, cost, change } = linear.step(&value, truth, mask);
        let converged = change.iter().all(|change| change.abs() < TOLERANCE);
        if converged || best.as_ref().is_none_or(|best| cost < best.cost) {
            best = Some(Fit { shift, ramp, factor, cost, aligned: value, iterations, converged });
        }
        if converged {
            break;
        }
        for axis in 0..2 {
            let moved = shift[axis] + change[axis].clamp(-0.5, 0.5);
            shift[axis] = moved.clamp(start.0[axis] - FARTHEST, start.0[axis] + FARTHEST);
            ramp[axis] += change[2 + axis].clamp(-1.0, 1.0) / half[axis];
        }
    }
    let mut best = best.unwrap_or_else(|| {
        // Unreachable: the first round always leaves a result.
        let aligned = patch.deramped(shift, ramp, None);
        Fit {
            shift,
            ramp,
            factor: 1.0.into(),
            cost: f64::INFINITY,
            aligned,
            iterations: 0,
            converged: false,
        }
    });
    let factor = best.factor;
    change_each(&mut best.aligned, |value| value * factor);
    best
}

/// The reconstruction around the region as a Fourier series, to be read at displaced places.
pub(crate) struct Interpolator {
    fft: Fft2,
    spectrum: Array2<Complex64>,
    whole: [isize; 2],
    region: (usize, usize),
}

impl Interpolator {
    pub(crate) fn new(source: &Source<'_>, whole: [isize; 2]) -> Self {
        let region = source.shape();
        let border = MARGIN + FADE;
        let shape = (fast_length(region.0 + 2 * border), fast_length(region.1 + 2 * border));
        let mut field = source.padded(whole, border, shape);
        let fade = |length: usize, side: usize| -> Vec<f64> {
            (0..length)
                .map(|index| {
                    let outside = (border - MARGIN)
                        .saturating_sub(index)
                        .max((index + 1).saturating_sub(side + border + MARGIN));
                    let part = (outside as f64 / (FADE + 1) as f64).min(1.0);
                    (PI / 2.0 * part).cos().powi(2)
                })
                .collect()
        };
        let (fade_y, fade_x) = (fade(shape.0, region.0), fade(shape.1, region.1));
        for (mut row, weight) in field.outer_iter_mut().zip(&fade_y) {
            row.iter_mut().zip(&fade_x).for_each(|(value, w)| *value *= w * weight);
        }
        let fft = Fft2::new(shape);
        let spectrum = fft.forward(field);
        Self { fft, spectrum, whole, region }
    }

    /// exp(-i ramp . (r - r0)) times the reconstruction at r + shift, or its derivative along an
    /// axis.
    pub(crate) fn deramped(
        &self,
        shift: [f64; 2],
        ramp: [f64; 2],
        derivative: Option<usize>,
    ) -> Array2<Complex64> {
        let (width, height) = self.spectrum.dim();
        let factors = |axis: usize, length: usize| -> Vec<Complex64> {
            let rest = shift[axis] - self.whole[axis] as f64;
            (0..length)
                .map(|index| {
                    let frequency = TAU * signed(index, length) / length as f64;
                    // The highest frequency of an even length stands for both its signs.
                    let highest = 2 * index == length;
                    match (derivative == Some(axis), highest) {
                        (false, false) => Complex64::cis(frequency * rest),
                        (false, true) => (PI * rest).cos().into(),
                        (true, false) => {
                            Complex64::cis(frequency * rest) * Complex64::new(0.0, frequency)
                        }
                        (true, true) => (-PI * (PI * rest).sin()).into(),
                    }
                })
                .collect()
        };
        let (along_y, along_x) = (factors(0, height), factors(1, width));
        let mut spectrum = self.spectrum.clone();
        spectrum.axis_iter_mut(Axis(0)).zip(&along_x).in_parallel().for_each(|(mut line, x)| {
            line.iter_mut().zip(&along_y).for_each(|(value, y)| *value *= x * y);
        });
        let field = self.fft.inverse(spectrum);
        let border = MARGIN + FADE;
        let (rows, columns) = self.region;
        let mut field = field.slice(s![border..border + rows, border..border + columns]).to_owned();
        let wave = |axis: usize, length: usize| -> Vec<Complex64> {
            (0..length)
                .map(|i| Complex64::cis(-ramp[axis] * (i as f64 - (length as f64 - 1.0) / 2.0)))
                .collect()
        };
        let (wave_y, wave_x) = (wave(0, rows), wave(1, columns));
        field.axis_iter_mut(Axis(0)).zip(&wave_y).in_parallel().for_each(|(mut row, y)| {
            row.iter_mut().zip(&wave_x).for_each(|(value, x)| *value *= x * y);
        });
        field
    }
}

/// The truth's derivatives with respect to the unknowns, and their normal matrix.
struct Linearised {
    along_y: Array2<Complex64>,
    along_x: Array2<Complex64>,
    matrix: [[f64; UNKNOWNS]; UNKNOWNS],
    energy: f64,
}

/// The step from one point: its best factor, the sum of squares, and the change of shift (px) and
/// ramp (rad at the edge).
struct Step {
    factor: Complex64,
    cost: f64,
    change: [f64; 4],
}

impl Linearised {
    fn new(source: &Source<'_>, truth: &Array2<Complex64>, mask: &Array2<f64>) -> Self {
        let patch = Interpolator::new(source, [0, 0]);
        let along_y = patch.deramped([0.0; 2], [0.0; 2], Some(0));
        let along_x = patch.deramped([0.0; 2], [0.0; 2], Some(1));
        let rows = row_sums(mask, |y, x| {
            let derivatives = derivatives(truth, &along_y, &along_x, y, x);
            let mut sums = [[0.0; UNKNOWNS]; UNKNOWNS];
            for (i, p) in derivatives.iter().enumerate() {
                for (j, q) in derivatives.iter().enumerate().take(i + 1) {
                    sums[i][j] = p.re * q.re + p.im * q.im;
                }
            }
            sums
        });
        let mut matrix = [[0.0; UNKNOWNS]; UNKNOWNS];
        for (i, j) in (0..UNKNOWNS).flat_map(|i| (0..UNKNOWNS).map(move |j| (i, j))) {
            matrix[i][j] = rows[i.max(j)][i.min(j)];
        }
        let energy = matrix[0][0];
        for (index, row) in matrix.iter_mut().enumerate() {
            // So little that only directions without any structure feel it.
            row[index] += 1e-12 * energy;
        }
        Self { along_y, along_x, matrix, energy }
    }

    fn step(
        &self,
        value: &Array2<Complex64>,
        truth: &Array2<Complex64>,
        mask: &Array2<f64>,
    ) -> Step {
        let sums = row_sums(mask, |y, x| {
            let (r, t) = (value[[y, x]], truth[[y, x]]);
            let product = r.conj() * t;
            [[r.norm_sqr(), product.re, product.im]]
        });
        let [own, re, im] = sums[0];
        let factor = if own > 0.0 { Complex64::new(re, im) / own } else { Complex64::default() };
        let right = row_sums(mask, |y, x| {
            let rest = truth[[y, x]] - factor * value[[y, x]];
            [derivatives(truth, &self.along_y, &self.along_x, y, x)
                .map(|p| p.re * rest.re + p.im * rest.im)]
        });
        let solution = solve(self.matrix, right[0]);
        let cost = self.energy - factor.norm_sqr() * own;
        Step { factor, cost, change: [solution[2], solution[3], solution[4], solution[5]] }
    }
}

/// Derivatives of the model at one pixel, the truth in the place of the aligned reconstruction.
fn derivatives(
    truth: &Array2<Complex64>,
    along_y: &Array2<Complex64>,
    along_x: &Array2<Complex64>,
    y: usize,
    x: usize,
) -> [Complex64; UNKNOWNS] {
    let half = [truth.nrows(), truth.ncols()].map(|side| (side as f64 - 1.0) / 2.0);
    let (v, u) = ((y as f64 - half[0]) / half[0], (x as f64 - half[1]) / half[1]);
    let t = truth[[y, x]];
    let turned = Complex64::new(t.im, -t.re);
    [t, -turned, along_y[[y, x]], along_x[[y, x]], turned * v, turned * u]
}

/// Sums of A x B numbers over the pixels that count: one set per row, added in the order of rows,
/// so that the result has the same bits on any number of threads.
pub(crate) fn row_sums<const A: usize, const B: usize>(
    mask: &Array2<f64>,
    terms: impl Fn(usize, usize) -> [[f64; B]; A] + Sync,
) -> [[f64; B]; A] {
    let add = |sum: &mut [[f64; B]; A], term: &[[f64; B]; A]| {
        sum.iter_mut().flatten().zip(term.iter().flatten()).for_each(|(s, t)| *s += t);
    };
    let rows: Vec<[[f64; B]; A]> = (0..mask.nrows()).in_parallel().map(|y| {
        let mut sum = [[0.0; B]; A];
        for x in (0..mask.ncols()).filter(|&x| mask[[y, x]] > 0.0) {
            add(&mut sum, &terms(y, x));
        }
        sum
    });
    let mut total = [[0.0; B]; A];
    rows.iter().for_each(|row| add(&mut total, row));
    total
}
