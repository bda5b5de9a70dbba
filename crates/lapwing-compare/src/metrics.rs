//! The numbers of a comparison. Formulas, ranges and sources: `docs/metrics.md`.

use crate::Region;
use crate::frc::{FrcCurve, FrcCurves};
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
        /// The field names are the names in JSON and CSV and stay. `None` (JSON `null`): the number does not exist for this
        /// region or truth, as said at each field. Definitions: `docs/metrics.md`.
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
    /// Peak signal to noise of the amplitudes, dB; peak: the truth's range. `None` without error or without range.
    amplitude_psnr: Option<f64>,
    /// Structural similarity of the amplitudes (scikit-image's defaults). `None` when the truth's amplitude is constant.
    amplitude_ssim: Option<f64>,
    /// Multi-scale structural similarity (Wang et al. 2003) of the amplitudes. `None` also for regions below 176 px.
    amplitude_ms_ssim: Option<f64>,
    /// The reference study's variant: every second pixel, amplitudes smoothed first. `None` also below 97 px.
    amplitude_ms_ssim_decimated: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below 1/2, cycles per pixel; `None`: nowhere.
    amplitude_frc_0_5: Option<f64>,
    /// Where the ring correlation of the amplitudes first falls below 1/7, cycles per pixel; `None`: nowhere.
    amplitude_frc_1_7: Option<f64>,
    /// Mean absolute difference of the phases, radians, planes removed.
    phase_mae: f64,
    /// Mean square difference of the phases, square radians, planes removed.
    phase_mse: f64,
    /// Peak signal to noise of the phases, dB; peak: the truth's range. `None` without error or without range.
    phase_psnr: Option<f64>,
    /// Structural similarity of the phases, mapped to (phi + pi) / 2 pi with range 1.
    phase_ssim: Option<f64>,
    /// Multi-scale structural similarity (Wang et al. 2003) of the mapped phases. `None` for regions below 176 px.
    phase_ms_ssim: Option<f64>,
    /// The reference study's variant on the mapped phases, not smoothed. `None` for regions below 97 px.
    phase_ms_ssim_decimated: Option<f64>,
    /// Where the ring correlation of the phases first falls below 1/2, cycles per pixel; `None`: nowhere.
    phase_frc_0_5: Option<f64>,
    /// Where the ring correlation of the phases first falls below 1/7, cycles per pixel; `None`: nowhere.
    phase_frc_1_7: Option<f64>,
    /// Root of the squared complex error over the truth's energy; 0 is perfect.
    complex_nrmse: f64,
    /// |<reconstruction, truth>| / (|reconstruction| |truth|); 1 is perfect.
    complex_correlation: f64,
    /// Where the ring correlation of the complex fields first falls below 1/2, cycles per pixel; `None`: nowhere.
    complex_frc_0_5: Option<f64>,
    /// Where the ring correlation of the complex fields first falls below 1/7, cycles per pixel; `None`: nowhere.
    complex_frc_1_7: Option<f64>,
}

/// Everything that is measured on one pair of aligned fields.
pub(crate) struct Measured {
    pub(crate) metrics: Metrics,
    pub(crate) frc: FrcCurves,
    /// Phase of the reconstruction minus phase of the truth, planes removed, radians.
    pub(crate) phase_error: Array2<f64>,
}

/// Measures `aligned` against `truth`, crops of the region.
pub(crate) fn measure(aligned: &Array2<Complex64>, truth: &Array2<Complex64>, region: &Region) -> Measured {
    let mask = region.mask().mapv(f64::from);
    let window = soft_window(region.mask());

    let truth_amplitude = truth.mapv(|t| t.norm());
    let mut amplitude = aligned.mapv(|a| a.norm());
    let levels = Levels::of(&truth_amplitude, &mask);
    amplitude *= levels.mean / Levels::of(&amplitude, &mask).mean;
    let (amplitude_mae, amplitude_mse) = mean_errors(&amplitude, &truth_amplitude, &mask);
    let amplitude_range = levels.range(levels.mean);

    // Differences are taken between complex numbers, so a phase that wraps in one field only is no error of 2 pi.
    let mut ratio = aligned.clone();
    ratio.zip_mut_with(truth, |a, t| *a *= t.conj());
    let phase_error = phase_without_plane(&ratio, &mask);
    let truth_phase = phase_without_plane(truth, &mask);
    let phase = &truth_phase + &phase_error;
    let (phase_mae, phase_mse) = mean_errors(&phase, &truth_phase, &mask);
    let phase_range = Levels::of(&truth_phase, &mask).range(1.0);
    let mapped = |phase: &Array2<f64>| phase.mapv(|p| (p + PI) / TAU);
    let (phase_01, truth_phase_01) = (mapped(&phase), mapped(&truth_phase));

    let uniform = Kernel::uniform();
    let complex = |field: &Array2<f64>| field.mapv(Complex64::from);
    let frc = FrcCurves {
        complex: FrcCurve::of(aligned, truth, &window),
        amplitude: FrcCurve::of(&complex(&amplitude), &complex(&truth_amplitude), &window),
        phase: FrcCurve::of(&complex(&phase), &complex(&truth_phase), &window),
    };
    let (complex_nrmse, complex_correlation) = complex_errors(aligned, truth, &mask);
    let metrics = Metrics {
        amplitude_mae,
        amplitude_mse,
        amplitude_psnr: psnr(amplitude_mse, amplitude_range),
        amplitude_ssim: amplitude_range
            .and_then(|range| similarity(&amplitude, &truth_amplitude, &mask, range, &uniform))
            .map(|found| found.whole),
        amplitude_ms_ssim: amplitude_range
            .and_then(|range| ms_ssim(&amplitude, &truth_amplitude, &mask, range)),
        amplitude_ms_ssim_decimated: amplitude_range.and_then(|range| {
            ms_ssim_decimated(&smoothed(&amplitude, &mask), &smoothed(&truth_amplitude, &mask), &mask, range)
        }),
        amplitude_frc_0_5: frc.amplitude.falls_below(0.5),
        amplitude_frc_1_7: frc.amplitude.falls_below(1.0 / 7.0),
        phase_mae,
        phase_mse,
        phase_psnr: psnr(phase_mse, phase_range),
        phase_ssim: similarity(&phase_01, &truth_phase_01, &mask, 1.0, &uniform).map(|found| found.whole),
        phase_ms_ssim: ms_ssim(&phase_01, &truth_phase_01, &mask, 1.0),
        phase_ms_ssim_decimated: ms_ssim_decimated(&phase_01, &truth_phase_01, &mask, 1.0),
        phase_frc_0_5: frc.phase.falls_below(0.5),
        phase_frc_1_7: frc.phase.falls_below(1.0 / 7.0),
        complex_nrmse,
        complex_correlation,
        complex_frc_0_5: frc.complex.falls_below(0.5),
        complex_frc_1_7: frc.complex.falls_below(1.0 / 7.0),
    };
    Measured { metrics, frc, phase_error }
}

/// Normalised root mean square error and correlation of complex fields.
fn complex_errors(aligned: &Array2<Complex64>, truth: &Array2<Complex64>, mask: &Array2<f64>) -> (f64, f64) {
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
