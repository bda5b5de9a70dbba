//! The numbers of a comparison. Formulas, ranges and sources: `docs/metrics.md`.

use crate::Region;
use crate::frc::{Criterion, FrcCurve, FrcCurves};
use crate::ms_ssim::{ms_ssim, ms_ssim_decimated, smoothed};
use crate::plane::phase_without_plane;
use crate::pointwise::{Levels, mean_errors, psnr};
use crate::ssim::{Kernel, similarity};
use crate::window::soft_window;
use ndarray::{Array2, Zip};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// Declares [`Metrics`] and its list of names and values from one table.
macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// How well an aligned reconstruction agrees with the truth, over the pixels that count.
        ///
        /// The field names are the names in JSON and CSV and stay. `None` (JSON `null`): the number
        /// does not exist for this region or truth, as said at each field. Definitions:
        /// `docs/metrics.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        pub struct Metrics {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Metrics {
            /// Every metric by its name, in a fixed order: the columns of a table.
            pub fn named(&self) -> Vec<(&'static str, Option<f64>)> {
                vec![$((stringify!($name), self.$name.into()),)*]
            }
        }
    };
}

metrics! {
    /// Mean absolute difference of the amplitudes, the reconstruction's scaled to the truth's mean.
    amplitude_mae: f64,
    /// Mean square difference of the amplitudes, scaled likewise.
    amplitude_mse: f64,
    /// Peak signal to noise of the amplitudes, dB; peak: the truth's range. `None` without error or
    /// without range.
    amplitude_psnr: Option<f64>,
    /// Structural similarity of the amplitudes (scikit-image's defaults). `None` when the truth's
    /// amplitude is constant.
    amplitude_ssim: Option<f64>,
    /// Multi-scale structural similarity (Wang et al. 2003) of the amplitudes. `None` also for
    /// regions below 176 px.
    amplitude_ms_ssim: Option<f64>,
    /// The reference study's variant: every second pixel, amplitudes smoothed first. `None` also
    /// below 97 px.
    amplitude_ms_ssim_decimated: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below 1/2, cycles per pixel;
    /// `None`: nowhere.
    amplitude_frc_0_5: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below 1/7, cycles per pixel;
    /// `None`: nowhere.
    amplitude_frc_1_7: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below the half-bit threshold,
    /// cycles per pixel; `None`: nowhere.
    amplitude_frc_half_bit: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below the one-bit threshold, cycles
    /// per pixel; `None`: nowhere.
    amplitude_frc_one_bit: Option<f64>,
    /// Mean absolute difference of the phases, radians, planes removed.
    phase_mae: f64,
    /// Mean square difference of the phases, square radians, planes removed.
    phase_mse: f64,
    /// Peak signal to noise of the phases, dB; peak: the truth's range. `None` without error or
    /// without range.
    phase_psnr: Option<f64>,
    /// Structural similarity of the phases, mapped to (phi + pi) / 2 pi with range 1.
    phase_ssim: Option<f64>,
    /// Multi-scale structural similarity (Wang et al. 2003) of the mapped phases. `None` for
    /// regions below 176 px.
    phase_ms_ssim: Option<f64>,
    /// The reference study's variant on the mapped phases, not smoothed. `None` for regions below
    /// 97 px.
    phase_ms_ssim_decimated: Option<f64>,
    /// Where the ring correlation of the phases first falls below 1/2, cycles per pixel; `None`:
    /// nowhere.
    phase_frc_0_5: Option<f64>,
    /// Where the ring correlation of the phases first falls below 1/7, cycles per pixel; `None`:
    /// nowhere.
    phase_frc_1_7: Option<f64>,
    /// Where the ring correlation of the phases first falls below the half-bit threshold, cycles
    /// per pixel; `None`: nowhere.
    phase_frc_half_bit: Option<f64>,
    /// Where the ring correlation of the phases first falls below the one-bit threshold, cycles per
    /// pixel; `None`: nowhere.
    phase_frc_one_bit: Option<f64>,
    /// Root of the squared complex error over the truth's energy; 0 is perfect.
    complex_nrmse: f64,
    /// |<reconstruction, truth>| / (|reconstruction| |truth|); 1 is perfect.
    complex_correlation: f64,
    /// Where the ring correlation of the complex fields first falls below 1/2, cycles per pixel;
    /// `None`: nowhere.
    complex_frc_0_5: Option<f64>,
    /// Where the ring correlation of the complex fields first falls below 1/7, cycles per pixel;
    /// `None`: nowhere.
    complex_frc_1_7: Option<f64>,
    /// Where the ring correlation of the complex fields first falls below the half-bit threshold,
    /// cycles per pixel; `None`: nowhere.
    complex_frc_half_bit: Option<f64>,
    /// Where the ring correlation of the complex fields first falls below the one-bit threshold,
    /// cycles per pixel; `None`: nowhere.
    complex_frc_one_bit: Option<f64>,
}

/// Everything that is measured on one pair of aligned fields.
pub(crate) struct Measured {
    pub(crate) metrics: Metrics,
    pub(crate) frc: FrcCurves,
    /// Phase of the reconstruction minus phase of the truth, planes removed, radians.
    pub(crate) phase_error: Array2<f64>,
}

/// Measures `aligned` against `truth`, crops of the region.
pub(crate) fn measure(
    aligned: &Array2<Complex64>,
    truth: &Array2<Complex64>,
    region: &Region,
) -> Measured {
    let mask = &region.mask().mapv(f64::from);
    let window = &soft_window(region.mask());
    let ((amplitude, (phase, phase_error)), (complex_frc, (complex_nrmse, complex_correlation))) =
        rayon::join(
            || {
                rayon::join(
                    || measure_amplitude(aligned, truth, mask, window),
                    || measure_phase(aligned, truth, mask, window),
                )
            },
            || (FrcCurve::of(aligned, truth, window), complex_errors(aligned, truth, mask)),
        );
    let metrics = Metrics {
        amplitude_mae: amplitude.mae,
        amplitude_mse: amplitude.mse,
        amplitude_psnr: amplitude.psnr,
        amplitude_ssim: amplitude.ssim,
        amplitude_ms_ssim: amplitude.ms_ssim,
        amplitude_ms_ssim_decimated: amplitude.ms_ssim_decimated,
        amplitude_frc_0_5: amplitude.frc.resolved(Criterion::Half),
        amplitude_frc_1_7: amplitude.frc.resolved(Criterion::Seventh),
        amplitude_frc_half_bit: amplitude.frc.resolved(Criterion::HalfBit),
        amplitude_frc_one_bit: amplitude.frc.resolved(Criterion::OneBit),
        phase_mae: phase.mae,
        phase_mse: phase.mse,
        phase_psnr: phase.psnr,
        phase_ssim: phase.ssim,
        phase_ms_ssim: phase.ms_ssim,
        phase_ms_ssim_decimated: phase.ms_ssim_decimated,
        phase_frc_0_5: phase.frc.resolved(Criterion::Half),
        phase_frc_1_7: phase.frc.resolved(Criterion::Seventh),
        phase_frc_half_bit: phase.frc.resolved(Criterion::HalfBit),
        phase_frc_one_bit: phase.frc.resolved(Criterion::OneBit),
        complex_nrmse,
        complex_correlation,
        complex_frc_0_5: complex_frc.resolved(Criterion::Half),
        complex_frc_1_7: complex_frc.resolved(Criterion::Seventh),
        complex_frc_half_bit: complex_frc.resolved(Criterion::HalfBit),
        complex_frc_one_bit: complex_frc.resolved(Criterion::OneBit),
    };
    let frc = FrcCurves { complex: complex_frc, amplitude: amplitude.frc, phase: phase.frc };
    Measured { metrics, frc, phase_error }
}

/// What is measured on the amplitudes and on the phases alike.
struct ImageMetrics {
    mae: f64,
    mse: f64,
    psnr: Option<f64>,
    ssim: Option<f64>,
    ms_ssim: Option<f64>,
    ms_ssim_decimated: Option<f64>,
    frc: FrcCurve,
}

fn measure_amplitude(
    aligned: &Array2<Complex64>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
    window: &Array2<f64>,
) -> ImageMetrics {
    let modulus = |field: &Array2<Complex64>| field.mapv(|value| value.norm_sqr().sqrt());
    let (mut image, truth) = (modulus(aligned), modulus(truth));
    let levels = Levels::of(&truth, mask);
    let mean = Levels::of(&image, mask).mean;
    // An image that is zero everywhere stays zero.
    image *= if mean > 0.0 { levels.mean / mean } else { 0.0 };
    let (mae, mse) = mean_errors(&image, &truth, mask);
    let range = levels.range(levels.mean);
    ImageMetrics {
        mae,
        mse,
        psnr: psnr(mse, range),
        ssim: range
            .and_then(|range| similarity(&image, &truth, mask, range, &Kernel::uniform()))
            .map(|s| s.whole),
        ms_ssim: range.and_then(|range| ms_ssim(&image, &truth, mask, range)),
        ms_ssim_decimated: range.and_then(|range| {
            ms_ssim_decimated(&smoothed(&image, mask), &smoothed(&truth, mask), mask, range)
        }),
        frc: FrcCurve::of(&image.mapv(Complex64::from), &truth.mapv(Complex64::from), window),
    }
}

/// The metrics of the phases, and the phase of the reconstruction minus that of the truth, both
/// without planes.
///
/// Differences are taken between complex numbers: a phase that wraps in one field only is no error
/// of 2 pi.
fn measure_phase(
    aligned: &Array2<Complex64>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
    window: &Array2<f64>,
) -> (ImageMetrics, Array2<f64>) {
    let mut ratio = aligned.clone();
    ratio.zip_mut_with(truth, |a, t| *a *= t.conj());
    let (error, truth) =
        rayon::join(|| phase_without_plane(&ratio, mask), || phase_without_plane(truth, mask));
    let image = &truth + &error;
    let (mae, mse) = mean_errors(&image, &truth, mask);
    let mapped = |phase: &Array2<f64>| phase.mapv(|p| (p + PI) / TAU);
    let (image_01, truth_01) = (mapped(&image), mapped(&truth));
    let metrics = ImageMetrics {
        mae,
        mse,
        psnr: psnr(mse, Levels::of(&truth, mask).range(1.0)),
        ssim: similarity(&image_01, &truth_01, mask, 1.0, &Kernel::uniform()).map(|s| s.whole),
        ms_ssim: ms_ssim(&image_01, &truth_01, mask, 1.0),
        ms_ssim_decimated: ms_ssim_decimated(&image_01, &truth_01, mask, 1.0),
        frc: FrcCurve::of(&image.mapv(Complex64::from), &truth.mapv(Complex64::from), window),
    };
    (metrics, error)
}

/// Normalised root mean square error and correlation of complex fields.
fn complex_errors(
    aligned: &Array2<Complex64>,
    truth: &Array2<Complex64>,
    mask: &Array2<f64>,
) -> (f64, f64) {
    let (mut error, mut own, mut other, mut mutual) = (0.0, 0.0, 0.0, Complex64::default());
    Zip::from(aligned).and(truth).and(mask).for_each(|a, t, &weight| {
        error += weight * (a - t).norm_sqr();
        own += weight * a.norm_sqr();
        other += weight * t.norm_sqr();
        mutual += a.conj() * t * weight;
    });
    let scale = (own * other).sqrt();
    let correlation = if scale > 0.0 { (mutual.norm() / scale).min(1.0) } else { 0.0 };
    ((error / other).sqrt(), correlation)
}
