//! The affine map or drift that corrects a scan, found by how well its patterns predict held-out
//! pixels.
//!
//! Scale, aspect, rotation and shear of the positions, and an even drift,
//!
//! ```text
//! A = s R(theta) [[a, 0], [g, 1 / a]]          R' = A (R - mean R) + mean R
//! R_j' = R_j + (j / (n - 1) - 1/2) d
//! ```
//!
//! hardly change how well a fit explains the pixels that it has seen: the object stretches with the
//! scan, the probe's curvature follows, and the prior, which favours large objects, decides small
//! differences. Pixels that the fit has not seen are predicted best by the map that is right
//! ([`held_out_loss`](super::held_out_loss)), so every map is tried by a short fit.

use super::Ml;
use super::held_out::{settled, short_fit};
use super::search::held_out_pixels;
use super::surface;
use crate::engine::{HoldOut, Losses};
use crate::solver::{Choice, Tried};
use crate::{Problem, ProblemError};
use lapwing_model::Position;
use lapwing_model::scan::{Affine, EvenDrift};

/// Step of every number in the first round. At the edge of a probe 30 pixels wide it moves
/// neighbours by a third of a pixel.
const STEP: f64 = 0.02;
/// Rounds after it, with the prior that the data choose.
const ROUNDS: usize = 2;
/// In these a number is moved by so much that the log-likelihood of the held-out pixels falls by
/// this much, within limits: scores of neighbouring maps are off by some 6, since the fits are
/// short, and a step by which they hardly differ tells nothing.
const FALL: f64 = 60.0;
const STEPS: (f64, f64) = (0.007, 0.03);
/// Points so many steps from the best map are fitted by a parabola at the end.
const FITTED: f64 = 1.6;
/// Steps that a number may go one way in a round.
const FARTHEST: usize = 4;
/// The given positions are kept unless a map raises the log-likelihood of the held-out pixels by
/// this much: on correct scans searches have gained up to 22 by chance.
const WORTH: f64 = 25.0;
/// And by so many standard deviations of a score, which differ more where the fits are freer: the
/// best of some thirty scores is better than the first by two or three of them by chance.
const DEVIATIONS: f64 = 5.0;

/// A fit of p numbers to N pixels makes the loss of those it saw p / 2 N per pixel smaller than
/// that of the truth, and the loss of held-out ones as much larger (H. Akaike, IEEE Trans. Autom.
/// Control 19, 716, 1974). A smaller scan has fewer pixels of the object to fit, so held-out ones
/// alone favour a scale half a per cent too small; the mean of both losses favours one that is a
/// per cent too large, since the prior of these fits is rather weak. Taking off a quarter of the
/// difference makes the scale unbiased.
const OF_FREEDOM: f64 = 0.25;

/// What a search has found.
#[derive(Debug, Clone)]
pub struct Aligned<M> {
    /// The problem at the positions that the map gives.
    pub problem: Problem,
    /// The map.
    pub map: M,
    /// Every number of the map, with its standard deviation and what was tried of it: the scan as
    /// it was given, the last round, the map.
    pub choices: Vec<Choice>,
    /// Maps tried.
    pub tried: usize,
}

/// A map of a scan that depends on N numbers, all of them 0 where it changes nothing.
trait Map<const N: usize>: Sized {
    /// How its numbers are named where they are told.
    const NAMES: [&'static str; N];

    /// The map of some numbers.
    fn of(numbers: [f64; N]) -> Self;

    /// What is told of it.
    fn told(&self) -> [f64; N];

    /// The positions after it.
    fn applied(&self, scan: &[Position]) -> Vec<Position>;
}

impl Map<4> for Affine {
    const NAMES: [&'static str; 4] =
        ["scan_scale", "scan_aspect", "scan_rotation_deg", "scan_shear"];

    /// From the logarithms of scale and aspect, the mean rotation over all directions, and the
    /// shear, which alone would rotate the scan by half its angle.
    fn of([scale, aspect, turn, shear]: [f64; 4]) -> Self {
        let rotation = turn - 0.5 * shear;
        Self { scale: scale.exp(), aspect: aspect.exp(), rotation, shear }
    }

    fn told(&self) -> [f64; 4] {
        [self.scale, self.aspect, self.rotation.to_degrees(), self.shear]
    }

    fn applied(&self, scan: &[Position]) -> Vec<Position> {
        self.applied(scan)
    }
}

impl Map<2> for EvenDrift {
    const NAMES: [&'static str; 2] = ["scan_drift_y", "scan_drift_x"];

    fn of([y, x]: [f64; 2]) -> Self {
        Self { y, x }
    }

    fn told(&self) -> [f64; 2] {
        [self.y, self.x]
    }

    fn applied(&self, scan: &[Position]) -> Vec<Position> {
        self.applied(scan)
    }
}

/// Finds the affine map of the scan of `problem` by which fits by `options` predict held-out pixels
/// best: one number after the other, in three rounds of some 15 fits of 28 epochs, with the prior
/// that the data choose after the first. Where no map predicts them clearly better, the given scan
/// is kept. `between` is called before every epoch and may stop the search.
///
/// # Errors
/// What `between` returns.
pub fn affine<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Aligned<Affine>, E> {
    // Rotation and shear first: they are determined best.
    Search { order: [2, 3, 0, 1], unit: 1.0 }.run::<_, 9, _>(problem, options, between)
}

/// Finds the even drift of the scan in the same way, in three rounds of some 7 fits.
///
/// # Errors
/// What `between` returns.
pub fn even_drift<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Aligned<EvenDrift>, E> {
    let span = |of: fn(&Position) -> f64| {
        let ends = problem
            .whole_scan
            .iter()
            .map(of)
            .fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at), high.max(at)));
        (ends.1 - ends.0).max(1.0)
    };
    let unit = (span(|at| at.y) * span(|at| at.x)).sqrt();
    Search { order: [1, 0], unit }.run::<_, 5, _>(problem, options, between)
}

/// What is called between the epochs of fits, and may stop them.
type Between<'a, E> = &'a mut dyn FnMut() -> Result<(), E>;

/// How well short fits by `options` predict the pixels of `problem`, loss per pixel: that of the
/// held-out ones, less [`OF_FREEDOM`] of what they have more than those that were seen.
fn score_of<E>(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Result<(), E>,
) -> Result<f64, E> {
    let Losses { seen, held_out } = short_fit(problem, options, between)?.losses;
    let HoldOut { share, blocks, .. } = held_out_pixels(problem.correlated, options.seed);
    let judging = if blocks { share / 9.0 } else { share };
    let gap = held_out - seen * judging / (1.0 - share);
    Ok(problem.loss_per_pixel(held_out - OF_FREEDOM * gap))
}

/// A search for the numbers of a map.
struct Search<const N: usize> {
    /// Which number is moved when.
    order: [usize; N],
    /// What [`STEP`] and [`STEPS`] are shares of.
    unit: f64,
}

/// A map that was tried.
type Point<const N: usize> = ([f64; N], f64);

impl<const N: usize> Search<N> {
    /// Runs it; U = 2 N + 1.
    fn run<M: Map<N>, const U: usize, E>(
        &self,
        problem: &Problem,
        options: &Ml,
        between: Between<'_, E>,
    ) -> Result<Aligned<M>, E> {
        let at = |numbers: [f64; N]| -> Result<Problem, ProblemError> {
            problem.with_scan(M::of(numbers).applied(&problem.whole_scan))
        };
        let mut options = options.clone();
        // Each with the number that was moved, N for none.
        let mut seen: Vec<(Point<N>, usize)> = Vec::new();
        let score = |numbers: [f64; N], options: &Ml, between: Between<'_, E>| {
            between()?;
            match at(numbers) {
                Ok(problem) => score_of(&problem, options, &mut *between),
                // The map leaves the object.
                Err(_) => Ok(f64::INFINITY),
            }
        };
        // What a score is worth in log-likelihood of the held-out pixels.
        let unit = problem.gain() / problem.used_pixels() as f64;
        let mut steps = [STEP * self.unit; N];
        let mut best = [0.0; N];
        let mut lowest = score(best, &options, &mut *between)?;
        let mut tried = 1;
        for round in 0..=ROUNDS {
            for number in self.order {
                let step = steps[number];
                let (moved, bend) = self.line(number, step, (best, lowest), &mut |numbers| {
                    let found = score(numbers, &options, &mut *between)?;
                    seen.push(((numbers, found), number));
                    Ok(found)
                })?;
                (best, lowest) = moved;
                let fall = bend.map_or(f64::INFINITY, |bend| (2.0 * FALL * unit / bend).sqrt());
                steps[number] = fall.clamp(STEPS.0 * self.unit, STEPS.1 * self.unit);
            }
            if round == 0 {
                tried += seen.len();
                // Scores with another prior are others.
                seen.clear();
                if let Ok(near) = at(best) {
                    options = settled(&near, &options, &mut *between)?;
                }
            }
            lowest = score(best, &options, &mut *between)?;
            seen.push(((best, lowest), N));
        }
        let near = |(point, _): &&(Point<N>, usize)| {
            let axes = 0..N;
            let mut far = axes.map(|axis| (point.0[axis] - best[axis]).abs() / steps[axis]);
            point.1.is_finite() && far.all(|far| far <= FITTED)
        };
        let near: Vec<(Point<N>, usize)> = seen.iter().filter(near).copied().collect();
        let points: Vec<Point<N>> = near.iter().map(|(point, _)| *point).collect();
        let surface = surface::minimum::<N, U>(&points, best, steps);
        if let Some(surface) = &surface {
            for axis in 0..N {
                let (low, high) = (best[axis] - steps[axis], best[axis] + steps[axis]);
                best[axis] = surface.at[axis].clamp(low, high);
            }
            lowest = score(best, &options, &mut *between)?;
        }
        let first = score([0.0; N], &options, between)?;
        tried += seen.len() + 2;
        let noise = surface.as_ref().map_or(0.0, |surface| surface.noise);
        let worth = (WORTH * unit).max(DEVIATIONS * noise);
        let found = at(best).ok().filter(|_| lowest + worth <= first);
        let (numbers, last) = if found.is_some() { (best, lowest) } else { ([0.0; N], first) };
        // The noise of the counts, and that of the fits.
        let spread = std::array::from_fn(|axis| {
            let (sd, bend) =
                surface.and_then(|found| found.sd[axis].zip(Some(found.bend[axis])))?;
            Some((sd.powi(2) + unit / bend).sqrt())
        });
        let deviations = deviations::<M, N>(numbers, spread);
        let choices = (0..N).map(|number| {
            let told = |(map, score): Point<N>| Tried { value: M::of(map).told()[number], score };
            let ends = [([0.0; N], first), (numbers, last)].map(told);
            let along = near.iter().filter(|(_, moved)| *moved == number);
            let between = along.map(|(point, _)| told(*point));
            Choice {
                option: M::NAMES[number],
                value: ends[1].value,
                sd: deviations[number],
                tried: ends[..1].iter().copied().chain(between).chain([ends[1]]).collect(),
            }
        });
        let choices = choices.collect();
        let problem = found.unwrap_or_else(|| problem.clone());
        Ok(Aligned { problem, map: M::of(numbers), choices, tried })
    }

    /// From a point with its score along one number, downhill in steps, to the top of the parabola
    /// through the last three points: there, the lowest score that was seen, and the parabola's
    /// second derivative, where it has a minimum.
    fn line<E>(
        &self,
        number: usize,
        step: f64,
        (best, mut lowest): Point<N>,
        score: &mut dyn FnMut([f64; N]) -> Result<f64, E>,
    ) -> Result<(Point<N>, Option<f64>), E> {
        let mut beside = |by: f64| {
            let mut moved = best;
            moved[number] += by;
            score(moved)
        };
        let (mut below, mut above) = (beside(-step)?, beside(step)?);
        let mut centre = 0.0;
        for _ in 1..FARTHEST {
            if below.min(above) >= lowest {
                break;
            }
            if below < above {
                (above, lowest) = (lowest, below);
                centre -= step;
                below = beside(centre - step)?;
            } else {
                (below, lowest) = (lowest, above);
                centre += step;
                above = beside(centre + step)?;
            }
        }
        let bend = below - 2.0 * lowest + above;
        let bend = (bend > 0.0 && bend.is_finite()).then_some(bend);
        let within = bend.map_or(0.0, |bend| (0.5 * (below - above) / bend).clamp(-0.5, 0.5));
        let mut moved = best;
        moved[number] += centre + within * step;
        Ok(((moved, lowest), bend.map(|bend| bend / step.powi(2))))
    }
}

/// Standard deviations of what is told of a map, from those of its numbers, which are taken for
/// independent.
fn deviations<M: Map<N>, const N: usize>(
    numbers: [f64; N],
    spread: [Option<f64>; N],
) -> [Option<f64>; N] {
    let told = M::of(numbers).told();
    let mut variances = [Some(0.0); N];
    for (number, spread) in spread.into_iter().enumerate() {
        // A small step: the map is smooth.
        let step = 1e-6;
        let mut beside = numbers;
        beside[number] += step;
        let moved = M::of(beside).told();
        for (variance, (moved, told)) in variances.iter_mut().zip(moved.into_iter().zip(told)) {
            let slope = (moved - told) / step;
            if slope != 0.0 {
                let more = spread.map(|spread| (slope * spread).powi(2));
                *variance = variance.zip(more).map(|(sum, more)| sum + more);
            }
        }
    }
    variances.map(|variance| variance.map(f64::sqrt))
}
