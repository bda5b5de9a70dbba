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

use super::batching;
use super::frame::Frame;
use super::run::Algorithm;
use crate::Problem;
use crate::engine::{FieldsMut, WaveUpdate};
use lapwing_model::{Complex32, elementwise};

/// An algorithm told apart from the others by how its waves move.
pub struct Projection {
    update: WaveUpdate,
    /// a and b.
    inertia: Inertia,
    probe_from_epoch: usize,
    /// All patterns, neighbours next to each other.
    path: Vec<usize>,
}

/// Shares of the largest light that hold the fields where they were.
#[derive(Debug, Clone, Copy)]
pub struct Inertia {
    /// a
    pub object: f64,
    /// b
    pub probe: f64,
}

impl Projection {
    /// Patterns computed at once; only memory depends on it.
    pub const GROUP: usize = 320;

    /// Before the first pass; the probe moves from epoch `probe_from_epoch` on, counted from 1.
    pub fn new(
        problem: &Problem,
        update: WaveUpdate,
        inertia: Inertia,
        probe_from_epoch: usize,
    ) -> Self {
        let path = batching::path(&problem.scan, (0..problem.n_patterns()).collect());
        Self { update, inertia, probe_from_epoch, path }
    }
}

impl Algorithm for Projection {
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, _losses: &[f64]) -> f64 {
        let mut gap = 0.0;
        for members in self.path.chunks(Self::GROUP) {
            gap += frame.engine.project_waves(members, self.update);
            frame.engine.add_sums();
        }
        let sums = frame.engine.take_sums();
        let FieldsMut { object, probe, .. } = frame.engine.fields_mut().parts_mut();
        average(object, &sums.object, &sums.light, self.inertia.object);
        if number >= self.probe_from_epoch {
            for (mode, sum) in
                probe.chunks_exact_mut(sums.power.len()).zip(sums.probe.chunks(sums.power.len()))
            {
                average(mode, sum, &sums.power, self.inertia.probe);
            }
        }
        frame.constrain();
        frame.problem.loss_per_pixel(gap)
    }
}

/// field <- (sum + share max(light) field) / (light + share max(light))
fn average(field: &mut [Complex32], sum: &[Complex32], light: &[f32], share: f64) {
    let held = (share as f32 * elementwise::largest(light)).max(f32::MIN_POSITIVE);
    for ((value, sum), light) in field.iter_mut().zip(sum).zip(light) {
        *value = (sum + *value * held) / (light + held);
    }
}
