//! What the dose that a view takes is for the specimen and in time.

use super::Question;
use super::candidate::Candidate;
use super::needs::NeedTable;
use super::reach::Reach;
use crate::fluence::in_gray;
use crate::need::Need;
use crate::specimen::of_what;
use lapwing_draw::number::label;

impl Question<'_> {
    /// What the dose that each view takes costs: the dose to the specimen, exposure of a position,
    /// time of the scan. `None` where neither is known.
    pub(super) fn costs(&self, candidates: &[Candidate]) -> Option<NeedTable> {
        let radiation = self.radiation?;
        let known = candidates.iter().any(|of| of.per_square_metre.is_some());
        let gray = known && radiation.deposit().is_some();
        let timed = radiation.flux_per_s.is_some();
        let mut columns: Vec<String> = Vec::new();
        columns.extend(gray.then(|| "dose to the specimen".to_owned()));
        columns.extend(timed.then(|| "exposure".to_owned()));
        columns.extend(timed.then(|| "scan".to_owned()));
        if columns.is_empty() || candidates.iter().all(|of| of.dose().is_none()) {
            return None;
        }
        let row = |of: &Candidate| {
            let bound = if matches!(of.reach, Reach::AtMost(_)) { "\u{2264} " } else { "" };
            let cell = |text: Option<String>, within: Option<String>| match text {
                Some(text) => Need { text: format!("{bound}{text}"), within },
                None => Need::nothing(),
            };
            let mut cells = Vec::new();
            if gray {
                let fluence = of.dose().zip(of.per_square_metre).map(|(dose, per)| dose * per);
                let gray = fluence.and_then(|fluence| radiation.gray(fluence));
                cells.push(cell(gray.map(in_gray), None));
            }
            if timed {
                let times = self.times(of);
                cells.push(cell(times.map(|times| in_seconds(times.0)), None));
                let scan = times.and_then(|times| times.1).map(in_seconds);
                cells.push(cell(scan, of.part.map(|_| of_what(of.part))));
            }
            (of.view.to_string(), cells)
        };
        Some(NeedTable {
            caption: "What that is for the specimen and in time".to_owned(),
            corner: "view",
            columns,
            rows: candidates.iter().map(row).collect(),
        })
    }

    /// Exposure of a position and time of the scan, seconds.
    pub(super) fn times(&self, of: &Candidate) -> Option<(f64, Option<f64>)> {
        let (radiation, dose) = (self.radiation?, of.dose()?);
        let scan = of.patterns.and_then(|patterns| radiation.scan_s(dose, patterns));
        Some((radiation.exposure_s(dose)?, scan))
    }
}

/// A time with two digits: `10 ms`, `3.5 min`.
pub(super) fn in_seconds(seconds: f64) -> String {
    let (factor, unit) = match seconds {
        s if s < 1e-3 => (1e6, "\u{b5}s"),
        s if s < 1.0 => (1e3, "ms"),
        s if s < 120.0 => (1.0, "s"),
        s if s < 7200.0 => (1.0 / 60.0, "min"),
        _ => (1.0 / 3600.0, "h"),
    };
    format!("{}\u{202f}{unit}", label(seconds * factor, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_that_suit_them() {
        assert_eq!(
            [2e-5, 0.01, 90.0, 600.0, 1e5].map(in_seconds),
            ["20\u{202f}\u{b5}s", "10\u{202f}ms", "90\u{202f}s", "10\u{202f}min", "28\u{202f}h"]
        );
    }
}
