//! What is known of object and probe beforehand.

use super::options::{Kind, OptionDoc, OptionError, Options, Range, Typed, Value, read};
use crate::Problem;
use lapwing_model::Complex32;

macro_rules! constraints {
    ( $( $(#[doc = $doc:literal])+ $field:ident: $name:literal, $kind:expr; )+ ) => {
        /// Constraints on object and probe, all off unless given. They hold after every epoch.
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        pub struct Constraints {
            $( $(#[doc = $doc])+ pub $field: Option<f64>, )+
        }

        impl Options for Constraints {
            const DOCS: &'static [OptionDoc] =
                &[ $( OptionDoc::new($name, &[], $kind, true, concat!($($doc),+)) ),+ ];

            fn values(&self) -> Vec<(&'static str, Value)> {
                let all = [ $( ($name, self.$field.to_value()) ),+ ];
                all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
            }

            fn set(&mut self, name: &str, value: &Value) -> Result<bool, OptionError> {
                let doc = Self::DOCS.iter().find(|doc| doc.is(name));
                match name {
                    $( $name => self.$field = read(doc, value)?, )+
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

constraints! {
    /// Radius of the disc around the window's centre outside which the probe is dark, as a share of
    /// the window's shorter side (0.5: the inscribed disc).
    probe_support: "constraints.probe_support", Kind::Number(Range::Positive);
    /// Summed power of the probe, in the unit of the patterns: what a pattern without a specimen
    /// would hold. It fixes the scale between object and probe, which nothing else does, so that
    /// amplitude limits are transmissions.
    probe_power: "constraints.probe_power", Kind::Number(Range::Positive);
    /// Smallest amplitude of the object.
    object_min: "constraints.object_min", Kind::Number(Range::NotNegative);
    /// Largest amplitude of the object; relative to an object of r.m.s. 1 unless the probe's power
    /// fixes the scale.
    object_max: "constraints.object_max", Kind::Number(Range::Positive);
}

impl Constraints {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses limits that no object can keep.
    ///
    /// # Errors
    /// When the smallest amplitude is above the largest.
    pub fn check_limits(&self) -> Result<(), OptionError> {
        match (self.object_min, self.object_max) {
            (Some(min), Some(max)) if min > max => Err(OptionError::value(
                "constraints.object_min",
                "at most constraints.object_max",
                &Value::Number(min),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the scale between object and probe is left to the object's r.m.s.
    pub(crate) fn keeps_balance(&self) -> bool {
        self.probe_power.is_none()
    }

    /// Whether the object's amplitude has limits.
    pub(crate) fn limits_object(&self) -> bool {
        self.object_min.is_some() || self.object_max.is_some()
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
                let down = (1.0 / factor).powf(1.0 / problem.n_slices() as f64) as f32;
                object.iter_mut().for_each(|value| *value *= down);
            }
        }
        if self.object_min.is_some() || self.object_max.is_some() {
            // The r.m.s. of an object that fits the data is the root of mean counts over probe
            // power.
            let power: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
            let unit = if self.probe_power.is_some() {
                1.0
            } else {
                (problem.mean_intensity / power).sqrt().powf(1.0 / problem.n_slices() as f64)
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
