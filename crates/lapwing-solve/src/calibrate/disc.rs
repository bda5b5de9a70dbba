//! The bright disc: where the pupil of the optics lies on the detector.

use super::CalibrateError;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

/// Share of the disc's brightness above which a pixel belongs to it.
const EDGE: f64 = 0.5;
/// Pixels that a disc has at least.
const LEAST: usize = 12;

/// The bright disc of the mean pattern, zero frequency in the centre of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Disc {
    /// Which pixels belong to it, axes (y, x).
    pub inside: Array2<bool>,
    /// Its centre (y, x), pixels of the detector.
    pub centre: (f64, f64),
    /// Radius of a disc of as many pixels.
    pub radius: f64,
    /// Mean intensity of its pixels.
    pub level: f64,
}

/// Mean of patterns (pattern, y, x).
pub(super) fn mean(patterns: ArrayView3<'_, f32>) -> Array2<f64> {
    let mut sum = Array2::<f64>::zeros((patterns.dim().1, patterns.dim().2));
    for pattern in patterns.outer_iter() {
        sum.zip_mut_with(&pattern, |sum, &value| *sum += f64::from(value));
    }
    sum / patterns.len_of(Axis(0)).max(1) as f64
}

impl Disc {
    /// The disc of a mean pattern, axes (y, x): the pixels that are, smoothed over three, brighter
    /// than half of what the brightest hundredth of the light's pixels are.
    ///
    /// # Errors
    /// [`CalibrateError::Dark`] and [`CalibrateError::NoDisc`].
    pub fn of(mean: ArrayView2<'_, f64>) -> Result<Self, CalibrateError> {
        let smooth = smoothed(mean);
        let mut sorted: Vec<f64> = smooth.iter().copied().filter(|&value| value > 0.0).collect();
        if sorted.is_empty() {
            return Err(CalibrateError::Dark);
        }
        sorted.sort_by(f64::total_cmp);
        // A few bright pixels, such as an unscattered beam, are no disc: the level is that of the
        // middle of all that have more than a tenth of the brightest.
        let brightest = sorted[sorted.len() - 1 - sorted.len() / 200];
        let bright = sorted.partition_point(|&value| value < 0.1 * brightest);
        let level = sorted[bright + (sorted.len() - bright) / 2];
        let inside = smooth.mapv(|value| value > EDGE * level);
        let count = inside.iter().filter(|&&inside| inside).count();
        if count < LEAST {
            return Err(CalibrateError::NoDisc { least: LEAST, found: count });
        }
        let (mut y_sum, mut x_sum, mut light) = (0.0, 0.0, 0.0);
        for ((y, x), _) in inside.indexed_iter().filter(|(_, inside)| **inside) {
            (y_sum, x_sum) = (y_sum + y as f64, x_sum + x as f64);
            light += mean[(y, x)];
        }
        let pixels = count as f64;
        Ok(Self {
            inside,
            centre: (y_sum / pixels, x_sum / pixels),
            radius: (pixels / std::f64::consts::PI).sqrt(),
            level: light / pixels,
        })
    }
}

/// Mean over each pixel and its neighbours, a binomial window of three by three.
fn smoothed(image: ArrayView2<'_, f64>) -> Array2<f64> {
    let (height, width) = image.dim();
    let weights = [1.0, 2.0, 1.0];
    Array2::from_shape_fn((height, width), |(y, x)| {
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, &v) in weights.iter().enumerate() {
            for (j, &h) in weights.iter().enumerate() {
                let (row, column) = ((y + i).wrapping_sub(1), (x + j).wrapping_sub(1));
                if row < height && column < width {
                    sum += v * h * image[(row, column)];
                    total += v * h;
                }
            }
        }
        sum / total
    })
}
