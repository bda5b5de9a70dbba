//! Why a problem is refused.

use lapwing_model::ModelError;
use lapwing_model::forward::PhysicsError;

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
    /// The background has not the shape of the patterns.
    #[error("background: expected shape {expected:?}, as the patterns, found {found:?}")]
    BackgroundShape {
        /// Shape of the patterns, (y, x).
        expected: (usize, usize),
        /// Shape of the background, (y, x).
        found: (usize, usize),
    },
    /// The background holds a value that no intensity has.
    #[error("background: expected finite numbers >= 0, found {0}")]
    BackgroundValue(f32),
    /// The background is all there is.
    #[error(
        "background: expected less than the {light} that a pattern holds, found {background}: no \
         light is left to reconstruct from"
    )]
    Background {
        /// Mean summed intensity of a pattern.
        light: f64,
        /// Sum of the background.
        background: f64,
    },
    /// The gain is no usable number.
    #[error("gain: expected a finite number above 0, found {0}")]
    Gain(f64),
    /// The store of the patterns lost some of them.
    #[error("{stored} bytes of patterns were stored, expected {expected}")]
    Stored {
        /// Bytes that the store shows.
        stored: usize,
        /// Bytes of all patterns.
        expected: usize,
    },
    /// There is no model of the physics.
    #[error(transparent)]
    Physics(#[from] PhysicsError),
    /// A window leaves the object.
    #[error("pattern {pattern}: {source}")]
    OffObject {
        /// Index of the pattern.
        pattern: usize,
        /// Where its window is and where it may be.
        source: ModelError,
    },
}
