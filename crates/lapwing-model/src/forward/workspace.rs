//! Scratch arrays of the forward model.

use super::blur::BlurScratch;
use crate::buffer::Buffer;

/// Scratch arrays of one thread, allocated once.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(super) field: Buffer,
    pub(super) fft: Buffer,
    pub(super) intensity: Vec<f32>,
    pub(super) factor: Vec<f32>,
    pub(super) blur: BlurScratch,
}

impl Workspace {
    /// For windows of `len` pixels whose transforms need `fft` elements.
    pub(super) fn new(len: usize, fft: usize) -> Self {
        Self {
            field: Buffer::zeros(len),
            fft: Buffer::zeros(fft),
            intensity: vec![0.0; len],
            factor: vec![0.0; len],
            blur: BlurScratch::default(),
        }
    }
}
