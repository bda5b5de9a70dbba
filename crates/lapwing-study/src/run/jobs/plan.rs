//! Which reconstructions a study has, which of them a run asks for, and which of those can run.

use crate::design::Source;
use crate::design::condition::{Case, Condition, Split, View};
use crate::design::solver::StudySolver;
use crate::design::{cases, solver_of};
use crate::disk::layout::{Roots, job_dir};
use crate::disk::path::absolute;
use crate::disk::record::{Agenda, Filters, JobRecord, Skipped};
use crate::{Result, StudyError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All reconstructions of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where everything is.
    pub roots: Roots,
    /// Every condition, repeat and solver, in the order of the jobs.
    pub cases: Vec<Case>,
    /// Grid sizes of the study. Iterative solvers do not group images, so each job serves every one
    /// of them.
    pub gridsizes: Vec<usize>,
    /// Whether the two halves of every data set's photons are reconstructed too (see
    /// [`crate::run::reconstruct::Request::photon_halves`]).
    pub photon_halves: bool,
    /// Whether the first realisation of every condition has error maps (see
    /// [`crate::run::reconstruct::Request::error_maps`]).
    pub error_maps: bool,
    /// The solvers of the cases; the first is that of the cases that name none. Never empty.
    pub solvers: Vec<StudySolver>,
    /// Whether a result that was made otherwise - by another solver, with other options, of other
    /// data - keeps its folder, and the new one has a numbered folder beside it (`train_2`). In a
    /// study the design says what belongs in a folder, and the new result takes the old one's.
    pub keep_others: bool,
    /// Where the data of a study come from (see
    /// [`crate::run::reconstruct::Request::source`]).
    pub source: Option<Arc<Source>>,
}

/// Why a view is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyMissing {
    /// What refused it.
    Refused(String),
    /// The whole reason for which an earlier run skipped its jobs, as its record has it.
    Recorded(String),
}

/// What to do about a view whose file does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MissingViews {
    /// An error before anything runs.
    #[default]
    Refuse,
    /// Skip its jobs, for the reasons given here (by condition and repeat) or else because the file
    /// does not exist.
    Skip(BTreeMap<(Condition, usize), WhyMissing>),
}

impl Plan {
    /// The jobs that pass `filters` and have an input.
    ///
    /// # Errors
    /// When an input does not exist, naming all such files - except for views under
    /// [`MissingViews::Skip`].
    pub fn agenda(&self, filters: &Filters, missing_views: &MissingViews) -> Result<Agenda> {
        let mut agenda = Agenda { jobs: Vec::new(), filtered_out: Vec::new(), missing: Vec::new() };
        let mut absent: Vec<PathBuf> = Vec::new();
        let mut places = 0..;
        for case in &self.cases {
            let excluded = self.excluded(case, filters).or_else(|| {
                let shard = filters.shard?;
                let elsewhere = places.next().is_some_and(|place| !shard.has(place));
                elsewhere
                    .then(|| format!("in another share of the jobs: only {shard} was asked for"))
            });
            if let Some(reason) = excluded {
                agenda.filtered_out.push(Skipped { case: case.clone(), reason });
                continue;
            }
            let input = self.roots.input(case.condition, case.repeat);
            if input.is_file() {
                agenda.jobs.push(self.job(case, &input)?);
                continue;
            }
            match missing_views {
                MissingViews::Skip(reasons) if case.condition.view != View::Baseline => {
                    let reason = match reasons.get(&(case.condition, case.repeat)) {
                        Some(WhyMissing::Recorded(reason)) => reason.clone(),
                        Some(WhyMissing::Refused(why)) => not_found(&input, why),
                        None => not_found(&input, "it does not exist"),
                    };
                    agenda.missing.push(Skipped { case: case.clone(), reason });
                }
                _ => absent.push(input),
            }
        }
        absent.dedup();
        // A study that could make none of its views has no folder of them.
        if self.keep_others && !agenda.missing.is_empty() && !self.roots.views.is_dir() {
            return Err(StudyError::NoViews { folder: self.roots.views.clone() });
        }
        if absent.is_empty() {
            Ok(agenda)
        } else {
            Err(StudyError::MissingInputs { files: absent })
        }
    }

    /// The solver of a case.
    ///
    /// # Errors
    /// When the plan has none of that name.
    pub fn solver(&self, case: &Case) -> Result<&StudySolver> {
        solver_of(&self.solvers, case)
            .ok_or_else(|| StudyError::Invalid(format!("{case}: the study has no such solver")))
    }

    /// Refuses filters that leave nothing. A share of fewer jobs than there are shares may well be
    /// empty.
    pub(crate) fn require_work(&self, filters: &Filters) -> Result<()> {
        if self.cases.iter().any(|case| self.excluded(case, filters).is_none()) {
            return Ok(());
        }
        let distinct = |of: &dyn Fn(&Case) -> String| {
            let mut values: Vec<String> = Vec::new();
            for value in self.cases.iter().map(of) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            values.join(", ")
        };
        let asked = [
            filters.dose.map(|dose| format!("dose {dose}")),
            filters.view.map(|view| format!("view {view}")),
            filters.split.map(|split| format!("split {split}")),
            filters.gridsize.map(|size| format!("grid size {size}")),
            filters.repeat.map(|repeat| format!("repeat {repeat}")),
            filters.solver.as_ref().map(|solver| format!("solver {solver}")),
        ];
        let names: Vec<&str> = self.solvers.iter().map(|solver| solver.name.as_str()).collect();
        Err(StudyError::Invalid(format!(
            "the filters ({}) leave no job: there are doses {}, views {}, splits {}, grid sizes {:?}, repeats {}, solvers {}",
            asked.into_iter().flatten().collect::<Vec<_>>().join(", "),
            distinct(&|case| case.condition.dose.to_string()),
            distinct(&|case| case.condition.view.to_string()),
            distinct(&|case| case.condition.split.to_string()),
            self.gridsizes,
            distinct(&|case| case.repeat.to_string()),
            names.join(", ")
        )))
    }

    fn job(&self, case: &Case, input_npz: &Path) -> Result<JobRecord> {
        let solver = self.solver(case)?;
        Ok(JobRecord {
            case: case.clone(),
            input_npz: absolute(input_npz),
            output_dir: absolute(&job_dir(&self.roots.artifacts, case)),
            algorithm: solver.algorithm().to_owned(),
            num_epochs: solver.epochs(),
        })
    }

    fn excluded(&self, case: &Case, filters: &Filters) -> Option<String> {
        let condition = case.condition;
        let differs = |name: &str, wanted: Option<String>, found: String| {
            let wanted = wanted.filter(|wanted| *wanted != found)?;
            Some(format!("{name} {found} is filtered out: only {name} {wanted} was asked for"))
        };
        let text = |value: &dyn ToString| value.to_string();
        let by_gridsize = || {
            let gridsize = filters.gridsize.filter(|size| !self.gridsizes.contains(size))?;
            Some(format!(
                "grid size {gridsize} was asked for, but the study has only {:?}",
                self.gridsizes
            ))
        };
        differs("dose", filters.dose.map(|dose| text(&dose)), text(&condition.dose))
            .or_else(|| {
                differs("view", filters.view.map(|view| text(&view)), text(&condition.view))
            })
            .or_else(|| {
                differs("split", filters.split.map(|split| text(&split)), text(&condition.split))
            })
            .or_else(by_gridsize)
            .or_else(|| {
                differs("repeat", filters.repeat.map(|repeat| text(&repeat)), text(&case.repeat))
            })
            .or_else(|| {
                let name = solver_of(&self.solvers, case).map(|solver| solver.name.clone());
                differs("solver", filters.solver.clone(), name.unwrap_or_default())
            })
    }
}

/// Why a job on the view in `input` is skipped; scripts of the reference study look for its first
/// words.
fn not_found(input: &Path, why: &str) -> String {
    format!("Phase D view not found: {}: {why}", input.display())
}

/// The plan of whatever doses and repeats lie under the data root, all views and both splits, with
/// one solver.
///
/// # Errors
/// A data root without doses, or one that cannot be read.
pub fn plan_of_folders(roots: Roots, solver: StudySolver) -> Result<Plan> {
    let doses = roots.doses()?;
    if doses.is_empty() {
        return Err(StudyError::NoDoses { folder: roots.data });
    }
    let solvers = vec![solver];
    let conditions = Condition::all(&doses, &roots.views(), &Split::ALL);
    Ok(Plan {
        cases: cases(&conditions, roots.repeats(), &solvers),
        roots,
        gridsizes: vec![1, 2],
        photon_halves: false,
        error_maps: false,
        solvers,
        keep_others: true,
        source: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::solver::SolverConfig;

    fn lsqml() -> StudySolver {
        StudySolver::new(SolverConfig::default())
    }

    /// A study folder whose data sets and dense views exist (as empty files), sparse ones not.
    fn folders(views: &[View]) -> (tempfile::TempDir, Plan) {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots {
            data: folder.path().join("c"),
            views: folder.path().join("d"),
            artifacts: folder.path().join("e"),
        };
        for condition in Condition::all(&[1000, 10_000, 100_000], views, &Split::ALL) {
            let file = roots.input(condition, 1);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let plan = plan_of_folders(roots, lsqml()).unwrap();
        (folder, plan)
    }

    #[test]
    fn all_eighteen_jobs_with_their_files() {
        let (folder, plan) = folders(&View::ALL);
        let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
        assert_eq!(
            (agenda.jobs.len(), agenda.filtered_out.len(), agenda.missing.len()),
            (18, 0, 0)
        );
        let paths: Vec<String> = agenda.jobs[..2]
            .iter()
            .flat_map(|job| [&job.input_npz, &job.output_dir])
            .map(|path| {
                path.strip_prefix(folder.path()).unwrap().to_string_lossy().replace('\\', "/")
            })
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
        let solvers = vec![lsqml()];
        let plan = Plan {
            roots,
            cases: cases(&conditions, 1, &solvers),
            gridsizes: vec![1],
            photon_halves: false,
            error_maps: false,
            solvers,
            keep_others: true,
            source: None,
        };
        let job = plan.job(&plan.cases[0], &plan.roots.input(conditions[0], 1)).unwrap();
        assert!(
            job.input_npz.is_absolute()
                && job.input_npz.ends_with("src/dose_1000/patched_train.npz")
        );
        assert!(
            job.output_dir.is_absolute()
                && job.output_dir.ends_with("out/dose_1000/baseline/train")
        );
    }

    #[test]
    fn one_condition_leaves_seventeen_skips() {
        let (_folder, plan) = folders(&View::ALL);
        let filters = Filters {
            dose: Some(1000),
            view: Some(View::Dense),
            split: Some(Split::Train),
            gridsize: Some(2),
            ..Filters::default()
        };
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        assert_eq!((agenda.jobs.len(), agenda.filtered_out.len()), (1, 17));
        assert_eq!(
            agenda.jobs[0].case.condition,
            Condition { dose: 1000, view: View::Dense, split: Split::Train }
        );
        assert!(agenda.filtered_out[0].reason.contains("view baseline is filtered out"));
        plan.require_work(&filters).unwrap();
        let none = Filters { gridsize: Some(3), dose: Some(7), ..Filters::default() };
        let agenda = plan.agenda(&none, &MissingViews::Refuse).unwrap();
        assert_eq!(agenda.filtered_out.len(), 18);
        let error = plan.require_work(&none).unwrap_err().to_string();
        for part in [
            "dose 7",
            "grid size 3",
            "1000, 10000, 100000",
            "baseline, dense, sparse",
            "train, test",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn missing_views_are_named_or_skipped_but_missing_data_is_an_error() {
        let (_folder, plan) = folders(&[View::Baseline, View::Dense]);
        let error =
            plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap_err().to_string();
        for part in ["sparse_train.npz", "and 5 more", "--allow-missing-phase-d"] {
            assert!(error.contains(part), "{error}");
        }
        let why = Condition { dose: 1000, view: View::Sparse, split: Split::Test };
        let refused = WhyMissing::Refused("only 3 positions".to_owned());
        let skip = MissingViews::Skip([((why, 1), refused)].into());
        let agenda = plan.agenda(&Filters::default(), &skip).unwrap();
        assert_eq!((agenda.jobs.len(), agenda.missing.len()), (12, 6));
        let reason = &agenda.missing[0].reason;
        for part in ["Phase D", "not found", "sparse_train.npz: it does not exist"] {
            assert!(reason.contains(part), "{reason}");
        }
        let reason = &agenda.missing[1].reason;
        assert!(reason.ends_with("sparse_test.npz: only 3 positions"), "{reason}");
        // What a record says is said again as it stands.
        let recorded = WhyMissing::Recorded(reason.clone());
        let again = MissingViews::Skip([((why, 1), recorded)].into());
        let agenda = plan.agenda(&Filters::default(), &again).unwrap();
        assert_eq!(agenda.missing[1].reason, *reason);
        // A filter comes first: a view that is not asked for is not missing.
        let train =
            Filters { split: Some(Split::Train), view: Some(View::Sparse), ..Filters::default() };
        assert_eq!(plan.agenda(&train, &skip).unwrap().missing.len(), 3);

        // A folder of views that is not there at all was hardly meant.
        let mut elsewhere = plan.clone();
        elsewhere.roots.views = plan.roots.views.join("none");
        let error = elsewhere.agenda(&Filters::default(), &skip).unwrap_err().to_string();
        assert!(error.contains("no such folder") && error.contains("none"), "{error}");

        // Without the split itself there is nothing to skip to.
        std::fs::remove_file(crate::disk::layout::data_file(&plan.roots.data, 1000, Split::Test))
            .unwrap();
        let error = plan.agenda(&Filters::default(), &skip).unwrap_err().to_string();
        assert!(error.contains("patched_test.npz does not exist"), "{error}");
        assert!(!error.contains("--allow-missing-phase-d"), "{error}");
    }

    #[test]
    fn an_empty_data_root_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let roots =
            |data: PathBuf| Roots { data, views: PathBuf::new(), artifacts: PathBuf::new() };
        let error =
            plan_of_folders(roots(folder.path().to_path_buf()), lsqml()).unwrap_err().to_string();
        assert!(error.contains("dose_"), "{error}");
        assert!(plan_of_folders(roots(folder.path().join("none")), lsqml()).is_err());
    }

    #[test]
    fn every_condition_runs_with_every_repeat_and_solver_in_a_folder_of_its_own() {
        let (folder, mut plan) = folders(&View::ALL);
        let ml: SolverConfig = toml::from_str("algorithm = \"ML\"").unwrap();
        plan.solvers.push(StudySolver::new(ml));
        let one = [Condition { dose: 1000, view: View::Dense, split: Split::Train }];
        plan.cases = cases(&one, 2, &plan.solvers);
        let second = plan.roots.input(one[0], 2);
        std::fs::create_dir_all(second.parent().unwrap()).unwrap();
        std::fs::write(second, "").unwrap();
        let relative = |path: &Path| {
            path.strip_prefix(folder.path()).unwrap().to_string_lossy().replace('\\', "/")
        };
        let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
        let jobs: Vec<(String, String, &str)> = agenda
            .jobs
            .iter()
            .map(|job| (relative(&job.input_npz), relative(&job.output_dir), &*job.algorithm))
            .collect();
        let (first, repeat) =
            ("d/dose_1000/dense/dense_train.npz", "d/repeat_2/dose_1000/dense/dense_train.npz");
        let expected = [
            (first, "e/dose_1000/dense/train", "LSQML"),
            (first, "e/ML/dose_1000/dense/train", "ML"),
            (repeat, "e/repeat_2/dose_1000/dense/train", "LSQML"),
            (repeat, "e/ML/repeat_2/dose_1000/dense/train", "ML"),
        ];
        assert_eq!(
            jobs,
            expected.map(|(input, output, name)| (input.to_owned(), output.to_owned(), name))
        );
        let filters =
            Filters { solver: Some("LSQML".to_owned()), repeat: Some(2), ..Filters::default() };
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        assert_eq!(
            (agenda.jobs.len(), agenda.jobs[0].case.to_string().as_str()),
            (1, "dose 1000 dense train repeat 2")
        );
        assert!(
            agenda.filtered_out[1].reason.contains("repeat 1 is filtered out"),
            "{:?}",
            agenda.filtered_out
        );
        let none = Filters { solver: Some("ePIE".to_owned()), ..Filters::default() };
        let error = plan.require_work(&none).unwrap_err().to_string();
        assert!(error.contains("solver ePIE") && error.contains("LSQML, ML"), "{error}");
    }
}
