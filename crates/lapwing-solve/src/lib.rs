//! Iterative solvers for ptychography. One problem in, one solution out, one [`Epoch`] event for
//! every epoch.
//!
//! [`Problem`] holds the measured patterns, the scan and the start fields, checked once;
//! [`lsqml::Lsqml`] holds the options of the field's baseline solver and reconstructs a problem,
//! [`ml::Ml`] does the same for the solver to use; [`Solution`] is the object, the probe and the
//! loss of every epoch.
//!
//! Array conventions are stated once, in `ARCHITECTURE.md` at the root of the repository.

pub(crate) mod batch;
mod batching;
mod constraints;
pub(crate) mod detector;
mod footprint;
mod gauge;
mod guard;
pub mod lsqml;
mod mask;
pub mod ml;
pub mod modes;
mod patterns;
pub mod pie;
mod planes;
mod positions;
mod probe_side;
mod problem;
mod run;
mod smooth;
pub mod snapshot;
mod streamed;
mod touched;
mod vector;

pub use constraints::Constraints;
pub use patterns::KeptBytes;
pub use problem::{Problem, ProblemError};
pub use run::Run;
pub use snapshot::Snapshot;
pub use streamed::{Blocks, Scratch};

use lapwing_model::{Complex32, Field, Modes, Position};

/// What a solver tells its caller after every epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// The probe modes, orthogonal and brightest first, in the units of the problem's patterns
    /// (counts when these are counts).
    pub probe: Modes,
    /// The window centres on the problem's grid: those of the problem, unless the solver refined
    /// them.
    pub positions: Vec<Position>,
    /// Loss of every epoch, in order.
    pub loss: Vec<f64>,
}

impl Solution {
    /// From the fields as solvers hold them: object (y, x) and probe (mode, y, x), of the shapes of
    /// the problem's, and the offsets of the positions where they were refined.
    fn new(
        problem: &Problem,
        object: Vec<Complex32>,
        mut probe: Vec<Complex32>,
        offsets: &[Complex32],
        loss: Vec<f64>,
    ) -> Self {
        problem.probe_to_input_unit(&mut probe);
        modes::orthogonalise(&mut probe, problem.model.len());
        let object = Field::from_shape_vec(problem.object.dim(), object);
        let probe = Modes::from_shape_vec(problem.probe.dim(), probe);
        // The lengths are those of the problem's fields, so the shapes fit.
        Self {
            object: object.unwrap_or_else(|_| problem.object.clone()),
            probe: probe.unwrap_or_else(|_| problem.probe.clone()),
            positions: problem.positions(offsets),
            loss,
        }
    }
}
