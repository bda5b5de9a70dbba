//! Sub-pixel shifts of the probe, as phase ramps on its spectrum.

use super::physics::Hop;
use crate::fft::frequency;
use crate::{Complex32, Window, elementwise};

/// Factors of a spectrum (u_x, u_y) that are a product of one along y and one along x.
#[derive(Debug, Clone)]
pub(super) struct Separable {
    pub along_y: Vec<Complex32>,
    pub along_x: Vec<Complex32>,
}

impl Separable {
    /// `product` (u_x, u_y) <- `spectrum` times the factors.
    pub fn apply(&self, spectrum: &[Complex32], product: &mut [Complex32]) {
        let height = self.along_y.len();
        let columns = product.chunks_exact_mut(height).zip(spectrum.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&self.along_x) {
            elementwise::multiply_scaled(target, source, along_x, &self.along_y);
        }
    }

    /// `sum` (u_x, u_y) <- `sum` + `spectrum` times the conjugates of the factors: the adjoint of
    /// [`apply`](Self::apply).
    fn add_back(&self, spectrum: &[Complex32], sum: &mut [Complex32]) {
        let height = self.along_y.len();
        let columns = sum.chunks_exact_mut(height).zip(spectrum.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&self.along_x) {
            elementwise::add_conjugate_scaled(target, source, along_x, &self.along_y);
        }
    }

    /// The product with `other`, or with its conjugate.
    pub fn times(&self, other: &Self, conjugate: bool) -> Self {
        let product = |own: &[Complex32], other: &[Complex32]| {
            let pairs = own.iter().zip(other);
            pairs.map(|(a, b)| if conjugate { a * b.conj() } else { a * b }).collect()
        };
        Self {
            along_y: product(&self.along_y, &other.along_y),
            along_x: product(&self.along_x, &other.along_x),
        }
    }
}

/// The separable phase ramp exp(-2 pi i f . u) of a window's sub-pixel rest f.
#[derive(Debug, Clone)]
pub struct Ramp {
    shift: Separable,
    /// To a near field that stands still while the specimen moves: the way there and back of the
    /// waves of this probe, with the opposite shift. Without one it is that of the model.
    hop: Option<Box<Hop>>,
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
        let shift = Separable {
            along_y: along(window.rest_y, height),
            along_x: along(window.rest_x, width),
        };
        Self { shift, hop: None }
    }

    /// The ramp, whose waves `hop` takes to the detector, shifted back by what it shifts.
    pub(super) fn back_behind(mut self, hop: &Hop) -> Self {
        self.hop = Some(Box::new(hop.shifted_back(&self.shift)));
        self
    }

    /// The way of its waves to the detector, where it is one of its own.
    pub(super) fn hop(&self) -> Option<&Hop> {
        self.hop.as_deref()
    }

    /// The ramp times a factor.
    pub(super) fn scaled(mut self, factor: f32) -> Self {
        self.scale(factor);
        self
    }

    /// Multiplies it by a factor: the probe that it shifts is brighter by its square.
    pub fn scale(&mut self, factor: f32) {
        self.shift.along_x.iter_mut().for_each(|value| *value *= factor);
    }

    /// Shape `(height, width)` of the windows that it is for.
    pub fn shape(&self) -> (usize, usize) {
        (self.shift.along_y.len(), self.shift.along_x.len())
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

    /// Its factors along u_y and along u_x.
    pub(super) fn along(&self) -> (&[Complex32], &[Complex32]) {
        (&self.shift.along_y, &self.shift.along_x)
    }

    /// `shifted` (u_x, u_y) <- `spectrum` times the ramp.
    pub(super) fn apply(&self, spectrum: &[Complex32], shifted: &mut [Complex32]) {
        self.shift.apply(spectrum, shifted);
    }

    /// `sum` (u_x, u_y) <- `sum` + `spectrum` times the conjugate of the ramp: the adjoint of
    /// [`apply`](Self::apply).
    pub(super) fn add_unshifted(&self, spectrum: &[Complex32], sum: &mut [Complex32]) {
        self.shift.add_back(spectrum, sum);
    }
}
