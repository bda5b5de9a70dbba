//! Where a quality that was measured at some doses or overlaps reaches a goal, and how well that is
//! known: the one rule of searches and reports.

use crate::crossing::reached_between;

/// Where on an ascending scale (dose, overlap) a quality is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// At the lowest value of the study already.
    AtMost(f64),
    /// At `at`; nothing can be told of lower ones, down to `after`, which is not enough, where
    /// there is such a one.
    By {
        /// The least that is told to be enough.
        at: f64,
        /// The greatest below it that is told not to be.
        after: Option<f64>,
    },
    /// Interpolated between two neighbours.
    About {
        /// Where the straight line between them has it.
        at: f64,
        /// The neighbours.
        between: (f64, f64),
    },
    /// At `at`, and not any more at `lost`, which is higher.
    Unsteady {
        /// Where it is reached first.
        at: f64,
        /// Where it is not.
        lost: f64,
    },
    /// At `at`; but nothing is told of higher ones, or chance may have done it.
    Unconfirmed {
        /// Where it is reached first.
        at: f64,
    },
    /// Nowhere in the study.
    Never,
    /// Nothing was measured.
    Unknown,
}

impl Reach {
    /// The least value that is known to reach it.
    pub fn place(self) -> Option<f64> {
        match self {
            Self::AtMost(at) | Self::By { at, .. } | Self::About { at, .. } => Some(at),
            Self::Unsteady { .. } | Self::Unconfirmed { .. } | Self::Never | Self::Unknown => None,
        }
    }

    /// The word for it in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtMost(_) => "at_most",
            Self::By { .. } => "by",
            Self::About { .. } => "about",
            Self::Unsteady { .. } => "unsteady",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}

/// Between which values a goal is reached: the lower is `None` where it may be below all that was
/// measured, the higher where it may be beyond it.
pub type Range = (Option<f64>, Option<f64>);

/// A mean at a dose or an overlap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The dose or the overlap.
    pub x: f64,
    /// Mean of the quality.
    pub mean: f64,
    /// How far that may be off with 95 % confidence; `None` of a single value.
    pub half_width: Option<f64>,
}

/// What a goal asks for, and how a curve that may reach it is laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The value that is to be reached.
    pub goal: f64,
    /// Whether large values are good.
    pub higher_is_better: bool,
    /// Whether values are lengths, which are interpolated as logarithms.
    pub of_lengths: bool,
    /// Whether x is a dose, in whose logarithm is interpolated.
    pub of_doses: bool,
}

/// What may be missing from a goal that was reached already, as a share of it.
const SLACK: f64 = 0.01;

impl Rule {
    /// Where `points`, ascending, reach the goal first; of `untold`, ascending, nothing is told.
    ///
    /// Once reached it must stay reached, within what chance allows. What lies beside an untold
    /// value is not told either, and what chance alone may have reached is reached from where it
    /// does not.
    pub fn reach(&self, points: &[Point], untold: &[f64]) -> Reach {
        let reach = self.with_gaps(self.of_means(points), points, untold);
        self.beyond_chance(reach, points, untold)
    }

    /// Between which values it is reached, of a quality that grows with them: beyond the last one
    /// before it that misses the goal whatever chance does, and by the first one after it that has
    /// it whatever chance does. `None` where the goal is not reached, or where a single realisation
    /// leaves chance unknown. Below a place under which nothing is told, no line tells either: its
    /// range ends at that place itself.
    ///
    /// It holds what chance may do to the means with 95 % confidence (Student's t) and what the
    /// straight line between two neighbours may be wrong by ([`reached_between`]).
    pub fn range(&self, points: &[Point], untold: &[f64]) -> Option<Range> {
        self.range_of(self.reach(points, untold), points, untold)
    }

    /// 1 where large values are good, else -1.
    fn sign(&self) -> f64 {
        if self.higher_is_better { 1.0 } else { -1.0 }
    }

    /// A value where lines between neighbours are straight. No length is below zero, however far
    /// chance may reach.
    fn laid(&self, value: f64) -> f64 {
        if self.of_lengths { value.max(f64::MIN_POSITIVE).ln() } else { value }
    }

    /// A place where lines between neighbours are straight.
    fn place(&self, x: f64) -> f64 {
        if self.of_doses { x.ln() } else { x }
    }

    /// The other way.
    fn x(&self, place: f64) -> f64 {
        if self.of_doses { place.exp() } else { place }
    }

    /// Where the means reach the goal, and stay so.
    fn of_means(&self, points: &[Point]) -> Reach {
        let (sign, goal) = (self.sign(), self.goal);
        let first = points.iter().position(|one| sign * (one.mean - goal) >= 0.0);
        let lost = first.and_then(|first| {
            let misses = |one: &&Point| {
                let chance = one.half_width.unwrap_or(0.0);
                sign * (goal - one.mean) > chance.max(SLACK * goal.abs())
            };
            points[first..].iter().find(misses)
        });
        match (first, lost) {
            _ if points.is_empty() => Reach::Unknown,
            (None, _) => Reach::Never,
            (Some(first), Some(lost)) => Reach::Unsteady { at: points[first].x, lost: lost.x },
            (Some(0), None) => Reach::AtMost(points[0].x),
            (Some(i), None) => {
                let (low, high) = (points[i - 1], points[i]);
                let (from, to) = (self.laid(low.mean), self.laid(high.mean));
                let part = (self.laid(goal) - from) / (to - from);
                let (x0, x1) = (self.place(low.x), self.place(high.x));
                let at = self.x(x0 + part * (x1 - x0));
                Reach::About { at, between: (low.x, high.x) }
            }
        }
    }

    /// `reach` where nothing is told of the values `untold`: what lies between one of these and its
    /// neighbours is not told either, and a lowest value with one below it is not the lowest. What
    /// has reached a quality keeps it with more: it is reached from where all that follows is told.
    fn with_gaps(&self, reach: Reach, points: &[Point], untold: &[f64]) -> Reach {
        let (at, low) = match reach {
            Reach::AtMost(at) => (at, f64::NEG_INFINITY),
            Reach::About { between: (low, at), .. } => (at, low),
            _ => return reach,
        };
        let after = points.iter().map(|one| one.x).rfind(|&x| x < at);
        let last = untold.iter().copied().filter(|&one| one > at).reduce(f64::max);
        if let Some(last) = last {
            return match points.iter().find(|one| one.x > last) {
                Some(&Point { x: at, .. }) => Reach::By { at, after },
                None => Reach::Unconfirmed { at },
            };
        }
        if !untold.iter().any(|&one| low < one && one < at) {
            return reach;
        }
        Reach::By { at, after }
    }

    /// `reach` as far as it is no chance, where that is known: a first value that reaches the goal
    /// by chance alone is not the first, and where all that is told may be chance nothing is
    /// confirmed.
    fn beyond_chance(&self, reach: Reach, points: &[Point], untold: &[f64]) -> Reach {
        let Some((low, high)) = self.range_of(reach, points, untold) else { return reach };
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

    fn range_of(&self, reach: Reach, points: &[Point], untold: &[f64]) -> Option<Range> {
        // Of one that no two neighbours hold between them, only the values of the study tell.
        let (first, by_line) = match reach {
            Reach::About { at, between: (_, above) } => {
                let (low, high) = self.straight_within(points, above);
                (above, Some((low - self.place(at), high - self.place(at))))
            }
            Reach::By { at, .. } | Reach::AtMost(at) => (at, None),
            Reach::Unsteady { .. } | Reach::Unconfirmed { .. } | Reach::Never | Reach::Unknown => {
                return None;
            }
        };
        if points.iter().all(|one| one.half_width.is_none()) {
            return match reach {
                Reach::By { at, after } => Some((after, Some(at))),
                _ => None,
            };
        }
        // One of a single realisation among others, such as all photons of a measured scan, is
        // never sure.
        let chance =
            Vec::from_iter(points.iter().map(|one| one.half_width.unwrap_or(f64::INFINITY)));
        let (sign, goal) = (self.sign(), self.laid(self.goal));
        let shifted = |i: usize, by: f64| {
            (self.place(points[i].x), self.laid(points[i].mean + by * sign * chance[i]))
        };
        let reached = |i: usize, by: f64| sign * (shifted(i, by).1 - goal) >= 0.0;
        let between = |i: usize, by: f64| {
            let ((x0, y0), (x1, y1)) = (shifted(i, by), shifted(i + 1, by));
            let gap = untold.iter().any(|&one| points[i].x < one && one < points[i + 1].x);
            let part = (goal - y0) / (y1 - y0);
            let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 1.0 };
            (!gap).then_some(x0 + part * (x1 - x0))
        };
        let above = points.iter().position(|one| one.x == first)?;
        let low = (0..above).rev().find(|&i| !reached(i, 1.0)).map(|i| {
            // All that misses it for sure is too low, whatever the curve is like beyond.
            let at = by_line.and_then(|(from, _)| Some(self.x(between(i, 1.0)? + from)));
            at.map_or(points[i].x, |at| at.max(points[i].x))
        });
        let high = (above..points.len()).find(|&i| reached(i, -1.0)).map(|i| {
            let at =
                by_line.and_then(|(_, to)| Some(self.x(between(i.checked_sub(1)?, -1.0)? + to)));
            at.map_or(points[i].x, |at| at.min(points[i].x))
        });
        Some((low, high))
    }

    /// Between which places the means alone reach the goal first at `above`, whatever the curve is
    /// like between its points.
    fn straight_within(&self, points: &[Point], above: f64) -> (f64, f64) {
        let laid: Vec<(f64, f64)> =
            points.iter().map(|one| (self.place(one.x), self.laid(one.mean))).collect();
        let index = points.iter().position(|one| one.x == above).unwrap_or_default();
        reached_between(&laid, index, self.laid(self.goal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOSES: Rule =
        Rule { goal: 0.8, higher_is_better: true, of_lengths: false, of_doses: true };

    fn of(points: &[(f64, f64)], half_width: Option<f64>) -> Vec<Point> {
        points.iter().map(|&(x, mean)| Point { x, mean, half_width }).collect()
    }

    #[test]
    fn crossings_are_interpolated_in_the_logarithm_of_the_dose() {
        let points = of(&[(1e3, 0.5), (1e4, 0.7), (1e5, 0.9)], None);
        let reach = |goal: f64| Rule { goal, ..DOSES }.reach(&points, &[]);
        let Reach::About { at, between } = reach(0.8) else { panic!() };
        assert!((at / 10f64.powf(4.5) - 1.0).abs() < 1e-12);
        assert_eq!(between, (1e4, 1e5));
        assert_eq!(reach(0.4), Reach::AtMost(1e3));
        assert_eq!(reach(0.95), Reach::Never);
        assert_eq!(DOSES.reach(&[], &[]), Reach::Unknown);
    }

    #[test]
    fn what_lies_beside_something_untold_is_not_interpolated() {
        let points = of(&[(1e3, 0.5), (1e5, 0.9)], None);
        let by = |after| Reach::By { at: 1e5, after };
        assert_eq!(DOSES.reach(&points, &[1e4]), by(Some(1e3)));
        assert!(matches!(DOSES.reach(&points, &[100.0]), Reach::About { .. }));
        assert_eq!(DOSES.reach(&points[1..], &[1e4]), by(None));
        assert_eq!(DOSES.reach(&points[..1], &[1e4]), Reach::Never);
    }

    #[test]
    fn what_is_reached_below_something_untold_is_reached_above_it_or_not_at_all() {
        let at = |doses: &[f64], untold: &[f64], first: f64| {
            let value = |dose: f64| if dose >= first { 0.9 } else { 0.5 };
            let points: Vec<(f64, f64)> = doses.iter().map(|&dose| (dose, value(dose))).collect();
            DOSES.reach(&of(&points, None), untold)
        };
        // The lowest of noise may be good by chance, and nothing tells that more photons are.
        assert_eq!(at(&[1e3], &[1e4, 1e5], 1e3), Reach::Unconfirmed { at: 1e3 });
        assert_eq!(at(&[1e3, 1e4], &[1e5], 1e3), Reach::Unconfirmed { at: 1e3 });
        assert_eq!(at(&[1e3, 1e5], &[1e4], 1e3), Reach::By { at: 1e5, after: None });
        let by = Reach::By { at: 1e6, after: Some(1e3) };
        assert_eq!(at(&[1e3, 1e4, 1e6], &[1e5], 1e4), by);
        assert_eq!(at(&[1e3, 1e4], &[1e5], 1e4), Reach::Unconfirmed { at: 1e4 });
    }

    #[test]
    fn overlaps_are_interpolated_linearly() {
        let rule = Rule { of_doses: false, ..DOSES };
        let reach = rule.reach(&of(&[(0.2, 0.5), (0.6, 0.9)], None), &[]);
        let Reach::About { at, .. } = reach else { panic!() };
        assert!((at - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_goal_that_is_lost_again_is_not_reached_at_any_dose() {
        let of = |values: [f64; 3], chance: Option<f64>| {
            let points: Vec<(f64, f64)> = [1e3, 1e4, 1e5].into_iter().zip(values).collect();
            DOSES.of_means(&of(&points, chance))
        };
        assert_eq!(of([0.5, 0.9, 0.6], None), Reach::Unsteady { at: 1e4, lost: 1e5 });
        // By chance, or by less than matters.
        assert!(matches!(of([0.5, 0.9, 0.6], Some(0.3)), Reach::About { .. }));
        assert!(matches!(of([0.5, 0.9, 0.795], None), Reach::About { .. }));
    }

    #[test]
    fn one_of_a_single_realisation_tells_nothing_for_sure() {
        let at = |x, mean, half_width| Point { x, mean, half_width };
        let few = |last| [at(1e3, 0.5, Some(0.1)), at(1e4, 0.7, Some(0.05)), at(1e5, 0.9, last)];
        // By chance it is reached between 10^4 and 10^5, and the last of these may have missed it.
        let (low, high) = DOSES.range(&few(Some(0.05)), &[]).unwrap();
        assert!(low.unwrap() >= 1e4 && high == Some(1e5));
        assert_eq!(DOSES.range(&few(None), &[]).unwrap(), (Some(1e4), None));
        let more = [&few(None)[..], &[at(1e6, 0.95, Some(0.05))]].concat();
        let (low, high) = DOSES.range(&more, &[]).unwrap();
        assert!(low == Some(1e4) && high == Some(1e6));
        // All of single ones: nothing is known of chance.
        let single: Vec<Point> =
            few(None).iter().map(|one| Point { half_width: None, ..*one }).collect();
        assert_eq!(DOSES.range(&single, &[]), None);
    }

    #[test]
    fn errors_are_reached_downwards_and_lengths_as_logarithms() {
        let errors = Rule { goal: 0.2, higher_is_better: false, ..DOSES };
        let reach = errors.reach(&of(&[(1e3, 0.3), (1e5, 0.1)], None), &[]);
        let Reach::About { at, .. } = reach else { panic!() };
        assert!((at / 1e4 - 1.0).abs() < 1e-12);
        // 8 px and 2 px have 4 px in the middle.
        let lengths = Rule { goal: 4.0, of_lengths: true, ..errors };
        let reach = lengths.reach(&of(&[(1e3, 8.0), (1e5, 2.0)], None), &[]);
        let Reach::About { at, .. } = reach else { panic!() };
        assert!((at / 1e4 - 1.0).abs() < 1e-12);
    }
}
