//! Rust types that are elements of NumPy arrays.

use num_complex::{Complex32, Complex64};

use super::Values;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is the element of a NumPy array. Implemented for `bool`, the integers of 8 to
/// 64 bits, `f32`, `f64`, `Complex32` and `Complex64`.
pub trait Element: Copy + Default + Send + Sync + sealed::Sealed + 'static {
    /// Bytes per element in a file.
    const WIDTH: usize;
    /// The element whose little-endian bytes these are; there are [`WIDTH`](Self::WIDTH) of them.
    fn from_le(bytes: &[u8]) -> Self;
    /// The element whose big-endian bytes these are.
    fn from_be(bytes: &[u8]) -> Self;
    /// Appends the little-endian bytes.
    fn push_le(self, out: &mut Vec<u8>);
    /// The vector as the values of an array.
    fn wrap(values: Vec<Self>) -> Values;
}

/// The first bytes as an array; callers pass slices of the right length.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

macro_rules! number {
    ($type:ty, $variant:ident) => {
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const WIDTH: usize = size_of::<$type>();
            #[inline]
            fn from_le(bytes: &[u8]) -> Self {
                <$type>::from_le_bytes(fixed(bytes))
            }
            #[inline]
            fn from_be(bytes: &[u8]) -> Self {
                <$type>::from_be_bytes(fixed(bytes))
            }
            #[inline]
            fn push_le(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn wrap(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }
        }
    };
}
number!(i8, I8);
number!(i16, I16);
number!(i32, I32);
number!(i64, I64);
number!(u8, U8);
number!(u16, U16);
number!(u32, U32);
number!(u64, U64);
number!(f32, F32);
number!(f64, F64);

macro_rules! complex {
    ($type:ty, $part:ty, $variant:ident) => {
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const WIDTH: usize = size_of::<$type>();
            #[inline]
            fn from_le(bytes: &[u8]) -> Self {
                let (re, im) = bytes.split_at(size_of::<$part>());
                Self::new(<$part>::from_le(re), <$part>::from_le(im))
            }
            #[inline]
            fn from_be(bytes: &[u8]) -> Self {
                let (re, im) = bytes.split_at(size_of::<$part>());
                Self::new(<$part>::from_be(re), <$part>::from_be(im))
            }
            #[inline]
            fn push_le(self, out: &mut Vec<u8>) {
                self.re.push_le(out);
                self.im.push_le(out);
            }
            fn wrap(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }
        }
    };
}
complex!(Complex32, f32, C64);
complex!(Complex64, f64, C128);

impl sealed::Sealed for bool {}
impl Element for bool {
    const WIDTH: usize = 1;
    fn from_le(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }
    fn from_be(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }
    fn push_le(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
    fn wrap(values: Vec<Self>) -> Values {
        Values::Bool(values)
    }
}
