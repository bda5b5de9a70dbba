//! The limit that the number of photons sets to an image, frequency by frequency.
//!
//! With n counted photons on a pixel of the object, no unbiased estimate from a pattern's
//! intensities has amplitude and phase together better than var(a) + var(phi) = 1 / n, a relative
//! to the amplitude: a count measures dI = 2 Re(Psi* dPsi), so that the Fisher informations of the
//! two add up to sum |2 dPsi|^2 = 4 n, and the sum of two variances is at least (1 + 1)^2 / (4 n).
//! On average over the phases of a diverse field each has half of it, 1 / (2 n), at every spatial
//! frequency (D. Bouchet, J. Dong, D. Maestre and T. Juffmann, Phys. Rev. Applied 15, 024047
//! (2021); X. Wei, H. P. Urbach and W. M. J. Coene, Phys. Rev. A 102, 043516 (2020)).
//!
//! A filter may trade noise for signal: of a frequency at which the specimen has the power S and
//! the estimate the noise B = 1 / (2 n), the best linear one leaves the error S B / (S + B)
//! (Wiener), and no linear filter changes the correlation of a ring with the truth, sqrt(S / (S +
//! B)). This is what is computed here, from the truth's own spectrum. A method that uses more about
//! the specimen than its spectrum - that it is made of flat areas, or is transparent - may do
//! better.

use crate::fourier::Fft2;
use crate::frc::FrcCurve;
use crate::registration::signed;
use crate::resolution::{Criterion, Resolution};
use crate::window::{soft_window, windowed};
use lapwing_model::Complex32;
use ndarray::{Array2, ArrayView2};
use num_complex::Complex64;

/// The spectrum of a specimen, by rings, and what follows for images of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Frequency of each ring, cycles per pixel; those beyond 1/2 are in the last.
    frequency: Vec<f64>,
    /// Number of frequencies in each ring.
    count: Vec<usize>,
    /// Mean power of the phase in each ring: its sum over all frequencies, over their number, is
    /// the mean square of the phase, radians squared.
    phase: Vec<f64>,
    /// The same of the relative amplitude.
    amplitude: Vec<f64>,
    /// Mean square of the transmission over the square of its mean modulus.
    brightness: f64,
}

impl Limit {
    /// Of a true transmission, axes (y, x), under a soft window as in ring correlations. `None` of
    /// fields without light or of less than 16 pixels a side.
    pub fn of(truth: ArrayView2<'_, Complex32>) -> Option<Self> {
        let (height, width) = truth.dim();
        let mean = truth.iter().map(|v| f64::from(v.norm())).sum::<f64>() / truth.len() as f64;
        if height.min(width) < 16 || !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        let middle = truth.iter().sum::<Complex32>().arg();
        let turned = truth.mapv(|value| value * Complex32::from_polar(1.0, -middle));
        let window = soft_window(Array2::from_elem((height, width), true).view());
        let weight: f64 = window.iter().map(|w| w * w).sum();
        let fft = Fft2::new((height, width));
        let side = height.min(width);
        let rings = side / 2;
        let of = |quantity: &dyn Fn(Complex32) -> f64| {
            let values = turned.mapv(|value| Complex64::new(quantity(value), 0.0));
            let spectrum = fft.forward(windowed(&values, &window));
            let mut sums = vec![(0.0, 0_usize); rings + 1];
            for ((u_x, u_y), value) in spectrum.indexed_iter() {
                let frequency =
                    (signed(u_y, height) / height as f64).hypot(signed(u_x, width) / width as f64);
                let ring = ((frequency * side as f64).round() as usize).min(rings);
                sums[ring].0 += value.norm_sqr() / weight;
                sums[ring].1 += 1;
            }
            sums
        };
        let phase = of(&|value| f64::from(value.arg()));
        let amplitude = of(&|value| f64::from(value.norm()) / mean - 1.0);
        let power = |sums: &[(f64, usize)]| {
            sums[1..].iter().map(|&(sum, n)| sum / n.max(1) as f64).collect::<Vec<f64>>()
        };
        let square = truth.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>();
        Some(Self {
            frequency: (1..=rings).map(|ring| ring as f64 / side as f64).collect(),
            count: phase[1..].iter().map(|ring| ring.1).collect(),
            phase: power(&phase),
            amplitude: power(&amplitude),
            brightness: square / truth.len() as f64 / mean.powi(2),
        })
    }

    /// The least complex NRMSE of a linear estimate from `photons` per pixel of the object.
    pub fn complex_nrmse(&self, photons: f64) -> f64 {
        let noise = 0.5 / photons;
        let left = |power: f64| if power > 0.0 { power * noise / (power + noise) } else { 0.0 };
        let powers = self.phase.iter().zip(&self.amplitude).zip(&self.count);
        let sum: f64 = powers
            .map(|((phase, amplitude), &n)| n as f64 * (left(*phase) + left(*amplitude)))
            .sum();
        let all: usize = self.count.iter().sum();
        (sum / all as f64 / self.brightness).sqrt()
    }

    /// The ring correlation of the phase with the truth that `photons` per pixel of the object
    /// allow.
    pub fn phase_curve(&self, photons: f64) -> FrcCurve {
        let noise = 0.5 / photons;
        let correlation = |&power: &f64| {
            if power > 0.0 { (power / (power + noise)).sqrt() } else { 0.0 }
        };
        FrcCurve {
            frequency: self.frequency.clone(),
            correlation: self.phase.iter().map(correlation).collect(),
            count: self.count.clone(),
            own: Vec::new(),
        }
    }

    /// The phase resolution by `criterion` that `photons` per pixel of the object allow, pixels;
    /// `None` when nothing can be resolved.
    pub fn phase_resolution_px(&self, photons: f64, criterion: Criterion) -> Option<f64> {
        let curve = self.phase_curve(photons);
        Resolution::new(curve.resolved(criterion), None).half_period_px
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// A phase of one sine of that amplitude and so many cycles across 128 pixels.
    fn wave(amplitude: f64, cycles: f64) -> Array2<Complex32> {
        Array2::from_shape_fn((128, 128), |(_, x)| {
            let phase = amplitude * (TAU * cycles * x as f64 / 128.0).sin();
            Complex32::from_polar(1.0, phase as f32)
        })
    }

    #[test]
    fn few_photons_leave_all_of_the_specimen_and_many_their_noise() {
        let limit = Limit::of(wave(0.2, 10.0).view()).unwrap();
        // A sine of amplitude A has the mean square A^2 / 2, which is what nothing leaves.
        let nothing = limit.complex_nrmse(1e-9);
        assert!((nothing / (0.2 / 2f64.sqrt()) - 1.0).abs() < 0.02, "{nothing}");
        // White noise in the phase, where the specimen has white power: sqrt(1 / (2 n)).
        let mut state = 1_u32;
        let white = Array2::from_shape_simple_fn((128, 128), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Complex32::from_polar(1.0, 0.3 * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0))
        });
        let limit = Limit::of(white.view()).unwrap();
        let found = limit.complex_nrmse(1e6);
        assert!((found / (0.5e-6_f64).sqrt() - 1.0).abs() < 0.02, "{found}");
        // Of a variance V of 0.03 and photons for which the noise is as large, half is left.
        let variance = 0.3_f64.powi(2) / 3.0;
        let found = limit.complex_nrmse(0.5 / variance);
        assert!((found / (variance / 2.0).sqrt() - 1.0).abs() < 0.05, "{found}");
        assert!(Limit::of(Array2::zeros((128, 128)).view()).is_none());
        assert!(Limit::of(wave(0.2, 1.0).slice(ndarray::s![..8, ..])).is_none());
    }

    #[test]
    fn a_ring_is_resolved_where_its_power_is_a_third_of_the_noise() {
        let limit = Limit::of(wave(0.2, 10.0).view()).unwrap();
        let ring = 9;
        let power = limit.phase[ring];
        let curve = limit.phase_curve(0.5 * 1.0 / (3.0 * power));
        assert!((curve.correlation[ring] - 0.5).abs() < 1e-9, "{}", curve.correlation[ring]);
        // More photons resolve more.
        let px = |photons| limit.phase_resolution_px(photons, Criterion::Half);
        assert!(px(1e6).unwrap() <= px(1e2).unwrap());
    }
}
