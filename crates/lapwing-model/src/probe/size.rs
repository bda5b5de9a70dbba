//! The size of a probe, and a probe that is known only roughly.

use crate::fft::{Fft2, frequency};
use crate::{Complex32, Modes};
use ndarray::ArrayView3;
use std::f64::consts::SQRT_2;

/// Share of a pattern's side that a probe is taken to be wide of which nothing is known.
const USUAL: f64 = 0.6;

/// The diameter, pixels, of the disc that a probe of which nothing is known is taken to illuminate,
/// for patterns of `shape` (y, x).
pub fn usual_diameter(shape: (usize, usize)) -> f64 {
    USUAL * shape.0.min(shape.1) as f64
}

/// Equivalent-disc diameter of a probe (mode, y, x), pixels: D = 2 sqrt(2) r_rms, where r_rms^2 is
/// the second moment of the intensity of all modes about its centroid.
///
/// A uniform disc of diameter D has r_rms = D / (2 sqrt 2), so a disc gets its own diameter. A dark
/// probe has diameter 0.
pub fn diameter(probe: ArrayView3<Complex32>) -> f64 {
    let (mut sum, mut y_sum, mut x_sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
    for ((_, y, x), value) in probe.indexed_iter() {
        let (y, x, intensity) = (y as f64, x as f64, f64::from(value.norm_sqr()));
        sum += intensity;
        y_sum += intensity * y;
        x_sum += intensity * x;
        squares += intensity * (y * y + x * x);
    }
    if sum == 0.0 {
        return 0.0;
    }
    let (y, x) = (y_sum / sum, x_sum / sum);
    2.0 * SQRT_2 * (squares / sum - y * y - x * x).max(0.0).sqrt()
}

/// The probe with extra defocus and astigmatism: a probe as imperfect knowledge of an instrument
/// would give it.
///
/// Every mode (mode, y, x) is multiplied in the Fourier domain by exp(-i chi),
///
/// ```text
/// chi = (defocus q^2 + astigmatism (q_x^2 - q_y^2)) / q_e^2
/// ```
///
/// with `defocus` and `astigmatism` in radians at the effective edge q_e of the aperture, sqrt(2)
/// times the root mean square of the probe's spatial frequencies about their mean, which is the
/// edge itself for a uniformly filled round aperture. Energy is kept.
pub fn perturb(probe: ArrayView3<Complex32>, defocus: f64, astigmatism: f64) -> Modes {
    let (modes, height, width) = probe.dim();
    let mut result = probe.to_owned();
    if modes == 0 || height == 0 || width == 0 {
        return result;
    }
    let fft = Fft2::new((height, width));
    let zero = Complex32::default();
    let mut scratch = vec![zero; fft.scratch_len()];
    let mut spectra = vec![zero; modes * height * width];
    let mut field = vec![zero; height * width];
    for (mode, spectrum) in probe.outer_iter().zip(spectra.chunks_exact_mut(height * width)) {
        field.iter_mut().zip(mode).for_each(|(target, &value)| *target = value);
        fft.forward(&mut field, spectrum, &mut scratch);
    }

    let at = |index: usize| {
        (frequency(index % height, height), frequency(index / height % width, width))
    };
    let (mut sum, mut y_sum, mut x_sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
    for (index, value) in spectra.iter().enumerate() {
        let ((q_y, q_x), power) = (at(index), f64::from(value.norm_sqr()));
        sum += power;
        y_sum += power * q_y;
        x_sum += power * q_x;
        squares += power * (q_y * q_y + q_x * q_x);
    }
    let (y_mean, x_mean) = (y_sum / sum, x_sum / sum);
    let edge = 2.0 * (squares / sum - y_mean * y_mean - x_mean * x_mean);
    // Uniform light (one frequency) and darkness have no aperture.
    if edge.is_nan() || edge <= 0.0 {
        return result;
    }
    for (index, value) in spectra.iter_mut().enumerate() {
        let (q_y, q_x) = at(index);
        let (q_y, q_x) = (q_y - y_mean, q_x - x_mean);
        let chi =
            (defocus * (q_y * q_y + q_x * q_x) + astigmatism * (q_x * q_x - q_y * q_y)) / edge;
        *value *= Complex32::from_polar(1.0, -chi as f32);
    }
    for (mut mode, spectrum) in
        result.outer_iter_mut().zip(spectra.chunks_exact_mut(height * width))
    {
        fft.inverse(spectrum, &mut field, &mut scratch);
        mode.iter_mut().zip(&field).for_each(|(target, &value)| *target = value);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ProbeDesign, ProbeKind};

    #[test]
    fn diameters_of_a_disc_and_of_a_gaussian() {
        let disc = Modes::from_shape_fn((1, 101, 120), |(_, y, x)| {
            let inside = (y as f64 - 47.3).hypot(x as f64 - 61.8) <= 20.0;
            Complex32::new(0.0, if inside { 3.0 } else { 0.0 })
        });
        assert!((diameter(disc.view()) - 40.0).abs() < 0.2);
        // I = exp(-r^2 / (2 s^2)): r_rms = s sqrt 2, D = 4 s. Two modes with half the light each
        // are the same probe.
        let gaussian = Modes::from_shape_fn((2, 128, 128), |(_, y, x)| {
            let r2 = (y as f64 - 60.0).powi(2) + (x as f64 - 66.0).powi(2);
            Complex32::from_polar((-r2 / (4.0 * 49.0)).exp() as f32, y as f32)
        });
        assert!((diameter(gaussian.view()) - 28.0).abs() < 0.01);
        assert_eq!(diameter(Modes::zeros((1, 8, 8)).view()), 0.0);
    }

    #[test]
    fn a_perturbed_defocused_probe_is_a_probe_at_another_defocus() {
        let design = |defocus, astigmatism| ProbeDesign {
            defocus: Some(defocus),
            astigmatism,
            ..ProbeDesign::default()
        };
        let build = |defocus, astigmatism| design(defocus, astigmatism).build((96, 96)).unwrap();
        let overlap = |a: &Modes, b: &Modes| {
            a.iter().zip(b).map(|(a, b)| a.conj() * b).sum::<Complex32>().norm()
        };
        let start = build(9.0, 0.0);
        let moved = perturb(start.view(), 2.0, 1.0);
        let energy: f64 = moved.iter().map(|v| f64::from(v.norm_sqr())).sum();
        assert!((energy - 1.0).abs() < 1e-5);
        assert!(overlap(&moved, &build(11.0, 1.0)) > 0.995);
        assert!(overlap(&moved, &start) < 0.9);
        let same = perturb(start.view(), 0.0, 0.0);
        assert!(same.iter().zip(&start).all(|(a, b)| (a - b).norm() < 1e-6));
    }

    #[test]
    fn perturbing_keeps_modes_apart_and_odd_input_finite() {
        let start = ProbeDesign::new(ProbeKind::Disc).build((33, 40)).unwrap();
        let mut modes = Modes::zeros((2, 33, 40));
        modes.index_axis_mut(ndarray::Axis(0), 1).assign(&start.index_axis(ndarray::Axis(0), 0));
        let moved = perturb(modes.view(), 1.0, 0.5);
        assert!(moved.index_axis(ndarray::Axis(0), 0).iter().all(|v| v.norm() < 1e-6));
        assert!(diameter(moved.view()) > diameter(start.view()));
        for odd in [
            Modes::zeros((1, 8, 8)),
            Modes::from_elem((1, 8, 8), Complex32::new(1.0, 0.0)),
            Modes::zeros((0, 8, 8)),
        ] {
            assert!(
                perturb(odd.view(), 1.0, 1.0).iter().all(|v| v.re.is_finite() && v.im.is_finite())
            );
        }
    }
}
