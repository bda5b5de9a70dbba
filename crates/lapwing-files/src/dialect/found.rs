//! From what a dialect found in a file to a data set and an account of it.

use std::path::{Path, PathBuf};

use lapwing_model::{Field, Modes, Position};
use ndarray::{Axis, s};
use serde_json::json;

use super::described;
use super::geometry::{Optics, object_pixel, record_pixel, state, stated};
use super::stack::{Refusal, Stack};
use super::{Dialect, Geometry, ReadOptions, Understanding};
use crate::dataset::{mean_counts, powers};
use crate::experiment::{Calibration, part};
use crate::mask::{self, Mask};
use crate::metadata::TOOL;
use crate::npy::Array;
use crate::options::DialectName;
use crate::patterns::Storage;
use crate::physics;
use crate::remarks;
use crate::{Container, Dataset, Error, Metadata, Problem, contract, metadata};

/// What is wanted of a file.
pub(super) struct Wanted<'a> {
    /// What is known of it beforehand.
    pub options: &'a ReadOptions,
    /// Where the patterns are kept.
    pub storage: &'a Storage,
}

/// What a dialect found in a file, in the project's conventions. What is `None` is not there, or
/// there is a problem with it.
#[derive(Default)]
pub(super) struct Found {
    /// The patterns.
    pub stack: Option<Stack>,
    /// Window centres in pixels of the object array.
    pub scan: Option<Vec<Position>>,
    /// The object on its full grid.
    pub object: Option<Field>,
    /// Probe modes in the unit of the amplitudes.
    pub probe: Option<Modes>,
    /// Which pixels are good; else an extra array `mask` says it.
    pub mask: Option<Mask>,
    /// How the detector sees the sample, where the dialect knows.
    pub geometry: Option<Geometry>,
    /// The optics.
    pub optics: Option<Optics>,
    /// Size of an object pixel along (y, x), metres.
    pub pixel: Option<(f64, f64)>,
    /// Whether the positions were in metres, and that pixel made pixels of them.
    pub in_metres: bool,
    /// Wavelength, detector and step as far as the file tells them: what the user says goes before
    /// it, and where no dialect made positions or a pixel they are made of it.
    pub calibration: Calibration,
    /// Wavelength, metres, once the experiment was applied.
    pub wavelength: Option<f64>,
    /// Rows and columns of the raster that the patterns were taken on one after the other, where
    /// the file tells it.
    pub raster: Option<(usize, usize)>,
    /// Whether it is no problem of the dialect that there are no positions: they are made of
    /// `raster`, `calibration` and what the user says.
    pub needs_scan: bool,
    /// The metadata of the file.
    pub metadata: Option<Metadata>,
    /// The other arrays.
    pub extras: Vec<(String, Array)>,
    /// The second file, where it brought positions.
    pub companion: Option<PathBuf>,
    /// What the arrays are called in the file.
    pub names: Names,
    /// Whether a data set written now has another form than the file, which its history must tell.
    pub converted: bool,
    /// Everything that is wrong so far.
    pub problems: Vec<Problem>,
    /// What is wrong with the other arrays: told last.
    pub wrong_extras: Vec<Problem>,
}

/// What arrays are called in a file, for messages; those that are `None` have the study's names.
#[derive(Default)]
pub(super) struct Names {
    pub scan: Option<&'static str>,
    pub probe: Option<&'static str>,
    pub object: Option<&'static str>,
    pub windows: Option<&'static str>,
}

/// A data set, and how its file was understood.
pub(super) struct Settled {
    pub dataset: Dataset,
    pub understanding: Understanding,
}

/// Reads a file by its dialect, holds what was found against the contract, and completes the
/// metadata: scale, optics, pixel, geometry and history.
pub(super) fn settle(
    dialect: &dyn Dialect,
    file: &Container,
    wanted: &Wanted<'_>,
) -> Result<Settled, Error> {
    let arrays = file.list()?;
    let mut notes = Vec::new();
    let mut found = dialect.find(file, wanted, &mut notes)?;
    if wanted.options.common {
        common(&mut found, &mut notes)?;
    }
    if wanted.options.physics.fresnel_number.is_some()
        && wanted.options.geometry == Some(Geometry::FarField)
    {
        let expected = "near-field with a Fresnel number";
        found.problems.push(Problem::new("geometry", expected, "far-field"));
    }
    let described = described::apply(&mut found, dialect, file, wanted.options, &mut notes)?;
    let mut problems = std::mem::take(&mut found.problems);
    problems.extend(found.breaches(wanted.options));
    problems.append(&mut found.wrong_extras);
    let path = || file.path().to_owned();
    problems.dedup();
    let (Some(stack), Some(scan)) = (found.stack, found.scan) else {
        return Err(Error::Contract { path: path(), problems });
    };
    let pattern_shape = stack.pattern_shape();
    let mut extras = found.extras;
    let stored = extras.iter().position(|(name, _)| name == mask::KEY).map(|at| extras.remove(at));
    let stored = stored
        .map(|(_, array)| Mask::told(array, scan.len(), pattern_shape, wanted.options.mask_good));
    let mask = match (found.mask, stored) {
        (Some(one), Some(Ok(other))) => Some(one.and(&other)),
        (None, Some(Ok(mask))) => Some(mask),
        (mask, Some(Err(problem))) => {
            problems.push(problem);
            mask
        }
        (mask, None) => mask,
    };
    if mask.as_ref().is_some_and(|mask| !mask.good().iter().any(|&good| good)) {
        problems.push(Problem::new(mask::KEY, "some good pixel", "none"));
    }
    if !problems.is_empty() {
        return Err(Error::Contract { path: path(), problems });
    }

    let name = DialectName(dialect.name());
    let mut metadata = found.metadata;
    let found_scale = stack
        .found_scale
        .filter(|_| metadata.as_ref().and_then(metadata::intensity_scale).is_none());
    if found_scale.is_some() {
        notes.push(
            "the squares of all amplitudes are whole multiples of one value: taken as photon counts \
             (should they be none, say --quantity amplitude)"
                .to_owned(),
        );
    }
    if let Some(scale) = stack.scale.or(found_scale) {
        let metadata = metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "intensity_scale", scale);
        if metadata::nphotons(metadata).is_none() {
            // Counts that the file holds were scaled to a mean of 1.
            let mean = match stack.scale {
                Some(scale) => scale * scale,
                None => mean_counts(&powers(&stack.amplitude), scale),
            };
            metadata::set_physics_parameter(metadata, "nphotons", mean);
        }
    }
    if let Some(optics) = &found.optics {
        optics.record(metadata.get_or_insert_default());
    }
    if let Some(pixel) = found.pixel {
        record_pixel(metadata.get_or_insert_default(), pixel);
    }
    if let (Some(wavelength), None) = (found.wavelength, &found.optics) {
        let metadata = metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "wavelength_m", wavelength);
    }
    let in_metadata = metadata.as_ref().and_then(stated);
    let mut geometry = wanted.options.geometry.or(found.geometry).or(in_metadata);
    physics::tell(wanted.options.physics, &mut geometry, &mut metadata, &scan, &mut notes);
    if let Some(geometry) = geometry.filter(|&geometry| in_metadata != Some(geometry)) {
        state(metadata.get_or_insert_default(), geometry);
    }
    if found.converted {
        let mut parameters = json!({
            "dialect": name, "axis_order": stack.order, "quantity": stack.quantity,
            "zero_frequency": stack.zero_frequency, "notes": notes,
        });
        if let Some(companion) = &found.companion {
            parameters["companion"] = json!(companion);
        }
        let metadata = metadata.get_or_insert_default();
        metadata::append_transformation(metadata, TOOL, "read", parameters);
    }
    let dataset = Dataset {
        diffraction: stack.amplitude,
        scan,
        object: found.object,
        probe: found.probe,
        mask,
        geometry,
        optics: described.optics,
        metadata,
        extras,
    };
    let taken =
        part::taken(&dataset.scan, &wanted.options.experiment.patterns).map_err(|problem| {
            Error::Contract { path: file.path().to_owned(), problems: vec![problem] }
        })?;
    let (dataset, raster) = match taken {
        None => (dataset, described.raster),
        Some(taken) => {
            let (n, left) = (dataset.n_patterns(), dataset.n_patterns() - taken.len());
            notes.push(format!("patterns: {left} of {n} left out, as specified"));
            (dataset.select(&taken)?, None)
        }
    };
    let mut remarks = stack.remarks;
    remarks.extend(remarks::of(&dataset));
    let understanding = Understanding {
        dialect: name,
        axis_order: stack.order,
        quantity: stack.quantity,
        zero_frequency: stack.zero_frequency,
        geometry,
        n_patterns: dataset.scan.len(),
        pattern_shape,
        scan_shape: raster,
        pixel_size_m: found.pixel.or_else(|| dataset.metadata.as_ref().and_then(object_pixel)),
        mean_counts_per_pattern: dataset.intensity_scale().map(|_| dataset.mean_intensity()),
        notes,
        remarks,
        arrays,
    };
    Ok(Settled { dataset, understanding })
}

/// Cuts patterns, positions and what there is one of for each to the number of the fewer.
fn common(found: &mut Found, notes: &mut Vec<String>) -> Result<(), Error> {
    let (Some(stack), Some(scan)) = (&mut found.stack, &mut found.scan) else { return Ok(()) };
    let (patterns, positions) = (stack.n_patterns(), scan.len());
    let n = patterns.min(positions);
    if patterns == positions {
        return Ok(());
    }
    notes.push(format!(
        "the first {n} of {patterns} patterns and {positions} positions are taken, as specified"
    ));
    let first: Vec<usize> = (0..n).collect();
    stack.amplitude = stack.amplitude.select(&first)?;
    if let Some(bad) = stack.bad.as_mut().filter(|bad| bad.len_of(Axis(0)) == patterns) {
        bad.slice_collapse(s![..n, .., ..]);
    }
    scan.truncate(n);
    found.mask = found.mask.take().map(|mask| mask.select(&first));
    for (_, array) in &mut found.extras {
        let length = array.shape().first().copied();
        if (length == Some(patterns) || length == Some(positions))
            && let Ok(cut) = array.select(&first)
        {
            *array = cut;
        }
    }
    Ok(())
}

impl Found {
    /// Takes over the patterns, or what is wrong with them; whether there are any.
    ///
    /// # Errors
    /// What only the user of the file at `path` can decide.
    pub(super) fn take(
        &mut self,
        read: Result<Stack, Refusal>,
        path: &Path,
    ) -> Result<bool, Error> {
        match read {
            Ok(stack) => self.stack = Some(stack),
            Err(Refusal::Problems(problems)) => self.problems.extend(problems),
            Err(Refusal::Ambiguous(question)) => return Err(question.about(path)),
        }
        Ok(self.stack.is_some())
    }

    /// How what was found breaks the contract, under the names that it has in the file.
    fn breaches(&self, options: &ReadOptions) -> Vec<Problem> {
        let named = |problems: Vec<Problem>, name: Option<&'static str>| {
            problems.into_iter().map(move |problem| match name {
                Some(name) => Problem { key: name.to_owned(), ..problem },
                None => problem,
            })
        };
        let names = &self.names;
        let mut problems = Vec::new();
        let shape = self.stack.as_ref().map(Stack::pattern_shape);
        if let Some(scan) = &self.scan {
            // Of a position that is left out nothing is asked.
            let mut kept = scan.clone();
            if let Ok(Some(taken)) = part::taken(scan, &options.experiment.patterns) {
                let left = |index: &usize| taken.binary_search(index).is_err();
                (0..scan.len()).filter(left).for_each(|index| {
                    kept[index] = Position { y: 0.0, x: 0.0 };
                });
            }
            problems.extend(named(contract::scan(&kept), names.scan));
        }
        if let Some(object) = &self.object {
            problems.extend(named(contract::object(object), names.object));
        }
        if let (Some(probe), Some(shape)) = (&self.probe, shape) {
            problems.extend(named(contract::probe(probe, shape), names.probe));
        }
        if let (Some(scan), Some(object), Some(shape)) = (&self.scan, &self.object, shape) {
            problems.extend(named(contract::windows(scan, shape, object.dim()), names.windows));
        }
        problems
    }
}
