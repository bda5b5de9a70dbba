//! Bytes at a position: of a file, or in memory.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions};

/// From this length on, mapping a part of a file is cheaper than copying it.
const WORTH_MAPPING: usize = 1 << 20;

/// Something that can be read at any position, by several readers at once.
#[derive(Debug, Clone)]
pub(super) enum ByteSource {
    File(Arc<File>, u64),
    Memory(Arc<[u8]>),
}

/// Some bytes of a source, wherever they are.
pub(super) enum Window<'a> {
    Mapped(Mmap),
    Copied(Vec<u8>),
    Memory(&'a [u8]),
}

impl Deref for Window<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Copied(bytes) => bytes,
            Self::Memory(bytes) => bytes,
        }
    }
}

impl ByteSource {
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
                let start =
                    usize::try_from(offset).map_or(bytes.len(), |start| start.min(bytes.len()));
                (&bytes[start..]).read(buffer)
            }
        }
    }

    /// Exactly the bytes asked for; the caller has compared `length` with the length of the source.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.section(offset, length as u64).read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Exactly the bytes asked for, mapped into memory when they are many and in a file.
    ///
    /// Only a window at a time is mapped, so the pages of a file never count as memory of the
    /// process for long. Another process that changes the file meanwhile changes what is read, as
    /// it would without a map; the checksum tells. One that cuts the file short is noticed here,
    /// except within the milliseconds for which a window is in use: then the operating system ends
    /// the process (SIGBUS), as it does when the disk fails under a map.
    pub(super) fn window(&self, offset: u64, length: usize) -> io::Result<Window<'_>> {
        let short = || {
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            )
        };
        let end = offset.checked_add(length as u64).ok_or_else(short)?;
        match self {
            Self::File(file, _) if length >= WORTH_MAPPING => {
                if file.metadata()?.len() < end {
                    return Err(short());
                }
                // SAFETY: the map is read-only and shorter-lived than the file it borrows. Its
                // bytes may change under us when another process writes to the file; they are only
                // ever copied out, as numbers for which every bit pattern is valid, and no decision
                // about memory is taken from them twice.
                match unsafe {
                    MmapOptions::new().offset(offset).len(length).populate().map(&**file)
                } {
                    Ok(map) => Ok(Window::Mapped(map)),
                    // There are file systems that cannot map.
                    Err(_) => self.bytes(offset, length).map(Window::Copied),
                }
            }
            Self::File(..) => self.bytes(offset, length).map(Window::Copied),
            Self::Memory(bytes) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                let bytes =
                    range.and_then(|(start, end)| bytes.get(start..end)).ok_or_else(short)?;
                Ok(Window::Memory(bytes))
            }
        }
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
    pub(super) source: ByteSource,
    pub(super) at: u64,
    left: u64,
}

impl Section {
    /// The next bytes at once.
    pub(super) fn window(&mut self, length: usize) -> io::Result<Window<'_>> {
        let at = self.at;
        self.skip(length as u64)?;
        self.source.window(at, length)
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, length: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.at += length;
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_may_begin_anywhere_and_end_where_the_file_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        let bytes: Vec<u8> = (0..3 * WORTH_MAPPING).map(|index| (index * 7 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = ByteSource::file(File::open(&path).unwrap()).unwrap();
        let memory = ByteSource::Memory(bytes.clone().into());
        for (offset, length) in
            [(0, bytes.len()), (1, WORTH_MAPPING), (4097, 2 * WORTH_MAPPING), (5, 3)]
        {
            let expected = &bytes[offset..offset + length];
            let mapped = file.window(offset as u64, length).unwrap();
            assert_eq!(matches!(mapped, Window::Mapped(_)), length >= WORTH_MAPPING);
            assert!(
                *mapped == *expected && *memory.window(offset as u64, length).unwrap() == *expected
            );
        }
        for source in [&file, &memory] {
            assert!(source.window(1, bytes.len()).is_err());
            assert!(source.window(u64::MAX, 2).is_err());
        }
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
        assert!(file.window(0, WORTH_MAPPING).is_err(), "cut short after it was opened");
    }
}
