//! RAAR: relaxed averaged alternating reflections, with all exit waves kept.
//!
//! D. R. Luke, Inverse Problems 21, 37 (2005), Eq. 15; for ptychography S. Marchesini et al., J.
//! Appl. Cryst. 49, 1245 (2016). With M the modulus projection and `S[c]_j = P O_j` the overlap
//! projection, of fields made of the waves c_j, a pass over all patterns moves
//!
//! ```text
//! psi <- beta (S[2 M psi - psi] + psi) + (1 - 2 beta) M psi
//! ```
//!
//! With beta near 1 it searches as the difference map does; smaller values stay nearer to the
//! measurement and converge.

use super::batching::GROUP;
use super::projection::{OverlapProjection, Projection};
use super::{Configured, Constraints, Frame, Needs, Run, Solver};
use crate::engine::{Products, WaveUpdate, WaveWeights};
use crate::{Problem, options, solver_basics};

options! {
    /// Options of RAAR.
    pub struct Raar {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 100, Kind::EPOCHS;
        /// Relaxation: the weight of the reflections against the modulus projection.
        beta: f64 = 0.9, Kind::Number(Range::Share);
        ..overlap: OverlapProjection, "How object and probe are made of the waves.";
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Configured for Raar {
    const NAME: &'static str = "RAAR";
    const ABOUT: &'static str =
        "relaxed averaged alternating reflections, which keep an exit wave for every pattern";
    const SOURCE: &'static str = "Luke, Inverse Problems 21, 37 (2005)";
}

impl Solver for Raar {
    solver_basics!();

    fn needs(&self) -> Needs {
        Needs { waves_per_pattern: 2, batch_size: GROUP, object_fields: 4, ..Needs::default() }
    }

    /// The loss of an epoch is the gap between the two projections, the mean over pixels of
    /// |M psi - p|^2; where they meet it is that of the Gaussian model of [`Noise`](crate::Noise).
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let beta = self.beta as f32;
        // What is kept is all of psi but beta S, which the next pass adds from the new fields.
        let update = WaveUpdate {
            trial: [beta, 1.0],
            keep: WaveWeights { product: 0.0, before: beta, after: 1.0 - 2.0 * beta },
            share: WaveWeights { product: 0.0, before: -1.0, after: 2.0 },
        };
        let products = Products { stored: 2, ..Products::default() };
        let frame = Frame::new(problem, self.constraints, GROUP, products);
        let projection = Projection::new(problem, update, self.overlap);
        Run::new(frame, projection, self.epochs)
    }
}
