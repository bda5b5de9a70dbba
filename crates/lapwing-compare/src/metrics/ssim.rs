//! Structural similarity, with a mask.
//!
//! Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
//! visibility to structural similarity", IEEE Trans. Image Process. 13, 600 (2004), equations 6, 10
//! and 13, with K1 = 0.01 and K2 = 0.03.
//!
//! A window is used when it lies in the array, its central pixel counts, and at least half of its
//! weight lies on pixels that count; only these enter its means and covariances. With a full mask
//! these are the plain formulas.

use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis, Zip};

const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// Weights of a separable window, and what its covariances are divided by.
pub(crate) struct Kernel {
    weights: Vec<f64>,
    /// Number of samples of a sample covariance (N - 1 in place of N), or none for weighted
    /// moments.
    samples: Option<f64>,
}

impl Kernel {
    /// 7 x 7 uniform with sample covariances: the defaults of scikit-image's
    /// `structural_similarity`.
    pub(crate) fn uniform() -> Self {
        Self { weights: vec![1.0 / 7.0; 7], samples: Some(49.0) }
    }

    /// 11 x 11 Gaussian of standard deviation 1.5, normalised to sum 1, with weighted moments: Wang
    /// et al.
    pub(crate) fn gaussian() -> Self {
        let weights = gaussian(1.5, 5);
        Self { weights, samples: None }
    }

    /// Rows and columns of the window.
    pub(crate) fn side(&self) -> usize {
        self.weights.len()
    }
}

/// A Gaussian of standard deviation `sigma`, cut at `radius` and normalised to sum 1.
pub(crate) fn gaussian(sigma: f64, radius: i32) -> Vec<f64> {
    let raw: Vec<f64> =
        (-radius..=radius).map(|i| (-0.5 * (f64::from(i) / sigma).powi(2)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|value| value / sum).collect()
}

/// Means over all windows: of the structural similarity, and of its contrast-structure part alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Similarity {
    pub(crate) whole: f64,
    pub(crate) contrast_structure: f64,
}

/// Structural similarity of two images with values of the given range; `None` when no window fits.
pub(crate) fn similarity(
    image: &Array2<f64>,
    truth: &Array2<f64>,
    mask: &Array2<f64>,
    range: f64,
    kernel: &Kernel,
) -> Option<Similarity> {
    let side = kernel.side();
    if image.nrows() < side || image.ncols() < side {
        return None;
    }
    let (c1, c2) = ((K1 * range).powi(2), (K2 * range).powi(2));
    // Values that do not count may be anything, even NaN.
    let counted = |field: &Array2<f64>| {
        Zip::from(field).and(mask).map_collect(|&v, &m| if m > 0.0 { v } else { 0.0 })
    };
    let fields =
        [mask.clone(), counted(image), counted(truth)].map(|f| f.as_standard_layout().into_owned());
    let half = side / 2;
    let rows: Vec<[f64; 3]> = (0..image.nrows() + 1 - side).in_parallel().map_with(
        || vec![vec![0.0; image.ncols()]; 2 * MOMENTS],
        |buffers, y| {
            let moments = moments_of_row(&fields, y, kernel, buffers);
            let mut sums = [0.0; 3];
            for x in 0..image.ncols() + 1 - side {
                let total = moments[0][x];
                // Half of the weight, but for rounding.
                if mask[[y + half, x + half]] == 0.0 || total < 0.5 - 1e-9 {
                    continue;
                }
                let [mean_a, mean_b, aa, bb, ab] =
                    [1, 2, 3, 4, 5].map(|index: usize| moments[index][x] / total);
                let unbias =
                    kernel.samples.map_or(1.0, |samples| samples * total / (samples * total - 1.0));
                let (var_a, var_b) =
                    (unbias * (aa - mean_a * mean_a), unbias * (bb - mean_b * mean_b));
                let covariance = unbias * (ab - mean_a * mean_b);
                let luminance =
                    (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1);
                let contrast_structure = (2.0 * covariance + c2) / (var_a + var_b + c2);
                sums[0] += luminance * contrast_structure;
                sums[1] += contrast_structure;
                sums[2] += 1.0;
            }
            sums
        },
    );
    let [whole, contrast_structure, count] =
        rows.iter().fold([0.0; 3], |sum, row| [sum[0] + row[0], sum[1] + row[1], sum[2] + row[2]]);
    (count > 0.0).then(|| Similarity {
        whole: whole / count,
        contrast_structure: contrast_structure / count,
    })
}

/// Number of weighted sums per window.
const MOMENTS: usize = 6;

/// Weighted sums of m, a, b, a a, b b and a b over the windows whose first row is `y`, for fields
/// [m, a, b] in standard layout that are zero where m is. The first half of the buffers receives
/// the sums over columns, the second, which is returned, over both.
fn moments_of_row<'b>(
    fields: &[Array2<f64>; 3],
    y: usize,
    kernel: &Kernel,
    buffers: &'b mut [Vec<f64>],
) -> &'b [Vec<f64>] {
    let (down, across) = buffers.split_at_mut(MOMENTS);
    let width = fields[0].ncols();
    for (index, sums) in down.iter_mut().enumerate() {
        sums.fill(0.0);
        // The two factors; for the means one of them is the mask, which is 1 wherever the other is
        // not 0.
        let (first, second) = [(0, 0), (0, 1), (0, 2), (1, 1), (2, 2), (1, 2)][index];
        for (offset, &weight) in kernel.weights.iter().enumerate() {
            let [p, q] = [first, second].map(|field| {
                fields[field].row(y + offset).to_slice().expect("fields are in C order")
            });
            for ((sum, p), q) in sums.iter_mut().zip(p).zip(q) {
                *sum += weight * (p * q);
            }
        }
    }
    for (sums, down) in across.iter_mut().zip(down) {
        convolve_row(down, &kernel.weights, &mut sums[..width + 1 - kernel.side()]);
    }
    across
}

/// Convolution of one row with a symmetric kernel, where the kernel lies wholly in it.
fn convolve_row(values: &[f64], kernel: &[f64], result: &mut [f64]) {
    result.fill(0.0);
    for (offset, weight) in kernel.iter().enumerate() {
        for (sum, value) in result.iter_mut().zip(&values[offset..]) {
            *sum += weight * value;
        }
    }
}

/// Separable convolution with a symmetric kernel, only where the kernel lies wholly in the array.
pub(crate) fn convolve(values: &Array2<f64>, kernel: &[f64]) -> Array2<f64> {
    let (rows, columns) = (values.nrows() + 1 - kernel.len(), values.ncols() + 1 - kernel.len());
    let mut result = Array2::zeros((rows, columns));
    result.axis_iter_mut(Axis(0)).enumerate().in_parallel().for_each(|(y, mut target)| {
        let mut down = vec![0.0; values.ncols()];
        for (offset, weight) in kernel.iter().enumerate() {
            for (sum, value) in down.iter_mut().zip(values.row(y + offset)) {
                *sum += weight * value;
            }
        }
        if let Some(target) = target.as_slice_mut() {
            convolve_row(&down, kernel, target);
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(seed: f64) -> Array2<f64> {
        Array2::from_shape_fn((30, 26), |(y, x)| (seed * (y * y + 3 * x) as f64).sin())
    }

    #[test]
    fn equal_images_have_similarity_one_and_opposite_ones_less_than_zero() {
        let (a, mask) = (image(0.1), Array2::from_elem((30, 26), 1.0));
        for kernel in [Kernel::uniform(), Kernel::gaussian()] {
            let same = similarity(&a, &a, &mask, 2.0, &kernel).unwrap();
            assert!(
                (same.whole - 1.0).abs() < 1e-12 && (same.contrast_structure - 1.0).abs() < 1e-12
            );
            assert!(similarity(&a, &-&a, &mask, 2.0, &kernel).unwrap().contrast_structure < -0.9);
        }
    }

    #[test]
    fn constant_images_leave_the_luminance_term() {
        let mask = Array2::from_elem((20, 20), 1.0);
        let (a, b) = (Array2::from_elem((20, 20), 0.5), Array2::from_elem((20, 20), 0.8));
        let found = similarity(&a, &b, &mask, 1.0, &Kernel::uniform()).unwrap();
        let expected = (2.0 * 0.5 * 0.8 + 1e-4) / (0.25 + 0.64 + 1e-4);
        assert!((found.whole - expected).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn pixels_that_do_not_count_have_no_influence() {
        let (a, mut b) = (image(0.1), image(0.12));
        let mut mask = Array2::from_elem((30, 26), 1.0);
        for x in 5..9 {
            mask[[12, x]] = 0.0;
        }
        let before = similarity(&a, &b, &mask, 2.0, &Kernel::uniform());
        b[[12, 6]] = f64::NAN;
        b[[12, 7]] = 1e30;
        assert_eq!(similarity(&a, &b, &mask, 2.0, &Kernel::uniform()), before);
        mask.fill(0.0);
        assert_eq!(similarity(&a, &b, &mask, 2.0, &Kernel::uniform()), None);
    }
}
