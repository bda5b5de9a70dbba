//! A solver at work: one problem, one epoch after the other, whatever the algorithm.

use super::frame::Frame;
use super::snapshot::{Snapshot, SnapshotError};
use super::solution::{Choice, Solution};
use crate::Flow;

/// What a solver reports to its caller after every epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Number of epochs done, from 1.
    pub done: usize,
    /// Number of epochs at most.
    pub total: usize,
    /// Loss of this epoch (see the solver's documentation for its definition).
    pub loss: f64,
}

/// What an algorithm does in an epoch, and the state that it keeps from one to the next.
pub trait Algorithm {
    /// Does epoch `number`, from 1; `losses` are those of the epochs before. Returns its loss as
    /// it is reported.
    fn epoch(&mut self, frame: &mut Frame<'_>, number: usize, losses: &[f64]) -> f64;

    /// Called once after the last epoch, whose step nobody has looked at.
    fn end(&mut self, _frame: &mut Frame<'_>) {}

    /// Whether nothing is left to do, however many epochs were allowed.
    fn is_done(&self) -> bool {
        false
    }

    /// What it has chosen from the data.
    fn choices(&self) -> Vec<Choice> {
        Vec::new()
    }

    /// Whether its loss has settled, so that more epochs would change little; `None` where it does
    /// not judge.
    fn has_settled(&self) -> Option<bool> {
        None
    }

    /// Adds its state beside the frame's own, under names of its own.
    fn save(&self, _frame: &mut Frame<'_>, _snapshot: &mut Snapshot) {}

    /// Takes over what was saved; the frame has taken over its own state already.
    ///
    /// # Errors
    /// When the snapshot lacks an array or one has another length.
    fn load(&mut self, _frame: &mut Frame<'_>, _snapshot: &Snapshot) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// A reconstruction in progress, driven epoch by epoch by its caller.
///
/// Runs in the current rayon thread pool. The result depends neither on the number of threads nor
/// on whether the run was interrupted between two epochs and resumed from a [`Snapshot`].
pub struct Run<'a> {
    frame: Frame<'a>,
    algorithm: Box<dyn Algorithm + 'a>,
    losses: Vec<f64>,
    total: usize,
}

impl<'a> Run<'a> {
    /// `total` epochs of `algorithm` on `frame`.
    pub fn new(frame: Frame<'a>, algorithm: impl Algorithm + 'a, total: usize) -> Self {
        Self { frame, algorithm: Box::new(algorithm), losses: Vec::new(), total }
    }

    /// Resumes where `snapshot` was taken from a run of the same problem and options.
    ///
    /// # Errors
    /// When the snapshot lacks an array or one has another length. The run must not be used then.
    pub fn resume(mut self, snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        self.frame.load(snapshot)?;
        self.algorithm.load(&mut self.frame, snapshot)?;
        self.losses.clone_from(&snapshot.loss);
        Ok(self)
    }

    /// Does the next epoch; `None` when all are done.
    pub fn epoch(&mut self) -> Option<Epoch> {
        let done = self.losses.len() + 1;
        if done > self.total || self.algorithm.is_done() {
            return None;
        }
        let loss = self.algorithm.epoch(&mut self.frame, done, &self.losses);
        self.losses.push(loss);
        Some(Epoch { done, total: self.total, loss })
    }

    /// The state between the last epoch and the next.
    pub fn snapshot(&mut self) -> Snapshot {
        let mut snapshot =
            Snapshot::kept_in(self.losses.clone(), self.frame.problem.field_store.clone());
        self.frame.save(&mut snapshot);
        self.algorithm.save(&mut self.frame, &mut snapshot);
        snapshot
    }

    /// The device that has failed and its error, if one has: all results computed since are
    /// invalid.
    pub fn failure(&self) -> Option<(String, String)> {
        Some((self.frame.problem.device().to_string(), self.frame.engine.failure()?))
    }

    /// The reconstruction as it stands.
    pub fn finish(mut self) -> Solution {
        self.algorithm.end(&mut self.frame);
        let (choices, settled) = (self.algorithm.choices(), self.algorithm.has_settled());
        Solution { choices, settled, ..self.frame.finish(self.losses) }
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
