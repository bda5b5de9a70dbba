//! LSQML: iterative least-squares solver for generalised maximum-likelihood ptychography.
//!
//! M. Odstrcil, A. Menzel, M. Guizar-Sicairos, Optics Express 26, 3108 (2018), "O18". One epoch
//! visits every pattern once, in batches. For a batch:
//!
//! 1. forward model, and a step in the detector plane along the gradient of the likelihood (module
//!    `detector`); back-propagated, it is chi_j = psi_opt - psi_j, what the exit wave lacks (Eq.
//!    19);
//! 2. update directions, sums over the batch divided by the illumination (Eqs. 24, 25): `dO = sum_j
//!    chi_j conj(P_j) / kappa`, `dP = sum_j chi_j conj(O_j) / (sum_j |O_j|^2 + damping)`;
//! 3. for every pattern the pair of real step lengths that minimises `|chi_j - a dO P_j - b dP
//!    O_j|^2` (Eq. 22);
//! 4. both fields move by their direction times the mean step.
//!
//! The sub-pixel shift belongs to the probe, so contributions to dP are summed in Fourier space and
//! inverted once.

mod momentum;
mod state;

pub use crate::detector::Noise;
use crate::run::Run;
use crate::{Constraints, Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};
use state::State;

/// How the positions are grouped into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batching {
    /// A new random partition every epoch.
    Random,
    /// Neighbouring positions together, always in the same order.
    #[default]
    Compact,
    /// The same sets in every epoch, each spread over the whole scan, in a random order.
    Sparse,
}

/// When the object moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectStep {
    /// After every batch.
    Batch,
    /// Once per epoch, by the sum of the epoch's directions: slow alone, fast with momentum.
    Epoch,
}

/// What the object direction is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preconditioner {
    /// The illumination by the whole scan, that of the epoch before.
    #[default]
    Scan,
    /// The illumination by the batch; only where the object moves after every batch.
    Batch,
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
    /// When the object moves; unless given, once per epoch with compact batches and after every
    /// batch with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_step: Option<ObjectStep>,
    /// What the object direction is divided by.
    pub preconditioner: Preconditioner,
    /// Likelihood.
    pub noise: Noise,
    /// Gain of the momentum acceleration, for an object that moves once per epoch; 0 for none. 0.5
    /// is the field's usual choice; 0.7 gave the smallest errors over four doses on simulated
    /// scans.
    pub momentum: f64,
    /// Share of the largest illumination that is added (in quadrature) to the illumination by which
    /// the object direction is divided; keeps the faint rim of the scan from amplifying noise.
    pub damping: f64,
    /// Factor on both least-squares steps.
    pub step_scale: f64,
    /// First epoch, counted from 1, in which the probe moves.
    pub probe_from_epoch: usize,
    /// First epoch, counted from 1, in which the positions are refined; never unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions_from_epoch: Option<usize>,
    /// Strength mu of ML's edge-preserving prior, photons; 0, the default and the field's practice,
    /// for none. It needs counts.
    pub prior: f64,
    /// Difference h between neighbouring object pixels above which the prior spares edges.
    pub prior_edge: f64,
    /// Seed of the random batches.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
    /// Constraints on object and probe.
    #[serde(skip_serializing_if = "Constraints::is_none")]
    pub constraints: Constraints,
}

impl Default for Lsqml {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 100,
            batching: Batching::Compact,
            object_step: None,
            preconditioner: Preconditioner::Scan,
            noise: Noise::Gaussian,
            momentum: 0.7,
            damping: 0.1,
            step_scale: 0.9,
            probe_from_epoch: 1,
            positions_from_epoch: None,
            prior: 0.0,
            prior_edge: 0.05,
            seed: 42,
            constraints: Constraints::default(),
        }
    }
}

/// Epochs between two removals of the object/probe scale ambiguity.
const BALANCE_EVERY: usize = 10;

impl Lsqml {
    /// A reconstruction of `problem`, to be driven epoch by epoch.
    ///
    /// The start probe is rescaled so that the start fields predict the measured total intensity.
    /// An epoch's loss is that of the fields as its batches found them (see [`Noise`]); when it
    /// exceeds the epoch before by half, both epochs are taken back and steps shortened.
    pub fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        Run::new(State::new(self, problem), self.epochs)
    }

    /// Reconstructs `problem`, calling `observe` after every epoch.
    ///
    /// The result does not depend on the number of threads. Runs in the current rayon thread pool.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }

    /// When the object moves.
    fn object_step(&self) -> ObjectStep {
        match (self.object_step, self.batching) {
            (Some(step), _) => step,
            (None, Batching::Compact) => ObjectStep::Epoch,
            (None, Batching::Random | Batching::Sparse) => ObjectStep::Batch,
        }
    }
}

#[cfg(test)]
mod tests;
