//! The errors of a scan's positions that are refined, besides an affine map.
//!
//! The offsets of the positions from those measured, d_j = (y + i x), are held to a space
//!
//! ```text
//! drift     d = sum_k c_k cos(pi k (j + 1/2) / n)     what changes slowly, k = 1 .. K
//! single    anything
//! ```
//!
//! by orthogonal projection, less their mean, which is the object's own place. A few numbers are
//! determined by all patterns together, so that they are found where single positions would follow
//! the noise. An affine map of the scan is found before ([`affine`](super::ml::affine)).

use super::positions;
use crate::{Problem, choice};
use lapwing_model::Complex32;
use std::f64::consts::PI;

/// Most terms of a drift along each axis, and patterns for each.
const TERMS: usize = 12;
const PATTERNS_FOR_EACH: usize = 16;

choice! {
    /// How freely positions move.
    pub enum PositionFreedom {
        /// All together, in a slow drift along the scan.
        Drift = "drift",
        /// Each by itself.
        Single = "single",
    }
}

/// Epoch, counted from 1, in which positions that are refined begin to move unless another is
/// given.
pub const POSITIONS_FROM_EPOCH: usize = 10;

/// What is refined, and from which epoch on, by two options: `from` alone means every position.
pub(crate) fn refined(
    what: Option<PositionFreedom>,
    from: Option<usize>,
) -> Option<(PositionFreedom, usize)> {
    match (what, from) {
        (Some(what), from) => Some((what, from.unwrap_or(POSITIONS_FROM_EPOCH))),
        (None, Some(from)) => Some((PositionFreedom::Single, from)),
        (None, None) => None,
    }
}

/// Orthonormal functions of the patterns that change slowly in the order of the scan.
#[derive(Debug, Clone)]
pub(crate) struct Slow(Vec<Vec<f64>>);

impl Slow {
    /// Of `patterns` patterns, and with the constant one where `with_mean`.
    pub fn new(patterns: usize, with_mean: bool) -> Self {
        let function = |term: usize| {
            let squared = if term == 0 { 1.0 } else { 2.0 };
            let norm = (squared / patterns as f64).sqrt();
            let step = term as f64 * PI / patterns as f64;
            (0..patterns).map(|index| norm * (step * (index as f64 + 0.5)).cos()).collect()
        };
        let first = usize::from(!with_mean);
        Self((first..=TERMS.min(patterns / PATTERNS_FOR_EACH)).map(function).collect())
    }

    /// Removes from each column of `values`, (pattern, column), what is outside these functions.
    pub fn restrict(&self, values: &mut [Complex32], columns: usize) {
        for column in 0..columns {
            let mut kept = vec![(0.0_f64, 0.0_f64); values.len() / columns];
            for function in &self.0 {
                let of_column = values.iter().skip(column).step_by(columns);
                let (re, im) = of_column.zip(function).fold((0.0, 0.0), |sum, (value, weight)| {
                    (sum.0 + f64::from(value.re) * weight, sum.1 + f64::from(value.im) * weight)
                });
                for (kept, weight) in kept.iter_mut().zip(function) {
                    *kept = (kept.0 + re * weight, kept.1 + im * weight);
                }
            }
            let of_column = values.iter_mut().skip(column).step_by(columns);
            for (value, (re, im)) in of_column.zip(kept) {
                *value = Complex32::new(re as f32, im as f32);
            }
        }
    }
}

/// The space of offsets that a refinement allows.
#[derive(Debug, Clone)]
pub(crate) struct Offsets {
    /// Without mean; `None` where every pattern is free.
    slow: Option<Slow>,
}

impl Offsets {
    pub fn new(problem: &Problem, refined: PositionFreedom) -> Self {
        let slow = match refined {
            PositionFreedom::Single => None,
            PositionFreedom::Drift => Some(Slow::new(problem.n_patterns(), false)),
        };
        Self { slow }
    }

    /// Whether every position moves by itself.
    pub fn are_free(&self) -> bool {
        self.slow.is_none()
    }

    /// Removes from `values`, one for every pattern, what is outside this space.
    pub fn restrict(&self, values: &mut [Complex32]) {
        match &self.slow {
            Some(slow) => slow.restrict(values, 1),
            None => {
                let mean = positions::mean(values);
                values.iter_mut().for_each(|value| *value -= mean);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::{Modes, Object, Position};
    use ndarray::Array3;

    fn problem() -> Problem {
        let scan: Vec<Position> = (0..64)
            .map(|index| Position {
                y: 4.0 + 2.0 * f64::from(index / 8),
                x: 4.0 + 2.0 * f64::from(index % 8) + 0.3 * f64::from(index / 8 % 3),
            })
            .collect();
        let probe = Modes::from_elem((1, 8, 8), Complex32::from(1.0));
        let counts = Array3::ones((64, 8, 8));
        Problem::builder(scan, Object::flat((32, 32)), probe).patterns(counts).unwrap()
    }

    #[test]
    fn slow_functions_are_kept_column_by_column() {
        let slow = Slow::new(64, true);
        let line = |index: usize| Complex32::new(1.0 + index as f32 / 64.0, -0.5);
        let fast = |index: usize| Complex32::from((index % 2) as f32 - 0.5);
        let mut values: Vec<Complex32> =
            (0..64).flat_map(|index| [line(index), fast(index)]).collect();
        slow.restrict(&mut values, 2);
        for (index, pair) in values.chunks_exact(2).enumerate() {
            assert!((pair[0] - line(index)).norm() < 0.05, "{index}: {}", pair[0]);
            assert!(pair[1].norm() < 0.05, "{index}: {}", pair[1]);
        }
        // Without their mean; of no column nothing is changed.
        Slow::new(64, false).restrict(&mut values, 2);
        let sum: Complex32 = values.iter().step_by(2).sum();
        assert!(sum.norm() < 1e-3, "{sum}");
        slow.restrict(&mut [], 0);
    }

    #[test]
    fn a_drift_is_slow_and_free_positions_have_no_mean() {
        let problem = problem();
        let drift = Offsets::new(&problem, PositionFreedom::Drift);
        let slow = |index: usize| Complex32::new((index as f32 / 20.0).sin(), index as f32 / 64.0);
        let mut offsets: Vec<Complex32> = (0..64).map(slow).collect();
        let mean = positions::mean(&offsets);
        drift.restrict(&mut offsets);
        let once = offsets.clone();
        drift.restrict(&mut offsets);
        for (index, (found, once)) in offsets.iter().zip(once).enumerate() {
            assert!((found - slow(index) + mean).norm() < 0.15, "{index}: {found}");
            assert!((found - once).norm() < 1e-5);
        }
        // An alternating offset is no drift.
        let mut fast: Vec<Complex32> = (0..64).map(|index| slow(32) * (index % 2) as f32).collect();
        drift.restrict(&mut fast);
        assert!(fast.iter().all(|value| value.norm() < 0.1), "{fast:?}");
        let free = Offsets::new(&problem, PositionFreedom::Single);
        let mut offsets: Vec<Complex32> = (0..64).map(slow).collect();
        free.restrict(&mut offsets);
        assert!(positions::mean(&offsets).norm() < 1e-6 && free.are_free());
        assert!((offsets[9] - slow(9) + mean).norm() < 1e-5);
    }
}
