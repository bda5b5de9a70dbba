//! The study's format (DATA-001) and its older form with `diff3d`.

use std::path::Path;

use lapwing_model::{Modes, Object, Position, parallel};
use ndarray::{Axis, Ix2, Ix3};

use super::definition::Dialect;
use super::found::Found;
use super::order::OrderEvidence;
use super::shared::{holds, positions, stored_metadata};
use super::stack::{Refusal, Stack};
use super::stored::{Rules, StackFile, Stored, wrong_kind};
use super::wanted::Wanted;
use super::{extras, masks, stack};
use crate::container::ByteFormat;
use crate::dataset::SCAN_INDEX;
use crate::npy::{Array, DType, Values};
use crate::npz::{Archive, ArrayInfo};
use crate::options::{AxisOrder, CoordinateOrder, Quantity, ReadOptions, ZeroFrequency};
use crate::patterns::Storage;
use crate::scans::SCAN_NUMBER;
use crate::{Container, Error, Mask, Metadata, Problem, mask, metadata};

/// Optional arrays that must have one entry per pattern.
const PER_PATTERN: [&str; 6] =
    ["Y", SCAN_INDEX, SCAN_NUMBER, "xcoords_start", "ycoords_start", "filenames"];

/// The study's own format.
pub(super) static STUDY: Study =
    Study { name: "study", key: "diffraction", patterns: &["diffraction"] };

/// The same with the older name of the patterns, which may be amplitude, intensity or counts.
pub(super) static DIFF3D: Study = Study { name: "diff3d", key: "diff3d", patterns: &["diff3d"] };

/// The study's format with the patterns under one name or the other.
pub(super) struct Study {
    name: &'static str,
    key: &'static str,
    patterns: &'static [&'static str],
}

impl Dialect for Study {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Npz
    }

    fn patterns(&self) -> &'static [&'static str] {
        self.patterns
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(holds(file.archive()?, self.key, options))
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (archive, options, key) = (file.archive()?, wanted.options, self.key);
        let mut problems = Vec::new();
        let metadata = stored_metadata(archive, options, notes)?;
        let raster = match archive.contains(key).then(|| archive.header(key)).transpose()? {
            Some(header) if header.shape.len() == 4 => Some((header.shape[0], header.shape[1])),
            _ => None,
        };
        // Without positions a raster is described, or positions are another file.
        let experiment = &options.experiment.scan;
        let described = !holds(archive, "xcoords", options)
            && !holds(archive, "ycoords", options)
            && (raster.is_some() || experiment.shape.is_some())
            || experiment.positions.is_some();
        let scan = match described {
            true => None,
            false => scan(archive, options, notes, &mut problems)?,
        };
        let n = match (&scan, raster) {
            (Some(scan), _) => scan.len(),
            (None, Some((rows, columns))) => rows.saturating_mul(columns),
            (None, None) if described => experiment.shape.map_or_else(
                || archive.header(key).map_or(0, |header| header.shape.first().map_or(0, |&n| n)),
                |(rows, columns)| rows.saturating_mul(columns),
            ),
            (None, None) => 0,
        };
        let object = object(archive, options, notes, &mut problems)?;
        let probe = probe(archive, options, notes, &mut problems)?;
        let evidence = OrderEvidence {
            key,
            n,
            probe: probe.as_ref().map(|modes| (modes.len_of(Axis(1)), modes.len_of(Axis(2)))),
            by_contract: self.key == STUDY.key && metadata.as_ref().is_some_and(follows_contract),
        };
        // The other arrays are often compressed, and as large as the patterns: they are read at the
        // same time.
        let arrays = archive.list()?;
        let mut known = vec![key, "xcoords", "ycoords", "objectGuess", "probeGuess", mask::KEY];
        let mut notes_of_extras = Vec::new();
        if *wanted.storage != Storage::Memory {
            let large = as_large_as(key, &arrays, &known, options);
            notes_of_extras
                .extend(large.iter().map(|name| format!("{name}: passed over, as large as {key}")));
            known.extend(large);
        }
        let mut mask = None;
        let (stack, extras) = parallel::both(
            || {
                let evidence = (scan.is_some() || described).then_some(&evidence);
                patterns(archive, evidence, key, &mut mask, wanted, notes, &mut problems)
            },
            || extras::read(archive, &known, options, &mut notes_of_extras),
        );
        let (stack, mut extras) = (stack?, extras?);
        notes.append(&mut notes_of_extras);
        let mut wrong_extras = Vec::new();
        // What is wrong with a mask is told when the data set is settled.
        let mask = match mask.filter(|_| stack.is_some()).transpose() {
            Ok(mask) => mask,
            Err(problem) => {
                wrong_extras.push(problem);
                None
            }
        };
        if let (Some(scan), Some(stack), false) = (&scan, &stack, options.common) {
            check_extras(&mut extras, scan.len(), stack.order, notes, &mut wrong_extras);
        }
        let converted = stack.as_ref().is_some_and(|stack| {
            stack.order != AxisOrder::PatternFirst
                || stack.quantity != Quantity::Amplitude
                || stack.zero_frequency != ZeroFrequency::Centre
                || options.coordinate_order == Some(CoordinateOrder::ColumnRow)
                || options.flip_y
                || options.flip_x
        });
        Ok(Found {
            stack,
            scan,
            mask,
            raster,
            needs_scan: described,
            object,
            probe,
            metadata,
            extras,
            converted,
            problems,
            wrong_extras,
            ..Found::default()
        })
    }
}

/// Names of the arrays beside those that are `known` that have at least as many elements as the
/// patterns under `key`.
fn as_large_as<'a>(
    key: &str,
    arrays: &'a [ArrayInfo],
    known: &[&str],
    options: &ReadOptions,
) -> Vec<&'a str> {
    let count =
        |array: &ArrayInfo| array.shape.iter().fold(1, |count: usize, &n| count.saturating_mul(n));
    // Beside a single pattern nothing is large.
    let several = arrays.iter().find(|array| array.name == key && array.shape.first() != Some(&1));
    let patterns = several.map_or(usize::MAX, count);
    let other =
        |name: &str| name != metadata::KEY && !known.contains(&name) && !options.leaves_out(name);
    let large = arrays.iter().filter(|array| other(&array.name) && count(array) >= patterns);
    large.map(|array| array.name.as_str()).collect()
}

/// Whether the metadata are those of a tool that follows the contract, in which the patterns come
/// first.
fn follows_contract(metadata: &Metadata) -> bool {
    let says_so = metadata.get(crate::dataset::AXIS_ORDER).and_then(|order| order.as_str())
        == Some("(n, H, W)");
    says_so
        || metadata.contains_key("schema_version")
        || metadata.contains_key("data_transformations")
}

fn patterns(
    archive: &Archive,
    evidence: Option<&OrderEvidence>,
    key: &'static str,
    mask: &mut Option<Result<Mask, Problem>>,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Stack>, Error> {
    let options = wanted.options;
    if !archive.contains(key) {
        problems.push(Problem::new(key, "(n, H, W) float32", "nothing of that name"));
        return Ok(None);
    }
    let header = archive.header(key)?;
    if let Some(problem) = wrong_kind(key, &header.dtype) {
        problems.push(problem);
        return Ok(None);
    }
    let shape = match *header.shape.as_slice() {
        [n, height, width] => [n, height, width],
        [rows, columns, height, width] => {
            notes.push(format!("{key}: a raster of {rows} x {columns} patterns"));
            [rows.saturating_mul(columns), height, width]
        }
        _ => {
            let found = format!("shape {:?}", header.shape);
            problems.push(Problem::new(key, "axes (n, H, W) or (ny, nx, H, W)", found));
            return Ok(None);
        }
    };
    let rules = Rules {
        key,
        floats: (key == "diffraction").then_some(Quantity::Amplitude),
        integers: Quantity::Intensity,
        zero_frequency: ZeroFrequency::Centre,
    };
    // Without positions the order cannot be told, but the values can still be checked.
    // Nor is it in doubt in a raster.
    let order = match evidence {
        Some(evidence) if header.shape.len() == 3 => evidence.decide(&shape, options, notes),
        _ => Ok(AxisOrder::PatternFirst),
    };
    let outcome = match order {
        Ok(order) => {
            let (n, pattern) = match order {
                AxisOrder::PatternFirst => (shape[0], (shape[1], shape[2])),
                AxisOrder::PatternLast => (shape[2], (shape[0], shape[1])),
            };
            // The mask says which numbers among the patterns do not matter.
            if holds(archive, mask::KEY, options) {
                let file = StackFile::Archive(archive);
                let of = (n, pattern);
                *mask = Some(masks::read(file, mask::KEY, of, options, wanted.storage)?);
            }
            let good = mask.as_ref().and_then(|mask| mask.as_ref().ok());
            let names = [key];
            let plain = Stored::plain(StackFile::Archive(archive), &names, shape);
            let stored = Stored { order, good, ..plain };
            stack::read_from(&stored, &rules, wanted, notes)?
        }
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            Ok(None)
        }
        // What is wrong in any case is worth more than a question.
        Err(Refusal::Ambiguous(..)) if !problems.is_empty() => Ok(None),
        Err(Refusal::Ambiguous(question)) => Err(question.about(archive.path())),
    }
}

/// Holds the number of patterns of an archive of the study's format against that of its positions
/// `n`, without reading any of them.
///
/// # Errors
/// [`Error::Contract`] where they do not agree, as for the whole data set, and when the file cannot
/// be read.
pub fn check_count(path: impl AsRef<Path>, n: usize) -> Result<(), Error> {
    let path = path.as_ref();
    let file = Container::open(path)?;
    let Ok(archive) = file.archive() else { return Ok(()) };
    for key in [STUDY.key, DIFF3D.key].into_iter().filter(|key| archive.contains(key)) {
        // A raster has its own number of positions, and any other shape is told when it is read.
        let Ok(shape) = <[usize; 3]>::try_from(archive.header(key)?.shape) else { continue };
        let evidence = OrderEvidence { key, n, probe: None, by_contract: true };
        let decided = evidence.decide(&shape, &ReadOptions::default(), &mut Vec::new());
        if let Err(Refusal::Problems(problems)) = decided {
            return Err(Error::Contract { path: path.to_owned(), problems });
        }
    }
    Ok(())
}

/// Which of `xcoords` and `ycoords`, not of one length, is to blame, its length, the other and its
/// length: the one that the patterns do not fit; where they do not tell, the shorter one.
pub(crate) fn unequal(
    x: usize,
    y: usize,
    archive: &Archive,
) -> (&'static str, usize, &'static str, usize) {
    let patterns = [STUDY.key, DIFF3D.key].into_iter().find(|key| archive.contains(key));
    let shape = patterns.and_then(|key| archive.header(key).ok()).map(|header| header.shape);
    let fits = |n: usize| shape.as_ref().is_some_and(|shape| shape.contains(&n));
    let x_is_wrong = match (fits(x), fits(y)) {
        (false, true) => true,
        (true, false) => false,
        _ => x < y,
    };
    match x_is_wrong {
        true => ("xcoords", x, "ycoords", y),
        false => ("ycoords", y, "xcoords", x),
    }
}

/// Positions from `xcoords` and `ycoords`; `None` when there is a problem with them.
pub(super) fn scan(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<Position>>, Error> {
    let xcoords = coordinates(archive, "xcoords", options, problems)?;
    let ycoords = coordinates(archive, "ycoords", options, problems)?;
    match (xcoords, ycoords) {
        (Some(x), Some(y)) if x.len() == y.len() => Ok(Some(positions(y, x, options, notes))),
        (Some(x), Some(y)) => {
            if options.common {
                let rows = y.into_iter().take(x.len()).collect();
                return Ok(Some(positions(rows, x, options, notes)));
            }
            let (wrong, found, other, n) = unequal(x.len(), y.len(), archive);
            let expected =
                format!("({n},), as long as {other} (or --common to take the first ones of both)");
            problems.push(Problem::new(wrong, expected, format!("({found},)")));
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn coordinates(
    archive: &Archive,
    key: &str,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<f64>>, Error> {
    let expected = "(n,) or (ny, nx) float64";
    if archive.contains(key) && options.leaves_out(key) {
        let expected = format!(
            "{expected}, or in place of both coordinates a raster (--scan-shape with --scan-step-m) or \
             other positions (--positions FILE)"
        );
        problems.push(Problem::new(key, expected, "left out, as specified"));
        return Ok(None);
    }
    if !archive.contains(key) {
        let found = "nothing of that name (elsewhere: --positions FILE; of a regular raster: \
                     --scan-shape NY,NX)";
        problems.push(Problem::new(key, expected, found));
        return Ok(None);
    }
    let header = archive.header(key)?;
    let real = header.dtype.is_float() || header.dtype.is_integer();
    let raster = matches!(*header.shape.as_slice(), [rows, columns] if rows > 1 && columns > 1);
    if header.shape.len() != 1 && !raster || !real {
        problems.push(Problem::new(key, expected, found(&header.shape, &header.dtype)));
        return Ok(None);
    }
    let values = archive.read(key)?.to_f64();
    values.map(Some).map_err(|source| Error::Array {
        path: archive.path().to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn found(shape: &[usize], dtype: &DType) -> String {
    format!("shape {shape:?} of {dtype}")
}

/// Whether an optional array is to be read.
fn wanted(archive: &Archive, key: &str, options: &ReadOptions, notes: &mut Vec<String>) -> bool {
    let left_out = options.leaves_out(key);
    if left_out && archive.contains(key) {
        notes.push(format!("{key}: left out, as specified"));
    }
    archive.contains(key) && !left_out
}

/// `objectGuess`, a thin object; `None` when absent, or when there is a problem with it.
pub(super) fn object(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Object>, Error> {
    let key = "objectGuess";
    if !wanted(archive, key, options, notes) {
        return Ok(None);
    }
    let header = archive.header(key)?;
    if header.shape.len() != 2 || !header.dtype.is_complex() {
        let found = found(&header.shape, &header.dtype);
        let found = format!("{found} (to pass over it: --leave-out {key})");
        problems.push(Problem::new(key, "(M, M') complex64", found));
        return Ok(None);
    }
    note_width(key, &header.dtype, notes);
    Ok(archive.read(key)?.into_complex32_array::<Ix2>().ok().map(Object::thin))
}

/// `probeGuess` as (modes, H, W); `None` when absent, or when there is a problem with it.
pub(super) fn probe(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    let key = "probeGuess";
    if !wanted(archive, key, options, notes) {
        return Ok(None);
    }
    let header = archive.header(key)?;
    let shape = match *header.shape.as_slice() {
        [height, width] => Some([1, height, width]),
        // (H, W, 1); but (1, H, 1) can only be one mode of a single column.
        [height, width, 1] if height > 1 => Some([1, height, width]),
        [modes, height, width] => Some([modes, height, width]),
        _ => None,
    };
    let (Some(shape), true) = (shape, header.dtype.is_complex()) else {
        let expected = "(H, W), (modes, H, W) or (H, W, 1) complex64";
        problems.push(Problem::new(key, expected, found(&header.shape, &header.dtype)));
        return Ok(None);
    };
    note_width(key, &header.dtype, notes);
    let array = archive.read(key)?.reshape(shape.to_vec());
    Ok(array.and_then(Array::into_complex32_array::<Ix3>).ok())
}

fn note_width(key: &str, dtype: &DType, notes: &mut Vec<String>) {
    if *dtype != DType::C64 {
        notes.push(format!("{key}: {dtype} converted to complex64"));
    }
}

/// The optional arrays of the contract: one entry per pattern, finite where they are numbers.
/// Patches stored as (H, W, n) beside patterns of that order are reordered like these.
fn check_extras(
    extras: &mut [(String, Array)],
    n: usize,
    order: AxisOrder,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    for (name, array) in extras.iter_mut().filter(|(name, _)| PER_PATTERN.contains(&name.as_str()))
    {
        if order == AxisOrder::PatternLast
            && name == "Y"
            && array.dtype().is_complex()
            && let [_, _, last] = *array.shape()
            && last == n
            && let Ok(patches) =
                std::mem::replace(array, Array::scalar(0_u8)).into_complex32_array::<Ix3>()
        {
            *array = Array::from(&patches.permuted_axes([2, 0, 1]));
            notes.push("Y: axes (H, W, n) reordered to (n, H, W)".to_owned());
        }
        if array.shape().first() != Some(&n) {
            let expected = format!("{n} entries along the first axis, one for each pattern");
            problems.push(Problem::new(
                name.as_str(),
                expected,
                format!("shape {:?}", array.shape()),
            ));
        }
    }
    let patches = extras.iter().find(|(name, _)| name == "Y").map(|(_, array)| array.values());
    let wrong = match patches {
        Some(Values::C64(values)) => values.iter().filter(|value| !value.is_finite()).count(),
        Some(Values::C128(values)) => values.iter().filter(|value| !value.is_finite()).count(),
        _ => 0,
    };
    if wrong > 0 {
        problems.push(Problem::new("Y", "finite numbers", format!("{wrong} that are not")));
    }
}
