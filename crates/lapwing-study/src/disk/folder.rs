//! One study on disk: what is there already, and what became of every case.

use crate::design::Design;
use crate::design::condition::{Case, Condition};
use crate::design::solver::Method;
use crate::disk::checkpoint::Checkpoint;
use crate::disk::json::read_json;
use crate::disk::layout::{DESIGN, LOG, MANIFEST, RESULT, Roots, SKIP_SUMMARY, data_file, job_dir};
use crate::disk::ledger::Ledger;
use crate::disk::path::is_missing;
use crate::disk::record::{Execution, JobResult, Manifest, Outcome, SkipSummary};
use crate::{Result, StudyError};
use lapwing_compare::ComparisonRecord;
use lapwing_files::npz::Archive;
use lapwing_files::{Metadata, Quantum, metadata};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A study on disk. Reading never changes anything; whatever does not exist yet is simply not
/// found.
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
        self.root.join(DESIGN)
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

    /// The full-dose reconstruction of a measured scan.
    pub fn reference_dir(&self) -> PathBuf {
        self.root.join("reference")
    }

    /// The three folders that jobs work on.
    pub fn roots(&self) -> Roots {
        Roots { data: self.data_root(), views: self.views_root(), artifacts: self.artifact_root() }
    }

    /// The report.
    pub fn report_dir(&self) -> PathBuf {
        self.root.join("report")
    }

    /// Output folder of one case.
    pub fn job_dir(&self, case: &Case) -> PathBuf {
        job_dir(&self.artifact_root(), case)
    }

    /// Where the result of one case lies: [`job_dir`](Self::job_dir), but of jobs without a design,
    /// of which other options have a folder beside it (`train_2`), that of the merged manifest.
    pub fn result_dir(&self, case: &Case) -> PathBuf {
        let folder = self.job_dir(case);
        if self.design_file().is_file() {
            return folder;
        }
        // A manifest that cannot be read is told where it is asked for.
        let manifest = self.manifest().ok().flatten();
        let job =
            manifest.and_then(|manifest| manifest.jobs.into_iter().find(|job| job.case == *case));
        let name = job.and_then(|job| Some(job.output_dir.file_name()?.to_owned()));
        name.map_or_else(|| folder.clone(), |name| folder.with_file_name(name))
    }

    /// [`result_dir`](Self::result_dir) relative to [`Self::root`], for links.
    pub fn relative_result_dir(&self, case: &Case) -> PathBuf {
        let folder = self.result_dir(case);
        folder.strip_prefix(&self.root).map(Path::to_path_buf).unwrap_or(folder)
    }

    /// The resolved design, or `None` when the folder holds no study.
    ///
    /// # Errors
    /// When the file cannot be read, is empty or holds no design.
    pub fn design(&self) -> Result<Option<Design>> {
        let path = self.design_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Design::of_file(&path, &text, &self.root)?)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(StudyError::io("cannot read", &path)(error)),
        }
    }

    /// What the beam of the study consists of, by its design or else by its data.
    ///
    /// # Errors
    /// When the design or the merged manifest cannot be read.
    pub fn quantum(&self) -> Result<Quantum> {
        let design = self.design()?;
        let radiation = design.as_ref().and_then(|design| design.radiation.as_ref());
        if radiation.is_some_and(|beam| beam.voltage_kv.is_some()) {
            return Ok(Quantum::Electron);
        }
        let cases = match design {
            Some(design) => design.cases(),
            None => self.manifest()?.map(|manifest| manifest.cases()).unwrap_or_default(),
        };
        // Metadata that cannot be read are told of where they are needed.
        let known = cases.first().and_then(|case| {
            let Condition { dose, split, .. } = case.condition;
            let file = data_file(&self.data_root(), dose, split);
            metadata::read(&Archive::open(&file).ok()?).ok()?
        });
        Ok(Quantum::of_metadata(known.as_ref()))
    }

    /// All cases of the design in the order of the jobs; none when the folder holds no study.
    ///
    /// # Errors
    /// A design that cannot be read.
    pub fn cases(&self) -> Result<Vec<Case>> {
        Ok(self.design()?.map(|design| design.cases()).unwrap_or_default())
    }

    /// The merged manifest, or `None` before the first run.
    ///
    /// # Errors
    /// A manifest that cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        read_json(&self.artifact_root().join(MANIFEST), "manifest")
    }

    /// The merged skip summary, or `None` before the first run.
    ///
    /// # Errors
    /// A summary that cannot be read.
    pub fn skip_summary(&self) -> Result<Option<SkipSummary>> {
        read_json(&self.artifact_root().join(SKIP_SUMMARY), "skip summary")
    }

    /// The result of one case, or `None` when it has not run.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn result(&self, case: &Case) -> Result<Option<JobResult>> {
        read_json(&self.result_dir(case).join(RESULT), "job result")
    }

    /// The result of the full-dose reconstruction of a measured scan, or `None` where there is
    /// none.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn reference_result(&self) -> Result<Option<JobResult>> {
        read_json(&self.reference_dir().join(RESULT), "result of the reference")
    }

    /// Photons per pattern of the measured scan that a data set was thinned from, by its history;
    /// `None` of one that was not thinned, or is not there.
    pub fn thinned_from(&self, condition: Condition) -> Option<f64> {
        let file = data_file(&self.data_root(), condition.dose, condition.split);
        let metadata = metadata::read(&Archive::open(&file).ok()?).ok()??;
        thinned_from(&metadata)
    }

    /// The comparison of one case, with ring correlations where its file is there; `None` when
    /// there is none.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn comparison(&self, case: &Case) -> Result<Option<ComparisonRecord>> {
        let Some(result) = self.result(case)? else { return Ok(None) };
        let file = result.files.comparison.map(|name| self.result_dir(case).join(name));
        match file.map(|file| read_json(&file, "comparison")).transpose()?.flatten() {
            Some(whole) => Ok(Some(whole)),
            None => Ok(result.comparison),
        }
    }

    /// What is known about one case, as [`Self::outcomes`] tells it.
    ///
    /// # Errors
    /// As for [`Self::outcomes`].
    pub fn outcome(&self, case: &Case) -> Result<Outcome> {
        Ok(self.known()?.of(case))
    }

    /// What is known about every case of the design, in the order of the jobs; without a design,
    /// about every case of the merged manifest. `None` when the folder has neither.
    ///
    /// A result counts only when it is this design's: made with the options of the design's solver,
    /// from the very data set that the study made for this design. A result of an earlier design,
    /// or of jobs that were run by hand with other options, is [`Outcome::Stale`]. One damaged
    /// result is [`Outcome::Failed`] and hides no other.
    ///
    /// # Errors
    /// When the design, the merged manifest or the record of made files cannot be read.
    pub fn outcomes(&self) -> Result<Option<Vec<(Case, Outcome)>>> {
        let known = self.known()?;
        let cases = match (&known.design, &known.manifest) {
            (Some(design), _) => design.cases(),
            (None, Some(manifest)) => manifest.cases(),
            (None, None) => return Ok(None),
        };
        Ok(Some(cases.into_iter().map(|case| (case.clone(), known.of(&case))).collect()))
    }

    /// Epochs after which one case was stopped, where it goes on from there.
    pub fn stopped_after(&self, case: &Case) -> Option<usize> {
        Checkpoint::epochs_in(&self.result_dir(case))
    }

    /// The jobs that run at this moment, each with the last line of its log.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn running(&self) -> Result<Vec<(Case, String)>> {
        crate::disk::runs::running(&self.artifact_root())
    }

    fn known(&self) -> Result<Known<'_>> {
        let design = self.design()?;
        let manifest = self.manifest()?;
        Ok(Known { folder: self, design, manifest, ledger: Ledger::open(&self.root)? })
    }
}

/// The records that decide what became of a case.
struct Known<'a> {
    folder: &'a StudyFolder,
    design: Option<Design>,
    manifest: Option<Manifest>,
    ledger: Ledger,
}

impl Known<'_> {
    /// The one place where the state of a case is decided.
    fn of(&self, case: &Case) -> Outcome {
        let found = self.folder.result(case);
        let stale = match &found {
            Ok(Some(result)) => self.stale(case, result),
            _ => None,
        };
        let told = self.told(case);
        match (found, stale) {
            (Ok(Some(result)), None) => Outcome::Finished(Box::new(result)),
            (Err(error), _) => Outcome::Failed {
                error: format!("its record cannot be read: {error}"),
                log_path: self.folder.result_dir(case).join(LOG),
            },
            (Ok(Some(_)), Some(reason)) => told.unwrap_or(Outcome::Stale { reason }),
            (Ok(None), _) => told.unwrap_or(Outcome::Pending),
        }
    }

    /// Why a result is not this design's.
    fn stale(&self, case: &Case, result: &JobResult) -> Option<String> {
        // A folder of results without a design has nothing that they could contradict.
        let design = self.design.as_ref()?;
        let solver = design.solver(case)?;
        if as_recorded(&solver.method) != result.options {
            return Some("the result in its folder was made with other solver options".to_owned());
        }
        let roots = self.folder.roots();
        match self.ledger.hash_of(&roots.input(case.condition, case.repeat)) {
            Some(hash) if hash == result.input_hash => None,
            Some(_) => Some("the result in its folder was made from other data".to_owned()),
            None => Some("its data have not been made for this design yet".to_owned()),
        }
    }

    /// A failure or a skip in the merged manifest.
    fn told(&self, case: &Case) -> Option<Outcome> {
        let manifest = self.manifest.as_ref()?;
        let execution = manifest.execution_results.iter().rfind(|e| &e.case == case);
        if let Some(Execution { returncode, error, log_path, .. }) =
            execution.filter(|e| e.returncode != 0)
        {
            let unsaid = || format!("ended with code {returncode}; see its log");
            let error = error.clone().unwrap_or_else(unsaid);
            return Some(Outcome::Failed { error, log_path: log_path.clone() });
        }
        let skipped = manifest.missing_jobs.iter().find(|skipped| &skipped.case == case)?;
        Some(Outcome::Skipped { reason: skipped.reason.clone() })
    }
}

/// What a record of `method` reads back as: numbers pass through text, on both sides alike.
fn as_recorded(method: &Method) -> Value {
    serde_json::to_vec(method)
        .and_then(|text| serde_json::from_slice(&text))
        .expect("a method is a struct of lists, numbers and text, and what JSON wrote it reads")
}

/// Photons per pattern of what the patterns were last thinned from.
fn thinned_from(metadata: &Metadata) -> Option<f64> {
    let mut steps = metadata::history(metadata).iter().rev();
    steps.find_map(|step| step.get("parameters")?.get("from")?.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn photons_are_those_of_the_last_thinning_of_the_patterns_themselves() {
        let thin = |from: f64| json!({ "tool": "lapwing thin", "parameters": { "from": from } });
        let simulate = json!({ "tool": "lapwing", "operation": "simulate", "parameters": {} });
        let of = |entries: Value| {
            let whole = json!({ "data_transformations": entries });
            thinned_from(whole.as_object().unwrap())
        };
        // A scan that was thinned before it was given to a study, and one simulated from such.
        assert_eq!(of(json!([thin(1e5), thin(1e4)])), Some(1e4));
        assert_eq!(of(json!([thin(1e5), simulate, thin(1e4)])), Some(1e4));
        assert_eq!(of(json!([thin(1e5), simulate])), None);
    }
}
