//! Patterns that do not fit into memory: read in blocks, and stored outside the process.

use super::patterns::StoredBytes;

/// Where patterns are stored outside this process's own memory.
pub trait PatternStore {
    /// Why something cannot be stored.
    type Error;

    /// Stores some bytes behind those that came before.
    ///
    /// # Errors
    /// When there is no space for them.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// All bytes, in order.
    ///
    /// # Errors
    /// When they cannot be read again.
    fn finish(self) -> Result<StoredBytes, Self::Error>;
}

/// A pass over all patterns in order: calls what it is given with some whole patterns at a time,
/// which may be written over. Every pass must bring the same values.
pub type Blocks<'a, E> =
    dyn FnMut(&mut dyn FnMut(&mut [f32]) -> Result<(), E>) -> Result<(), E> + 'a;
