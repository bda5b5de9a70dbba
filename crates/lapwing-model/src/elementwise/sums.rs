//! Sums over rows of numbers, and of powers.

use super::level;
use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x8};

/// Vectors whose sum is taken in single precision before it is added in double.
const RUN: usize = 16;

/// Replaces the third of three slices: for eight numbers of each at a time, `of` gives the new
/// ones, and numbers to sum.
///
/// To be called where the processor's instructions are known (`dispatch!`). The remainder is padded
/// with zeros, so `of` must give zero sums for zeros.
#[inline(always)]
pub fn update<S: Simd, const SUMS: usize>(
    simd: S,
    (first, second, changed): (&[f32], &[f32], &mut [f32]),
    of: impl Fn(f32x8<S>, f32x8<S>, f32x8<S>) -> (f32x8<S>, [f32x8<S>; SUMS]),
) -> [f64; SUMS] {
    let ((a, a_rest), (b, b_rest)) = (first.as_chunks::<LANES>(), second.as_chunks::<LANES>());
    let (out, out_rest) = changed.as_chunks_mut::<LANES>();
    let mut totals = [0.0_f64; SUMS];
    let add_to = |totals: &mut [f64; SUMS], sums: [f32x8<S>; SUMS]| {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total += f64::from(simd.reduce_sum_f32x8(sum));
        }
    };
    for ((a, b), out) in a.chunks(RUN).zip(b.chunks(RUN)).zip(out.chunks_mut(RUN)) {
        let mut sums = [simd.splat_f32x8(0.0); SUMS];
        for ((a, b), out) in a.iter().zip(b).zip(out) {
            let eight = |values: &[f32; LANES]| f32x8::from_slice(simd, values);
            let (new, parts) = of(eight(a), eight(b), eight(out));
            new.store_slice(out);
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        add_to(&mut totals, sums);
    }
    if !out_rest.is_empty() {
        let filled = |rest: &[f32]| {
            let mut eight = [0.0; LANES];
            eight[..rest.len()].copy_from_slice(rest);
            f32x8::from_slice(simd, &eight)
        };
        let (new, parts) = of(filled(a_rest), filled(b_rest), filled(out_rest));
        let mut eight = [0.0; LANES];
        new.store_slice(&mut eight);
        let rest = out_rest.len();
        out_rest.copy_from_slice(&eight[..rest]);
        add_to(&mut totals, parts);
    }
    totals
}

/// Re sum conj(a) b
pub fn real_dot(a: &[Complex32], b: &[Complex32]) -> f64 {
    dispatch!(level(), simd => {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let mut total = 0.0;
        for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
            let mut sum = simd.splat_f32x8(0.0);
            for (a, b) in a.iter().zip(b) {
                // Which is a real and which an imaginary part does not matter here.
                sum += C8::load_parts(simd, a).dot(C8::load_parts(simd, b));
            }
            total += f64::from(simd.reduce_sum_f32x8(sum));
        }
        total + a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(a.re * b.re + a.im * b.im)).sum::<f64>()
    })
}

/// sum <- sum + |a|^2
pub fn add_power(sum: &mut [f32], a: &[Complex32]) {
    dispatch!(level(), simd => {
        let ((sum, sum_rest), (a, a_rest)) = (sum.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>());
        for (sum, a) in sum.iter_mut().zip(a) {
            (f32x8::from_slice(simd, sum) + C8::load(simd, a).power()).store_slice(sum);
        }
        for (sum, a) in sum_rest.iter_mut().zip(a_rest) {
            *sum += a.norm_sqr();
        }
    });
}

/// sum <- sum + a and power <- power + b
pub fn add_both(sum: &mut [Complex32], power: &mut [f32], a: &[Complex32], b: &[f32]) {
    dispatch!(level(), _ => {
        sum.iter_mut().zip(a).for_each(#[inline(always)] |(sum, a)| *sum += a);
        power.iter_mut().zip(b).for_each(#[inline(always)] |(power, b)| *power += b);
    });
}

/// The largest of `values`, none of which is negative; 0 when there is none.
pub fn largest(values: &[f32]) -> f32 {
    dispatch!(level(), simd => {
        let (eights, rest) = values.as_chunks::<LANES>();
        let mut most = simd.splat_f32x8(0.0);
        for eight in eights {
            most = most.max(f32x8::from_slice(simd, eight));
        }
        let mut lanes = [0.0_f32; LANES];
        most.store_slice(&mut lanes);
        lanes.iter().chain(rest).fold(0.0, |most: f32, &value| most.max(value))
    })
}
