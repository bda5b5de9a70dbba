//! The curves of the page.

use crate::estimate::{Line, Trend};
use crate::gather::{Row, Study};
use crate::metric::Metric;
use lapwing_compare::Criterion;
use lapwing_draw::{Axis, Guide, Look, Mark, Plot, Point, ScanPlot, Series};
use lapwing_files::Archive;
use lapwing_model::Position;
use lapwing_study::layout::data_file;
use lapwing_study::{Split, View};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Quality against dose with one solver: a curve for each view and split, bars of one standard
/// error where it is known, and the straight line through three doses at least (see [`Trend`]). The
/// vertical axis spans all solvers, so that their plots can be laid side by side.
pub(crate) fn quality(study: &Study, metric: &Metric, solver: &str) -> Plot {
    let solvers = study.solvers();
    let (views, splits) = (study.distinct(|c| c.view), study.distinct(|c| c.split));
    let by = if solvers.len() > 1 { format!(", {solver}") } else { String::new() };
    let mut plot = Plot::new(
        format!("{} against dose{by}", metric.title),
        Axis::log("dose, photons per pattern"),
        Axis::linear(metric.heading()),
    );
    plot.show_title = solvers.len() > 1;
    plot.size = (470.0, 330.0);
    let (mut said, mut trends) = (Vec::new(), Vec::new());
    let lines = |solver| Lines { rows: &study.rows, solver, views: &views, splits: &splits };
    for (colour, dashed, line) in lines(solver).each() {
        let name = format!("{}, {}", line.view, line.split);
        let curve = line.curve(metric);
        if let (Some((_, first)), Some((_, last))) = (curve.first(), curve.last()) {
            said.push(format!("{name}: from {} to {}", first.shown(), last.shown()));
        }
        let points = curve
            .iter()
            .map(|(x, value)| Point { x: *x, y: value.mean, error: value.error })
            .collect();
        plot.series.push(Series { name, points, mark: Mark::LineAndSymbols, colour, dashed });
        if let (Some(trend), [(first, _), .., (last, _)]) =
            (Trend::with_dose(&curve), curve.as_slice())
        {
            let points = [*first, *last].map(|dose| (dose, trend.at(dose.log10())));
            trends.push(Series { dashed, ..Series::new("", colour, Mark::Fit, points) });
        }
    }
    if let Some(first) = trends.first_mut() {
        first.name = "straight trend".to_owned();
    }
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
            [value.mean - error, value.mean + error]
        });
        let (low, high) = ends
            .chain([metric.goal])
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let room = 0.05 * (high - low);
        plot.y = plot.y.range(low - room, high + room);
    }
    plot.guides.push(Guide { y: metric.goal, label: format!("goal {}", metric.goal) });
    plot.description = format!("From the lowest to the highest dose, {}.", said.join("; "));
    plot
}

/// Every view and split of one solver.
struct Lines<'a> {
    rows: &'a [Row],
    solver: &'a str,
    views: &'a [View],
    splits: &'a [Split],
}

impl<'a> Lines<'a> {
    /// Colour by view, broken lines for all splits but the first.
    fn each(self) -> impl Iterator<Item = (usize, bool, Line<'a>)> {
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

/// The Fourier ring correlations with the four thresholds; `None` without curves.
pub(crate) fn frc(row: &Row) -> Option<Plot> {
    let mut plot = Plot::new(
        "Fourier ring correlation",
        Axis::linear("spatial frequency, cycles per pixel").range(0.0, 0.5),
        Axis::linear("correlation").range(-0.2, 1.05),
    );
    for (colour, name) in ["phase", "amplitude", "complex"].into_iter().enumerate() {
        let points = curve_of(row.comparison.get("frc")?.get(name));
        if !points.is_empty() {
            plot.series.push(Series::new(name, colour, Mark::Line, thinned(&points)));
        }
    }
    let halves =
        curve_of(row.comparison.get("halves").and_then(|halves| halves.get("frc")?.get("phase")));
    if !halves.is_empty() {
        plot.series.push(Series::new("phase, halves", 5, Mark::Line, thinned(&halves)));
    }
    // The information thresholds depend on the number of frequencies in a ring, the same for all
    // three.
    for (colour, (name, criterion)) in
        [("half bit", Criterion::HalfBit), ("one bit", Criterion::OneBit)].into_iter().enumerate()
    {
        let points = threshold_of(row.comparison.get("frc")?.get("phase"), criterion);
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

fn curve_of(value: Option<&Value>) -> Vec<(f64, f64)> {
    numbers(value, "frequency").into_iter().zip(numbers(value, "correlation")).collect()
}

/// The threshold of every ring.
fn threshold_of(value: Option<&Value>, criterion: Criterion) -> Vec<(f64, f64)> {
    let counts = numbers(value, "count").into_iter().map(|n| criterion.threshold(n as usize));
    numbers(value, "frequency").into_iter().zip(counts).collect()
}

/// A list of numbers in a record; those that are none are NaN.
fn numbers(value: Option<&Value>, key: &str) -> Vec<f64> {
    let list = value.and_then(|value| value.get(key)).and_then(Value::as_array);
    list.map(|list| list.iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect())
        .unwrap_or_default()
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

/// The scans of a page: each file read once, and scans that are the same, as those of all doses and
/// solvers are, drawn once.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    whole: HashMap<(u64, Split), Vec<Position>>,
    drawings: Vec<Drawing>,
}

/// A scan that several conditions may have.
#[derive(Debug)]
struct Drawing {
    svg: String,
    /// How many conditions have it.
    uses: usize,
}

impl Scans {
    /// The scan of a finished condition as an index for [`shown`](Self::shown); `None` when its
    /// files are gone.
    pub fn add(&mut self, study: &Study, row: &Row) -> Option<usize> {
        let (condition, result) = (row.condition, row.result()?);
        let whole = self.whole.entry((condition.dose, condition.split)).or_insert_with(|| {
            positions(&data_file(&study.folder.data_root(), condition.dose, condition.split))
                .unwrap_or_default()
        });
        let file = study.folder.job_dir(&row.case).join(result.files.reconstruction.as_ref()?);
        let selected = reconstructed(&file)?;
        if selected.is_empty() {
            return None;
        }
        let bits = |p: &Position| (p.y.to_bits(), p.x.to_bits());
        let kept: HashSet<(u64, u64)> = selected.iter().map(bits).collect();
        let rejected: Vec<Position> =
            whole.iter().filter(|p| !kept.contains(&bits(p))).copied().collect();
        let title = match rejected.len() {
            0 => format!("Scan: all {} positions", selected.len()),
            n => format!("Scan: {} positions selected, {n} left out", selected.len()),
        };
        let description = format!(
            "Window centres in pixels of the object. The shaded area is illuminated; the circle is one probe, {:.1} pixels wide.",
            result.probe_diameter_px
        );
        let plot = ScanPlot {
            title: &title,
            description: &description,
            selected: &selected,
            rejected: &rejected,
            probe_diameter: result.probe_diameter_px,
            width: 420.0,
        };
        let svg = plot.svg(Look::Inline);
        let known = self.drawings.iter().position(|drawing| drawing.svg == svg);
        let index = known.unwrap_or_else(|| {
            self.drawings.push(Drawing { svg, uses: 0 });
            self.drawings.len() - 1
        });
        self.drawings[index].uses += 1;
        Some(index)
    }

    /// What stands in a card: the drawing, or what takes it from [`shared`](Self::shared).
    pub fn shown(&self, index: usize) -> String {
        let Some(drawing) = self.drawings.get(index) else { return String::new() };
        match (drawing.uses, drawing.parts()) {
            (2.., Some((head, _))) => format!("{head}<use href=\"#scan-{index}\"/></svg>\n"),
            _ => drawing.svg.clone(),
        }
    }

    /// The drawings that several cards take: SVG that shows nothing itself.
    pub fn shared(&self) -> String {
        let parts = self.drawings.iter().enumerate().filter(|(_, drawing)| drawing.uses > 1);
        parts
            .filter_map(|(index, drawing)| {
                Some(format!("<g id=\"scan-{index}\">\n{}</g>\n", drawing.parts()?.1))
            })
            .collect()
    }
}

impl Drawing {
    /// What stands up to the end of the description, and what is drawn.
    fn parts(&self) -> Option<(&str, &str)> {
        let end = self.svg.find("</desc>")? + "</desc>".len();
        Some((&self.svg[..end], self.svg[end..].trim_start().strip_suffix("</svg>\n")?))
    }
}

/// Window centres that a reconstruction used, stored as (n, 2): (y, x).
fn reconstructed(file: &Path) -> Option<Vec<Position>> {
    let values = Archive::open(file).ok()?.read("positions").ok()?.to_f64().ok()?;
    Some(values.chunks_exact(2).map(|pair| Position { y: pair[0], x: pair[1] }).collect())
}

/// Window centres of a data set.
pub(crate) fn positions(file: &Path) -> Option<Vec<Position>> {
    let archive = Archive::open(file).ok()?;
    let read = |name: &str| archive.read(name).ok()?.to_f64().ok();
    let (ys, xs) = (read("ycoords")?, read("xcoords")?);
    Some(ys.into_iter().zip(xs).map(|(y, x)| Position { y, x }).collect())
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

    #[test]
    fn curves_come_out_of_the_record() {
        let record = serde_json::json!({"frequency": [0.1, 0.2], "correlation": [1.0, null]});
        let curve = curve_of(Some(&record));
        assert_eq!(curve[0], (0.1, 1.0));
        assert!(curve[1].1.is_nan() && curve_of(None).is_empty());
    }
}
