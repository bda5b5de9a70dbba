//! Sub-pixel shifts of the probe, as phase ramps on its spectrum.

use crate::fft::frequency;
use crate::{Complex32, Window, elementwise};

/// The separable phase ramp exp(-2 pi i f . u) of a window's sub-pixel rest f.
#[derive(Debug, Clone)]
pub struct Ramp {
    pub(super) along_y: Vec<Complex32>,
    pub(super) along_x: Vec<Complex32>,
}

impl Ramp {
    /// The ramp of `window` for windows of shape `(height, width)`.
    pub fn new(window: &Window, (height, width): (usize, usize)) -> Self {
        let along = |rest: f64, length: usize| {
            (0..length)
                .map(|index| {
                    let (sin, cos) =
                        (-std::f64::consts::TAU * rest * frequency(index, length)).sin_cos();
                    Complex32::new(cos as f32, sin as f32)
                })
                .collect()
        };
        Self { along_y: along(window.rest_y, height), along_x: along(window.rest_x, width) }
    }

    /// The ramp times a factor.
    pub(super) fn scaled(mut self, factor: f32) -> Self {
        self.scale(factor);
        self
    }

    /// Multiplies it by a factor: the probe that it shifts is brighter by its square.
    pub fn scale(&mut self, factor: f32) {
        self.along_x.iter_mut().for_each(|value| *value *= factor);
    }

    /// Shape `(height, width)` of the windows that it is for.
    pub fn shape(&self) -> (usize, usize) {
        (self.along_y.len(), self.along_x.len())
    }

    /// # Panics
    /// If it is not for windows of `shape`.
    pub(super) fn check(&self, shape: (usize, usize)) {
        assert!(
            self.shape() == shape,
            "a ramp for windows of {:?} pixels was given to a model of {shape:?}",
            self.shape()
        );
    }

    /// `shifted` (u_x, u_y) <- `spectrum` times the ramp.
    pub(super) fn apply(&self, spectrum: &[Complex32], shifted: &mut [Complex32]) {
        let height = self.along_y.len();
        let columns = shifted.chunks_exact_mut(height).zip(spectrum.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&self.along_x) {
            elementwise::multiply_scaled(target, source, along_x, &self.along_y);
        }
    }

    /// `sum` (u_x, u_y) <- `sum` + `spectrum` times the conjugate of the ramp: the adjoint of
    /// [`apply`](Self::apply).
    pub(super) fn add_unshifted(&self, spectrum: &[Complex32], sum: &mut [Complex32]) {
        let height = self.along_y.len();
        let columns = sum.chunks_exact_mut(height).zip(spectrum.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&self.along_x) {
            elementwise::add_conjugate_scaled(target, source, along_x, &self.along_y);
        }
    }
}
