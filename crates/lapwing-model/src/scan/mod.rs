//! Trajectories of the probe over a field of view, and the object array that holds all their
//! windows.
//!
//! A scan is a list of window centres. [`generate`] makes it inside a field of view `(height,
//! width)` in pixels, with the field's minimum corner at (0, 0); [`fit`] gives the offset and the
//! size of the object for which every window fits; [`Affine`] and [`EvenDrift`] are the ways in
//! which a stage may have it wrong.

mod error;
mod fit;
mod generate;
mod map;
mod spread;
#[cfg(test)]
mod tests;

pub use error::ScanError;
pub use fit::{Placement, fit};
pub use generate::{JITTER, generate};
pub use map::{Affine, EvenDrift};
pub(crate) use spread::usual_step;
pub use spread::{SpreadOut, spread_out};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Largest field of view, and largest object array, pixels of area: 2^30, such as 32,768 x 32,768.
pub const MAX_AREA: usize = 1 << 30;

/// How the probe moves over the field of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScanKind {
    /// Rows and columns one step apart. Its periodicity shows in reconstructions ("raster
    /// pathology").
    Raster,
    /// A raster whose positions are displaced by up to [`JITTER`] steps along each axis.
    #[default]
    Jittered,
    /// The Fermat spiral, with the golden angle between successive positions: r = c sqrt(n + 1/2),
    /// phi = n pi (3 - sqrt 5).
    Fermat,
}

impl ScanKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Raster, Self::Jittered, Self::Fermat];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raster => "raster",
            Self::Jittered => "jittered",
            Self::Fermat => "fermat",
        }
    }
}

impl fmt::Display for ScanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ScanKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| format!("expected a scan (raster, jittered or fermat), found `{text}`"))
    }
}

/// How far apart the positions are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// The step, pixels.
    Step(f64),
    /// The linear overlap of neighbouring discs, in [0, 1): step = (1 - overlap) x probe diameter.
    Overlap(f64),
}

impl Spacing {
    /// The step in pixels, for a probe of `diameter` pixels (see
    /// [`probe::diameter`](crate::probe::diameter)).
    ///
    /// # Errors
    /// An overlap outside 0 to below 1, and a step that is no positive number.
    pub fn step(self, diameter: f64) -> Result<f64, ScanError> {
        let step = match self {
            Self::Step(step) => step,
            Self::Overlap(overlap) if !(0.0..1.0).contains(&overlap) => {
                return Err(ScanError::Overlap(overlap));
            }
            Self::Overlap(overlap) => (1.0 - overlap) * diameter,
        };
        if step > 0.0 && step.is_finite() { Ok(step) } else { Err(ScanError::Step(step)) }
    }
}
