//! Stored exit waves: the work of projection algorithms on a batch.
//!
//! Between two passes every pattern has a wave of its own, not the product of probe and object. A
//! pass computes what the fields predict, projects a mixture of both onto the measured modulus,
//! stores what the algorithm keeps, and sums what it shares with the fields.

use super::chunk::{Chunk, Scene};
use super::scratch::Scratch;
use crate::Problem;
use crate::engine::{Step, WaveUpdate, Weights};
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::PatternQuery;
use lapwing_model::{Complex32, elementwise};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The stored waves of all patterns, (mode, y, x) each; none before a pattern's first pass.
pub(super) struct Waves {
    /// No two tasks have the same pattern, so nobody waits for a lock.
    of_patterns: Vec<Mutex<Option<Buffer>>>,
}

impl Waves {
    pub fn new(problem: &Problem) -> Self {
        Self { of_patterns: (0..problem.n_patterns()).map(|_| Mutex::default()).collect() }
    }

    fn of(&self, pattern: usize) -> MutexGuard<'_, Option<Buffer>> {
        self.of_patterns[pattern].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, axes (pattern, mode, y, x); `None` unless every pattern has one.
    pub fn values(&self) -> Option<Vec<Complex32>> {
        let mut values = Vec::new();
        for pattern in 0..self.of_patterns.len() {
            values.extend_from_slice(self.of(pattern).as_deref()?);
        }
        Some(values)
    }

    /// Replaces them.
    pub fn set(&mut self, values: &[Complex32]) {
        let len = values.len() / self.of_patterns.len();
        for (pattern, values) in values.chunks_exact(len).enumerate() {
            let mut wave = self.of(pattern);
            wave.get_or_insert_with(|| Buffer::zeros(len)).copy_from_slice(values);
        }
    }
}

impl Weights {
    fn of(self, product: Complex32, before: Complex32, after: Complex32) -> Complex32 {
        product * self.product + before * self.before + after * self.after
    }
}

impl Chunk {
    /// Takes the waves of the patterns `members` through a pass, and sums their shares; the loss is
    /// the gap between the projections, sum |m - p|^2.
    pub(super) fn project_waves(
        &mut self,
        scene: Scene<'_>,
        update: WaveUpdate,
        members: &[usize],
        waves: &Waves,
        scratch: &mut Scratch,
    ) {
        let Scene { problem, ramps, object, spectra } = scene;
        let (model, pixels) = (&problem.model, problem.model.len());
        let (width, columns) = (model.shape().1, problem.object.shape().1);
        self.begin(problem, members);
        for (index, &pattern) in members.iter().enumerate() {
            let Scratch { work, in_flight, measured, probes, chi, per_pattern: product, .. } =
                &mut *scratch;
            let window = &problem.windows[pattern];
            let start = window.row as usize * columns + window.column as usize;
            let patch = || object[start..].chunks(columns).map(|row| &row[..width]);
            for (power, row) in self.object_power.chunks_exact_mut(width).zip(patch()) {
                elementwise::add_power(power, row);
            }
            for (mode, spectrum) in spectra.chunks_exact(pixels).enumerate() {
                let mode = mode * pixels..(mode + 1) * pixels;
                model.shifted_probe(spectrum, &ramps[pattern], &mut probes[mode.clone()], work);
                let rows = product[mode.clone()].chunks_exact_mut(width);
                for ((product, probe), row) in
                    rows.zip(probes[mode].chunks_exact(width)).zip(patch())
                {
                    elementwise::multiply(product, probe, row);
                }
            }

            // e, in the place of w.
            let mut stored = waves.of(pattern);
            let wave = match &mut *stored {
                Some(wave) => {
                    let [of_product, of_wave] = update.trial;
                    for (wave, product) in wave.iter_mut().zip(product.iter()) {
                        *wave = product * of_product + *wave * of_wave;
                    }
                    wave
                }
                none => {
                    let wave = none.insert(Buffer::zeros(product.len()));
                    wave.copy_from_slice(product);
                    wave
                }
            };
            let modes = wave.chunks_exact(pixels).zip(in_flight.chunks_exact_mut(pixels));
            modes.for_each(|(wave, in_flight)| model.launch(wave, in_flight, work));
            let query = PatternQuery { whole: false, masked: problem.mask.of(pattern) };
            model.detect(in_flight, chi, query, work, &mut |first, intensity, factor| {
                let from = pattern * pixels + first;
                let buffer = &mut measured[..intensity.len()];
                Step::Gaussian.factor(&problem.patterns, from, buffer, intensity, factor);
            });
            chi.chunks_exact_mut(pixels).for_each(|chi| model.land(chi, work));

            // What is kept, and in the place of chi what is shared.
            let mut gap = 0.0;
            for ((wave, chi), product) in wave.iter_mut().zip(chi.iter_mut()).zip(product.iter()) {
                let (before, after) = (*wave, *wave + *chi);
                gap += f64::from((after - product).norm_sqr());
                *wave = update.keep.of(*product, before, after);
                *chi = update.share.of(*product, before, after);
            }
            self.loss += gap;
            for (mode, sum) in self.probe_sum.chunks_exact_mut(pixels).enumerate() {
                let mode = mode * pixels..(mode + 1) * pixels;
                let (share, probe) = (&chi[mode.clone()], &probes[mode.clone()]);
                self.footprint.add(problem, (index, pattern), share, probe);
                let rows = product[mode.clone()].chunks_exact_mut(width);
                for ((product, share), row) in rows.zip(share.chunks_exact(width)).zip(patch()) {
                    elementwise::multiply_conjugate(product, share, row);
                }
                model.accumulate_unshifted(&mut product[mode], &ramps[pattern], sum, work);
            }
        }
    }
}
