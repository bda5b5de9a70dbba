//! How a reconstruction found the probe to vary from pattern to pattern, in short.

use lapwing_files::reconstruction::Variation;
use lapwing_model::{Complex32, Field, Modes};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the probe varies from pattern to pattern, of those that were not left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariationRecord {
    /// Its eigenmodes, the brightest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eigenmodes: Vec<EigenmodeRecord>,
    /// The beam's power, where that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerRecord>,
}

/// An eigenmode of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EigenmodeRecord {
    /// Variance of its weights times its power, over the mean power of the first mode: the share of
    /// that light which varies so.
    pub share: f64,
    /// Correlation of its weights in patterns that follow each other: near 1 where they change
    /// slowly along the scan, near 0 where every pattern has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successive: Option<f64>,
}

/// The beam's power from pattern to pattern, over its geometric mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PowerRecord {
    /// Standard deviation of its logarithm.
    pub sd: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// Correlation of its logarithm in patterns that follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successive: Option<f64>,
}

/// What varies along a scan, pattern by pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Traces {
    /// Numbers of the patterns, of those that were not left out.
    pub patterns: Vec<usize>,
    /// Of every eigenmode, its weights times its amplitude over that of the mean first mode (root
    /// mean squares over the window).
    pub weights: Vec<Vec<Complex32>>,
    /// The power over its geometric mean; empty where it does not vary.
    pub powers: Vec<f64>,
}

impl Traces {
    pub fn of(found: &Variation) -> Self {
        let Variation { probe, eigenmodes, power } = found;
        let count = eigenmodes.as_ref().map_or(0, |(modes, _)| modes.dim().0);
        let all = match (eigenmodes, power) {
            (Some((_, weights)), _) => weights.dim().0,
            (None, Some(power)) => power.len(),
            (None, None) => 0,
        };
        // Patterns that were left out have no weight, and the usual power.
        let used = |pattern: &usize| {
            let weighs = eigenmodes.as_ref().is_some_and(|(_, weights)| {
                weights.row(*pattern).iter().any(|weight| weight.norm_sqr() > 0.0)
            });
            let power = power.as_ref().and_then(|power| power.get(*pattern));
            weighs || power.is_some_and(|power| *power != 1.0)
        };
        let patterns: Vec<usize> = (0..all).filter(used).collect();
        let mut traces = Self { patterns, weights: vec![Vec::new(); count], powers: Vec::new() };
        if let Some((modes, weights)) = eigenmodes {
            let power = |mode: ArrayView2<'_, Complex32>| -> f64 {
                mode.iter().map(|value| f64::from(value.norm_sqr())).sum()
            };
            let light = mean_mode(probe, modes, weights, &traces.patterns);
            let light = light.map_or(0.0, |mode| power(mode.view()));
            for ((mode, trace), weights) in
                modes.outer_iter().zip(&mut traces.weights).zip(weights.columns())
            {
                let scale = (power(mode) / light.max(f64::MIN_POSITIVE)).sqrt() as f32;
                *trace = traces.patterns.iter().map(|&pattern| weights[pattern] * scale).collect();
            }
        }
        if let Some(power) = power {
            traces.powers = traces.patterns.iter().map(|&pattern| power[pattern]).collect();
        }
        traces
    }
}

/// The first mode less what varies, its mean over the patterns.
fn mean_mode(
    probe: &Modes,
    eigenmodes: &Modes,
    weights: &Array2<Complex32>,
    patterns: &[usize],
) -> Option<Field> {
    let mut mean = probe.outer_iter().next()?.to_owned();
    for (eigenmode, weights) in eigenmodes.outer_iter().zip(weights.columns()) {
        let sum: Complex32 = patterns.iter().map(|&pattern| weights[pattern]).sum();
        let usual = sum / patterns.len().max(1) as f32;
        mean.zip_mut_with(&eigenmode, |value, more| *value += usual * more);
    }
    Some(mean)
}

impl VariationRecord {
    /// Of what was found; `None` where nothing varies.
    pub fn of(found: &Variation) -> Option<Self> {
        let Traces { patterns, weights, powers } = Traces::of(found);
        if patterns.is_empty() {
            return None;
        }
        let eigenmodes: Vec<(f64, Option<f64>)> = weights
            .iter()
            .map(|weights| {
                spread(weights.iter().map(|weight| [weight.re.into(), weight.im.into()]))
            })
            .collect();
        // Besides what varies the first mode has its mean.
        let all = 1.0 + eigenmodes.iter().map(|(variance, _)| variance).sum::<f64>();
        let eigenmodes = eigenmodes
            .into_iter()
            .map(|(variance, successive)| EigenmodeRecord { share: variance / all, successive })
            .collect();
        let power = (!powers.is_empty()).then(|| {
            let (variance, successive) = spread(powers.iter().map(|power| [power.ln(), 0.0]));
            let ends = powers.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &power| {
                (low.min(power), high.max(power))
            });
            PowerRecord { sd: variance.sqrt(), lowest: ends.0, highest: ends.1, successive }
        });
        Some(Self { eigenmodes, power })
    }
}

/// Variance of values in the plane, and the correlation of those that follow each other; `None` for
/// values that are all the same.
fn spread(values: impl Iterator<Item = [f64; 2]> + Clone) -> (f64, Option<f64>) {
    let count = values.clone().count().max(1) as f64;
    let mean = values
        .clone()
        .fold([0.0; 2], |sum, value| [sum[0] + value[0] / count, sum[1] + value[1] / count]);
    let off = values.map(move |value| [value[0] - mean[0], value[1] - mean[1]]);
    let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
    let square: f64 = off.clone().map(|value| dot(value, value)).sum();
    let pairs: f64 = off.clone().zip(off.skip(1)).map(|(a, b)| dot(a, b)).sum();
    let variance = square / count;
    (variance, (variance > 1e-12 && count > 2.0).then(|| pairs / square))
}

impl fmt::Display for VariationRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let along = |successive: Option<f64>| match successive {
            Some(successive) => format!(" (successive patterns correlated by {successive:.2})"),
            None => String::new(),
        };
        for (index, EigenmodeRecord { share, successive }) in self.eigenmodes.iter().enumerate() {
            let number = index + 1;
            let percent = 100.0 * share;
            parts.push(format!(
                "{percent:.2} % of its light as eigenmode {number}{}",
                along(*successive)
            ));
        }
        if let Some(PowerRecord { sd, lowest, highest, successive }) = self.power {
            let percent = 100.0 * sd;
            parts.push(format!(
                "its power by {percent:.1} % r.m.s., {lowest:.3} to {highest:.3} of the usual{}",
                along(successive)
            ));
        }
        write!(out, "the probe varies: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A probe of power 9 with one eigenmode of power 1.
    fn found(weights: &[f32], power: Option<Vec<f64>>) -> Variation {
        let weights = Array2::from_shape_fn((weights.len(), 1), |(j, _)| weights[j].into());
        let one = Modes::from_shape_fn((1, 1, 4), |(_, _, x)| f32::from(u8::from(x == 2)).into());
        Variation { probe: one.mapv(|value| 3.0 * value), eigenmodes: Some((one, weights)), power }
    }

    #[test]
    fn shares_are_variances_over_the_light() {
        // Weights of 3 +- 1 and a pattern that was left out: variance 1 beside (3 + 3)^2.
        let alternating = found(&[4.0, 2.0, 0.0, 4.0, 2.0], None);
        let told = VariationRecord::of(&alternating).unwrap();
        let [EigenmodeRecord { share, successive }] = told.eigenmodes[..] else { panic!() };
        assert!((share - 1.0 / 37.0).abs() < 1e-6, "{share}");
        assert!((successive.unwrap() + 0.75).abs() < 1e-6 && told.power.is_none());
        let words = told.to_string();
        assert!(words.contains("2.70 % of its light as eigenmode 1"), "{words}");
        let slow: Vec<f32> = (0..100).map(|j| (0.05 * j as f32).sin()).collect();
        let told = VariationRecord::of(&found(&slow, None)).unwrap();
        assert!(told.eigenmodes[0].successive.unwrap() > 0.95);
    }

    #[test]
    fn the_power_is_told_over_the_usual_one() {
        let power = vec![0.5, 2.0, 1.0, 0.5, 2.0];
        let found = Variation { eigenmodes: None, ..found(&[0.0; 5], Some(power)) };
        let PowerRecord { sd, lowest, highest, successive } =
            VariationRecord::of(&found).unwrap().power.unwrap();
        assert!((sd - 2.0_f64.ln()).abs() < 1e-12 && (lowest, highest) == (0.5, 2.0));
        assert!((successive.unwrap() + 0.75).abs() < 1e-9);
        let even = Variation { power: Some(vec![1.0; 5]), ..found };
        assert_eq!(VariationRecord::of(&even), None);
    }
}
