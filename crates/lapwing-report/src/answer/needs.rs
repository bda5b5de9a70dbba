//! The answer of several solvers: a sentence each, and tables in which they can be compared.

use super::reach::{Reach, Scale};
use super::{Curve, Question};
use crate::estimate::Trend;
use crate::levels::Level;
use crate::need::Need;
use lapwing_study::{Split, View};
use serde::Serialize;

/// What several solvers need, as a table: a column for each solver and split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NeedTable {
    pub caption: String,
    /// What the rows are.
    pub corner: &'static str,
    pub columns: Vec<String>,
    /// Name and cells.
    pub rows: Vec<(String, Vec<Need>)>,
}

impl<'a> Question<'a> {
    /// The doses that a solver needs, in one sentence over all views and splits.
    pub(super) fn summary(&self, solver: &'a str) -> Option<String> {
        let (mut reached, mut not) = (Vec::new(), Vec::new());
        for &view in self.views {
            let each = self.against_dose(solver, view);
            if each.is_empty() {
                continue;
            }
            let mut found: Vec<(Split, f64)> = Vec::new();
            // The lowest dose of which fewer may be enough.
            let mut bound = f64::INFINITY;
            for (split, curve) in &each {
                let reach = self.reached(solver, view, *split, curve);
                if let Reach::AtMost(at) = reach {
                    bound = bound.min(at);
                }
                if let Reach::AtMost(at) | Reach::By(at) | Reach::About { at, .. } = reach {
                    found.push((*split, at));
                }
            }
            if found.is_empty() {
                not.push(view.to_string());
                continue;
            }
            let (low, high) =
                found.iter().fold((f64::MAX, 0_f64), |(l, h), &(_, at)| (l.min(at), h.max(at)));
            let splits: Vec<String> = found.iter().map(|(split, _)| split.to_string()).collect();
            let only = match found.len() < each.len() {
                true => format!(", on {} only", splits.join(", ")),
                false => String::new(),
            };
            let range = match (bound == low, low == high) {
                (true, true) => format!("{} or fewer", Scale::Log.exact(low)),
                (true, false) => {
                    format!("{} or fewer to {}", Scale::Log.exact(low), Scale::Log.text(high, 2))
                }
                (false, _) => format!("about {}", Scale::Log.range_text(low, high)),
            };
            reached.push(format!("{range} ({view}{only})"));
        }
        let goal = self.goal();
        let not = not.join(", ");
        match (reached.is_empty(), not.is_empty()) {
            (true, true) => None,
            (true, false) => {
                Some(format!("{solver}: {goal} is not reached within this study ({not})."))
            }
            (false, true) => {
                Some(format!("{solver}: {goal} takes {} photons per pattern.", listed(&reached)))
            }
            (false, false) => Some(format!(
                "{solver}: {goal} takes {} photons per pattern; not reached within this study: {not}.",
                listed(&reached)
            )),
        }
    }

    /// Of several solvers: the dose that each view needs, the overlap that each dose needs, what a
    /// tenfold dose changes. Of a goal that a flat image reaches, only the last.
    pub fn needs(&self) -> Vec<NeedTable> {
        if self.solvers.len() < 2 {
            return Vec::new();
        }
        let columns: Vec<(&'a str, Split)> = self
            .solvers
            .iter()
            .flat_map(|solver| self.splits.iter().map(move |&split| (solver.as_str(), split)))
            .collect();
        let table =
            |caption: String, corner: &'static str, rows: Vec<(String, Vec<Need>)>| NeedTable {
                caption,
                corner,
                columns: columns
                    .iter()
                    .map(|(solver, split)| format!("{solver}, {split}"))
                    .collect(),
                rows,
            };
        let row = |cell: &dyn Fn(&'a str, Split) -> Need| -> Vec<Need> {
            columns.iter().map(|&(solver, split)| cell(solver, split)).collect()
        };
        let of =
            |each: Vec<(Split, Curve)>, split: Split| each.into_iter().find(|(of, _)| *of == split);
        let dose = |view: View| {
            row(&|solver, split| match of(self.against_dose(solver, view), split) {
                Some((_, curve)) => {
                    let reach = self.reached(solver, view, split, &curve);
                    self.need(reach, &curve, Scale::Log)
                }
                None => Need::nothing(),
            })
        };
        let overlap = |level: &Level| {
            row(&|solver, split| match of(self.against_overlap(solver, level), split) {
                Some((_, curve)) => {
                    let reach = self.overlap_reached(solver, level, split, &curve);
                    self.need(reach, &curve, Scale::Linear)
                }
                None => Need::nothing(),
            })
        };
        let trend = |view: View| {
            row(&|solver, split| {
                let found = of(self.against_dose(solver, view), split);
                match found.and_then(|(_, curve)| Trend::with_dose(&curve, self.metric)) {
                    Some(trend) => Need { text: trend.shown(self.metric), within: None },
                    None => Need::nothing(),
                }
            })
        };
        let by_view = |cells: &dyn Fn(View) -> Vec<Need>| {
            self.views.iter().map(|&view| (view.to_string(), cells(view))).collect::<Vec<_>>()
        };
        let goal = self.goal();
        let says = self.flat.is_none();
        let mut tables = Vec::new();
        if says {
            tables.push(table(format!("Photons per pattern for {goal}"), "view", by_view(&dose)));
        }
        if says && self.views.len() > 1 {
            let rows = self.levels.iter().map(|level| (level.label(), overlap(level))).collect();
            let corner = match self.levels.first().is_some_and(Level::is_fluence) {
                true => "photons on the specimen",
                false => "photons per pattern",
            };
            tables.push(table(format!("Overlap for {goal}"), corner, rows));
        }
        if self.levels.len() > 2 {
            tables.push(table(
                "Change with a tenfold dose, on a straight line".to_owned(),
                "view",
                by_view(&trend),
            ));
        }
        tables
    }

    /// A cell that says where `curve` reaches the goal.
    pub(super) fn need(&self, reach: Reach, curve: &Curve, scale: Scale) -> Need {
        let Need { text, within } = self.place_of(reach, curve, scale);
        // Of one dose, overlaps are all alike in this.
        let more = (scale == Scale::Log && self.leans(reach)).then(|| "may take more".to_owned());
        let parts: Vec<String> = within.into_iter().chain(more).collect();
        Need { text, within: (!parts.is_empty()).then(|| parts.join("; ")) }
    }

    fn place_of(&self, reach: Reach, curve: &Curve, scale: Scale) -> Need {
        match reach {
            Reach::AtMost(at) => Need {
                text: format!("\u{2264} {}", scale.exact(at)),
                within: Some("the lowest of this study".to_owned()),
            },
            Reach::About { at, .. } => Need {
                text: format!("\u{2248} {}", self.place(at, curve, scale)),
                within: self.within(curve, scale),
            },
            Reach::By(at) => Need {
                text: scale.exact(at),
                within: Some("below it nothing can be told".to_owned()),
            },
            Reach::Unsteady { .. } => Need { text: "not steadily".to_owned(), within: None },
            Reach::Never => Need { text: "not reached".to_owned(), within: None },
            Reach::Unknown => Need::nothing(),
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
