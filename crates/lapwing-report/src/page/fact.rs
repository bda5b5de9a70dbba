//! Terms and what they are.

use lapwing_draw::number::label;
use serde::Serialize;

/// A term and what it is.
#[derive(Serialize)]
pub(super) struct Fact {
    name: String,
    value: String,
}

pub(super) fn fact(name: impl Into<String>, value: impl Into<String>) -> Fact {
    Fact { name: name.into(), value: value.into() }
}

/// `42.0 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 1e15) as u64;
    match whole {
        0..100 => format!("{} s", label(seconds, 3)),
        100..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::dose_label;

    #[test]
    fn doses_and_durations_for_people() {
        assert_eq!(
            [1, 500, 1000, 100_000, 25_000].map(dose_label),
            ["1", "500", "10\u{b3}", "10\u{2075}", "25\u{202f}000"]
        );
        assert_eq!(
            [0.5, 99.2, 185.0, 7830.0].map(duration),
            ["0.5 s", "99.2 s", "3 min 5 s", "2 h 10 min"]
        );
    }
}
