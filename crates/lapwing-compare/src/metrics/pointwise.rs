//! Errors pixel by pixel: mean absolute, mean square, peak signal to noise.

use ndarray::Array2;

/// An image's values that count, with their smallest, largest and mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels {
    pub(crate) smallest: f64,
    pub(crate) largest: f64,
    pub(crate) mean: f64,
}

impl Levels {
    pub(crate) fn of(image: &Array2<f64>, mask: &Array2<f64>) -> Self {
        let (mut smallest, mut largest, mut sum, mut count) =
            (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0);
        for (&value, &weight) in image.iter().zip(mask) {
            if weight > 0.0 {
                smallest = smallest.min(value);
                largest = largest.max(value);
                sum += value;
                count += 1.0;
            }
        }
        Self { smallest, largest, mean: sum / count }
    }

    /// Largest minus smallest value, or `None` for an image that is constant to single precision
    /// (1e-5 of `unit`).
    pub(crate) fn range(&self, unit: f64) -> Option<f64> {
        let range = self.largest - self.smallest;
        (range > 1e-5 * unit).then_some(range)
    }
}

/// Mean differences of two images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MeanErrors {
    /// Mean of the moduli.
    pub(crate) absolute: f64,
    /// Mean of the squares.
    pub(crate) square: f64,
}

/// Mean absolute and mean square difference over the mask.
pub(crate) fn mean_errors(
    image: &Array2<f64>,
    truth: &Array2<f64>,
    mask: &Array2<f64>,
) -> MeanErrors {
    let (mut absolute, mut square, mut count) = (0.0, 0.0, 0.0);
    for ((a, b), weight) in image.iter().zip(truth).zip(mask) {
        let difference = a - b;
        absolute += weight * difference.abs();
        square += weight * difference * difference;
        count += weight;
    }
    MeanErrors { absolute: absolute / count, square: square / count }
}

/// Peak signal to noise, 10 log10(range^2 / mse) in dB; `None` without any error or without a
/// range.
pub(crate) fn psnr(mse: f64, range: Option<f64>) -> Option<f64> {
    let range = range?;
    (mse > 0.0).then(|| 10.0 * (range * range / mse).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn closed_forms() {
        let truth = array![[0.0, 1.0], [2.0, 9.0]];
        let image = array![[0.5, 1.0], [0.0, -7.0]];
        let mask = array![[1.0, 1.0], [1.0, 0.0]];
        let errors = mean_errors(&image, &truth, &mask);
        assert_eq!((errors.absolute, errors.square), (2.5 / 3.0, 4.25 / 3.0));
        let levels = Levels::of(&truth, &mask);
        assert_eq!((levels.range(1.0), levels.mean), (Some(2.0), 1.0));
        assert_eq!(psnr(0.04, Some(2.0)), Some(20.0));
        assert_eq!((psnr(0.0, Some(2.0)), psnr(1.0, None)), (None, None));
        assert_eq!(Levels::of(&array![[1.0, 1.000001]], &array![[1.0, 1.0]]).range(1.0), None);
    }
}
