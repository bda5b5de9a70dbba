//! The work of a study, from its design to the last reconstruction: data sets, views, the plan of
//! the jobs, and the jobs.
//!
//! [`study()`] makes the data sets of a design (`dataset`) and their jobs (`jobs`); a job is a
//! request (`reconstruct`), which solves in memory (`solve`). What happens is told to an observer
//! (`event`).

pub(crate) mod dataset;
pub mod event;
pub mod jobs;
pub mod pictures;
pub mod reconstruct;
pub(crate) mod scanned;
pub(crate) mod solve;
mod study;

pub use dataset::named::with_files_read;
pub use solve::{reconstruct, reconstruct_while};
pub use study::exposures::settled;
pub use study::overlaps::{files_of_overlaps, split_file, write_overlaps};
pub use study::rehearse::Rehearsal;
pub use study::search;
pub use study::{
    StudyOptions, ViewsReport, check_design, plan, study, study_jobs, study_with, write_views,
};
