//! What is asked of a dialect.

use crate::experiment::{Numbers, part};
use crate::options::ReadOptions;
use crate::patterns::Storage;

/// Patterns of which some may be chosen before they are read: a damaged file claims any number.
const MOST: usize = 1 << 24;

/// What is wanted of a file.
pub(super) struct Wanted<'a> {
    /// What is known of it beforehand.
    pub options: &'a ReadOptions,
    /// Where the patterns are kept.
    pub storage: &'a Storage,
    /// Which of them are read.
    pub chosen: Chosen<'a>,
}

/// The patterns that are read; everything else there is one of for each is read for all.
#[derive(Clone, Copy)]
pub(super) enum Chosen<'a> {
    All,
    /// Those that the options take by their numbers.
    Numbered,
    /// One, where only what lies around the patterns is looked for.
    One,
    /// Those of these indices, ascending.
    These(&'a [usize]),
}

impl<'a> Wanted<'a> {
    /// The same, with other options.
    pub(super) fn with(&self, options: &'a ReadOptions) -> Self {
        Wanted { options, ..*self }
    }

    /// Indices, ascending, of the patterns to read of `n`; `None` for all. Where the options ask
    /// for patterns that are not there, which is told later, it is one.
    pub(super) fn indices(&self, n: usize) -> Option<Vec<usize>> {
        let numbers = &self.options.experiment.patterns;
        let one = || (n > 0).then(|| vec![first(n, numbers)]);
        let indices = match self.chosen {
            Chosen::All => None,
            Chosen::One => one(),
            Chosen::These(indices) => Some(indices.to_vec()),
            Chosen::Numbered if n > MOST => None,
            Chosen::Numbered => part::taken_by_number(n, numbers).unwrap_or_else(|_| one()),
        };
        indices.filter(|indices| indices.len() < n && indices.last().is_some_and(|&last| last < n))
    }
}

/// The first pattern that is not left out by its number.
fn first(n: usize, numbers: &Numbers) -> usize {
    (0..n).find(|&index| !part::is_left_out(numbers, index)).unwrap_or(0)
}
