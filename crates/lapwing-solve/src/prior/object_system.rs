//! The curvature of a slice of the object: that of the likelihood's diagonal and of the prior.
//!
//! ```text
//! M_O = kappa + delta max kappa + mu s^2 (C + (a - 1) A^T C A)
//! C = D^T w D + rho L^T L,  kappa = sum_j |P_j|^2
//! ```
//!
//! with A what makes absorption of an object, and a its weight (module
//! [`absorption`](crate::prior)). M_O is inverted by a few conjugate-gradient steps, which need no
//! transform, of fields that are turned so that their real parts are absorption.

use super::ROUGHNESS;
use super::curvature::{ROUGHNESS_DIAGONAL, curvature};
use crate::prior::{Absorption, SplitComplex};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch};
use lapwing_model::Complex32;
use lapwing_model::elementwise::{self, level};
use lapwing_model::parallel::InParallel;

/// Share of the largest diagonal element added to all.
pub(crate) const DAMPING: f32 = 0.001;

/// Adds it.
pub(super) fn damp(diagonal: &mut [f32]) {
    let largest = diagonal.iter().fold(0.0_f32, |max, &value| max.max(value));
    let floor = (DAMPING * largest).max(f32::MIN_POSITIVE);
    diagonal.iter_mut().for_each(|value| *value += floor);
}

/// Conjugate-gradient steps at most, and the residual (r, r / B), relative to the first, at which
/// they end: more exact steps do not speed up the descent.
pub(crate) const STEPS: usize = 15;
const TOLERANCE: f64 = 1e-2;

/// M_O of one slice.
pub(crate) struct ObjectSystem {
    width: usize,
    /// kappa + delta max kappa on the object's grid.
    object: Vec<f32>,
    prior: Option<PriorCurvature>,
}

/// What the preconditioner needs of the prior.
pub(crate) struct PriorCurvature {
    /// mu s^2
    pub strength: f32,
    /// w of every pixel.
    pub weights: Vec<f32>,
    /// Absorption against phase.
    pub absorption: Absorption,
}

/// Fields that solving needs, kept from one time to the next.
#[derive(Default)]
pub(crate) struct Buffers {
    inverse: Vec<f32>,
    residual: SplitComplex,
    x: SplitComplex,
    p: SplitComplex,
    image: SplitComplex,
    unturned: SplitComplex,
}

impl ObjectSystem {
    /// From kappa on the object's grid with rows of `width` pixels, and the prior's curvature.
    pub fn new(mut kappa: Vec<f32>, width: usize, prior: Option<PriorCurvature>) -> Self {
        damp(&mut kappa);
        Self { width, object: kappa, prior }
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        self.object.len()
    }

    /// (kappa + delta max kappa) times an object: the likelihood's part of M_O.
    pub fn diagonal_times(&self, object: &[Complex32]) -> Vec<Complex32> {
        object.iter().zip(&self.object).map(|(value, diagonal)| value * diagonal).collect()
    }

    /// object <- M_O^-1 object
    pub fn solve(&self, object: &mut [Complex32], buffers: &mut Buffers) {
        match &self.prior {
            None => {
                object.iter_mut().zip(&self.object).for_each(|(value, diagonal)| *value /= diagonal)
            }
            Some(prior) => self.solve_object(object, buffers, prior),
        }
    }

    /// Conjugate gradients on M_O x = b, from b / B and preconditioned by B, the diagonal with the
    /// prior's part doubled.
    fn solve_object(&self, b: &mut [Complex32], buffers: &mut Buffers, prior: &PriorCurvature) {
        let width = self.width;
        let Buffers { inverse, residual, x, p, image, unturned } = buffers;
        let diagonals = self.invert_diagonal(inverse, prior);
        for planes in [&mut *residual, x, p, image] {
            planes.resize(b.len(), width);
        }
        residual.read_from(b);
        prior.absorption.turn(residual);
        // Of a row of either part; the parts have one diagonal where both weigh the same.
        let inverse_of = |row: usize| {
            let row = row * diagonals / 2;
            &inverse[row * width..(row + 1) * width]
        };
        // p <- r / B + factor p; without a factor, what p holds counts for nothing.
        let update_direction =
            |p: &mut SplitComplex, residual: &SplitComplex, factor: Option<f32>| {
                p.sum_by_rows(|first, p| {
                    let rows = p
                        .chunks_exact_mut(width)
                        .zip(residual.task(first).chunks_exact(width))
                        .enumerate();
                    for (index, (p, r)) in rows {
                        let inverse = inverse_of(2 * first + index);
                        dispatch!(level(), _ => match factor {
                            None => set_quotient(p, r, inverse),
                            Some(factor) => scale_and_add_quotient(p, factor, r, inverse),
                        });
                    }
                    0.0
                })
            };
        // r <- r - step image, and Re <r, r / B>
        let reduce = |residual: &mut SplitComplex, image: &SplitComplex, step: f32| {
            residual.sum_by_rows(|first, r| {
                let rows = r.chunks_exact_mut(width).zip(image.task(first).chunks_exact(width)).enumerate();
                let sums = rows.map(|(index, (r, image))| {
                    dispatch!(level(), simd => subtract(simd, r, image, step, inverse_of(2 * first + index)))
                });
                sums.sum()
            })
        };
        update_direction(x, residual, None);
        self.apply(x, (image, unturned), prior);
        let mut rz = reduce(residual, image, 1.0);
        update_direction(p, residual, None);
        let enough = TOLERANCE * rz;
        for _ in 0..STEPS {
            if rz <= enough || rz <= 0.0 {
                break;
            }
            let step = (rz / self.apply(p, (image, unturned), prior)) as f32;
            x.sum_by_rows(|first, x| {
                dispatch!(level(), _ => add_multiple(x, p.task(first), step));
                0.0
            });
            let next = reduce(residual, image, step);
            update_direction(p, residual, Some((next / rz) as f32));
            rz = next;
        }
        prior.absorption.turn_back(x);
        x.write_to(b);
    }

    /// inverse <- 1 / B, B the diagonal of M_O with the prior's part doubled; at the edges as if
    /// the object continued. Rows of both parts in turn where they differ; returns how many there
    /// are for a row of the object.
    fn invert_diagonal(&self, inverse: &mut Vec<f32>, prior: &PriorCurvature) -> usize {
        let (width, weights) = (self.width, &prior.weights);
        let strengths = prior.absorption.weights().map(|weight| weight * prior.strength);
        let diagonals = if prior.absorption.is_even() { 1 } else { 2 };
        inverse.resize(diagonals * self.object.len(), 0.0);
        inverse.chunks_mut(width).enumerate().in_parallel().for_each(|(row, inverse)| {
            let (y, strength) = (row / diagonals, strengths[row % diagonals]);
            let here = &weights[y * width..(y + 1) * width];
            let rows = inverse.iter_mut().zip(here);
            let rough = ROUGHNESS * ROUGHNESS_DIAGONAL;
            rows.for_each(|(sum, weight)| *sum = 2.0 * weight + rough);
            inverse[1..].iter_mut().zip(here).for_each(|(sum, left)| *sum += left);
            if y > 0 {
                let above = &weights[(y - 1) * width..y * width];
                inverse.iter_mut().zip(above).for_each(|(sum, above)| *sum += above);
            }
            let diagonal = &self.object[y * width..(y + 1) * width];
            let rows = inverse.iter_mut().zip(diagonal);
            rows.for_each(|(value, diagonal)| *value = 1.0 / (diagonal + 2.0 * strength * *value));
        });
        diagonals
    }

    /// image <- M_O p; returns Re <p, image>. `unturned` is overwritten.
    fn apply(
        &self,
        p: &SplitComplex,
        (image, unturned): (&mut SplitComplex, &mut SplitComplex),
        prior: &PriorCurvature,
    ) -> f64 {
        let PriorCurvature { strength, weights, absorption } = prior;
        let width = self.width;
        let absorbed = absorption.excess().map(|(excess, _)| (excess, p.real()));
        let mut field = p;
        if absorbed.is_some() {
            unturned.clone_from(p);
            absorption.turn_back(unturned);
            field = unturned;
        }
        image.sum_by_rows(|first, rows| {
            curvature(weights, field, first, rows);
            if let Some((excess, along)) = &absorbed {
                absorption.turn_rows(first, rows);
                let mut of_along = vec![0.0; rows.len() / 2];
                curvature(weights, along, first, &mut of_along);
                let both = rows.chunks_exact_mut(2 * width).zip(of_along.chunks_exact(width));
                for (rows, of_along) in both {
                    dispatch!(level(), _ => add_multiple(&mut rows[..width], of_along, *excess));
                }
            }
            let mut sum = 0.0;
            for (index, out) in rows.chunks_exact_mut(width).enumerate() {
                let (y, part) = (first + index / 2, index % 2);
                let diagonal = &self.object[y * width..(y + 1) * width];
                sum += dispatch!(level(), simd => {
                    finish_product(simd, out, *strength, p.row(y, part), diagonal)
                });
            }
            sum
        })
    }
}

/// out <- strength out + diagonal p; returns sum p out.
#[inline(always)]
fn finish_product<S: Simd>(
    simd: S,
    out: &mut [f32],
    strength: f32,
    p: &[f32],
    diagonal: &[f32],
) -> f64 {
    let strength = simd.splat_f32x8(strength);
    let [sum] = elementwise::update(
        simd,
        (p, diagonal, out),
        #[inline(always)]
        |p, diagonal, out| {
            let product = strength.mul_add(out, diagonal * p);
            (product, [p * product])
        },
    );
    sum
}

/// r <- r - step image; returns sum r^2 inverse.
#[inline(always)]
fn subtract<S: Simd>(simd: S, r: &mut [f32], image: &[f32], step: f32, inverse: &[f32]) -> f64 {
    let step = simd.splat_f32x8(step);
    let [sum] = elementwise::update(
        simd,
        (image, inverse, r),
        #[inline(always)]
        |image, inverse, r| {
            let rest = r - step * image;
            (rest, [rest * rest * inverse])
        },
    );
    sum
}

/// p <- r inverse
#[inline(always)]
fn set_quotient(p: &mut [f32], r: &[f32], inverse: &[f32]) {
    for ((p, r), inverse) in p.iter_mut().zip(r).zip(inverse) {
        *p = r * inverse;
    }
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
    use crate::prior::{Jumps, Prior, Weights};

    #[test]
    fn solves_its_own_equations() {
        let (width, rows) = (9, 8);
        let n = width * rows;
        let kappa: Vec<f32> = (0..n).map(|i| 1.0 + (i % 5) as f32).collect();
        let weights: Vec<f32> = (0..n).map(|i| 0.2 + 0.1 * (i % 7) as f32).collect();
        let prior = || {
            let absorption = Absorption::AS_PHASE;
            PriorCurvature { strength: 0.5, weights: weights.clone(), absorption }
        };
        let m = ObjectSystem::new(kappa, width, Some(prior()));
        let x: Vec<Complex32> =
            (0..n).map(|i| Complex32::new((i % 3) as f32, (i % 4) as f32 - 1.0)).collect();
        let mut b = x.clone();
        let planes = SplitComplex::of(&x, width);
        let mut image = planes.clone();
        let product = m.apply(&planes, (&mut image, &mut SplitComplex::default()), &prior());
        image.write_to(&mut b);
        let dot: f64 = x.iter().zip(&b).map(|(x, b)| f64::from(x.re * b.re + x.im * b.im)).sum();
        assert!((product / dot - 1.0).abs() < 1e-5);
        let mut buffers = Buffers::default();
        let mut solved = b.clone();
        m.solve(&mut solved, &mut buffers);
        // (r, r / B) of an approximate solution, B from the equations applied to every unit vector.
        let unit = |i: usize| {
            SplitComplex::of(
                &(0..n).map(|j| Complex32::from(f32::from(i == j))).collect::<Vec<_>>(),
                width,
            )
        };
        let diagonal: Vec<f32> = (0..n)
            .map(|i| {
                let mut image = unit(i);
                m.apply(&unit(i), (&mut image, &mut SplitComplex::default()), &prior());
                2.0 * image.row(i / width, 0)[i % width] - m.object[i]
            })
            .collect();
        for (i, (inverse, diagonal)) in buffers.inverse.iter().zip(&diagonal).enumerate() {
            let inside = |at: usize, of: usize| (2..of - 2).contains(&at);
            match inside(i % width, width) && inside(i / width, rows) {
                true => {
                    assert!((inverse * diagonal - 1.0).abs() < 1e-5, "{inverse} and {diagonal}")
                }
                // Pixels at the edges have fewer neighbours than B counts.
                false => assert!(inverse * diagonal < 1.0 + 1e-5, "{inverse} and {diagonal}"),
            }
        }
        let rest = |x: &[Complex32]| -> f32 {
            let mut image = vec![Complex32::ZERO; n];
            let mut planes = SplitComplex::of(x, width);
            let field = SplitComplex::of(x, width);
            m.apply(&field, (&mut planes, &mut SplitComplex::default()), &prior());
            planes.write_to(&mut image);
            image
                .iter()
                .zip(&b)
                .zip(&buffers.inverse)
                .map(|((image, b), d)| (b - image).norm_sqr() * d)
                .sum()
        };
        let first: Vec<Complex32> = b.iter().zip(&buffers.inverse).map(|(b, d)| b * d).collect();
        let (before, after) = (rest(&first), rest(&solved));
        assert!(f64::from(after) <= TOLERANCE * f64::from(before), "{before} and {after}");
    }

    #[test]
    fn solves_equations_in_which_absorption_weighs_more() {
        let (width, n) = (9, 72);
        let random = |seed: usize, i: usize| ((i * 7919 + seed * 104_729) % 97) as f32 / 97.0 - 0.5;
        let x: Vec<Complex32> =
            (0..n).map(|i| Complex32::new(1.0 + random(1, i), 0.7 + random(2, i))).collect();
        let directions =
            Absorption::directions(&SplitComplex::of(&x, width), &[1.0; 72], 1e3, false);
        let absorption = Absorption::new(4.0, &directions);
        let weights: Vec<f32> = (0..n).map(|i| 0.6 + random(3, i)).collect();
        let kappa: Vec<f32> = (0..n).map(|i| 1.5 + random(4, i)).collect();
        let strength = 0.5;
        let prior = PriorCurvature { strength, weights, absorption: absorption.clone() };
        let m = ObjectSystem::new(kappa, width, Some(prior));
        let prior = m.prior.as_ref().unwrap();
        let (field, spare) = (SplitComplex::of(&x, width), &mut SplitComplex::default());
        let (mut turned, mut image) = (field.clone(), field.clone());
        absorption.turn(&mut turned);
        m.apply(&turned, (&mut image, spare), prior);
        absorption.turn_back(&mut image);
        // The gradient of a prior of that curvature, and the diagonal.
        let weights = Weights { weights: prior.weights.clone(), value: 0.0, weighted_power: 0.0 };
        let of_prior =
            Prior { strength: strength.into(), edge: 1.0, jumps: Jumps::Linear, absorption };
        let mut expected = vec![Complex32::ZERO; n];
        of_prior.gradient(&weights, &field, 1.0, &mut expected);
        let of_diagonal = m.diagonal_times(&x);
        expected.iter_mut().zip(&of_diagonal).for_each(|(sum, value)| *sum += value);
        let mut found = vec![Complex32::ZERO; n];
        image.write_to(&mut found);
        let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.norm()));
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).norm() < 1e-5 * largest));
        let mut solved = expected;
        m.solve(&mut solved, &mut Buffers::default());
        let error: f32 = solved.iter().zip(&x).map(|(found, x)| (found - x).norm_sqr()).sum();
        let scale: f32 = x.iter().map(|x| x.norm_sqr()).sum();
        assert!(error < 1e-3 * scale, "{error} of {scale}");
    }
}
