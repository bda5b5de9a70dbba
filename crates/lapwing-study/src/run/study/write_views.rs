//! Views of data sets on disk, outside a study or in one that is there.

use super::{discard_results, discard_view, make_view};
use crate::design::ViewRules;
use crate::design::condition::{Condition, Split, View};
use crate::disk::folder::StudyFolder;
use crate::disk::foreign;
use crate::disk::layout::{Roots, data_file, view_file};
use crate::disk::ledger::Ledger;
use crate::disk::lock::{Lock, enclosing_study};
use crate::disk::path::{absolute, remove_abandoned_below};
use crate::disk::record::Telemetry;
use crate::run::dataset::stream::Streaming;
use crate::run::dataset::views::data_out_of_place;
use crate::{Result, StudyError};
use lapwing_files::{ReadOptions, metadata};
use std::path::PathBuf;

/// The views that [`write_views`] made and refused.
#[derive(Debug, Clone, Default)]
pub struct ViewsReport {
    /// Made, with the selection.
    pub made: Vec<(Condition, Telemetry, PathBuf)>,
    /// Refused, with the numbers.
    pub refused: Vec<(Condition, String)>,
    /// Files that were there already and have been replaced, or removed where the view was refused.
    pub replaced: Vec<PathBuf>,
}

/// Makes the views `wanted` of `doses` from the data under `roots.data`, read as `reading` says,
/// and writes them under `roots.views`.
///
/// A refused view is removed when it was there from before; in a study's own folder of views its
/// result is, too.
///
/// # Errors
/// When the folder of the views or the study around it is held by another process, a split's file
/// cannot be read, lies in the place of another or a view cannot be written; a refused view is in
/// the report.
pub fn write_views(
    roots: &Roots,
    doses: &[u64],
    wanted: &[View],
    settings: &ViewRules,
    reading: &ReadOptions,
    stream: Streaming,
) -> Result<ViewsReport> {
    let files = doses.iter().flat_map(|&dose| Split::ALL.map(|split| (dose, split)));
    let files = files.flat_map(|(dose, split)| {
        wanted.iter().map(move |&view| view_file(&roots.views, dose, view, split))
    });
    foreign::refuse(&roots.views, files)?;
    let _locks = Lock::acquire_within(&roots.views)?;
    remove_abandoned_below(&roots.views);
    let study = enclosing_study(&roots.views).map(StudyFolder::new);
    let study = study.filter(|study| study.views_root() == absolute(&roots.views));
    let mut report = ViewsReport::default();
    for (dose, split) in doses.iter().flat_map(|&dose| Split::ALL.map(|split| (dose, split))) {
        let file = data_file(&roots.data, dose, split);
        let (mut dataset, _) = stream.read(&file, reading, &roots.views)?;
        if let Some(wrong) = data_out_of_place(&file, (&dataset, reading), Some(dose), split)? {
            return Err(StudyError::Invalid(format!(
                "{wrong}: put the data set of that place there, or go by its place alone \
                 (--leave-out {})",
                metadata::KEY
            )));
        }
        if let Some(metadata) =
            dataset.metadata.as_mut().filter(|_| reading.leaves_out(metadata::KEY))
        {
            // The view is that of its place; what reading makes of the counts is nobody's word.
            metadata::remove_physics_parameter(metadata, "nphotons");
        }
        let (_, height, width) = dataset.diffraction.dim();
        for &view in wanted {
            let Some(spacing) = settings.spacing(view, height.min(width)) else { continue };
            let condition = Condition { dose, view, split };
            let file = view_file(&roots.views, dose, view, split);
            let timed = study.is_none();
            let there = file.is_file();
            let outcome =
                make_view(&dataset, condition, spacing, &settings.acceptance(), &file, timed)?;
            if there {
                report.replaced.push(file.clone());
            }
            match outcome {
                Ok(telemetry) => report.made.push((condition, telemetry, file)),
                Err(reason) => {
                    discard_view(&roots.views, condition)?;
                    if let Some(study) = &study {
                        discard_results(study, &mut Ledger::open(study.root())?, condition, 1)?;
                    }
                    report.refused.push((condition, reason));
                }
            }
        }
    }
    Ok(report)
}
