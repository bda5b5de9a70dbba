//! DM: the difference map, with all exit waves kept.
//!
//! P. Thibault, M. Dierolf, O. Bunk, A. Menzel, F. Pfeiffer, Ultramicroscopy 109, 338 (2009), Eq.
//! 8; V. Elser, J. Opt. Soc. Am. A 20, 40 (2003). With p_j = P O_j what the fields predict, the
//! overlap projection of the waves psi_j, and M the modulus projection, a pass over all patterns
//! moves
//!
//! ```text
//! psi_j <- psi_j + beta (M[2 p_j - psi_j] - p_j)
//! ```
//!
//! and then makes object and probe of the waves. It can leave local minima in which other
//! algorithms stop, and wanders about the solution instead of converging to it: follow it with
//! LSQML or ML.

use super::batching::GROUP;
use super::projection::{OverlapProjection, Projection};
use super::{Configured, Constraints, Frame, Needs, Run, Solver};
use crate::engine::{Products, WaveUpdate, WaveWeights};
use crate::{Problem, options, solver_basics};

options! {
    /// Options of the difference map.
    pub struct Dm {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 100, Kind::EPOCHS;
        /// Relaxation: how far the waves move, 1 in the published algorithm.
        beta: f64 = 1.0, Kind::Number(Range::Share);
        ..overlap: OverlapProjection, "How object and probe are made of the waves.";
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Configured for Dm {
    const NAME: &'static str = "DM";
    const ABOUT: &'static str = "difference map, which keeps an exit wave for every pattern";
    const SOURCE: &'static str = "Thibault et al., Ultramicroscopy 109, 338 (2009)";
}

impl Solver for Dm {
    solver_basics!();

    fn needs(&self) -> Needs {
        Needs { waves_per_pattern: 1, batch_size: GROUP, object_fields: 4, ..Needs::default() }
    }

    /// The loss of an epoch is the gap between the two projections, the mean over pixels of
    /// |M[2 p - psi] - p|^2; where they meet it is that of the Gaussian model of
    /// [`Noise`](crate::Noise).
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let beta = self.beta as f32;
        // psi = 2 p - e, so psi + beta (m - p) = (2 - beta) p - e + beta m.
        let waves = WaveWeights { product: 2.0 - beta, before: -1.0, after: beta };
        let update = WaveUpdate { trial: [2.0, -1.0], keep: waves, share: waves };
        let products = Products { stored: 1, ..Products::default() };
        let frame = Frame::new(problem, self.constraints, GROUP, products);
        let projection = Projection::new(problem, update, self.overlap);
        Run::new(frame, projection, self.epochs)
    }
}
