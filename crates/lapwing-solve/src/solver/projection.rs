//! Projection algorithms: every pattern keeps an exit wave of its own, which is projected in turn
//! onto what was measured and onto what one object and one probe can make of all of them.
//!
//! The second is done once per pass, from the waves' shares c_j of the pass (P. Thibault, M.
//! Dierolf, O. Bunk, A. Menzel, F. Pfeiffer, Ultramicroscopy 109, 338 (2009), Eqs. 11 and 12), each
//! field with a little of what it was, so that it stays where no light falls:
//!
//! ```text
//! O <- (sum_j c_j conj(P_j) + a max(K) O) / (K + a max(K))      K = sum_j |P_j|^2
//! P <- (sum_j c_j conj(O_j) + b max(Q) P) / (Q + b max(Q))      Q = sum_j |O_j|^2
//! ```

use super::batching::GROUP;
use super::frame::Frame;
use super::run::Algorithm;
use crate::engine::{Side, WaveUpdate};
use crate::neighbours;
use crate::{Problem, options};
use lapwing_model::{Complex32, elementwise};

/// A projection algorithm, defined by how its waves move.
pub struct Projection {
    update: WaveUpdate,
    overlap: OverlapProjection,
    /// All patterns, neighbours next to each other.
    path: Vec<usize>,
}

options! {
    /// How object and probe are made of the waves.
    #[derive(Copy)]
    pub struct OverlapProjection {
        /// Share of the largest illumination that holds the object where it was.
        object_inertia: f64 = 0.01, Kind::Number(Range::NotNegative);
        /// Share of the largest object power that holds the probe where it was.
        probe_inertia: f64 = 0.01, Kind::Number(Range::NotNegative);
        /// First epoch, counted from 1, in which the probe moves.
        probe_from_epoch: usize = 2, Kind::FROM_ONE;
        /// How often object and probe are made of the waves in turn in every epoch.
        overlap_rounds: usize = 2, Kind::FROM_ONE;
    }
}

impl Projection {
    /// Before the first pass.
    pub fn new(problem: &Problem, update: WaveUpdate, overlap: OverlapProjection) -> Self {
        let path = neighbours::path(&problem.scan, (0..problem.n_patterns()).collect());
        Self { update, overlap, path }
    }
}

impl Algorithm for Projection {
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, _losses: &[f64]) -> f64 {
        for members in self.path.chunks(GROUP) {
            frame.engine.project_waves(members, self.update);
            frame.engine.add_sums();
        }
        self.update_object(frame);
        if number >= self.overlap.probe_from_epoch {
            for round in 0..self.overlap.overlap_rounds {
                if round > 0 {
                    self.share(frame, Side::Object);
                    self.update_object(frame);
                }
                self.share(frame, Side::Probe);
                self.update_probe(frame);
            }
        }
        frame.constrain();
        frame.problem.loss_per_pixel(frame.engine.take_losses().seen)
    }
}

impl Projection {
    fn share(&self, frame: &mut Frame<'_>, side: Side) {
        for members in self.path.chunks(GROUP) {
            frame.engine.share_waves(members, side);
            frame.engine.add_sums();
        }
    }

    fn update_object(&self, frame: &mut Frame<'_>) {
        let sums = frame.engine.take_sums();
        let object = frame.engine.fields_mut().parts_mut().object;
        average(object, &sums.object, &sums.light, self.overlap.object_inertia);
    }

    fn update_probe(&self, frame: &mut Frame<'_>) {
        let sums = frame.engine.take_sums();
        let pixels = sums.power.len();
        let probe = frame.engine.fields_mut().parts_mut().probe;
        for (mode, sum) in probe.chunks_exact_mut(pixels).zip(sums.probe.chunks_exact(pixels)) {
            average(mode, sum, &sums.power, self.overlap.probe_inertia);
        }
    }
}

/// field <- (sum + share max(light) field) / (light + share max(light))
fn average(field: &mut [Complex32], sum: &[Complex32], light: &[f32], share: f64) {
    let held = (share as f32 * elementwise::largest(light)).max(f32::MIN_POSITIVE);
    for ((value, sum), light) in field.iter_mut().zip(sum).zip(light) {
        *value = (sum + *value * held) / (light + held);
    }
}
