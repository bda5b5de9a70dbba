//! The prior held at a fit, and a draw of what it leaves open: for error maps.
//!
//! A fit is in error by the noise of its counts and by the detail that the prior took away. With
//! the prior's weights held at the fit O_0, C its curvature there and F that of the likelihood, the
//! objects near the fit that data and prior allow are normal with the covariance of (F + C)^-1
//! (the bound of Girolami, Neural Computation 13, 2517, 2001), which covers both kinds of error on
//! average (Wahba, J. R. Stat. Soc. B 45, 133, 1983). One of them is the minimum of
//!
//! ```text
//! loss of counts drawn from the fit + <O - O_0, C (O - O_0)> + 2 Re <O, g>
//! ```
//!
//! where g is normal noise whose covariance belongs to C (Orieux, Feron and Giovannelli, IEEE
//! Signal Process. Lett. 19, 251, 2012): one normal number for each of its differences.

use super::{Prior, PriorCurvature, ROUGHNESS, SplitComplex, Weights};
use lapwing_model::Complex32;
use lapwing_model::random::generator;
use num_complex::Complex64;
use rand::RngExt;
use rand_distr::StandardNormal;

/// Share of the draw's variance that absorption has of a weight up to four. Specimens absorb less
/// than a prior allows whose weight of absorption is chosen in steps of four: with 1 its errors
/// would be told a tenth to a fifth too large. Larger weights allow little enough, and the share
/// grows with their fourth root.
fn of_absorption(weight: f64) -> f64 {
    (weight / 64.0).powf(0.25).clamp(0.5, 1.0)
}

/// Which draw: a seed and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    pub seed: u64,
    pub index: usize,
}

/// See the [module](self).
pub(crate) struct HeldPrior {
    prior: Prior,
    /// Its weights at the fit.
    at: Weights,
    /// s^2 of the fit.
    s2: f64,
    /// O_0
    fit: Vec<Complex32>,
    /// g
    pull: Vec<Complex32>,
    width: usize,
}

impl HeldPrior {
    /// `prior` held at the slice `fit`, number `slice` of its object, of these `directions` U, and
    /// the draw of it; counts are as many as `gain` times the photons.
    pub fn new(
        prior: Prior,
        (fit, directions): (&[Complex32], &SplitComplex),
        s2: f64,
        gain: f64,
        (draw, slice): (Draw, usize),
    ) -> Self {
        let width = directions.width();
        let planes = SplitComplex::of(fit, width);
        let at = prior.weights(&planes, s2);
        let mut pull = prior.noise(&at, directions, s2, (draw, slice));
        let gain = gain.sqrt() as f32;
        pull.iter_mut().for_each(|value| *value *= gain);
        without(fit, &mut pull);
        Self { prior, at, s2, fit: fit.to_vec(), pull, width }
    }

    /// Adds its gradient with respect to the conjugate object; returns its value.
    pub fn add_gradient(&self, object: &[Complex32], gradient: &mut [Complex32]) -> f64 {
        let apart: Vec<Complex32> = object.iter().zip(&self.fit).map(|(a, b)| a - b).collect();
        let mut of_prior = vec![Complex32::ZERO; apart.len()];
        let planes = SplitComplex::of(&apart, self.width);
        self.prior.gradient(&self.at, &planes, self.s2, &mut of_prior);
        let mut value = 0.0;
        let own = apart.iter().zip(of_prior.iter().zip(&self.pull));
        for (sum, (apart, (of_prior, pull))) in gradient.iter_mut().zip(own) {
            let along = of_prior + pull * 2.0;
            value += f64::from(apart.re * along.re + apart.im * along.im);
            *sum += of_prior + pull;
        }
        value
    }

    /// Its curvature, for the preconditioner.
    pub fn curvature(&self) -> PriorCurvature {
        self.prior.clone().curvature(self.at.clone(), self.s2)
    }
}

impl Prior {
    /// Normal noise g for which Re <v, g> has the variance <v, C v> / 4, C the curvature at what
    /// was evaluated, absorption with its [share](of_absorption): drawn in parts of what is turned
    /// by U, the `directions` of the fit, which differ little from pixel to pixel.
    ///
    /// A loss that counts half the likelihood has half of its curvature, and a gradient with
    /// respect to the conjugate object half of that with respect to its parts.
    fn noise(
        &self,
        at: &Weights,
        directions: &SplitComplex,
        s2: f64,
        (draw, slice): (Draw, usize),
    ) -> Vec<Complex32> {
        let (width, pixels) = (directions.width(), at.weights.len());
        let mut numbers = generator(draw.seed, &format!("prior {}", draw.index), slice as u64);
        let mut normal = move || -> f64 { numbers.sample(StandardNormal) };
        let [absorption, phase] = self.absorption.weights().map(f64::from);
        let strengths = [of_absorption(absorption) * absorption, phase];
        let parts = strengths.map(|strength| {
            let of_all = 0.5 * (self.strength * s2 * strength).sqrt();
            let mut noise = vec![0.0_f64; pixels];
            // What is drawn for L^T has to be known around a pixel.
            let rough: Vec<f64> =
                (0..pixels).map(|_| of_all * f64::from(ROUGHNESS).sqrt() * normal()).collect();
            for pixel in 0..pixels {
                let of_pixel = of_all * f64::from(at.weights[pixel]).sqrt();
                let right = (pixel % width + 1 < width).then_some(pixel + 1);
                let below = (pixel + width < pixels).then_some(pixel + width);
                for beside in [right, below].into_iter().flatten() {
                    let value = of_pixel * normal() + rough[beside] - rough[pixel];
                    noise[pixel] -= value;
                    noise[beside] += value;
                }
            }
            noise
        });
        let field: Vec<Complex32> = parts[0]
            .iter()
            .zip(&parts[1])
            .map(|(&re, &im)| Complex32::new(re as f32, im as f32))
            .collect();
        let mut planes = SplitComplex::of(&field, width);
        planes.turn(directions, 1.0);
        let mut joined = field;
        planes.write_to(&mut joined);
        joined
    }
}

/// Takes off `pull` what lies along `fit`: patterns do not tell a factor of the object, so that
/// nothing would hold it.
fn without(fit: &[Complex32], pull: &mut [Complex32]) {
    let (mut product, mut power) = (Complex64::ZERO, 0.0);
    for (of_fit, pull) in fit.iter().zip(&*pull) {
        let term = of_fit.conj() * pull;
        product += Complex64::new(term.re.into(), term.im.into());
        power += f64::from(of_fit.norm_sqr());
    }
    let along = product / power.max(f64::MIN_POSITIVE);
    let along = Complex32::new(along.re as f32, along.im as f32);
    pull.iter_mut().zip(fit).for_each(|(pull, of_fit)| *pull -= along * of_fit);
}

#[cfg(test)]
mod tests {
    use super::super::{Absorption, Jumps};
    use super::*;
    use rand::SeedableRng;
    use std::sync::Arc;

    const WIDTH: usize = 7;

    fn random(seed: u64) -> Vec<Complex32> {
        let mut numbers = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..5 * WIDTH)
            .map(|_| {
                Complex32::new(numbers.random_range(-1.0..1.0), numbers.random_range(-1.0..1.0))
            })
            .collect()
    }

    fn directions(fit: &[Complex32]) -> Arc<SplitComplex> {
        Absorption::directions(&SplitComplex::of(fit, WIDTH), &[1.0; 5 * WIDTH], 1e3, false)
    }

    fn prior(fit: &[Complex32], weight: f64) -> Prior {
        let absorption = Absorption::new(weight, &directions(fit));
        Prior { strength: 20.0, edge: 0.4, jumps: Jumps::Linear, absorption }
    }

    fn held(index: usize, gain: f64) -> HeldPrior {
        held_by(4.0, index, gain)
    }

    fn held_by(weight: f64, index: usize, gain: f64) -> HeldPrior {
        let fit = random(1);
        let draw = (Draw { seed: 3, index }, 0);
        HeldPrior::new(prior(&fit, weight), (&fit, &directions(&fit)), 0.8, gain, draw)
    }

    #[test]
    fn gradient_is_that_of_the_value_by_finite_differences() {
        let (held, object, along) = (held(0, 1.0), random(2), random(4));
        let mut gradient = vec![Complex32::ZERO; object.len()];
        held.add_gradient(&object, &mut gradient);
        let moved = |t: f32| {
            let object: Vec<Complex32> =
                object.iter().zip(&along).map(|(o, d)| o + d * t).collect();
            held.add_gradient(&object, &mut vec![Complex32::ZERO; object.len()])
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let predicted: f64 = gradient
            .iter()
            .zip(&along)
            .map(|(g, d)| 2.0 * f64::from(g.re * d.re + g.im * d.im))
            .sum();
        assert!((slope - predicted).abs() < 1e-3 * slope.abs(), "{slope} and {predicted}");
        // At the fit there is the draw alone.
        let mut gradient = vec![Complex32::ZERO; object.len()];
        assert_eq!(held.add_gradient(&held.fit, &mut gradient), 0.0);
        assert_eq!(gradient, held.pull);
    }

    #[test]
    fn draws_have_the_covariance_of_the_curvature() {
        // Of phases and of absorptions on their own, whose share is known; nothing along the fit,
        // which is taken off.
        let (fit, gain) = (random(1), 3.0);
        for (weight, part, share) in
            [(4.0, 0, 0.5), (4.0, 1, 1.0), (16.0, 0, 0.5_f64.sqrt()), (64.0, 0, 1.0)]
        {
            let planes: Vec<Complex32> = random(5)
                .iter()
                .map(|v| match part {
                    0 => Complex32::new(v.re, 0.0),
                    _ => Complex32::new(0.0, v.im),
                })
                .collect();
            let (mut turned, directions) = (SplitComplex::of(&planes, WIDTH), directions(&fit));
            turned.turn(&directions, 1.0);
            let (mut v, mut curved) = (planes, vec![Complex32::ZERO; fit.len()]);
            turned.write_to(&mut v);
            let held = held_by(weight, 0, gain);
            held.prior.gradient(&held.at, &turned, held.s2, &mut curved);
            let of_v: f64 =
                curved.iter().zip(&v).map(|(c, v)| f64::from(c.re * v.re + c.im * v.im)).sum();
            let expected = share * gain * of_v / 4.0;
            let draws = 4000;
            let squares: f64 = (0..draws)
                .map(|index| {
                    let draw = (Draw { seed: 3, index }, 0);
                    let pull = held.prior.noise(&held.at, &directions, 0.8, draw);
                    let along =
                        pull.iter().zip(&v).map(|(g, v)| f64::from(g.re * v.re + g.im * v.im));
                    gain * along.sum::<f64>().powi(2)
                })
                .sum();
            let found = squares / f64::from(draws as u32);
            // Four standard deviations of a variance from so many draws.
            let allowed = 4.0 * (2.0 / f64::from(draws as u32)).sqrt();
            assert!(
                (found / expected - 1.0).abs() < allowed,
                "{weight}, {part}: {found} for {expected}"
            );
        }
    }

    #[test]
    fn nothing_pulls_at_a_factor_of_the_object() {
        let held = held(2, 1.0);
        let product: Complex32 = held.fit.iter().zip(&held.pull).map(|(a, b)| a.conj() * b).sum();
        assert!(product.norm() < 1e-3, "{product}");
    }

    #[test]
    fn every_draw_is_another() {
        assert_eq!(held(2, 1.0).pull, held(2, 1.0).pull);
        assert_ne!(held(2, 1.0).pull, held(5, 1.0).pull);
    }
}
