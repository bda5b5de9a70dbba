//! The JSON records of a study: `reconstruction_manifest.json`, `skip_summary.json`, and every
//! job's `result.json`.
//!
//! The names of the first two are those of the reference study; fields may be added but never
//! renamed.

pub use super::findings::{ChoiceRecord, ErrorRecord, NoiseRecord, TriedRecord};
pub use super::outcome::Outcome;
pub use super::shard::Shard;
pub use super::shifts::ShiftRecord;
pub use super::variation::{EigenmodeRecord, PowerRecord, VariationRecord};

use crate::design::condition::{Case, Condition, Split, View, first, is_first};
use jiff::Timestamp;
use lapwing_compare::ComparisonRecord;
pub use lapwing_files::metadata::SelectionStrategy as Strategy;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What was asked for; `null` means no restriction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Only this dose.
    pub dose: Option<u64>,
    /// Only this view.
    pub view: Option<View>,
    /// Only this split.
    pub split: Option<Split>,
    /// Only this grid size. Iterative solvers do not group images, so every job belongs to every
    /// grid size of the study.
    pub gridsize: Option<usize>,
    /// Only this noise realisation, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<usize>,
    /// Only the solver of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solver: Option<String>,
    /// Only this share of the jobs that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// One reconstruction that is to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Condition, repeat and solver.
    #[serde(flatten)]
    pub case: Case,
    /// The data set.
    pub input_npz: PathBuf,
    /// Where the results go.
    pub output_dir: PathBuf,
    /// The algorithm, for example `LSQML`; several solvers of a study can be one algorithm with
    /// different options.
    pub algorithm: String,
    /// Number of epochs asked for.
    pub num_epochs: usize,
}

/// A case that is not run, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Condition, repeat and solver.
    #[serde(flatten)]
    pub case: Case,
    /// Why.
    pub reason: String,
}

/// What a run has to do, and what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct Agenda {
    /// Jobs to run, in order.
    pub jobs: Vec<JobRecord>,
    /// Cases left out by the filters, in order.
    pub filtered_out: Vec<Skipped>,
    /// Cases left out because their input does not exist, in order.
    pub missing: Vec<Skipped>,
}

/// How the positions of a dense or sparse view were selected, as in the view's own metadata.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Rule that was used.
    pub selection_strategy: Strategy,
    /// Accepted positions / positions of the split, 0 to 1.
    pub acceptance_rate: f64,
    /// Least distance between positions, pixels.
    pub spacing_threshold: f64,
    /// Positions kept.
    pub n_accepted: usize,
    /// Positions left out.
    pub n_rejected: usize,
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Condition, repeat and solver.
    #[serde(flatten)]
    pub case: Case,
    /// 0 when done.
    pub returncode: i32,
    /// The job's log.
    pub log_path: PathBuf,
    /// Selection of the view; none of its fields is present for a baseline job.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// Why the job failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the job, which is done, has no comparison with the truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
    /// What the metadata say against the place of the file, which was trusted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_name: Option<String>,
    /// Wall-clock seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The result was there already, made from the same input with the same options.
    #[serde(default)]
    pub resumed: bool,
    /// Other results of this job that are kept beside its own, folders: made with other options, of
    /// other data, or set aside for one that is in their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<PathBuf>,
    /// The run that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// `reconstruction_manifest.json`: what a run was to do and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// When it was written.
    pub timestamp: Timestamp,
    /// Folder of the split data sets.
    pub phase_c_root: PathBuf,
    /// Folder of the views.
    pub phase_d_root: PathBuf,
    /// Folder of the results.
    pub artifact_root: PathBuf,
    /// What was asked for.
    pub filters: Filters,
    /// Number of cases of the study: conditions times repeats times solvers.
    pub total_jobs: usize,
    /// Number of jobs after filtering; equals the length of `jobs`.
    pub filtered_jobs: usize,
    /// Jobs, in order.
    pub jobs: Vec<JobRecord>,
    /// Jobs whose input file does not exist.
    pub missing_jobs: Vec<Skipped>,
    /// What came of the jobs, in order; empty for a dry run.
    pub execution_results: Vec<Execution>,
    /// Runs that this record stands for: one in a run's own record, all of them in the merged
    /// picture.
    #[serde(default)]
    pub run_ids: Vec<String>,
    /// A run that was only to write down what it would do: that it has no results says nothing
    /// about the jobs. Absent otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

impl Manifest {
    /// The cases that it has jobs or missing inputs of, in the order of the jobs.
    pub fn cases(&self) -> Vec<Case> {
        let jobs = self.jobs.iter().map(|job| &job.case);
        let missing = self.missing_jobs.iter().map(|job| &job.case);
        let mut all: Vec<Case> = jobs.chain(missing).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// `skip_summary.json`: every case that is not run, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkipSummary {
    /// When it was written.
    pub timestamp: Timestamp,
    /// Length of `skipped_jobs`.
    pub skipped_count: usize,
    /// Cases that are not run.
    pub skipped_jobs: Vec<Skipped>,
    /// How many of them were skipped because their input file does not exist.
    pub missing_phase_d_count: usize,
}

/// Whether a reconstruction came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Finished; all files are there.
    Done,
    /// Stopped by an error; see [`JobResult::error`].
    Failed,
}

/// The loss of a reconstruction in short; the whole curve is in `loss.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossSummary {
    /// Epochs done.
    pub epochs: usize,
    /// Loss of the first epoch.
    pub first: f64,
    /// Loss of the last epoch.
    pub last: f64,
    /// Smallest loss of all epochs.
    pub best: f64,
}

/// Names of a reconstruction's files inside its own folder; `None` when it was not made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Object, probe, positions, loss, metadata.
    pub reconstruction: Option<String>,
    /// Columns `epoch,loss`.
    pub loss_csv: Option<String>,
    /// The loss curve.
    pub loss_svg: Option<String>,
    /// Amplitude of the object.
    pub amplitude: Option<String>,
    /// Phase of the object.
    pub phase: Option<String>,
    /// The probe, phase as hue and amplitude as brightness.
    pub probe: Option<String>,
    /// Amplitude of the complex difference to the truth, after alignment.
    pub error: Option<String>,
    /// Object, error and probe side by side, with colour bars and, where the size of a pixel is
    /// known, scale bars.
    #[serde(default)]
    pub overview: Option<String>,
    /// The page that shows every pixel of an object too large for a picture, from the tiles in the
    /// folder beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoom: Option<String>,
    /// Standard deviation of the amplitude, pixel by pixel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplitude_sd: Option<String>,
    /// Standard deviation of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_sd: Option<String>,
    /// How far refined positions were moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shifts: Option<String>,
    /// How the probe varies along the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
    /// Phase of every slice of a thick object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<String>,
    /// All metrics of the comparison with the truth.
    pub comparison: Option<String>,
    /// Text log.
    pub log: Option<String>,
}

impl JobResult {
    /// Counted photons per square metre of the area that the discs of this data set cover, of its
    /// patterns together; where it is one of two splits the specimen has light from both. `None`
    /// without counts or pixel size.
    pub fn fluence(&self) -> Option<f64> {
        let area = self.covered_px.filter(|&area| area > 0.0)? * self.pixel_size_m?.powi(2);
        Some(self.mean_counts? * self.n_patterns as f64 / area)
    }

    /// Counted photons per square metre of the disc that one pattern illuminates. `None` without
    /// counts or pixel size.
    pub fn fluence_per_pattern(&self) -> Option<f64> {
        let radius = self.probe_diameter_px / 2.0 * self.pixel_size_m?;
        Some(self.mean_counts? / (std::f64::consts::PI * radius * radius)).filter(|f| f.is_finite())
    }
}

impl Files {
    /// The names of all files that were made.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [
            &self.reconstruction,
            &self.loss_csv,
            &self.loss_svg,
            &self.amplitude,
            &self.phase,
            &self.probe,
            &self.error,
            &self.overview,
            &self.zoom,
            &self.amplitude_sd,
            &self.phase_sd,
            &self.shifts,
            &self.variation,
            &self.comparison,
            &self.log,
        ]
        .into_iter()
        .filter_map(|name| name.as_deref())
        .chain(self.slices.iter().map(String::as_str))
    }
}

/// `result.json` in the folder of a reconstruction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// Dose, view and split; `None` for a reconstruction outside a study.
    pub condition: Option<Condition>,
    /// Which noise realisation of the condition, from 1.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub repeat: usize,
    /// Name of the solver in the study; the algorithm's name unless the study gives it another.
    #[serde(default)]
    pub solver: String,
    /// Done or failed.
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    /// When it ended.
    pub timestamp: Timestamp,
    /// The algorithm, for example `LSQML`.
    pub algorithm: String,
    /// Every option of the solver and of the start fields, as used.
    pub options: serde_json::Value,
    /// The data set.
    pub input_npz: PathBuf,
    /// What looked wrong in the data set, with what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<lapwing_files::Remark>,
    /// SHA-256 of the data set's file, hexadecimal.
    pub input_hash: String,
    /// SHA-256 over everything the result depends on (input, options, comparison region, program
    /// version).
    pub key: String,
    /// Wall-clock seconds of the whole job.
    pub seconds: f64,
    /// Wall-clock seconds of the epochs / epochs done.
    pub seconds_per_epoch: Option<f64>,
    /// Peak resident memory of the process so far, MB (10^6 bytes), where the system tells it.
    pub peak_memory_mb: Option<f64>,
    /// Loss in short.
    pub loss: Option<LossSummary>,
    /// Number of patterns used.
    pub n_patterns: usize,
    /// Shape (y, x) of a pattern.
    pub pattern_shape: (usize, usize),
    /// Measured mean photon counts per pattern, when the dose scale is known.
    pub mean_counts: Option<f64>,
    /// Diameter of the illuminated disc, pixels.
    pub probe_diameter_px: f64,
    /// Measured overlap by area (metric 2 with 6 neighbours): mean shared fraction of neighbouring
    /// discs.
    pub overlap: f64,
    /// Step of the scan, pixels (see [`crate::step::scan_step`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_px: Option<f64>,
    /// Linear overlap of neighbouring discs, 1 - step / diameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear_overlap: Option<f64>,
    /// How the patterns come about, where that is no far field of a probe that stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<String>,
    /// Area of the object that the discs cover together, square pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_px: Option<f64>,
    /// Side of an object pixel, metres, where it is known: the geometric mean of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_size_m: Option<f64>,
    /// What was found out about the detector, as the solver was given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseRecord>,
    /// Deviance of the counts from the fit over what their noise alone makes of it: 1 for a perfect
    /// model; where photon counts are known. See [`lapwing_solve::Problem::misfit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misfit: Option<f64>,
    /// Whether the loss has settled, where the solver judges that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<bool>,
    /// Where the start probe comes from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_probe: Option<String>,
    /// How the scan was found to lie on the detector, where that was asked for (see
    /// [`crate::calibrate::Calibration`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<serde_json::Value>,
    /// Of a scan on an exact raster, power of the object at the raster's frequencies over the
    /// median at as high ones; see [`lapwing_compare::Lattice::excess`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice_excess: Option<f64>,
    /// The graphics card that it was computed on; `None` for the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What the solver has chosen from the data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceRecord>,
    /// How far positions were moved, where they were refined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shifts: Option<ShiftRecord>,
    /// How the probe was found to vary from pattern to pattern, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<VariationRecord>,
    /// The error maps in short, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_maps: Option<ErrorRecord>,
    /// Selection of the view; `None` for baseline.
    pub view: Option<Telemetry>,
    /// What the metadata say against the place of the file, which was trusted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_name: Option<String>,
    /// Share of this split's illuminated object pixels that the other split sees too.
    pub shared_fraction: Option<f64>,
    /// The comparison with the truth, over the area of the whole split, the same for all its views;
    /// `metrics_own_area` is over the area of this view's own positions. Without ring correlations,
    /// which are in `comparison.json`.
    pub comparison: Option<ComparisonRecord>,
    /// Why there is no comparison, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
    /// File names inside the folder of this result.
    pub files: Files,
}

/// Path `file` inside `folder`, as text with forward slashes, for links in a report.
pub fn link(folder: &Path, file: &str) -> String {
    let mut parts: Vec<String> =
        folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.push(file.to_owned());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fluences_are_photons_over_areas() {
        let stored = include_str!("../../tests/fixtures/earlier_result.json");
        let mut result: JobResult = serde_json::from_str(stored).unwrap();
        assert_eq!((result.fluence(), result.fluence_per_pattern()), (None, None));
        result.mean_counts = Some(1000.0);
        result.n_patterns = 50;
        result.probe_diameter_px = 20.0;
        result.covered_px = Some(5000.0);
        result.pixel_size_m = Some(1e-8);
        // 50,000 photons on 5000 pixels of 1e-16 square metres; 1000 on a disc of 10 pixels.
        let close = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() / expected - 1.0).abs() < 1e-12, "{found:?}");
        };
        close(result.fluence(), 1e17);
        close(result.fluence_per_pattern(), 1000.0 / (std::f64::consts::PI * 1e-14));
    }
}
