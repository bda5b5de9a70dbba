//! One condition: pictures, curves, telemetry, cost and files.

use super::fact::{Fact, duration, fact};
use super::findings;
use crate::answer::step_in_words;
use crate::asked::Asked;
use crate::estimate::Line;
use crate::fluence::Area;
use crate::gather::{Row, Study};
use crate::media::Shown;
use crate::metric::{Metric, dose_label, shown, shown_error};
use crate::need::NOT_TOLD;
use crate::plots;
use crate::scans;
use crate::shots::address;
use crate::tables::strategy;
use lapwing_compare::{Alignment, Criterion, Quantity, resolution_doubts, resolution_name};
use lapwing_draw::Look;
use lapwing_draw::number::label;
use lapwing_study::Condition;
use lapwing_study::design::external::ALGORITHM as EXTERNAL;
use lapwing_study::record::{Files, JobResult, link};
use minijinja::Value;
use serde::Serialize;
use std::collections::BTreeSet;

/// The metric that slices are compared by.
const COMPLEX_ERROR: &str = "complex_nrmse";

/// Everything about one condition.
#[derive(Serialize)]
pub(super) struct Card {
    anchor: String,
    view: String,
    status: &'static str,
    reason: Option<String>,
    headline: Vec<Fact>,
    pictures: Vec<Shown>,
    scan: Value,
    shifts: Value,
    variation: Value,
    scan_search: Value,
    loss: Value,
    choice: Value,
    frc: Value,
    details: Vec<Fact>,
    links: Vec<Link>,
    /// Pictures and folders of the other noise realisations.
    others: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    name: String,
    /// Percent-encoded.
    address: Value,
}

/// The conditions of one dose, split by split.
#[derive(Serialize)]
pub(super) struct Group {
    dose: String,
    splits: Vec<GroupSplit>,
}

#[derive(Serialize)]
struct GroupSplit {
    split: String,
    cards: Vec<Card>,
}

pub(super) fn groups(rows: &[&Row], cards: Vec<Card>) -> Vec<Group> {
    let mut groups: Vec<(u64, Group)> = Vec::new();
    for (row, card) in rows.iter().zip(cards) {
        let (dose, split) = (row.condition.dose, row.condition.split.to_string());
        if groups.last().is_none_or(|(last, _)| *last != dose) {
            groups.push((dose, Group { dose: dose_label(dose), splits: Vec::new() }));
        }
        if let Some((_, group)) = groups.last_mut() {
            match group.splits.last_mut().filter(|last| last.split == split) {
                Some(last) => last.cards.push(card),
                None => group.splits.push(GroupSplit { split, cards: vec![card] }),
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

pub(super) fn card(
    study: &Study,
    metrics: &[Metric],
    row: &Row,
    pictures: Vec<Shown>,
    scan: String,
) -> Card {
    let svg = |plot: Option<String>| Value::from_safe_string(plot.unwrap_or_default());
    let Condition { dose, split, view } = row.condition;
    let line = Line { rows: &study.rows, solver: row.solver(), split, view };
    let measured = metrics
        .iter()
        .filter_map(|metric| {
            if row.is_itself(&metric.name) {
                return None;
            }
            if let Some(why) = row.doubts.get(&metric.name) {
                return row
                    .metric(&metric.name)
                    .map(|_| fact(&metric.heading, format!("not told: {why}")));
            }
            let found = line.at(metric, dose)?;
            let error = found
                .error
                .map(|error| format!(" \u{b1} {}", shown_error(error)))
                .unwrap_or_default();
            Some(fact(&metric.heading, format!("{}{error}", metric.with_unit(found.mean))))
        })
        .chain(row.result().and_then(findings::known_to));
    let reference = row.is_reference.then(|| {
        let what = "not compared with the reference, all of whose photons it has";
        fact("the reference", what)
    });
    let headline = reference.into_iter().chain(measured).collect();
    Card {
        anchor: row.anchor(),
        view: match study.solvers().len() {
            1 => view.to_string(),
            _ => format!("{view}, {}", row.solver()),
        },
        status: row.status(),
        reason: row.outcome.reason().map(str::to_owned),
        headline,
        pictures,
        scan: Value::from_safe_string(scan),
        shifts: svg(scans::shifts(study, row)),
        variation: svg(scans::variation(study, row)),
        scan_search: svg(plots::scan_search(row).map(|plot| plot.svg(Look::Inline))),
        loss: svg(plots::loss(row).map(|plot| plot.svg(Look::Inline))),
        choice: svg(plots::choice(row).map(|plot| plot.svg(Look::Inline))),
        frc: svg(plots::frc(row).map(|plot| plot.svg(Look::Inline))),
        details: row.result().map(|result| details(row, result)).unwrap_or_default(),
        links: links(study, row),
        others: others(study, row),
    }
}

/// The lines of the design, `algorithm = "ML"`, whose results among `rows` have no error map though
/// this program made them, each once.
pub(super) fn unmapped(rows: &[&Row]) -> Vec<String> {
    let without = |result: &&JobResult| result.error_maps.is_none() && result.algorithm != EXTERNAL;
    let results = rows.iter().filter_map(|row| row.result()).filter(without);
    let lines = results.map(|result| format!("algorithm = \"{}\"", result.algorithm));
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

/// How the data of a condition came about, what it cost, and the gauge that was removed.
fn details(row: &Row, result: &JobResult) -> Vec<Fact> {
    let mut details = vec![fact("patterns used", result.n_patterns.to_string())];
    if let Some(counts) = result.mean_counts {
        details.push(fact("measured photons per pattern", label(counts, 5)));
    }
    if let Some(step) = result.step_px {
        details.push(fact("step", step_in_words(step, result.pixel_size_m)));
    }
    if let Some(overlap) = result.linear_overlap {
        let share = match overlap > 0.0 {
            true => format!("{overlap:.3} of the diameter"),
            false => "none".to_owned(),
        };
        details.push(fact("overlap of neighbours", share));
    }
    details.extend(result.exposure.as_ref().map(|exposure| fact("exposure", exposure.clone())));
    details.push(fact("overlap by area (metric 2)", format!("{:.3}", result.overlap)));
    let area = Area::of(result.pixel_size_m);
    let patterns = match row.specimen.and_then(|specimen| specimen.part) {
        Some(split) => format!("{split} split"),
        None => "all patterns".to_owned(),
    };
    for (name, density) in [
        ("photons on the disc of a pattern".to_owned(), row.fluence_per_pattern()),
        (format!("photons on the specimen, {patterns}"), row.fluence()),
    ] {
        details.extend(density.map(|density| fact(name, area.text(density))));
    }
    if let Some(view) = &result.view {
        details.push(fact("selection", strategy(view)));
        let asked = Asked::of(row.condition.view, result).map(Asked::words);
        let spacing = || format!("{} px", label(view.spacing_threshold, 4));
        details.push(fact("least spacing", asked.unwrap_or_else(spacing)));
        let all = view.n_accepted + view.n_rejected;
        details.push(fact(
            "positions kept",
            format!(
                "{} of {all} ({:.2} %), {} left out",
                view.n_accepted,
                100.0 * view.acceptance_rate,
                view.n_rejected
            ),
        ));
    }
    if let Some(shared) = result.shared_fraction {
        details
            .push(fact("pixels shared with the other split", format!("{:.1} %", 100.0 * shared)));
    }
    if let Some(loss) = result.loss {
        details.push(fact("epochs", loss.epochs.to_string()));
        details.push(fact(
            "loss, first to last",
            format!("{} to {}", label(loss.first, 4), label(loss.last, 4)),
        ));
    }
    details.extend(findings::facts(result));
    details.extend(slices(row));
    details.push(fact("time", duration(result.seconds)));
    if let Some(seconds) = result.seconds_per_epoch {
        details.push(fact("time per epoch", format!("{} s", label(seconds, 3))));
    }
    if let Some(memory) = result.peak_memory_mb {
        details.push(fact("peak memory", format!("{memory:.0} MB")));
    }
    details.extend(resolutions(row));
    if let Some(correlation) = row.metric("probe_correlation") {
        details.push(fact("probe correlation", shown(correlation)));
    }
    if let Some(comparison) = &row.comparison {
        let Alignment { shift: [y, x], ramp: [ramp_y, ramp_x], scale, .. } = comparison.alignment;
        details.push(fact("shift removed (y, x)", format!("{}, {} px", label(y, 2), label(x, 2))));
        details.push(fact(
            "phase ramp removed (y, x)",
            format!("{}, {} rad/px", label(ramp_y, 2), label(ramp_x, 2)),
        ));
        details.push(fact("amplitude scale removed", label(scale, 4)));
    }
    details
}

/// The error of every slice of a thick object, where the true ones are known.
fn slices(row: &Row) -> Vec<Fact> {
    let slices = row.comparison.iter().flat_map(|comparison| &comparison.slices).enumerate();
    slices
        .filter_map(|(index, metrics)| {
            let error = metrics.get(COMPLEX_ERROR)??;
            Some(fact(format!("slice {}, complex error", index + 1), shown(error)))
        })
        .collect()
}

/// The resolution of the phases by all four criteria, of the others by the first.
fn resolutions(row: &Row) -> Vec<Fact> {
    let mut facts = Vec::new();
    let curves = row.comparison.as_ref().and_then(|comparison| comparison.frc.as_ref());
    let doubts =
        curves.map(|curves| resolution_doubts(curves, |name| row.metric(name))).unwrap_or_default();
    for quantity in [Quantity::Phase, Quantity::Amplitude, Quantity::Complex] {
        for (criterion, name) in
            Criterion::ALL.into_iter().zip(["1/2", "1/7", "half bit", "one bit"])
        {
            if quantity != Quantity::Phase && criterion != Criterion::Half {
                continue;
            }
            let in_px = resolution_name(quantity, criterion, "px");
            let Some(px) = row.metric(&in_px) else { continue };
            let nm = row.metric(&resolution_name(quantity, criterion, "nm"));
            let nm = nm.map(|nm| format!(" = {} nm", label(nm, 3))).unwrap_or_default();
            let text = match doubts.contains_key(&in_px) {
                true => NOT_TOLD.to_owned(),
                false => format!("{} px{nm}", label(px, 3)),
            };
            facts.push(fact(format!("{} resolution, FRC {name}", quantity.name()), text));
        }
    }
    facts
}

/// The other noise realisations of a condition: each its pictures, else its record.
fn others(study: &Study, row: &Row) -> Vec<Link> {
    let same = |other: &&Row| {
        other.condition == row.condition
            && other.solver() == row.solver()
            && other.repeat() != row.repeat()
    };
    let link = |other: &Row| {
        let names = [other.result()?.files.overview.as_deref(), Some("result.json")];
        let folder = study.folder.result_dir(&other.case);
        let name = names.into_iter().flatten().find(|name| folder.join(name).is_file())?;
        let place = link(&study.folder.relative_result_dir(&other.case), name);
        Some(Link {
            name: format!("realisation {}", other.repeat()),
            address: Value::from_safe_string(address(&place)),
        })
    };
    study.rows.iter().filter(same).filter_map(link).collect()
}

fn links(study: &Study, row: &Row) -> Vec<Link> {
    let folder = study.folder.relative_result_dir(&row.case);
    let named = |files: &Files| -> Vec<String> {
        let names = [
            &files.overview,
            &files.zoom,
            &files.shifts,
            &files.variation,
            &files.reconstruction,
            &files.comparison,
            &files.loss_csv,
            &files.loss_svg,
            &files.log,
        ];
        names.into_iter().flatten().cloned().chain(["result.json".to_owned()]).collect()
    };
    let names = row.result().map(|result| named(&result.files)).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| study.folder.result_dir(&row.case).join(name).is_file())
        .map(|name| Link { address: Value::from_safe_string(address(&link(&folder, &name))), name })
        .collect()
}
