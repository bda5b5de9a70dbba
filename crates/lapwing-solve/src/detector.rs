//! The step in the detector plane: likelihoods, their gradients, and the step along them.
//!
//! With measured intensity m, model intensity I = sum_k |Psi_k|^2, every mode moves along its own far field,
//! Psi_k <- Psi_k (1 - alpha xi), by a real factor per pixel (O18, Eqs. 12 to 17):
//!
//! - Gaussian, on amplitudes of constant variance: L = sum (sqrt I - sqrt m)^2, xi = 1 - sqrt(m / I), and the best alpha is 1:
//!   the modulus projection.
//! - Poisson: L = sum I - m ln I, xi = 1 - m / I, and alpha minimises L along the direction, one alpha per pattern.

use fearless_simd::dispatch;
use lapwing_model::elementwise;
use serde::{Deserialize, Serialize};

/// Noise model of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noise {
    /// Amplitudes with constant variance; any unit of intensity. Loss: mean over pixels of (sqrt I - sqrt m)^2, which a perfect
    /// model of photon counts brings to at most 0.25.
    #[default]
    Gaussian,
    /// Photon counts; the intensities must be counts. Loss: half the Poisson deviance per pixel, mean of
    /// I - m + m ln(m / I), 0 for a perfect fit and about 0.5 for a perfect model of bright pixels.
    Poisson,
}

/// A predicted intensity is never taken as smaller than this share of the measured one in xi. A pixel that the model leaves
/// dark would otherwise pull with unbounded force.
const DARK_SHARE: f32 = 0.01;
/// Keeps divisions defined where model and measurement are both dark, in units of intensity.
const TINY: f32 = 1e-20;
/// Newton steps for alpha; the function is convex and starts near its minimum.
const NEWTON_STEPS: usize = 4;

/// What is done in the detector plane, Psi_k -> Psi_k (1 + factor) with one real factor per pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// The modulus projection; loss of [`Noise::Gaussian`].
    Gaussian,
    /// The best step along the Poisson gradient; loss of [`Noise::Poisson`].
    Poisson,
    /// The modulus projection; loss of a Poisson likelihood with this background, in counts.
    Modulus { background: f32 },
    /// Minus half the gradient of the Poisson loss with this background, in counts.
    Gradient { background: f32 },
}

impl From<Noise> for Step {
    fn from(noise: Noise) -> Self {
        match noise {
            Noise::Gaussian => Self::Gaussian,
            Noise::Poisson => Self::Poisson,
        }
    }
}

impl Step {
    /// Whether the factor of a pixel depends on other pixels.
    pub fn needs_whole_pattern(self) -> bool {
        self == Self::Poisson
    }

    /// Writes the factors for one pattern, whose model intensity is `intensity` and whose `amplitude` holds sqrt(m), and
    /// returns the pattern's summed loss.
    pub fn factor(self, amplitude: &[f32], intensity: &[f32], factor: &mut [f32]) -> f64 {
        dispatch!(elementwise::level(), _ => self.factor_of(amplitude, intensity, factor))
    }

    #[inline(always)]
    fn factor_of(self, amplitude: &[f32], intensity: &[f32], factor: &mut [f32]) -> f64 {
        match self {
            Self::Gaussian => gaussian(amplitude, intensity, factor),
            Self::Poisson => poisson(amplitude, intensity, factor),
            Self::Modulus { background } => {
                with_background(amplitude, intensity, factor, background, |m, i, _| {
                    (m / (i + 1e-9)).sqrt() - 1.0
                })
            }
            Self::Gradient { background } => {
                with_background(amplitude, intensity, factor, background, |_, _, ratio| 0.5 * (ratio - 1.0))
            }
        }
    }
}

/// Loss sum (I + e) - (m + e) + (m + e) ln((m + e) / (I + e)), and per pixel the factor `of` (m, I, (m + e) / (I + e)).
///
/// The background e is added to data and model alike, so the score stays unbiased and is bounded where the model is dark.
#[inline(always)]
fn with_background(
    amplitude: &[f32],
    intensity: &[f32],
    factor: &mut [f32],
    background: f32,
    of: impl Fn(f32, f32, f32) -> f32,
) -> f64 {
    let mut loss = 0.0;
    for ((a, i), out) in amplitude.chunks(RUN).zip(intensity.chunks(RUN)).zip(factor.chunks_mut(RUN)) {
        let mut sums = [0.0_f32; LANES];
        for ((a, i), out) in a.chunks(LANES).zip(i.chunks(LANES)).zip(out.chunks_mut(LANES)) {
            for (((sum, &a), &i), out) in sums.iter_mut().zip(a).zip(i).zip(out) {
                let m = a * a;
                let ratio = (m + background) / (i + background);
                *out = of(m, i, ratio);
                *sum += i - m + (m + background) * ln(ratio);
            }
        }
        loss += f64::from(sums.iter().sum::<f32>());
    }
    loss
}

/// Pixels whose sum is taken in f32 before it is added in f64.
const RUN: usize = 128;
/// Independent partial sums, so that the compiler may vectorise a reduction.
const LANES: usize = 8;

#[inline(always)]
fn gaussian(amplitude: &[f32], intensity: &[f32], factor: &mut [f32]) -> f64 {
    let mut loss = 0.0;
    for ((a, i), out) in amplitude.chunks(RUN).zip(intensity.chunks(RUN)).zip(factor.chunks_mut(RUN)) {
        let mut sums = [0.0_f32; LANES];
        for ((a, i), out) in a.chunks(LANES).zip(i.chunks(LANES)).zip(out.chunks_mut(LANES)) {
            for (((sum, &a), &i), out) in sums.iter_mut().zip(a).zip(i).zip(out) {
                let modulus = i.sqrt();
                let difference = a - modulus;
                *out = a / (modulus + 1e-10) - 1.0;
                *sum += difference * difference;
            }
        }
        loss += f64::from(sums.iter().sum::<f32>());
    }
    loss
}

#[inline(always)]
fn poisson(amplitude: &[f32], intensity: &[f32], factor: &mut [f32]) -> f64 {
    let mut loss = 0.0;
    for ((a, i), out) in amplitude.chunks(RUN).zip(intensity.chunks(RUN)).zip(factor.chunks_mut(RUN)) {
        let mut sums = [0.0_f32; LANES];
        for ((a, i), out) in a.chunks(LANES).zip(i.chunks(LANES)).zip(out.chunks_mut(LANES)) {
            for (((sum, &a), &i), out) in sums.iter_mut().zip(a).zip(i).zip(out) {
                let m = a * a;
                *out = 1.0 - m / i.max(DARK_SHARE * m).max(TINY);
                let i = i.max(TINY);
                *sum += i - m + m * ln(m.max(TINY) / i);
            }
        }
        loss += f64::from(sums.iter().sum::<f32>());
    }
    let alpha = poisson_step(amplitude, intensity, factor);
    for ((&a, &i), out) in amplitude.iter().zip(intensity).zip(factor.iter_mut()) {
        // No pixel goes past its own best value, the measured modulus.
        let projection = a / (i + TINY).sqrt() - 1.0;
        let step = -alpha * *out;
        *out = if projection >= 0.0 { step.min(projection) } else { step.max(projection) };
    }
    loss
}

/// Natural logarithm of a positive normal number, to about 1e-7, in operations that vectorise.
///
/// x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt 2), and ln(1 + f) = 2 artanh(s), s = f / (2 + f), by its series.
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    // Moves the boundary of the exponent from 1 to sqrt(1/2).
    let shifted = bits.wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (shifted as i32 >> 23) as f32;
    let fraction = f32::from_bits((shifted & 0x007f_ffff) + std::f32::consts::FRAC_1_SQRT_2.to_bits()) - 1.0;
    let s = fraction / (2.0 + fraction);
    let z = s * s;
    let series = 2.0 + z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0 + z * (2.0 / 9.0))));
    exponent * std::f32::consts::LN_2 + s * series
}

/// The alpha in (0, 1] that minimises sum I (1 - alpha xi)^2 - 2 m ln(1 - alpha xi) (O18, Eq. 17), by Newton's method on its
/// derivative, which is monotonic where all 1 - alpha xi > 0.
#[inline(always)]
fn poisson_step(amplitude: &[f32], intensity: &[f32], xi: &[f32]) -> f32 {
    let mut alpha = 0.5_f32;
    for _ in 0..NEWTON_STEPS {
        let (mut slope, mut curvature) = (0.0_f64, 0.0_f64);
        for ((a, i), xi) in amplitude.chunks(RUN).zip(intensity.chunks(RUN)).zip(xi.chunks(RUN)) {
            let (mut s, mut c) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            for ((a, i), xi) in a.chunks(LANES).zip(i.chunks(LANES)).zip(xi.chunks(LANES)) {
                for ((((s, c), &a), &i), &xi) in s.iter_mut().zip(&mut c).zip(a).zip(i).zip(xi) {
                    let rest = 1.0 - alpha * xi;
                    let inverse = 1.0 / rest.max(1e-6);
                    let m = a * a * inverse;
                    *s += xi * (m - i * rest);
                    *c += xi * xi * (i + m * inverse);
                }
            }
            slope += f64::from(s.iter().sum::<f32>());
            curvature += f64::from(c.iter().sum::<f32>());
        }
        if curvature <= 0.0 {
            return 1.0;
        }
        alpha = (f64::from(alpha) - slope / curvature).clamp(0.01, 1.0) as f32;
    }
    alpha
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTENSITY: [f32; 6] = [4.0, 1.0, 9.0, 0.25, 2.0, 5.0];
    const AMPLITUDE: [f32; 6] = [2.2, 0.9, 2.5, 0.0, 1.6, 2.4];

    #[test]
    fn gaussian_factor_is_the_modulus_projection() {
        let mut factor = [0.0; 6];
        let loss = Step::Gaussian.factor(&AMPLITUDE, &INTENSITY, &mut factor);
        let mut expected = 0.0;
        for ((a, i), f) in AMPLITUDE.iter().zip(INTENSITY).zip(factor) {
            assert!(((1.0 + f) * i.sqrt() - a).abs() < 1e-6);
            expected += f64::from(i.sqrt() - a).powi(2);
        }
        assert!((loss - expected).abs() < 1e-6);
        // A dark model stays dark and finite.
        assert!(Step::Gaussian.factor(&[3.0], &[0.0], &mut factor[..1]).is_finite() && factor[0].is_finite());
    }

    #[test]
    fn poisson_step_is_the_brute_force_minimum_along_the_gradient() {
        let xi: Vec<f32> = AMPLITUDE.iter().zip(INTENSITY).map(|(a, i)| 1.0 - a * a / i).collect();
        let loss = |alpha: f64| -> f64 {
            AMPLITUDE
                .iter()
                .zip(INTENSITY)
                .zip(&xi)
                .map(|((&a, i), &xi)| {
                    let rest = 1.0 - alpha * f64::from(xi);
                    let m = f64::from(a * a);
                    f64::from(i) * rest * rest - if m > 0.0 { 2.0 * m * rest.ln() } else { 0.0 }
                })
                .sum()
        };
        let best =
            (1..1000).map(|n| f64::from(n) / 1000.0).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap();
        let found = f64::from(poisson_step(&AMPLITUDE, &INTENSITY, &xi));
        assert!((found - best).abs() < 2e-3, "{found} and {best}");
    }

    #[test]
    fn poisson_gradient_is_that_of_the_likelihood() {
        // d/dt L(|Psi|^2 (1 + t)^2) at 0 = 2 I - 2 m = 2 I xi, by central differences in double precision.
        for (a, i) in AMPLITUDE.iter().zip(INTENSITY).filter(|(a, _)| **a > 0.0) {
            let (m, i) = (f64::from(a * a), f64::from(i));
            let loss = |t: f64| i * (1.0 + t).powi(2) - 2.0 * m * (1.0 + t).ln();
            let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((slope - 2.0 * i * (1.0 - m / i)).abs() < 1e-6);
        }
    }

    #[test]
    fn poisson_never_overshoots_the_measured_modulus() {
        let (amplitude, intensity) = ([1e4, 0.0, 30.0, 2.0], [1e-3, 10.0, 1000.0, 4.0]);
        let mut factor = [0.0; 4];
        let loss = Step::Poisson.factor(&amplitude, &intensity, &mut factor);
        assert!(loss.is_finite() && loss > 0.0);
        for ((a, i), f) in amplitude.iter().zip(intensity).zip(factor) {
            let (start, end) = (i.sqrt(), (1.0 + f) * i.sqrt());
            assert!((end - a).abs() <= (start - a).abs() + 1e-3, "{start} to {end}, measured {a}");
        }
    }

    #[test]
    fn logarithm_is_that_of_the_standard_library() {
        let mut x = 1e-25_f32;
        while x < 1e25 {
            let exact = f64::from(x).ln();
            let error = (f64::from(ln(x)) - exact).abs();
            assert!(error < 2e-7 * exact.abs().max(0.5), "ln {x}: {error}");
            x *= 1.0037;
        }
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn gradient_with_background_is_that_of_its_loss() {
        let step = Step::Gradient { background: 0.002 };
        let mut factor = [0.0; 1];
        for (a, i) in AMPLITUDE.iter().zip(INTENSITY) {
            let (m, e) = (f64::from(a * a), 0.002);
            let loss = |i: f64| i - m + (m + e) * ((m + e) / (i + e)).ln();
            let i = f64::from(i);
            let found = step.factor(&[*a], &[i as f32], &mut factor);
            assert!((found - loss(i)).abs() < 1e-5, "{found} and {}", loss(i));
            // Along Psi (1 + t), I becomes I (1 + t)^2, so the slope is 2 I (1 - ratio) = -4 I factor.
            let slope = (loss(i * 1.00001_f64.powi(2)) - loss(i * 0.99999_f64.powi(2))) / 2e-5;
            assert!((slope + 4.0 * i * f64::from(factor[0])).abs() < 1e-4 * slope.abs().max(1.0));
        }
        let mut modulus = [0.0; 1];
        Step::Modulus { background: 0.002 }.factor(&[3.0], &[4.0], &mut modulus);
        assert!((modulus[0] - 0.5).abs() < 1e-6);
        // Dark model and bright data, and the reverse: bounded.
        for (a, i) in [(1e4, 0.0), (0.0, 1e8)] {
            assert!(step.factor(&[a], &[i], &mut factor).is_finite() && factor[0].is_finite());
        }
    }

    #[test]
    fn poisson_loss_vanishes_at_a_perfect_fit() {
        let mut factor = [0.0; 3];
        let loss = Step::Poisson.factor(&[2.0, 3.0, 0.0], &[4.0, 9.0, 0.0], &mut factor);
        assert!(loss.abs() < 1e-6, "{loss}");
        // The dark pixel has nothing to move: any factor leaves it dark.
        assert!(factor[..2].iter().all(|f| f.abs() < 1e-6), "{factor:?}");
    }
}
