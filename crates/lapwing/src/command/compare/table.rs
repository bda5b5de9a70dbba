//! The numbers of a comparison as words and as CSV.

use super::Entry;
use crate::metric::label;
use lapwing_compare::{Criterion, Region};
use std::fmt::Write as _;

/// A line for each number, a column for each reconstruction.
pub fn words(region: &Region, entries: &[Entry]) -> String {
    let (rows, columns) = (region.rows(), region.columns());
    let mut words = format!(
        "rows {}..{}, columns {}..{}, {} pixels counted\n",
        rows.start,
        rows.end,
        columns.start,
        columns.end,
        region.seen()
    );
    // Writing to a string does not fail.
    if entries.len() > 1 {
        for (index, entry) in entries.iter().enumerate() {
            let _ = writeln!(words, "[{}] {}", index + 1, entry.name);
        }
        let _ = write!(words, "{:<34}", "");
        for index in 1..=entries.len() {
            let _ = write!(words, " {:>14}", format!("[{index}]"));
        }
        words.push('\n');
    }
    let all: Vec<Vec<(String, Option<f64>)>> = entries.iter().map(numbers).collect();
    for (line, (name, _)) in all.first().into_iter().flatten().enumerate() {
        let _ = write!(words, "{:<34}", label(name));
        for numbers in &all {
            let text =
                numbers[line].1.map_or_else(|| "none".to_owned(), |value| format!("{value:.6}"));
            let _ = write!(words, " {text:>14}");
        }
        words.push('\n');
    }
    words
}

/// One row for each reconstruction, fields quoted as RFC 4180 says.
pub fn csv(entries: &[Entry]) -> String {
    let quoted = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let mut table = String::from("reconstruction,array");
    let all: Vec<Vec<(String, Option<f64>)>> = entries.iter().map(numbers).collect();
    for (name, _) in all.first().into_iter().flatten() {
        let _ = write!(table, ",{name}");
    }
    table.push_str("\r\n");
    for (entry, numbers) in entries.iter().zip(&all) {
        let _ = write!(table, "{},{}", quoted(&entry.name), quoted(&entry.array));
        for (_, value) in numbers {
            table.push(',');
            table.extend(value.map(|value| value.to_string()));
        }
        table.push_str("\r\n");
    }
    table
}

/// Every number by its name: metrics, resolutions, the probe, the alignment.
fn numbers(entry: &Entry) -> Vec<(String, Option<f64>)> {
    let mut numbers: Vec<(String, Option<f64>)> = entry
        .found
        .metrics
        .named()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for (what, by_criterion) in &entry.resolution {
        for criterion in Criterion::ALL.map(Criterion::name) {
            let found = by_criterion.get(criterion);
            let name = format!("{what}_resolution_{criterion}");
            numbers.push((format!("{name}_px"), found.and_then(|r| r.half_period_px)));
            numbers.push((format!("{name}_nm"), found.and_then(|r| r.half_period_nm)));
        }
    }
    numbers.push(("probe_nrmse".to_owned(), entry.probe.map(|probe| probe.nrmse)));
    numbers.push(("probe_correlation".to_owned(), entry.probe.map(|probe| probe.correlation)));
    let alignment = entry.found.alignment;
    let [shift, ramp] = [alignment.shift, alignment.ramp];
    for (name, value) in [
        ("shift_y", shift[0]),
        ("shift_x", shift[1]),
        ("ramp_y", ramp[0]),
        ("ramp_x", ramp[1]),
        ("scale", alignment.scale),
        ("phase_offset", alignment.phase),
    ] {
        numbers.push((name.to_owned(), Some(value)));
    }
    // Lengths that no file told are no column of nothing.
    if numbers.iter().all(|(name, value)| !name.ends_with("_nm") || value.is_none()) {
        numbers.retain(|(name, _)| !name.ends_with("_nm"));
    }
    numbers
}
