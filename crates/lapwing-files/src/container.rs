//! One file with arrays in it, whatever its byte format.

use std::fmt;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::dm4::DmFile;
use crate::hdf5::{self, Hdf5};
use crate::holes::Holes;
use crate::mat::MatFile;
use crate::npy::{self, Array, Header, NpyError};
use crate::npz::Archive;
use crate::options::ReadOptions;
use crate::parts::{Take, in_parts};
use crate::raw::{RAW_FORMATS, RawFrames};
use crate::tif::{self, TiffStack};
use crate::zarr::{self, Zarr};
use crate::{ArrayInfo, Error, Metadata, Problem, open};

/// A file with arrays that have names, recognised by its content and not by its name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Container {
    /// A NumPy archive (`.npz`).
    Npz(Archive),
    /// An HDF5 file.
    Hdf5(Hdf5),
    /// A single NumPy array (`.npy`), whose name is empty.
    Npy(SingleArray),
    /// Raw frames, whose name is empty.
    Raw(RawFrames),
    /// A MATLAB file.
    Mat(MatFile),
    /// A file of DigitalMicrograph.
    Dm(DmFile),
    /// A TIFF stack, whose name is empty.
    Tiff(TiffStack),
    /// A Zarr hierarchy.
    Zarr(Zarr),
}

/// The byte format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByteFormat {
    /// A NumPy archive.
    Npz,
    /// HDF5.
    Hdf5,
    /// A single NumPy array.
    Npy,
    /// Raw frames.
    Raw,
    /// A MATLAB file.
    Mat,
    /// A file of DigitalMicrograph.
    Dm,
    /// A TIFF stack.
    Tiff,
    /// A Zarr hierarchy.
    Zarr,
}

impl fmt::Display for ByteFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npz => "a NumPy archive",
            Self::Hdf5 => "HDF5",
            Self::Npy => "a single NumPy array",
            Self::Raw => "raw frames",
            Self::Mat => "a MATLAB file",
            Self::Dm => "a file of DigitalMicrograph",
            Self::Tiff => "a TIFF stack",
            Self::Zarr => "a Zarr hierarchy",
        })
    }
}

/// A single NumPy array in its file.
#[derive(Debug)]
pub struct SingleArray {
    path: PathBuf,
    header: Header,
}

impl From<Archive> for Container {
    fn from(archive: Archive) -> Self {
        Self::Npz(archive)
    }
}

impl From<Hdf5> for Container {
    fn from(file: Hdf5) -> Self {
        Self::Hdf5(file)
    }
}

impl SingleArray {
    /// Where the array is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its element type, shape and order, without the data.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Npy`].
    pub fn read(&self) -> Result<Array, Error> {
        npy::read(&self.path)
    }

    /// [`Container::parts`] of it.
    fn parts(&self, wanted: &[Range<usize>], take: &mut Take<'_>) -> Result<(), Error> {
        match npy::in_order(&self.header) {
            true => self.parts_as_stored(wanted, take),
            false => take(0, self.read()?),
        }
    }

    /// [`Container::parts_as_stored`] of it.
    fn parts_as_stored(&self, wanted: &[Range<usize>], take: &mut Take<'_>) -> Result<(), Error> {
        let unreadable = |source| Error::Npy { path: self.path.clone(), source };
        let mut file = open::regular(&self.path).map_err(|source| Error::io(&self.path, source))?;
        let length = file.metadata().map_err(|source| Error::io(&self.path, source))?.len();
        let start = self.header.length as u64;
        file.seek(SeekFrom::Start(start)).map_err(|source| Error::io(&self.path, source))?;
        npy::check_length(&self.header, length.saturating_sub(start)).map_err(unreadable)?;
        in_parts(&mut BufReader::new(file), &self.header, unreadable, wanted, take)
    }
}

impl Container {
    /// Opens a file and reads what says which arrays it holds; no array is read yet.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, and [`Error::Archive`], [`Error::Hdf5`] or
    /// [`Error::Npy`] when it is damaged or of another kind.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        if zarr::is_zarr(path) {
            return Ok(Self::Zarr(Zarr::open(path)?));
        }
        if let Some(file) = MatFile::open(path)? {
            return Ok(Self::Mat(file));
        }
        if tif::is_tiff(path) {
            return Ok(Self::Tiff(TiffStack::open(path)?));
        }
        if let Some(file) = DmFile::open(path)? {
            return Ok(Self::Dm(file));
        }
        if hdf5::is_hdf5(path) {
            return Ok(Self::Hdf5(Hdf5::open(path)?));
        }
        if is_npy(path) {
            let unreadable = |source| Error::Npy { path: path.to_owned(), source };
            let file = open::regular(path).map_err(|source| Error::io(path, source))?;
            let header = Header::read(&mut BufReader::new(file)).map_err(unreadable)?;
            return Ok(Self::Npy(SingleArray { path: path.to_owned(), header }));
        }
        if let Some(frames) = RAW_FORMATS.iter().find_map(|format| (format.open)(path)) {
            return Ok(Self::Raw(frames?));
        }
        let archive = Archive::open(path)?;
        match zarr::is_zipped(&archive) {
            true => Ok(Self::Zarr(Zarr::zipped(archive)?)),
            false => Ok(Self::Npz(archive)),
        }
    }

    /// [`open`](Self::open), or a file of raw frames where the options give their form.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and of raw frames a length that is not theirs.
    pub fn open_as(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, Error> {
        match &options.raw {
            Some(form) => Ok(Self::Raw(RawFrames::open(path.as_ref(), form)?)),
            None => Self::open(path),
        }
    }

    /// The byte format.
    pub fn kind(&self) -> ByteFormat {
        match self {
            Self::Npz(_) => ByteFormat::Npz,
            Self::Hdf5(_) => ByteFormat::Hdf5,
            Self::Npy(_) => ByteFormat::Npy,
            Self::Raw(_) => ByteFormat::Raw,
            Self::Mat(_) => ByteFormat::Mat,
            Self::Dm(_) => ByteFormat::Dm,
            Self::Tiff(_) => ByteFormat::Tiff,
            Self::Zarr(_) => ByteFormat::Zarr,
        }
    }

    /// The archive that this is.
    pub(crate) fn archive(&self) -> Result<&Archive, Error> {
        match self {
            Self::Npz(archive) => Ok(archive),
            _ => Err(self.of_another_kind(ByteFormat::Npz)),
        }
    }

    /// The HDF5 file that this is.
    pub(crate) fn hdf5(&self) -> Result<&Hdf5, Error> {
        match self {
            Self::Hdf5(file) => Ok(file),
            _ => Err(self.of_another_kind(ByteFormat::Hdf5)),
        }
    }

    fn of_another_kind(&self, expected: ByteFormat) -> Error {
        let problem = Problem::new("file", expected.to_string(), self.kind().to_string());
        Error::Contract { path: self.path().to_owned(), problems: vec![problem] }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Npz(archive) => archive.path(),
            Self::Hdf5(file) => file.path(),
            Self::Npy(array) => array.path(),
            Self::Raw(frames) => frames.path(),
            Self::Mat(file) => file.path(),
            Self::Dm(file) => file.path(),
            Self::Tiff(file) => file.path(),
            Self::Zarr(file) => file.path(),
        }
    }

    /// Whether it is a single NumPy array.
    pub(crate) fn is_npy(&self) -> bool {
        matches!(self, Self::Npy(_))
    }

    /// Name, dtype and shape of every array, in file order.
    ///
    /// # Errors
    /// The first array that cannot be described.
    pub fn list(&self) -> Result<Vec<ArrayInfo>, Error> {
        match self {
            Self::Npz(archive) => archive.list(),
            Self::Hdf5(file) => file.list(),
            Self::Mat(file) => file.list(),
            Self::Dm(file) => Ok(file.list()),
            Self::Zarr(file) => file.list(),
            Self::Tiff(stack) => Ok(vec![ArrayInfo {
                name: String::new(),
                dtype: stack.dtype().to_owned(),
                shape: stack.shape().to_vec(),
            }]),
            Self::Npy(array) => Ok(vec![ArrayInfo {
                name: String::new(),
                dtype: array.header.dtype_name(),
                shape: array.header.shape.clone(),
            }]),
            Self::Raw(frames) => Ok(vec![ArrayInfo {
                name: String::new(),
                dtype: frames.form().dtype.to_string(),
                shape: frames.shape().to_vec(),
            }]),
        }
    }

    /// Whether there is an array of that name; what an HDF5 file cannot tell is not there.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Npz(archive) => archive.contains(name),
            Self::Hdf5(file) => file.contains(name).unwrap_or(false),
            Self::Mat(_) | Self::Dm(_) | Self::Tiff(_) | Self::Zarr(_) => {
                matches!(self.shape(name), Ok(Some(_)))
            }
            Self::Npy(_) | Self::Raw(_) => name.is_empty(),
        }
    }

    /// Lengths of the axes of an array; `None` when there is none of that name.
    ///
    /// # Errors
    /// When the array is there but cannot be described.
    pub fn shape(&self, name: &str) -> Result<Option<Vec<usize>>, Error> {
        match self {
            Self::Npz(archive) if archive.contains(name) => Ok(Some(archive.header(name)?.shape)),
            Self::Hdf5(file) => file.shape(name),
            Self::Mat(_) | Self::Dm(_) | Self::Tiff(_) | Self::Zarr(_) => {
                let found = self.list()?.into_iter().find(|array| array.name == name);
                Ok(found.map(|array| array.shape))
            }
            Self::Npy(array) if name.is_empty() => Ok(Some(array.header.shape.clone())),
            Self::Raw(frames) if name.is_empty() => Ok(Some(frames.shape().to_vec())),
            Self::Npz(_) | Self::Npy(_) | Self::Raw(_) => Ok(None),
        }
    }

    /// Reads an array; that of a plain `.npy` file has the empty name.
    ///
    /// # Errors
    /// When there is none of that name, or it is damaged or of a kind that is not read.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        match self {
            Self::Npz(archive) => archive.read(name),
            Self::Hdf5(file) => file.read(name),
            Self::Mat(file) => file.read(name),
            Self::Dm(file) => file.read(name),
            Self::Zarr(file) => file.read(name),
            Self::Tiff(stack) if name.is_empty() => stack.read(),
            Self::Npy(array) if name.is_empty() => array.read(),
            Self::Raw(frames) if name.is_empty() => frames.read(),
            Self::Npy(_) | Self::Raw(_) | Self::Tiff(_) => Err(Error::NoSuchArray {
                path: self.path().to_owned(),
                key: name.to_owned(),
                names: Vec::new(),
            }),
        }
    }

    /// A pass over an array along its first axis, in parts that are little in memory beside a stack
    /// of patterns where the file allows it: calls `take` with one after the other and the place of
    /// its first element. They have all of the `wanted` elements (ranges in C order, ascending),
    /// and what the file does not let alone. Chunks are unpacked once.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and whatever `take` fails with.
    pub(crate) fn parts(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Hdf5(file) => file.parts(name, wanted, take),
            Self::Zarr(file) => file.parts(name, wanted, take),
            Self::Dm(file) => file.parts(name, wanted, take),
            Self::Tiff(stack) if name.is_empty() => stack.parts(wanted, take),
            Self::Npy(array) if name.is_empty() => array.parts(wanted, take),
            Self::Raw(frames) if name.is_empty() => frames.parts(wanted, take),
            _ => take(0, self.read(name)?),
        }
    }

    /// Chunks of an array that the file does not have; `None` where all are there, or there are
    /// none.
    ///
    /// # Errors
    /// As for [`shape`](Self::shape).
    pub(crate) fn holes(&self, name: &str) -> Result<Option<Holes>, Error> {
        match self {
            Self::Hdf5(file) => file.holes(name),
            Self::Zarr(file) => file.holes(name),
            _ => Ok(None),
        }
    }

    /// Lengths of the axes of an array that the file has with its first axis running fastest;
    /// `None` for others.
    ///
    /// # Errors
    /// As for [`shape`](Self::shape).
    pub(crate) fn turned(&self, name: &str) -> Result<Option<Vec<usize>>, Error> {
        match self {
            Self::Npy(array) if name.is_empty() => Ok(npy::turned(&array.header)),
            Self::Mat(_) => self.shape(name),
            _ => Ok(None),
        }
    }

    /// [`parts`](Self::parts) of an array that is [`turned`](Self::turned), in the order of the
    /// file: that of C with the axes in reverse.
    ///
    /// # Errors
    /// As for [`parts`](Self::parts).
    pub(crate) fn parts_as_stored(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Npy(array) if name.is_empty() => array.parts_as_stored(wanted, take),
            Self::Mat(file) => file.parts_as_stored(name, wanted, take),
            _ => self.parts(name, wanted, take),
        }
    }

    /// The `_metadata` of an archive; other files have none.
    ///
    /// # Errors
    /// As for [`metadata::read`](crate::metadata::read).
    pub fn metadata(&self) -> Result<Option<Metadata>, Error> {
        match self {
            Self::Npz(archive) => crate::metadata::read(archive),
            _ => Ok(None),
        }
    }

    /// The error of an array that was read but is not what it should be.
    pub(crate) fn unfit(&self, name: &str, source: NpyError) -> Error {
        let path = self.path().to_owned();
        match self {
            Self::Npy(_) | Self::Raw(_) | Self::Tiff(_) => Error::Npy { path, source },
            Self::Npz(_) | Self::Hdf5(_) | Self::Mat(_) | Self::Dm(_) | Self::Zarr(_) => {
                Error::Array { path, key: name.to_owned(), source }
            }
        }
    }
}

/// Whether a file begins like a single NumPy array, or is cut short where one begins. One that
/// cannot be opened does not.
fn is_npy(path: &Path) -> bool {
    let mut start = Vec::new();
    let found = open::regular(path)
        .and_then(|file| file.take(npy::MAGIC.len() as u64).read_to_end(&mut start));
    found.is_ok() && !start.is_empty() && npy::MAGIC.starts_with(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_by_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let values = Array::from(vec![1.0_f64, 2.0]);
        // The extension says nothing.
        let [npz, npy] = ["a.npy", "b.npz"].map(|name| folder.path().join(name));
        crate::npz::write(&npz, &[("x", values.clone())]).unwrap();
        npy::write(&npy, &values).unwrap();
        let archive = Container::open(&npz).unwrap();
        assert!(matches!(archive, Container::Npz(_)) && archive.contains("x"));
        assert_eq!(archive.shape("x").unwrap(), Some(vec![2]));
        assert_eq!(archive.shape("y").unwrap(), None);
        let plain = Container::open(&npy).unwrap();
        assert!(matches!(plain, Container::Npy(_)) && plain.contains("") && !plain.contains("x"));
        assert_eq!(plain.read("").unwrap(), values);
        assert!(plain.read("x").unwrap_err().to_string().contains("no array `x`"));
        assert_eq!(plain.list().unwrap()[0].dtype, "float64");
    }
}
