//! The prior's curvature, D^T w D + rho L^T L, applied to a field: stencils over rows.

use super::{ROUGHNESS, SplitComplex};
use fearless_simd::dispatch;
use lapwing_model::elementwise::level;

/// The diagonal of L^T L away from the edges.
pub(super) const ROUGHNESS_DIAGONAL: f32 = 20.0;

/// out <- rows of (D^T w D + rho L^T L) v from row `first` of the field on: as many as `out` holds,
/// of all its parts in turn.
pub(crate) fn curvature(weights: &[f32], v: &SplitComplex, first: usize, out: &mut [f32]) {
    let (width, rows) = (v.width(), v.rows());
    let weights_of = |y: usize| &weights[y * width..(y + 1) * width];
    // L v above, at and below a row; each is worked out once and handed down.
    let mut three = vec![0.0; 3 * width];
    let parts = v.parts();
    for part in 0..parts {
        let (above, rest) = three.split_at_mut(width);
        let (here, below) = rest.split_at_mut(width);
        let [mut above, mut here, mut below] = [above, here, below];
        dispatch!(level(), _ => {
            if first > 0 {
                laplacian(v, (first - 1, part), above);
            }
            laplacian(v, (first, part), here);
        });
        for (index, out) in out.chunks_exact_mut(parts * width).enumerate() {
            let (y, out) = (first + index, &mut out[part * width..(part + 1) * width]);
            dispatch!(level(), _ => {
                let w_above = (y > 0).then(|| weights_of(y - 1));
                differences(v, (y, part), (w_above, weights_of(y)), out);
                if y + 1 < rows {
                    laplacian(v, (y + 1, part), below);
                }
                let above = (y > 0).then_some(&*above);
                let below = (y + 1 < rows).then_some(&*below);
                add_differences(out, ROUGHNESS, here, [above, below]);
            });
            std::mem::swap(&mut above, &mut here);
            std::mem::swap(&mut here, &mut below);
        }
    }
}

/// sum |L v|^2 over row `y`.
pub(super) fn roughness(v: &SplitComplex, y: usize) -> f64 {
    let mut row = vec![0.0; v.width()];
    let of_part = |part| -> f64 {
        dispatch!(level(), _ => laplacian(v, (y, part), &mut row));
        row.iter().map(|&value| f64::from(value * value)).sum()
    };
    (0..v.parts()).map(of_part).sum()
}

/// out <- row `y` of one part of D^T w D v; `weights` are those of the row above, where there is
/// one, and of the row.
#[inline(always)]
fn differences(
    v: &SplitComplex,
    (y, part): (usize, usize),
    (above, w): (Option<&[f32]>, &[f32]),
    out: &mut [f32],
) {
    let here = v.row(y, part);
    out.fill(0.0);
    for (((out, a), b), w) in out.iter_mut().zip(here).zip(&here[1..]).zip(w) {
        *out += w * (a - b);
    }
    for (((out, a), b), w) in out[1..].iter_mut().zip(&here[1..]).zip(here).zip(w) {
        *out += w * (a - b);
    }
    if y + 1 < v.rows() {
        for (((out, a), b), w) in out.iter_mut().zip(here).zip(v.row(y + 1, part)).zip(w) {
            *out += w * (a - b);
        }
    }
    if let Some(above) = above {
        for (((out, a), b), w) in out.iter_mut().zip(here).zip(v.row(y - 1, part)).zip(above) {
            *out += w * (a - b);
        }
    }
}

/// out <- row `y` of one part of L v: of every pixel, what it differs by from its neighbours, of
/// which those at the edges have fewer.
#[inline(always)]
fn laplacian(v: &SplitComplex, (y, part): (usize, usize), out: &mut [f32]) {
    out.fill(0.0);
    let above = (y > 0).then(|| v.row(y - 1, part));
    let below = (y + 1 < v.rows()).then(|| v.row(y + 1, part));
    add_differences(out, 1.0, v.row(y, part), [above, below]);
}

/// out <- out + factor (what `here` differs by from its neighbours along the row and in the rows
/// beside it).
#[inline(always)]
fn add_differences(out: &mut [f32], factor: f32, here: &[f32], beside: [Option<&[f32]>; 2]) {
    for ((out, a), b) in out.iter_mut().zip(here).zip(&here[1..]) {
        *out += factor * (a - b);
    }
    for ((out, a), b) in out[1..].iter_mut().zip(&here[1..]).zip(here) {
        *out += factor * (a - b);
    }
    for row in beside.into_iter().flatten() {
        for ((out, a), b) in out.iter_mut().zip(here).zip(row) {
            *out += factor * (a - b);
        }
    }
}
