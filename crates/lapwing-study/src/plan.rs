//! Which reconstructions a study has, which of them a run asks for, and which of those can run.

use crate::condition::{Condition, Split, View};
use crate::folder::{data_file, job_dir, view_file};
use crate::record::{Filters, JobRecord, Skipped};
use crate::{Result, StudyError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    /// The data set that a condition reconstructs: the split itself for baseline, else its view.
    pub fn input(&self, condition: Condition) -> PathBuf {
        match condition.view {
            View::Baseline => data_file(&self.data, condition.dose, condition.split),
            view => view_file(&self.views, condition.dose, view, condition.split),
        }
    }

    /// Doses that have a folder `dose_...` under the data root, ascending.
    pub fn doses(&self) -> Result<Vec<u64>> {
        let read = |error| StudyError::io("cannot read", &self.data)(error);
        let mut doses = Vec::new();
        for entry in std::fs::read_dir(&self.data).map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            let dose = name.to_str().and_then(|name| name.strip_prefix("dose_")?.parse::<u64>().ok());
            doses.extend(dose.filter(|&dose| dose > 0 && name.to_str() == Some(&format!("dose_{dose}"))));
        }
        doses.sort_unstable();
        Ok(doses)
    }
}

/// All reconstructions of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where everything is.
    pub roots: Roots,
    /// What is varied, in the order of the jobs.
    pub conditions: Vec<Condition>,
    /// Grid sizes of the study. Iterative solvers do not group images, so each job serves every one of them.
    pub gridsizes: Vec<usize>,
    /// Name of the solver.
    pub algorithm: String,
    /// Epochs of every job.
    pub num_epochs: usize,
}

/// What to do about a view whose file does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MissingViews {
    /// An error before anything runs.
    #[default]
    Refuse,
    /// Skip its jobs, for the reasons given here or else because the file does not exist.
    Skip(BTreeMap<Condition, String>),
}

/// What a run has to do, and what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Agenda {
    /// Jobs to run, in order.
    pub jobs: Vec<JobRecord>,
    /// Conditions left out by the filters, in order.
    pub filtered_out: Vec<Skipped>,
    /// Conditions left out because their input does not exist, in order.
    pub missing: Vec<Skipped>,
}

impl Plan {
    /// The jobs that pass `filters` and have an input.
    ///
    /// # Errors
    /// When an input does not exist, naming all such files - except for views under [`MissingViews::Skip`].
    pub fn agenda(&self, filters: &Filters, missing_views: &MissingViews) -> Result<Agenda> {
        let mut agenda = Agenda { jobs: Vec::new(), filtered_out: Vec::new(), missing: Vec::new() };
        let mut absent: Vec<PathBuf> = Vec::new();
        for &condition in &self.conditions {
            if let Some(reason) = self.excluded(condition, filters) {
                agenda.filtered_out.push(Skipped { condition, reason });
                continue;
            }
            let input = self.roots.input(condition);
            if input.is_file() {
                agenda.jobs.push(self.job(condition, input));
                continue;
            }
            match missing_views {
                MissingViews::Skip(reasons) if condition.view != View::Baseline => {
                    let reason = reasons.get(&condition).cloned();
                    let reason =
                        reason.unwrap_or_else(|| format!("view file {} does not exist", input.display()));
                    agenda.missing.push(Skipped { condition, reason });
                }
                _ => absent.push(input),
            }
        }
        if absent.is_empty() { Ok(agenda) } else { Err(StudyError::MissingInputs { files: absent }) }
    }

    /// Refuses an agenda of which the filters left nothing.
    pub(crate) fn require_work(&self, filters: &Filters, agenda: &Agenda) -> Result<()> {
        if !(agenda.jobs.is_empty() && agenda.missing.is_empty()) {
            return Ok(());
        }
        let named = |values: Vec<String>| values.join(", ");
        let distinct = |of: &dyn Fn(&Condition) -> String| {
            let mut values: Vec<String> = self.conditions.iter().map(of).collect();
            values.dedup();
            values.sort();
            values.dedup();
            named(values)
        };
        let mut doses: Vec<u64> = self.conditions.iter().map(|condition| condition.dose).collect();
        doses.dedup();
        let asked = [
            filters.dose.map(|dose| format!("dose {dose}")),
            filters.view.map(|view| format!("view {view}")),
            filters.split.map(|split| format!("split {split}")),
            filters.gridsize.map(|size| format!("grid size {size}")),
        ];
        Err(StudyError::Invalid(format!(
            "the filters ({}) leave no job: there are doses {}, views {}, splits {}, grid sizes {:?}",
            named(asked.into_iter().flatten().collect()),
            named(doses.iter().map(u64::to_string).collect()),
            distinct(&|condition| condition.view.to_string()),
            distinct(&|condition| condition.split.to_string()),
            self.gridsizes
        )))
    }

    fn job(&self, condition: Condition, input_npz: PathBuf) -> JobRecord {
        JobRecord {
            condition,
            input_npz: absolute(&input_npz),
            output_dir: absolute(&job_dir(&self.roots.artifacts, condition)),
            algorithm: self.algorithm.clone(),
            num_epochs: self.num_epochs,
        }
    }

    fn excluded(&self, condition: Condition, filters: &Filters) -> Option<String> {
        let differs = |name: &str, wanted: String, found: String| {
            (wanted != found)
                .then(|| format!("{name} {found} is filtered out: only {name} {wanted} was asked for"))
        };
        let by_dose =
            filters.dose.and_then(|dose| differs("dose", dose.to_string(), condition.dose.to_string()));
        let by_view =
            || filters.view.and_then(|view| differs("view", view.to_string(), condition.view.to_string()));
        let by_split = || {
            filters.split.and_then(|split| differs("split", split.to_string(), condition.split.to_string()))
        };
        let by_gridsize = || {
            let gridsize = filters.gridsize.filter(|size| !self.gridsizes.contains(size))?;
            Some(format!("grid size {gridsize} was asked for, but the study has only {:?}", self.gridsizes))
        };
        by_dose.or_else(by_view).or_else(by_split).or_else(by_gridsize)
    }
}

/// The plan of whatever doses lie under the data root, all views and both splits.
pub fn plan_of_folders(roots: Roots, algorithm: &str, num_epochs: usize) -> Result<Plan> {
    let doses = roots.doses()?;
    if doses.is_empty() {
        return Err(StudyError::NoDoses { folder: roots.data });
    }
    Ok(Plan {
        conditions: Condition::all(&doses, &View::ALL, &Split::ALL),
        roots,
        gridsizes: vec![1, 2],
        algorithm: algorithm.to_owned(),
        num_epochs,
    })
}

/// `path` as it is written into records: absolute where that is known.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A study folder whose data sets and dense views exist (as empty files), sparse ones not.
    fn folders(views: &[View]) -> (tempfile::TempDir, Plan) {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots {
            data: folder.path().join("c"),
            views: folder.path().join("d"),
            artifacts: folder.path().join("e"),
        };
        for condition in Condition::all(&[1000, 10_000, 100_000], views, &Split::ALL) {
            let file = roots.input(condition);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let plan = plan_of_folders(roots, "LSQML", 100).unwrap();
        (folder, plan)
    }

    #[test]
    fn all_eighteen_jobs_with_their_files() {
        let (folder, plan) = folders(&View::ALL);
        let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
        assert_eq!((agenda.jobs.len(), agenda.filtered_out.len(), agenda.missing.len()), (18, 0, 0));
        let paths: Vec<String> = agenda.jobs[..2]
            .iter()
            .flat_map(|job| [&job.input_npz, &job.output_dir])
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_string_lossy().replace('\\', "/"))
            .collect();
        assert_eq!(
            paths,
            [
                "c/dose_1000/patched_train.npz",
                "e/dose_1000/baseline/train",
                "d/dose_1000/dense/dense_train.npz",
                "e/dose_1000/dense/train"
            ]
        );
    }

    #[test]
    fn records_hold_absolute_paths() {
        let roots = Roots { data: "src".into(), views: "src".into(), artifacts: "out".into() };
        let conditions = Condition::all(&[1000], &[View::Baseline], &[Split::Train]);
        let plan =
            Plan { roots, conditions, gridsizes: vec![1], algorithm: "LSQML".to_owned(), num_epochs: 1 };
        let job = plan.job(plan.conditions[0], plan.roots.input(plan.conditions[0]));
        assert!(job.input_npz.is_absolute() && job.input_npz.ends_with("src/dose_1000/patched_train.npz"));
        assert!(job.output_dir.is_absolute() && job.output_dir.ends_with("out/dose_1000/baseline/train"));
    }

    #[test]
    fn one_condition_leaves_seventeen_skips() {
        let (_folder, plan) = folders(&View::ALL);
        let filters = Filters {
            dose: Some(1000),
            view: Some(View::Dense),
            split: Some(Split::Train),
            gridsize: Some(2),
        };
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        assert_eq!((agenda.jobs.len(), agenda.filtered_out.len()), (1, 17));
        assert_eq!(
            agenda.jobs[0].condition,
            Condition { dose: 1000, view: View::Dense, split: Split::Train }
        );
        assert!(agenda.filtered_out[0].reason.contains("view baseline is filtered out"));
        plan.require_work(&filters, &agenda).unwrap();
        let none = Filters { gridsize: Some(3), dose: Some(7), ..Filters::default() };
        let agenda = plan.agenda(&none, &MissingViews::Refuse).unwrap();
        assert_eq!(agenda.filtered_out.len(), 18);
        let error = plan.require_work(&none, &agenda).unwrap_err().to_string();
        for part in ["dose 7", "grid size 3", "1000, 10000, 100000", "baseline, dense, sparse", "test, train"]
        {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn missing_views_are_named_or_skipped_but_missing_data_is_an_error() {
        let (_folder, plan) = folders(&[View::Baseline, View::Dense]);
        let error = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap_err().to_string();
        assert!(error.contains("sparse_train.npz") && error.contains("and 5 more"), "{error}");
        let why = Condition { dose: 1000, view: View::Sparse, split: Split::Test };
        let skip = MissingViews::Skip([(why, "only 3 positions".to_owned())].into());
        let agenda = plan.agenda(&Filters::default(), &skip).unwrap();
        assert_eq!((agenda.jobs.len(), agenda.missing.len()), (12, 6));
        assert!(agenda.missing[0].reason.contains("sparse_train.npz does not exist"));
        assert_eq!(agenda.missing[1].reason, "only 3 positions");
        // A filter comes first: a view that is not asked for is not missing.
        let train = Filters { split: Some(Split::Train), view: Some(View::Sparse), ..Filters::default() };
        assert_eq!(plan.agenda(&train, &skip).unwrap().missing.len(), 3);

        // Without the split itself there is nothing to skip to.
        std::fs::remove_file(data_file(&plan.roots.data, 1000, Split::Test)).unwrap();
        let error = plan.agenda(&Filters::default(), &skip).unwrap_err().to_string();
        assert!(error.contains("patched_test.npz does not exist"), "{error}");
    }

    #[test]
    fn an_empty_data_root_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let roots = |data: PathBuf| Roots { data, views: PathBuf::new(), artifacts: PathBuf::new() };
        let error = plan_of_folders(roots(folder.path().to_path_buf()), "LSQML", 1).unwrap_err().to_string();
        assert!(error.contains("dose_"), "{error}");
        assert!(plan_of_folders(roots(folder.path().join("none")), "LSQML", 1).is_err());
    }
}
