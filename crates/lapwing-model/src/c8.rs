//! Eight complex numbers at a time in vector registers, real and imaginary parts apart.
//!
//! In memory they lie either as **pairs**, re im re im, the order of `Complex32` everywhere, or as
//! **parts**, eight real parts before eight imaginary ones, which costs no shuffling and is used
//! for what one transform hands to the next.

use crate::Complex32;
use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x8, u32x8};

/// Numbers in a vector.
pub(crate) const LANES: usize = 8;

/// Eight complex numbers in memory, a cache line.
pub(crate) type Line = [Complex32; LANES];

/// Eight complex numbers in registers.
#[derive(Clone, Copy)]
pub(crate) struct C8<S: Simd> {
    pub re: f32x8<S>,
    pub im: f32x8<S>,
}

impl<S: Simd> C8<S> {
    /// From pairs.
    #[inline(always)]
    pub fn load(simd: S, values: &Line) -> Self {
        let floats = floats(values);
        let (a, b) =
            (f32x8::from_slice(simd, &floats[..LANES]), f32x8::from_slice(simd, &floats[LANES..]));
        let (re, im) = simd.deinterleave_f32x8(a, b);
        Self { re, im }
    }

    /// To pairs.
    #[inline(always)]
    pub fn store(self, simd: S, values: &mut Line) {
        let (a, b) = simd.interleave_f32x8(self.re, self.im);
        let floats = floats_mut(values);
        a.store_slice(&mut floats[..LANES]);
        b.store_slice(&mut floats[LANES..]);
    }

    /// From parts.
    #[inline(always)]
    pub fn load_parts(simd: S, values: &Line) -> Self {
        let floats = floats(values);
        Self {
            re: f32x8::from_slice(simd, &floats[..LANES]),
            im: f32x8::from_slice(simd, &floats[LANES..]),
        }
    }

    /// To parts.
    #[inline(always)]
    pub fn store_parts(self, values: &mut Line) {
        let floats = floats_mut(values);
        self.re.store_slice(&mut floats[..LANES]);
        self.im.store_slice(&mut floats[LANES..]);
    }

    /// From numbers packed by [`store_packed`](Self::store_packed).
    #[inline(always)]
    pub fn load_packed(simd: S, values: &[u32; LANES]) -> Self {
        let bits = u32x8::from_slice(simd, values);
        Self { re: (bits << 16).bitcast(), im: (bits & 0xffff_0000).bitcast() }
    }

    /// Rounded to eight bits of precision, real part in the lower half.
    #[inline(always)]
    pub fn store_packed(self, values: &mut [u32; LANES]) {
        let (re, im): (u32x8<S>, u32x8<S>) = (self.re.bitcast(), self.im.bitcast());
        (((re + 0x8000) >> 16) | ((im + 0x8000) & 0xffff_0000)).store_slice(values);
    }

    #[inline(always)]
    pub fn splat(simd: S, value: Complex32) -> Self {
        Self { re: simd.splat_f32x8(value.re), im: simd.splat_f32x8(value.im) }
    }

    #[inline(always)]
    pub fn times(self, other: Self) -> Self {
        Self {
            re: self.re.mul_sub(other.re, self.im * other.im),
            im: self.re.mul_add(other.im, self.im * other.re),
        }
    }

    /// self conj(other)
    #[inline(always)]
    pub fn times_conjugate(self, other: Self) -> Self {
        Self {
            re: self.re.mul_add(other.re, self.im * other.im),
            im: self.im.mul_sub(other.re, self.re * other.im),
        }
    }

    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    /// self with a product added to each part.
    #[inline(always)]
    pub fn plus_parts(self, re: (f32x8<S>, f32x8<S>), im: (f32x8<S>, f32x8<S>)) -> Self {
        Self { re: re.0.mul_add(re.1, self.re), im: im.0.mul_add(im.1, self.im) }
    }

    #[inline(always)]
    pub fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    /// self - i other
    #[inline(always)]
    pub fn minus_i_times(self, other: Self) -> Self {
        Self { re: self.re + other.im, im: self.im - other.re }
    }

    /// self + i other
    #[inline(always)]
    pub fn plus_i_times(self, other: Self) -> Self {
        Self { re: self.re - other.im, im: self.im + other.re }
    }

    /// i conj(self): real and imaginary parts swapped.
    #[inline(always)]
    pub fn swapped(self) -> Self {
        Self { re: self.im, im: self.re }
    }

    #[inline(always)]
    pub fn scaled(self, factor: f32x8<S>) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    #[inline(always)]
    pub fn power(self) -> f32x8<S> {
        self.re.mul_add(self.re, self.im * self.im)
    }

    /// Re conj(self) other
    #[inline(always)]
    pub fn dot(self, other: Self) -> f32x8<S> {
        self.re.mul_add(other.re, self.im * other.im)
    }
}

/// The sixteen floats of eight complex numbers.
#[inline(always)]
pub(crate) fn floats(values: &Line) -> &[f32; 2 * LANES] {
    // SAFETY: `Complex<f32>` is `repr(C)` with two `f32` fields, so eight of them are laid out as
    // sixteen `f32`.
    unsafe { &*std::ptr::from_ref(values).cast() }
}

#[inline(always)]
pub(crate) fn floats_mut(values: &mut Line) -> &mut [f32; 2 * LANES] {
    // SAFETY: as for `floats`; the borrow is exclusive.
    unsafe { &mut *std::ptr::from_mut(values).cast() }
}
