//! The metrics that the report can answer its question with.

use std::collections::BTreeMap;

/// One choice of the metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    /// Name in the records.
    pub key: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub meaning: &'static str,
    /// Unit, empty for pure numbers.
    pub unit: &'static str,
    /// Whether larger is better.
    pub higher_is_better: bool,
    /// Value that counts as good; the answer in words is about reaching it.
    pub goal: f64,
    /// Nanometres in one pixel, of lengths whose pixel is known.
    pub nm: Option<f64>,
}

impl Metric {
    /// A value with its unit: `0.912`, `2.31 px`, `2.31 px (28.4 nm)`.
    pub fn with_unit(&self, value: f64) -> String {
        let space = if self.unit.is_empty() { "" } else { " " };
        let nm = self.nm(value).map(|nm| format!(" ({nm})")).unwrap_or_default();
        format!("{}{space}{}{nm}", shown(value), self.unit)
    }

    /// The same length in nanometres, of lengths whose pixel is known.
    pub fn nm(&self, value: f64) -> Option<String> {
        Some(format!("{} nm", lapwing_draw::number::label(value * self.nm?, 3)))
    }

    /// The title with the unit: `Phase resolution, px`.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() {
            self.title.to_owned()
        } else {
            format!("{}, {}", self.title, self.unit)
        }
    }
}

/// The first is shown when the page opens.
pub(crate) const METRICS: [Metric; 8] = [
    Metric {
        key: "phase_ssim",
        title: "Phase SSIM",
        meaning: "Structural similarity of the phases; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.9,
        nm: None,
    },
    Metric {
        key: "complex_correlation",
        title: "Complex correlation",
        meaning: "Correlation of the complex fields, phase and amplitude together; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.98,
        nm: None,
    },
    Metric {
        key: "amplitude_ssim",
        title: "Amplitude SSIM",
        meaning: "Structural similarity of the amplitudes; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.9,
        nm: None,
    },
    Metric {
        key: "complex_nrmse",
        title: "Complex error",
        meaning: "Root mean square error of the complex field relative to the truth; 0 is perfect.",
        unit: "",
        higher_is_better: false,
        goal: 0.1,
        nm: None,
    },
    Metric {
        key: "phase_resolution_0_5_px",
        title: "Phase resolution",
        meaning: "Half a period of the frequency at which the Fourier ring correlation of the phases with the truth falls below \
                  1/2; 1 pixel where it never does.",
        unit: "px",
        higher_is_better: false,
        goal: 2.0,
        nm: None,
    },
    Metric {
        key: "probe_nrmse",
        title: "Probe error",
        meaning: "Root mean square error of the probe relative to the true one; 0 is perfect.",
        unit: "",
        higher_is_better: false,
        goal: 0.1,
        nm: None,
    },
    Metric {
        key: "halves_complex_correlation",
        title: "Agreement of halves",
        meaning: "Complex correlation of the reconstructions of two independent halves of the photons: what repeats, without any \
                  reference; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.95,
        nm: None,
    },
    Metric {
        key: "halves_phase_resolution_half_bit_px",
        title: "Resolution of halves",
        meaning: "Half a period of the frequency at which the Fourier ring correlation between the phases of two independent halves \
                  of the photons falls below the half-bit threshold; 1 pixel where it never does.",
        unit: "px",
        higher_is_better: false,
        goal: 2.0,
        nm: None,
    },
];

/// All metrics, with the goals that were asked for in place of the usual ones, in a study with
/// pixels of `pixel_size` metres.
///
/// # Errors
/// The first name that is none of a metric.
pub(crate) fn with_goals(
    goals: &BTreeMap<String, f64>,
    pixel_size: Option<f64>,
) -> Result<Vec<Metric>, String> {
    if let Some(unknown) =
        goals.keys().find(|name| METRICS.iter().all(|metric| metric.key != **name))
    {
        return Err(unknown.clone());
    }
    let told = |metric: Metric| Metric {
        goal: goals.get(metric.key).copied().unwrap_or(metric.goal),
        nm: pixel_size.filter(|_| metric.unit == "px").map(|metres| metres * 1e9),
        ..metric
    };
    Ok(METRICS.map(told).to_vec())
}

/// A dose as people write it: 1000, 10^4.
pub(crate) fn dose_label(dose: u64) -> String {
    let exponent = (dose.max(1) as f64).log10().round() as i32;
    if exponent >= 3 && 10u64.checked_pow(exponent as u32) == Some(dose) {
        lapwing_draw::number::power_of_ten(exponent)
    } else {
        dose.to_string()
    }
}

/// A metric's value as text.
pub(crate) fn shown(value: f64) -> String {
    if value.abs() >= 1000.0 || (value != 0.0 && value.abs() < 0.001) {
        lapwing_draw::number::label(value, 3)
    } else {
        format!("{value:.3}").replace('-', "\u{2212}")
    }
}

/// A standard error as text, to the last digit that values have.
pub(crate) fn shown_error(error: f64) -> String {
    match error {
        error if error > 0.0 && error < 0.000_5 => "<\u{2009}0.001".to_owned(),
        error if error < 1.0 => format!("{error:.3}"),
        error => shown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units_and_errors_no_more_digits_than_values() {
        let metrics = with_goals(&BTreeMap::new(), Some(1.25e-8)).unwrap();
        let lengths: Vec<&Metric> = metrics.iter().filter(|metric| metric.nm.is_some()).collect();
        assert_eq!(lengths.len(), 2);
        assert_eq!(lengths[0].with_unit(2.0), "2.000 px (25 nm)");
        assert_eq!(metrics[0].with_unit(0.5), "0.500");
        assert_eq!(
            [0.0, 3.46e-5, 8e-4, 12.0].map(shown_error),
            ["0.000", "<\u{2009}0.001", "0.001", "12.000"]
        );
    }
}
