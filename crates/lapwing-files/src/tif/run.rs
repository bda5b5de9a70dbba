//! Stacks beyond 4 GB as ImageJ writes them, and cut ones of tifffile: a directory for the first
//! page alone, and the pixels of all pages one behind the other.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::decoder::Decoder;
use tiff::tags::{CompressionMethod, Tag};

use crate::npy::{Element, Values};
use crate::{Error, open};

/// Where the pixels are.
#[derive(Debug)]
pub(super) struct Run {
    /// Of the first page.
    at: u64,
    big: bool,
    /// Pixels of a page.
    pixels: usize,
    dtype: &'static str,
}

impl Run {
    /// The pixels of so many pages of a shape in a file of a length, of which only the first has a
    /// directory.
    ///
    /// # Errors
    /// [`Error::Archive`] when they are compressed, or not all there.
    pub(super) fn of(
        path: &Path,
        length: u64,
        (pages, (rows, columns)): (usize, (usize, usize)),
        dtype: &'static str,
    ) -> Result<Self, Error> {
        let refused = |reason: String| Error::archive(path, format!("a TIFF file: {reason}"));
        let mut file = open::regular(path).map_err(|source| Error::io(path, source))?;
        let mut order = [0; 2];
        file.read_exact(&mut order)
            .and_then(|()| file.rewind())
            .map_err(|source| Error::io(path, source))?;
        let mut first =
            Decoder::new(BufReader::new(file)).map_err(|error| refused(error.to_string()))?;
        let mut numbers = |tag: Tag| -> Vec<u64> { first.get_tag_u64_vec(tag).unwrap_or_default() };
        let (places, sizes) = (numbers(Tag::StripOffsets), numbers(Tag::StripByteCounts));
        let method = numbers(Tag::Compression).first().copied().unwrap_or(1);
        let pixels = rows.saturating_mul(columns);
        let whole = (pixels as u64).saturating_mul(width(dtype) as u64);
        let together = places
            .windows(2)
            .zip(&sizes)
            .all(|(pair, size)| pair[0].checked_add(*size) == Some(pair[1]));
        let Some(&at) = places
            .first()
            .filter(|_| together && method == u64::from(CompressionMethod::None.to_u16()))
        else {
            return Err(refused(format!(
                "its description tells of {pages} pages, expected their directories, found one: save \
                 the stack uncompressed, or with a directory for each page"
            )));
        };
        let end = whole.checked_mul(pages as u64).and_then(|all| all.checked_add(at));
        match end.filter(|&end| end <= length) {
            Some(_) => Ok(Self { at, big: &order == b"MM", pixels, dtype }),
            None => Err(refused(format!(
                "its description tells of {pages} pages of {whole} bytes, more than {length} bytes \
                 hold: it was cut short"
            ))),
        }
    }

    /// The pixels of `count` pages from `page` on.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn read(&self, path: &Path, page: usize, count: usize) -> Result<Values, Error> {
        let size = self.pixels * width(self.dtype);
        let mut bytes = vec![0; size * count];
        let read = open::regular(path).and_then(|mut file: File| {
            file.seek(SeekFrom::Start(self.at + (size * page) as u64))?;
            file.read_exact(&mut bytes)
        });
        read.map_err(|source| Error::io(path, source))?;
        Ok(match self.dtype {
            "uint8" => self.numbers::<u8>(&bytes),
            "uint16" => self.numbers::<u16>(&bytes),
            "uint32" => self.numbers::<u32>(&bytes),
            "int8" => self.numbers::<i8>(&bytes),
            "int16" => self.numbers::<i16>(&bytes),
            "int32" => self.numbers::<i32>(&bytes),
            "float64" => self.numbers::<f64>(&bytes),
            _ => self.numbers::<f32>(&bytes),
        })
    }

    fn numbers<T: Element>(&self, bytes: &[u8]) -> Values {
        let parts = bytes.chunks_exact(T::WIDTH);
        T::wrap(if self.big {
            parts.map(T::from_be).collect()
        } else {
            parts.map(T::from_le).collect()
        })
    }
}

/// Bytes of a pixel.
fn width(dtype: &str) -> usize {
    match dtype {
        "uint8" | "int8" => 1,
        "uint16" | "int16" => 2,
        "float64" => 8,
        _ => 4,
    }
}
