//! The dialects of the field, each converted at once to the project's conventions.
//!
//! A file is told by the names of its arrays; where it leaves something open it is refused with
//! what to say, and
//! [`ReadOptions`] says it. What was understood comes back beside the data as an [`Understanding`].

mod base;
mod companion;
mod cxi;
mod extras;
mod geometry;
mod options;
mod pieces;
mod product;
mod ptychodus;
pub(crate) mod stack;
mod study;
mod tike;

use std::path::Path;

pub use base::{Base, read_base};
pub use cxi::write_cxi;
pub(crate) use geometry::record_pixel;
pub use geometry::{Optics, object_pixel};
pub use options::{
    AxisOrder, CoordinateOrder, Dialect, Geometry, Quantity, ReadOptions, Understanding,
    ZeroFrequency,
};
pub use pieces::{Pieces, read_pieces};
pub use product::{Experiment, Product};

use lapwing_model::Position;

use crate::hdf5::{self, Hdf5};
use crate::npz::Archive;
use crate::{Dataset, Error, Metadata, Problem, metadata};

/// Name of the extra array that carries the detector mask.
const MASK_EXTRA: &str = "mask";

/// Reads a scan from a file of any dialect: a NumPy archive or HDF5, told by its content.
///
/// # Errors
/// [`Error::Contract`] with all problems at once, [`Error::Ambiguous`] when the file can be
/// understood in more than one way, and whatever makes a file unreadable.
pub fn read(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding), Error> {
    let path = path.as_ref();
    if hdf5::is_hdf5(path) {
        return read_hdf5(&Hdf5::open(path)?, options);
    }
    read_archive(&Archive::open(path)?, options)
}

/// [`read`] from an HDF5 file that is already open.
///
/// # Errors
/// As for [`read`].
pub fn read_hdf5(file: &Hdf5, options: &ReadOptions) -> Result<(Dataset, Understanding), Error> {
    let dialect = match options.dialect {
        Some(dialect) => dialect,
        None if file.foreign().is_some() => return Err(strange(file)?),
        None if ptychodus::is_patterns(file)? => Dialect::Ptychodus,
        None if cxi::is_cxi(file)? => Dialect::Cxi,
        None if ptychodus::is_product(file)? => Dialect::Ptychodus,
        None => return Err(strange(file)?),
    };
    match dialect {
        Dialect::Cxi => cxi::read(file, options),
        Dialect::Ptychodus => ptychodus::read(file, options),
        other => Err(Error::Contract {
            path: file.path().to_owned(),
            problems: vec![Problem::new(
                "file",
                format!("a NumPy archive, as {other} has it"),
                "HDF5",
            )],
        }),
    }
}

/// The refusal of an HDF5 file of no dialect that is read; some are known by name.
fn strange(file: &Hdf5) -> Result<Error, Error> {
    if let Some(kind) = file.foreign() {
        let problems =
            vec![Problem::new("file", "CXI, or the pair of files of ptychodus or pty-chi", kind)];
        return Ok(Error::Contract { path: file.path().to_owned(), problems });
    }
    let names: Vec<String> = file.list()?.into_iter().map(|array| array.name).collect();
    let starts =
        |start: &str| names.iter().any(|name| name.trim_start_matches('/').starts_with(start));
    let known = if starts("chunks/") || starts("meta/") {
        "ptypy's .ptyd, which is not read; "
    } else if starts("content/") {
        "ptypy's .ptyr, which is not read; "
    } else {
        ""
    };
    let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    let others = names.len().saturating_sub(shown.len());
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let found = match names.is_empty() {
        true => format!("{known}no datasets"),
        false => format!("{known}{}{others}", shown.join(", ")),
    };
    let expected = "CXI (entry_1/data_1/data), or the patterns dp of a ptychodus or pty-chi pair";
    let problems = vec![Problem::new("file", expected, found)];
    Ok(Error::Contract { path: file.path().to_owned(), problems })
}

/// [`read`] from an archive that is already open.
///
/// # Errors
/// As for [`read`].
pub fn read_archive(
    archive: &Archive,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding), Error> {
    let dialect = dialect_of(archive, options)?;
    match dialect {
        Dialect::Study => study::read(archive, "diffraction", options),
        Dialect::Diff3d => study::read(archive, "diff3d", options),
        Dialect::Tike => tike::read(archive, options),
        other @ (Dialect::Cxi | Dialect::Ptychodus) => Err(Error::Contract {
            path: archive.path().to_owned(),
            problems: vec![Problem::new(
                "file",
                format!("HDF5, as {other} has it"),
                "a NumPy archive",
            )],
        }),
    }
}

/// The dialect of an archive, as told or by the names of its arrays.
fn dialect_of(archive: &Archive, options: &ReadOptions) -> Result<Dialect, Error> {
    let has =
        |name: &str| archive.contains(name) && !options.leave_out.iter().any(|left| left == name);
    match options.dialect {
        Some(dialect) => Ok(dialect),
        None if has("diffraction") => Ok(Dialect::Study),
        None if has("diff3d") => Ok(Dialect::Diff3d),
        None if has("data") && has("scan") => Ok(Dialect::Tike),
        None => {
            let names: Vec<&str> = archive.names().collect();
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            let expected =
                "diffraction patterns under that name, under diff3d, or as data with scan (tike)";
            Err(Error::Contract {
                path: archive.path().to_owned(),
                problems: vec![Problem::new("diffraction", expected, found)],
            })
        }
    }
}

/// The metadata of an archive, unless they are to be passed over.
fn stored_metadata(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Option<Metadata>, Error> {
    if archive.contains(metadata::KEY) && options.leave_out.iter().any(|name| name == metadata::KEY)
    {
        notes.push(format!("{}: left out, as told", metadata::KEY));
        return Ok(None);
    }
    metadata::read(archive)
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
