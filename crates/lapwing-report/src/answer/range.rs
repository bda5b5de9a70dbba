//! How well it is known where a curve reaches the goal.
//!
//! A range holds what chance may do to every mean with 95 % confidence (Student's t) and what the
//! straight line between two neighbours may be wrong by
//! ([`reached_between`](lapwing_study::crossing::reached_between)).

use super::reach::{Reach, Scale, reach_of, with_gaps};
use super::{Curve, Question};
use crate::estimate::Estimate;
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
        self.moved(curve, scale, |value| Some(value.mean)).unwrap_or(Reach::Unknown)
    }

    /// Where a curve made of each estimate's `value` reaches the goal; `None` when one has none.
    fn moved(
        &self,
        curve: &Curve,
        scale: Scale,
        value: impl Fn(&Estimate) -> Option<f64>,
    ) -> Option<Reach> {
        let length = self.metric.is_length();
        let points = curve.iter().map(|(x, estimate)| {
            let value = value(estimate)?;
            // No length is below zero, however far chance may reach.
            let value = if length { value.max(f64::MIN_POSITIVE) } else { value };
            Some((*x, value, estimate.half_width().unwrap_or(0.0)))
        });
        let points = points.collect::<Option<Vec<_>>>()?;
        let (goal, higher) = (self.metric.goal, self.metric.higher_is_better());
        let places: Vec<f64> = curve.iter().map(|(x, _)| *x).collect();
        let reach = reach_of(&points, goal, higher, scale, length);
        Some(with_gaps(reach, &places, &curve.untold))
    }

    /// Where the curves that chance makes better and worse reach the goal.
    fn early_and_late(&self, curve: &Curve, scale: Scale) -> Option<(Reach, Reach)> {
        let better = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let shifted = |sign: f64| {
            let by = move |value: &Estimate| Some(value.mean + sign * better * value.half_width()?);
            self.moved(curve, scale, by)
        };
        Some((shifted(1.0)?, shifted(-1.0)?))
    }

    /// Between which values the goal is reached. `None` where it is not, or where a single
    /// realisation leaves chance unknown; of a dose below which nothing is told, what is undecided.
    pub(super) fn range(&self, curve: &Curve, scale: Scale) -> Option<Range> {
        let reach = self.reach(curve, scale);
        let chance = self.early_and_late(curve, scale);
        let (low, high) = match reach {
            Reach::About { at, between: (_, above) } => {
                let (from, to) = self.straight_within(curve, above, scale);
                let (early, late) = chance?;
                let at = scale.place(at);
                let by = |one: f64, end: f64| scale.value(scale.place(one) + scale.place(end) - at);
                let low = match early {
                    Reach::About { at, .. } => Some(by(at, from)),
                    Reach::By { after, .. } => after,
                    _ => None,
                };
                let high = match late {
                    Reach::About { at, .. } | Reach::By { at, .. } => Some(by(at, to)),
                    Reach::AtMost(_) => Some(to),
                    _ => None,
                };
                (low, high)
            }
            Reach::By { at, after } => match chance {
                None => (after, Some(at)),
                Some((early, late)) => {
                    let low = match early {
                        Reach::About { at, .. } => Some(at),
                        Reach::By { after, .. } => after,
                        _ => None,
                    };
                    (low.zip(after).map(|(low, after)| low.min(after)), late.place())
                }
            },
            Reach::AtMost(_) => (None, chance?.1.place()),
            Reach::Unsteady { .. } | Reach::Never | Reach::Unknown => return None,
        };
        Some((low, high))
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
