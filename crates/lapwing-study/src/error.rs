//! Everything that can go wrong in a study.

use crate::View;
use lapwing_files::physics::UnknownPhysics;
use std::path::{Path, PathBuf};

/// Why a step of a study was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file or folder could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done, for example `cannot read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file lies where a folder is to be made.
    #[error(
        "{}: expected a folder, found the file {}; name another folder, or move the file away",
        folder.display(), file.display()
    )]
    FileForFolder {
        /// The folder that is to be made.
        folder: PathBuf,
        /// What has its name, or that of a folder around it.
        file: PathBuf,
    },
    /// The design cannot be run.
    #[error(transparent)]
    Design(Box<crate::DesignError>),
    /// A data set could not be read or written.
    #[error(transparent)]
    Files(Box<lapwing_files::Error>),
    /// A scan could not be simulated.
    #[error(transparent)]
    Simulate(#[from] lapwing_model::simulate::SimulateError),
    /// Counts could not be thinned.
    #[error(transparent)]
    Thin(#[from] lapwing_model::simulate::ThinError),
    /// A solver refused its data.
    #[error(transparent)]
    Problem(#[from] lapwing_solve::ProblemError),
    /// A graphics card is asked for that cannot be used.
    #[cfg(feature = "gpu")]
    #[error("--device: {0}")]
    Card(#[from] lapwing_solve::engine::gpu::GpuError),
    /// A device cannot compute what is asked for.
    #[error("--device: {0}; `--device cpu` does it")]
    NotOnDevice(#[from] lapwing_solve::engine::Unsupported),
    /// A graphics card is asked for, and this program was built for none.
    #[error(
        "--device: this program was built without graphics cards; `--device cpu` works, or build \
         it with the feature `gpu`"
    )]
    NoCards,
    /// A graphics card has failed.
    #[error("{device} has failed: {reason}; `--device cpu` computes the same without it")]
    CardFailed {
        /// Which one.
        device: String,
        /// What its driver says.
        reason: String,
    },
    /// A checkpoint does not fit its request.
    #[error("checkpoint.npz: {0}; remove it to start afresh")]
    Checkpoint(#[from] lapwing_solve::snapshot::SnapshotError),
    /// A comparison with the truth is not possible.
    #[error("comparison with the truth: {0}")]
    Compare(#[from] lapwing_compare::CompareError),
    /// An overlap metric was asked for with parameters out of range.
    #[error(transparent)]
    Sampling(#[from] crate::geometry::overlap::SamplingError),
    /// A solver lost its way.
    #[error(
        "the reconstruction diverged in epoch {epoch}: expected finite numbers; reduce the step (step_scale, momentum) \
         or the strength of the prior, or check the patterns for outliers"
    )]
    Diverged {
        /// First epoch whose loss is no number.
        epoch: usize,
    },
    /// The observer stopped the work (see [`crate::event::Observer`]).
    #[error("stopped; the same command goes on from what is stored, if anything is")]
    Stopped,
    /// What was asked for is not possible; the text says why and what would help.
    #[error("{0}")]
    Invalid(String),
    /// More eigenmodes of the probe are asked for than the patterns can determine.
    #[error(
        "probe_eigenmodes: expected at most {most} for {patterns} patterns, of which each would \
         have a probe of its own with more, found {asked}; {}",
        fewer_eigenmodes(*most)
    )]
    Eigenmodes {
        /// How many.
        asked: usize,
        /// How many at most.
        most: usize,
        /// How many patterns there are.
        patterns: usize,
    },
    /// A JSON record does not have the expected form.
    #[error("{} is not a valid {what}: {source}; it may come from another version: move it away to start afresh", path.display())]
    Json {
        /// Kind of record.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where and why the parser stopped.
        source: serde_json::Error,
    },
    /// Another process works in the folder.
    #[error("{} is in use by {holder}: wait until it ends, or use another folder", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who holds it, as it told.
        holder: String,
    },
    /// Results in a study's folder were made for another design.
    #[error(
        "{} is the design of results that are there and differs from the one given: {differences}; choose another folder, \
         or replace what the change touches with --replace (replace=True in Python)",
        file.display()
    )]
    OtherDesign {
        /// The design of the folder.
        file: PathBuf,
        /// The keys that differ, with both values.
        differences: String,
    },
    /// A study would replace files that it has not made.
    #[error(
        "{}{} there already, and no record of this study says that it made {}: the study would replace {}; choose \
         another folder, move {} away, or replace with --replace (replace=True in Python)",
        first(files),
        if files.len() > 1 { format!(" and {} more are", files.len() - 1) } else { " is".to_owned() },
        them(files),
        them(files),
        them(files)
    )]
    Foreign {
        /// The files.
        files: Vec<PathBuf>,
    },
    /// Files of others lie under the names that are to be written.
    #[error(
        "{}{} there already, and not written by Lapwing, which would replace {}: choose another folder, or move {} \
         away",
        first(files),
        if files.len() > 1 { format!(" and {} more are", files.len() - 1) } else { " is".to_owned() },
        them(files),
        them(files)
    )]
    Others {
        /// The files.
        files: Vec<PathBuf>,
    },
    /// Data sets that jobs need do not exist.
    #[error("{}", missing_inputs(files))]
    MissingInputs {
        /// The files.
        files: Vec<PathBuf>,
    },
    /// The folder of the data sets does not exist.
    #[error(
        "{}: no such folder, where the splits were to be: expected for example dose_1000/patched_train.npz in it; \
         make them with `lapwing split --output {}`",
        folder.display(),
        folder.join("dose_1000").display()
    )]
    NoData {
        /// The data root.
        folder: PathBuf,
    },
    /// The folder of the views does not exist.
    #[error(
        "{}: no such folder, where the views were to be: expected for example dose_1000/dense/dense_train.npz; make \
         them with `lapwing views`, or choose --view baseline",
        folder.display()
    )]
    NoViews {
        /// The views' root.
        folder: PathBuf,
    },
    /// It is not known how the patterns come about.
    #[error(transparent)]
    Physics(#[from] UnknownPhysics),
    /// There is no data set to work on.
    #[error(
        "{} holds no folder named dose_<photons>: expected for example dose_1000/patched_train.npz and patched_test.npz",
        folder.display()
    )]
    NoDoses {
        /// The data root.
        folder: PathBuf,
    },
}

fn fewer_eigenmodes(most: usize) -> String {
    match most {
        0 => "leave --probe-eigenmodes out".to_owned(),
        most => format!("say --probe-eigenmodes {most} or less"),
    }
}

fn first(files: &[PathBuf]) -> String {
    files.first().map(|file| file.display().to_string()).unwrap_or_default()
}

fn them(files: &[PathBuf]) -> &'static str {
    if files.len() > 1 { "them" } else { "it" }
}

fn missing_inputs(files: &[PathBuf]) -> String {
    let (first, them) = (first(files), them(files));
    let more = match files.len() {
        0 | 1 => " does".to_owned(),
        n => format!(" and {} more do", n - 1),
    };
    // What is missing of the splits cannot be skipped as views are.
    let is_view = |file: &PathBuf| {
        let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        folder.is_some_and(|name| name.parse::<View>().is_ok())
    };
    let skip = match files.iter().all(is_view) {
        true => ", or allow missing views with --allow-missing-phase-d",
        false => "",
    };
    format!(
        "input {first}{more} not exist; make {them} first, or leave {them} out with --dose, --view or \
         --split{skip}"
    )
}

impl From<lapwing_files::Error> for StudyError {
    fn from(error: lapwing_files::Error) -> Self {
        match error {
            lapwing_files::Error::Stopped => Self::Stopped,
            error => Self::Files(Box::new(error)),
        }
    }
}

impl From<crate::DesignError> for StudyError {
    fn from(error: crate::DesignError) -> Self {
        Self::Design(Box::new(error))
    }
}

impl StudyError {
    /// An [`StudyError::Io`] for use in `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
