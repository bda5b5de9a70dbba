//! Parts of datasets of real numbers.

use rust_hdf5::{H5Dataset, Hdf5Error};

use super::decode::{kind, numbers};
use super::packed::Packed;
use crate::npy::{Array, DType, Values};

/// Part of a dataset of real numbers.
pub(super) struct Wanted<'a> {
    pub starts: &'a [usize],
    pub counts: &'a [usize],
    /// Virtual datasets that it is inside of.
    pub nested: usize,
}

/// The elements of a dataset of real numbers, and whether they are big-endian; `None` for others.
pub(super) fn real(dataset: &H5Dataset) -> Option<(DType, bool)> {
    let found = dataset.datatype().ok().and_then(|datatype| kind(&datatype).ok());
    found.filter(|(dtype, _)| dtype.is_integer() || dtype.is_float())
}

/// `counts` elements from `starts` on of a dataset of real numbers.
pub(super) fn read(
    dataset: &H5Dataset,
    starts: &[usize],
    counts: &[usize],
) -> Result<Array, String> {
    let words = |error: Hdf5Error| error.to_string();
    // The crate underneath brings the bytes of these into the order of memory.
    macro_rules! read {
        ($variant:ident, $type:ty) => {
            Values::$variant(dataset.read_slice::<$type>(starts, counts).map_err(words)?)
        };
    }
    let (dtype, _) = kind(&dataset.datatype().map_err(words)?)?;
    let values = match dtype {
        DType::I8 => read!(I8, i8),
        DType::I16 => read!(I16, i16),
        DType::I32 => read!(I32, i32),
        DType::I64 => read!(I64, i64),
        DType::U8 => read!(U8, u8),
        DType::U16 => read!(U16, u16),
        DType::U32 => read!(U32, u32),
        DType::U64 => read!(U64, u64),
        DType::F16 => read!(F16, u16),
        DType::F32 => read!(F32, f32),
        DType::F64 => read!(F64, f64),
        other => return Err(format!("elements of type {other} are not read in parts")),
    };
    Array::new(counts.to_vec(), values).map_err(|error| error.to_string())
}

/// [`read`] of a dataset whose chunks are unpacked here, of any elements.
pub(super) fn read_packed(
    dataset: &H5Dataset,
    packed: &Packed<'_>,
    starts: &[usize],
    counts: &[usize],
) -> Result<Array, String> {
    let (dtype, big) = kind(&dataset.datatype().map_err(|error| error.to_string())?)?;
    let values = numbers(&dtype, big, &packed.read(starts, counts)?)?;
    Array::new(counts.to_vec(), values).map_err(|error| error.to_string())
}

/// The entries from `first` on along the first axis: where they begin, and how many elements they
/// have along each axis.
pub(super) fn entries(shape: &[usize], first: usize, count: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut starts, mut counts) = (vec![0; shape.len()], shape.to_vec());
    if let (Some(start), Some(length)) = (starts.first_mut(), counts.first_mut()) {
        (*start, *length) = (first, count);
    }
    (starts, counts)
}

/// All entries along the first axis, and of each `counts` elements from `starts` on.
pub(super) fn cut(array: &Array, starts: &[usize], counts: &[usize]) -> Result<Array, String> {
    let shape = array.shape().to_vec();
    let (inner, whole) = (&shape[1..], counts.iter().product::<usize>());
    let mut kept = Vec::with_capacity(shape[0] * whole);
    for entry in 0..shape[0] {
        for at in 0..whole {
            let mut rest = at;
            let (mut place, mut stride) = (0, 1);
            for axis in (0..inner.len()).rev() {
                place += (starts[axis] + rest % counts[axis]) * stride;
                rest /= counts[axis];
                stride *= inner[axis];
            }
            kept.push(entry * stride + place);
        }
    }
    let (flat, wanted) = (array.count(), [&shape[..1], counts].concat());
    let line = array.clone().reshape(vec![flat]);
    let taken = line.and_then(|line| line.select(&kept)).and_then(|taken| taken.reshape(wanted));
    taken.map_err(|error| error.to_string())
}

/// Real numbers as another type, those beyond it as its nearest, as HDF5 converts them.
pub(super) fn as_dtype(array: Array, dtype: &DType) -> Result<Array, String> {
    if array.dtype() == *dtype {
        return Ok(array);
    }
    let (shape, found) = (array.shape().to_vec(), array.dtype());
    let values = array.to_f64().map_err(|error| error.to_string())?;
    macro_rules! cast {
        ($variant:ident, $type:ty) => {
            Values::$variant(values.into_iter().map(|value| value as $type).collect())
        };
    }
    let values = match dtype {
        DType::I8 => cast!(I8, i8),
        DType::I16 => cast!(I16, i16),
        DType::I32 => cast!(I32, i32),
        DType::I64 => cast!(I64, i64),
        DType::U8 => cast!(U8, u8),
        DType::U16 => cast!(U16, u16),
        DType::U32 => cast!(U32, u32),
        DType::U64 => cast!(U64, u64),
        DType::F32 => cast!(F32, f32),
        DType::F64 => Values::F64(values),
        other => return Err(format!("elements of type {found} are not read as {other}")),
    };
    Array::new(shape, values).map_err(|error| error.to_string())
}

/// Real numbers, little-endian, as an array.
pub(super) fn from_bytes(shape: Vec<usize>, dtype: &DType, bytes: &[u8]) -> Result<Array, String> {
    Array::new(shape, numbers(dtype, false, bytes)?).map_err(|error| error.to_string())
}
