//! Fourier transforms along one axis, by RustFFT.
//!
//! RustFFT's planner is generic, and whoever calls it compiles all of its algorithms again for his
//! own numbers. They are compiled here, once, for all crates and their tests.

pub use rustfft::{Fft, FftDirection};

use rustfft::FftPlanner;
use std::sync::Arc;

/// The plan of a transform of `length` in single precision, not normalised.
pub fn single(length: usize, direction: FftDirection) -> Arc<dyn Fft<f32>> {
    FftPlanner::new().plan_fft(length, direction)
}

/// The plan of a transform of `length` in double precision, not normalised.
pub fn double(length: usize, direction: FftDirection) -> Arc<dyn Fft<f64>> {
    FftPlanner::new().plan_fft(length, direction)
}
