//! Element types of NumPy arrays, and the `descr` strings that name them.

use std::fmt;

use super::NpyError;
use super::literal::Literal;

/// The element type of an array, without its byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DType {
    /// One byte, zero or not.
    Bool,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Two binary32: real, imaginary.
    C64,
    /// Two binary64: real, imaginary.
    C128,
    /// Unicode text of at most this many characters, padded with zeros.
    Text(usize),
    /// Byte strings of at most this many bytes, padded with zeros.
    Bytes(usize),
    /// Pickled Python objects.
    Object,
    /// Anything else (dates, records, long doubles): carried along as bytes in the file's own
    /// order.
    Raw {
        /// The Python literal that describes it in the header.
        descr: String,
        /// Bytes per element.
        width: usize,
    },
}

impl DType {
    /// Bytes per element in a file; zero for [`DType::Object`], whose length the header does not
    /// tell.
    pub fn width(&self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::C64 => 8,
            Self::C128 => 16,
            Self::Text(length) => 4 * length,
            Self::Bytes(length) => *length,
            Self::Object => 0,
            Self::Raw { width, .. } => *width,
        }
    }

    /// Whether the elements are whole numbers (booleans are not).
    pub fn is_integer(&self) -> bool {
        matches!(
            self,
            Self::I8
                | Self::I16
                | Self::I32
                | Self::I64
                | Self::U8
                | Self::U16
                | Self::U32
                | Self::U64
        )
    }

    /// Whether the elements are real floating-point numbers.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// Whether the elements are complex numbers.
    pub fn is_complex(&self) -> bool {
        matches!(self, Self::C64 | Self::C128)
    }

    /// The `descr` literal of a header, for little-endian data.
    pub(crate) fn descr(&self) -> String {
        let plain = match self {
            Self::Bool => "|b1",
            Self::I8 => "|i1",
            Self::I16 => "<i2",
            Self::I32 => "<i4",
            Self::I64 => "<i8",
            Self::U8 => "|u1",
            Self::U16 => "<u2",
            Self::U32 => "<u4",
            Self::U64 => "<u8",
            Self::F16 => "<f2",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::C64 => "<c8",
            Self::C128 => "<c16",
            Self::Object => "|O",
            Self::Text(length) => return format!("'<U{length}'"),
            Self::Bytes(length) => return format!("'|S{length}'"),
            Self::Raw { descr, .. } => return descr.clone(),
        };
        format!("'{plain}'")
    }

    /// Reads a type code such as `<f4`, `>U12` or `|b1`; the flag says whether the data are
    /// big-endian.
    pub(crate) fn parse(code: &str) -> Result<(Self, bool), NpyError> {
        let unknown = || NpyError::DType(code.chars().take(40).collect());
        let (big, rest) = match code.as_bytes().first() {
            Some(b'>') => (true, &code[1..]),
            Some(b'=') => (cfg!(target_endian = "big"), &code[1..]),
            Some(b'<' | b'|') => (false, &code[1..]),
            _ => (false, code),
        };
        let kind = rest.chars().next().filter(char::is_ascii).ok_or_else(unknown)?;
        let digits: String = rest[1..].chars().take_while(char::is_ascii_digit).collect();
        let size: Option<usize> = digits.parse().ok();
        // Dates carry their unit behind the size: <M8[ns].
        let tail = &rest[1 + digits.len()..];
        if !tail.is_empty() && !matches!(kind, 'M' | 'm') {
            return Err(unknown());
        }
        // Far above any real element, and low enough that four times it cannot overflow.
        if size.is_some_and(|size| size > 1 << 28) {
            return Err(unknown());
        }
        let dtype = match (kind, size) {
            ('b', Some(1)) | ('?', None) => Self::Bool,
            ('i', Some(1)) => Self::I8,
            ('i', Some(2)) => Self::I16,
            ('i', Some(4)) => Self::I32,
            ('i', Some(8)) => Self::I64,
            ('u', Some(1)) => Self::U8,
            ('u', Some(2)) => Self::U16,
            ('u', Some(4)) => Self::U32,
            ('u', Some(8)) => Self::U64,
            ('f', Some(2)) => Self::F16,
            ('f', Some(4)) => Self::F32,
            ('f', Some(8)) => Self::F64,
            ('c', Some(8)) => Self::C64,
            ('c', Some(16)) => Self::C128,
            ('U', Some(length)) => Self::Text(length),
            ('S' | 'a', Some(length)) => Self::Bytes(length),
            ('O', _) => Self::Object,
            ('M' | 'm', Some(8)) => {
                Self::Raw { descr: quoted(code).ok_or_else(unknown)?, width: 8 }
            }
            ('V', Some(width))
            | ('f', Some(width @ (12 | 16)))
            | ('c', Some(width @ (24 | 32))) => {
                Self::Raw { descr: quoted(code).ok_or_else(unknown)?, width }
            }
            _ => return Err(unknown()),
        };
        Ok((dtype, big))
    }

    /// Reads the `descr` entry of a header: a type code, or the list of a record's fields.
    pub(crate) fn from_literal(descr: &Literal, source: &str) -> Result<(Self, bool), NpyError> {
        match descr {
            Literal::Text(code) => Self::parse(code),
            record => {
                let width = record_width(record)
                    .ok_or_else(|| NpyError::DType(source.trim().chars().take(80).collect()))?;
                Ok((Self::Raw { descr: source.trim().to_owned(), width }, false))
            }
        }
    }
}

/// NumPy's name: `float32`, `complex64`, `<U12`, `|S5`, `object`.
impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::C64 => "complex64",
            Self::C128 => "complex128",
            Self::Object => "object",
            Self::Text(length) => return write!(f, "<U{length}"),
            Self::Bytes(length) => return write!(f, "|S{length}"),
            Self::Raw { descr, .. } => return f.write_str(descr.trim_matches('\'')),
        };
        f.write_str(name)
    }
}

/// The code as a Python string literal; `None` when a character would have to be escaped.
fn quoted(code: &str) -> Option<String> {
    let plain = code.chars().all(|c| c.is_ascii_graphic() && c != '\'' && c != '\\');
    plain.then(|| format!("'{code}'"))
}

/// Bytes per record of `[('name', code), ('name', code, shape), ('name', [fields...]), ...]`,
/// without objects.
fn record_width(record: &Literal) -> Option<usize> {
    let Literal::List(fields) = record else { return None };
    fields.iter().try_fold(0_usize, |total, field| {
        let Literal::Tuple(parts) = field else { return None };
        let width = match parts.get(1)? {
            Literal::Text(code) => match DType::parse(code).ok()?.0 {
                DType::Object => return None,
                dtype => dtype.width(),
            },
            nested => record_width(nested)?,
        };
        let repeat = match parts.get(2) {
            None => 1,
            Some(Literal::Int(length)) => usize::try_from(*length).ok()?,
            Some(Literal::Tuple(shape)) => {
                shape.iter().try_fold(1_usize, |product, length| match length {
                    Literal::Int(length) => product.checked_mul(usize::try_from(*length).ok()?),
                    _ => None,
                })?
            }
            Some(_) => return None,
        };
        total.checked_add(width.checked_mul(repeat)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_their_byte_order() {
        assert_eq!(DType::parse("<f4").unwrap(), (DType::F32, false));
        assert_eq!(DType::parse(">c16").unwrap(), (DType::C128, true));
        assert_eq!(DType::parse(">U7").unwrap(), (DType::Text(7), true));
        assert_eq!(DType::parse("|b1").unwrap(), (DType::Bool, false));
        assert_eq!(DType::parse("<M8[ns]").unwrap().0.width(), 8);
        for bad in ["", "<", "<f3", "<q8", "<f4 ", "<U99999999999", "é4", "<Mé"] {
            assert!(DType::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn records_know_their_width_and_refuse_objects() {
        let width = |text: &str| record_width(&Literal::parse(text).unwrap());
        assert_eq!(
            width("[('a', '<f4'), ('b', '<i2', (3, 2)), ('c', [('d', '|S5')])]"),
            Some(4 + 12 + 5)
        );
        assert_eq!(width("[('a', '|O')]"), None);
        assert_eq!(width("[('a', '<f8', (4294967296, 4294967296))]"), None);
    }
}
