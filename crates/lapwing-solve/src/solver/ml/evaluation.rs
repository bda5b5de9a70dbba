//! Loss and gradient at a point, and their evaluation on a device that keeps its vectors.

use super::space::{Lent, There, keeper};
use super::stiffness::Stiffness;
use crate::engine::{DetectorRule, Losses, Vector};
use crate::prior::CurvatureSystem;
use crate::solver::batching::GROUP;
use crate::solver::frame::Frame;
use lapwing_model::Complex32;
use std::rc::Rc;

/// Background e added to data and model, photons.
pub(super) const BACKGROUND: f64 = 1e-4;

/// Sums over all patterns at one point.
pub(super) struct Evaluation {
    pub loss: f64,
    /// Losses of the pixels that are seen, without the prior, and of the hidden ones.
    pub losses: Losses,
    pub gradient: Gradient,
}

/// The gradient there; a device that keeps it keeps its preconditioner, too.
pub(super) enum Gradient {
    Here(Vec<Complex32>, CurvatureSystem),
    There(Rc<Vector>),
}

/// [`Evaluation`] at the present point of a device that keeps gradient and preconditioner.
pub(super) fn evaluate_there(
    frame: &mut Frame<'_>,
    path: &[usize],
    prior: &mut Stiffness,
    lent: &mut Lent,
) -> Evaluation {
    let problem = frame.problem;
    let background = (BACKGROUND * problem.gain) as f32;
    for members in path.chunks(GROUP) {
        frame.engine.project(members, DetectorRule::Gradient { background });
        frame.engine.add_sums();
    }
    let losses = frame.engine.take_losses();
    let [[_, power]] = frame.engine.dots(&[[Vector::Fields; 2]])[..] else {
        unreachable!("one pair has one product");
    };
    prior.look_there(frame, lent);
    let rule = prior.rule(problem, power / problem.mean_intensity);
    let gradient = There { engine: &mut *frame.engine, lent }.free();
    let of_prior = keeper(&mut *frame.engine).take_gradient(*gradient, rule);
    let loss = 0.5 * losses.seen + of_prior;
    Evaluation { loss, losses, gradient: Gradient::There(gradient) }
}
