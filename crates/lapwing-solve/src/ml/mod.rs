//! ML: a two-stage maximum-likelihood solver, the one to use when it is the quality that counts.
//!
//! Stage 1, a few epochs: small random batches, modulus projection, and updates divided by the
//! illumination *of the batch*, which take full steps where the batch brings many photons and
//! average where it brings few.
//!
//! Stage 2, the rest: preconditioned L-BFGS on all patterns at once, for the Poisson likelihood
//! with a small background e,
//!
//! ```text
//! L(O, P) = 1/2 sum [ (I + e) - (m + e) - (m + e) ln((I + e) / (m + e)) ] + R(O, P)
//! ```
//!
//! with a weak prior R (module `prior`) that may be switched off. Photons per object pixel weigh
//! likelihood against prior, so one set of defaults serves every dose. Intensities must be counts.
//! When the loss rises, the step is taken back and halved.

mod lbfgs;
pub(crate) mod precondition;
pub(crate) mod prior;
mod state;

use crate::run::Run;
use crate::{Constraints, Epoch, Flow, Problem, Solution};
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
    /// Difference h between neighbouring object pixels (relative to an object of modulus 1) above
    /// which the prior spares edges.
    pub prior_edge: f64,
    /// First epoch of stage 2, counted from 1 over both stages, in which the positions are refined;
    /// never unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions_from_epoch: Option<usize>,
    /// Seed of the random batches of stage 1.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
    /// Constraints on object and probe.
    #[serde(skip_serializing_if = "Constraints::is_none")]
    pub constraints: Constraints,
}

impl Default for Ml {
    fn default() -> Self {
        Self {
            epochs: 50,
            start_epochs: 8,
            start_batch_size: 10,
            prior: 20.0,
            prior_edge: 0.05,
            positions_from_epoch: None,
            seed: 42,
            constraints: Constraints::default(),
        }
    }
}

impl Ml {
    /// A reconstruction of `problem`, whose intensities must be counts, to be driven epoch by
    /// epoch.
    ///
    /// The loss of an epoch is the one minimised, likelihood and prior, at the start of its step
    /// and as a mean per pixel of the patterns, in the scale of half a Poisson deviance: about 0.5
    /// for a perfect model of bright pixels, less for dark ones.
    pub fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        Run::new(State::new(self, problem), self.epochs)
    }

    /// Reconstructs `problem`, calling `observe` after every epoch.
    ///
    /// The result does not depend on the number of threads. Runs in the current rayon thread pool.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }
}
