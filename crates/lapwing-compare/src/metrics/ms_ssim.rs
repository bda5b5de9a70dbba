//! Multi-scale structural similarity: as published, and as the reference study computes it.
//!
//! Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image quality
//! assessment", Asilomar Conference on Signals, Systems and Computers (2003), equation 7, with the
//! exponents of its section 3.2.

use super::ssim::{Kernel, convolve, gaussian, similarity};
use ndarray::{Array2, Zip, s};

/// Exponents of the five scales, fine to coarse.
const EXPONENTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Shorter side of the smallest full region, pixels: a window of 11 px at the coarsest scale.
pub(super) const SMALLEST: usize = 11 << (EXPONENTS.len() - 1);
/// The same of the reference study's variant: seven pixels a coarsest step apart.
pub(super) const SMALLEST_DECIMATED: usize = (6 << (EXPONENTS.len() - 1)) + 1;

/// Why neither exists of a smaller one.
pub(super) fn needs(side: usize) -> String {
    format!(
        "it takes an area of {side} px a side at least, in which the truth is not the same everywhere"
    )
}

/// Wang et al. 2003: contrast-structure means of the four finer scales and the whole similarity of
/// the coarsest.
///
/// Windows are 11 x 11 Gaussian (sigma 1.5); a scale is the mean of 2 x 2 pixels of the one before
/// (an odd last row or column is dropped; with a mask, the mean of the pixels that count, when at
/// least two do). A negative mean counts as zero. `None` when a scale has no window: a full region
/// needs at least 176 px on its shorter side.
pub(crate) fn ms_ssim(
    image: &Array2<f64>,
    truth: &Array2<f64>,
    mask: &Array2<f64>,
    range: f64,
) -> Option<f64> {
    let kernel = Kernel::gaussian();
    let (mut a, mut b, mut m) = (image.clone(), truth.clone(), mask.clone());
    let mut product = 1.0;
    for (scale, exponent) in EXPONENTS.into_iter().enumerate() {
        let found = similarity(&a, &b, &m, range, &kernel)?;
        let coarsest = scale + 1 == EXPONENTS.len();
        let factor = if coarsest { found.whole } else { found.contrast_structure };
        product *= factor.max(0.0).powf(exponent);
        if !coarsest {
            (a, b) = (pooled(&a, &m), pooled(&b, &m));
            m = pooled_mask(&m);
        }
    }
    Some(product)
}

/// The reference study's variant: the plain similarity (7 x 7) at each of five scales, made by
/// taking every second pixel.
///
/// A negative mean counts as zero. `None` when a scale has no window: a full region needs at least
/// 97 px.
pub(crate) fn ms_ssim_decimated(
    image: &Array2<f64>,
    truth: &Array2<f64>,
    mask: &Array2<f64>,
    range: f64,
) -> Option<f64> {
    let kernel = Kernel::uniform();
    let mut product = 1.0;
    for (scale, exponent) in EXPONENTS.into_iter().enumerate() {
        let step = 1_isize << scale;
        let every = |field: &Array2<f64>| field.slice(s![..;step, ..;step]).to_owned();
        let found = similarity(&every(image), &every(truth), &every(mask), range, &kernel)?;
        product *= found.whole.max(0.0).powf(exponent);
    }
    Some(product)
}

/// Gaussian smoothing of standard deviation 1, cut at 4, mirrored at the borders, over the pixels
/// that count.
///
/// With a full mask this is SciPy's `gaussian_filter(image, 1.0)`.
pub(crate) fn smoothed(image: &Array2<f64>, mask: &Array2<f64>) -> Array2<f64> {
    const RADIUS: usize = 4;
    let kernel = gaussian(1.0, RADIUS as i32);
    let mirrored = |index: usize, length: usize| -> usize {
        let period = 2 * length as isize;
        let place = (index as isize - RADIUS as isize).rem_euclid(period) as usize;
        place.min(period as usize - 1 - place)
    };
    let (height, width) = image.dim();
    let spread = |field: &dyn Fn([usize; 2]) -> f64| {
        let padded = Array2::from_shape_fn((height + 2 * RADIUS, width + 2 * RADIUS), |(y, x)| {
            field([mirrored(y, height), mirrored(x, width)])
        });
        convolve(&padded, &kernel)
    };
    let weight = spread(&|at| mask[at]);
    let mut result = spread(&|at| if mask[at] > 0.0 { image[at] } else { 0.0 });
    result.zip_mut_with(&weight, |value, &w| *value = if w > 0.0 { *value / w } else { 0.0 });
    result
}

/// Mean of the counting pixels of every 2 x 2 block.
fn pooled(field: &Array2<f64>, mask: &Array2<f64>) -> Array2<f64> {
    let counted =
        Zip::from(field).and(mask).map_collect(|&value, &m| if m > 0.0 { value } else { 0.0 });
    let mut sums = block_sums(&counted);
    sums.zip_mut_with(&block_sums(mask), |sum, &count| {
        *sum = if count > 0.0 { *sum / count } else { 0.0 }
    });
    sums
}

fn pooled_mask(mask: &Array2<f64>) -> Array2<f64> {
    block_sums(mask).mapv(|count| f64::from(count >= 2.0))
}

fn block_sums(field: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((field.nrows() / 2, field.ncols() / 2), |(y, x)| {
        let (y, x) = (2 * y, 2 * x);
        field[[y, x]] + field[[y, x + 1]] + field[[y + 1, x]] + field[[y + 1, x + 1]]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(side: usize, seed: f64) -> Array2<f64> {
        Array2::from_shape_fn((side, side + 3), |(y, x)| {
            (seed * (y * x) as f64).sin() + (0.05 * x as f64).cos()
        })
    }

    #[test]
    fn equal_images_have_similarity_one() {
        let (a, mask) = (image(180, 0.01), Array2::from_elem((180, 183), 1.0));
        assert!((ms_ssim(&a, &a, &mask, 4.0).unwrap() - 1.0).abs() < 1e-12);
        assert!((ms_ssim_decimated(&a, &a, &mask, 4.0).unwrap() - 1.0).abs() < 1e-12);
        let other = image(180, 0.02);
        assert!(ms_ssim(&a, &other, &mask, 4.0).unwrap() < 0.9);
    }

    #[test]
    fn too_small_regions_have_none() {
        let found = |side: usize| {
            let (a, mask) = (image(side, 0.01), Array2::from_elem((side, side + 3), 1.0));
            (ms_ssim(&a, &a, &mask, 4.0).is_some(), ms_ssim_decimated(&a, &a, &mask, 4.0).is_some())
        };
        assert_eq!((SMALLEST, SMALLEST_DECIMATED), (176, 97));
        assert_eq!((found(176), found(175)), ((true, true), (false, true)));
        assert_eq!((found(97), found(96)), ((false, true), (false, false)));
    }

    #[test]
    fn smoothing_keeps_constants_beside_holes() {
        let mut mask = Array2::from_elem((20, 24), 1.0);
        mask[[5, 5]] = 0.0;
        let mut flat = Array2::from_elem((20, 24), 0.7);
        flat[[5, 5]] = f64::NAN;
        assert!(smoothed(&flat, &mask).iter().all(|v| (v - 0.7).abs() < 1e-12));
    }
}
