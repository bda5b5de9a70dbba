//! The largest number that a detector counts, where a simulation states it.

use crate::metadata::{Metadata, READ, SIMULATED, TOOL, history};

/// What the history calls the reading of several scans as one.
pub(crate) const JOIN: &str = "join";

/// Entry of the parameters of [`READ`]: how many pixels were summed along each axis.
pub(crate) const BINNING: &str = "binning";

/// Entry of the parameters of [`JOIN`]: how many values were masked that were at limits of which
/// each scan has its own, stated or found.
pub(crate) const MASKED: &str = "masked_at_limits";

/// The largest number that the detector of a data set counts, as the history of its patterns states
/// it, where Lapwing simulated them. `None` where none is stated, and where what was at the limit
/// is masked: pixels were summed since, or scans of other limits joined.
pub fn stated(metadata: &Metadata) -> Option<f64> {
    let history = history(metadata);
    let of = |operation: &'static str| {
        let own = history.iter().filter(|entry| entry["tool"] == TOOL);
        own.filter(move |entry| entry["operation"] == operation).map(|entry| &entry["parameters"])
    };
    let summed = of(READ).any(|parameters| parameters[BINNING].as_f64() > Some(1.0));
    let masked = of(JOIN).any(|parameters| parameters[MASKED].is_number());
    let simulated = of(SIMULATED).next().filter(|_| !summed && !masked)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_limit_is_that_of_the_last_simulation() {
        let of = |entries: &[serde_json::Value]| {
            let of_lapwing = |entry: &serde_json::Value| {
                let mut entry = entry.clone();
                entry["tool"] = json!(TOOL);
                entry
            };
            let entries: Vec<_> = entries.iter().map(of_lapwing).collect();
            let whole = json!({ "data_transformations": entries });
            stated(whole.as_object().unwrap())
        };
        let clipped = |at: f64| json!({ "operation": SIMULATED, "parameters": { "apparatus": { "saturation": at } } });
        let unclipped = json!({ "operation": SIMULATED, "parameters": { "dose": 1 } });
        let joined = json!({ "operation": JOIN, "parameters": { MASKED: 3 } });
        let summed = json!({ "operation": READ, "parameters": { BINNING: 2 } });
        // What a base was made by says nothing of the patterns that are made of it.
        assert_eq!(of(&[unclipped.clone(), clipped(60.0)]), Some(60.0));
        assert_eq!(of(&[clipped(60.0), unclipped.clone()]), None);
        for base in [&joined, &summed] {
            assert_eq!(of(&[clipped(9.0), base.clone(), clipped(60.0)]), Some(60.0));
            // What was done since does.
            assert_eq!(of(&[clipped(9.0), clipped(60.0), base.clone()]), None);
        }
        assert_eq!(of(&[]), None);
    }
}
