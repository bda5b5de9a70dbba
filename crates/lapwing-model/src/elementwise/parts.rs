//! Real and imaginary parts in rows of their own.

use super::level;
use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::prelude::*;
use fearless_simd::{dispatch, f32x8};

/// re + i im <- a
pub fn take_apart(a: &[Complex32], re: &mut [f32], im: &mut [f32]) {
    dispatch!(level(), simd => {
        let ((a, a_rest), (re, re_rest), (im, im_rest)) =
            (a.as_chunks::<LANES>(), re.as_chunks_mut::<LANES>(), im.as_chunks_mut::<LANES>());
        for ((a, re), im) in a.iter().zip(re).zip(im) {
            let value = C8::load(simd, a);
            value.re.store_slice(re);
            value.im.store_slice(im);
        }
        for ((a, re), im) in a_rest.iter().zip(re_rest).zip(im_rest) {
            (*re, *im) = (a.re, a.im);
        }
    });
}

/// a <- re + i im
pub fn put_together(a: &mut [Complex32], re: &[f32], im: &[f32]) {
    dispatch!(level(), simd => {
        let ((a, a_rest), (re, re_rest), (im, im_rest)) =
            (a.as_chunks_mut::<LANES>(), re.as_chunks::<LANES>(), im.as_chunks::<LANES>());
        for ((a, re), im) in a.iter_mut().zip(re).zip(im) {
            C8 { re: f32x8::from_slice(simd, re), im: f32x8::from_slice(simd, im) }.store(simd, a);
        }
        for ((a, &re), &im) in a_rest.iter_mut().zip(re_rest).zip(im_rest) {
            *a = Complex32::new(re, im);
        }
    });
}
