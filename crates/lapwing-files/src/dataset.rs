//! The data set every tool works on, and its contract (DATA-001).

use lapwing_model::{Field, Modes, Position};
use ndarray::Array3;

/// A scan in memory, always in the project's own conventions whatever dialect it came from.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Diffraction **amplitude** (square root of intensity), axes (pattern, y, x), zero frequency in the centre.
    pub diffraction: Array3<f32>,
    /// Window centres in pixels of the object array, one for each pattern.
    pub scan: Vec<Position>,
    /// The object on its full grid: the truth in synthetic data, a guess otherwise.
    pub object: Option<Field>,
    /// Probe modes, axes (mode, y, x).
    pub probe: Option<Modes>,
    /// The `_metadata` object; `None` when the file has none.
    pub metadata: Option<crate::Metadata>,
    /// Every other array of the file, kept for the way out, in file order.
    pub extras: Vec<(String, crate::npy::Array)>,
}
