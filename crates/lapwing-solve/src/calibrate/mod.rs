//! Calibration from the patterns, before any reconstruction: the bright disc, the orientation of
//! the scan on the detector, and the defocus.
//!
//! Where the illumination has a pupil, each detector pixel in its bright disc sees the specimen
//! under one angle: over the scan it is an image of the specimen, and defocus shifts these images
//! against each other in proportion to the angle (tilt-corrected bright field; reciprocal to the
//! aberration measurement from tilted illumination of R. R. Meyer, A. I. Kirkland, W. O. Saxton,
//! *Ultramicroscopy* 92, 2002). With the probe P = F^-1[pupil exp(-i pi kappa |q|^2)] and the
//! specimen at A R under it, A the rotation and transposition of the scan, the pixel at frequency q
//! shows
//!
//! ```text
//! I_q(R) = I(A R + kappa q),   F_q(Q) = I(Q) exp(2 pi i Q . A^-1 kappa q)
//! ```
//!
//! so that the linear map kappa A^-1 by which all images coincide gives defocus, rotation and
//! transposition at once. [`orientation`] searches all of these, [`curvature`] the defocus and
//! astigmatism of a scan whose orientation is right.
//!
//! Turning the scan by 180 degrees, reversing the defocus and conjugating the specimen explains all
//! patterns equally well ([`Orientation::twin`]); only physics decides between them. The light is
//! deflected along the gradient of the phase (the centre of mass of the disc), which is integrated;
//! [`Sign`] measures whether matter (what scatters or absorbs light, or stands out from its
//! surroundings) advances or retards the wave.
//!
//! Positions are in pixels of the object, whose sides along (y, x) may differ: every function is
//! told these `sides`, in any unit. Directions are those of lengths, and curvatures are in squares
//! of the sides' geometric mean (kappa = lambda C10 over the area of a pixel).

mod curl;
mod disc;
mod disc_images;
mod images;
mod phase;
mod search;
mod start;
#[cfg(test)]
mod tests;

pub use disc::{Disc, mean};
pub use images::{ImageShifts, image_shifts};
pub use phase::Sign;
pub use search::{
    Candidate, Curvature, Orientation, curvature, curvature_while, orientation, orientation_while,
};
pub use start::probe;

use crate::Flow;

/// Sides (y, x) of an object pixel over their geometric mean.
fn relative((y, x): (f64, f64)) -> (f64, f64) {
    let ratio = (y / x).sqrt();
    (ratio, 1.0 / ratio)
}

/// Who waits for a search, asked now and then whether it goes on.
type GoOn<'a> = &'a mut dyn FnMut() -> Flow;

/// Asks whether to go on.
fn ask(go_on: GoOn<'_>) -> Result<(), CalibrateError> {
    match go_on() {
        Flow::Continue => Ok(()),
        Flow::Stop => Err(CalibrateError::Stopped),
    }
}

/// Why the patterns do not determine a calibration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// The numbers of patterns and positions differ, or are too small.
    #[error(
        "expected at least 16 patterns, one for each position, found {patterns} and {positions}"
    )]
    Patterns {
        /// Number of patterns.
        patterns: usize,
        /// Number of positions.
        positions: usize,
    },
    /// There is no light.
    #[error("expected patterns with light, found none")]
    Dark,
    /// The mean pattern has no disc that is wide enough.
    #[error(
        "expected a bright disc of at least {least} pixels in the mean pattern, found {found}: the \
         patterns do not show the pupil of the optics"
    )]
    NoDisc {
        /// Pixels that are needed.
        least: usize,
        /// Pixels that are bright.
        found: usize,
    },
    /// Whoever waited does not want to know any more.
    #[error("it was stopped")]
    Stopped,
    /// The positions do not spread over an area.
    #[error("expected positions that spread over both axes, found a scan along a line or a point")]
    Line,
}
