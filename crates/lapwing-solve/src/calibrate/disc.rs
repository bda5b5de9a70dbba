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
    /// Standard deviation of the centre, pixels: from the difference between two halves of the
    /// diameters. NaN where the rim is too short for that.
    pub centre_sd: f64,
    /// Radius of a disc of as many pixels.
    pub radius: f64,
    /// Mean intensity of its pixels.
    pub level: f64,
}

/// Mean of patterns (pattern, y, x), axes (y, x).
pub fn mean(patterns: ArrayView3<'_, f32>) -> Array2<f64> {
    let mut sum = Array2::<f64>::zeros((patterns.dim().1, patterns.dim().2));
    for pattern in patterns.outer_iter() {
        sum.zip_mut_with(&pattern, |sum, &value| *sum += f64::from(value));
    }
    sum / patterns.len_of(Axis(0)).max(1) as f64
}

impl Disc {
    /// The bright pixels of a mean pattern, axes (y, x), as [`of`](Self::of) finds them, however
    /// few.
    ///
    /// # Errors
    /// [`CalibrateError::Dark`].
    pub fn spot(mean: ArrayView2<'_, f64>) -> Result<Self, CalibrateError> {
        Self::at_least(mean, 1)
    }

    /// The disc of a mean pattern, axes (y, x): the pixels that, smoothed over three, exceed half
    /// of the disc's level, the median of all pixels above a tenth of the brightest.
    ///
    /// # Errors
    /// [`CalibrateError::Dark`] and [`CalibrateError::NoDisc`].
    pub fn of(mean: ArrayView2<'_, f64>) -> Result<Self, CalibrateError> {
        Self::at_least(mean, LEAST)
    }

    fn at_least(mean: ArrayView2<'_, f64>, least: usize) -> Result<Self, CalibrateError> {
        let smooth = smoothed(mean);
        let mut sorted: Vec<f64> = smooth.iter().copied().filter(|&value| value > 0.0).collect();
        if sorted.is_empty() {
            return Err(CalibrateError::Dark);
        }
        sorted.sort_unstable_by(f64::total_cmp);
        // A few bright pixels, such as an unscattered beam, are no disc: the level is the median of
        // all pixels above a tenth of the brightest.
        let brightest = sorted[sorted.len() - 1 - sorted.len() / 200];
        let bright = sorted.partition_point(|&value| value < 0.1 * brightest);
        let level = sorted[bright + (sorted.len() - bright) / 2];
        let inside = smooth.mapv(|value| value > EDGE * level);
        let count = inside.iter().filter(|&&inside| inside).count();
        if count < least {
            return Err(CalibrateError::NoDisc { least, found: count });
        }
        let (mut y_sum, mut x_sum, mut light) = (0.0, 0.0, 0.0);
        for ((y, x), _) in inside.indexed_iter().filter(|(_, inside)| **inside) {
            (y_sum, x_sum) = (y_sum + y as f64, x_sum + x as f64);
            light += mean[(y, x)];
        }
        let pixels = count as f64;
        let (centre, centre_sd) =
            middle(smooth.view(), EDGE * level, (y_sum / pixels, x_sum / pixels));
        Ok(Self {
            inside,
            centre,
            centre_sd,
            radius: (pixels / std::f64::consts::PI).sqrt(),
            level: light / pixels,
        })
    }
}

/// Directions in which the rim is looked for, over half a turn.
const DIAMETERS: usize = 48;

/// The centre of the rim around `about`, where the image falls below `edge`, and its standard
/// deviation. Each diameter gives the offset of its midpoint along its own direction; the centre is
/// the least-squares offset of all of them.
fn middle(image: ArrayView2<'_, f64>, edge: f64, about: (f64, f64)) -> ((f64, f64), f64) {
    let at = |y: f64, x: f64| -> Option<f64> {
        let (row, column) = (y.floor(), x.floor());
        let (v, u) = (y - row, x - column);
        if row < 0.0 || column < 0.0 {
            return None;
        }
        let (row, column) = (row as usize, column as usize);
        let pixel = |dy: usize, dx: usize| image.get((row + dy, column + dx)).copied();
        let (a, b) = (
            pixel(0, 0)? * (1.0 - u) + pixel(0, 1)? * u,
            pixel(1, 0)? * (1.0 - u) + pixel(1, 1)? * u,
        );
        Some(a * (1.0 - v) + b * v)
    };
    // Distance at which the image falls below the edge for the last time.
    let rim = |dy: f64, dx: f64| -> Option<f64> {
        let steps = 8 * (image.len_of(Axis(0)) + image.len_of(Axis(1)));
        let mut last = None;
        for step in 0..steps {
            let r = 0.25 * step as f64;
            match at(about.0 + r * dy, about.1 + r * dx) {
                None => break,
                Some(value) if value >= edge => last = Some(r),
                Some(_) => {}
            }
        }
        last
    };
    let offsets: Vec<Option<(f64, f64, f64)>> = (0..DIAMETERS)
        .map(|index| {
            let (dy, dx) = (std::f64::consts::PI * index as f64 / DIAMETERS as f64).sin_cos();
            Some((dy, dx, 0.5 * (rim(dy, dx)? - rim(-dy, -dx)?)))
        })
        .collect();
    // Least squares of offset = dy y + dx x over every other diameter, from `from` on.
    let fit = |from: usize, by: usize| -> Option<(f64, f64)> {
        let (mut a, mut b, mut c, mut p, mut q) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(dy, dx, offset) in offsets.iter().skip(from).step_by(by).flatten() {
            (a, b, c) = (a + dy * dy, b + dy * dx, c + dx * dx);
            (p, q) = (p + dy * offset, q + dx * offset);
        }
        let determinant = a * c - b * b;
        (determinant > 1.0).then(|| ((p * c - q * b) / determinant, (q * a - p * b) / determinant))
    };
    match (fit(0, 1), fit(0, 2), fit(1, 2)) {
        (Some((y, x)), Some(even), Some(odd)) => {
            // Half of the difference of two means is the deviation of their average.
            let apart = (even.0 - odd.0).hypot(even.1 - odd.1) / 2.0;
            ((about.0 + y, about.1 + x), apart)
        }
        _ => (about, f64::NAN),
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
