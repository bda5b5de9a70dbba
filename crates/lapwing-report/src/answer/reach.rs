//! Where on a scale of doses or overlaps a quality is reached, and how such places are written.

use crate::metric::dose_label;
use lapwing_draw::number::label;

/// Where on an ascending scale (dose, overlap) a quality is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reach {
    /// At the lowest value of the study already.
    AtMost(f64),
    /// Interpolated between two neighbours.
    About { at: f64, between: (f64, f64) },
    /// Nowhere in the study.
    Never,
    /// Nothing was measured.
    Unknown,
}

/// How values between those of the study are interpolated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Doses: linearly in the logarithm.
    Log,
    /// Overlaps: linearly.
    Linear,
}

/// Where `points` (ascending, value) first reach `goal`.
pub(super) fn reach(
    points: &[(f64, f64)],
    goal: f64,
    higher_is_better: bool,
    scale: Scale,
) -> Reach {
    let good = |value: f64| if higher_is_better { value >= goal } else { value <= goal };
    match points.iter().position(|&(_, value)| good(value)) {
        _ if points.is_empty() => Reach::Unknown,
        None => Reach::Never,
        Some(0) => Reach::AtMost(points[0].0),
        Some(i) => {
            let ((x0, value0), (x1, value1)) = (points[i - 1], points[i]);
            let part = (goal - value0) / (value1 - value0);
            let at = match scale {
                Scale::Log => (x0.ln() + part * (x1.ln() - x0.ln())).exp(),
                Scale::Linear => x0 + part * (x1 - x0),
            };
            Reach::About { at, between: (x0, x1) }
        }
    }
}

/// A dose with so many significant digits, thousands set apart.
pub(super) fn rounded(dose: f64, digits: usize) -> String {
    let plain = label(dose, digits);
    match plain.parse::<u64>() {
        Ok(whole) if whole >= 10_000 => format!("{}\u{202f}{:03}", whole / 1000, whole % 1000),
        _ => plain,
    }
}

impl Scale {
    /// A place as text.
    pub(super) fn text(self, at: f64, digits: usize) -> String {
        match self {
            Self::Log => rounded(at, digits),
            Self::Linear => format!("{at:.digits$}"),
        }
    }

    /// A value of the study as text.
    pub(super) fn exact(self, at: f64) -> String {
        match self {
            Self::Log => dose_label(at as u64),
            Self::Linear => format!("{at:.2}"),
        }
    }

    /// Two places that differ, in as few digits as show it: `8280 to 8310`, `0.42 to 0.44`.
    pub(super) fn range_text(self, first: f64, last: f64) -> String {
        let texts = |digits| (self.text(first, digits), self.text(last, digits));
        let (first, last) = (2..=3).map(texts).find(|(a, b)| a != b).unwrap_or_else(|| texts(2));
        if first == last { first } else { format!("{first} to {last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_interpolated_in_the_logarithm_of_the_dose() {
        let points = [(1e3, 0.5), (1e4, 0.7), (1e5, 0.9)];
        let Reach::About { at, between } = reach(&points, 0.8, true, Scale::Log) else { panic!() };
        assert!((at / 10f64.powf(4.5) - 1.0).abs() < 1e-12);
        assert_eq!(between, (1e4, 1e5));
        assert_eq!(reach(&points, 0.4, true, Scale::Log), Reach::AtMost(1e3));
        assert_eq!(reach(&points, 0.95, true, Scale::Log), Reach::Never);
        assert_eq!(reach(&[], 0.5, true, Scale::Log), Reach::Unknown);
    }

    #[test]
    fn overlaps_are_interpolated_linearly() {
        let Reach::About { at, .. } = reach(&[(0.2, 0.5), (0.6, 0.9)], 0.8, true, Scale::Linear)
        else {
            panic!()
        };
        assert!((at - 0.5).abs() < 1e-12);
    }

    #[test]
    fn errors_are_reached_downwards() {
        let Reach::About { at, .. } = reach(&[(1e3, 0.3), (1e5, 0.1)], 0.2, false, Scale::Log)
        else {
            panic!()
        };
        assert!((at / 1e4 - 1.0).abs() < 1e-12);
    }
}
