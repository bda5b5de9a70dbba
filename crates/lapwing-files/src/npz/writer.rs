//! Archives written with the same bytes every time: fixed dates, given order, no extras.

use std::collections::HashSet;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::check_name;
use crate::npy::{Array, Element, Header, write_numbers, write_values};
use crate::{Error, atomic};

/// How the arrays of an archive are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    /// As they are, like `numpy.savez`.
    #[default]
    Stored,
    /// Compressed, like `numpy.savez_compressed`.
    Deflated,
}

/// Writes an archive of the given arrays, in that order, atomically and without compression.
///
/// # Errors
/// [`Error::Io`] with the path; a name that occurs twice or looks like a path is one of them.
pub fn write<N: AsRef<str>>(path: impl AsRef<Path>, arrays: &[(N, Array)]) -> Result<(), Error> {
    write_with(path, Packing::Stored, |writer| {
        arrays.iter().try_for_each(|(name, array)| writer.array(name.as_ref(), array))
    })
}

/// Writes an archive atomically; `fill` adds the arrays, of which none needs to be copied for it.
///
/// ```
/// use lapwing_files::npz::{Archive, Packing, write_with};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("loss.npz");
/// let loss = [0.5_f64, 0.25];
/// write_with(&path, Packing::Deflated, |npz| npz.values("loss", &[2], &loss))?;
/// assert_eq!(Archive::open(&path)?.read("loss")?.to_f64()?, loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`write()`], and what `fill` returns.
pub fn write_with<F>(path: impl AsRef<Path>, packing: Packing, fill: F) -> Result<(), Error>
where
    F: FnOnce(&mut Writer<'_>) -> io::Result<()>,
{
    let path = path.as_ref();
    atomic::write(path, |out| {
        let mut writer =
            Writer { out, packing, names: HashSet::new(), entries: Vec::new(), count: 0 };
        fill(&mut writer)?;
        writer.finish()
    })
    .map_err(|source| Error::io(path, source))
}

/// An archive being written; see [`write_with`].
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut atomic::Target,
    packing: Packing,
    names: HashSet<String>,
    /// The directory so far.
    entries: Vec<u8>,
    count: u64,
}

/// 1 January 1980, midnight: the earliest that the format can say.
const DATE: [u8; 4] = [0, 0, 0x21, 0];
/// From this size on, with room for what deflate may add, numbers need 64 bits.
const LARGE: u64 = 0xf000_0000;

impl Writer<'_> {
    /// Adds an array.
    ///
    /// # Errors
    /// A name that occurs twice or looks like a path, and failures to write.
    pub fn array(&mut self, name: &str, array: &Array) -> io::Result<()> {
        let size = (array.count() as u64).saturating_mul(array.dtype().width() as u64);
        self.member(name, size, |out| {
            Header::write(out, &array.dtype(), array.shape())?;
            write_values(out, array.values())
        })
    }

    /// Adds an array from values in C order.
    ///
    /// # Errors
    /// As for [`array`](Self::array), and a number of values that does not fit the shape.
    pub fn values<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> io::Result<()> {
        if shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))
            != Some(values.len())
        {
            return Err(invalid(format!(
                "array {name:?}: {} values for shape {shape:?}",
                values.len()
            )));
        }
        self.member(name, size_of_val(values) as u64, |out| {
            // The dtype of an empty vector is that of a full one.
            Header::write(out, &T::wrap(Vec::new()).dtype(), shape)?;
            write_numbers(out, values)
        })
    }

    fn member<F>(&mut self, name: &str, size: u64, fill: F) -> io::Result<()>
    where
        F: FnOnce(&mut dyn Write) -> io::Result<()>,
    {
        let name = format!("{name}.npy");
        check_name(&name).map_err(invalid)?;
        let name_length =
            u16::try_from(name.len()).map_err(|_| invalid("a name longer than 65,535 bytes"))?;
        if !self.names.insert(name.clone()) {
            return Err(invalid(format!("two arrays named {name:?}")));
        }
        let large = size > LARGE;
        let start = self.out.stream_position()?;
        // Sizes and checksum are filled in once they are known.
        self.local_header(&name, name_length, large, 0, 0, 0)?;
        let data = self.out.stream_position()?;
        let (crc, size) = match self.packing {
            Packing::Stored => {
                let mut counted = Counted::new(&mut *self.out);
                fill(&mut counted)?;
                (counted.crc.sum(), counted.size)
            }
            Packing::Deflated => {
                let mut counted =
                    Counted::new(DeflateEncoder::new(&mut *self.out, Compression::default()));
                fill(&mut counted)?;
                let sums = (counted.crc.sum(), counted.size);
                counted.inner.finish()?;
                sums
            }
        };
        let end = self.out.stream_position()?;
        let compressed = end - data;
        if !large && (size >= u64::from(u32::MAX) || compressed >= u64::from(u32::MAX)) {
            return Err(invalid(format!("{name:?} became larger than announced")));
        }
        self.out.seek(SeekFrom::Start(start))?;
        self.local_header(&name, name_length, large, crc, compressed, size)?;
        self.out.seek(SeekFrom::Start(end))?;
        self.entry(&name, name_length, crc, compressed, size, start)?;
        self.count += 1;
        Ok(())
    }

    fn local_header(
        &mut self,
        name: &str,
        name_length: u16,
        large: bool,
        crc: u32,
        compressed: u64,
        size: u64,
    ) -> io::Result<()> {
        let mut header = b"PK\x03\x04".to_vec();
        header.extend(self.common(name, large));
        header.extend(crc.to_le_bytes());
        // When large, both numbers are in the zip64 field.
        let short = |number: u64| if large { u32::MAX } else { number as u32 };
        header.extend(short(compressed).to_le_bytes());
        header.extend(short(size).to_le_bytes());
        header.extend(name_length.to_le_bytes());
        header.extend(if large { 20_u16 } else { 0 }.to_le_bytes());
        header.extend(name.as_bytes());
        if large {
            header.extend([1, 0, 16, 0]);
            header.extend(size.to_le_bytes());
            header.extend(compressed.to_le_bytes());
        }
        self.out.write_all(&header)
    }

    fn entry(
        &mut self,
        name: &str,
        name_length: u16,
        crc: u32,
        compressed: u64,
        size: u64,
        start: u64,
    ) -> io::Result<()> {
        let mut extra = Vec::new();
        let mut short = |number: u64| {
            if number >= u64::from(u32::MAX) {
                extra.extend(number.to_le_bytes());
                u32::MAX
            } else {
                number as u32
            }
        };
        // The zip64 field wants them in this order, the entry itself in another.
        let (size, compressed, start) = (short(size), short(compressed), short(start));
        let large = !extra.is_empty();
        let common = self.common(name, large);
        let out = &mut self.entries;
        out.extend(b"PK\x01\x02");
        // Made by version 4.5, system 3 (Unix), so that the mode below counts.
        out.extend([45, 3]);
        out.extend(common);
        out.extend(crc.to_le_bytes());
        out.extend(compressed.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(name_length.to_le_bytes());
        let extra_length = if large { 4 + extra.len() as u16 } else { 0 };
        out.extend(extra_length.to_le_bytes());
        // No comment, first disk, no internal attributes; an ordinary file of mode 644.
        out.extend([0; 6]);
        out.extend((0o100_644_u32 << 16).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(name.as_bytes());
        if large {
            out.extend([1, 0]);
            out.extend((extra.len() as u16).to_le_bytes());
            out.extend(extra);
        }
        Ok(())
    }

    /// The fields that local header and directory entry share: version needed, flags, method, date.
    fn common(&self, name: &str, large: bool) -> Vec<u8> {
        let version: u16 = if large { 45 } else { 20 };
        let flags: u16 = if name.is_ascii() { 0 } else { 1 << 11 };
        let method: u16 = match self.packing {
            Packing::Stored => 0,
            Packing::Deflated => 8,
        };
        let mut fields = Vec::from(version.to_le_bytes());
        fields.extend(flags.to_le_bytes());
        fields.extend(method.to_le_bytes());
        fields.extend(DATE);
        fields
    }

    fn finish(self) -> io::Result<()> {
        let start = self.out.stream_position()?;
        self.out.write_all(&self.entries)?;
        let length = self.entries.len() as u64;
        let fits =
            self.count < 0xffff && start < u64::from(u32::MAX) && length < u64::from(u32::MAX);
        let mut end = Vec::new();
        if !fits {
            end.extend(b"PK\x06\x06");
            end.extend(44_u64.to_le_bytes());
            end.extend([45, 3, 45, 0]);
            end.extend([0; 8]);
            for number in [self.count, self.count, length, start] {
                end.extend(number.to_le_bytes());
            }
            end.extend(b"PK\x06\x07");
            end.extend([0; 4]);
            end.extend((start + length).to_le_bytes());
            end.extend(1_u32.to_le_bytes());
        }
        end.extend(b"PK\x05\x06");
        end.extend([0; 4]);
        let count = if fits { self.count as u16 } else { u16::MAX };
        end.extend(count.to_le_bytes());
        end.extend(count.to_le_bytes());
        end.extend(if fits { length as u32 } else { u32::MAX }.to_le_bytes());
        end.extend(if fits { start as u32 } else { u32::MAX }.to_le_bytes());
        end.extend([0; 2]);
        self.out.write_all(&end)
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

/// Passes bytes on, counting them and taking their checksum.
struct Counted<W> {
    inner: W,
    crc: Crc,
    size: u64,
}

impl<W> Counted<W> {
    fn new(inner: W) -> Self {
        Self { inner, crc: Crc::new(), size: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Archive;
    use super::*;

    #[test]
    fn the_same_arrays_make_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let arrays = [
            ("b", Array::text("x")),
            ("a", Array::from(vec![1_u8, 2, 3])),
            ("ü", Array::scalar(1.5_f32)),
        ];
        for packing in [Packing::Stored, Packing::Deflated] {
            let paths = [folder.path().join("1.npz"), folder.path().join("2.npz")];
            for path in &paths {
                write_with(path, packing, |npz| {
                    arrays.iter().try_for_each(|(n, a)| npz.array(n, a))
                })
                .unwrap();
            }
            assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
            let archive = Archive::open(&paths[0]).unwrap();
            assert_eq!(archive.names().collect::<Vec<_>>(), ["b", "a", "ü"]);
            for (name, array) in &arrays {
                assert_eq!(&archive.read(name).unwrap(), array);
            }
        }
    }

    #[test]
    fn names_are_checked_before_anything_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let one = Array::scalar(1_u8);
        assert!(write(&path, &[("a", one.clone()), ("a", one.clone())]).is_err());
        assert!(write(&path, &[("../a", one)]).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn more_members_than_16_bits_can_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("many.npz");
        write_with(&path, Packing::Stored, |npz| {
            (0..65_540).try_for_each(|index| npz.values(&index.to_string(), &[1], &[index as u8]))
        })
        .unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.names().count(), 65_540);
        assert_eq!(archive.read("65539").unwrap().to_i64().unwrap(), [3]);
    }
}
