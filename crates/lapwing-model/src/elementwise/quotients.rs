//! Damped quotients: sums over patterns divided by their light.

use super::level;
use crate::Complex32;
use crate::c8::{C8, LANES};
use fearless_simd::prelude::*;
use fearless_simd::{dispatch, f32x8};

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
