//! The records of all runs on disk, and the one picture that they make together.

use crate::design::condition::Case;
use crate::disk::json::read_json;
use crate::disk::layout::{MANIFEST, RUNS, SKIP_SUMMARY};
use crate::disk::record::{Execution, JobRecord, Manifest, SkipSummary, Skipped};
use crate::{Result, StudyError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The records of all runs under an artifact root as they were last read, oldest run first.
#[derive(Debug)]
pub(super) struct History {
    runs: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    /// The cases that the picture is of; all that runs ever had unless told.
    only: Option<BTreeSet<Case>>,
}

/// What the records of one run held when their files had this length.
#[derive(Debug)]
struct Known {
    length: u64,
    /// `None` for a run that was stopped before its first record was complete; an error for a
    /// damaged one.
    records: std::result::Result<Option<(Manifest, SkipSummary)>, String>,
}

impl History {
    /// Of the artifact root; nothing is read yet.
    pub fn new(artifact_root: &Path) -> Self {
        Self { runs: artifact_root.join(RUNS), known: BTreeMap::new(), only: None }
    }

    /// Leaves all other cases out of the picture: those of an earlier design.
    pub fn keep_to(&mut self, cases: &[Case]) {
        self.only = Some(cases.iter().cloned().collect());
    }

    /// Reads what is new. A run's records only ever grow, so those of the same length are the same.
    pub fn refresh(&mut self) -> Result<()> {
        let failed = |error| StudyError::io("cannot read", &self.runs)(error);
        for entry in std::fs::read_dir(&self.runs).map_err(failed)? {
            let run = entry.map_err(failed)?.path();
            let length_of = |name| std::fs::metadata(run.join(name)).map_or(0, |file| file.len());
            let length = length_of(MANIFEST) + length_of(SKIP_SUMMARY);
            if self.known.get(&run).is_none_or(|known| known.length != length) {
                let records = read(&run);
                self.known.insert(run, Known { length, records });
            }
        }
        Ok(())
    }

    /// The picture that all runs make together; `None` when there is none.
    pub fn merged(&self) -> Option<(Manifest, SkipSummary)> {
        let runs: Vec<(&Manifest, &SkipSummary)> = self
            .known
            .values()
            .filter_map(|known| known.records.as_ref().ok()?.as_ref())
            .map(|(manifest, skips)| (manifest, skips))
            .collect();
        (!runs.is_empty()).then(|| merge(&runs, self.only.as_ref()))
    }

    /// One line for each run whose records are damaged: a history that cannot be read must not stop
    /// work.
    pub fn warnings(&self) -> Vec<String> {
        let told = self.known.values().filter_map(|known| known.records.as_ref().err());
        told.map(|error| format!("an earlier run is left out of the record: {error}")).collect()
    }
}

fn read(run: &Path) -> std::result::Result<Option<(Manifest, SkipSummary)>, String> {
    let manifest = read_json(&run.join(MANIFEST), "manifest");
    let skips = read_json(&run.join(SKIP_SUMMARY), "skip summary");
    let both = manifest.and_then(|manifest: Option<Manifest>| Ok(manifest.zip(skips?)));
    both.map_err(|error| error.to_string())
}

/// The merged picture of `runs`, oldest first; there must be at least one.
///
/// Of every case the latest run decides that ran it or missed its input; where it only found the
/// result in its folder, the run that made that tells log and time. A run that only planned it
/// (a dry run, or one that was stopped before) decides nothing about a job that was run before;
/// after a missed input it says that there is a job now. Being filtered out of a run says nothing,
/// unless no run ever said more. Cases that are not among `only` are left out.
fn merge(
    runs: &[(&Manifest, &SkipSummary)],
    only: Option<&BTreeSet<Case>>,
) -> (Manifest, SkipSummary) {
    let mut jobs: BTreeMap<&Case, &JobRecord> = BTreeMap::new();
    // Who made what is in a folder: a later run that finds it there has nothing to tell of it.
    let mut made: BTreeMap<(&Case, &Path), &Execution> = BTreeMap::new();
    let mut results: BTreeMap<&Case, &Execution> = BTreeMap::new();
    let mut missing: BTreeMap<&Case, &Skipped> = BTreeMap::new();
    let mut skipped: BTreeMap<&Case, &Skipped> = BTreeMap::new();
    for (manifest, skips) in runs {
        let executed: BTreeMap<&Case, &Execution> =
            manifest.execution_results.iter().map(|result| (&result.case, result)).collect();
        for job in &manifest.jobs {
            match executed.get(&job.case) {
                Some(&result) => {
                    let place = (&job.case, job.output_dir.as_path());
                    if result.returncode == 0 && !result.resumed {
                        made.insert(place, result);
                    }
                    let maker = made.get(&place).filter(|_| result.resumed);
                    results.insert(&job.case, maker.copied().unwrap_or(result));
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
    let kept = |case: &Case| only.is_none_or(|only| only.contains(case));
    jobs.retain(|case, _| kept(case));
    results.retain(|case, _| kept(case));
    missing.retain(|case, _| kept(case));
    skipped.retain(|case, _| kept(case));
    skipped.extend(missing.clone());
    skipped.retain(|case, _| !jobs.contains_key(case));

    // The last run: `runs` is not empty.
    let (last, last_skips) = runs[runs.len() - 1];
    let manifest = Manifest {
        // Those of the latest run; every run's own are in its record.
        filters: last.filters.clone(),
        total_jobs: jobs.len() + skipped.len(),
        filtered_jobs: jobs.len(),
        jobs: jobs.into_values().cloned().collect(),
        missing_jobs: missing.values().copied().cloned().collect(),
        execution_results: results.into_values().cloned().collect(),
        run_ids: runs.iter().flat_map(|(manifest, _)| manifest.run_ids.clone()).collect(),
        dry_run: runs.iter().all(|(manifest, _)| manifest.dry_run),
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
