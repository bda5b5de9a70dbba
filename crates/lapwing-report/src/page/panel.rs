//! The answer in one metric.

use crate::answer::{Needs, Question};
use crate::estimate::{Estimate, Line};
use crate::gather::{Row, Study};
use crate::metric::{Metric, dose_label, shown, shown_error};
use crate::plots;
use lapwing_draw::Look;
use lapwing_study::{Split, View};
use minijinja::Value;
use serde::Serialize;

/// The answer in one metric: words, a table of dose and view for each solver and split, and a plot
/// for each solver.
#[derive(Serialize)]
pub(super) struct Panel {
    title: String,
    meaning: String,
    words: Vec<String>,
    needs: Vec<Needs>,
    grids: Vec<Grid>,
    plots: Vec<Value>,
}

#[derive(Serialize)]
struct Grid {
    caption: String,
    views: Vec<Head>,
    rows: Vec<GridRow>,
}

/// A view and its measured overlap.
#[derive(Serialize)]
struct Head {
    view: String,
    overlap: Option<String>,
}

#[derive(Serialize)]
struct GridRow {
    dose: String,
    cells: Vec<Cell>,
}

/// A value with its place between the worst (0) and the best (100) of the study, or why there is
/// none.
#[derive(Serialize)]
struct Cell {
    text: String,
    /// The standard error.
    error: Option<String>,
    /// The same length in nanometres.
    nm: Option<String>,
    anchor: String,
    percent: Option<u32>,
}

/// `None` when nothing was measured in this metric.
pub(super) fn panel(study: &Study, metric: &Metric) -> Option<Panel> {
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let (doses, solvers) = (study.distinct(|c| c.dose), study.solvers());
    let mut range: Option<(f64, f64)> = None;
    for line in lines(&study.rows, &solvers, &splits, &views) {
        for (_, estimate) in line.curve(metric) {
            let (low, high) = range.unwrap_or((estimate.mean, estimate.mean));
            range = Some((low.min(estimate.mean), high.max(estimate.mean)));
        }
    }
    let (low, high) = range?;
    let percent = |value: f64| {
        let t = if high > low { (value - low) / (high - low) } else { 1.0 };
        (100.0 * if metric.higher_is_better() { t } else { 1.0 - t }).round() as u32
    };
    let grid = |solver: &str, split: Split| Grid {
        caption: match solvers.len() {
            1 => format!("{}, {split} split", metric.heading_with_unit()),
            _ => format!("{}, {solver}, {split} split", metric.heading_with_unit()),
        },
        views: views
            .iter()
            .map(|&view| head(Line { rows: &study.rows, solver, split, view }, &doses))
            .collect(),
        rows: doses
            .iter()
            .map(|&dose| GridRow {
                dose: dose_label(dose),
                cells: views
                    .iter()
                    .map(|&view| {
                        let row = study.row(dose, split, view, solver);
                        let line = Line { rows: &study.rows, solver, split, view };
                        cell(row, metric, line.at(metric, dose), &percent)
                    })
                    .collect(),
            })
            .collect(),
    };
    let question = Question {
        rows: &study.rows,
        metric,
        solvers: &solvers,
        views: &views,
        splits: &splits,
        doses: &doses,
    };
    Some(Panel {
        title: metric.heading.clone(),
        meaning: metric.meaning.clone(),
        words: question.words(),
        needs: question.needs(),
        grids: solvers
            .iter()
            .flat_map(|s| splits.iter().map(|&split| grid(s, split)).collect::<Vec<_>>())
            .collect(),
        plots: solvers
            .iter()
            .map(|solver| {
                Value::from_safe_string(plots::quality(study, metric, solver).svg(Look::Inline))
            })
            .collect(),
    })
}

/// Every solver, split and view.
fn lines<'a>(
    rows: &'a [Row],
    solvers: &'a [String],
    splits: &'a [Split],
    views: &'a [View],
) -> impl Iterator<Item = Line<'a>> {
    solvers.iter().flat_map(move |solver| {
        splits.iter().flat_map(move |&split| {
            views.iter().map(move |&view| Line { rows, solver, split, view })
        })
    })
}

fn head(line: Line<'_>, doses: &[u64]) -> Head {
    let overlaps: Vec<f64> =
        doses.iter().filter_map(|&dose| line.overlap(dose)).filter(|o| o.is_finite()).collect();
    let overlap = Estimate::of(&overlaps).map(|overlap| format!("{:.2}", overlap.mean));
    Head { view: line.view.to_string(), overlap }
}

fn cell(
    row: Option<&Row>,
    metric: &Metric,
    value: Option<Estimate>,
    percent: &dyn Fn(f64) -> u32,
) -> Cell {
    let text = match (value, row) {
        (Some(value), _) => shown(value.mean),
        (None, Some(row)) if !row.outcome.is_done() => row.status().to_owned(),
        (None, _) => "\u{2013}".to_owned(),
    };
    Cell {
        text,
        error: value
            .and_then(|value| value.error)
            .map(|error| format!("\u{b1} {}", shown_error(error))),
        nm: value.and_then(|value| metric.nm(value.mean)),
        anchor: row.map(Row::anchor).unwrap_or_default(),
        percent: value.map(|value| percent(value.mean)),
    }
}
