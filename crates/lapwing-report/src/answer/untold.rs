//! What is not answered, and why.

use super::Question;
use super::headline::Headline;
use crate::gather::{Row, Study};
use crate::levels::Axes;
use crate::metric::{Metric, dose_label};
use lapwing_compare::reached_by_flat;
use lapwing_study::Condition;
use std::collections::BTreeMap;

/// Number of reasons listed, at most, why numbers are unreliable.
const REASONS: usize = 4;

/// The first screen: that of the first of `metrics` in which something can be told. Where others
/// come before it, it says why nothing is told of them.
pub(crate) fn first_screen<'m>(
    study: &Study,
    axes: &Axes,
    metrics: impl IntoIterator<Item = &'m Metric>,
) -> Option<(&'m Metric, Headline)> {
    let mut untold = Vec::new();
    for metric in metrics {
        let question = Question::of(study, axes, metric);
        if let Some(mut found) = question.headline() {
            found.sentences.extend(untold);
            return Some((metric, found));
        }
        let why = question.not_told();
        untold.extend(why.map(|why| format!("There is no answer in {}. {why}", metric.named())));
    }
    None
}

impl<'a> Question<'a> {
    /// That an image without any detail reaches the goal, too.
    pub(super) fn too_low(&self) -> Option<String> {
        let name = &self.metric.name;
        let of = |row: &'a Row| reached_by_flat(name, self.metric.goal, |name| row.metric(name));
        let flat = self.rows.iter().find_map(of)?;
        Some(format!(
            "An image without any detail has {flat:.3} and reaches this goal, which therefore says \
             little: one beyond that says more."
        ))
    }

    /// The conditions whose number is unreliable, and why.
    pub(super) fn not_told(&self) -> Option<String> {
        let name = &self.metric.name;
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.metric(name).is_some()) {
            if let Some(why) = row.doubts.get(name) {
                let Condition { dose, view, split } = row.condition;
                let by = self.by(row.solver());
                let repeat = row.repeat();
                let again = if repeat > 1 { format!(" repeat {repeat}") } else { String::new() };
                by_reason
                    .entry(why)
                    .or_default()
                    .push(format!("{} {view} {split}{by}{again}", dose_label(dose)));
            }
        }
        let mut parts: Vec<String> = by_reason
            .iter()
            .take(REASONS)
            .map(|(why, of)| format!("{}: {why}", of.join(", ")))
            .collect();
        if by_reason.len() > REASONS {
            let rest: usize = by_reason.values().skip(REASONS).map(Vec::len).sum();
            parts.push(format!("{rest} more for such reasons"));
        }
        (!parts.is_empty())
            .then(|| format!("Left out, for nothing can be told: {}.", parts.join("; ")))
    }
}
