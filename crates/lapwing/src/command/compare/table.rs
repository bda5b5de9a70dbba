//! The numbers of a comparison as words and as CSV.

use super::Entry;
use crate::metric::label;
use crate::output::Beside;
use lapwing_compare::{Metric, Number, Region, probe_numbers};
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
    let all: Vec<Vec<Number>> = entries.iter().map(numbers).collect();
    for (line, first) in all.first().into_iter().flatten().enumerate() {
        let _ = write!(words, "{:<34}", label(&first.name));
        for (index, numbers) in all.iter().enumerate() {
            let text = match numbers[line].value {
                Some(_) if entries[index].doubt(&first.name).is_some() => "not told".to_owned(),
                value => value.map_or_else(|| "none".to_owned(), |value| format!("{value:.6}")),
            };
            let _ = write!(words, " {text:>14}");
        }
        words.push('\n');
    }
    for (index, entry) in entries.iter().enumerate() {
        let of = if entries.len() > 1 { format!("[{}] ", index + 1) } else { String::new() };
        for (name, why) in &entry.doubts {
            let _ = writeln!(words, "not told: {of}{}: {why}", label(name));
        }
    }
    words
}

/// One row for each reconstruction, fields quoted as RFC 4180 says.
pub fn csv(entries: &[Entry]) -> String {
    let quoted = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let mut table = String::from(Beside::TABLE);
    let all: Vec<Vec<Number>> = entries.iter().map(numbers).collect();
    let names: Vec<&str> =
        all.first().into_iter().flatten().map(|number| number.name.as_str()).collect();
    table.push_str(&names.join(","));
    table.push_str("\r\n");
    for (entry, numbers) in entries.iter().zip(&all) {
        let _ = write!(table, "{},{}", quoted(&entry.name), quoted(&entry.array));
        for number in numbers {
            table.push(',');
            table.extend(number.value.map(|value| value.to_string()));
        }
        table.push_str("\r\n");
    }
    table
}

/// Every number by its name: metrics, resolutions, the probe, the alignment.
fn numbers(entry: &Entry) -> Vec<Number> {
    let mut numbers: Vec<Number> = entry
        .found
        .metrics
        .named()
        .into_iter()
        .map(|(name, value)| Number { name: name.to_owned(), value })
        .collect();
    numbers.extend(entry.resolution.numbers());
    numbers.extend(probe_numbers(entry.probe.as_ref()));
    numbers.extend(entry.found.alignment.numbers());
    // Lengths that no file told are no column of nothing.
    let in_nanometres =
        |number: &Number| Metric::find(&number.name).is_some_and(|metric| metric.unit == "nm");
    if numbers.iter().all(|number| !in_nanometres(number) || number.value.is_none()) {
        numbers.retain(|number| !in_nanometres(number));
    }
    numbers
}
