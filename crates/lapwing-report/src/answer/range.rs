//! How well it is known where a curve reaches the goal.

use super::reach::{Reach, Scale, from_to};
use super::{Curve, Question};
use crate::estimate::Estimate;
use lapwing_study::reach::{Point, Range, Rule};

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
        self.rule(scale).reach(&curve.measured(), &curve.untold)
    }

    /// Between which values the goal is reached ([`Rule::range`]).
    pub(super) fn range(&self, curve: &Curve, scale: Scale) -> Option<Range> {
        self.rule(scale).range(&curve.measured(), &curve.untold)
    }

    fn rule(&self, scale: Scale) -> Rule {
        Rule {
            goal: self.metric.goal,
            higher_is_better: self.metric.higher_is_better(),
            of_lengths: self.metric.is_length(),
            of_doses: scale == Scale::Log,
        }
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

impl Curve {
    /// Its points, ascending.
    fn measured(&self) -> Vec<Point> {
        let of = |(x, value): &(f64, Estimate)| Point {
            x: *x,
            mean: value.mean,
            half_width: value.half_width(),
        };
        self.points.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
