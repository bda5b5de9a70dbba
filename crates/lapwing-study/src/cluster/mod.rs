//! Studies handed to a batch system: as a job that prepares, tasks that reconstruct side by side,
//! and a job that does what is left and reports.
//!
//! The batch system runs the commands that anybody may type, `study prepare`, `jobs --study` and
//! `study run`; who does which job, and from where a stopped one goes on, is settled by the study's
//! own records and locks. So nothing is done twice, whatever the system starts again.
//!
//! A batch system is a file of this folder and a row of [`SYSTEMS`].

mod hyperqueue;
mod order;
mod script;
mod slurm;
mod time;

pub use self::order::{BatchSystem, FOLDER, Handed, Order, State};
use crate::design::Resources;
use crate::disk::json::{read_json, write_json};
use crate::disk::path::make_folder;
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_files::atomic;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Every batch system.
pub static SYSTEMS: &[&dyn BatchSystem] = &[&slurm::Slurm, &hyperqueue::HyperQueue];

/// The record in that folder.
const RECORD: &str = "submission.json";

/// Tasks that reconstruct, unless somebody says how many.
pub const TASKS: usize = 16;

/// The batch system of a name.
///
/// # Errors
/// What was expected.
pub fn system(name: &str) -> Result<&'static dyn BatchSystem, String> {
    let found = SYSTEMS.iter().find(|system| system.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = SYSTEMS.iter().map(|system| system.name()).collect();
        format!("expected {}, found {name:?}", names.join(" or "))
    })
}

/// What was handed over, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The batch system.
    pub engine: String,
    /// When.
    pub submitted: Timestamp,
    /// Its jobs.
    pub jobs: Vec<Handed>,
    /// What each asks for.
    pub resources: Resources,
}

impl Submission {
    /// The latest of a study; `None` when it was never handed over.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn of(folder: &Path) -> Result<Option<Self>> {
        read_json(&folder.join(FOLDER).join(RECORD), "record of a submission")
    }

    /// Each job with its state.
    ///
    /// # Errors
    /// When the batch system is not known here or its commands are not there.
    pub fn states(&self) -> Result<Vec<(&Handed, State)>> {
        let system = system(&self.engine).map_err(StudyError::Invalid)?;
        self.jobs.iter().map(|job| Ok((job, system.state(job)?))).collect()
    }

    /// Ends what is not over.
    ///
    /// # Errors
    /// As for [`BatchSystem::cancel`].
    pub fn cancel(&self) -> Result<()> {
        system(&self.engine).map_err(StudyError::Invalid)?.cancel(&self.jobs)
    }
}

/// Scripts, or whatever the batch system reads, under their names.
///
/// # Errors
/// When one of the resources is none, or the batch system has no such request.
pub fn files(system: &dyn BatchSystem, order: &Order) -> Result<Vec<(String, String)>> {
    order.resources.check()?;
    system.files(order)
}

/// Writes scripts into the folder of the study, submits them, and keeps their numbers there.
///
/// # Errors
/// When an earlier submission of the study is not over, or the batch system refuses.
pub fn submit(system: &dyn BatchSystem, order: &Order) -> Result<Submission> {
    if let Some(earlier) = Submission::of(&order.folder)? {
        let states = earlier.states()?;
        let left: Vec<String> = (states.iter().filter(|(_, state)| !state.over))
            .map(|(job, state)| format!("{} {} ({})", job.step, job.id, state.words))
            .collect();
        if !left.is_empty() {
            return Err(StudyError::Invalid(format!(
                "{}: {} is already running this study: {}; wait for it, or end it with `lapwing study \
                 cancel {}`",
                order.folder.display(),
                earlier.engine,
                left.join(", "),
                order.folder.display()
            )));
        }
    }
    let files = files(system, order)?;
    let place = order.place();
    make_folder(&place)?;
    for (name, text) in files {
        let path = place.join(name);
        atomic::write_bytes(&path, text).map_err(StudyError::io("cannot write", &path))?;
    }
    let submission = Submission {
        engine: system.name().to_owned(),
        submitted: Timestamp::now(),
        jobs: system.submit(order)?,
        resources: order.resources.clone(),
    };
    write_json(&place.join(RECORD), &submission)?;
    Ok(submission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_have_names() {
        assert_eq!(system("slurm").map(BatchSystem::name), Ok("slurm"));
        assert_eq!(system("hq").map(BatchSystem::name), Ok("hq"));
        assert!(system("pbs").is_err_and(|told| told.contains("slurm or hq")));
    }
}
