//! LSQML: iterative least-squares solver for generalised maximum-likelihood ptychography.
//!
//! M. Odstrcil, A. Menzel, M. Guizar-Sicairos, Optics Express 26, 3108 (2018), "O18". One epoch visits every pattern once,
//! in batches. For a batch:
//!
//! 1. forward model, and a step in the detector plane along the gradient of the likelihood (module `detector`);
//!    back-propagated, it is chi_j = psi_opt - psi_j, what the exit wave lacks (Eq. 19);
//! 2. update directions, sums over the batch divided by the illumination (Eqs. 24, 25):
//!    `dO = sum_j chi_j conj(P_j) / kappa`, `dP = sum_j chi_j conj(O_j) / (sum_j |O_j|^2 + damping)`;
//! 3. for every pattern the pair of real step lengths that minimises `|chi_j - a dO P_j - b dP O_j|^2` (Eq. 22);
//! 4. both fields move by their direction times the mean step.
//!
//! The sub-pixel shift belongs to the probe, so contributions to dP are summed in Fourier space and inverted once.

mod momentum;
mod state;

use crate::batching;
pub use crate::detector::Noise;
use crate::{Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};
use state::State;

/// How the positions are grouped into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batching {
    /// A new random partition every epoch; object and probe move after every batch.
    Random,
    /// Neighbouring positions together; the probe moves after every batch and the object once per epoch, by the sum of the
    /// epoch's directions: slow alone, fast with momentum.
    #[default]
    Compact,
}

/// Options of the LSQML solver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lsqml {
    /// Number of epochs.
    #[serde(alias = "num_epochs")]
    pub epochs: usize,
    /// Patterns per batch, at most; batches of an epoch differ in size by at most one.
    pub batch_size: usize,
    /// Grouping of positions.
    pub batching: Batching,
    /// Likelihood.
    pub noise: Noise,
    /// Gain of the momentum acceleration of compact batches, 0 for none. 0.5 is the field's usual choice; 0.7 gave the smallest
    /// errors over four doses on simulated scans.
    pub momentum: f64,
    /// Share of the largest illumination that is added (in quadrature) to the illumination by which the object direction is
    /// divided; keeps the faint rim of the scan from amplifying noise.
    pub damping: f64,
    /// Factor on both least-squares steps.
    pub step_scale: f64,
    /// First epoch, counted from 1, in which the probe moves.
    pub probe_from_epoch: usize,
    /// Seed of the random batches.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
}

impl Default for Lsqml {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 100,
            batching: Batching::Compact,
            noise: Noise::Gaussian,
            momentum: 0.7,
            damping: 0.1,
            step_scale: 0.9,
            probe_from_epoch: 1,
            seed: 42,
        }
    }
}

/// Epochs between two removals of the object/probe scale ambiguity.
const BALANCE_EVERY: usize = 10;

impl Lsqml {
    /// Reconstructs `problem`, calling `observe` after every epoch.
    ///
    /// The start probe is rescaled so that the start fields predict the measured total intensity. The result does not
    /// depend on the number of threads. Runs in the current rayon thread pool.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        let mut state = State::new(self, problem);
        let mut losses = Vec::new();
        let groups = match self.batching {
            Batching::Compact => batching::compact(&problem.scan, self.batch_size),
            Batching::Random => Vec::new(),
        };
        for epoch in 1..=self.epochs {
            let loss = match self.batching {
                Batching::Compact => state.compact_epoch(epoch, &groups),
                Batching::Random => {
                    let batches =
                        batching::random(problem.n_patterns(), self.batch_size, self.seed, epoch as u64);
                    state.random_epoch(epoch, &batches)
                }
            };
            losses.push(loss);
            state.accelerate(&losses);
            if epoch % BALANCE_EVERY == 0 || epoch == self.epochs {
                state.balance();
            }
            if observe(Epoch { done: epoch, total: self.epochs, loss }) == Flow::Stop {
                break;
            }
        }
        state.into_solution(losses)
    }
}

#[cfg(test)]
mod tests;
