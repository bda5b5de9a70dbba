//! Double-precision two-dimensional transforms, rows in parallel, spectra stored transposed: axes
//! (u_x, u_y).
//!
//! Alignment and ring correlations need more digits than the single-precision transforms of the
//! forward model give. A row's transform does not depend on which thread makes it, so results are
//! the same on any number of threads.

use lapwing_fft::{Fft, FftDirection, double};
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis};
use num_complex::Complex64;
use std::sync::Arc;

/// Rows that a thread transforms at a time.
const ROWS: usize = 16;

/// Plans for one shape. The forward transform has no factor, the inverse 1 / (H W).
pub(crate) struct Fft2 {
    shape: (usize, usize),
    along_x: [Arc<dyn Fft<f64>>; 2],
    along_y: [Arc<dyn Fft<f64>>; 2],
}

impl Fft2 {
    pub(crate) fn new(shape: (usize, usize)) -> Self {
        let both = [FftDirection::Forward, FftDirection::Inverse];
        let along_x = both.map(|direction| double(shape.1, direction));
        let along_y = both.map(|direction| double(shape.0, direction));
        Self { shape, along_x, along_y }
    }

    /// Spectrum, axes (u_x, u_y), of a field of axes (y, x) in standard layout.
    pub(crate) fn forward(&self, mut field: Array2<Complex64>) -> Array2<Complex64> {
        transform_rows(&mut field, &self.along_x[0]);
        let mut spectrum = transposed(&field);
        transform_rows(&mut spectrum, &self.along_y[0]);
        spectrum
    }

    /// Field, axes (y, x), of a spectrum of axes (u_x, u_y).
    pub(crate) fn inverse(&self, mut spectrum: Array2<Complex64>) -> Array2<Complex64> {
        transform_rows(&mut spectrum, &self.along_y[1]);
        let mut field = transposed(&spectrum);
        transform_rows(&mut field, &self.along_x[1]);
        let factor = 1.0 / (self.shape.0 * self.shape.1) as f64;
        change_each(&mut field, |value| value * factor);
        field
    }
}

/// Puts `change` of every value in its place.
pub(crate) fn change_each(
    field: &mut Array2<Complex64>,
    change: impl Fn(Complex64) -> Complex64 + Sync,
) {
    let rows = field.axis_iter_mut(Axis(0)).in_parallel().at_least(ROWS);
    rows.for_each(|mut row| row.mapv_inplace(&change));
}

fn transform_rows(field: &mut Array2<Complex64>, plan: &Arc<dyn Fft<f64>>) {
    let length = plan.len();
    if let Some(values) = field.as_slice_mut() {
        values.chunks_mut(ROWS * length).in_parallel().for_each_with(
            || vec![Complex64::default(); plan.get_inplace_scratch_len()],
            |scratch, rows| plan.process_with_scratch(rows, scratch),
        );
    }
}

fn transposed(source: &Array2<Complex64>) -> Array2<Complex64> {
    const BLOCK: usize = 8;
    let (rows, columns) = source.dim();
    let mut target = Array2::zeros((columns, rows));
    if let (Some(from), Some(to)) = (source.as_slice(), target.as_slice_mut()) {
        let to: &mut [Complex64] = to;
        to.chunks_mut(BLOCK * rows).enumerate().in_parallel().for_each(|(block, lines)| {
            let column0 = block * BLOCK;
            for row0 in (0..rows).step_by(BLOCK) {
                for (offset, line) in lines.chunks_mut(rows).enumerate() {
                    for row in row0..(row0 + BLOCK).min(rows) {
                        line[row] = from[row * columns + column0 + offset];
                    }
                }
            }
        });
    }
    target
}

/// Smallest length of at least `length` whose only prime factors are 2, 3 and 5.
pub(crate) fn fast_length(length: usize) -> usize {
    let is_fast = |mut n: usize| {
        for factor in [2, 3, 5] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    (length.max(1)..).find(|&n| is_fast(n)).unwrap_or(length)
}

/// sum_(a, b) values[a, b] exp(i (rates.0[j] coordinates.0[a] + rates.1[k] coordinates.1[b])), axes
/// (j, k).
///
/// The matrix form of a Fourier transform at a few freely chosen places (Guizar-Sicairos et al.
/// 2008, section 2).
pub(crate) fn sum_at(
    values: &Array2<Complex64>,
    coordinates: [&[f64]; 2],
    rates: [&[f64]; 2],
) -> Array2<Complex64> {
    let waves = |rates: &[f64], coordinates: &[f64]| -> Vec<Vec<Complex64>> {
        rates
            .iter()
            .map(|rate| coordinates.iter().map(|r| Complex64::cis(rate * r)).collect())
            .collect()
    };
    let (first, second) = (waves(rates[0], coordinates[0]), waves(rates[1], coordinates[1]));
    // Rows are independent; the sum over rows below runs in their order.
    let rows: Vec<Vec<Complex64>> = values.outer_iter().in_parallel().map(|row| {
        second.iter().map(|wave| row.iter().zip(wave).map(|(v, w)| v * w).sum()).collect()
    });
    Array2::from_shape_fn((first.len(), second.len()), |(j, k)| {
        first[j].iter().zip(&rows).map(|(wave, row)| wave * row[k]).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn field(height: usize, width: usize) -> Array2<Complex64> {
        Array2::from_shape_fn((height, width), |(y, x)| {
            Complex64::new(
                (1.3 * y as f64 + 0.4 * (x * x) as f64).sin(),
                (0.7 * (y * x) as f64).cos(),
            )
        })
    }

    #[test]
    fn agrees_with_the_plain_sum_and_inverts() {
        for (height, width) in [(1, 1), (12, 10), (7, 18), (40, 33)] {
            let field = field(height, width);
            let fft = Fft2::new((height, width));
            let spectrum = fft.forward(field.clone());
            assert_eq!(spectrum.dim(), (width, height));
            for (u_x, u_y) in [(0, 0), (width - 1, 0), (width / 2, height / 3)] {
                let sum: Complex64 = field
                    .indexed_iter()
                    .map(|((y, x), v)| {
                        let turn =
                            (u_y * y) as f64 / height as f64 + (u_x * x) as f64 / width as f64;
                        v * Complex64::cis(-TAU * turn)
                    })
                    .sum();
                assert!((spectrum[[u_x, u_y]] - sum).norm() < 1e-10);
            }
            let back = fft.inverse(spectrum);
            assert!(back.iter().zip(&field).all(|(a, b)| (a - b).norm() < 1e-12));
        }
    }

    #[test]
    fn sum_at_whole_frequencies_is_the_transform() {
        let field = field(9, 14);
        let spectrum = Fft2::new((9, 14)).forward(field.clone());
        let (ys, xs): (Vec<f64>, Vec<f64>) =
            ((0..9).map(f64::from).collect(), (0..14).map(f64::from).collect());
        let rates = [[-TAU * 2.0 / 9.0, 0.0], [0.0, -TAU * 5.0 / 14.0]];
        let sums = sum_at(&field, [&ys, &xs], [&rates[0], &rates[1]]);
        assert!((sums[[0, 1]] - spectrum[[5, 2]]).norm() < 1e-10);
        assert!((sums[[1, 0]] - spectrum[[0, 0]]).norm() < 1e-10);
    }

    #[test]
    fn fast_lengths_have_small_factors_only() {
        assert_eq!([1, 7, 11, 1041, 1025].map(fast_length), [1, 8, 12, 1080, 1080]);
    }
}
