//! Fields on the object's grid, and patterns that are drawn, that need not be in the memory of the
//! process.

use lapwing_model::Complex32;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes outside the process's own memory, such as a memory map, that can be changed.
pub trait OutsideBytes: AsRef<[u8]> + AsMut<[u8]> + Send + Sync {}

impl<T: AsRef<[u8]> + AsMut<[u8]> + Send + Sync> OutsideBytes for T {}

/// Where fields and drawn patterns are stored outside the process's own memory.
pub trait OutsideStore: fmt::Debug + Send + Sync {
    /// So many bytes, all zero, that begin at a multiple of eight; `None` where there is no space
    /// for them.
    fn bytes(&self, len: usize) -> Option<Box<dyn OutsideBytes>>;
}

/// Complex values in the memory of the process, or in a [`OutsideStore`].
pub struct StoredField(Kept);

enum Kept {
    Memory(Vec<Complex32>),
    Outside(Box<dyn OutsideBytes>),
}

impl StoredField {
    /// So many zeros, in `store` where it has space for them, else in memory.
    pub(crate) fn zeros(len: usize, store: Option<&dyn OutsideStore>) -> Self {
        let outside = store.and_then(|store| store.bytes(len * size_of::<Complex32>()));
        let fitting = outside.filter(|bytes| {
            let found = bytemuck::try_cast_slice::<u8, Complex32>((**bytes).as_ref());
            found.is_ok_and(|values| values.len() == len)
        });
        match fitting {
            Some(bytes) => Self(Kept::Outside(bytes)),
            None => Self(Kept::Memory(vec![Complex32::ZERO; len])),
        }
    }

    /// A copy of these values, in `store` where it has space for them, else in memory.
    pub(crate) fn copy_of(values: &[Complex32], store: Option<&dyn OutsideStore>) -> Self {
        if store.is_none() {
            return Self::from(values.to_vec());
        }
        let mut copy = Self::zeros(values.len(), store);
        copy.copy_from_slice(values);
        copy
    }
}

impl Default for StoredField {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<Complex32>> for StoredField {
    fn from(values: Vec<Complex32>) -> Self {
        Self(Kept::Memory(values))
    }
}

impl Clone for StoredField {
    /// In memory.
    fn clone(&self) -> Self {
        Self::from(self.to_vec())
    }
}

impl PartialEq for StoredField {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for StoredField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.len())
    }
}

impl Deref for StoredField {
    type Target = [Complex32];

    fn deref(&self) -> &[Complex32] {
        match &self.0 {
            Kept::Memory(values) => values,
            Kept::Outside(bytes) => bytemuck::cast_slice((**bytes).as_ref()),
        }
    }
}

impl DerefMut for StoredField {
    fn deref_mut(&mut self) -> &mut [Complex32] {
        match &mut self.0 {
            Kept::Memory(values) => values,
            Kept::Outside(bytes) => bytemuck::cast_slice_mut((**bytes).as_mut()),
        }
    }
}
