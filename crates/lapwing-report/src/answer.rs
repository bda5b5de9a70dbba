//! The answer in words, from the numbers.

mod needs;
mod reach;

pub(crate) use needs::Needs;

use crate::estimate::{Estimate, Line, Trend};
use crate::gather::Row;
use crate::metric::{Metric, dose_label};
use lapwing_study::{Condition, Split, View};
use reach::{Reach, Scale, reach, rounded};

/// Everything that sentences are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub rows: &'a [Row],
    pub metric: &'a Metric,
    pub solvers: &'a [String],
    pub views: &'a [View],
    pub splits: &'a [Split],
    pub doses: &'a [u64],
}

/// Ascending (dose or overlap, quality).
type Curve = Vec<(f64, Estimate)>;

impl<'a> Question<'a> {
    fn line(&self, solver: &'a str, view: View, split: Split) -> Line<'a> {
        Line { rows: self.rows, solver, split, view }
    }

    /// `, LSQML` when there are several solvers.
    fn by(&self, solver: &str) -> String {
        if self.solvers.len() > 1 { format!(", {solver}") } else { String::new() }
    }

    /// The answer: of one solver the dose that each view needs, the overlap that each dose needs
    /// and the trend; of several, a sentence each (and [`needs`](Self::needs) beside them). Then
    /// the best and the worst.
    pub fn words(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        match self.solvers {
            [only] => {
                sentences.extend(self.views.iter().filter_map(|&view| self.dose(only, view)));
                sentences.extend(self.doses.iter().filter_map(|&dose| self.overlap(only, dose)));
                sentences.extend(self.trend(only));
            }
            several => sentences.extend(several.iter().filter_map(|solver| self.summary(solver))),
        }
        sentences.extend(self.extremes());
        sentences
    }

    /// The goal as `Phase SSIM at least 0.9`.
    fn goal(&self) -> String {
        let (heading, unit, goal) = (&self.metric.heading, self.metric.unit, self.metric.goal);
        let word = if self.metric.higher_is_better() { "at least" } else { "at most" };
        let nm = self.metric.nm(goal).map(|nm| format!(" ({nm})")).unwrap_or_default();
        format!("{heading} {word} {goal}{}{unit}{nm}", if unit.is_empty() { "" } else { " " })
    }

    fn reach(&self, curve: &[(f64, Estimate)], scale: Scale) -> Reach {
        self.moved(curve, scale, |value| Some(value.mean)).unwrap_or(Reach::Unknown)
    }

    /// Where a curve made of each estimate's `value` reaches the goal; `None` when one has none.
    fn moved(
        &self,
        curve: &[(f64, Estimate)],
        scale: Scale,
        value: impl Fn(&Estimate) -> Option<f64>,
    ) -> Option<Reach> {
        let points = curve.iter().map(|(x, estimate)| Some((*x, value(estimate)?)));
        let points = points.collect::<Option<Vec<_>>>()?;
        Some(reach(&points, self.metric.goal, self.metric.higher_is_better(), scale))
    }

    /// Where the curves one standard error better and worse reach the goal: `68 000 to 74 000`.
    fn within(&self, curve: &[(f64, Estimate)], scale: Scale) -> Option<String> {
        let better = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let shifted = |sign: f64| {
            self.moved(curve, scale, |value| Some(value.mean + sign * better * value.error?))
        };
        let (early, late) = (shifted(1.0)?, shifted(-1.0)?);
        let text = |reach: Reach| match reach {
            Reach::AtMost(_) | Reach::Unknown => {
                format!("below {}", scale.exact(curve.first().map_or(0.0, |(x, _)| *x)))
            }
            Reach::About { at, .. } => scale.text(at, 2),
            Reach::Never => "beyond this study".to_owned(),
        };
        Some(match (early, late) {
            (Reach::About { at: first, .. }, Reach::About { at: last, .. }) => {
                scale.range_text(first, last)
            }
            (early, late) => format!("{} to {}", text(early), text(late)),
        })
    }

    /// Quality against dose of a view, for every split that has some.
    fn against_dose(&self, solver: &'a str, view: View) -> Vec<(Split, Curve)> {
        let of = |&split: &Split| (split, self.line(solver, view, split).curve(self.metric));
        self.splits.iter().map(of).filter(|(_, curve)| !curve.is_empty()).collect()
    }

    /// Quality against overlap at a dose, for every split that has two overlaps at least.
    fn against_overlap(&self, solver: &'a str, dose: u64) -> Vec<(Split, Curve)> {
        let of = |&split: &Split| {
            let point = |&view: &View| {
                let line = self.line(solver, view, split);
                Some((line.overlap(dose)?, line.at(self.metric, dose)?))
            };
            let mut curve: Curve =
                self.views.iter().filter_map(point).filter(|p| p.0.is_finite()).collect();
            curve.sort_by(|a, b| a.0.total_cmp(&b.0));
            (split, curve)
        };
        self.splits.iter().map(of).filter(|(_, curve)| curve.len() > 1).collect()
    }

    fn dose(&self, solver: &'a str, view: View) -> Option<String> {
        let each = self.against_dose(solver, view);
        let part = |(split, curve): &(Split, Curve)| match self.reach(curve, Scale::Log) {
            Reach::AtMost(dose) => {
                format!("at {} photons per pattern or fewer on {split}", Scale::Log.exact(dose))
            }
            Reach::About { at, between } => format!(
                "from about {} photons per pattern on {split} ({})",
                rounded(at, 2),
                self.known(curve, Scale::Log, between)
            ),
            Reach::Never | Reach::Unknown => format!("not on {split}"),
        };
        let nowhere = each.iter().all(|(_, curve)| self.reach(curve, Scale::Log) == Reach::Never);
        let said = match nowhere {
            true => "not reached within this study".to_owned(),
            false => each.iter().map(part).collect::<Vec<_>>().join(", "),
        };
        (!each.is_empty()).then(|| format!("{} with the {view} view: {said}.", self.goal()))
    }

    /// `between 10⁴ and 10⁵; 68 000 to 74 000 within one standard error`.
    fn known(&self, curve: &Curve, scale: Scale, (low, high): (f64, f64)) -> String {
        let within =
            self.within(curve, scale).map(|text| format!("; {text} within one standard error"));
        let within = within.unwrap_or_default();
        format!("between {} and {}{within}", scale.exact(low), scale.exact(high))
    }

    fn overlap(&self, solver: &'a str, dose: u64) -> Option<String> {
        let each = self.against_overlap(solver, dose);
        let part = |(split, curve): &(Split, Curve)| match self.reach(curve, Scale::Linear) {
            Reach::AtMost(overlap) => format!("with an overlap of {overlap:.2} or less on {split}"),
            Reach::About { at, between } => format!(
                "from an overlap of about {at:.2} on {split} ({})",
                self.known(curve, Scale::Linear, between)
            ),
            Reach::Never | Reach::Unknown => format!("not on {split}"),
        };
        let nowhere =
            each.iter().all(|(_, curve)| self.reach(curve, Scale::Linear) == Reach::Never);
        let said = match nowhere {
            true => "not reached with any overlap of this study".to_owned(),
            false => each.iter().map(part).collect::<Vec<_>>().join(", "),
        };
        (!each.is_empty()).then(|| {
            format!("{} at {} photons per pattern: {said}.", self.goal(), dose_label(dose))
        })
    }

    fn trend(&self, solver: &'a str) -> Option<String> {
        let mut parts = Vec::new();
        for &view in self.views {
            for (split, curve) in self.against_dose(solver, view) {
                if let Some(trend) = Trend::with_dose(&curve) {
                    parts.push(format!("{} ({view}, {split})", trend.shown()));
                }
            }
        }
        (!parts.is_empty()).then(|| {
            format!("A tenfold dose changes it by, on a straight line: {}.", parts.join(", "))
        })
    }

    fn extremes(&self) -> Option<String> {
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let mut all: Vec<(Estimate, Condition, &str)> = Vec::new();
        for solver in self.solvers {
            for (&view, &split) in self
                .views
                .iter()
                .flat_map(|view| self.splits.iter().map(move |split| (view, split)))
            {
                for (dose, estimate) in self.line(solver, view, split).curve(self.metric) {
                    all.push((estimate, Condition { dose: dose as u64, split, view }, solver));
                }
            }
        }
        let order = |a: &&(Estimate, Condition, &str), b: &&(Estimate, Condition, &str)| {
            (sign * a.0.mean).total_cmp(&(sign * b.0.mean))
        };
        let (best, worst) = (all.iter().max_by(order)?, all.iter().min_by(order)?);
        let name = |(estimate, condition, solver): &(Estimate, Condition, &str)| {
            let Condition { dose, view, split } = condition;
            let (dose, by) = (dose_label(*dose), self.by(solver));
            format!("{} ({dose} photons, {view} view, {split}{by})", estimate.shown())
        };
        (best.1 != worst.1).then(|| format!("Best: {}. Worst: {}.", name(best), name(worst)))
    }
}
