//! Values of one dtype as another.

use std::borrow::Cow;

use ndarray::{ArrayBase, Dimension, OwnedRepr, Shape, StrideShape};
use num_complex::Complex32;

use super::{Array, DType, NpyError, Values};

/// The value of an IEEE 754 binary16 bit pattern.
pub fn half_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let rest = u32::from(bits & 0x7fff) << 13;
    let magnitude = match bits & 0x7c00 {
        // The exponent of infinities and NaN stays as large as it can be.
        0x7c00 => rest | 0x7f80_0000,
        // The exponents of the two formats are offset by 15 and 127; the product is exact, small
        // numbers included.
        _ => (f32::from_bits(rest) * f32::from_bits((127 + 127 - 15) << 23)).to_bits(),
    };
    f32::from_bits(sign | magnitude)
}

/// Collects every element through `as`; booleans become 0 and 1.
macro_rules! cast {
    ($values:expr, $type:ty, $expected:literal) => {
        match $values {
            Values::Bool(v) => v.iter().map(|&x| u8::from(x) as $type).collect(),
            Values::I8(v) => v.iter().map(|&x| x as $type).collect(),
            Values::I16(v) => v.iter().map(|&x| x as $type).collect(),
            Values::I32(v) => v.iter().map(|&x| x as $type).collect(),
            Values::I64(v) => v.iter().map(|&x| x as $type).collect(),
            Values::U8(v) => v.iter().map(|&x| x as $type).collect(),
            Values::U16(v) => v.iter().map(|&x| x as $type).collect(),
            Values::U32(v) => v.iter().map(|&x| x as $type).collect(),
            Values::U64(v) => v.iter().map(|&x| x as $type).collect(),
            Values::F16(v) => v.iter().map(|&x| half_to_f32(x) as $type).collect(),
            Values::F32(v) => v.iter().map(|&x| x as $type).collect(),
            Values::F64(v) => v.iter().map(|&x| x as $type).collect(),
            other => return Err(kind($expected, other.dtype())),
        }
    };
}

fn kind(expected: &'static str, found: DType) -> NpyError {
    NpyError::Kind { expected, found: found.to_string() }
}

impl Array {
    /// Real numbers as `f64`, in C order.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but booleans, integers and real floats.
    pub fn to_f64(&self) -> Result<Vec<f64>, NpyError> {
        Ok(cast!(&self.values, f64, "real numbers"))
    }

    /// Real numbers as `f32`, in C order; no copy when they are already.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but booleans, integers and real floats.
    pub fn into_f32(self) -> Result<Vec<f32>, NpyError> {
        match self.values {
            Values::F32(values) => Ok(values),
            other => Ok(cast!(&other, f32, "real numbers")),
        }
    }

    /// Whole numbers, in C order.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but booleans and integers, and when one is beyond `i64`.
    pub fn to_i64(&self) -> Result<Vec<i64>, NpyError> {
        match &self.values {
            Values::F16(_) | Values::F32(_) | Values::F64(_) => {
                Err(kind("whole numbers", self.dtype()))
            }
            Values::U64(v) => v
                .iter()
                .map(|&x| {
                    i64::try_from(x).map_err(|_| kind("whole numbers below 2^63", self.dtype()))
                })
                .collect(),
            values => Ok(cast!(values, i64, "whole numbers")),
        }
    }

    /// Numbers as `Complex32`, in C order; no copy when they are already. Real numbers get no
    /// imaginary part.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but numbers.
    pub fn into_complex32(self) -> Result<Vec<Complex32>, NpyError> {
        match self.values {
            Values::C64(values) => Ok(values),
            Values::C128(values) => {
                Ok(values.iter().map(|z| Complex32::new(z.re as f32, z.im as f32)).collect())
            }
            other => {
                let real: Vec<f32> = cast!(&other, f32, "complex numbers");
                Ok(real.into_iter().map(Complex32::from).collect())
            }
        }
    }

    /// Strings, in C order, without the padding: unicode arrays, and byte arrays that hold UTF-8.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything else, and for text that is not valid.
    pub fn to_strings(&self) -> Result<Vec<String>, NpyError> {
        let count = self.count();
        (0..count).map(|index| self.string_at(index).map(Cow::into_owned)).collect()
    }

    /// One string; `index` runs in C order.
    fn string_at(&self, index: usize) -> Result<Cow<'_, str>, NpyError> {
        match &self.values {
            Values::Text { width, units } => {
                let units = without_padding(&units[index * width..(index + 1) * width]);
                let text: Option<String> = units.iter().map(|&unit| char::from_u32(unit)).collect();
                text.map(Cow::Owned).ok_or_else(|| kind("valid code points", self.dtype()))
            }
            Values::Bytes { width, bytes } => {
                let bytes = without_padding(&bytes[index * width..(index + 1) * width]);
                let text =
                    std::str::from_utf8(bytes).map_err(|_| kind("UTF-8 text", self.dtype()))?;
                Ok(Cow::Borrowed(text))
            }
            _ => Err(kind("text", self.dtype())),
        }
    }

    /// Real numbers as an `f32` array with as many axes as asked for; no copy when they are `f32`
    /// already.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but real numbers, [`NpyError::Shape`] for another number of
    /// axes.
    pub fn into_f32_array<D: Dimension>(self) -> Result<ndarray::Array<f32, D>, NpyError> {
        let shape = self.shape.clone();
        shaped(&shape, self.into_f32()?)
    }

    /// Numbers as a `Complex32` array with as many axes as asked for; no copy when they are
    /// `complex64` already.
    ///
    /// # Errors
    /// [`NpyError::Kind`] for anything but numbers, [`NpyError::Shape`] for another number of axes.
    pub fn into_complex32_array<D: Dimension>(
        self,
    ) -> Result<ndarray::Array<Complex32, D>, NpyError> {
        let shape = self.shape.clone();
        shaped(&shape, self.into_complex32()?)
    }
}

fn shaped<T, D: Dimension>(
    shape: &[usize],
    values: Vec<T>,
) -> Result<ArrayBase<OwnedRepr<T>, D>, NpyError> {
    let wrong = || NpyError::Shape(format!("{shape:?}, expected {} axes", D::NDIM.unwrap_or(0)));
    let mut dimension = D::zeros(D::NDIM.unwrap_or(shape.len()));
    if dimension.ndim() != shape.len() {
        return Err(wrong());
    }
    dimension.slice_mut().copy_from_slice(shape);
    let shape: StrideShape<D> = Shape::from(dimension).into();
    ArrayBase::from_shape_vec(shape, values).map_err(|_| wrong())
}

fn without_padding<T: Default + PartialEq>(units: &[T]) -> &[T] {
    let end = units.iter().rposition(|unit| *unit != T::default()).map_or(0, |last| last + 1);
    &units[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_known_values() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(half_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(half_to_f32(0x7e00).is_nan());
        assert_eq!(half_to_f32(0xfc00), f32::NEG_INFINITY);
    }

    #[test]
    fn conversions_refuse_what_they_would_lose() {
        assert_eq!(Array::from(vec![1_u8, 2]).to_i64().unwrap(), [1, 2]);
        assert!(Array::from(vec![1.0_f32]).to_i64().is_err());
        assert!(Array::from(vec![u64::MAX]).to_i64().is_err());
        assert!(Array::from(vec![Complex32::new(1.0, 2.0)]).to_f64().is_err());
        assert!(Array::text("1").to_f64().is_err());
        assert!(Array::from(vec![1.0_f32]).to_strings().is_err());
        assert!(Array::from(vec![0.0_f32; 6]).into_f32_array::<ndarray::Ix2>().is_err());
    }

    #[test]
    fn text_loses_its_padding_only() {
        let bytes = Values::Bytes { width: 4, bytes: b"a\0b\0\xc3\xa9\0\0".to_vec() };
        assert_eq!(Array::new(vec![2], bytes).unwrap().to_strings().unwrap(), ["a\0b", "é"]);
        let invalid = Values::Text { width: 1, units: vec![0xd800] };
        assert!(Array::new(vec![1], invalid).unwrap().to_strings().is_err());
    }
}
