//! Least-squares fit of shift, phase ramp and complex factor, all together, by damped Gauss-Newton steps.
//!
//! Minimises sum over counting pixels |t(r) - c exp(-i k . (r - r0)) a(r + s)|^2 over the complex factor c, the ramp k
//! and the shift s, with a the reconstruction, interpolated by its Fourier series, and t the truth. The factor is linear
//! and always at its optimum; a step is kept when it lowers the sum (K. Levenberg, Q. Appl. Math. 2, 164 (1944)).

use crate::fourier::{Fft2, fast_length};
use crate::patch::Source;
use crate::registration::signed;
use ndarray::{Array2, Axis, s};
use num_complex::Complex64;
use rayon::prelude::*;
use std::f64::consts::{PI, TAU};

/// Pixels around the region that are kept unchanged, and pixels over which the rest fades to zero.
const MARGIN: usize = 4;
const FADE: usize = 16;

const MAX_STEPS: usize = 40;
/// A fit has converged when a step changes the shift by less (px), and the ramp's phase at the region's edge (rad).
const TOLERANCE: f64 = 1e-6;
/// Unknowns: real and imaginary part of the factor, shift (y, x), ramp (y, x).
const UNKNOWNS: usize = 6;

/// The optimum: aligned = factor exp(-i ramp . (r - r0)) reconstruction(r + shift).
pub(crate) struct Fit {
    pub(crate) shift: [f64; 2],
    pub(crate) ramp: [f64; 2],
    pub(crate) factor: Complex64,
    pub(crate) aligned: Array2<Complex64>,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Fits from a start that is right to about a pixel and about a radian across the region.
pub(crate) fn fit(
    source: &Source<'_>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
    start_shift: [f64; 2],
    start_ramp: [f64; 2],
) -> Fit {
    let half = [truth.nrows(), truth.ncols()].map(|side| (side as f64 - 1.0) / 2.0);
    let mut patch = Interpolator::new(source, start_shift.map(|s| s.round() as isize));
    let mut place = (start_shift, start_ramp);
    let mut now = Normal::at(&patch, truth, mask, place);
    let (mut damping, mut iterations, mut converged) = (1e-4, 0, false);
    while iterations < MAX_STEPS && !converged {
        iterations += 1;
        let step = now.step(damping);
        let shift = [0, 1].map(|axis| place.0[axis] + step[2 + axis].clamp(-0.5, 0.5));
        let ramp = [0, 1].map(|axis| place.1[axis] + step[4 + axis] / half[axis]);
        let small = step[2..].iter().all(|change| change.abs() < TOLERANCE);
        // Interpolation is meant for less than a pixel: follow a fit that wanders off.
        if [0, 1].iter().any(|&axis| (shift[axis] - patch.whole[axis] as f64).abs() > 1.5) {
            patch = Interpolator::new(source, shift.map(|s| s.round() as isize));
        }
        let next = Normal::at(&patch, truth, mask, (shift, ramp));
        // Written so that a cost that is not a number counts as worse.
        if next.cost <= now.cost + 1e-13 * now.truth_energy {
            (place, now) = ((shift, ramp), next);
            damping = (damping * 0.1_f64).max(1e-12);
            converged = small;
        } else if small || damping > 1e6 {
            converged = small;
            break;
        } else {
            damping *= 10.0;
        }
    }
    let (shift, ramp) = place;
    let mut aligned = patch.deramped(shift, ramp, [false; 2]);
    aligned.par_mapv_inplace(|value| value * now.factor);
    Fit { shift, ramp, factor: now.factor, aligned, iterations, converged }
}

/// The reconstruction around the region as a Fourier series, to be read at displaced places.
struct Interpolator {
    fft: Fft2,
    spectrum: Array2<Complex64>,
    whole: [isize; 2],
    region: (usize, usize),
}

impl Interpolator {
    fn new(source: &Source<'_>, whole: [isize; 2]) -> Self {
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

    /// exp(-i ramp . (r - r0)) times the reconstruction at r + shift, or its derivative along the axes asked for.
    fn deramped(&self, shift: [f64; 2], ramp: [f64; 2], derivative: [bool; 2]) -> Array2<Complex64> {
        let (width, height) = self.spectrum.dim();
        let factors = |axis: usize, length: usize| -> Vec<Complex64> {
            let rest = shift[axis] - self.whole[axis] as f64;
            (0..length)
                .map(|index| {
                    let frequency = TAU * signed(index, length) / length as f64;
                    // The highest frequency of an even length stands for both its signs.
                    let highest = 2 * index == length;
                    match (derivative[axis], highest) {
                        (false, false) => Complex64::cis(frequency * rest),
                        (false, true) => (PI * rest).cos().into(),
                        (true, false) => Complex64::cis(frequency * rest) * Complex64::new(0.0, frequency),
                        (true, true) => (-PI * (PI * rest).sin()).into(),
                    }
                })
                .collect()
        };
        let (along_y, along_x) = (factors(0, height), factors(1, width));
        let mut spectrum = self.spectrum.clone();
        spectrum.axis_iter_mut(Axis(0)).into_par_iter().zip(&along_x).for_each(|(mut line, x)| {
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
        field.axis_iter_mut(Axis(0)).into_par_iter().zip(&wave_y).for_each(|(mut row, y)| {
            row.iter_mut().zip(&wave_x).for_each(|(value, x)| *value *= x * y);
        });
        field
    }
}

/// The normal equations at one place, with the best factor there.
struct Normal {
    factor: Complex64,
    cost: f64,
    truth_energy: f64,
    matrix: [[f64; UNKNOWNS]; UNKNOWNS],
    right: [f64; UNKNOWNS],
}

impl Normal {
    fn at(
        patch: &Interpolator,
        truth: &Array2<Complex64>,
        mask: &Array2<f64>,
        place: ([f64; 2], [f64; 2]),
    ) -> Self {
        let (shift, ramp) = place;
        let value = patch.deramped(shift, ramp, [false, false]);
        let along_y = patch.deramped(shift, ramp, [true, false]);
        let along_x = patch.deramped(shift, ramp, [false, true]);
        let half = [truth.nrows(), truth.ncols()].map(|side| (side as f64 - 1.0) / 2.0);
        // One set of sums per row, added in the order of rows: the same bits on any number of threads.
        let rows: Vec<Sums> = (0..truth.nrows())
            .into_par_iter()
            .map(|y| {
                let mut sums = Sums::default();
                let v = (y as f64 - half[0]) / half[0];
                for x in (0..truth.ncols()).filter(|&x| mask[[y, x]] > 0.0) {
                    let u = (x as f64 - half[1]) / half[1];
                    let r = value[[y, x]];
                    let turned = Complex64::new(r.im, -r.re);
                    sums.add(
                        truth[[y, x]],
                        [r, -turned, along_y[[y, x]], along_x[[y, x]], turned * v, turned * u],
                    );
                }
                sums
            })
            .collect();
        let mut sums = Sums::default();
        for row in &rows {
            sums.merge(row);
        }
        sums.solve_factor()
    }

    /// The damped step; unknowns that nothing depends on stay as they are. Ramps are in radians at the region's edge.
    fn step(&self, damping: f64) -> [f64; UNKNOWNS] {
        let mut matrix = self.matrix;
        let scale = self.matrix[0][0];
        for (index, row) in matrix.iter_mut().enumerate() {
            row[index] += damping * row[index] + 1e-14 * scale;
        }
        solve(matrix, self.right)
    }
}

/// Sums over pixels: p_i* t and Re(p_i* p_j), j <= i, for the six derivatives p of the model (without the factor), and |t|^2.
#[derive(Default)]
struct Sums {
    with_truth: [Complex64; UNKNOWNS],
    mutual: [[f64; UNKNOWNS]; UNKNOWNS],
    truth: f64,
}

impl Sums {
    fn add(&mut self, truth: Complex64, derivatives: [Complex64; UNKNOWNS]) {
        self.truth += truth.norm_sqr();
        for (i, p) in derivatives.iter().enumerate() {
            self.with_truth[i] += p.conj() * truth;
            for (j, q) in derivatives.iter().enumerate().take(i + 1) {
                self.mutual[i][j] += p.re * q.re + p.im * q.im;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.truth += other.truth;
        for i in 0..UNKNOWNS {
            self.with_truth[i] += other.with_truth[i];
            for j in 0..=i {
                self.mutual[i][j] += other.mutual[i][j];
            }
        }
    }

    fn solve_factor(&self) -> Normal {
        let energy = self.mutual[0][0];
        let factor = if energy > 0.0 { self.with_truth[0] / energy } else { Complex64::default() };
        let cost = self.truth - factor.norm_sqr() * energy;
        let power = factor.norm_sqr();
        let mut matrix = [[0.0; UNKNOWNS]; UNKNOWNS];
        let mut right = [0.0; UNKNOWNS];
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = power * self.mutual[i.max(j)][i.min(j)];
            }
            right[i] = (factor.conj() * self.with_truth[i]).re - power * self.mutual[i][0];
        }
        Normal { factor, cost, truth_energy: self.truth, matrix, right }
    }
}

/// Solves a symmetric positive (semi)definite system by Cholesky's method; directions without weight get zero.
pub(crate) fn solve<const N: usize>(matrix: [[f64; N]; N], right: [f64; N]) -> [f64; N] {
    let mut lower = [[0.0; N]; N];
    let mut result = [0.0; N];
    for i in 0..N {
        for j in 0..=i {
            let rest = matrix[i][j] - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            lower[i][j] = if i == j {
                if rest > 0.0 { rest.sqrt() } else { 0.0 }
            } else if lower[j][j] > 0.0 {
                rest / lower[j][j]
            } else {
                0.0
            };
        }
    }
    for i in 0..N {
        let rest = right[i] - (0..i).map(|k| lower[i][k] * result[k]).sum::<f64>();
        result[i] = if lower[i][i] > 0.0 { rest / lower[i][i] } else { 0.0 };
    }
    for i in (0..N).rev() {
        let rest = result[i] - (i + 1..N).map(|k| lower[k][i] * result[k]).sum::<f64>();
        result[i] = if lower[i][i] > 0.0 { rest / lower[i][i] } else { 0.0 };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solve_inverts_a_positive_matrix_and_ignores_empty_directions() {
        let mut matrix = [[0.0; UNKNOWNS]; UNKNOWNS];
        let wanted = [1.0, -2.0, 0.5, 3.0, 0.0, 4.0];
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = 1.0 / (1.0 + i as f64 + j as f64) + if i == j { 1.0 } else { 0.0 };
            }
        }
        matrix[4] = [0.0; UNKNOWNS];
        matrix.iter_mut().for_each(|row| row[4] = 0.0);
        let right = matrix.map(|row| row.iter().zip(&wanted).map(|(a, b)| a * b).sum());
        let found = solve(matrix, right);
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }
}
