//! ePIE and rPIE: ptychographical iterative engines, one pattern - or a batch of them - at a time.
//!
//! A. Maiden, J. Rodenburg, Ultramicroscopy 109, 1256 (2009), ePIE; A. Maiden, D. Johnson, P. Li,
//! Optica 4, 736 (2017), rPIE, Eqs. 22 and 23. With chi_j what the modulus projection asks of the
//! exit wave, a batch moves
//!
//! ```text
//! O += sum_j chi_j conj(P_j) / ((1 - a) K + a max K)     K(x) = sum_j |P_j|^2 on the object's grid
//! P += sum_j chi_j conj(O_j) / ((1 - b) Q + b max Q)     Q(y, x) = sum_j |O_j|^2
//! ```
//!
//! For a batch of one pattern this is the published update: rPIE for a < 1, ePIE for a = 1. The
//! sums under the fraction are those of the batch, so overlapping patterns are averaged, never
//! added up, and any batch size is stable.

mod state;

use crate::run::Run;
use crate::{Constraints, Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};
use state::{State, Update};

/// Options of rPIE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rpie {
    /// Number of epochs.
    #[serde(alias = "num_epochs")]
    pub epochs: usize,
    /// Patterns per batch, at most; 1 is the published algorithm.
    pub batch_size: usize,
    /// a: share of the largest illumination under the object's update, above 0. Small values are
    /// fast on clean data and believe noise.
    pub object_alpha: f64,
    /// b: the same for the probe.
    pub probe_alpha: f64,
    /// First epoch, counted from 1, in which the probe moves.
    pub probe_from_epoch: usize,
    /// Seed of the random batches.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
    /// Constraints on object and probe.
    #[serde(skip_serializing_if = "Constraints::is_none")]
    pub constraints: Constraints,
}

impl Default for Rpie {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 10,
            object_alpha: 0.1,
            probe_alpha: 0.1,
            probe_from_epoch: 2,
            seed: 42,
            constraints: Constraints::default(),
        }
    }
}

/// Options of ePIE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Epie {
    /// Number of epochs.
    #[serde(alias = "num_epochs")]
    pub epochs: usize,
    /// Patterns per batch, at most; 1 is the published algorithm.
    pub batch_size: usize,
    /// Factor on the object's update (alpha in the paper).
    pub object_step: f64,
    /// Factor on the probe's update (beta in the paper).
    pub probe_step: f64,
    /// First epoch, counted from 1, in which the probe moves.
    pub probe_from_epoch: usize,
    /// Seed of the random batches.
    #[serde(alias = "batch_seed")]
    pub seed: u64,
    /// Constraints on object and probe.
    #[serde(skip_serializing_if = "Constraints::is_none")]
    pub constraints: Constraints,
}

impl Default for Epie {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 10,
            object_step: 1.0,
            probe_step: 1.0,
            probe_from_epoch: 2,
            seed: 42,
            constraints: Constraints::default(),
        }
    }
}

impl Rpie {
    /// A reconstruction of `problem`, to be driven epoch by epoch. Losses are those of the Gaussian
    /// model of [`Noise`](crate::lsqml::Noise), of the fields as the batches found them; an epoch
    /// after which they rose by half is taken back.
    pub fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let update = Update {
            batch_size: self.batch_size,
            object: (self.object_alpha, 1.0),
            probe: (self.probe_alpha, 1.0),
            probe_from_epoch: self.probe_from_epoch,
            seed: self.seed,
            constraints: self.constraints,
        };
        Run::new(State::new(update, problem), self.epochs)
    }

    /// Reconstructs `problem`, calling `observe` after every epoch.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }
}

impl Epie {
    /// A reconstruction of `problem`, to be driven epoch by epoch; losses as in [`Rpie::start`].
    pub fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let update = Update {
            batch_size: self.batch_size,
            object: (1.0, self.object_step),
            probe: (1.0, self.probe_step),
            probe_from_epoch: self.probe_from_epoch,
            seed: self.seed,
            constraints: self.constraints,
        };
        Run::new(State::new(update, problem), self.epochs)
    }

    /// Reconstructs `problem`, calling `observe` after every epoch.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }
}
