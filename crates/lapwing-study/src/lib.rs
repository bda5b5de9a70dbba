//! The dose x overlap study: design, split, views, jobs and their records.
//!
//! [`run::study`] does a whole [`Design`], telling an [`event::Observer`] what happens, who may
//! stop it; its steps are there to be used alone: [`data`] (simulate and split), [`views`],
//! [`overlap`], [`noise`], [`run::reconstruct()`] (one data set in memory), [`mod@reconstruct`]
//! (from its file to a folder of results), [`jobs`] (all of a plan).
//!
//! A [`StudyFolder`] is one study on disk. Its records are plain JSON: a [`record::JobResult`] in
//! the folder of every reconstruction, a [`record::Manifest`] and a [`record::SkipSummary`] at the
//! artifact root.
//!
//! ```
//! use lapwing_study::{Design, StudyFolder, event, run};
//!
//! let design = Design::parse(
//!     "study = { doses = [1e4], views = ['baseline'], pattern_size = 32 }
//!      scan = { step = 8, field = [64, 48] }
//!      solver = { epochs = 2 }",
//!     ".".as_ref(),
//! )?;
//! let folder = tempfile::tempdir()?;
//! let report = run::study(&design, folder.path(), &mut event::unobserved)?;
//! assert_eq!((report.manifest.jobs.len(), report.failed()), (2, 0));
//! let study = StudyFolder::new(folder.path());
//! assert!(study.result(&study.cases()?[0])?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub mod cluster;
pub mod crossing;
pub mod design;
mod disk;
mod error;
pub mod forecast;
mod geometry;
pub mod held;
pub mod reach;
pub mod run;

pub use design::condition::{self, Case, Condition, Split, View};
pub use design::solver;
pub use design::{Design, DesignError};
pub use disk::folder::StudyFolder;
pub use disk::path::make_folder;
pub use disk::{checkpoint, foreign, layout, lock, record};
pub use error::StudyError;
pub use geometry::{overlap, place, selection, split, step};
pub use run::dataset::{data, sample, stream, views};
pub use run::jobs::{self, plan};
pub use run::solve::{calibrate, magnify, noise, start, start_probe};
pub use run::{event, pictures, reconstruct};

/// Shorthand for results of this crate.
pub type Result<T, E = StudyError> = std::result::Result<T, E>;
