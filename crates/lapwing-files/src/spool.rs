//! Stacks that are written once, from their first value to their last, to memory or to a scratch
//! file.

use std::io;
use std::path::{Path, PathBuf};

use bytemuck::{NoUninit, Zeroable};
use lapwing_model::parallel::InParallel;
use ndarray::Array3;

use crate::Error;
use crate::patterns::Storage;
use crate::scratch::{self, ScratchFile};
use crate::stop::{self, Asked};

/// Values that are made at a time of a stack that goes to a file.
pub(crate) const BLOCK: usize = 1 << 22;

/// Lengths of the axes of a stack, (layer, y, x).
pub(crate) type Shape = (usize, usize, usize);

/// A stack of which some values are written.
pub(crate) struct Spool<T> {
    shape: Shape,
    written: usize,
    to: Spooled<T>,
}

/// A stack that is written.
pub(crate) enum Spooled<T> {
    /// All values, in C order.
    Memory(Vec<T>),
    /// Their bytes, in a file on the disk of this folder.
    File(ScratchFile, PathBuf),
}

impl<T: NoUninit> Spool<T> {
    /// For a stack of this shape.
    pub(crate) fn new(shape: Shape, storage: &Storage) -> Result<Self, Error> {
        let to = match storage {
            Storage::Memory => Spooled::Memory(Vec::new()),
            Storage::Scratch(folder) => {
                let file = ScratchFile::new_in(folder);
                let file = file.map_err(|source| no_space::<T>(folder, shape, source))?;
                Spooled::File(file, folder.clone())
            }
        };
        Ok(Self { shape, written: 0, to })
    }

    /// Adds values behind those there are. Space for the whole stack is asked for with the first
    /// ones: these have been read, so the others can be believed.
    pub(crate) fn append(&mut self, more: &[T]) -> Result<(), Error> {
        stop::check()?;
        match &mut self.to {
            Spooled::Memory(values) => {
                let missing = len_of(self.shape).saturating_sub(values.len());
                values.try_reserve_exact(missing).map_err(|_| {
                    let source = io::ErrorKind::OutOfMemory.into();
                    no_space::<T>(Path::new("memory"), self.shape, source)
                })?;
                values.extend_from_slice(more);
            }
            Spooled::File(file, folder) => {
                if self.written == 0 {
                    check_space::<T>(folder, self.shape)?;
                }
                let written = file.append(bytemuck::cast_slice(more));
                written.map_err(|source| no_space::<T>(folder, self.shape, source))?;
            }
        }
        self.written += more.len();
        Ok(())
    }

    /// The whole stack and its shape.
    ///
    /// # Panics
    /// When other than all of its values were written.
    pub(crate) fn finish(self) -> (Spooled<T>, Shape) {
        assert_eq!(self.written, len_of(self.shape), "every value of a stack is written once");
        (self.to, self.shape)
    }
}

/// A stack in `storage`, of which `make` fills the layer of an index.
pub(crate) fn made<T: NoUninit + Zeroable + Send>(
    storage: &Storage,
    shape: Shape,
    make: impl Fn(usize, &mut [T]) + Sync,
) -> Result<Spool<T>, Error> {
    let (count, pixels) = (shape.0, shape.1.saturating_mul(shape.2));
    let asked = Asked::here();
    let each = |first: usize, block: &mut [T]| {
        let layers = block.chunks_exact_mut(pixels.max(1)).enumerate();
        layers.in_parallel().for_each(|(index, layer)| {
            if !asked.to_stop() {
                make(first + index, layer);
            }
        });
    };
    if *storage == Storage::Memory {
        let mut values = Array3::from_elem(shape, T::zeroed()).into_raw_vec_and_offset().0;
        each(0, &mut values);
        stop::check()?;
        return Ok(Spool { shape, written: values.len(), to: Spooled::Memory(values) });
    }
    let mut spool = Spool::new(shape, storage)?;
    let together = (BLOCK / pixels.max(1)).max(1);
    let mut block = Vec::new();
    for first in (0..count).step_by(together) {
        block.resize(together.min(count - first) * pixels, T::zeroed());
        each(first, &mut block);
        spool.append(&block)?;
    }
    Ok(spool)
}

/// Refuses a stack for which the disk of a folder has less space than it takes.
pub(crate) fn check_space<T>(folder: &Path, shape: Shape) -> Result<(), Error> {
    match scratch::free_in(folder) {
        Some(free) if free < bytes_of::<T>(shape) => {
            let told = format!("{:.1} GB are free", free as f64 / 1e9);
            let source = io::Error::new(io::ErrorKind::StorageFull, told);
            Err(no_space::<T>(folder, shape, source))
        }
        _ => Ok(()),
    }
}

/// The error of a stack that cannot be kept in `folder`.
pub(crate) fn no_space<T>(folder: &Path, shape: Shape, source: io::Error) -> Error {
    Error::Scratch { folder: folder.to_owned(), bytes: bytes_of::<T>(shape), source }
}

fn len_of(shape: Shape) -> usize {
    shape.0.saturating_mul(shape.1).saturating_mul(shape.2)
}

fn bytes_of<T>(shape: Shape) -> u64 {
    let lengths = [shape.0, shape.1, shape.2, size_of::<T>()];
    lengths.iter().fold(1, |n: u64, &length| n.saturating_mul(length as u64))
}
