//! Registration of two images by their cross-power spectrum, refined to a fraction of a pixel.
//!
//! M. Guizar-Sicairos, S. T. Thurman, J. R. Fienup, "Efficient subpixel image registration
//! algorithms", Opt. Lett. 33, 156 (2008): the peak of the cross-correlation is found at whole
//! pixels by an inverse transform, then on a fine grid around it by a matrix product, first in
//! steps of a tenth of a pixel and then in the steps asked for.

use crate::fourier::{Fft2, change_each, sum_at};
use ndarray::{Array2, ArrayView2};
use num_complex::Complex64;
use std::f64::consts::TAU;

/// What the cross-power spectrum is divided by before the peak is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whitening {
    /// By its modulus (phase correlation): every frequency has the same weight; sharp peak,
    /// sensitive to noise.
    Phase,
    /// By nothing (cross-correlation): strong frequencies have more weight.
    None,
}

/// The displacement (y, x), in pixels, of `moving` relative to `reference`: moving(r) is about
/// reference(r - displacement).
///
/// Both arrays (y, x) are taken as periodic; they must have the same shape. The result is a
/// multiple of 1 / `upsample` of a pixel, in [-H/2, H/2] x [-W/2, W/2]. The negative of it is what
/// scikit-image's `phase_cross_correlation(reference, moving, upsample_factor=upsample)` returns.
/// Empty arrays, arrays of different shapes and constant images have displacement zero.
pub fn register(
    reference: ArrayView2<'_, Complex64>,
    moving: ArrayView2<'_, Complex64>,
    upsample: usize,
    whitening: Whitening,
) -> [f64; 2] {
    if reference.dim() != moving.dim() || reference.is_empty() {
        return [0.0; 2];
    }
    let fft = Fft2::new(reference.dim());
    let mut power = cross_power(&fft, reference.to_owned(), moving.to_owned());
    if whitening == Whitening::Phase {
        whiten(&mut power);
    }
    let correlation = fft.inverse(power.clone()).mapv(|c| c.norm_sqr());
    let limit = [reference.nrows(), reference.ncols()];
    refine(&power, highest(&correlation, limit), upsample)
}

/// Spectrum of moving times conjugate spectrum of reference, axes (u_x, u_y).
pub(crate) fn cross_power(
    fft: &Fft2,
    reference: Array2<Complex64>,
    moving: Array2<Complex64>,
) -> Array2<Complex64> {
    let standard = |field: Array2<Complex64>| field.as_standard_layout().into_owned();
    let reference = fft.forward(standard(reference));
    let mut power = fft.forward(standard(moving));
    power.zip_mut_with(&reference, |m, r| *m *= r.conj());
    power
}

/// Divides every value by its modulus; values that are zero to the rounding of the transforms stay
/// small.
pub(crate) fn whiten(power: &mut Array2<Complex64>) {
    // Transforms are rounded at about 1e-15 of their largest value, and the power is their square.
    let largest = power.iter().map(|value| value.norm_sqr()).fold(0.0, f64::max).sqrt();
    let floor = (1e-26 * largest).max(f64::MIN_POSITIVE);
    change_each(power, |value| value / value.norm_sqr().sqrt().max(floor));
}

/// Values this much above another, relatively, are larger; equal ones differ by rounding.
const DISTINCT: f64 = 1.0 + 1e-10;

/// Displacement at the largest value of a correlation (y, x; displacement zero at index 0, 0) among
/// those of at most `limit` pixels; no displacement where nothing is larger than there.
pub(crate) fn highest(correlation: &Array2<f64>, limit: [usize; 2]) -> [f64; 2] {
    let (height, width) = correlation.dim();
    let (mut best, mut place) = (correlation[[0, 0]], [0.0; 2]);
    for ((row, column), &value) in correlation.indexed_iter() {
        let displacement = [signed(row, height), signed(column, width)];
        let near = (0..2).all(|axis| displacement[axis].abs() <= limit[axis] as f64);
        if near && value > best * DISTINCT {
            (best, place) = (value, displacement);
        }
    }
    place
}

/// The peak within 3/4 px of `start`, in steps of 1 / `upsample` px.
pub(crate) fn refine(power: &Array2<Complex64>, start: [f64; 2], upsample: usize) -> [f64; 2] {
    let (width, height) = power.dim();
    let frequencies = |length: usize| -> Vec<f64> {
        (0..length).map(|index| TAU * signed(index, length) / length as f64).collect()
    };
    let (along_x, along_y) = (frequencies(width), frequencies(height));
    let peak_near = |centre: [f64; 2], reach: f64, step: f64| -> [f64; 2] {
        let count = (reach / step).round() as i32;
        let places = |middle: f64| -> Vec<f64> {
            (-count..=count).map(|i| ((middle / step).round() + f64::from(i)) * step).collect()
        };
        let (ys, xs) = (places(centre[0]), places(centre[1]));
        let values = sum_at(power, [&along_x, &along_y], [&xs, &ys]);
        let middle = count as usize;
        let (mut best, mut place) = (values[[middle, middle]].norm_sqr(), [ys[middle], xs[middle]]);
        for ((column, row), value) in values.indexed_iter() {
            if value.norm_sqr() > best * DISTINCT {
                (best, place) = (value.norm_sqr(), [ys[row], xs[column]]);
            }
        }
        place
    };
    if upsample <= 1 {
        return start;
    }
    let coarse = 1.0 / upsample.min(10) as f64;
    let place = peak_near(start, 0.75, coarse);
    if upsample <= 10 { place } else { peak_near(place, coarse, 1.0 / upsample as f64) }
}

/// Index of a transform as a signed number, in [-n/2, n/2).
pub(crate) fn signed(index: usize, length: usize) -> f64 {
    if index < length.div_ceil(2) { index as f64 } else { index as f64 - length as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_shift_of_a_band_limited_image() {
        // Two Gaussian spots, far from the borders: band-limited and periodic to rounding.
        let wave = |y: f64, x: f64| {
            let spot = |cy: f64, cx: f64| (-((y - cy).powi(2) + (x - cx).powi(2)) / 8.0).exp();
            Complex64::new(spot(22.0, 18.0), 0.5 * spot(26.0, 21.0))
        };
        let image = |shift: [f64; 2]| {
            Array2::from_shape_fn((48, 40), |(y, x)| wave(y as f64 - shift[0], x as f64 - shift[1]))
        };
        let found =
            register(image([0.0; 2]).view(), image([3.42, -1.78]).view(), 50, Whitening::None);
        assert!((found[0] - 3.42).abs() < 1e-9 && (found[1] + 1.78).abs() < 1e-9, "{found:?}");
        let none = Array2::from_elem((48, 40), Complex64::new(1.0, 0.0));
        assert_eq!(register(none.view(), none.view(), 50, Whitening::Phase), [0.0; 2]);
        let empty = Array2::zeros((0, 4));
        assert_eq!(register(empty.view(), empty.view(), 50, Whitening::Phase), [0.0; 2]);
    }
}
