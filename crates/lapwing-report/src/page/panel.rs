//! The answer in one metric.

use crate::answer::{NeedTable, Question, overlap_in_words, step_in_words};
use crate::estimate::{Estimate, Line};
use crate::gather::{Row, Study};
use crate::levels::Axes;
use crate::metric::{Metric, shown_error};
use crate::need::NOT_TOLD;
use crate::plots;
use lapwing_draw::{Look, Plot};
use lapwing_study::{Split, View};
use minijinja::Value;
use serde::Serialize;

/// The answer in one metric: words, a table of dose and view for each solver and split, and a plot
/// for each solver.
#[derive(Serialize)]
pub(super) struct Panel {
    /// The metric's.
    pub(super) name: String,
    title: String,
    meaning: String,
    goal: String,
    words: Vec<String>,
    needs: Vec<NeedTable>,
    grids: Vec<Grid>,
    plots: Vec<Value>,
}

#[derive(Serialize)]
struct Grid {
    caption: String,
    /// What the rows are.
    corner: String,
    views: Vec<Head>,
    rows: Vec<GridRow>,
}

/// A view, its step and the linear overlap of its discs.
#[derive(Serialize)]
struct Head {
    view: String,
    step: Option<String>,
    overlap: Option<String>,
    /// What the design asks for.
    asked: Option<String>,
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
    let axes = Axes::of(study);
    let Axes { solvers, views, splits, levels } = &axes;
    let mut range: Option<(f64, f64)> = None;
    for line in lines(&study.rows, solvers, splits, views) {
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
            .map(|&view| head(Line { rows: &study.rows, solver, split, view }, study.pixel_size))
            .collect(),
        corner: axes.corner(),
        rows: levels
            .iter()
            .map(|level| GridRow {
                dose: level.label(),
                cells: views
                    .iter()
                    .map(|&view| {
                        let Some(dose) = level.dose(view) else {
                            return cell(None, metric, None, false, &percent);
                        };
                        let row = study.row(dose, split, view, solver);
                        let line = Line { rows: &study.rows, solver, split, view };
                        let doubted = line.doubted(metric, dose);
                        cell(row, metric, line.at(metric, dose), doubted, &percent)
                    })
                    .collect(),
            })
            .collect(),
    };
    let question = Question::of(study, &axes, metric);
    let maps: Vec<Result<Plot, String>> =
        solvers.iter().filter_map(|s| plots::equal_quality(study, metric, s)).collect();
    Some(Panel {
        name: metric.name.to_string(),
        title: metric.heading.clone(),
        meaning: metric.meaning.clone(),
        goal: metric.whose_goal(),
        words: question
            .words()
            .into_iter()
            .chain(
                solvers.iter().filter_map(|solver| plots::limit::sentence(study, metric, solver)),
            )
            .chain(maps.iter().filter_map(|map| map.as_ref().err().cloned()))
            .collect(),
        needs: question.needs(),
        grids: solvers
            .iter()
            .flat_map(|s| splits.iter().map(|&split| grid(s, split)).collect::<Vec<_>>())
            .collect(),
        plots: solvers
            .iter()
            .flat_map(|solver| {
                let against_dose = plots::quality(study, metric, solver);
                std::iter::once(against_dose).chain(plots::against_fluence(study, metric, solver))
            })
            .chain(maps.iter().filter_map(|map| map.clone().ok()))
            .map(|plot| Value::from_safe_string(plot.svg(Look::Inline)))
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

fn head(line: Line<'_>, pixel_size: Option<f64>) -> Head {
    Head {
        view: line.view.to_string(),
        step: line.mean_step().map(|step| step_in_words(step, pixel_size)),
        overlap: line.mean_overlap().map(overlap_in_words),
        asked: line.asked().map(|asked| asked.words()),
    }
}

fn cell(
    row: Option<&Row>,
    metric: &Metric,
    value: Option<Estimate>,
    doubted: bool,
    percent: &dyn Fn(f64) -> u32,
) -> Cell {
    let text = match (value, row) {
        (Some(value), _) => metric.number(value.mean),
        (None, Some(row)) if row.is_itself(&metric.name) => "the reference".to_owned(),
        (None, _) if doubted => NOT_TOLD.to_owned(),
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
