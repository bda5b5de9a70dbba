//! Zarr hierarchies (versions 2 and 3), in a folder or in a ZIP archive: arrays by path, and the
//! attributes of arrays and groups.
//!
//! Chunks may be stored plain or packed by zlib, gzip, Zstandard, Blosc, LZ4 or bzip2, with or
//! without shuffled bytes, checksums (CRC-32C) and, in version 3, in shards.

mod layout;
mod store;
mod unpack;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::npz::Archive;
use crate::{ArrayInfo, Error};
use layout::Layout;
use store::Store;

/// Longest file of metadata, bytes.
const MOST_METADATA: u64 = 16 << 20;
/// Names of the files that say what an array or a group is.
const OF_V3: &str = "zarr.json";
const OF_V2: [&str; 3] = [".zarray", ".zgroup", ".zmetadata"];

/// A Zarr hierarchy.
#[derive(Debug)]
pub struct Zarr {
    store: Store,
    /// Every file and its length.
    files: Vec<(String, u64)>,
    arrays: Vec<Named>,
}

/// An array with its name; what is wrong with one matters only to who reads it.
#[derive(Debug)]
struct Named {
    name: String,
    layout: Result<Layout, String>,
}

/// Whether a folder looks like a hierarchy.
pub(crate) fn is_zarr(path: &Path) -> bool {
    path.is_dir() && OF_V2.iter().chain([&OF_V3]).any(|name| path.join(name).is_file())
}

/// The files of a hierarchy in the folder `path`, in the order of their names; `None` for what is
/// no such folder.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read.
pub fn files(path: impl AsRef<Path>) -> Result<Option<Vec<PathBuf>>, Error> {
    let path = path.as_ref();
    if !is_zarr(path) {
        return Ok(None);
    }
    let mut names = Store::Folder(path.to_owned()).files()?;
    names.sort();
    Ok(Some(names.into_iter().map(|(name, _)| path.join(name)).collect()))
}

/// Whether an archive looks like one.
pub(crate) fn is_zipped(archive: &Archive) -> bool {
    let names = archive.strangers();
    names.iter().any(|name| name == OF_V3 || OF_V2.contains(&name.as_str()))
}

impl Zarr {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Archive`] when its metadata cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::of(Store::Folder(path.to_owned()))
    }

    /// Opens an archive.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) fn zipped(archive: Archive) -> Result<Self, Error> {
        Self::of(Store::Zip(archive))
    }

    fn of(store: Store) -> Result<Self, Error> {
        let mut files = store.files()?;
        files.sort();
        let mut arrays = Vec::new();
        for (file, _) in &files {
            let (folder, last) = file.rsplit_once('/').unwrap_or(("", file));
            let layout = match last {
                ".zarray" => Layout::of_v2(&json(&store, file)?.unwrap_or_default()),
                OF_V3 => {
                    let all = json(&store, file)?.unwrap_or_default();
                    if all.get("node_type").and_then(Value::as_str) != Some("array") {
                        continue;
                    }
                    Layout::of_v3(&all)
                }
                _ => continue,
            };
            arrays.push(Named { name: folder.to_owned(), layout });
        }
        Ok(Self { store, files, arrays })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Name, dtype and shape of every array.
    ///
    /// # Errors
    /// None: an array that cannot be read has the reason for its dtype.
    pub fn list(&self) -> Result<Vec<ArrayInfo>, Error> {
        let described = |array: &Named| match &array.layout {
            Ok(layout) => ArrayInfo {
                name: array.name.clone(),
                dtype: layout.dtype.to_string(),
                shape: layout.shape.clone(),
            },
            Err(reason) => {
                ArrayInfo { name: array.name.clone(), dtype: reason.clone(), shape: Vec::new() }
            }
        };
        Ok(self.arrays.iter().map(described).collect())
    }

    /// Attributes of a group or an array; the root has the empty name. None where there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn attributes(&self, name: &str) -> Result<Map<String, Value>, Error> {
        let inside = |file: &str| match name.is_empty() {
            true => file.to_owned(),
            false => format!("{name}/{file}"),
        };
        if let Some(found) = json(&self.store, &inside(".zattrs"))? {
            return Ok(found);
        }
        let all = json(&self.store, &inside(OF_V3))?.unwrap_or_default();
        Ok(all.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default())
    }

    fn error(&self, name: &str, reason: impl std::fmt::Display) -> Error {
        Error::archive(self.path(), format!("array {name}: {reason}"))
    }
}

/// A file of JSON; `None` where there is none.
fn json(store: &Store, name: &str) -> Result<Option<Map<String, Value>>, Error> {
    let Some(bytes) = store.read(name, MOST_METADATA)? else { return Ok(None) };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => Ok(Some(map)),
        Ok(_) => Err(Error::archive(store.path(), format!("{name}: expected a JSON object"))),
        Err(error) => Err(Error::archive(store.path(), format!("{name}: no JSON: {error}"))),
    }
}
