//! What the specimen is given in the experiment: the scan of a view, its splits together.

use lapwing_files::reconstruction::read_positions;
use lapwing_model::Position;
use lapwing_study::overlap::covered_area;
use lapwing_study::record::{JobResult, Outcome};
use lapwing_study::{Case, Condition, Split, StudyFolder};
use std::collections::BTreeMap;

/// All patterns of a view on the object that their discs cover together. Splits are cut from one
/// scan: where they meet, the specimen has light from both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Specimen {
    /// Patterns for each pixel of the object.
    pub patterns_per_px: f64,
    /// Counted photons per pattern, where counts are known.
    pub mean_counts: Option<f64>,
}

impl Specimen {
    /// Counted photons for each pixel of the object.
    pub fn photons_per_px(self) -> Option<f64> {
        Some(self.mean_counts? * self.patterns_per_px)
    }
}

/// Of every result whose splits have positions, by its case with the split left out (see
/// [`of_scan`]).
pub(crate) fn all(folder: &StudyFolder, outcomes: &[(Case, Outcome)]) -> BTreeMap<Case, Specimen> {
    let mut scans: BTreeMap<Case, Vec<(&JobResult, Vec<Position>)>> = BTreeMap::new();
    for (case, outcome) in outcomes {
        let Some(result) = outcome.result() else { continue };
        let file = result.files.reconstruction.as_ref().map(|f| folder.result_dir(case).join(f));
        let scan = file.and_then(|file| read_positions(&file).ok()?).unwrap_or_default();
        if !scan.is_empty() {
            scans.entry(of_scan(case)).or_default().push((result, scan));
        }
    }
    // The same scan at all doses, by all solvers.
    let mut areas: Vec<(Vec<Position>, f64, f64)> = Vec::new();
    let mut found = BTreeMap::new();
    for (case, splits) in scans {
        let diameter = splits[0].0.probe_diameter_px;
        let patterns: f64 = splits.iter().map(|(result, _)| result.n_patterns as f64).sum();
        let photons: Option<f64> =
            splits.iter().map(|(of, _)| Some(of.mean_counts? * of.n_patterns as f64)).sum();
        let scan: Vec<Position> = splits.into_iter().flat_map(|(_, scan)| scan).collect();
        let known = areas.iter().find(|(of, width, _)| *width == diameter && *of == scan);
        let area = known.map_or_else(|| covered_area(&scan, diameter), |(.., area)| *area);
        if known.is_none() {
            areas.push((scan, diameter, area));
        }
        let patterns_per_px = patterns / area;
        if patterns_per_px.is_finite() && patterns > 0.0 {
            let mean_counts = photons.map(|photons| photons / patterns);
            found.insert(case, Specimen { patterns_per_px, mean_counts });
        }
    }
    found
}

/// The case of the first split, which stands for the whole scan.
pub(crate) fn of_scan(case: &Case) -> Case {
    let condition = Condition { split: Split::Train, ..case.condition };
    Case { condition, ..case.clone() }
}
