//! The table of the dialects, and the way from a file to the one that reads it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::cube::Lie;
use super::definition::Dialect;
use super::join::joined;
use super::settle::settle;
use super::wanted::{Chosen, Wanted};
use super::{
    cxi, dm4, eiger, emd, hints, hspy, matlab, ndata, npy_stack, ptychodus, ptyd, raster, study,
    tike,
};
use crate::hdf5::Hdf5;
use crate::npy::Header;
use crate::options::{AxisOrder, DialectName, ReadOptions, Understanding};
use crate::patterns::Storage;
use crate::{Container, Dataset, Error, Problem, stop};

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

/// The names of all dialects, each once.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    DIALECTS
        .iter()
        .map(|dialect| dialect.name())
        .filter(move |&name| std::mem::replace(&mut last, name) != name)
}

impl DialectName {
    /// Whether files of it come with a second one (`companion`) that is a part of the scan, and
    /// brings more than a start probe.
    pub fn takes_companion(self) -> bool {
        DIALECTS.iter().any(|dialect| dialect.name() == self.name() && dialect.takes_companion())
    }
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

/// Reads a scan from a file of any dialect, recognised by its content; `FILE::NAME` is the array
/// NAME of a file as its patterns.
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
    let path = path.as_ref();
    match options.of_array(path) {
        Some((file, options)) => read_from(&Container::open_as(file, &options)?, &options, storage),
        None => read_from(&Container::open_as(path, options)?, options, storage),
    }
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
    let settled =
        dialect_of(file, options).and_then(|dialect| settle(dialect, file, options, storage));
    // Whatever came of it then, nobody waits for it.
    stop::check()?;
    let settled = settled?;
    match options.join.is_empty() {
        true => Ok((settled.dataset, settled.understanding)),
        false => joined(file.path(), settled, options, storage),
    }
}

/// The name of the dialect that a file follows, as specified or by the names of its arrays; `None`
/// for a file of no dialect, and for one that is too damaged to tell.
pub fn name_of(file: &Container, options: &ReadOptions) -> Option<DialectName> {
    dialect_of(file, options).ok().map(|dialect| DialectName(dialect.name()))
}

/// Number of values of all patterns of a file together, or of those that are taken by their
/// numbers, from its headers; `None` when no dialect claims the file or they cannot be read.
pub fn pattern_values(path: impl AsRef<Path>, options: &ReadOptions) -> Option<u64> {
    let path = path.as_ref();
    if !options.join.is_empty() {
        let alone = ReadOptions { join: Vec::new(), ..options.clone() };
        let files = std::iter::once(path).chain(options.join.iter().map(PathBuf::as_path));
        return files.map(|file| pattern_values(file, &alone)).sum();
    }
    if let Some((file, options)) = options.of_array(path) {
        return pattern_values(file, &options);
    }
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
    let all = shape.iter().fold(1, |product: u64, &length| product.saturating_mul(length as u64));
    let Some(Lie { shape, order, .. }) = Lie::of(&shape, None, options) else { return Some(all) };
    let n = if order == AxisOrder::PatternFirst { shape[0] } else { shape[2] };
    let wanted = Wanted { options, storage: &Storage::Memory, chosen: Chosen::Numbered };
    // Which patterns lie in a region of the first ones is known when all are read.
    let all_read = options.common && options.experiment.patterns.region.is_some();
    match wanted.indices(n).filter(|_| !all_read) {
        Some(indices) => Some(all / n as u64 * indices.len() as u64),
        None => Some(all),
    }
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
        return Err(strange(hdf5, "")?);
    }
    if let Some(name) = &options.patterns {
        let takes =
            |dialect: &&&dyn Dialect| dialect.takes_named() && dialect.kind() == file.kind();
        let named = DIALECTS.iter().find(takes);
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
        Container::Hdf5(hdf5) => strange(hdf5, &hints::likely_options(file)?)?,
        Container::Mat(mat) => {
            let names: Vec<String> =
                file.list()?.into_iter().take(12).map(|array| array.name).collect();
            let expected = format!(
                "patterns {} (H, W, n) in a MATLAB file, or their name (--patterns)",
                matlab::PATTERNS.join(", ")
            );
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            refused(file, Problem::new("dp", expected, found + &mat.damage()))
        }
        Container::Zarr(_) => {
            let names: Vec<String> =
                file.list()?.into_iter().take(12).map(|array| array.name).collect();
            let hint = hints::likely_options(file)?;
            let expected = format!(
                "one array of numbers (ny, nx, H, W), or (n, H, W) with --scan-shape, or the name of \
                 one (--patterns){hint}"
            );
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            refused(file, Problem::new("patterns", expected, found))
        }
        Container::Npz(archive) => {
            let names: Vec<&str> = archive.names().collect();
            let found = if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") };
            let hint = hints::likely_options(file)?;
            let expected = format!(
                "diffraction patterns under that name, under diff3d, or as data with scan (tike); \
                 name them otherwise by --patterns NAME, and the positions by --positions FILE::NAME \
                 with --position-unit{hint}"
            );
            refused(file, Problem::new("diffraction", expected, found))
        }
        Container::Raw(_) | Container::Dm(_) | Container::Tiff(_) => {
            refused(file, Problem::new("dialect", "one for such a file", file.kind().to_string()))
        }
        Container::Npy(array) => {
            let Header { dtype, shape, .. } = array.header();
            let expected = "real numbers (n, H, W) or (ny, nx, H, W) in a single NumPy array (.npy); \
                            save several arrays together with numpy.savez";
            refused(file, Problem::new("patterns", expected, format!("{dtype} of shape {shape:?}")))
        }
    })
}

fn refused(file: &Container, problem: Problem) -> Error {
    Error::Contract { path: file.path().to_owned(), problems: vec![problem] }
}

/// The refusal of an HDF5 file of no dialect that is read, with what may be typed; some are known
/// by name.
fn strange(file: &Hdf5, hint: &str) -> Result<Error, Error> {
    if let Some(kind) = file.foreign() {
        let problems =
            vec![Problem::new("file", "CXI, or the pair of files of ptychodus or pty-chi", kind)];
        return Ok(Error::Contract { path: file.path().to_owned(), problems });
    }
    let names: Vec<String> = file.list()?.into_iter().map(|array| array.name).collect();
    let starts =
        |start: &str| names.iter().any(|name| name.trim_start_matches('/').starts_with(start));
    let known = if starts("content/obj/") {
        "a reconstruction of ptypy (.ptyr), which compare reads, and --companion as a start probe; "
    } else if starts("electron_events/") {
        "single electrons of stempy, which are not read: write frames of them (to_dense); "
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
    let expected = format!(
        "CXI, or patterns under another name that is known (docs/reading.md), or one array (ny, nx, H, \
         W), or (n, H, W) with --scan-shape NY,NX, or named by --patterns, with --positions FILE::NAME \
         if the file has any{hint}"
    );
    let problems = vec![Problem::new("file", expected, found)];
    Ok(Error::Contract { path: file.path().to_owned(), problems })
}
