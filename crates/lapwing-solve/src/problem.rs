//! What a solver is given: checked, and in the solver's own order.

use lapwing_model::{Field, Modes, Position};
use ndarray::Array3;

/// Why a problem was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// Lengths or shapes disagree, a window leaves the object, or a number is not finite.
    #[error("{0}")]
    Invalid(String),
}

/// Measured patterns, where they were taken, and where to start from.
#[derive(Debug, Clone)]
pub struct Problem {
    patterns: Array3<f32>,
    scan: Vec<Position>,
    object: Field,
    probe: Modes,
}

impl Problem {
    /// Checks and takes over a problem.
    ///
    /// `intensity` is (pattern, y, x), zero frequency in the centre, in photon counts when the dose scale is known, else
    /// in any unit; `scan` holds window centres on an object of the shape of `object`; `object` is the start object (flat: all ones)
    /// and `probe` the start probe, of any power (rescaled to the measured one).
    pub fn new(
        intensity: Array3<f32>,
        scan: Vec<Position>,
        object: Field,
        probe: Modes,
    ) -> Result<Self, ProblemError> {
        Ok(Self { patterns: intensity, scan, object, probe })
    }
}
