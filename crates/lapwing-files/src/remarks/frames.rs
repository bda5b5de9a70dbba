//! Patterns that are no measurement, or an odd one.

use std::collections::HashMap;

use lapwing_model::faults::{self, LOST, QUANTA, SPREADS, far_too_bright};
use lapwing_model::{Position, median};
use ndarray::{ArrayView3, Axis};

use super::remark::{Remark, What};
use super::survey::Survey;
use super::words::{counted, leave_out, ranges};
use crate::{Quantum, stop};

/// Neighbours on either side, in the order of the file, that a pattern is compared with.
const AROUND: usize = 12;
/// Share of its neighbours' light with which a pattern is weak.
const WEAK: f64 = 0.3;
/// So many times its neighbours' light is far too much.
const BRIGHT: f64 = 5.0;
/// Probability, as its natural logarithm, below which so many dark patterns are no chance: 1e-4.
const NO_CHANCE: f64 = -9.2;
/// A pattern that looks like no other resembles the mean pattern less than the others by so much,
/// too.
const UNLIKE: f64 = 0.15;

/// Photons of a pattern, and patterns of a scan, from which equal ones are no chance.
const ALIKE: f64 = 100.0;
const FEWEST: usize = 16;

/// `totals` are the sums of the squared amplitudes of the patterns, taken at `scan`.
pub(super) fn look(
    scan: &[Position],
    totals: &[f64],
    survey: Option<&Survey>,
    scale: Option<f64>,
    quantum: Quantum,
) -> Vec<Remark> {
    let n = totals.len();
    let dark: Vec<usize> = (0..n).filter(|&index| totals[index] <= 0.0).collect();
    if n > 0 && dark.len() == n {
        let evidence = format!("all {n} patterns are zero throughout");
        return vec![Remark::new(
            What::LostPatterns,
            evidence,
            "there is no light to reconstruct from; look whether the measurement is in another array",
        )];
    }
    if n < 4 {
        return Vec::new();
    }
    let photons = photons(totals, survey, scale);
    let usual: Vec<f64> = (0..n)
        .map(|index| {
            let around = index.saturating_sub(AROUND)..(index + AROUND + 1).min(n);
            median(around.filter(|&near| near != index).map(|near| totals[near])).unwrap_or(0.0)
        })
        .collect();
    let overall = median(totals.iter().copied()).unwrap_or(0.0);
    let too_bright = far_too_bright(totals, AROUND);
    let mut remarks = Vec::new();
    if photons < QUANTA && !no_chance(dark.len(), n, photons) {
        remarks.extend(few_photons(&dark, n, photons, quantum));
        remarks.extend(far_bright(&too_bright, totals, overall));
        return remarks;
    }
    let is_dark = |index: usize| {
        totals[index] <= 0.0 || (photons >= QUANTA && totals[index] < LOST * usual[index])
    };
    let dark: Vec<usize> = (0..n).filter(|&index| is_dark(index)).collect();
    let lost = faults::lost(scan, &dark, totals, &usual);
    let mut odd: Vec<bool> = (0..n).map(|index| lost.binary_search(&index).is_ok()).collect();
    if !lost.is_empty() {
        let evidence = format!(
            "{} of {n} patterns hold no light, or less than a tenth of that of the patterns beside them: {}",
            lost.len(),
            ranges(&lost)
        );
        let advice = "a reconstruction leaves them out (--faulty keep keeps them)";
        remarks.push(
            Remark::new(What::LostPatterns, evidence, advice)
                .on_patterns(lost.clone())
                .beyond_doubt(),
        );
    }
    // What is far too bright does not tell what is usual, and may resemble nothing as well.
    too_bright.iter().for_each(|&index| odd[index] = true);
    let unlike = survey.map_or_else(Vec::new, |survey| unlike(scan, survey, &odd, &lost));
    unlike.iter().for_each(|&index| odd[index] = true);
    let too_bright: Vec<usize> =
        too_bright.into_iter().filter(|index| unlike.binary_search(index).is_err()).collect();
    if !unlike.is_empty() {
        let most = unlike.iter().map(|&index| totals[index] / overall).fold(0.0, f64::max);
        let light = match most > BRIGHT {
            true => format!(", with up to {most:.0} times the usual light"),
            false => String::new(),
        };
        let evidence = format!(
            "{} of {n} patterns look like no other{light}: {}",
            unlike.len(),
            ranges(&unlike)
        );
        let advice = "a reconstruction leaves them out (--faulty keep keeps them)";
        remarks.push(
            Remark::new(What::UnlikePatterns, evidence, advice).on_patterns(unlike).beyond_doubt(),
        );
    }
    remarks.extend(far_bright(&too_bright, totals, overall));
    for (what, limit, words) in [
        (What::WeakPatterns, WEAK, "less than a third of the usual light"),
        (What::BrightPatterns, BRIGHT, "more than five times the usual light"),
    ] {
        let found: Vec<usize> = (0..n)
            .filter(|&index| {
                let share = totals[index] / usual[index].max(f64::MIN_POSITIVE);
                let beyond = if limit < 1.0 { share < limit } else { share > limit };
                !odd[index] && usual[index] > 0.0 && beyond
            })
            .collect();
        if !found.is_empty() {
            let evidence =
                format!("{} of {n} patterns have {words}: {}", found.len(), ranges(&found));
            let advice =
                "if it is not the specimen that does it, leave them out (--leave-out-frames)";
            remarks.push(Remark::new(what, evidence, advice).on_patterns(found));
        }
    }
    remarks
}

/// Patterns of far more light than a specimen lets through, where the usual one has `overall`.
fn far_bright(bright: &[usize], totals: &[f64], overall: f64) -> Option<Remark> {
    let most = bright.iter().map(|&index| totals[index] / overall).fold(0.0, f64::max);
    (!bright.is_empty()).then(|| {
        let evidence = format!(
            "{} of {} patterns hold up to {most:.0} times the usual light, more than a specimen does: {}",
            bright.len(),
            totals.len(),
            ranges(bright)
        );
        let advice = "a reconstruction leaves them out (--faulty keep keeps them)";
        Remark::new(What::BrightPatterns, evidence, advice)
            .on_patterns(bright.to_vec())
            .beyond_doubt()
    })
}

/// Patterns that show what an earlier one shows: of so many photons no two exposures are alike to
/// the last.
pub(super) fn repeated(
    survey: &Survey,
    patterns: ArrayView3<'_, f32>,
    scale: Option<f64>,
) -> Option<Remark> {
    let totals = &survey.totals;
    if totals.len() < FEWEST || scale.is_none() || photons(totals, Some(survey), scale) < ALIKE {
        return None;
    }
    let pattern = |index: usize| patterns.index_axis(Axis(0), index);
    let mut by_total: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut again = Vec::new();
    for (index, &total) in totals.iter().enumerate().filter(|(_, total)| **total > 0.0) {
        if stop::check().is_err() {
            return None;
        }
        let before = by_total.entry(total.to_bits()).or_default();
        match before.iter().any(|&other| pattern(other) == pattern(index)) {
            true => again.push(index),
            false => before.push(index),
        }
    }
    if again.is_empty() {
        return None;
    }
    let evidence = format!(
        "{} of {} patterns show what an earlier one shows, to the last count: {}",
        again.len(),
        totals.len(),
        ranges(&again)
    );
    let advice = format!(
        "no two exposures do: if the detector's readout stood still, leave them out ({})",
        leave_out(&again)
    );
    Some(Remark::new(What::RepeatedPatterns, evidence, advice).on_patterns(again))
}

/// Photons that an ordinary pattern has at most. Where the scale is not known, the light of
/// neighbouring patterns differs at least as much as that of photons does, by its root; and no
/// photon is less than the smallest number above zero.
fn photons(totals: &[f64], survey: Option<&Survey>, scale: Option<f64>) -> f64 {
    // Of few photons the patterns without one count.
    let mean = totals.iter().sum::<f64>() / totals.len() as f64;
    let lit = median(totals.iter().copied().filter(|&total| total > 0.0));
    let usual = lit.unwrap_or(0.0).min(mean);
    if let Some(scale) = scale {
        return usual * scale * scale;
    }
    let steps = totals.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let spread = 1.4826 * median(steps).unwrap_or(0.0) / std::f64::consts::SQRT_2;
    let by_spread = if spread > 0.0 { (usual / spread).powi(2) } else { f64::INFINITY };
    survey.map_or(by_spread, |survey| by_spread.min(survey.quanta(usual, None)))
}

/// Whether so many `dark` ones of `n` patterns can hardly be chance: of `photons` in each on
/// average, n exp(-photons) are dark, and k of them with the probability of a Poisson
/// distribution.
fn no_chance(dark: usize, n: usize, photons: f64) -> bool {
    let expected = n as f64 * (-photons).exp();
    let factorial: f64 = (1..=dark).map(|k| (k as f64).ln()).sum();
    dark > 0
        && dark as f64 > expected
        && dark as f64 * expected.ln() - expected - factorial < NO_CHANCE
}

/// Patterns without a photon, where that is no wonder.
fn few_photons(dark: &[usize], n: usize, photons: f64, quantum: Quantum) -> Option<Remark> {
    (!dark.is_empty()).then(|| {
        let evidence = format!(
            "{} hold no {}, as is to be expected of some {photons:.2} {} in each",
            counted(dark.len(), &format!("of {n} pattern")),
            quantum.one(),
            quantum.many()
        );
        Remark::new(What::FewPhotons, evidence, "nothing to do: they are data and are kept")
            .on_patterns(dark.to_vec())
    })
}

/// Patterns that look like no other, as those beside them do not; `odd` ones do not tell what is
/// usual, and those that are `lost` nothing.
fn unlike(scan: &[Position], survey: &Survey, odd: &[bool], lost: &[usize]) -> Vec<usize> {
    let even = || (0..odd.len()).filter(|&index| !odd[index]);
    let dark = faults::too_dark(even().map(|index| survey.totals[index]));
    let is_lit = |index: &usize| survey.totals[*index] >= dark;
    let usual =
        |values: &[f64]| median(even().filter(is_lit).map(|index| values[index])).unwrap_or(0.0);
    let middle = usual(&survey.resemblance);
    let mut lacks: Vec<f64> = survey.resemblance.iter().map(|value| middle - value).collect();
    lost.iter().for_each(|&index| lacks[index] = 0.0);
    let spread = 1.4826 * usual(&lacks.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let limit = (SPREADS * spread).max(UNLIKE);
    let (lit, dark): (Vec<usize>, Vec<usize>) = (0..lacks.len()).partition(is_lit);
    let unlike: Vec<usize> = lit.into_iter().filter(|&index| lacks[index] > limit).collect();
    faults::unlike_any(scan, [&unlike, &dark], &lacks, spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(totals: &[f64], scale: Option<f64>) -> Vec<(What, Vec<usize>, bool)> {
        look(&line(totals.len()), totals, None, scale, Quantum::Photon)
            .into_iter()
            .map(|r| (r.what, r.patterns, r.certain))
            .collect()
    }

    fn line(n: usize) -> Vec<Position> {
        (0..n).map(|i| Position { y: 0.0, x: 3.0 * i as f64 }).collect()
    }

    /// Counts around a mean, the same each time.
    fn scattered(mean: f64, n: usize) -> Vec<f64> {
        (0..n).map(|i| mean + mean.sqrt() * ((i * 7919 % 13) as f64 - 6.0) / 3.5).collect()
    }

    #[test]
    fn a_run_of_dark_patterns_among_bright_ones_is_lost() {
        let mut totals = scattered(20_000.0, 100);
        totals[43..53].fill(0.0);
        for scale in [None, Some(1.0)] {
            assert_eq!(told(&totals, scale), [(What::LostPatterns, (43..53).collect(), true)]);
        }
        totals[43..53].fill(4_000.0);
        assert_eq!(told(&totals, None), [(What::WeakPatterns, (43..53).collect(), false)]);
    }

    #[test]
    fn light_that_a_specimen_takes_by_degrees_is_not_lost() {
        let mut totals = scattered(20_000.0, 100);
        let opaque = [14_000.0, 5_000.0, 900.0, 0.0, 0.0, 0.0, 800.0, 4_000.0, 13_000.0];
        totals[40..49].copy_from_slice(&opaque);
        for scale in [None, Some(1.0)] {
            assert_eq!(told(&totals, scale), [(What::WeakPatterns, (41..48).collect(), false)]);
        }
    }

    #[test]
    fn dark_patterns_of_few_photons_are_data() {
        let totals: Vec<f64> = (0..60).map(|i| [1.0, 0.0, 2.0, 1.0, 0.0, 3.0][i % 6]).collect();
        for scale in [None, Some(1.0)] {
            let found = told(&totals, scale);
            assert_eq!((found[0].0, found[0].1.len(), found[0].2), (What::FewPhotons, 20, false));
        }
        let of_electrons = look(&line(60), &totals, None, Some(1.0), Quantum::Electron);
        assert!(of_electrons[0].evidence.contains("hold no electron, "), "{of_electrons:?}");
    }

    #[test]
    fn the_specimen_may_vary_more_than_photons_do() {
        let mut totals: Vec<f64> = scattered(20_000.0, 100);
        totals.iter_mut().enumerate().for_each(|(i, total)| *total *= 1.0 + 0.3 * (i % 3) as f64);
        assert_eq!(told(&totals, None), []);
        totals[43..49].fill(0.0);
        assert_eq!(told(&totals, None), [(What::LostPatterns, (43..49).collect(), true)]);
    }

    #[test]
    fn bright_patterns_are_told() {
        let mut totals = scattered(1000.0, 40);
        totals[7] = 9000.0;
        assert_eq!(told(&totals, Some(1.0)), [(What::BrightPatterns, vec![7], false)]);
        assert!(told(&[0.0; 9], None)[0].1.is_empty());
        // So much light no specimen makes, of few photons either.
        totals[7] = 30_000.0;
        assert_eq!(told(&totals, Some(1.0)), [(What::BrightPatterns, vec![7], true)]);
        assert_eq!(told(&totals, None), [(What::BrightPatterns, vec![7], true)]);
        totals.iter_mut().for_each(|total| *total = (*total / 200.0).round());
        assert!(told(&totals, Some(1.0)).contains(&(What::BrightPatterns, vec![7], true)));
    }
}
