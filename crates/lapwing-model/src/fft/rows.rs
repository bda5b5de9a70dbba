//! Two-dimensional transforms of any shape, row by row, by RustFFT.

use super::Transform;
use crate::c8::{floats, floats_mut};
use crate::{Complex32, elementwise};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x4, f64x2};
use lapwing_fft::{Fft, FftDirection, single};
use std::sync::Arc;

/// Plans for arrays of one shape; along each axis forward and inverse.
pub(super) struct RowTransform {
    height: usize,
    width: usize,
    along_x: Both,
    along_y: Both,
    /// 1 / sqrt(H W)
    scale: f32,
}

/// One-dimensional transforms of one length.
struct Both {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl Both {
    fn new(length: usize) -> Self {
        Self {
            forward: single(length, FftDirection::Forward),
            inverse: single(length, FftDirection::Inverse),
        }
    }

    fn scratch_len(&self) -> usize {
        let needed = |plan: &Arc<dyn Fft<f32>>| plan.get_inplace_scratch_len();
        needed(&self.forward).max(needed(&self.inverse))
    }
}

impl std::fmt::Debug for RowTransform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowTransform({} x {})", self.height, self.width)
    }
}

impl RowTransform {
    /// # Panics
    /// If a side is zero.
    pub fn new((height, width): (usize, usize)) -> Self {
        assert!(
            height > 0 && width > 0,
            "a transform needs at least one pixel, not {height} x {width}"
        );
        let scale = (1.0 / ((height * width) as f64).sqrt()) as f32;
        Self { height, width, along_x: Both::new(width), along_y: Both::new(height), scale }
    }
}

impl Transform for RowTransform {
    fn scratch_len(&self) -> usize {
        self.along_x.scratch_len().max(self.along_y.scratch_len())
    }

    fn forward(
        &self,
        field: &mut [Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.along_x.forward.process_with_scratch(field, scratch);
        transpose_scaled(field, spectrum, self.height, self.width, self.scale);
        self.along_y.forward.process_with_scratch(spectrum, scratch);
    }

    fn inverse(
        &self,
        spectrum: &mut [Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.along_y.inverse.process_with_scratch(spectrum, scratch);
        transpose_scaled(spectrum, field, self.width, self.height, self.scale);
        self.along_x.inverse.process_with_scratch(field, scratch);
    }
}

/// Writes the transpose of `source` (rows x columns), times `scale`, to `target` (columns x rows).
fn transpose_scaled(
    source: &[Complex32],
    target: &mut [Complex32],
    rows: usize,
    columns: usize,
    scale: f32,
) {
    assert!(
        source.len() == rows * columns && target.len() == rows * columns,
        "transposition of unequal arrays"
    );
    dispatch!(elementwise::level(), simd => {
        let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for row in (0..whole_rows).step_by(BLOCK) {
            for column in (0..whole_columns).step_by(BLOCK) {
                transpose_block(simd, &source[row * columns + column..], columns, &mut target[column * rows + row..], rows, scale);
            }
            transpose_plainly(source, target, (rows, columns), row..row + BLOCK, whole_columns..columns, scale);
        }
        transpose_plainly(source, target, (rows, columns), whole_rows..rows, 0..columns, scale);
    });
}

/// Side of a block: eight complex numbers are a cache line, and eight lines a power of two apart
/// still fit one set.
const BLOCK: usize = 8;

/// Transposes one block, whose lines are `from` and `to` elements apart, by pairs of pairs.
#[inline(always)]
fn transpose_block<S: Simd>(
    simd: S,
    source: &[Complex32],
    from: usize,
    target: &mut [Complex32],
    to: usize,
    scale: f32,
) {
    let scale = simd.splat_f32x4(scale);
    let mut lines = [&[0.0_f32; 2 * BLOCK]; BLOCK];
    for (row, line) in lines.iter_mut().enumerate() {
        let eight = source[row * from..].first_chunk().expect("a block lies inside the source");
        *line = floats(eight);
    }
    for pair in 0..BLOCK / 2 {
        let read = |row: usize| -> f64x2<S> {
            (f32x4::from_slice(simd, &lines[row][4 * pair..4 * pair + 4]) * scale).bitcast()
        };
        let pairs: [f64x2<S>; BLOCK] = std::array::from_fn(read);
        for half in 0..2 {
            let column = 2 * pair + half;
            let eight =
                target[column * to..].first_chunk_mut().expect("a block lies inside the target");
            for (out, rows) in floats_mut(eight).chunks_exact_mut(4).zip(pairs.chunks_exact(2)) {
                let column = match half {
                    0 => simd.zip_low_f64x2(rows[0], rows[1]),
                    _ => simd.zip_high_f64x2(rows[0], rows[1]),
                };
                column.bitcast::<f32x4<S>>().store_slice(out);
            }
        }
    }
}

fn transpose_plainly(
    source: &[Complex32],
    target: &mut [Complex32],
    (rows, columns): (usize, usize),
    some_rows: std::ops::Range<usize>,
    some_columns: std::ops::Range<usize>,
    scale: f32,
) {
    for column in some_columns {
        for row in some_rows.clone() {
            target[column * rows + row] = source[row * columns + column] * scale;
        }
    }
}
