//! Power and scale of the fields: what the data fix, and what they leave open.

use crate::Problem;
use lapwing_model::Complex32;

/// sum_j sum_k |P_k|^2 on the object's grid, at whole-pixel windows; the same for every slice, as
/// if the light did not spread between them. `probe` has axes (mode, y, x).
pub(crate) fn illumination(problem: &Problem, probe: &[Complex32]) -> Vec<f32> {
    let (height, width) = problem.model.shape();
    let columns = problem.object.shape().1;
    let mut power = vec![0.0_f32; height * width];
    for mode in probe.chunks_exact(height * width) {
        power.iter_mut().zip(mode).for_each(|(sum, value)| *sum += value.norm_sqr());
    }
    let slice = problem.slice_len();
    let mut illumination = vec![0.0_f32; problem.n_slices() * slice];
    for window in &problem.windows {
        let start = window.row as usize * columns + window.column as usize;
        let rows = illumination[start..].chunks_mut(columns);
        for (target, power) in rows.zip(power.chunks_exact(width)) {
            target.iter_mut().zip(power).for_each(|(sum, &value)| *sum += value);
        }
    }
    for behind in 1..problem.n_slices() {
        illumination.copy_within(..slice, behind * slice);
    }
    illumination
}

/// Photons that a pixel of the object has from all patterns, in the mean over these photons; of
/// `probe` only the shape counts.
pub(crate) fn photons_of_a_pixel(problem: &Problem, probe: &[Complex32]) -> f64 {
    let light = illumination(problem, probe);
    let first = light[..problem.slice_len()].iter().map(|&light| f64::from(light));
    let (sum, squares) =
        first.fold((0.0, 0.0), |(sum, squares), light| (sum + light, squares + light * light));
    let photons = problem.mean_intensity * problem.n_patterns() as f64 / problem.gain;
    if sum > 0.0 { photons * squares / (sum * sum) } else { 0.0 }
}

/// Factor on a probe with this illumination that makes `object` and probe predict the measured
/// total: by Parseval, sum_j I_j = sum_x illumination |O|^2, of a thick object as if the light did
/// not spread between its slices.
pub(crate) fn probe_scale(problem: &Problem, object: &[Complex32], illumination: &[f32]) -> f32 {
    let (first, behind) = object.split_at(problem.slice_len());
    let mut product = std::borrow::Cow::Borrowed(first);
    for slice in behind.chunks_exact(problem.slice_len()) {
        product.to_mut().iter_mut().zip(slice).for_each(|(value, slice)| *value *= slice);
    }
    let predicted = weighted_power(&product, illumination);
    let measured = problem.mean_intensity * problem.n_patterns() as f64;
    if predicted > 0.0 { (measured / predicted).sqrt() as f32 } else { 1.0 }
}

/// Removes the scale ambiguity O -> O / c, P -> c P: the illumination-weighted r.m.s. of every
/// slice of the object becomes 1. Returns the factor on the probe.
pub(crate) fn balance(
    problem: &Problem,
    object: &mut [Complex32],
    illumination: &[f32],
    probe: &mut [Complex32],
) -> f64 {
    let slice = problem.slice_len();
    let slices = object.chunks_exact_mut(slice).zip(illumination.chunks_exact(slice));
    let factor = slices.map(|(object, light)| unify(object, light)).product();
    probe.iter_mut().for_each(|value| *value *= factor as f32);
    factor
}

/// Divides a slice by its illumination-weighted r.m.s. wherever light falls - pixels that no window
/// reaches keep their start value - and returns that; 1 when it is not a usable number.
fn unify(object: &mut [Complex32], illumination: &[f32]) -> f64 {
    let weight: f64 = illumination.iter().map(|&light| f64::from(light)).sum();
    let rms = (weighted_power(object, illumination) / weight).sqrt();
    let rms = if rms.is_finite() && rms > 0.0 { rms } else { 1.0 };
    let down = (1.0 / rms) as f32;
    for (value, _) in object.iter_mut().zip(illumination).filter(|(_, light)| **light > 0.0) {
        *value *= down;
    }
    rms
}

fn weighted_power(object: &[Complex32], illumination: &[f32]) -> f64 {
    let pairs = illumination.iter().zip(object);
    pairs.map(|(&light, value)| f64::from(light) * f64::from(value.norm_sqr())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::{Field, Modes, Position};
    use ndarray::Array3;

    #[test]
    fn patterns_that_overlap_give_a_pixel_the_photons_of_both() {
        let one = Complex32::ONE;
        let at = |x| Position { y: 4.0, x };
        for (scan, expected) in [
            // 16 pixels with 16 photons each; and two windows of which half is common.
            (vec![at(4.0)], 16.0),
            (vec![at(4.0), at(4.0)], 32.0),
            (
                vec![at(4.0), at(6.0)],
                (8.0 * 16.0_f64.powi(2) * 2.0 + 8.0 * 32.0_f64.powi(2)) / 512.0,
            ),
        ] {
            let counts = Array3::from_elem((scan.len(), 4, 4), 16.0_f32);
            let probe = Modes::from_elem((1, 4, 4), one * 3.0);
            let problem = Problem::builder(scan, Field::from_elem((12, 12), one), probe);
            let problem = problem.patterns(counts).unwrap();
            let probe = vec![one * 0.1; 16];
            let found = photons_of_a_pixel(&problem, &probe);
            assert!((found / expected - 1.0).abs() < 1e-5, "{found}, expected {expected}");
        }
    }
}
