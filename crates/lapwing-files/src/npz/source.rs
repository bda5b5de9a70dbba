//! Bytes at a position: of a file, or in memory.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Something that can be read at any position, by several readers at once.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(Arc<File>, u64),
    Memory(Arc<[u8]>),
}

impl Source {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::File(Arc::new(file), length))
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file, _) => read_file_at(file, offset, buffer),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).map_or(bytes.len(), |start| start.min(bytes.len()));
                (&bytes[start..]).read(buffer)
            }
        }
    }

    /// Exactly the bytes asked for; the caller has compared `length` with the length of the source.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        Section { source: self.clone(), at: offset, left: length as u64 }.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// A reader of the bytes from `offset` on, `length` of them.
    pub(super) fn section(&self, offset: u64, length: u64) -> Section {
        Section { source: self.clone(), at: offset, left: length }
    }
}

#[cfg(unix)]
fn read_file_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_file_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// A reader with a position of its own, bounded at both ends.
pub(super) struct Section {
    source: Source,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.source.read_at(self.at, &mut buffer[..wanted])?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
