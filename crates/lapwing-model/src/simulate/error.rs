//! Why a scan cannot be simulated.

use super::MAX_DOSE;
use crate::ModelError;
use crate::forward::PhysicsError;

/// Why a scan cannot be simulated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// There are no positions.
    #[error("the scan is empty: expected at least one position")]
    EmptyScan,
    /// The dose is not a usable number.
    #[error("dose {0}: expected photons per pattern, greater than 0 and at most {MAX_DOSE:e}")]
    Dose(f64),
    /// The object or the probe holds a number that is not finite.
    #[error("the {0} holds NaN or infinity: expected finite complex numbers")]
    NotFinite(&'static str),
    /// Object or probe vanish where they meet.
    #[error("no light reaches the detector: the probe or the object is zero in every window")]
    Dark,
    /// The shape of the probe cannot be simulated.
    #[error("the probe has shape {0:?}: expected (modes, height, width), none of them zero")]
    EmptyProbe((usize, usize, usize)),
    /// The patterns do not fit.
    #[error(
        "{patterns} patterns of {height} x {width} px, {:.3e} bytes: {reason}; use fewer positions (a larger step or a smaller \
         field of view) or smaller patterns",
        4.0 * *patterns as f64 * *height as f64 * *width as f64
    )]
    TooLarge {
        /// Number of patterns.
        patterns: usize,
        /// Rows of a pattern.
        height: usize,
        /// Columns of a pattern.
        width: usize,
        /// What they exceed.
        reason: &'static str,
    },
    /// The physics has no model.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// The object's number of slices differs from that of the physics.
    #[error(transparent)]
    Slices(#[from] ModelError),
    /// A window leaves the object.
    #[error("position {index}: {source}")]
    OffObject {
        /// Index of the position.
        index: usize,
        /// Where the window is and where it may be.
        source: ModelError,
    },
    /// A window leaves the object where a pattern is taken, though not where its position is told.
    #[error(
        "position {index}, at the place where the stage really is (scan_scale, scan_drift and the like): \
         {source}; a smaller field of view, or a larger object, leaves room"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    StageOffObject { index: usize, source: ModelError },
    /// Beam, detector or stage are described by a number that means nothing.
    #[error("{what}: expected {expected}, found {found}")]
    #[expect(missing_docs, reason = "the message names them")]
    Apparatus { what: &'static str, expected: &'static str, found: f64 },
}
