//! A start probe from the patterns themselves.

use super::disc::{Disc, mean};
use super::{CalibrateError, relative};
use lapwing_model::fft::{Fft2, frequency, to_detector_order};
use lapwing_model::{Complex32, Modes};
use ndarray::{Array2, ArrayView3};
use std::f64::consts::{PI, TAU};

/// Brightness over that of the disc below which light is attributed to the specimen.
const FAINT: f64 = 0.05;

/// The probe whose pupil is the root of the mean pattern and whose phase is that of a curvature and
/// an astigmatism, in a window of the patterns' shape: axes (mode, y, x), one mode, the power of a
/// mean pattern.
///
/// `patterns` have the zero frequency in the centre, and pixels of the object these `sides` (y, x).
/// `curvature` is kappa, pixels squared, and `astigmatism` its half difference and direction, as
/// [`super::Curvature`] has them: P = F^-1[A exp(-i pi (kappa |q|^2 + a |q|^2 cos 2 (phi -
/// phi_a)))]. Light fainter than a twentieth of the bright disc is attributed to the specimen and
/// left out.
///
/// # Errors
/// [`CalibrateError::Dark`].
pub fn probe(
    patterns: ArrayView3<'_, f32>,
    curvature: f64,
    astigmatism: (f64, f64),
    sides: (f64, f64),
) -> Result<Modes, CalibrateError> {
    let (_, height, width) = patterns.dim();
    let sides = relative(sides);
    let mean = mean(patterns);
    let level = Disc::spot(mean.view())?.level;
    let faint = FAINT * level;
    let pupil = Array2::from_shape_fn((height, width), |at| (mean[at] - faint).max(0.0).sqrt());
    let pupil: Vec<f64> = pupil.iter().copied().collect();
    let mut ordered = vec![0.0; pupil.len()];
    to_detector_order(&pupil, &mut ordered, (height, width));
    let mut spectrum: Vec<Complex32> = ordered
        .iter()
        .enumerate()
        .map(|(index, &amplitude)| {
            let (y, x) = (frequency(index % height, height), frequency(index / height, width));
            let (v, u) = (y / sides.0, x / sides.1);
            let fold = astigmatism.0 * (2.0 * (v.atan2(u) - astigmatism.1)).cos();
            let chi = PI * (v * v + u * u) * (curvature + fold);
            // The last term puts the centre of the probe into the centre of the window.
            let centre = TAU * (y * (height / 2) as f64 + x * (width / 2) as f64);
            let (sin, cos) = (-(chi + centre)).sin_cos();
            Complex32::new((amplitude * cos) as f32, (amplitude * sin) as f32)
        })
        .collect();
    let fft = Fft2::new((height, width));
    let mut scratch = vec![Complex32::default(); fft.scratch_len()];
    let mut field = vec![Complex32::default(); spectrum.len()];
    fft.inverse(&mut spectrum, &mut field, &mut scratch);
    Ok(Modes::from_shape_fn((1, height, width), |(_, y, x)| field[y * width + x]))
}
