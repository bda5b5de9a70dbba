//! Products and sums over rows of complex numbers, eight at a time, in the widest instructions of
//! the processor at hand.
//!
//! The compiler may not use more than the oldest processors offer, and complex numbers lie in
//! memory as pairs, which it does not take apart well. So the loops that a reconstruction spends
//! its time in are written out here. Slices that belong together must be equally long; what is
//! longer is not looked at.
//!
//! The same machine gives the same bits always; processors with other instructions may differ in
//! the last ones.

use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, f32x8};
use std::sync::OnceLock;

/// What this processor can do, asked once.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(Level::new)
}

/// Vectors whose sum is taken in single precision before it is added in double.
const RUN: usize = 16;

/// Replaces the third of three slices: for eight numbers of each at a time, `of` gives the new
/// ones, and numbers to sum.
///
/// To be called where the processor's instructions are known (`dispatch!`). What is left over is
/// filled up with zeros, so `of` must give nothing to sum for zeros.
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

/// sum <- a conj(b) and power <- |b|^2, to which what they held is added where `ADD`.
pub fn conjugate_product<const ADD: bool>(
    sum: &mut [Complex32],
    power: &mut [f32],
    a: &[Complex32],
    b: &[Complex32],
) {
    dispatch!(level(), simd => {
        let ((sum, sum_rest), (power, power_rest)) = (sum.as_chunks_mut::<LANES>(), power.as_chunks_mut::<LANES>());
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (((sum, power), a), b) in sum.iter_mut().zip(power).zip(a).zip(b) {
            let (a, b) = (C8::load(simd, a), C8::load(simd, b));
            let (mut product, mut square) = (a.times_conjugate(b), b.power());
            if ADD {
                product = C8::load(simd, sum).plus(product);
                square += f32x8::from_slice(simd, power);
            }
            product.store(simd, sum);
            square.store_slice(power);
        }
        for (((sum, power), a), b) in sum_rest.iter_mut().zip(power_rest).zip(a_rest).zip(b_rest) {
            let (before, bright) = if ADD { (*sum, *power) } else { (Complex32::ZERO, 0.0) };
            *sum = before + a * b.conj();
            *power = bright + b.norm_sqr();
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

/// value <- value + sum step / (weight light + floor)
pub fn add_quotient(
    value: &mut [Complex32],
    sum: &[Complex32],
    light: &[f32],
    (weight, floor, step): (f32, f32, f32),
) {
    dispatch!(level(), simd => {
        let ((value, value_rest), (sum, sum_rest), (light, light_rest)) =
            (value.as_chunks_mut::<LANES>(), sum.as_chunks::<LANES>(), light.as_chunks::<LANES>());
        let (all_weight, all_floor) = (simd.splat_f32x8(weight), simd.splat_f32x8(floor));
        let all_step = simd.splat_f32x8(step);
        for ((value, sum), light) in value.iter_mut().zip(sum).zip(light) {
            let factor = all_step / f32x8::from_slice(simd, light).mul_add(all_weight, all_floor);
            C8::load(simd, value).plus(C8::load(simd, sum).scaled(factor)).store(simd, value);
        }
        for ((value, sum), light) in value_rest.iter_mut().zip(sum_rest).zip(light_rest) {
            *value += sum * (step / (weight * light + floor));
        }
    });
}

/// out <- sum / sqrt(light^2 + floor^2)
pub fn divide_damped(out: &mut [Complex32], sum: &[Complex32], light: &[f32], floor: f32) {
    dispatch!(level(), simd => {
        let ((out, out_rest), (sum, sum_rest), (light, light_rest)) =
            (out.as_chunks_mut::<LANES>(), sum.as_chunks::<LANES>(), light.as_chunks::<LANES>());
        let (one, squared) = (simd.splat_f32x8(1.0), simd.splat_f32x8(floor * floor));
        for ((out, sum), light) in out.iter_mut().zip(sum).zip(light) {
            let light = f32x8::from_slice(simd, light);
            let factor = one / light.mul_add(light, squared).sqrt();
            C8::load(simd, sum).scaled(factor).store(simd, out);
        }
        for ((out, sum), light) in out_rest.iter_mut().zip(sum_rest).zip(light_rest) {
            *out = sum / (light * light + floor * floor).sqrt();
        }
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

/// A complex number in half the space, real part in the lower half, with the eight bits of
/// precision of bfloat16: for sums over many, whose error is then far smaller (2^-9 over the square
/// root of their number, relative to the root of the sum of squares).
pub type Packed = u32;

fn packed(value: Complex32) -> Packed {
    let (re, im) = (value.re.to_bits(), value.im.to_bits());
    (re.wrapping_add(0x8000) >> 16) | (im.wrapping_add(0x8000) & 0xffff_0000)
}

fn unpacked(value: Packed) -> Complex32 {
    Complex32::new(f32::from_bits(value << 16), f32::from_bits(value & 0xffff_0000))
}

/// out <- a
pub fn pack(out: &mut [Packed], a: &[Complex32]) {
    dispatch!(level(), simd => {
        let ((out, out_rest), (a, a_rest)) = (out.as_chunks_mut::<LANES>(), a.as_chunks::<LANES>());
        for (out, a) in out.iter_mut().zip(a) {
            C8::load(simd, a).store_packed(out);
        }
        for (out, a) in out_rest.iter_mut().zip(a_rest) {
            *out = packed(*a);
        }
    });
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
        let mut totals = sums.map(|sum| {
            let mut lanes = [0.0_f32; LANES];
            sum.store_slice(&mut lanes);
            lanes.iter().map(|&value| f64::from(value)).sum::<f64>()
        });
        for ((((a, b), c), d), z) in a_rest.iter().zip(b_rest).zip(c_rest).zip(d_rest).zip(z_rest) {
            let (u, v, z) = (a * unpacked(*b), c * d, unpacked(*z));
            let dot = |p: Complex32, q: Complex32| f64::from(p.re * q.re + p.im * q.im);
            let products = [dot(u, u), dot(v, v), dot(u, v), dot(u, z), dot(v, z)];
            totals.iter_mut().zip(products).for_each(|(total, product)| *total += product);
        }
        totals
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_field;

    /// Every length that leaves another rest, against plain complex arithmetic.
    fn for_lengths(check: impl Fn(&[Vec<Complex32>])) {
        for length in [1, 7, 8, 9, 16, 23, 64] {
            check(&(0..5).map(|seed| random_field(length, seed)).collect::<Vec<_>>());
        }
    }

    fn assert_close(found: &[Complex32], truth: impl Iterator<Item = Complex32>) {
        for (found, truth) in found.iter().zip(truth) {
            assert!((found - truth).norm() < 1e-5 * (1.0 + truth.norm()), "{found} and {truth}");
        }
    }

    #[test]
    fn products_are_those_of_complex_numbers() {
        let w = Complex32::new(0.6, -1.3);
        for_lengths(|v| {
            let pairs = || v[0].iter().zip(&v[1]);
            let mut out = v[2].clone();
            multiply(&mut out, &v[0], &v[1]);
            assert_close(&out, pairs().map(|(a, b)| a * b));
            multiply_conjugate(&mut out, &v[0], &v[1]);
            assert_close(&out, pairs().map(|(a, b)| a * b.conj()));
            multiply_scaled(&mut out, &v[0], w, &v[1]);
            assert_close(&out, pairs().map(|(a, b)| a * b * w));
            let mut out = v[2].clone();
            add_conjugate_scaled(&mut out, &v[0], w, &v[1]);
            assert_close(&out, pairs().zip(&v[2]).map(|((a, b), c)| c + a * (b * w).conj()));
        });
    }

    #[test]
    fn updates_and_dot_products_are_those_of_plain_numbers() {
        for_lengths(|v| {
            let [a, b, c] = [0, 1, 2]
                .map(|k| v[k].iter().map(|value: &Complex32| value.re).collect::<Vec<f32>>());
            let mut changed = c.clone();
            let sums = dispatch!(level(), simd => {
                update(simd, (&a, &b, &mut changed), #[inline(always)] |a, b, c| (a * b + c, [c, a * c]))
            });
            for (changed, (a, (b, c))) in changed.iter().zip(a.iter().zip(b.iter().zip(&c))) {
                assert!((changed - (a * b + c)).abs() < 1e-6);
            }
            let truth: f64 = c.iter().map(|&c| f64::from(c)).sum();
            assert!((sums[0] - truth).abs() < 1e-5);
            let truth: f64 = a.iter().zip(&c).map(|(a, c)| f64::from(a * c)).sum();
            assert!((sums[1] - truth).abs() < 1e-5);
            let truth: f64 =
                v[0].iter().zip(&v[1]).map(|(a, b)| f64::from(a.re * b.re + a.im * b.im)).sum();
            assert!((real_dot(&v[0], &v[1]) - truth).abs() < 1e-5);
            let mut out = v[2].clone();
            add_scaled(&mut out, 0.7, &v[0]);
            assert_close(&out, v[2].iter().zip(&v[0]).map(|(y, x)| y + x * 0.7));
        });
    }

    #[test]
    fn sums_and_powers_are_those_of_complex_numbers() {
        for_lengths(|v| {
            let factor: Vec<f32> = v[0].iter().map(|value| value.re).collect();
            let mut out = v[1].clone();
            scale(&mut out, &factor);
            assert_close(&out, v[1].iter().zip(&factor).map(|(a, f)| a * f));
            let mut power = factor.clone();
            add_power(&mut power, &v[1]);
            for ((power, a), f) in power.iter().zip(&v[1]).zip(&factor) {
                assert!((power - (f + a.norm_sqr())).abs() < 1e-5);
            }
            let (mut out, mut both) = (v[2].clone(), factor.clone());
            conjugate_product::<true>(&mut out, &mut both, &v[0], &v[1]);
            assert_close(
                &out,
                v[2].iter().zip(v[0].iter().zip(&v[1])).map(|(c, (a, b))| c + a * b.conj()),
            );
            assert_eq!(power, both);
            conjugate_product::<false>(&mut out, &mut both, &v[0], &v[1]);
            assert_close(&out, v[0].iter().zip(&v[1]).map(|(a, b)| a * b.conj()));
            for (power, b) in both.iter().zip(&v[1]) {
                assert!((power - b.norm_sqr()).abs() < 1e-5);
            }
            let (mut out, mut both) = (v[2].clone(), factor.clone());
            add_both(&mut out, &mut both, &v[3], &power);
            assert_close(&out, v[2].iter().zip(&v[3]).map(|(a, b)| a + b));
            assert!(both.iter().zip(factor.iter().zip(&power)).all(|(sum, (a, b))| *sum == a + b));
        });
    }

    #[test]
    fn quotients_and_maxima_are_those_of_plain_numbers() {
        for_lengths(|v| {
            let light: Vec<f32> = v[0].iter().map(|value| value.re.abs()).collect();
            let mut out = v[1].clone();
            add_quotient(&mut out, &v[2], &light, (0.7, 0.1, 0.3));
            let truth = v[1].iter().zip(v[2].iter().zip(&light));
            assert_close(
                &out,
                truth.map(|(value, (sum, light))| value + sum * (0.3 / (0.7 * light + 0.1))),
            );
            divide_damped(&mut out, &v[2], &light, 0.2);
            let truth = v[2].iter().zip(&light);
            assert_close(&out, truth.map(|(sum, light)| sum / (light * light + 0.04_f32).sqrt()));
            assert_eq!(largest(&light), light.iter().copied().fold(0.0, f32::max));
        });
        assert_eq!(largest(&[]), 0.0);
    }

    #[test]
    fn five_products_are_those_of_double_precision() {
        for_lengths(|v| {
            let mut truth = [0.0_f64; 5];
            let (mut b, mut z) = (vec![0; v[1].len()], vec![0; v[4].len()]);
            pack(&mut b, &v[1]);
            pack(&mut z, &v[4]);
            for (found, exact) in b.iter().chain(&z).zip(v[1].iter().chain(&v[4])) {
                assert_eq!(*found, packed(*exact));
                let (found, limit) = (unpacked(*found), 2.0_f32.powi(-8));
                assert!(
                    (found.re - exact.re).abs() <= limit * exact.re.abs(),
                    "{found} and {exact}"
                );
                assert!(
                    (found.im - exact.im).abs() <= limit * exact.im.abs(),
                    "{found} and {exact}"
                );
            }
            let wide = |values: &[Packed]| values.iter().map(|v| unpacked(*v)).collect::<Vec<_>>();
            let (exact_b, exact_z) = (wide(&b), wide(&z));
            for ((((a, b), c), d), z) in
                v[0].iter().zip(&exact_b).zip(&v[2]).zip(&v[3]).zip(&exact_z)
            {
                let wide = |z: &Complex32| num_complex::Complex64::new(z.re.into(), z.im.into());
                let (u, w, z) = (wide(a) * wide(b), wide(c) * wide(d), wide(z));
                let dot = |p: num_complex::Complex64, q: num_complex::Complex64| (p.conj() * q).re;
                let products = [dot(u, u), dot(w, w), dot(u, w), dot(u, z), dot(w, z)];
                truth.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
            for (found, truth) in five_products(&v[0], &b, &v[2], &v[3], &z).into_iter().zip(truth)
            {
                assert!((found - truth).abs() < 1e-4 * (1.0 + truth.abs()), "{found} and {truth}");
            }
        });
    }
}
