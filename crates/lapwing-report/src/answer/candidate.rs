//! Views as ways to the goal, and which of them takes least.

use super::Curve;
use super::reach::Reach;
use lapwing_study::{Split, View};

/// Views that take no more than this times the least on the specimen are as good as the cheapest;
/// of these the one with the fewest patterns is reported.
const ALIKE: f64 = 1.1;

/// Neighbouring doses are far apart above this factor: what is between them is no straight line.
const FAR: f64 = 3.2;

/// A view by one solver, as the mean over the splits.
pub(super) struct Candidate {
    pub view: View,
    pub step: Option<f64>,
    pub overlap: Option<f64>,
    /// What the design asks for, in words behind the overlap.
    pub asked: Option<String>,
    /// Patterns of the whole scan, or of the part of it that is known.
    pub patterns: Option<f64>,
    pub part: Option<Split>,
    pub curve: Curve,
    pub reach: Reach,
    /// Whether the goal is reached only where photons are shared with what is compared with.
    pub leans: bool,
    /// Whether the study has higher doses than those of the curve: not done yet, or unreliable.
    pub open_above: bool,
    /// Photons per pixel of the object of all patterns, for each photon per pattern.
    pub per_pixel: Option<f64>,
    /// The same per square metre.
    pub per_square_metre: Option<f64>,
}

impl Candidate {
    /// The least dose that is known to reach the goal.
    pub fn dose(&self) -> Option<f64> {
        self.reach.place()
    }

    /// Photons on the specimen that the goal takes; per pattern where the area is not known.
    pub fn cost(&self) -> Option<f64> {
        Some(self.dose()? * self.per_pixel.unwrap_or(1.0))
    }

    /// The doses between which the goal is reached, where a straight line from one to the other
    /// says little.
    pub fn apart(&self) -> Option<(f64, f64)> {
        match self.reach {
            Reach::About { between: (low, high), .. } if high > FAR * low => Some((low, high)),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Candidate {
    /// One of which little is known, for tests.
    pub fn bare(view: View, step: f64, reach: Reach) -> Self {
        Self {
            view,
            step: Some(step),
            overlap: None,
            asked: None,
            patterns: None,
            part: None,
            curve: Curve::default(),
            reach,
            leans: false,
            open_above: false,
            per_pixel: None,
            per_square_metre: None,
        }
    }
}

/// The view that takes least of the specimen, or of those that take about as little the one with
/// the largest steps; one that is known from doses that stand alone before one that is not.
///
/// A dose between two of the study is a guess. A view whose lowest dose is enough, with no more on
/// the specimen than the upper of the two, is known to be no dearer, and comes first.
pub(super) fn cheapest(candidates: &[Candidate]) -> Option<&Candidate> {
    let of_least = |among: &[&'_ Candidate]| {
        let least = among.iter().filter_map(|of| of.cost()).fold(f64::INFINITY, f64::min);
        let alike = |of: &Candidate| of.cost().is_some_and(|cost| cost <= ALIKE * least);
        let step = |of: &Candidate| of.step.unwrap_or(0.0);
        let order =
            |a: &Candidate, b: &Candidate| b.leans.cmp(&a.leans).then(step(a).total_cmp(&step(b)));
        let alike = among.iter().enumerate().filter(|(_, of)| alike(of));
        alike.max_by(|a, b| order(a.1, b.1)).map(|(at, _)| at)
    };
    let all: Vec<&Candidate> = candidates.iter().collect();
    let best = all[of_least(&all)?];
    let Reach::About { between: (_, enough), .. } = best.reach else { return Some(best) };
    let surely = enough * best.per_pixel.unwrap_or(1.0);
    let enough_already: Vec<&Candidate> = candidates
        .iter()
        .filter(|of| matches!(of.reach, Reach::AtMost(_)) && of.leans == best.leans)
        .filter(|of| of.cost().is_some_and(|cost| cost <= surely))
        .collect();
    Some(of_least(&enough_already).map_or(best, |at| enough_already[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowest_dose_that_is_enough_comes_before_a_guess_that_may_be_dearer() {
        let of = |view, step, per_pixel: f64, reach| Candidate {
            per_pixel: Some(per_pixel),
            ..Candidate::bare(view, step, reach)
        };
        let about = Reach::About { at: 8400.0, between: (1e3, 1e4) };
        let view = |per_pixel| {
            let wide = of(View::Dense, 21.7, 0.0019, about);
            let close = of(View::Baseline, 6.4, per_pixel, Reach::AtMost(1e3));
            cheapest(&[close, wide]).unwrap().view
        };
        // At most 18 and 25 on each pixel; the other takes 1.9 to 19.
        assert_eq!([0.018, 0.025].map(view), [View::Baseline, View::Dense]);
    }
}
