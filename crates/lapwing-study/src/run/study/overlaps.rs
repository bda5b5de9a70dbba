//! Overlap metrics of data sets on disk: those of a study, and those of a pair of splits with the
//! images that were kept.

use crate::design::Design;
use crate::design::condition::{Condition, Split, View};
use crate::disk::folder::StudyFolder;
use crate::disk::foreign;
use crate::disk::json::write_json;
use crate::disk::lock::Lock;
use crate::geometry::overlap::{Bundle, Overlap, Sampling, kept_images, measure};
use crate::run::dataset::data::{TOOL, note_mean_counts, stamp};
use crate::run::jobs;
use crate::{Result, StudyError};
use lapwing_files::metadata::{append_transformation, physics_parameter};
use lapwing_files::{Archive, Dataset};
use lapwing_model::probe;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Measures the overlap of every data set of the study for every grid size, and writes it beside
/// the files: one JSON for each split (`overlap_gs1_train.json`), and both in one bundle
/// (`overlap_gs1.json`). Repeats have the same positions.
pub(super) fn measure_overlaps(design: &Design, folder: &StudyFolder) -> Result<()> {
    let of_view = |&view: &View| design.study.doses_of(view).into_iter().map(move |d| (d, view));
    for (dose, view) in design.study.views.iter().flat_map(of_view) {
        for &gridsize in &design.study.gridsize {
            let mut bundle = Bundle::default();
            let mut dir = PathBuf::new();
            for &split in &design.study.splits {
                let file = folder.roots().input(Condition { dose, view, split }, 1);
                if !file.is_file() {
                    continue;
                }
                dir = file.parent().map(Path::to_path_buf).unwrap_or_default();
                let overlap = overlap_of(design, &file, gridsize)?;
                write_json(&dir.join(format!("overlap_gs{gridsize}_{split}.json")), &overlap)?;
                *of_split(&mut bundle, split) = Some(overlap);
            }
            if bundle != Bundle::default() {
                write_json(&dir.join(format!("overlap_gs{gridsize}.json")), &bundle)?;
            }
        }
    }
    Ok(())
}

/// The overlap of one file of the study, of which only positions and metadata are read.
fn overlap_of(design: &Design, file: &Path, gridsize: usize) -> Result<Overlap> {
    let scan = jobs::positions_alone(file)?;
    let metadata = lapwing_files::metadata::read(&Archive::open(file)?)?.unwrap_or_default();
    let diameter = physics_parameter(&metadata, "probe_diameter_px");
    let side = design.study.pattern_size;
    let usual = || probe::usual_diameter((side, side));
    let sampling = Sampling {
        gridsize,
        n_groups: scan.len().max(1),
        neighbor_count: design.study.neighbor_count,
        rng_seed_subsample: design.seeds.subsampling,
        ..Sampling::all_images(diameter.unwrap_or_else(usual))
    };
    Ok(measure(&scan, &sampling)?)
}

fn of_split(bundle: &mut Bundle, split: Split) -> &mut Option<Overlap> {
    match split {
        Split::Train => &mut bundle.train,
        Split::Test => &mut bundle.test,
    }
}

/// The files that [`write_overlaps`] writes into `folder`.
pub fn files_of_overlaps(folder: &Path) -> Vec<PathBuf> {
    let of = |split: Split| [images(folder, split), metrics(folder, split)];
    Split::ALL.into_iter().flat_map(of).chain([folder.join(BUNDLE)]).collect()
}

/// Metrics of both splits.
const BUNDLE: &str = "metrics_bundle.json";

/// The images of a split that were kept.
fn images(folder: &Path, split: Split) -> PathBuf {
    folder.join(format!("{split}.npz"))
}

/// Metrics of a split.
fn metrics(folder: &Path, split: Split) -> PathBuf {
    folder.join(format!("{split}_metrics.json"))
}

/// Measures the overlap of both splits and writes into `folder`, under the names of the reference
/// study: `train_metrics.json`, `test_metrics.json`, both in `metrics_bundle.json`, and the data
/// sets of the images that were kept, `train.npz` and `test.npz`, whose metadata tell the sampling.
///
/// # Errors
/// When a parameter is out of range, no image is kept, the folder is held by another process or
/// cannot be written to.
pub fn write_overlaps(
    train: &Dataset,
    test: &Dataset,
    sampling: &Sampling,
    folder: &Path,
) -> Result<Bundle> {
    let mut bundle = Bundle::default();
    let measured = [(Split::Train, train), (Split::Test, test)]
        .map(|(split, dataset)| Ok((split, dataset, measure(&dataset.scan, sampling)?)));
    let measured = measured.into_iter().collect::<Result<Vec<_>>>()?;
    foreign::refuse(folder, files_of_overlaps(folder))?;
    let _locks = Lock::acquire_within(folder)?;
    for (split, dataset, overlap) in measured {
        let mut kept = dataset.select(&kept_images(dataset.scan.len(), sampling)?)?;
        tell_sampling(&mut kept, &overlap);
        stamp(&mut kept);
        kept.write(images(folder, split))?;
        write_json(&metrics(folder, split), &overlap)?;
        *of_split(&mut bundle, split) = Some(overlap);
    }
    write_json(&folder.join(BUNDLE), &bundle)?;
    Ok(bundle)
}

/// Writes into the metadata of a data set how its images were kept.
fn tell_sampling(dataset: &mut Dataset, overlap: &Overlap) {
    note_mean_counts(dataset);
    let metadata = dataset.metadata.get_or_insert_default();
    let told = json!(overlap.sampling);
    for (name, value) in told.as_object().into_iter().flatten() {
        metadata.insert(name.clone(), value.clone());
    }
    for (name, value) in [
        ("metrics_version", json!(overlap.metrics_version)),
        ("geometry_acceptance_bound", json!(overlap.geometry_acceptance_bound)),
        ("effective_min_acceptance", json!(overlap.effective_min_acceptance)),
    ] {
        metadata.insert(name.to_owned(), value);
    }
    let parameters: Value = json!({ "n": overlap.n_images_subsampled, "sampling": told });
    append_transformation(metadata, TOOL, "keep images", parameters);
}

/// The train or test data set in a folder of one dose: the only file whose name ends in
/// `train.npz` or `test.npz`.
///
/// # Errors
/// When there is none, or more than one.
pub fn split_file(folder: &Path, split: Split) -> Result<PathBuf> {
    let end = format!("{split}.npz");
    let entries = std::fs::read_dir(folder).map_err(StudyError::io("cannot read", folder))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end)))
        .collect();
    found.sort();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            let n = found.len() + usize::from(last.is_some());
            let text = format!(
                "{}: expected one file *{end}, such as patched_{end} of `lapwing split`, found {n}",
                folder.display()
            );
            Err(StudyError::Invalid(text))
        }
    }
}
