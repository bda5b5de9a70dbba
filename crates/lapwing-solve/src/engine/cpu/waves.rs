//! Stored exit waves: the work of projection algorithms on a batch.
//!
//! Between two passes every pattern has a wave of its own, not the product of probe and object. A
//! pass computes what the fields predict, projects a mixture of both onto the measured modulus,
//! stores what the algorithm keeps, and sums what it shares with the fields.

use super::chunk::{Chunk, Scene};
use super::passage::Passage;
use super::scratch::Scratch;
use crate::Problem;
use crate::engine::{DetectorRule, Side, WaveUpdate, WaveWeights};
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::PatternQuery;
use lapwing_model::{Complex32, elementwise};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The stored waves of all patterns; none before a pattern's first pass.
pub(super) struct Waves {
    /// No two tasks have the same pattern, so nobody waits for a lock.
    of_patterns: Vec<Mutex<Option<Stored>>>,
}

/// The waves of one pattern, (wave, y, x).
struct Stored {
    kept: Buffer,
    /// What was shared in the last pass; what is kept, unless the update says otherwise.
    shared: Option<Buffer>,
}

impl Stored {
    fn shared(&self) -> &[Complex32] {
        self.shared.as_ref().unwrap_or(&self.kept)
    }
}

impl Waves {
    pub fn new(problem: &Problem) -> Self {
        Self { of_patterns: (0..problem.n_patterns()).map(|_| Mutex::default()).collect() }
    }

    fn of(&self, pattern: usize) -> MutexGuard<'_, Option<Stored>> {
        self.of_patterns[pattern].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The waves kept, axes (pattern, wave, y, x); `None` unless every pattern has one.
    pub fn values(&self) -> Option<Vec<Complex32>> {
        let mut values = Vec::new();
        for pattern in 0..self.of_patterns.len() {
            values.extend_from_slice(&self.of(pattern).as_ref()?.kept);
        }
        Some(values)
    }

    /// Replaces them.
    pub fn set(&mut self, values: &[Complex32]) {
        let len = values.len() / self.of_patterns.len();
        for (pattern, values) in values.chunks_exact(len).enumerate() {
            let mut kept = Buffer::zeros(len);
            kept.copy_from_slice(values);
            *self.of(pattern) = Some(Stored { kept, shared: None });
        }
    }
}

impl WaveWeights {
    fn of(self, product: Complex32, before: Complex32, after: Complex32) -> Complex32 {
        product * self.product + before * self.before + after * self.after
    }
}

impl Chunk {
    /// Takes the waves of the patterns `members` through a pass, and sums their shares for the
    /// object; the loss is the gap between the projections, sum |m - p|^2.
    pub(super) fn project_waves(
        &mut self,
        scene: Scene<'_>,
        update: WaveUpdate,
        members: &[usize],
        waves: &Waves,
        scratch: &mut Scratch,
    ) {
        let problem = scene.problem;
        let (model, pixels, width) = (&problem.model, problem.model.len(), problem.model.shape().1);
        self.begin(problem, members);
        for (index, &pattern) in members.iter().enumerate() {
            let Scratch {
                work,
                in_flight,
                measured,
                expected,
                probes,
                chi,
                per_pattern: product,
                own,
                ..
            } = &mut *scratch;
            let own = scene.own(pattern, own);
            let per_wave = probes.chunks_exact_mut(pixels).zip(product.chunks_exact_mut(pixels));
            for ((ramp, spectrum, _), (probe, product)) in scene.waves(pattern, own).zip(per_wave) {
                model.shifted_probe(spectrum, ramp, probe, work);
                let rows = product.chunks_exact_mut(width).zip(probe.chunks_exact(width));
                for ((product, probe), row) in rows.zip(scene.rows(pattern)) {
                    elementwise::multiply(product, probe, row);
                }
            }

            // e, in the place of w.
            let mut stored = waves.of(pattern);
            let stored = match &mut *stored {
                Some(stored) => {
                    let [of_product, of_wave] = update.trial;
                    for (wave, product) in stored.kept.iter_mut().zip(product.iter()) {
                        *wave = product * of_product + *wave * of_wave;
                    }
                    stored
                }
                none => {
                    let mut kept = Buffer::zeros(product.len());
                    kept.copy_from_slice(product);
                    none.insert(Stored { kept, shared: None })
                }
            };
            let per_wave = stored.kept.chunks_exact(pixels).zip(in_flight.chunks_exact_mut(pixels));
            for ((ramp, _, _), (wave, in_flight)) in scene.waves(pattern, own).zip(per_wave) {
                model.launch(wave, ramp, in_flight, work);
            }
            let (masked, ramps) = (problem.mask.of(pattern), scene.ramps_of(pattern));
            let query = PatternQuery { whole: false, masked, ramps };
            model.detect(in_flight, chi, query, work, &mut |first, intensity, factor| {
                let buffer = &mut measured[..intensity.len()];
                let intensity = scene.with_background(first, intensity, expected);
                let at = (pattern, first);
                scene.factor(DetectorRule::Gaussian, at, buffer, intensity, factor);
            });
            chi.chunks_exact_mut(pixels).for_each(|chi| model.land(chi, work));

            // What is kept, and in the place of chi what is shared.
            let waves = stored.kept.iter_mut().zip(chi.iter_mut()).zip(product.iter());
            for ((wave, chi), product) in waves {
                let (before, after) = (*wave, *wave + *chi);
                self.loss += f64::from((after - product).norm_sqr());
                *wave = update.keep.of(*product, before, after);
                *chi = update.share.of(*product, before, after);
            }
            if update.keep == update.share {
                stored.shared = None;
            } else {
                let shared = stored.shared.get_or_insert_with(|| Buffer::zeros(chi.len()));
                shared.copy_from_slice(chi);
            }
            for (share, probe) in chi.chunks_exact(pixels).zip(probes.chunks_exact(pixels)) {
                self.footprint.add(problem, (index, pattern), 0, (share, probe), None);
            }
        }
    }

    /// Sums what the waves of the patterns `members` shared in their last pass, for one field.
    pub(super) fn share_waves(
        &mut self,
        scene: Scene<'_>,
        side: Side,
        members: &[usize],
        waves: &Waves,
        scratch: &mut Scratch,
    ) {
        let problem = scene.problem;
        let (model, pixels, width) = (&problem.model, problem.model.len(), problem.model.shape().1);
        self.begin(problem, members);
        for (index, &pattern) in members.iter().enumerate() {
            let Scratch { work, probes, per_pattern: product, own, .. } = &mut *scratch;
            let own = scene.own(pattern, own);
            let stored = waves.of(pattern);
            let stored = stored.as_ref().expect("waves were stored before they are summed");
            let shares = stored.shared().chunks_exact(pixels);
            match side {
                Side::Object => {
                    let per_wave = probes.chunks_exact_mut(pixels).zip(shares);
                    for ((ramp, spectrum, _), (probe, share)) in
                        scene.waves(pattern, own).zip(per_wave)
                    {
                        model.shifted_probe(spectrum, ramp, probe, work);
                        self.footprint.add(problem, (index, pattern), 0, (share, probe), None);
                    }
                }
                Side::Probe => {
                    let powers = self.object_power.chunks_exact_mut(width);
                    powers.zip(scene.rows(pattern)).for_each(|(power, row)| {
                        elementwise::add_power(power, row);
                    });
                    let per_wave = product.chunks_exact_mut(pixels).zip(shares);
                    for ((ramp, _, mode), (product, share)) in
                        scene.waves(pattern, own).zip(per_wave)
                    {
                        let sum = &mut self.probe_sum[mode * pixels..(mode + 1) * pixels];
                        let rows = product.chunks_exact_mut(width).zip(share.chunks_exact(width));
                        for ((product, share), row) in rows.zip(scene.rows(pattern)) {
                            elementwise::multiply_conjugate(product, share, row);
                        }
                        model.accumulate_unshifted(product, ramp, sum, work);
                    }
                }
            }
        }
    }
}

impl<'a> Scene<'a> {
    /// The rows of a thin object in the window of a pattern.
    fn rows(&self, pattern: usize) -> impl Iterator<Item = &'a [Complex32]> {
        Passage::new(self.problem, self.object, pattern).rows(0)
    }
}
