//! What is known of object and probe beforehand.

use crate::Problem;
use lapwing_model::Complex32;
use serde::{Deserialize, Serialize};

/// Constraints on object and probe, all off unless given. They hold after every epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraints {
    /// Radius of the disc around the window's centre outside which the probe is dark, as a share of
    /// the window's shorter side (0.5: the inscribed disc).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_support: Option<f64>,
    /// Summed power of the probe, in the unit of the patterns: what a pattern without a specimen
    /// would hold. It fixes the scale between object and probe, which nothing else does, so that
    /// amplitude limits are transmissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_power: Option<f64>,
    /// Smallest amplitude of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_min: Option<f64>,
    /// Largest amplitude of the object; relative to an object of r.m.s. 1 unless `probe_power`
    /// fixes the scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_max: Option<f64>,
}

impl Constraints {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the scale between object and probe is left to the object's r.m.s.
    pub(crate) fn keeps_balance(&self) -> bool {
        self.probe_power.is_none()
    }

    /// Whether the object's amplitude has limits.
    pub(crate) fn limits_object(&self) -> bool {
        self.object_min.is_some() || self.object_max.is_some()
    }

    /// What is wrong with these values, if anything: the option's name, what was expected, what was
    /// found.
    pub fn problem(&self) -> Option<(&'static str, &'static str, f64)> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let checks = [
            ("solver.constraints.probe_support", "a number > 0", self.probe_support, false),
            ("solver.constraints.probe_power", "a number > 0", self.probe_power, false),
            ("solver.constraints.object_min", "a number >= 0", self.object_min, true),
            ("solver.constraints.object_max", "a number > 0", self.object_max, false),
        ];
        for (name, expected, value, zero) in checks {
            match value {
                Some(value) if !(positive(value) || (zero && value == 0.0)) => {
                    return Some((name, expected, value));
                }
                _ => {}
            }
        }
        match (self.object_min, self.object_max) {
            (Some(min), Some(max)) if min > max => Some((
                "solver.constraints.object_min",
                "at most solver.constraints.object_max",
                min,
            )),
            _ => None,
        }
    }

    /// Takes from a change of the probe what would leave the support.
    pub(crate) fn confine(&self, problem: &Problem, probe_change: &mut [Complex32]) {
        if let Some(radius) = self.probe_support {
            confine(problem.model.shape(), radius, probe_change);
        }
    }

    /// Brings the fields to the constraints; the scale that `probe_power` asks of the probe is
    /// taken from the object.
    pub(crate) fn apply(
        &self,
        problem: &Problem,
        object: &mut [Complex32],
        probe: &mut [Complex32],
    ) {
        self.confine(problem, probe);
        if let Some(power) = self.probe_power {
            let found: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
            let factor = (problem.to_solver_unit(power) / found).sqrt();
            if factor.is_finite() && factor > 0.0 {
                probe.iter_mut().for_each(|value| *value *= factor as f32);
                object.iter_mut().for_each(|value| *value *= (1.0 / factor) as f32);
            }
        }
        if self.object_min.is_some() || self.object_max.is_some() {
            // The r.m.s. of an object that fits the data is the root of mean counts over probe
            // power.
            let power: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
            let unit = if self.probe_power.is_some() {
                1.0
            } else {
                (problem.mean_intensity / power).sqrt()
            };
            let limit = |value: Option<f64>, default: f64| {
                (value.map_or(default, |value| value * unit)) as f32
            };
            let (min, max) = (limit(self.object_min, 0.0), limit(self.object_max, f64::INFINITY));
            for value in object {
                let amplitude = value.norm();
                if amplitude > max {
                    *value *= max / amplitude;
                } else if amplitude < min {
                    *value = if amplitude > 0.0 {
                        *value * (min / amplitude)
                    } else {
                        Complex32::new(min, 0.0)
                    };
                }
            }
        }
    }
}

/// Zeros outside a disc around pixel (H/2, W/2) of every mode.
fn confine((height, width): (usize, usize), radius: f64, probe: &mut [Complex32]) {
    let radius = radius * height.min(width) as f64;
    for mode in probe.chunks_exact_mut(height * width) {
        for (y, row) in mode.chunks_exact_mut(width).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                let (dy, dx) = (y as f64 - (height / 2) as f64, x as f64 - (width / 2) as f64);
                if dy.hypot(dx) > radius {
                    *value = Complex32::default();
                }
            }
        }
    }
}
