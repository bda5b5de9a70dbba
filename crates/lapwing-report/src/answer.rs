//! The answer in words, from the numbers.

mod candidate;
mod cost;
mod headline;
mod measured;
mod needs;
mod reach;
mod untold;

pub(crate) use needs::NeedTable;
pub(crate) use untold::{First, first_screen};

use crate::estimate::{Estimate, Line, Trend};
use crate::fluence::{Area, in_gray};
use crate::gather::{Row, Study};
use crate::levels::{Axes, Level};
use crate::metric::{Metric, dose_label};
use crate::specimen::of_what;
use lapwing_compare::reached_by_flat;
use lapwing_draw::number::label;
use lapwing_study::design::{Matrix, Radiation};
use lapwing_study::{Condition, Split, View};
use reach::{Reach, Scale, reach_of};
use serde_json::{Value, json};

/// Everything that sentences are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub rows: &'a [Row],
    pub metric: &'a Metric,
    pub solvers: &'a [String],
    pub views: &'a [View],
    pub splits: &'a [Split],
    pub levels: &'a [Level],
    /// The solver that made what is compared with, where that is no truth.
    pub reference: Option<&'a str>,
    /// Side of an object pixel, metres.
    pub pixel_size: Option<f64>,
    /// Beam and specimen, where the design has them.
    pub radiation: Option<&'a Radiation>,
    /// What the study varies, where its design is there.
    pub matrix: Option<&'a Matrix>,
    /// The dose of a measured scan, whose reconstruction is what is compared with.
    pub measured: Option<f64>,
    /// What an image without any detail has, where that reaches the goal: to reach it is then no
    /// answer, and no dose and no overlap is told.
    pub flat: Option<f64>,
}

/// `12.0 px (150 nm)`.
pub(crate) fn step_in_words(step: f64, pixel_size: Option<f64>) -> String {
    let nm = pixel_size.map(|metres| format!(" ({} nm)", label(step * metres * 1e9, 3)));
    format!("{step:.1} px{}", nm.unwrap_or_default())
}

/// A linear overlap: `overlap 0.85`, or that there is none.
pub(crate) fn overlap_in_words(overlap: f64) -> String {
    match overlap > 0.0 {
        true => format!("overlap {overlap:.2}"),
        false => "no overlap".to_owned(),
    }
}

/// Where a view of a split, by one solver, reaches the goal.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    solver: String,
    view: View,
    split: Split,
    at: Reach,
    /// The doses within one standard error.
    within: Option<(Option<f64>, Option<f64>)>,
    /// Photons per square metre of the specimen for each photon per pattern.
    fluence_per_dose: Option<f64>,
}

impl Reached {
    /// As JSON: `state` is at_most, by, about, unsteady, never or unknown.
    pub fn json(&self, radiation: Option<&Radiation>) -> Value {
        let (dose, between) = match self.at {
            Reach::AtMost(at) | Reach::By(at) => (Some(at), None),
            Reach::About { at, between } => (Some(at), Some(between)),
            Reach::Unsteady { at, lost } => (None, Some((at, lost))),
            Reach::Never | Reach::Unknown => (None, None),
        };
        let fluence = dose.zip(self.fluence_per_dose).map(|(dose, per_dose)| dose * per_dose);
        json!({
            "solver": self.solver, "view": self.view, "split": self.split, "state": self.at.name(),
            "dose": dose, "between": between, "within": dose.and(self.within), "fluence_m2": fluence,
            "gray": fluence.and_then(|fluence| radiation?.gray(fluence)),
            "exposure_s": dose.and_then(|dose| radiation?.exposure_s(dose)),
        })
    }
}

/// Ascending (dose or overlap, quality).
type Curve = Vec<(f64, Estimate)>;

impl<'a> Question<'a> {
    /// About a study in a metric.
    pub fn of(study: &'a Study, axes: &'a Axes, metric: &'a Metric) -> Self {
        let flat = |row: &Row| reached_by_flat(&metric.name, metric.goal, |name| row.metric(name));
        Self {
            rows: &study.rows,
            metric,
            solvers: &axes.solvers,
            views: &axes.views,
            splits: &axes.splits,
            levels: &axes.levels,
            reference: study.reference_solver(),
            pixel_size: study.pixel_size,
            radiation: study.radiation(),
            matrix: study.design.as_ref().map(|design| &design.study),
            measured: study.measured,
            flat: study.rows.iter().find_map(flat),
        }
    }

    fn line(&self, solver: &'a str, view: View, split: Split) -> Line<'a> {
        Line { rows: self.rows, solver, split, view }
    }

    /// `, LSQML` when there are several solvers.
    fn by(&self, solver: &str) -> String {
        if self.solvers.len() > 1 { format!(", {solver}") } else { String::new() }
    }

    /// The answer: of one solver the dose that each view needs, the overlap that each dose needs
    /// and the trend; of several, a sentence each (and [`needs`](Self::needs) beside them). Then
    /// the best and the worst. What the goal takes is left out where a flat image reaches it.
    pub fn words(&self) -> Vec<String> {
        let mut sentences = Vec::from_iter(self.too_low());
        let says = self.flat.is_none();
        match self.solvers {
            [only] => {
                let doses = self.views.iter().filter_map(|&view| self.dose(only, view));
                sentences.extend(doses.filter(|_| says));
                let overlaps = self.levels.iter().filter_map(|level| self.overlap(only, level));
                sentences.extend(overlaps.filter(|_| says));
                sentences.extend(self.at_equal_cost(only));
                sentences.extend(self.trend(only));
            }
            several => {
                let each = several.iter().filter_map(|solver| self.summary(solver));
                sentences.extend(each.filter(|_| says));
            }
        }
        // A reference cannot rank the solver that made it among others.
        let ranked = self.solvers.len() == 1 || self.reference.is_none() || self.of_halves();
        sentences.extend(self.extremes().filter(|_| ranked));
        sentences.extend(self.about_reference());
        sentences.extend(self.about_shared());
        sentences.extend(self.not_told());
        sentences
    }

    /// The goal as `Phase SSIM at least 0.9`.
    fn goal(&self) -> String {
        self.metric.goal_in_words()
    }

    /// Where a curve reaches the goal. What is below its first point was measured, but is
    /// unreliable, where `lowest` is lower. Unknown of a goal that a flat image reaches.
    fn reach_from(&self, curve: &[(f64, Estimate)], lowest: Option<f64>, scale: Scale) -> Reach {
        if self.flat.is_some() {
            return Reach::Unknown;
        }
        match self.reach(curve, scale) {
            Reach::AtMost(at) if lowest.is_some_and(|lowest| lowest < at) => Reach::By(at),
            reach => reach,
        }
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
        let points = curve
            .iter()
            .map(|(x, estimate)| Some((*x, value(estimate)?, 2.0 * estimate.error.unwrap_or(0.0))));
        let points = points.collect::<Option<Vec<_>>>()?;
        let Metric { goal, .. } = *self.metric;
        let (higher, lengths) = (self.metric.higher_is_better(), self.metric.is_length());
        Some(reach_of(&points, goal, higher, scale, lengths))
    }

    /// Where the curves one standard error better and worse reach the goal.
    fn early_and_late(&self, curve: &[(f64, Estimate)], scale: Scale) -> Option<(Reach, Reach)> {
        let better = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let shifted = |sign: f64| {
            self.moved(curve, scale, |value| Some(value.mean + sign * better * value.error?))
        };
        Some((shifted(1.0)?, shifted(-1.0)?))
    }

    /// The doses between which the goal is reached within one standard error, where it is known
    /// that well; the lower is `None` where it may be below this study, the higher beyond it.
    fn dose_range(&self, curve: &[(f64, Estimate)]) -> Option<(Option<f64>, Option<f64>)> {
        let at = |reach: Reach| match reach {
            Reach::About { at, .. } | Reach::By(at) => Some(at),
            _ => None,
        };
        let (early, late) = self.early_and_late(curve, Scale::Log)?;
        Some((at(early), at(late)))
    }

    /// The place where `curve` reaches the goal, in the digits of the range within which it does:
    /// with fewer it could lie outside.
    fn place(&self, at: f64, curve: &[(f64, Estimate)], scale: Scale) -> String {
        let digits = match self.early_and_late(curve, scale) {
            Some((Reach::About { at: first, .. }, Reach::About { at: last, .. })) => {
                scale.digits(first, last)
            }
            _ => 2,
        };
        scale.text(at, digits)
    }

    /// [`early_and_late`](Self::early_and_late) in words: `68 000 to 74 000`.
    fn within(&self, curve: &[(f64, Estimate)], scale: Scale) -> Option<String> {
        let (early, late) = self.early_and_late(curve, scale)?;
        let text = |reach: Reach| match reach {
            Reach::AtMost(_) | Reach::Unknown => {
                format!("below {}", scale.exact(curve.first().map_or(0.0, |(x, _)| *x)))
            }
            Reach::About { at, .. } => scale.text(at, 2),
            Reach::By(at) => scale.exact(at),
            Reach::Never | Reach::Unsteady { .. } => "beyond this study".to_owned(),
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

    /// Where every solver, view and split reaches the goal.
    pub fn reached_everywhere(&self) -> Vec<Reached> {
        let mut found = Vec::new();
        for (solver, &view) in
            self.solvers.iter().flat_map(|solver| self.views.iter().map(move |view| (solver, view)))
        {
            for (split, curve) in self.against_dose(solver, view) {
                found.push(Reached {
                    solver: solver.clone(),
                    view,
                    split,
                    at: self.reached(solver, view, split, &curve),
                    within: self.dose_range(&curve),
                    fluence_per_dose: self.line(solver, view, split).fluence_per_dose(),
                });
            }
        }
        found
    }

    /// Where a view reaches the goal on a split.
    fn reached(&self, solver: &'a str, view: View, split: Split, curve: &Curve) -> Reach {
        self.reach_from(curve, self.line(solver, view, split).lowest_dose(self.metric), Scale::Log)
    }

    /// Where the overlaps of a level reach the goal on a split.
    fn overlap_reached(
        &self,
        solver: &'a str,
        level: &Level,
        split: Split,
        curve: &Curve,
    ) -> Reach {
        let measured = |&view: &View| {
            let (line, dose) = (self.line(solver, view, split), level.dose(view)?);
            line.measured(self.metric, dose).then(|| line.overlap(dose))?
        };
        let lowest = self.views.iter().filter_map(measured).fold(f64::INFINITY, f64::min);
        self.reach_from(curve, Some(lowest), Scale::Linear)
    }

    /// Quality against overlap at a level, for every split that has two overlaps at least.
    fn against_overlap(&self, solver: &'a str, level: &Level) -> Vec<(Split, Curve)> {
        let of = |&split: &Split| {
            let point = |&view: &View| {
                let (line, dose) = (self.line(solver, view, split), level.dose(view)?);
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
        let reached = |(split, curve): &(Split, Curve)| self.reached(solver, view, *split, curve);
        let part = |of: &(Split, Curve)| match (reached(of), &of.0, &of.1) {
            (Reach::AtMost(dose), split, _) => {
                format!("at {} photons per pattern or fewer on {split}", Scale::Log.exact(dose))
            }
            (Reach::By(dose), split, _) => format!(
                "at {} photons per pattern on {split}, below which nothing can be told",
                Scale::Log.exact(dose)
            ),
            (Reach::Unsteady { at, lost }, split, _) => format!(
                "at {} photons per pattern on {split}, but not at {}, so no dose can be given",
                Scale::Log.exact(at),
                Scale::Log.exact(lost)
            ),
            (Reach::About { at, between }, split, curve) => format!(
                "from about {} photons per pattern on {split} ({}{})",
                self.place(at, curve, Scale::Log),
                self.known(curve, Scale::Log, between),
                self.on_specimen(self.line(solver, view, *split), at)
            ),
            (Reach::Never | Reach::Unknown, split, _) => format!("not on {split}"),
        };
        let nowhere = each.iter().all(|of| reached(of) == Reach::Never);
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

    /// `; 1.3 x 10^6 photons per um^2 on the specimen in all`, where that is known.
    fn on_specimen(&self, line: Line<'_>, dose: f64) -> String {
        let density = line.fluence_per_dose().map(|per_dose| per_dose * dose);
        let text = density.map(|density| {
            let gray = self.radiation.and_then(|radiation| radiation.gray(density));
            let gray = gray.map(|gray| format!(", {}", in_gray(gray))).unwrap_or_default();
            let photons = Area::of(self.pixel_size).photons(density);
            let part = line.specimen().and_then(|of| of.part);
            format!("; {photons} on the specimen {}{gray}", of_what(part))
        });
        text.unwrap_or_default()
    }

    /// The step that belongs to a linear overlap: `, steps of 12.0 px`.
    fn steps_of(&self, line: Line<'_>, overlap: f64) -> String {
        let of = |row: &Row| Some(row.result()?.probe_diameter_px);
        let diameter = line.rows.iter().filter(|row| row.solver() == line.solver).find_map(of);
        diameter.map_or_else(String::new, |diameter| {
            format!(", steps of {}", step_in_words((1.0 - overlap) * diameter, self.pixel_size))
        })
    }

    fn overlap(&self, solver: &'a str, level: &Level) -> Option<String> {
        let each = self.against_overlap(solver, level);
        let reached =
            |(split, curve): &(Split, Curve)| self.overlap_reached(solver, level, *split, curve);
        let part = |of: &(Split, Curve)| match (reached(of), &of.0, &of.1) {
            (Reach::AtMost(overlap) | Reach::By(overlap), split, _) if overlap <= 0.0 => format!(
                "without any overlap{} on {split}",
                self.steps_of(self.line(solver, View::Baseline, *split), overlap)
            ),
            (Reach::AtMost(overlap), split, _) => format!(
                "with an overlap of {overlap:.2} or less{} on {split}",
                self.steps_of(self.line(solver, View::Baseline, *split), overlap)
            ),
            (Reach::By(overlap), split, _) => format!(
                "with an overlap of {overlap:.2}{} on {split}, below which nothing can be told",
                self.steps_of(self.line(solver, View::Baseline, *split), overlap)
            ),
            (Reach::About { at, between }, split, curve) => format!(
                "from an overlap of about {at:.2}{} on {split} ({})",
                self.steps_of(self.line(solver, View::Baseline, *split), at),
                self.known(curve, Scale::Linear, between)
            ),
            (Reach::Unsteady { at, lost }, split, _) => format!(
                "with an overlap of {at:.2} on {split}, but not with {lost:.2}, so that none can be \
                 told"
            ),
            (Reach::Never | Reach::Unknown, split, _) => format!("not on {split}"),
        };
        let nowhere = each.iter().all(|of| reached(of) == Reach::Never);
        let said = match nowhere {
            true => "not reached with any overlap of this study".to_owned(),
            false => each.iter().map(part).collect::<Vec<_>>().join(", "),
        };
        (!each.is_empty()).then(|| format!("{} at {}: {said}.", self.goal(), level.words()))
    }

    fn trend(&self, solver: &'a str) -> Option<String> {
        let mut parts = Vec::new();
        for &view in self.views {
            for (split, curve) in self.against_dose(solver, view) {
                if let Some(trend) = Trend::with_dose(&curve, self.metric) {
                    parts.push(format!("{} ({view}, {split})", trend.shown(self.metric)));
                }
            }
        }
        if parts.is_empty() {
            let text = "How it changes with the logarithm of the dose follows no straight line: it \
                        bends, or noise hides it.";
            return (self.levels.len() > 2).then(|| text.to_owned());
        }
        Some(match self.metric.is_length() {
            true => format!("With a tenfold dose it is {}.", parts.join(", ")),
            false => {
                format!("A tenfold dose changes it by, on a straight line: {}.", parts.join(", "))
            }
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
                let curve = self.line(solver, view, split).curve(self.metric);
                for (dose, estimate) in
                    curve.into_iter().filter(|(dose, _)| self.stands_alone(*dose))
                {
                    all.push((estimate, Condition { dose: dose as u64, split, view }, solver));
                }
            }
        }
        let order = |a: &&(Estimate, Condition, &str), b: &&(Estimate, Condition, &str)| {
            (sign * a.0.mean).total_cmp(&(sign * b.0.mean))
        };
        // Of equals the first, which has the fewest photons.
        let (best, worst) = (all.iter().rev().max_by(order)?, all.iter().min_by(order)?);
        let name = |(estimate, condition, solver): &(Estimate, Condition, &str)| {
            let Condition { dose, view, split } = condition;
            let (dose, by) = (dose_label(*dose), self.by(solver));
            let limit = self.metric.limit_in_words(estimate.mean);
            format!("{}{limit} ({dose} photons, {view} view, {split}{by})", estimate.shown())
        };
        let of = self.of_alone();
        (best.1 != worst.1).then(|| format!("Best{of}: {}. Worst: {}.", name(best), name(worst)))
    }
}
