//! How the map or the drift of a scan was found.

use crate::gather::Row;
use lapwing_draw::{Axis, Mark, Plot, Series};
use lapwing_study::record::{ChoiceRecord, TriedRecord};

/// How the names of the numbers of such a map begin.
const OF_SCAN: &str = "scan_";

/// What was tried of every number of the map of the scan near the best, and what was taken, in
/// standard deviations from that; `None` where nothing was searched for.
pub(crate) fn scan_search(row: &Row) -> Option<Plot> {
    let choices = &row.result()?.choices;
    let found: Vec<(&ChoiceRecord, f64)> = choices
        .iter()
        .filter(|choice| choice.option.starts_with(OF_SCAN))
        .filter_map(|choice| Some((choice, choice.sd.filter(|sd| *sd > 0.0)?)))
        .collect();
    let tried = |choice: &ChoiceRecord| -> Vec<TriedRecord> {
        // The first is the scan as it was given.
        choice.tried.get(1..).unwrap_or_default().to_vec()
    };
    let every = || found.iter().flat_map(|(choice, _)| tried(choice));
    let lowest = every().map(|tried| tried.score).fold(f64::INFINITY, f64::min);
    if !lowest.is_finite() {
        return None;
    }
    let mut plot = Plot::new(
        "Search for the map of the scan",
        Axis::linear("number less the one taken, standard deviations"),
        Axis::linear("loss above the best, 1e-6 per pixel"),
    );
    let said: Vec<String> =
        found.iter().map(|(choice, _)| format!("{} {}", name(choice), choice.number())).collect();
    plot.description = format!("What was taken: {}.", said.join(", "));
    for (colour, (choice, sd)) in found.iter().enumerate() {
        let mut points: Vec<(f64, f64)> = tried(choice)
            .iter()
            .filter(|tried| tried.score.is_finite())
            .map(|tried| ((tried.value - choice.value) / sd, 1e6 * (tried.score - lowest)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        plot.series.push(Series::new(name(choice), colour, Mark::LineAndSymbols, points));
    }
    Some(plot)
}

/// What a number of the map is called.
fn name(choice: &ChoiceRecord) -> String {
    choice.option.trim_start_matches(OF_SCAN).trim_end_matches("_deg").replace('_', " ")
}
