//! The first step of a request: its file is read and understood, before the work of reconstructing.

use super::Request;
use super::target::Target;
use crate::View;
use crate::design::solver::{Method, ObjectStart, ProbeStart, SolverConfig};
use crate::disk::record::{JobResult, Telemetry};
use crate::geometry::overlap::{covered_area, linear_overlap, scan_overlap};
use crate::geometry::step::scan_step;
use crate::run::dataset::data::{probe_diameter, shared_fraction};
use crate::run::dataset::views;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::solve::calibrate::{Calibration, calibrate};
use crate::run::solve::earlier;
use crate::run::solve::magnify::magnify;
use crate::run::solve::noise;
use crate::run::solve::start::{Beside, Start, begun_probe};
use crate::run::solve::start_probe::asked_by;
use crate::{Result, StudyError};
use lapwing_files::dialect::object_pixel;
use lapwing_files::physics::exposure_in_words;
use lapwing_files::{Dataset, Metadata, Reconstruction, Storage, Understanding, atomic, remarks};
use lapwing_model::{Modes, Position};
use serde_json::json;
/// The picture of a calibration's search, in the folder of results.
const SEARCH: &str = "calibration.png";

/// A data set, parted into what the solver uses up and what is needed after it.
pub(super) struct Understood {
    /// For the solver.
    pub start: Start,
    /// For everything after it.
    pub input: Input,
}

/// What is known of a data set besides its patterns.
pub(super) struct Input {
    /// Window centres as they were measured, in the data set's own pixels.
    pub measured: Vec<Position>,
    /// The same as the solver begins with them.
    pub scan: Vec<Position>,
    /// These on the grid of the object.
    pub on_grid: Vec<Position>,
    /// Pixel (0, 0) of that grid in the data set's pixels; `None` on the data set's own.
    pub origin: Option<(i64, i64)>,
    /// The data set's probe.
    pub probe: Option<Modes>,
    /// The data set's metadata.
    pub metadata: Option<Metadata>,
    /// What the object will be compared with.
    pub target: Option<Target>,
    /// Side of an object pixel, metres.
    pub pixel_size: Option<f64>,
}

impl Request {
    /// Refuses a second file whose start probe nothing would begin with.
    fn uses_companion(
        &self,
        dataset: &Dataset,
        understood: &Understanding,
        probe_start: ProbeStart,
        earlier: Option<&Reconstruction>,
    ) -> Result<()> {
        let Some(companion) = &self.reading.companion else { return Ok(()) };
        // A study compares start probes.
        if self.case.is_some() || understood.dialect.takes_companion() {
            return Ok(());
        }
        if earlier.is_some_and(|earlier| earlier.probe.is_some()) {
            return Err(StudyError::Invalid(format!(
                "companion: expected no start probe beside that of {}, from which the reconstruction \
                 goes on, found {}: leave one of the two out",
                self.solver.starts().0,
                companion.display()
            )));
        }
        let asked = probe_start.or_of_experiment(dataset.probe_from);
        if !matches!(asked, ProbeStart::Patterns | ProbeStart::Optics) {
            return Ok(());
        }
        Err(StudyError::Invalid(format!(
            "companion: expected no start probe of another file beside {}, which makes one, found {}: \
             leave --companion out, or say --probe-start file",
            asked_by(dataset, asked),
            companion.display()
        )))
    }

    /// Writes what the data set is into `result`, and settles start and comparison.
    pub(super) fn understand(
        &self,
        (mut dataset, mut understood): (Dataset, Understanding),
        result: &mut JobResult,
        observe: Observer<'_>,
    ) -> Result<Understood> {
        let case = self.case.as_ref();
        let mut found = None;
        if self.calibrate {
            let calibration = calibrate(&dataset, &mut || {
                tell(&mut *observe, Event::Waiting { case, what: "how its scan lies" })
            })?;
            calibration.apply(&mut dataset);
            found = Some(calibration);
        }
        let magnified = magnify(&mut dataset)?;
        if magnified.is_some() {
            understood.pixel_size_m = dataset.metadata.as_ref().and_then(object_pixel);
            understood.remarks = remarks::of(&dataset);
        }
        let mut fact = |text: &str| note(&mut *observe, Level::Fact, text);
        for text in understood.notes.iter().chain(&magnified) {
            fact(text)?;
        }
        for remark in &understood.remarks {
            fact(&format!("remark: {remark}"))?;
        }
        result.remarks.clone_from(&understood.remarks);
        for text in found.iter().flat_map(Calibration::lines) {
            fact(&format!("calibrated: {text}"))?;
        }
        let (object_start, probe_start) = self.solver.starts();
        dataset.physics()?;
        let earlier = earlier::of(object_start)?;
        self.uses_companion(&dataset, &understood, probe_start, earlier)?;
        if self.calibrate && earlier.is_some_and(|earlier| earlier.positions.is_some()) {
            let text = "calibrate and start: expected one of them, found both: the positions of the \
                        reconstruction to start from lie as that had them";
            return Err(StudyError::Invalid(text.to_owned()));
        }
        let made = begun_probe(&dataset, probe_start, earlier, &mut || {
            tell(&mut *observe, Event::Waiting { case, what: "its start probe" })
        })?;
        // Of what is stopped before here, nothing is left.
        if let Some(calibration) = &found {
            let path = self.output.join(SEARCH);
            atomic::write_bytes(&path, calibration.picture())
                .map_err(StudyError::io("cannot write", &path))?;
        }
        let mut fact = |text: &str| note(&mut *observe, Level::Fact, text);
        if dataset.probe.is_none() {
            dataset.probe = Some(made.modes.clone());
        }
        describe(&dataset, &understood, result);
        result.start_probe = Some(made.told.clone());
        result.calibration = found.map(|found| {
            let mut told = json!(found);
            told["figure"] = json!(SEARCH);
            told
        });
        result.view = self.telemetry(&dataset)?;
        if let (Some(case), Some(_)) = (&self.case, &result.view) {
            // A job would not have come so far unless names are trusted.
            result.trusted_name = views::held_against_place(&self.input, case.condition)?.1;
        }
        fact(&format!(
            "{} patterns of {:?}, probe diameter {:.1} px, {}",
            result.n_patterns,
            result.pattern_shape,
            result.probe_diameter_px,
            overlap_in_words(result)
        ))?;
        if let Some(exposure) = &result.exposure {
            fact(&format!("exposure: {exposure}"))?;
        }
        fact(&match result.mean_counts {
            Some(mean) => format!("dose scale known: {mean:.1} counts per pattern"),
            None => "dose scale unknown: intensities in the file's own unit".to_owned(),
        })?;
        let config = self.config();
        let faults = noise::faults(&understood.remarks);
        let (start, beside) = Start::in_place_of(dataset, &config, (made.modes, earlier), faults)?;
        let needs = config.solver.needs();
        let start = start.with_fields_in(|pixels| self.fields_in(&config, pixels));
        if let Storage::Scratch(folder) = &start.fields_in {
            let (height, width) = start.object.shape();
            let what = match needs.stores_fields {
                true => "what the solver keeps of them besides the object itself is",
                false => "the states of them that the solver goes back to are",
            };
            fact(&format!(
                "streaming: the object has {height} x {width} px; {what} in nameless scratch files in {}",
                folder.display()
            ))?;
        }
        let Beside { object, probe, metadata } = beside;
        let on_grid = start.scan.clone();
        let target = match self.target(object, probe.as_ref(), &on_grid)? {
            Ok(target) => target,
            Err(reason) => {
                fact(&format!("no comparison: {reason}"))?;
                result.not_compared = Some(reason);
                None
            }
        };
        if let Some(mask) = &start.mask {
            let valid = mask.good();
            let bad = valid.iter().filter(|&&good| !good).count();
            fact(&format!("mask: {bad} of {} pixels are left out", valid.len()))?;
        }
        fact(&format!("start: probe {}", made.told))?;
        fact(&match object_start {
            ObjectStart::Flat => "start: flat object".to_owned(),
            ObjectStart::Guess => "start: the file's object".to_owned(),
            file => match earlier.and_then(|earlier| earlier.positions.as_ref()) {
                Some(whole) if whole.len() > start.scan.len() => format!(
                    "start: object of {file}, which is of {} patterns where {} are read; positions \
                     are those that were read",
                    whole.len(),
                    start.scan.len()
                ),
                Some(part) if part.len() < start.scan.len() => format!(
                    "start: object of {file}, which is of {} of the {} patterns",
                    part.len(),
                    start.scan.len()
                ),
                _ => format!("start: object and positions of {file}"),
            },
        })?;
        if let Some(scans) = &start.scans {
            fact(&format!("start: {} scans, each with a first mode of its own", scans.count()))?;
        }
        for line in start.left_out(&config) {
            fact(&line)?;
        }
        let told = format!("{} {}", self.solver.algorithm(), json!(self.solver.method));
        note(observe, Level::Detail, &told)?;
        let (measured, scan, origin) =
            (start.measured.clone(), start.of_data.clone(), start.origin);
        let pixel_size = understood.pixel_size_m.map(|(y, x)| (y * x).sqrt());
        let input = Input { measured, scan, on_grid, origin, probe, metadata, target, pixel_size };
        Ok(Understood { start, input })
    }

    /// What the solver of this request, or the other program, starts from.
    pub(super) fn start(
        &self,
        dataset: &Dataset,
        understood: &Understanding,
        observe: Observer<'_>,
    ) -> Result<Start> {
        let case = self.case.as_ref();
        let between = &mut || tell(&mut *observe, Event::Waiting { case, what: "its start probe" });
        let config = self.config();
        let start = Start::of(dataset, &config, noise::faults(&understood.remarks), between)?;
        Ok(start.with_fields_in(|pixels| self.fields_in(&config, pixels)))
    }

    /// The options of the solver, or those of a start for another program.
    fn config(&self) -> SolverConfig {
        match &self.solver.method {
            Method::Native(config) => config.clone(),
            Method::External(config) => config.start(),
        }
    }

    /// Where a solver with these options keeps its fields of an object of so many pixels.
    fn fields_in(&self, config: &SolverConfig, pixels: usize) -> Storage {
        let fields = config.solver.needs().object_fields;
        self.stream.storage_of_fields(fields, pixels, &self.output)
    }

    /// The view's own account of itself, which jobs on views must have.
    fn telemetry(&self, dataset: &Dataset) -> Result<Option<Telemetry>> {
        match &self.case {
            Some(case) if case.condition.view != View::Baseline => {
                views::keeps_metadata(&self.input, &self.reading)?;
                views::telemetry(&self.input, dataset.metadata.as_ref()).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Step, linear overlap, and the overlap by area.
fn overlap_in_words(result: &JobResult) -> String {
    let by_area = format!("{:.3} by area", result.overlap);
    match result.step_px.zip(result.linear_overlap) {
        Some((step, linear)) => format!("step {step:.1} px, overlap {linear:.3} ({by_area})"),
        None => format!("overlap {by_area}"),
    }
}

fn describe(dataset: &Dataset, understood: &Understanding, result: &mut JobResult) {
    result.n_patterns = understood.n_patterns;
    result.pattern_shape = understood.pattern_shape;
    result.probe_diameter_px = probe_diameter(dataset);
    let diameter = result.probe_diameter_px;
    result.overlap = scan_overlap(&dataset.scan, diameter);
    result.step_px = scan_step(&dataset.scan);
    result.linear_overlap = result.step_px.map(|step| linear_overlap(step, diameter));
    result.exposure = exposure_in_words(dataset);
    result.covered_px = Some(covered_area(&dataset.scan, diameter));
    result.pixel_size_m = understood.pixel_size_m.map(|(y, x)| (y * x).sqrt());
    result.shared_fraction = shared_fraction(dataset.metadata.as_ref());
    result.mean_counts = understood.mean_counts_per_pattern;
}
