//! The finest detail that two images have in common, by several criteria.

use serde::{Deserialize, Serialize};

/// What a ring correlation is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The amplitudes.
    Amplitude,
    /// The complex fields.
    Complex,
    /// The phases.
    Phase,
}

impl Quantity {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Amplitude, Self::Complex, Self::Phase];

    /// The name in JSON and CSV, and the beginning of a metric's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amplitude => "amplitude",
            Self::Complex => "complex",
            Self::Phase => "phase",
        }
    }

    /// In a sentence: "the correlation of the phases".
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Amplitude => "amplitudes",
            Self::Complex => "complex fields",
            Self::Phase => "phases",
        }
    }
}

/// When a ring still counts as resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Correlation of 1/2.
    Half,
    /// Correlation of 1/7.
    Seventh,
    /// Half a bit of information per frequency.
    HalfBit,
    /// One bit of information per frequency.
    OneBit,
}

impl Criterion {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Half, Self::Seventh, Self::HalfBit, Self::OneBit];

    /// The name in JSON and CSV, and the end of a metric's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Half => "0_5",
            Self::Seventh => "1_7",
            Self::HalfBit => "half_bit",
            Self::OneBit => "one_bit",
        }
    }

    /// How people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Half => "1/2",
            Self::Seventh => "1/7",
            Self::HalfBit => "half-bit",
            Self::OneBit => "one-bit",
        }
    }

    /// The threshold of a ring of `n` frequencies (at least one).
    ///
    /// For b bits, with the signal to noise ratio s = (2^b - 1) / 2 of one of two data sets that
    /// only together carry b bits, (s + 2 sqrt(s / n) + 1 / sqrt(n)) / (s + 1 + 2 sqrt(s / n)): van
    /// Heel and Schatz 2005. Half a bit is (0.2071 + 1.9102 / sqrt(n)) / (1.2071 + 0.9102 /
    /// sqrt(n)), one bit (0.5 + 2.4142 / sqrt(n)) / (1.5 + 1.4142 / sqrt(n)).
    pub fn threshold(self, n: usize) -> f64 {
        let bits = |bits: f64| {
            let (ratio, root) = ((bits.exp2() - 1.0) / 2.0, (n.max(1) as f64).sqrt());
            let mixed = 2.0 * ratio.sqrt() / root;
            (ratio + mixed + 1.0 / root) / (ratio + 1.0 + mixed)
        };
        match self {
            Self::Half => 0.5,
            Self::Seventh => 1.0 / 7.0,
            Self::HalfBit => bits(0.5),
            Self::OneBit => bits(1.0),
        }
    }
}

/// The finest detail that a criterion accepts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// Frequency at which the curve first falls below the threshold; `None`: it never does, so that
    /// the pixels are the limit.
    pub cycles_per_pixel: Option<f64>,
    /// Half a period of this frequency, pixels: 1 where the pixels are the limit. `None` when
    /// nothing at all is resolved.
    pub half_period_px: Option<f64>,
    /// The same in nanometres, where the size of a pixel is known.
    pub half_period_nm: Option<f64>,
}

impl Resolution {
    /// Of a crossing in cycles per pixel, and the side of a pixel in metres.
    pub fn new(cycles_per_pixel: Option<f64>, pixel_size: Option<f64>) -> Self {
        let half_period_px =
            Some(0.5 / cycles_per_pixel.unwrap_or(0.5)).filter(|px| px.is_finite());
        let half_period_nm = half_period_px.zip(pixel_size).map(|(px, metres)| px * metres * 1e9);
        Self { cycles_per_pixel, half_period_px, half_period_nm }
    }
}

/// The resolution of one quantity by each criterion. In JSON its names are those of
/// [`Criterion::name`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ByCriterion {
    /// [`Criterion::Half`].
    #[serde(rename = "0_5")]
    pub half: Resolution,
    /// [`Criterion::Seventh`].
    #[serde(rename = "1_7")]
    pub seventh: Resolution,
    /// [`Criterion::HalfBit`].
    pub half_bit: Resolution,
    /// [`Criterion::OneBit`].
    pub one_bit: Resolution,
}

/// The resolution of every quantity by every criterion. In JSON its names are those of
/// [`Quantity::name`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Resolutions {
    /// Of the amplitudes.
    pub amplitude: ByCriterion,
    /// Of the complex fields.
    pub complex: ByCriterion,
    /// Of the phases.
    pub phase: ByCriterion,
}

impl Resolutions {
    /// The resolution of one quantity by one criterion.
    pub fn of(&self, quantity: Quantity, criterion: Criterion) -> Resolution {
        let by_criterion = match quantity {
            Quantity::Amplitude => &self.amplitude,
            Quantity::Complex => &self.complex,
            Quantity::Phase => &self.phase,
        };
        match criterion {
            Criterion::Half => by_criterion.half,
            Criterion::Seventh => by_criterion.seventh,
            Criterion::HalfBit => by_criterion.half_bit,
            Criterion::OneBit => by_criterion.one_bit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_half_periods() {
        let one = Resolution::new(Some(0.25), Some(8e-9));
        assert_eq!((one.half_period_px, one.half_period_nm), (Some(2.0), Some(16.0)));
        let limit = Resolution::new(None, None);
        assert_eq!(
            (limit.cycles_per_pixel, limit.half_period_px, limit.half_period_nm),
            (None, Some(1.0), None)
        );
        assert_eq!(Resolution::new(Some(0.0), Some(1.0)).half_period_px, None);
    }

    #[test]
    fn names_in_json_are_those_of_the_criteria() {
        let mut crossing = 0.0;
        let mut next = || {
            crossing += 0.01;
            Resolution::new(Some(crossing), None)
        };
        let mut by_criterion =
            || ByCriterion { half: next(), seventh: next(), half_bit: next(), one_bit: next() };
        let found = Resolutions {
            amplitude: by_criterion(),
            complex: by_criterion(),
            phase: by_criterion(),
        };
        let json = serde_json::to_value(found).unwrap();
        for quantity in Quantity::ALL {
            for criterion in Criterion::ALL {
                let stored = &json[quantity.name()][criterion.name()]["cycles_per_pixel"];
                let expected = found.of(quantity, criterion).cycles_per_pixel;
                assert_eq!(stored.as_f64(), expected, "{quantity:?} {criterion:?}");
            }
        }
    }
}
