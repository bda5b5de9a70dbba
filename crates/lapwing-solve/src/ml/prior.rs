//! A weak edge-preserving prior on the object that does not change under O -> c O, P -> P / c.
//!
//! `R = mu sum_x 2 h (sqrt(s^2 |grad O|^2 + h^2) - h)` with forward differences and s^2 = sum |P|^2 / C, C the mean counts per
//! pattern: quadratic for differences below h, linear above. s^2 carries the scale, so its derivative with respect to
//! the probe belongs to the gradient; without it the object would shrink and switch the prior off.

use lapwing_model::Complex32;
use rayon::prelude::*;

/// Strength and shape of the prior.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    /// mu, in units of the likelihood: photons.
    pub strength: f64,
    /// h, the difference between neighbouring pixels above which edges are spared.
    pub edge: f64,
}

/// The prior at one object: its value, its curvature weights and what its gradient needs.
pub(crate) struct Weights {
    /// w = h / sqrt(s^2 |grad O|^2 + h^2) for every pixel.
    pub weights: Vec<f32>,
    /// R
    pub value: f64,
    /// sum_x w |grad O|^2
    pub weighted_power: f64,
}

impl Prior {
    /// Evaluates the prior at `object`, whose rows have `width` pixels.
    pub fn weights(self, object: &[Complex32], width: usize, s2: f64) -> Weights {
        let (edge, s2) = (self.edge as f32, s2 as f32);
        let mut weights = vec![0.0_f32; object.len()];
        let rows: Vec<(f64, f64)> = weights
            .par_chunks_mut(width)
            .enumerate()
            .map(|(y, weights)| {
                let (row, below) = (&object[y * width..(y + 1) * width], object.get((y + 1) * width..));
                let (mut value, mut power) = (0.0_f64, 0.0_f64);
                for (x, weight) in weights.iter_mut().enumerate() {
                    let right = row.get(x + 1).map_or(0.0, |next| (next - row[x]).norm_sqr());
                    let down =
                        below.and_then(|rows| rows.get(x)).map_or(0.0, |next| (next - row[x]).norm_sqr());
                    let gradient = right + down;
                    let root = (s2 * gradient + edge * edge).sqrt();
                    *weight = edge / root;
                    value += f64::from(root - edge);
                    power += f64::from(*weight * gradient);
                }
                (value, power)
            })
            .collect();
        let (value, power) = rows.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        Weights { weights, value: 2.0 * self.strength * self.edge * value, weighted_power: power }
    }
}

/// out[y, x] <- f(index, (D^T w D v)[y, x]), D forward differences: the prior's curvature applied to `v`.
pub(crate) fn curvature(
    weights: &[f32],
    v: &[Complex32],
    width: usize,
    out: &mut [Complex32],
    f: impl Fn(usize, Complex32, &mut Complex32) + Sync,
) {
    out.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        let at = y * width;
        let rows = v.len() / width;
        for (x, out) in out.iter_mut().enumerate() {
            let i = at + x;
            let mut sum = Complex32::new(0.0, 0.0);
            if x > 0 {
                sum += (v[i] - v[i - 1]) * weights[i - 1];
            }
            if x + 1 < width {
                sum += (v[i] - v[i + 1]) * weights[i];
            }
            if y > 0 {
                sum += (v[i] - v[i - width]) * weights[i - width];
            }
            if y + 1 < rows {
                sum += (v[i] - v[i + width]) * weights[i];
            }
            f(i, sum, out);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    const WIDTH: usize = 7;
    const PRIOR: Prior = Prior { strength: 20.0, edge: 0.05 };

    fn random(seed: u64) -> Vec<Complex32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..5 * WIDTH)
            .map(|_| Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
            .collect()
    }

    #[test]
    fn gradient_is_that_of_the_value_by_finite_differences() {
        let (object, along, s2) = (random(1), random(2), 0.8);
        let at = PRIOR.weights(&object, WIDTH, s2);
        let mut gradient = random(3);
        curvature(&at.weights, &object, WIDTH, &mut gradient, |_, sum, out| {
            *out = sum * (PRIOR.strength * s2) as f32;
        });
        let moved = |t: f32| -> f64 {
            let object: Vec<Complex32> = object.iter().zip(&along).map(|(o, d)| o + d * t).collect();
            PRIOR.weights(&object, WIDTH, s2).value
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let predicted: f64 =
            gradient.iter().zip(&along).map(|(g, d)| 2.0 * f64::from(g.re * d.re + g.im * d.im)).sum();
        assert!((slope - predicted).abs() < 2e-3 * slope.abs(), "{slope} and {predicted}");
        // dR/d(s^2) = mu sum w |grad O|^2
        let (more, less) =
            (PRIOR.weights(&object, WIDTH, s2 + 1e-3), PRIOR.weights(&object, WIDTH, s2 - 1e-3));
        let slope = (more.value - less.value) / 2e-3;
        assert!((slope - PRIOR.strength * at.weighted_power).abs() < 1e-3 * slope.abs());
    }

    #[test]
    fn a_change_of_scale_changes_nothing() {
        let object = random(1);
        let scaled: Vec<Complex32> = object.iter().map(|value| value * 3.0).collect();
        let (a, b) = (PRIOR.weights(&object, WIDTH, 1.0), PRIOR.weights(&scaled, WIDTH, 1.0 / 9.0));
        assert!((a.value / b.value - 1.0).abs() < 1e-5);
    }
}
