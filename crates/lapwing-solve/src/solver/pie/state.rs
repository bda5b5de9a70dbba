//! One epoch, batch by batch.

use crate::engine::{DetectorRule, Floor, Quotient};
use crate::solver::batching;
use crate::solver::frame::{Frame, Guarded};
use crate::solver::run::Algorithm;

/// What distinguishes the members of the family.
pub(super) struct Update {
    pub batch_size: usize,
    pub object: Share,
    pub probe: Share,
    pub probe_from_epoch: usize,
    pub seed: u64,
}

/// How far a field moves: step sum / ((1 - a) light + a max light).
#[derive(Clone, Copy)]
pub(super) struct Share {
    /// a
    pub of_largest: f64,
    /// Factor on the whole.
    pub step: f64,
}

impl Share {
    fn quotient(self, step_factor: f64) -> Quotient {
        let share = self.of_largest as f32;
        Quotient {
            weight: 1.0 - share,
            floor: Floor::ShareOfLargest(share),
            step: (self.step * step_factor) as f32,
        }
    }
}

pub(super) struct State {
    update: Update,
}

impl State {
    pub fn new(update: Update) -> Self {
        Self { update }
    }

    /// Visits all batches; returns the summed loss.
    fn sweep(&self, frame: &mut Frame<'_>, epoch: usize) -> f64 {
        let Update { batch_size, object, probe, probe_from_epoch, seed } = self.update;
        // Slices that move together each correct the same error.
        let share = 1.0 / frame.problem.n_slices() as f64;
        let object = object.quotient(share * frame.step_factor());
        let probe = probe.quotient(frame.step_factor());
        let probe = (epoch >= probe_from_epoch).then_some(probe);
        let batches = batching::random(frame.problem.n_patterns(), batch_size, seed, epoch as u64);
        let engine = &mut frame.engine;
        for members in &batches {
            engine.project(members, DetectorRule::Gaussian);
            engine.step_by_quotients(object, probe);
        }
        engine.take_losses().seen
    }
}

impl Algorithm for State {
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, _losses: &[f64]) -> f64 {
        match frame.guarded(|frame| self.sweep(frame, number)) {
            Guarded::RolledBack { loss } => loss,
            Guarded::Kept { loss, .. } => {
                frame.constrain();
                loss
            }
        }
    }
}
