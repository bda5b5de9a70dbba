//! Means over the noise realisations of a condition, and trends of these.

use crate::gather::Row;
use crate::metric::{Metric, shown, shown_error};
use crate::specimen::Specimen;
use lapwing_compare::{Better, as_flat};
use lapwing_study::crossing::student;
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
    /// Degrees of freedom of the standard error.
    pub spare: usize,
}

impl Estimate {
    /// Of independent values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (n > 1).then(|| (squares / (n - 1) as f64 / n as f64).sqrt());
        (n > 0).then_some(Self { mean, error, n, spare: n.saturating_sub(1) })
    }

    /// The mean of independent estimates, each weighing the same; `None` of none.
    pub fn mean_of(estimates: &[Self]) -> Option<Self> {
        let values: Vec<f64> = estimates.iter().map(|estimate| estimate.mean).collect();
        let errors = estimates.iter().map(|estimate| Some(estimate.error?.powi(2)));
        let error = errors.sum::<Option<f64>>().map(|sum| sum.sqrt() / values.len() as f64);
        let n = estimates.iter().map(|estimate| estimate.n).sum();
        let spare = estimates.iter().map(|estimate| estimate.spare).sum();
        Some(Self { mean: Self::of(&values)?.mean, error, n, spare })
    }

    /// How far the mean may be off with 95 % confidence, by Student's t; `None` of a single value.
    pub fn half_width(&self) -> Option<f64> {
        Some(student(self.spare) * self.error?)
    }

    /// What [`half_width`](Self::half_width) says; 0 of a single value, of which nothing is known.
    pub fn off(&self) -> f64 {
        self.half_width().unwrap_or(0.0)
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
    /// Its rows at every dose, ascending: one for each noise realisation, of which all photons of a
    /// measured scan have one.
    fn by_dose(self) -> BTreeMap<u64, Vec<&'a Row>> {
        let mut found: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| {
            row.solver() == self.solver
                && !row.is_again
                && (row.condition.split, row.condition.view) == (self.split, self.view)
        }) {
            found.entry(row.condition.dose).or_default().push(row);
        }
        found
    }

    /// (dose, estimate) where something was measured, dose ascending. A dose of which one
    /// realisation is unreliable is left out: the mean of the others would be that of a selection;
    /// and so is the reference where it would be compared with itself.
    pub fn curve(self, metric: &Metric) -> Vec<(f64, Estimate)> {
        let of = |rows: Vec<&Row>| {
            let measured = rows.iter().filter(|row| measured(row, metric));
            let values = measured.map(|row| row.answer(&metric.name)).collect::<Option<Vec<_>>>();
            Estimate::of(&values?)
        };
        self.by_dose()
            .into_iter()
            .filter_map(|(dose, rows)| Some((dose as f64, of(rows)?)))
            .collect()
    }

    /// The doses at which something was measured and nothing can be told, ascending.
    pub fn untold(self, metric: &Metric) -> Vec<f64> {
        let told = self.curve(metric);
        let untold = |(dose, rows): (u64, Vec<&Row>)| {
            let any = rows.iter().any(|row| measured(row, metric));
            let at = dose as f64;
            (any && told.iter().all(|(known, _)| *known != at)).then_some(at)
        };
        self.by_dose().into_iter().filter_map(untold).collect()
    }

    /// The straight line of quality against the dose (see [`Trend::with_dose`]) through the doses
    /// whose images are better than one without any detail.
    pub fn trend(self, metric: &Metric) -> Option<Trend> {
        let images = self.by_dose();
        let flat = |dose: f64| {
            let rows = images.get(&(dose as u64)).into_iter().flatten();
            let mut rows = rows.filter(|row| measured(row, metric)).peekable();
            rows.peek().is_some()
                && rows.all(|row| as_flat(&metric.name, |name| row.metric(name)).is_some())
        };
        let mut curve = self.curve(metric);
        curve.retain(|(dose, _)| !flat(*dose));
        Trend::with_dose(&curve, metric)
    }

    /// The lowest dose of the study, whether its number is reliable, there already, or neither;
    /// `None` where nothing was measured at any.
    pub fn lowest_dose(self, metric: &Metric) -> Option<f64> {
        let mut all = self.by_dose().into_values().flatten();
        let any = all.any(|row| measured(row, metric));
        any.then(|| self.doses(metric).min().map(|dose| dose as f64))?
    }

    /// The highest dose of the study, done or not.
    pub fn highest_dose(self, metric: &Metric) -> Option<f64> {
        self.doses(metric).max().map(|dose| dose as f64)
    }

    /// The doses of the study, done or not, without that of the reference itself. What is not done
    /// names no solver where it is the first.
    fn doses(self, metric: &Metric) -> impl Iterator<Item = u64> {
        let named = |row: &&Row| row.case.solver.is_none() && !row.solver().is_empty();
        let first = self.rows.iter().find(named).map(Row::solver);
        let of = move |row: &&Row| {
            let solver = if row.solver().is_empty() { first } else { Some(row.solver()) };
            solver == Some(self.solver)
                && (row.condition.split, row.condition.view) == (self.split, self.view)
        };
        let others = |row: &&Row| !row.is_itself(&metric.name);
        self.rows.iter().filter(of).filter(others).map(|row| row.condition.dose)
    }

    /// Whether something was measured at one dose, reliable or not.
    pub fn measured(self, metric: &Metric, dose: u64) -> bool {
        let rows = self.by_dose().remove(&dose).unwrap_or_default();
        rows.iter().any(|row| measured(row, metric))
    }

    /// Whether a realisation at one dose has an unreliable number.
    pub fn doubted(self, metric: &Metric, dose: u64) -> bool {
        let rows = self.by_dose().remove(&dose).unwrap_or_default();
        rows.iter().any(|row| measured(row, metric) && row.doubts.contains_key(&metric.name))
    }

    /// The estimate at one dose.
    pub fn at(self, metric: &Metric, dose: u64) -> Option<Estimate> {
        self.curve(metric)
            .into_iter()
            .find(|(at, _)| *at == dose as f64)
            .map(|(_, estimate)| estimate)
    }

    /// Mean of a number that every condition has, at one dose.
    fn mean_at(self, dose: u64, of: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        let rows = self.by_dose().remove(&dose)?;
        let values: Vec<f64> = rows.into_iter().filter_map(of).filter(|v| v.is_finite()).collect();
        Some(Estimate::of(&values)?.mean)
    }

    /// Mean linear overlap of neighbouring discs at one dose; none for old records, which lack it.
    pub fn overlap(self, dose: u64) -> Option<f64> {
        self.mean_at(dose, |row| row.result()?.linear_overlap)
    }

    /// Mean step of the scan over all doses, pixels.
    pub fn mean_step(self) -> Option<f64> {
        self.mean_of(|row| row.result()?.step_px)
    }

    /// Mean linear overlap over all doses.
    pub fn mean_overlap(self) -> Option<f64> {
        self.mean_of(|row| row.result()?.linear_overlap)
    }

    fn mean_of(self, of: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        let doses: Vec<u64> = self.by_dose().into_keys().collect();
        let values: Vec<f64> = doses.iter().filter_map(|&dose| self.mean_at(dose, &of)).collect();
        Some(Estimate::of(&values)?.mean)
    }

    /// Mean fluence of all patterns of the scan together at one dose, photons per square metre.
    pub fn fluence(self, dose: u64) -> Option<f64> {
        self.mean_at(dose, Row::fluence)
    }

    /// Its scan, the splits together, which is the same at all doses.
    pub fn specimen(self) -> Option<Specimen> {
        self.by_dose().into_values().flatten().find_map(|row| row.specimen)
    }

    /// Photons per pixel of the object, of all patterns together, for each photon per pattern.
    pub fn per_pixel_and_dose(self) -> Option<f64> {
        Some(self.specimen()?.patterns_per_px)
    }

    /// Photons per square metre of all patterns together for each photon per pattern.
    pub fn fluence_per_dose(self) -> Option<f64> {
        let of = |row: &Row| Some(row.fluence()? / row.condition.dose as f64);
        self.by_dose().into_values().flatten().find_map(of)
    }
}

/// Whether a row has a number of a metric, that of the reference compared with itself left out.
fn measured(row: &Row, metric: &Metric) -> bool {
    row.metric(&metric.name).is_some() && !row.is_itself(&metric.name)
}

/// Quality against dose as the mean over `lines`, those of the splits of one view by one solver. A
/// dose at which one of them was measured and is unreliable is left out: the others alone are no
/// mean of the same.
pub(crate) fn over_splits(lines: &[Line<'_>], metric: &Metric) -> Vec<(f64, Estimate)> {
    let curves: Vec<Vec<(f64, Estimate)>> = lines.iter().map(|line| line.curve(metric)).collect();
    let mut doses: Vec<f64> = curves.iter().flatten().map(|(dose, _)| *dose).collect();
    doses.sort_unstable_by(f64::total_cmp);
    doses.dedup();
    let at = |dose: f64| {
        let mut values = Vec::new();
        for (line, curve) in lines.iter().zip(&curves) {
            match curve.iter().find(|(at, _)| *at == dose) {
                Some((_, value)) => values.push(*value),
                None if line.measured(metric, dose as u64) => return None,
                None => {}
            }
        }
        Some((dose, Estimate::mean_of(&values)?))
    };
    doses.into_iter().filter_map(at).collect()
}

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trend {
    /// What y grows by when x grows by 1, and its standard error.
    pub slope: f64,
    pub error: f64,
    /// Points beyond the two that any line goes through.
    spare: usize,
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
        let spare = points.len().saturating_sub(2);
        let error = (rest / spare as f64 / spread).sqrt();
        (spare > 0 && spread > 0.0).then_some(Self { slope, error, spare, x0, y0 })
    }

    /// Of a curve against the dose: y, of lengths log10 y, against log10 of the dose; `None` where
    /// there is no significant trend. A line is reported when
    ///
    /// - its slope is not zero at the level of 5 % (Student's t with the points beyond two as
    ///   degrees of freedom; of three points a factor of 12.7), and
    /// - more photons make it better, and
    /// - between the doses it stays within what values can be.
    ///
    /// Points at the [limit](Metric::is_limit) of what can be measured are left out.
    fn with_dose(curve: &[(f64, Estimate)], metric: &Metric) -> Option<Self> {
        let place = |value: f64| if metric.is_length() { value.log10() } else { value };
        let points: Vec<(f64, f64, usize)> = curve
            .iter()
            .filter(|(_, value)| !metric.is_limit(value.mean))
            .map(|(dose, value)| (dose.log10(), place(value.mean), value.n))
            .collect();
        let line = Self::of(&points).filter(|line| line.slope.is_finite())?;
        let sure = line.slope.abs() > student(line.spare) * line.error;
        let better = (line.slope > 0.0) == metric.higher_is_better();
        let ends = [points.first()?.0, points.last()?.0].map(|x| line.at(x));
        let possible = metric.is_length()
            || match metric.better {
                Better::Lower => ends.iter().all(|&value| value >= 0.0),
                _ => ends.iter().all(|&value| metric.perfect.is_none_or(|most| value <= most)),
            };
        (sure && better && possible && line.slope != 0.0).then_some(line)
    }

    /// The line at x.
    pub fn at(self, x: f64) -> f64 {
        self.y0 + self.slope * (x - self.x0)
    }

    /// What a tenfold dose does to values of `metric`: `+0.186 \u{b1} 0.077`, and of lengths
    /// `divided by 2.10 (1.95 to 2.26)`.
    pub fn shown(self, metric: &Metric) -> String {
        if metric.is_length() {
            let factor = |slope: f64| format!("{:.2}", 10f64.powf(-slope));
            let (low, high) = (self.slope + self.error, self.slope - self.error);
            return format!(
                "divided by {} ({} to {})",
                factor(self.slope),
                factor(low),
                factor(high)
            );
        }
        let sign = if self.slope < 0.0 { "" } else { "+" };
        format!("{sign}{} \u{b1} {}", shown(self.slope), shown_error(self.error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_study::record::Outcome;
    use lapwing_study::{Case, Condition};

    #[test]
    fn standard_errors_are_those_of_the_textbook() {
        // Deviations of 1, 0 and -1: variance 1, standard error 1 / sqrt(3).
        let found = Estimate::of(&[3.0, 4.0, 5.0]).unwrap();
        assert_eq!((found.mean, found.n), (4.0, 3));
        assert!((found.error.unwrap() - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12);
        let only = Estimate { mean: 2.0, error: None, n: 1, spare: 0 };
        assert_eq!((Estimate::of(&[2.0]), only.half_width()), (Some(only), None));
        assert_eq!(Estimate::of(&[]), None);
        let half = Estimate { mean: 5.0, error: Some(0.4), n: 2, spare: 1 };
        // Of two values Student's t is 12.7.
        assert!((half.half_width().unwrap() - 12.706 * 0.4).abs() < 1e-9);
        let third = Estimate { mean: 3.0, error: Some(0.3), n: 3, spare: 2 };
        let both = Estimate::mean_of(&[third, half]);
        assert_eq!(both, Some(Estimate { mean: 4.0, error: Some(0.25), n: 5, spare: 3 }));
        assert_eq!(
            Estimate::mean_of(&[Estimate { error: None, ..half }, half]).unwrap().error,
            None
        );
        assert_eq!(Estimate::of(&[0.912, 0.914]).unwrap().shown(), "0.913 \u{b1} 0.001");
    }

    #[test]
    fn a_dose_of_which_one_split_is_unreliable_has_no_mean_over_the_splits() {
        let of = |split, dose, value, doubt: bool| {
            let condition = Condition { dose, view: View::Baseline, split };
            let named = |text: &str| ("phase_ssim".to_owned(), text.to_owned());
            Row {
                case: Case { solver: Some("LSQML".to_owned()), ..condition.into() },
                condition,
                outcome: Outcome::Pending,
                metrics: [("phase_ssim".to_owned(), Some(value))].into(),
                comparison: None,
                doubts: doubt.then(|| named("noise")).into_iter().collect(),
                loss: Vec::new(),
                specimen: None,
                is_reference: false,
                is_again: false,
            }
        };
        let rows = [
            of(Split::Train, 100, 0.4, false),
            of(Split::Test, 100, 0.9, true),
            of(Split::Train, 1000, 0.6, false),
            of(Split::Test, 1000, 0.8, false),
            of(Split::Train, 10_000, 0.9, false),
        ];
        let line = |split| Line { rows: &rows, solver: "LSQML", split, view: View::Baseline };
        let found = over_splits(&[line(Split::Train), line(Split::Test)], &metric("phase_ssim"));
        let found: Vec<(f64, f64)> = found.into_iter().map(|(dose, at)| (dose, at.mean)).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].0 == 1000.0 && (found[0].1 - 0.7).abs() < 1e-12);
        assert_eq!(found[1], (10_000.0, 0.9));
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

    fn metric(name: &str) -> Metric {
        let all = crate::metric::with_goals(&BTreeMap::new(), None).unwrap();
        all.into_iter().find(|metric| metric.name == name).unwrap()
    }

    fn told(name: &str, values: &[f64], error: Option<f64>) -> Option<String> {
        let curve: Vec<(f64, Estimate)> = (2..)
            .zip(values)
            .map(|(power, &mean)| (10f64.powi(power), Estimate { mean, error, n: 1, spare: 0 }))
            .collect();
        Trend::with_dose(&curve, &metric(name)).map(|trend| trend.shown(&metric(name)))
    }

    #[test]
    fn a_law_is_told_of_what_follows_one() {
        assert!(told("phase_ssim", &[0.3, 0.5, 0.7], None).unwrap().starts_with("+0.200 "));
        // Lengths are fitted as logarithms: halved with every tenfold dose.
        let halved = told("phase_resolution_0_5_px", &[8.0, 4.0, 2.0, 1.0], None).unwrap();
        assert_eq!(halved, "divided by 2.00 (2.00 to 2.00)");
        // One pixel is where measuring ends, not what the law gives.
        let ended = told("phase_resolution_0_5_px", &[8.0, 4.0, 2.0, 1.0, 1.0], None).unwrap();
        assert_eq!(ended, halved);
        assert_eq!(told("phase_resolution_0_5_px", &[4.0, 2.0, 1.0, 1.0], None), None);
    }

    #[test]
    fn no_law_is_made_of_noise() {
        // Three values of which any line is within the noise.
        assert_eq!(told("phase_ssim", &[0.50, 0.42, 0.61], None), None);
        assert_eq!(told("phase_resolution_0_5_px", &[3.0, 101.9, 27.0], None), None);
        // Nor for values on a curve, however well they are known.
        assert_eq!(told("phase_ssim", &[0.3, 0.8, 0.85], Some(0.001)), None);
        // More photons do not make a resolution worse, nor does a line leave what can be.
        assert_eq!(told("phase_resolution_0_5_px", &[2.0, 4.0, 8.0, 16.0], None), None);
        assert_eq!(told("complex_nrmse", &[0.9, 0.3, 0.0, 0.0], Some(1e-6)), None);
        assert_eq!(told("phase_ssim", &[0.5, 0.7], None), None);
    }
}
