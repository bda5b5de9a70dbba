//! Why a problem is refused.

use lapwing_model::ModelError;

/// Why a problem was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// There is nothing to reconstruct from.
    #[error(
        "the scan is empty: expected at least one pattern of at least one pixel, found shape {0:?}"
    )]
    Empty((usize, usize, usize)),
    /// Patterns and positions do not pair up.
    #[error(
        "{patterns} patterns but {positions} positions: every pattern needs the centre of its window"
    )]
    Lengths {
        /// Number of patterns.
        patterns: usize,
        /// Number of positions.
        positions: usize,
    },
    /// An intensity is negative, infinite or not a number.
    #[error("intensity {value} in pattern {pattern}: expected finite numbers >= 0")]
    Intensity {
        /// Index of the first bad pattern.
        pattern: usize,
        /// The first bad value.
        value: f32,
    },
    /// All patterns are dark.
    #[error("all patterns are zero: there is no light to reconstruct from")]
    Dark,
    /// The start probe cannot be used.
    #[error("start probe: {0}")]
    Probe(String),
    /// The start object cannot be used.
    #[error("start object: {0}")]
    Object(String),
    /// The detector mask cannot be used.
    #[error("mask: {0}")]
    Mask(String),
    /// The store of the patterns lost some of them.
    #[error("{stored} bytes of patterns were stored, expected {expected}")]
    Stored {
        /// Bytes that the store shows.
        stored: usize,
        /// Bytes of all patterns.
        expected: usize,
    },
    /// A window leaves the object.
    #[error("pattern {pattern}: {source}")]
    OffObject {
        /// Index of the pattern.
        pattern: usize,
        /// Where its window is and where it may be.
        source: ModelError,
    },
}
