//! The answer in one metric.

use super::distinct;
use crate::answer::words;
use crate::gather::{Row, State, Study};
use crate::metric::{Metric, dose_label, shown};
use crate::plots;
use lapwing_draw::Look;
use lapwing_study::{Split, View};
use minijinja::Value;
use serde::Serialize;

/// The answer in one metric: a table of dose and view for each split, a plot, and words.
#[derive(Serialize)]
pub(super) struct Panel {
    title: &'static str,
    meaning: &'static str,
    unit: &'static str,
    words: Vec<String>,
    grids: Vec<Grid>,
    plot: Value,
}

#[derive(Serialize)]
struct Grid {
    split: String,
    views: Vec<String>,
    rows: Vec<GridRow>,
}

#[derive(Serialize)]
struct GridRow {
    dose: String,
    cells: Vec<Cell>,
}

/// A value with its place between the worst (0) and the best (100) of the study, or why there is none.
#[derive(Serialize)]
struct Cell {
    text: String,
    anchor: String,
    percent: Option<u32>,
}

pub(super) fn panel(study: &Study, metric: &Metric, views: &[View], splits: &[Split]) -> Panel {
    let rows = &study.rows;
    let values = || rows.iter().filter_map(|row| row.metric(metric.key));
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let percent = |value: f64| {
        let t = if high > low { (value - low) / (high - low) } else { 1.0 };
        (100.0 * if metric.higher_is_better { t } else { 1.0 - t }).round() as u32
    };
    let cell = |row: Option<&Row>| match row {
        Some(row) => {
            let value = row.metric(metric.key);
            let text = match (value, &row.state) {
                (Some(value), _) => shown(value),
                (None, State::Done) => "\u{2013}".to_owned(),
                (None, state) => state.name().to_owned(),
            };
            Cell { text, anchor: row.anchor(), percent: value.map(percent) }
        }
        None => Cell { text: "\u{2013}".to_owned(), anchor: String::new(), percent: None },
    };
    let doses = distinct(rows.iter().map(|row| row.condition.dose));
    let grid = |&split: &Split| Grid {
        split: split.to_string(),
        views: views.iter().map(View::to_string).collect(),
        rows: doses
            .iter()
            .map(|&dose| {
                let find = |view: &View| {
                    rows.iter().find(|row| {
                        (row.condition.dose, row.condition.split, row.condition.view) == (dose, split, *view)
                    })
                };
                GridRow { dose: dose_label(dose), cells: views.iter().map(|view| cell(find(view))).collect() }
            })
            .collect(),
    };
    Panel {
        title: metric.title,
        meaning: metric.meaning,
        unit: metric.unit,
        words: words(rows, metric, views, splits),
        grids: splits.iter().map(grid).collect(),
        plot: Value::from_safe_string(if low <= high {
            plots::quality(rows, metric, views, splits).svg(Look::Inline)
        } else {
            String::new()
        }),
    }
}
