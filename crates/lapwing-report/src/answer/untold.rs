//! What is not answered, and why.

use super::Question;
use super::headline::Headline;
use super::needs::listed;
use crate::gather::{Row, Study};
use crate::levels::Axes;
use crate::metric::{Metric, dose_label};
use lapwing_draw::number::label;
use lapwing_study::Condition;
use std::collections::BTreeMap;

/// Number of reasons listed, at most, why numbers are unreliable.
const REASONS: usize = 4;

/// What the first screen says.
#[derive(Debug)]
pub(crate) struct First<'m> {
    /// Of the first metric in which something can be told.
    pub found: Option<(&'m Metric, Headline)>,
    /// Why nothing is told of those before it, and what the doses of the study are not.
    pub untold: Vec<String>,
}

/// The first screen: that of the first of `metrics` in which something can be told, and why nothing
/// is told of those before it; of those that no result has, where they were asked for.
pub(crate) fn first_screen<'m>(
    study: &Study,
    axes: &Axes,
    metrics: impl IntoIterator<Item = &'m Metric>,
) -> First<'m> {
    let (mut too_low, mut others) = (Vec::new(), Vec::new());
    let mut screen = None;
    for metric in metrics {
        if !study.has(metric) {
            others.extend(absent(study, metric));
            continue;
        }
        let question = Question::of(study, axes, metric);
        if let Some(flat) = question.flat {
            too_low.push((question.goal(), of_flat(flat)));
        } else if let Some(why) = question.unheld {
            others.push(format!("There is no answer in {}: {why}.", question.goal()));
        } else if let Some(found) = question.headline() {
            screen = Some((metric, found));
            break;
        } else {
            let why = question.not_told();
            others
                .extend(why.map(|why| format!("There is no answer in {}. {why}", metric.named())));
        }
    }
    let (goals, flats): (Vec<String>, Vec<String>) = too_low.into_iter().unzip();
    let too_low = (!goals.is_empty()).then(|| {
        format!(
            "There is no answer in {}: an image without any detail reaches {} ({}).",
            listed(&goals),
            if goals.len() == 1 { "it as well" } else { "each of them as well" },
            listed(&flats)
        )
    });
    let untold = too_low.into_iter().chain(others).chain(study.gain.map(of_counts)).collect();
    First { found: screen, untold }
}

/// Why there is no answer in a metric that was asked for and that no result has; nothing where
/// nothing was compared at all, which the page says by itself.
fn absent(study: &Study, metric: &Metric) -> Option<String> {
    let compared = study.rows.iter().any(|row| row.comparison.is_some());
    (metric.asked && compared).then(|| {
        // What a user of a study can do about it.
        let remedy = match metric.of_halves {
            true => " (halves = true in the section [study] of the design does so)",
            false => "",
        };
        format!(
            "There is no answer in {}, which was asked for: no result has it, for {}{remedy}.",
            metric.named(),
            metric.absent
        )
    })
}

/// What doses mean where counts are no single photons.
fn of_counts(gain: f64) -> String {
    format!(
        "The counts of neighbouring patterns differ {} times as much as those of single photons \
         would. Either one photon makes several counts, and there are fewer photons than counts by \
         that factor, or the light itself differs so, as it does where steps are wide or patterns \
         few. Doses are in counts per pattern.",
        label(gain, 3)
    )
}

/// A number of a flat image, in digits that tell it from a goal.
fn of_flat(value: f64) -> String {
    label(value, 4)
}

impl Question<'_> {
    /// That an image without any detail reaches the goal, too.
    pub(super) fn too_low(&self) -> Option<String> {
        Some(format!(
            "An image without any detail has {} and reaches {}: to reach it says nothing, and a \
             goal beyond that would.",
            of_flat(self.flat?),
            self.goal()
        ))
    }

    /// The conditions whose number is unreliable, and why.
    pub(super) fn not_told(&self) -> Option<String> {
        let name = &self.metric.name;
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let told = |row: &&Row| row.metric(name).is_some() && !row.is_itself(name);
        for row in self.rows.iter().filter(told) {
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
