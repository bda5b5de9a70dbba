//! What the specimen is given in the experiment: the scan of a view, its splits together, whichever
//! of them are reconstructed.

use crate::scans::positions;
use lapwing_model::Position;
use lapwing_study::overlap::covered_area;
use lapwing_study::record::Outcome;
use lapwing_study::selection::{select, select_step};
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All patterns of a view on the object that their discs cover together. Splits are cut from one
/// scan: where they meet, the specimen has light from both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Specimen {
    /// Number of patterns.
    pub patterns: f64,
    /// Patterns for each pixel of the object.
    pub patterns_per_px: f64,
    /// The split whose patterns these are, where they are not those of the whole scan.
    pub part: Option<Split>,
}

/// `in all`, or of which split.
pub(crate) fn of_what(part: Option<Split>) -> String {
    part.map_or_else(|| "in all".to_owned(), |split| format!("of the {split} split"))
}

/// What is known of a scan from its results.
#[derive(Debug, Default)]
struct Known {
    diameter: f64,
    /// Least distance of the positions of a view.
    spacing: Option<f64>,
    /// Reconstructions, which have positions.
    files: BTreeMap<Split, PathBuf>,
}

/// Of every scan that has a result, by its case with split and solver left out (see [`of_scan`]).
pub(crate) fn all(
    folder: &StudyFolder,
    design: Option<&Design>,
    outcomes: &[(Case, Outcome)],
) -> BTreeMap<Case, Specimen> {
    let mut scans: BTreeMap<Case, Known> = BTreeMap::new();
    for (case, outcome) in outcomes {
        let Some(result) = outcome.result() else { continue };
        let known = scans
            .entry(of_scan(case))
            .or_insert_with(|| Known { diameter: result.probe_diameter_px, ..Known::default() });
        known.spacing = known.spacing.or(result.view.map(|view| view.spacing_threshold));
        if let Some(file) = &result.files.reconstruction {
            let split = case.condition.split;
            known.files.entry(split).or_insert_with(|| folder.result_dir(case).join(file));
        }
    }
    // The fluences that a design asks for are those of its own splits.
    let by_fluence = design.filter(|design| design.study.is_by_fluence());
    let wanted = by_fluence.map_or(&Split::ALL[..], |design| &design.study.splits);
    // The same scan at all doses.
    let mut areas: Vec<(Vec<Position>, f64, f64)> = Vec::new();
    let mut found = BTreeMap::new();
    for (case, known) in scans {
        let of = |&split: &Split| Some((split, of_split(folder, design, &case, &known, split)?));
        let splits: Vec<(Split, Vec<Position>)> = wanted.iter().filter_map(of).collect();
        let part = match splits.as_slice() {
            [(only, _)] => Some(*only),
            _ => None,
        };
        let scan: Vec<Position> = splits.into_iter().flat_map(|(_, scan)| scan).collect();
        let diameter = known.diameter;
        let there = areas.iter().find(|(of, width, _)| *width == diameter && *of == scan);
        let patterns = scan.len() as f64;
        let area = there.map_or_else(|| covered_area(&scan, diameter), |(.., area)| *area);
        if there.is_none() {
            areas.push((scan, diameter, area));
        }
        let patterns_per_px = patterns / area;
        if patterns_per_px.is_finite() && patterns > 0.0 {
            found.insert(case, Specimen { patterns, patterns_per_px, part });
        }
    }
    found
}

/// The positions of a split of a scan: those of its data set, or of a reconstruction; or of a split
/// that the study does not reconstruct, those that its view would keep.
fn of_split(
    folder: &StudyFolder,
    design: Option<&Design>,
    case: &Case,
    known: &Known,
    split: Split,
) -> Option<Vec<Position>> {
    let condition = Condition { split, ..case.condition };
    let roots = folder.roots();
    let of_data = || positions(&roots.input(condition, case.repeat));
    let of_result = || positions(known.files.get(&split)?);
    let would_keep = || {
        let (design, spacing) = (design?, known.spacing?);
        let scan = positions(&roots.split(condition, case.repeat))?;
        let acceptance = design.views.acceptance();
        let kept = match condition.view {
            View::Step(_) => select_step(&scan, spacing, &acceptance),
            View::Baseline | View::Dense | View::Sparse => select(&scan, spacing, &acceptance),
        };
        Some(kept.ok()?.kept.into_iter().map(|index| scan[index]).collect())
    };
    let some = |scan: &Vec<Position>| !scan.is_empty();
    of_data().filter(some).or_else(of_result).filter(some).or_else(would_keep).filter(some)
}

/// The case of the first split and solver, which stands for the whole scan.
pub(crate) fn of_scan(case: &Case) -> Case {
    let condition = Condition { split: Split::Train, ..case.condition };
    Case { condition, solver: None, ..case.clone() }
}
