//! The reconstruction of one data set, from its file to a folder of results.

mod halves;
mod output;

pub(crate) use output::RECONSTRUCTION;

use crate::design::condition::Case;
use crate::design::solver::{Method, ObjectStart, ProbeStart, StudySolver};
use crate::disk::checkpoint::{CHECKPOINT, Checkpoint, Every};
use crate::disk::hash;
use crate::disk::json::write_json;
use crate::disk::layout::RESULT;
use crate::disk::path::{absolute, remove_if_there};
use crate::disk::record::{Files, JobResult, LossSummary, Status, Telemetry};
use crate::geometry::overlap::scan_overlap;
use crate::run::data::{probe_diameter, reference, shared_fraction};
use crate::run::event::{Event, Leave, Observer};
use crate::run::pictures;
use crate::run::start::{Start, refined};
use crate::run::stream::{Opened, Streamed, Streaming};
use crate::run::{external, views};
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_compare::{Comparison, ComparisonRecord, Metrics, Region, compare, compare_probes};
use lapwing_files::dialect::ReadOptions;
use lapwing_files::{Dataset, Reconstruction, Understanding, atomic};
use lapwing_model::{Field, Modes, Position};
use lapwing_solve::Solution;
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What to reconstruct, how, and where the results go.
#[derive(Debug, Clone)]
pub struct Task {
    /// The data set.
    pub input: PathBuf,
    /// What is known about how the file stores things; what is not is understood from it.
    pub reading: ReadOptions,
    /// Folder of the results; made when it does not exist.
    pub output: PathBuf,
    /// Solver and start fields, under their name.
    pub solver: StudySolver,
    /// Place in a study, if any.
    pub case: Option<Case>,
    /// Whether to compare with the object in the file.
    pub comparison: CompareWith,
    /// How often to store the state of the solver in the output folder, from where the same task
    /// goes on after a stop. The result does not depend on it.
    pub checkpoint: Every,
    /// Whether to deal the photons of every pattern to two independent halves, reconstruct both
    /// with the same solver and compare them with each other: a measure of resolution that needs no
    /// truth. Only beside a comparison, and in memory.
    pub halves: bool,
    /// Whether the patterns stay out of memory. The result does not depend on it.
    pub stream: Streaming,
}

/// Looks at a data set that was read for a task.
pub type See<'a> = &'a mut dyn FnMut(&Dataset, &Understanding) -> Result<()>;

/// Whether, and where, to compare a reconstruction with the object in its file.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum CompareWith {
    /// Not at all.
    #[default]
    Nothing,
    /// With `objectGuess`, over the area of the data set's own positions.
    Truth,
    /// With `objectGuess` when the file has one, over the area of these positions and the file's
    /// probe: the same for all views of a split.
    TruthOver(Vec<Position>),
}

impl Task {
    /// What identifies the result: input, options, place and area of comparison, version of the
    /// program.
    pub fn key(&self, input_hash: &str) -> String {
        let area = match &self.comparison {
            CompareWith::Nothing => hash::key(&"nothing"),
            CompareWith::Truth => hash::key(&"truth"),
            CompareWith::TruthOver(scan) => hash::key(scan),
        };
        let reading = format!("{:?}", self.reading);
        let version = ("result 5", env!("CARGO_PKG_VERSION"));
        let method = (&self.solver.method, external::files(&self.solver.method));
        hash::key(&(input_hash, reading, method, &self.case, area, self.halves, version))
    }

    /// The result that is in the output folder already, when it is the one that this task would
    /// make and all its files are there.
    pub fn existing(&self, input_hash: &str) -> Option<JobResult> {
        let result = self.recorded(input_hash)?;
        let complete = result.files.names().all(|name| self.output.join(name).is_file());
        (result.status == Status::Done && complete).then_some(result)
    }

    /// Why this very task failed, when someone tried it since then.
    pub(crate) fn failed_since(&self, input_hash: &str, then: Timestamp) -> Option<String> {
        let result = self.recorded(input_hash)?;
        let failed = result.status == Status::Failed && result.timestamp >= then;
        failed.then(|| result.error.unwrap_or_default())
    }

    /// The record of this task in the output folder.
    fn recorded(&self, input_hash: &str) -> Option<JobResult> {
        let text = std::fs::read(self.output.join(RESULT)).ok()?;
        let result: JobResult = serde_json::from_slice(&text).ok()?;
        (result.key == self.key(input_hash)).then_some(result)
    }

    /// Reconstructs and writes everything; `result.json` comes last, so its presence means that the
    /// rest is whole.
    ///
    /// Lines for the log go to `log` as they arise. A failure leaves a `result.json` that tells it.
    ///
    /// # Errors
    /// Unreadable or unusable input, an option that the data do not allow, a diverged solver, and
    /// failures to write.
    pub fn run(&self, log: &mut dyn FnMut(&str), observe: Observer<'_>) -> Result<JobResult> {
        self.run_seen(&mut |_, _| Ok(()), log, observe)
    }

    /// [`Self::run`], showing the data set, with its patterns or without them, to `see` once it was
    /// read; an error of `see` ends the task.
    ///
    /// # Errors
    /// As for [`Self::run`], and those of `see`.
    pub fn run_seen(
        &self,
        see: See<'_>,
        log: &mut dyn FnMut(&str),
        observe: Observer<'_>,
    ) -> Result<JobResult> {
        self.run_as(&hash::file(&self.input)?, see, log, observe)
    }

    /// [`Self::run`] when the content hash of the input is known already.
    pub(crate) fn run_on(
        &self,
        input_hash: &str,
        log: &mut dyn FnMut(&str),
        observe: Observer<'_>,
    ) -> Result<JobResult> {
        self.run_as(input_hash, &mut |_, _| Ok(()), log, observe)
    }

    fn run_as(
        &self,
        input_hash: &str,
        see: See<'_>,
        log: &mut dyn FnMut(&str),
        observe: Observer<'_>,
    ) -> Result<JobResult> {
        let started = Instant::now();
        std::fs::create_dir_all(&self.output)
            .map_err(StudyError::io("cannot create", &self.output))?;
        let path = self.output.join(RESULT);
        // From here on the old files are replaced one by one, so the old record must not vouch for
        // them.
        remove_if_there(&path)?;
        let mut text = String::new();
        let mut log = |line: &str| {
            text.push_str(line);
            text.push('\n');
            log(line);
        };
        log(&format!("lapwing {}", env!("CARGO_PKG_VERSION")));
        log(&format!("input {}", self.input.display()));
        let mut result = self.blank(input_hash);
        let mut checkpoint = Checkpoint::new(&self.output, result.key.clone(), self.checkpoint);
        let outcome = self.run_into(&mut result, &mut checkpoint, see, &mut log, observe);
        if let Err(error) = &outcome {
            log(&format!("error: {error}"));
            result.status = Status::Failed;
            result.error = Some(error.to_string());
        }
        let log_path = self.output.join("log.txt");
        atomic::write_bytes(&log_path, text).map_err(StudyError::io("cannot write", &log_path))?;
        result.files.log = Some("log.txt".to_owned());
        result.timestamp = Timestamp::now();
        result.seconds = started.elapsed().as_secs_f64();
        result.peak_memory_mb = peak_memory_mb();
        write_json(&path, &result)?;
        outcome?;
        checkpoint.remove()?;
        Ok(result)
    }

    fn blank(&self, input_hash: &str) -> JobResult {
        JobResult {
            condition: self.case.as_ref().map(|case| case.condition),
            repeat: self.case.as_ref().map_or(1, |case| case.repeat),
            solver: self.solver.name.clone(),
            status: Status::Done,
            error: None,
            timestamp: Timestamp::now(),
            algorithm: self.solver.algorithm().to_owned(),
            options: json!(self.solver.method),
            input_npz: absolute(&self.input),
            input_hash: input_hash.to_owned(),
            key: self.key(input_hash),
            seconds: 0.0,
            seconds_per_epoch: None,
            peak_memory_mb: None,
            loss: None,
            n_patterns: 0,
            pattern_shape: (0, 0),
            mean_counts: None,
            probe_diameter_px: 0.0,
            overlap: 0.0,
            view: None,
            shared_fraction: None,
            comparison: None,
            files: Files::default(),
        }
    }

    fn run_into(
        &self,
        result: &mut JobResult,
        checkpoint: &mut Checkpoint,
        see: See<'_>,
        log: &mut dyn FnMut(&str),
        observe: Observer<'_>,
    ) -> Result<()> {
        let Opened { mut dataset, understood, pieces } =
            self.stream.open(&self.input, &self.reading, log)?;
        see(&dataset, &understood)?;
        understood.notes.iter().for_each(|text| log(text));
        describe(&dataset, &understood, result);
        result.view = self.telemetry(&dataset)?;
        let counts = format!("{} patterns of {:?}", result.n_patterns, result.pattern_shape);
        log(&format!(
            "{counts}, probe diameter {:.1} px, overlap {:.3}",
            result.probe_diameter_px, result.overlap
        ));
        match result.mean_counts {
            Some(mean) => log(&format!("dose scale known: {mean:.1} counts per pattern")),
            None => log("dose scale unknown: intensities in the file's own unit"),
        }
        if pieces.is_some() {
            log(&format!(
                "streaming: patterns of {} stay in a nameless scratch file in {}",
                self.input.display(),
                self.output.display()
            ));
        }

        let start = match &self.solver.method {
            Method::Native(config) => Start::of(&dataset, config)?,
            Method::External(config) => Start::of(&dataset, &config.start())?,
        };
        // Only the intensities are needed from here on, and the stack is the largest thing in
        // memory.
        dataset.diffraction = ndarray::Array3::zeros((0, 0, 0));
        let positions = start.scan.clone();
        let target = self.target(dataset.object.take(), dataset.probe.as_ref(), &positions)?;
        if let Some(valid) = &start.valid {
            let bad = valid.iter().filter(|&&good| !good).count();
            log(&format!("mask: {bad} of {} pixels are left out", valid.len()));
        }
        let (object_start, probe_start) = self.solver.starts();
        log(&format!(
            "start: {} object, {} probe",
            match object_start {
                ObjectStart::Flat => "flat",
                ObjectStart::Guess => "the file's",
            },
            match probe_start {
                ProbeStart::File => "the file's",
                ProbeStart::Perturbed => "perturbed (the file's out of focus and astigmatic)",
            }
        ));
        log(&format!("{} {}", self.solver.algorithm(), json!(self.solver.method)));
        let origin = start.origin;
        let streamed = pieces.map(|pieces| Streamed { pieces, scale: dataset.intensity_scale() });
        let Solved { solution, resumed, seconds } =
            self.solve(start, streamed, checkpoint, log, observe)?;
        result.seconds_per_epoch = Some(seconds / (solution.loss.len() - resumed).max(1) as f64);
        result.loss = summary(&solution.loss);
        check(&solution)?;
        log(&format!("solved in {seconds:.2} s"));

        let moved = refined(&dataset.scan, &positions, &solution.positions);
        // The reconstruction is safe before anything else is made of it.
        let made = Reconstruction {
            probe: Some(solution.probe.clone()),
            positions: Some(moved),
            origin,
            loss: solution.loss.clone(),
            algorithm: Some(self.solver.algorithm().to_owned()),
            options: Some(json!(self.solver.method)),
            metadata: dataset.metadata.clone(),
            ..Reconstruction::of(solution.object.clone())
        };
        let metadata = dataset.metadata.as_ref();
        result.files = output::write(&self.output, &made, &solution.probe)?;
        let object = solution.object.projection();
        let compared = target.map(|target| target.compare(&object)).transpose()?;
        let pictures = match &compared {
            Some(compared) => pictures::compared(&compared.comparison),
            None => pictures::alone(&object, &positions),
        };
        let pixel_size = understood.pixel_size_m.map(|(y, x)| (y * x).sqrt());
        output::write_pictures(
            &self.output,
            &pictures,
            &solution.probe,
            pixel_size,
            &mut result.files,
        )?;
        if let Some(Compared { comparison, own_area }) = &compared {
            let metrics = &comparison.metrics;
            log(&format!(
                "complex correlation {:.5}, complex nrmse {:.5}, phase ssim {}",
                metrics.complex_correlation,
                metrics.complex_nrmse,
                metrics.phase_ssim.map_or_else(|| "none".to_owned(), |ssim| format!("{ssim:.4}"))
            ));
            let reference = reference(metadata);
            // The probe of a measured scan is a guess, not the truth.
            let true_probe = dataset.probe.as_ref().filter(|_| reference.is_none());
            let probe = true_probe
                .and_then(|truth| compare_probes(solution.probe.view(), truth.view()).ok());
            let mut record = ComparisonRecord {
                probe,
                metrics_own_area: own_area.map(Into::into),
                reference: reference.unwrap_or(ComparisonRecord::TRUTH).to_owned(),
                ..ComparisonRecord::new(comparison, pixel_size)
            };
            let halves = match (self.halves, &dataset.probe) {
                (true, Some(probe)) => halves::compare(self, probe, log, observe)?,
                _ => None,
            };
            if let Some(halves) = &halves {
                record.add_halves(halves);
            }
            write_json(&self.output.join("comparison.json"), &record)?;
            result.comparison = Some(record.short());
            result.files.comparison = Some("comparison.json".to_owned());
        }
        Ok(())
    }

    /// Reconstructs from `start`, or from the state that a stopped run left; also the number of
    /// epochs that run had done.
    fn solve(
        &self,
        start: Start,
        streamed: Option<Streamed>,
        checkpoint: &mut Checkpoint,
        log: &mut dyn FnMut(&str),
        observe: Observer<'_>,
    ) -> Result<Solved> {
        let mut started = Instant::now();
        let config = match &self.solver.method {
            Method::External(config) => {
                let solution = config.external.solve(
                    &self.input,
                    &start,
                    &self.output,
                    log,
                    &mut self.waiting(observe),
                );
                return Ok(Solved {
                    solution: solution?,
                    resumed: 0,
                    seconds: started.elapsed().as_secs_f64(),
                });
            }
            Method::Native(config) => config,
        };
        let case = self.case.as_ref();
        let problem = match streamed {
            None => start.into_problem()?,
            Some(streamed) => {
                streamed.problem(start, &self.output, &mut self.waiting(&mut *observe))?
            }
        };
        let mut run = config.solver.start(&problem);
        let mut resumed = 0;
        if let Some(snapshot) = checkpoint.load() {
            run = run.resume(&snapshot)?;
            resumed = snapshot.loss.len();
            log(&format!("resumed after epoch {resumed} from {CHECKPOINT}"));
        }
        started = Instant::now();
        while let Some(epoch) = run.epoch() {
            log(&format!("epoch {:4} of {}: loss {:.6e}", epoch.done, epoch.total, epoch.loss));
            let told = catch_unwind(AssertUnwindSafe(|| observe(Event::Epoch { case, epoch })));
            if let Err(left) = told {
                if left.is::<Leave>() && epoch.done < epoch.total && epoch.loss.is_finite() {
                    // What cannot be stored is only done again.
                    let _ = checkpoint.store(&run.snapshot());
                }
                resume_unwind(left);
            }
            // A solver that lost its way never finds back.
            if !epoch.loss.is_finite() {
                break;
            }
            if epoch.done < epoch.total && checkpoint.due(epoch.done) {
                checkpoint.store(&run.snapshot())?;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(Solved { solution: run.finish(), resumed, seconds })
    }

    /// Says again and again that something that is no epoch goes on, so that the observer can
    /// leave.
    fn waiting<'t>(&'t self, observe: Observer<'t>) -> impl FnMut(&str) + 't {
        move |what| observe(Event::Waiting { case: self.case.as_ref(), what })
    }

    /// The view's own account of itself, which jobs on views must have.
    fn telemetry(&self, dataset: &Dataset) -> Result<Option<Telemetry>> {
        match &self.case {
            Some(case) if case.condition.view != crate::View::Baseline => {
                views::telemetry(dataset.metadata.as_ref()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What the reconstruction will be compared with, settled before the work of reconstructing.
    fn target(
        &self,
        truth: Option<Field>,
        probe: Option<&Modes>,
        own: &[Position],
    ) -> Result<Option<Target>> {
        let scan = match &self.comparison {
            CompareWith::Nothing => return Ok(None),
            CompareWith::Truth => own,
            CompareWith::TruthOver(scan) => scan,
        };
        let (Some(truth), Some(probe)) = (truth, probe) else {
            return match &self.comparison {
                CompareWith::Truth => Err(StudyError::Invalid(
                    "no comparison possible: the data set has no objectGuess to compare with"
                        .to_owned(),
                )),
                _ => Ok(None),
            };
        };
        let region = Region::from_scan(truth.dim(), scan, probe.view())?;
        let own_area = match &self.comparison {
            CompareWith::TruthOver(_) if scan == own => OwnArea::Same,
            // A view can cover too little for numbers of its own.
            CompareWith::TruthOver(_) => Region::from_scan(truth.dim(), own, probe.view())
                .map_or(OwnArea::None, OwnArea::Region),
            _ => OwnArea::None,
        };
        Ok(Some(Target { truth, region, own_area }))
    }
}

/// What a solver did.
struct Solved {
    solution: Solution,
    /// Epochs that an earlier run had done.
    resumed: usize,
    /// Wall-clock seconds of the epochs done now.
    seconds: f64,
}

/// What to compare a reconstruction with, and over which areas.
struct Target {
    truth: Field,
    region: Region,
    own_area: OwnArea,
}

/// The area of the data set's own positions.
enum OwnArea {
    None,
    /// The area of the comparison itself.
    Same,
    Region(Region),
}

/// A comparison, and the numbers over the data set's own area beside it.
struct Compared {
    comparison: Comparison,
    own_area: Option<Metrics>,
}

impl Target {
    fn compare(&self, object: &Field) -> Result<Compared> {
        let comparison = compare(object.view(), self.truth.view(), &self.region)?;
        let own_area = match &self.own_area {
            OwnArea::None => None,
            OwnArea::Same => Some(comparison.metrics),
            // The headline stands where the small area allows no alignment.
            OwnArea::Region(region) => {
                compare(object.view(), self.truth.view(), region).ok().map(|found| found.metrics)
            }
        };
        Ok(Compared { comparison, own_area })
    }
}

fn describe(dataset: &Dataset, understood: &Understanding, result: &mut JobResult) {
    result.n_patterns = understood.n_patterns;
    result.pattern_shape = understood.pattern_shape;
    result.probe_diameter_px = probe_diameter(dataset);
    result.overlap = scan_overlap(&dataset.scan, result.probe_diameter_px);
    result.shared_fraction = shared_fraction(dataset.metadata.as_ref());
    result.mean_counts = understood.mean_counts_per_pattern;
}

fn summary(loss: &[f64]) -> Option<LossSummary> {
    let (&first, &last) = (loss.first()?, loss.last()?);
    Some(LossSummary {
        epochs: loss.len(),
        first,
        last,
        best: loss.iter().copied().fold(first, f64::min),
    })
}

/// Refuses a solution that is not made of numbers.
///
/// # Errors
/// [`StudyError::Diverged`] with the first epoch whose loss is no number.
pub fn check(solution: &Solution) -> Result<()> {
    let finite = solution
        .object
        .slices()
        .iter()
        .chain(&solution.probe)
        .all(|value| value.re.is_finite() && value.im.is_finite());
    match solution.loss.iter().position(|loss| !loss.is_finite()) {
        None if finite => Ok(()),
        at => {
            Err(StudyError::Diverged { epoch: at.map_or(solution.loss.len(), |epoch| epoch + 1) })
        }
    }
}

/// Largest resident memory of this process so far, MB, where the system tells it.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
