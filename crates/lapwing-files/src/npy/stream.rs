//! Arrays from and to streams of bytes: one pass, one copy of the data in memory.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::fill::{Bytes, Reorder, Sequential, next, numbers};
use super::{Array, DType, Element, Header, NpyError, Values, each_vector, half_to_f32};
use crate::{Error, atomic, open};

/// Bytes encoded at a time.
const CHUNK: usize = 1 << 18;
/// Longest pickle of an object array that is taken into memory.
const MAX_PICKLE: u64 = 16 << 20;

/// Reads a `.npy` file.
///
/// # Errors
/// [`Error::Io`] or [`Error::Npy`], both with the path.
pub fn read(path: impl AsRef<Path>) -> Result<Array, Error> {
    let path = path.as_ref();
    let open = || {
        let file = open::regular(path)?;
        let length = file.metadata()?.len();
        Ok((BufReader::new(file), length))
    };
    let (mut input, length) = open().map_err(|source| Error::io(path, source))?;
    decode(&mut input, length).map_err(|source| Error::Npy { path: path.to_owned(), source })
}

/// Writes a `.npy` file atomically, in little-endian C order.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write(path: impl AsRef<Path>, array: &Array) -> Result<(), Error> {
    let path = path.as_ref();
    atomic::write(path, |out| {
        Header::write(out, &array.dtype(), array.shape())?;
        write_values(out, array.values())
    })
    .map_err(|source| Error::io(path, source))
}

/// Whether the file runs through an array in C order.
pub(crate) fn in_order(header: &Header) -> bool {
    let order: Vec<usize> = (0..header.shape.len()).collect();
    Reorder::new(&header.shape, header.fortran_order, &order, 1).is_none()
}

/// Lengths of the axes of an array that the file has with its first axis running fastest; `None`
/// where it has it in C order.
pub(crate) fn turned(header: &Header) -> Option<Vec<usize>> {
    (header.fortran_order && !in_order(header)).then(|| header.shape.clone())
}

/// Reads header and data from a stream of exactly `length` bytes.
fn decode(input: &mut impl Read, length: u64) -> Result<Array, NpyError> {
    let header = Header::read(input)?;
    let available = length.saturating_sub(header.length as u64);
    read_values(&mut Sequential(input), header, available)
}

/// Refuses data whose length is not the one that the header promises.
pub(crate) fn check_length(header: &Header, available: u64) -> Result<(), NpyError> {
    match header.data_bytes()? {
        Some(promised) if promised != available => Err(NpyError::Length { promised, available }),
        None if available > MAX_PICKLE => Err(NpyError::TooLarge {
            bytes: available,
            limit: "the 16 MiB allowed for pickled objects",
        }),
        _ => Ok(()),
    }
}

/// Reads the data behind a header, of which there are known to be exactly `available` bytes.
pub(crate) fn read_values(
    data: &mut impl Bytes,
    header: Header,
    available: u64,
) -> Result<Array, NpyError> {
    check_length(&header, available)?;
    let (count, big) = (header.count(), header.big_endian);
    let order: Vec<usize> = (0..header.shape.len()).collect();
    let reorder = |width| Reorder::new(&header.shape, header.fortran_order, &order, width);
    let one = reorder(1);
    macro_rules! read {
        () => {
            numbers(data, count, big, one.as_ref(), |x| x)?
        };
        ($width:expr) => {
            numbers(data, count * $width, big, reorder($width).as_ref(), |x| x)?
        };
    }
    let values = match header.dtype {
        DType::Bool => bool::wrap(read!()),
        DType::I8 => i8::wrap(read!()),
        DType::I16 => i16::wrap(read!()),
        DType::I32 => i32::wrap(read!()),
        DType::I64 => i64::wrap(read!()),
        DType::U8 => u8::wrap(read!()),
        DType::U16 => u16::wrap(read!()),
        DType::U32 => u32::wrap(read!()),
        DType::U64 => u64::wrap(read!()),
        DType::F16 => Values::F16(read!()),
        DType::F32 => f32::wrap(read!()),
        DType::F64 => f64::wrap(read!()),
        DType::C64 => Values::C64(read!()),
        DType::C128 => Values::C128(read!()),
        DType::Text(width) => Values::Text { width, units: read!(width) },
        DType::Bytes(width) => Values::Bytes { width, bytes: read!(width) },
        DType::Raw { ref descr, width } => {
            Values::Raw { descr: descr.clone(), width, bytes: read!(width) }
        }
        // The order of the elements is the pickle's own business; its length is at most the limit
        // for pickles.
        DType::Object => Values::Object(numbers(data, available as usize, false, None, |x| x)?),
    };
    Array::new(header.shape, values)
}

/// Does `$read!(type, conversion to f32)` for the type of the elements of a dtype, which must be
/// real numbers.
macro_rules! as_f32 {
    ($dtype:expr, $read:ident) => {
        match $dtype {
            DType::Bool => $read!(bool, |x| f32::from(u8::from(x))),
            DType::I8 => $read!(i8, f32::from),
            DType::I16 => $read!(i16, f32::from),
            DType::I32 => $read!(i32, |x| x as f32),
            DType::I64 => $read!(i64, |x| x as f32),
            DType::U8 => $read!(u8, f32::from),
            DType::U16 => $read!(u16, f32::from),
            DType::U32 => $read!(u32, |x| x as f32),
            DType::U64 => $read!(u64, |x| x as f32),
            DType::F16 => $read!(u16, half_to_f32),
            DType::F32 => $read!(f32, |x| x),
            DType::F64 => $read!(f64, |x| x as f32),
            _ => Err(NpyError::Kind { expected: "real numbers", found: $dtype.to_string() }),
        }
    };
}

/// Reads real numbers as `f32`, converted as they come, the axes in the given order.
pub(crate) fn read_f32(
    data: &mut impl Bytes,
    header: &Header,
    order: &[usize],
    available: u64,
) -> Result<Vec<f32>, NpyError> {
    check_length(header, available)?;
    let reorder = Reorder::new(&header.shape, header.fortran_order, order, 1);
    macro_rules! read {
        ($type:ty, $convert:expr) => {
            numbers::<$type, f32>(
                data,
                header.count(),
                header.big_endian,
                reorder.as_ref(),
                $convert,
            )
        };
    }
    as_f32!(header.dtype, read)
}

/// Reads the next numbers of an array as [`read_f32`] does, in the order of the file, as many as
/// there are places.
pub(crate) fn next_f32(
    data: &mut impl Bytes,
    header: &Header,
    places: &mut [f32],
) -> Result<(), NpyError> {
    macro_rules! read {
        ($type:ty, $convert:expr) => {
            Ok(next::<$type>(data, places, header.big_endian, $convert)?)
        };
    }
    as_f32!(header.dtype, read)
}

/// Writes the elements in little-endian order.
pub(crate) fn write_values(out: &mut (impl Write + ?Sized), values: &Values) -> io::Result<()> {
    each_vector!(values, vector => write_numbers(out, vector),
        Values::F16(bits) => write_numbers(out, bits),
        Values::Text { units, .. } => write_numbers(out, units),
        Values::Bytes { bytes, .. } | Values::Raw { bytes, .. } | Values::Object(bytes) => out.write_all(bytes),
    )
}

/// Writes numbers in little-endian order.
pub(crate) fn write_numbers<T: Element>(
    out: &mut (impl Write + ?Sized),
    values: &[T],
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK.min(values.len() * T::WIDTH));
    for chunk in values.chunks(CHUNK / T::WIDTH) {
        buffer.clear();
        chunk.iter().for_each(|value| value.push_le(&mut buffer));
        out.write_all(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_fortran_order_keeps_its_letters_together() {
        let header = Header {
            dtype: DType::Bytes(2),
            big_endian: false,
            fortran_order: true,
            shape: vec![2, 2],
            length: 0,
        };
        let array = read_values(&mut Sequential(b"aabbccdd".as_slice()), header, 8).unwrap();
        assert_eq!(array.values(), &Values::Bytes { width: 2, bytes: b"aaccbbdd".to_vec() });
    }

    #[test]
    fn arrays_survive_a_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        for array in [
            Array::from(vec![1.5_f64, -0.0, f64::INFINITY]),
            Array::text("schön"),
            Array::scalar(true),
            Array::from(&ndarray::Array3::<u16>::from_shape_fn((3, 2, 4), |(i, j, k)| {
                (i * 8 + j * 4 + k) as u16
            })),
        ] {
            write(&path, &array).unwrap();
            assert_eq!(read(&path).unwrap(), array);
        }
    }

    #[test]
    fn lengths_that_lie_are_found_before_memory_is_taken() {
        let mut bytes = Vec::new();
        Header::write(&mut bytes, &DType::F64, &[1_000_000_000_000_000]).unwrap();
        let length = bytes.len() as u64;
        let error = decode(&mut bytes.as_slice(), length).unwrap_err();
        assert!(matches!(
            error,
            NpyError::Length { promised: 8_000_000_000_000_000, available: 0 }
        ));
    }
}
