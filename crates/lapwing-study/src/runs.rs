//! The records of runs: each run's own, never changed by another, and the merged current picture.
//!
//! ```text
//! <artifact root>/runs/<run id>/reconstruction_manifest.json, skip_summary.json, logs/...
//! <artifact root>/reconstruction_manifest.json, skip_summary.json       merged from all of them
//! ```
//!
//! The merged picture is computed afresh from the runs' records, so that it can always be made again.

use crate::condition::{Case, Condition};
use crate::folder::{MANIFEST, SKIP_SUMMARY, read_json};
use crate::plan::{Agenda, Plan, absolute};
use crate::record::{Execution, Filters, JobRecord, Manifest, SkipSummary, Skipped};
use crate::{Result, StudyError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The record of one run, kept up to date on disk while it goes on.
#[derive(Debug)]
pub struct RunRecord {
    id: String,
    dir: PathBuf,
    artifact_root: PathBuf,
    manifest: Manifest,
    skips: SkipSummary,
    earlier: Vec<(Manifest, SkipSummary)>,
    warnings: Vec<String>,
}

impl RunRecord {
    /// Opens a new run and writes its records, as yet without results. The artifact root must be locked.
    pub fn begin(plan: &Plan, filters: Filters, agenda: &Agenda) -> Result<Self> {
        let artifact_root = plan.roots.artifacts.clone();
        let (earlier, warnings) = read_runs(&artifact_root)?;
        let timestamp = Timestamp::now();
        let (id, dir) = new_run_dir(&artifact_root, timestamp)?;
        let mut skipped_jobs = [agenda.filtered_out.as_slice(), &agenda.missing].concat();
        skipped_jobs.sort_by_cached_key(|skipped| skipped.case.clone());
        let record = Self {
            manifest: Manifest {
                timestamp,
                phase_c_root: absolute(&plan.roots.data),
                phase_d_root: absolute(&plan.roots.views),
                artifact_root: absolute(&artifact_root),
                filters,
                total_jobs: plan.cases.len(),
                filtered_jobs: agenda.jobs.len(),
                jobs: agenda.jobs.clone(),
                missing_jobs: agenda.missing.clone(),
                execution_results: Vec::new(),
                run_ids: vec![id.clone()],
            },
            skips: SkipSummary {
                timestamp,
                skipped_count: skipped_jobs.len(),
                skipped_jobs,
                missing_phase_d_count: agenda.missing.len(),
            },
            id,
            dir,
            artifact_root,
            earlier,
            warnings,
        };
        write_json(&record.dir.join(SKIP_SUMMARY), &record.skips)?;
        record.save()?;
        Ok(record)
    }

    /// Name of the run: its time of start, unique in the artifact root and sorting in order.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Log file of a job in this run.
    pub fn log_path(&self, case: &Case) -> PathBuf {
        self.dir.join("logs").join(log_name(case))
    }

    /// Adds a result and brings both pictures on disk up to date.
    pub fn add(&mut self, mut execution: Execution) -> Result<()> {
        execution.run_id = Some(self.id.clone());
        self.manifest.execution_results.push(execution);
        self.save()
    }

    /// This run's own manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// This run's own skip summary.
    pub fn skips(&self) -> &SkipSummary {
        &self.skips
    }

    /// What is wrong with the records of earlier runs; those are left out of the merged picture.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn save(&self) -> Result<()> {
        write_json(&self.dir.join(MANIFEST), &self.manifest)?;
        let runs: Vec<(&Manifest, &SkipSummary)> =
            self.earlier.iter().map(|(m, s)| (m, s)).chain([(&self.manifest, &self.skips)]).collect();
        let (manifest, skips) = merge(&runs);
        write_json(&self.artifact_root.join(MANIFEST), &manifest)?;
        write_json(&self.artifact_root.join(SKIP_SUMMARY), &skips)
    }
}

/// `dose_1000_dense_train.log`, and for another solver or repeat `dose_1000_dense_train_ML_repeat_2.log`.
fn log_name(case: &Case) -> String {
    let Condition { dose, view, split } = case.condition;
    let solver = case.solver.as_ref().map(|name| format!("_{name}")).unwrap_or_default();
    let repeat = if case.repeat > 1 { format!("_repeat_{}", case.repeat) } else { String::new() };
    format!("dose_{dose}_{view}_{split}{solver}{repeat}.log")
}

/// The jobs that the latest run under `artifact_root` has begun and not ended, and the last line of each one's log; none
/// when no process holds the folder.
pub(crate) fn running(artifact_root: &Path) -> Result<Vec<(Case, String)>> {
    if crate::lock::Lock::holder(artifact_root).is_none() {
        return Ok(Vec::new());
    }
    let dir = artifact_root.join("runs");
    let entries = std::fs::read_dir(&dir).map_err(StudyError::io("cannot read", &dir))?;
    let Some(run) = entries.filter_map(|entry| Some(entry.ok()?.path())).max() else { return Ok(Vec::new()) };
    let Some(manifest) = read_json::<Manifest>(&run.join(MANIFEST), "manifest")? else {
        return Ok(Vec::new());
    };
    let ended = |case: &Case| manifest.execution_results.iter().any(|result| &result.case == case);
    let begun = |job: &JobRecord| {
        let log = std::fs::read(run.join("logs").join(log_name(&job.case))).ok()?;
        let last = String::from_utf8_lossy(&log).lines().next_back().unwrap_or_default().trim().to_owned();
        Some((job.case.clone(), last))
    };
    Ok(manifest.jobs.iter().filter(|job| !ended(&job.case)).filter_map(begun).collect())
}

/// The merged picture of `runs`, oldest first; there must be at least one.
///
/// Of every case the latest run decides that ran it or missed its input. A run that only planned it (a dry run, or one
/// that was stopped before) decides nothing about a job that was run before; after a missed input it says that there is a job
/// now. Being filtered out of a run says nothing, unless no run ever said more.
fn merge(runs: &[(&Manifest, &SkipSummary)]) -> (Manifest, SkipSummary) {
    let mut jobs: BTreeMap<&Case, &JobRecord> = BTreeMap::new();
    let mut results: BTreeMap<&Case, &Execution> = BTreeMap::new();
    let mut missing: BTreeMap<&Case, &Skipped> = BTreeMap::new();
    let mut skipped: BTreeMap<&Case, &Skipped> = BTreeMap::new();
    for (manifest, skips) in runs {
        let executed: BTreeMap<&Case, &Execution> =
            manifest.execution_results.iter().map(|result| (&result.case, result)).collect();
        for job in &manifest.jobs {
            match executed.get(&job.case) {
                Some(&result) => {
                    results.insert(&job.case, result);
                }
                None if results.contains_key(&job.case) => continue,
                None => {}
            }
            jobs.insert(&job.case, job);
            missing.remove(&job.case);
        }
        for skip in &manifest.missing_jobs {
            jobs.remove(&skip.case);
            results.remove(&skip.case);
            missing.insert(&skip.case, skip);
        }
        skipped.extend(skips.skipped_jobs.iter().map(|skip| (&skip.case, skip)));
    }
    skipped.extend(missing.clone());
    skipped.retain(|case, _| !jobs.contains_key(case));

    // The last run: `runs` is not empty.
    let (last, last_skips) = runs[runs.len() - 1];
    let manifest = Manifest {
        // Runs with different filters have none in common.
        filters: Filters::default(),
        total_jobs: jobs.len() + skipped.len(),
        filtered_jobs: jobs.len(),
        jobs: jobs.into_values().cloned().collect(),
        missing_jobs: missing.values().copied().cloned().collect(),
        execution_results: results.into_values().cloned().collect(),
        run_ids: runs.iter().flat_map(|(manifest, _)| manifest.run_ids.clone()).collect(),
        ..last.clone()
    };
    let skips = SkipSummary {
        timestamp: last_skips.timestamp,
        skipped_count: skipped.len(),
        skipped_jobs: skipped.into_values().cloned().collect(),
        missing_phase_d_count: missing.len(),
    };
    (manifest, skips)
}

/// Manifest and skip summary of every run, oldest first.
type Records = Vec<(Manifest, SkipSummary)>;

/// The records of all runs, and a warning for each that is damaged: a history that cannot be read must not stop work.
fn read_runs(artifact_root: &Path) -> Result<(Records, Vec<String>)> {
    let dir = artifact_root.join("runs");
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(StudyError::io("cannot read", &dir)(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        folders.push(entry.map_err(StudyError::io("cannot read", &dir))?.path());
    }
    folders.sort();
    let (mut runs, mut warnings) = (Vec::new(), Vec::new());
    for folder in folders {
        let manifest = read_json(&folder.join(MANIFEST), "manifest");
        let skips = read_json(&folder.join(SKIP_SUMMARY), "skip summary");
        match manifest.and_then(|manifest| Ok((manifest, skips?))) {
            Ok((Some(manifest), Some(skips))) => runs.push((manifest, skips)),
            // A run that was killed before its first record was complete has nothing to tell.
            Ok(_) => {}
            Err(error) => warnings.push(format!("an earlier run is left out of the record: {error}")),
        }
    }
    Ok((runs, warnings))
}

/// A folder that no earlier run has.
fn new_run_dir(artifact_root: &Path, now: Timestamp) -> Result<(String, PathBuf)> {
    let runs = artifact_root.join("runs");
    std::fs::create_dir_all(&runs).map_err(StudyError::io("cannot create", &runs))?;
    let time = now.strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
    let mut attempt = 0;
    loop {
        let id = if attempt == 0 { time.clone() } else { format!("{time}-{attempt}") };
        let dir = runs.join(&id);
        match std::fs::create_dir(&dir) {
            Ok(()) => {
                let logs = dir.join("logs");
                std::fs::create_dir(&logs).map_err(StudyError::io("cannot create", &logs))?;
                return Ok((id, dir));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => attempt += 1,
            Err(error) => return Err(StudyError::io("cannot create", &dir)(error)),
        }
    }
}

/// Writes a record as indented JSON, atomically.
pub(crate) fn write_json(path: &Path, record: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(record).map_err(|source| StudyError::Json {
        what: "record",
        path: path.to_path_buf(),
        source,
    })?;
    lapwing_files::atomic::write_bytes(path, text).map_err(StudyError::io("cannot write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Split, View};
    use crate::folder::StudyFolder;
    use crate::plan::{MissingViews, Roots, plan_of_folders};
    use crate::record::{Strategy, Telemetry};
    use crate::solver::{SolverConfig, StudySolver};
    use serde_json::Value;

    fn study(views: &[View]) -> (tempfile::TempDir, Plan) {
        let folder = tempfile::tempdir().unwrap();
        let study = StudyFolder::new(folder.path());
        let roots =
            Roots { data: study.data_root(), views: study.views_root(), artifacts: study.artifact_root() };
        for condition in Condition::all(&[1000, 10_000, 100_000], views, &Split::ALL) {
            let file = roots.input(condition, 1);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        (folder, plan_of_folders(roots, StudySolver::new(SolverConfig::default())).unwrap())
    }

    /// A run in which every job succeeds at once.
    fn pretend(plan: &Plan, filters: Filters) -> RunRecord {
        let agenda = plan.agenda(&filters, &MissingViews::Skip(BTreeMap::new())).unwrap();
        let mut run = RunRecord::begin(plan, filters.clone(), &agenda).unwrap();
        for job in &agenda.jobs {
            let telemetry = (job.case.condition.view != View::Baseline).then_some(Telemetry {
                selection_strategy: Strategy::Greedy,
                acceptance_rate: 0.25,
                spacing_threshold: 38.4,
                n_accepted: 25,
                n_rejected: 75,
            });
            run.add(Execution {
                case: job.case.clone(),
                returncode: 0,
                log_path: run.log_path(&job.case),
                telemetry,
                error: None,
                seconds: Some(1.0),
                resumed: false,
                run_id: None,
            })
            .unwrap();
        }
        run
    }

    fn json(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_manifest_has_the_names_of_the_reference_study() {
        let (folder, plan) = study(&View::ALL);
        let run = pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
        let root = StudyFolder::new(folder.path()).artifact_root();
        let manifest = json(&root.join(MANIFEST));
        for name in [
            "timestamp",
            "phase_c_root",
            "phase_d_root",
            "artifact_root",
            "filters",
            "total_jobs",
            "filtered_jobs",
            "jobs",
            "missing_jobs",
            "execution_results",
        ] {
            assert!(manifest.get(name).is_some(), "{name}");
        }
        assert_eq!(
            (manifest["total_jobs"].as_u64(), manifest["filtered_jobs"].as_u64()),
            (Some(18), Some(6))
        );
        assert_eq!(
            json(&run.dir.join(MANIFEST))["filters"],
            serde_json::json!({"dose": 1000, "view": null, "split": null, "gridsize": null})
        );
        let none = serde_json::json!({"dose": null, "view": null, "split": null, "gridsize": null});
        assert_eq!(manifest["filters"], none);
        let mut names = keys(&manifest["jobs"][0]);
        names.sort_unstable();
        assert_eq!(names, ["algorithm", "dose", "input_npz", "num_epochs", "output_dir", "split", "view"]);
        let selection =
            ["selection_strategy", "acceptance_rate", "spacing_threshold", "n_accepted", "n_rejected"];
        for result in manifest["execution_results"].as_array().unwrap() {
            for name in ["dose", "view", "split", "returncode", "log_path"] {
                assert!(result.get(name).is_some(), "{name}");
            }
            for name in selection {
                assert_eq!(result.get(name).is_some(), result["view"] != "baseline", "{name} in {result}");
            }
        }
        assert_eq!(manifest["execution_results"][1]["selection_strategy"], "greedy");
        let skips = json(&root.join(SKIP_SUMMARY));
        assert_eq!(
            (skips["skipped_count"].as_u64(), skips["missing_phase_d_count"].as_u64()),
            (Some(12), Some(0))
        );
        assert_eq!(keys(&skips["skipped_jobs"][0]).len(), 4);
        // And both read back to the same.
        let read = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), manifest);
    }

    #[test]
    fn three_runs_with_one_artifact_root_keep_all_records() {
        let (folder, plan) = study(&View::ALL);
        let sparse = pretend(&plan, Filters { view: Some(View::Sparse), ..Filters::default() });
        let kept: Vec<(PathBuf, Vec<u8>)> = [MANIFEST, SKIP_SUMMARY]
            .iter()
            .map(|name| (sparse.dir.join(name), std::fs::read(sparse.dir.join(name)).unwrap()))
            .collect();
        let train = pretend(&plan, Filters { split: Some(Split::Train), ..Filters::default() });
        let test = pretend(&plan, Filters { split: Some(Split::Test), ..Filters::default() });
        for (path, bytes) in kept {
            assert_eq!(std::fs::read(path).unwrap(), bytes);
        }
        let study = StudyFolder::new(folder.path());
        let merged = study.manifest().unwrap().unwrap();
        assert_eq!(merged.run_ids, [sparse.id(), train.id(), test.id()]);
        assert_eq!((merged.total_jobs, merged.jobs.len(), merged.execution_results.len()), (18, 18, 18));
        assert_eq!(merged.jobs.iter().map(|j| j.case.clone()).collect::<Vec<_>>(), plan.cases);
        assert_eq!(study.skip_summary().unwrap().unwrap().skipped_count, 0);
        // The result of the latest run of each condition.
        let run_of = |i: usize| merged.execution_results[i].run_id.as_deref();
        assert_eq!((run_of(2), run_of(5)), (Some(train.id()), Some(test.id())));
        assert_eq!(sparse.skips().skipped_count, 12);
    }

    #[test]
    fn missing_views_are_counted_once_and_forgotten_when_they_appear() {
        let (folder, plan) = study(&[View::Baseline, View::Dense]);
        let run = pretend(&plan, Filters::default());
        assert_eq!((run.manifest().missing_jobs.len(), run.skips().missing_phase_d_count), (6, 6));
        assert_eq!((run.manifest().jobs.len(), run.skips().skipped_count), (12, 6));
        let study = StudyFolder::new(folder.path());
        let missing = Condition { dose: 1000, view: View::Sparse, split: Split::Train };
        assert!(
            matches!(study.outcome(&missing.into()).unwrap(), crate::record::Outcome::Skipped { reason } if reason.contains("exist"))
        );

        let file = plan.roots.input(missing, 1);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
        pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
        let (manifest, skips) = (study.manifest().unwrap().unwrap(), study.skip_summary().unwrap().unwrap());
        assert_eq!((manifest.jobs.len(), manifest.missing_jobs.len()), (13, 5));
        assert_eq!((skips.skipped_count, skips.missing_phase_d_count), (5, 5));
        assert!(skips.skipped_jobs.iter().all(|skipped| skipped.reason.contains("does not exist")));
    }

    #[test]
    fn a_job_runs_while_its_log_is_there_its_result_is_not_and_the_folder_is_held() {
        let (_folder, plan) = study(&View::ALL);
        let filters = Filters { dose: Some(1000), split: Some(Split::Train), ..Filters::default() };
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        let mut run = RunRecord::begin(&plan, filters, &agenda).unwrap();
        let case = |index: usize| agenda.jobs[index].case.clone();
        for index in [0, 1] {
            std::fs::write(run.log_path(&case(index)), "start\n  0.5 epoch 3 of 9\n").unwrap();
        }
        run.add(Execution {
            case: case(0),
            returncode: 0,
            log_path: run.log_path(&case(0)),
            telemetry: None,
            error: None,
            seconds: None,
            resumed: false,
            run_id: None,
        })
        .unwrap();
        let root = &plan.roots.artifacts;
        assert_eq!(running(root).unwrap(), []);
        let _held = crate::lock::Lock::acquire(root).unwrap();
        assert_eq!(running(root).unwrap(), [(case(1), "0.5 epoch 3 of 9".to_owned())]);
    }

    #[test]
    fn a_dry_run_loses_no_result() {
        let (folder, plan) = study(&View::ALL);
        pretend(&plan, Filters::default());
        let filters = Filters { dose: Some(1000), ..Filters::default() };
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        let dry = RunRecord::begin(&plan, filters.clone(), &agenda).unwrap();
        assert_eq!((dry.manifest().jobs.len(), dry.manifest().execution_results.len()), (6, 0));
        let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
        assert_eq!((merged.jobs.len(), merged.execution_results.len(), merged.run_ids.len()), (18, 18, 2));
    }

    #[test]
    fn a_dry_run_replaces_no_job_that_was_run() {
        let (folder, mut plan) = study(&View::ALL);
        pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
        plan.solvers[0].set_epochs(7);
        let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
        RunRecord::begin(&plan, Filters::default(), &agenda).unwrap();
        let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
        let epochs: Vec<usize> = merged.jobs.iter().map(|job| job.num_epochs).collect();
        assert_eq!((&epochs[..6], &epochs[6..]), (&[100; 6][..], &[7; 12][..]));
    }

    #[test]
    fn a_view_that_has_gone_takes_its_job_along() {
        let (folder, plan) = study(&View::ALL);
        pretend(&plan, Filters::default());
        let gone = Condition { dose: 1000, view: View::Sparse, split: Split::Train };
        std::fs::remove_file(plan.roots.input(gone, 1)).unwrap();
        pretend(&plan, Filters::default());
        // A later run that was not asked for it knows nothing of it.
        pretend(&plan, Filters { dose: Some(10_000), ..Filters::default() });
        let study = StudyFolder::new(folder.path());
        let (manifest, skips) = (study.manifest().unwrap().unwrap(), study.skip_summary().unwrap().unwrap());
        assert_eq!(
            (manifest.jobs.len(), manifest.execution_results.len(), manifest.total_jobs),
            (17, 17, 18)
        );
        assert_eq!(manifest.missing_jobs.iter().map(|skip| skip.case.condition).collect::<Vec<_>>(), [gone]);
        assert_eq!((skips.skipped_count, skips.missing_phase_d_count), (1, 1));
        assert!(skips.skipped_jobs[0].reason.contains("does not exist"), "{:?}", skips.skipped_jobs);
    }

    #[test]
    fn damaged_records_of_earlier_runs_are_left_out_and_told() {
        let (folder, plan) = study(&View::ALL);
        let first = pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
        let second = pretend(&plan, Filters { dose: Some(10_000), ..Filters::default() });
        std::fs::write(first.dir.join(MANIFEST), "").unwrap();
        let third = pretend(&plan, Filters { dose: Some(100_000), ..Filters::default() });
        assert!(
            third.warnings().len() == 1 && third.warnings()[0].contains(first.id()),
            "{:?}",
            third.warnings()
        );
        let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
        assert_eq!(
            (merged.jobs.len(), merged.run_ids),
            (12, vec![second.id().to_owned(), third.id().to_owned()])
        );
    }

    #[test]
    fn logs_of_all_solvers_and_repeats_have_names_of_their_own() {
        let condition = Condition { dose: 1000, view: View::Dense, split: Split::Train };
        let other = Case { condition, repeat: 2, solver: Some("ML".to_owned()) };
        assert_eq!(log_name(&condition.into()), "dose_1000_dense_train.log");
        assert_eq!(log_name(&other), "dose_1000_dense_train_ML_repeat_2.log");
    }
}
