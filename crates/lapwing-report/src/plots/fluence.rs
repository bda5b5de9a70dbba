//! Quality against the photons on the specimen, on which views can be compared at the same cost.

use super::{Lines, runs};
use crate::fluence::Unit;
use crate::gather::Study;
use crate::metric::Metric;
use crate::quanta;
use lapwing_draw::{Axis, Guide, Plot};

/// Quality against the photons of all patterns together, per area or pixel of the object; `None`
/// with fewer than two views or where the covered area is not known.
pub(crate) fn against_fluence(study: &Study, metric: &Metric, solver: &str) -> Option<Plot> {
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    if views.len() < 2 {
        return None;
    }
    let unit = Unit::of(study.pixel_size);
    let by = if study.solvers().len() > 1 { format!(", {solver}") } else { String::new() };
    let mut plot = Plot::new(
        format!("{} at the same cost to the specimen{by}", metric.heading),
        Axis::log(quanta::on_axis(study, &unit.axis())),
        match metric.is_length() {
            true => Axis::log(metric.heading_with_unit()),
            false => Axis::linear(metric.heading_with_unit()),
        },
    );
    plot.size = (470.0, 330.0);
    let lines = Lines::new(&study.rows, solver, &views, &splits);
    for (colour, dashed, line) in lines.each() {
        let Some(per_dose) = line.per_pixel_and_dose() else { continue };
        let name = format!("{}, {}", line.view, line.split);
        let place = |dose: f64| unit.in_unit(per_dose * dose);
        plot.series.extend(runs(line, metric, name, (colour, dashed), place));
    }
    plot.guides.push(Guide { y: metric.goal, label: format!("goal {}", metric.goal_label()) });
    plot.description = format!(
        "{} against the photons of all patterns together: where one view lies above another, it \
         makes more of the same photons.",
        metric.heading
    );
    plot.series.iter().any(|series| series.points.len() > 1).then_some(plot)
}
