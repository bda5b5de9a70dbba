//! The reconstruction of one data set, from its file to a folder of results, in four steps:
//! `understand`, `reconstruct`, `measure` and `record`.

mod epochs;
pub(crate) mod external;
pub(crate) mod kept;
mod measure;
mod output;
mod photon_halves;
mod target;
mod understand;

pub(crate) use output::RECONSTRUCTION;

use crate::design::Source;
use crate::design::condition::{Case, View};
use crate::design::solver::{AUTO, DeviceChoice, Method, SolverConfig, StudySolver};
use crate::disk::checkpoint::{CHECKPOINT, Checkpoint, Every};
use crate::disk::foreign;
use crate::disk::hash;
use crate::disk::json::write_json;
use crate::disk::layout::{LOG, RESULT};
use crate::disk::lock::Lock;
use crate::disk::path::{absolute, make_folder};
use crate::disk::record::{Files, JobResult, Status};
use crate::run::dataset::named;
use crate::run::dataset::stream::Streaming;
use crate::run::event::{Event, Level, Observer, note};
use crate::run::scanned::TILES;
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_files::dialect::ReadOptions;
use lapwing_files::{Dataset, Understanding, atomic, metadata};
use lapwing_model::Position;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use understand::Understood;

/// What to reconstruct, how, and where the results go.
#[derive(Debug, Clone)]
pub struct Request {
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
    /// How often to store the state of the solver in the output folder, from where the same request
    /// resumes after a stop. The result does not depend on it.
    pub checkpoint: Every,
    /// Where to compute; where the solver says unless given.
    pub device: Option<DeviceChoice>,
    /// Whether to deal the photons of every pattern to two independent halves, reconstruct both
    /// with the same solver and compare them with each other: a measure of resolution that needs no
    /// truth. Only beside a comparison.
    pub photon_halves: bool,
    /// Whether error maps are made, of two replicates, where the solver asks for none and photon
    /// counts are known. It is no part of what identifies the result: one that is there already
    /// stays as it is.
    pub error_maps: bool,
    /// Whether the patterns stay out of memory. The result does not depend on it.
    pub stream: Streaming,
    /// Whether to find first how the scan lies on the detector (see [`crate::calibrate`]).
    pub calibrate: bool,
    /// Where the data of a study come from, by which its design is told in its own keys what is
    /// wrong; `None` where flags say what is wanted.
    pub source: Option<Arc<Source>>,
}

/// Looks at a data set that was read for a request.
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

impl Request {
    /// What identifies the result: input, options, place and area of comparison, version of the
    /// program.
    pub fn key(&self, input_hash: &str) -> String {
        let area = match &self.comparison {
            CompareWith::Nothing => hash::key(&"nothing"),
            CompareWith::Truth => hash::key(&"truth"),
            CompareWith::TruthOver(scan) => hash::key(scan),
        };
        let beside: Vec<_> = self.reading.files().map(|path| hash::file(path).ok()).collect();
        let reading = match beside.is_empty() {
            true => format!("{:?}", self.reading),
            false => format!("{:?}, of {beside:?}", self.reading),
        };
        let calibrated = if self.calibrate { "result 6, calibrated" } else { "result 6" };
        let version = (calibrated, env!("CARGO_PKG_VERSION"));
        let method = (&self.solver.method, external::files(&self.solver));
        hash::key(&(input_hash, reading, method, &self.case, area, self.photon_halves, version))
    }

    /// The result that is in the output folder already, when it is the one that this request would
    /// make and all its files are there.
    pub fn existing(&self, input_hash: &str) -> Option<JobResult> {
        let result = self.recorded(input_hash)?;
        let tiles = result.files.zoom.is_none() || self.output.join(TILES).is_dir();
        let complete = tiles && result.files.names().all(|name| self.output.join(name).is_file());
        (result.status == Status::Done && complete).then_some(result)
    }

    /// Why this very request failed, when someone tried it since then.
    pub(crate) fn failed_since(&self, input_hash: &str, then: Timestamp) -> Option<String> {
        let result = self.recorded(input_hash)?;
        let failed = result.status == Status::Failed && result.timestamp >= then;
        failed.then(|| result.error.unwrap_or_default())
    }

    /// Where a solver with these options computes.
    fn device_of(&self, config: &SolverConfig) -> DeviceChoice {
        self.device.unwrap_or(config.device.device)
    }

    /// The record of this request in the output folder.
    fn recorded(&self, input_hash: &str) -> Option<JobResult> {
        let text = std::fs::read(self.output.join(RESULT)).ok()?;
        let result: JobResult = serde_json::from_slice(&text).ok()?;
        (result.key == self.key(input_hash)).then_some(result)
    }

    /// Reconstructs and writes everything; `result.json` comes last, so its presence means that the
    /// rest is whole.
    ///
    /// Lines of the log are events ([`Event::Note`]). A failure leaves a `result.json` that tells
    /// it; a stop leaves a checkpoint.
    ///
    /// # Errors
    /// Unreadable or unusable input, an option that the data do not allow, a diverged solver,
    /// failures to write, and [`StudyError::Stopped`].
    pub fn run(&self, observe: Observer<'_>) -> Result<JobResult> {
        self.run_seen(&mut |_, _| Ok(()), observe)
    }

    /// [`Self::run`], showing the data set to `see` once it was read; an error of `see` ends the
    /// request.
    ///
    /// # Errors
    /// As for [`Self::run`], and those of `see`.
    pub fn run_seen(&self, see: See<'_>, observe: Observer<'_>) -> Result<JobResult> {
        // Two runs in one folder would leave files of both.
        let key = hash::file(&self.input)?;
        kept::refuse_own_input(&self.input, &self.output)?;
        if let Some(start) = self.solver.starts().0.file() {
            kept::refuse_own_input(start, &self.output)?;
        }
        foreign::refuse(&self.output, kept::places(&self.output))?;
        foreign::refuse_all(kept::unlisted(&self.output))?;
        let _lock = Lock::acquire(&self.output)?;
        let kept = match self.recorded(&key) {
            None => kept::set_aside(&self.output)?,
            Some(earlier) => {
                if earlier.status == Status::Done {
                    let output = self.output.display();
                    let text =
                        format!("replaces the result in {output}, of the same file and options");
                    note(&mut *observe, Level::Loss, &text)?;
                }
                None
            }
        };
        let Some(kept) = kept else { return self.run_as(&key, see, observe) };
        let output = self.output.display();
        let earlier = match kept.join(RESULT).is_file() {
            true => format!(
                "the earlier result in {output}, made with other options or of another file"
            ),
            // Of which request it is, nothing tells.
            false => format!("what a run that did not finish left in {output} (no {RESULT})"),
        };
        let text = format!("{earlier}, is kept in {}", kept.display());
        note(&mut *observe, Level::Fact, &text)?;
        let made = self.run_as(&key, see, &mut *observe);
        // What failed without anything to go on from has not taken its place.
        if made.is_err() && !self.output.join(CHECKPOINT).exists() {
            kept::put_back(&self.output, &kept)?;
            note(&mut *observe, Level::Fact, &format!("{earlier}, is back in its place"))?;
        }
        made
    }

    /// The folder that this request's results belong in where those of others stay as they are:
    /// [`Self::output`] itself unless it holds, or is to hold, another request's result, else
    /// `<output>_2`, `<output>_3`, ...
    pub(crate) fn own_folder(&self, input_hash: &str) -> PathBuf {
        let key = self.key(input_hash);
        let taken = |folder: &Path| {
            let checkpoint = Checkpoint::new(folder, key.clone(), self.checkpoint);
            match folder.join(RESULT).exists() {
                true => Self { output: folder.to_owned(), ..self.clone() }
                    .recorded(input_hash)
                    .is_none(),
                false => checkpoint.is_of_another(),
            }
        };
        let free = kept::numbered(&self.output).find(|folder| !taken(folder));
        free.expect("there is always another number")
    }

    /// [`Self::run`] when the content hash of the input is known already.
    pub(crate) fn run_on(&self, input_hash: &str, observe: Observer<'_>) -> Result<JobResult> {
        self.run_as(input_hash, &mut |_, _| Ok(()), observe)
    }

    fn run_as(&self, input_hash: &str, see: See<'_>, observe: Observer<'_>) -> Result<JobResult> {
        let started = Instant::now();
        make_folder(&self.output)?;
        // Whatever is left of an earlier attempt is no part of this one, should it fail.
        kept::clear(&self.output)?;
        let mut log = String::new();
        let mut logged = |event: Event<'_>| {
            let Event::Note { level, text } = event else { return observe(event) };
            let text = match (level, &self.solver.method) {
                // The command of another program, and what it prints.
                (Level::Detail, Method::External(_)) => text.to_owned(),
                _ => self.in_keys(text),
            };
            log.push_str(&text);
            log.push('\n');
            observe(Event::Note { level, text: &text })
        };
        let mut result = self.blank(input_hash);
        let mut checkpoint = Checkpoint::new(&self.output, result.key.clone(), self.checkpoint);
        if checkpoint.is_of_another() {
            let epochs = Checkpoint::epochs_in(&self.output).unwrap_or(0);
            let kept = kept::set_state_aside(&self.output)?;
            let text = format!(
                "the state after {epochs} epochs of other options or another file, which a run \
                 that was stopped left, is kept in {}: with {CHECKPOINT} moved back from there, its \
                 own command goes on from it",
                kept.display()
            );
            note(&mut logged, Level::Fact, &text)?;
        }
        let outcome = self.steps(&mut result, &mut checkpoint, see, &mut logged);
        let outcome = outcome.map_err(|error| match &self.source {
            Some(source) => source.in_keys_of_job(self.solver.algorithm(), error),
            None => error,
        });
        if let Err(error) = &outcome {
            // What could not be read since it was to stop is no failure.
            if matches!(error, StudyError::Stopped) || lapwing_files::stop::check().is_err() {
                return Err(StudyError::Stopped);
            }
            note(&mut logged, Level::Detail, &format!("error: {error}"))?;
            result.status = Status::Failed;
            result.error = Some(error.to_string());
        }
        for remark in &mut result.remarks {
            remark.evidence = self.in_keys(&remark.evidence);
            remark.advice = self.in_keys(&remark.advice);
        }
        for words in [&mut result.start_probe, &mut result.not_compared].into_iter().flatten() {
            *words = self.in_keys(words);
        }
        self.record(&mut result, log, started)?;
        outcome?;
        checkpoint.remove()?;
        Ok(result)
    }

    /// What is said of the request: with the keys of its design in place of flags, if it has one.
    fn in_keys(&self, said: &str) -> String {
        match &self.source {
            Some(source) => source.told_of_job(self.solver.algorithm(), said),
            None => said.to_owned(),
        }
    }

    /// All but the record.
    fn steps(
        &self,
        result: &mut JobResult,
        checkpoint: &mut Checkpoint,
        see: See<'_>,
        observe: Observer<'_>,
    ) -> Result<()> {
        note(&mut *observe, Level::Fact, concat!("lapwing ", env!("CARGO_PKG_VERSION")))?;
        note(&mut *observe, Level::Fact, &format!("input {}", self.input.display()))?;
        let opened = self.open(&mut *observe)?;
        see(&opened.0, &opened.1)?;
        let counts = opened.0.intensity_scale().is_some();
        let quantum = opened.0.quantum();
        let mut request = self.settled(counts);
        request.solver = named::of_solver(request.solver)?;
        if self.solver.algorithm() == AUTO {
            let because = match counts {
                true => format!("for {} counts are known", quantum.one()),
                false => format!(
                    "for it is unknown how many {} the patterns hold; if they are counts, say \
                     --quantity counts",
                    quantum.many()
                ),
            };
            let text = format!("algorithm: {}, {because}", request.solver.algorithm());
            note(&mut *observe, Level::Fact, &text)?;
        }
        result.solver.clone_from(&request.solver.name);
        request.solver.algorithm().clone_into(&mut result.algorithm);
        result.options = json!(request.solver.method);
        let Understood { start, input } = request.understand(opened, result, &mut *observe)?;
        let (solution, maps) =
            request.reconstruct(start, &input, result, checkpoint, &mut *observe)?;
        request.measure(&input, &solution, maps.as_ref(), result, observe)
    }

    /// The data set. A job on a whole split does without metadata that cannot be read: what it
    /// reconstructs does not depend on them.
    fn open(&self, observe: Observer<'_>) -> Result<(Dataset, Understanding)> {
        let opened = self.stream.open(&self.input, &self.reading, &self.output, &mut *observe);
        let whole = self.case.as_ref().is_some_and(|case| case.condition.view == View::Baseline);
        match opened {
            Err(StudyError::Files(error))
                if whole && matches!(*error, lapwing_files::Error::Metadata(_)) =>
            {
                let text = format!(
                    "{error}; reconstructed without them: the dose scale is not known, unless the \
                     patterns hold whole counts"
                );
                note(&mut *observe, Level::Fact, &text)?;
                let mut reading = self.reading.clone();
                reading.leave_out.push(metadata::KEY.to_owned());
                self.stream.open(&self.input, &reading, &self.output, observe)
            }
            opened => opened,
        }
    }

    /// This request with the solver that it takes for data of which photon counts are known, or
    /// not.
    fn settled(&self, counts: bool) -> Self {
        Self { solver: self.solver.settled(counts), ..self.clone() }
    }

    /// The last step of a request: writes the log, and `result.json` once all else is there.
    fn record(&self, result: &mut JobResult, log: String, started: Instant) -> Result<()> {
        let path = self.output.join(LOG);
        atomic::write_bytes(&path, log).map_err(StudyError::io("cannot write", &path))?;
        result.files.log = Some(LOG.to_owned());
        result.timestamp = Timestamp::now();
        result.seconds = started.elapsed().as_secs_f64();
        result.peak_memory_mb = peak_memory_mb();
        write_json(&self.output.join(RESULT), result)
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
            remarks: Vec::new(),
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
            step_px: None,
            linear_overlap: None,
            exposure: None,
            covered_px: None,
            pixel_size_m: None,
            noise: None,
            misfit: None,
            settled: None,
            lattice_excess: None,
            start_probe: None,
            calibration: None,
            choices: Vec::new(),
            shifts: None,
            variation: None,
            error_maps: None,
            device: None,
            view: None,
            trusted_name: None,
            shared_fraction: None,
            comparison: None,
            not_compared: None,
            files: Files::default(),
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
