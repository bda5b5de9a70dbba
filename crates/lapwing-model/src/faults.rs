//! What tells exposures and pixels that hold no measurement from those that do.
//!
//! Who looks at a file and who reconstructs from it know different things of its patterns: roots or
//! counts, a sample or all of them. The rules that need no more than either has stand here.

mod at_once;

use ndarray::Array2;

use self::at_once::{Group, at_once, neighbours};
use crate::{Position, median};

/// An exposure with less than this share of its neighbours' light has lost it.
pub const LOST: f64 = 0.1;
/// Share of the usual light that exposures beside those that a specimen makes dark lack on average.
const DIMMED: f64 = 0.2;
/// Share of what those that a specimen makes unlike lack of a resemblance, which those beside them
/// lack on average, and standard deviations of that average from which it is no chance.
const UNLIKE: f64 = 0.04;
const NO_CHANCE: f64 = 3.0;
/// So many exposures beside a dark one, all of which lack less than this share of the light, are
/// fully lit.
const LIT: (usize, f64) = (2, 0.15);
/// An exposure that lacks more than this of a resemblance is strange, and wrong where those beside
/// it that are not lack less than this share of that.
const STRANGE: (f64, f64) = (0.4, 0.3);
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

/// Of the exposures `dark`, ascending places in a `scan` in the order of time, without the light
/// that those around them have, the ones that have lost it: beside them in the scan it is all
/// there. An opaque specimen takes it by degrees. `totals` is the light of all exposures, `usual`
/// that of those around each.
///
/// Of those in and beside an opaque part, which are judged as one, some may have lost it as well:
/// all that follow each other in time among which there is one whose neighbours are fully lit.
pub fn lost(scan: &[Position], dark: &[usize], totals: &[f64], usual: &[f64]) -> Vec<usize> {
    let most = |of: &[usize]| of.iter().fold(f64::MIN_POSITIVE, |most, &at| usual[at].max(most));
    let lack = |at: usize, usual: f64| (1.0 - totals[at] / usual).clamp(0.0, 1.0);
    let by_degrees = |Group { members, around }: Group<'_>| {
        let usual = most(members);
        mean(around, |at| lack(at, usual)) > DIMMED
    };
    let mut lost = at_once(scan, dark, by_degrees);
    let rest: Vec<usize> =
        dark.iter().copied().filter(|at| lost.binary_search(at).is_err()).collect();
    let beside = neighbours(scan, &rest);
    let among_lit: Vec<bool> = rest
        .iter()
        .zip(beside)
        .map(|(&at, beside)| {
            let lit: Vec<usize> =
                beside.into_iter().filter(|near| dark.binary_search(near).is_err()).collect();
            lit.len() >= LIT.0 && lit.iter().all(|&near| lack(near, usual[at]) < LIT.1)
        })
        .collect();
    let mut runs = rest.iter().zip(&among_lit).peekable();
    let (mut run, mut is_lost) = (Vec::new(), false);
    while let Some((&at, &among_lit)) = runs.next() {
        run.push(at);
        is_lost |= among_lit;
        if runs.peek().is_none_or(|(next, _)| **next != at + 1) {
            if std::mem::take(&mut is_lost) {
                lost.append(&mut run);
            }
            run.clear();
        }
    }
    lost.sort_unstable();
    lost
}

/// Of the exposures `unlike` the others of a `scan`, the ones beside which all is as usual; around
/// a particle it is so by degrees. `lacks` is by how much each exposure resembles the mean of all
/// less than is usual, `spread` the standard deviation of that.
///
/// Beside one that resembles the mean hardly at all the others lack much as well; of those that are
/// too `dark` to resemble anything that alone is looked at.
pub fn unlike_any(
    scan: &[Position],
    [unlike, dark]: [&[usize]; 2],
    lacks: &[f64],
    spread: f64,
) -> Vec<usize> {
    let is_strange = |at: usize| lacks[at] > STRANGE.0;
    let all = unlike.iter().chain(dark).copied();
    let mut strange: Vec<usize> = all.filter(|&at| is_strange(at)).collect();
    strange.sort_unstable();
    let beside = neighbours(scan, &strange);
    let mut found: Vec<usize> = strange
        .into_iter()
        .zip(beside)
        .filter(|(at, beside)| {
            let others: Vec<usize> =
                beside.iter().copied().filter(|&near| !is_strange(near)).collect();
            !others.is_empty() && mean(&others, |near| lacks[near]) < STRANGE.1 * lacks[*at]
        })
        .map(|(at, _)| at)
        .collect();
    let rest: Vec<usize> =
        unlike.iter().copied().filter(|at| found.binary_search(at).is_err()).collect();
    let lack = |at: usize| if found.binary_search(&at).is_ok() { 0.0 } else { lacks[at] };
    let more = at_once(scan, &rest, |Group { members, around }| {
        let [own, theirs] = [members, around].map(|of| mean(of, lack));
        let chance = NO_CHANCE * spread / (around.len() as f64).sqrt();
        theirs > (UNLIKE * own).max(chance)
    });
    found.extend(more);
    found.sort_unstable();
    found
}

/// Light below which an exposure is too dark to resemble any other: a tenth of what the brightest
/// tenth of all have. A specimen that is opaque for the most part would hide what is usual
/// otherwise.
pub fn too_dark(totals: impl IntoIterator<Item = f64>) -> f64 {
    let mut totals: Vec<f64> = totals.into_iter().collect();
    let at = totals.len() * 9 / 10;
    if totals.is_empty() {
        return 0.0;
    }
    LOST * *totals.select_nth_unstable_by(at, f64::total_cmp).1
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
    fn what_is_too_dark_is_told_by_the_brightest() {
        let totals = (0..100).map(|i| if i % 4 == 0 { 1000.0 } else { 3.0 });
        assert_eq!((too_dark(totals), too_dark([])), (100.0, 0.0));
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
