//! A raster of patterns in a file that says nothing else: one array (ny, nx, H, W), or (n, H, W)
//! whose scan is described, under any name in a NumPy archive or an HDF5 file, or a file of raw
//! frames. Scales and positions are those of the experiment.
//!
//! Whole numbers are counts; others are intensities.

use super::cube::Lie;
use super::definition::Dialect;
use super::found::Found;
use super::shared::stored_metadata;
use super::stack::Stack;
use super::stored::{Rules, Stored};
use super::wanted::Wanted;
use super::{cube, extras, masks, stack};
use crate::container::ByteFormat;
use crate::options::ReadOptions;
use crate::raw::RAW_FORMATS;
use crate::remarks::{Remark, What};
use crate::{Container, Error, Problem, mask};

/// What the patterns are called in messages.
const PATTERNS: &str = "patterns";

/// The dialect in one kind of container.
pub(super) struct Raster {
    kind: ByteFormat,
}

pub(super) static IN_NPZ: Raster = Raster { kind: ByteFormat::Npz };
pub(super) static IN_HDF5: Raster = Raster { kind: ByteFormat::Hdf5 };
pub(super) static RAW: Raster = Raster { kind: ByteFormat::Raw };
pub(super) static IN_TIFF: Raster = Raster { kind: ByteFormat::Tiff };
pub(super) static IN_ZARR: Raster = Raster { kind: ByteFormat::Zarr };

impl Dialect for Raster {
    fn name(&self) -> &'static str {
        "raster"
    }

    fn kind(&self) -> ByteFormat {
        self.kind
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[""]
    }

    fn takes_named(&self) -> bool {
        true
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(matches!(self.kind, ByteFormat::Raw | ByteFormat::Tiff)
            || !candidates(file, options)?.is_empty())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let options = wanted.options;
        let refused = |problem: Problem| Ok(Found { problems: vec![problem], ..Found::default() });
        let mut rules = Rules::counts(PATTERNS);
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let mut remarks = Vec::new();
        let whole = match file {
            Container::Raw(frames) => {
                found.raster = frames.raster();
                let path = frames.path();
                found.likely_raster =
                    RAW_FORMATS.iter().find_map(|format| (format.likely_raster)(path));
                let mut of_header =
                    || RAW_FORMATS.iter().find_map(|format| (format.of_header)(path, notes));
                if options.raw.is_none()
                    && let Some((calibration, integers)) = of_header()
                {
                    (found.calibration, rules.integers) = (calibration, integers);
                }
                let of_frames =
                    || RAW_FORMATS.iter().find_map(|format| (format.of_frames)(frames)).transpose();
                if options.raw.is_none()
                    && let Some(told) = of_frames()?
                {
                    (found.places, remarks) = (told.places, told.remarks);
                }
                Some(frames.shape())
            }
            Container::Tiff(pages) => {
                found.raster = pages.raster();
                Some(pages.shape())
            }
            _ => None,
        };
        let mut patterns = None;
        let outcome = if let Some(shape) = whole {
            if let Some(problem) = cube::wrong_order(options) {
                return refused(problem);
            }
            stack::read_from(&Stored::plain(file, &[""], shape), &rules, wanted, notes)?
        } else {
            let names = candidates(file, options)?;
            let Some((name, shape)) = names.first().filter(|_| names.len() == 1) else {
                let all: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
                let expected = "one array of patterns (ny, nx, H, W), or (n, H, W) with scan_shape; \
                                pass over the others (--leave-out)";
                return refused(Problem::new(PATTERNS, expected, all.join(", ")));
            };
            let Some(Lie { shape: flat, order, raster }) = Lie::of(shape, None, options) else {
                let dtypes = file.list()?.into_iter().find(|array| array.name == *name);
                let dtype = dtypes.map_or(String::new(), |array| format!(" of {}", array.dtype));
                let expected = "numbers in three or four axes, (n, H, W) or (ny, nx, H, W)";
                let found = format!("shape {shape:?}{dtype} in {name}");
                return refused(Problem::new(PATTERNS, expected, found));
            };
            found.raster = raster;
            let called = if name.is_empty() { "only array" } else { name.as_str() };
            notes.push(format!("patterns: the array {called}, shape {shape:?}"));
            if let Container::Npz(archive) = file {
                found.metadata = stored_metadata(archive, options, notes)?;
            }
            let names = [name.as_str()];
            patterns = Some(name.clone());
            let stored = Stored { order, ..Stored::plain(file, &names, flat) };
            stack::read_from(&stored, &rules, wanted, notes)?
        };
        found.take(outcome, file.path())?;
        if let Some(stack) = &mut found.stack {
            let chosen = stack.chosen.as_deref();
            stack.remarks.extend(remarks.into_iter().map(|remark| remark.of_chosen(chosen)));
        }
        if let (Container::Npz(archive), Some(patterns)) = (file, &patterns) {
            let (of, problems) = (found.stack.as_ref().map(Stack::of), &mut found.problems);
            found.mask = masks::beside(archive, of, wanted, problems)?;
            let mask = if found.mask.is_some() { mask::KEY } else { "" };
            found.extras = extras::read(archive, &[patterns, mask], options, notes)?;
        }
        if let (Container::Raw(frames), Some(form), Some(stack)) =
            (file, &options.raw, &mut found.stack)
            && frames.looks_exchanged()?
        {
            let order = if form.big_endian { "little" } else { "big" };
            stack.remarks.push(Remark::new(
                What::ByteOrder,
                "nearly all numbers are multiples of 256, as counts are whose bytes lie the other way round",
                format!("say order={order} in --raw, unless the detector writes such numbers"),
            ));
        }
        Ok(found)
    }
}

/// Arrays that may be the patterns, and their shapes: real numbers in four axes, or, where there is
/// none of these and the scan is described, in three.
fn candidates(file: &Container, options: &ReadOptions) -> Result<Vec<(String, Vec<usize>)>, Error> {
    if let Some(name) = &options.patterns {
        let shape = file.shape(name)?;
        return Ok(shape.map(|shape| (name.clone(), four_axes(shape))).into_iter().collect());
    }
    let real = |dtype: &str| {
        let code = dtype.trim_start_matches(['<', '>', '|', '=']);
        ["int", "uint", "float"].iter().any(|kind| code.starts_with(kind))
    };
    let arrays: Vec<(String, Vec<usize>)> = file
        .list()?
        .into_iter()
        .filter(|array| real(&array.dtype) && !options.leave_out.contains(&array.name))
        .filter(|array| array.shape.iter().rev().take(2).all(|&length| length > 1))
        .map(|array| (array.name, four_axes(array.shape)))
        .collect();
    let of = |axes: usize| -> Vec<(String, Vec<usize>)> {
        arrays.iter().filter(|(_, shape)| shape.len() == axes).cloned().collect()
    };
    let scan = &options.experiment.scan;
    let described = scan.shape.is_some() || scan.positions.is_some();
    let four = of(4);
    Ok(if four.is_empty() && described { of(3) } else { four })
}

/// A shape of more than four axes without those of length 1 before the last two.
fn four_axes(mut shape: Vec<usize>) -> Vec<usize> {
    let mut at = shape.len().saturating_sub(2);
    while at > 0 && shape.len() > 4 {
        at -= 1;
        if shape[at] == 1 {
            shape.remove(at);
        }
    }
    shape
}
