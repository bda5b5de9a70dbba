//! Studies handed to a batch system: as a job that prepares, tasks that reconstruct side by side,
//! and a job that does what is left and reports.
//!
//! The batch system runs the commands that anybody may type, `study prepare`, `jobs --study` and
//! `study run`; who does which job, and from where a stopped one goes on, is settled by the study's
//! own records and locks. So nothing is done twice, whatever the system starts again.
//!
//! A batch system is a file of this folder and a row of [`SYSTEMS`].

mod hyperqueue;
mod script;
mod slurm;

use crate::disk::json::{read_json, write_json};
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_files::atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every batch system.
pub static SYSTEMS: &[&dyn BatchSystem] = &[&slurm::Slurm, &hyperqueue::HyperQueue];

/// Folder of scripts, logs and record in the folder of a study.
pub const FOLDER: &str = "cluster";
/// The record in that folder.
const RECORD: &str = "submission.json";

/// Tasks that reconstruct, unless somebody says how many.
pub const TASKS: usize = 16;

/// A program that runs jobs on the machines of a cluster.
pub trait BatchSystem: Sync {
    /// Its name on the command line and in records.
    fn name(&self) -> &'static str;

    /// Name and text of the files that are submitted.
    ///
    /// # Errors
    /// When it has no way to ask for one of the resources.
    fn files(&self, order: &Order) -> Result<Vec<(String, String)>>;

    /// Submits the files, which lie in [`Order::folder`]'s [`FOLDER`].
    ///
    /// # Errors
    /// When its commands are not there or refuse.
    fn submit(&self, order: &Order) -> Result<Vec<Handed>>;

    /// What became of a job so far, in its own words.
    ///
    /// # Errors
    /// When its commands are not there.
    fn state(&self, job: &Handed) -> Result<State>;

    /// Ends jobs that are not over.
    ///
    /// # Errors
    /// When its commands are not there or refuse.
    fn cancel(&self, jobs: &[Handed]) -> Result<()>;
}

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

/// What each job and task asks for; the section `[slurm]` of a design. What is `None` is left to
/// the cluster's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Tasks that reconstruct side by side, at most one for each reconstruction.
    pub tasks: Option<usize>,
    /// Partition, or queue.
    pub partition: Option<String>,
    /// Account that is charged.
    pub account: Option<String>,
    /// Time limit of each job and task, as the batch system writes it.
    pub time: Option<String>,
    /// Memory of each, as the batch system writes it.
    pub memory: Option<String>,
    /// Processors of each.
    pub cpus: Option<usize>,
    /// Graphics cards of each.
    pub gpus: Option<usize>,
    /// Further options of `sbatch`.
    pub sbatch: Vec<String>,
}

impl Resources {
    /// What is said here, and what is not as `other` says it.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            tasks: self.tasks.or(other.tasks),
            partition: self.partition.or(other.partition),
            account: self.account.or(other.account),
            time: self.time.or(other.time),
            memory: self.memory.or(other.memory),
            cpus: self.cpus.or(other.cpus),
            gpus: self.gpus.or(other.gpus),
            sbatch: if self.sbatch.is_empty() { other.sbatch } else { self.sbatch },
        }
    }
}

/// A study to hand over.
#[derive(Debug, Clone)]
pub struct Order {
    /// The words that start the program, the first of them absolute.
    pub program: Vec<PathBuf>,
    /// The design, absolute.
    pub design: PathBuf,
    /// The folder of the study, absolute.
    pub folder: PathBuf,
    /// Tasks that reconstruct side by side.
    pub tasks: usize,
    /// What each asks for.
    pub resources: Resources,
}

impl Order {
    /// Where scripts and logs are.
    pub fn place(&self) -> PathBuf {
        self.folder.join(FOLDER)
    }
}

/// A job of the batch system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// What it does: `prepare`, `reconstruct`, `report`, or all of it.
    pub step: String,
    /// Its number in the batch system.
    pub id: String,
    /// Tasks that it has.
    pub tasks: usize,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// Whether nothing more will come of it.
    pub over: bool,
    /// In the batch system's own words.
    pub words: String,
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
                "{}: {} has this study in hand already: {}; wait for it, or end it with `lapwing study \
                 cancel {}`",
                order.folder.display(),
                earlier.engine,
                left.join(", "),
                order.folder.display()
            )));
        }
    }
    let place = order.place();
    std::fs::create_dir_all(&place).map_err(StudyError::io("cannot create", &place))?;
    for (name, text) in system.files(order)? {
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

/// What a command of a batch system prints.
///
/// # Errors
/// When the command is not there, or fails, with its own words.
fn output_of(system: &str, command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        StudyError::Invalid(format!(
            "cannot run {program}: {error}; expected the commands of {system} on the PATH: type this where jobs are \
             submitted, or choose another engine"
        ))
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
    Err(StudyError::Invalid(format!("{program} refused: {}", said.trim())))
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

    #[test]
    fn a_command_that_is_not_there_is_told() {
        let error = output_of("Slurm", &mut Command::new("/nowhere/sbatch")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/sbatch"), "{error}");
        let error = output_of("Slurm", Command::new("sh").args(["-c", "echo no >&2; exit 3"]));
        assert!(error.unwrap_err().to_string().contains("sh refused: no"));
    }
}
