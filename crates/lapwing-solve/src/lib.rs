//! Iterative solvers for ptychography. One problem in, one solution out, one [`Epoch`] event for every epoch.
//!
//! [`Problem`] holds the measured patterns, the scan and the start fields, checked once; [`lsqml::Lsqml`] holds the
//! options of the LSQML solver and reconstructs a problem; [`Solution`] is the object, the probe and the loss of every epoch.
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

mod batching;
pub(crate) mod detector;
pub mod lsqml;
mod problem;

pub use problem::{Problem, ProblemError};

use lapwing_model::{Field, Modes};

/// What a solver tells its caller after every epoch.
#[derive(Debug, Clone, Copy)]
pub struct Epoch {
    /// Number of epochs done, from 1.
    pub done: usize,
    /// Number of epochs asked for.
    pub total: usize,
    /// Loss of this epoch (see the solver's documentation for its definition).
    pub loss: f64,
}

/// What the caller answers to an [`Epoch`] event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop after this epoch; the solution is the present state.
    Stop,
}

/// A reconstruction.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The object on the problem's grid; flat (1) where no window reached.
    pub object: Field,
    /// The probe modes, in the units of the problem's patterns (counts when these are counts).
    pub probe: Modes,
    /// Loss of every epoch, in order.
    pub loss: Vec<f64>,
}
