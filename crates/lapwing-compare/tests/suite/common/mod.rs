//! Objects and gauges for the tests of this crate.

use lapwing_fft::{FftDirection, double};
use lapwing_model::{Complex32, Field};
use ndarray::Array2;
use num_complex::Complex64;
use std::f64::consts::TAU;

/// A number in [-0.5, 0.5) from a seed and an index (SplitMix64; Steele, Lea, Flood 2014).
pub fn noise(seed: u64, index: u64) -> f64 {
    let mut z = seed
        .wrapping_mul(0xd134_2543_de82_ef95)
        .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// Complex noise, periodic, with a Gaussian spectrum of a correlation length of about `length` px;
/// rms 1 per part.
pub fn texture(shape: (usize, usize), seed: u64, length: f64) -> Array2<Complex64> {
    let white = Array2::from_shape_fn(shape, |(y, x)| {
        let index = 2 * (y * shape.1 + x) as u64;
        Complex64::new(noise(seed, index), noise(seed, index + 1))
    });
    let smooth = filtered(white, |fy, fx| {
        Complex64::from((-2.0 * (TAU / 2.0 * length).powi(2) * (fy * fy + fx * fx)).exp())
    });
    let rms = (smooth.iter().map(|v| v.norm_sqr()).sum::<f64>() / (2 * smooth.len()) as f64).sqrt();
    smooth.mapv(|v| v / rms)
}

/// A periodic, nearly band-limited object with amplitude about 0.8 and phase within about +-1 rad.
pub fn specimen(shape: (usize, usize), seed: u64) -> Field {
    let (fine, coarse) = (texture(shape, seed, 1.5), texture(shape, seed + 1000, 6.0));
    ndarray::Zip::from(&fine).and(&coarse).map_collect(|f, c| {
        let value = Complex64::from_polar(0.8 + 0.06 * f.re, 0.25 * f.im + 0.35 * c.re);
        Complex32::new(value.re as f32, value.im as f32)
    })
}

/// What ptychography cannot determine: reconstruction(r) = scale exp(i (phase + ramp . r)) truth(r
/// - shift).
#[derive(Debug, Clone, Copy)]
pub struct Gauge {
    pub shift: [f64; 2],
    pub ramp: [f64; 2],
    pub scale: f64,
    pub phase: f64,
}

impl Gauge {
    /// The periodic field under this gauge.
    pub fn applied(&self, field: &Field) -> Field {
        let wide = field.mapv(|v| Complex64::new(v.re.into(), v.im.into()));
        let moved = filtered(wide, |fy, fx| {
            Complex64::cis(-TAU * (fy * self.shift[0] + fx * self.shift[1]))
        });
        Field::from_shape_fn(field.dim(), |(y, x)| {
            let phase = self.phase + self.ramp[0] * y as f64 + self.ramp[1] * x as f64;
            let value = moved[[y, x]] * Complex64::from_polar(self.scale, phase);
            Complex32::new(value.re as f32, value.im as f32)
        })
    }
}

/// Multiplies the spectrum by a function of the frequency (y, x) in cycles per pixel.
fn filtered(
    mut field: Array2<Complex64>,
    factor: impl Fn(f64, f64) -> Complex64,
) -> Array2<Complex64> {
    let (height, width) = field.dim();
    let lanes = |field: &mut Array2<Complex64>, inverse: bool| {
        for axis in [0, 1] {
            let length = field.dim().0 * (1 - axis) + field.dim().1 * axis;
            let direction = if inverse { FftDirection::Inverse } else { FftDirection::Forward };
            let plan = double(length, direction);
            for mut lane in field.lanes_mut(ndarray::Axis(axis)) {
                let mut values = lane.to_vec();
                plan.process(&mut values);
                lane.iter_mut().zip(values).for_each(|(target, value)| *target = value);
            }
        }
    };
    lanes(&mut field, false);
    let signed = |i: usize, n: usize| {
        if i < n.div_ceil(2) { i as f64 / n as f64 } else { i as f64 / n as f64 - 1.0 }
    };
    for ((y, x), value) in field.indexed_iter_mut() {
        *value *= factor(signed(y, height), signed(x, width)) / (height * width) as f64;
    }
    lanes(&mut field, true);
    field
}

/// Asserts that two numbers agree.
#[track_caller]
pub fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: found {found}, expected {expected} within {tolerance}"
    );
}
