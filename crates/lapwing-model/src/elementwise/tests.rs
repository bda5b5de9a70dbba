use super::packed::{packed, unpacked};
use super::*;
use crate::Complex32;
use crate::test_support::random_field;
use fearless_simd::dispatch;

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
        let [a, b, c] =
            [0, 1, 2].map(|k| v[k].iter().map(|value: &Complex32| value.re).collect::<Vec<f32>>());
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
        conjugate_product(true, (&mut out, &mut both), (&v[0], &v[1]), None);
        assert_close(
            &out,
            v[2].iter().zip(v[0].iter().zip(&v[1])).map(|(c, (a, b))| c + a * b.conj()),
        );
        assert_eq!(power, both);
        let (mut kept_a, mut kept_b) = (vec![0; v[0].len()], vec![0; v[1].len()]);
        let kept = Some((&mut *kept_a, &mut *kept_b));
        conjugate_product(false, (&mut out, &mut both), (&v[0], &v[1]), kept);
        assert!(kept_a.iter().zip(&v[0]).all(|(kept, a)| *kept == packed(*a)));
        assert!(kept_b.iter().zip(&v[1]).all(|(kept, b)| *kept == packed(*b)));
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
        for (found, exact) in b.iter_mut().chain(&mut z).zip(v[1].iter().chain(&v[4])) {
            *found = packed(*exact);
            let (found, limit) = (unpacked(*found), 2.0_f32.powi(-8));
            assert!((found.re - exact.re).abs() <= limit * exact.re.abs(), "{found} and {exact}");
            assert!((found.im - exact.im).abs() <= limit * exact.im.abs(), "{found} and {exact}");
        }
        let wide = |values: &[Packed]| values.iter().map(|v| unpacked(*v)).collect::<Vec<_>>();
        let (exact_b, exact_z) = (wide(&b), wide(&z));
        for ((((a, b), c), d), z) in v[0].iter().zip(&exact_b).zip(&v[2]).zip(&v[3]).zip(&exact_z) {
            let wide = |z: &Complex32| num_complex::Complex64::new(z.re.into(), z.im.into());
            let (u, w, z) = (wide(a) * wide(b), wide(c) * wide(d), wide(z));
            let dot = |p: num_complex::Complex64, q: num_complex::Complex64| (p.conj() * q).re;
            let products = [dot(u, u), dot(w, w), dot(u, w), dot(u, z), dot(w, z)];
            truth.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        for (found, truth) in five_products(&v[0], &b, &v[2], &v[3], &z).into_iter().zip(truth) {
            assert!((found - truth).abs() < 1e-4 * (1.0 + truth.abs()), "{found} and {truth}");
        }
    });
}
