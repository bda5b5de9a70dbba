//! Pieces of a file, such as indices and groups are made of.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use rust_hdf5::format::{BlockReader, FormatContext, FormatError, FormatResult};

/// Bytes beyond the length of the file, for what is looked at twice or is shorter than expected.
const SLACK: u64 = 1 << 16;

/// A file of whose bytes no more are read than it has, twice over: pieces of an index do not
/// overlap, and what claims otherwise ends.
pub(super) struct Pieces {
    file: File,
    base: u64,
    context: FormatContext,
    left: u64,
}

/// At most so many bytes of a file from a place on.
pub(super) fn bytes_at(mut file: &File, at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).ok()?;
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

impl Pieces {
    /// Of a file whose addresses count from `base`.
    pub(super) fn new(file: File, base: u64, context: FormatContext) -> Option<Self> {
        let length = file.metadata().ok()?.len();
        Some(Self { file, base, context, left: length.saturating_mul(2).saturating_add(SLACK) })
    }

    /// Widths of addresses and lengths.
    pub(super) fn context(&self) -> FormatContext {
        self.context
    }

    /// Bytes of an address.
    pub(super) fn address(&self) -> usize {
        usize::from(self.context.sizeof_addr)
    }

    /// Takes so many bytes off what may still be read.
    pub(super) fn spend(&mut self, length: u64) -> Option<()> {
        self.left = self.left.checked_sub(length)?;
        Some(())
    }

    /// Bytes from an address on, fewer at the end of the file.
    pub(super) fn bytes(&mut self, at: u64, length: usize) -> Option<Vec<u8>> {
        self.spend(length as u64)?;
        self.look(at, length)
    }

    /// [`bytes`](Self::bytes) of something whose length is not known and is accounted for
    /// elsewhere.
    pub(super) fn look(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        bytes_at(&self.file, self.base.checked_add(at)?, length as u64)
    }
}

impl BlockReader for Pieces {
    fn read_block(&mut self, offset: u64, len: usize) -> FormatResult<Vec<u8>> {
        let beyond = || FormatError::InvalidData("more bytes of an index than the file has".into());
        self.bytes(offset, len).ok_or_else(beyond)
    }
}
