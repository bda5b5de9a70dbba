//! HDF5 files: arrays and numbers by path, read and written.
//!
//! A thin layer over the pure-Rust crate `rust-hdf5` that knows nothing of any dialect. It resolves
//! soft and external links, gives arrays as [`npy::Array`](crate::npy::Array), and refuses before
//! allocating what the file's bytes cannot hold. Every error names the file and the object.

mod codec;
mod decode;
mod entries;
mod filters;
mod groups;
mod guard;
mod index;
mod links;
mod packed;
mod part;
mod pieces;
mod size;
mod spans;
mod virtuals;
mod walk;
mod writer;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rust_hdf5::{H5Dataset, H5File, H5FileOptions, Hdf5Error, LinkClass};

use guard::guarded;

pub(crate) use codec::Codec;

use crate::{ArrayInfo, Error, open};
pub use writer::{Hdf5Writer, write};

/// The eight bytes every HDF5 file starts with, at 0 or at 512 times a power of two.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// External links followed one after the other.
const MOST_HOPS: usize = 8;

/// Whether a file is HDF5, recognised by its content. A file that cannot be opened is not.
pub fn is_hdf5(path: impl AsRef<Path>) -> bool {
    let found = open::regular(path.as_ref()).and_then(|file| start(&file));
    found.is_ok_and(|found| found.is_some())
}

/// Where the HDF5 part of a file begins: what is before it is a user block; `None` for other files.
fn start(mut file: &File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let mut start = 0;
    while start + 8 <= length && start <= 1 << 20 {
        let mut bytes = [0; 8];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        if bytes == SIGNATURE {
            return Ok(Some(start));
        }
        start = if start == 0 { 512 } else { 2 * start };
    }
    Ok(None)
}

/// Deviation of numbers, as a share of the first, up to which they are one.
const ALIKE: f64 = 1e-3;

/// Whether all numbers are the same but for small changes.
fn are_alike(values: &[f64]) -> bool {
    values.iter().all(|value| (value - values[0]).abs() <= ALIKE * values[0].abs())
}

/// The length that an HDF5 file was closed with, bytes, by its superblock at `start`; `None` where
/// that is of a kind that is not known here.
fn promised(mut file: &File, start: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(start))?;
    let mut head = Vec::new();
    file.take(64).read_to_end(&mut head)?;
    let at = match (head.get(8), head.get(9), head.get(13)) {
        (Some(0), _, Some(8)) => 40,
        (Some(1), _, Some(8)) => 44,
        (Some(2 | 3), Some(8), _) => 28,
        _ => return Ok(None),
    };
    let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.map(u64::from_le_bytes).filter(|&end| end != u64::MAX))
}

/// What is done with a dataset of a name in a file.
type Work<'a> = dyn FnMut(&Hdf5, &str, &H5Dataset) -> Result<(), Error> + 'a;

/// An HDF5 file open for reading.
pub struct Hdf5 {
    path: PathBuf,
    file: H5File,
    length: u64,
}

impl Hdf5 {
    /// Opens a file and reads its directory; no array is read yet. No lock is taken.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Hdf5`] when it is damaged or no HDF5.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let facts = open::check(path).map_err(|source| Error::io(path, source))?;
        let promised = open::regular(path).and_then(|file| match start(&file)? {
            Some(start) => promised(&file, start),
            None => Ok(None),
        });
        if let Some(promised) = promised.ok().flatten().filter(|&end| end > facts.len()) {
            let reason = format!(
                "no readable HDF5 file: it has {} of the {promised} bytes that it was closed with: \
                 cut short, copy it again",
                facts.len()
            );
            return Err(Error::hdf5(path, "/", reason));
        }
        let opened = guarded(|| H5FileOptions::new().no_locking().open(path));
        let file = opened
            .map_err(|reason| Error::hdf5(path, "/", format!("no readable HDF5 file: {reason}")))?;
        Ok(Self { path: path.to_owned(), file, length: facts.len() })
    }

    /// What the user block before the HDF5 part says the file is, where that is known: MATLAB puts
    /// its name there.
    pub(crate) fn foreign(&self) -> Option<&'static str> {
        let mut head = [0; open::HEAD];
        let read = open::regular(&self.path).and_then(|mut file| file.read(&mut head)).ok()?;
        let told = head.get(..read).filter(|head| !head.starts_with(&SIGNATURE))?;
        open::foreign(told)
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every dataset that has a name of its own, links left out.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when one cannot be understood.
    pub fn list(&self) -> Result<Vec<ArrayInfo>, Error> {
        let names =
            guarded(|| Ok(self.file.dataset_names())).map_err(|reason| self.error("/", reason))?;
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            // A dataset without a dataspace holds nothing.
            if let Some(dataset) = self.dataset(&name)? {
                let dtype = guarded(|| Ok(decode::name(&dataset)))
                    .map_err(|reason| self.error(&name, reason))?;
                found.push(ArrayInfo { dtype, shape: dataset.shape(), name });
            }
        }
        Ok(found)
    }

    /// Whether there is a dataset at `name`, directly or through links.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when the name leads nowhere or the object cannot be understood.
    pub fn contains(&self, name: &str) -> Result<bool, Error> {
        Ok(self.dataset(name)?.is_some())
    }

    /// The first of several names that is there.
    ///
    /// # Errors
    /// As for [`contains`](Self::contains).
    pub fn first_of<'a>(&self, names: &[&'a str]) -> Result<Option<&'a str>, Error> {
        for name in names {
            if self.contains(name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Shape of a dataset; `None` when there is none of that name.
    ///
    /// # Errors
    /// As for [`contains`](Self::contains).
    pub fn shape(&self, name: &str) -> Result<Option<Vec<usize>>, Error> {
        Ok(self.dataset(name)?.map(|dataset| dataset.shape()))
    }

    /// Calls `work` with a dataset of believable size and the file that it is in, wherever links
    /// lead.
    fn with(&self, name: &str, hops: usize, work: &mut Work<'_>) -> Result<(), Error> {
        if let Some((file, path)) = self.elsewhere(name) {
            if hops == MOST_HOPS {
                return Err(self.error(
                    name,
                    format!("more than {MOST_HOPS} external links one after the other"),
                ));
            }
            // The other file is judged by its own length.
            return Self::open(self.beside(&file))?.with(&path, hops + 1, work);
        }
        let dataset =
            self.dataset(name)?.ok_or_else(|| self.error(name, "no such dataset".into()))?;
        self.check_size(name, &dataset)?;
        work(self, name, &dataset)
    }

    /// A dataset of one number, or the mean of several that hardly differ (one for each exposure,
    /// as an energy may be written); `None` when there is none of that name.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when it is something else.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        if !self.contains(name)? {
            return Ok(None);
        }
        let array = self.read(name)?;
        match array.to_f64() {
            Ok(values) if values.len() == 1 => Ok(Some(values[0])),
            Ok(values) if !values.is_empty() && are_alike(&values) => {
                Ok(Some(values.iter().sum::<f64>() / values.len() as f64))
            }
            _ => {
                let found = format!(
                    "expected one number, or the same one for each exposure, found {} of shape {:?}",
                    array.dtype(),
                    array.shape()
                );
                Err(self.error(name, found))
            }
        }
    }

    /// An attribute of one number of a dataset; `None` when the dataset or the attribute is not
    /// there.
    ///
    /// Attributes of groups are not read: the crate underneath gives only their text.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when it is something else than one number.
    pub fn attribute(&self, name: &str, attribute: &str) -> Result<Option<f64>, Error> {
        let Some(dataset) = self.dataset(name)? else { return Ok(None) };
        let read = guarded(|| match dataset.attr(attribute) {
            Ok(found) => decode::number(&found).map(Some),
            Err(Hdf5Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        });
        read.map_err(|reason| self.error(&format!("{name}@{attribute}"), reason))
    }

    /// A text attribute of a dataset; `None` when it is not there or no text.
    pub fn text_attribute(&self, name: &str, attribute: &str) -> Option<String> {
        let dataset = self.dataset(name).ok()??;
        guarded(|| dataset.attr(attribute)?.read_string()).ok()
    }

    /// A text attribute of a group; `None` when it is not there.
    pub fn group_text(&self, name: &str, attribute: &str) -> Option<String> {
        let inside = name.trim_matches('/');
        guarded(|| self.file.root_group().group(inside)?.attr_string(attribute)).ok()
    }

    /// An attribute of one number of a group; `None` when it is not there or something else.
    pub fn group_number(&self, name: &str, attribute: &str) -> Option<f64> {
        groups::number(&self.path, name, attribute)
    }

    /// The attributes of a dataset or a group whose names are `wanted`, with their numbers.
    pub(crate) fn numbers_of(
        &self,
        object: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, Vec<f64>)> {
        let inside = object.trim_matches('/');
        let dataset = self.dataset(object).ok().flatten().filter(|_| !inside.is_empty());
        let names = guarded(|| match &dataset {
            Some(dataset) => dataset.attr_names(),
            None if inside.is_empty() => self.file.attr_names(),
            None => self.file.root_group().group(inside)?.attr_names(),
        });
        let names = names.unwrap_or_default().into_iter().filter(|name| wanted(name));
        let numbers = |name: &str| match &dataset {
            Some(dataset) => guarded(|| decode::attribute(&dataset.attr(name)?)).ok(),
            None => groups::numbers(&self.path, object, name),
        };
        names
            .filter_map(|name| Some((numbers(&name)?, name)))
            .map(|(all, name)| (name, all))
            .collect()
    }

    /// Whether the last step of a name is a link to another file, which need not be there.
    pub fn is_link(&self, name: &str) -> bool {
        self.elsewhere(name).is_some()
    }

    /// The file that the last step of a name leads to, where that is a link to another one.
    pub(crate) fn link_target(&self, name: &str) -> Option<PathBuf> {
        self.elsewhere(name).map(|(file, _)| self.beside(&file))
    }

    /// A text attribute of the root; `None` when it is not there or no text.
    pub fn root_text(&self, name: &str) -> Option<String> {
        guarded(|| self.file.attr_string(name)).ok()
    }

    fn dataset(&self, name: &str) -> Result<Option<H5Dataset>, Error> {
        let found = guarded(|| match self.file.dataset(name.trim_start_matches('/')) {
            Ok(dataset) if dataset.is_null() => Ok(None),
            Ok(dataset) => Ok(Some(dataset)),
            Err(Hdf5Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        });
        found.map_err(|reason| self.error(name, reason))
    }

    /// The other file and the path in it, when the last step of `name` is an external link.
    fn elsewhere(&self, name: &str) -> Option<(String, String)> {
        let (folder, last) = name.trim_start_matches('/').rsplit_once('/').unwrap_or(("", name));
        let link = guarded(|| {
            let root = self.file.root_group();
            let group = if folder.is_empty() { root } else { root.group(folder)? };
            group.link_class(last)
        });
        match link {
            Ok(LinkClass::External { file, path }) => Some((file, path)),
            _ => None,
        }
    }

    fn error(&self, object: &str, reason: String) -> Error {
        Error::hdf5(&self.path, object, reason)
    }
}

impl std::fmt::Debug for Hdf5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hdf5").field("path", &self.path).finish_non_exhaustive()
    }
}
