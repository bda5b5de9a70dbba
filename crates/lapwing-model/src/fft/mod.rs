//! Unitary two-dimensional Fourier transforms whose spectra are stored transposed.
//!
//! A 2-D transform is a pass over rows, a transposition, and a second pass over rows. Undoing the
//! transposition afterwards would cost a sixth of the whole, and nothing in ptychography needs it:
//! what happens between a forward and an inverse transform is element by element. So a spectrum is
//! kept with axes **(u_x, u_y)**, zero frequency at index (0, 0), and whatever is combined with it
//! (measured amplitudes, phase ramps) is brought into that order once.
//!
//! Two implementations stand side by side, and [`Fft2::new`] chooses between them once: shapes
//! whose sides are powers of two from 16 to 512 are transformed by columns of eight (module
//! `columns`), all others by RustFFT (module `rows`). [`to_detector_order`] and
//! [`from_detector_order`] translate to and from the order of files: axes (y, x), zero frequency at
//! index (floor(H/2), floor(W/2)).

mod columns;
mod order;
mod rows;
pub(crate) mod stockham;
#[cfg(test)]
mod tests;

pub(crate) use columns::{Blocks, ColumnTransform, lines, lines_mut};
pub use order::{frequency, from_detector_order, to_detector_order};

use crate::Complex32;
use rows::RowTransform;
use std::sync::Arc;

/// Unitary forward and inverse transforms of one shape; immutable, shared between threads.
///
/// `forward` computes Psi(u) = (H W)^(-1/2) sum_r psi(r) exp(-2 pi i (u_y y / H + u_x x / W)),
/// `inverse` its inverse, which is also its adjoint. Arrays are slices of `len()` elements in C
/// order.
#[derive(Debug, Clone)]
pub struct Fft2 {
    shape: (usize, usize),
    transform: Arc<dyn Transform>,
    scratch_len: usize,
}

/// An implementation of [`Fft2`], for one shape. Slices are of the lengths that [`Fft2`] demands.
trait Transform: std::fmt::Debug + Send + Sync {
    /// Elements of scratch space that the other two need.
    fn scratch_len(&self) -> usize;

    /// Unitary forward transform, (y, x) to (u_x, u_y); `field` may be overwritten.
    fn forward(
        &self,
        field: &mut [Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    );

    /// Unitary inverse transform, (u_x, u_y) to (y, x); `spectrum` may be overwritten.
    fn inverse(
        &self,
        spectrum: &mut [Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    );
}

impl Fft2 {
    /// Plans transforms of arrays of shape `(height, width)`; any shape but an empty one.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn new(shape: (usize, usize)) -> Self {
        match ColumnTransform::new(shape) {
            Some(by_columns) => Self::of(shape, Arc::new(by_columns)),
            None => Self::by_rows(shape),
        }
    }

    /// With RustFFT whatever the shape.
    ///
    /// # Panics
    /// If a side is zero.
    pub(crate) fn by_rows(shape: (usize, usize)) -> Self {
        Self::of(shape, Arc::new(RowTransform::new(shape)))
    }

    fn of(shape: (usize, usize), transform: Arc<dyn Transform>) -> Self {
        let scratch_len = transform.scratch_len();
        Self { shape, transform, scratch_len }
    }

    /// Shape `(height, width)` of the fields that are transformed.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Number of pixels of a field.
    #[expect(clippy::len_without_is_empty, reason = "a planned transform is never empty")]
    pub fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Elements of scratch space that [`forward`](Self::forward) and [`inverse`](Self::inverse)
    /// need.
    pub fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// Transforms `field` (y, x) into `spectrum` (u_x, u_y); `field` is overwritten with
    /// intermediate values.
    ///
    /// # Panics
    /// If a slice is not of `len()` elements, or `scratch` is shorter than `scratch_len()`.
    pub fn forward(
        &self,
        field: &mut [Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.check(field, spectrum, scratch);
        self.transform.forward(field, spectrum, scratch);
    }

    /// Transforms `spectrum` (u_x, u_y) into `field` (y, x); `spectrum` is overwritten with
    /// intermediate values.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn inverse(
        &self,
        spectrum: &mut [Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.check(field, spectrum, scratch);
        self.transform.inverse(spectrum, field, scratch);
    }

    fn check(&self, field: &[Complex32], spectrum: &[Complex32], scratch: &[Complex32]) {
        assert!(
            field.len() == self.len()
                && spectrum.len() == self.len()
                && scratch.len() >= self.scratch_len,
            "a transform of {:?} pixels was given {} and {} elements and {} of scratch space",
            self.shape,
            field.len(),
            spectrum.len(),
            scratch.len()
        );
    }
}
