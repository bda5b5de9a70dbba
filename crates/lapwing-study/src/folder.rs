//! One study on disk: where everything is, and what is there already.
//!
//! ```text
//! DIR/study.toml                                     the resolved design
//! DIR/data/dose_1000/patched_train.npz               split data sets, one folder for each dose
//! DIR/views/dose_1000/dense/dense_train.npz          views
//! DIR/reconstructions/dose_1000/dense/train/         one job's output, with result.json
//! DIR/reconstructions/reconstruction_manifest.json   the merged, current picture; skip_summary.json beside it
//! DIR/reconstructions/runs/<run id>/                 every run's own records, never changed
//! DIR/report/                                        what people look at
//! ```

use crate::condition::{Condition, Split, View};
use crate::design::Design;
use crate::record::{Execution, JobResult, Manifest, Outcome, SkipSummary};
use crate::{Result, StudyError};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Name of the manifest at the artifact root and in the folder of a run.
pub const MANIFEST: &str = "reconstruction_manifest.json";
/// Name of the skip summary at the artifact root and in the folder of a run.
pub const SKIP_SUMMARY: &str = "skip_summary.json";
/// Name of the record in the folder of a reconstruction.
pub const RESULT: &str = "result.json";

/// File of a split data set under `data_root`.
pub fn data_file(data_root: &Path, dose: u64, split: Split) -> PathBuf {
    data_root.join(format!("dose_{dose}")).join(format!("patched_{split}.npz"))
}

/// Folder of the views of one dose and kind under `views_root`.
pub fn view_dir(views_root: &Path, dose: u64, view: View) -> PathBuf {
    views_root.join(format!("dose_{dose}")).join(view.name())
}

/// File of a view under `views_root`.
pub fn view_file(views_root: &Path, dose: u64, view: View, split: Split) -> PathBuf {
    view_dir(views_root, dose, view).join(format!("{view}_{split}.npz"))
}

/// Folder of one job's output under `artifact_root`.
pub fn job_dir(artifact_root: &Path, condition: Condition) -> PathBuf {
    artifact_root
        .join(format!("dose_{}", condition.dose))
        .join(condition.view.name())
        .join(condition.split.name())
}

/// A study on disk. Reading never changes anything; whatever does not exist yet is simply not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyFolder {
    root: PathBuf,
}

impl StudyFolder {
    /// The study in `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved design.
    pub fn design_file(&self) -> PathBuf {
        self.root.join("study.toml")
    }

    /// Split data sets (`phase_c_root`).
    pub fn data_root(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Views (`phase_d_root`).
    pub fn views_root(&self) -> PathBuf {
        self.root.join("views")
    }

    /// Results (`artifact_root`).
    pub fn artifact_root(&self) -> PathBuf {
        self.root.join("reconstructions")
    }

    /// The report.
    pub fn report_dir(&self) -> PathBuf {
        self.root.join("report")
    }

    /// Output folder of one condition.
    pub fn job_dir(&self, condition: Condition) -> PathBuf {
        job_dir(&self.artifact_root(), condition)
    }

    /// Output folder of one condition relative to [`Self::root`], for links.
    pub fn relative_job_dir(condition: Condition) -> PathBuf {
        job_dir(Path::new("reconstructions"), condition)
    }

    /// The resolved design, or `None` when the folder holds no study.
    pub fn design(&self) -> Result<Option<Design>> {
        let path = self.design_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Design::parse(&text, &self.root)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StudyError::io("cannot read", &path)(error)),
        }
    }

    /// All conditions of the design in the order of the jobs; none when the folder holds no study.
    pub fn conditions(&self) -> Result<Vec<Condition>> {
        Ok(self.design()?.map(|design| design.conditions()).unwrap_or_default())
    }

    /// The merged manifest, or `None` before the first run.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        read_json(&self.artifact_root().join(MANIFEST), "manifest")
    }

    /// The merged skip summary, or `None` before the first run.
    pub fn skip_summary(&self) -> Result<Option<SkipSummary>> {
        read_json(&self.artifact_root().join(SKIP_SUMMARY), "skip summary")
    }

    /// The result of one condition, or `None` when it has not run.
    pub fn result(&self, condition: Condition) -> Result<Option<JobResult>> {
        read_json(&self.job_dir(condition).join(RESULT), "job result")
    }

    /// What is known about one condition: its result, else why it was skipped, else nothing.
    pub fn outcome(&self, condition: Condition) -> Result<Outcome> {
        if let Some(result) = self.result(condition)? {
            return Ok(Outcome::Finished(Box::new(result)));
        }
        let Some(manifest) = self.manifest()? else { return Ok(Outcome::Pending) };
        let executed = manifest.execution_results.into_iter().find(|e| e.condition == condition);
        if let Some(Execution { error: Some(error), log_path, .. }) = executed {
            return Ok(Outcome::Failed { error, log_path });
        }
        Ok(match manifest.missing_jobs.into_iter().find(|skipped| skipped.condition == condition) {
            Some(skipped) => Outcome::Skipped { reason: skipped.reason },
            None => Outcome::Pending,
        })
    }
}

/// Reads a JSON record; `None` when the file does not exist.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StudyError::io("cannot read", path)(error)),
    };
    let parsed = serde_json::from_slice(&text);
    parsed.map(Some).map_err(|source| StudyError::Json { what, path: path.to_path_buf(), source })
}
