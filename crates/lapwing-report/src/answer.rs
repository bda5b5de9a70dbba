//! The answer in words, from the numbers.

mod candidate;
mod cost;
mod exposure;
mod headline;
mod measured;
mod needs;
mod other_step;
mod passed;
mod range;
mod reach;
mod untold;

pub(crate) use needs::NeedTable;
pub(crate) use untold::{First, first_screen};

use crate::estimate::{Estimate, Line};
use crate::fluence::{Area, in_gray};
use crate::gather::{Row, Study};
use crate::levels::{Axes, Level};
use crate::metric::{Metric, dose_label};
use crate::specimen::of_what;
use lapwing_compare::reached_by_flat;
use lapwing_draw::number::label;
use lapwing_study::design::{Matrix, Radiation};
use lapwing_study::reach::Range;
use lapwing_study::{Condition, Split, View};
use reach::{NO_OVERLAP, Reach, Scale, with_overlap};
use serde_json::{Value, json};
use std::ops::Deref;

/// Everything that sentences are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// What it is about, for what its photons allow.
    pub study: Option<&'a Study>,
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
    /// Why nothing can be told of the goal, for all that halves of the photons agree on.
    pub unheld: Option<&'a str>,
    /// Whether what is reached near the measured dose is told apart from shared noise, by halves.
    pub tells: bool,
    /// What an image without any detail has, where that reaches the goal: to reach it is then no
    /// answer, and no dose and no overlap is told.
    pub flat: Option<f64>,
}

#[cfg(test)]
impl<'a> Question<'a> {
    /// About a metric of which nothing is there, for tests.
    pub fn bare(metric: &'a Metric) -> Self {
        Self {
            study: None,
            rows: &[],
            metric,
            solvers: &[],
            views: &[],
            splits: &[],
            levels: &[],
            reference: None,
            pixel_size: None,
            radiation: None,
            matrix: None,
            measured: None,
            unheld: None,
            tells: true,
            flat: None,
        }
    }
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

/// That nothing is told of what is lower, down to `after`, which is not enough.
fn undecided(what: &str, after: Option<String>) -> String {
    let after = after.map(|after| format!(" ({after} is not enough)")).unwrap_or_default();
    format!("lower {what} undecided{after}")
}

/// Where a view of a split, by one solver, reaches the goal.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    solver: String,
    view: View,
    split: Split,
    at: Reach,
    /// The doses between which it is with 95 % confidence.
    within: Option<Range>,
    /// What the photons allow, where the goal is beyond it.
    passed: Option<f64>,
    /// Photons per square metre of the specimen for each photon per pattern.
    fluence_per_dose: Option<f64>,
}

impl Reached {
    /// As JSON: `state` is at_most, by, about, unsteady, unconfirmed, never or unknown.
    pub fn json(&self, radiation: Option<&Radiation>) -> Value {
        let (dose, between) = match self.at {
            Reach::By { at, after: Some(after) } => (Some(at), Some((after, at))),
            Reach::AtMost(at) | Reach::By { at, .. } => (Some(at), None),
            Reach::About { at, between } => (Some(at), Some(between)),
            Reach::Unsteady { at, lost } => (None, Some((at, lost))),
            Reach::Unconfirmed { .. } | Reach::Never | Reach::Unknown => (None, None),
        };
        let fluence = dose.zip(self.fluence_per_dose).map(|(dose, per_dose)| dose * per_dose);
        json!({
            "solver": self.solver, "view": self.view, "split": self.split, "state": self.at.name(),
            "dose": dose, "between": between, "within": dose.and(self.within), "fluence_m2": fluence,
            "photons_allow": self.passed.filter(|most| most.is_finite()),
            "gray": fluence.and_then(|fluence| radiation?.gray(fluence)),
            "exposure_s": dose.and_then(|dose| radiation?.exposure_s(dose)),
        })
    }
}

/// Ascending (dose or overlap, quality).
#[derive(Debug, Clone, Default)]
pub(crate) struct Curve {
    points: Vec<(f64, Estimate)>,
    /// Where something was measured of which nothing can be told.
    untold: Vec<f64>,
}

impl Deref for Curve {
    type Target = [(f64, Estimate)];

    fn deref(&self) -> &Self::Target {
        &self.points
    }
}

impl<'a> Question<'a> {
    /// About a study in a metric.
    pub fn of(study: &'a Study, axes: &'a Axes, metric: &'a Metric) -> Self {
        let flat = |row: &Row| reached_by_flat(&metric.name, metric.goal, |name| row.metric(name));
        Self {
            study: Some(study),
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
            unheld: study.unheld.get(&metric.name).map(String::as_str),
            tells: study.held().shared(&metric.name, metric.goal, f64::INFINITY).is_none(),
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
        if let Some(why) = self.unheld {
            let told = format!("Nothing can be told of {}: {why}.", self.goal());
            return std::iter::once(told).chain(self.about_reference()).collect();
        }
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

    /// Quality against dose of a view, for every split that has some.
    fn against_dose(&self, solver: &'a str, view: View) -> Vec<(Split, Curve)> {
        let of = |&split: &Split| {
            let line = self.line(solver, view, split);
            let curve = Curve { points: line.curve(self.metric), untold: line.untold(self.metric) };
            (split, curve)
        };
        self.splits.iter().map(of).filter(|(_, curve)| !curve.is_empty()).collect()
    }

    /// Where every solver, view and split reaches the goal.
    pub fn reached_everywhere(&self) -> Vec<Reached> {
        let mut found = Vec::new();
        for (solver, &view) in
            self.solvers.iter().flat_map(|solver| self.views.iter().map(move |view| (solver, view)))
        {
            for (split, curve) in self.against_dose(solver, view) {
                let at = self.reached(solver, view, split, &curve);
                found.push(Reached {
                    solver: solver.clone(),
                    view,
                    split,
                    at,
                    within: self.range(&curve, Scale::Log),
                    passed: self.passed(view, &[split], at),
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
        if self.shares(level) {
            return Reach::Unknown;
        }
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
            let mut points: Vec<(f64, Estimate)> =
                self.views.iter().filter_map(point).filter(|p| p.0.is_finite()).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let doubted = |&view: &View| {
                let (line, dose) = (self.line(solver, view, split), level.dose(view)?);
                line.doubted(self.metric, dose).then(|| line.overlap(dose))?
            };
            (split, Curve { points, untold: self.views.iter().filter_map(doubted).collect() })
        };
        self.splits.iter().map(of).filter(|(_, curve)| curve.len() > 1).collect()
    }

    fn dose(&self, solver: &'a str, view: View) -> Option<String> {
        let each = self.against_dose(solver, view);
        let reached = |(split, curve): &(Split, Curve)| self.reached(solver, view, *split, curve);
        let bare = |of: &(Split, Curve)| match (reached(of), &of.0, &of.1) {
            (Reach::AtMost(dose), split, _) => {
                format!("at {} photons per pattern or fewer on {split}", Scale::Log.exact(dose))
            }
            (Reach::By { at, after }, split, _) => format!(
                "by {} photons per pattern on {split}, {}",
                Scale::Log.exact(at),
                undecided("doses", after.map(|after| Scale::Log.exact(after)))
            ),
            (Reach::Unsteady { at, lost }, split, _) => format!(
                "at {} photons per pattern on {split}, but not at {}, so no dose can be given",
                Scale::Log.exact(at),
                Scale::Log.exact(lost)
            ),
            (Reach::Unconfirmed { at }, split, curve) => format!(
                "at {} photons per pattern on {split}, but {}, so no dose can be given",
                Scale::Log.exact(at),
                self.why_unconfirmed(curve, "doses")
            ),
            (Reach::About { at, between }, split, curve) => format!(
                "from about {} photons per pattern on {split} ({}{})",
                self.place(at, curve, Scale::Log),
                self.known(curve, Scale::Log, between),
                self.on_specimen(self.line(solver, view, *split), at)
            ),
            (Reach::Never | Reach::Unknown, split, _) => format!("not on {split}"),
        };
        let part = |of: &(Split, Curve)| {
            let passed = self.passed(view, &[of.0], reached(of));
            bare(of) + &passed.map(|most| self.beyond(most)).unwrap_or_default()
        };
        let nowhere = each.iter().all(|of| reached(of) == Reach::Never);
        let said = match nowhere {
            true => format!("not reached within this study{}", self.of_alone()),
            false => each.iter().map(part).collect::<Vec<_>>().join(", "),
        };
        (!each.is_empty()).then(|| format!("{} with the {view} view: {said}.", self.goal()))
    }

    /// Why a goal that is reached somewhere is not reached for sure.
    fn why_unconfirmed(&self, curve: &Curve, what: &str) -> String {
        let last = curve.last().map_or(f64::NEG_INFINITY, |(x, _)| *x);
        match curve.untold.iter().any(|&one| one > last) {
            true => format!("nothing can be told of higher {what}"),
            false => "chance alone may do that".to_owned(),
        }
    }

    /// The same for a cell of a table: `10³, but nothing can be told of higher ones`.
    fn unconfirmed(&self, curve: &Curve, at: String) -> String {
        format!("{at}, but {}", self.why_unconfirmed(curve, "ones"))
    }

    /// `between 10⁴ and 10⁵; 68 000 to 74 000 with 95 % confidence`; nothing of what is no overlap
    /// at any of these.
    fn known(&self, curve: &Curve, scale: Scale, (low, high): (f64, f64)) -> String {
        let (low, high) = (scale.exact(low), scale.exact(high));
        let between = (low != high).then(|| format!("between {low} and {high}"));
        let within = self.within(curve, scale).filter(|text| text != NO_OVERLAP);
        let within = within.map(|text| format!("{text} with 95 % confidence"));
        between.into_iter().chain(within).collect::<Vec<_>>().join("; ")
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
        if self.shares(level) {
            return None;
        }
        let each = self.against_overlap(solver, level);
        let reached =
            |(split, curve): &(Split, Curve)| self.overlap_reached(solver, level, *split, curve);
        let steps = |split, at| self.steps_of(self.line(solver, View::Baseline, split), at);
        let part = |of: &(Split, Curve)| match (reached(of), &of.0, &of.1) {
            (Reach::AtMost(at) | Reach::By { at, .. }, split, _) if at <= 0.0 => {
                format!("{}{} on {split}", with_overlap(at), steps(*split, at))
            }
            (Reach::AtMost(at), split, _) => {
                format!("{} or less{} on {split}", with_overlap(at), steps(*split, at))
            }
            (Reach::By { at, after }, split, _) => format!(
                "by an overlap of {at:.2}{} on {split}, {}",
                steps(*split, at),
                undecided("ones", after.map(|after| Scale::Linear.exact(after)))
            ),
            (Reach::About { at, between }, split, curve) => {
                let from = match at > 0.0 {
                    true => format!("from an overlap of about {at:.2}"),
                    false => with_overlap(at),
                };
                let known = match self.known(curve, Scale::Linear, between) {
                    nothing if nothing.is_empty() => nothing,
                    known => format!(" ({known})"),
                };
                format!("{from}{} on {split}{known}", steps(*split, at))
            }
            (Reach::Unconfirmed { at }, split, curve) => format!(
                "{} on {split}, but {}, so that none can be told",
                with_overlap(at),
                self.why_unconfirmed(curve, "ones")
            ),
            (Reach::Unsteady { at, lost }, split, _) => format!(
                "{}{} on {split}, but not {}{}, so that none can be told",
                with_overlap(at),
                steps(*split, at),
                with_overlap(lost),
                steps(*split, lost)
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
            for &split in self.splits {
                if let Some(trend) = self.line(solver, view, split).trend(self.metric) {
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
