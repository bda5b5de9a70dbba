//! The curves of the page.

use crate::answer::curve;
use crate::gather::{Row, Study};
use crate::metric::Metric;
use lapwing_draw::{Axis, Guide, Look, Mark, Plot, ScanPlot, Series};
use lapwing_files::Archive;
use lapwing_model::Position;
use lapwing_study::folder::data_file;
use lapwing_study::{Split, View};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Quality against dose, one curve for each view and split.
pub(crate) fn quality(rows: &[Row], metric: &Metric, views: &[View], splits: &[Split]) -> Plot {
    let unit = if metric.unit.is_empty() { String::new() } else { format!(", {}", metric.unit) };
    let mut plot = Plot::new(
        format!("{} against dose", metric.title),
        Axis::log("dose, photons per pattern"),
        Axis::linear(format!("{}{unit}", metric.title)),
    );
    plot.show_title = false;
    plot.size = (470.0, 330.0);
    let mut said = Vec::new();
    for (colour, &view) in views.iter().enumerate() {
        for (index, &split) in splits.iter().enumerate() {
            let points = curve(rows, metric, view, split);
            if let (Some(first), Some(last)) = (points.first(), points.last()) {
                said.push(format!("{view}, {split}: from {:.3} to {:.3}", first.1, last.1));
            }
            let mut series = Series::new(format!("{view}, {split}"), colour, Mark::LineAndSymbols, points);
            series.dashed = index > 0;
            plot.series.push(series);
        }
    }
    plot.guides.push(Guide { y: metric.goal, label: format!("goal {}", metric.goal) });
    plot.description = format!("From the lowest to the highest dose, {}.", said.join("; "));
    plot
}

/// The loss against the epoch; `None` without losses.
pub(crate) fn loss(row: &Row) -> Option<Plot> {
    let (first, last) = row.loss.first().zip(row.loss.last())?;
    let positive = row.loss.iter().all(|&(_, loss)| loss > 0.0);
    let axis = if positive { Axis::log("loss") } else { Axis::linear("loss") };
    let mut plot = Plot::new("Loss", Axis::linear("epoch"), axis);
    plot.description =
        format!("The loss goes from {:.4e} to {:.4e} in {} epochs.", first.1, last.1, row.loss.len());
    plot.series.push(Series::new("", 0, Mark::Line, thinned(&row.loss)));
    Some(plot)
}

/// The Fourier ring correlations with the two thresholds; `None` without curves.
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
    plot.guides = vec![Guide { y: 0.5, label: "1/2".into() }, Guide { y: 1.0 / 7.0, label: "1/7".into() }];
    let falls =
        |key: &str| row.metric(key).map_or("nowhere".to_owned(), |at| format!("at {at:.3} cycles per pixel"));
    plot.description = format!(
        "The phases' curve falls below 1/2 {} and below 1/7 {}.",
        falls("phase_frc_0_5"),
        falls("phase_frc_1_7")
    );
    (!plot.series.is_empty()).then_some(plot)
}

fn curve_of(value: Option<&Value>) -> Vec<(f64, f64)> {
    let numbers = |key: &str| -> Vec<f64> {
        let list = value.and_then(|value| value.get(key)).and_then(Value::as_array);
        list.map(|list| list.iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect())
            .unwrap_or_default()
    };
    numbers("frequency").into_iter().zip(numbers("correlation")).collect()
}

/// At most about 200 points, the last always among them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(200).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last).map(|(_, &point)| point).collect()
}

/// Positions of the data sets, each file read once.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    whole: HashMap<(u64, Split), Vec<Position>>,
}

impl Scans {
    /// The scan of a finished condition; `None` when its files are gone.
    pub fn plot(&mut self, study: &Study, row: &Row) -> Option<String> {
        let (condition, result) = (row.condition, row.result.as_ref()?);
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
        let rejected: Vec<Position> = whole.iter().filter(|p| !kept.contains(&bits(p))).copied().collect();
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
        Some(plot.svg(Look::Inline))
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
