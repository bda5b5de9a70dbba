//! CXI 1.6 (F. R. N. C. Maia, *Nature Methods* 9, 854, 2012): patterns and geometry in SI units, in
//! HDF5.
//!
//! Read are `entry_1/data_1/data` or `entry_1/instrument_1/detector_1/data`, (n, H, W) or, as
//! NXcxi_ptycho has raster scans, (ny, nx, H, W), intensity with the zero frequency in the centre;
//! `translation` of the **sample** in metres; and the optics. `docs/reading.md` has the whole list.

mod instrument;
mod write;

use serde_json::json;

use super::geometry::{self, no_far_field};
use super::stack::{OrderEvidence, Refusal, Rules};
use super::{
    AxisOrder, Dialect, Geometry, MASK_EXTRA, Quantity, ReadOptions, Understanding, ZeroFrequency,
    companion, positions, stack,
};
use crate::dataset::scaled;
use crate::hdf5::Hdf5;
use crate::npy::{Array, Values};
use crate::{Dataset, Error, Metadata, Problem, contract, metadata};
use instrument::Instrument;
pub use write::write_cxi;

/// Where the patterns are.
const DATA: [&str; 2] = ["entry_1/data_1/data", "entry_1/instrument_1/detector_1/data"];
/// Where the positions are.
const TRANSLATION: [&str; 3] = [
    "entry_1/data_1/translation",
    "entry_1/sample_1/geometry_1/translation",
    "entry_1/instrument_1/detector_1/translation",
];
const MASK: &str = "entry_1/instrument_1/detector_1/mask";
/// The group of what CXI has no names for, in files that this crate wrote.
const OURS: &str = "entry_1/lapwing_1";
/// The one bit of a CXI mask that does not make a pixel bad.
const STILL_GOOD: u32 = 0x1000;

/// Whether a file looks like CXI.
pub(super) fn is_cxi(file: &Hdf5) -> Result<bool, Error> {
    Ok(file.contains("cxi_version")? || file.first_of(&DATA)?.is_some())
}

pub(super) fn read(file: &Hdf5, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    let arrays = file.list()?;
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    let (Some(data), Some(translation)) = (file.first_of(&DATA)?, file.first_of(&TRANSLATION)?)
    else {
        for (names, expected) in [
            (&DATA[..], "(n, H, W) intensities"),
            (&TRANSLATION[..], "(n, 3) positions of the sample in metres"),
        ] {
            if file.first_of(names)?.is_none() {
                problems.push(Problem::new(names[0], expected, "nothing of that name"));
            }
        }
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    };
    let instrument = Instrument::read(file, &mut notes, &mut problems)?;
    let translations = translations(file, translation, &mut problems)?;
    let mut own = own_metadata(file)?;

    let Some((mut patterns, order)) = patterns(
        file,
        data,
        translations.as_ref().map(Vec::len),
        options,
        &mut notes,
        &mut problems,
    )?
    else {
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    };
    let mut extras = own_extras(file)?;
    if let Some(mask) = mask(file, &mut patterns, order, options, &mut notes, &mut problems)? {
        extras.push((MASK_EXTRA.to_owned(), mask));
    }
    // Floating-point numbers that are whole are taken as counts, unless the file's own account says
    // otherwise.
    let mut options = options.clone();
    if let Some(metadata) = &own
        && options.quantity.is_none()
    {
        let counts = metadata::intensity_scale(metadata).is_some();
        options.quantity = Some(if counts { Quantity::Counts } else { Quantity::Intensity });
    }
    let rules = Rules {
        key: "data",
        floats: Some(Quantity::Intensity),
        integers: Quantity::Counts,
        zero_frequency: ZeroFrequency::Centre,
    };
    let mut stack = match stack::read(patterns, order, &rules, &options, &mut notes) {
        Ok(stack) => stack,
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            return Err(Error::Contract { path: file.path().to_owned(), problems });
        }
        Err(Refusal::Ambiguous(question)) => return Err(question.about(file.path())),
    };
    if let (Some(ours), Some(found)) =
        (own.as_ref().and_then(metadata::intensity_scale), stack.scale)
    {
        stack.amplitude.mapv_inplace(|amplitude| (f64::from(amplitude) * found / ours) as f32);
        stack.scale = Some(ours);
    }
    let (_, height, width) = stack.amplitude.dim();
    let shape = (height, width);

    let pixel = instrument.object_pixel(shape, &options, file.path(), &mut notes, &mut problems)?;
    let (Some(pixel), Some(translations)) = (pixel, translations) else {
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    };
    let (rows, columns) =
        instrument.beam_positions(&translations, pixel, &mut notes, &mut problems);
    let scan = positions(rows, columns, &options, &mut notes);
    problems.extend(
        contract::scan(&scan).into_iter().map(|p| Problem { key: "translation".into(), ..p }),
    );
    instrument.note_centre(shape, &mut notes);

    let stated = options.geometry.or_else(|| own.as_ref().and_then(stated_geometry));
    let geometry = stated.unwrap_or_else(|| match no_far_field(&stack.amplitude, &scan) {
        None => {
            notes.push("geometry: CXI does not say; taken as far field".to_owned());
            Geometry::FarField
        }
        Some((diameter, step)) => {
            notes.push(format!(
                "geometry: read as far field, the illumination is {diameter:.0} px wide and the positions are {step:.0} px \
                 apart, so nothing overlaps: most likely a near-field scan; the positions were still converted with the \
                 far-field pixel; state the geometry (--geometry far-field or near-field) to decide it"
            ));
            Geometry::NearField
        }
    });

    let mut probe =
        own_complex(file, "probeGuess")?.and_then(|array| array.into_complex32_array().ok());
    let object =
        own_complex(file, "objectGuess")?.and_then(|array| array.into_complex32_array().ok());
    if let Some(path) = &options.companion {
        let modes = companion::probe(path, &mut notes)?;
        probe = Some(match stack.scale {
            Some(scale) => {
                notes.push(format!("probe: divided by {scale}, like the amplitudes"));
                scaled(modes, (1.0 / scale) as f32)
            }
            None => modes,
        });
    }
    if let Some(modes) = &probe {
        problems.extend(contract::probe(modes, shape));
    }
    if let Some(object) = &object {
        problems.extend(contract::object(object));
        problems.extend(contract::windows(&scan, shape, object.dim()));
    }
    if !problems.is_empty() {
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    }

    let metadata = own.get_or_insert_default();
    if let Some(scale) = stack.scale {
        metadata::set_physics_parameter(metadata, "intensity_scale", scale);
        if metadata::nphotons(metadata).is_none() {
            metadata::set_physics_parameter(metadata, "nphotons", scale * scale);
        }
    }
    if let Some(optics) = instrument.optics() {
        optics.record(metadata);
    }
    geometry::record_pixel(metadata, pixel);
    metadata::set_physics_parameter(metadata, "geometry", geometry.name());
    let parameters = json!({
        "dialect": Dialect::Cxi, "axis_order": order, "quantity": stack.quantity,
        "zero_frequency": stack.zero_frequency, "notes": notes,
    });
    metadata::append_transformation(metadata, "lapwing", "read", parameters);
    let dataset =
        Dataset { diffraction: stack.amplitude, scan, object, probe, metadata: own, extras };
    let understanding = Understanding {
        dialect: Dialect::Cxi,
        axis_order: order,
        quantity: stack.quantity,
        zero_frequency: stack.zero_frequency,
        geometry: Some(geometry),
        n_patterns: dataset.n_patterns(),
        pattern_shape: shape,
        pixel_size_m: Some(pixel),
        mean_counts_per_pattern: dataset.intensity_scale().map(|_| dataset.mean_intensity()),
        notes,
        arrays,
    };
    Ok((dataset, understanding))
}

/// The patterns with three axes, and their order.
fn patterns(
    file: &Hdf5,
    name: &str,
    n: Option<usize>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<(Array, AxisOrder)>, Error> {
    let shape = file.shape(name)?.unwrap_or_default();
    let shape = match *shape.as_slice() {
        [n, height, width] => [n, height, width],
        [rows, columns, height, width] => {
            notes.push(format!(
                "data: a raster of {rows} x {columns} patterns; its translation is what counts"
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
    let array = file.read(name)?.reshape(shape.to_vec());
    let array = array.map_err(|error| Error::hdf5(file.path(), name, error.to_string()))?;
    if let Some(problem) = stack::wrong_kind(name, &array.dtype()) {
        problems.push(problem);
        return Ok(None);
    }
    Ok(Some((array, order)))
}

/// Sample positions (x, y, z) in metres.
fn translations(
    file: &Hdf5,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<[f64; 3]>>, Error> {
    let array = file.read(name)?;
    let found = format!("shape {:?} of {}", array.shape(), array.dtype());
    let axes = array.shape().last().copied().unwrap_or(0);
    match array.to_f64() {
        Ok(values) if matches!(array.shape().len(), 2 | 3) && matches!(axes, 2 | 3) => {
            let point = |t: &[f64]| [t[0], t[1], t.get(2).copied().unwrap_or(0.0)];
            Ok(Some(values.chunks_exact(axes).map(point).collect()))
        }
        _ => {
            problems.push(Problem::new(name, "(n, 3) numbers, metres", found));
            Ok(None)
        }
    }
}

/// Sets the patterns to zero where the mask says that a pixel is bad; the mask as an extra array
/// (1, H, W) or (n, H, W).
///
/// The leading axis of length 1 keeps a mask from being taken for an array with one entry per
/// pattern.
fn mask(
    file: &Hdf5,
    patterns: &mut Array,
    order: AxisOrder,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Array>, Error> {
    if !file.contains(MASK)? {
        return Ok(None);
    }
    if options.leave_out.iter().any(|left| left == MASK_EXTRA) {
        notes.push("mask: left out, as told".to_owned());
        return Ok(None);
    }
    let (n, height, width) = match (patterns.shape(), order) {
        (&[n, height, width], AxisOrder::PatternFirst) | (&[height, width, n], _) => {
            (n, height, width)
        }
        _ => return Ok(None),
    };
    let array = file.read(MASK)?;
    let per_pattern = array.shape() == [n, height, width] && order == AxisOrder::PatternFirst;
    let bits: Option<Vec<u32>> = match array.values() {
        Values::Bool(flags) => Some(flags.iter().map(|&flag| u32::from(flag)).collect()),
        _ => array.to_i64().ok().map(|bits| bits.iter().map(|&bit| bit as u32).collect()),
    };
    let expected = format!("whole numbers of shape ({height}, {width}), 0 where a pixel is good");
    let found = format!("shape {:?} of {}", array.shape(), array.dtype());
    let fits =
        array.shape() == [height, width] || array.shape() == [1, height, width] || per_pattern;
    let (Some(bits), true) = (bits, fits) else {
        problems.push(Problem::new(MASK, expected, found));
        return Ok(None);
    };
    let bad: Vec<bool> = bits.iter().map(|bit| bit & !STILL_GOOD != 0).collect();
    let wrong = bad.iter().filter(|&&bad| bad).count();
    if wrong == bad.len() {
        problems.push(Problem::new(
            MASK,
            expected,
            "every pixel bad; is 1 good in this file? leave out `mask`",
        ));
        return Ok(None);
    }
    let pixels = height * width;
    blank(patterns, |index| match order {
        AxisOrder::PatternLast => bad[index / n],
        _ if per_pattern => bad[index],
        _ => bad[index % pixels],
    });
    notes.push(format!(
        "mask: {wrong} of {} pixels bad (0 is good, so is 0x1000 alone); set to 0 in the patterns and carried along as `mask`, \
         whose bad pixels the solvers leave out",
        bad.len()
    ));
    let shape = if per_pattern { vec![n, height, width] } else { vec![1, height, width] };
    let carried = Array::new(shape, Values::U32(bits));
    carried.map(Some).map_err(|error| Error::hdf5(file.path(), MASK, error.to_string()))
}

/// Sets numbers to zero by their index.
fn blank(array: &mut Array, bad: impl Fn(usize) -> bool) {
    macro_rules! blanked {
        ($values:expr, $($variant:ident),*) => {
            match $values {
                $(Values::$variant(mut values) => {
                    let wrong = values.iter_mut().enumerate().filter(|(index, _)| bad(*index));
                    wrong.for_each(|(_, value)| *value = Default::default());
                    Values::$variant(values)
                })*
                other => other,
            }
        };
    }
    let whole = std::mem::replace(array, Array::scalar(0_u8));
    let shape = whole.shape().to_vec();
    let values = blanked!(whole.into_values(), I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64);
    // Shape and number of values are those of before.
    if let Ok(same) = Array::new(shape, values) {
        *array = same;
    }
}

/// The metadata in a file that this crate wrote.
fn own_metadata(file: &Hdf5) -> Result<Option<Metadata>, Error> {
    let name = format!("{OURS}/{}", metadata::KEY);
    if !file.contains(&name)? {
        return Ok(None);
    }
    let texts = file.read(&name)?.to_strings();
    let text = texts.ok().and_then(|texts| texts.into_iter().next());
    match text.as_deref().map(serde_json::from_str::<Metadata>) {
        Some(Ok(metadata)) => Ok(Some(metadata)),
        Some(Err(error)) => {
            Err(Error::hdf5(file.path(), &name, format!("no JSON object: {error}")))
        }
        None => Err(Error::hdf5(file.path(), &name, "expected JSON text")),
    }
}

fn stated_geometry(metadata: &Metadata) -> Option<Geometry> {
    metadata.get("physics_parameters")?.get("geometry")?.as_str()?.parse().ok()
}

fn own_complex(file: &Hdf5, key: &str) -> Result<Option<Array>, Error> {
    let name = format!("{OURS}/{key}");
    if file.contains(&name)? { file.read(&name).map(Some) } else { Ok(None) }
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

/// The mask of a data set as CXI has it, (H, W), if it carries one.
fn mask_of(dataset: &Dataset) -> Option<&[u32]> {
    let (_, mask) = dataset.extras.iter().find(|(name, _)| name == MASK_EXTRA)?;
    let (_, height, width) = dataset.diffraction.dim();
    match (mask.shape(), mask.values()) {
        (&[1, h, w], Values::U32(bits)) if (h, w) == (height, width) => Some(bits),
        _ => None,
    }
}
