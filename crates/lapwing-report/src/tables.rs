//! The results as tables for programs: CSV and JSON.

use crate::gather::{Row, Study};
use lapwing_study::design::Radiation;
use lapwing_study::record::{ChoiceRecord, ErrorRecord, JobResult, link};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One row for each condition in the study's order: condition, outcome, view, cost, then every
/// metric by name.
///
/// Fields are quoted after RFC 4180; numbers that do not exist are empty.
pub(crate) fn csv(study: &Study) -> String {
    let metrics: BTreeSet<&str> =
        study.rows.iter().flat_map(|row| row.metrics.keys()).map(String::as_str).collect();
    let mut table = String::new();
    for (index, row) in std::iter::once(None).chain(study.rows.iter().map(Some)).enumerate() {
        let cells: Vec<(String, String)> = fixed_columns(row, study.radiation())
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(
                metrics
                    .iter()
                    .map(|&name| (name.to_owned(), number(row.and_then(|row| row.metric(name))))),
            )
            .collect();
        let line =
            cells.into_iter().map(|(name, value)| quoted(if index == 0 { &name } else { &value }));
        table += &line.collect::<Vec<_>>().join(",");
        table += "\r\n";
    }
    table
}

/// The columns before the metrics; without a row, their names with empty values.
fn fixed_columns(row: Option<&Row>, radiation: Option<&Radiation>) -> Vec<(&'static str, String)> {
    let condition = row.map(|row| row.condition);
    let text = |value: Option<String>| value.unwrap_or_default();
    let result = row.and_then(|row| row.result());
    let view = result.and_then(|result| result.view);
    let count = |value: Option<usize>| text(value.map(|value| value.to_string()));
    vec![
        ("dose", text(condition.map(|c| c.dose.to_string()))),
        ("split", text(condition.map(|c| c.split.to_string()))),
        ("view", text(condition.map(|c| c.view.to_string()))),
        ("status", text(row.map(|row| row.status().to_owned()))),
        ("reason", text(row.and_then(|row| row.outcome.reason().map(str::to_owned)))),
        ("solver", text(result.map(|r| r.solver.clone()))),
        ("repeat", count(row.map(|row| row.case.repeat))),
        ("algorithm", text(result.map(|r| r.algorithm.clone()))),
        ("epochs", count(result.and_then(|r| r.loss).map(|loss| loss.epochs))),
        ("final_loss", number(result.and_then(|r| r.loss).map(|loss| loss.last))),
        ("misfit", number(result.and_then(|r| r.misfit))),
        ("prior", number(result.and_then(|r| chosen(r, "prior")))),
        ("prior_absorption", number(result.and_then(|r| chosen(r, "prior_absorption")))),
        (
            "prior_jumps",
            text(result.and_then(|r| choice(r, "prior_jumps")).map(ChoiceRecord::number)),
        ),
        ("amplitude_sd", number(result.and_then(|r| r.error_maps).map(|maps| maps.amplitude_rms))),
        ("phase_sd_rad", number(result.and_then(|r| r.error_maps).map(|maps| maps.phase_rms))),
        ("amplitude_within_sd", number(within(row, |maps| maps.amplitude_within, 0))),
        ("amplitude_within_2_sd", number(within(row, |maps| maps.amplitude_within, 1))),
        ("phase_within_sd", number(within(row, |maps| maps.phase_within, 0))),
        ("phase_within_2_sd", number(within(row, |maps| maps.phase_within, 1))),
        ("n_patterns", count(result.map(|r| r.n_patterns))),
        ("mean_counts", number(result.and_then(|r| r.mean_counts))),
        ("probe_diameter_px", number(result.map(|r| r.probe_diameter_px))),
        ("step_px", number(result.and_then(|r| r.step_px))),
        ("step_nm", number(result.and_then(|r| Some(r.step_px? * r.pixel_size_m? * 1e9)))),
        ("linear_overlap", number(result.and_then(|r| r.linear_overlap))),
        ("overlap", number(result.map(|r| r.overlap))),
        ("fluence_per_pattern_um2", number(row.and_then(|row| um2(row.fluence_per_pattern())))),
        ("photons_per_px", number(row.and_then(Row::photons_per_px))),
        ("fluence_um2", number(row.and_then(|row| um2(row.fluence())))),
        ("split_fluence_um2", number(row.and_then(|row| um2(row.split_fluence())))),
        ("fluence_of", text(row.and_then(fluence_of))),
        ("gray", number(row.and_then(|row| radiation?.gray(row.fluence()?)))),
        ("exposure_s", number(row.and_then(|row| exposure_s(row, radiation)))),
        ("selection_strategy", text(view.map(|v| strategy(&v)))),
        ("acceptance_rate", number(view.map(|v| v.acceptance_rate))),
        ("spacing_threshold", number(view.map(|v| v.spacing_threshold))),
        ("n_accepted", count(view.map(|v| v.n_accepted))),
        ("n_rejected", count(view.map(|v| v.n_rejected))),
        ("shared_fraction", number(result.and_then(|r| r.shared_fraction))),
        ("seconds", number(result.map(|r| r.seconds))),
        ("seconds_per_epoch", number(result.and_then(|r| r.seconds_per_epoch))),
        ("peak_memory_mb", number(result.and_then(|r| r.peak_memory_mb))),
    ]
}

/// Share of the pixels whose error is within one or two standard deviations of the error maps,
/// where the truth is known.
fn within(
    row: Option<&Row>,
    of: impl Fn(&ErrorRecord) -> Option<[f64; 2]>,
    index: usize,
) -> Option<f64> {
    Some(of(row?.result()?.error_maps.as_ref()?)?[index])
}

/// Per square micrometre what is per square metre.
fn um2(per_square_metre: Option<f64>) -> Option<f64> {
    Some(per_square_metre? * 1e-12)
}

/// Whose patterns are on the specimen: `scan`, or the split that is known alone.
fn fluence_of(row: &Row) -> Option<String> {
    let part = row.specimen?.part;
    Some(part.map_or_else(|| "scan".to_owned(), |split| split.to_string()))
}

/// Exposure of a position, seconds, that brings the dose; where counts are known.
fn exposure_s(row: &Row, radiation: Option<&Radiation>) -> Option<f64> {
    row.result()?.mean_counts?;
    radiation?.exposure_s(row.condition.dose as f64)
}

/// The value of an option that was chosen from the data.
fn chosen(result: &JobResult, option: &str) -> Option<f64> {
    choice(result, option).map(|choice| choice.value)
}

fn choice<'a>(result: &'a JobResult, option: &str) -> Option<&'a ChoiceRecord> {
    result.choices.iter().find(|choice| choice.option == option)
}

/// `direct` or `greedy`.
pub(crate) fn strategy(view: &lapwing_study::record::Telemetry) -> String {
    serde_json::to_value(view.selection_strategy)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| value.to_string()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The same and more: every record in full, in the study's order.
pub(crate) fn json(study: &Study) -> Result<String, serde_json::Error> {
    let conditions: Vec<Value> = study
        .rows
        .iter()
        .map(|row| {
            json!({
                "dose": row.condition.dose,
                "split": row.condition.split,
                "view": row.condition.view,
                "solver": row.result().map(|result| &result.solver),
                "repeat": row.case.repeat,
                "status": row.status(),
                "reason": row.outcome.reason(),
                "folder": link(&study.folder.relative_result_dir(&row.case), ""),
                "metrics": row.metrics,
                "result": row.result(),
            })
        })
        .collect();
    let report = json!({
        "study": study.name(),
        "generator": concat!("lapwing ", env!("CARGO_PKG_VERSION")),
        "done": study.done(),
        "total": study.rows.len(),
        "design": study.design,
        "conditions": conditions,
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_when_they_must() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
        assert_eq!(
            (number(Some(0.25)), number(Some(f64::NAN)), number(None)),
            ("0.25".into(), "".into(), "".into())
        );
    }
}
