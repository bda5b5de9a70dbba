//! TIFF stacks: pages of one shape and type, one pattern each.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use tiff::decoder::{Decoder, DecodingResult, Limits};

use crate::npy::{Array, Values};
use crate::{Error, open};

/// Bytes that a page may unpack to, in bytes of the file.
const MOST_COMPRESSED: u64 = 1032;
/// Pages of a file.
const MOST_PAGES: usize = 1 << 22;

/// A stack in its file.
#[derive(Debug)]
pub struct TiffStack {
    path: PathBuf,
    shape: [usize; 3],
    dtype: &'static str,
}

/// Whether a file begins like a TIFF one.
pub(crate) fn is_tiff(path: &Path) -> bool {
    use std::io::Read;
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
        let shape = [count, first.0, first.1];
        let bytes = shape.iter().fold(1_u64, |n, &length| n.saturating_mul(length as u64));
        if bytes > pages.length.saturating_mul(MOST_COMPRESSED) {
            return Err(Error::archive(path, "a TIFF file that claims more than it can hold"));
        }
        Ok(Self { path: path.to_owned(), shape, dtype: kind })
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

    /// Reads all pages.
    ///
    /// # Errors
    /// As for opening, and for pages that are damaged.
    pub fn read(&self) -> Result<Array, Error> {
        let mut pages = Pages::open(&self.path)?;
        let mut all: Option<Values> = None;
        for page in 0..self.shape[0] {
            if page > 0 {
                pages.next()?;
            }
            let read = pages.decoder.read_image();
            let values = read.map_err(|error| pages.damaged(&error))?;
            let joined = join(all.take(), values);
            all = Some(joined.ok_or_else(|| {
                Error::archive(&self.path, "a TIFF file whose pages have different types")
            })?);
        }
        let values = all.ok_or_else(|| Error::archive(&self.path, "a TIFF file without pages"))?;
        let array = Array::new(self.shape.to_vec(), values);
        array.map_err(|error| Error::archive(&self.path, format!("a TIFF file: {error}")))
    }
}

struct Pages {
    path: PathBuf,
    length: u64,
    decoder: Decoder<BufReader<File>>,
}

impl Pages {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = open::regular(path).map_err(|source| Error::io(path, source))?;
        let length = file.metadata().map_err(|source| Error::io(path, source))?.len();
        let most = usize::try_from(length.saturating_mul(MOST_COMPRESSED)).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        // A page of a large detector is larger than the crate's own limit would have it.
        limits.decoding_buffer_size = most.min(1 << 30);
        limits.intermediate_buffer_size = most.min(1 << 30);
        let decoder = Decoder::new(BufReader::new(file));
        let decoder = decoder
            .map_err(|error| Error::archive(path, format!("a TIFF file: {error}")))?
            .with_limits(limits);
        Ok(Self { path: path.to_owned(), length, decoder })
    }

    fn damaged(&self, error: &tiff::TiffError) -> Error {
        Error::archive(&self.path, format!("a TIFF file: {error}"))
    }

    fn next(&mut self) -> Result<(), Error> {
        let read = self.decoder.next_image();
        read.map_err(|error| Error::archive(&self.path, format!("a TIFF file: {error}")))
    }

    /// Rows and columns of a page, and what its pixels are.
    fn size(&mut self) -> Result<((usize, usize), &'static str), Error> {
        use tiff::ColorType::Gray;
        use tiff::decoder::ifd::Value;
        use tiff::tags::Tag;
        let read = self.decoder.dimensions().and_then(|size| Ok((size, self.decoder.colortype()?)));
        let ((width, height), colour) =
            read.map_err(|error| Error::archive(&self.path, format!("a TIFF file: {error}")))?;
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
                    "a TIFF file: expected one number for each pixel, found {colour:?}: save the patterns as \
                     such, for instance with tifffile"
                );
                return Err(Error::archive(&self.path, reason));
            }
        };
        Ok(((height as usize, width as usize), kind))
    }
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
