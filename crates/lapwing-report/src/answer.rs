//! The answer in words, from the numbers.

use crate::estimate::{Estimate, Line, slope};
use crate::gather::Row;
use crate::metric::{Metric, dose_label, shown};
use lapwing_draw::number::label;
use lapwing_study::{Condition, Split, View};

/// Where on an ascending scale (dose, overlap) a quality is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    /// At the lowest value of the study already.
    AtMost(f64),
    /// Interpolated between two neighbours.
    About { at: f64, between: (f64, f64) },
    /// Nowhere in the study.
    Never,
    /// Nothing was measured.
    Unknown,
}

/// How values between those of the study are interpolated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Doses: linearly in the logarithm.
    Log,
    /// Overlaps: linearly.
    Linear,
}

/// Where `points` (ascending, value) first reach `goal`.
pub(crate) fn reach(points: &[(f64, f64)], goal: f64, higher_is_better: bool, scale: Scale) -> Reach {
    let good = |value: f64| if higher_is_better { value >= goal } else { value <= goal };
    match points.iter().position(|&(_, value)| good(value)) {
        _ if points.is_empty() => Reach::Unknown,
        None => Reach::Never,
        Some(0) => Reach::AtMost(points[0].0),
        Some(i) => {
            let ((x0, value0), (x1, value1)) = (points[i - 1], points[i]);
            let part = (goal - value0) / (value1 - value0);
            let at = match scale {
                Scale::Log => (x0.ln() + part * (x1.ln() - x0.ln())).exp(),
                Scale::Linear => x0 + part * (x1 - x0),
            };
            Reach::About { at, between: (x0, x1) }
        }
    }
}

/// Two significant digits, thousands set apart.
fn rounded(dose: f64) -> String {
    let plain = label(dose, 2);
    match plain.parse::<u64>() {
        Ok(whole) if whole >= 10_000 => format!("{}\u{202f}{:03}", whole / 1000, whole % 1000),
        _ => plain,
    }
}

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

impl<'a> Question<'a> {
    fn line(&self, solver: &'a str, view: View, split: Split) -> Line<'a> {
        Line { rows: self.rows, solver, split, view }
    }

    /// `, LSQML` when there are several solvers.
    fn by(&self, solver: &str) -> String {
        if self.solvers.len() > 1 { format!(", {solver}") } else { String::new() }
    }

    /// The dose that each view needs, the overlap that each dose needs, the trend, the best and the worst.
    pub fn words(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for solver in self.solvers {
            sentences.extend(self.views.iter().filter_map(|&view| self.dose(solver, view)));
            sentences.extend(self.doses.iter().filter_map(|&dose| self.overlap(solver, dose)));
            sentences.extend(self.trend(solver));
        }
        sentences.extend(self.extremes());
        sentences
    }

    /// The goal as `at least 0.9`.
    fn goal(&self) -> String {
        let Metric { title, goal, unit, higher_is_better, .. } = self.metric;
        let word = if *higher_is_better { "at least" } else { "at most" };
        format!("{title} {word} {goal}{}{unit}", if unit.is_empty() { "" } else { " " })
    }

    fn reach(&self, points: &[(f64, f64)], scale: Scale) -> Reach {
        reach(points, self.metric.goal, self.metric.higher_is_better, scale)
    }

    fn dose(&self, solver: &'a str, view: View) -> Option<String> {
        let each: Vec<(Split, Vec<(f64, Estimate)>)> = self
            .splits
            .iter()
            .map(|&split| (split, self.line(solver, view, split).curve(self.metric)))
            .filter(|(_, curve)| !curve.is_empty())
            .collect();
        let mean = |curve: &[(f64, Estimate)]| -> Vec<(f64, f64)> {
            curve.iter().map(|(x, e)| (*x, e.mean)).collect()
        };
        let parts: Vec<String> = each
            .iter()
            .map(|(split, curve)| match self.reach(&mean(curve), Scale::Log) {
                Reach::AtMost(dose) => {
                    format!("at {} photons per pattern or fewer on {split}", dose_label(dose as u64))
                }
                Reach::About { at, between: (low, high) } => {
                    let (low, high) = (dose_label(low as u64), dose_label(high as u64));
                    let within = self.within(curve).map(|text| format!("; {text}")).unwrap_or_default();
                    format!(
                        "from about {} photons per pattern on {split} (between {low} and {high}{within})",
                        rounded(at)
                    )
                }
                Reach::Never | Reach::Unknown => format!("not on {split}"),
            })
            .collect();
        let nowhere = each.iter().all(|(_, curve)| self.reach(&mean(curve), Scale::Log) == Reach::Never);
        let said = if nowhere { "not reached within this study".to_owned() } else { parts.join(", ") };
        (!each.is_empty())
            .then(|| format!("{} with the {view} view{}: {said}.", self.goal(), self.by(solver)))
    }

    /// Where the curves one standard error better and worse reach the goal.
    fn within(&self, curve: &[(f64, Estimate)]) -> Option<String> {
        let moved = |sign: f64| -> Option<Vec<(f64, f64)>> {
            curve.iter().map(|(x, e)| Some((*x, e.mean + sign * e.error?))).collect()
        };
        let better = if self.metric.higher_is_better { 1.0 } else { -1.0 };
        let text = |reach: Reach, end: &str| match reach {
            Reach::AtMost(_) | Reach::Unknown => format!("below {end}"),
            Reach::About { at, .. } => rounded(at),
            Reach::Never => "beyond this study".to_owned(),
        };
        let lowest = dose_label(curve.first()?.0 as u64);
        let early = text(self.reach(&moved(better)?, Scale::Log), &lowest);
        let late = text(self.reach(&moved(-better)?, Scale::Log), &lowest);
        Some(format!("{early} to {late} within one standard error"))
    }

    fn overlap(&self, solver: &'a str, dose: u64) -> Option<String> {
        let mut parts = Vec::new();
        for &split in self.splits {
            let mut points: Vec<(f64, f64)> = self
                .views
                .iter()
                .filter_map(|&view| {
                    let line = self.line(solver, view, split);
                    Some((line.overlap(dose)?, line.at(self.metric, dose)?.mean))
                })
                .filter(|(overlap, _)| overlap.is_finite())
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            if points.len() < 2 {
                continue;
            }
            parts.push(match self.reach(&points, Scale::Linear) {
                Reach::AtMost(overlap) => format!("with an overlap of {overlap:.2} or less on {split}"),
                Reach::About { at, between: (low, high) } => {
                    format!("from an overlap of about {at:.2} on {split} (between {low:.2} and {high:.2})")
                }
                Reach::Never | Reach::Unknown => format!("with no overlap of this study on {split}"),
            });
        }
        let at = dose_label(dose);
        (!parts.is_empty()).then(|| {
            format!("{} at {at} photons per pattern{}: {}.", self.goal(), self.by(solver), parts.join(", "))
        })
    }

    fn trend(&self, solver: &'a str) -> Option<String> {
        let mut parts = Vec::new();
        for (&view, &split) in
            self.views.iter().flat_map(|view| self.splits.iter().map(move |split| (view, split)))
        {
            let curve = self.line(solver, view, split).curve(self.metric);
            let points: Vec<(f64, f64)> = curve.iter().map(|(dose, e)| (dose.log10(), e.mean)).collect();
            if let Some((slope, error)) = slope(&points) {
                let sign = if slope < 0.0 { "" } else { "+" };
                parts.push(format!("{sign}{} \u{b1} {} ({view}, {split})", shown(slope), shown(error)));
            }
        }
        (!parts.is_empty()).then(|| {
            format!(
                "A tenfold dose changes it by, on a straight line{}: {}.",
                self.by(solver),
                parts.join(", ")
            )
        })
    }

    fn extremes(&self) -> Option<String> {
        let sign = if self.metric.higher_is_better { 1.0 } else { -1.0 };
        let mut all: Vec<(Estimate, Condition, &str)> = Vec::new();
        for solver in self.solvers {
            for (&view, &split) in
                self.views.iter().flat_map(|view| self.splits.iter().map(move |split| (view, split)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_interpolated_in_the_logarithm_of_the_dose() {
        let points = [(1e3, 0.5), (1e4, 0.7), (1e5, 0.9)];
        let Reach::About { at, between } = reach(&points, 0.8, true, Scale::Log) else { panic!() };
        assert!((at / 10f64.powf(4.5) - 1.0).abs() < 1e-12);
        assert_eq!(between, (1e4, 1e5));
        assert_eq!(reach(&points, 0.4, true, Scale::Log), Reach::AtMost(1e3));
        assert_eq!(reach(&points, 0.95, true, Scale::Log), Reach::Never);
        assert_eq!(reach(&[], 0.5, true, Scale::Log), Reach::Unknown);
    }

    #[test]
    fn overlaps_are_interpolated_linearly() {
        let Reach::About { at, .. } = reach(&[(0.2, 0.5), (0.6, 0.9)], 0.8, true, Scale::Linear) else {
            panic!()
        };
        assert!((at - 0.5).abs() < 1e-12);
    }

    #[test]
    fn errors_are_reached_downwards() {
        let Reach::About { at, .. } = reach(&[(1e3, 0.3), (1e5, 0.1)], 0.2, false, Scale::Log) else {
            panic!()
        };
        assert!((at / 1e4 - 1.0).abs() < 1e-12);
    }
}
