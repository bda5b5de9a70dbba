//! The prior of a long scan, chosen from a part of it.
//!
//! What one strength predicts better than another is a mean over pixels, which a thousand patterns
//! tell as well as a hundred thousand. The search in them costs a fraction of that in all.

use super::state::State;
use super::{GROUP, Ml};
use crate::engine::Products;
use crate::solver::options::Auto;
use crate::solver::run::Algorithm;
use crate::solver::{Choice, Flow, Frame};
use crate::{Problem, neighbours};

/// Pieces that a part is made of, from the beginning, the middle and the end of the path from
/// neighbour to neighbour, and patterns of each.
const PIECES: usize = 3;
const PIECE: usize = 480;

/// The part of a scan that is long enough for one: pieces of patterns beside each other.
fn part_of(problem: &Problem) -> Option<Vec<usize>> {
    let n = problem.n_patterns();
    if n < 2 * PIECES * PIECE {
        return None;
    }
    let path = neighbours::path(&problem.scan, (0..n).collect());
    let middles = (0..PIECES).map(|piece| (2 * piece + 1) * n / (2 * PIECES));
    let mut part: Vec<usize> =
        middles.flat_map(|middle| path[middle - PIECE / 2..][..PIECE].to_vec()).collect();
    part.sort_unstable();
    Some(part)
}

/// The options with what a part of a long scan tells about the prior, where that is left to the
/// data, and what was tried; `None` where all of the scan is to tell it. `between` is called after
/// every epoch and may stop the search.
pub(super) fn chosen(
    problem: &Problem,
    options: &Ml,
    between: &mut dyn FnMut() -> Flow,
) -> Option<(Ml, Vec<Choice>)> {
    let Auto::Auto = options.prior else { return None };
    let part = problem.of_patterns(&part_of(problem)?);
    let products = Products { waves: false, slopes: options.refined().is_some() };
    let largest = options.start_batch_size.max(GROUP);
    let mut frame = Frame::new(&part, options.constraints, largest, products);
    let mut state = State::new(options, &mut frame);
    if !state.searches() {
        return None;
    }
    let mut losses = Vec::new();
    while state.searches() {
        let loss = state.epoch(&mut frame, losses.len() + 1, &losses);
        losses.push(loss);
        if between() == Flow::Stop {
            return None;
        }
    }
    let choices = state.choices();
    Some((options.chosen(&choices), choices))
}
