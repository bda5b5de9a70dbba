//! How much more the prior weighs absorption than phase.
//!
//! What a specimen does to a wave is, where it is weak, a change in quadrature with its mean
//! transmission where it shifts the phase, and one in phase with it where it absorbs. Many
//! specimens hardly absorb, and the absorption found then is noise. The mean is that around each
//! pixel, for the phase of a specimen may go through many turns:
//!
//! ```text
//! U = G * O / |G * O|,  absorption: Re(conj(U) O)
//! ```
//!
//! with G a binomial window, so wide that enough photons are in it to tell the phase of the mean.
//! O is that of a fit from which the descent goes on, and U stays what it
//! is: so absorption is linear in the object. The modulus is not: a sharp step of the phase, seen
//! with a finite resolution, goes along a chord, whose middle is darker than its ends, and a prior
//! on moduli takes that for absorption.

use super::SplitComplex;
use std::f64::consts::PI;
use std::sync::Arc;

/// Photons in G, about: the phase of what they tell is in error by 0.02 rad.
const PHOTONS: f64 = 1000.0;
/// Passes of (1 2 1) / 4, either way, that G is made of, at least and at most. The square of its
/// standard deviation is half as many pixels.
const PASSES: (f64, f64) = (6.0, 200.0);
/// The fewest where the light varies from pattern to pattern, and may take what is slow in the
/// object: under a wide window it counts as absorption as well.
const OF_VARYING: f64 = 40.0;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Absorption {
    /// How many times as much absorption weighs as phase: 1 or more. Below, a field that turns with
    /// U from pixel to pixel could cost less than nothing.
    weight: f32,
    /// U, where they do not weigh the same.
    directions: Option<Arc<SplitComplex>>,
}

impl Absorption {
    /// As much weight as the phase has.
    pub const AS_PHASE: Self = Self { weight: 1.0, directions: None };

    /// This weight, with U.
    pub fn new(weight: f64, directions: &Arc<SplitComplex>) -> Self {
        if weight == 1.0 {
            return Self::AS_PHASE;
        }
        Self { weight: weight as f32, directions: Some(directions.clone()) }
    }

    /// U of an object with so many `photons` on a pixel, of light that `varies` from pattern to
    /// pattern or does not.
    pub fn directions(object: &SplitComplex, photons: f64, varies: bool) -> Arc<SplitComplex> {
        let (least, most) = PASSES;
        let least = if varies { OF_VARYING } else { least };
        // G covers 4 pi times the square of its standard deviation.
        let passes = (PHOTONS / (2.0 * PI * photons)).clamp(least, most);
        Arc::new(object.smoothed(passes as usize).directions())
    }

    /// Factors on the strength for the two parts of a field that was [turned](Self::turn).
    pub fn weights(&self) -> [f32; 2] {
        [self.weight, 1.0]
    }

    /// Whether both parts weigh the same.
    pub fn is_even(&self) -> bool {
        self.directions.is_none()
    }

    /// How much more than phase absorption weighs, and U, where it does not weigh the same.
    pub fn excess(&self) -> Option<(f32, &SplitComplex)> {
        Some((self.weight - 1.0, self.directions.as_deref()?))
    }

    /// Turns a field so that its real part is absorption, pixel by pixel.
    pub fn turn(&self, planes: &mut SplitComplex) {
        if let Some(directions) = &self.directions {
            planes.turn(directions, -1.0);
        }
    }

    /// The same of rows of both parts from row `first` of the field on, as
    /// [`SplitComplex::sum_by_rows`] gives them.
    pub fn turn_rows(&self, first: usize, rows: &mut [f32]) {
        if let Some(directions) = &self.directions {
            directions.turn_rows(first, rows, -1.0);
        }
    }

    /// Takes [`turn`](Self::turn) back.
    pub fn turn_back(&self, planes: &mut SplitComplex) {
        if let Some(directions) = &self.directions {
            planes.turn(directions, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Complex32;

    fn absorption(weight: f64, object: &[Complex32], width: usize) -> Absorption {
        let directions = Absorption::directions(&SplitComplex::of(object, width), 1e3, false);
        Absorption::new(weight, &directions)
    }

    #[test]
    fn a_weak_change_is_split_into_absorption_and_phase_wherever_the_phase_is() {
        // O exp(-a + i p) - O = O (-a + i p), to first order, on a slow wave of the phase.
        let (side, a, p) = (40, 0.01_f32, 0.03_f32);
        let object: Vec<Complex32> = (0..side * side)
            .map(|i| Complex32::from_polar(0.5, 6.0 * (0.04 * (i % side) as f32).sin()))
            .collect();
        let change: Vec<Complex32> =
            object.iter().map(|value| value * Complex32::new(-a, p)).collect();
        let absorption = absorption(4.0, &object, side);
        let mut planes = SplitComplex::of(&change, side);
        absorption.turn(&mut planes);
        let (at, mut worst) = (side / 2, 0.0_f32);
        for x in 8..side - 8 {
            let [re, im] = [0, 1].map(|part| planes.row(at, part)[x]);
            worst = worst.max((re + 0.5 * a).abs()).max((im - 0.5 * p).abs());
        }
        assert!(worst < 1e-3, "{worst}");
        let mut back = vec![Complex32::ZERO; change.len()];
        absorption.turn_back(&mut planes);
        planes.write_to(&mut back);
        assert!(back.iter().zip(&change).all(|(a, b)| (a - b).norm() < 1e-6));
    }

    #[test]
    fn what_is_dark_or_weighs_the_same_is_left_as_it_is() {
        let field = [Complex32::new(2.0, -3.0); 4];
        for (weight, object) in [(4.0, Complex32::ZERO), (1.0, Complex32::I)] {
            let mut planes = SplitComplex::of(&field, 2);
            absorption(weight, &[object; 4], 2).turn(&mut planes);
            assert_eq!(planes, SplitComplex::of(&field, 2));
        }
    }
}
