//! The metrics of a comparison, one row each. Formulas, ranges and sources: `docs/metrics.md`.
//!
//! A new metric is a module that measures it on a [`Pair`], a row of the table below and a row of
//! `docs/metrics.md`. Tables, the command line, the report and Python have it from the row.

#[cfg(test)]
mod fixture_tests;
mod median;
mod ms_ssim;
pub(crate) mod pair;
mod plane;
mod pointwise;
mod ssim;
mod table;

use crate::Better::{Higher, Lower, Neither};
use crate::{Criterion, Metric};
use lapwing_model::parallel::InParallel;
use pair::Pair;
use serde::{Deserialize, Serialize};
use table::{meaning, metrics};

/// Why a number may not exist.
const UNIFORM: &str = "the truth is the same everywhere";
const NO_NOISE: &str = "the truth is the same everywhere, or nothing differs from it";
const NEVER_BELOW: &str = "no correlation falls below that threshold, which is the best outcome";

metrics! {
    /// Mean absolute difference of the amplitudes, the reconstruction's scaled to the truth's mean.
    amplitude_mae: f64 = |pair| pair.amplitude.errors.absolute, {
        title: "amplitude MAE", better: Lower, perfect: 0.0,
    }

    /// Mean square difference of the amplitudes, the reconstruction's scaled to the truth's mean.
    amplitude_mse: f64 = |pair| pair.amplitude.errors.square, {
        title: "amplitude MSE", better: Lower, perfect: 0.0,
    }

    /// Peak signal to noise of the amplitudes, with the truth's range as the peak.
    ///
    /// `None` without error or without range.
    amplitude_psnr: Option<f64> = |pair| pair.amplitude.psnr(), {
        title: "amplitude PSNR", unit: "dB", better: Higher,
        absent: NO_NOISE,
    }

    /// Structural similarity of the amplitudes; 1 is perfect.
    ///
    /// With the defaults of scikit-image. `None` when the truth's amplitude is constant.
    amplitude_ssim: Option<f64> = |pair| pair.amplitude.ssim(), {
        title: "amplitude SSIM", better: Higher, perfect: 1.0, goal: 0.9,
        absent: UNIFORM,
    }

    /// Structural similarity of the truth's amplitudes to their mean everywhere, which an image
    /// without any detail has.
    amplitude_ssim_flat: Option<f64> = |pair| pair.amplitude.ssim_flat(), {
        title: "amplitude SSIM of a flat image", better: Neither,
        absent: UNIFORM,
    }

    /// Multi-scale structural similarity of the amplitudes; 1 is perfect.
    ///
    /// Wang et al. 2003. `None` also for regions below 176 px.
    amplitude_ms_ssim: Option<f64> = |pair| pair.amplitude.ms_ssim(), {
        title: "amplitude MS-SSIM", better: Higher, perfect: 1.0,
        absent: ms_ssim::needs(ms_ssim::SMALLEST),
    }

    /// Multi-scale structural similarity of the amplitudes in the reference study's variant: every
    /// second pixel, amplitudes smoothed first; 1 is perfect.
    ///
    /// `None` also for regions below 97 px.
    amplitude_ms_ssim_decimated: Option<f64> = |pair| pair.amplitude.ms_ssim_decimated(), {
        title: "amplitude MS-SSIM, decimated", better: Higher, perfect: 1.0,
        absent: ms_ssim::needs(ms_ssim::SMALLEST_DECIMATED),
    }

    /// Frequency at which the ring correlation of the amplitudes first falls below 1/2; none: it
    /// never does, the best outcome.
    amplitude_frc_0_5: Option<f64> = |pair| pair.frc.amplitude.resolved(Criterion::Half), {
        title: "amplitude FRC 1/2", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the amplitudes first falls below 1/7; none: it
    /// never does, the best outcome.
    amplitude_frc_1_7: Option<f64> = |pair| pair.frc.amplitude.resolved(Criterion::Seventh), {
        title: "amplitude FRC 1/7", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the amplitudes first falls below the half-bit
    /// threshold; none: it never does, the best outcome.
    amplitude_frc_half_bit: Option<f64> = |pair| pair.frc.amplitude.resolved(Criterion::HalfBit), {
        title: "amplitude FRC half-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the amplitudes first falls below the one-bit
    /// threshold; none: it never does, the best outcome.
    amplitude_frc_one_bit: Option<f64> = |pair| pair.frc.amplitude.resolved(Criterion::OneBit), {
        title: "amplitude FRC one-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Mean absolute difference of the phases, planes removed.
    phase_mae: f64 = |pair| pair.phase.errors.absolute, {
        title: "phase MAE", unit: "rad", better: Lower, perfect: 0.0,
    }

    /// Mean square difference of the phases, planes removed.
    phase_mse: f64 = |pair| pair.phase.errors.square, {
        title: "phase MSE", unit: "rad^2", better: Lower, perfect: 0.0,
    }

    /// Median absolute difference of the phases, planes removed: half of the pixels are at least as
    /// good.
    phase_median_error: f64 = |pair| median::median_error(&pair.phase_error, &pair.mask), {
        title: "phase median error", unit: "rad", better: Lower, perfect: 0.0,
    }

    /// Peak signal to noise of the phases, with the truth's range as the peak.
    ///
    /// `None` without error or without range.
    phase_psnr: Option<f64> = |pair| pair.phase.psnr(), {
        title: "phase PSNR", unit: "dB", better: Higher,
        absent: NO_NOISE,
    }

    /// Structural similarity of the phases; 1 is perfect.
    ///
    /// Of phases mapped to (phi + pi) / 2 pi, with range 1.
    phase_ssim: Option<f64> = |pair| pair.phase.ssim(), {
        title: "phase SSIM", better: Higher, perfect: 1.0, goal: 0.9,
        absent: UNIFORM,
    }

    /// Structural similarity of the truth's phases to their mean everywhere, which an image without
    /// any detail has.
    ///
    /// Of the mapped phases: of a weak phase it is near 1.
    phase_ssim_flat: Option<f64> = |pair| pair.phase.ssim_flat(), {
        title: "phase SSIM of a flat image", better: Neither,
        absent: UNIFORM,
    }

    /// Multi-scale structural similarity of the phases; 1 is perfect.
    ///
    /// Wang et al. 2003, of the mapped phases. `None` for regions below 176 px.
    phase_ms_ssim: Option<f64> = |pair| pair.phase.ms_ssim(), {
        title: "phase MS-SSIM", better: Higher, perfect: 1.0,
        absent: ms_ssim::needs(ms_ssim::SMALLEST),
    }

    /// Multi-scale structural similarity of the phases in the reference study's variant: every
    /// second pixel, not smoothed; 1 is perfect.
    ///
    /// Of the mapped phases. `None` for regions below 97 px.
    phase_ms_ssim_decimated: Option<f64> = |pair| pair.phase.ms_ssim_decimated(), {
        title: "phase MS-SSIM, decimated", better: Higher, perfect: 1.0,
        absent: ms_ssim::needs(ms_ssim::SMALLEST_DECIMATED),
    }

    /// Frequency at which the ring correlation of the phases first falls below 1/2; none: it never
    /// does, the best outcome.
    phase_frc_0_5: Option<f64> = |pair| pair.frc.phase.resolved(Criterion::Half), {
        title: "phase FRC 1/2", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the phases first falls below 1/7; none: it never
    /// does, the best outcome.
    phase_frc_1_7: Option<f64> = |pair| pair.frc.phase.resolved(Criterion::Seventh), {
        title: "phase FRC 1/7", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the phases first falls below the half-bit
    /// threshold; none: it never does, the best outcome.
    phase_frc_half_bit: Option<f64> = |pair| pair.frc.phase.resolved(Criterion::HalfBit), {
        title: "phase FRC half-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the phases first falls below the one-bit
    /// threshold; none: it never does, the best outcome.
    phase_frc_one_bit: Option<f64> = |pair| pair.frc.phase.resolved(Criterion::OneBit), {
        title: "phase FRC one-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Root mean square error of the complex field, relative to what it is compared with; 0 is
    /// perfect.
    ///
    /// The squared error over the energy of the truth or the reference, and the root of it.
    complex_nrmse: f64 = |pair| pair.complex_nrmse(), {
        title: "complex NRMSE", heading: "Complex error", better: Lower, perfect: 0.0, goal: 0.1,
    }

    /// Correlation of the complex fields, phase and amplitude together; 1 is perfect.
    ///
    /// |<reconstruction, truth>| / (|reconstruction| |truth|).
    complex_correlation: f64 = |pair| pair.complex_correlation(), {
        title: "complex correlation", better: Higher, perfect: 1.0, goal: 0.98,
        between_halves: true,
    }

    /// Correlation of the true complex field with its mean everywhere, which an image without any
    /// detail has.
    ///
    /// |mean| / r.m.s.; the complex NRMSE of that image is the root of 1 less its square.
    complex_correlation_flat: Option<f64> = |pair| pair.complex_correlation_flat(), {
        title: "complex correlation of a flat image", better: Neither, between_halves: true,
    }

    /// Frequency at which the ring correlation of the complex fields first falls below 1/2; none:
    /// it never does, the best outcome.
    complex_frc_0_5: Option<f64> = |pair| pair.frc.complex.resolved(Criterion::Half), {
        title: "complex FRC 1/2", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the complex fields first falls below 1/7; none:
    /// it never does, the best outcome.
    complex_frc_1_7: Option<f64> = |pair| pair.frc.complex.resolved(Criterion::Seventh), {
        title: "complex FRC 1/7", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the complex fields first falls below the half-bit
    /// threshold; none: it never does, the best outcome.
    complex_frc_half_bit: Option<f64> = |pair| pair.frc.complex.resolved(Criterion::HalfBit), {
        title: "complex FRC half-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }

    /// Frequency at which the ring correlation of the complex fields first falls below the one-bit
    /// threshold; none: it never does, the best outcome.
    complex_frc_one_bit: Option<f64> = |pair| pair.frc.complex.resolved(Criterion::OneBit), {
        title: "complex FRC one-bit", unit: "cycles/px", better: Higher, between_halves: true,
        absent: NEVER_BELOW,
    }
}
