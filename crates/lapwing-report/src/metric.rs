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
}

/// The first is shown when the page opens.
pub(crate) const METRICS: [Metric; 6] = [
    Metric {
        key: "phase_ssim",
        title: "Phase SSIM",
        meaning: "Structural similarity of the phases; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.9,
    },
    Metric {
        key: "complex_correlation",
        title: "Complex correlation",
        meaning: "Correlation of the complex fields, phase and amplitude together; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.98,
    },
    Metric {
        key: "amplitude_ssim",
        title: "Amplitude SSIM",
        meaning: "Structural similarity of the amplitudes; 1 is perfect.",
        unit: "",
        higher_is_better: true,
        goal: 0.9,
    },
    Metric {
        key: "complex_nrmse",
        title: "Complex error",
        meaning: "Root mean square error of the complex field relative to the truth; 0 is perfect.",
        unit: "",
        higher_is_better: false,
        goal: 0.1,
    },
    Metric {
        key: "phase_resolution_0_5_px",
        title: "Phase resolution",
        meaning: "Half a period of the frequency at which the Fourier ring correlation of the phases with the truth falls below \
                  1/2; 1 pixel where it never does.",
        unit: "px",
        higher_is_better: false,
        goal: 2.0,
    },
    Metric {
        key: "probe_nrmse",
        title: "Probe error",
        meaning: "Root mean square error of the probe relative to the true one; 0 is perfect.",
        unit: "",
        higher_is_better: false,
        goal: 0.1,
    },
];

/// All metrics, with the goals that were asked for in place of the usual ones.
///
/// # Errors
/// The first name that is none of a metric.
pub(crate) fn with_goals(goals: &BTreeMap<String, f64>) -> Result<Vec<Metric>, String> {
    if let Some(unknown) = goals.keys().find(|name| METRICS.iter().all(|metric| metric.key != **name)) {
        return Err(unknown.clone());
    }
    let goal =
        |metric: Metric| Metric { goal: goals.get(metric.key).copied().unwrap_or(metric.goal), ..metric };
    Ok(METRICS.map(goal).to_vec())
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
