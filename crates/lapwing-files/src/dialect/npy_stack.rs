//! A plain stack: the patterns in one `.npy` file, (n, H, W) or (ny, nx, H, W), beside `NAME.npy`
//! its positions in `NAME.positions.npy` or `NAME.positions.csv`, (n, 2) as (y, x), window centres
//! in pixels of the object, and, if it is there, the start probe in `NAME.probe.npy`, (H, W) or
//! (modes, H, W).
//!
//! Whole numbers are photon counts. What floating-point numbers are only the user can know.

use std::path::{Path, PathBuf};

use lapwing_model::Modes;
use ndarray::{Axis, Ix3};

use super::cube::Lie;
use super::definition::Dialect;
use super::found::{Found, Names};
use super::order::OrderEvidence;
use super::pairs::{self, Pairs};
use super::shared::positions;
use super::stack::{Refusal, Stack};
use super::stored::{Rules, Stored, wrong_kind};
use super::wanted::Wanted;
use super::{companion, stack};
use crate::container::{ByteFormat, SingleArray};
use crate::experiment::Numbers;
use crate::npy::{self, Array};
use crate::options::{PositionUnit, Quantity, ReadOptions, ZeroFrequency};
use crate::{Container, Error, Problem};

/// What the patterns are called in messages; the array of a `.npy` file has no name.
const PATTERNS: &str = "patterns";
const POSITIONS: &str = "positions";
const PROBE: &str = "probe";

/// The dialect.
pub(super) struct NpyStack;

impl Dialect for NpyStack {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Npy
    }

    fn takes_companion(&self) -> bool {
        true
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[""]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let Container::Npy(array) = file else { return Ok(false) };
        let header = array.header();
        Ok(matches!(header.shape.len(), 3 | 4) && wrong_kind(PATTERNS, &header.dtype).is_none())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let options = wanted.options;
        let Container::Npy(array) = file else {
            let problem =
                Problem::new("file", ByteFormat::Npy.to_string(), file.kind().to_string());
            return Ok(Found { problems: vec![problem], ..Found::default() });
        };
        let mut problems = Vec::new();
        let raster = Lie::of(&array.header().shape, None, options).and_then(|lie| lie.raster);
        let scan = &options.experiment.scan;
        let described = scan.positions.is_some() || scan.step_m.is_some();
        let pairs = match scan.positions {
            Some(_) => None,
            None => {
                let as_stored = options.coordinate_order.is_some();
                pairs_beside(array.path(), described, as_stored, notes, &mut problems)?
            }
        };
        let probe = probe(array.path(), options, notes, &mut problems)?;
        let n = pairs.as_ref().map(Vec::len);
        let stack = patterns(file, array, n, probe.as_ref(), wanted, notes, &mut problems)?;
        let scan = pairs.map(|pairs| {
            let (rows, columns) = pairs.into_iter().map(|[y, x]| (y, x)).unzip();
            positions(rows, columns, options, notes)
        });
        let probe = match &stack {
            Some(stack) => probe.map(|modes| stack.in_its_unit(modes, notes)),
            None => probe,
        };
        let names = Names { scan: Some(POSITIONS), probe: Some(PROBE), ..Names::default() };
        Ok(Found {
            stack,
            scan,
            raster,
            needs_scan: true,
            probe,
            names,
            converted: true,
            problems,
            ..Found::default()
        })
    }
}

/// The patterns; `n` is the number of positions.
fn patterns(
    file: &Container,
    array: &SingleArray,
    n: Option<usize>,
    probe: Option<&Modes>,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Stack>, Error> {
    let (header, options) = (array.header(), wanted.options);
    let Some(Lie { shape, order, .. }) = Lie::of(&header.shape, None, options) else {
        let found = format!("shape {:?}", header.shape);
        let expected = "axes (n, H, W) or (ny, nx, H, W)";
        problems.push(Problem::new(PATTERNS, expected, found));
        return Ok(None);
    };
    let calibrated = options.experiment.patterns.counts_per_quantum.is_some();
    if header.dtype.is_float() && options.quantity.is_none() && !calibrated {
        return Err(Error::Ambiguous {
            path: array.path().to_owned(),
            key: PATTERNS.to_owned(),
            reason: "floating-point numbers may be amplitude, intensity or counts".to_owned(),
            remedy: "state the quantity (--quantity amplitude, intensity or counts)".to_owned(),
        });
    }
    let rules = Rules {
        key: PATTERNS,
        floats: None,
        integers: Quantity::Counts,
        zero_frequency: ZeroFrequency::Centre,
    };
    let evidence = OrderEvidence {
        key: PATTERNS,
        n: n.or_else(|| described(shape, options)).unwrap_or(shape[0]),
        probe: probe.map(|modes| (modes.len_of(Axis(1)), modes.len_of(Axis(2)))),
        by_contract: false,
    };
    let order = match header.shape.len() {
        3 => evidence.decide(&shape, options, notes),
        _ => Ok(order),
    };
    let read = match order {
        Ok(order) => {
            let stored = Stored { order, ..Stored::plain(file, &[""], shape) };
            stack::read_from(&stored, &rules, wanted, notes)?
        }
        Err(refusal) => Err(refusal),
    };
    match read {
        Ok(stack) => Ok(Some(stack)),
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            Ok(None)
        }
        Err(Refusal::Ambiguous(question)) => Err(question.about(array.path())),
    }
}

/// Number of patterns of the raster that is described, of a stack of this shape; `None` where it
/// may be that of a part of them.
fn described([first, _, last]: [usize; 3], options: &ReadOptions) -> Option<usize> {
    let (rows, columns) = options.experiment.scan.shape?;
    let n = rows.saturating_mul(columns);
    let Numbers { frames, leave_out_frames, .. } = &options.experiment.patterns;
    let part = frames.is_some() || !leave_out_frames.is_empty();
    (!part || first == n || last == n).then_some(n)
}

/// `NAME.WHAT` beside `NAME.npy`.
fn beside(path: &Path, what: &str) -> PathBuf {
    path.with_extension(what)
}

/// Positions (y, x) from the file beside the patterns; none where they are described.
fn pairs_beside(
    path: &Path,
    described: bool,
    as_stored: bool,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<[f64; 2]>>, Error> {
    let files = ["positions.npy", "positions.csv"].map(|what| beside(path, what));
    let Some(file) = files.iter().find(|file| file.exists()) else {
        if !described {
            let expected = format!(
                "(n, 2) real numbers, window centres (y, x) in pixels of the object, in {} or {}; \
                 or the scan described: scan_step_m (and scan_shape, where the patterns are not \
                 (ny, nx, H, W)) or positions",
                files[0].display(),
                files[1].display()
            );
            problems.push(Problem::new(POSITIONS, expected, "neither file"));
        }
        return Ok(None);
    };
    match pairs::read(file, as_stored)? {
        Ok(Pairs { unit: Some(unit), .. }) if unit != PositionUnit::Pixel => {
            let expected = format!(
                "pixels of the object, or the file named (--positions {}) with the size of a pixel \
                 (--pixel-size-m, or what it follows from)",
                file.display()
            );
            let found = format!("{unit} in the first line of {}", file.display());
            problems.push(Problem::new(POSITIONS, expected, found));
            Ok(None)
        }
        Ok(pairs) => {
            notes.push(pairs.told(file));
            Ok(Some(pairs.values))
        }
        Err(problem) => {
            problems.push(problem);
            Ok(None)
        }
    }
}

/// The start probe, from a companion or from the file beside the patterns.
fn probe(
    path: &Path,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    if let Some(companion) = &options.companion {
        return companion::probe(companion, notes).map(Some);
    }
    let file = beside(path, "probe.npy");
    if !file.exists() || options.leaves_out(PROBE) {
        return Ok(None);
    }
    let array = npy::read(&file)?;
    let found = format!("shape {:?} of {} in {}", array.shape(), array.dtype(), file.display());
    let shape = match *array.shape() {
        [height, width] => vec![1, height, width],
        ref other => other.to_vec(),
    };
    let complex = array.dtype().is_complex();
    let modes = array.reshape(shape).and_then(Array::into_complex32_array::<Ix3>);
    let (Ok(modes), true) = (modes, complex) else {
        let expected = "complex numbers (H, W) or (modes, H, W)";
        problems.push(Problem::new(PROBE, expected, found));
        return Ok(None);
    };
    notes.push(format!("probe: from {}", file.display()));
    Ok(Some(modes))
}
