//! MATLAB files: version 5 to 7 (`level5`), and version 7.3, which is HDF5 with the axes in
//! reverse.
//!
//! Arrays come as MATLAB has them, `size(x)` being their shape; what lies in structures has a path,
//! `p/dx_spec`.

mod columns;
mod level5;

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::hdf5::Hdf5;
use crate::npy::{Array, NpyError};
use crate::parts::Take;
use crate::{ArrayInfo, Error, open};
pub(crate) use columns::from_columns;
use level5::Level5;

/// How files of the levels begin.
const LEVEL_5: &[u8] = b"MATLAB 5.0 MAT-file";
const LEVEL_7_3: &[u8] = b"MATLAB 7.3 MAT-file";

/// A MATLAB file.
#[derive(Debug)]
pub struct MatFile {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Level5(Level5),
    Hdf5(Hdf5),
}

impl MatFile {
    /// Opens a file of MATLAB; `None` when it is none.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Archive`] or [`Error::Hdf5`] when it is damaged or of version 4.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let mut head = [0; open::HEAD];
        let Ok(read) = open::regular(path).and_then(|file| read_head(file, &mut head)) else {
            return Ok(None);
        };
        let head = &head[..read];
        if head.is_empty() {
            return Ok(None);
        }
        let inner = if head.starts_with(LEVEL_7_3) {
            if !crate::hdf5::is_hdf5(path) {
                let reason = "expected a MATLAB file of version 7.3, found its header without the \
                              HDF5 behind it: cut short or damaged, copy it again";
                return Err(Error::archive(path, reason));
            }
            Inner::Hdf5(Hdf5::open(path)?)
        } else if head.starts_with(LEVEL_5) {
            Inner::Level5(Level5::open(path)?)
        } else if [LEVEL_5, LEVEL_7_3].iter().any(|start| start.starts_with(head)) {
            let reason = format!(
                "expected a MATLAB file, found the first {read} bytes of one: cut short, copy it again"
            );
            return Err(Error::archive(path, reason));
        } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("mat"))
            && !crate::hdf5::is_hdf5(path)
        {
            let reason = "a MATLAB file of version 4, or none: save it again with save(..., '-v7')";
            return Err(Error::archive(path, reason));
        } else {
            return Ok(None);
        };
        Ok(Some(Self { inner }))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        match &self.inner {
            Inner::Level5(file) => file.path(),
            Inner::Hdf5(file) => file.path(),
        }
    }

    /// What is said of arrays that are too damaged to have a name; nothing where there are none.
    pub(crate) fn damage(&self) -> String {
        match &self.inner {
            Inner::Level5(file) if file.nameless() > 0 => format!(
                " (and {} too damaged to have a name: copy the file again)",
                file.nameless()
            ),
            _ => String::new(),
        }
    }

    /// Refuses an array of 7.3 that holds no numbers but refers to other arrays.
    fn refuse_cell(&self, file: &Hdf5, name: &str) -> Result<(), Error> {
        match file.text_attribute(name, "MATLAB_class").as_deref() {
            Some("cell") => Err(no_numbers(self.path(), name, "a cell")),
            _ => Ok(()),
        }
    }

    /// Name, type and shape of every array, cells and texts included, which cannot be read.
    ///
    /// # Errors
    /// When one cannot be described.
    pub fn list(&self) -> Result<Vec<ArrayInfo>, Error> {
        match &self.inner {
            Inner::Level5(file) => Ok(file.list()),
            Inner::Hdf5(file) => {
                let arrays = file.list()?.into_iter().filter(|array| {
                    let name = array.name.trim_start_matches('/');
                    !name.starts_with('#')
                });
                Ok(arrays
                    .map(|array| ArrayInfo {
                        name: array.name.trim_start_matches('/').to_owned(),
                        shape: array.shape.into_iter().rev().collect(),
                        ..array
                    })
                    .collect())
            }
        }
    }

    /// Reads an array, axes as in MATLAB.
    ///
    /// # Errors
    /// [`Error::NoSuchArray`], and what keeps it from being read.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        match &self.inner {
            Inner::Level5(file) => file.read(name),
            Inner::Hdf5(file) => {
                self.refuse_cell(file, name)?;
                let array = file.read(name)?;
                let shape = array.shape().iter().rev().copied().collect();
                from_columns(shape, array.into_values()).map_err(|source| Error::Array {
                    path: file.path().to_owned(),
                    key: name.to_owned(),
                    source,
                })
            }
        }
    }
}

impl MatFile {
    /// As [`Container::parts`](crate::Container::parts), of elements in the order of the file, in
    /// which the first axis runs fastest.
    pub(crate) fn parts_as_stored(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        match &self.inner {
            Inner::Level5(file) => file.parts(name, wanted, take),
            // Its axes are in reverse.
            Inner::Hdf5(file) => {
                self.refuse_cell(file, name)?;
                file.parts(name, wanted, take)
            }
        }
    }
}

/// The refusal of what is no array of numbers, by what MATLAB calls it.
fn no_numbers(path: &Path, name: &str, found: &str) -> Error {
    let text = format!(
        "expected an array of numbers, found {found}: save what it holds under a name of its own"
    );
    Error::Array { path: path.to_owned(), key: name.to_owned(), source: NpyError::Unreadable(text) }
}

fn read_head(mut file: File, head: &mut [u8]) -> std::io::Result<usize> {
    file.read(head)
}
