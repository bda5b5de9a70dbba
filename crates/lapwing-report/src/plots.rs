//! The curves of the page.

mod contour;
mod equal;
mod fluence;
pub(crate) mod limit;
mod scan_search;

pub(crate) use equal::equal_quality;
pub(crate) use fluence::against_fluence;
pub(crate) use scan_search::scan_search;

use crate::estimate::{Estimate, Line};
use crate::gather::{Row, Study};
use crate::metric::Metric;
use crate::quanta;
use lapwing_compare::{Criterion, FrcCurve, Quantity};
use lapwing_draw::{Axis, Guide, Mark, Plot, Point, Series};
use lapwing_study::{Split, View};

/// Quality against dose with one solver: a curve for each view and split, bars of one standard
/// error where it is known, and the straight line through three doses at least (see
/// [`Line::trend`]). The vertical axis spans all solvers, so that their plots can be laid side by
/// side.
pub(crate) fn quality(study: &Study, metric: &Metric, solver: &str) -> Plot {
    let solvers = study.solvers();
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let by = if solvers.len() > 1 { format!(", {solver}") } else { String::new() };
    let mut plot = Plot::new(
        format!("{} against dose{by}", metric.heading),
        Axis::log(quanta::on_axis(study, "dose, photons per pattern")),
        match metric.is_length() {
            true => Axis::log(metric.heading_with_unit()),
            false => Axis::linear(metric.heading_with_unit()),
        },
    );
    plot.show_title = solvers.len() > 1;
    plot.size = (470.0, 330.0);
    let (mut said, mut trends) = (Vec::new(), Vec::new());
    let lines = |solver| Lines::new(&study.rows, solver, &views, &splits);
    for (colour, dashed, line) in lines(solver).each() {
        let name = match splits.len() {
            1 => line.view.to_string(),
            _ => format!("{}, {}", line.view, line.split),
        };
        let curve = line.curve(metric);
        if let (Some((_, first)), Some((_, last))) = (curve.first(), curve.last()) {
            said.push(format!("{name}: from {} to {}", first.shown(), last.shown()));
        }
        plot.series.extend(runs(line, metric, name, (colour, dashed), |dose| dose));
        if let (Some(trend), [(first, _), .., (last, _)]) = (line.trend(metric), curve.as_slice()) {
            let at = |dose: f64| match metric.is_length() {
                true => 10f64.powf(trend.at(dose.log10())),
                false => trend.at(dose.log10()),
            };
            let points = [*first, *last].map(|dose| (dose, at(dose)));
            trends.push(Series { dashed, ..Series::new("", colour, Mark::Fit, points) });
        }
    }
    let mut doses = plot.series.iter().flat_map(|one| &one.points).map(|point| point.x);
    if let Some(only) = doses.next().filter(|&first| doses.all(|dose| dose == first)) {
        // A decade around a single dose: no number stands at an edge.
        let room = 10f64.sqrt();
        plot.x = plot.x.range(only / room, only * room);
    }
    if let Some(first) = trends.first_mut() {
        first.name = "straight trend".to_owned();
    }
    let allowed = lines(solver).each().find_map(|(colour, dashed, line)| {
        // One line, that of the view with the most patterns, for the others' lie beside it.
        (!dashed).then(|| limit::line(study, metric, line, colour))
    });
    trends.extend(allowed.flatten());
    // Behind what was measured.
    let measured = std::mem::replace(&mut plot.series, trends);
    plot.series.extend(measured);
    if solvers.len() > 1 {
        let ends = solvers
            .iter()
            .flat_map(|solver| lines(solver).each())
            .flat_map(|(.., line)| line.curve(metric));
        let ends = ends.flat_map(|(_, value)| {
            let error = value.error.unwrap_or(0.0);
            let low = value.mean - error;
            [if metric.is_length() && low <= 0.0 { value.mean } else { low }, value.mean + error]
        });
        let (low, high) = ends
            .chain([metric.goal])
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        plot.y = match metric.is_length() {
            true => plot.y.range(low / 1.1, high * 1.1),
            false => {
                let room = 0.05 * (high - low);
                plot.y.range(low - room, high + room)
            }
        };
    }
    let whose = if metric.asked { "asked for" } else { "usual" };
    plot.guides
        .push(Guide { y: metric.goal, label: format!("{whose} goal {}", metric.goal_label()) });
    plot.description = format!("From the lowest to the highest dose, {}.", said.join("; "));
    plot
}

/// The curve of a line, over `place` of the dose: no line is drawn across a dose of which nothing
/// can be told. The first of its parts has the name.
fn runs(
    line: Line<'_>,
    metric: &Metric,
    name: String,
    (colour, dashed): (usize, bool),
    place: impl Fn(f64) -> f64,
) -> Vec<Series> {
    let (curve, untold) = (line.curve(metric), line.untold(metric));
    let together = |from: &(f64, Estimate), to: &(f64, Estimate)| {
        !untold.iter().any(|&one| from.0 < one && one < to.0)
    };
    let series = |(index, run): (usize, &[(f64, Estimate)])| Series {
        name: if index == 0 { name.clone() } else { String::new() },
        points: run
            .iter()
            .map(|(dose, value)| Point { x: place(*dose), y: value.mean, error: value.error })
            .collect(),
        mark: Mark::LineAndSymbols,
        colour,
        dashed,
    };
    let mut all: Vec<Series> = curve.chunk_by(together).enumerate().map(series).collect();
    if all.is_empty() {
        all.push(series((0, &[])));
    }
    all
}

/// Every view and split of one solver.
pub(super) struct Lines<'a> {
    rows: &'a [Row],
    solver: &'a str,
    views: &'a [View],
    splits: &'a [Split],
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        rows: &'a [Row],
        solver: &'a str,
        views: &'a [View],
        splits: &'a [Split],
    ) -> Self {
        Self { rows, solver, views, splits }
    }

    /// Colour by view, broken lines for all splits but the first.
    pub(super) fn each(self) -> impl Iterator<Item = (usize, bool, Line<'a>)> {
        let Self { rows, solver, views, splits } = self;
        views.iter().enumerate().flat_map(move |(colour, &view)| {
            let line = move |split| Line { rows, solver, split, view };
            splits.iter().enumerate().map(move |(index, &split)| (colour, index > 0, line(split)))
        })
    }
}

/// The loss against the epoch; `None` without losses.
pub(crate) fn loss(row: &Row) -> Option<Plot> {
    let (first, last) = row.loss.first().zip(row.loss.last())?;
    let positive = row.loss.iter().all(|&(_, loss)| loss > 0.0);
    let axis = if positive { Axis::log("loss") } else { Axis::linear("loss") };
    let mut plot = Plot::new("Loss", Axis::linear("epoch"), axis);
    plot.description = format!(
        "The loss goes from {:.4e} to {:.4e} in {} epochs.",
        first.1,
        last.1,
        row.loss.len()
    );
    plot.series.push(Series::new("", 0, Mark::Line, thinned(&row.loss)));
    Some(plot)
}

/// How badly held-out detector pixels are predicted, over the strength of the prior; `None` where
/// the strength was not chosen.
pub(crate) fn choice(row: &Row) -> Option<Plot> {
    let choices = &row.result()?.choices;
    let choice = choices.iter().find(|choice| choice.option == "prior")?;
    if choice.tried.is_empty() {
        return None;
    }
    let lowest = choice.tried.iter().map(|tried| tried.score).fold(f64::INFINITY, f64::min);
    let mut points: Vec<(f64, f64)> = choice
        .tried
        .iter()
        .map(|tried| (tried.value, 1e6 * (tried.score - lowest)))
        .filter(|(_, score)| score.is_finite())
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut plot = Plot::new(
        "Held-out pixels",
        Axis::log("strength of the prior, photons"),
        Axis::linear("loss above the best, 1e-6 per pixel"),
    );
    let bounded = choices.iter().any(|choice| choice.option == "prior_jumps" && choice.value > 0.0);
    let why = match bounded {
        true => {
            "more than predicts detector pixels that the fit was not shown best, since what \
                 jumps cost was bounded afterwards"
        }
        false => "near which detector pixels that the fit was not shown are predicted best",
    };
    plot.description = format!(
        "Of {} strengths of the prior that were tried, {:.3} photons was taken, {why}.",
        points.len(),
        choice.value
    );
    plot.series.push(Series::new("", 0, Mark::LineAndSymbols, points));
    Some(plot)
}

/// The Fourier ring correlations with the four thresholds; `None` without curves.
pub(crate) fn frc(row: &Row) -> Option<Plot> {
    let mut plot = Plot::new(
        "Fourier ring correlation",
        Axis::linear("spatial frequency, cycles per pixel").range(0.0, 0.5),
        Axis::linear("correlation").range(-0.2, 1.05),
    );
    let comparison = row.comparison.as_ref()?;
    let curves = comparison.frc.as_ref()?;
    let quantities = [Quantity::Phase, Quantity::Amplitude, Quantity::Complex];
    for (colour, quantity) in quantities.into_iter().enumerate() {
        let points = curve_of(curves.of(quantity));
        if !points.is_empty() {
            plot.series.push(Series::new(quantity.name(), colour, Mark::Line, thinned(&points)));
        }
    }
    if let Some(halves) = comparison.halves.as_ref().and_then(|halves| halves.frc.as_ref()) {
        let points = curve_of(&halves.phase);
        plot.series.push(Series::new("phase, halves", 5, Mark::Line, thinned(&points)));
    }
    // The information thresholds depend on the number of frequencies in a ring, the same for all
    // three.
    for (colour, (name, criterion)) in
        [("half bit", Criterion::HalfBit), ("one bit", Criterion::OneBit)].into_iter().enumerate()
    {
        let curve = &curves.phase;
        let points: Vec<(f64, f64)> =
            curve.frequency.iter().copied().zip(curve.threshold(criterion)).collect();
        if !points.is_empty() {
            let mut series = Series::new(name, 3 + colour, Mark::Line, thinned(&points));
            series.dashed = true;
            plot.series.push(series);
        }
    }
    plot.guides =
        vec![Guide { y: 0.5, label: "1/2".into() }, Guide { y: 1.0 / 7.0, label: "1/7".into() }];
    let falls = |key: &str| {
        row.metric(key).map_or("nowhere".to_owned(), |at| format!("at {at:.3} cycles per pixel"))
    };
    plot.description = format!(
        "The phases' curve falls below 1/2 {}, below 1/7 {}, below the half-bit threshold {} and below the one-bit threshold {}.",
        falls("phase_frc_0_5"),
        falls("phase_frc_1_7"),
        falls("phase_frc_half_bit"),
        falls("phase_frc_one_bit")
    );
    (!plot.series.is_empty()).then_some(plot)
}

fn curve_of(curve: &FrcCurve) -> Vec<(f64, f64)> {
    curve.frequency.iter().copied().zip(curve.correlation.iter().copied()).collect()
}

/// At most about 200 points, the last always among them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(200).max(1);
    let last = points.len().saturating_sub(1);
    points
        .iter()
        .enumerate()
        .filter(|(i, _)| i % every == 0 || *i == last)
        .map(|(_, &point)| point)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<(f64, f64)> = (0..1001).map(|i| (f64::from(i), 0.0)).collect();
        let thin = thinned(&points);
        assert!(thin.len() <= 202 && thin[0].0 == 0.0 && thin.last().unwrap().0 == 1000.0);
        assert!(thinned(&[]).is_empty());
    }
}
