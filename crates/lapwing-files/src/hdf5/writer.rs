//! Writing HDF5, atomically.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use num_complex::Complex32;
use rust_hdf5::{H5Dataset, H5File, H5Group, H5Type};

use crate::npy::{Array, Values};
use crate::{Error, atomic};

/// An HDF5 file being written; groups named in a path are made as needed.
pub struct Hdf5Writer<'a> {
    path: &'a Path,
    file: H5File,
    /// The groups made so far.
    groups: RefCell<HashSet<String>>,
}

/// Writes an HDF5 file: `fill` adds its contents, which replace `path` once they are safely on
/// disk.
///
/// # Errors
/// What `fill` returns, [`Error::Hdf5`] when the crate underneath refuses, [`Error::Io`] when the
/// file cannot be written.
pub fn write<F>(path: impl AsRef<Path>, fill: F) -> Result<(), Error>
where
    F: FnOnce(&Hdf5Writer<'_>) -> Result<(), Error>,
{
    let path = path.as_ref();
    // The crate writes by name and seeks while it does, so it fills a scratch file whose bytes are
    // then written like those of every other file.
    let scratch = tempfile::tempdir_in(folder(path)).map_err(|source| Error::io(path, source))?;
    let inner = scratch.path().join("whole.h5");
    let file = H5File::create(&inner).map_err(|error| Error::hdf5(path, "/", error.to_string()))?;
    let writer = Hdf5Writer { path, file, groups: RefCell::default() };
    fill(&writer)?;
    writer.file.close_no_sync().map_err(|error| Error::hdf5(path, "/", error.to_string()))?;
    let copied = File::open(&inner).and_then(|mut whole| {
        whole.seek(SeekFrom::Start(0))?;
        atomic::write(path, |out| io::copy(&mut whole, out).map(|_| ()))
    });
    copied.map_err(|source| Error::io(path, source))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A dataset just written, to hang attributes on.
pub struct Written<'a> {
    path: &'a Path,
    name: String,
    dataset: H5Dataset,
}

impl Written<'_> {
    /// Adds an attribute of one number.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn attribute(&self, name: &str, value: f64) -> Result<&Self, Error> {
        let written = self.dataset.new_attr::<f64>().shape(()).create(name);
        written.and_then(|attribute| attribute.write_numeric(&value)).map_err(|error| {
            Error::hdf5(self.path, &format!("{}@{name}", self.name), error.to_string())
        })?;
        Ok(self)
    }
}

impl<'a> Hdf5Writer<'a> {
    /// Adds a number in a dataset of no axes.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn number<T: H5Type>(&self, name: &str, value: T) -> Result<(), Error> {
        let (group, last) = self.place(name)?;
        let made = group.new_dataset::<T>().scalar().create(last);
        made.and_then(|dataset| dataset.write_raw(&[value]))
            .map_err(|error| self.error(name, &error))
    }

    /// Adds text in a dataset of one element.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn text(&self, name: &str, text: &str) -> Result<(), Error> {
        let (group, last) = self.place(name)?;
        group.write_vlen_strings(last, &[text]).map_err(|error| self.error(name, &error))?;
        Ok(())
    }

    /// Adds an array of numbers, in one block.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn values<T: H5Type>(
        &self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<Written<'a>, Error> {
        let (group, last) = self.place(name)?;
        let dataset = group
            .new_dataset::<T>()
            .shape(shape)
            .create(last)
            .map_err(|error| self.error(name, &error))?;
        if !values.is_empty() {
            dataset.write_raw(values).map_err(|error| self.error(name, &error))?;
        }
        Ok(Written { path: self.path, name: name.to_owned(), dataset })
    }

    /// Adds frames (n, H, W), each a chunk of its own, shuffled and deflated.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn frames(&self, name: &str, shape: [usize; 3], values: &[f32]) -> Result<(), Error> {
        let (group, last) = self.place(name)?;
        let builder = group
            .new_dataset::<f32>()
            .shape(shape)
            .chunk(&[1, shape[1], shape[2]])
            .shuffle_deflate(1);
        builder
            .create(last)
            .and_then(|dataset| dataset.write_raw(values))
            .map_err(|error| self.error(name, &error))
    }

    /// Adds complex numbers, as `h5py` stores them.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn complex(
        &self,
        name: &str,
        shape: &[usize],
        values: &[Complex32],
    ) -> Result<Written<'a>, Error> {
        let values: Vec<_> =
            values.iter().map(|z| rust_hdf5::Complex32 { re: z.re, im: z.im }).collect();
        self.values(name, shape, &values)
    }

    /// Adds an array of numbers or truth values; `false` and nothing written for any other kind.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn array(&self, name: &str, array: &Array) -> Result<bool, Error> {
        let shape = array.shape();
        match array.values() {
            Values::Bool(v) => {
                let flags: Vec<_> = v.iter().map(|&flag| rust_hdf5::HBool::from(flag)).collect();
                self.values(name, shape, &flags)?
            }
            Values::I8(v) => self.values(name, shape, v)?,
            Values::I16(v) => self.values(name, shape, v)?,
            Values::I32(v) => self.values(name, shape, v)?,
            Values::I64(v) => self.values(name, shape, v)?,
            Values::U8(v) => self.values(name, shape, v)?,
            Values::U16(v) => self.values(name, shape, v)?,
            Values::U32(v) => self.values(name, shape, v)?,
            Values::U64(v) => self.values(name, shape, v)?,
            Values::F32(v) => self.values(name, shape, v)?,
            Values::F64(v) => self.values(name, shape, v)?,
            Values::C64(v) => self.complex(name, shape, v)?,
            Values::C128(v) => {
                let both: Vec<_> =
                    v.iter().map(|z| rust_hdf5::Complex64 { re: z.re, im: z.im }).collect();
                self.values(name, shape, &both)?
            }
            _ => return Ok(false),
        };
        Ok(true)
    }

    /// Adds a soft link at `name` to `target`.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn soft_link(&self, name: &str, target: &str) -> Result<(), Error> {
        let (group, last) = self.place(name)?;
        group.create_soft_link(last, target).map_err(|error| self.error(name, &error))
    }

    /// Adds an attribute of one number to the root.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn root_number(&self, name: &str, value: f64) -> Result<(), Error> {
        self.file
            .set_attr_numeric(name, &value)
            .map_err(|error| self.error(&format!("/@{name}"), &error))
    }

    /// Adds an attribute of text to the root.
    ///
    /// # Errors
    /// [`Error::Hdf5`].
    pub fn root_text(&self, name: &str, text: &str) -> Result<(), Error> {
        self.file
            .set_attr_string(name, text)
            .map_err(|error| self.error(&format!("/@{name}"), &error))
    }

    /// The group that a path names, made where it is missing, and the last part of the path.
    fn place<'n>(&self, name: &'n str) -> Result<(H5Group, &'n str), Error> {
        let mut parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        let last = parts.pop().unwrap_or(name);
        let mut group = self.file.root_group();
        let mut path = String::new();
        for part in parts {
            path = format!("{path}/{part}");
            let made = !self.groups.borrow_mut().insert(path.clone());
            let next = if made { group.group(part) } else { group.create_group(part) };
            group = next.map_err(|error| self.error(name, &error))?;
        }
        Ok((group, last))
    }

    fn error(&self, object: &str, error: &rust_hdf5::Hdf5Error) -> Error {
        Error::hdf5(self.path, object, error.to_string())
    }
}
