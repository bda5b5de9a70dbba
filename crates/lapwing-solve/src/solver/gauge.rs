//! Power and scale of the fields: what the data fix, and what they leave open.

use crate::Problem;
use lapwing_model::Complex32;

/// sum_j sum_k |P_k|^2 on the object's grid, at whole-pixel windows. `probe` has axes (mode, y, x).
pub(crate) fn illumination(problem: &Problem, probe: &[Complex32]) -> Vec<f32> {
    let (height, width) = problem.model.shape();
    let columns = problem.object.shape().1;
    let mut power = vec![0.0_f32; height * width];
    for mode in probe.chunks_exact(height * width) {
        power.iter_mut().zip(mode).for_each(|(sum, value)| *sum += value.norm_sqr());
    }
    let mut illumination = vec![0.0_f32; problem.object.slices().len()];
    for window in &problem.windows {
        let start = window.row as usize * columns + window.column as usize;
        let rows = illumination[start..].chunks_mut(columns);
        for (target, power) in rows.zip(power.chunks_exact(width)) {
            target.iter_mut().zip(power).for_each(|(sum, &value)| *sum += value);
        }
    }
    illumination
}

/// Factor on a probe with this illumination that makes `object` and probe predict the measured
/// total: by Parseval, sum_j I_j = sum_x illumination |O|^2.
pub(crate) fn probe_scale(problem: &Problem, object: &[Complex32], illumination: &[f32]) -> f32 {
    let predicted = weighted_power(object, illumination);
    let measured = problem.mean_intensity * problem.n_patterns() as f64;
    if predicted > 0.0 { (measured / predicted).sqrt() as f32 } else { 1.0 }
}

/// Illumination-weighted r.m.s. of the object: the c of the scale ambiguity O -> O / c, P -> c P
/// that brings the object to an r.m.s. of 1. 1 when it is not a usable number.
pub(crate) fn object_rms(object: &[Complex32], illumination: &[f32]) -> f64 {
    let weight: f64 = illumination.iter().map(|&light| f64::from(light)).sum();
    let rms = (weighted_power(object, illumination) / weight).sqrt();
    if rms.is_finite() && rms > 0.0 { rms } else { 1.0 }
}

/// Divides the object by `rms` wherever light falls - pixels that no window reaches keep their
/// start value - and multiplies the probe by it.
pub(crate) fn rescale(
    object: &mut [Complex32],
    illumination: &[f32],
    probe: &mut [Complex32],
    rms: f64,
) {
    let (up, down) = (rms as f32, (1.0 / rms) as f32);
    for (value, _) in object.iter_mut().zip(illumination).filter(|(_, light)| **light > 0.0) {
        *value *= down;
    }
    probe.iter_mut().for_each(|value| *value *= up);
}

fn weighted_power(object: &[Complex32], illumination: &[f32]) -> f64 {
    let pairs = illumination.iter().zip(object);
    pairs.map(|(&light, value)| f64::from(light) * f64::from(value.norm_sqr())).sum()
}
