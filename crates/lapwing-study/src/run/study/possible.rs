//! Whether the jobs of a design can be done with its data, told before these are made.

use crate::design::condition::View;
use crate::design::solver::Method;
use crate::run::dataset::views::selected;
use crate::run::solve::able::Term;
use crate::run::solve::allowed::check_eigenmodes;
use crate::{Design, Result, Split, StudyError};
use lapwing_model::Position;

/// Refuses solvers that have no `slices` of an object that has them, and more eigenmodes than the
/// patterns of a view determine, `scan` being that of all patterns.
///
/// # Errors
/// The first such solver, in keys of the design, and of a view which one.
pub(super) fn check(design: &Design, scan: &[Position], slices: usize) -> Result<()> {
    for solver in design.solvers.iter().map(|solver| solver.settled(true)) {
        let Method::Native(config) = &solver.method else { continue };
        let in_keys = |error| design.source.in_keys_of_job(solver.algorithm(), error);
        if slices > 1 {
            Term::Slices.check(&*config.solver).map_err(in_keys)?;
        }
        if config.start.probe_eigenmodes == 0 {
            continue;
        }
        for (view, split) in views(design) {
            let Some(kept) = kept(design, scan, view, split) else { continue };
            check_eigenmodes(config.start.probe_eigenmodes, kept.len()).map_err(|error| {
                let told = in_keys(error);
                StudyError::Invalid(format!("{view} view of {split}: {told}"))
            })?;
        }
    }
    Ok(())
}

/// Every view of every split of a design.
fn views(design: &Design) -> impl Iterator<Item = (View, Split)> {
    let study = &design.study;
    study.views.iter().flat_map(|&view| study.splits.iter().map(move |&split| (view, split)))
}

/// The positions of a split of `scan` that a view keeps; `None` where it cannot be made.
pub(super) fn kept(
    design: &Design,
    scan: &[Position],
    view: View,
    split: Split,
) -> Option<Vec<Position>> {
    let splits = design.split.apply(scan);
    let indices = match split {
        Split::Train => &splits.train,
        Split::Test => &splits.test,
    };
    let scan: Vec<Position> = indices.iter().map(|&index| scan[index]).collect();
    let Some(spacing) = design.views.spacing(view, design.study.pattern_size) else {
        return Some(scan);
    };
    let selection = selected(view, &scan, spacing, &design.views.acceptance()).ok()?;
    Some(selection.kept.iter().map(|&index| scan[index]).collect())
}
