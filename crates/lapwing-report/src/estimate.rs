//! Means over the noise realisations of a condition, and what they say together.

use crate::gather::Row;
use crate::metric::{Metric, shown};
use lapwing_study::{Split, View};
use std::collections::BTreeMap;

/// A mean and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub mean: f64,
    /// Standard error of the mean: the sample standard deviation over the root of the number. `None` of a single value.
    pub error: Option<f64>,
    /// Number of values.
    pub n: usize,
}

impl Estimate {
    /// Of independent values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (n > 1).then(|| (squares / (n - 1) as f64 / n as f64).sqrt());
        (n > 0).then_some(Self { mean, error, n })
    }

    /// `0.912` or `0.912 ± 0.004`.
    pub fn shown(&self) -> String {
        match self.error {
            Some(error) => format!("{} \u{b1} {}", shown(self.mean), shown(error)),
            None => shown(self.mean),
        }
    }
}

/// The rows of one solver, split and view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub rows: &'a [Row],
    pub solver: &'a str,
    pub split: Split,
    pub view: View,
}

impl<'a> Line<'a> {
    /// Its rows at every dose, ascending: one for each noise realisation.
    fn by_dose(self) -> BTreeMap<u64, Vec<&'a Row>> {
        let mut found: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| {
            row.solver() == self.solver
                && (row.condition.split, row.condition.view) == (self.split, self.view)
        }) {
            found.entry(row.condition.dose).or_default().push(row);
        }
        found
    }

    /// (dose, estimate) where something was measured, dose ascending.
    pub fn curve(self, metric: &Metric) -> Vec<(f64, Estimate)> {
        let of = |rows: Vec<&Row>| {
            Estimate::of(&rows.iter().filter_map(|row| row.metric(metric.key)).collect::<Vec<_>>())
        };
        self.by_dose().into_iter().filter_map(|(dose, rows)| Some((dose as f64, of(rows)?))).collect()
    }

    /// The estimate at one dose.
    pub fn at(self, metric: &Metric, dose: u64) -> Option<Estimate> {
        self.curve(metric).into_iter().find(|(at, _)| *at == dose as f64).map(|(_, estimate)| estimate)
    }

    /// Mean measured overlap at one dose.
    pub fn overlap(self, dose: u64) -> Option<f64> {
        let rows = self.by_dose().remove(&dose)?;
        let overlaps: Vec<f64> = rows.iter().filter_map(|row| Some(row.result.as_ref()?.overlap)).collect();
        Some(Estimate::of(&overlaps)?.mean)
    }
}

/// Slope of a straight line through points, and its standard error from what is left: of ordinary least squares, three points
/// at least.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x0, y0) = (mean(&|p| p.0), mean(&|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x0).powi(2)).sum();
    let slope = points.iter().map(|p| (p.0 - x0) * (p.1 - y0)).sum::<f64>() / spread;
    let rest: f64 = points.iter().map(|p| (p.1 - y0 - slope * (p.0 - x0)).powi(2)).sum();
    (points.len() > 2 && spread > 0.0).then(|| (slope, (rest / (n - 2.0) / spread).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_errors_are_those_of_the_textbook() {
        // Deviations of 1, 0 and -1: variance 1, standard error 1 / sqrt(3).
        let found = Estimate::of(&[3.0, 4.0, 5.0]).unwrap();
        assert_eq!((found.mean, found.n), (4.0, 3));
        assert!((found.error.unwrap() - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Estimate::of(&[2.0]), Some(Estimate { mean: 2.0, error: None, n: 1 }));
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[0.912, 0.914]).unwrap().shown(), "0.913 \u{b1} 0.001");
    }

    #[test]
    fn slopes_have_their_closed_form() {
        // y = 2 x but for residuals 1, -2, 1: the slope stays, its error is sqrt(6 / 1 / 2).
        let (found, error) = slope(&[(0.0, 1.0), (1.0, 0.0), (2.0, 5.0)]).unwrap();
        assert!((found - 2.0).abs() < 1e-12 && (error - 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 0.0)]), None);
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 0.0), (1.0, 3.0)]), None);
    }
}
