//! Elements of a dataset, wherever HDF5 keeps them.

use std::ops::Range;

use rust_hdf5::{H5Dataset, StorageLayout};

use super::guard::guarded;
use super::packed::{self, Packed};
use super::part::Wanted;
use super::virtuals::Virtual;
use super::{Hdf5, decode, filters, part};
use crate::Error;
use crate::holes::Holes;
use crate::npy::Array;
use crate::parts::{Take, entries_of_part, parts_with};

/// How a dataset is stored.
enum Stored<'a> {
    /// As the crate underneath reads it.
    Plain(&'a H5Dataset),
    Packed(&'a H5Dataset, Packed<'a>),
    Virtual(Virtual),
}

impl Hdf5 {
    /// Reads a dataset: numbers, `h5py`'s complex numbers and truth values, or text.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when there is none of that name, its kind is not read, or it is damaged or
    /// larger than its file can hold.
    pub fn read(&self, name: &str) -> Result<Array, Error> {
        let mut read = None;
        self.with(name, 0, &mut |file, name, dataset| {
            read = Some(match file.stored(name, dataset)? {
                Stored::Virtual(whole) => {
                    let count = dataset.shape().first().copied().unwrap_or(0);
                    whole.entries(file, name, (0, count), 0)?
                }
                Stored::Packed(dataset, packed) => {
                    let shape = dataset.shape();
                    let starts = vec![0; shape.len()];
                    file.decoded(name, || part::read_packed(dataset, &packed, &starts, &shape))?
                }
                Stored::Plain(dataset) => file.decoded(name, || decode::read(dataset))?,
            });
            Ok(())
        })?;
        Ok(read.expect("a dataset that was found was read"))
    }

    /// [`Container::parts`](crate::Container::parts) of a dataset.
    pub(crate) fn parts(
        &self,
        name: &str,
        wanted: &[Range<usize>],
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        self.with(name, 0, &mut |file, name, dataset| {
            let shape = dataset.shape();
            let chunk = guarded(|| Ok(dataset.chunk_dims()))
                .map_err(|reason| file.error(name, reason))?
                .and_then(|lengths| lengths.first().copied());
            let chunk = chunk.unwrap_or(1);
            let together = entries_of_part(&shape, dataset.element_size(), chunk);
            let count = shape.first().copied().unwrap_or(0);
            let whole = shape.is_empty() || count <= together || part::real(dataset).is_none();
            if whole {
                return take(0, file.read(name)?);
            }
            let stored = file.stored(name, dataset)?;
            let each: usize = shape.iter().skip(1).product();
            parts_with(&shape, (together, chunk), wanted).into_iter().try_for_each(
                |(first, count)| {
                    let (starts, counts) = part::entries(&shape, first, count);
                    let part = match &stored {
                        Stored::Virtual(whole) => whole.entries(file, name, (first, count), 0)?,
                        Stored::Packed(dataset, packed) => file.decoded(name, || {
                            part::read_packed(dataset, packed, &starts, &counts)
                        })?,
                        Stored::Plain(dataset) => {
                            file.decoded(name, || part::read(dataset, &starts, &counts))?
                        }
                    };
                    take(first * each, part)
                },
            )
        })
    }

    /// Part of a dataset of real numbers.
    pub(super) fn part(&self, name: &str, wanted: &Wanted<'_>) -> Result<Array, Error> {
        let mut read = None;
        self.with(name, 0, &mut |file, name, dataset| {
            let &Wanted { starts, counts, nested } = wanted;
            read = Some(match file.stored(name, dataset)? {
                Stored::Virtual(whole) => {
                    let entries = whole.entries(file, name, (starts[0], counts[0]), nested)?;
                    part::cut(&entries, &starts[1..], &counts[1..])
                        .map_err(|reason| file.error(name, reason))?
                }
                Stored::Packed(dataset, packed) => {
                    file.decoded(name, || part::read_packed(dataset, &packed, starts, counts))?
                }
                Stored::Plain(dataset) => {
                    file.decoded(name, || part::read(dataset, starts, counts))?
                }
            });
            Ok(())
        })?;
        Ok(read.expect("a dataset that was found was read"))
    }

    fn stored<'a>(&self, name: &str, dataset: &'a H5Dataset) -> Result<Stored<'a>, Error> {
        let layout = guarded(|| dataset.storage_layout());
        if layout.is_ok_and(|layout| layout == StorageLayout::Virtual)
            && !dataset.shape().is_empty()
            && let Some(whole) = Virtual::of(self, name, dataset)?
        {
            return Ok(Stored::Virtual(whole));
        }
        let packed = guarded(|| Ok(Packed::of(&self.path, name, dataset)))
            .map_err(|reason| self.error(name, reason))?;
        Ok(packed.map_or(Stored::Plain(dataset), |packed| Stored::Packed(dataset, packed)))
    }

    /// Chunks of a dataset that were never written; `None` where all were, and where that is not
    /// known.
    ///
    /// # Errors
    /// [`Error::Hdf5`] when there is no such dataset.
    pub(crate) fn holes(&self, name: &str) -> Result<Option<Holes>, Error> {
        let mut found = None;
        self.with(name, 0, &mut |file, name, dataset| {
            found = packed::holes(&file.path, name, dataset);
            Ok(())
        })?;
        Ok(found)
    }

    /// What `decode` makes of a dataset.
    fn decoded(
        &self,
        name: &str,
        decode: impl FnOnce() -> Result<Array, String>,
    ) -> Result<Array, Error> {
        guarded(|| Ok(decode()))
            .and_then(|read| read)
            .map_err(|reason| self.error(name, filters::told(reason)))
    }
}
