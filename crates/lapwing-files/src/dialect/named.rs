//! Arrays beside the patterns whose names say what they are: each becomes a field of the data set.

use lapwing_model::Object;
use ndarray::Ix3;

use super::found::Found;
use super::mask_file;
use super::wanted::Wanted;
use crate::dataset::{OBJECT_SLICES, SCAN_INDEX};
use crate::npy::Array;
use crate::options::ZeroFrequency;
use crate::scans::{SCAN_NUMBER, SCAN_PROBES, Scans};
use crate::{Error, Mask, Problem, ReadOptions, mask};

/// Takes the array called `name` out of the extras.
fn take(extras: &mut Vec<(String, Array)>, name: &str) -> Option<Array> {
    let at = extras.iter().position(|(found, _)| found == name)?;
    Some(extras.remove(at).1)
}

/// The mask of `n` patterns of `shape`: that of a file that the options name, else what the dialect
/// found and what the extras hold. It is that of the stored patterns, and goes with them where
/// their zero frequency goes to the centre.
pub(super) fn mask(
    found: &mut Found,
    of @ (n, shape): (usize, (usize, usize)),
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let mut stored = take(&mut found.extras, mask::KEY);
    match (mask_file::read(of, wanted)?, &wanted.options.experiment.detector.mask) {
        (Some(Ok(mask)), Some(path)) => {
            let good = mask.good();
            let bad = good.iter().filter(|&&good| !good).count();
            notes.push(format!("mask: {bad} of {} pixels bad, by {}", good.len(), path.display()));
            found.mask = Some(mask);
            stored = None;
        }
        (Some(Err(problem)), _) => found.problems.push(problem),
        _ => {}
    }
    let stored = stored.and_then(|array| {
        let mask = Mask::told(array, n, shape, wanted.options.mask_good);
        mask.map_err(|problem| found.problems.push(problem)).ok()
    });
    let mask = match (found.mask.take(), stored) {
        (Some(one), Some(other)) => Some(one.and(&other)?),
        (one, other) => one.or(other),
    };
    let from = found.stack.as_ref().map(|stack| stack.zero_frequency);
    found.mask = match mask {
        Some(mask) if from == Some(ZeroFrequency::Corner) => Some(mask.centred()?),
        mask => mask,
    };
    Ok(())
}

/// What is wrong with a mask that leaves nothing.
pub(super) fn none_good(mask: Option<&Mask>) -> Option<Problem> {
    let none = mask.is_some_and(|mask| !mask.good().iter().any(|&good| good));
    none.then(|| Problem::new(mask::KEY, "some good pixel", "none"))
}

/// The frame of a series that each of `n` patterns is. An array that holds no whole numbers, or
/// not as many, stays among the extras.
pub(super) fn frames(extras: &mut Vec<(String, Array)>, n: usize) -> Option<Vec<i64>> {
    let (_, stored) = extras.iter().find(|(name, _)| name == SCAN_INDEX)?;
    let frames = stored.to_i64().ok().filter(|frames| frames.len() == n)?;
    take(extras, SCAN_INDEX);
    Some(frames)
}

/// Which of several scans of the object each of `n` patterns of a shape belongs to.
pub(super) fn scans(
    extras: &mut Vec<(String, Array)>,
    of: (usize, (usize, usize)),
    problems: &mut Vec<Problem>,
) -> Option<Scans> {
    let [numbers, probes] = [SCAN_NUMBER, SCAN_PROBES].map(|name| take(extras, name));
    let scans = Scans::from_arrays(numbers, probes, of);
    scans.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    })
}

/// Puts the slices that the extras have in the place of the object, their product, which may be
/// missing. Where that is left out, so are they.
pub(super) fn thick(found: &mut Found, options: &ReadOptions) {
    let Some(stored) = take(&mut found.extras, OBJECT_SLICES) else { return };
    if options.leaves_out("objectGuess") {
        return;
    }
    match slices(stored, found.object.as_ref()) {
        Ok(object) => found.object = Some(object),
        Err(problem) => found.problems.push(problem),
    }
}

/// How far the product of slices may be from the one beside them, over its norm.
const ROUNDING: f32 = 1e-3;

/// The slices of an array; where there is a `product` beside them, it is theirs.
pub(super) fn slices(stored: Array, product: Option<&Object>) -> Result<Object, Problem> {
    let found = stored.into_complex32_array::<Ix3>().ok().and_then(Object::from_slices);
    let shape = product.map(Object::shape);
    let fits = |object: &Object| shape.is_none_or(|shape| object.shape() == shape);
    let object = found.filter(fits).ok_or_else(|| {
        let (rows, columns) = shape.map_or(("M".to_owned(), "M'".to_owned()), |(rows, columns)| {
            (rows.to_string(), columns.to_string())
        });
        let expected = format!("(slices, {rows}, {columns}) complex64");
        Problem::new(OBJECT_SLICES, expected, "an array of another shape or type")
    })?;
    let Some(product) = product else { return Ok(object) };
    let own = object.projection();
    let norm = |values: &mut dyn Iterator<Item = f32>| values.sum::<f32>().sqrt();
    let apart = norm(&mut own.iter().zip(product.slices()).map(|(a, b)| (a - b).norm_sqr()));
    // What is no number is told of the object.
    if apart > ROUNDING * norm(&mut own.iter().map(|value| value.norm_sqr())) {
        let expected = "slices whose product is objectGuess (or --leave-out objectSlices)";
        return Err(Problem::new(OBJECT_SLICES, expected, "slices of another object"));
    }
    Ok(object)
}
