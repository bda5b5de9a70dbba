//! A weak edge-preserving prior on the object that does not change under O -> c O, P -> P / c.
//!
//! ```text
//! R = mu sum_x f(s^2 |grad O|^2) + mu rho s^2 |L O|^2
//! f(t) = 2 h (sqrt(t + h^2) - h)              linear
//! f(t) = 2 H^2 (1 - H / sqrt(t + H^2))        bounded, H = 2 h
//! ```
//!
//! with forward differences, L the Laplacian of each pixel and its four neighbours, and
//! s^2 = sum |P|^2 / C, C the mean counts per pattern. Where absorption A weighs a times as much as
//! phase (module `absorption`), (a - 1) (grad A)^2 is added to |grad O|^2, and (a - 1) (L A)^2 to
//! |L O|^2. The first term is quadratic for differences below h and spares edges above:
//! there it grows linearly, or towards a bound, which takes nothing off the contrast of a sharp
//! edge but has many minima. The second, weak, acts on the finest detail alone, about which
//! counts have least information, and where the first spares noise near edges. s^2 carries the
//! scale, so its derivative with respect to the probe belongs to the gradient; without it the
//! object would shrink and switch the prior off.

mod absorption;
mod curvature;
mod held;
mod object_system;
mod precondition;
mod smooth;
mod split_complex;

pub(crate) use absorption::Absorption;
pub(crate) use curvature::curvature;
pub(crate) use held::{Draw, HeldPrior};
pub(crate) use object_system::{Buffers, ObjectSystem, PriorCurvature};
#[cfg(feature = "gpu")]
pub(crate) use object_system::{DAMPING, STEPS};
pub(crate) use precondition::CurvatureSystem;
pub(crate) use smooth::smooth;
pub(crate) use split_complex::SplitComplex;

use crate::choice;
use fearless_simd::dispatch;
use lapwing_model::Complex32;
use lapwing_model::elementwise::level;
use lapwing_model::parallel::InParallel;

choice! {
    /// How the prior grows with differences far above its edge.
    pub enum Jumps {
        /// In proportion.
        Linear = "linear",
        /// Towards a bound.
        Bounded = "bounded",
    }
}

impl Jumps {
    /// The difference around which the prior turns from quadratic, in edges: with twice as large a
    /// one the bounded prior weighs small differences as the linear one does.
    pub fn turn(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Bounded => 2.0,
        }
    }
}

/// Strength and shape of the prior.
#[derive(Debug, Clone)]
pub(crate) struct Prior {
    /// mu, in units of the likelihood: photons.
    pub strength: f64,
    /// h, the difference between neighbouring pixels above which edges are spared.
    pub edge: f64,
    /// How it grows with differences above.
    pub jumps: Jumps,
    /// Absorption against phase.
    pub absorption: Absorption,
}

/// rho, the share of the strength that acts on second differences.
pub(crate) const ROUGHNESS: f32 = 0.2;

/// The prior at one object: its value, its curvature weights and what its gradient needs.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// w = df/dt for every pixel: h / sqrt(t + h^2), or the cube of H / sqrt(t + H^2).
    pub weights: Vec<f32>,
    /// R
    pub value: f64,
    /// sum_x w |grad O|^2 + rho |L O|^2, each with what absorption weighs more
    pub weighted_power: f64,
}

/// Numbers that are summed in single precision before they are added in double.
const RUN: usize = 128;
/// Independent partial sums, so that the compiler may use vectors.
const LANES: usize = 8;

impl Prior {
    /// Evaluates the prior at `object`.
    pub fn weights(&self, object: &SplitComplex, s2: f64) -> Weights {
        let edge = self.edge * self.jumps.turn();
        let s2 = s2 as f32;
        let (width, rows) = (object.width(), object.rows());
        let absorbed = self.absorption.excess();
        let absorbed = absorbed.map(|(excess, directions)| (excess, object.along(directions)));
        let mut weights = vec![0.0_f32; width * rows];
        let sums: Vec<(f64, f64, f64)> =
            weights.chunks_mut(width).enumerate().in_parallel().map(|(y, weights)| {
                // |grad O|^2 first.
                let mut add = |field: &SplitComplex, part, factor| {
                    let row = field.row(y, part);
                    let below = if y + 1 < rows { field.row(y + 1, part) } else { row };
                    dispatch!(level(), _ => add_squares(weights, factor, row, below));
                };
                add(object, 0, 1.0);
                add(object, 1, 1.0);
                let mut rough = curvature::roughness(object, y);
                if let Some((excess, along)) = &absorbed {
                    add(along, 0, *excess);
                    rough += f64::from(*excess) * curvature::roughness(along, y);
                }
                let (value, power) = match self.jumps {
                    Jumps::Linear => {
                        dispatch!(level(), _ => weigh(weights, s2, edge as f32, linear))
                    }
                    Jumps::Bounded => {
                        dispatch!(level(), _ => weigh(weights, s2, edge as f32, bounded))
                    }
                };
                (value, power, rough)
            });
        let [value, power, rough] = sums.iter().fold([0.0; 3], |sum, row| {
            [sum[0] + row.0, sum[1] + row.1, sum[2] + f64::from(ROUGHNESS) * row.2]
        });
        let value = 2.0 * edge * value + f64::from(s2) * rough;
        Weights { weights, value: self.strength * value, weighted_power: power + rough }
    }

    /// Gradient with respect to the conjugate object, of what was evaluated at `object`.
    pub fn gradient(
        &self,
        at: &Weights,
        object: &SplitComplex,
        s2: f64,
        gradient: &mut [Complex32],
    ) {
        let (width, strength) = (object.width(), (self.strength * s2) as f32);
        let absorbed = self.absorption.excess().map(|excess| (excess, object.along(excess.1)));
        let mut planes = object.clone();
        planes.sum_by_rows(|first, rows| {
            curvature(&at.weights, object, first, rows);
            if let Some(((excess, directions), along)) = &absorbed {
                // d Re(conj(U) O) / d conj(O) = U / 2
                let mut of_along = vec![0.0; rows.len() / 2];
                curvature(&at.weights, along, first, &mut of_along);
                let both = rows.chunks_exact_mut(2 * width);
                let both = both.zip(directions.task(first).chunks_exact(2 * width));
                for ((sums, directions), by) in both.zip(of_along.chunks_exact(width)) {
                    for part in [0..width, width..2 * width] {
                        let (sums, directions) = (&mut sums[part.clone()], &directions[part]);
                        dispatch!(level(), _ => add_products(sums, *excess, directions, by));
                    }
                }
            }
            rows.iter_mut().for_each(|value| *value *= strength);
            0.0
        });
        planes.write_to(gradient);
    }

    /// Its curvature at what was evaluated, for the preconditioner.
    pub fn curvature(self, at: Weights, s2: f64) -> PriorCurvature {
        PriorCurvature {
            strength: (self.strength * s2) as f32,
            weights: at.weights,
            absorption: self.absorption,
        }
    }
}

/// sums <- sums + factor times a times b
#[inline(always)]
fn add_products(sums: &mut [f32], factor: f32, a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += factor * a * b;
    }
}

/// squares <- squares + factor times the squared differences of `row` to the right and downwards.
#[inline(always)]
fn add_squares(squares: &mut [f32], factor: f32, row: &[f32], below: &[f32]) {
    for ((square, a), b) in squares.iter_mut().zip(row).zip(&row[1..]) {
        *square += factor * ((b - a) * (b - a));
    }
    for ((square, a), b) in squares.iter_mut().zip(row).zip(below) {
        *square += factor * ((b - a) * (b - a));
    }
}

/// f / (2 h) and w of h and sqrt(s^2 |grad O|^2 + h^2).
#[inline(always)]
fn linear(edge: f32, root: f32) -> (f32, f32) {
    (root - edge, edge / root)
}

/// The same of H.
#[inline(always)]
fn bounded(edge: f32, root: f32) -> (f32, f32) {
    let ratio = edge / root;
    (edge - edge * ratio, ratio * ratio * ratio)
}

/// Replaces |grad O|^2 by w, and returns sum f / (2 h) and sum w |grad O|^2.
#[inline(always)]
fn weigh(
    squares: &mut [f32],
    s2: f32,
    edge: f32,
    of: impl Fn(f32, f32) -> (f32, f32),
) -> (f64, f64) {
    let mut totals = (0.0, 0.0);
    for run in squares.chunks_mut(RUN) {
        let (mut values, mut powers) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        for eight in run.chunks_mut(LANES) {
            for ((square, value), power) in eight.iter_mut().zip(&mut values).zip(&mut powers) {
                let root = (s2 * *square + edge * edge).sqrt();
                let (of_value, weight) = of(edge, root);
                *value += of_value;
                *power += weight * *square;
                *square = weight;
            }
        }
        totals.0 += values.iter().map(|&value| f64::from(value)).sum::<f64>();
        totals.1 += powers.iter().map(|&power| f64::from(power)).sum::<f64>();
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use std::sync::Arc;

    const WIDTH: usize = 7;
    const PRIOR: Prior = Prior {
        strength: 20.0,
        edge: 0.05,
        jumps: Jumps::Linear,
        absorption: Absorption::AS_PHASE,
    };

    fn random(seed: u64) -> Vec<Complex32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..5 * WIDTH)
            .map(|_| Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
            .collect()
    }

    fn absorption(weight: f64, object: &SplitComplex) -> Absorption {
        Absorption::new(weight, &Absorption::directions(object, &[1.0; 5 * WIDTH], 1e3, false))
    }

    #[test]
    fn gradient_is_that_of_the_value_by_finite_differences() {
        for weight in [1.0, 4.0] {
            let absorption = absorption(weight, &SplitComplex::of(&random(4), WIDTH));
            // With an edge that the differences do not dwarf: far above it nothing changes.
            let bounded = Prior { edge: 0.4, jumps: Jumps::Bounded, ..PRIOR };
            for prior in [PRIOR, bounded] {
                let absorption = absorption.clone();
                gradient_is_that_of_the_value(Prior { absorption, ..prior });
            }
        }
    }

    fn gradient_is_that_of_the_value(prior: Prior) {
        let (field, along, s2) = (random(1), random(2), 0.8);
        let object = SplitComplex::of(&field, WIDTH);
        let at = prior.weights(&object, s2);
        let mut found = random(3);
        prior.gradient(&at, &object, s2, &mut found);
        let moved = |t: f32| -> f64 {
            let object: Vec<Complex32> = field.iter().zip(&along).map(|(o, d)| o + d * t).collect();
            prior.weights(&SplitComplex::of(&object, WIDTH), s2).value
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let predicted: f64 =
            found.iter().zip(&along).map(|(g, d)| 2.0 * f64::from(g.re * d.re + g.im * d.im)).sum();
        assert!((slope - predicted).abs() < 2e-3 * slope.abs(), "{slope} and {predicted}");
        // dR/d(s^2) = mu sum w |grad O|^2
        let (more, less) = (prior.weights(&object, s2 + 1e-3), prior.weights(&object, s2 - 1e-3));
        let slope = (more.value - less.value) / 2e-3;
        assert!((slope - prior.strength * at.weighted_power).abs() < 1e-3 * slope.abs());
    }

    #[test]
    fn small_differences_cost_the_same_and_large_ones_up_to_a_bound() {
        // One step of this height along a row: its cost but for that of the roughness.
        let cost = |jumps, height: f32| {
            let row = [0.0, height, height].map(Complex32::from);
            let at = Prior { jumps, ..PRIOR }.weights(&SplitComplex::of(&row, 3), 1.0);
            // |L O|^2 of the two pixels beside the step.
            let rough = f64::from(ROUGHNESS) * 2.0 * f64::from(height).powi(2);
            at.value / PRIOR.strength - rough
        };
        let h = PRIOR.edge;
        for jumps in [Jumps::Linear, Jumps::Bounded] {
            let small = cost(jumps, 0.002);
            assert!((small / 0.002_f64.powi(2) - 1.0).abs() < 5e-3, "{jumps:?}: {small}");
        }
        let (linear, bounded) = (cost(Jumps::Linear, 2.0), cost(Jumps::Bounded, 2.0));
        assert!((linear / (2.0 * h * (2.0 - h)) - 1.0).abs() < 1e-3, "{linear}");
        assert!((bounded / (8.0 * h * h) - 0.95).abs() < 1e-3, "{bounded}");
    }

    #[test]
    fn absorption_weighs_by_itself_wherever_the_phase_is() {
        // One step along a row, from a pixel of phase 2 rad by so much of absorption and phase:
        // its cost over that of absorption with the weight of 1.
        let cost = |weight, absorbed: f32, phase: f32| {
            let after = Complex32::from_polar((-absorbed).exp(), 2.0 + phase);
            let row = [Complex32::from_polar(1.0, 2.0), after, after];
            let object = SplitComplex::of(&row, 3);
            let mean = SplitComplex::of(&[row[0]; 3], 3);
            let absorption = Absorption::new(weight, &Arc::new(mean.directions()));
            Prior { absorption, ..PRIOR }.weights(&object, 1.0).value
        };
        assert!((cost(64.0, 0.0, 0.004) / cost(1.0, 0.0, 0.004) - 1.0).abs() < 0.01);
        assert!((cost(4.0, 0.002, 0.0) / cost(1.0, 0.002, 0.0) - 4.0).abs() < 0.02);
        assert!((cost(4.0, 0.002, 0.004) / cost(1.0, 0.002, 0.0) - 8.0).abs() < 0.06);
    }

    #[test]
    fn a_change_of_scale_changes_nothing() {
        let object = random(1);
        let scaled: Vec<Complex32> = object.iter().map(|value| value * 3.0).collect();
        let [object, scaled] = [object, scaled].map(|field| SplitComplex::of(&field, WIDTH));
        let (a, b) = (PRIOR.weights(&object, 1.0), PRIOR.weights(&scaled, 1.0 / 9.0));
        assert!((a.value / b.value - 1.0).abs() < 1e-5);
    }
}
