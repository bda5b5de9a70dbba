//! The dialects of the field, each converted at once to the project's conventions.
//!
//! A file is recognised by the names of its arrays; where it leaves something open it is refused
//! with what to say, and [`ReadOptions`] says it. What was understood comes back beside the data as
//! an [`Understanding`].
//!
//! A dialect is a file of this folder with one `Dialect` and a row of `DIALECTS`: it says which
//! files are its own, and what it finds in them, in the project's conventions. Everything else -
//! the contract, scales and geometry in the metadata, the history - is done by `found::settle`.

mod base;
mod brightness;
mod clean;
mod companion;
mod cube;
mod cxi;
mod described;
mod dm4;
mod eiger;
mod emd;
mod extras;
mod found;
pub(crate) mod geometry;
mod hspy;
mod matlab;
mod ndata;
mod npy_stack;
mod order;
mod pairs;
mod product;
mod ptychodus;
mod ptyd;
mod raster;
pub(crate) mod stack;
mod study;
mod tike;

use std::path::Path;
use std::str::FromStr;

pub use crate::options::{
    AxisOrder, CoordinateOrder, DialectName, Geometry, Quantity, ReadOptions, Understanding,
    ZeroFrequency,
};
pub use base::{Base, OBJECT_SLICES, read_base, read_base_as};
pub use cxi::write_cxi;
pub use geometry::{Optics, object_pixel};
pub use product::{Experiment, Product};
pub use ptychodus::write_dp;

use found::{Found, Wanted, settle};
use lapwing_model::Position;

use crate::container::Kind;
use crate::hdf5::Hdf5;
use crate::npz::Archive;
use crate::patterns::Storage;
use crate::{Container, Dataset, Error, Metadata, Problem, metadata, npy, open};

/// Every dialect, in the order in which a file is offered to them.
#[rustfmt::skip] // one row for each
static DIALECTS: &[&dyn Dialect] = &[
    &study::STUDY,
    &study::DIFF3D,
    &tike::Tike,
    &cxi::Cxi,
    &ptychodus::Ptychodus,
    &ptyd::Ptyd,
    &emd::Emd,
    &hspy::HSPY,
    &hspy::ZSPY,
    &ndata::NDATA,
    &ndata::IN_HDF5,
    &eiger::Eiger,
    &matlab::Matlab,
    &dm4::Dm4,
    &npy_stack::NpyStack,
    &raster::IN_NPZ,
    &raster::IN_HDF5,
    &raster::RAW,
    &raster::IN_TIFF,
    &raster::IN_ZARR,
];

/// One way of writing a scan.
trait Dialect: Sync {
    /// Its name on the command line, in JSON and in messages.
    fn name(&self) -> &'static str;

    /// Other names that it is known by.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The byte format of its files.
    fn kind(&self) -> Kind;

    /// Names that the array of patterns may have; the first that is there is the one.
    fn patterns(&self) -> &'static [&'static str];

    /// Whether a file of its byte format is one of its own.
    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error>;

    /// Whether it takes a second file itself; otherwise that brings the start probe.
    fn takes_companion(&self) -> bool {
        false
    }

    /// Reads a file, and converts it to the project's conventions. What was converted, assumed or
    /// left out goes to `notes`; what is wrong is gathered in [`Found`], all at once, and only what
    /// makes the rest unreadable is an error.
    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error>;
}

/// The names of all dialects, each once.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    DIALECTS
        .iter()
        .map(|dialect| dialect.name())
        .filter(move |&name| std::mem::replace(&mut last, name) != name)
}

impl FromStr for DialectName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = |d: &&&dyn Dialect| d.name() == name || d.aliases().contains(&name);
        match DIALECTS.iter().find(known) {
            Some(dialect) => Ok(Self(dialect.name())),
            None => {
                let known: Vec<&str> = names().collect();
                Err(format!("expected {}, found {name:?}", known.join(" or ")))
            }
        }
    }
}

/// Reads a scan from a file of any dialect, recognised by its content.
///
/// # Errors
/// [`Error::Contract`] with all problems at once, [`Error::Ambiguous`] when the file can be
/// understood in more than one way, and whatever makes a file unreadable.
pub fn read(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding), Error> {
    read_into(path, options, &Storage::Memory)
}

/// [`read`], the patterns kept in `storage`. What is read is the same, bit for bit.
///
/// # Errors
/// As for [`read`], and [`Error::Scratch`] when there is no room for the patterns.
pub fn read_into(
    path: impl AsRef<Path>,
    options: &ReadOptions,
    storage: &Storage,
) -> Result<(Dataset, Understanding), Error> {
    read_from(&Container::open_as(path, options)?, options, storage)
}

/// [`read_into`] from a file that is already open.
///
/// # Errors
/// As for [`read_into`].
pub fn read_from(
    file: &Container,
    options: &ReadOptions,
    storage: &Storage,
) -> Result<(Dataset, Understanding), Error> {
    let settled = settle(dialect_of(file, options)?, file, &Wanted { options, storage })?;
    Ok((settled.dataset, settled.understanding))
}

/// The name of the dialect that a file follows, as specified or by the names of its arrays; `None`
/// for a file of no dialect, and for one that is too damaged to tell.
pub fn name_of(file: &Container, options: &ReadOptions) -> Option<DialectName> {
    dialect_of(file, options).ok().map(|dialect| DialectName(dialect.name()))
}

/// Number of values of all patterns of a file together, from its headers; `None` when no dialect
/// claims the file or they cannot be read.
pub fn pattern_values(path: impl AsRef<Path>, options: &ReadOptions) -> Option<u64> {
    let file = Container::open_as(path, options).ok()?;
    let dialect = dialect_of(&file, options).ok()?;
    let shape = match dialect.patterns().iter().find(|name| file.contains(name)) {
        Some(name) => file.shape(name).ok()??,
        // Of other names, the largest array.
        None => {
            let arrays = file.list().ok()?.into_iter().map(|array| array.shape);
            arrays.max_by_key(|shape| {
                shape.iter().fold(1_u64, |product, &length| product.saturating_mul(length as u64))
            })?
        }
    };
    Some(shape.iter().fold(1, |product: u64, &length| product.saturating_mul(length as u64)))
}

/// The dialect of a file, as specified or by its content.
fn dialect_of(file: &Container, options: &ReadOptions) -> Result<&'static dyn Dialect, Error> {
    if let Some(told) = options.dialect {
        let named = || DIALECTS.iter().filter(|dialect| told == dialect.name());
        let dialect = named().next().expect("a dialect's name comes from the list of dialects");
        return match named().find(|dialect| dialect.kind() == file.kind()) {
            Some(dialect) => Ok(*dialect),
            None => {
                let expected = format!("{}, as {told} has it", dialect.kind());
                Err(refused(file, Problem::new("file", expected, file.kind().to_string())))
            }
        };
    }
    if let Container::Hdf5(hdf5) = file
        && hdf5.foreign().is_some()
    {
        return Err(strange(hdf5)?);
    }
    if let Some(name) = &options.patterns {
        let named = DIALECTS.iter().find(|dialect| {
            let any = [raster::IN_NPZ.name(), matlab::Matlab.name()].contains(&dialect.name());
            any && dialect.kind() == file.kind()
        });
        return match named.filter(|_| file.contains(name)) {
            Some(dialect) => Ok(*dialect),
            None => {
                let names: Vec<String> =
                    file.list()?.into_iter().take(12).map(|array| array.name).collect();
                let expected = format!("an array {name}, as --patterns says");
                Err(refused(file, Problem::new("patterns", expected, names.join(", "))))
            }
        };
    }
    for &dialect in DIALECTS {
        if dialect.kind() == file.kind() && dialect.claims(file, options)? {
            return Ok(dialect);
        }
    }
    Err(match file {
        Container::Hdf5(hdf5) => strange(hdf5)?,
        Container::Mat(_) => {
            let names: Vec<String> =
                file.list()?.into_iter().take(12).map(|array| array.name).collect();
            let expected = "patterns dp, data or diff (H, W, n) in a MATLAB file, or their name \
                            (--patterns)";
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            refused(file, Problem::new("dp", expected, found))
        }
        Container::Zarr(_) => {
            let names: Vec<String> =
                file.list()?.into_iter().take(12).map(|array| array.name).collect();
            let expected = "one array of numbers (ny, nx, H, W), or (n, H, W) with --scan-shape, or the \
                            name of one (--patterns)";
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            refused(file, Problem::new("patterns", expected, found))
        }
        Container::Npz(archive) => {
            let names: Vec<&str> = archive.names().collect();
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            let expected = "diffraction patterns under that name, under diff3d, or as data with scan \
                            (tike); name them otherwise by --patterns NAME, and the positions by \
                            --positions FILE::NAME with --position-unit";
            refused(file, Problem::new("diffraction", expected, found))
        }
        Container::Raw(_) | Container::Dm(_) | Container::Tiff(_) => {
            refused(file, Problem::new("dialect", "one for such a file", file.kind().to_string()))
        }
        Container::Npy(array) => {
            let kind = open::foreign(npy::MAGIC).expect("a single array is known by its magic");
            Error::archive(array.path(), format!("it is {kind}"))
        }
    })
}

fn refused(file: &Container, problem: Problem) -> Error {
    Error::Contract { path: file.path().to_owned(), problems: vec![problem] }
}

/// Whether an archive holds an array that is not to be passed over.
fn holds(archive: &Archive, name: &str, options: &ReadOptions) -> bool {
    archive.contains(name) && !options.leave_out.iter().any(|left| left == name)
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
    let known = match starts("content/obj/") {
        true => {
            "a reconstruction of ptypy (.ptyr), which compare reads, and --companion as a start probe; "
        }
        false => "",
    };
    let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    let others = names.len().saturating_sub(shown.len());
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let found = match names.is_empty() {
        true => format!("{known}no datasets"),
        false => format!("{known}{}{others}", shown.join(", ")),
    };
    let expected = "CXI, or patterns under another name that is known (docs/reading.md), or named by --patterns, \
                    with --positions FILE::NAME if the file has any";
    let problems = vec![Problem::new("file", expected, found)];
    Ok(Error::Contract { path: file.path().to_owned(), problems })
}

/// The metadata of an archive, unless they are to be passed over.
fn stored_metadata(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Option<Metadata>, Error> {
    if archive.contains(metadata::KEY) && options.leave_out.iter().any(|name| name == metadata::KEY)
    {
        notes.push(format!("{}: left out, as specified", metadata::KEY));
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
        (exchanged, "rows and columns of the positions exchanged, as specified"),
        (options.flip_y, "sign of the row coordinates reversed, as specified"),
        (options.flip_x, "sign of the column coordinates reversed, as specified"),
    ] {
        if done {
            notes.push(what.to_owned());
        }
    }
    rows.into_iter().zip(columns).map(|(y, x)| Position { y: sign_y * y, x: sign_x * x }).collect()
}
