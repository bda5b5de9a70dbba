//! What tells exposures and pixels that hold no measurement from those that do.
//!
//! Who looks at a file and who reconstructs from it know different things of its patterns: roots or
//! counts, a sample or all of them. The rules that need no more than either has stand here.

mod at_once;

use ndarray::Array2;

use self::at_once::at_once;
use crate::{Position, median};

/// An exposure with less than this share of its neighbours' light has lost it.
pub const LOST: f64 = 0.1;
/// Share of the usual light that exposures beside those that a specimen makes dark lack on average.
const DIMMED: f64 = 0.2;
/// Share of what those that a specimen makes unlike lack of a resemblance, which those beside them
/// lack on average, and standard deviations of that average from which it is no chance.
const UNLIKE: f64 = 0.04;
const NO_CHANCE: f64 = 3.0;
/// Quanta that its neighbours hold at least for an exposure without light to be a fault.
pub const QUANTA: f64 = 20.0;
/// An exposure looks like no other when it resembles the mean of all less than the others do by so
/// many times their usual spread.
pub const SPREADS: f64 = 12.0;
/// A pixel with so many times the light of any pixel near it is hot.
pub const HOT: f64 = 30.0;
/// Exposures from which a pixel that hardly varies is stuck.
pub const STUCK: usize = 20;
/// Half the side of the square around a pixel that it is compared with.
const NEAR: usize = 2;

/// The good pixels near `at`, (y, x), without itself: those of a square of five by five.
///
/// # Examples
/// ```
/// use lapwing_model::faults::near;
///
/// let good = ndarray::Array2::from_elem((8, 8), true);
/// assert_eq!(near((4, 4), &good).count(), 24);
/// assert_eq!(near((0, 0), &good).count(), 8);
/// ```
pub fn near(at: (usize, usize), good: &Array2<bool>) -> impl Iterator<Item = (usize, usize)> + '_ {
    let ((y, x), (height, width)) = (at, good.dim());
    let rows = y.saturating_sub(NEAR)..(y + NEAR + 1).min(height);
    let columns = x.saturating_sub(NEAR)..(x + NEAR + 1).min(width);
    rows.flat_map(move |row| columns.clone().map(move |column| (row, column)))
        .filter(move |&near| near != at && good[near])
}

/// Whether a pixel is so close to `centre`, (y, x), that the direct beam itself may stand out
/// there.
pub fn is_central(at: (usize, usize), centre: (usize, usize)) -> bool {
    at.0.abs_diff(centre.0).max(at.1.abs_diff(centre.1)) <= NEAR
}

/// Of the exposures `dark` of a `scan`, without the light that those around them in time have, the
/// ones that have lost it: beside them in the scan it is all there. An opaque specimen takes it by
/// degrees. `totals` is the light of all exposures, `usual` that of those around each in time.
pub fn lost(scan: &[Position], dark: &[usize], totals: &[f64], usual: &[f64]) -> Vec<usize> {
    at_once(scan, dark, |members, around| {
        let usual = mean(members, |at| usual[at]).max(f64::MIN_POSITIVE);
        mean(around, |at| (1.0 - totals[at] / usual).clamp(0.0, 1.0)) > DIMMED
    })
}

/// Of the exposures `unlike` the others of a `scan`, the ones beside which all is as usual; around
/// a particle it is so by degrees. `lacks` is by how much each exposure resembles the mean of all
/// less than is usual, `spread` the standard deviation of that.
pub fn unlike_any(scan: &[Position], unlike: &[usize], lacks: &[f64], spread: f64) -> Vec<usize> {
    at_once(scan, unlike, |members, around| {
        let [own, theirs] = [members, around].map(|of| mean(of, |at| lacks[at]));
        let chance = NO_CHANCE * spread / (around.len() as f64).sqrt();
        theirs > (UNLIKE * own).max(chance)
    })
}

fn mean(of: &[usize], value: impl Fn(usize) -> f64) -> f64 {
    of.iter().map(|&at| value(at)).sum::<f64>() / of.len().max(1) as f64
}

/// How often the largest number of all occurs, and numbers just below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Values at the largest one.
    pub at: usize,
    /// Values just below it.
    pub below: usize,
}

impl Ceiling {
    /// Just below, as a share of the largest number.
    pub const JUST_BELOW: f32 = 0.98;
    /// Quanta below which the largest number may well be frequent.
    pub const LARGE: f64 = 20.0;
    /// So many values at the largest one, and so many times as many as just below it.
    const MOST: (usize, usize) = (20, 2);

    /// Whether enough values are the largest one to tell anything.
    pub fn is_frequent(self) -> bool {
        self.at >= Self::MOST.0
    }

    /// Whether numbers stop there: light goes by degrees, so that as many would be just below it.
    pub fn is_saturation(self) -> bool {
        self.is_frequent() && self.at >= Self::MOST.1 * self.below.max(1)
    }
}

impl std::ops::Add for Ceiling {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { at: self.at + other.at, below: self.below + other.below }
    }
}

/// So many times the light of the scan and of its neighbours is more than a specimen does.
const TIMES: f64 = 10.0;
/// So many times the light of the brightest other pattern: what a specimen does goes by degrees.
const ALONE: f64 = 3.0;
/// At most one pattern of so many: an exposure time that changes is no accident.
const MANY: usize = 10;
/// Patterns from which it is told.
const FEWEST: usize = 4;

/// Places of `totals`, the light of patterns next to each other in this order, that hold more light
/// than any specimen lets through, ascending: more than ten times the median of all patterns and of
/// `around` neighbours on either side, and three times the brightest of the others.
///
/// Empty where more than one in ten is so, or a total is no number.
pub fn far_too_bright(totals: &[f64], around: usize) -> Vec<usize> {
    let n = totals.len();
    let usual = TIMES * median(totals.iter().copied()).unwrap_or(0.0);
    if n < FEWEST || usual.is_nan() || usual <= 0.0 {
        return Vec::new();
    }
    let is_bright = |at: &usize| {
        let near = at.saturating_sub(around)..(at + around + 1).min(n);
        let beside =
            || median(near.filter(|near| near != at).map(|near| totals[near])).unwrap_or(0.0);
        totals[*at] > usual && totals[*at] > TIMES * beside()
    };
    let bright: Vec<usize> = (0..n).filter(is_bright).collect();
    let others = (0..n).filter(|at| bright.binary_search(at).is_err()).map(|at| totals[at]);
    let brightest = others.fold(0.0, f64::max);
    let alone: Vec<usize> =
        bright.into_iter().filter(|&at| totals[at] > ALONE * brightest).collect();
    if alone.len() > 1 && alone.len() * MANY > n { Vec::new() } else { alone }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Light that varies by a fifth.
    fn scan(n: usize) -> Vec<f64> {
        (0..n).map(|i| 1000.0 + (i * 7919 % 401) as f64 - 200.0).collect()
    }

    #[test]
    fn a_pattern_of_many_times_the_light_is_told() {
        for factor in [15.0, 30.0, 100.0] {
            let mut totals = scan(80);
            totals[33] *= factor;
            assert_eq!(far_too_bright(&totals, 12), [33], "{factor}");
            totals[34] *= factor;
            totals[79] *= factor;
            assert_eq!(far_too_bright(&totals, 4), [33, 34, 79], "{factor}");
        }
        let mut totals = scan(80);
        totals[33] *= 8.0;
        assert_eq!(far_too_bright(&totals, 12), []);
    }

    #[test]
    fn numbers_that_stop_are_told_from_those_that_fade() {
        let ceiling = |at, below| Ceiling { at, below };
        assert!(ceiling(20, 10).is_saturation() && ceiling(20, 0).is_saturation());
        assert!(!ceiling(20, 11).is_saturation() && !ceiling(19, 0).is_frequent());
        assert_eq!(ceiling(1, 2) + ceiling(3, 4), ceiling(4, 6));
    }

    #[test]
    fn what_a_specimen_does_is_none() {
        assert_eq!(far_too_bright(&[], 12), []);
        assert_eq!(far_too_bright(&scan(80), 12), []);
        // A hole in an absorber, whose edges the probe meets on its way.
        let hole = |at: usize| 1.0 + 40.0 * (-(at as f64 - 30.0).powi(2) / 8.0).exp();
        assert_eq!(far_too_bright(&(0..80).map(hole).collect::<Vec<_>>(), 12), []);
        // Half of it missed by the probe.
        let half = |at: usize| if at < 40 { 1.0 } else { 30.0 };
        assert_eq!(far_too_bright(&(0..80).map(half).collect::<Vec<_>>(), 12), []);
        // A long exposure after two short ones.
        let times = |at: usize| if at % 3 == 2 { 100.0 } else { 1.0 };
        assert_eq!(far_too_bright(&(0..80).map(times).collect::<Vec<_>>(), 12), []);
        // Dark for the most part.
        let few = |at: usize| if at.is_multiple_of(9) { 1.0 } else { 0.0 };
        assert_eq!(far_too_bright(&(0..80).map(few).collect::<Vec<_>>(), 12), []);
    }
}
