//! TIFF stacks: pages of one shape and type, one pattern each. Where the program that wrote a stack
//! says so (ImageJ, OME, tifffile) its pages are a raster.

mod axes;
mod run;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use crate::npy::{Array, Values};
use crate::parts::{Take, parts_with};
use crate::{Error, claims, open};
use run::Run;

/// Pages of a file.
const MOST_PAGES: usize = 1 << 22;

/// A stack in its file.
#[derive(Debug)]
pub struct TiffStack {
    path: PathBuf,
    shape: [usize; 3],
    dtype: &'static str,
    raster: Option<(usize, usize)>,
    /// Where the pixels of all patterns are, where the file has a directory for the first alone.
    run: Option<Run>,
}

/// Whether a file begins like a TIFF one.
pub(crate) fn is_tiff(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = open::regular(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && matches!(&start, b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+")
}

impl TiffStack {
    /// Opens a file and counts its pages.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Archive`] when it is damaged, or its pages are not of one shape.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut pages = Pages::open(path)?;
        let (first, kind) = pages.size()?;
        let description = pages.decoder.get_tag_ascii_string(Tag::ImageDescription).ok();
        let mut count = 1;
        while pages.decoder.more_images() {
            pages.next()?;
            count += 1;
            let here = pages.size()?;
            if here != (first, kind) || count > MOST_PAGES {
                let reason = format!(
                    "a TIFF file: expected pages of one shape and type, found {:?} behind {first:?}",
                    here.0
                );
                return Err(Error::archive(path, reason));
            }
        }
        let mut run = None;
        let told = description.as_deref().and_then(|text| axes::told(text, first));
        let all = told.iter().flatten().try_fold(1_usize, |all, &length| all.checked_mul(length));
        if let (1, Some(all)) = (count, all.filter(|&all| all > 1)) {
            let found = Run::of(path, pages.length, (all, first), kind)?;
            (run, count) = (Some(found), all);
        }
        let raster = told.and_then(|axes| axes::raster(&axes, count));
        let shape = [count, first.0, first.1];
        let bytes = shape.iter().fold(1_u64, |n, &length| n.saturating_mul(length as u64));
        if bytes > pages.length.saturating_mul(claims::MOST) {
            return Err(Error::archive(path, "a TIFF file that claims more than it can hold"));
        }
        Ok(Self { path: path.to_owned(), shape, dtype: kind, raster, run })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lengths of the axes (page, row, column).
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// What the pixels are, in NumPy's words.
    pub fn dtype(&self) -> &'static str {
        self.dtype
    }

    /// Rows and columns of the raster that the pages are, where the file says so.
    pub fn raster(&self) -> Option<(usize, usize)> {
        self.raster
    }

    /// Reads all pages.
    ///
    /// # Errors
    /// As for opening, and for pages that are damaged.
    pub fn read(&self) -> Result<Array, Error> {
        if let Some(run) = &self.run {
            return self.array(self.shape[0], run.read(&self.path, 0, self.shape[0])?);
        }
        let mut all: Option<Values> = None;
        self.pages(0..self.shape[0], &mut |_, values| {
            let joined = join(all.take(), values);
            all = Some(joined.ok_or_else(|| {
                Error::archive(&self.path, "a TIFF file whose pages have different types")
            })?);
            Ok(())
        })?;
        let values = all.ok_or_else(|| Error::archive(&self.path, "a TIFF file without pages"))?;
        self.array(self.shape[0], values)
    }

    /// [`Container::parts`](crate::Container::parts) of it, a page each.
    pub(crate) fn parts(&self, wanted: &[Range<usize>], take: &mut Take<'_>) -> Result<(), Error> {
        let wanted = parts_with(&self.shape, (1, 1), wanted);
        let each = self.shape[1] * self.shape[2];
        if let Some(run) = &self.run {
            return wanted.into_iter().try_for_each(|(page, _)| {
                take(page * each, self.array(1, run.read(&self.path, page, 1)?)?)
            });
        }
        self.pages(wanted.into_iter().map(|(page, _)| page), &mut |page, values| {
            let values = join(None, values);
            let odd = || Error::archive(&self.path, "a TIFF file of other than whole pixels");
            take(page * each, self.array(1, values.ok_or_else(odd)?)?)
        })
    }

    fn array(&self, pages: usize, values: Values) -> Result<Array, Error> {
        let array = Array::new(vec![pages, self.shape[1], self.shape[2]], values);
        array.map_err(|error| Error::archive(&self.path, told(&error)))
    }

    /// Reads one page after the other of those `wanted`, ascending.
    fn pages(
        &self,
        wanted: impl IntoIterator<Item = usize>,
        take: &mut dyn FnMut(usize, DecodingResult) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut pages, mut at) = (Pages::open(&self.path)?, 0);
        for page in wanted {
            while at < page {
                pages.next()?;
                at += 1;
            }
            let read = pages.decoder.read_image();
            take(page, read.map_err(|error| pages.damaged(&error))?)?;
        }
        Ok(())
    }
}

/// The directories of a file, one after the other.
struct Pages {
    path: PathBuf,
    length: u64,
    decoder: Decoder<BufReader<File>>,
}

/// What is wrong with a TIFF file, in plain words.
fn told(error: &impl std::fmt::Display) -> String {
    format!("a TIFF file: {}", open::in_plain_words(&error.to_string()))
}

/// What a pixel holds that is no single number.
fn numbers_of(colour: tiff::ColorType) -> String {
    use tiff::ColorType::{CMYK, Gray, GrayA, Multiband, RGB, RGBA};
    match colour {
        Gray(bits) => format!("numbers of {bits} bits of a kind that is not read"),
        RGB(bits) | RGBA(bits) | CMYK(bits) => format!("colours of {bits} bits"),
        GrayA(bits) => format!("numbers with transparency, {bits} bits each"),
        Multiband { bit_depth, num_samples } => format!("{num_samples} of {bit_depth} bits each"),
        _ => "colours".to_owned(),
    }
}

impl Pages {
    fn open(path: &Path) -> Result<Self, Error> {
        let mut file = open::regular(path).map_err(|source| Error::io(path, source))?;
        let length = file.metadata().map_err(|source| Error::io(path, source))?.len();
        let longest = longest_value(&mut file)
            .and_then(|longest| file.rewind().map(|()| longest))
            .map_err(|error| Error::archive(path, told(&error)))?;
        if longest > length {
            return Err(Error::archive(path, "a TIFF file with a tag longer than the file"));
        }
        let most = usize::try_from(length.saturating_mul(claims::MOST)).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        // A page of a large detector is larger than the crate's own limit would have it.
        limits.decoding_buffer_size = most.min(1 << 30);
        limits.intermediate_buffer_size = most.min(1 << 30);
        let decoder = Decoder::new(BufReader::new(file));
        let decoder =
            decoder.map_err(|error| Error::archive(path, told(&error)))?.with_limits(limits);
        Ok(Self { path: path.to_owned(), length, decoder })
    }

    fn damaged(&self, error: &tiff::TiffError) -> Error {
        Error::archive(&self.path, told(&error))
    }

    fn next(&mut self) -> Result<(), Error> {
        let read = self.decoder.next_image();
        read.map_err(|error| Error::archive(&self.path, told(&error)))
    }

    /// Rows and columns of a page, and what its pixels are.
    fn size(&mut self) -> Result<((usize, usize), &'static str), Error> {
        use tiff::ColorType::Gray;
        use tiff::decoder::ifd::Value;
        let read = self.decoder.dimensions().and_then(|size| Ok((size, self.decoder.colortype()?)));
        let ((width, height), colour) =
            read.map_err(|error| Error::archive(&self.path, told(&error)))?;
        let format = self.decoder.find_tag(Tag::SampleFormat).ok().flatten();
        let format = match format {
            Some(Value::List(values)) => values.into_iter().next(),
            other => other,
        };
        let format = format.and_then(|value| value.into_u32().ok()).unwrap_or(1);
        let kind = match (colour, format) {
            (Gray(8), 1) => "uint8",
            (Gray(16), 1) => "uint16",
            (Gray(32), 1) => "uint32",
            (Gray(8), 2) => "int8",
            (Gray(16), 2) => "int16",
            (Gray(32), 2) => "int32",
            (Gray(32), 3) => "float32",
            (Gray(64), 3) => "float64",
            _ => {
                let reason = format!(
                    "a TIFF file: expected one number for each pixel, found {}: save the patterns as \
                     such, for instance with tifffile",
                    numbers_of(colour)
                );
                return Err(Error::archive(&self.path, reason));
            }
        };
        Ok(((height as usize, width as usize), kind))
    }
}

/// Bytes of the longest value that the first directory claims. The crate below takes limits only
/// once it has read that directory, and reserves what it claims.
fn longest_value(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let mut header = [0; 16];
    file.read_exact(&mut header)?;
    let little = header[0] == b'I';
    // A number of this many bytes, at most eight, in the file's order.
    let number = |bytes: &[u8]| {
        let digit = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        if little { bytes.iter().rev().fold(0, digit) } else { bytes.iter().fold(0, digit) }
    };
    let big = number(&header[2..4]) == 43;
    // Bytes of the directory's number of entries, of an entry, and of a count within it.
    let (directory, words, size, count) =
        if big { (&header[8..16], 8, 20, 8) } else { (&header[4..8], 2, 12, 4) };
    file.seek(SeekFrom::Start(number(directory)))?;
    let mut file = BufReader::new(file);
    let mut buffer = [0; 20];
    file.read_exact(&mut buffer[..words])?;
    let mut longest = 0;
    for _ in 0..number(&buffer[..words]) {
        let entry = &mut buffer[..size];
        file.read_exact(entry)?;
        let width = match number(&entry[2..4]) {
            3 | 8 => 2,                      // 16 bits
            4 | 9 | 11 | 13 => 4,            // 32 bits
            5 | 10 | 12 | 16 | 17 | 18 => 8, // 64 bits and ratios
            _ => 1,
        };
        longest = longest.max(number(&entry[4..4 + count]).saturating_mul(width));
    }
    Ok(longest)
}

/// The numbers of one more page behind those before.
fn join(before: Option<Values>, page: DecodingResult) -> Option<Values> {
    macro_rules! joined {
        ($($result:ident => $variant:ident),*) => {
            match (before, page) {
                $((None, DecodingResult::$result(page)) => Some(Values::$variant(page)),
                (Some(Values::$variant(mut all)), DecodingResult::$result(page)) => {
                    all.extend(page);
                    Some(Values::$variant(all))
                })*
                _ => None,
            }
        };
    }
    joined!(
        U8 => U8, U16 => U16, U32 => U32, U64 => U64, I8 => I8, I16 => I16, I32 => I32, I64 => I64,
        F32 => F32, F64 => F64
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file of one directory with one entry of 7 numbers of 32 bits.
    #[test]
    fn the_longest_value_is_found_in_every_layout() {
        let entry = |numbers: [Vec<u8>; 3]| numbers.concat();
        let little = [
            &b"II*\0"[..],
            &16_u32.to_le_bytes(),
            &[0; 8],
            &1_u16.to_le_bytes(),
            &entry([vec![0, 1, 4, 0], 7_u32.to_le_bytes().to_vec(), vec![0; 4]]),
        ]
        .concat();
        let big = [
            &b"MM\0+\0\x08\0\0"[..],
            &16_u64.to_be_bytes(),
            &1_u64.to_be_bytes(),
            &entry([vec![1, 0, 0, 4], 7_u64.to_be_bytes().to_vec(), vec![0; 8]]),
        ]
        .concat();
        assert_eq!(longest_value(&mut Cursor::new(little)).unwrap(), 28);
        assert_eq!(longest_value(&mut Cursor::new(&big)).unwrap(), 28);
        assert!(longest_value(&mut Cursor::new(&big[..30])).is_err());
    }

    #[test]
    fn a_tag_longer_than_the_file_is_refused_before_room_is_made_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lies.tif");
        let entry = [&[0, 1, 4, 0][..], &0x0fff_ffff_u32.to_le_bytes(), &[0; 4]].concat();
        let bytes = [&b"II*\0\x10\0\0\0"[..], &[0; 8], &[1, 0], &entry, &[0; 4]].concat();
        std::fs::write(&path, bytes).unwrap();
        let error = TiffStack::open(&path).unwrap_err().to_string();
        assert!(error.contains("a tag longer than the file"), "{error}");
    }
}
