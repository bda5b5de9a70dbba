//! Long vectors: sums over fixed pieces in a fixed order, so that the bits do not depend on the number of threads.

use lapwing_model::{Complex32, elementwise};
use rayon::prelude::*;

/// Elements of one piece.
const PIECE: usize = 4096;

/// Re sum conj(a) b.
pub(super) fn dot(a: &[Complex32], b: &[Complex32]) -> f64 {
    let pieces = a.par_chunks(PIECE).zip(b.par_chunks(PIECE));
    let sums: Vec<f64> = pieces.map(|(a, b)| elementwise::real_dot(a, b)).collect();
    sums.iter().sum()
}

/// y <- y + factor x
pub(super) fn add_scaled(y: &mut [Complex32], factor: f64, x: &[Complex32]) {
    let pieces = y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
    pieces.for_each(|(y, x)| elementwise::add_scaled(y, factor as f32, x));
}

/// a - b
pub(super) fn difference(a: &[Complex32], b: &[Complex32]) -> Vec<Complex32> {
    a.par_iter().zip(b).map(|(a, b)| a - b).collect()
}

/// -a
pub(super) fn negative(a: &[Complex32]) -> Vec<Complex32> {
    a.par_iter().map(|value| -value).collect()
}
