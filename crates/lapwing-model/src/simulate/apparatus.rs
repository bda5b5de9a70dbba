//! What beam, detector and stage do besides the forward model.

use super::SimulateError;
use crate::Position;
use crate::position::bounding_box;
use crate::random::generator;
use crate::scan::{Affine, EvenDrift};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Standard deviations that no position is off by.
const FARTHEST: f64 = 6.0;

/// What is not ideal about beam, detector and stage. The default is an even beam, a detector that
/// counts every photon, and positions that are right.
///
/// A beam that wanders over the specimen is a scan that is off: but for a phase ramp of the wave,
/// which no far field shows, the probe elsewhere is the specimen elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Apparatus {
    /// Standard deviation of the logarithm of the beam's power, which is drawn for every pattern.
    pub beam_flicker: f64,
    /// Share of its power that the beam loses, evenly from the first pattern to the last; 0 to
    /// below 1.
    pub beam_fading: f64,
    /// By how much the probe's focus changes, evenly from the first pattern to the last, radians at
    /// the edge of its pupil; the probe is that half-way.
    #[serde(skip_serializing_if = "is_none")]
    pub focus_drift: f64,
    /// Standard deviation of the focus, which is drawn for every pattern, in the same unit.
    #[serde(skip_serializing_if = "is_none")]
    pub focus_flicker: f64,
    /// Scale of the positions of the exposures over those that are told, about their mean.
    #[serde(skip_serializing_if = "is_one")]
    pub scan_scale: f64,
    /// Ratio of rows to columns of the positions, squared, likewise.
    #[serde(skip_serializing_if = "is_one")]
    pub scan_aspect: f64,
    /// Rotation of the positions, from rows towards columns, degrees, likewise.
    #[serde(skip_serializing_if = "is_none")]
    pub scan_rotation_deg: f64,
    /// Shear of columns with rows, likewise.
    #[serde(skip_serializing_if = "is_none")]
    pub scan_shear: f64,
    /// By how far (y, x), pixels, the positions of the exposures go away from those that are told,
    /// evenly from the first pattern to the last; those half-way are right.
    #[serde(skip_serializing_if = "is_still")]
    pub scan_drift: (f64, f64),
    /// Standard deviation of every position along each axis, pixels, drawn for every pattern.
    #[serde(skip_serializing_if = "is_none")]
    pub scan_scatter: f64,
    /// Counts at which a pixel saturates: it holds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(value: &f64) -> bool {
    *value == 0.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

fn is_still(value: &(f64, f64)) -> bool {
    *value == (0.0, 0.0)
}

impl Default for Apparatus {
    fn default() -> Self {
        Self {
            beam_flicker: 0.0,
            beam_fading: 0.0,
            focus_drift: 0.0,
            focus_flicker: 0.0,
            scan_scale: 1.0,
            scan_aspect: 1.0,
            scan_rotation_deg: 0.0,
            scan_shear: 0.0,
            scan_drift: (0.0, 0.0),
            scan_scatter: 0.0,
            saturation: None,
        }
    }
}

impl Apparatus {
    /// Whether nothing differs from the ideal.
    pub fn is_ideal(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses numbers that mean nothing.
    ///
    /// # Errors
    /// The first of them.
    pub fn check(&self) -> Result<(), SimulateError> {
        let refused =
            |what, expected, found| Err(SimulateError::Apparatus { what, expected, found });
        let deviations = [
            ("beam_flicker", self.beam_flicker),
            ("focus_flicker", self.focus_flicker),
            ("scan_scatter", self.scan_scatter),
        ];
        for (what, found) in deviations {
            if !(found.is_finite() && found >= 0.0) {
                return refused(what, "a number of at least 0", found);
            }
        }
        for (what, found) in [("scan_scale", self.scan_scale), ("scan_aspect", self.scan_aspect)] {
            if !(0.5..=2.0).contains(&found) {
                return refused(what, "a factor from 0.5 to 2", found);
            }
        }
        let numbers = [
            ("focus_drift", self.focus_drift),
            ("scan_rotation_deg", self.scan_rotation_deg),
            ("scan_shear", self.scan_shear),
            ("scan_drift", self.scan_drift.0),
            ("scan_drift", self.scan_drift.1),
        ];
        if let Some((what, found)) = numbers.into_iter().find(|(_, found)| !found.is_finite()) {
            return refused(what, "a finite number", found);
        }
        if !(0.0..1.0).contains(&self.beam_fading) {
            return refused(
                "beam_fading",
                "a share of at least 0 and less than 1",
                self.beam_fading,
            );
        }
        match self.saturation {
            Some(counts) if !(counts.is_finite() && counts >= 1.0 && counts.fract() == 0.0) => {
                refused("saturation", "a whole number of counts, at least 1", counts)
            }
            _ => Ok(()),
        }
    }

    /// The beam's power in each of so many patterns, in any unit; pattern j draws from generator
    /// `beam` number j of `seed`. None where it is even.
    pub fn powers(&self, patterns: usize, seed: u64) -> Option<Vec<f64>> {
        if self.beam_flicker == 0.0 && self.beam_fading == 0.0 {
            return None;
        }
        let last = last_of(patterns);
        let of = |index: usize| {
            let draw: f64 = StandardNormal.sample(&mut generator(seed, "beam", index as u64));
            (1.0 - self.beam_fading * index as f64 / last) * (self.beam_flicker * draw).exp()
        };
        Some((0..patterns).map(of).collect())
    }

    /// The focus in each of so many patterns less that of the probe, radians at the pupil's edge;
    /// pattern j draws from generator `focus` number j of `seed`. None where it stays.
    pub fn focus(&self, patterns: usize, seed: u64) -> Option<Vec<f64>> {
        if self.focus_flicker == 0.0 && self.focus_drift == 0.0 {
            return None;
        }
        let last = last_of(patterns);
        let of = |index: usize| {
            let draw: f64 = StandardNormal.sample(&mut generator(seed, "focus", index as u64));
            self.focus_drift * (index as f64 / last - 0.5) + self.focus_flicker * draw
        };
        Some((0..patterns).map(of).collect())
    }

    /// Where the patterns are taken whose positions are told as `scan`; pattern j draws from
    /// generator `scan error` number j of `seed`. None where these are right. The stage stretches,
    /// turns and shears lengths, which pixels of `sides` (y, x) tell, in any unit; it drifts and
    /// scatters by pixels.
    pub fn places(&self, scan: &[Position], sides: (f64, f64), seed: u64) -> Option<Vec<Position>> {
        let &Self { scan_drift: (y, x), scan_scatter, .. } = self;
        let map = Affine {
            scale: self.scan_scale,
            aspect: self.scan_aspect,
            rotation: self.scan_rotation_deg.to_radians(),
            shear: self.scan_shear,
        };
        let drift = EvenDrift { y, x };
        if map == Affine::default() && drift == EvenDrift::default() && scan_scatter == 0.0 {
            return None;
        }
        // In widths of a pixel: numbers of square ones stay what they are.
        let height = sides.0 / sides.1;
        let lengths: Vec<_> = scan.iter().map(|at| Position { y: at.y * height, ..*at }).collect();
        let mut mapped = map.applied(&lengths);
        mapped.iter_mut().for_each(|at| at.y /= height);
        let mut places = drift.applied(&mapped);
        if scan_scatter > 0.0 {
            for (index, at) in places.iter_mut().enumerate() {
                let mut draws = generator(seed, "scan error", index as u64);
                let mut error = || {
                    let draw: f64 = StandardNormal.sample(&mut draws);
                    scan_scatter * draw.clamp(-FARTHEST, FARTHEST)
                };
                at.y += error();
                at.x += error();
            }
        }
        Some(places)
    }

    /// Positions around which there must be an object of square pixels, whatever is drawn: `scan`,
    /// which is told, and the corners of the box that holds the places where patterns are taken.
    pub fn extent(&self, scan: &[Position]) -> Vec<Position> {
        let steady = Self { scan_scatter: 0.0, ..*self };
        let mut all = scan.to_vec();
        let places = steady.places(scan, (1.0, 1.0), 0);
        if places.is_none() && self.scan_scatter == 0.0 {
            return all;
        }
        let far = FARTHEST * self.scan_scatter;
        if let Some((y0, y1, x0, x1)) = bounding_box(places.as_deref().unwrap_or(scan)) {
            all.push(Position { y: y0 - far, x: x0 - far });
            all.push(Position { y: y1 + far, x: x1 + far });
        }
        all
    }

    /// What the detector tells of so many counts in a pixel.
    pub(super) fn detected(&self, counts: f64) -> f64 {
        self.saturation.map_or(counts, |limit| counts.min(limit))
    }
}

/// Number of the last of so many patterns, or 1 for a single one.
fn last_of(patterns: usize) -> f64 {
    patterns.saturating_sub(1).max(1) as f64
}
