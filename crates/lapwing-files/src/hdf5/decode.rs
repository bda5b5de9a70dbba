//! Elements of HDF5 datasets as arrays.

use num_complex::{Complex32, Complex64};
use rust_hdf5::{ByteOrder, DatatypeMessage, H5Attribute, H5Dataset, H5Type, Hdf5Error};

use crate::npy::{Array, DType, Element, Values};

/// Longest text of a whole dataset, bytes.
const MOST_TEXT: usize = 64 << 20;

/// What the elements of a dataset are, and whether they are big-endian.
pub(super) fn kind(datatype: &DatatypeMessage) -> Result<(DType, bool), String> {
    use DatatypeMessage::{Compound, Enum, FixedPoint, FixedString, FloatingPoint, VarLenString};
    let unread = || {
        format!("{} are not read; expected numbers, complex numbers or text", described(datatype))
    };
    let big = |order: &ByteOrder| *order == ByteOrder::BigEndian;
    match datatype {
        FixedPoint { size, byte_order, signed, bit_offset: 0, bit_precision }
            if u64::from(*bit_precision) == 8 * u64::from(*size) =>
        {
            let dtype = match (size, signed) {
                (1, true) => DType::I8,
                (2, true) => DType::I16,
                (4, true) => DType::I32,
                (8, true) => DType::I64,
                (1, false) => DType::U8,
                (2, false) => DType::U16,
                (4, false) => DType::U32,
                (8, false) => DType::U64,
                _ => return Err(unread()),
            };
            Ok((dtype, big(byte_order)))
        }
        // The three IEEE 754 formats, by size and width of the exponent.
        FloatingPoint { size, byte_order, exponent_size, mantissa_size, bit_offset: 0, .. } => {
            let dtype = match (size, exponent_size, mantissa_size) {
                (2, 5, 10) => DType::F16,
                (4, 8, 23) => DType::F32,
                (8, 11, 52) => DType::F64,
                _ => return Err(unread()),
            };
            Ok((dtype, big(byte_order)))
        }
        // h5py's bool: FALSE = 0, TRUE = 1 on bytes.
        Enum { base, members } => {
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            match kind(base)? {
                (DType::I8 | DType::U8, _) if names == ["FALSE", "TRUE"] => {
                    Ok((DType::Bool, false))
                }
                (whole, order) if whole.is_integer() => Ok((whole, order)),
                _ => Err(unread()),
            }
        }
        Compound { size, members } => match members.as_slice() {
            [re, im]
                if is_part(&re.name, 'r')
                    && is_part(&im.name, 'i')
                    && re.datatype == im.datatype =>
            {
                let (part, order) = kind(&re.datatype)?;
                match (part, size, re.offset, im.offset) {
                    (DType::F32, 8, 0, 4) => Ok((DType::C64, order)),
                    (DType::F64, 16, 0, 8) => Ok((DType::C128, order)),
                    _ => Err(unread()),
                }
            }
            _ => Err(unread()),
        },
        FixedString { size, .. } => Ok((DType::Text(*size as usize), false)),
        VarLenString { .. } => Ok((DType::Text(0), false)),
        _ => Err(unread()),
    }
}

/// `r`, `re` or `real`; `i`, `im` or `imag`.
fn is_part(name: &str, first: char) -> bool {
    let name = name.to_ascii_lowercase();
    ["r", "re", "real", "i", "im", "imag"].contains(&name.as_str()) && name.starts_with(first)
}

/// The dtype in NumPy's words, or HDF5's own for what is not read.
pub(super) fn name(dataset: &H5Dataset) -> String {
    let Ok(datatype) = dataset.datatype() else { return "unknown".to_owned() };
    match kind(&datatype) {
        Ok((DType::Text(_), _)) => "text".to_owned(),
        Ok((dtype, false)) => dtype.to_string(),
        Ok((dtype, true)) => format!("{dtype} (big-endian)"),
        Err(_) => described(&datatype),
    }
}

/// Elements in words. The crate's own words overflow where a damaged file claims an absurd size.
fn described(datatype: &DatatypeMessage) -> String {
    use DatatypeMessage as Of;
    match datatype {
        Of::FixedPoint { size, bit_precision, .. } => {
            format!("integers of {bit_precision} bits in {size} bytes")
        }
        Of::FloatingPoint { size, mantissa_size, .. } => {
            format!(
                "floating-point numbers of {size} bytes with a mantissa of {mantissa_size} bits"
            )
        }
        Of::BitField { .. } => "bit fields".to_owned(),
        Of::Opaque { size, .. } => format!("opaque elements of {size} bytes"),
        Of::Compound { members, .. } => {
            let names: Vec<&str> =
                members.iter().take(4).map(|member| member.name.as_str()).collect();
            format!("records of {} fields ({})", members.len(), names.join(", "))
        }
        Of::Enum { members, .. } => format!("an enumeration of {} members", members.len()),
        Of::FixedString { .. } | Of::VarLenString { .. } => "text".to_owned(),
        Of::VarLenSequence { .. } => "sequences of varying length".to_owned(),
        Of::Array { dims, .. } => format!("arrays of {} axes", dims.len()),
        Of::Reference { .. } => "references".to_owned(),
    }
}

/// A whole dataset, whose size was checked.
pub(super) fn read(dataset: &H5Dataset) -> Result<Array, String> {
    let words = |error: Hdf5Error| error.to_string();
    let (dtype, big) = kind(&dataset.datatype().map_err(words)?)?;
    let shape = dataset.shape();
    let values = match (&dtype, big) {
        (DType::Text(_), _) => {
            if matches!(dataset.datatype().map_err(words)?, DatatypeMessage::VarLenString { .. }) {
                check_texts(dataset)?;
            }
            let texts = dataset.read_strings().map_err(words)?;
            // An array of text is padded to its longest; one long text among very many would not
            // fit into memory.
            let longest = texts.iter().map(String::len).max().unwrap_or(0);
            if longest.saturating_mul(texts.len()) > MOST_TEXT {
                return Err(format!("{} texts of up to {longest} bytes are too long", texts.len()));
            }
            return Array::texts(&texts).reshape(shape).map_err(|error| error.to_string());
        }
        (DType::U8, _) => Values::U8(straight(dataset)?),
        (DType::U16, false) => Values::U16(straight(dataset)?),
        (DType::U32, false) => Values::U32(straight(dataset)?),
        (DType::I16, false) => Values::I16(straight(dataset)?),
        (DType::I32, false) => Values::I32(straight(dataset)?),
        (DType::F32, false) => Values::F32(straight(dataset)?),
        (DType::F64, false) => Values::F64(straight(dataset)?),
        _ => numbers(&dtype, big, &dataset.read_raw_bytes().map_err(words)?)?,
    };
    Array::new(shape, values).map_err(|error| error.to_string())
}

/// Numbers as they are stored, in memory.
pub(super) fn numbers(dtype: &DType, big: bool, bytes: &[u8]) -> Result<Values, String> {
    Ok(match dtype {
        DType::Bool => elements::<bool>(bytes, big),
        DType::I8 => elements::<i8>(bytes, big),
        DType::I16 => elements::<i16>(bytes, big),
        DType::I32 => elements::<i32>(bytes, big),
        DType::I64 => elements::<i64>(bytes, big),
        DType::U8 => elements::<u8>(bytes, big),
        DType::U16 => elements::<u16>(bytes, big),
        DType::U32 => elements::<u32>(bytes, big),
        DType::U64 => elements::<u64>(bytes, big),
        DType::F32 => elements::<f32>(bytes, big),
        DType::F64 => elements::<f64>(bytes, big),
        DType::C64 => elements::<Complex32>(bytes, big),
        DType::C128 => elements::<Complex64>(bytes, big),
        DType::F16 => match elements::<u16>(bytes, big) {
            Values::U16(bits) => Values::F16(bits),
            other => other,
        },
        other => return Err(format!("elements of type {other} are not read")),
    })
}

/// Refuses texts of varying length that are too long altogether: many elements may point to one
/// long text.
fn check_texts(dataset: &H5Dataset) -> Result<(), String> {
    let pointers = dataset.read_raw_bytes().map_err(|error| error.to_string())?;
    // Each begins with its length (HDF5 file format 3.0, section IV.A.2.d and III.E).
    let lengths = pointers.chunks_exact(dataset.element_size().max(4));
    let total: u64 = lengths.map(|p| u64::from(u32::from_le_bytes([p[0], p[1], p[2], p[3]]))).sum();
    if total > MOST_TEXT as u64 {
        return Err(format!("{total} bytes of text are more than the {MOST_TEXT} that are read"));
    }
    Ok(())
}

/// Elements that are stored as they are in memory: no copy is made.
fn straight<T: H5Type>(dataset: &H5Dataset) -> Result<Vec<T>, String> {
    dataset.read_raw::<T>().map_err(|error| error.to_string())
}

fn elements<T: Element>(bytes: &[u8], big: bool) -> Values {
    let parts = bytes.chunks_exact(T::WIDTH);
    T::wrap(if big { parts.map(T::from_be).collect() } else { parts.map(T::from_le).collect() })
}

/// An attribute of one number.
pub(super) fn number(attribute: &H5Attribute) -> Result<f64, Hdf5Error> {
    number_of(&attribute.datatype()?, &attribute.read_raw()?)
}

/// The numbers of an attribute.
pub(super) fn attribute(attribute: &H5Attribute) -> Result<Vec<f64>, Hdf5Error> {
    numbers_of(&attribute.datatype()?, &attribute.read_raw()?)
}

/// The one number that these bytes are.
fn number_of(datatype: &DatatypeMessage, bytes: &[u8]) -> Result<f64, Hdf5Error> {
    match *numbers_of(datatype, bytes)?.as_slice() {
        [number] => Ok(number),
        ref several => Err(not_one(format!("{} numbers", several.len()))),
    }
}

fn not_one(found: String) -> Hdf5Error {
    Hdf5Error::TypeMismatch(format!("expected one number, found {found}"))
}

/// The numbers that these bytes are.
pub(super) fn numbers_of(datatype: &DatatypeMessage, bytes: &[u8]) -> Result<Vec<f64>, Hdf5Error> {
    let (dtype, big) = kind(datatype).map_err(not_one)?;
    if !dtype.is_integer() && !dtype.is_float() {
        return Err(not_one(dtype.to_string()));
    }
    if dtype.width() == 0 || !bytes.len().is_multiple_of(dtype.width()) {
        return Err(not_one(format!("{} bytes of {dtype}", bytes.len())));
    }
    let values = numbers(&dtype, big, bytes).map_err(not_one)?;
    let array = Array::new(vec![bytes.len() / dtype.width()], values);
    let array = array.map_err(|error| not_one(error.to_string()))?;
    array.to_f64().map_err(|error| not_one(error.to_string()))
}
