//! What metrics are measured on: an aligned reconstruction and the truth, as complex fields, as
//! amplitudes and as phases.

use super::ms_ssim::{ms_ssim, ms_ssim_decimated, smoothed};
use super::plane::phase_without_plane;
use super::pointwise::{Levels, MeanErrors, mean_errors, psnr};
use super::ssim::{Kernel, similarity};
use crate::Region;
use crate::frc::{FrcCurve, FrcCurves};
use crate::window::soft_window;
use lapwing_model::parallel;
use ndarray::{Array2, Zip};
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

/// An aligned reconstruction beside the truth, crops of a region, axes (y, x).
pub(crate) struct Pair<'a> {
    /// The reconstruction in the truth's place, scale and phase.
    pub(crate) aligned: &'a Array2<Complex64>,
    /// The truth.
    pub(crate) truth: &'a Array2<Complex64>,
    /// 1 on the pixels that count, else 0.
    pub(crate) mask: Arc<Array2<f64>>,
    /// The amplitudes, the reconstruction's scaled to the truth's mean.
    pub(crate) amplitude: Images,
    /// The phases without their planes, radians.
    pub(crate) phase: Images,
    /// Phase of the reconstruction minus phase of the truth, planes removed, radians.
    pub(crate) phase_error: Array2<f64>,
    /// Ring correlations of the complex fields, the amplitudes and the phases.
    pub(crate) frc: FrcCurves,
}

impl<'a> Pair<'a> {
    /// Prepares `aligned` and `truth`, crops of the region.
    pub(crate) fn new(
        aligned: &'a Array2<Complex64>,
        truth: &'a Array2<Complex64>,
        region: &Region,
    ) -> Self {
        let mask = Arc::new(region.mask().mapv(f64::from));
        let window = soft_window(region.mask());
        let ((amplitude, (phase, phase_error)), complex_frc) = parallel::both(
            || {
                parallel::both(
                    || Images::amplitudes(aligned, truth, &mask, &window),
                    || Images::phases(aligned, truth, &mask, &window),
                )
            },
            || FrcCurve::of(aligned, truth, &window),
        );
        let frc = FrcCurves {
            complex: complex_frc,
            amplitude: amplitude.frc.clone(),
            phase: phase.frc.clone(),
        };
        Self { aligned, truth, mask, amplitude, phase, phase_error, frc }
    }

    /// Normalised root mean square error of the complex fields.
    pub(crate) fn complex_nrmse(&self) -> f64 {
        let sums = self.complex_sums();
        (sums.error / sums.truth).sqrt()
    }

    /// Correlation of the complex fields; 0 where one of them is zero.
    pub(crate) fn complex_correlation(&self) -> f64 {
        let sums = self.complex_sums();
        let scale = (sums.aligned * sums.truth).sqrt();
        if scale > 0.0 { (sums.mutual.norm() / scale).min(1.0) } else { 0.0 }
    }

    /// Correlation of the true field with its mean everywhere; `None` of a field that is zero.
    pub(crate) fn complex_correlation_flat(&self) -> Option<f64> {
        let (mut sum, mut power, mut total) = (Complex64::ZERO, 0.0, 0.0);
        Zip::from(self.truth).and(&*self.mask).for_each(|t, &weight| {
            sum += *t * weight;
            power += weight * t.norm_sqr();
            total += weight;
        });
        (power > 0.0).then(|| (sum.norm() / (power * total).sqrt()).min(1.0))
    }

    fn complex_sums(&self) -> ComplexSums {
        let mut sums = ComplexSums::default();
        Zip::from(self.aligned).and(self.truth).and(&*self.mask).for_each(|a, t, &weight| {
            sums.error += weight * (a - t).norm_sqr();
            sums.aligned += weight * a.norm_sqr();
            sums.truth += weight * t.norm_sqr();
            sums.mutual += a.conj() * t * weight;
        });
        sums
    }
}

/// Sums over the pixels that count.
#[derive(Default)]
struct ComplexSums {
    /// |aligned - truth|^2.
    error: f64,
    /// |aligned|^2.
    aligned: f64,
    /// |truth|^2.
    truth: f64,
    /// conj(aligned) truth.
    mutual: Complex64,
}

/// Two real images, reconstruction and truth, and what their metrics share.
pub(crate) struct Images {
    /// Of the reconstruction.
    pub(crate) image: Array2<f64>,
    /// Of the truth.
    pub(crate) truth: Array2<f64>,
    mask: Arc<Array2<f64>>,
    /// Largest minus smallest value of the truth; `None` for a truth that is constant.
    range: Option<f64>,
    /// Mean absolute and mean square difference.
    pub(crate) errors: MeanErrors,
    /// What structural similarities are measured on.
    similarity: SimilarityImages,
    frc: FrcCurve,
}

/// The images of the structural similarities, and their range.
enum SimilarityImages {
    /// The images themselves, with the truth's range, if any; smoothed before they are decimated.
    Themselves,
    /// Images mapped to the range 1; not smoothed.
    Mapped { image: Array2<f64>, truth: Array2<f64> },
}

impl Images {
    fn amplitudes(
        aligned: &Array2<Complex64>,
        truth: &Array2<Complex64>,
        mask: &Arc<Array2<f64>>,
        window: &Array2<f64>,
    ) -> Self {
        let modulus = |field: &Array2<Complex64>| field.mapv(|value| value.norm_sqr().sqrt());
        let (mut image, truth) = (modulus(aligned), modulus(truth));
        let levels = Levels::of(&truth, mask);
        let mean = Levels::of(&image, mask).mean;
        // An image that is zero everywhere stays zero.
        image *= if mean > 0.0 { levels.mean / mean } else { 0.0 };
        let range = levels.range(levels.mean);
        Self::new(image, truth, mask, range, SimilarityImages::Themselves, window)
    }

    /// The phases, and the phase of the reconstruction minus that of the truth, both without
    /// planes.
    ///
    /// Differences are taken between complex numbers: a phase that wraps in one field only is no
    /// error of 2 pi.
    fn phases(
        aligned: &Array2<Complex64>,
        truth: &Array2<Complex64>,
        mask: &Arc<Array2<f64>>,
        window: &Array2<f64>,
    ) -> (Self, Array2<f64>) {
        let mut ratio = aligned.clone();
        ratio.zip_mut_with(truth, |a, t| *a *= t.conj());
        let (error, truth) = parallel::both(
            || phase_without_plane(&ratio, mask),
            || phase_without_plane(truth, mask),
        );
        let image = &truth + &error;
        let range = Levels::of(&truth, mask).range(1.0);
        let mapped = |phase: &Array2<f64>| phase.mapv(|p| (p + PI) / TAU);
        let similarity = SimilarityImages::Mapped { image: mapped(&image), truth: mapped(&truth) };
        (Self::new(image, truth, mask, range, similarity, window), error)
    }

    fn new(
        image: Array2<f64>,
        truth: Array2<f64>,
        mask: &Arc<Array2<f64>>,
        range: Option<f64>,
        similarity: SimilarityImages,
        window: &Array2<f64>,
    ) -> Self {
        let errors = mean_errors(&image, &truth, mask);
        let frc = FrcCurve::of(&image.mapv(Complex64::from), &truth.mapv(Complex64::from), window);
        Self { image, truth, mask: Arc::clone(mask), range, errors, similarity, frc }
    }

    /// Peak signal to noise, dB.
    pub(crate) fn psnr(&self) -> Option<f64> {
        psnr(self.errors.square, self.range)
    }

    /// Structural similarity with the defaults of scikit-image.
    pub(crate) fn ssim(&self) -> Option<f64> {
        let (image, truth, range) = self.for_similarity()?;
        similarity(image, truth, &self.mask, range, &Kernel::uniform()).map(|found| found.whole)
    }

    /// The same of the truth's mean everywhere.
    pub(crate) fn ssim_flat(&self) -> Option<f64> {
        let (_, truth, range) = self.for_similarity()?;
        let (mut sum, mut total) = (0.0, 0.0);
        Zip::from(truth).and(&*self.mask).for_each(|value, &weight| {
            sum += weight * value;
            total += weight;
        });
        let flat = Array2::from_elem(truth.dim(), sum / total);
        similarity(&flat, truth, &self.mask, range, &Kernel::uniform()).map(|found| found.whole)
    }

    /// Multi-scale structural similarity as published.
    pub(crate) fn ms_ssim(&self) -> Option<f64> {
        let (image, truth, range) = self.for_similarity()?;
        ms_ssim(image, truth, &self.mask, range)
    }

    /// Multi-scale structural similarity as the reference study computes it.
    pub(crate) fn ms_ssim_decimated(&self) -> Option<f64> {
        let (image, truth, range) = self.for_similarity()?;
        match self.similarity {
            SimilarityImages::Themselves => {
                let smooth = |image| smoothed(image, &self.mask);
                ms_ssim_decimated(&smooth(image), &smooth(truth), &self.mask, range)
            }
            SimilarityImages::Mapped { .. } => ms_ssim_decimated(image, truth, &self.mask, range),
        }
    }

    /// Image, truth and range of the structural similarities; `None` for a truth without a range.
    fn for_similarity(&self) -> Option<(&Array2<f64>, &Array2<f64>, f64)> {
        match &self.similarity {
            SimilarityImages::Themselves => Some((&self.image, &self.truth, self.range?)),
            SimilarityImages::Mapped { image, truth } => Some((image, truth, 1.0)),
        }
    }
}
