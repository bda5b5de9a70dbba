//! The answer in words, from the numbers.

use crate::gather::Row;
use crate::metric::{Metric, dose_label, shown};
use lapwing_draw::number::label;
use lapwing_study::{Condition, Split, View};

/// The dose at which a quality is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    /// At the lowest dose of the study already.
    AtMost(f64),
    /// Between two doses, interpolated linearly in the logarithm of the dose.
    About(f64),
    /// At no dose of the study.
    Never,
    /// Nothing was measured.
    Unknown,
}

/// Where `points` (dose ascending, value) first reach `goal`.
pub(crate) fn reach(points: &[(f64, f64)], goal: f64, higher_is_better: bool) -> Reach {
    let good = |value: f64| if higher_is_better { value >= goal } else { value <= goal };
    match points.iter().position(|&(_, value)| good(value)) {
        _ if points.is_empty() => Reach::Unknown,
        None => Reach::Never,
        Some(0) => Reach::AtMost(points[0].0),
        Some(i) => {
            let ((dose0, value0), (dose1, value1)) = (points[i - 1], points[i]);
            let part = (goal - value0) / (value1 - value0);
            Reach::About((dose0.ln() + part * (dose1.ln() - dose0.ln())).exp())
        }
    }
}

/// Two significant digits, thousands set apart.
fn rounded(dose: f64) -> String {
    let plain = label(dose, 2);
    match plain.parse::<u64>() {
        Ok(whole) if whole >= 10_000 => format!("{}\u{202f}{:03}", whole / 1000, whole % 1000),
        _ => plain,
    }
}

/// The values of one view and split, dose ascending.
pub(crate) fn curve(rows: &[Row], metric: &Metric, view: View, split: Split) -> Vec<(f64, f64)> {
    let of = rows.iter().filter(|row| row.condition.view == view && row.condition.split == split);
    of.filter_map(|row| Some((row.condition.dose as f64, row.metric(metric.key)?))).collect()
}

/// Sentences about one metric: what reaches its goal, and the best and worst condition.
pub(crate) fn words(rows: &[Row], metric: &Metric, views: &[View], splits: &[Split]) -> Vec<String> {
    let mut sentences = Vec::new();
    for &view in views {
        let parts: Vec<(Split, Reach)> = splits
            .iter()
            .map(|&split| {
                (split, reach(&curve(rows, metric, view, split), metric.goal, metric.higher_is_better))
            })
            .filter(|(_, reach)| *reach != Reach::Unknown)
            .collect();
        if parts.is_empty() {
            continue;
        }
        let each = parts.iter().map(|(split, reach)| match reach {
            Reach::AtMost(dose) => {
                format!("at {} photons per pattern or fewer on {split}", dose_label(*dose as u64))
            }
            Reach::About(dose) => format!("from about {} photons per pattern on {split}", rounded(*dose)),
            Reach::Never | Reach::Unknown => format!("not on {split}"),
        });
        let said = if parts.iter().all(|(_, reach)| *reach == Reach::Never) {
            "not reached within this study".to_owned()
        } else {
            each.collect::<Vec<_>>().join(", ")
        };
        let word = if metric.higher_is_better { "at least" } else { "at most" };
        sentences.push(format!("{} {word} {} with the {view} view: {said}.", metric.title, metric.goal));
    }
    let measured = || rows.iter().filter_map(|row| Some((row, row.metric(metric.key)?)));
    let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
    let best = measured().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    let worst = measured().min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    if let (Some(best), Some(worst)) = (best, worst)
        && best.0.condition != worst.0.condition
    {
        let name = |row: &Row| {
            let Condition { dose, view, split } = row.condition;
            format!("{} photons, {view} view, {split}", dose_label(dose))
        };
        sentences.push(format!(
            "Best: {} ({}). Worst: {} ({}).",
            shown(best.1),
            name(best.0),
            shown(worst.1),
            name(worst.0)
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_interpolated_in_the_logarithm_of_the_dose() {
        let points = [(1e3, 0.5), (1e4, 0.7), (1e5, 0.9)];
        let Reach::About(dose) = reach(&points, 0.8, true) else { panic!() };
        assert!((dose / 10f64.powf(4.5) - 1.0).abs() < 1e-12);
        assert_eq!(reach(&points, 0.4, true), Reach::AtMost(1e3));
        assert_eq!(reach(&points, 0.95, true), Reach::Never);
        assert_eq!(reach(&[], 0.5, true), Reach::Unknown);
    }

    #[test]
    fn errors_are_reached_downwards() {
        let Reach::About(dose) = reach(&[(1e3, 0.3), (1e5, 0.1)], 0.2, false) else { panic!() };
        assert!((dose / 1e4 - 1.0).abs() < 1e-12);
    }
}
