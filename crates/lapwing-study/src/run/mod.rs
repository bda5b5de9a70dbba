//! The work of a study, from its design to the last reconstruction: data sets, views, the plan of
//! the jobs, and the jobs.

pub mod calibrate;
mod choose;
mod crew;
pub mod data;
mod device;
pub(crate) mod earlier;
pub mod event;
mod exposures;
pub(crate) mod external;
mod follows;
pub mod jobs;
pub mod magnify;
mod measured;
mod memory;
mod misfit;
pub mod noise;
mod overlaps;
pub mod pictures;
pub mod plan;
pub mod reconstruct;
mod rehearse;
pub mod sample;
pub mod search;
mod solve;
pub mod start;
pub mod start_probe;
pub mod stream;
mod study;
mod thinned;
mod trial;
pub mod views;

pub use exposures::settled;
pub use overlaps::{split_file, write_overlaps};
pub use rehearse::Rehearsal;
pub use solve::reconstruct;
pub use study::{StudyOptions, ViewsReport, plan, study, study_jobs, study_with, write_views};
