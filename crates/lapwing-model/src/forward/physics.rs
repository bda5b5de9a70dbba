//! What the forward model takes into account besides probe and object.

use super::ramp::Separable;
use crate::fft::frequency;
use crate::{Complex32, Position, Short};
use std::f64::consts::PI;

/// How a pattern comes of the exit wave, and of the positions during its exposure.
///
/// The default is a far field, taken while the probe stands still, by a sharp detector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Physics {
    /// From the specimen to the detector.
    pub propagation: Propagation,
    /// Where the probe is during an exposure, relative to the position of its pattern, pixels;
    /// equally long everywhere. Intensities of all places add up (fly scan). Empty where the probe
    /// stands still.
    pub motion: Vec<Position>,
    /// Standard deviation of the detector's point spread, a Gaussian, pixels; 0 for a sharp one.
    pub blur: f64,
    /// The slices of a thick object; `None` for a thin one.
    pub slices: Option<Slices>,
    /// What moves from pattern to pattern, and in motion. Of a far field nobody sees it.
    pub moves: Moves,
}

/// What a scan moves, by fractions of a pixel as well.
///
/// With f the fraction, S_f the shift by it and D the way to the detector, a near field is
///
/// ```text
/// |D[(S_f P) O]|^2               the probe moves; the pattern was cut out at whole pixels
/// |S_-f D[(S_f P) O]|^2          the specimen moves: = |D[P S_-f O]|^2, for D commutes with S
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moves {
    /// The specimen, while the light and the detector stand still: a stage.
    #[default]
    Specimen,
    /// The probe, over a specimen and a detector that stand still.
    Probe,
}

/// The slices of a thick object along the beam, equally far apart.
///
/// From one to the next the wave travels as in [`Propagation::NearField`]: multislice (J. M.
/// Cowley, A. F. Moodie, Acta Cryst. 10, 609, 1957), for reconstructions A. M. Maiden, M. J.
/// Humphry, J. M. Rodenburg, J. Opt. Soc. Am. A 29, 1606 (2012).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slices {
    /// How many there are, at least 2.
    pub count: usize,
    /// dx^2 / (wavelength gap), the Fresnel number of one object pixel over the gap between two
    /// slices.
    pub fresnel_number: f64,
}

/// How the wave travels from the specimen to the detector. Both are unitary.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Propagation {
    /// Fraunhofer diffraction, Psi = F\[psi\].
    #[default]
    FarField,
    /// Fresnel diffraction, Psi = F^-1\[F\[psi\] exp(-i pi |u|^2 / f)\] with u in cycles per pixel:
    /// the angular spectrum with its square root expanded (Goodman, Introduction to Fourier Optics,
    /// 3rd ed., Eq. 4-20). Pixels of specimen and detector are equal; a cone beam is brought to
    /// that by its effective distance and pixel.
    NearField {
        /// f = dx^2 / (wavelength distance), the Fresnel number of one object pixel.
        fresnel_number: f64,
    },
}

/// Why there is no forward model of some physics.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PhysicsError {
    /// The Fresnel number is none.
    #[error("Fresnel number: expected a number other than 0, found {}", Short(*.0))]
    FresnelNumber(f64),
    /// The kernel turns by more than pi from one frequency to the next.
    #[error(
        "a Fresnel number of {found:e} for one pixel is too small for patterns of {height} x {width}: \
         expected at least {least:e}; so far away, with pixels that small, the pattern is a far field \
         under a curved illumination (geometry far-field); of a detector that was cut, use more pixels"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    Undersampled { found: f64, least: f64, height: usize, width: usize },
    /// The motion leaves the window, or is none.
    #[error(
        "motion of an exposure: expected places within half a window, found ({:.2}, {:.2}) pixels; its \
         length is in pixels of the object",
        Short(*.0), Short(*.1)
    )]
    Motion(f64, f64),
    /// The number of slices is none.
    #[error("slices of a thick object: expected 2 to {MOST_SLICES}, found {0}")]
    SliceCount(usize),
    /// The distance between slices is none.
    #[error(
        "Fresnel number of one pixel over the gap between two slices: expected a number other than \
         0, found {}",
        Short(*.0)
    )]
    SliceFresnelNumber(f64),
    /// Waves leave the window between two slices.
    #[error(
        "a Fresnel number of {found:e} for one pixel over the gap between two slices is too small for \
         patterns of {height} x {width}: expected at least {least:e}; over so long a gap waves leave the \
         window before they reach the next slice"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    GapTooLong { found: f64, least: f64, height: usize, width: usize },
    /// The point spread is none.
    #[error("blur of the detector: expected at least 0 and at most {MOST_BLUR} pixels, found {}", Short(*.0))]
    Blur(f64),
}

/// Most slices of an object.
pub const MOST_SLICES: usize = 64;

/// Frequency, cycles per pixel, up to which waves must stay in the window between two slices.
const KEPT_FREQUENCY: f64 = 0.125;

/// Most steps that a motion is cut into: one that is longer than these at half a pixel, 32768
/// pixels, leaves any window.
const MOST_STEPS: usize = 1 << 16;

/// Widest point spread, pixels.
pub const MOST_BLUR: f64 = 4.0;

impl Physics {
    /// A straight motion of `length` pixels (y, x) in steps of at most half a pixel, two at least,
    /// centred on the position. Empty where there is no motion. One that is longer than any window
    /// has no more steps than a window could.
    pub fn fly((along_y, along_x): (f64, f64)) -> Vec<Position> {
        let length = along_y.hypot(along_x);
        if length.is_nan() || length <= 0.0 {
            return Vec::new();
        }
        // One step would be a probe that stands still.
        let steps = ((2.0 * length).ceil() as usize).clamp(2, MOST_STEPS);
        Self::fly_in((along_y, along_x), steps)
    }

    /// The length (y, x) of a straight motion in equal steps: what [`fly`](Self::fly) was given.
    /// `None` for places that lie otherwise.
    pub fn path(places: &[Position]) -> Option<(f64, f64)> {
        let (first, last) = (places.first()?, places.last()?);
        let steps = places.len() as f64;
        // The places are the middles of the steps.
        let whole = steps / (steps - 1.0);
        let path = (whole * (last.y - first.y), whole * (last.x - first.x));
        let same = |a: &Position, b: &Position| (a.y - b.y).abs().max((a.x - b.x).abs()) < 1e-9;
        let straight = Self::fly_in(path, places.len());
        let is_it = straight.iter().zip(places).all(|(a, b)| same(a, b));
        (places.len() > 1 && is_it).then_some(path)
    }

    /// A straight motion of a length (y, x) in so many steps.
    fn fly_in((along_y, along_x): (f64, f64), steps: usize) -> Vec<Position> {
        let place = |step: usize| {
            let share = (step as f64 + 0.5) / steps as f64 - 0.5;
            Position { y: share * along_y, x: share * along_x }
        };
        (0..steps).map(place).collect()
    }

    /// Refuses what has no forward model for windows of `(height, width)`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, (height, width): (usize, usize)) -> Result<(), PhysicsError> {
        if let Propagation::NearField { fresnel_number } = self.propagation {
            if !(fresnel_number.is_finite() && fresnel_number != 0.0) {
                return Err(PhysicsError::FresnelNumber(fresnel_number));
            }
            let least = 1.0 / height.min(width) as f64;
            if fresnel_number.abs() < least {
                let found = fresnel_number;
                return Err(PhysicsError::Undersampled { found, least, height, width });
            }
        }
        let within = |place: f64, length: usize| place.abs() <= length as f64 / 2.0;
        let outside =
            self.motion.iter().find(|place| !(within(place.y, height) && within(place.x, width)));
        if let Some(place) = outside {
            return Err(PhysicsError::Motion(place.y, place.x));
        }
        if !(0.0..=MOST_BLUR).contains(&self.blur) {
            return Err(PhysicsError::Blur(self.blur));
        }
        self.slices.map_or(Ok(()), |slices| slices.check((height, width)))
    }
}

impl Slices {
    /// Refuses slices that no forward model has for windows of `(height, width)`.
    fn check(self, (height, width): (usize, usize)) -> Result<(), PhysicsError> {
        let Self { count, fresnel_number } = self;
        if !(2..=MOST_SLICES).contains(&count) {
            return Err(PhysicsError::SliceCount(count));
        }
        if !(fresnel_number.is_finite() && fresnel_number != 0.0) {
            return Err(PhysicsError::SliceFresnelNumber(fresnel_number));
        }
        // A wave of frequency u moves sideways by u / f pixels.
        let least = 2.0 * KEPT_FREQUENCY / height.min(width) as f64;
        if fresnel_number.abs() < least {
            let found = fresnel_number;
            return Err(PhysicsError::GapTooLong { found, least, height, width });
        }
        Ok(())
    }
}

/// The factors of Fresnel diffraction on a spectrum, and those of the way back.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub there: Separable,
    pub back: Separable,
}

impl Hop {
    /// For windows of `shape`; `None` to the far field.
    pub fn new(propagation: Propagation, shape: (usize, usize)) -> Option<Self> {
        let Propagation::NearField { fresnel_number } = propagation else { return None };
        Some(Self::over(fresnel_number, shape))
    }

    /// Over a distance with this Fresnel number of one pixel, for windows of `(height, width)`.
    pub fn over(fresnel_number: f64, (height, width): (usize, usize)) -> Self {
        let along = |length: usize, sign: f64| -> Vec<Complex32> {
            let factor = |index: usize| {
                let u = frequency(index, length);
                let (sin, cos) = (-sign * PI * u * u / fresnel_number).sin_cos();
                Complex32::new(cos as f32, sin as f32)
            };
            (0..length).map(factor).collect()
        };
        let factors =
            |sign| Separable { along_y: along(height, sign), along_x: along(width, sign) };
        Self { there: factors(1.0), back: factors(-1.0) }
    }

    /// With the opposite of `shift` on the way there.
    pub fn shifted_back(&self, shift: &Separable) -> Self {
        Self { there: self.there.times(shift, true), back: self.back.times(shift, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_is_centred_and_finely_cut() {
        assert!(Physics::fly((0.0, 0.0)).is_empty());
        let motion = Physics::fly((0.0, 4.0));
        let x: Vec<f64> = motion.iter().map(|place| place.x).collect();
        assert_eq!(x, [-1.75, -1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 1.75]);
        // Its mean square is that of a segment, 4^2 / 12, but for that of one step, 0.5^2 / 12.
        let square = x.iter().map(|x| x * x).sum::<f64>() / 8.0;
        assert!((square - (16.0 - 0.25) / 12.0).abs() < 1e-12);
        // However short it is, it is a motion.
        for length in [0.5, 0.4, 1e-3] {
            let motion = Physics::fly((length, 0.0));
            let y: Vec<f64> = motion.iter().map(|place| place.y).collect();
            assert_eq!(y, [-length / 4.0, length / 4.0]);
        }
        // One that leaves every window takes no memory for it, and is refused.
        for length in [1e9, 1e300, f64::INFINITY] {
            let motion = Physics::fly((length, 1.0));
            assert!(motion.len() <= 1 << 16, "{length}: {}", motion.len());
            let far = Physics { motion, ..Physics::default() };
            assert!(matches!(far.check((4096, 4096)), Err(PhysicsError::Motion(..))), "{length}");
        }
    }

    #[test]
    fn the_path_of_a_flight_is_its_length() {
        for length in [(0.0, 4.0), (-0.3, 0.2), (7.1, -2.9)] {
            let (y, x) = Physics::path(&Physics::fly(length)).unwrap();
            assert!((y - length.0).abs() < 1e-12 && (x - length.1).abs() < 1e-12, "({y}, {x})");
        }
        let bent = [(0.0, -1.0), (0.5, 0.0), (0.0, 1.0)].map(|(y, x)| Position { y, x });
        assert_eq!(Physics::path(&bent), None);
        assert_eq!(Physics::path(&bent[..1]), None);
        assert_eq!(Physics::path(&[]), None);
    }

    #[test]
    fn what_has_no_model_is_refused() {
        let near = |fresnel_number| Physics {
            propagation: Propagation::NearField { fresnel_number },
            ..Physics::default()
        };
        assert_eq!(Physics::default().check((8, 8)), Ok(()));
        assert_eq!(near(0.02).check((64, 64)), Ok(()));
        assert!(matches!(near(0.01).check((64, 64)), Err(PhysicsError::Undersampled { .. })));
        assert!(matches!(near(0.0).check((64, 64)), Err(PhysicsError::FresnelNumber(_))));
        let motion = vec![Position { y: 0.0, x: 5.0 }];
        let far = Physics { motion, ..Physics::default() };
        assert_eq!(far.check((8, 8)), Err(PhysicsError::Motion(0.0, 5.0)));
        let wide = Physics { blur: f64::NAN, ..Physics::default() };
        assert!(matches!(wide.check((8, 8)), Err(PhysicsError::Blur(_))));
        let thick = |count, fresnel_number| Physics {
            slices: Some(Slices { count, fresnel_number }),
            ..Physics::default()
        };
        assert_eq!(thick(2, 1.0 / 75.0).check((64, 64)), Ok(()));
        assert_eq!(thick(1, 0.1).check((64, 64)), Err(PhysicsError::SliceCount(1)));
        assert!(matches!(thick(3, 0.0).check((8, 8)), Err(PhysicsError::SliceFresnelNumber(_))));
        assert!(matches!(thick(3, 3e-3).check((64, 64)), Err(PhysicsError::GapTooLong { .. })));
    }
}
