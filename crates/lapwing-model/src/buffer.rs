//! Arrays that begin on a cache line.
//!
//! Eight complex numbers are a cache line. Where an array begins elsewhere, as large allocations
//! do, each access to eight of them touches two lines, and what is done by columns of eight takes
//! half as long again.

use crate::Complex32;
use crate::c8::{LANES, Line};
use std::ops::{Deref, DerefMut};

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct CacheLine(Line);

impl CacheLine {
    pub(crate) const ZERO: Self = Self([Complex32::ZERO; LANES]);
}

/// An array of complex numbers, zero at first, that begins on a cache line. It is used as the slice
/// that it derefs to.
#[derive(Clone, Debug)]
pub struct Buffer {
    lines: Vec<CacheLine>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![CacheLine::ZERO; len.div_ceil(LANES)], len }
    }
}

impl Deref for Buffer {
    type Target = [Complex32];

    fn deref(&self) -> &[Complex32] {
        // SAFETY: a `CacheLine` is eight `Complex32` without padding (64 bytes, `repr(C)`), and
        // there are at least `len` of them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [Complex32] {
        // SAFETY: as for `deref`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_on_a_cache_line_and_holds_what_is_written() {
        for len in [0, 1, 8, 1000] {
            let mut buffer = Buffer::zeros(len);
            assert_eq!((buffer.len(), buffer.as_ptr().addr() % 64), (len, 0));
            for (index, value) in buffer.iter_mut().enumerate() {
                assert_eq!(*value, Complex32::ZERO);
                *value = Complex32::new(index as f32, -1.0);
            }
            assert!(buffer.iter().enumerate().all(|(index, value)| value.re == index as f32));
        }
    }
}
