//! LSQML: iterative least-squares solver for generalised maximum-likelihood ptychography (being written).

use crate::{Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};

/// Noise model of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noise {
    /// Amplitudes with constant variance.
    Gaussian,
    /// Photon counts; the problem's intensities must be counts.
    Poisson,
}

/// How the positions are grouped into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batching {
    /// A new random partition every epoch.
    Random,
    /// Neighbouring positions together; the object moves once per epoch.
    Compact,
}

/// Options of the LSQML solver; more fields will follow, so build it from `Default`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lsqml {
    /// Number of epochs.
    pub epochs: usize,
    /// Patterns per batch.
    pub batch_size: usize,
    /// Grouping of positions.
    pub batching: Batching,
    /// Likelihood.
    pub noise: Noise,
    /// Gain of the momentum acceleration, 0 for none.
    pub momentum: f64,
    /// Seed of the random batches.
    pub seed: u64,
}

impl Default for Lsqml {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 100,
            batching: Batching::Compact,
            noise: Noise::Gaussian,
            momentum: 0.5,
            seed: 42,
        }
    }
}

impl Lsqml {
    /// Reconstructs `problem`, calling `observe` after every epoch.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        let _ = (problem, observe);
        todo!()
    }
}
