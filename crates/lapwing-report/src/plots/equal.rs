//! Doses and overlaps of equal quality.

use crate::answer::between;
use crate::estimate::{Estimate, Line};
use crate::gather::Study;
use crate::metric::{Metric, shown};
use lapwing_draw::{Axis, Mark, Plot, Series};
use lapwing_study::View;

/// Quality against the dose: dose, value, what chance may do to it.
type Curve = Vec<(f64, f64, f64)>;

/// Most lines of equal quality.
const LEVELS: usize = 5;

/// The dose that each overlap needs, over the linear overlap: a line for each of several levels of
/// quality, the goal among them, through what the splits have on average. `None` with fewer than
/// three overlaps, or where no level is reached between two doses of two views.
pub(crate) fn equal_quality(study: &Study, metric: &Metric, solver: &str) -> Option<Plot> {
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let doses = study.distinct(|c| c.dose);
    let of_view = |&view: &View| {
        let lines = || splits.iter().map(|&split| Line { rows: &study.rows, solver, split, view });
        let mean = |values: Vec<f64>| Estimate::of(&values).map(|found| found.mean);
        let overlap = mean(
            doses
                .iter()
                .flat_map(|&dose| lines().filter_map(move |line| line.overlap(dose)))
                .collect(),
        )?;
        let curve: Curve = doses
            .iter()
            .filter_map(|&dose| {
                let at = lines().filter_map(|line| Some(line.at(metric, dose)?.mean)).collect();
                Some((dose as f64, mean(at)?, 0.0))
            })
            .collect();
        Some((overlap, curve))
    };
    let mut curves: Vec<(f64, Curve)> = views.iter().filter_map(of_view).collect();
    curves.sort_by(|a, b| a.0.total_cmp(&b.0));
    if curves.len() < 3 {
        return None;
    }
    let place = |value: f64| if metric.is_length() { value.ln() } else { value };
    let values = || curves.iter().flat_map(|(_, curve)| curve.iter().map(|point| point.1));
    let (low, high) = values()
        .map(place)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let even = (1..LEVELS).map(|step| low + (high - low) * step as f64 / LEVELS as f64);
    let even = even.map(|level| if metric.is_length() { level.exp() } else { level });
    let mut plot = Plot::new(
        format!("Dose and overlap of equal {}", metric.named()),
        Axis::linear("linear overlap of neighbouring discs"),
        Axis::log("dose, photons per pattern"),
    );
    plot.size = (470.0, 330.0);
    let mut told = Vec::new();
    for (colour, level) in std::iter::once(metric.goal).chain(even).enumerate() {
        let points: Vec<(f64, f64)> = curves
            .iter()
            .filter_map(|(overlap, curve)| Some((*overlap, between(curve, level, metric)?)))
            .collect();
        if points.len() < 2 {
            continue;
        }
        let name = match colour {
            0 => format!("goal {}", metric.goal_label()),
            _ => shown(level),
        };
        told.push(name.clone());
        plot.series.push(Series::new(name, colour, Mark::LineAndSymbols, points));
    }
    plot.description = format!(
        "Lines of equal {}, at {}: the dose that an overlap needs, interpolated between the doses \
         of the study.",
        metric.named(),
        told.join(", ")
    );
    (!plot.series.is_empty()).then_some(plot)
}
