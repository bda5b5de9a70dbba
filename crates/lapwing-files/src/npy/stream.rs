//! Arrays from and to streams of bytes: one pass, one copy of the data in memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::{Array, DType, Element, Header, NpyError, Values, each_vector};
use crate::{Error, atomic};

/// Bytes decoded at a time.
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
        let file = File::open(path)?;
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

/// Reads header and data from a stream of exactly `length` bytes.
pub(crate) fn decode(input: &mut impl Read, length: u64) -> Result<Array, NpyError> {
    let header = Header::read(input)?;
    let available = length.saturating_sub(header.length as u64);
    read_values(input, header, available)
}

/// Reads the data behind a header, of which the stream is known to hold exactly `available` bytes.
pub(crate) fn read_values(input: &mut impl Read, header: Header, available: u64) -> Result<Array, NpyError> {
    match header.data_bytes()? {
        Some(promised) if promised != available => return Err(NpyError::Length { promised, available }),
        None if available > MAX_PICKLE => {
            return Err(NpyError::TooLarge {
                bytes: available,
                limit: "the 16 MiB allowed for pickled objects",
            });
        }
        _ => {}
    }
    let (count, big) = (header.count(), header.big_endian);
    let mut values = match header.dtype {
        DType::Bool => bool::wrap(numbers(input, count, big)?),
        DType::I8 => i8::wrap(numbers(input, count, big)?),
        DType::I16 => i16::wrap(numbers(input, count, big)?),
        DType::I32 => i32::wrap(numbers(input, count, big)?),
        DType::I64 => i64::wrap(numbers(input, count, big)?),
        DType::U8 => u8::wrap(numbers(input, count, big)?),
        DType::U16 => u16::wrap(numbers(input, count, big)?),
        DType::U32 => u32::wrap(numbers(input, count, big)?),
        DType::U64 => u64::wrap(numbers(input, count, big)?),
        DType::F16 => Values::F16(numbers(input, count, big)?),
        DType::F32 => f32::wrap(numbers(input, count, big)?),
        DType::F64 => f64::wrap(numbers(input, count, big)?),
        DType::C64 => Values::C64(numbers(input, count, big)?),
        DType::C128 => Values::C128(numbers(input, count, big)?),
        DType::Text(width) => Values::Text { width, units: numbers(input, count * width, big)? },
        DType::Bytes(width) => Values::Bytes { width, bytes: numbers(input, count * width, big)? },
        DType::Raw { descr, width } => {
            Values::Raw { descr, width, bytes: numbers(input, count * width, big)? }
        }
        DType::Object => {
            // At most the limit for pickles.
            let bytes = numbers(input, available as usize, false)?;
            // The order of the elements is the pickle's own business.
            return Array::new(header.shape, Values::Object(bytes));
        }
    };
    if header.fortran_order && header.shape.len() > 1 && count > 0 {
        values = to_c_order(values, &header.shape);
    }
    Array::new(header.shape, values)
}

/// Reads `count` elements; memory is taken once, for all of them.
fn numbers<T: Element>(input: &mut impl Read, count: usize, big: bool) -> Result<Vec<T>, NpyError> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| NpyError::TooLarge {
        bytes: (count as u64).saturating_mul(T::WIDTH as u64),
        limit: "the memory there is",
    })?;
    let mut buffer = vec![0; CHUNK.min(count.saturating_mul(T::WIDTH))];
    let mut left = count;
    while left > 0 {
        let now = left.min(CHUNK / T::WIDTH);
        let bytes = &mut buffer[..now * T::WIDTH];
        input.read_exact(bytes)?;
        if big {
            values.extend(bytes.chunks_exact(T::WIDTH).map(T::from_be));
        } else {
            values.extend(bytes.chunks_exact(T::WIDTH).map(T::from_le));
        }
        left -= now;
    }
    Ok(values)
}

fn to_c_order(values: Values, shape: &[usize]) -> Values {
    match values {
        Values::Bool(v) => Values::Bool(transposed(&v, shape, 1)),
        Values::I8(v) => Values::I8(transposed(&v, shape, 1)),
        Values::I16(v) => Values::I16(transposed(&v, shape, 1)),
        Values::I32(v) => Values::I32(transposed(&v, shape, 1)),
        Values::I64(v) => Values::I64(transposed(&v, shape, 1)),
        Values::U8(v) => Values::U8(transposed(&v, shape, 1)),
        Values::U16(v) => Values::U16(transposed(&v, shape, 1)),
        Values::U32(v) => Values::U32(transposed(&v, shape, 1)),
        Values::U64(v) => Values::U64(transposed(&v, shape, 1)),
        Values::F16(v) => Values::F16(transposed(&v, shape, 1)),
        Values::F32(v) => Values::F32(transposed(&v, shape, 1)),
        Values::F64(v) => Values::F64(transposed(&v, shape, 1)),
        Values::C64(v) => Values::C64(transposed(&v, shape, 1)),
        Values::C128(v) => Values::C128(transposed(&v, shape, 1)),
        Values::Text { width, units } => Values::Text { width, units: transposed(&units, shape, width) },
        Values::Bytes { width, bytes } => Values::Bytes { width, bytes: transposed(&bytes, shape, width) },
        Values::Raw { descr, width, bytes } => {
            Values::Raw { descr, width, bytes: transposed(&bytes, shape, width) }
        }
        Values::Object(pickle) => Values::Object(pickle),
    }
}

/// Elements of `width` values each, from first-axis-fastest to last-axis-fastest order.
fn transposed<T: Copy>(values: &[T], shape: &[usize], width: usize) -> Vec<T> {
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |stride, &length| {
            let this = *stride;
            *stride *= length;
            Some(this)
        })
        .collect();
    let mut out = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    let mut source = 0;
    loop {
        out.extend_from_slice(&values[source * width..(source + 1) * width]);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return out;
            }
            axis -= 1;
            index[axis] += 1;
            source += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            source -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
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
pub(crate) fn write_numbers<T: Element>(out: &mut (impl Write + ?Sized), values: &[T]) -> io::Result<()> {
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
    fn fortran_order_becomes_c_order() {
        // a[i, j, k] = 100 i + 10 j + k, first axis fastest.
        let shape = [2, 3, 2];
        let mut fortran = Vec::new();
        for k in 0..2 {
            for j in 0..3 {
                fortran.extend((0..2).map(|i| 100 * i + 10 * j + k));
            }
        }
        let c = transposed(&fortran, &shape, 1);
        assert_eq!(c, [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]);
        assert_eq!(transposed(b"aabbccdd", &[2, 2], 2), b"aaccbbdd");
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
        assert!(matches!(error, NpyError::Length { promised: 8_000_000_000_000_000, available: 0 }));
    }
}
