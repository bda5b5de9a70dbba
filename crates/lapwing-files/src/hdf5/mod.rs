//! HDF5 files: arrays and numbers by path, read and written.
//!
//! A thin layer over the pure-Rust crate `rust-hdf5` that knows nothing of any dialect. It resolves
//! soft and external links, gives arrays as [`npy::Array`](crate::npy::Array), and refuses before
//! allocating what the file's bytes cannot hold. Every error names the file and the object.

mod codec;
mod decode;
mod filters;
mod groups;
mod guard;
mod index;
mod packed;
mod walk;
mod writer;

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rust_hdf5::{H5Dataset, H5File, H5FileOptions, Hdf5Error, LinkClass, StorageLayout};

use guard::guarded;
use packed::Packed;

pub(crate) use codec::Codec;

use crate::npy::Array;
use crate::parts::entries_of_part;
use crate::{ArrayInfo, Error, open};
pub use writer::{Hdf5Writer, write};

/// The eight bytes every HDF5 file starts with, at 0 or at 512 times a power of two.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// How much longer than its file a compressed or partly written dataset may be: what deflate can
/// reach at most.
const MOST_COMPRESSED: u64 = 1032;
/// A dataset of so many bytes is read whatever the length of its file.
const SMALL: u64 = 1 << 20;
/// A chunk of so many bytes is unpacked however little of it the dataset holds.
const SMALL_CHUNK: u64 = 64 << 20;
/// How much longer than all of its dataset a chunk may be otherwise.
const MOST_CHUNK: u64 = 4;
/// External links followed one after the other.
const MOST_HOPS: usize = 8;

/// Whether a file is HDF5, recognised by its content. A file that cannot be opened is not.
pub fn is_hdf5(path: impl AsRef<Path>) -> bool {
    let found = |path: &Path| -> io::Result<bool> {
        let mut file = open::regular(path)?;
        let length = file.metadata()?.len();
        let mut start = 0;
        while start + 8 <= length && start <= 1 << 20 {
            let mut bytes = [0; 8];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
            if bytes == SIGNATURE {
                return Ok(true);
            }
            start = if start == 0 { 512 } else { 2 * start };
        }
        Ok(false)
    };
    found(path.as_ref()).unwrap_or(false)
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

    /// Reads a dataset: numbers, `h5py`'s complex numbers and truth values, or text.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when there is none of that name, its kind is not read, or it is damaged or
    /// larger than its file can hold.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        let mut read = None;
        self.with(name, 0, &mut |file, name, dataset| {
            read = Some(file.decoded(name, || match Packed::of(&file.path, name, dataset) {
                Some(packed) => decode::read_packed(dataset, &packed),
                None => decode::read(dataset),
            })?);
            Ok(())
        })?;
        Ok(read.expect("a dataset that was found was read"))
    }

    /// [`Container::parts`](crate::Container::parts) of a dataset.
    pub(crate) fn parts(
        &self,
        name: &str,
        take: &mut dyn FnMut(Array) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.with(name, 0, &mut |file, name, dataset| {
            let shape = dataset.shape();
            let chunk = guarded(|| Ok(dataset.chunk_dims()))
                .map_err(|reason| file.error(name, reason))?
                .and_then(|lengths| lengths.first().copied());
            let together = entries_of_part(&shape, dataset.element_size(), chunk.unwrap_or(1));
            let count = shape.first().copied().unwrap_or(0);
            let whole = shape.is_empty() || count <= together || !decode::is_sliced(dataset);
            if whole {
                return take(file.read(name)?);
            }
            let packed = guarded(|| Ok(Packed::of(&file.path, name, dataset)))
                .map_err(|reason| file.error(name, reason))?;
            (0..count).step_by(together).try_for_each(|first| {
                let count = together.min(count - first);
                take(file.decoded(name, || match &packed {
                    Some(packed) => decode::read_packed_entries(dataset, packed, first, count),
                    None => decode::read_entries(dataset, first, count),
                })?)
            })
        })
    }

    /// What `decode` makes of a dataset.
    fn decoded(
        &self,
        name: &str,
        decode: impl FnOnce() -> Result<Array, String>,
    ) -> Result<Array, Error> {
        guarded(|| Ok(decode()))
            .and_then(|read| read)
            .map_err(|reason| self.error(name, filtered(reason)))
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
            let other = self.path.parent().unwrap_or(Path::new("")).join(file);
            return Self::open(other)?.with(&path, hops + 1, work);
        }
        let dataset =
            self.dataset(name)?.ok_or_else(|| self.error(name, "no such dataset".into()))?;
        self.check_size(name, &dataset)?;
        work(self, name, &dataset)
    }

    /// A dataset of one number; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when it is something else than one number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        if !self.contains(name)? {
            return Ok(None);
        }
        let array = self.read(name)?;
        match array.to_f64() {
            Ok(values) if values.len() == 1 => Ok(Some(values[0])),
            _ => {
                let found = format!(
                    "expected one number, found {} of shape {:?}",
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

    /// Whether the last step of a name is a link to another file, which need not be there.
    pub fn is_link(&self, name: &str) -> bool {
        self.elsewhere(name).is_some()
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

    /// Refuses a dataset that claims more bytes than its file can hold.
    fn check_size(&self, name: &str, dataset: &H5Dataset) -> Result<(), Error> {
        let shape = dataset.shape();
        let width = dataset.element_size() as u64;
        let bytes =
            shape.iter().try_fold(width, |product, &length| product.checked_mul(length as u64));
        let layout =
            guarded(|| dataset.storage_layout()).map_err(|reason| self.error(name, reason))?;
        // The data of a virtual dataset, and of one with external storage, are in other files.
        let others = match layout {
            StorageLayout::Virtual => {
                let mappings = guarded(|| dataset.virtual_mappings())
                    .map_err(|reason| self.error(name, reason))?;
                mappings.into_iter().map(|mapping| mapping.source_file_name).collect()
            }
            StorageLayout::Contiguous => {
                let segments = guarded(|| dataset.external_files())
                    .map_err(|reason| self.error(name, reason))?;
                segments.into_iter().map(|segment| segment.name).collect()
            }
            _ => Vec::new(),
        };
        let mut others: Vec<String> = others;
        others.sort();
        others.dedup();
        // Where such a file is missing the crate underneath, like HDF5 itself, would read fill
        // values in its place.
        let lengths: Result<Vec<u64>, Error> =
            others.iter().map(|other| self.length_of_other(name, other)).collect();
        let elsewhere: u64 = lengths?.iter().sum();
        let stored = self.length.saturating_add(elsewhere);
        let most = match layout {
            StorageLayout::Contiguous | StorageLayout::Compact => stored,
            _ => stored.saturating_mul(MOST_COMPRESSED),
        };
        let Some(bytes) = bytes.filter(|&bytes| bytes <= most.max(SMALL)) else {
            let reason = format!(
                "claims shape {shape:?} of {width} bytes each, more than a file of {stored} bytes can hold"
            );
            return Err(self.error(name, reason));
        };
        // Chunks are unpacked whole.
        let chunk =
            guarded(|| Ok(dataset.chunk_dims())).map_err(|reason| self.error(name, reason))?;
        let long = chunk.as_deref().unwrap_or_default().iter();
        let long = long.fold(width, |product, &length| product.saturating_mul(length as u64));
        if chunk.is_some() && long > SMALL_CHUNK.max(bytes.saturating_mul(MOST_CHUNK)) {
            let reason = format!("claims chunks of {long} bytes for {bytes} bytes of data");
            return Err(self.error(name, reason));
        }
        Ok(())
    }

    /// Length of another file that holds data of this one; it must be there, and a file.
    fn length_of_other(&self, name: &str, other: &str) -> Result<u64, Error> {
        // `.` is this file; a `%` stands for a running number.
        if other == "." || other.contains('%') {
            return Ok(0);
        }
        let path = self.path.parent().unwrap_or(Path::new("")).join(other);
        let facts = open::check(&path);
        facts.map(|facts| facts.len()).map_err(|error| {
            self.error(
                name,
                format!(
                    "its data are in the file {}, which cannot be read: {error}",
                    path.display()
                ),
            )
        })
    }

    fn error(&self, object: &str, reason: String) -> Error {
        Error::hdf5(&self.path, object, reason)
    }
}

/// What keeps a dataset from being read, with what to do where it is the way it was compressed.
fn filtered(reason: String) -> String {
    const FILTERS: [(&str, &str); 10] = [
        (
            "bitshuffle: unsupported compression type",
            "bitshuffle with Zstandard (filter 32008) behind a virtual dataset",
        ),
        ("filter id 32026", "Blosc2 (filter 32026)"),
        ("filter id 32008", "bitshuffle (filter 32008)"),
        ("filter id 32013", "ZFP (filter 32013)"),
        ("filter id 32017", "SZ (filter 32017)"),
        ("filter id 32024", "SZ3 (filter 32024)"),
        ("filter id 32019", "JPEG (filter 32019)"),
        ("filter id 32028", "SPERR (filter 32028)"),
        ("filter id", "a filter that is not known here"),
        ("unsupported feature", "a filter that is not read"),
    ];
    let found = FILTERS.iter().find(|(part, _)| reason.contains(part));
    match found.filter(|_| reason.contains("unsupported feature")) {
        None => reason,
        Some((_, filter)) => {
            let detail = reason.rsplit("unsupported feature:").next().unwrap_or_default().trim();
            format!("compressed by {filter} ({detail}), which is not read: {}", filters::REPACK)
        }
    }
}

impl std::fmt::Debug for Hdf5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hdf5").field("path", &self.path).finish_non_exhaustive()
    }
}
