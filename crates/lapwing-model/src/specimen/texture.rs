//! Random texture with a power-law spectrum: the look of amorphous and biological matter.

use crate::Complex32;
use crate::fft::{Fft2, frequency};
use crate::random::generator;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

/// A texture: single numbers, and what they are to be multiplied by.
pub(super) struct Texture {
    values: Array2<f32>,
    scale: f64,
}

impl Texture {
    /// The value at (y, x).
    pub fn at(&self, place: (usize, usize)) -> f64 {
        f64::from(self.values[place]) * self.scale
    }
}

/// White noise filtered to a spectral density of (q^2 + q_0^2)^(-slope / 2) exp(-(pi blur q)^2),
/// mean 0, variance 1.
///
/// `coarsest` = 1 / q_0 is the size of the largest features, `blur` that of the smallest, both in
/// pixels. A texture that cannot vary (one pixel) is 0. Draws from generator `name`.
pub(super) fn texture(
    (rows, columns): (usize, usize),
    slope: f64,
    coarsest: f64,
    blur: f64,
    seed: u64,
    name: &str,
) -> Texture {
    let mut draws = generator(seed, name, 0);
    let mut field: Vec<Complex32> = (0..rows * columns)
        .map(|_| {
            let value: f64 = StandardNormal.sample(&mut draws);
            Complex32::new(value as f32, 0.0)
        })
        .collect();
    let fft = Fft2::new((rows, columns));
    let mut scratch = vec![Complex32::default(); fft.scratch_len()];
    let mut spectrum = field.clone();
    fft.forward(&mut field, &mut spectrum, &mut scratch);
    for (u_x, column) in spectrum.chunks_exact_mut(rows).enumerate() {
        for (u_y, value) in column.iter_mut().enumerate() {
            let q2 = frequency(u_y, rows).powi(2) + frequency(u_x, columns).powi(2);
            let density = (q2 + coarsest.powi(-2)).powf(-slope / 2.0);
            let low_pass = (-(std::f64::consts::PI * blur).powi(2) * q2).exp();
            *value *= (density.sqrt() * low_pass) as f32;
        }
    }
    spectrum[0] = Complex32::default();
    fft.inverse(&mut spectrum, &mut field, &mut scratch);
    let power: f64 =
        field.iter().map(|v| f64::from(v.re).powi(2)).sum::<f64>() / field.len() as f64;
    let scale = if power > 1e-12 { 1.0 / power.sqrt() } else { 0.0 };
    drop(spectrum);
    let values = Array2::from_shape_fn((rows, columns), |(y, x)| field[y * columns + x].re);
    Texture { values, scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texture(
        shape: (usize, usize),
        slope: f64,
        coarsest: f64,
        blur: f64,
        seed: u64,
        name: &str,
    ) -> Array2<f64> {
        let made = super::texture(shape, slope, coarsest, blur, seed, name);
        Array2::from_shape_fn(shape, |at| made.at(at))
    }

    #[test]
    fn texture_is_normalised_and_smooth_at_its_blur() {
        for blur in [0.5, 3.0] {
            let field = texture((80, 96), 2.5, 40.0, blur, 1, "test");
            let n = field.len() as f64;
            assert!((field.sum() / n).abs() < 1e-4);
            assert!((field.mapv(|v| v * v).sum() / n - 1.0).abs() < 1e-4);
        }
        let step = |blur: f64| {
            let field = texture((80, 96), 2.5, 40.0, blur, 1, "test");
            field.windows((1, 2)).into_iter().map(|w| (w[(0, 1)] - w[(0, 0)]).powi(2)).sum::<f64>()
        };
        assert!(step(3.0) < 0.2 * step(0.5));
    }
}
