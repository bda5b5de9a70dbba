//! Long vectors: sums over fixed pieces in a fixed order, so that the bits do not depend on the number of threads.

use lapwing_model::Complex32;
use rayon::prelude::*;

/// Elements of one piece.
const PIECE: usize = 4096;
/// Independent partial sums inside a piece.
const LANES: usize = 8;

/// Re sum conj(a) b.
pub(super) fn dot(a: &[Complex32], b: &[Complex32]) -> f64 {
    let pieces: Vec<f64> = a
        .par_chunks(PIECE)
        .zip(b.par_chunks(PIECE))
        .map(|(a, b)| {
            let mut sums = [0.0_f32; LANES];
            let mut total = 0.0;
            for (a, b) in a.chunks(16 * LANES).zip(b.chunks(16 * LANES)) {
                for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                        *sum += a.re * b.re + a.im * b.im;
                    }
                }
                total += f64::from(sums.iter().sum::<f32>());
                sums = [0.0; LANES];
            }
            total
        })
        .collect();
    pieces.iter().sum()
}

/// y <- y + factor x
pub(super) fn add_scaled(y: &mut [Complex32], factor: f64, x: &[Complex32]) {
    let factor = factor as f32;
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(y, x)| {
        y.iter_mut().zip(x).for_each(|(y, x)| *y += x * factor);
    });
}
