//! Studies of a measured scan: doses by thinning, and the full-dose reconstruction in place of a
//! truth.

use crate::design::solver::{DeviceChoice, Method, ProbeStart, ScanProbes};
use crate::design::{Design, DesignError, MeasuredBase};
use crate::disk::checkpoint::Every;
use crate::disk::folder::StudyFolder;
use crate::disk::hash;
use crate::disk::path::make_folder;
use crate::run::dataset::data::{
    self, REFERENCE, START_PROBE, TOOL, mean_counts, probe_diameter, thin,
};
use crate::run::dataset::stream::Streaming;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::reconstruct::{CompareWith, RECONSTRUCTION, Request};
use crate::run::solve::allowed;
use crate::run::solve::magnify::magnify;
use crate::run::solve::start_probe::start_probe;
use crate::run::study::exposures::Geometry;
use crate::run::study::possible;
use crate::{Result, StudyError};
use lapwing_files::dialect::object_pixel;
use lapwing_files::metadata::{append_transformation, nphotons, set_physics_parameter};
use lapwing_files::{Dataset, ReadOptions, Reconstruction, Understanding};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// What the comparison of a measured study is with.
const FULL_DOSE: &str = "full-dose reconstruction";

/// A measured scan on the grid of its full-dose reconstruction.
#[derive(Debug, Clone)]
pub struct FullDose {
    dataset: Dataset,
}

impl FullDose {
    /// Reads the scan, checks that the design can be done with it, and reconstructs it at its full
    /// dose with the first of the study's own solvers. The result is kept in `reference` inside the
    /// study and not made twice. It is computed on `device`, or where the solver says, in the
    /// memory that there is.
    ///
    /// # Errors
    /// When the scan cannot be read, has no photon counts and no start probe can be made, other
    /// patterns than the design says, or fewer photons than a dose; when its reconstruction fails.
    pub fn make(
        design: &Design,
        base: &MeasuredBase,
        folder: &StudyFolder,
        (device, stream): (Option<DeviceChoice>, Streaming),
        observe: Observer<'_>,
    ) -> Result<Self> {
        let made = Self::made(design, base, folder, (device, stream), observe);
        made.map_err(|error| design.source.in_keys(error))
    }

    fn made(
        design: &Design,
        base: &MeasuredBase,
        folder: &StudyFolder,
        (device, stream): (Option<DeviceChoice>, Streaming),
        observe: Observer<'_>,
    ) -> Result<Self> {
        let (mut dataset, understood) = read(design, base, folder.root(), stream)?;
        let magnified = magnify(&mut dataset)?;
        for text in understood.notes.iter().chain(&magnified) {
            note(&mut *observe, Level::Detail, text)?;
        }
        if is_made(&dataset) {
            let made = start_probe(&dataset, ProbeStart::Auto, &mut || {
                tell(&mut *observe, Event::Waiting { case: None, what: "its start probe" })
            })?;
            let text = format!("{}: start probe {}", base.measured.display(), made.told);
            note(&mut *observe, Level::Fact, &text)?;
            dataset.probe = Some(made.modes);
            if !made.is_files {
                let told = format!("{}, once for all jobs", made.told);
                dataset
                    .metadata
                    .get_or_insert_default()
                    .insert(START_PROBE.to_owned(), told.into());
            }
        }
        let gain = data::gain(&dataset, dataset.intensities()?.view(), &mut || {
            tell(&mut *observe, Event::Waiting { case: None, what: "the noise of its counts" })
        })?;
        if gain > 1.0 {
            let (file, quantum) = (base.measured.display(), dataset.quantum());
            let remedy = data::clumped_remedy(quantum);
            let text = format!("{file}: {} {remedy}", data::clumped(gain, quantum));
            note(&mut *observe, Level::Fact, &text)?;
        }
        // An object in the file is not used as a reference.
        dataset.object = None;
        let root = folder.reference_dir();
        make_folder(&root)?;
        let input = root.join("full_dose.npz");
        dataset.write(&input)?;
        let solver = design.reference_solver().ok_or_else(|| {
            let found = "external solvers only";
            DesignError::rule(
                "solver",
                "at least one solver of this program, for the full-dose reference",
                found,
            )
        })?;
        let request = Request {
            input: input.clone(),
            reading: ReadOptions::default(),
            output: root.clone(),
            solver: solver.clone(),
            case: None,
            comparison: CompareWith::Nothing,
            checkpoint: Every::default(),
            device,
            photon_halves: false,
            error_maps: false,
            stream,
            calibrate: false,
            source: Some(Arc::new(design.source.clone())),
        };
        let input_hash = hash::file(&input)?;
        if request.existing(&input_hash).is_none() {
            // The reference has its own log.
            request.run_on(&input_hash, &mut |event| match event {
                Event::Note { .. } => ControlFlow::Continue(()),
                other => observe(other),
            })?;
        }
        let made = root.join(RECONSTRUCTION);
        let reference = Reconstruction::read(&made)?;
        let (y, x) = reference.origin.ok_or_else(|| {
            let text = "expected the object's origin, reconstructed_object_origin, found none";
            StudyError::Invalid(format!("{}: {text}; remove the file", made.display()))
        })?;
        for position in &mut dataset.scan {
            (position.y, position.x) = (position.y - y as f64, position.x - x as f64);
        }
        dataset.object = Some(reference.object);
        let diameter = probe_diameter(&dataset);
        let metadata = dataset.metadata.get_or_insert_default();
        set_physics_parameter(metadata, "probe_diameter_px", diameter);
        metadata.insert(REFERENCE.to_owned(), json!(FULL_DOSE));
        let told = json!({ "objectGuess": FULL_DOSE, "solver": solver.name, "origin": [y as f64, x as f64] });
        append_transformation(metadata, TOOL, "full-dose reference", told);
        Ok(Self { dataset })
    }

    /// Number of patterns.
    pub fn n_patterns(&self) -> usize {
        self.dataset.scan.len()
    }

    /// The scan thinned to `dose` photons per pattern; the photons that stay are drawn from `seed`.
    pub fn expose(&self, dose: u64, seed: u64) -> Result<Dataset> {
        Ok(thin(self.dataset.clone(), dose as f64, seed)?.dataset)
    }
}

/// Whether the scan gets the probe that its jobs start from here: where it has none, or the
/// experiment says which one it is.
fn is_made(dataset: &Dataset) -> bool {
    dataset.probe.is_none() || dataset.probe_from.is_some()
}

/// Whether the design can be done with its scan; nothing is written.
///
/// # Errors
/// As [`FullDose::make`], before any reconstruction.
pub(crate) fn check_base(design: &Design, base: &MeasuredBase, stream: Streaming) -> Result<()> {
    let read = read(design, base, &std::env::temp_dir(), stream);
    read.map(drop).map_err(|error| design.source.in_keys(error))
}

/// The scan of a design, which can be done with it; `folder` has room for what does not fit into
/// memory.
fn read(
    design: &Design,
    base: &MeasuredBase,
    folder: &Path,
    stream: Streaming,
) -> Result<(Dataset, Understanding)> {
    let options = design.source.reading()?;
    let (dataset, understood) = stream.read(&base.measured, &options, folder)?;
    let physics = dataset.physics()?;
    check(design, base, &dataset)?;
    possible::check(design, &dataset.scan, physics.slices.map_or(1, |of| of.count))?;
    Ok((dataset, understood))
}

/// The scan as its jobs will see it: positions, diameter of the disc and side of an object pixel,
/// metres, where it is known.
///
/// # Errors
/// When the scan cannot be read or no start probe can be made.
pub(super) fn geometry(
    design: &Design,
    base: &MeasuredBase,
    stream: Streaming,
) -> Result<Geometry> {
    seen(design, base, stream).map_err(|error| design.source.in_keys(error))
}

fn seen(design: &Design, base: &MeasuredBase, stream: Streaming) -> Result<Geometry> {
    let folder = base.measured.parent().unwrap_or(Path::new("."));
    let options = design.source.reading()?;
    let (mut dataset, _) = stream.read(&base.measured, &options, folder)?;
    magnify(&mut dataset)?;
    if is_made(&dataset) {
        dataset.probe = Some(start_probe(&dataset, ProbeStart::Auto, &mut || Ok(()))?.modes);
    }
    let pixel = dataset.metadata.as_ref().and_then(object_pixel);
    Ok(Geometry {
        diameter: probe_diameter(&dataset),
        pixel_size: pixel.map(|(y, x)| (y * x).sqrt()),
        scan: dataset.scan,
    })
}

fn check(design: &Design, base: &MeasuredBase, dataset: &Dataset) -> Result<()> {
    let file = base.measured.display();
    let size = design.study.pattern_size;
    if dataset.pattern_shape() != (size, size) {
        let (height, width) = dataset.pattern_shape();
        let found = format!("{size}, but the patterns of {file} are {height} x {width}");
        return Err(DesignError::rule(
            "study.pattern_size",
            "the side of the measured patterns",
            found,
        )
        .into());
    }
    if dataset.probe.is_none() {
        for solver in &design.solvers {
            let start = solver.starts().1;
            if matches!(start, ProbeStart::File | ProbeStart::Perturbed) {
                let expected = format!(
                    "auto or patterns for a scan without a probe ({}; probeGuess, or a second file: \
                     companion)",
                    base.measured.display()
                );
                return Err(DesignError::rule("solver.probe_start", expected, start.name()).into());
            }
        }
    }
    if dataset.scans.as_ref().is_some_and(|scans| scans.count() > 1) {
        for solver in design.solvers.iter().map(|solver| solver.settled(true)) {
            let Method::Native(config) = &solver.method else { continue };
            if config.start.scan_probes == ScanProbes::Shared {
                continue;
            }
            // The reference is made before any job.
            allowed::check_scans(config)
                .map_err(|error| design.source.in_keys_of_job(solver.algorithm(), error))?;
        }
    }
    let Some(mean) = mean_counts(dataset) else {
        let expected = "a scan whose photon counts are known: whole counts, or physics_parameters.intensity_scale";
        return Err(DesignError::rule("base.measured", expected, format!("{file} without")).into());
    };
    let measured = dataset.metadata.as_ref().and_then(nphotons).unwrap_or(mean);
    match design.study.all_doses().iter().find(|&&dose| dose as f64 > measured) {
        None => Ok(()),
        Some(dose) => {
            let expected = format!(
                "at most the {measured:.1} photons per pattern that were measured in {file}"
            );
            let field =
                if design.study.fluences.is_empty() { "study.doses" } else { "study.fluences" };
            Err(DesignError::rule(
                field,
                expected,
                format!("{dose}; photons can be taken away, never added"),
            )
            .into())
        }
    }
}

/// What identifies the reference: the solver that makes it.
pub(crate) fn key(design: &Design) -> serde_json::Value {
    json!(design.reference_solver().map(|solver| &solver.method))
}
