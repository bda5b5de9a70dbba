//! How well a fit predicts held-out detector pixels.

use super::state::State;
use super::{GROUP, Ml, search};
use crate::engine::{Losses, Products};
use crate::solver::Frame;
use crate::solver::modes::{orthogonalise, start_modes};
use crate::solver::options::Auto;
use crate::solver::run::Algorithm;
use crate::{Problem, ProblemError};
use lapwing_model::{Complex32, Modes};
use ndarray::{Axis, s};

/// Epochs of the second stage.
const EPOCHS: usize = 20;

/// Loss per pixel of a tenth of every pattern's pixels after a short fit of the others by
/// `options`, with the strength of the prior that is given, or the usual one.
///
/// Of several problems with the same patterns, or several options, the one with the smaller loss is
/// nearer to the truth; too much freedom makes it larger. The seed of `options` draws the pixels.
/// `between` is called before every epoch and may stop the fit.
///
/// # Errors
/// What `between` returns.
pub fn held_out_loss<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<f64, E> {
    Ok(problem.loss_per_pixel(short_fit(problem, options, between)?.losses.held_out))
}

/// Modes fitted beyond those that are wanted: without them the fit ends in a poor minimum
/// (docs/lab/2026-11-modes.md).
const SPARE: usize = 2;

/// `count` probe modes to start from, of which the first `given` of `problem` are known: the
/// brightest of two more than that after a short fit by `options`, which begins with
/// [`start_modes`]. All of them are the fit's, also those that were known; the whole has the power
/// of the problem's probe. Fewer come back where [`start_modes`] makes fewer. `between` is called
/// before every epoch and may stop the fit.
///
/// # Errors
/// As for [`Problem::with_probe`], and what `between` returns.
pub fn found_modes<E: From<ProblemError>>(
    problem: &Problem,
    options: &Ml,
    given: usize,
    count: usize,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Modes, E> {
    let (start, (_, height, width)) = (problem.probe(), problem.probe().dim());
    let scaled_to = |modes: Modes| {
        let power = |modes: &Modes| modes.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>();
        let scale = (power(start) / power(&modes).max(f64::MIN_POSITIVE)).sqrt() as f32;
        modes.mapv_into(|value| value * scale)
    };
    let given = given.clamp(1, start.len_of(Axis(0)));
    let known = scaled_to(start.slice(s![..given, .., ..]).to_owned());
    let fitted = start_modes(&known, count + SPARE);
    let count = count.min(fitted.len_of(Axis(0)));
    let mut found = short_fit(&problem.with_probe(fitted)?, options, between)?.probe;
    orthogonalise(&mut found, height * width);
    Ok(scaled_to(Modes::from_shape_fn((count, height, width), |(mode, y, x)| {
        found[(mode * height + y) * width + x]
    })))
}

/// What a short fit came to.
pub(super) struct ShortFit {
    /// Summed losses of the pixels that it was shown, and of those it was not.
    pub losses: Losses,
    /// Its probe, (mode, y, x).
    probe: Vec<Complex32>,
}

/// A short fit by `options`, a tenth of every pattern's pixels held out; `between` is called before
/// every epoch.
pub(super) fn short_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<ShortFit, E> {
    let strength = options.prior.given().unwrap_or(super::state::USUAL_STRENGTH);
    let options = Ml { prior: Auto::Given(strength), ..options.clone() };
    let products =
        Products { waves: false, slopes: options.refined().is_some(), ..Products::default() };
    let largest = options.start_batch_size.max(GROUP);
    let mut frame = Frame::new(problem, options.constraints, largest, products);
    let mut state = State::new(&options, &mut frame);
    frame.engine.hold_out(Some(search::held_out_pixels(problem.correlated, options.seed)));
    let mut losses = Vec::new();
    for number in 1..=options.start_epochs + EPOCHS {
        between()?;
        let loss = state.epoch(&mut frame, number, &losses);
        losses.push(loss);
    }
    state.look(&mut frame);
    Ok(ShortFit { losses: state.losses(), probe: frame.engine.fields().probe().to_vec() })
}

/// The options with the strength of the prior and the weight of absorption that best predict
/// held-out pixels of `problem`, where they are left to the data; `between` is called before every
/// epoch.
pub(super) fn settled<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ml, E> {
    let products =
        Products { waves: false, slopes: options.refined().is_some(), ..Products::default() };
    let largest = options.start_batch_size.max(GROUP);
    let mut frame = Frame::new(problem, options.constraints, largest, products);
    let mut state = State::new(options, &mut frame);
    let mut losses = Vec::new();
    while state.searches() {
        between()?;
        let loss = state.epoch(&mut frame, losses.len() + 1, &losses);
        losses.push(loss);
    }
    Ok(options.chosen(&state.choices()))
}
