//! Long vectors: sums over fixed pieces in a fixed order, so that the bits do not depend on the
//! number of threads.

use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, elementwise};

/// Elements of one piece.
const PIECE: usize = 4096;

/// Re sum conj(a) b.
pub(crate) fn dot(a: &[Complex32], b: &[Complex32]) -> f64 {
    let pieces = a.chunks(PIECE).zip(b.chunks(PIECE)).in_parallel();
    let sums = pieces.map(|(a, b)| elementwise::real_dot(a, b));
    sums.iter().sum()
}

/// y <- y + factor x
pub(crate) fn add_scaled(y: &mut [Complex32], factor: f64, x: &[Complex32]) {
    let pieces = y.chunks_mut(PIECE).zip(x.chunks(PIECE));
    pieces.in_parallel().for_each(|(y, x)| elementwise::add_scaled(y, factor as f32, x));
}

/// factor a
pub(crate) fn scaled(a: &[Complex32], factor: f64) -> Vec<Complex32> {
    let factor = factor as f32;
    let mut out = vec![Complex32::ZERO; a.len()];
    let pieces = out.chunks_mut(PIECE).zip(a.chunks(PIECE));
    pieces
        .in_parallel()
        .for_each(|(out, a)| out.iter_mut().zip(a).for_each(|(out, a)| *out = a * factor));
    out
}

/// a - b
pub(crate) fn difference(a: &[Complex32], b: &[Complex32]) -> Vec<Complex32> {
    let mut out = vec![Complex32::ZERO; a.len()];
    let pieces = out.chunks_mut(PIECE).zip(a.chunks(PIECE)).zip(b.chunks(PIECE));
    pieces.in_parallel().for_each(|((out, a), b)| {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = a - b;
        }
    });
    out
}
