//! How well a fit predicts held-out detector pixels.

use super::state::State;
use super::{Ml, search};
use crate::Problem;
use crate::engine::{Losses, Products};
use crate::solver::options::Auto;
use crate::solver::run::Algorithm;
use crate::solver::{Frame, Solver};
use lapwing_model::{Complex32, Field, Modes};

/// Epochs of the second stage.
pub(super) const EPOCHS: usize = 20;

/// A fit that goes on ends where so many epochs lower the held-out loss by less than this share,
/// and after so many.
const SETTLING: usize = 10;
const SETTLED: f64 = 1e-3;
const MOST_EPOCHS: usize = 120;

/// Epochs of the short fits by `options` that answer questions about a scan.
pub fn fit_epochs(options: &Ml) -> usize {
    options.start_epochs + EPOCHS
}

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

/// A fit of a thin object that predicts held-out pixels.
pub struct Predicted {
    /// Loss per held-out pixel.
    pub loss: f64,
    /// Its object, axes (y, x).
    pub object: Field,
    /// Its probe, axes (mode, y, x).
    pub probe: Modes,
}

impl Predicted {
    fn of(problem: &Problem, loss: f64, object: &[Complex32], probe: &[Complex32]) -> Self {
        let (height, width) = problem.pattern_shape();
        let probe = Modes::from_shape_vec((problem.n_modes(), height, width), probe.to_vec());
        let slice = object[..problem.slice_len()].to_vec();
        let object = Field::from_shape_vec(problem.object.shape(), slice);
        Self {
            loss,
            object: object.expect("fields have the shape of the problem's"),
            probe: probe.expect("modes have the shape of patterns"),
        }
    }
}

/// The fit of [`held_out_loss`].
///
/// # Errors
/// What `between` returns.
pub fn held_out_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Predicted, E> {
    let ShortFit { losses, object, probe } = short_fit(problem, options, between)?;
    Ok(Predicted::of(problem, problem.loss_per_pixel(losses.held_out), &object, &probe))
}

/// The best of the trials by which `options` that leave the prior to the data choose it: a fairer
/// answer than [`held_out_fit`] where what is asked changes which prior is best. `between` is
/// called before every epoch.
///
/// # Errors
/// What `between` returns.
pub fn searched_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Predicted, E> {
    fit_as_far(problem, options, &|state| state.searches(), between)
}

/// The same trials, and from the best of them the whole reconstruction, whose fields these are.
///
/// # Errors
/// What `between` returns.
pub fn whole_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Predicted, E> {
    fit_as_far(problem, options, &|state| !state.is_done(), between)
}

fn fit_as_far<E>(
    problem: &Problem,
    options: &Ml,
    goes_on: &dyn Fn(&State<'_>) -> bool,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Predicted, E> {
    let (mut state, mut frame) = searched(problem, options, goes_on, between)?;
    state.end(&mut frame);
    let tried = state.choices().into_iter().flat_map(|choice| choice.tried);
    let loss = tried.map(|tried| tried.score).fold(f64::INFINITY, f64::min);
    let fields = frame.engine.fields();
    Ok(Predicted::of(problem, loss, fields.object(), fields.probe()))
}

/// What a short fit came to.
pub(super) struct ShortFit {
    /// Summed losses of the pixels that it was shown, and of those it was not.
    pub losses: Losses,
    /// Its object, (slice, y, x), and its probe, (mode, y, x).
    pub object: Vec<Complex32>,
    pub probe: Vec<Complex32>,
}

/// A short fit by `options`, a tenth of every pattern's pixels held out; `between` is called before
/// every epoch.
pub(super) fn short_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<ShortFit, E> {
    fit_while(problem, options, between, &mut |epoch, _| epoch < fit_epochs(options))
}

/// The same, and on as long as it predicts held-out pixels better than some epochs before: with few
/// photons that is soon over, and more would only follow their noise.
pub(super) fn settling_fit<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<ShortFit, E> {
    let mut held_out = Vec::new();
    fit_while(problem, options, between, &mut |epoch, losses| {
        held_out.push(losses.held_out);
        let before = held_out.len().checked_sub(SETTLING + 1).map(|at| held_out[at]);
        let falls = before.is_none_or(|before| losses.held_out < (1.0 - SETTLED) * before);
        epoch < fit_epochs(options) || epoch < MOST_EPOCHS && falls
    })
}

/// A fit by `options`, a tenth of every pattern's pixels held out, as long as `more` wants another
/// epoch; `between` is called before each.
fn fit_while<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
    more: &mut dyn FnMut(usize, Losses) -> bool,
) -> Result<ShortFit, E> {
    let strength = options.prior.given().unwrap_or(super::state::USUAL_STRENGTH);
    let options = Ml { prior: Auto::Given(strength), ..options.clone() };
    let products = Products {
        waves: false,
        slopes: options.refined_positions().is_some(),
        ..Products::default()
    };
    let mut frame = Frame::new(problem, options.constraints, options.largest_batch(), products);
    let mut state = State::new(&options, &mut frame);
    frame.engine.hold_out(Some(search::held_out_pixels(problem.correlated, options.seed)));
    let mut losses = Vec::new();
    loop {
        between()?;
        let loss = state.epoch(&mut frame, losses.len() + 1, &losses);
        losses.push(loss);
        if !more(losses.len(), state.losses()) {
            break;
        }
    }
    state.look(&mut frame);
    let (losses, fields) = (state.losses(), frame.engine.fields());
    Ok(ShortFit { losses, object: fields.object().to_vec(), probe: fields.probe().to_vec() })
}

/// The options with the strength of the prior and the weight of absorption that best predict
/// held-out pixels of `problem`, where they are left to the data; `between` is called before every
/// epoch.
pub(super) fn settled<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Ml, E> {
    let (state, _) = searched(problem, options, &|state| state.searches(), between)?;
    Ok(options.chosen(&state.choices()))
}

/// What `options` come to as long as the state `goes_on`; when the prior is chosen, the best
/// trial's fields are in the frame.
fn searched<'a, E>(
    problem: &'a Problem,
    options: &'a Ml,
    goes_on: &dyn Fn(&State<'_>) -> bool,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<(State<'a>, Frame<'a>), E> {
    let products = Products {
        waves: false,
        slopes: options.refined_positions().is_some(),
        ..Products::default()
    };
    let mut frame = Frame::new(problem, options.constraints, options.largest_batch(), products);
    let mut state = State::new(options, &mut frame);
    let mut losses = Vec::new();
    while goes_on(&state) && losses.len() < options.epochs() {
        between()?;
        let loss = state.epoch(&mut frame, losses.len() + 1, &losses);
        losses.push(loss);
    }
    Ok((state, frame))
}
