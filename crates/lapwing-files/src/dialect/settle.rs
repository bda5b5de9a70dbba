//! From what a dialect found in a file to a data set and an account of it.

use lapwing_model::Position;
use serde_json::json;

use super::definition::Dialect;
use super::found::Found;
use super::geometry::{forget_detector, object_pixel, record_pixel, state, stated};
use super::wanted::{Chosen, Wanted};
use super::{described, named, pinhole};
use crate::dataset::{mean_counts, powers};
use crate::experiment::part;
use crate::metadata::{SIDE, TOOL};
use crate::options::{AxisOrder, DialectName, Geometry, ReadOptions, Understanding};
use crate::patterns::Storage;
use crate::physics::{self, Fly, UnknownPhysics};
use crate::remarks;
use crate::{Container, Dataset, Error, Problem, limit, metadata};

/// Entry of the metadata's physics: photon counts per pattern, those that were drawn.
const MEAN_COUNTS: &str = "mean_counts_per_pattern";

/// A data set, and how its file was understood.
pub(super) struct Settled {
    pub dataset: Dataset,
    pub understanding: Understanding,
    /// The smallest position of the whole scan along each axis, whatever was taken of it.
    pub smallest: Position,
    /// The point that the positions were turned about.
    pub turned_about: Option<Position>,
}

/// Reads a file by its dialect, holds what was found against the contract, and completes the
/// metadata: scale, optics, pixel, geometry and history.
///
/// Of the patterns those that the options take are read and no others, where they are known by
/// then: by their numbers, or, for a region, by positions that are looked for first.
pub(super) fn settle(
    dialect: &dyn Dialect,
    file: &Container,
    options: &ReadOptions,
    storage: &Storage,
) -> Result<Settled, Error> {
    let numbers = &options.experiment.patterns;
    let by_region = match &numbers.region {
        Some(_) if !options.common => in_region(dialect, file, options, storage),
        _ => None,
    };
    let chosen = match (&by_region, &numbers.region) {
        (Some(indices), _) => Chosen::These(indices),
        (None, None) => Chosen::Numbered,
        _ => Chosen::All,
    };
    match settled(dialect, file, &Wanted { options, storage, chosen })? {
        Some(settled) => Ok(settled),
        // The patterns made the positions others than those by which they were chosen.
        None => {
            let all = settled(dialect, file, &Wanted { options, storage, chosen: Chosen::All })?;
            Ok(all.expect("of all patterns the right ones are taken"))
        }
    }
}

/// Indices of the patterns that lie in the region of the options, by the positions alone; `None`
/// where these cannot be told so.
fn in_region(
    dialect: &dyn Dialect,
    file: &Container,
    options: &ReadOptions,
    storage: &Storage,
) -> Option<Vec<usize>> {
    let wanted = Wanted { options, storage, chosen: Chosen::One };
    let mut notes = Vec::new();
    let mut found = dialect.find(file, &wanted, &mut notes).ok()?;
    described::apply(&mut found, dialect, file, &wanted, &mut notes).ok()?;
    let of = found.scan_numbers();
    part::taken(&found.scan?, of.as_deref(), &options.experiment.patterns).ok()?
}

/// [`settle`]; `None` where other patterns were read than those that the options take.
fn settled(
    dialect: &dyn Dialect,
    file: &Container,
    wanted: &Wanted<'_>,
) -> Result<Option<Settled>, Error> {
    let arrays = file.list()?;
    let mut notes = Vec::new();
    let mut found = dialect.find(file, wanted, &mut notes)?;
    named::thick(&mut found, wanted.options);
    found.problems.extend(other_axes(&found, file, wanted.options));
    if wanted.options.common {
        common(&mut found, wanted.options, &mut notes)?;
    }
    if wanted.options.physics.fresnel_number.is_some()
        && wanted.options.geometry == Some(Geometry::FarField)
    {
        let expected = "near-field with a Fresnel number";
        found.problems.push(Problem::new("geometry", expected, "far-field"));
    }
    found.problems.extend(unknown_slices(&found, wanted.options));
    let described = described::apply(&mut found, dialect, file, wanted, &mut notes)?;
    let mut problems = std::mem::take(&mut found.problems);
    problems.extend(found.breaches(wanted.options));
    problems.append(&mut found.wrong_extras);
    let path = || file.path().to_owned();
    problems.dedup();
    let (Some(mut stack), Some(scan)) = (found.stack, found.scan) else {
        return Err(Error::Contract { path: path(), problems });
    };
    let pattern_shape = stack.pattern_shape();
    let mut extras = found.extras;
    let of = (scan.len(), pattern_shape);
    let mask = found.mask;
    problems.extend(named::none_good(mask.as_ref()));
    let frames = found.frames.or_else(|| named::frames(&mut extras, scan.len()));
    let scans = named::scans(&mut extras, of, &mut problems);
    if !problems.is_empty() {
        return Err(Error::Contract { path: path(), problems });
    }

    let darkened = mask
        .as_ref()
        .is_some_and(|mask| mask.darken(&mut stack.amplitude, stack.chosen.as_deref()));
    if darkened {
        notes.push("mask: what its bad pixels hold is set to 0 in the patterns".to_owned());
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
    let mut counted_here = false;
    if let Some(scale) = stack.scale.or(found_scale) {
        let metadata = metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "intensity_scale", scale);
        if metadata::nphotons(metadata).is_none() {
            counted_here = true;
            // Counts that the file holds were scaled to a mean of 1.
            let mean = match stack.scale {
                Some(scale) if !darkened => scale * scale,
                Some(scale) => mean_counts(&powers(&stack.amplitude), scale),
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
    if let (Some(pixel), true, Some(metadata)) =
        (found.pixel, wanted.options.pixel_size.is_some(), &mut metadata)
        && geometry != Some(Geometry::NearField)
        && forget_detector(metadata, pixel, pattern_shape)
    {
        notes.push(
            "optics: distance and pixels of the detector are not kept, for they make another pixel \
             of the object than the one specified"
                .to_owned(),
        );
    }
    let said = wanted.options.physics;
    let pixel_is_said = wanted.options.pixel_size.is_some();
    let on = (&scan[..], pattern_shape);
    let told = physics::tell(said, pixel_is_said, &mut geometry, &mut metadata, on, &mut notes);
    if let Err(why) = told {
        problems.push(wrong_way(&why));
        return Err(Error::Contract { path: path(), problems });
    }
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
        if let Some(framed) = &found.framed {
            parameters[limit::BINNING] = json!(framed.binning());
        }
        let metadata = metadata.get_or_insert_default();
        let (height, width) = pattern_shape;
        if height == width && metadata::physics_parameter(metadata, SIDE).is_none() {
            metadata::set_physics_parameter(metadata, SIDE, height);
        }
        metadata::append_transformation(metadata, TOOL, metadata::READ, parameters);
    }
    let chosen = stack.chosen;
    let mut dataset = Dataset {
        diffraction: stack.amplitude,
        scan,
        object: found.object,
        probe: found.probe,
        mask,
        frames,
        scans,
        geometry,
        optics: described.optics,
        probe_from: wanted.options.experiment.probe.from,
        metadata,
        extras,
    };
    let of = dataset.scans.as_ref().map(|scans| &scans.of[..]);
    let smallest = part::smallest(&dataset.scan, of);
    let taken =
        part::taken(&dataset.scan, of, &wanted.options.experiment.patterns).map_err(|problem| {
            Error::Contract { path: file.path().to_owned(), problems: vec![problem] }
        })?;
    let some_left_out = taken.is_some();
    let left = |taken: &[usize]| {
        described.raster.filter(|(rows, columns)| rows.saturating_mul(*columns) == taken.len())
    };
    let (mut dataset, raster) = match taken {
        None if chosen.is_some() => return Ok(None),
        None => (dataset, described.raster),
        Some(taken) => {
            let n = dataset.scan.len();
            notes.push(format!("patterns: {} of {n} left out, as specified", n - taken.len()));
            let dataset = match chosen {
                None => dataset.select(&taken)?,
                Some(chosen) if chosen == taken => {
                    let here = std::mem::take(&mut dataset.diffraction);
                    dataset.selected(&taken, here)?
                }
                Some(_) => return Ok(None),
            };
            (dataset, left(&taken))
        }
    };
    let mut remarks = stack.remarks;
    remarks.extend(described.remarks);
    remarks.extend(remarks::of(&dataset));
    remarks.extend(pinhole::look(&dataset));
    if let (true, Some(raster)) = (described.made, raster) {
        let snake = wanted.options.experiment.scan.snake;
        remarks.extend(remarks::direction(&dataset, raster, snake));
    }
    if let Some(level) = wanted.options.experiment.patterns.dark_level {
        remarks.iter_mut().for_each(|remark| remark.name_dark_level(level));
    }
    let mean_counts = dataset.intensity_scale().map(|_| dataset.mean_measured(&remarks));
    // What metadata state of all patterns, or of more pixels of them.
    if found.framed.is_some() || some_left_out {
        let own = dataset.metadata.as_ref();
        if own.and_then(|own| metadata::physics_parameter(own, MEAN_COUNTS)).is_some() {
            let mean = dataset.intensity_scale().map(|_| dataset.mean_intensity());
            let metadata = dataset.metadata.get_or_insert_default();
            metadata::set_physics_parameter(metadata, MEAN_COUNTS, mean);
        }
    }
    // The light of pixels and patterns that hold no measurement is none.
    if let (Some(mean), true) = (mean_counts, counted_here && has_faults(&remarks)) {
        let metadata = dataset.metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "nphotons", mean);
    }
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
        mean_counts_per_pattern: mean_counts,
        notes,
        remarks,
        arrays,
    };
    let turned_about = described.turned_about;
    Ok(Some(Settled { dataset, understanding, smallest, turned_about }))
}

/// The problem with what is said of the motion of an exposure.
fn wrong_way(why: &UnknownPhysics) -> Problem {
    let expected = "positions that follow each other along lines, or the motion of an exposure in \
                    object pixels (--fly DY,DX)";
    match why {
        UnknownPhysics::Motion(found) => Problem::new("fly auto", expected, *found),
        UnknownPhysics::LongWay(fly, way, (height, width)) => {
            let expected = format!(
                "a motion of an exposure within the window of {height} x {width} pixels (--fly \
                 DY,DX in pixels of the object; fly auto where positions are in that unit)"
            );
            Problem::new(fly.name(), expected, Fly::in_words(*way))
        }
        other => Problem::new("fly auto", expected, other.to_string()),
    }
}

/// Whether some patterns or pixels are beyond doubt no measurement.
fn has_faults(remarks: &[remarks::Remark]) -> bool {
    remarks.iter().any(|remark| remark.certain)
}

/// A gap between slices that is said of an object that has none.
fn unknown_slices(found: &Found, options: &ReadOptions) -> Option<Problem> {
    let physics = &options.physics;
    let said = [
        ("slice_spacing", physics.slice_spacing.is_some()),
        ("slice_fresnel_number", physics.slice_fresnel_number.is_some()),
    ];
    let (name, _) = said.into_iter().find(|(_, given)| *given)?;
    let own = found.metadata.as_ref();
    let count = own.and_then(|own| metadata::physics_parameter(own, "slices"));
    let known = physics.slices.is_some() || count.is_some();
    (!known).then(|| Problem::new(name, "the number of slices beside it (--slices K)", "none"))
}

/// The problem with a stack of four axes, of whose order nobody says anything, whose first two hold
/// light as those of a pattern do and the last two as those of a scan: patterns fall off to the
/// sides, and are alike.
fn other_axes(found: &Found, file: &Container, options: &ReadOptions) -> Option<Problem> {
    /// Standard deviation of the light along axes, as a share of the mean: of a pattern at least,
    /// and of a scan at most.
    const PATTERN: f64 = 1.0;
    const SCAN: f64 = 0.4;
    let (stack, (rows, columns)) = (found.stack.as_ref()?, found.raster?);
    let framed = matches!(file, Container::Raw(_) | Container::Tiff(_));
    let open = options.axis_order.is_none() && options.experiment.scan.shape.is_none();
    if framed || !open || stack.order != AxisOrder::PatternFirst || stack.chosen.is_some() {
        return None;
    }
    let (height, width) = stack.pattern_shape();
    let mut pixels = vec![0.0_f64; height * width];
    for pattern in stack.amplitude.iter() {
        let light = pattern.iter().map(|&amplitude| f64::from(amplitude).powi(2));
        pixels.iter_mut().zip(light).for_each(|(sum, light)| *sum += light);
    }
    let spread = |light: &[f64]| {
        let mean = light.iter().sum::<f64>() / light.len().max(1) as f64;
        let square = light.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (square / light.len().max(1) as f64).sqrt() / mean
    };
    let (first, last) = (spread(&powers(&stack.amplitude)), spread(&pixels));
    (first > PATTERN && last < SCAN).then(|| {
        let expected = "patterns (ny, nx, H, W), or that the order is said: --axis-order hwn for \
                        (H, W, ny, nx), nhw for what is stored";
        let found = format!(
            "light that falls off along the first two axes ({rows} x {columns}), as in a pattern, and \
             hardly varies along the last two ({height} x {width}), as over a scan"
        );
        Problem::new("axis_order", expected, found)
    })
}

/// Cuts patterns, positions and what there is one of for each to the number of the fewer.
fn common(found: &mut Found, options: &ReadOptions, notes: &mut Vec<String>) -> Result<(), Error> {
    if let (Some(stack), None, Some((rows, columns))) =
        (&mut found.stack, &found.scan, options.experiment.scan.shape)
    {
        let (patterns, places) = (stack.n_patterns(), rows.saturating_mul(columns));
        if found.needs_scan && places < patterns && options.experiment.scan.positions.is_none() {
            notes.push(format!(
                "the first {places} of {patterns} patterns are taken for a raster of {rows} x \
                 {columns}, as specified"
            ));
            found.cut(places)?;
        }
        return Ok(());
    }
    let (Some(stack), Some(scan)) = (&mut found.stack, &mut found.scan) else { return Ok(()) };
    let (patterns, positions) = (stack.n_patterns(), scan.len());
    let n = patterns.min(positions);
    if patterns == positions {
        notes.push(format!("--common changes nothing: {n} patterns and as many positions"));
        return Ok(());
    }
    notes.push(format!(
        "the first {n} of {patterns} patterns and {positions} positions are taken, as specified"
    ));
    scan.truncate(n);
    for (_, array) in &mut found.extras {
        let length = array.shape().first().copied();
        if length == Some(positions)
            && let Ok(shorter) = array.select(&(0..n).collect::<Vec<_>>())
        {
            *array = shorter;
        }
    }
    found.cut(n)
}
