//! Detector pixels that a fit does not see.

use crate::Problem;
use crate::engine::rules::{HoldOut, SETS};
use crate::noise::PatternOrder;
use lapwing_model::random::generator;
use rand::RngExt;
use std::ops::Range;

/// The hidden pixels of all patterns.
pub(crate) struct Held {
    sets: Vec<Hidden>,
}

/// Hidden pixels of a pattern, as places in pattern order, ascending.
struct Hidden {
    /// All of them.
    all: Vec<u32>,
    /// Whether each judges.
    judges: Vec<bool>,
}

impl Held {
    pub fn new(problem: &Problem, hold_out: HoldOut) -> Self {
        let (height, width) = problem.model.shape();
        let PatternOrder { place_of, .. } = PatternOrder::new(&problem.model);
        let share = if hold_out.blocks { hold_out.share / 9.0 } else { hold_out.share };
        let sets = (0..SETS).map(|set| {
            let mut random = generator(hold_out.seed, "held-out pixels", set as u64);
            // 0: seen; 1: hidden; 2: hidden, and judges.
            let mut state = vec![0_u8; height * width];
            for y in 0..height {
                for x in 0..width {
                    if random.random::<f64>() >= share {
                        continue;
                    }
                    if hold_out.blocks {
                        for row in y.saturating_sub(1)..(y + 2).min(height) {
                            for column in x.saturating_sub(1)..(x + 2).min(width) {
                                let state = &mut state[row * width + column];
                                *state = (*state).max(1);
                            }
                        }
                    }
                    state[y * width + x] = 2;
                }
            }
            let mut hidden: Vec<(u32, bool)> = (state.iter().zip(&place_of))
                .filter(|(state, _)| **state > 0)
                .map(|(&state, &place)| (place, state == 2))
                .collect();
            hidden.sort_unstable();
            let (all, judges) = hidden.into_iter().unzip();
            Hidden { all, judges }
        });
        Self { sets: sets.collect() }
    }

    /// All hidden pixels of set number `set`, which every pattern of that number modulo [`SETS`]
    /// has, as places in pattern order, and whether each judges.
    #[cfg(feature = "gpu")]
    pub fn set(&self, set: usize) -> impl Iterator<Item = (usize, bool)> + '_ {
        let Hidden { all, judges } = &self.sets[set];
        all.iter().zip(judges).map(|(&place, &judges)| (place as usize, judges))
    }

    /// The hidden pixels of pattern `pattern` in `range`, and whether each judges.
    pub fn of(
        &self,
        pattern: usize,
        range: Range<usize>,
    ) -> impl Iterator<Item = (usize, bool)> + '_ {
        let Hidden { all, judges } = &self.sets[pattern % SETS];
        let at = |place: usize| all.partition_point(|&hidden| (hidden as usize) < place);
        let range = at(range.start)..at(range.end);
        all[range.clone()]
            .iter()
            .zip(&judges[range])
            .map(|(&place, &judges)| (place as usize, judges))
    }
}
