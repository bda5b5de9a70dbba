//! Names and places of a study's files.
//!
//! ```text
//! DIR/study.toml                                     the resolved design
//! DIR/data/dose_1000/patched_train.npz               split data sets, one folder for each dose
//! DIR/views/dose_1000/dense/dense_train.npz          views, also step_12.5/...
//! DIR/reconstructions/dose_1000/dense/train/         one job's output, with result.json
//! DIR/reconstructions/reconstruction_manifest.json   the merged, current picture;
//!                                                    skip_summary.json beside it
//! DIR/reconstructions/runs/<run id>/                 every run's own records, never changed
//! DIR/reference/                                     measured scans: the full-dose
//!                                                    reconstruction, and its data set
//! DIR/report/                                        what people look at
//! ```
//!
//! The second and further noise realisations, and the second and further solvers, have one more
//! level inside the same roots:
//!
//! ```text
//! DIR/data/repeat_2/dose_1000/patched_train.npz
//! DIR/views/repeat_2/dose_1000/dense/dense_train.npz
//! DIR/reconstructions/repeat_2/dose_1000/dense/train/
//! DIR/reconstructions/ML/dose_1000/dense/train/
//! DIR/reconstructions/ML/repeat_2/dose_1000/dense/train/
//! ```

use crate::design::condition::{Case, Condition, Split, View};
use crate::{Result, StudyError};
use std::path::{Path, PathBuf};

/// Name of the resolved design in the folder of a study.
pub const DESIGN: &str = "study.toml";
/// Name of the manifest at the artifact root and in the folder of a run.
pub const MANIFEST: &str = "reconstruction_manifest.json";
/// Name of the skip summary at the artifact root and in the folder of a run.
pub const SKIP_SUMMARY: &str = "skip_summary.json";
/// Folder of the runs' own records at the artifact root.
pub(crate) const RUNS: &str = "runs";
/// Name of the log in the folder of a reconstruction.
pub const LOG: &str = "log.txt";
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

/// The folder of one noise realisation under a root: the root itself for the first.
pub fn repeat_root(root: &Path, repeat: usize) -> PathBuf {
    match repeat {
        1 => root.to_path_buf(),
        _ => root.join(format!("repeat_{repeat}")),
    }
}

/// Folder of one job's output under `artifact_root`.
pub fn job_dir(artifact_root: &Path, case: &Case) -> PathBuf {
    let condition = case.condition;
    let root = case
        .solver
        .as_ref()
        .map_or_else(|| artifact_root.to_path_buf(), |name| artifact_root.join(name));
    repeat_root(&root, case.repeat)
        .join(format!("dose_{}", condition.dose))
        .join(condition.view.name())
        .join(condition.split.name())
}

/// The three folders that jobs work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Split data sets, `phase_c_root`.
    pub data: PathBuf,
    /// Views, `phase_d_root`.
    pub views: PathBuf,
    /// Results, `artifact_root`.
    pub artifacts: PathBuf,
}

impl Roots {
    /// The data set that a condition reconstructs in a repeat (from 1): the split itself for
    /// baseline, else its view.
    pub fn input(&self, condition: Condition, repeat: usize) -> PathBuf {
        match condition.view {
            View::Baseline => self.split(condition, repeat),
            view => {
                view_file(&repeat_root(&self.views, repeat), condition.dose, view, condition.split)
            }
        }
    }

    /// The data set of the whole split of a condition in a repeat (from 1).
    pub fn split(&self, condition: Condition, repeat: usize) -> PathBuf {
        data_file(&repeat_root(&self.data, repeat), condition.dose, condition.split)
    }

    /// Doses that have a folder `dose_...` under the data root, ascending.
    ///
    /// # Errors
    /// A data root that is not there or cannot be read.
    pub fn doses(&self) -> Result<Vec<u64>> {
        let read = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => StudyError::NoData { folder: self.data.clone() },
            _ => StudyError::io("cannot read", &self.data)(error),
        };
        let mut doses = Vec::new();
        for entry in std::fs::read_dir(&self.data).map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            let dose =
                name.to_str().and_then(|name| name.strip_prefix("dose_")?.parse::<u64>().ok());
            doses.extend(
                dose.filter(|&dose| dose > 0 && name.to_str() == Some(&format!("dose_{dose}"))),
            );
        }
        doses.sort_unstable();
        Ok(doses)
    }

    /// The views of the reference study, and those of steps that have a folder `step_...` under the
    /// views' root.
    pub fn views(&self) -> Vec<View> {
        let below = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.filter_map(|entry| Some(entry.ok()?.path()))
        };
        let doses = below(self.views.clone()).filter(|path| path.is_dir());
        let named = doses
            .flat_map(below)
            .filter_map(|path| path.file_name()?.to_str()?.parse::<View>().ok());
        let mut views: Vec<View> = View::ALL.into_iter().chain(named).collect();
        views.sort_unstable();
        views.dedup();
        views
    }

    /// Number of noise realisations under the data root: the first, and folders `repeat_2`,
    /// `repeat_3`, ... without a gap.
    pub fn repeats(&self) -> usize {
        1 + (2..).take_while(|&repeat| repeat_root(&self.data, repeat).is_dir()).count()
    }
}
