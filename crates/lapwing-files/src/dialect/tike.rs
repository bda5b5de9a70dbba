//! tike's archives: `data` (1, n, H, W) intensity with the zero frequency in the corner, `scan` (1,
//! n, 2) minimum corners of the windows in (row, column) pixels, `probe` (1, 1, 1, modes, H, W),
//! `psi` (slices, H, W).

use lapwing_model::{Modes, Object};
use ndarray::{Ix2, Ix3};

use super::definition::Dialect;
use super::found::{Found, Names};
use super::order::OrderEvidence;
use super::shared::{holds, positions, stored_metadata};
use super::stack::{Refusal, Stack};
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use super::{extras, masks, stack};
use crate::container::ByteFormat;
use crate::dataset::amplitudes_in_place;
use crate::npy::{Array, Header};
use crate::npz::Archive;
use crate::options::{Quantity, ReadOptions, ZeroFrequency};
use crate::{Container, Error, Problem, mask};

/// The dialect.
pub(super) struct Tike;

impl Dialect for Tike {
    fn name(&self) -> &'static str {
        "tike"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Npz
    }

    fn patterns(&self) -> &'static [&'static str] {
        &["data"]
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        let archive = file.archive()?;
        Ok(holds(archive, "data", options) && holds(archive, "scan", options))
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (archive, options) = (file.archive()?, wanted.options);
        let mut problems = Vec::new();
        let metadata = stored_metadata(archive, options, notes)?;
        let corners = corners(archive, &mut problems)?;
        let n = corners.as_ref().map(|(rows, _)| rows.len());
        let mut stack = patterns(file, n, wanted, notes, &mut problems)?;
        let probe = probe(archive, options, &mut problems)?;
        let object = object(archive, options, &mut problems)?;
        let scan = stack.as_ref().zip(corners).map(|(stack, (rows, columns))| {
            let (height, width) = stack.pattern_shape();
            let (dy, dx) = (height / 2, width / 2);
            let mut scan = positions(rows, columns, options, notes);
            for position in &mut scan {
                position.y += dy as f64;
                position.x += dx as f64;
            }
            notes.push(format!("scan: minimum corners moved by ({dy}, {dx}) to window centres"));
            scan
        });
        if let Some(stack) = stack.as_mut().filter(|stack| stack.quantity == Quantity::Intensity) {
            // tike knows no other unit than photons, and a likelihood needs one.
            stack.amplitude.change(|a| a * a);
            let scale = amplitudes_in_place(&mut stack.amplitude);
            stack.scale = Some(scale);
            notes.push(format!(
                "data: the unit of the intensity is taken as photons; amplitudes divided by {scale}"
            ));
        }
        let probe = match &stack {
            Some(stack) => probe.map(|modes| stack.in_its_unit(modes, notes)),
            None => probe,
        };
        let of = stack.as_ref().map(Stack::of);
        let mask = masks::beside(archive, of, wanted, &mut problems)?;
        let psi = if object.is_some() { "psi" } else { "" };
        let known = ["data", "scan", "probe", psi, if mask.is_some() { mask::KEY } else { "" }];
        let extras = extras::read(archive, &known, options, notes)?;
        let names = Names {
            scan: Some("scan"),
            probe: Some("probe"),
            object: Some("psi"),
            windows: Some("scan"),
        };
        Ok(Found {
            stack,
            scan,
            mask,
            object,
            probe,
            metadata,
            extras,
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
    n: Option<usize>,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Stack>, Error> {
    let (archive, options) = (file.archive()?, wanted.options);
    let Some((_, shape)) = trailing::<3>(archive, "data", "(1, n, H, W)", problems)? else {
        return Ok(None);
    };
    let rules = Rules {
        key: "data",
        floats: Some(Quantity::Intensity),
        integers: Quantity::Counts,
        zero_frequency: ZeroFrequency::Corner,
    };
    let evidence =
        OrderEvidence { key: "data", n: n.unwrap_or(shape[0]), probe: None, by_contract: true };
    let stack = match evidence.decide(&shape, options, notes) {
        Ok(order) => {
            let stored = Stored { order, ..Stored::plain(file, &["data"], shape) };
            stack::read_from(&stored, &rules, wanted, notes)?
        }
        Err(refusal) => Err(refusal),
    };
    match stack {
        Ok(stack) => Ok(Some(stack)),
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            Ok(None)
        }
        Err(Refusal::Ambiguous(question)) => Err(question.about(archive.path())),
    }
}

/// Header of an array whose last `N` axes count and whose others have length 1, and the lengths of
/// these axes; `None` with a problem otherwise.
fn trailing<const N: usize>(
    archive: &Archive,
    key: &str,
    expected: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<(Header, [usize; N])>, Error> {
    if !archive.contains(key) {
        problems.push(Problem::new(key, expected, "nothing of that name"));
        return Ok(None);
    }
    let header = archive.header(key)?;
    let (leading, trailing) = header.shape.split_at(header.shape.len().saturating_sub(N));
    match <[usize; N]>::try_from(trailing) {
        Ok(lengths) if leading.iter().all(|&length| length == 1) => Ok(Some((header, lengths))),
        _ => {
            problems.push(Problem::new(key, expected, format!("shape {:?}", header.shape)));
            Ok(None)
        }
    }
}

/// The array itself, without the axes of length 1.
fn squeezed<const N: usize>(
    archive: &Archive,
    key: &str,
    expected: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Array>, Error> {
    let Some((_, lengths)) = trailing::<N>(archive, key, expected, problems)? else {
        return Ok(None);
    };
    let array = archive.read(key)?.reshape(lengths.to_vec());
    array.map(Some).map_err(|source| Error::Array {
        path: archive.path().to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// Rows and columns of `scan`.
type Corners = (Vec<f64>, Vec<f64>);

fn corners(archive: &Archive, problems: &mut Vec<Problem>) -> Result<Option<Corners>, Error> {
    let expected = "(1, n, 2) real numbers";
    let Some(array) = squeezed::<2>(archive, "scan", expected, problems)? else { return Ok(None) };
    match (array.shape(), array.to_f64()) {
        ([_, 2], Ok(values)) => {
            Ok(Some(values.chunks_exact(2).map(|corner| (corner[0], corner[1])).unzip()))
        }
        _ => {
            let found = format!("shape {:?} of {}", array.shape(), array.dtype());
            problems.push(Problem::new("scan", expected, found));
            Ok(None)
        }
    }
}

fn probe(
    archive: &Archive,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    let key = "probe";
    if !archive.contains(key) || options.leaves_out(key) {
        return Ok(None);
    }
    let expected = "(1, 1, 1, modes, H, W) complex64";
    let Some(array) = squeezed::<3>(archive, key, expected, problems)? else { return Ok(None) };
    if !array.dtype().is_complex() {
        problems.push(Problem::new(key, expected, array.dtype().to_string()));
        return Ok(None);
    }
    Ok(array.into_complex32_array::<Ix3>().ok())
}

/// The slices of `psi`.
fn object(
    archive: &Archive,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Result<Option<Object>, Error> {
    let (key, expected) = ("psi", "(slices, H, W) complex64");
    if !archive.contains(key) || options.leaves_out(key) {
        return Ok(None);
    }
    let header = archive.header(key)?;
    if !header.dtype.is_complex() {
        problems.push(Problem::new(key, expected, header.dtype.to_string()));
        return Ok(None);
    }
    if header.shape.len() == 3 && header.shape[0] > 1 {
        let slices = archive.read(key)?.into_complex32_array::<Ix3>();
        return Ok(slices.ok().and_then(Object::from_slices));
    }
    let array = squeezed::<2>(archive, key, expected, problems)?;
    Ok(array.and_then(|array| array.into_complex32_array::<Ix2>().ok()).map(Object::thin))
}
