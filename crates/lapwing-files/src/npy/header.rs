//! The header of a `.npy` file: what the data are, checked before any byte of them is read.

use std::io::{self, Read, Write};

use super::literal::Literal;
use super::{DType, NpyError};

/// The first bytes of every `.npy` file.
pub(crate) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header text accepted; NumPy's own are below 200 bytes, large records reach some
/// kilobytes.
const MAX_HEADER: usize = 1 << 20;
/// Dimensions that NumPy itself can have.
const MAX_DIMENSIONS: usize = 64;
/// Most elements that may take no space in the file.
const MAX_EMPTY: u64 = 1 << 20;

/// What the header of a `.npy` file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Element type.
    pub dtype: DType,
    /// Whether the elements are stored with their most significant byte first.
    pub big_endian: bool,
    /// Whether the first axis varies fastest in the file.
    pub fortran_order: bool,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Bytes of the whole header, magic number included.
    pub length: usize,
}

/// What is said of a file that ends within its header.
fn ended(error: io::Error, length: usize) -> NpyError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => NpyError::Unreadable(format!(
            "expected a .npy header of {length} bytes, found a file that ends within it: cut short, \
             copy it again"
        )),
        _ => error.into(),
    }
}

impl Header {
    /// Reads a header of version 1, 2 or 3 and leaves `input` at the first byte of the data.
    ///
    /// # Errors
    /// What is no header, an unknown version or dtype, a shape whose size overflows.
    pub fn read(input: &mut impl Read) -> Result<Self, NpyError> {
        let mut start = Vec::new();
        input.take(8).read_to_end(&mut start)?;
        if start.is_empty() || !start.iter().zip(MAGIC).all(|(found, magic)| found == magic) {
            return Err(NpyError::NotNpy);
        }
        if start.len() < 8 {
            return Err(ended(io::ErrorKind::UnexpectedEof.into(), 10));
        }
        let (major, minor) = (start[6], start[7]);
        let (text_length, prefix) = match major {
            1 => {
                let mut length = [0; 2];
                input.read_exact(&mut length).map_err(|error| ended(error, 10))?;
                (usize::from(u16::from_le_bytes(length)), 10)
            }
            2 | 3 => {
                let mut length = [0; 4];
                input.read_exact(&mut length).map_err(|error| ended(error, 12))?;
                (u32::from_le_bytes(length) as usize, 12)
            }
            _ => return Err(NpyError::Version(major, minor)),
        };
        if text_length > MAX_HEADER {
            return Err(NpyError::Header(format!(
                "{text_length} bytes long, at most {MAX_HEADER} accepted"
            )));
        }
        let mut bytes = vec![0; text_length];
        input.read_exact(&mut bytes).map_err(|error| ended(error, prefix + text_length))?;
        let text = match major {
            3 => {
                String::from_utf8(bytes).map_err(|_| NpyError::Header("not valid UTF-8".into()))?
            }
            // Versions 1 and 2 are Latin-1, whose bytes are the first 256 code points.
            _ => bytes.into_iter().map(char::from).collect(),
        };
        Self::parse(&text, prefix + text_length)
    }

    fn parse(text: &str, length: usize) -> Result<Self, NpyError> {
        let Literal::Dict(entries) = Literal::parse(text)? else {
            return Err(NpyError::Header("expected a dictionary".into()));
        };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        for (key, value, source) in entries {
            match (key.as_str(), value) {
                ("descr", value) => descr = Some(DType::from_literal(&value, &source)?),
                ("fortran_order", Literal::Bool(value)) => fortran_order = Some(value),
                ("shape", Literal::Tuple(lengths)) => shape = Some(axis_lengths(&lengths)?),
                (key, _) => {
                    return Err(NpyError::Header(format!("unexpected entry {key:?} = {source}")));
                }
            }
        }
        let missing = |name: &str| NpyError::Header(format!("no entry {name:?}"));
        let (dtype, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let header = Self {
            dtype,
            big_endian,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
            length,
        };
        header.data_bytes()?;
        Ok(header)
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        // That the product of lengths without a zero does not overflow was checked when the header
        // was parsed.
        if self.shape.contains(&0) { 0 } else { self.shape.iter().product() }
    }

    /// Bytes of data that the header promises; `None` for objects, whose length it does not tell.
    ///
    /// # Errors
    /// A size that overflows, or very many elements of no size.
    pub fn data_bytes(&self) -> Result<Option<u64>, NpyError> {
        let overflow = || {
            NpyError::Shape(format!("{:?} of {} has no representable size", self.shape, self.dtype))
        };
        let count = if self.shape.contains(&0) {
            0
        } else {
            self.shape
                .iter()
                .try_fold(1_usize, |product, &length| product.checked_mul(length))
                .ok_or_else(overflow)?
        } as u64;
        let width = self.dtype.width() as u64;
        if width == 0 && count > MAX_EMPTY {
            return Err(overflow());
        }
        let bytes = count
            .checked_mul(width)
            .filter(|&bytes| bytes <= isize::MAX as u64)
            .ok_or_else(overflow)?;
        Ok((self.dtype != DType::Object).then_some(bytes))
    }

    /// The dtype as NumPy prints it, byte order included: `float32`, `>f4`, `>U12`.
    pub fn dtype_name(&self) -> String {
        match (&self.dtype, self.big_endian) {
            (DType::Raw { .. }, _) | (_, false) => self.dtype.to_string(),
            (dtype, true) => dtype.descr().trim_matches('\'').replacen('<', ">", 1),
        }
    }

    /// Writes a version 1 header (2 when long, 3 when not ASCII) for little-endian data in C order.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn write(
        out: &mut (impl Write + ?Sized),
        dtype: &DType,
        shape: &[usize],
    ) -> std::io::Result<()> {
        let lengths: String = match shape {
            [] => String::new(),
            [one] => format!("{one},"),
            many => many.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        let text = format!(
            "{{'descr': {}, 'fortran_order': False, 'shape': ({lengths}), }}",
            dtype.descr()
        );
        // Only the field names of records can hold anything but ASCII.
        let version = if !text.is_ascii() { 3 } else { u8::from(text.len() > 65_000) + 1 };
        let prefix = if version == 1 { 10 } else { 12 };
        let padded = (prefix + text.len() + 1).next_multiple_of(64) - prefix;
        out.write_all(MAGIC)?;
        out.write_all(&[version, 0])?;
        if version == 1 {
            // At most 65,000 and the padding.
            out.write_all(&(padded as u16).to_le_bytes())?;
        } else {
            out.write_all(&(padded as u32).to_le_bytes())?;
        }
        writeln!(out, "{text:<width$}", width = text.chars().count() + padded - 1 - text.len())
    }
}

fn axis_lengths(lengths: &[Literal]) -> Result<Vec<usize>, NpyError> {
    if lengths.len() > MAX_DIMENSIONS {
        return Err(NpyError::Header(format!(
            "{} dimensions, at most {MAX_DIMENSIONS} accepted",
            lengths.len()
        )));
    }
    let length = |literal: &Literal| match literal {
        Literal::Int(length) => usize::try_from(*length).ok(),
        _ => None,
    };
    lengths
        .iter()
        .map(length)
        .collect::<Option<_>>()
        .ok_or_else(|| NpyError::Header("a length is no number".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_headers_are_aligned_and_read_back() {
        for (dtype, shape) in [
            (DType::F32, vec![]),
            (DType::Text(3), vec![7]),
            (DType::C128, vec![2, 3, 4]),
            (DType::Raw { descr: "[('é', '<f4')]".into(), width: 4 }, vec![1]),
        ] {
            let mut bytes = Vec::new();
            Header::write(&mut bytes, &dtype, &shape).unwrap();
            assert_eq!(bytes.len() % 64, 0, "{dtype}");
            let header = Header::read(&mut bytes.as_slice()).unwrap();
            assert_eq!((header.dtype, header.shape, header.length), (dtype, shape, bytes.len()));
            assert!(!header.big_endian && !header.fortran_order);
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let parse = |shape: &str, descr: &str| {
            Header::parse(
                &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"),
                0,
            )
        };
        assert!(
            parse("(1000000000000000,)", "<f8").is_ok(),
            "the archive knows whether that many bytes are there"
        );
        assert!(parse("(4294967296, 4294967296, 4294967296)", "<f8").is_err());
        assert!(parse("(9223372036854775807,)", "<f8").is_err());
        assert!(parse("(1000000000000000,)", "<U0").is_err());
        assert!(parse("(1000000000000000,)", "|O").is_err());
        assert_eq!(
            parse("(0, 9223372036854775807, 9223372036854775807)", "<f8").unwrap().count(),
            0
        );
    }
}
