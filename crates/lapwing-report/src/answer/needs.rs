//! The answer of several solvers: a sentence each, and tables in which they can be compared.

use super::reach::{NO_OVERLAP, Reach, Scale};
use super::{Curve, Question, undecided};
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
        let (mut reached, mut unsteady, mut not) = (Vec::new(), Vec::new(), Vec::new());
        let mut unconfirmed = Vec::new();
        for &view in self.views {
            let curves = self.against_dose(solver, view);
            let reach = |(split, curve): &(Split, Curve)| {
                (*split, self.reached(solver, view, *split, curve))
            };
            let each: Vec<(Split, Reach)> = curves.iter().map(reach).collect();
            let mut found = each.clone();
            found.retain(|(_, reach)| reach.place().is_some());
            let any_unconfirmed =
                each.iter().any(|(_, reach)| matches!(reach, Reach::Unconfirmed { .. }));
            match each.iter().any(|(_, reach)| matches!(reach, Reach::Unsteady { .. })) {
                _ if each.is_empty() => {}
                _ if !found.is_empty() => {
                    let splits: Vec<String> = found.iter().map(|(s, _)| s.to_string()).collect();
                    let only = match found.len() < each.len() {
                        true => format!(", on {} only", splits.join(", ")),
                        false => String::new(),
                    };
                    let (doses, remark) = doses_in_words(&found);
                    reached.push(format!("{doses} ({view}{only}{remark})"));
                }
                true => unsteady.push(view.to_string()),
                false if any_unconfirmed => unconfirmed.push(view.to_string()),
                false => not.push(view.to_string()),
            }
        }
        let goal = self.goal();
        let others = [
            ("not reached within this study", not),
            ("not reached steadily", unsteady),
            ("not reached for sure", unconfirmed),
        ];
        let others: Vec<(&str, String)> = others
            .into_iter()
            .filter(|(_, views)| !views.is_empty())
            .map(|(how, views)| (how, views.join(", ")))
            .collect();
        if reached.is_empty() {
            let parts: Vec<String> =
                others.iter().map(|(how, views)| format!("{how} ({views})")).collect();
            return (!parts.is_empty()).then(|| format!("{solver}: {goal} is {}.", listed(&parts)));
        }
        let others: String =
            others.iter().map(|(how, views)| format!("; {how}: {views}")).collect();
        Some(format!("{solver}: {goal} takes {} photons per pattern{others}.", listed(&reached)))
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
                // Measured, and all of it unreliable.
                None if self.line(solver, view, split).lowest_dose(self.metric).is_some() => {
                    Need::not_told()
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
                None if self.doubted_at(solver, split, level) => Need::not_told(),
                None => Need::nothing(),
            })
        };
        let trend = |view: View| {
            row(&|solver, split| match self.line(solver, view, split).trend(self.metric) {
                Some(trend) => Need { text: trend.shown(self.metric), within: None },
                None => Need::nothing(),
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

    /// Whether a view has an unreliable number at a level.
    fn doubted_at(&self, solver: &'a str, split: Split, level: &Level) -> bool {
        let of = |&view: &View| {
            Some(self.line(solver, view, split).doubted(self.metric, level.dose(view)?))
        };
        self.views.iter().filter_map(of).any(|doubted| doubted)
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
                text: scale.at_most(at),
                within: Some("the lowest of this study".to_owned()),
            },
            Reach::About { at, .. } => Need {
                text: scale.about(at, self.place(at, curve, scale)),
                within: self.within(curve, scale).filter(|within| within != NO_OVERLAP),
            },
            Reach::By { at, after } => Need {
                text: format!("by {}", scale.exact(at)),
                within: Some(undecided("ones", after.map(|after| scale.exact(after)))),
            },
            Reach::Unsteady { .. } => Need { text: "not steadily".to_owned(), within: None },
            Reach::Unconfirmed { at } => Need {
                text: "not for sure".to_owned(),
                within: Some(self.unconfirmed(curve, scale.exact(at))),
            },
            Reach::Never => Need { text: "not reached".to_owned(), within: None },
            Reach::Unknown => Need::nothing(),
        }
    }
}

/// The doses that splits need, and what is to be said of them: together where they are known alike,
/// else each.
fn doses_in_words(found: &[(Split, Reach)]) -> (String, String) {
    let places = || found.iter().filter_map(|(_, reach)| reach.place());
    let (low, high) = places().fold((f64::MAX, 0_f64), |(l, h), at| (l.min(at), h.max(at)));
    let exact = match low == high {
        true => Scale::Log.exact(low),
        false => format!("{} to {}", Scale::Log.exact(low), Scale::Log.exact(high)),
    };
    let all = |name: &str| found.iter().all(|(_, reach)| reach.name() == name);
    let by = |(_, reach): &&(Split, Reach)| matches!(reach, Reach::By { .. });
    match found {
        _ if all("at_most") => (format!("{exact} or fewer"), String::new()),
        _ if all("about") => (format!("about {}", Scale::Log.range_text(low, high)), String::new()),
        _ if all("by") => (exact, "; fewer undecided".to_owned()),
        mixed => {
            let part = |(split, reach): &(Split, Reach)| match *reach {
                Reach::AtMost(at) => format!("{} or fewer on {split}", Scale::Log.exact(at)),
                Reach::About { at, .. } => format!("about {} on {split}", Scale::Log.text(at, 2)),
                _ => format!("{} on {split}", Scale::Log.exact(reach.place().unwrap_or(0.0))),
            };
            let undecided: Vec<String> =
                mixed.iter().filter(by).map(|(split, _)| split.to_string()).collect();
            let remark = match undecided.is_empty() {
                true => String::new(),
                false => format!("; fewer undecided on {}", listed(&undecided)),
            };
            (listed(&mixed.iter().map(part).collect::<Vec<_>>()), remark)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doses_are_told_as_the_table_has_them() {
        let about = |at| Reach::About { at, between: (1e3, 1e4) };
        let of = |train, test| doses_in_words(&[(Split::Train, train), (Split::Test, test)]);
        let only = |text: &str| (text.to_owned(), String::new());
        let with = |text: &str, remark: &str| (text.to_owned(), remark.to_owned());
        assert_eq!(of(about(2500.0), about(2600.0)), only("about 2500 to 2600"));
        assert_eq!(of(Reach::AtMost(1e3), Reach::AtMost(1e3)), only("10\u{b3} or fewer"));
        // What is not known below a dose is not about that dose.
        let by = |at| Reach::By { at, after: None };
        let told = with("10\u{2074}", "; fewer undecided");
        assert_eq!(of(by(1e4), by(1e4)), told);
        let told = with("10\u{b3} to 10\u{2074}", "; fewer undecided");
        assert_eq!(of(by(1e3), by(1e4)), told);
        let told = with("about 2500 on train and 10\u{2074} on test", "; fewer undecided on test");
        assert_eq!(of(about(2500.0), by(1e4)), told);
        let told = only("10\u{b3} or fewer on train and about 2500 on test");
        assert_eq!(of(Reach::AtMost(1e3), about(2500.0)), told);
    }
}
