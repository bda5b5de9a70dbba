//! Exposures whose light no specimen can explain.

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
    let usual = TIMES * median(totals.iter().copied());
    if n < FEWEST || usual.is_nan() || usual <= 0.0 {
        return Vec::new();
    }
    let is_bright = |at: &usize| {
        let near = at.saturating_sub(around)..(at + around + 1).min(n);
        let beside = || median(near.filter(|near| near != at).map(|near| totals[near]));
        totals[*at] > usual && totals[*at] > TIMES * beside()
    };
    let bright: Vec<usize> = (0..n).filter(is_bright).collect();
    let others = (0..n).filter(|at| bright.binary_search(at).is_err()).map(|at| totals[at]);
    let brightest = others.fold(0.0, f64::max);
    let alone: Vec<usize> =
        bright.into_iter().filter(|&at| totals[at] > ALONE * brightest).collect();
    if alone.len() > 1 && alone.len() * MANY > n { Vec::new() } else { alone }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
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
