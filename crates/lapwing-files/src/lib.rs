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
//! - [`atomic::write`] is how every file of the project is written.
//! - [`experiment`] describes beam, optics, detector and scan of an experiment, once for all files.
//! - [`reading::OPTIONS`] is the table of what a user may say about a file.
//! - [`Patterns`] are in memory, or in a scratch file where they are larger than that:
//!   [`dataset::read_into`] takes a [`Storage`].
//!
//! A file is read in the conventions of the project, whatever it had:
//!
//! ```
//! use lapwing_files::npy::Array;
//! use lapwing_files::{ReadOptions, dataset, npz};
//! use ndarray::Array3;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("scan.npz");
//! // Two patterns of photon counts in tike's format: zero frequency in the corner, positions at
//! // the windows' corners.
//! let counts = Array3::from_shape_fn((2, 8, 8), |(_, y, x)| if y + x == 0 { 9 } else { 1_u16 });
//! let corners = Array::from(vec![0.0, 0.0, 3.0, 4.0]).reshape(vec![2, 2])?;
//! npz::write(&path, &[("data", Array::from(&counts)), ("scan", corners)])?;
//!
//! let (data, understood) = dataset::read(&path, &ReadOptions::default())?;
//! assert_eq!(understood.dialect, "tike");
//! assert_eq!((data.scan[1].y, data.scan[1].x), (7.0, 8.0));
//! assert_eq!(data.counts().expect("the scale is known")[(0, 4, 4)], 9.0);
//! // What was converted or assumed is reported.
//! assert!(understood.notes.iter().any(|note| note.contains("corner to the centre")));
//! # Ok(())
//! # }
//! ```
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod atomic;
mod bulk;
mod claims;
pub mod container;
pub mod contract;
pub mod dataset;
pub mod dialect;
pub mod dm4;
mod error;
pub mod experiment;
pub mod hdf5;
mod holes;
pub mod limit;
pub mod mask;
pub mod mat;
pub mod metadata;
pub mod npy;
pub mod npz;
pub mod open;
pub mod options;
mod order;
mod parts;
pub mod patterns;
mod photons;
pub mod physics;
pub mod pickle;
mod poisson;
mod quantum;
pub mod raw;
pub mod reading;
pub mod reconstruction;
pub mod remarks;
mod scans;
pub mod scratch;
mod spool;
pub mod stop;
pub mod tif;
pub mod zarr;

pub use container::Container;
pub use dataset::Dataset;
pub use error::{Error, Problem, UnreadableMetadata};
pub use experiment::Experiment;
pub use mask::Mask;
pub use metadata::Metadata;
pub use npz::{Archive, ArrayInfo};
pub use options::{ReadOptions, Understanding};
pub use patterns::{Patterns, Storage};
pub use quantum::Quantum;
pub use reconstruction::Reconstruction;
pub use remarks::Remark;
pub use scans::Scans;
pub use stop::Stop;
