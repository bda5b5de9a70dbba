//! How often the error of a reconstruction lies within the standard deviations claimed for it.

use crate::{Comparison, Region};
use lapwing_model::Complex32;
use ndarray::{ArrayView2, s};

/// Shares of the compared pixels whose error is at most one and two standard deviations. Normal
/// errors of the right size give 0.683 and 0.954.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// Of the amplitude.
    pub amplitude: [f64; 2],
    /// Of the phase.
    pub phase: [f64; 2],
}

/// The coverage of the standard deviations `amplitude_sd` (in the unit of `object`) and `phase_sd`
/// (radians) by the errors that `found` has measured of `object` over `region`. All have the axes
/// (y, x) and the shape of the object; pixels whose standard deviation is no number do not count.
///
/// `None` when the shapes differ or nothing counts.
pub fn coverage(
    found: &Comparison,
    region: &Region,
    object: ArrayView2<'_, Complex32>,
    amplitude_sd: ArrayView2<'_, f32>,
    phase_sd: ArrayView2<'_, f32>,
) -> Option<Coverage> {
    let fits = object.dim() == amplitude_sd.dim()
        && object.dim() == phase_sd.dim()
        && region.rows().end <= object.nrows()
        && region.columns().end <= object.ncols();
    if !fits {
        return None;
    }
    let window = s![region.rows(), region.columns()];
    let (object, amplitude_sd, phase_sd) =
        (object.slice(window), amplitude_sd.slice(window), phase_sd.slice(window));
    // What the alignment multiplied amplitudes by, it multiplied their deviations by.
    let power = |field: ArrayView2<'_, Complex32>| -> f64 {
        let counted = field.into_iter().zip(&found.mask).filter(|(_, mask)| **mask);
        counted.map(|(value, _)| f64::from(value.norm_sqr())).sum()
    };
    let factor = (power(found.aligned.view()) / power(object)).sqrt();
    let (mut amplitude, mut phase, mut count) = ([0.0; 2], [0.0; 2], 0.0);
    for (at, _) in found.mask.indexed_iter().filter(|(_, mask)| **mask) {
        let sds = [factor * f64::from(amplitude_sd[at]), f64::from(phase_sd[at])];
        if sds.iter().any(|sd| sd.is_nan()) {
            continue;
        }
        count += 1.0;
        let error = f64::from(found.aligned[at].norm() - found.truth[at].norm()).abs();
        for (index, times) in [1.0, 2.0].into_iter().enumerate() {
            amplitude[index] += f64::from(u8::from(error <= times * sds[0]));
            let turned = f64::from(found.phase_error[at]).abs();
            phase[index] += f64::from(u8::from(turned <= times * sds[1]));
        }
    }
    let share = |sums: [f64; 2]| sums.map(|sum| sum / count);
    (count > 0.0).then(|| Coverage { amplitude: share(amplitude), phase: share(phase) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;
    use lapwing_model::Field;
    use lapwing_model::random::generator;
    use ndarray::Array2;
    use rand::RngExt;

    #[test]
    fn normal_errors_of_the_claimed_size_are_covered_as_normal_errors_are() {
        let mut random = generator(1, "test coverage", 0);
        // A sum of twelve uniform numbers is nearly normal, of variance 1.
        let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
        let truth = Field::from_shape_fn((120, 120), |(y, x)| {
            Complex32::from_polar(1.0, 0.3 * ((y as f32 / 9.0).sin() + (x as f32 / 7.0).cos()))
        });
        let made = truth.mapv(|value| {
            let (amplitude, phase) = (1.0 + 0.02 * normal(), 0.03 * normal());
            // Another unit of amplitude, which the alignment takes out.
            3.0 * value * Complex32::from_polar(amplitude, phase)
        });
        let region = Region::rectangle(0..120, 0..120).unwrap();
        let found = compare(made.view(), truth.view(), &region).unwrap();
        let map = |sd: f32| Array2::from_elem((120, 120), sd);
        let covered =
            coverage(&found, &region, made.view(), map(0.06).view(), map(0.03).view()).unwrap();
        for [one, two] in [covered.amplitude, covered.phase] {
            assert!((one - 0.683).abs() < 0.02 && (two - 0.954).abs() < 0.01, "{one} and {two}");
        }
        let none = map(f32::NAN);
        assert_eq!(coverage(&found, &region, made.view(), none.view(), none.view()), None);
        let small = Array2::zeros((3, 3));
        assert_eq!(coverage(&found, &region, made.view(), small.view(), small.view()), None);
    }
}
