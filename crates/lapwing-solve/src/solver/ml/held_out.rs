//! How well a fit predicts hidden detector pixels.

use super::state::State;
use super::{GROUP, Ml, search};
use crate::Problem;
use crate::engine::{Losses, Products};
use crate::solver::Frame;
use crate::solver::options::Auto;
use crate::solver::run::Algorithm;

/// Epochs of the second stage.
const EPOCHS: usize = 20;

/// Loss per pixel of a tenth of every pattern's pixels after a short fit of the others by
/// `options`, with the strength of the prior that is given, or the usual one.
///
/// Of several problems with the same patterns, or several options, the one with the smaller loss is
/// nearer to the truth; too much freedom makes it larger. The seed of `options` draws the pixels.
pub fn held_out_loss(problem: &Problem, options: &Ml) -> f64 {
    problem.loss_per_pixel(short_fit(problem, options).held_out)
}

/// Summed losses of the seen and of the hidden pixels after a short fit by `options`.
pub(super) fn short_fit(problem: &Problem, options: &Ml) -> Losses {
    let strength = options.prior.given().unwrap_or(super::state::USUAL_STRENGTH);
    let options = Ml { prior: Auto::Given(strength), ..options.clone() };
    let products = Products { waves: false, slopes: options.refined().is_some() };
    let largest = options.start_batch_size.max(GROUP);
    let mut frame = Frame::new(problem, options.constraints, largest, products);
    let mut state = State::new(&options, &mut frame);
    frame.engine.hold_out(Some(search::hidden(problem.correlated, options.seed)));
    let mut losses = Vec::new();
    for number in 1..=options.start_epochs + EPOCHS {
        let loss = state.epoch(&mut frame, number, &losses);
        losses.push(loss);
    }
    state.look(&mut frame);
    state.losses()
}

/// The options with the strength of the prior and the weight of absorption that best predict hidden
/// pixels of `problem`, where they are left to the data.
pub(super) fn settled(problem: &Problem, options: &Ml) -> Ml {
    let products = Products { waves: false, slopes: options.refined().is_some() };
    let largest = options.start_batch_size.max(GROUP);
    let mut frame = Frame::new(problem, options.constraints, largest, products);
    let mut state = State::new(options, &mut frame);
    let mut losses = Vec::new();
    while state.searches() {
        let loss = state.epoch(&mut frame, losses.len() + 1, &losses);
        losses.push(loss);
    }
    options.chosen(&state.choices())
}
