//! The preconditioner of stage 2: the curvature of the likelihood's diagonal and of the prior.
//!
//! ```text
//! M_P = Kp + delta max Kp                                        Kp = sum_j |O_j|^2
//! M_O = kappa + delta max kappa + mu s^2 D^T w D                 kappa = sum_j |P_j|^2
//! ```
//!
//! M_P is diagonal; M_O is inverted by a few conjugate-gradient steps, which need no transform.

use super::prior::curvature;
use crate::planes::Planes;
use fearless_simd::dispatch;
use lapwing_model::Complex32;
use lapwing_model::elementwise::level;
use rayon::prelude::*;

/// Share of the largest diagonal element added to all.
const DAMPING: f32 = 0.001;
/// Conjugate-gradient steps at most, and the residual (r, r / B), relative to the first, at which they end: a descent that is exact to less gains
/// nothing by more.
const STEPS: usize = 15;
const TOLERANCE: f64 = 1e-2;

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
        let inverse = self.inverse_diagonal(strength, weights);
        let residual = Planes::of(b, width);
        let mut z = residual.clone();
        let inverse_of = |y: usize| &inverse[y * width..(y + 1) * width];
        z.sum_by_rows(|first, z| {
            for (index, z) in z.chunks_exact_mut(width).enumerate() {
                z.iter_mut().zip(inverse_of(first + index / 2)).for_each(|(z, inverse)| *z *= inverse);
            }
            0.0
        });
        let mut x = z.clone();
        let mut image = residual.clone();
        self.apply(&x, &mut image, strength, weights);
        let mut residual = residual;
        // r <- r - step image, and Re <r, r / B>
        let reduce = |residual: &mut Planes, image: &Planes, step: f32| {
            residual.sum_by_rows(|first, r| {
                let rows = r.chunks_exact_mut(width).zip(image.task(first).chunks_exact(width)).enumerate();
                let sums = rows.map(|(index, (r, image))| {
                    dispatch!(level(), _ => subtract(r, image, step, inverse_of(first + index / 2)))
                });
                sums.sum()
            })
        };
        // p <- r / B + factor p
        let turn = |p: &mut Planes, residual: &Planes, factor: f32| {
            p.sum_by_rows(|first, p| {
                let rows = p.chunks_exact_mut(width).zip(residual.task(first).chunks_exact(width)).enumerate();
                for (index, (p, r)) in rows {
                    dispatch!(level(), _ => scale_and_add_quotient(p, factor, r, inverse_of(first + index / 2)));
                }
                0.0
            })
        };
        let mut rz = reduce(&mut residual, &image, 1.0);
        let mut p = z;
        turn(&mut p, &residual, 0.0);
        let enough = TOLERANCE * rz;
        for _ in 0..STEPS {
            if rz <= enough || rz <= 0.0 {
                break;
            }
            let step = (rz / self.apply(&p, &mut image, strength, weights)) as f32;
            x.sum_by_rows(|first, x| {
                dispatch!(level(), _ => add_multiple(x, p.task(first), step));
                0.0
            });
            let next = reduce(&mut residual, &image, step);
            turn(&mut p, &residual, (next / rz) as f32);
            rz = next;
        }
        x.write_to(b);
    }

    /// 1 / B, B the diagonal of M_O with the prior's part doubled.
    fn inverse_diagonal(&self, strength: f32, weights: &[f32]) -> Vec<f32> {
        let width = self.width;
        let mut inverse = vec![0.0; self.object.len()];
        inverse.par_chunks_mut(width).enumerate().for_each(|(y, inverse)| {
            let here = &weights[y * width..(y + 1) * width];
            let rows = inverse.iter_mut().zip(here);
            rows.for_each(|(sum, weight)| *sum = 2.0 * weight);
            inverse[1..].iter_mut().zip(here).for_each(|(sum, left)| *sum += left);
            if y > 0 {
                let above = &weights[(y - 1) * width..y * width];
                inverse.iter_mut().zip(above).for_each(|(sum, above)| *sum += above);
            }
            let diagonal = &self.object[y * width..(y + 1) * width];
            let rows = inverse.iter_mut().zip(diagonal);
            rows.for_each(|(value, diagonal)| *value = 1.0 / (diagonal + 2.0 * strength * *value));
        });
        inverse
    }

    /// image <- M_O p; returns Re <p, image>.
    fn apply(&self, p: &Planes, image: &mut Planes, strength: f32, weights: &[f32]) -> f64 {
        let width = self.width;
        image.sum_by_rows(|first, rows| {
            let mut sum = 0.0;
            for (index, out) in rows.chunks_exact_mut(width).enumerate() {
                let (y, part) = (first + index / 2, index % 2);
                let diagonal = &self.object[y * width..(y + 1) * width];
                sum += dispatch!(level(), _ => {
                    curvature(weights, p, (y, part), out);
                    finish_product(out, strength, p.row(y, part), diagonal)
                });
            }
            sum
        })
    }
}

/// Numbers that are summed in single precision before they are added in double.
const RUN: usize = 128;
/// Independent partial sums, so that the compiler may use vectors.
const LANES: usize = 8;

/// out <- strength out + diagonal p; returns sum p out.
#[inline(always)]
fn finish_product(out: &mut [f32], strength: f32, p: &[f32], diagonal: &[f32]) -> f64 {
    let mut total = 0.0;
    for ((out, p), diagonal) in out.chunks_mut(RUN).zip(p.chunks(RUN)).zip(diagonal.chunks(RUN)) {
        let mut sums = [0.0_f32; LANES];
        let eights = out.chunks_mut(LANES).zip(p.chunks(LANES)).zip(diagonal.chunks(LANES));
        for ((out, p), diagonal) in eights {
            for (((out, p), diagonal), sum) in out.iter_mut().zip(p).zip(diagonal).zip(&mut sums) {
                *out = strength * *out + diagonal * p;
                *sum += *out * p;
            }
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}

/// r <- r - step image; returns sum r^2 inverse.
#[inline(always)]
fn subtract(r: &mut [f32], image: &[f32], step: f32, inverse: &[f32]) -> f64 {
    let mut total = 0.0;
    for ((r, image), inverse) in r.chunks_mut(RUN).zip(image.chunks(RUN)).zip(inverse.chunks(RUN)) {
        let mut sums = [0.0_f32; LANES];
        let eights = r.chunks_mut(LANES).zip(image.chunks(LANES)).zip(inverse.chunks(LANES));
        for ((r, image), inverse) in eights {
            for (((r, image), inverse), sum) in r.iter_mut().zip(image).zip(inverse).zip(&mut sums) {
                *r -= step * image;
                *sum += *r * *r * inverse;
            }
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}

/// p <- r inverse + factor p
#[inline(always)]
fn scale_and_add_quotient(p: &mut [f32], factor: f32, r: &[f32], inverse: &[f32]) {
    for ((p, r), inverse) in p.iter_mut().zip(r).zip(inverse) {
        *p = r * inverse + factor * *p;
    }
}

/// x <- x + step p
#[inline(always)]
fn add_multiple(x: &mut [f32], p: &[f32], step: f32) {
    for (x, p) in x.iter_mut().zip(p) {
        *x += step * p;
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
        let planes = Planes::of(&x[..n], width);
        let mut image = planes.clone();
        let product = m.apply(&planes, &mut image, 0.5, &weights);
        image.write_to(&mut b[..n]);
        let dot: f64 = x.iter().zip(&b[..n]).map(|(x, b)| f64::from(x.re * b.re + x.im * b.im)).sum();
        assert!((product / dot - 1.0).abs() < 1e-5);
        b[n..].iter_mut().for_each(|value| *value *= 2.002);
        m.solve(&mut b);
        for (found, truth) in b.iter().zip(&x) {
            assert!((found - truth).norm() < 0.15, "{found} and {truth}");
        }
    }
}
