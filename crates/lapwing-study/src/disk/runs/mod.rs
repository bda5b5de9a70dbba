//! The records of runs: each run's own, never changed by another, and the merged current picture.
//!
//! ```text
//! <artifact root>/runs/<run id>/reconstruction_manifest.json, skip_summary.json, logs/...
//! <artifact root>/reconstruction_manifest.json, skip_summary.json       merged from all of them
//! ```
//!
//! The merged picture is computed afresh from the runs' records, so that it can always be made
//! again. Several processes may run jobs under one artifact root: each writes records of its own,
//! and the merged ones in turn, under a lock held for an instant.

mod beside;
mod history;

use crate::design::condition::{Case, Condition};
use crate::disk::json::{read_json, write_json};
use crate::disk::layout::{MANIFEST, RUNS, Roots, SKIP_SUMMARY, job_dir};
use crate::disk::lock::Lock;
use crate::disk::path::{absolute, make_folder};
use crate::disk::record::{Agenda, Execution, Filters, JobRecord, Manifest, SkipSummary};
use crate::{Result, StudyError};
use beside::kept_beside;
use history::History;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The record of one run, kept up to date on disk while it runs.
#[derive(Debug)]
pub struct RunRecord {
    id: String,
    dir: PathBuf,
    artifact_root: PathBuf,
    manifest: Manifest,
    skips: SkipSummary,
    history: History,
}

impl RunRecord {
    /// Opens a new run and writes its records, as yet without results.
    ///
    /// `total_jobs` is the number of cases of the whole plan, of which `agenda` holds what the
    /// `filters` leave; a `dry_run` does nothing of that.
    pub(crate) fn begin(
        roots: &Roots,
        total_jobs: usize,
        filters: &Filters,
        dry_run: bool,
        agenda: &Agenda,
    ) -> Result<Self> {
        let artifact_root = roots.artifacts.clone();
        let timestamp = Timestamp::now();
        let (id, dir) = new_run_dir(&artifact_root, timestamp, filters)?;
        let mut skipped_jobs = [agenda.filtered_out.as_slice(), &agenda.missing].concat();
        skipped_jobs.sort_by_cached_key(|skipped| skipped.case.clone());
        let mut record = Self {
            manifest: Manifest {
                timestamp,
                phase_c_root: absolute(&roots.data),
                phase_d_root: absolute(&roots.views),
                artifact_root: absolute(&artifact_root),
                filters: filters.clone(),
                total_jobs,
                filtered_jobs: agenda.jobs.len(),
                jobs: agenda.jobs.clone(),
                missing_jobs: agenda.missing.clone(),
                execution_results: Vec::new(),
                run_ids: vec![id.clone()],
                dry_run,
            },
            skips: SkipSummary {
                timestamp,
                skipped_count: skipped_jobs.len(),
                skipped_jobs,
                missing_phase_d_count: agenda.missing.len(),
            },
            id,
            dir,
            history: History::new(&artifact_root),
            artifact_root,
        };
        write_json(&record.dir.join(SKIP_SUMMARY), &record.skips)?;
        record.save()?;
        Ok(record)
    }

    /// Name of the run: its time of start and, where they were chosen, dose, view and split; unique
    /// in the artifact root and sorting in order of time.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Log file of a job in this run.
    pub fn log_path(&self, case: &Case) -> PathBuf {
        self.dir.join("logs").join(log_name(case))
    }

    /// Adds a result, in its place in the order of the jobs, and brings both pictures on disk up to
    /// date.
    pub fn add(&mut self, mut execution: Execution) -> Result<()> {
        execution.run_id = Some(self.id.clone());
        let jobs = &self.manifest.jobs;
        let place = |case: &Case| jobs.iter().position(|job| &job.case == case);
        let own = place(&execution.case);
        let folder = own.map(|index| jobs[index].output_dir.as_path());
        execution.kept = kept_beside(&job_dir(&self.artifact_root, &execution.case), folder);
        let at =
            self.manifest.execution_results.partition_point(|earlier| place(&earlier.case) < own);
        self.manifest.execution_results.insert(at, execution);
        self.save()
    }

    /// Says that the results of a job go to another folder than was planned.
    pub fn moved(&mut self, case: &Case, folder: &Path) {
        if let Some(job) = self.manifest.jobs.iter_mut().find(|job| &job.case == case) {
            job.output_dir = absolute(folder);
        }
    }

    /// Leaves all other cases than these, those of the study's design, out of the merged picture.
    pub(crate) fn keep_to(&mut self, cases: &[Case]) -> Result<()> {
        self.history.keep_to(cases);
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
    pub fn warnings(&self) -> Vec<String> {
        self.history.warnings()
    }

    fn save(&mut self) -> Result<()> {
        write_json(&self.dir.join(MANIFEST), &self.manifest)?;
        let _turn = Lock::wait_for_file(&self.artifact_root.join(LOCKS).join("records.lock"))?;
        self.history.refresh()?;
        let Some((manifest, skips)) = self.history.merged() else { return Ok(()) };
        write_json(&self.artifact_root.join(MANIFEST), &manifest)?;
        write_json(&self.artifact_root.join(SKIP_SUMMARY), &skips)
    }
}

/// Folder of lock files inside an artifact root.
const LOCKS: &str = ".lapwing";

/// The lock file of a job: whoever runs it holds it.
pub(crate) fn job_lock(artifact_root: &Path, case: &Case) -> PathBuf {
    artifact_root.join(LOCKS).join(format!("{}.lock", job_name(case)))
}

/// `dose_1000_dense_train`, and for another solver or repeat `dose_1000_dense_train_ML_repeat_2`.
fn job_name(case: &Case) -> String {
    let Condition { dose, view, split } = case.condition;
    let solver = case.solver.as_ref().map(|name| format!("_{name}")).unwrap_or_default();
    let repeat = if case.repeat > 1 { format!("_repeat_{}", case.repeat) } else { String::new() };
    format!("dose_{dose}_{view}_{split}{solver}{repeat}")
}

fn log_name(case: &Case) -> String {
    format!("{}.log", job_name(case))
}

/// The jobs that runs under `artifact_root` have begun and not ended, and the last line of each
/// one's log; none that no process is at work on.
pub(crate) fn running(artifact_root: &Path) -> Result<Vec<(Case, String)>> {
    let dir = artifact_root.join(RUNS);
    let Ok(entries) = std::fs::read_dir(&dir) else { return Ok(Vec::new()) };
    let mut runs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    runs.sort();
    let mut found: Vec<(Case, String)> = Vec::new();
    // The latest first: it is the one that has the job now.
    for run in runs.iter().rev() {
        let Some(manifest) = read_json::<Manifest>(&run.join(MANIFEST), "manifest").ok().flatten()
        else {
            continue;
        };
        let ended =
            |case: &Case| manifest.execution_results.iter().any(|result| &result.case == case);
        for JobRecord { case, .. } in &manifest.jobs {
            let log = std::fs::read(run.join("logs").join(log_name(case)));
            let known = found.iter().any(|(known, _)| known == case);
            if let (Ok(log), false, false) = (log, known, ended(case))
                && Lock::holder_of_file(&job_lock(artifact_root, case)).is_some()
            {
                let log = String::from_utf8_lossy(&log);
                found.push((case.clone(), reached(log.lines().next_back().unwrap_or_default())));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What the last line of a job's log says: `epoch 10 of 214: loss 6e-2, after 1.1 s`.
fn reached(line: &str) -> String {
    let line = line.trim();
    match line.split_once(' ').map(|(time, text)| (time.parse::<f64>(), text.trim())) {
        Some((Ok(seconds), text)) => format!("{text}, after {seconds:.1} s"),
        _ => line.to_owned(),
    }
}

/// What a run was restricted to, as a part of its name: `_dose_1000_dense_train`.
fn restricted_to(filters: &Filters) -> String {
    let Filters { dose, view, split, .. } = filters;
    let dose = dose.map(|dose| format!("_dose_{dose}")).unwrap_or_default();
    let view = view.map(|view| format!("_{view}")).unwrap_or_default();
    let split = split.map(|split| format!("_{split}")).unwrap_or_default();
    format!("{dose}{view}{split}")
}

/// A folder that no earlier run has.
fn new_run_dir(
    artifact_root: &Path,
    now: Timestamp,
    filters: &Filters,
) -> Result<(String, PathBuf)> {
    let runs = artifact_root.join(RUNS);
    make_folder(&runs)?;
    let time = now.strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
    let mut attempt = 0;
    loop {
        let id = match attempt {
            0 => format!("{time}{}", restricted_to(filters)),
            _ => format!("{time}-{attempt}{}", restricted_to(filters)),
        };
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

#[cfg(test)]
mod tests;
