//! Flags of pixels, one layer for all patterns or one for each, in memory or in a scratch file.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis};

use crate::Error;
use crate::order::centre;
use crate::patterns::Storage;
use crate::scratch::Mapped;
use crate::spool::{self, Spool, Spooled, no_space};

/// Flags, axes (layer, y, x). A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct Layers(Arc<Store>);

#[derive(Debug)]
enum Store {
    /// In C order.
    Memory(Array3<bool>),
    /// A byte for each flag, as a `bool` has it in memory.
    File { bytes: Mapped, shape: (usize, usize, usize), folder: PathBuf },
}

impl From<Array3<bool>> for Layers {
    fn from(flags: Array3<bool>) -> Self {
        let ordered = flags.is_standard_layout();
        let flags = if ordered { flags } else { flags.as_standard_layout().into_owned() };
        Self(Arc::new(Store::Memory(flags)))
    }
}

impl Layers {
    /// `shape.0` layers in `storage`, of which `make` fills the one of an index; one alone is in
    /// memory.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub(crate) fn made(
        storage: &Storage,
        shape: (usize, usize, usize),
        make: impl Fn(usize, &mut [bool]) + Sync,
    ) -> Result<Self, Error> {
        spool::made(storage_of(shape.0, storage), shape, make)?.layers()
    }

    /// All flags, in C order.
    pub(crate) fn flags(&self) -> &[bool] {
        match &*self.0 {
            Store::Memory(flags) => flags.as_slice().expect("layers are in C order"),
            Store::File { bytes, .. } => {
                let bytes = bytes.as_ref();
                // SAFETY: the bytes are those of a `Spool`, which were `bool`s, and are not
                // changed; a `bool` is as large as a byte and needs no alignment.
                unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
            }
        }
    }

    /// All flags, axes (layer, y, x).
    pub(crate) fn view(&self) -> ArrayView3<'_, bool> {
        let shape = match &*self.0 {
            Store::Memory(flags) => flags.dim(),
            Store::File { shape, .. } => *shape,
        };
        ArrayView3::from_shape(shape, self.flags()).expect("as many flags as pixels")
    }

    /// Number of layers.
    pub(crate) fn count(&self) -> usize {
        self.view().len_of(Axis(0))
    }

    /// Where they are kept, and what is made of them is.
    pub(crate) fn storage(&self) -> Storage {
        match &*self.0 {
            Store::Memory(_) => Storage::Memory,
            Store::File { folder, .. } => Storage::Scratch(folder.clone()),
        }
    }

    /// The layers at `indices`, in that order, kept where these are.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    ///
    /// # Panics
    /// When an index is not below the number of layers.
    pub(crate) fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        let (_, height, width) = self.view().dim();
        let (flags, pixels) = (self.flags(), height * width);
        Self::made(&self.storage(), (indices.len(), height, width), |place, to| {
            let first = indices[place] * pixels;
            to.copy_from_slice(&flags[first..first + pixels]);
        })
    }

    /// What `make` writes for each layer of what it is there, kept where these are.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub(crate) fn each(&self, make: impl Fn(&[bool], &mut [bool]) + Sync) -> Result<Self, Error> {
        let (_, height, width) = self.view().dim();
        let (flags, pixels) = (self.flags(), height * width);
        Self::made(&self.storage(), self.view().dim(), |index, to| {
            make(&flags[index * pixels..][..pixels], to);
        })
    }

    /// The layers with what is at index (0, 0) moved to (H/2, W/2), as patterns whose zero
    /// frequency is moved to the centre.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub(crate) fn centred(&self) -> Result<Self, Error> {
        let (_, height, width) = self.view().dim();
        self.each(|from, to| {
            to.copy_from_slice(from);
            let shape = (1, height, width);
            centre(&mut ArrayViewMut3::from_shape(shape, to).expect("a layer's flags"));
        })
    }

    /// `both` of what the two say of each pixel, where one has a layer for each pattern or both
    /// have the same number; a single layer stands for all.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for them.
    pub(crate) fn merged(
        &self,
        other: &Self,
        both: impl Fn(bool, bool) -> bool + Sync,
    ) -> Result<Self, Error> {
        let (long, short) =
            if self.count() >= other.count() { (self, other) } else { (other, self) };
        let storage = if long.storage() == Storage::Memory { short } else { long }.storage();
        let (_, height, width) = long.view().dim();
        let (last, pixels) = (short.count().saturating_sub(1), height * width);
        let (one, two) = (long.flags(), short.flags());
        Self::made(&storage, long.view().dim(), |index, to| {
            let one = &one[index * pixels..][..pixels];
            let two = &two[index.min(last) * pixels..][..pixels];
            to.iter_mut().zip(one.iter().zip(two)).for_each(|(to, (&a, &b))| *to = both(a, b));
        })
    }
}

impl Spool<bool> {
    /// All layers.
    ///
    /// # Panics
    /// When other than all of their flags were written.
    pub(crate) fn layers(self) -> Result<Layers, Error> {
        let (whole, shape) = self.finish();
        Ok(match whole {
            Spooled::Memory(flags) => {
                let flags = Array3::from_shape_vec(shape, flags);
                flags.expect("all flags were written").into()
            }
            Spooled::File(file, folder) => {
                let mapped = file.finish();
                let bytes = mapped.map_err(|source| no_space::<bool>(&folder, shape, source))?;
                Layers(Arc::new(Store::File { bytes, shape, folder }))
            }
        })
    }
}

/// Where a mask of so many layers is kept where its patterns are in `storage`: a single one in
/// memory.
pub(crate) fn storage_of(layers: usize, storage: &Storage) -> &Storage {
    if layers > 1 { storage } else { &Storage::Memory }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_in_a_file_are_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let storages = [Storage::Memory, Storage::Scratch(folder.path().to_owned())];
        let [memory, file] = storages.clone().map(|storage| {
            let flag = |index: usize, at: usize| (index * 7 + at * 3).is_multiple_of(5);
            let make = |index: usize, layer: &mut [bool]| {
                layer.iter_mut().enumerate().for_each(|(at, to)| *to = flag(index, at));
            };
            Layers::made(&storage, (5, 3, 4), make).unwrap()
        });
        assert_eq!([memory.storage(), file.storage()], storages);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        assert!(memory.view() == file.view() && memory.view()[(2, 1, 3)]);
        let [a, b] = [&memory, &file].map(|layers| layers.select(&[4, 0, 4]).unwrap());
        assert!(a.view() == b.view() && b.storage() == file.storage());
        assert_eq!(a.view().index_axis(Axis(0), 1), memory.view().index_axis(Axis(0), 0));
        // One for all is in memory, and stands for all.
        let one = file.select(&[3]).unwrap();
        assert_eq!(one.storage(), Storage::Memory);
        let both = one.merged(&file, |a, b| a & b).unwrap();
        assert_eq!(both.storage(), file.storage());
        assert_eq!(both.view(), memory.merged(&one, |a, b| a & b).unwrap().view());
        let expected = &one.view() & &memory.view();
        assert_eq!(both.view(), expected);
        assert!(Layers::made(&storages[1], (0, 3, 4), |_, _| ()).unwrap().flags().is_empty());
        let nowhere = Storage::Scratch("/nowhere/at/all".into());
        let error = Layers::made(&nowhere, (2, 3, 4), |_, _| ()).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}
