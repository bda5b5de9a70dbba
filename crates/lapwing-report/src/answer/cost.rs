//! Which view makes most of the same photons on the specimen.

use super::needs::listed as listed_in_words;
use super::{Curve, Question};
use crate::estimate::Estimate;
use crate::fluence::Unit;
use crate::levels::Level;
use lapwing_study::{Split, View};

/// Views of a study at equal fluences that differ by more than this share are told of.
const UNEVEN: f64 = 0.05;

/// Below this dose, photons per pattern, the next whole number is further away than that.
const WHOLE: u64 = 10;

impl<'a> Question<'a> {
    /// Of several views, which is best with the same photons per area of the specimen: at the
    /// fluences of the study, or else in the middle of what all of them were given; that none is
    /// where they differ by less than chance does.
    pub(super) fn at_equal_cost(&self, solver: &'a str) -> Option<String> {
        if self.views.len() < 2 {
            return None;
        }
        let best = |split: &'a Split| self.best_at_levels(solver, *split);
        let mut parts: Vec<String> = self.splits.iter().flat_map(best).collect();
        let mut between = "";
        if parts.is_empty() {
            between = ", interpolated between the doses that are there";
            let best = |&split: &Split| self.best_at(solver, split);
            parts = self.splits.iter().filter_map(best).collect();
        }
        let single = self.rows.iter().all(|row| row.repeat() == 1);
        let chance = if single { " (one realisation: what is chance is not known)" } else { "" };
        (!parts.is_empty()).then(|| {
            format!("At the same cost to the specimen{between}: {}{chance}.", parts.join("; "))
        })
    }

    /// What is best at each fluence of the study.
    fn best_at_levels(&self, solver: &'a str, split: Split) -> Vec<String> {
        let of = |level: &Level| {
            let at = |&view: &View| {
                let value = self.line(solver, view, split).at(self.metric, level.dose(view)?)?;
                Some((view, value.mean, value.off()))
            };
            let values = self.views.iter().filter_map(at).collect();
            let best = self.best_of(&level.words(), split, values)?;
            Some(best + &self.uneven(solver, split, level).unwrap_or_default())
        };
        self.levels.iter().filter(|level| level.is_fluence()).filter_map(of).collect()
    }

    /// How far apart the photons on the specimen of a level are, where whole photons per pattern
    /// keep them from being the same.
    fn uneven(&self, solver: &'a str, split: Split, level: &Level) -> Option<String> {
        let few = self.views.iter().filter_map(|&view| level.dose(view)).any(|dose| dose < WHOLE);
        let photons = |&view: &View| {
            let per_dose = self.line(solver, view, split).per_pixel_and_dose()?;
            Some((view, per_dose * level.dose(view)? as f64))
        };
        let given: Vec<(View, f64)> = self.views.iter().filter_map(photons).collect();
        let least = given.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let most = given.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let more = most.1 / least.1 - 1.0;
        (few && more > UNEVEN).then(|| {
            format!(
                " (doses are whole photons per pattern: {} was given {:.0}\u{202f}% more than {})",
                most.0,
                100.0 * more,
                least.0
            )
        })
    }

    fn best_at(&self, solver: &'a str, split: Split) -> Option<String> {
        let of = |&view: &View| {
            let line = self.line(solver, view, split);
            let per_dose = line.per_pixel_and_dose()?;
            let points = line.curve(self.metric);
            let points: Vec<(f64, Estimate)> =
                points.iter().map(|(dose, value)| (per_dose * dose, *value)).collect();
            let untold = line.untold(self.metric).iter().map(|dose| per_dose * dose).collect();
            (points.len() > 1).then_some((view, Curve { points, untold }))
        };
        let curves: Vec<(View, Curve)> = self.views.iter().filter_map(of).collect();
        let ends = |of: fn(&Curve) -> Option<&(f64, Estimate)>| {
            curves.iter().filter_map(move |(_, curve)| Some(of(curve)?.0))
        };
        let low = ends(|curve| curve.first()).fold(0.0, f64::max);
        let high = ends(|curve| curve.last()).fold(f64::INFINITY, f64::min);
        if curves.len() < 2 || low >= high {
            return None;
        }
        let middle = (low * high).sqrt();
        let at = |(view, curve): &(View, Curve)| {
            let (value, off) = self.interpolated(curve, middle)?;
            Some((*view, value, off))
        };
        let place = Unit::of(self.pixel_size).text(middle);
        self.best_of(&place, split, curves.iter().filter_map(at).collect())
    }

    /// What is best of views with their values and how far these may be off by chance, or which are
    /// alike.
    fn best_of(
        &self,
        place: &str,
        split: Split,
        mut values: Vec<(View, f64, f64)>,
    ) -> Option<String> {
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        values.sort_by(|a, b| (sign * b.1).total_cmp(&(sign * a.1)));
        let &[first, _, ..] = values.as_slice() else { return None };
        type Valued = (View, f64, f64);
        let ahead = |&(_, value, off): &Valued, &(_, next, other): &Valued| {
            sign * (value - next) > off.hypot(other).max(self.metric.least_difference(value, next))
        };
        let listed: Vec<String> = values
            .iter()
            .map(|(view, value, _)| format!("{view} {}", self.metric.number(*value)))
            .collect();
        let listed = listed.join(", ");
        let names = |of: &[&Valued]| {
            listed_in_words(&of.iter().map(|(view, ..)| view.to_string()).collect::<Vec<_>>())
        };
        let (behind, near): (Vec<&Valued>, Vec<&Valued>) =
            values.iter().partition(|next| ahead(&first, next));
        // Chance differs from view to view: what is told of the first is not told of all near it.
        let apart = near.iter().any(|one| near.iter().any(|next| ahead(one, next)));
        let better = near.iter().all(|one| behind.iter().all(|next| ahead(one, next)));
        let best = first.0;
        let which = match near.len() {
            1 => format!("{best} is best"),
            all if all == values.len() && !apart => {
                "no view is told to be better than another".to_owned()
            }
            _ if !apart && better => {
                format!("{} are not told apart, and better than the others,", names(&near))
            }
            _ => format!("{best} comes first, not told from {},", names(&near[1..])),
        };
        Some(format!("with {place}, {which} on {split} ({listed})"))
    }

    /// Value between two points of a curve, in the logarithm of its place, and how far it may be
    /// off by chance with 95 % confidence (0 where that is not known); `None` beyond them, and
    /// where nothing can be told of a place between the two.
    pub(super) fn interpolated(&self, curve: &Curve, at: f64) -> Option<(f64, f64)> {
        let pair = curve.windows(2).find(|pair| pair[0].0 <= at && at <= pair[1].0)?;
        let ((x0, from), (x1, to)) = (pair[0], pair[1]);
        // What is told of no place between two is not told by a line between them.
        if at != x0 && at != x1 && curve.untold.iter().any(|&one| x0 < one && one < x1) {
            return None;
        }
        let part = (at / x0).ln() / (x1 / x0).ln();
        let value = match self.metric.is_length() {
            true => (from.mean.ln() + part * (to.mean / from.mean).ln()).exp(),
            false => from.mean + part * (to.mean - from.mean),
        };
        Some((value, from.off().max(to.off())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::with_goals;

    #[test]
    fn views_whose_few_realisations_differ_by_chance_are_alike() {
        let metrics = with_goals(&Default::default(), None).unwrap();
        let question = Question::bare(&metrics[0]);
        // Standard errors of 0.01; of two values 12.7 of these may be chance, of eight 2.4. A
        // difference of 0.04 is 2.8 standard errors of a difference.
        let of = |mean: f64, n: usize| Estimate { mean, error: Some(0.01), n, spare: n - 1 };
        let best = |n: usize| {
            let at = |view, mean| (view, mean, of(mean, n).off());
            let values = vec![at(View::Baseline, 0.84), at(View::Dense, 0.80)];
            question.best_of("1 photon", Split::Train, values).unwrap()
        };
        assert!(best(2).contains("no view is told to be better than another"), "{}", best(2));
        assert!(best(8).contains("baseline is best on train"), "{}", best(8));
        // The third is behind the first alone: of the second it is not told.
        let told = |values: [(View, f64, f64); 3]| {
            question.best_of("1 photon", Split::Train, values.to_vec()).unwrap()
        };
        let (first, third) = ((View::Baseline, 0.84, 0.01), (View::Sparse, 0.80, 0.01));
        let second = |off| (View::Dense, 0.83, off);
        let near = told([first, second(0.05), third]);
        assert!(near.contains("baseline comes first, not told from dense, on train"), "{near}");
        let apart = told([first, second(0.01), third]);
        assert!(apart.contains("baseline and dense are not told apart, and better"), "{apart}");
        // What is not told from the first is not one group where one is behind another.
        let wide = told([(View::Baseline, 0.84, 0.06), second(0.01), third]);
        assert!(wide.contains("baseline comes first, not told from dense and sparse,"), "{wide}");
        // Between two doses as at the worse of them; of one realisation it is not known.
        let off = |n: usize| {
            let points = vec![(1e3, of(0.5, 8)), (1e5, of(0.9, n))];
            question.interpolated(&Curve { points, untold: Vec::new() }, 1e4).unwrap().1
        };
        assert!((off(2) - 0.127).abs() < 1e-3 && (off(8) - 0.0236).abs() < 1e-3);
        assert_eq!(Estimate::of(&[0.8]).unwrap().off(), 0.0);
    }
}
