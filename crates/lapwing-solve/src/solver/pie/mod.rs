//! ePIE and rPIE: ptychographical iterative engines, one pattern - or a batch of them - at a time.
//!
//! A. Maiden, J. Rodenburg, Ultramicroscopy 109, 1256 (2009), ePIE; A. Maiden, D. Johnson, P. Li,
//! Optica 4, 736 (2017), rPIE, Eqs. 22 and 23. With chi_j the correction of the exit wave by the
//! modulus projection, a batch moves
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

use super::{Configured, Constraints, Frame, Needs, Run, Solver};
use crate::engine::Products;
use crate::{Problem, options, solver_basics};
use state::{Share, State, Update};

options! {
    /// Options of rPIE.
    pub struct Rpie {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 100, Kind::EPOCHS;
        /// Patterns per batch, at most; 1 is the published algorithm.
        batch_size: usize = 10, Kind::FROM_ONE;
        /// Share of the largest illumination under the object's update. Small values are fast on
        /// clean data and fit noise.
        object_alpha: f64 = 0.1, Kind::Number(Range::Share);
        /// Share of the largest object power under the probe's update.
        probe_alpha: f64 = 0.1, Kind::Number(Range::Share);
        /// First epoch, counted from 1, in which the probe moves.
        probe_from_epoch: usize = 2, Kind::FROM_ONE;
        /// Seed of random batches.
        seed | "batch_seed": u64 = 42, Kind::WHOLE;
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

options! {
    /// Options of ePIE.
    pub struct Epie {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 100, Kind::EPOCHS;
        /// Patterns per batch, at most; 1 is the published algorithm.
        batch_size: usize = 10, Kind::FROM_ONE;
        /// Factor on the object's update (alpha in the paper).
        object_step: f64 = 1.0, Kind::Number(Range::NotNegative);
        /// Factor on the probe's update (beta in the paper).
        probe_step: f64 = 1.0, Kind::Number(Range::NotNegative);
        /// First epoch, counted from 1, in which the probe moves.
        probe_from_epoch: usize = 2, Kind::FROM_ONE;
        /// Seed of random batches.
        seed | "batch_seed": u64 = 42, Kind::WHOLE;
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Configured for Rpie {
    const NAME: &'static str = "rPIE";
    const ABOUT: &'static str = "regularised ptychographical iterative engine, in batches";
    const SOURCE: &'static str = "Maiden, Johnson, Li, Optica 4, 736 (2017)";
}

impl Configured for Epie {
    const NAME: &'static str = "ePIE";
    const ABOUT: &'static str = "extended ptychographical iterative engine, in batches";
    const SOURCE: &'static str = "Maiden, Rodenburg, Ultramicroscopy 109, 1256 (2009)";
}

impl Solver for Rpie {
    solver_basics!();

    fn needs(&self) -> Needs {
        Needs { batch_size: self.batch_size, object_fields: 4, ..Needs::default() }
    }

    /// Losses are those of the Gaussian model of [`Noise`](crate::Noise), of the fields as the
    /// batches found them; an epoch after which they rose by half is rolled back.
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let update = Update {
            batch_size: self.batch_size,
            object: Share { of_largest: self.object_alpha, step: 1.0 },
            probe: Share { of_largest: self.probe_alpha, step: 1.0 },
            probe_from_epoch: self.probe_from_epoch,
            seed: self.seed,
        };
        start(problem, update, self.constraints, self.epochs)
    }
}

impl Solver for Epie {
    solver_basics!();

    fn needs(&self) -> Needs {
        Needs { batch_size: self.batch_size, object_fields: 4, ..Needs::default() }
    }

    /// Losses as of [`Rpie`].
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let update = Update {
            batch_size: self.batch_size,
            object: Share { of_largest: 1.0, step: self.object_step },
            probe: Share { of_largest: 1.0, step: self.probe_step },
            probe_from_epoch: self.probe_from_epoch,
            seed: self.seed,
        };
        start(problem, update, self.constraints, self.epochs)
    }
}

fn start(problem: &Problem, update: Update, constraints: Constraints, epochs: usize) -> Run<'_> {
    let frame = Frame::new(problem, constraints, update.batch_size, Products::default());
    Run::new(frame, State::new(update), epochs)
}
