//! CXI 1.6 (F. R. N. C. Maia, *Nature Methods* 9, 854, 2012): patterns and geometry in SI units, in
//! HDF5.
//!
//! Read are `entry_1/data_1/data` or `entry_1/instrument_1/detector_1/data`, (n, H, W) or, as
//! NXcxi_ptycho has raster scans, (ny, nx, H, W), intensity with the zero frequency in the centre;
//! `translation` of the **sample** in metres; and the optics. `docs/reading.md` has the whole list.

mod instrument;
mod mask;
pub(crate) mod own;
mod write;

use super::definition::Dialect;
use super::found::{Found, Names};
use super::geometry::{self, no_far_field};
use super::order::OrderEvidence;
use super::shared::{by_coordinate, positions};
use super::stack::{Refusal, Stack};
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use super::{companion, ptychodus, stack};
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::mask::Mask;
use crate::npy::Array;
use crate::options::{AxisOrder, Geometry, Quantity, ReadOptions};
use crate::{Container, Error, Metadata, Problem, metadata};
use instrument::Instrument;
use lapwing_model::{Object, Position};
use own::{OURS, TRANSLATION, own_complex, own_metadata, own_name, translations};
pub use write::write_cxi;

/// Where the patterns are.
const DATA: [&str; 2] = ["entry_1/data_1/data", "entry_1/instrument_1/detector_1/data"];
/// The dialect.
pub(super) struct Cxi;

impl Dialect for Cxi {
    fn name(&self) -> &'static str {
        "cxi"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Hdf5
    }

    fn takes_companion(&self) -> bool {
        true
    }

    fn patterns(&self) -> &'static [&'static str] {
        &DATA
    }

    /// A file with the patterns of a ptychodus pair is left to that.
    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let file = file.hdf5()?;
        let looks_like_cxi = file.contains("cxi_version")? || file.first_of(&DATA)?.is_some();
        Ok(looks_like_cxi && !file.contains(ptychodus::DATA)?)
    }

    fn find(
        &self,
        container: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (file, options) = (container.hdf5()?, wanted.options);
        let mut problems = Vec::new();
        let Some(data) = file.first_of(&DATA)? else {
            let expected = "(n, H, W) intensities; of another name they are read as --patterns NAME \
                            with --positions FILE::NAME --position-unit m";
            problems.push(Problem::new(DATA[0], expected, "nothing of that name"));
            return Ok(Found { problems, ..Found::default() });
        };
        let Some(translation) = file.first_of(&TRANSLATION)? else {
            return unplaced(container, data, wanted, notes);
        };
        let said = Calibration::of(&options.experiment);
        let instrument = Instrument::read(file, &said, notes, &mut problems)?;
        let translations = translations(file, translation, options, notes, &mut problems)?;
        let metadata = own_metadata(file)?;
        let n = translations.as_ref().map(Vec::len);
        let Some(Read { stack, mask }) =
            patterns(container, data, n, metadata.as_ref(), wanted, notes, &mut problems)?
        else {
            return Ok(Found { problems, ..Found::default() });
        };
        let shape = stack.pattern_shape();
        let stated = options.geometry.or_else(|| metadata.as_ref().and_then(geometry::stated));
        let near = stated == Some(Geometry::NearField);
        let known = (near, metadata.as_ref().and_then(geometry::object_pixel));
        let path = file.path();
        let pixel = instrument.object_pixel(shape, known, options, path, notes, &mut problems)?;
        let (Some(pixel), Some(translations)) = (pixel, translations) else {
            return Ok(Found { problems, ..Found::default() });
        };
        let (rows, columns) = instrument.beam_positions(
            &translations,
            by_coordinate(pixel, options),
            notes,
            &mut problems,
        );
        let scan = positions(rows, columns, options, notes);
        instrument.note_centre(shape, notes);
        // What is wrong already would only be told again, as a doubt about the positions.
        if !problems.is_empty() {
            return Ok(Found { problems, ..Found::default() });
        }
        let told = options.pixel_size;
        let understood =
            understood_geometry(stated, &stack, &scan, (pixel, told), &instrument, notes);
        let geometry = match understood {
            Ok(geometry) => geometry,
            Err(problem) => {
                problems.push(problem);
                return Ok(Found { problems, ..Found::default() });
            }
        };
        let (pixel, scan) = match (stated, geometry, told) {
            (None, Geometry::NearField, None) => {
                let options =
                    ReadOptions { geometry: Some(Geometry::NearField), ..options.clone() };
                let known = (true, known.1);
                let pixel =
                    instrument.object_pixel(shape, known, &options, path, notes, &mut problems)?;
                let Some(pixel) = pixel else { return Ok(Found { problems, ..Found::default() }) };
                let (rows, columns) = instrument.beam_positions(
                    &translations,
                    by_coordinate(pixel, &options),
                    &mut Vec::new(),
                    &mut problems,
                );
                (pixel, positions(rows, columns, &options, &mut Vec::new()))
            }
            _ => (pixel, scan),
        };
        let mut own = |key: &str| -> Result<Option<Array>, Error> {
            let array = own_complex(file, key)?;
            let left_out = options.leaves_out(key) || options.leaves_out(&own_name(key));
            if left_out && array.is_some() {
                notes.push(format!("{key}: left out, as specified"));
            }
            Ok(array.filter(|_| !left_out))
        };
        let mut probe = own("probeGuess")?.and_then(|array| array.into_complex32_array().ok());
        let object = own("objectGuess")?.and_then(|array| array.into_complex32_array().ok());
        if let Some(path) = &options.companion {
            probe = Some(stack.in_its_unit(companion::probe(path, notes)?, notes));
        }
        let object = object.map(Object::thin);
        Ok(Found {
            stack: Some(stack),
            scan: Some(scan),
            object,
            probe,
            mask,
            geometry: Some(geometry),
            optics: instrument.optics(),
            as_written: Instrument::as_written(file),
            pixel: Some(pixel),
            in_metres: true,
            unit_taken: true,
            metadata,
            extras: own_extras(file)?,
            names: Names { scan: Some("translation"), ..Names::default() },
            converted: true,
            problems,
            ..Found::default()
        })
    }
}

/// A file without a translation, whose scan is to be described.
fn unplaced(
    container: &Container,
    data: &str,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<Found, Error> {
    let (file, options) = (container.hdf5()?, wanted.options);
    let mut problems = Vec::new();
    let said = Calibration::of(&options.experiment);
    let instrument = Instrument::read(file, &said, notes, &mut problems)?;
    let raster = match *file.shape(data)?.unwrap_or_default().as_slice() {
        [rows, columns, _, _] => Some((rows, columns)),
        _ => None,
    };
    let metadata = own_metadata(file)?;
    let read = patterns(container, data, None, metadata.as_ref(), wanted, notes, &mut problems)?;
    let Some(Read { stack, mask }) = read else {
        return Ok(Found { problems, ..Found::default() });
    };
    let mut probe = None;
    if let Some(path) = &options.companion {
        probe = Some(stack.in_its_unit(companion::probe(path, notes)?, notes));
    }
    Ok(Found {
        stack: Some(stack),
        mask,
        probe,
        raster,
        optics: instrument.optics(),
        calibration: instrument.calibration(),
        as_written: Instrument::as_written(file),
        needs_scan: true,
        metadata,
        converted: true,
        problems,
        ..Found::default()
    })
}

/// The geometry, by the patterns where nobody `stated` it, or why the positions can be those of no
/// scan; `told` is the pixel that the user says, `pixel` the one that the positions are in.
///
/// A pixel that is said tells nothing of where the detector is, for images of a beam that diverges
/// have any: the patterns are held against the pixel that the far field would have.
fn understood_geometry(
    stated: Option<Geometry>,
    stack: &Stack,
    scan: &[Position],
    (pixel, told): ((f64, f64), Option<f64>),
    instrument: &Instrument,
    notes: &mut Vec<String>,
) -> Result<Geometry, Problem> {
    let wrong = |found: String| {
        Err(Problem::new("translation", "positions of the sample in metres", found))
    };
    let (height, width) = stack.pattern_shape();
    if let Some(stated) = stated {
        let step = geometry::median_step(scan).unwrap_or(0.0);
        let far = stated == Geometry::FarField && step > height.max(width) as f64;
        let apart = format!(
            "neighbours {step:.0} px apart where a pattern's window has {height} x {width} px"
        );
        return match (far, told) {
            (true, Some(told)) => Err(wrong_pixel(told, apart)),
            (true, None) => wrong(format!("{apart}: some other unit, say it (--position-unit)")),
            (false, _) => Ok(stated),
        };
    }
    let light = stack.amplitude.view();
    let steps_of = |scan: &[Position]| geometry::median_step(scan).unwrap_or(0.0);
    let by_optics = told.and(instrument.optics()).map(|optics| {
        let (dy, dx) = optics.object_pixel((height, width));
        let place = |p: &Position| Position { y: p.y * pixel.0 / dy, x: p.x * pixel.1 / dx };
        scan.iter().map(place).collect::<Vec<_>>()
    });
    let Some((diameter, step)) = no_far_field(light, by_optics.as_deref().unwrap_or(scan)) else {
        let beyond = by_optics.as_ref().and_then(|_| no_far_field(light, scan));
        if let (Some(told), Some((diameter, step))) = (told, beyond) {
            return Err(wrong_pixel(told, apart(diameter, step)));
        }
        notes.push("geometry: CXI does not say; taken as far field".to_owned());
        return Ok(Geometry::FarField);
    };
    // Near-field images overlap by the light on the detector.
    let lit = geometry::lit_width(light);
    if let Some(told) = told.filter(|_| steps_of(scan) > lit) {
        return Err(wrong_pixel(told, apart(diameter, steps_of(scan))));
    }
    let apart = apart(diameter, step);
    if let Some((unit, steps)) = geometry::likely_unit(diameter, step) {
        return wrong(format!(
            "{apart}: in {unit} they would be {steps:.1} px apart; say their unit \
             (--position-unit), or --geometry near-field if it is a near-field scan"
        ));
    }
    let on_detector =
        instrument.on_detector(steps_of(scan) * pixel.0.max(pixel.1)).filter(|step| *step > lit);
    if let Some(steps) = on_detector {
        return wrong(format!(
            "{apart} as far field, and {steps:.0} pixels of the detector apart where the light is {lit:.0} \
             wide as near field: some other unit, say it (--position-unit)"
        ));
    }
    notes.push(format!(
        "geometry: read as far field, the illumination is {diameter:.0} px wide and the positions are {step:.0} px \
         apart, so nothing overlaps: taken as a near-field scan; state the geometry (--geometry far-field or \
         near-field) to decide it"
    ));
    Ok(Geometry::NearField)
}

/// How far positions are apart, and how wide the illumination is, in words.
fn apart(diameter: f64, step: f64) -> String {
    format!("neighbours {step:.0} px apart where the illumination is {diameter:.0} px wide")
}

/// The problem with an object's pixel that the user says, by how far that brings the positions
/// `apart`.
fn wrong_pixel(told: f64, apart: String) -> Problem {
    let expected = "the side of an object pixel (--pixel-size-m) with which neighbouring positions \
                    overlap, or another unit of the positions (--position-unit)";
    Problem::new("pixel_size_m", expected, format!("{told:e} m, and so {apart}"))
}

/// The patterns, and which of their pixels are good.
struct Read {
    stack: Stack,
    mask: Option<Mask>,
}

/// The patterns for `n` positions; `own` are the metadata of a file that this crate wrote.
fn patterns(
    container: &Container,
    name: &str,
    n: Option<usize>,
    own: Option<&Metadata>,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Read>, Error> {
    let (file, options) = (container.hdf5()?, wanted.options);
    let Some((shape, order)) = ordered(file, name, n, options, notes, problems)? else {
        return Ok(None);
    };
    let mask = mask::read(container, (shape, order), options, wanted.storage, notes, problems)?;
    // Floating-point numbers that are whole are taken as counts, unless the file's own account says
    // otherwise.
    let mut options = options.clone();
    let scale = own.and_then(metadata::intensity_scale);
    if own.is_some() && options.quantity.is_none() {
        let quantity = if scale.is_some() { Quantity::Counts } else { Quantity::Intensity };
        options.quantity = Some(quantity);
    }
    let plain = Stored::plain(container, std::slice::from_ref(&name), shape);
    let stored = Stored { order, good: mask.as_ref(), blank_bad: true, ..plain };
    let wanted = wanted.with(&options);
    let mut stack = match stack::read_from(&stored, &Rules::counts("data"), &wanted, notes)? {
        Ok(stack) => stack,
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            return Ok(None);
        }
        Err(Refusal::Ambiguous(question)) => return Err(question.about(file.path())),
    };
    if let (Some(ours), Some(found)) = (scale, stack.scale) {
        stack.amplitude.change(|amplitude| (f64::from(amplitude) * found / ours) as f32);
        stack.scale = Some(ours);
    }
    Ok(Some(Read { stack, mask }))
}

/// The lengths of the patterns' three axes, and their order.
fn ordered(
    file: &Hdf5,
    name: &str,
    n: Option<usize>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<([usize; 3], AxisOrder)>, Error> {
    let shape = file.shape(name)?.unwrap_or_default();
    let shape = match *shape.as_slice() {
        [n, height, width] => [n, height, width],
        [rows, columns, height, width] => {
            notes.push(format!(
                "data: a raster of {rows} x {columns} patterns; a translation takes precedence over it"
            ));
            [rows.saturating_mul(columns), height, width]
        }
        _ => {
            problems.push(Problem::new(
                name,
                "(n, H, W) or (ny, nx, H, W)",
                format!("shape {shape:?}"),
            ));
            return Ok(None);
        }
    };
    let evidence =
        OrderEvidence { key: "data", n: n.unwrap_or(shape[0]), probe: None, by_contract: true };
    let order = match evidence.decide(&shape, options, notes) {
        Ok(order) => order,
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            return Ok(None);
        }
        Err(Refusal::Ambiguous(question)) => return Err(question.about(file.path())),
    };
    Ok(Some((shape, order)))
}

fn own_extras(file: &Hdf5) -> Result<Vec<(String, Array)>, Error> {
    let group = format!("{OURS}/extras/");
    let mut extras = Vec::new();
    for info in file.list()? {
        if let Some(name) = info.name.trim_start_matches('/').strip_prefix(&group) {
            extras.push((name.to_owned(), file.read(&info.name)?));
        }
    }
    Ok(extras)
}
