//! Means over the noise realisations of a condition, and what they say together.

use crate::gather::Row;
use crate::metric::{Metric, shown, shown_error};
use lapwing_study::{Split, View};
use std::collections::BTreeMap;

/// A mean and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub mean: f64,
    /// Standard error of the mean: the sample standard deviation over the root of the number.
    /// `None` of a single value.
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
            Some(error) => format!("{} \u{b1} {}", shown(self.mean), shown_error(error)),
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
            Estimate::of(
                &rows.iter().filter_map(|row| row.metric(&metric.name)).collect::<Vec<_>>(),
            )
        };
        self.by_dose()
            .into_iter()
            .filter_map(|(dose, rows)| Some((dose as f64, of(rows)?)))
            .collect()
    }

    /// The estimate at one dose.
    pub fn at(self, metric: &Metric, dose: u64) -> Option<Estimate> {
        self.curve(metric)
            .into_iter()
            .find(|(at, _)| *at == dose as f64)
            .map(|(_, estimate)| estimate)
    }

    /// Mean measured overlap at one dose.
    pub fn overlap(self, dose: u64) -> Option<f64> {
        let rows = self.by_dose().remove(&dose)?;
        let overlaps: Vec<f64> =
            rows.iter().filter_map(|row| Some(row.result()?.overlap)).collect();
        Some(Estimate::of(&overlaps)?.mean)
    }
}

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trend {
    /// What y grows by when x grows by 1, and its standard error.
    pub slope: f64,
    pub error: f64,
    x0: f64,
    y0: f64,
}

impl Trend {
    /// Of points (x, y, number of values that y is the mean of), three at least: weighted least
    /// squares. Each weight is the number of values, so that the line is the one through all single
    /// values. The standard error is from what the points are away from the line.
    pub fn of(points: &[(f64, f64, usize)]) -> Option<Self> {
        let total: f64 = points.iter().map(|p| p.2 as f64).sum();
        let sum = |of: &dyn Fn(f64, f64) -> f64| {
            points.iter().map(|p| p.2 as f64 * of(p.0, p.1)).sum::<f64>()
        };
        let (x0, y0) = (sum(&|x, _| x) / total, sum(&|_, y| y) / total);
        let spread = sum(&|x, _| (x - x0).powi(2));
        let slope = sum(&|x, y| (x - x0) * (y - y0)) / spread;
        let rest = sum(&|x, y| (y - y0 - slope * (x - x0)).powi(2));
        let error = (rest / (points.len() as f64 - 2.0) / spread).sqrt();
        (points.len() > 2 && spread > 0.0).then_some(Self { slope, error, x0, y0 })
    }

    /// Of a curve against the dose: y against log10 of the dose.
    pub fn with_dose(curve: &[(f64, Estimate)]) -> Option<Self> {
        Self::of(
            &curve
                .iter()
                .map(|(dose, value)| (dose.log10(), value.mean, value.n))
                .collect::<Vec<_>>(),
        )
    }

    /// The line at x.
    pub fn at(self, x: f64) -> f64 {
        self.y0 + self.slope * (x - self.x0)
    }

    /// `+0.186 ± 0.077`.
    pub fn shown(self) -> String {
        let sign = if self.slope < 0.0 { "" } else { "+" };
        format!("{sign}{} \u{b1} {}", shown(self.slope), shown_error(self.error))
    }
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
    fn trends_have_their_closed_form() {
        // y = 2 x but for residuals 1, -2, 1: the slope stays, its error is sqrt(6 / 1 / 2).
        let found = Trend::of(&[(0.0, 1.0, 1), (1.0, 0.0, 1), (2.0, 5.0, 1)]).unwrap();
        assert!((found.slope - 2.0).abs() < 1e-12 && (found.error - 3.0_f64.sqrt()).abs() < 1e-12);
        assert!((found.at(1.0) - 2.0).abs() < 1e-12);
        // A mean of two values weighs as much as the two.
        let mean = Trend::of(&[(0.0, 1.0, 2), (1.0, 0.0, 1), (2.0, 5.0, 1)]).unwrap();
        let single =
            Trend::of(&[(0.0, 1.0, 1), (0.0, 1.0, 1), (1.0, 0.0, 1), (2.0, 5.0, 1)]).unwrap();
        assert!(
            (mean.slope - single.slope).abs() < 1e-12
                && (mean.at(7.0) - single.at(7.0)).abs() < 1e-12
        );
        assert_eq!(Trend::of(&[(0.0, 1.0, 1), (1.0, 0.0, 1)]), None);
        assert_eq!(Trend::of(&[(1.0, 1.0, 1), (1.0, 0.0, 1), (1.0, 3.0, 1)]), None);
    }
}
