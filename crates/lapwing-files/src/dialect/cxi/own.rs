//! What CXI has no names for, in files that this crate wrote, and where their positions are.

use lapwing_model::Position;

use super::instrument::Instrument;
use crate::dialect::geometry::{self, object_pixel};
use crate::dialect::shared::{by_coordinate, positions};
use crate::dialect::unit::{self, Scale, scale};
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::npy::Array;
use crate::options::{Geometry, ReadOptions};
use crate::{Error, Metadata, Problem, metadata};

/// Where the positions are.
pub(super) const TRANSLATION: [&str; 3] = [
    "entry_1/data_1/translation",
    "entry_1/sample_1/geometry_1/translation",
    "entry_1/instrument_1/detector_1/translation",
];
/// The group of what CXI has no names for, in files that this crate wrote.
pub(super) const OURS: &str = "entry_1/lapwing_1";

/// Where an array of this crate is in a CXI file that is called `key` in its other files.
pub(crate) fn own_name(key: &str) -> String {
    format!("{OURS}/{key}")
}

/// Window centres in object pixels, in a file that this crate wrote for patterns of `shape`.
///
/// # Errors
/// Whatever makes the file unreadable.
pub(crate) fn own_scan(
    file: &Hdf5,
    shape: (usize, usize),
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<Position>>, Error> {
    let Some(metadata) = own_metadata(file)? else { return Ok(None) };
    let Some(translation) = file.first_of(&TRANSLATION)? else { return Ok(None) };
    let said = Calibration::of(&options.experiment);
    let instrument = Instrument::read(file, &said, notes, problems)?;
    let near = geometry::stated(&metadata) == Some(Geometry::NearField);
    let known = (near, object_pixel(&metadata));
    let pixel = instrument.object_pixel(shape, known, options, file.path(), notes, problems)?;
    let Some(pixel) = pixel else { return Ok(None) };
    let Some(translations) = translations(file, translation, options, notes, problems)? else {
        return Ok(None);
    };
    let sides = by_coordinate(pixel, options);
    let (rows, columns) = instrument.beam_positions(&translations, sides, notes, problems);
    Ok(Some(positions(rows, columns, options, notes)))
}

/// Sample positions (x, y, z) in metres: CXI has no other unit, NeXus says it in an attribute.
pub(super) fn translations(
    file: &Hdf5,
    name: &str,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<[f64; 3]>>, Error> {
    let array = file.read(name)?;
    let found = format!("shape {:?} of {}", array.shape(), array.dtype());
    let scan = &options.experiment.scan;
    let told = scan.position_unit.filter(|_| scan.positions.is_none());
    let attribute = unit::stated(file, name);
    let metres = match (told, attribute) {
        (Some(unit), _) => match unit.metres() {
            Some(metres) => {
                notes.push(format!("translation: in {unit}, as specified"));
                metres
            }
            None => {
                let expected = "m, mm, um, nm or angstrom, for the file has no positions in pixels";
                problems.push(Problem::new("position_unit", expected, unit.to_string()));
                return Ok(None);
            }
        },
        (None, Some(unit)) => match scale(&unit) {
            Some(Scale::Metres(metres)) => {
                if metres != 1.0 {
                    notes.push(format!("translation: in {unit}, as the file says"));
                }
                metres
            }
            _ => {
                let expected = "a unit of length (m, cm, mm, um, nm, angstrom), or that it is said \
                                (--position-unit)";
                problems.push(Problem::new(name, expected, format!("units {unit:?}")));
                return Ok(None);
            }
        },
        (None, None) => 1.0,
    };
    let axes = array.shape().last().copied().unwrap_or(0);
    // As programs that count columns first write (n, 3).
    let turned = match *array.shape() {
        [2 | 3, n] if n > 3 => Some(n),
        _ => None,
    };
    match (array.to_f64(), turned) {
        (Ok(values), Some(n)) => {
            notes.push(format!("translation: turned from ({}, n)", array.shape()[0]));
            let along = |axis: usize, index: usize| values.get(axis * n + index).copied();
            let point =
                |index: usize| [0, 1, 2].map(|axis| along(axis, index).unwrap_or(0.0) * metres);
            Ok(Some((0..n).map(point).collect()))
        }
        (Ok(values), None) if matches!(array.shape().len(), 2 | 3) && matches!(axes, 2 | 3) => {
            let point = |t: &[f64]| {
                [t[0], t[1], t.get(2).copied().unwrap_or(0.0)].map(|length| length * metres)
            };
            Ok(Some(values.chunks_exact(axes).map(point).collect()))
        }
        _ => {
            problems.push(Problem::new(name, "(n, 3) numbers, metres", found));
            Ok(None)
        }
    }
}

/// The metadata in a file that this crate wrote.
pub(crate) fn own_metadata(file: &Hdf5) -> Result<Option<Metadata>, Error> {
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

/// An array of complex numbers, in a file that this crate wrote with it.
pub(crate) fn own_complex(file: &Hdf5, key: &str) -> Result<Option<Array>, Error> {
    let name = format!("{OURS}/{key}");
    if file.contains(&name)? { file.read(&name).map(Some) } else { Ok(None) }
}
