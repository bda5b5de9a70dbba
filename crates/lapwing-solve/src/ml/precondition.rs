//! The preconditioner of stage 2: the curvature of the likelihood's diagonal and of the prior.
//!
//! ```text
//! M_P = Kp + delta max Kp                                        Kp = sum_j |O_j|^2
//! M_O = kappa + delta max kappa + mu s^2 D^T w D                 kappa = sum_j |P_j|^2
//! ```
//!
//! M_P is diagonal; M_O is inverted by a few conjugate-gradient steps, which need no transform.

use super::prior::curvature;
use super::vector::{add_scaled, dot, scale_and_add};
use lapwing_model::Complex32;

/// Share of the largest diagonal element added to all.
const DAMPING: f32 = 0.001;
/// Conjugate-gradient steps at most, and the residual, relative to the first, at which they end.
const STEPS: usize = 15;
const TOLERANCE: f64 = 1e-4;

pub(crate) struct Preconditioner {
    width: usize,
    /// kappa + delta max kappa on the object's grid.
    object: Vec<f32>,
    /// Kp + delta max Kp (y, x); the same for all modes.
    probe: Vec<f32>,
    /// Curvature of every position's offset; empty where they are not refined.
    positions: Vec<f32>,
    /// mu s^2, and w; `None` without a prior.
    prior: Option<(f32, Vec<f32>)>,
}

impl Preconditioner {
    /// From kappa on the object's grid with rows of `width` pixels, Kp, and mu s^2 with w.
    pub fn new(mut kappa: Vec<f32>, mut kp: Vec<f32>, width: usize, prior: Option<(f32, Vec<f32>)>) -> Self {
        for values in [&mut kappa, &mut kp] {
            let largest = values.iter().fold(0.0_f32, |max, &value| max.max(value));
            let floor = (DAMPING * largest).max(f32::MIN_POSITIVE);
            values.iter_mut().for_each(|value| *value += floor);
        }
        Self { width, object: kappa, probe: kp, positions: Vec::new(), prior }
    }

    /// The same for vectors that end in the offsets of positions with these curvatures, above 0.
    pub fn with_positions(self, positions: Vec<f32>) -> Self {
        Self { positions, ..self }
    }

    /// (kappa + delta max kappa) times an object: the likelihood's part of M_O.
    pub fn object_diagonal_times(&self, object: &[Complex32]) -> Vec<Complex32> {
        object.iter().zip(&self.object).map(|(value, diagonal)| value * diagonal).collect()
    }

    /// v <- M^-1 v for v = (object, probe modes, offsets of positions).
    pub fn solve(&self, v: &mut [Complex32]) {
        let (object, probe) = v.split_at_mut(self.object.len());
        let (probe, offsets) = probe.split_at_mut(probe.len() - self.positions.len());
        offsets.iter_mut().zip(&self.positions).for_each(|(value, curvature)| *value /= curvature);
        for mode in probe.chunks_mut(self.probe.len().max(1)) {
            mode.iter_mut().zip(&self.probe).for_each(|(value, diagonal)| *value /= diagonal);
        }
        match &self.prior {
            None => object.iter_mut().zip(&self.object).for_each(|(value, diagonal)| *value /= diagonal),
            Some((strength, weights)) => self.solve_object(object, *strength, weights),
        }
    }

    /// Conjugate gradients on M_O x = b, from b / B and preconditioned by B, the diagonal with the prior's part doubled.
    fn solve_object(&self, b: &mut [Complex32], strength: f32, weights: &[f32]) {
        let width = self.width;
        let diagonal: Vec<f32> = (0..b.len())
            .map(|i| {
                let left = if i % width > 0 { weights[i - 1] } else { 0.0 };
                let above = if i >= width { weights[i - width] } else { 0.0 };
                self.object[i] + 2.0 * strength * (2.0 * weights[i] + left + above)
            })
            .collect();
        let apply = |x: &[Complex32], out: &mut [Complex32]| {
            curvature(weights, x, width, out, |i, sum, out| *out = x[i] * self.object[i] + sum * strength);
        };
        let divide = |r: &[Complex32]| -> Vec<Complex32> {
            r.iter().zip(&diagonal).map(|(value, diagonal)| value / diagonal).collect()
        };
        let mut x = divide(b);
        let mut image = vec![Complex32::new(0.0, 0.0); b.len()];
        apply(&x, &mut image);
        // b becomes the residual.
        add_scaled(b, -1.0, &image);
        let mut z = divide(b);
        let mut p = z.clone();
        let mut rz = dot(b, &z);
        let enough = TOLERANCE * rz;
        for _ in 0..STEPS {
            if rz <= enough || rz <= 0.0 {
                break;
            }
            apply(&p, &mut image);
            let step = rz / dot(&p, &image);
            add_scaled(&mut x, step, &p);
            add_scaled(b, -step, &image);
            z = divide(b);
            let next = dot(b, &z);
            scale_and_add(&mut p, next / rz, &z);
            rz = next;
        }
        b.copy_from_slice(&x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_its_own_equations() {
        let (width, rows) = (9, 8);
        let n = width * rows;
        let kappa: Vec<f32> = (0..n).map(|i| 1.0 + (i % 5) as f32).collect();
        let weights: Vec<f32> = (0..n).map(|i| 0.2 + 0.1 * (i % 7) as f32).collect();
        let m = Preconditioner::new(kappa, vec![2.0; 4], width, Some((0.5, weights.clone())));
        let x: Vec<Complex32> =
            (0..n + 4).map(|i| Complex32::new((i % 3) as f32, (i % 4) as f32 - 1.0)).collect();
        let mut b = x.clone();
        curvature(&weights, &x[..n], width, &mut b[..n], |i, sum, out| *out = x[i] * m.object[i] + sum * 0.5);
        b[n..].iter_mut().for_each(|value| *value *= 2.002);
        m.solve(&mut b);
        for (found, truth) in b.iter().zip(&x) {
            assert!((found - truth).norm() < 0.02, "{found} and {truth}");
        }
    }
}
