//! LSQML: iterative least-squares solver for generalised maximum-likelihood ptychography.
//!
//! M. Odstrcil, A. Menzel, M. Guizar-Sicairos, Optics Express 26, 3108 (2018), "O18". One epoch
//! visits every pattern once, in batches. For a batch:
//!
//! 1. forward model, and a step in the detector plane along the gradient of the likelihood
//!    ([`DetectorRule`](crate::engine::DetectorRule)); back-propagated, it is chi_j = psi_opt -
//!    psi_j, the correction of the exit wave (Eq. 19);
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

pub use crate::Noise;

use super::refinement::refined;
use super::{
    Configured, Constraints, CountsNeeded, Frame, Needs, PositionFreedom, Remedy, Run, Solver,
    TakenFor,
};
use crate::engine::Products;
use crate::{Problem, choice, options, solver_basics};
use state::State;

choice! {
    /// How the positions are grouped into batches.
    #[derive(Default)]
    pub enum Batching {
        /// A new random partition every epoch.
        Random = "random",
        /// Neighbouring positions together, always in the same order.
        #[default]
        Compact = "compact",
        /// The same sets in every epoch, each spread over the whole scan, in a random order.
        Sparse = "sparse",
    }
}

choice! {
    /// When the object moves.
    pub enum ObjectStep {
        /// After every batch.
        Batch = "batch",
        /// Once per epoch, by the sum of the epoch's directions: slow alone, fast with momentum.
        Epoch = "epoch",
    }
}

choice! {
    /// What the object direction is divided by.
    #[derive(Default)]
    pub enum Preconditioner {
        /// The illumination by the whole scan, that of the epoch before.
        #[default]
        Scan = "scan",
        /// The illumination by the batch; only where the object moves after every batch.
        Batch = "batch",
    }
}

options! {
    /// Options of the LSQML solver.
    pub struct Lsqml {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 100, Kind::EPOCHS;
        /// Patterns per batch, at most; batches of an epoch differ in size by at most one.
        batch_size: usize = 100, Kind::FROM_ONE;
        /// Grouping of positions into batches: compact (neighbours together), random (a new
        /// partition every epoch) or sparse (fixed sets, each spread over the scan).
        batching: Batching = Batching::Compact, Kind::Choice(Batching::NAMES);
        /// When the object moves, after every batch or once per epoch; unless given, once per epoch
        /// with compact batches and after every batch with others.
        object_moves: Option<ObjectStep> = None, Kind::Choice(ObjectStep::NAMES);
        /// What the object's update is divided by: the illumination by the whole scan or by the
        /// batch.
        preconditioner: Preconditioner = Preconditioner::Scan, Kind::Choice(Preconditioner::NAMES);
        /// Likelihood: gaussian (of amplitudes, any unit) or poisson (needs photon counts).
        noise: Noise = Noise::Gaussian, Kind::Choice(Noise::NAMES);
        /// Gain of the momentum acceleration where the object moves once per epoch, 0 for none. 0.5
        /// is the field's usual choice; 0.7 gave the smallest errors over four doses on simulated
        /// scans. Not used with amplitude limits.
        momentum: f64 = 0.7, Kind::Number(Range::NotNegative);
        /// Share of the largest illumination that is added (in quadrature) to the illumination by
        /// which the object direction is divided; keeps the faint rim of the scan from amplifying
        /// noise.
        damping: f64 = 0.1, Kind::Number(Range::NotNegative);
        /// Factor on the least-squares steps of object and probe.
        step_scale: f64 = 0.9, Kind::Number(Range::NotNegative);
        /// First epoch, counted from 1, in which the probe moves.
        probe_from_epoch: usize = 1, Kind::FROM_ONE;
        /// How positions move where they are refined: drift (all together, slowly along the scan)
        /// or single (each by itself, where nothing is given).
        refine_positions: Option<PositionFreedom> = None, Kind::Choice(PositionFreedom::NAMES);
        /// First epoch, counted from 1, in which the positions are refined, 10 unless given; given
        /// alone, each by itself.
        positions_from_epoch: Option<usize> = None, Kind::FROM_ONE;
        /// Strength of the edge-preserving prior, photons, which needs counts; 0 switches it off.
        prior: f64 = 0.0, Kind::Number(Range::NotNegative);
        /// Difference between neighbouring object pixels above which the prior spares edges; the
        /// object's r.m.s. is 1.
        prior_edge: f64 = 0.05, Kind::Number(Range::Positive);
        /// Seed of random batches.
        seed | "batch_seed": u64 = 42, Kind::WHOLE;
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Configured for Lsqml {
    const NAME: &'static str = "LSQML";
    const ABOUT: &'static str = "iterative least-squares maximum likelihood, the field's baseline";
    const SOURCE: &'static str = "Odstrcil, Menzel, Guizar-Sicairos, Opt. Express 26, 3108 (2018)";
    const COUNTS: CountsNeeded = CountsNeeded::With("`noise = \"poisson\"` or a prior");
    const TAKEN_FOR: Option<TakenFor> = Some(TakenFor::Intensities);
    const VARIES_PROBE: bool = true;
    const AGAINST_RASTER: Option<Remedy> = Some(Remedy::Set("background", "none"));
}

impl Solver for Lsqml {
    solver_basics!();

    fn refined_positions(&self) -> Option<(PositionFreedom, usize)> {
        refined(self.refine_positions, self.positions_from_epoch)
    }

    fn refining_positions(&self, freedom: PositionFreedom) -> Option<Box<dyn Solver>> {
        let refine_positions = self.refine_positions.or(Some(freedom));
        Some(Box::new(Self { refine_positions, ..self.clone() }))
    }

    fn needs(&self) -> Needs {
        let counts = self.noise == Noise::Poisson || self.prior > 0.0;
        let moves_positions = self.refined_positions().is_some();
        Needs {
            counts,
            batch_size: self.batch_size,
            moves_positions,
            object_fields: 11,
            stores_fields: true,
            ..Needs::default()
        }
    }

    /// An epoch's loss is that of the fields as its batches found them (see [`Noise`]); when it
    /// exceeds the lowest by half, the epochs since are rolled back and steps shortened.
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let products = Products {
            waves: true,
            slopes: self.refined_positions().is_some(),
            ..Products::default()
        };
        let mut frame = Frame::new(problem, self.constraints, self.batch_size, products);
        let state = State::new(self, &mut frame);
        Run::new(frame, state, self.epochs)
    }
}

/// Epochs between two removals of the object/probe scale ambiguity.
const BALANCE_EVERY: usize = 10;

impl Lsqml {
    /// When the object moves.
    fn object_moves(&self) -> ObjectStep {
        match (self.object_moves, self.batching) {
            (Some(step), _) => step,
            (None, Batching::Compact) => ObjectStep::Epoch,
            (None, Batching::Random | Batching::Sparse) => ObjectStep::Batch,
        }
    }
}
