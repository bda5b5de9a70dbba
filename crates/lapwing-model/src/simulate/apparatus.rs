//! What beam and detector do besides the forward model.

use super::SimulateError;
use crate::random::generator;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// What is not ideal about beam and detector. The default is an even beam, and a detector that
/// counts every photon.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Apparatus {
    /// Standard deviation of the logarithm of the beam's power, which is drawn for every pattern.
    pub beam_flicker: f64,
    /// Share of its power that the beam loses, evenly from the first pattern to the last; 0 to
    /// below 1.
    pub beam_fading: f64,
    /// Counts at which a pixel saturates: it holds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation: Option<f64>,
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
        if !(self.beam_flicker.is_finite() && self.beam_flicker >= 0.0) {
            return refused("beam_flicker", "a number of at least 0", self.beam_flicker);
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
        let last = patterns.saturating_sub(1).max(1) as f64;
        let of = |index: usize| {
            let draw: f64 = StandardNormal.sample(&mut generator(seed, "beam", index as u64));
            (1.0 - self.beam_fading * index as f64 / last) * (self.beam_flicker * draw).exp()
        };
        Some((0..patterns).map(of).collect())
    }

    /// What the detector tells of so many counts in a pixel.
    pub(super) fn detected(&self, counts: f64) -> f64 {
        self.saturation.map_or(counts, |limit| counts.min(limit))
    }
}
