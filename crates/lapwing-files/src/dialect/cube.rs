//! Patterns of a raster as programs of electron microscopy write them: one array (ny, nx, H, W), or
//! (n, H, W) where the scan is described. Whole numbers are counts, others intensities.

use super::found::Found;
use super::stack::{self, Rules};
use super::{AxisOrder, ReadOptions};
use crate::npy::Array;
use crate::{Container, Error, Problem};

/// Takes an array of `file` as the patterns of `found`, and its first two of four axes as the rows
/// and columns of the raster. `name` is the array's in the file, `key` what messages call it.
///
/// # Errors
/// When an array cannot be given other axes, and what only the user can decide.
pub(super) fn take(
    found: &mut Found,
    file: &Container,
    (name, key): (&str, &'static str),
    array: Array,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(problem) = wrong_order(options) {
        found.problems.push(problem);
        return Ok(());
    }
    if let [ny, nx, _, _] = *array.shape() {
        found.raster = Some((ny, nx));
    }
    let array = flat(array).map_err(|error| file.unfit(name, error))?;
    let read = stack::read(array, AxisOrder::PatternFirst, &Rules::counts(key), options, notes);
    found.take(read, file.path())?;
    Ok(())
}

/// What is wrong with an order of axes that was said of a raster.
pub(super) fn wrong_order(options: &ReadOptions) -> Option<Problem> {
    (options.axis_order == Some(AxisOrder::PatternLast)).then(|| {
        let expected = "(ny, nx, H, W) or (n, H, W), the patterns' own axes last; leave --axis-order out, \
                        or transpose the array";
        Problem::new("axis_order", expected, "hwn")
    })
}

/// An array with its leading axes made one: (ny, nx, H, W) as (n, H, W).
pub(super) fn flat(array: Array) -> Result<Array, crate::npy::NpyError> {
    match *array.shape() {
        [ny, nx, height, width] => array.reshape(vec![ny.saturating_mul(nx), height, width]),
        _ => Ok(array),
    }
}
