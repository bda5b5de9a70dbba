//! How far results are from what their photons allow (see [`Limit`]), where the truth is known.

use crate::estimate::Line;
use crate::gather::Study;
use crate::metric::{Metric, shown};
use crate::scans::positions;
use crate::shots::true_object;
use lapwing_compare::{Criterion, Limit};
use lapwing_draw::{Mark, Series};
use lapwing_model::position::bounding_box;
use lapwing_study::{Condition, Split, View};

/// Points of the line.
const POINTS: usize = 25;

/// What the photons of a view allow in a metric.
struct Allowed<'a> {
    metric: &'a Metric,
    limit: &'a Limit,
    /// Photons on a pixel in the middle of the scan for each photon per pattern.
    per_dose: f64,
}

impl<'a> Allowed<'a> {
    /// Of a view of a split; `None` without a truth, and of metrics that have no limit.
    fn of(study: &'a Study, metric: &'a Metric, split: Split, view: View) -> Option<Self> {
        let limited = ["complex_nrmse", "complex_correlation", "phase_resolution_0_5_px"];
        if study.reference.is_some() || !limited.contains(&metric.name.as_str()) {
            return None;
        }
        let of_view = |c: Condition| (c.split, c.view) == (split, view);
        let row = study.rows.iter().find(|row| of_view(row.condition) && row.result().is_some())?;
        let step = row.result()?.step_px?;
        let scan = positions(&study.folder.roots().input(row.condition, row.repeat()))?;
        let (y0, y1, x0, x1) = bounding_box(&scan)?;
        let per_dose = scan.len() as f64 / ((y1 - y0 + step) * (x1 - x0 + step));
        let limit = study.limit(split)?;
        Some(Self { metric, limit, per_dose })
    }

    /// The best value at a dose.
    fn at(&self, dose: f64) -> Option<f64> {
        let photons = self.per_dose * dose;
        match self.metric.name.as_str() {
            "complex_nrmse" => Some(self.limit.complex_nrmse(photons)),
            "complex_correlation" => {
                Some((1.0 - self.limit.complex_nrmse(photons).powi(2)).max(0.0).sqrt())
            }
            _ => self.limit.phase_resolution_px(photons, Criterion::Half),
        }
    }
}

/// The best that the photons of a view allow at a dose, infinite where they resolve nothing; `None`
/// without a truth, and of metrics that have no limit.
pub(crate) fn allowed(
    study: &Study,
    metric: &Metric,
    split: Split,
    view: View,
    dose: f64,
) -> Option<f64> {
    Some(Allowed::of(study, metric, split, view)?.at(dose).unwrap_or(f64::INFINITY))
}

impl Study {
    /// What photons allow images of the true object of a split, where there is one; computed once.
    fn limit(&self, split: Split) -> Option<&Limit> {
        let of = |split| Limit::of(true_object(self, split)?.view());
        self.limits[usize::from(split != Split::Train)].get_or_init(|| of(split)).as_ref()
    }
}

/// What the photons of a view allow between the lowest and the highest dose of its curve, as a
/// line of that colour.
pub(super) fn line(
    study: &Study,
    metric: &Metric,
    line: Line<'_>,
    colour: usize,
) -> Option<Series> {
    let allowed = Allowed::of(study, metric, line.split, line.view)?;
    let curve = line.curve(metric);
    let ((first, _), (last, _)) = (curve.first()?, curve.last()?);
    let ratio = last / first;
    let dose = |i: usize| first * ratio.powf(i as f64 / (POINTS - 1) as f64);
    let points: Vec<(f64, f64)> =
        (0..POINTS).map(dose).filter_map(|dose| Some((dose, allowed.at(dose)?))).collect();
    let name = format!("allowed by the photons, {}", line.view);
    let series = Series::new(name, colour, Mark::Line, points);
    (ratio > 1.0).then_some(Series { dashed: true, ..series })
}

/// How the results of the view with the most patterns compare with what their photons allow, at the
/// lowest and the highest dose.
pub(crate) fn sentence(study: &Study, metric: &Metric, solver: &str) -> Option<String> {
    let (view, split) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let line = Line { rows: &study.rows, solver, split: *split.first()?, view: *view.first()? };
    let allowed = Allowed::of(study, metric, line.split, line.view)?;
    let curve = line.curve(metric);
    let ends = match curve.as_slice() {
        [only] => vec![only],
        curve => vec![curve.first()?, curve.last()?],
    };
    let sign = if metric.higher_is_better() { 1.0 } else { -1.0 };
    let part = |(dose, value): &(f64, crate::estimate::Estimate)| {
        let most = allowed.at(*dose)?;
        let past = sign * (value.mean - most) > metric.least_difference(value.mean, most);
        Some(format!(
            "{} where {} is allowed{}, at {} photons per pattern",
            shown(value.mean),
            shown(most),
            if past { ", which passes that bound" } else { "" },
            crate::metric::dose_label(*dose as u64)
        ))
    };
    let parts: Vec<String> = ends.into_iter().filter_map(part).collect();
    let by = if study.solvers().len() > 1 { format!(", {solver}") } else { String::new() };
    (!parts.is_empty()).then(|| {
        format!(
            "What the photons allow the best linear filter that knows the specimen\u{2019}s \
             spectrum ({}, {}{}): {}.",
            line.view,
            line.split,
            by,
            parts.join(", ")
        )
    })
}
