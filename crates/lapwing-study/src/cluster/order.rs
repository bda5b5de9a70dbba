//! What is handed to a batch system, and what any of them can do.

use crate::design::Resources;
use crate::{Result, StudyError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::Command;

/// Folder of scripts, logs and record in the folder of a study.
pub const FOLDER: &str = "cluster";

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

/// What a command of a batch system prints.
///
/// # Errors
/// When the command is not there, or fails, with its own words.
pub(super) fn output_of(system: &str, command: &mut Command) -> Result<String> {
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
    fn a_command_that_is_not_there_is_told() {
        let error = output_of("Slurm", &mut Command::new("/nowhere/sbatch")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/sbatch"), "{error}");
        let error = output_of("Slurm", Command::new("sh").args(["-c", "echo no >&2; exit 3"]));
        assert!(error.unwrap_err().to_string().contains("sh refused: no"));
    }
}
