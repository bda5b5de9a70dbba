//! Scans on disk: NumPy archives, `_metadata`, the dialects of the field, and the [`Dataset`] they become.
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod atomic;
pub mod dataset;
pub mod npy;

pub use dataset::Dataset;

/// The `_metadata` of a data set: one JSON object, insertion order kept.
pub type Metadata = serde_json::Map<String, serde_json::Value>;
