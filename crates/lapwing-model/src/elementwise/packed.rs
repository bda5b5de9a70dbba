//! Complex numbers in half the space, and the inner products of step lengths over them.

use super::level;
use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::dispatch;
use fearless_simd::prelude::*;

/// A complex number in half the space, real part in the lower half, with the eight bits of
/// precision of bfloat16: for sums over many, whose error is then far smaller (2^-9 over the square
/// root of their number, relative to the root of the sum of squares).
pub type Packed = u32;

pub(super) fn packed(value: Complex32) -> Packed {
    let (re, im) = (value.re.to_bits(), value.im.to_bits());
    (re.wrapping_add(0x8000) >> 16) | (im.wrapping_add(0x8000) & 0xffff_0000)
}

pub(super) fn unpacked(value: Packed) -> Complex32 {
    Complex32::new(f32::from_bits(value << 16), f32::from_bits(value & 0xffff_0000))
}

/// [|u|^2, |v|^2, Re u* v, Re u* z, Re v* z] summed, with u = a b and v = c d.
pub fn five_products(
    a: &[Complex32],
    b: &[Packed],
    c: &[Complex32],
    d: &[Complex32],
    z: &[Packed],
) -> [f64; 5] {
    dispatch!(level(), simd => {
        let ((a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest), (z, z_rest)) = (
            a.as_chunks::<LANES>(), b.as_chunks::<LANES>(), c.as_chunks::<LANES>(),
            d.as_chunks::<LANES>(), z.as_chunks::<LANES>(),
        );
        let mut sums = [simd.splat_f32x8(0.0); 5];
        for ((((a, b), c), d), z) in a.iter().zip(b).zip(c).zip(d).zip(z) {
            let u = C8::load(simd, a).times(C8::load_packed(simd, b));
            let v = C8::load(simd, c).times(C8::load(simd, d));
            let z = C8::load_packed(simd, z);
            let products = [u.power(), v.power(), u.dot(v), u.dot(z), v.dot(z)];
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += product;
            }
        }
        let mut totals = sums.map(#[inline(always)] |sum| f64::from(simd.reduce_sum_f32x8(sum)));
        for ((((a, b), c), d), z) in a_rest.iter().zip(b_rest).zip(c_rest).zip(d_rest).zip(z_rest) {
            let (u, v, z) = (a * unpacked(*b), c * d, unpacked(*z));
            let dot = |p: Complex32, q: Complex32| f64::from(p.re * q.re + p.im * q.im);
            let products = [dot(u, u), dot(v, v), dot(u, v), dot(u, z), dot(v, z)];
            totals.iter_mut().zip(products).for_each(|(total, product)| *total += product);
        }
        totals
    })
}
