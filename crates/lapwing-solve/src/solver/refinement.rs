//! The errors of a scan's positions that are refined, besides an affine map.
//!
//! The offsets of the positions from those measured, d_j = (y + i x), are held to a space
//!
//! ```text
//! drift     d = sum_k c_k cos(pi k (j + 1/2) / n)     what changes slowly, k = 1 .. K
//! single    anything but an affine map of the scan
//! ```
//!
//! by orthogonal projection, less their mean, which is the object's own place. A few numbers are
//! determined by all patterns together, so that they are found where single positions would follow
//! the noise. A fit hardly feels an affine map, which stretches or turns the object with it, so
//! that single positions would follow noise, or the start probe, into one; it is found before, from
//! held-out pixels ([`affine`](super::ml::affine)).

use super::positions;
use crate::{Problem, choice};
use lapwing_model::{Complex32, Position};
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
pub(crate) enum Offsets {
    /// In the span of these, which have no mean.
    Slow(Slow),
    /// Every one by itself, outside the span of these, orthonormal, the constant one among them.
    Single(Vec<Vec<f64>>),
}

impl Offsets {
    pub fn new(problem: &Problem, refined: PositionFreedom) -> Self {
        match refined {
            PositionFreedom::Single => Self::Single(affine(&problem.scan)),
            PositionFreedom::Drift => Self::Slow(Slow::new(problem.n_patterns(), false)),
        }
    }

    /// Whether every position moves by itself.
    pub fn are_free(&self) -> bool {
        matches!(self, Self::Single(_))
    }

    /// Removes from `values`, one for every pattern, what is outside this space.
    pub fn restrict(&self, values: &mut [Complex32]) {
        match self {
            Self::Slow(slow) => slow.restrict(values, 1),
            Self::Single(outside) => {
                for function in outside {
                    let each = values.iter().zip(function);
                    let (y, x) = each.fold((0.0, 0.0), |sum, (value, weight)| {
                        (sum.0 + f64::from(value.re) * weight, sum.1 + f64::from(value.im) * weight)
                    });
                    for (value, weight) in values.iter_mut().zip(function) {
                        *value -= Complex32::new((y * weight) as f32, (x * weight) as f32);
                    }
                }
            }
        }
    }

    /// Keeps offsets in this space, and within reach of the window.
    pub fn bound(&self, problem: &Problem, offsets: &mut [Complex32]) {
        self.restrict(offsets);
        positions::clamp(problem, offsets);
    }
}

/// Orthonormal functions of the patterns that span the affine maps of their positions: 1, y and x,
/// by Gram and Schmidt; the constant one alone where there are too few patterns, or along an axis
/// in which these do not extend.
fn affine(scan: &[Position]) -> Vec<Vec<f64>> {
    let along = |of: fn(&Position) -> f64| scan.iter().map(of).collect::<Vec<f64>>();
    let mut functions = vec![vec![1.0; scan.len()]];
    if scan.len() >= PATTERNS_FOR_EACH {
        functions.extend([along(|at| at.y), along(|at| at.x)]);
    }
    let mut found: Vec<Vec<f64>> = Vec::new();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for mut function in functions {
        let before = dot(&function, &function);
        for other in &found {
            let share = dot(&function, other);
            function.iter_mut().zip(other).for_each(|(value, other)| *value -= share * other);
        }
        let power = dot(&function, &function);
        // A hundredth of a pixel on average is no extent.
        if power > 1e-12 * before && power > 1e-4 * scan.len() as f64 {
            function.iter_mut().for_each(|value| *value /= power.sqrt());
            found.push(function);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::{Modes, Object};
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
    fn a_drift_is_slow_and_single_positions_are_no_map() {
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
        // Scale, shear and rotation go with the mean, and what is rough stays.
        let map = |at: &Position| {
            Complex32::new(
                (0.3 + 0.02 * at.y - 0.01 * at.x) as f32,
                (0.05 * at.y - 0.03 * at.x) as f32,
            )
        };
        let rough = |index: usize| [1.0, -1.0, -1.0, 1.0][(index / 8 % 2) * 2 + index % 2];
        let mut offsets: Vec<Complex32> = (problem.scan.iter().enumerate())
            .map(|(index, at)| map(at) + Complex32::new(0.2, -0.4) * rough(index))
            .collect();
        free.bound(&problem, &mut offsets);
        for (index, found) in offsets.iter().enumerate() {
            assert!(
                (found - Complex32::new(0.2, -0.4) * rough(index)).norm() < 2e-2,
                "{index}: {found}"
            );
        }
        // A line has no width to be stretched, and of a few patterns the mean alone is taken out.
        let line: Vec<Position> =
            (0..20).map(|index| Position { y: 5.0, x: f64::from(index) }).collect();
        assert_eq!((affine(&line).len(), affine(&line[..9]).len(), affine(&[]).len()), (2, 1, 0));
    }
}
