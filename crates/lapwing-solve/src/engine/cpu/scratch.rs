//! Work arrays, one set for every thread, whose contents are not used after a call.

use super::bands::BAND;
use crate::Problem;
use lapwing_model::Complex32;
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::Workspace;
use std::sync::{Mutex, PoisonError};

/// Arrays of one pattern on its way, or of one band of the object.
pub(super) struct Scratch {
    pub work: Workspace,
    /// The waves on their way, as the model keeps them.
    pub in_flight: Buffer,
    /// Measured values, and those that the model predicts.
    pub measured: Vec<f32>,
    pub expected: Vec<f32>,
    /// Shifted probes, or the waves before each slice, and chi (slice, wave, y, x).
    pub probes: Buffer,
    pub chi: Buffer,
    /// chi conj(O), unshifted, of this pattern alone, where it is needed.
    pub per_pattern: Buffer,
    /// Spectrum of the first mode as this pattern has it.
    pub own: Buffer,
    /// Spectra of an exit wave and of its chi, where the light stands still.
    pub exits: Buffer,
    /// Sums on a band of the object.
    pub band_sum: Vec<Complex32>,
    pub band_light: Vec<f32>,
}

/// The scratch arrays of all threads, each allocated by its thread when first needed.
#[derive(Default)]
pub(super) struct Scratches {
    of_threads: Vec<Mutex<Option<Scratch>>>,
}

impl Scratches {
    /// Has a place for every thread of the current pool.
    pub fn prepare(&mut self) {
        if self.of_threads.len() < rayon::current_num_threads() {
            self.of_threads.resize_with(rayon::current_num_threads(), Mutex::default);
        }
    }

    /// Calls `f` with the scratch arrays of this thread.
    pub fn with<T>(&self, problem: &Problem, f: impl FnOnce(&mut Scratch) -> T) -> T {
        let scratch = &self.of_threads[rayon::current_thread_index().unwrap_or(0)];
        let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
        f(scratch.get_or_insert_with(|| Scratch::new(problem)))
    }
}

impl Scratch {
    fn new(problem: &Problem) -> Self {
        let (all, band) = (problem.waves_len(), BAND * problem.object.shape().1);
        let zeros = || Buffer::zeros(all);
        let of_slices = || Buffer::zeros(problem.n_slices() * all);
        Self {
            work: problem.model.workspace(),
            in_flight: zeros(),
            measured: vec![0.0; problem.model.len()],
            expected: vec![0.0; problem.model.len()],
            probes: of_slices(),
            chi: of_slices(),
            per_pattern: zeros(),
            own: Buffer::zeros(problem.model.len()),
            exits: Buffer::zeros(if problem.model.light_stands_still() {
                2 * problem.model.len()
            } else {
                0
            }),
            band_sum: vec![Complex32::ZERO; band],
            band_light: vec![0.0; band],
        }
    }
}
