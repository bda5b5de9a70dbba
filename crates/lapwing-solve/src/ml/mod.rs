//! ML: a two-stage maximum-likelihood solver, the one to use when it is the quality that counts.
//!
//! Stage 1, a few epochs: small random batches, modulus projection, and updates divided by the illumination *of the batch*,
//! which take full steps where the batch brings many photons and average where it brings few.
//!
//! Stage 2, the rest: preconditioned L-BFGS on all patterns at once, for the Poisson likelihood with a small background e,
//!
//! ```text
//! L(O, P) = 1/2 sum [ (I + e) - (m + e) - (m + e) ln((I + e) / (m + e)) ] + R(O, P)
//! ```
//!
//! with a weak prior R (module `prior`) that may be switched off. Photons per object pixel weigh likelihood against prior, so one set of
//! defaults serves every dose. Intensities must be counts. When the loss rises, the step is taken back and halved.

mod lbfgs;
mod precondition;
mod prior;
mod state;
mod vector;

use crate::{Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};
use state::State;

/// Options of the ML solver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ml {
    /// Number of epochs, both stages together. An epoch computes every pattern once.
    #[serde(alias = "num_epochs")]
    pub epochs: usize,
    /// Epochs of stage 1.
    pub start_epochs: usize,
    /// Patterns per batch in stage 1.
    #[serde(alias = "batch_size")]
    pub start_batch_size: usize,
    /// Strength mu of the prior, photons; 0 switches it off.
    pub prior: f64,
    /// Difference h between neighbouring object pixels (relative to an object of modulus 1) above which the prior spares edges.
    pub prior_edge: f64,
    /// Seed of the random batches of stage 1.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
}

impl Default for Ml {
    fn default() -> Self {
        Self { epochs: 50, start_epochs: 8, start_batch_size: 10, prior: 20.0, prior_edge: 0.05, seed: 42 }
    }
}

impl Ml {
    /// Reconstructs `problem`, whose intensities must be counts, calling `observe` after every epoch.
    ///
    /// The loss of an epoch is the one minimised, likelihood and prior, at the start of its step and as a mean per pixel of the
    /// patterns, in the scale of half a Poisson deviance: about 0.5 for a perfect model of bright pixels, less for dark ones. The
    /// result does not depend on the number of threads. Runs in the current rayon thread pool.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        let mut state = State::new(self, problem);
        let mut losses = Vec::new();
        for epoch in 1..=self.epochs {
            let loss = if epoch <= self.start_epochs { state.start_epoch(epoch) } else { state.descend() };
            losses.push(loss);
            if observe(Epoch { done: epoch, total: self.epochs, loss }) == Flow::Stop {
                break;
            }
        }
        state.into_solution(losses)
    }
}
