//! How far the fits are that a reconstruction has before its first epoch.

use super::choose::Known;
use crate::design::solver::SolverConfig;
use lapwing_solve::ml::{Ml, fit_epochs};

/// Fits of the search for an affine map of the scan, as it usually goes, and for an even drift.
const OF_MAP: usize = 50;
const OF_DRIFT: usize = 20;
/// Shares of a background that are tried, and answers about positions.
const OF_BACKGROUND: usize = 3;
const OF_POSITIONS: usize = 2;
/// Numbers of modes that are usually tried, two fits each, and of more than one a third.
const OF_MODES: usize = 8;
/// Fits that find modes: with spare ones, and without.
const OF_FOUND: usize = 2;

/// How far they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fits {
    /// Epochs of them that are done.
    pub done: usize,
    /// Epochs that they take, as far as can be said before.
    pub expected: usize,
}

impl Fits {
    /// Before the first of them.
    pub fn ahead(config: &SolverConfig, known: &Known) -> Self {
        let Known { counts, given_modes, .. } = *known;
        let refined = |word| config.choice.refine_scan.contains(word);
        let asked = |word| config.choice.choose.contains(word);
        let wanted = config.start.probe_modes.unwrap_or(given_modes);
        let lacks_modes = counts && given_modes < wanted && known.variation.is_even();
        let fits = [
            (refined("affine"), OF_MAP),
            (counts && refined("drift"), OF_DRIFT),
            (asked("background"), OF_BACKGROUND),
            (asked("modes"), OF_MODES),
            (lacks_modes, OF_FOUND),
            (asked("positions"), OF_POSITIONS),
        ];
        let fits: usize = fits.iter().filter(|(is_made, _)| *is_made).map(|(_, fits)| fits).sum();
        Self { done: 0, expected: fits * fit_epochs(&Ml::default()) }
    }

    /// With so many more of them, which nobody knew of.
    pub fn add(&mut self, fits: usize) {
        self.expected += fits * fit_epochs(&Ml::default());
    }

    /// After one more epoch.
    pub fn next(&mut self) -> Self {
        self.done += 1;
        // There may be more than was expected.
        self.expected = self.expected.max(self.done);
        *self
    }
}
