//! A solver at work: one problem, one epoch after the other, whatever the algorithm.

use crate::snapshot::{Snapshot, SnapshotError};
use crate::{Epoch, Flow, Solution};

/// What an algorithm is to the loop that runs it.
pub(crate) trait Iteration {
    /// Does epoch `number`, from 1; `losses` are those of the epochs before. Returns its loss.
    fn epoch(&mut self, number: usize, losses: &[f64]) -> f64;
    /// Adds everything that [`load`](Self::load) needs.
    fn save(&self, snapshot: &mut Snapshot);
    /// Takes over a saved state.
    fn load(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError>;
    /// The present fields as a solution with these losses.
    fn finish(self: Box<Self>, losses: Vec<f64>) -> Solution;
}

/// A reconstruction in progress, driven epoch by epoch by its caller.
///
/// Runs in the current rayon thread pool. The result depends neither on the number of threads nor
/// on whether the run was interrupted between two epochs and resumed from a [`Snapshot`].
pub struct Run<'a> {
    iteration: Box<dyn Iteration + 'a>,
    losses: Vec<f64>,
    total: usize,
}

impl<'a> Run<'a> {
    pub(crate) fn new(iteration: impl Iteration + 'a, total: usize) -> Self {
        Self { iteration: Box::new(iteration), losses: Vec::new(), total }
    }

    /// Goes on where `snapshot` was taken from a run of the same problem and options.
    ///
    /// # Errors
    /// When the snapshot lacks an array or one has another length. The run must not be used then.
    pub fn resume(mut self, snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        self.iteration.load(snapshot)?;
        self.losses.clone_from(&snapshot.loss);
        Ok(self)
    }

    /// Does the next epoch; `None` when all are done.
    pub fn epoch(&mut self) -> Option<Epoch> {
        let done = self.losses.len() + 1;
        if done > self.total {
            return None;
        }
        let loss = self.iteration.epoch(done, &self.losses);
        self.losses.push(loss);
        Some(Epoch { done, total: self.total, loss })
    }

    /// The state between the last epoch and the next.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::from_arrays(self.losses.clone(), Vec::new());
        self.iteration.save(&mut snapshot);
        snapshot
    }

    /// The reconstruction as it stands.
    pub fn finish(self) -> Solution {
        self.iteration.finish(self.losses)
    }

    /// Does all epochs that are left, or as many as `observe` allows, and finishes.
    pub fn solve(mut self, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        while let Some(epoch) = self.epoch() {
            if observe(epoch) == Flow::Stop {
                break;
            }
        }
        self.finish()
    }
}
