//! What a wider step would cost at the dose that the best one takes.

use super::Question;
use super::candidate::Candidate;
use super::reach::Reach;
use crate::levels::Level;

impl Question<'_> {
    /// What the next larger step would cost at the dose that the best one takes, or in a study by
    /// fluence with the same photons on the specimen.
    pub(super) fn other_step(&self, best: &Candidate, all: &[Candidate]) -> Option<String> {
        // Of a dose below which something is undecided nobody knows what it would cost.
        if matches!(best.reach, Reach::By { after: Some(_), .. }) {
            return None;
        }
        let dose = best.dose()?;
        let wider = all.iter().filter(|other| other.step > best.step);
        let next = wider.min_by(|a, b| a.step.partial_cmp(&b.step).expect("both have steps"))?;
        let by_fluence = self.levels.first().is_some_and(Level::is_fluence);
        let (its_dose, place) = match (by_fluence, best.per_pixel, next.per_pixel) {
            (true, Some(here), Some(there)) => {
                (dose * here / there, "with the same photons on the specimen")
            }
            (true, ..) => return None,
            (false, ..) => (dose, "at that dose"),
        };
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let ((here, off), (there, other)) =
            (self.interpolated(&best.curve, dose)?, self.interpolated(&next.curve, its_dose)?);
        let loss = sign * (here - there);
        let least = self.metric.least_difference(here, there);
        let chance = off.hypot(other).max(least);
        let subject = self.where_to(next);
        let subject = subject[..1].to_uppercase() + &subject[1..];
        if loss > chance {
            return Some(format!(
                "{subject}, would cost {} of {} {place}: {} in place of {}.",
                self.metric.difference_with_unit(loss),
                self.metric.named(),
                self.metric.with_unit(there),
                self.metric.with_unit(here)
            ));
        }
        if loss <= -chance {
            return None;
        }
        // Not to be told apart is not alike: only what reaches the goal there does as well.
        if next.dose().is_some_and(|enough| enough <= its_dose) {
            let within = (chance > least).then(|| {
                format!(", give or take {} by chance", self.metric.difference_with_unit(chance))
            });
            return Some(format!(
                "{subject}, would do as well {place}{}.",
                within.unwrap_or_default()
            ));
        }
        let most = loss + off.hypot(other);
        // As much as there is at all tells nothing, but why does: few values, whose chance is wide.
        if loss > 0.0 && most >= here.abs() {
            return Some(format!(
                "{subject}, has {} in place of {} {place}, which chance may have made: what it costs \
                 is not told, and more repeats tell it.",
                self.metric.with_unit(there),
                self.metric.with_unit(here)
            ));
        }
        (loss > 0.0 && most > loss).then(|| {
            format!(
                "{subject}, may cost up to {} of {} {place}: {} in place of {}, which may be chance.",
                self.metric.difference_with_unit(most),
                self.metric.named(),
                self.metric.with_unit(there),
                self.metric.with_unit(here)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Curve;
    use super::*;
    use crate::estimate::Estimate;
    use crate::metric::with_goals;
    use lapwing_study::View;

    /// A view with these means at 10^3 and 10^5, each known to 0.01 from three values.
    fn candidate(view: View, step: f64, means: [f64; 2], reach: Reach) -> Candidate {
        let of = |mean| Estimate { mean, error: Some(0.01), n: 3, spare: 2 };
        let points = vec![(1e3, of(means[0])), (1e5, of(means[1]))];
        let curve = Curve { points, untold: Vec::new() };
        Candidate { curve, ..Candidate::bare(view, step, reach) }
    }

    #[test]
    fn what_a_step_costs_has_the_digits_of_a_difference() {
        let metrics = with_goals(&Default::default(), None).unwrap();
        let length =
            metrics.iter().find(|metric| metric.name == "phase_resolution_0_5_px").unwrap();
        assert_eq!((length.goal, length.perfect), (2.0, Some(1.0)));
        let question = Question::bare(length);
        let told = |means: [f64; 2], error| {
            let of = |mean| Estimate { mean, error: Some(error), n: 3, spare: 2 };
            let at = |view, step, means: [f64; 2]| {
                let points = vec![(1e3, of(means[0])), (1e5, of(means[1]))];
                let curve = Curve { points, untold: Vec::new() };
                let reach = Reach::About { at: 1e3, between: (1e3, 1e5) };
                Candidate { curve, ..Candidate::bare(view, step, reach) }
            };
            let mut wider = at(View::Dense, 8.0, means);
            wider.reach = Reach::Never;
            let all = [at(View::Baseline, 4.0, [1.5, 1.5]), wider];
            question.other_step(&all[0], &all).unwrap()
        };
        // By Student's t 4.3027 standard errors, of a difference of two values 1.414 times that.
        let costs = told([2.500_002, 2.500_002], 1e-6);
        assert!(costs.contains("would cost 1.000 px of Phase resolution"), "{costs}");
        let may = told([1.8, 1.8], 0.7 / (std::f64::consts::SQRT_2 * 4.302_653) + 3e-7);
        assert!(may.contains("may cost up to 1.000 px of Phase resolution"), "{may}");
    }

    #[test]
    fn a_wider_step_does_as_well_where_it_reaches_the_goal_itself() {
        let metrics = with_goals(&Default::default(), None).unwrap();
        let question = Question::bare(&metrics[0]);
        assert_eq!(metrics[0].goal, 0.9);
        let told = |means: [f64; 2], reach| {
            let about = Reach::About { at: 1e4, between: (1e3, 1e5) };
            let best = candidate(View::Baseline, 4.0, [0.85, 0.95], about);
            let wider = candidate(View::Dense, 8.0, means, reach);
            let all = [best, wider];
            question.other_step(&all[0], &all)
        };
        // By Student's t each may be off by 0.043, their difference by 0.061.
        let about = |at| Reach::About { at, between: (1e3, 1e5) };
        let lower = told([0.81, 0.91], about(7e4)).unwrap();
        let expected = "Steps of 8.0 px, may cost up to 0.101 of Phase SSIM at that dose: 0.860 in \
                        place of 0.900, which may be chance.";
        assert_eq!(lower, expected);
        // One that reaches the goal with no more, and one that is worse for sure.
        let alike = told([0.86, 0.95], about(8e3)).unwrap();
        assert_eq!(
            alike,
            "Steps of 8.0 px, would do as well at that dose, give or take 0.061 by chance."
        );
        let worse = told([0.7, 0.8], Reach::Never).unwrap();
        assert!(worse.contains("would cost 0.150 of Phase SSIM"), "{worse}");
        // Of two values Student's t is 12.7: all of it may be lost, which is no figure.
        let few = |of: &Candidate| {
            let at = |(x, value): &(f64, Estimate)| {
                (*x, Estimate { error: Some(0.06), n: 2, spare: 1, ..*value })
            };
            Curve { points: of.curve.iter().map(at).collect(), untold: Vec::new() }
        };
        let wide =
            [(View::Baseline, 4.0, [0.85, 0.95], 1e4), (View::Dense, 8.0, [0.81, 0.91], 7e4)]
                .map(|(view, step, means, at)| candidate(view, step, means, about(at)))
                .map(|of| Candidate { curve: few(&of), ..of });
        let unknown = question.other_step(&wide[0], &wide).unwrap();
        assert!(
            !unknown.contains("cost up to") && unknown.contains("more repeats tell"),
            "{unknown}"
        );
        assert!(unknown.contains("0.860 in place of 0.900"), "{unknown}");
    }
}
