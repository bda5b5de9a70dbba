//! Two-dimensional transforms by columns of eight, for sides that are powers of two.
//!
//! A pass transforms every column of eight ([`stockham`]) and writes it transposed, so that the
//! second pass, along the other axis, is by columns again. Between the passes an array stands in
//! **transit order**: transposed, in parts ([`C8`](crate::c8::C8)), and not scaled.

use super::{Transform, stockham};
use crate::Complex32;
use crate::c8::{C8, LANES, Line};
use crate::elementwise::level;
use fearless_simd::dispatch;
use fearless_simd::prelude::*;
use stockham::{Twiddles, buffers, finish, start, transpose, with_length};

/// Plans for arrays of one shape.
#[derive(Debug, Clone)]
pub(crate) struct ColumnTransform {
    pub along_y: Twiddles,
    pub along_x: Twiddles,
    /// 1 / sqrt(H W)
    pub scale: f32,
}

/// Lines of eight numbers in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    /// Of a field (y, x).
    pub of_field: usize,
    /// Of a spectrum (u_x, u_y).
    pub of_spectrum: usize,
}

/// An array as lines of eight numbers; its length is a multiple of eight.
pub(crate) fn lines(values: &[Complex32]) -> &[Line] {
    values.as_chunks().0
}

/// As [`lines`], to be changed.
pub(crate) fn lines_mut(values: &mut [Complex32]) -> &mut [Line] {
    values.as_chunks_mut().0
}

impl ColumnTransform {
    /// Plans for arrays of `(height, width)`, or nothing when a side is not one of
    /// [`stockham::LENGTHS`].
    pub fn new((height, width): (usize, usize)) -> Option<Self> {
        let scale = (1.0 / ((height * width) as f64).sqrt()) as f32;
        Some(Self { along_y: Twiddles::new(height)?, along_x: Twiddles::new(width)?, scale })
    }

    pub fn blocks(&self) -> Blocks {
        Blocks { of_field: self.along_x.length / LANES, of_spectrum: self.along_y.length / LANES }
    }

    /// The first half of the forward transform: `field` (y, x) along y, to `transit` (x, u_y) in
    /// transit order.
    pub fn forward_along_y(
        &self,
        field: &[Complex32],
        transit: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (field, transit) = (lines(field), lines_mut(transit));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let (a, b) = buffers::<N>(scratch);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| C8::load(simd, &field[y * x_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_y, a, b);
                transpose(simd, found, &mut transit[LANES * block * y_blocks..], y_blocks);
            }
        }));
    }

    /// The second half: `spectrum` in transit order, along x, to (u_x, u_y), in place.
    fn forward_along_x(&self, spectrum: &mut [Complex32], scratch: &mut [Complex32]) {
        let spectrum = lines_mut(spectrum);
        let y_blocks = self.blocks().of_spectrum;
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| C8::load_parts(simd, &spectrum[x * y_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                for (line, to) in found.iter().zip(spectrum[block..].iter_mut().step_by(y_blocks)) {
                    C8::load_parts(simd, line).scaled(scale).store(simd, to);
                }
            }
        }));
    }

    /// The first half of the inverse transform: `spectrum` (u_x, u_y) along x, to `transit`
    /// (u_y, x) in transit order, real and imaginary parts swapped.
    fn inverse_along_x(
        &self,
        spectrum: &[Complex32],
        transit: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (spectrum, transit) = (lines(spectrum), lines_mut(transit));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| C8::load(simd, &spectrum[x * y_blocks + block]).swapped(), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                transpose(simd, found, &mut transit[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// The second half: `field` in transit order, along y, to (y, x), in place.
    fn inverse_along_y(&self, field: &mut [Complex32], scratch: &mut [Complex32]) {
        let field = lines_mut(field);
        let x_blocks = self.blocks().of_field;
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let scale = simd.splat_f32x8(self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| C8::load_parts(simd, &field[y * x_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_y, a, b);
                for (line, to) in found.iter().zip(field[block..].iter_mut().step_by(x_blocks)) {
                    C8::load_parts(simd, line).swapped().scaled(scale).store(simd, to);
                }
            }
        }));
    }
}

impl Transform for ColumnTransform {
    fn scratch_len(&self) -> usize {
        stockham::scratch_len(self.along_y.length.max(self.along_x.length))
    }

    fn forward(
        &self,
        field: &mut [Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.forward_along_y(field, spectrum, scratch);
        self.forward_along_x(spectrum, scratch);
    }

    fn inverse(
        &self,
        spectrum: &mut [Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.inverse_along_x(spectrum, field, scratch);
        self.inverse_along_y(field, scratch);
    }
}
