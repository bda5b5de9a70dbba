//! What a reconstruction found out besides its image, as `result.json` records it.

use lapwing_solve::noise::NoiseModel;
use lapwing_solve::solver::{Choice, Jumps};
use lapwing_solve::uncertainty::ErrorMaps;
use serde::{Deserialize, Serialize};

/// What was found out about a detector; see [`lapwing_solve::noise`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseRecord {
    /// Variance over mean of the counts: 1 for photons.
    pub gain: f64,
    /// Sum of the background over a pattern, counts.
    pub background_per_pattern: f64,
    /// Its share of a pattern's counts.
    pub background_share: f64,
    /// Whether the noise of adjacent pixels is correlated.
    pub correlated: bool,
    /// Pixels (y, x) that never count and are left out.
    pub dead_pixels: Vec<(usize, usize)>,
    /// Pixels (y, x) that show too much, or always the same, and are left out.
    pub hot_pixels: Vec<(usize, usize)>,
    /// Counts at which the detector saturates; pixels that show them have at least as much light.
    pub saturation: Option<f64>,
    /// Patterns without light, left out.
    pub lost_patterns: Vec<usize>,
    /// Patterns that look like no other, left out.
    pub wrong_patterns: Vec<usize>,
}

impl From<&NoiseModel> for NoiseRecord {
    fn from(noise: &NoiseModel) -> Self {
        Self {
            gain: noise.gain,
            background_per_pattern: noise.background_per_pattern(),
            background_share: noise.background_share(),
            correlated: noise.correlated,
            dead_pixels: noise.faults.dead.clone(),
            hot_pixels: noise.faults.hot.clone(),
            saturation: noise.faults.saturation.map(f64::from),
            lost_patterns: noise.faults.lost.clone(),
            wrong_patterns: noise.faults.wrong.clone(),
        }
    }
}

/// An option whose value a solver has chosen from the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRecord {
    /// The option.
    pub option: String,
    /// The value taken.
    pub value: f64,
    /// Its standard deviation, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// What was tried, in this order; nothing where there was no room for that and the value is the
    /// usual one.
    pub tried: Vec<TriedRecord>,
}

impl ChoiceRecord {
    /// The value in words, with as many digits as are known.
    pub fn number(&self) -> String {
        if let Some(word) = self.word(self.value) {
            return word.to_owned();
        }
        match self.sd.filter(|sd| sd.is_finite() && *sd > 0.0) {
            Some(sd) => {
                // Two digits of the deviation.
                let digits = (1 - sd.log10().floor() as i64).clamp(0, 12) as usize;
                format!("{:.digits$} +- {sd:.digits$}", self.value)
            }
            None => format!("{:.3}", self.value),
        }
    }

    /// The word that a value of this option is the place of, where it is one.
    pub fn word(&self, value: f64) -> Option<&'static str> {
        match self.option.as_str() {
            "prior_jumps" => Jumps::NAMES.get(value as usize).copied(),
            _ => None,
        }
    }
}

/// A value that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TriedRecord {
    /// The value.
    pub value: f64,
    /// Loss per pixel of detector pixels that the fit was not shown.
    pub score: f64,
}

impl From<&Choice> for ChoiceRecord {
    fn from(choice: &Choice) -> Self {
        let tried = choice.tried.iter();
        Self {
            option: choice.option.to_owned(),
            value: choice.value,
            sd: choice.sd,
            tried: tried
                .map(|tried| TriedRecord { value: tried.value, score: tried.score })
                .collect(),
        }
    }
}

/// Error maps in short; see [`lapwing_solve::uncertainty`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// Replicates of the counts that they are made of.
    pub replicates: usize,
    /// Root mean square standard deviation of the amplitude over the well-lit pixels.
    pub amplitude_rms: f64,
    /// The same of the phase, radians.
    pub phase_rms: f64,
    /// Whether the object differs from its mean by less than these errors; see
    /// [`ErrorMaps::buried`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub buried: bool,
    /// Where the truth is known, shares of the compared pixels whose amplitude is off by at most
    /// one and two standard deviations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplitude_within: Option<[f64; 2]>,
    /// The same of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_within: Option<[f64; 2]>,
}

impl From<&ErrorMaps> for ErrorRecord {
    fn from(maps: &ErrorMaps) -> Self {
        Self {
            replicates: maps.replicates,
            amplitude_rms: maps.amplitude_rms,
            phase_rms: maps.phase_rms,
            buried: maps.buried,
            amplitude_within: None,
            phase_within: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_are_known() {
        let of = |value: f64, sd: Option<f64>| {
            ChoiceRecord { option: "scan_scale".to_owned(), value, sd, tried: Vec::new() }.number()
        };
        assert_eq!(of(1.03127, Some(0.00042)), "1.03127 +- 0.00042");
        assert_eq!(of(-2.9712, Some(0.13)), "-2.97 +- 0.13");
        assert_eq!(of(17.0, Some(31.0)), "17 +- 31");
        assert_eq!((of(40.0, None), of(1.0, Some(f64::NAN))), ("40.000".into(), "1.000".into()));
    }
}
