//! Scans on disk: NumPy archives, `_metadata`, the dialects of the field, and the [`Dataset`] they become.
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod atomic;
pub mod dataset;
mod error;
pub mod npy;
pub mod npz;
pub mod pickle;

pub use dataset::Dataset;
pub use error::{Error, Problem};
pub use npz::{Archive, ArrayInfo};

/// The `_metadata` of a data set: one JSON object, insertion order kept.
pub type Metadata = serde_json::Map<String, serde_json::Value>;
