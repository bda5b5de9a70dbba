//! What a result keeps of a comparison: the numbers, without the pictures.

use crate::catalogue::{OF_HALVES, between_halves, resolution_name};
use crate::{
    Alignment, Comparison, Criterion, FrcCurves, Metric, Metrics, ProbeComparison, Quantity,
    Resolution, Resolutions,
};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The record of a comparison, as it is stored in JSON.
///
/// Its field names are the keys and stay; records of earlier versions, which lack some, are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRecord {
    /// The metrics over the area of comparison, and beside them, under names that begin with
    /// `halves_`, those between two halves of the photons.
    pub metrics: Numbers,
    /// What was removed from the reconstruction.
    pub alignment: Alignment,
    /// Resolutions; `None` in records that were written before there were any.
    #[serde(default)]
    pub resolution: Option<Resolutions>,
    /// The probe's error; `None` when the probes cannot be compared.
    #[serde(default)]
    pub probe: Option<ProbeComparison>,
    /// Side of a pixel of the object, metres; `None` when it is unknown.
    #[serde(default)]
    pub pixel_size_m: Option<f64>,
    /// The metrics over the area of the data set's own positions; `None` when that is too small, or
    /// was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_own_area: Option<Numbers>,
    /// The metrics of every slice of a thick object against the true one, each aligned by itself;
    /// those above are of the product of the slices. Empty for a thin object, or where the true
    /// slices are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Numbers>,
    /// What the reconstruction was compared with: [`TRUTH`](Self::TRUTH), or what stands for it.
    #[serde(default = "truth")]
    pub reference: String,
    /// Two independent halves of the photons compared with each other; `None` when that was not
    /// asked for, or not possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halves: Option<HalvesRecord>,
    /// Fourier ring correlations; a result's short record has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frc: Option<FrcCurves>,
}

/// The comparison of the reconstructions of two independent halves of the photons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HalvesRecord {
    /// All metrics, one half in place of the truth.
    pub metrics: Numbers,
    /// Resolutions; `None` in records that were written before there were any.
    #[serde(default)]
    pub resolution: Option<Resolutions>,
    /// Fourier ring correlations; a result's short record has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frc: Option<FrcCurves>,
}

fn truth() -> String {
    ComparisonRecord::TRUTH.to_owned()
}

impl ComparisonRecord {
    /// The reference of a comparison with the true object.
    pub const TRUTH: &'static str = "truth";

    /// The record of a comparison with the truth, of objects with pixels of `pixel_size_m` metres,
    /// ring correlations included.
    pub fn new(comparison: &Comparison, pixel_size_m: Option<f64>) -> Self {
        Self {
            metrics: comparison.metrics.into(),
            alignment: comparison.alignment,
            resolution: Some(comparison.frc.resolutions(pixel_size_m)),
            probe: None,
            pixel_size_m,
            metrics_own_area: None,
            slices: Vec::new(),
            reference: truth(),
            halves: None,
            frc: Some(comparison.frc.clone()),
        }
    }

    /// Adds the comparison of two halves of the photons, and those of its metrics that mean
    /// something (see [`Metric::between_halves`]) beside the others.
    pub fn add_halves(&mut self, comparison: &Comparison) {
        let metrics = Numbers::from(comparison.metrics);
        for (name, value) in metrics.iter() {
            if Metric::find(name).is_some_and(|metric| metric.between_halves) {
                self.metrics.push(between_halves(name), value);
            }
        }
        self.halves = Some(HalvesRecord {
            metrics,
            resolution: Some(comparison.frc.resolutions(self.pixel_size_m)),
            frc: Some(comparison.frc.clone()),
        });
    }

    /// The same without ring correlations, which are long.
    pub fn short(&self) -> Self {
        let halves = self.halves.clone().map(|halves| HalvesRecord { frc: None, ..halves });
        Self { frc: None, halves, ..self.clone() }
    }

    /// A metric's value by its name in JSON; `None` when it was not measured or does not exist.
    pub fn metric(&self, name: &str) -> Option<f64> {
        // Records of earlier versions have fewer of those between halves beside the others.
        let of_halves = || self.halves.as_ref()?.metrics.value(name.strip_prefix(OF_HALVES)?);
        self.metrics.value(name).or_else(of_halves)
    }

    /// Resolutions and the probe's numbers, which are stored under `resolution` and `probe`, under
    /// names of their own: `phase_resolution_half_bit_px`, `halves_phase_resolution_1_7_nm`,
    /// `probe_nrmse`.
    ///
    /// Records without resolutions have them from their crossings, of which none means that the
    /// pixels are the limit. A number that was not measured is `None`.
    pub fn derived(&self) -> Vec<Number> {
        let mut numbers = self.resolutions(self.resolution.as_ref(), |name| name);
        numbers.extend(probe_numbers(self.probe.as_ref()));
        let halves = self.halves.as_ref().and_then(|halves| halves.resolution.as_ref());
        numbers.extend(self.resolutions(halves, |name| between_halves(&name)));
        numbers
    }

    /// The resolutions in `stored`, else those of the crossings in `metrics`; `named` makes the
    /// names in the record from those of the object.
    fn resolutions(
        &self,
        stored: Option<&Resolutions>,
        named: impl Fn(String) -> String,
    ) -> Vec<Number> {
        let of = |quantity: Quantity, criterion: Criterion| {
            let crossing = || {
                let name = named(format!("{}_frc_{}", quantity.name(), criterion.name()));
                self.metrics.get(&name).map(|crossing| Resolution::new(crossing, None))
            };
            stored.map(|stored| stored.of(quantity, criterion)).or_else(crossing)
        };
        let mut numbers = resolution_numbers(of);
        numbers.iter_mut().for_each(|number| number.name = named(std::mem::take(&mut number.name)));
        numbers
    }
}

/// A number and its name in JSON and CSV.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// One of [`Metric::all`].
    pub name: String,
    /// `None`: it was not measured, or does not exist.
    pub value: Option<f64>,
}

impl Number {
    fn new(name: impl Into<String>, value: Option<f64>) -> Self {
        Self { name: name.into(), value }
    }
}

impl Alignment {
    /// What was removed, by name: `shift_y`, ..., `scale`, `phase_offset`.
    pub fn numbers(&self) -> Vec<Number> {
        let ([shift_y, shift_x], [ramp_y, ramp_x]) = (self.shift, self.ramp);
        [
            ("shift_y", shift_y),
            ("shift_x", shift_x),
            ("ramp_y", ramp_y),
            ("ramp_x", ramp_x),
            ("scale", self.scale),
            ("phase_offset", self.phase),
        ]
        .map(|(name, value)| Number::new(name, Some(value)))
        .into()
    }
}

impl Resolutions {
    /// Every resolution in pixels and nanometres by name.
    pub fn numbers(&self) -> Vec<Number> {
        resolution_numbers(|quantity, criterion| Some(self.of(quantity, criterion)))
    }
}

fn resolution_numbers(of: impl Fn(Quantity, Criterion) -> Option<Resolution>) -> Vec<Number> {
    let mut numbers = Vec::new();
    for quantity in Quantity::ALL {
        for criterion in Criterion::ALL {
            let found = of(quantity, criterion);
            let lengths = [
                ("px", found.and_then(|found| found.half_period_px)),
                ("nm", found.and_then(|found| found.half_period_nm)),
            ];
            numbers.extend(lengths.map(|(unit, length)| {
                Number::new(resolution_name(quantity, criterion, unit), length)
            }));
        }
    }
    numbers
}

/// The probe's numbers by name; `None` of a probe that was not compared.
pub fn probe_numbers(probe: Option<&ProbeComparison>) -> Vec<Number> {
    vec![
        Number::new("probe_nrmse", probe.map(|probe| probe.nrmse)),
        Number::new("probe_correlation", probe.map(|probe| probe.correlation)),
    ]
}

/// Numbers by name, in the order in which they were added; a map in JSON.
///
/// A name with `None` (JSON `null`) is a number that does not exist, such as the crossing of a ring
/// correlation that never falls; a name that is absent was not measured. [`Metrics`] cannot hold
/// records of versions with fewer or more metrics; this can.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers(Vec<Number>);

impl Numbers {
    /// Adds a number.
    pub fn push(&mut self, name: impl Into<String>, value: Option<f64>) {
        self.0.push(Number::new(name, value));
    }

    /// The entry of this name: `None` when the number was not measured, `Some(None)` when it does
    /// not exist.
    pub fn get(&self, name: &str) -> Option<Option<f64>> {
        self.0.iter().find(|number| number.name == name).map(|number| number.value)
    }

    /// The value of this name, where it was measured and exists.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.get(name).flatten()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        self.0.iter().map(|number| (number.name.as_str(), number.value))
    }
}

impl From<Metrics> for Numbers {
    fn from(metrics: Metrics) -> Self {
        Self(metrics.named().into_iter().map(|(name, value)| Number::new(name, value)).collect())
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Numbers;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("numbers by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Numbers, A::Error> {
                let mut numbers = Numbers::default();
                while let Some((name, value)) = map.next_entry::<String, Option<f64>>()? {
                    numbers.push(name, value);
                }
                Ok(numbers)
            }
        }
        deserializer.deserialize_map(Map)
    }
}
