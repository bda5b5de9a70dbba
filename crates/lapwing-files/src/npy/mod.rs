//! NumPy arrays of every dtype of the field, read from and written to the `.npy` format (versions 1
//! to 3).
//!
//! [`Array`] holds a whole array in memory: its shape and its [`Values`], in C order and native
//! byte order whatever the file had. [`read`] and [`write()`] work on plain `.npy` files; archives
//! of them are in [`crate::npz`].
//!
//! Every size is checked before memory is taken for it: an array is only allocated when the file is
//! long enough to hold it.

mod convert;
mod dtype;
mod element;
mod fill;
mod header;
mod literal;
mod stream;

use ndarray::{ArrayBase, Data, Dimension};
use num_complex::{Complex32, Complex64};

pub use convert::half_to_f32;
pub use dtype::DType;
pub use element::Element;
pub(crate) use fill::{Bytes, Convert, PIECE, Sequential, fill_in_order};
pub use header::Header;
pub(crate) use header::MAGIC;
pub(crate) use stream::{
    check_length, in_order, next_f32, read_f32, read_values, turned, write_numbers, write_values,
};
pub use stream::{read, write};

/// What is wrong with an array in a file, or with a request for its values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The magic number is missing.
    #[error("not a NumPy array: the first bytes are not \\x93NUMPY")]
    NotNpy,
    /// A version of the format that does not exist yet.
    #[error("version {0}.{1} of the .npy format; versions 1 to 3 can be read")]
    Version(u8, u8),
    /// The header is malformed.
    #[error("malformed .npy header: {0}")]
    Header(String),
    /// The element type is unknown.
    #[error(
        "dtype {0:?} cannot be read; expected booleans, numbers, text, bytes, dates or records of them"
    )]
    DType(String),
    /// The shape is impossible.
    #[error("impossible shape: {0}")]
    Shape(String),
    /// What is there is no data of it.
    #[error("{0}")]
    Unreadable(String),
    /// The header and the length of the data disagree.
    #[error(
        "the header promises {promised} bytes of data, found {available}{}",
        if available < promised { ": cut short, copy it again" } else { "" }
    )]
    Length {
        /// Bytes that shape and dtype need.
        promised: u64,
        /// Bytes that are there.
        available: u64,
    },
    /// More memory than can be had.
    #[error("{bytes} bytes are needed, more than {limit}")]
    TooLarge {
        /// Bytes needed.
        bytes: u64,
        /// What sets the limit.
        limit: &'static str,
    },
    /// The values are of another kind than asked for.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// What was asked for.
        expected: &'static str,
        /// What the array holds.
        found: String,
    },
    /// An index beyond the first axis.
    #[error("index {index} on a first axis of length {length}")]
    Index {
        /// The index asked for.
        index: usize,
        /// Length of the first axis; zero for an array without axes.
        length: usize,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The elements of an [`Array`], in C order, by NumPy's name of their dtype.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// `bool`.
    Bool(Vec<bool>),
    /// `int8`.
    I8(Vec<i8>),
    /// `int16`.
    I16(Vec<i16>),
    /// `int32`.
    I32(Vec<i32>),
    /// `int64`.
    I64(Vec<i64>),
    /// `uint8`.
    U8(Vec<u8>),
    /// `uint16`.
    U16(Vec<u16>),
    /// `uint32`.
    U32(Vec<u32>),
    /// `uint64`.
    U64(Vec<u64>),
    /// `float16`, as bit patterns; see [`half_to_f32`].
    F16(Vec<u16>),
    /// `float32`.
    F32(Vec<f32>),
    /// `float64`.
    F64(Vec<f64>),
    /// `complex64`.
    C64(Vec<Complex32>),
    /// `complex128`.
    C128(Vec<Complex64>),
    /// `str_`.
    Text {
        /// Code points of each element.
        width: usize,
        /// The code points, those that an element lacks zero.
        units: Vec<u32>,
    },
    /// `bytes_`.
    Bytes {
        /// Bytes of each element.
        width: usize,
        /// The bytes, those that an element lacks zero.
        bytes: Vec<u8>,
    },
    /// `object_`: one pickle that holds the whole array; [`crate::pickle`] reads it safely.
    Object(Vec<u8>),
    /// Elements of a dtype that is only carried along.
    Raw {
        /// The dtype as the header has it.
        descr: String,
        /// Bytes of each element.
        width: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A NumPy array in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

impl Array {
    /// An array of the given shape; the values are in C order.
    ///
    /// # Errors
    /// [`NpyError::Shape`] when the number of values is not the product of the lengths.
    pub fn new(shape: Vec<usize>, values: Values) -> Result<Self, NpyError> {
        let header = Header {
            dtype: values.dtype(),
            big_endian: false,
            fortran_order: false,
            shape,
            length: 0,
        };
        header.data_bytes()?;
        let found = values.count();
        // A pickle says itself how many objects it holds.
        if found.is_some_and(|found| found != header.count()) {
            let message =
                format!("{:?} needs {} values, {found:?} given", header.shape, header.count());
            return Err(NpyError::Shape(message));
        }
        Ok(Self { shape: header.shape, values })
    }

    /// A 0-d array.
    pub fn scalar<T: Element>(value: T) -> Self {
        Self { shape: Vec::new(), values: T::wrap(vec![value]) }
    }

    /// A 0-d unicode array, as NumPy makes of a `str`.
    pub fn text(text: &str) -> Self {
        Self { shape: Vec::new(), values: Values::text([text].into_iter()) }
    }

    /// A 1-d unicode array, as NumPy makes of a list of `str`.
    pub fn texts<S: AsRef<str>>(texts: &[S]) -> Self {
        Self { shape: vec![texts.len()], values: Values::text(texts.iter().map(AsRef::as_ref)) }
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in C order.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The elements in C order, by value.
    pub fn into_values(self) -> Values {
        self.values
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.values.dtype()
    }

    /// Number of elements: the product of the lengths.
    pub fn count(&self) -> usize {
        if self.shape.contains(&0) { 0 } else { self.shape.iter().product() }
    }

    /// The same values under another shape.
    ///
    /// # Errors
    /// [`NpyError::Shape`] when the numbers of elements differ.
    pub fn reshape(self, shape: Vec<usize>) -> Result<Self, NpyError> {
        if self.values.dtype() == DType::Object && shape != self.shape {
            return Err(NpyError::Kind {
                expected: "values that can be reshaped",
                found: "object".into(),
            });
        }
        Self::new(shape, self.values)
    }

    /// The elements of the first axis at `indices`, in that order; indices may repeat.
    ///
    /// # Errors
    /// [`NpyError::Index`] for an index beyond the axis, [`NpyError::Kind`] for pickled objects.
    pub fn select(&self, indices: &[usize]) -> Result<Self, NpyError> {
        let length = self.shape.first().copied().unwrap_or(0);
        if let Some(&index) = indices.iter().find(|&&index| index >= length) {
            return Err(NpyError::Index { index, length });
        }
        let Some(inner) = self.shape.get(1..) else {
            return Err(NpyError::Index { index: 0, length: 0 });
        };
        let row: usize = if inner.contains(&0) { 0 } else { inner.iter().product() };
        let mut shape = self.shape.clone();
        shape[0] = indices.len();
        Ok(Self { values: self.values.select(indices, row)?, shape })
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Array {
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self { shape: array.shape().to_vec(), values: T::wrap(array.iter().copied().collect()) }
    }
}

impl<T: Element> From<Vec<T>> for Array {
    fn from(values: Vec<T>) -> Self {
        Self { shape: vec![values.len()], values: T::wrap(values) }
    }
}

/// Does `$body` with `$vector` bound to the vector of whichever variant holds one value per
/// element.
macro_rules! each_vector {
    ($values:expr, $vector:ident => $body:expr, $($other:tt)*) => {
        match $values {
            Values::Bool($vector) => $body,
            Values::I8($vector) => $body,
            Values::I16($vector) => $body,
            Values::I32($vector) => $body,
            Values::I64($vector) => $body,
            Values::U8($vector) => $body,
            Values::U16($vector) => $body,
            Values::U32($vector) => $body,
            Values::U64($vector) => $body,
            Values::F32($vector) => $body,
            Values::F64($vector) => $body,
            Values::C64($vector) => $body,
            Values::C128($vector) => $body,
            $($other)*
        }
    };
}
pub(crate) use each_vector;

impl Values {
    /// Element type.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::I8(_) => DType::I8,
            Self::I16(_) => DType::I16,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::U16(_) => DType::U16,
            Self::U32(_) => DType::U32,
            Self::U64(_) => DType::U64,
            Self::F16(_) => DType::F16,
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::C64(_) => DType::C64,
            Self::C128(_) => DType::C128,
            Self::Text { width, .. } => DType::Text(*width),
            Self::Bytes { width, .. } => DType::Bytes(*width),
            Self::Object(_) => DType::Object,
            Self::Raw { descr, width, .. } => DType::Raw { descr: descr.clone(), width: *width },
        }
    }

    /// Text elements, as wide as the longest of them (at least one character, as in NumPy).
    fn text<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Self {
        let width = texts.clone().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let mut units = Vec::new();
        for text in texts {
            let end = units.len() + width;
            units.extend(text.chars().map(u32::from));
            units.resize(end, 0);
        }
        Self::Text { width, units }
    }

    /// Number of elements; `None` when it cannot be told (pickles, elements of no width).
    fn count(&self) -> Option<usize> {
        each_vector!(self, vector => Some(vector.len()),
            Self::F16(bits) => Some(bits.len()),
            Self::Text { width, units } => whole_quotient(units.len(), *width),
            Self::Bytes { width, bytes } | Self::Raw { width, bytes, .. } => whole_quotient(bytes.len(), *width),
            Self::Object(_) => None,
        )
    }

    /// Rows of `row` elements each, gathered by index; the caller has checked the indices.
    fn select(&self, indices: &[usize], row: usize) -> Result<Self, NpyError> {
        let gathered = match self {
            Self::Bool(v) => Self::Bool(gather(v, indices, row)),
            Self::I8(v) => Self::I8(gather(v, indices, row)),
            Self::I16(v) => Self::I16(gather(v, indices, row)),
            Self::I32(v) => Self::I32(gather(v, indices, row)),
            Self::I64(v) => Self::I64(gather(v, indices, row)),
            Self::U8(v) => Self::U8(gather(v, indices, row)),
            Self::U16(v) => Self::U16(gather(v, indices, row)),
            Self::U32(v) => Self::U32(gather(v, indices, row)),
            Self::U64(v) => Self::U64(gather(v, indices, row)),
            Self::F16(v) => Self::F16(gather(v, indices, row)),
            Self::F32(v) => Self::F32(gather(v, indices, row)),
            Self::F64(v) => Self::F64(gather(v, indices, row)),
            Self::C64(v) => Self::C64(gather(v, indices, row)),
            Self::C128(v) => Self::C128(gather(v, indices, row)),
            Self::Text { width, units } => {
                Self::Text { width: *width, units: gather(units, indices, row * width) }
            }
            Self::Bytes { width, bytes } => {
                Self::Bytes { width: *width, bytes: gather(bytes, indices, row * width) }
            }
            Self::Raw { descr, width, bytes } => Self::Raw {
                descr: descr.clone(),
                width: *width,
                bytes: gather(bytes, indices, row * width),
            },
            Self::Object(_) => {
                return Err(NpyError::Kind {
                    expected: "values that can be selected",
                    found: "object".into(),
                });
            }
        };
        Ok(gathered)
    }
}

fn gather<T: Copy>(values: &[T], indices: &[usize], row: usize) -> Vec<T> {
    indices.iter().flat_map(|&index| &values[index * row..(index + 1) * row]).copied().collect()
}

/// `length / width` when that is a whole number; `None` for a width of zero; a number that never
/// fits otherwise.
fn whole_quotient(length: usize, width: usize) -> Option<usize> {
    match width {
        0 => None,
        _ if length.is_multiple_of(width) => Some(length / width),
        _ => Some(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_values_must_agree() {
        assert!(Array::new(vec![2, 3], Values::F32(vec![0.0; 6])).is_ok());
        assert!(Array::new(vec![2, 3], Values::F32(vec![0.0; 5])).is_err());
        assert!(Array::new(vec![2], Values::Text { width: 3, units: vec![0; 5] }).is_err());
        assert!(Array::new(vec![usize::MAX, 2], Values::F32(vec![])).is_err());
    }

    #[test]
    fn selection_runs_along_the_first_axis() {
        let array = Array::new(vec![3, 2], Values::I16(vec![0, 1, 10, 11, 20, 21])).unwrap();
        let picked = array.select(&[2, 0, 2]).unwrap();
        assert_eq!(picked.shape(), [3, 2]);
        assert_eq!(picked.values(), &Values::I16(vec![20, 21, 0, 1, 20, 21]));
        assert_eq!(array.select(&[]).unwrap().shape(), [0, 2]);
        assert!(matches!(array.select(&[3]), Err(NpyError::Index { index: 3, length: 3 })));
        assert!(Array::scalar(1.0_f32).select(&[]).is_err());
        assert_eq!(
            Array::texts(&["a", "bcd", "é"]).select(&[1, 2]).unwrap().to_strings().unwrap(),
            ["bcd", "é"]
        );
    }
}
