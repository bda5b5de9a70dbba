//! How well it is known where a curve reaches the goal.
//!
//! A range holds what chance may do to the means with 95 % confidence (Student's t) and what the
//! straight line between two neighbours may be wrong by
//! ([`reached_between`](lapwing_study::crossing::reached_between)).

use super::reach::{Reach, Scale, reach_of, with_gaps};
use super::{Curve, Question};
use lapwing_study::crossing::reached_between;

/// Between which values the goal is reached: the lower is `None` where it may be below the study,
/// the higher where it may be beyond it.
pub(super) type Range = (Option<f64>, Option<f64>);

impl Question<'_> {
    /// Where a curve reaches the goal. What is below its first point was measured, but is
    /// unreliable, where `lowest` is lower. Unknown of a goal that a flat image reaches.
    pub(super) fn reach_from(&self, curve: &Curve, lowest: Option<f64>, scale: Scale) -> Reach {
        if self.flat.is_some() {
            return Reach::Unknown;
        }
        match self.reach(curve, scale) {
            Reach::AtMost(at) if lowest.is_some_and(|lowest| lowest < at) => {
                Reach::By { at, after: None }
            }
            reach => reach,
        }
    }

    fn reach(&self, curve: &Curve, scale: Scale) -> Reach {
        let points: Vec<(f64, f64, f64)> = curve
            .iter()
            .map(|(x, value)| (*x, value.mean, value.half_width().unwrap_or(0.0)))
            .collect();
        let (goal, higher) = (self.metric.goal, self.metric.higher_is_better());
        let places: Vec<f64> = curve.iter().map(|(x, _)| *x).collect();
        let reach = reach_of(&points, goal, higher, scale, self.metric.is_length());
        with_gaps(reach, &places, &curve.untold)
    }

    /// Between which values the goal is reached, of a quality that grows with them: beyond the last
    /// one before it that misses the goal whatever chance does, and by the first one after it that
    /// has it whatever chance does. `None` where the goal is not reached, or where a single
    /// realisation leaves chance unknown; of a dose below which nothing is told, what is undecided.
    pub(super) fn range(&self, curve: &Curve, scale: Scale) -> Option<Range> {
        let reach = self.reach(curve, scale);
        let (first, from, to) = match reach {
            Reach::About { at, between: (_, above) } => {
                let (low, high) = self.straight_within(curve, above, scale);
                (above, scale.place(low) - scale.place(at), scale.place(high) - scale.place(at))
            }
            Reach::By { at, .. } | Reach::AtMost(at) => (at, 0.0, 0.0),
            Reach::Unsteady { .. } | Reach::Never | Reach::Unknown => return None,
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
            let at = between(i, 1.0).map(|at| scale.value(at + from));
            at.unwrap_or(curve[i].0)
        });
        let high = (above..curve.len()).find(|&i| reached(i, -1.0)).map(|i| {
            let at = i.checked_sub(1).and_then(|below| between(below, -1.0));
            at.map_or(curve[i].0, |at| scale.value(at + to))
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
        let first = || format!("below {}", scale.exact(curve.first().map_or(0.0, |(x, _)| *x)));
        let beyond = "beyond this study";
        Some(match self.range(curve, scale)? {
            (Some(low), Some(high)) => scale.outwards(low, high).0,
            (None, Some(high)) => format!("{} to {}", first(), scale.end(high, true)),
            (Some(low), None) => format!("{} to {beyond}", scale.end(low, false)),
            (None, None) => format!("{} to {beyond}", first()),
        })
    }
}
