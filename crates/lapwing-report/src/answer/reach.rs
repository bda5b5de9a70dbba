//! Where on a scale of doses or overlaps a quality is reached, and how such places are written.

use crate::metric::{dose_label, thousands};
use lapwing_draw::number::label;
use lapwing_study::crossing::{outwards, rounded as rounded_to};

/// Where on an ascending scale (dose, overlap) a quality is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reach {
    /// At the lowest value of the study already.
    AtMost(f64),
    /// At `at`; nothing can be told of lower ones, down to `after`, which is not enough, where
    /// there is such a one.
    By { at: f64, after: Option<f64> },
    /// Interpolated between two neighbours.
    About { at: f64, between: (f64, f64) },
    /// At `at`, and not any more at `lost`, which is higher.
    Unsteady { at: f64, lost: f64 },
    /// At `at`; but nothing is told of higher ones, or chance may have done it.
    Unconfirmed { at: f64 },
    /// Nowhere in the study.
    Never,
    /// Nothing was measured.
    Unknown,
}

impl Reach {
    /// The least value that is known to reach it.
    pub(super) fn place(self) -> Option<f64> {
        match self {
            Self::AtMost(at) | Self::By { at, .. } | Self::About { at, .. } => Some(at),
            Self::Unsteady { .. } | Self::Unconfirmed { .. } | Self::Never | Self::Unknown => None,
        }
    }

    /// The word for it in records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AtMost(_) => "at_most",
            Self::By { .. } => "by",
            Self::About { .. } => "about",
            Self::Unsteady { .. } => "unsteady",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}

/// How values between those of the study are interpolated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Doses: linearly in the logarithm.
    Log,
    /// Overlaps: linearly.
    Linear,
}

/// An overlap of zero and less, where numbers stand.
pub(super) const NO_OVERLAP: &str = "none";

/// What may be missing from a goal that was reached already, as a share of it.
const SLACK: f64 = 0.01;

/// Where `points` (ascending, value, how far it may be off by chance) first reach `goal`. Once
/// reached it must stay reached, within what chance allows. With `logarithmic` values are
/// interpolated as logarithms.
pub(super) fn reach_of(
    points: &[(f64, f64, f64)],
    goal: f64,
    higher_is_better: bool,
    scale: Scale,
    logarithmic: bool,
) -> Reach {
    let sign = if higher_is_better { 1.0 } else { -1.0 };
    let first = points.iter().position(|&(_, value, _)| sign * (value - goal) >= 0.0);
    let lost = first.and_then(|first| {
        let misses = |&&(_, value, chance): &&(f64, f64, f64)| {
            sign * (goal - value) > chance.max(SLACK * goal.abs())
        };
        points[first..].iter().find(misses).map(|&(x, ..)| (points[first].0, x))
    });
    if let Some((at, lost)) = lost {
        return Reach::Unsteady { at, lost };
    }
    let place = |value: f64| if logarithmic { value.ln() } else { value };
    let plain: Vec<(f64, f64)> = points.iter().map(|&(x, value, _)| (x, place(value))).collect();
    reach(&plain, place(goal), higher_is_better, scale)
}

/// `reach` where nothing is told of the values `untold`: what lies between one of these and its
/// neighbours is not told either, and a lowest value with one below it is not the lowest. What has
/// reached a quality keeps it with more: it is reached from where all that follows is told.
pub(super) fn with_gaps(reach: Reach, points: &[f64], untold: &[f64]) -> Reach {
    let (at, low) = match reach {
        Reach::AtMost(at) => (at, f64::NEG_INFINITY),
        Reach::About { between: (low, at), .. } => (at, low),
        _ => return reach,
    };
    let after = points.iter().copied().filter(|&one| one < at).fold(None, |_, one| Some(one));
    let last = untold.iter().copied().filter(|&one| one > at).reduce(f64::max);
    if let Some(last) = last {
        return match points.iter().find(|&&one| one > last) {
            Some(&at) => Reach::By { at, after },
            None => Reach::Unconfirmed { at },
        };
    }
    if !untold.iter().any(|&one| low < one && one < at) {
        return reach;
    }
    Reach::By { at, after }
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

/// Whether a dose is written as a power of ten.
fn dose_is_power(dose: f64) -> bool {
    (1e3..1e18).contains(&dose) && 10f64.powi(dose.log10().round() as i32) == dose
}

/// A dose with so many significant digits, thousands set apart.
pub(super) fn rounded(dose: f64, digits: usize) -> String {
    let plain = label(dose, digits);
    match plain.parse::<u64>() {
        Ok(whole) => thousands(whole),
        _ => plain,
    }
}

/// A range whose ends may be alike: overlaps below zero are all none.
pub(super) fn from_to(first: String, last: String) -> String {
    if first == last { first } else { format!("{first} to {last}") }
}

/// An overlap at which something is so.
pub(super) fn with_overlap(at: f64) -> String {
    match at > 0.0 {
        true => format!("with an overlap of {at:.2}"),
        false => "without any overlap".to_owned(),
    }
}

impl Scale {
    /// A place as text.
    pub(super) fn text(self, at: f64, digits: usize) -> String {
        match self {
            Self::Log => rounded(at, digits),
            Self::Linear if at <= 0.0 => NO_OVERLAP.to_owned(),
            Self::Linear => format!("{at:.digits$}"),
        }
    }

    /// A value of the study as text.
    pub(super) fn exact(self, at: f64) -> String {
        match self {
            Self::Log => dose_label(at as u64),
            Self::Linear if at <= 0.0 => NO_OVERLAP.to_owned(),
            Self::Linear => format!("{at:.2}"),
        }
    }

    /// A value of the study of which less may be enough.
    pub(super) fn at_most(self, at: f64) -> String {
        let exact = self.exact(at);
        match self {
            Self::Linear if at <= 0.0 => exact,
            Self::Log | Self::Linear => format!("\u{2264} {exact}"),
        }
    }

    /// What lies below a value of the study as the beginning of a range: there is nothing below no
    /// overlap.
    pub(super) fn below(self, at: f64) -> String {
        let exact = self.exact(at);
        match self {
            Self::Linear if at <= 0.0 => exact,
            Self::Log | Self::Linear => format!("below {exact}"),
        }
    }

    /// A place of which is known about where it is.
    pub(super) fn about(self, at: f64, text: String) -> String {
        match self {
            Self::Linear if at <= 0.0 => text,
            Self::Log | Self::Linear => format!("\u{2248} {text}"),
        }
    }

    /// A place among those between which lines are straight.
    pub(super) fn place(self, at: f64) -> f64 {
        match self {
            Self::Log => at.ln(),
            Self::Linear => at,
        }
    }

    /// The other way.
    pub(super) fn value(self, place: f64) -> f64 {
        match self {
            Self::Log => place.exp(),
            Self::Linear => place,
        }
    }

    /// A range with its ends rounded outwards, and the number of digits: `12 200 to 14 400`.
    pub(super) fn outwards(self, low: f64, high: f64) -> (String, usize) {
        let (low, high, digits) = match self {
            Self::Log => outwards(low, high),
            Self::Linear => {
                let down = |digits: i32| (low * 10f64.powi(digits)).floor() / 10f64.powi(digits);
                let up = |digits: i32| (high * 10f64.powi(digits)).ceil() / 10f64.powi(digits);
                let digits = if up(2) - down(2) <= 1.2 * (high - low) { 2 } else { 3 };
                (down(digits), up(digits), digits as usize)
            }
        };
        let end = |at: f64| match self {
            Self::Log if dose_is_power(at) => dose_label(at as u64),
            _ => self.text(at, digits),
        };
        (from_to(end(low), end(high)), digits)
    }

    /// One end of a range, rounded outwards to two digits.
    pub(super) fn end(self, at: f64, up: bool) -> String {
        let at = match (self, up) {
            (Self::Log, _) => rounded_to(at, 2, up),
            (Self::Linear, true) => (100.0 * at).ceil() / 100.0,
            (Self::Linear, false) => (100.0 * at).floor() / 100.0,
        };
        self.text(at, 2)
    }

    /// Two places that differ, in as few digits as show it: `8280 to 8310`, `0.42 to 0.44`.
    pub(super) fn range_text(self, first: f64, last: f64) -> String {
        let digits = self.digits(first, last);
        from_to(self.text(first, digits), self.text(last, digits))
    }

    /// As few digits as show that two places differ, two at least; two where three do not.
    pub(super) fn digits(self, first: f64, last: f64) -> usize {
        (2..=3).find(|&digits| self.text(first, digits) != self.text(last, digits)).unwrap_or(2)
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
    fn what_lies_beside_something_untold_is_not_interpolated() {
        let about = Reach::About { at: 3e4, between: (1e3, 1e5) };
        let doses = [1e3, 1e5];
        let by = |after| Reach::By { at: 1e5, after };
        assert_eq!(with_gaps(about, &doses, &[1e4]), by(Some(1e3)));
        assert_eq!(with_gaps(about, &doses, &[100.0]), about);
        assert_eq!(with_gaps(Reach::AtMost(1e5), &doses[1..], &[1e4]), by(None));
        assert_eq!(with_gaps(Reach::Never, &doses, &[1e4]), Reach::Never);
    }

    #[test]
    fn what_is_reached_below_something_untold_is_reached_above_it_or_not_at_all() {
        let lowest = Reach::AtMost(1e3);
        // The lowest of noise may be good by chance, and nothing tells that more photons are.
        assert_eq!(with_gaps(lowest, &[1e3], &[1e4, 1e5]), Reach::Unconfirmed { at: 1e3 });
        assert_eq!(with_gaps(lowest, &[1e3, 1e4], &[1e5]), Reach::Unconfirmed { at: 1e3 });
        assert_eq!(with_gaps(lowest, &[1e3, 1e5], &[1e4]), Reach::By { at: 1e5, after: None });
        let about = Reach::About { at: 3e3, between: (1e3, 1e4) };
        let by = Reach::By { at: 1e6, after: Some(1e3) };
        assert_eq!(with_gaps(about, &[1e3, 1e4, 1e6], &[1e5]), by);
        assert_eq!(with_gaps(about, &[1e3, 1e4], &[1e5]), Reach::Unconfirmed { at: 1e4 });
    }

    #[test]
    fn ranges_are_never_rounded_inwards() {
        let (text, digits) = Scale::Log.outwards(12_248.0, 14_395.0);
        assert_eq!((text.as_str(), digits), ("12\u{202f}200 to 14\u{202f}400", 3));
        assert_eq!(Scale::Log.outwards(1e4, 1e5).0, "10\u{2074} to 10\u{2075}");
        assert_eq!(Scale::Linear.outwards(0.421, 0.589).0, "0.42 to 0.59");
        assert_eq!([false, true].map(|up| Scale::Log.end(1234.0, up)), ["1200", "1300"]);
    }

    #[test]
    fn an_overlap_below_zero_is_none() {
        assert_eq!([-0.36, 0.0, 0.25].map(|at| Scale::Linear.exact(at)), ["none", "none", "0.25"]);
        assert_eq!([-0.36, 0.25].map(|at| Scale::Linear.text(at, 2)), ["none", "0.25"]);
        let needs = [-0.36, 0.25].map(|at| Scale::Linear.at_most(at));
        assert_eq!(needs, ["none", "\u{2264} 0.25"]);
        assert_eq!([-0.36, 0.25].map(|at| Scale::Linear.below(at)), ["none", "below 0.25"]);
        assert_eq!(Scale::Linear.outwards(-0.36, 0.2).0, "none to 0.20");
        assert_eq!(Scale::Linear.outwards(-0.36, -0.05).0, "none");
        let places = [-0.05, 0.25].map(|at| Scale::Linear.about(at, Scale::Linear.exact(at)));
        assert_eq!(places, ["none", "\u{2248} 0.25"]);
        assert_eq!(with_overlap(-0.05), "without any overlap");
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
    fn a_goal_that_is_lost_again_is_not_reached_at_any_dose() {
        let of = |values: &[f64], chance: f64| {
            let points = [1e3, 1e4, 1e5].into_iter().zip(values).map(|(x, &v)| (x, v, chance));
            reach_of(&points.collect::<Vec<_>>(), 0.8, true, Scale::Log, false)
        };
        assert_eq!(of(&[0.5, 0.9, 0.6], 0.0), Reach::Unsteady { at: 1e4, lost: 1e5 });
        // By chance, or by less than matters.
        assert!(matches!(of(&[0.5, 0.9, 0.6], 0.3), Reach::About { .. }));
        assert!(matches!(of(&[0.5, 0.9, 0.795], 0.0), Reach::About { .. }));
        // Lengths: 8 px and 2 px have 4 px in the middle.
        let px = [(1e3, 8.0, 0.0), (1e5, 2.0, 0.0)];
        let Reach::About { at, .. } = reach_of(&px, 4.0, false, Scale::Log, true) else { panic!() };
        assert!((at / 1e4 - 1.0).abs() < 1e-12);
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
