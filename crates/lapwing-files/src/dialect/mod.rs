//! The dialects of the field, each converted at once to the project's conventions.
//!
//! A file is told by the names of its arrays; where it leaves something open it is refused with what to say, and
//! [`ReadOptions`] says it. What was understood comes back beside the data as an [`Understanding`].

mod base;
mod extras;
mod options;
mod stack;
mod study;
mod tike;

use std::path::Path;

pub use base::{Base, read_base};
pub use options::{AxisOrder, CoordinateOrder, Dialect, Quantity, ReadOptions, Understanding, ZeroFrequency};

use lapwing_model::Position;

use crate::npz::Archive;
use crate::{Dataset, Error, Problem};

/// Reads a scan from a NumPy archive of any dialect.
///
/// # Errors
/// [`Error::Contract`] with all problems at once, [`Error::Ambiguous`] when the file can be understood in more than one
/// way, and whatever makes a file unreadable.
pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    read_archive(&Archive::open(path)?, options)
}

/// [`read`] from an archive that is already open.
///
/// # Errors
/// As for [`read`].
pub fn read_archive(archive: &Archive, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    let has = |name: &str| archive.contains(name) && !options.leave_out.iter().any(|left| left == name);
    let dialect = match options.dialect {
        Some(dialect) => dialect,
        None if has("diffraction") => Dialect::Study,
        None if has("diff3d") => Dialect::Diff3d,
        None if has("data") && has("scan") => Dialect::Tike,
        None => {
            let names: Vec<&str> = archive.names().collect();
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            let expected = "diffraction patterns under that name, under diff3d, or as data with scan (tike)";
            return Err(Error::Contract {
                path: archive.path().to_owned(),
                problems: vec![Problem::new("diffraction", expected, found)],
            });
        }
    };
    match dialect {
        Dialect::Study => study::read(archive, "diffraction", options),
        Dialect::Diff3d => study::read(archive, "diff3d", options),
        Dialect::Tike => tike::read(archive, options),
    }
}

/// Positions from the two coordinates of a dialect, with what the options say about them.
fn positions(
    rows: Vec<f64>,
    columns: Vec<f64>,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Vec<Position> {
    let exchanged = options.coordinate_order == Some(CoordinateOrder::ColumnRow);
    let (rows, columns) = if exchanged { (columns, rows) } else { (rows, columns) };
    let sign = |flip: bool| if flip { -1.0 } else { 1.0 };
    let (sign_y, sign_x) = (sign(options.flip_y), sign(options.flip_x));
    for (done, what) in [
        (exchanged, "rows and columns of the positions exchanged, as told"),
        (options.flip_y, "sign of the row coordinates reversed, as told"),
        (options.flip_x, "sign of the column coordinates reversed, as told"),
    ] {
        if done {
            notes.push(what.to_owned());
        }
    }
    rows.into_iter().zip(columns).map(|(y, x)| Position { y: sign_y * y, x: sign_x * x }).collect()
}
