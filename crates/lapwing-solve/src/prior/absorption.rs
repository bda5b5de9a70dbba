//! How much more the prior weighs absorption than phase.
//!
//! What a specimen does to a wave is, where it is weak, a change in quadrature with its mean
//! transmission where it shifts the phase, and one in phase with it where it absorbs. Many
//! specimens hardly absorb, and the absorption found then is noise. The mean is that around each
//! pixel, for the phase of a specimen may go through many turns. What one material does both of is
//! in proportion: neighbours differ along a line in the complex plane, and what is across it is
//! noise, too. That is what counts as absorption here:
//!
//! ```text
//! U = exp(i beta) G * O / |G * O|,  absorption: Re(conj(U) O)
//! ```
//!
//! with G a binomial window, so wide that enough photons are in it to tell the phase of the mean,
//! and beta the angle by which the direction of least differences is turned from the mean around
//! them: 0 where the specimen only shifts the phase. O is that of a fit from which the descent goes
//! on, and U stays what it is: so absorption is linear in the object. The modulus is not: a sharp
//! step of the phase, seen with a finite resolution, goes along a chord, whose middle is darker
//! than its ends, and a prior on moduli takes that for absorption. The patterns do not tell the
//! phase of the whole object, and slow waves of it hardly; with another beta the prior would turn
//! the object away from U.

use super::SplitComplex;
use lapwing_model::Complex32;
use lapwing_model::parallel::InParallel;
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

/// Pixels whose differences are one number, about, and how many standard deviations of noise alone
/// count as no angle.
const ALIKE: f64 = 10.0;
const CLEAR: f64 = 5.0;

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

    /// U of an object under this light, with so many `photons` on a pixel, of light that `varies`
    /// from pattern to pattern or does not.
    pub fn directions(
        object: &SplitComplex,
        light: &[f32],
        photons: f64,
        varies: bool,
    ) -> Arc<SplitComplex> {
        let (least, most) = PASSES;
        let least = if varies { OF_VARYING } else { least };
        // G covers 4 pi times the square of its standard deviation.
        let passes = (PHOTONS / (2.0 * PI * photons)).clamp(least, most);
        let mut directions = object.smoothed(passes as usize).directions();
        let across = across(object, &directions, light);
        directions.scale(Complex32::cis(across as f32));
        Arc::new(directions)
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

/// The angle, rad, by which the direction in which neighbours differ least is turned from the mean
/// around them, by the covariance of their differences under the light; little noise does not turn
/// it.
fn across(object: &SplitComplex, directions: &SplitComplex, light: &[f32]) -> f64 {
    let (width, rows) = (object.width(), object.rows());
    let of_rows = (0..rows).in_parallel().map(|y| {
        let mut sums = [0.0_f64; 5];
        let [re, im] = [0, 1].map(|part| object.row(y, part));
        let [u, v] = [0, 1].map(|part| directions.row(y, part));
        let below = [0, 1].map(|part| object.row((y + 1).min(rows - 1), part));
        for x in 0..width - 1 {
            let light = f64::from(light[y * width + x]);
            for (re_of, im_of) in [(re[x + 1], im[x + 1]), (below[0][x], below[1][x])] {
                let (re, im) = (re_of - re[x], im_of - im[x]);
                let along = f64::from(u[x] * re + v[x] * im);
                let beside = f64::from(u[x] * im - v[x] * re);
                let terms = [
                    beside * beside - along * along,
                    -2.0 * along * beside,
                    along * along + beside * beside,
                ];
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += light * term);
            }
            sums[3] += light;
            sums[4] += light * light;
        }
        sums
    });
    let [less, mixed, all, light, squares] =
        of_rows.iter().fold([0.0; 5], |sum, row| std::array::from_fn(|i| sum[i] + row[i]));
    if !(all > 0.0 && squares > 0.0) {
        return 0.0;
    }
    let noise = all * (ALIKE * squares).sqrt() / light;
    0.5 * mixed.atan2(less + CLEAR * noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absorption(weight: f64, object: &[Complex32], width: usize) -> Absorption {
        let planes = SplitComplex::of(object, width);
        let directions = Absorption::directions(&planes, &vec![1.0; object.len()], 1e3, false);
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
    fn what_one_material_does_is_phase_alone() {
        // exp((-0.5 + 0.8 i) t) of small differences, and noise of a tenth of them.
        let side = 160;
        let noise = |i: usize| ((i * 7919) % 97) as f32 / 97.0 - 0.5;
        let object: Vec<Complex32> = (0..side * side)
            .map(|i| {
                let (y, x) = ((i / side) as f32, (i % side) as f32);
                let t = 0.1 * (0.9 * x).sin() + 0.1 * (0.7 * y).cos();
                let own = (Complex32::new(-0.5, 0.8) * t).exp();
                own + 0.01 * Complex32::new(noise(i), noise(i + 50))
            })
            .collect();
        let planes = SplitComplex::of(&object, side);
        let directions = planes.smoothed(6).directions();
        let angle = across(&planes, &directions, &vec![1.0; object.len()]);
        // Across -0.5 + 0.8 i, 0.559; the allowance for noise alone takes a tenth of it off.
        assert!((0.48..0.56).contains(&angle), "{angle}");
        // Noise has no direction.
        let noise: Vec<Complex32> =
            (0..side * side).map(|i| 1.0 + 0.1 * Complex32::new(noise(i), noise(i * i))).collect();
        let planes = SplitComplex::of(&noise, side);
        let directions = planes.smoothed(6).directions();
        let angle = across(&planes, &directions, &vec![1.0; noise.len()]);
        assert!(angle.abs() < 0.3, "{angle}");
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
