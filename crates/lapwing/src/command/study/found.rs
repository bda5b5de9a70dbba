//! What a search has found, in words.

use lapwing_draw::number::label;
use lapwing_study::crossing::outwards;
use lapwing_study::design::Goal;
use lapwing_study::run::search::{Found, Least};
use lapwing_study::{Design, View};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// What the lines of all views have in common.
pub struct Said<'a> {
    pub design: &'a Design,
    /// What the beam consists of.
    pub quanta: &'a str,
    /// What to do where the lowest dose is enough.
    pub lower: Option<String>,
    /// What the photons allow the views whose goal is beyond it.
    pub bounds: BTreeMap<View, String>,
}

impl Said<'_> {
    /// The line of a view.
    pub fn of(&self, of: &Found) -> String {
        let quanta = self.quanta;
        let past = self.bounds.get(&of.view).map(String::as_str).unwrap_or_default();
        let more = match of.may_take_more {
            true => {
                "; the full-dose reconstruction that it is compared with has many of these \
                     photons: it may take more"
            }
            false => "",
        };
        let past = format!("{past}{more}");
        let mut words = String::new();
        // Writing to a string does not fail.
        let _ = write!(words, "{}", of.view);
        if let (Some(step), Some(overlap)) = (of.step_px, of.linear_overlap) {
            let overlap = match overlap > 0.0 {
                true => format!("overlap {overlap:.2}"),
                false => "no overlap".to_owned(),
            };
            let apart = of.view.apart_in_words(step);
            let _ = write!(words, " (step {step:.1} px{apart}, {overlap})");
        }
        if let Some(why) = &of.untold {
            let _ = writeln!(words, ": not told: {why}");
            return words;
        }
        let area = self.design.study.fluence_area.words();
        // In a search between fluences.
        let on_specimen = |dose: f64| {
            let photons = of.fluence_per_dose.map(|per_dose| label(per_dose * dose, 3));
            photons.map(|n| format!(" ({n} on the specimen per {area})")).unwrap_or_default()
        };
        let _ = match of.dose {
            Least::About { at, low, high } => {
                let told = on_specimen(at);
                let doses = || of.tried.iter().map(|tried| tried.dose);
                let (lowest, highest) = (doses().min(), doses().max());
                let from = low.unwrap_or(lowest.unwrap_or_default() as f64);
                let to = high.unwrap_or(highest.unwrap_or_default() as f64);
                let (from, to, digits) = outwards(from, to);
                let below = if low.is_none() { "below " } else { "" };
                let beyond = if high.is_none() { "beyond " } else { "" };
                let how = match self.design.study.repeats > 1 {
                    true => "with 95 % confidence",
                    false => "of one realisation, whose chance needs study.repeats = 2",
                };
                let (from, to) = (label(from, digits), label(to, digits));
                writeln!(
                    words,
                    ": about {} {quanta} per pattern{told}, {below}{from} to {beyond}{to} {how}{past}",
                    label(at, 3)
                )
            }
            Least::By { at, after } => {
                let lower = of.tried.iter().rev().find(|one| one.dose < at && one.why.is_some());
                let why =
                    lower.and_then(|one| Some(format!("at {}, {}", one.dose, one.why.as_ref()?)));
                let enough = after.map(|after| format!("{after} is not enough"));
                let chance = of.tried.iter().find(|one| one.dose < at && one.half_width.is_some());
                let chance = chance.filter(|_| after.is_none());
                let chance =
                    chance.map(|one| format!("from {} on, chance alone may reach it", one.dose));
                let told: Vec<String> = enough.into_iter().chain(chance).chain(why).collect();
                let told = match told.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", told.join("; ")),
                };
                writeln!(
                    words,
                    ": reached by {at} {quanta} per pattern{}, lower doses undecided{told}{past}",
                    on_specimen(at as f64),
                )
            }
            Least::AtMost { at } => {
                // The folder may have lower doses than the design of the search.
                let lowest = self.design.study.doses_of(of.view);
                let own = lowest.first().is_none_or(|&lowest| at >= lowest);
                writeln!(
                    words,
                    ": {at} {quanta} per pattern{} or fewer: the lowest dose of the {} is enough{past}{}",
                    on_specimen(at as f64),
                    if own { "search" } else { "study" },
                    self.lower.as_deref().filter(|_| own).unwrap_or_default()
                )
            }
            Least::Never { up_to } if of.tried.last().is_some_and(|top| top.value.is_none()) => {
                writeln!(
                    words,
                    ": no result has it at {up_to} {quanta} per pattern{}, the highest dose",
                    on_specimen(up_to as f64)
                )
            }
            Least::Never { up_to } => writeln!(
                words,
                ": not up to {up_to} {quanta} per pattern{}",
                on_specimen(up_to as f64)
            ),
        };
        words
    }
}

/// What the report in `folder` says of the views that reach `goal` with fewer photons than counting
/// statistics allow.
pub fn bounds(folder: &Path, goal: &Goal) -> BTreeMap<View, String> {
    let file = folder.join("report/study_answer.json");
    let answer: Value = std::fs::read(file)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let headline = &answer["headline"];
    // The report has lengths in pixels.
    let Some(metric) = goal.catalogued() else { return BTreeMap::new() };
    let metric = metric.in_pixels().unwrap_or(metric);
    if headline["metric"].as_str() != Some(metric.name.as_str()) {
        return BTreeMap::new();
    }
    let unit = if metric.unit == "px" { " px" } else { "" };
    let of = |view: &Value| {
        let most = view["photons_allow"].as_f64()?;
        let told = format!(
            ", past the bound of counting statistics, which allows {}{unit}",
            label(most, 3)
        );
        Some((view["view"].as_str()?.parse().ok()?, told))
    };
    headline["views"].as_array().into_iter().flatten().filter_map(of).collect()
}
