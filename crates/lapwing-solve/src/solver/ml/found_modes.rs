//! Probe modes that are not known, found by short fits (docs/lab/2026-11-modes.md).

use super::Ml;
use super::ghost::distance;
use super::held_out::{ShortFit, settling_fit, short_fit};
use crate::solver::modes::{orthogonalise, start_modes};
use crate::{Problem, ProblemError};
use lapwing_model::{Complex32, Modes};
use ndarray::{ArrayView2, Axis, concatenate, s};

/// Modes fitted beyond those that are wanted: without them the fit ends in a poor minimum.
const SPARE: usize = 2;
/// Farthest distance of a second probe from the first, as a share of the window.
const FARTHEST: f64 = 0.45;
/// Power over the first one's with which it begins.
const POWER: f32 = 0.5;

/// Share of the held-out loss by which it must be lower with a second probe at a distance: with
/// none there it is at most 0.02 % lower.
const WORTH: f64 = 2e-3;

/// Probe modes that were found, and how.
#[derive(Debug, Clone)]
pub struct FoundModes {
    /// All modes to start from, axes (mode, y, x).
    pub modes: Modes,
    /// Distances (y, x) in pixels of the modes that are the first one at another place, in the
    /// order in which they were found: there the object of a fit without them was seen twice.
    pub beside: Vec<(isize, isize)>,
}

/// `count` probe modes to start from, of which the first `given` of `problem` are known: the
/// brightest of two more than that after a short fit by `options`, which begins with
/// [`start_modes`], as a second fit without the others has them, of up to 120 epochs as long as
/// these predict held-out pixels better. Where the object of the first looks as if seen twice, the
/// first mode at that distance from itself is tried as well, and taken where a fit with it predicts
/// held-out pixels better. All modes are the fit's, also those that were known; the whole has the
/// power of the problem's probe. Fewer come back where [`start_modes`] makes fewer. `between` is
/// called before every epoch and may stop the fit.
///
/// # Errors
/// As for [`Problem::with_probe`], and what `between` returns.
pub fn found_modes<E: From<ProblemError>>(
    problem: &Problem,
    options: &Ml,
    given: usize,
    count: usize,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<FoundModes, E> {
    let start = problem.probe();
    let given = given.clamp(1, start.len_of(Axis(0)));
    let known = with_power_of(start, start.slice(s![..given, .., ..]).to_owned());
    let made = start_modes(&known, count + SPARE);
    let count = count.min(made.len_of(Axis(0)));
    let fit = short_fit(&problem.with_probe(made)?, options, between)?;
    if given < count
        && let Some((probe, at)) = with_one_beside(problem, &known, &fit, options, between)?
    {
        let modes = brightest(start, probe, given + 1);
        if given + 1 == count {
            return Ok(FoundModes { modes, beside: vec![at] });
        }
        let with_one = problem.with_probe(modes)?;
        let mut found = found_modes(&with_one, options, given + 1, count, between)?;
        found.beside.insert(0, at);
        return Ok(found);
    }
    let modes = brightest(start, fit.probe, count);
    let modes = match given < count {
        // A reconstruction from a flat object is as good as its start modes, and these are better
        // after a fit without the spare ones.
        true => {
            let fit = settling_fit(&problem.with_probe(modes)?, options, between)?;
            brightest(start, fit.probe, count)
        }
        false => modes,
    };
    Ok(FoundModes { modes, beside: Vec::new() })
}

/// The probe of a fit, and how far one of its modes lies from the first.
type OneBeside = (Vec<Complex32>, (isize, isize));

/// The probe of a fit that begins with the modes that are `known` and the first of them at a
/// distance from itself, and that distance; `None` where the object of `fit` tells no distance, or
/// `fit` predicts held-out pixels as well.
fn with_one_beside<E: From<ProblemError>>(
    problem: &Problem,
    known: &Modes,
    fit: &ShortFit,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Option<OneBeside>, E> {
    let (_, height, width) = known.dim();
    let Some((y, x)) = distance_in(problem, fit, FARTHEST * height.min(width) as f64) else {
        return Ok(None);
    };
    let (mut lowest, mut found) = ((1.0 - WORTH) * fit.losses.held_out, None);
    for (down, right) in [(y, x), (-y, -x)] {
        let wrapped = |at: usize, by: isize, length: usize| {
            (at as isize - by).rem_euclid(length as isize) as usize
        };
        let beside = Modes::from_shape_fn((1, height, width), |(_, row, column)| {
            let place = (0, wrapped(row, down, height), wrapped(column, right, width));
            known[place] * POWER.sqrt()
        });
        let both = concatenate(Axis(0), &[known.view(), beside.view()]);
        let both = with_power_of(known, both.expect("modes of one shape"));
        let fit = short_fit(&problem.with_probe(both)?, options, between)?;
        if fit.losses.held_out < lowest {
            (lowest, found) = (fit.losses.held_out, Some((fit.probe, (down, right))));
        }
    }
    Ok(found)
}

/// The distance at which the object of a fit looks as if seen twice, where the scan went.
fn distance_in(problem: &Problem, fit: &ShortFit, farthest: f64) -> Option<(isize, isize)> {
    if problem.n_slices() > 1 {
        return None;
    }
    let (rows, columns) = problem.object().shape();
    let object = ArrayView2::from_shape((rows, columns), &fit.object);
    let object = object.expect("the fit of a thin object has its pixels");
    let span = |values: &dyn Fn(usize) -> f64, length: usize| {
        let all = (0..problem.scan.len()).map(values);
        let (low, high) =
            all.fold((f64::INFINITY, 0.0_f64), |(low, high), at| (low.min(at), high.max(at)));
        (low.max(0.0) as usize).min(length)..(high.max(0.0) as usize).min(length)
    };
    let rows = span(&|index| problem.scan[index].y, rows);
    let columns = span(&|index| problem.scan[index].x, columns);
    if rows.is_empty() || columns.is_empty() {
        return None;
    }
    distance(object.slice(s![rows, columns]), farthest)
}

/// The `count` brightest of the orthogonal modes that are the same light as a fit's `probe`, with
/// the power of `start`.
fn brightest(start: &Modes, mut probe: Vec<Complex32>, count: usize) -> Modes {
    let (_, height, width) = start.dim();
    orthogonalise(&mut probe, height * width);
    let modes = Modes::from_shape_fn((count, height, width), |(mode, y, x)| {
        probe[(mode * height + y) * width + x]
    });
    with_power_of(start, modes)
}

/// `modes` with the power of `others`.
fn with_power_of(others: &Modes, modes: Modes) -> Modes {
    let power = |modes: &Modes| modes.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>();
    let scale = (power(others) / power(&modes).max(f64::MIN_POSITIVE)).sqrt() as f32;
    modes.mapv_into(|value| value * scale)
}
