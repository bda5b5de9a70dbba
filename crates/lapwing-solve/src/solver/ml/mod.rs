//! ML: a two-stage maximum-likelihood solver, the one with the smallest errors.
//!
//! Stage 1, a few epochs: small random batches, modulus projection, and updates divided by the
//! illumination *of the batch*, which take full steps where the batch has many photons and average
//! where it has few.
//!
//! Stage 2, the rest: preconditioned L-BFGS on all patterns at once, for the Poisson likelihood
//! with a small background e,
//!
//! ```text
//! L(O, P) = 1/2 sum [ (I + e) - (m + e) - (m + e) ln((I + e) / (m + e)) ] + R(O, P)
//! ```
//!
//! with a weak prior R (module `prior`) that may be switched off. Photons per object pixel balance
//! likelihood and prior, so one set of defaults serves every dose. Intensities must be counts. When
//! the loss rises, the step is taken back and halved.

mod align;
mod descent;
mod evaluation;
mod found_modes;
mod ghost;
mod held_out;
mod lbfgs;
mod search;
mod slow_phase;
mod space;
mod state;
mod stiffness;
mod surface;

pub use align::{Aligned, affine, even_drift};
pub use found_modes::{FoundModes, found_modes};
pub use held_out::{Predicted, fit_epochs, held_out_fit, held_out_loss, searched_fit, whole_fit};
pub use lapwing_model::scan::{Affine, EvenDrift};

use super::refinement::refined;
use super::{
    Choice, Configured, Constraints, CountsNeeded, FOLLOW_UP, Frame, Needs, PositionFreedom,
    Remedy, Run, Solver, TakenFor,
};
use crate::engine::Products;
use crate::prior::Jumps;
use crate::solver::batching::GROUP;
use crate::solver::options::Auto;
use crate::{Problem, options, solver_basics};
use state::State;

/// Epochs with a given strength of the prior.
const EPOCHS: usize = 50;

options! {
    /// Options of the ML solver.
    pub struct Ml {
        /// Number of epochs at most, those of the search for the strength of the prior included;
        /// auto: as many as it takes. One epoch visits every pattern once. Fits before the
        /// reconstruction, for an affine map or an even drift of the scan or for diffuse light, are
        /// not counted.
        epochs | "num_epochs": Auto<usize> = Auto::Auto, Kind::EPOCHS_OR_AUTO;
        /// Epochs of the first stage, of small batches; may be 0. Of a thick object at most 3.
        start_epochs: usize = 8, Kind::WHOLE;
        /// Patterns per batch in the first stage, at most.
        start_batch_size | "batch_size": usize = 10, Kind::FROM_ONE;
        /// Strength of the edge-preserving prior, photons; auto: the one that best predicts
        /// detector pixels that the fit was not shown; 0 switches it off.
        prior: Auto<f64> = Auto::Auto, Kind::NumberOrAuto(Range::NotNegative);
        /// Difference between neighbouring object pixels above which the prior spares edges; the
        /// object's r.m.s. is 1.
        prior_edge: f64 = 0.05, Kind::Number(Range::Positive);
        /// How many times as much the prior weighs differences across the specimen's own direction
        /// (absorption, where it only shifts the phase) as along it; auto: as predicts held-out
        /// pixels best where the strength is chosen so, else 1.
        prior_absorption: Auto<f64> = Auto::Auto, Kind::NumberOrAuto(Range::FromOne);
        /// How the prior grows with differences far above its edge: in proportion (linear) or
        /// towards a bound (bounded), which spares sharp edges; unless said, as predicts held-out
        /// pixels best where the strength is chosen so, else in proportion.
        prior_jumps: Option<Jumps> = None, Kind::Choice(Jumps::NAMES);
        /// How positions move where they are refined: drift (all together, slowly along the scan)
        /// or single (each by itself, where nothing is given).
        refine_positions: Option<PositionFreedom> = None, Kind::Choice(PositionFreedom::NAMES);
        /// First epoch of the second stage, counted from 1 over both, in which the positions are
        /// refined, 10 unless given; given alone, each by itself.
        positions_from_epoch: Option<usize> = None, Kind::FROM_ONE;
        /// Seed of random batches.
        seed | "batch_seed": u64 = 42, Kind::WHOLE;
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Ml {
    /// Whether it chooses the prior by held-out pixels: where that is left to it, and it has the
    /// epochs for it.
    pub fn chooses_prior(&self) -> bool {
        let has_room = self.epochs() >= search::least_epochs(self.start_epochs);
        matches!(self.prior, Auto::Auto) && has_room
    }

    /// The same options with the values chosen from the data; those that were not chosen have their
    /// defaults.
    fn chosen(&self, choices: &[Choice]) -> Self {
        let settled = |option: &str, written: Auto<f64>, usual: f64| {
            let chosen = choices.iter().find(|choice| choice.option == option);
            Auto::Given(written.given().or(chosen.map(|choice| choice.value)).unwrap_or(usual))
        };
        Self {
            prior: settled("prior", self.prior, state::USUAL_STRENGTH),
            prior_absorption: settled("prior_absorption", self.prior_absorption, 1.0),
            prior_jumps: self.prior_jumps.or_else(|| {
                let chosen = choices.iter().find(|choice| choice.option == "prior_jumps")?;
                Some(if chosen.value == 0.0 { Jumps::Linear } else { Jumps::Bounded })
            }),
            ..self.clone()
        }
    }

    /// Patterns that are worked on together, at most.
    fn largest_batch(&self) -> usize {
        let chooses = matches!(self.prior, Auto::Auto);
        let larger = if chooses { search::LARGER } else { 1 };
        (larger * self.start_batch_size).max(GROUP)
    }
}

impl Configured for Ml {
    const NAME: &'static str = "ML";
    const ABOUT: &'static str = "a few epochs of small batches, then preconditioned L-BFGS on the \
                                 Poisson likelihood with a weak prior: the best image for the data";
    const SOURCE: &'static str = "this project";
    const COUNTS: CountsNeeded = CountsNeeded::Always;
    const TAKEN_FOR: Option<TakenFor> = Some(TakenFor::Counts);
    const VARIES_PROBE: bool = true;
    const USUAL_MISFIT: f64 = 1.5;
    const AGAINST_RASTER: Option<Remedy> = Some(Remedy::Raise("prior"));
}

impl Solver for Ml {
    solver_basics!(but epochs);

    fn refined_positions(&self) -> Option<(PositionFreedom, usize)> {
        refined(self.refine_positions, self.positions_from_epoch)
    }

    fn refining_positions(&self, freedom: PositionFreedom) -> Option<Box<dyn Solver>> {
        let refine_positions = self.refine_positions.or(Some(freedom));
        Some(Box::new(Self { refine_positions, ..self.clone() }))
    }

    fn epochs(&self) -> usize {
        match (self.epochs, self.prior) {
            (Auto::Given(epochs), _) => epochs,
            (Auto::Auto, Auto::Given(_)) => EPOCHS,
            (Auto::Auto, Auto::Auto) => search::most_epochs(self.start_epochs),
        }
    }

    fn set_epochs(&mut self, epochs: usize) {
        self.epochs = Auto::Given(epochs);
    }

    fn needs(&self) -> Needs {
        // Ten pairs of L-BFGS, gradients, directions, points, and the start of each trial.
        Needs {
            object_fields: 30,
            counts: true,
            batch_size: self.largest_batch(),
            moves_positions: self.refined_positions().is_some(),
            ..Needs::default()
        }
    }

    fn follow_up(&self, choices: &[Choice]) -> Box<dyn Solver> {
        Box::new(Self {
            epochs: Auto::Given(FOLLOW_UP),
            start_epochs: 0,
            refine_positions: None,
            positions_from_epoch: None,
            ..self.chosen(choices)
        })
    }

    /// The loss of an epoch is the one minimised, likelihood and prior, at the start of its step
    /// and as a mean per pixel of the patterns, in the scale of half a Poisson deviance: about 0.5
    /// for a perfect model of bright pixels, less for dark ones.
    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let products = Products {
            waves: false,
            slopes: self.refined_positions().is_some(),
            ..Products::default()
        };
        let mut frame = Frame::new(problem, self.constraints, self.largest_batch(), products);
        let state = State::new(self, &mut frame);
        Run::new(frame, state, self.epochs())
    }
}

#[cfg(test)]
mod tests {
    use super::{EPOCHS, Ml, held_out, search, state};

    #[test]
    fn the_documents_say_how_many_epochs_there_are() {
        let start = Ml::default().start_epochs;
        let short = start + held_out::EPOCHS;
        let mut sentences = vec![
            format!("With a number ML runs {EPOCHS} epochs and looks for nothing"),
            format!("`--prior {}`, it ends after {EPOCHS} epochs", state::USUAL_STRENGTH),
            format!("and the strength is {}", state::USUAL_STRENGTH),
            format!("at {short} epochs of ML for each answer that is tried"),
            format!("the others are found by a fit of K + 2 modes, {short} epochs of ML"),
            format!("fits of {short} epochs of ML before the reconstruction"),
        ];
        sentences.extend(search::said(start));
        lapwing_testing::says("docs/solvers.md", &sentences);
    }
}
