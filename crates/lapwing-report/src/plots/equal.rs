//! Doses and overlaps of equal quality.

use super::contour::{Node, contour};
use crate::estimate::{Estimate, Line, over_splits};
use crate::fluence::Unit;
use crate::gather::Study;
use crate::metric::{Metric, shown};
use crate::quanta;
use lapwing_draw::{Axis, Mark, Plot, Series};
use lapwing_study::View;

/// Most lines of equal quality beside the goal.
const LEVELS: usize = 4;

/// A map of dose and linear overlap (photons on the specimen in a study by fluence) with lines of
/// equal quality, the goal first: each condition that was measured, as the mean over the splits,
/// and lines interpolated between neighbours, in the logarithm of the dose and linearly in the
/// overlap, hence in the step. There are none beyond what was measured. `None` with one overlap;
/// the reason where no line can be drawn.
pub(crate) fn equal_quality(
    study: &Study,
    metric: &Metric,
    solver: &str,
) -> Option<Result<Plot, String>> {
    if study.distinct(|c| c.view).len() < 2 {
        return None;
    }
    let unit = study.by_fluence().then(|| Unit::of(study.pixel_size));
    let place = |value: f64| if metric.is_length() { value.ln() } else { value };
    let mut columns: Vec<Vec<Node>> = Vec::new();
    for view in study.distinct(|c| c.view) {
        let points = column(study, metric, (solver, view), unit).unwrap_or_default();
        let nodes: Vec<Node> =
            points.iter().map(|&node| Node { value: place(node.value), ..node }).collect();
        if nodes.iter().any(|node| node.value.is_finite()) {
            columns.push(nodes);
        }
    }
    columns.sort_by(|a, b| a[0].x.total_cmp(&b[0].x));
    let cost = if unit.is_some() { "photons on the specimen" } else { "dose" };
    let by = if study.solvers().len() > 1 { format!(", {solver}") } else { String::new() };
    let title = format!("Lines of equal {}{by}", metric.named());
    if columns.len() < 2 {
        return Some(Err(format!(
            "{title}: no map is drawn, for numbers that hold are there with one overlap at most."
        )));
    }
    let told = || columns.iter().flatten().filter(|node| node.value.is_finite());
    let values = || told().map(|node| node.value);
    let (low, high) = values()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let goal = place(metric.goal);
    let apart = (high - low) / (LEVELS + 1) as f64;
    // Few digits: to a tenth or less of their distance, lengths to two digits.
    let round = |level: f64| match metric.is_length() {
        true => place(rounded(level.exp(), level.exp() / 10.0)),
        false => rounded(level, apart / 4.0),
    };
    // A line that is nearly the goal's would hide it.
    let even = (1..=LEVELS)
        .map(|step| round(low + apart * step as f64))
        .filter(|level| (level - goal).abs() > apart / 4.0);
    let axis = match unit {
        Some(unit) => unit.axis(),
        None => "dose, photons per pattern".to_owned(),
    };
    let axis = quanta::on_axis(study, &axis);
    let overlap = Axis::linear("linear overlap of neighbouring discs");
    let mut plot = Plot::new(title.clone(), overlap, Axis::log(axis));
    plot.size = (470.0, 330.0);
    let mut drawn = Vec::new();
    for (colour, level) in std::iter::once(goal).chain(even).enumerate() {
        let lines = contour(&columns, level);
        let value = if metric.is_length() { level.exp() } else { level };
        let name = match colour {
            0 => format!("goal {}", metric.goal_label()),
            _ => shown(value),
        };
        for (index, line) in lines.iter().enumerate() {
            let first = if index == 0 { name.clone() } else { String::new() };
            let points = line.iter().map(|&(x, y)| (x, y.exp()));
            plot.series.push(Series::new(first, colour, Mark::Line, points));
        }
        drawn.extend((!lines.is_empty()).then_some(name));
    }
    if drawn.is_empty() {
        return Some(Err(format!(
            "{title}: no line can be drawn, for that takes two doses, of numbers that hold and \
             differ, at one of two neighbouring overlaps."
        )));
    }
    let at: Vec<(f64, f64)> = told().map(|node| (node.x, node.y.exp())).collect();
    plot.series.push(Series::new("measured", LEVELS + 1, Mark::Symbols, at));
    plot.description = format!(
        "Lines of equal {}, at {}: the {cost} that an overlap needs, interpolated between the \
         conditions of the study, which are the symbols.",
        metric.named(),
        drawn.join(", ")
    );
    Some(Ok(plot))
}

/// `value` to a power of ten that is at most `fine`.
fn rounded(value: f64, fine: f64) -> f64 {
    let power = 10f64.powf(fine.log10().floor());
    if power > 0.0 && power.is_finite() { (value / power).round() * power } else { value }
}

/// The conditions of a view, ascending in the dose (its logarithm, or that of the photons on the
/// specimen), at the overlap that all of them have, without a value where nothing can be told;
/// `None` where the overlap is not known.
fn column(
    study: &Study,
    metric: &Metric,
    (solver, view): (&str, View),
    unit: Option<Unit>,
) -> Option<Vec<Node>> {
    let splits = study.distinct(|c| c.split);
    let lines = || splits.iter().map(|&split| Line { rows: &study.rows, solver, split, view });
    let mean = |values: Vec<f64>| Estimate::of(&values).map(|found| found.mean);
    let x = mean(lines().filter_map(Line::mean_overlap).collect()).filter(|x| x.is_finite())?;
    let per_dose = match unit {
        Some(unit) => {
            let per_dose = mean(lines().filter_map(Line::per_pixel_and_dose).collect())?;
            unit.in_unit(per_dose)
        }
        None => 1.0,
    };
    let told = over_splits(&lines().collect::<Vec<_>>(), metric);
    let mut all: Vec<(f64, f64)> = told.iter().map(|(dose, at)| (*dose, at.mean)).collect();
    let mut untold: Vec<f64> = lines().flat_map(|line| line.untold(metric)).collect();
    untold.sort_unstable_by(f64::total_cmp);
    untold.dedup();
    untold.retain(|dose| told.iter().all(|(known, _)| known != dose));
    all.extend(untold.into_iter().map(|dose| (dose, f64::NAN)));
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let node = |(dose, value): (f64, f64)| Node { x, y: (dose * per_dose).ln(), value };
    Some(all.into_iter().map(node).collect())
}
