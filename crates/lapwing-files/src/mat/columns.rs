//! Arrays with the first axis running fastest, as MATLAB has them.

use ndarray::{ArrayD, IxDyn};

use crate::npy::{Array, Element, NpyError, Values};

/// An array of `shape` from its elements with the first axis running fastest.
pub(crate) fn from_columns(shape: Vec<usize>, values: Values) -> Result<Array, NpyError> {
    fn turned<T: Element>(shape: &[usize], values: Vec<T>) -> Result<Array, NpyError> {
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let array = ArrayD::from_shape_vec(IxDyn(&reversed), values);
        let array = array.map_err(|error| NpyError::Shape(error.to_string()))?;
        Ok(Array::from(&array.reversed_axes()))
    }
    // Along one axis there is nothing to turn.
    if shape.iter().filter(|&&length| length != 1).count() < 2 {
        return Array::new(shape, values);
    }
    match values {
        Values::Bool(v) => turned(&shape, v),
        Values::I8(v) => turned(&shape, v),
        Values::I16(v) => turned(&shape, v),
        Values::I32(v) => turned(&shape, v),
        Values::I64(v) => turned(&shape, v),
        Values::U8(v) => turned(&shape, v),
        Values::U16(v) => turned(&shape, v),
        Values::U32(v) => turned(&shape, v),
        Values::U64(v) => turned(&shape, v),
        Values::F32(v) => turned(&shape, v),
        Values::F64(v) => turned(&shape, v),
        Values::C64(v) => turned(&shape, v),
        Values::C128(v) => turned(&shape, v),
        other => Array::new(shape, other),
    }
}
