//! Patterns of a raster as programs of electron microscopy write them: one array (ny, nx, H, W), or
//! (n, H, W) where the scan is described. Whole numbers are counts, others intensities.

use super::found::Found;
use super::stack::{self, Rules, Stored};
use super::wanted::Wanted;
use crate::npy::Array;
use crate::options::{AxisOrder, ReadOptions};
use crate::{Container, Error, Problem};

/// Takes an array of `file` as the patterns of `found`, and its first two of four axes as the rows
/// and columns of the raster. `name` is the array's in the file, `key` what messages call it.
///
/// # Errors
/// When the array cannot be read, and what only the user can decide.
pub(super) fn take(
    found: &mut Found,
    file: &Container,
    (name, key): (&str, &'static str),
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let shape = file.shape(name)?.unwrap_or_default();
    let Some(flat) = settled(found, &shape, key, wanted) else { return Ok(()) };
    let names = [name];
    let stored = Stored::plain(file, &names, flat);
    let read = stack::read_from(&stored, &Rules::counts(key), wanted, notes)?;
    found.take(read, file.path())?;
    Ok(())
}

/// [`take`] of an array in memory.
///
/// # Errors
/// As for [`take`].
pub(super) fn take_array(
    found: &mut Found,
    file: &Container,
    (name, key): (&str, &'static str),
    array: Array,
    wanted: &Wanted<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let Some(flat) = settled(found, array.shape(), key, wanted) else { return Ok(()) };
    let array = array.reshape(flat.to_vec()).map_err(|error| file.unfit(name, error))?;
    let order = AxisOrder::PatternFirst;
    let read = stack::read(array, order, &Rules::counts(key), wanted, notes)?;
    found.take(read, file.path())?;
    Ok(())
}

/// The lengths (pattern, y, x) of an array of `shape`, whose raster goes to `found`; `None` where
/// there is a problem.
fn settled(
    found: &mut Found,
    shape: &[usize],
    key: &'static str,
    wanted: &Wanted<'_>,
) -> Option<[usize; 3]> {
    if let Some(problem) = wrong_order(wanted.options) {
        found.problems.push(problem);
        return None;
    }
    match *shape {
        [ny, nx, height, width] => {
            found.raster = Some((ny, nx));
            Some([ny.saturating_mul(nx), height, width])
        }
        [n, height, width] => Some([n, height, width]),
        _ => {
            let expected = "patterns (ny, nx, H, W), or (n, H, W) with --scan-shape";
            found.problems.push(Problem::new(key, expected, format!("shape {shape:?}")));
            None
        }
    }
}

/// The order of three axes: as the user says, or by where there are as many patterns as the scan
/// that is described has.
pub(super) fn order_of(shape: [usize; 3], options: &ReadOptions) -> AxisOrder {
    let scan = options.experiment.scan.shape;
    let n = scan.map(|(rows, columns)| rows.saturating_mul(columns));
    let last = n.is_some_and(|n| shape[2] == n && shape[0] != n);
    let found = if last { AxisOrder::PatternLast } else { AxisOrder::PatternFirst };
    options.axis_order.unwrap_or(found)
}

/// What is wrong with an order of axes that was said of a raster.
pub(super) fn wrong_order(options: &ReadOptions) -> Option<Problem> {
    (options.axis_order == Some(AxisOrder::PatternLast)).then(|| {
        let expected = "(ny, nx, H, W) or (n, H, W), the patterns' own axes last; leave --axis-order out, \
                        or transpose the array";
        Problem::new("axis_order", expected, "hwn")
    })
}
