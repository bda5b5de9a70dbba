//! The specimen's phase as the deflection of the light has it.

use super::views::Views;
use lapwing_model::Position;
use std::f64::consts::TAU;

/// Skewness of the phase over the scan, whose gradient is the deflection in the frame that
/// `to_scan` (detector to scan) makes: positive where single features advance the wave, negative
/// where they retard it. Zero without any.
///
/// For a phase object, the mean frequency at the detector is that of the phase's gradient under the
/// probe, at any defocus (Ehrenfest's theorem; I. Lazic, E. G. T. Bosch, S. Lazar,
/// *Ultramicroscopy* 160, 2016).
pub(super) fn skewness(views: &Views, to_scan: [[f64; 2]; 2], scan: &[Position]) -> f64 {
    let deflection = views.deflection();
    // phi(Q) = Q . g(Q) / (i |Q|^2), up to a factor.
    let spectrum: Vec<(f64, f64)> = deflection
        .iter()
        .zip(&views.over)
        .map(|([y, x], &(q_y, q_x))| {
            let along = (
                q_y * to_scan[0][0] + q_x * to_scan[1][0],
                q_y * to_scan[0][1] + q_x * to_scan[1][1],
            );
            let square = q_y * q_y + q_x * q_x;
            let (re, im) = (along.0 * y.0 + along.1 * x.0, along.0 * y.1 + along.1 * x.1);
            (im / square, -re / square)
        })
        .collect();
    let (mut y, mut x) = (0.0, 0.0);
    for at in scan {
        (y, x) = (y + at.y / scan.len() as f64, x + at.x / scan.len() as f64);
    }
    let phase: Vec<f64> = scan
        .iter()
        .map(|at| {
            let wave = spectrum.iter().zip(&views.over).map(|(&(re, im), &(q_y, q_x))| {
                let (sin, cos) = (TAU * (q_y * (at.y - y) + q_x * (at.x - x))).sin_cos();
                re * cos - im * sin
            });
            wave.sum()
        })
        .collect();
    let n = phase.len() as f64;
    let mean = phase.iter().sum::<f64>() / n;
    let moment = |power: i32| phase.iter().map(|p| (p - mean).powi(power)).sum::<f64>() / n;
    let variance = moment(2);
    if variance > 0.0 { moment(3) / variance.powf(1.5) } else { 0.0 }
}
