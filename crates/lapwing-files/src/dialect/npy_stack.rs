//! A plain stack: the patterns in one `.npy` file (n, H, W), and beside `NAME.npy` its positions in
//! `NAME.positions.npy` or `NAME.positions.csv`, (n, 2) as (y, x), window centres in pixels of the
//! object, and, if it is there, the start probe in `NAME.probe.npy`, (H, W) or (modes, H, W).
//!
//! Whole numbers are photon counts. What floating-point numbers are only the user can know.

use std::fs;
use std::path::{Path, PathBuf};

use lapwing_model::Modes;
use ndarray::{Axis, Ix3};

use super::found::{Found, Names, Wanted};
use super::order::OrderEvidence;
use super::stack::{Refusal, Rules, Stack};
use super::{Dialect, Quantity, ReadOptions, ZeroFrequency, companion, positions, stack};
use crate::container::{Kind, SingleArray};
use crate::npy::{self, Array};
use crate::{Container, Error, Problem, open};

/// What the patterns are called in messages; the array of a `.npy` file has no name.
const PATTERNS: &str = "patterns";
const POSITIONS: &str = "positions";
const PROBE: &str = "probe";
/// Longest text file of positions.
const MAX_TEXT: u64 = 256 << 20;

/// The dialect.
pub(super) struct NpyStack;

impl Dialect for NpyStack {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn kind(&self) -> Kind {
        Kind::Npy
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[""]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let Container::Npy(array) = file else { return Ok(false) };
        let header = array.header();
        Ok(header.shape.len() == 3 && stack::wrong_kind(PATTERNS, &header.dtype).is_none())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let options = wanted.options;
        let Container::Npy(array) = file else {
            let problem = Problem::new("file", Kind::Npy.to_string(), file.kind().to_string());
            return Ok(Found { problems: vec![problem], ..Found::default() });
        };
        let mut problems = Vec::new();
        let pairs = pairs(array.path(), notes, &mut problems)?;
        let probe = probe(array.path(), options, notes, &mut problems)?;
        let n = pairs.as_ref().map(Vec::len);
        let stack = patterns(array, n, probe.as_ref(), options, notes, &mut problems)?;
        let scan = pairs.map(|pairs| {
            let (rows, columns) = pairs.into_iter().map(|[y, x]| (y, x)).unzip();
            positions(rows, columns, options, notes)
        });
        let probe = match &stack {
            Some(stack) => probe.map(|modes| stack.in_its_unit(modes, notes)),
            None => probe,
        };
        let names = Names { scan: Some(POSITIONS), probe: Some(PROBE), ..Names::default() };
        Ok(Found { stack, scan, probe, names, converted: true, problems, ..Found::default() })
    }
}

/// The patterns; `n` is the number of positions.
fn patterns(
    array: &SingleArray,
    n: Option<usize>,
    probe: Option<&Modes>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Stack>, Error> {
    let header = array.header();
    let Ok(shape) = <[usize; 3]>::try_from(header.shape.as_slice()) else {
        let found = format!("shape {:?}", header.shape);
        problems.push(Problem::new(PATTERNS, "three axes (n, H, W)", found));
        return Ok(None);
    };
    if header.dtype.is_float() && options.quantity.is_none() {
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
        n: n.unwrap_or(shape[0]),
        probe: probe.map(|modes| (modes.len_of(Axis(1)), modes.len_of(Axis(2)))),
        by_contract: false,
    };
    let order = evidence.decide(&shape, options, notes);
    let read = match order {
        Ok(order) => stack::read(array.read()?, order, &rules, options, notes),
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

/// `NAME.WHAT` beside `NAME.npy`.
fn beside(path: &Path, what: &str) -> PathBuf {
    path.with_extension(what)
}

/// Positions (y, x) from the file beside the patterns.
fn pairs(
    path: &Path,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Vec<[f64; 2]>>, Error> {
    let [binary, text] = ["positions.npy", "positions.csv"].map(|what| beside(path, what));
    let expected = "(n, 2) real numbers, window centres (y, x) in pixels of the object";
    let found = if binary.exists() {
        let array = npy::read(&binary)?;
        let found = format!("shape {:?} of {}", array.shape(), array.dtype());
        match (array.shape(), array.to_f64()) {
            ([_, 2], Ok(values)) => {
                Ok((values.chunks_exact(2).map(|p| [p[0], p[1]]).collect(), binary))
            }
            _ => Err(format!("{found} in {}", binary.display())),
        }
    } else if text.exists() {
        numbers(&text)?.map(|pairs| (pairs, text))
    } else {
        let files = format!("in {} or {}", binary.display(), text.display());
        problems.push(Problem::new(POSITIONS, format!("{expected}, {files}"), "neither file"));
        return Ok(None);
    };
    match found {
        Ok((pairs, file)) => {
            notes.push(format!("positions: (y, x) from {}", file.display()));
            Ok(Some(pairs))
        }
        Err(found) => {
            problems.push(Problem::new(POSITIONS, expected, found));
            Ok(None)
        }
    }
}

/// The lines of a text file, each of two numbers with a comma, a semicolon or white space between.
/// A first line of words is a heading; `#` begins a remark.
fn numbers(path: &Path) -> Result<Result<Vec<[f64; 2]>, String>, Error> {
    let refused = |source| Error::io(path, source);
    let length = open::check(path).map_err(refused)?.len();
    if length > MAX_TEXT {
        return Ok(Err(format!("{length} bytes in {}; at most {MAX_TEXT}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(refused)?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let separator = |c: char| c == ',' || c == ';' || c.is_whitespace();
        let values: Vec<&str> = line.split(separator).filter(|value| !value.is_empty()).collect();
        let parsed: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
        match parsed.as_deref() {
            Some([]) => {}
            Some(&[y, x]) => pairs.push([y, x]),
            None if pairs.is_empty() && number == 0 => {}
            _ => {
                let place = format!("line {} of {}", number + 1, path.display());
                return Ok(Err(format!("{line:?} in {place}")));
            }
        }
    }
    Ok(Ok(pairs))
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
    if !file.exists() || options.leave_out.iter().any(|left| left == PROBE) {
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
