//! How the doses and overlaps are written at which a quality is reached.

use crate::metric::{dose_label, thousands};
use lapwing_draw::number::label;
use lapwing_study::crossing::{outwards, rounded as rounded_to};
pub(super) use lapwing_study::reach::Reach;

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
}
