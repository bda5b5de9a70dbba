//! The step in the detector plane: likelihoods, their gradients, and the step along them.
//!
//! With measured intensity m, model intensity I = sum_k |Psi_k|^2, every mode moves along its own
//! far field, Psi_k <- Psi_k (1 - alpha xi), by a real factor per pixel (O18, Eqs. 12 to 17):
//!
//! - Gaussian, on amplitudes of constant variance: L = sum (sqrt I - sqrt m)^2, xi = 1 - sqrt(m /
//!   I), and the best alpha is 1: the modulus projection.
//! - Poisson: L = sum I - m ln I, xi = 1 - m / I, and alpha minimises L along the direction, one
//!   alpha per pattern.

use crate::engine::DetectorRule;
use crate::problem::Patterns;
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x8, i32x8};
use lapwing_model::elementwise;

/// A predicted intensity is never taken as smaller than this share of the measured one in xi. A
/// pixel that the model leaves dark would otherwise pull with unbounded force.
const DARK_SHARE: f32 = 0.01;
/// Keeps divisions defined where model and measurement are both dark, in units of intensity.
const TINY: f32 = 1e-20;
/// Newton steps for alpha; the function is convex and starts near its minimum.
const NEWTON_STEPS: usize = 4;

impl DetectorRule {
    /// Whether the factor of a pixel depends on other pixels.
    pub(super) fn needs_whole_pattern(self) -> bool {
        self == Self::Poisson
    }

    /// Writes the factors for pixels with model intensity `intensity`, of which the first is number
    /// `first` of all in `patterns`, and returns their summed loss. `buffer` is as
    /// long as these.
    pub(super) fn factor(
        self,
        patterns: &Patterns,
        first: usize,
        buffer: &mut [f32],
        intensity: &[f32],
        factor: &mut [f32],
    ) -> f64 {
        let pixels = first..first + intensity.len();
        dispatch!(elementwise::level(), simd => {
            self.factor_of(simd, patterns.of(pixels, buffer), intensity, factor)
        })
    }

    /// As [`factor`](Self::factor), of measured values as they are given.
    pub(super) fn factor_measured(
        self,
        measured: &[f32],
        intensity: &[f32],
        factor: &mut [f32],
    ) -> f64 {
        dispatch!(elementwise::level(), simd => {
            self.factor_of(simd, measured, intensity, factor)
        })
    }

    #[inline(always)]
    fn factor_of<S: Simd>(
        self,
        simd: S,
        measured: &[f32],
        intensity: &[f32],
        factor: &mut [f32],
    ) -> f64 {
        let one = simd.splat_f32x8(1.0);
        let [loss] = match self {
            Self::Gaussian => {
                let tiny = simd.splat_f32x8(TINY);
                elementwise::update(
                    simd,
                    (measured, intensity, factor),
                    #[inline(always)]
                    |m, i, _| {
                        let i = i + tiny;
                        let excess = (m / i).sqrt() - one;
                        (excess, [i * excess * excess])
                    },
                )
            }
            Self::Poisson => return poisson(simd, measured, intensity, factor),
            Self::Modulus { background } => {
                let (background, dark) = (simd.splat_f32x8(background), simd.splat_f32x8(1e-9));
                elementwise::update(
                    simd,
                    (measured, intensity, factor),
                    #[inline(always)]
                    |m, i, _| {
                        ((m / (i + dark)).sqrt() - one, [with_background(simd, m, i, background).0])
                    },
                )
            }
            Self::Gradient { background } => {
                let (background, half) = (simd.splat_f32x8(background), simd.splat_f32x8(0.5));
                elementwise::update(
                    simd,
                    (measured, intensity, factor),
                    #[inline(always)]
                    |m, i, _| {
                        let (loss, ratio) = with_background(simd, m, i, background);
                        (half * (ratio - one), [loss])
                    },
                )
            }
        };
        loss
    }
}

/// Loss (I + e) - (m + e) + (m + e) ln((m + e) / (I + e)) of every pixel, and (m + e) / (I + e).
///
/// The background e is added to data and model alike, so the score stays unbiased and is bounded
/// where the model is dark.
#[inline(always)]
fn with_background<S: Simd>(
    simd: S,
    m: f32x8<S>,
    i: f32x8<S>,
    background: f32x8<S>,
) -> (f32x8<S>, f32x8<S>) {
    let shifted = m + background;
    let ratio = shifted / (i + background);
    (shifted.mul_add(ln(simd, ratio), i - m), ratio)
}

#[inline(always)]
fn poisson<S: Simd>(simd: S, measured: &[f32], intensity: &[f32], factor: &mut [f32]) -> f64 {
    let [one, tiny, share] = [1.0, TINY, DARK_SHARE].map(|value| simd.splat_f32x8(value));
    let [loss] = elementwise::update(
        simd,
        (measured, intensity, &mut *factor),
        #[inline(always)]
        |m, i, _| {
            let xi = one - m / i.max(share * m).max(tiny);
            let i = i.max(tiny);
            (xi, [m.mul_add(ln(simd, m.max(tiny) / i), i - m)])
        },
    );
    let alpha = poisson_step(simd, measured, intensity, factor);
    let alpha = simd.splat_f32x8(alpha);
    elementwise::update(
        simd,
        (measured, intensity, factor),
        #[inline(always)]
        |m, i, xi| {
            // No pixel goes past its own best value, the measured modulus.
            let projection = (m / (i + tiny)).sqrt() - one;
            let (step, none) = (-(alpha * xi), simd.splat_f32x8(0.0));
            (step.max(projection.min(none)).min(projection.max(none)), [])
        },
    );
    loss
}

/// Natural logarithm of positive normal numbers, to about 1e-7.
///
/// x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt 2), and ln(1 + f) = 2 artanh(s), s = f / (2 + f),
/// by its series.
#[inline(always)]
fn ln<S: Simd>(simd: S, x: f32x8<S>) -> f32x8<S> {
    let splat = |value: f32| simd.splat_f32x8(value);
    let root = std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32;
    let bits: i32x8<S> = x.bitcast();
    // Moves the boundary of the exponent from 1 to sqrt(1/2).
    let shifted = bits - root;
    let exponent: f32x8<S> = (shifted >> 23).to_float();
    let fraction: f32x8<S> = ((shifted & 0x007f_ffff) + root).bitcast();
    let fraction = fraction - splat(1.0);
    let s = fraction / (splat(2.0) + fraction);
    let z = s * s;
    let series = z.mul_add(splat(2.0 / 9.0), splat(2.0 / 7.0));
    let series = z.mul_add(series, splat(2.0 / 5.0));
    let series = z.mul_add(series, splat(2.0 / 3.0));
    let series = z.mul_add(series, splat(2.0));
    exponent.mul_add(splat(std::f32::consts::LN_2), s * series)
}

/// The alpha in (0, 1] that minimises sum I (1 - alpha xi)^2 - 2 m ln(1 - alpha xi) (O18, Eq. 17),
/// by Newton's method on its derivative, which is monotonic where all 1 - alpha xi > 0.
#[inline(always)]
fn poisson_step<S: Simd>(simd: S, measured: &[f32], intensity: &[f32], xi: &mut [f32]) -> f32 {
    let (one, least) = (simd.splat_f32x8(1.0), simd.splat_f32x8(1e-6));
    let mut alpha = 0.5_f32;
    for _ in 0..NEWTON_STEPS {
        let tried = simd.splat_f32x8(alpha);
        let [slope, curvature] = elementwise::update(
            simd,
            (measured, intensity, &mut *xi),
            #[inline(always)]
            |m, i, xi| {
                let rest = one - tried * xi;
                let inverse = one / rest.max(least);
                let m = m * inverse;
                (xi, [xi * (m - i * rest), xi * xi * m.mul_add(inverse, i)])
            },
        );
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
    const MEASURED: [f32; 6] = [4.84, 0.81, 6.25, 0.0, 2.56, 5.76];

    fn factor_of(
        step: DetectorRule,
        measured: &[f32],
        intensity: &[f32],
        factor: &mut [f32],
    ) -> f64 {
        let mut buffer = vec![0.0; intensity.len()];
        step.factor(&Patterns::Singles(measured.to_vec()), 0, &mut buffer, intensity, factor)
    }

    #[test]
    fn gaussian_factor_is_the_modulus_projection() {
        let mut factor = [0.0; 6];
        let loss = factor_of(DetectorRule::Gaussian, &MEASURED, &INTENSITY, &mut factor);
        let mut expected = 0.0;
        for ((m, i), f) in MEASURED.iter().zip(INTENSITY).zip(factor) {
            assert!(((1.0 + f) * i.sqrt() - m.sqrt()).abs() < 1e-6);
            expected += f64::from(i.sqrt() - m.sqrt()).powi(2);
        }
        assert!((loss - expected).abs() < 1e-6);
        // A dark model stays dark and finite.
        assert!(
            factor_of(DetectorRule::Gaussian, &[9.0], &[0.0], &mut factor[..1]).is_finite()
                && factor[0].is_finite()
        );
    }

    #[test]
    fn poisson_step_is_the_brute_force_minimum_along_the_gradient() {
        let mut xi: Vec<f32> = MEASURED.iter().zip(INTENSITY).map(|(m, i)| 1.0 - m / i).collect();
        let loss = |alpha: f64| -> f64 {
            MEASURED
                .iter()
                .zip(INTENSITY)
                .zip(&xi)
                .map(|((&m, i), &xi)| {
                    let rest = 1.0 - alpha * f64::from(xi);
                    let m = f64::from(m);
                    f64::from(i) * rest * rest - if m > 0.0 { 2.0 * m * rest.ln() } else { 0.0 }
                })
                .sum()
        };
        let best = (1..1000)
            .map(|n| f64::from(n) / 1000.0)
            .min_by(|a, b| loss(*a).total_cmp(&loss(*b)))
            .unwrap();
        let found = dispatch!(elementwise::level(), simd => poisson_step(simd, &MEASURED, &INTENSITY, &mut xi));
        let found = f64::from(found);
        assert!((found - best).abs() < 2e-3, "{found} and {best}");
    }

    #[test]
    fn poisson_gradient_is_that_of_the_likelihood() {
        // d/dt L(|Psi|^2 (1 + t)^2) at 0 = 2 I - 2 m = 2 I xi, by central differences in double
        // precision.
        for (m, i) in MEASURED.iter().zip(INTENSITY).filter(|(m, _)| **m > 0.0) {
            let (m, i) = (f64::from(*m), f64::from(i));
            let loss = |t: f64| i * (1.0 + t).powi(2) - 2.0 * m * (1.0 + t).ln();
            let slope = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((slope - 2.0 * i * (1.0 - m / i)).abs() < 1e-6);
        }
    }

    #[test]
    fn poisson_never_overshoots_the_measured_modulus() {
        let (measured, intensity) = ([1e8_f32, 0.0, 900.0, 4.0], [1e-3_f32, 10.0, 1000.0, 4.0]);
        let mut factor = [0.0; 4];
        let loss = factor_of(DetectorRule::Poisson, &measured, &intensity, &mut factor);
        assert!(loss.is_finite() && loss > 0.0);
        for ((m, i), f) in measured.iter().zip(intensity).zip(factor) {
            let (a, start, end) = (m.sqrt(), i.sqrt(), (1.0 + f) * i.sqrt());
            assert!((end - a).abs() <= (start - a).abs() + 1e-3, "{start} to {end}, measured {a}");
        }
    }

    #[test]
    fn logarithm_is_that_of_the_standard_library() {
        let mut x = 1e-25_f32;
        while x < 1e25 {
            let exact = f64::from(x).ln();
            let found = dispatch!(elementwise::level(), simd => ln(simd, simd.splat_f32x8(x))[0]);
            let error = (f64::from(found) - exact).abs();
            assert!(error < 2e-7 * exact.abs().max(0.5), "ln {x}: {error}");
            x *= 1.0037;
        }
        assert_eq!(
            dispatch!(elementwise::level(), simd => ln(simd, simd.splat_f32x8(1.0))[0]),
            0.0
        );
    }

    #[test]
    fn gradient_with_background_is_that_of_its_loss() {
        let step = DetectorRule::Gradient { background: 0.002 };
        let mut factor = [0.0; 1];
        for (m, i) in MEASURED.iter().zip(INTENSITY) {
            let (measured, m, e) = (*m, f64::from(*m), 0.002);
            let loss = |i: f64| i - m + (m + e) * ((m + e) / (i + e)).ln();
            let i = f64::from(i);
            let found = factor_of(step, &[measured], &[i as f32], &mut factor);
            assert!((found - loss(i)).abs() < 1e-5, "{found} and {}", loss(i));
            // Along Psi (1 + t), I becomes I (1 + t)^2, so the slope is 2 I (1 - ratio) = -4 I
            // factor.
            let slope = (loss(i * 1.00001_f64.powi(2)) - loss(i * 0.99999_f64.powi(2))) / 2e-5;
            assert!((slope + 4.0 * i * f64::from(factor[0])).abs() < 1e-4 * slope.abs().max(1.0));
        }
        let mut modulus = [0.0; 1];
        factor_of(DetectorRule::Modulus { background: 0.002 }, &[9.0], &[4.0], &mut modulus);
        assert!((modulus[0] - 0.5).abs() < 1e-6);
        // Dark model and bright data, and the reverse: bounded.
        for (m, i) in [(1e8, 0.0), (0.0, 1e8)] {
            assert!(factor_of(step, &[m], &[i], &mut factor).is_finite() && factor[0].is_finite());
        }
    }

    #[test]
    fn poisson_loss_vanishes_at_a_perfect_fit() {
        let mut factor = [0.0; 3];
        let loss =
            factor_of(DetectorRule::Poisson, &[4.0, 9.0, 0.0], &[4.0, 9.0, 0.0], &mut factor);
        assert!(loss.abs() < 1e-6, "{loss}");
        // The dark pixel has nothing to move: any factor leaves it dark.
        assert!(factor[..2].iter().all(|f| f.abs() < 1e-6), "{factor:?}");
    }
}
