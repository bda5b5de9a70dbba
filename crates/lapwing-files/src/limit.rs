//! The largest number that a detector counts, where a simulation states it.

use serde_json::Value;

use crate::metadata::{Metadata, READ, SIMULATED, TOOL};

/// What the history calls the reading of several scans as one.
pub(crate) const JOIN: &str = "join";

/// Entry of the parameters of [`READ`]: how many pixels were summed along each axis.
pub(crate) const BINNING: &str = "binning";

/// Entry of the parameters of [`JOIN`]: how many values were masked that were at limits of which
/// each scan had its own.
pub(crate) const MASKED: &str = "masked_at_limits";

/// The largest number that the detector of a data set counts, as the history states it of one that
/// Lapwing simulated. `None` where none is stated, and where what was at the limit is masked:
/// pixels were summed since, or scans of other limits joined.
pub fn stated(metadata: &Metadata) -> Option<f64> {
    let history = metadata.get("data_transformations")?.as_array()?;
    let of = |operation: &'static str| {
        let own = history.iter().filter(|entry| entry["tool"] == TOOL);
        own.filter(move |entry| entry["operation"] == operation).map(|entry| &entry["parameters"])
    };
    let summed = of(READ).any(|parameters| parameters[BINNING].as_f64() > Some(1.0));
    let masked = of(JOIN).any(|parameters| parameters[MASKED].is_number());
    let simulated: &Value = of(SIMULATED).next().filter(|_| !summed && !masked)?;
    simulated["apparatus"]["saturation"].as_f64()
}

/// Counts from which on a value is at a limit: squares of single-precision amplitudes miss whole
/// numbers.
pub fn reaching(limit: f64) -> f64 {
    limit - 0.5
}

/// Whether an amplitude, counts of which are (scale amplitude)^2, is at a limit.
pub(crate) fn is_reached(limit: f64, scale: f64) -> impl Fn(f32) -> bool + Copy + Sync {
    move |amplitude| (f64::from(amplitude) * scale).powi(2) >= reaching(limit)
}
