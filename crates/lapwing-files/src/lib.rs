//! Scans on disk: NumPy archives, `_metadata`, the dialects of the field, and the [`Dataset`] they
//! become.
//!
//! - [`dataset::read`] turns a file of any dialect into a [`Dataset`] in the project's own
//!   conventions, and says what it understood; [`Dataset::write`] writes the study's format.
//! - [`Reconstruction::read`] turns the result of any program into one value, and
//!   [`Reconstruction::write`] writes the project's own `reconstruction.npz`.
//! - [`Archive`] and [`npz::write`] read and write NumPy archives of anything; [`npy::Array`] is
//!   one array.
//! - [`metadata`] reads `_metadata` in every encoding; [`pickle`] reads Python pickles without
//!   running them.
//! - [`atomic::write`] is how every file of the project comes to be.
//! - [`dialect::read_pieces`] leaves patterns that do not fit into memory in their file;
//!   [`scratch`] has room for what becomes of them.
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod atomic;
mod bulk;
pub mod container;
pub mod contract;
pub mod dataset;
pub mod dialect;
mod error;
pub mod hdf5;
pub mod mask;
pub mod metadata;
pub mod npy;
pub mod npz;
pub mod open;
pub mod options;
pub mod pickle;
pub mod reading;
pub mod reconstruction;
pub mod scratch;

pub use container::Container;
pub use dataset::Dataset;
pub use error::{Error, Problem, UnreadableMetadata};
pub use mask::Mask;
pub use metadata::Metadata;
pub use npz::{Archive, ArrayInfo};
pub use options::{ReadOptions, Understanding};
pub use reconstruction::Reconstruction;
