//! Solvers: what each does in an epoch, and what all have in common.
//!
//! A [`Solver`] is an algorithm with its options settled; [`SOLVERS`] lists those there are. One
//! [starts](Solver::start) a [`Run`], which goes epoch by epoch: the [`Algorithm`] does what is its
//! own, on the [`Frame`] that all of them share.
//!
//! A new solver is a folder here with an options struct, an [`Algorithm`], and a row of
//! [`SOLVERS`].

pub(crate) mod batching;
mod constraints;
pub mod dm;
mod entry;
mod frame;
pub(crate) mod gauge;
mod guard;
pub mod lsqml;
pub mod ml;
pub mod modes;
pub mod options;
pub mod pie;
mod positions;
pub mod projection;
pub mod raar;
mod refinement;
mod run;
pub mod snapshot;
mod solution;
mod table;
mod variation;

pub use crate::engine::Needs;
pub use crate::prior::Jumps;
pub use constraints::Constraints;
pub use entry::{Configured, CountsNeeded, Entry, Remedy, TakenFor};
pub use frame::{Frame, Guarded};
pub use refinement::{POSITIONS_FROM_EPOCH, PositionFreedom};
pub use run::{Algorithm, Epoch, Run};
pub use snapshot::Snapshot;
pub use solution::{Choice, Solution, Tried};
pub use table::{SOLVERS, entry, taken_for};

use crate::{Flow, Problem};
use options::{OptionError, Value};
use std::any::Any;
use std::fmt;

/// Epochs by which a replicate of the data moves away from the solution it starts from.
pub const FOLLOW_UP: usize = 12;

/// An algorithm with its options.
pub trait Solver: fmt::Debug + Send + Sync {
    /// Its name in records and on the command line.
    fn name(&self) -> &'static str;

    /// Number of epochs, at most.
    fn epochs(&self) -> usize;

    /// Sets the number of epochs.
    fn set_epochs(&mut self, epochs: usize);

    /// The constraints on object and probe.
    fn constraints(&self) -> &Constraints;

    /// What it needs of data and memory.
    fn needs(&self) -> Needs;

    /// How freely positions move, and from which epoch on, where they are refined.
    fn refined_positions(&self) -> Option<(PositionFreedom, usize)> {
        None
    }

    /// This solver with positions that are refined, as freely as its own options say or else as
    /// `freedom`; `None` where it does not refine any.
    fn refining_positions(&self, _freedom: PositionFreedom) -> Option<Box<dyn Solver>> {
        None
    }

    /// Every option that has a value, by name, in the order in which records list them.
    fn values(&self) -> Vec<(&'static str, Value)>;

    /// Refuses options outside their ranges.
    ///
    /// # Errors
    /// The first such option, what was expected of it, and its value.
    fn check(&self) -> Result<(), OptionError>;

    /// A reconstruction of `problem`, to be driven epoch by epoch.
    ///
    /// The start probe is rescaled so that the start fields predict the measured total intensity.
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a>;

    /// The solver that goes on from a solution in which `choices` were made, for a replicate of the
    /// data: a few epochs, with nothing left to choose.
    fn follow_up(&self, _choices: &[Choice]) -> Box<dyn Solver> {
        let mut solver = self.boxed();
        solver.set_epochs(FOLLOW_UP);
        solver
    }

    /// A copy.
    fn boxed(&self) -> Box<dyn Solver>;

    /// The solver as what it is, for a question that is about one of them alone.
    fn as_any(&self) -> &dyn Any;

    /// Reconstructs `problem`, calling `observe` after every epoch.
    ///
    /// The result does not depend on the number of threads. Runs in the current rayon thread pool.
    fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }
}

impl Clone for Box<dyn Solver> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

impl PartialEq for dyn Solver {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.values() == other.values()
    }
}
