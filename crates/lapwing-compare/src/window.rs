//! A soft window that is 1 inside a mask and falls to 0 at its edges, for transforms of masked
//! images.

use ndarray::{Array2, ArrayView2, Axis};
use num_complex::Complex64;
use std::f64::consts::FRAC_PI_2;
use std::ops::{Add, Sub};

/// The soft window of a mask: the share b of counting pixels in a square of 2 q + 1 pixels around a
/// pixel, with q a tenth of the shorter side and everything beyond the array not counting, becomes
/// sin^2(pi/2 max(0, 2 b - 1)).
///
/// Along a straight edge b is 1/2, so the window is zero there and reaches 1 after q pixels; a lone
/// pixel that does not count hardly shows. Pixels that do not count have weight zero.
pub(crate) fn soft_window(mask: ArrayView2<'_, bool>) -> Array2<f64> {
    let reach = (mask.nrows().min(mask.ncols()) / 10).max(1);
    let mut share = box_sums(mask.mapv(f64::from), reach);
    share /= ((2 * reach + 1) * (2 * reach + 1)) as f64;
    share.zip_mut_with(&mask, |value, &seen| {
        let level = if seen { (2.0 * *value - 1.0).max(0.0) } else { 0.0 };
        *value = (FRAC_PI_2 * level).sin().powi(2);
    });
    share
}

/// Sums over squares of 2 `reach` + 1 pixels around every pixel, the array continued by zeros.
pub(crate) fn box_sums<T>(mut values: Array2<T>, reach: usize) -> Array2<T>
where
    T: Copy + Default + Add<Output = T> + Sub<Output = T>,
{
    for axis in [Axis(0), Axis(1)] {
        for mut lane in values.lanes_mut(axis) {
            let length = lane.len();
            let mut sums = vec![T::default(); length + 1];
            for (index, &value) in lane.iter().enumerate() {
                sums[index + 1] = sums[index] + value;
            }
            for (index, value) in lane.iter_mut().enumerate() {
                *value = sums[(index + reach + 1).min(length)] - sums[index.saturating_sub(reach)];
            }
        }
    }
    values
}

/// (f - its mean under the window) x window.
pub(crate) fn windowed(field: &Array2<Complex64>, window: &Array2<f64>) -> Array2<Complex64> {
    let weight = window.sum();
    let sum: Complex64 = field.iter().zip(window).map(|(value, w)| value * w).sum();
    let mean = if weight > 0.0 { sum / weight } else { sum };
    let mut result = field.clone();
    result.zip_mut_with(window, |value, w| *value = (*value - mean) * w);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_inside_and_zero_at_the_edges() {
        let mut mask = Array2::from_elem((60, 40), true);
        mask.row_mut(30).fill(false);
        mask[[10, 20]] = false;
        let window = soft_window(mask.view());
        assert!((window[[18, 20]] - 1.0).abs() < 1e-12, "one q from every edge");
        assert_eq!((window[[30, 20]], window[[10, 20]]), (0.0, 0.0));
        assert!(window[[0, 20]] < 0.04 && window[[59, 0]] == 0.0);
        assert!(window[[11, 20]] > 0.95, "a lone hole hardly shows");
        assert!(window.iter().all(|w| (0.0..=1.0).contains(w)));
    }
}
