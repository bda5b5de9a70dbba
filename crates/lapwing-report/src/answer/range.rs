//! How well it is known where a curve reaches the goal.
//!
//! A range holds what chance may do to the means with 95 % confidence (Student's t) and what the
//! straight line between two neighbours may be wrong by
//! ([`reached_between`](lapwing_study::crossing::reached_between)).

use super::reach::{Reach, Scale, from_to, reach_of, with_gaps};
use super::{Curve, Question};
use lapwing_study::crossing::reached_between;

/// Between which values the goal is reached: the lower is `None` where it may be below the study,
/// the higher where it may be beyond it.
pub(super) type Range = (Option<f64>, Option<f64>);

impl Question<'_> {
    /// Where a curve reaches the goal. What is below its first point was measured, but is
    /// unreliable, where `lowest` is lower. Unknown of a goal that a flat image reaches.
    pub(super) fn reach_from(&self, curve: &Curve, lowest: Option<f64>, scale: Scale) -> Reach {
        if self.flat.is_some() || self.unheld.is_some() {
            return Reach::Unknown;
        }
        match self.reach(curve, scale) {
            // Where only shared photons tell of it, nothing is told.
            reach if scale == Scale::Log && !self.tells && self.leans(reach) => Reach::Never,
            Reach::AtMost(at) if lowest.is_some_and(|lowest| lowest < at) => {
                Reach::By { at, after: None }
            }
            reach => reach,
        }
    }

    fn reach(&self, curve: &Curve, scale: Scale) -> Reach {
        let points: Vec<(f64, f64, f64)> =
            curve.iter().map(|(x, value)| (*x, value.mean, value.off())).collect();
        let (goal, higher) = (self.metric.goal, self.metric.higher_is_better());
        let places: Vec<f64> = curve.iter().map(|(x, _)| *x).collect();
        let reach = reach_of(&points, goal, higher, scale, self.metric.is_length());
        self.beyond_chance(with_gaps(reach, &places, &curve.untold), curve, scale)
    }

    /// `reach` as far as it is no chance, where that is known: a first value that reaches the goal
    /// by chance alone is not the first, and where all that is told may be chance nothing is
    /// confirmed.
    fn beyond_chance(&self, reach: Reach, curve: &Curve, scale: Scale) -> Reach {
        let Some((low, high)) = self.range_of(reach, curve, scale) else { return reach };
        match (reach, high) {
            (Reach::AtMost(at) | Reach::By { at, .. }, None) => Reach::Unconfirmed { at },
            (Reach::AtMost(at), Some(sure)) if sure > at => Reach::By { at: sure, after: None },
            (Reach::By { at, after }, Some(sure)) if sure > at => Reach::By { at: sure, after },
            (Reach::About { between: (_, at), .. }, None) if low.is_none() => {
                Reach::Unconfirmed { at }
            }
            _ => reach,
        }
    }

    /// Between which values the goal is reached, of a quality that grows with them: beyond the last
    /// one before it that misses the goal whatever chance does, and by the first one after it that
    /// has it whatever chance does. `None` where the goal is not reached, or where a single
    /// realisation leaves chance unknown. Below a place under which nothing is told, no line tells
    /// either: its range ends at that place itself.
    pub(super) fn range(&self, curve: &Curve, scale: Scale) -> Option<Range> {
        self.range_of(self.reach(curve, scale), curve, scale)
    }

    fn range_of(&self, reach: Reach, curve: &Curve, scale: Scale) -> Option<Range> {
        // Of one that no two neighbours hold between them, only the values of the study tell.
        let (first, by_line) = match reach {
            Reach::About { at, between: (_, above) } => {
                let (low, high) = self.straight_within(curve, above, scale);
                let off = |end: f64| scale.place(end) - scale.place(at);
                (above, Some((off(low), off(high))))
            }
            Reach::By { at, .. } | Reach::AtMost(at) => (at, None),
            Reach::Unsteady { .. } | Reach::Unconfirmed { .. } | Reach::Never | Reach::Unknown => {
                return None;
            }
        };
        let chance: Option<Vec<f64>> = curve.iter().map(|(_, value)| value.half_width()).collect();
        let Some(chance) = chance else {
            return match reach {
                Reach::By { at, after } => Some((after, Some(at))),
                _ => None,
            };
        };
        let (sign, length) = (self.sign(), self.metric.is_length());
        let goal = if length { self.metric.goal.ln() } else { self.metric.goal };
        // No length is below zero, however far chance may reach.
        let laid = |value: f64| if length { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let shifted = |i: usize, by: f64| {
            let (x, value) = curve[i];
            (scale.place(x), laid(value.mean + by * sign * chance[i]))
        };
        let reached = |i: usize, by: f64| sign * (shifted(i, by).1 - goal) >= 0.0;
        let between = |i: usize, by: f64| {
            let ((x0, y0), (x1, y1)) = (shifted(i, by), shifted(i + 1, by));
            let gap = curve.untold.iter().any(|&one| curve[i].0 < one && one < curve[i + 1].0);
            let part = (goal - y0) / (y1 - y0);
            let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 1.0 };
            (!gap).then_some(x0 + part * (x1 - x0))
        };
        let above = curve.iter().position(|(x, _)| *x == first)?;
        let low = (0..above).rev().find(|&i| !reached(i, 1.0)).map(|i| {
            // All that misses it for sure is too low, whatever the curve is like beyond.
            let at = by_line.and_then(|(from, _)| Some(scale.value(between(i, 1.0)? + from)));
            at.map_or(curve[i].0, |at| at.max(curve[i].0))
        });
        let high = (above..curve.len()).find(|&i| reached(i, -1.0)).map(|i| {
            let at = by_line
                .and_then(|(_, to)| Some(scale.value(between(i.checked_sub(1)?, -1.0)? + to)));
            at.map_or(curve[i].0, |at| at.min(curve[i].0))
        });
        Some((low, high))
    }

    /// 1 where large values are good, else -1.
    fn sign(&self) -> f64 {
        if self.metric.higher_is_better() { 1.0 } else { -1.0 }
    }

    /// Between which values the means alone reach the goal first at `above`, whatever the curve is
    /// like between its points.
    fn straight_within(&self, curve: &Curve, above: f64, scale: Scale) -> (f64, f64) {
        let place = |value: f64| if self.metric.is_length() { value.ln() } else { value };
        let points: Vec<(f64, f64)> =
            curve.iter().map(|(x, value)| (scale.place(*x), place(value.mean))).collect();
        let index = curve.iter().position(|(x, _)| *x == above).unwrap_or_default();
        let (low, high) = reached_between(&points, index, place(self.metric.goal));
        (scale.value(low), scale.value(high))
    }

    /// The place where `curve` reaches the goal, in the digits of the range within which it does:
    /// with fewer it could lie outside.
    pub(super) fn place(&self, at: f64, curve: &Curve, scale: Scale) -> String {
        let digits = match self.range(curve, scale) {
            Some((Some(low), Some(high))) => scale.outwards(low, high).1,
            _ => 2,
        };
        scale.text(at, digits)
    }

    /// [`range`](Self::range) in words: `68 000 to 74 000`.
    pub(super) fn within(&self, curve: &Curve, scale: Scale) -> Option<String> {
        let first = || scale.below(curve.first().map_or(0.0, |(x, _)| *x));
        let beyond = "beyond this study";
        Some(match self.range(curve, scale)? {
            (Some(low), Some(high)) => scale.outwards(low, high).0,
            (None, Some(high)) => from_to(first(), scale.end(high, true)),
            (Some(low), None) => format!("{} to {beyond}", scale.end(low, false)),
            (None, None) => format!("{} to {beyond}", first()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Estimate;
    use crate::metric::with_goals;

    /// Normal values by SplitMix64 and Box and Muller.
    struct Draws(u64);

    impl Draws {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let (one, other) = (1.0 - self.uniform(), self.uniform());
            (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
        }
    }

    /// The share of draws whose range holds the dose at which a curve of log10 of the dose, whose
    /// inverse is `place`, really reaches the goal.
    fn held(curve: fn(f64) -> f64, place: fn(f64) -> f64, doses: usize, repeats: usize) -> f64 {
        let mut draws = Draws((doses * 100 + repeats) as u64);
        let (mut held, mut all) = (0_usize, 0_usize);
        for _ in 0..500 {
            let goal = curve(3.05 + 1.9 * draws.uniform());
            let metrics = with_goals(&[("phase_ssim".to_owned(), goal)].into(), None).unwrap();
            let question = Question::bare(&metrics[0]);
            let mut points = Vec::new();
            for i in 0..doses {
                let x = 3.0 + 2.0 * i as f64 / (doses - 1) as f64;
                let mut value = || curve(x) + 0.015 * draws.normal();
                let values: Vec<f64> = (0..repeats).map(|_| value()).collect();
                points.push((10f64.powf(x), Estimate::of(&values).unwrap()));
            }
            let curve = Curve { points, untold: Vec::new() };
            let reach = question.reach(&curve, Scale::Log);
            let Some((low, high)) = question.range(&curve, Scale::Log) else { continue };
            if let Reach::About { at, .. } = reach {
                let truth = 10f64.powf(place(goal));
                let holds = |one: f64| {
                    low.is_none_or(|low| low <= one * (1.0 + 1e-9))
                        && high.is_none_or(|high| one <= high * (1.0 + 1e-9))
                };
                assert!(holds(at), "{low:?} {at} {high:?}");
                (held, all) = (held + usize::from(holds(truth)), all + 1);
            }
        }
        held as f64 / all.max(1) as f64
    }

    #[test]
    fn ranges_hold_the_dose_that_curves_of_any_bend_take() {
        let saturating = |x: f64| 1.0 - (-0.9 * (x - 2.0)).exp();
        let step = |x: f64| 1.0 / (1.0 + (-2.2 * (x - 4.0)).exp());
        for doses in [3, 5, 9] {
            for repeats in [2, 4, 8] {
                let of_saturating =
                    held(saturating, |y| 2.0 - (1.0 - y).ln() / 0.9, doses, repeats);
                let of_step = held(step, |y| 4.0 + (y / (1.0 - y)).ln() / 2.2, doses, repeats);
                let found = of_saturating.min(of_step);
                assert!(found >= 0.95, "{doses} doses, {repeats} repeats: {found}");
            }
        }
    }

    #[test]
    fn what_chance_may_have_reached_has_the_dose_that_is_told_at_the_end_of_its_range() {
        // Flat up to 10^3.5, and steep from there to 10^4.5: at the lowest dose it misses the goal
        // by as little as chance makes good.
        let curve = |x: f64| 0.6 + 0.3 * (x - 3.5).clamp(0.0, 1.0) + 0.001 * x;
        let metrics = with_goals(&[("phase_ssim".to_owned(), 0.605)].into(), None).unwrap();
        let question = Question::bare(&metrics[0]);
        let truth = 10f64.powf(3.5 + (0.605 - 0.6 - 0.0035) / 0.301);
        let mut draws = Draws(16);
        let (mut by, mut held) = (0_usize, 0_usize);
        for _ in 0..500 {
            let point = |x: f64, draws: &mut Draws| {
                let values: Vec<f64> = (0..3).map(|_| curve(x) + 0.01 * draws.normal()).collect();
                (10f64.powf(x), Estimate::of(&values).unwrap())
            };
            let points = [3.0, 5.0, 6.0].map(|x| point(x, &mut draws)).to_vec();
            let curve = Curve { points, untold: Vec::new() };
            let reach = question.reach(&curve, Scale::Log);
            let Reach::By { at, after: None } = reach else { continue };
            let (low, high) = question.range(&curve, Scale::Log).unwrap();
            assert_eq!((low, high, reach.place()), (None, Some(at), Some(at)));
            (by, held) = (by + 1, held + usize::from(truth <= at));
        }
        assert!(by > 100 && held as f64 >= 0.95 * by as f64, "{held} of {by}");
    }
}
