//! Axes: linear and logarithmic scales and where their ticks stand.

use crate::number::{label, power_of_ten, signed};

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; values that are not positive are left out.
    Log,
}

/// An axis as asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// What is drawn along it, with its unit.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// First and last value; found from the data when `None`.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis over the range of the data.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: None }
    }

    /// A logarithmic axis over the range of the data.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log, range: None }
    }

    /// The same axis from `low` to `high`.
    pub fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }
}

/// An axis with its range settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    scale: Scale,
    low: f64,
    high: f64,
}

/// One tick: its place in [0, 1] and its label, empty for minor ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub place: f64,
    pub label: String,
}

impl Span {
    /// The axis' own range or that of the values with a little room on both sides. Always a proper
    /// range.
    pub fn of(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let allowed =
            |value: &f64| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0);
        let given = axis.range.filter(|(low, high)| allowed(low) && allowed(high) && low < high);
        if let Some((low, high)) = given {
            return Self { scale: axis.scale, low, high };
        }
        let (low, high) = values
            .filter(allowed)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = match axis.scale {
            _ if low > high => (1.0, 10.0),
            Scale::Log if low == high => (low / 2.0, high * 2.0),
            Scale::Log => {
                let room = (0.05 * (high.ln() - low.ln())).exp();
                ((low / room).max(f64::MIN_POSITIVE), (high * room).min(f64::MAX))
            }
            Scale::Linear if low == high => {
                let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
                (low - room, high + room)
            }
            Scale::Linear => (low - 0.05 * (high - low), high + 0.05 * (high - low)),
        };
        Self { scale: axis.scale, low, high }
    }

    /// Where a value stands: 0 at the low end, 1 at the high end; `None` where the scale has no
    /// place for it.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => {
                (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
            }
            Scale::Log => return None,
        };
        place.is_finite().then_some(place)
    }

    /// Ticks in ascending order, at most about `target` with labels.
    pub fn ticks(&self, target: usize) -> Vec<Tick> {
        let decades = self.high.log10() - self.low.log10();
        if self.scale == Scale::Log && decades > 0.6 {
            return self.log_ticks(decades, target);
        }
        let step = nice_step((self.high - self.low) / target.max(1) as f64);
        let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize;
        let largest = self.low.abs().max(self.high.abs());
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last.min(first + 100))
            .filter_map(|i| {
                let value = i as f64 * step;
                let label = if !(1e-3..1e5).contains(&largest) {
                    label(value, 3)
                } else {
                    signed(&format!("{value:.decimals$}"))
                };
                Some(Tick { place: self.place(value)?, label })
            })
            .collect()
    }

    fn log_ticks(&self, decades: f64, target: usize) -> Vec<Tick> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let every = (decades / target.max(1) as f64).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for exponent in first..=last {
            for digit in 1..10 {
                let value = f64::from(digit) * 10f64.powi(exponent);
                let place = self.place(value).filter(|place| (-1e-9..=1.0 + 1e-9).contains(place));
                let named = match digit {
                    1 => exponent.rem_euclid(every) == 0,
                    2 | 5 => decades < 1.7,
                    _ => false,
                };
                if let Some(place) = place
                    && (named || decades < 6.0)
                {
                    let text = if digit == 1 { power_of_ten(exponent) } else { label(value, 3) };
                    ticks.push(Tick { place, label: if named { text } else { String::new() } });
                }
            }
        }
        ticks
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * power >= step * (1.0 - 1e-9));
    nice.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, values: &[f64]) -> Vec<String> {
        let span = Span::of(&axis, values.iter().copied());
        span.ticks(6).into_iter().map(|tick| tick.label).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_round_numbers_inside_the_range() {
        assert_eq!(
            labels(Axis::linear("").range(0.0, 1.0), &[]),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(Axis::linear(""), &[-3.0, 97.0]), ["0", "20", "40", "60", "80", "100"]);
    }

    #[test]
    fn log_ticks_are_decades() {
        assert_eq!(labels(Axis::log(""), &[1e3, 1e5]), ["10\u{b3}", "10\u{2074}", "10\u{2075}"]);
        assert_eq!(labels(Axis::log("").range(1.0, 9.0), &[]), ["1", "2", "5"]);
        let span = Span::of(&Axis::log("").range(1.0, 100.0), [].into_iter());
        assert_eq!((span.place(10.0), span.place(0.0), span.place(-1.0)), (Some(0.5), None, None));
    }

    #[test]
    fn odd_ranges_still_make_an_axis() {
        for axis in [
            Axis::linear(""),
            Axis::log(""),
            Axis::linear("").range(3.0, 3.0),
            Axis::log("").range(-1.0, 0.0),
        ] {
            for values in
                [&[][..], &[0.0], &[f64::NAN, f64::INFINITY], &[1e-300, 1e300], &[7.0, 7.0]]
            {
                let span = Span::of(&axis, values.iter().copied());
                assert!(span.low < span.high, "{axis:?} {values:?}");
                assert!(span.ticks(5).len() < 200);
            }
        }
    }
}
