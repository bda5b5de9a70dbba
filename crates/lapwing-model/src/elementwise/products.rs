//! Products of rows of numbers, and products that are added to a row.

use super::level;
use super::packed::{Packed, packed};
use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x8};

/// y <- y + factor x
pub fn add_scaled(y: &mut [Complex32], factor: f32, x: &[Complex32]) {
    dispatch!(level(), _ => y.iter_mut().zip(x).for_each(#[inline(always)] |(y, x)| *y += x * factor));
}

/// out <- a b
pub fn multiply(out: &mut [Complex32], a: &[Complex32], b: &[Complex32]) {
    dispatch!(level(), simd => {
        let ((out, out_rest), (a, a_rest), (b, b_rest)) =
            (out.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            C8::load(simd, a).times(C8::load(simd, b)).store(simd, out);
        }
        for ((out, a), b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
            *out = a * b;
        }
    });
}

/// out <- a conj(b)
pub fn multiply_conjugate(out: &mut [Complex32], a: &[Complex32], b: &[Complex32]) {
    dispatch!(level(), simd => {
        let ((out, out_rest), (a, a_rest), (b, b_rest)) =
            (out.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            C8::load(simd, a).times_conjugate(C8::load(simd, b)).store(simd, out);
        }
        for ((out, a), b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
            *out = a * b.conj();
        }
    });
}

/// out <- a (factor b)
pub fn multiply_scaled(out: &mut [Complex32], a: &[Complex32], factor: Complex32, b: &[Complex32]) {
    dispatch!(level(), simd => {
        let ((out, out_rest), (a, a_rest), (b, b_rest)) =
            (out.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let all = C8::splat(simd, factor);
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            C8::load(simd, a).times(C8::load(simd, b).times(all)).store(simd, out);
        }
        for ((out, a), b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
            *out = a * (factor * b);
        }
    });
}

/// sum <- sum + a conj(factor b)
pub fn add_conjugate_scaled(
    sum: &mut [Complex32],
    a: &[Complex32],
    factor: Complex32,
    b: &[Complex32],
) {
    dispatch!(level(), simd => {
        let ((sum, sum_rest), (a, a_rest), (b, b_rest)) =
            (sum.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let all = C8::splat(simd, factor);
        for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
            let product = C8::load(simd, a).times_conjugate(C8::load(simd, b).times(all));
            C8::load(simd, sum).plus(product).store(simd, sum);
        }
        for ((sum, a), b) in sum_rest.iter_mut().zip(a_rest).zip(b_rest) {
            *sum += a * (factor * b).conj();
        }
    });
}

/// a <- a factor
pub fn scale(a: &mut [Complex32], factor: &[f32]) {
    dispatch!(level(), simd => {
        let ((a, a_rest), (factor, factor_rest)) = (a.as_chunks_mut::<LANES>(), factor.as_chunks::<LANES>());
        for (a, factor) in a.iter_mut().zip(factor) {
            C8::load(simd, a).scaled(f32x8::from_slice(simd, factor)).store(simd, a);
        }
        for (a, factor) in a_rest.iter_mut().zip(factor_rest) {
            *a *= factor;
        }
    });
}

/// sum <- a conj(b) and power <- |b|^2, to which what they held is added where `add`; `kept`, where
/// it is given, <- a and b.
pub fn conjugate_product(
    add: bool,
    (sum, power): (&mut [Complex32], &mut [f32]),
    (a, b): (&[Complex32], &[Complex32]),
    kept: Option<(&mut [Packed], &mut [Packed])>,
) {
    dispatch!(level(), simd => match (add, kept) {
        (true, None) => product_rows::<_, true, false>(simd, (sum, power), (a, b), (&mut [], &mut [])),
        (false, None) => product_rows::<_, false, false>(simd, (sum, power), (a, b), (&mut [], &mut [])),
        (true, Some(kept)) => product_rows::<_, true, true>(simd, (sum, power), (a, b), kept),
        (false, Some(kept)) => product_rows::<_, false, true>(simd, (sum, power), (a, b), kept),
    });
}

/// [`conjugate_product`] for constants.
#[inline(always)]
fn product_rows<S: Simd, const ADD: bool, const KEEP: bool>(
    simd: S,
    (sum, power): (&mut [Complex32], &mut [f32]),
    (a, b): (&[Complex32], &[Complex32]),
    (kept_a, kept_b): (&mut [Packed], &mut [Packed]),
) {
    let len = sum.len().min(power.len()).min(a.len()).min(b.len());
    let kept_len = if KEEP { len } else { 0 };
    let (kept_a, kept_b) = (&mut kept_a[..kept_len], &mut kept_b[..kept_len]);
    let ((sum, sum_rest), (power, power_rest)) =
        (sum[..len].as_chunks_mut::<LANES>(), power[..len].as_chunks_mut::<LANES>());
    let ((a, a_rest), (b, b_rest)) = (a[..len].as_chunks::<LANES>(), b[..len].as_chunks::<LANES>());
    let (kept_a, kept_a_rest) = kept_a.as_chunks_mut::<LANES>();
    let (kept_b, kept_b_rest) = kept_b.as_chunks_mut::<LANES>();
    for (eight, (((sum, power), a), b)) in sum.iter_mut().zip(power).zip(a).zip(b).enumerate() {
        let (a, b) = (C8::load(simd, a), C8::load(simd, b));
        let (mut product, mut square) = (a.times_conjugate(b), b.power());
        if ADD {
            product = C8::load(simd, sum).plus(product);
            square += f32x8::from_slice(simd, power);
        }
        product.store(simd, sum);
        square.store_slice(power);
        if KEEP {
            a.store_packed(&mut kept_a[eight]);
            b.store_packed(&mut kept_b[eight]);
        }
    }
    let rest = sum_rest.iter_mut().zip(power_rest).zip(a_rest).zip(b_rest);
    for (index, (((sum, power), a), b)) in rest.enumerate() {
        let (before, bright) = if ADD { (*sum, *power) } else { (Complex32::ZERO, 0.0) };
        *sum = before + a * b.conj();
        *power = bright + b.norm_sqr();
        if KEEP {
            (kept_a_rest[index], kept_b_rest[index]) = (packed(*a), packed(*b));
        }
    }
}
