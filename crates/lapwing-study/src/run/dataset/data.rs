//! Data sets: simulated at a dose, and cut into train and test splits.

use crate::geometry::split::{Axis, Cut, Shared, Splits};
use crate::run::dataset::stream::Streaming;
pub use crate::run::dataset::thinned::{Thinned, limit, mask_limit, stopped, thin};
pub(crate) use crate::run::dataset::thinned::{clumped, clumped_remedy, gain};
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_files::dialect::ReadOptions;
use lapwing_files::metadata::{append_transformation, set_physics_parameter, stamp_transformation};
use lapwing_files::{Dataset, Metadata, Patterns, remarks};
use lapwing_model::{position, probe};
use serde_json::{Value, json};
use std::path::Path;

/// Name of this program in the history of a data set, and what that calls a simulation.
pub(crate) use lapwing_files::metadata::{SIMULATED, TOOL};

/// Key of the metadata that says what `objectGuess` is, where it is no truth.
pub(crate) const REFERENCE: &str = "reference";

/// Key of the metadata that says how `probeGuess` was made, where it is not the scan's own.
pub(crate) const START_PROBE: &str = "start_probe";

/// Writes into the history of a data set when its last step was made. Not for the data of studies,
/// which are the same bits whenever they are made.
pub fn stamp(dataset: &mut Dataset) {
    if let Some(metadata) = &mut dataset.metadata {
        stamp_transformation(metadata, &Timestamp::now().to_string());
    }
}

/// Reads a data set of any dialect; what does not fit into memory is kept beside it.
pub(crate) fn read(path: &Path, stream: Streaming) -> Result<Dataset> {
    let folder = path.parent().unwrap_or(Path::new("."));
    Ok(stream.read(path, &ReadOptions::default(), folder)?.0)
}

/// Diameter of the illuminated disc of a data set, pixels: the probe's, else the
/// usual one.
pub fn probe_diameter(dataset: &Dataset) -> f64 {
    let (_, height, width) = dataset.diffraction.dim();
    let measured =
        dataset.probe.as_ref().map(|probe| probe::diameter(probe.view())).filter(|d| *d > 0.0);
    measured.unwrap_or_else(|| probe::usual_diameter((height, width)))
}

/// Squared amplitudes, axes (pattern, y, x), kept where the patterns are.
pub(crate) fn intensities(dataset: &Dataset) -> Result<Patterns> {
    Ok(dataset.diffraction.map(|amplitude| amplitude * amplitude)?)
}

/// [`intensities`] with what is around them in place of pixels that are beyond doubt no
/// measurement: what is told from the light as a whole.
pub(crate) fn sound_intensities(dataset: &Dataset) -> Result<Patterns> {
    let mut patterns = intensities(dataset)?;
    let (_, pixels) = remarks::no_measurement(&remarks::of(dataset));
    let (height, width) = dataset.pattern_shape();
    let around = |&(y, x): &(usize, usize)| -> Vec<(usize, usize)> {
        let rows = y.saturating_sub(1)..(y + 2).min(height);
        rows.flat_map(|row| (x.saturating_sub(1)..(x + 2).min(width)).map(move |at| (row, at)))
            .filter(|at| pixels.binary_search(at).is_err())
            .collect()
    };
    let neighbours: Vec<Vec<(usize, usize)>> = pixels.iter().map(around).collect();
    for mut pattern in patterns.view_mut().outer_iter_mut() {
        for (&at, near) in pixels.iter().zip(&neighbours) {
            let light: f32 = near.iter().map(|&near| pattern[near]).sum();
            pattern[at] = light / near.len().max(1) as f32;
        }
    }
    Ok(patterns)
}

/// Both splits of a data set.
#[derive(Debug, Clone)]
pub struct SplitData {
    /// The split below the cut.
    pub train: Dataset,
    /// The other split.
    pub test: Dataset,
    /// Indices and cut.
    pub splits: Splits,
    /// What they have in common.
    pub shared: Shared,
}

/// Cuts a data set into train and test splits and says so in their metadata.
///
/// # Errors
/// When a split would be empty.
pub fn split(dataset: &Dataset, cut: &Cut) -> Result<SplitData> {
    let splits = cut.apply(&dataset.scan);
    if splits.train.is_empty() || splits.test.is_empty() {
        let (y0, y1, x0, x1) = position::bounding_box(&dataset.scan).unwrap_or_default();
        let (here, other) = match cut.axis {
            Axis::Y => ("y", "x"),
            Axis::X => ("x", "y"),
        };
        return Err(StudyError::Invalid(format!(
            "the split leaves {} train and {} test positions of {}: expected positions on both sides \
             of the cut at {here} = {:.1} px (guard band {} px), found them within y {y0:.1} to \
             {y1:.1} and x {x0:.1} to {x1:.1} px; cut along the other axis (--axis {other}), or \
             elsewhere (--fraction), or with a smaller guard band",
            splits.train.len(),
            splits.test.len(),
            dataset.scan.len(),
            splits.cut,
            cut.guard_band
        )));
    }
    let at = |indices: &[usize]| indices.iter().map(|&i| dataset.scan[i]).collect::<Vec<_>>();
    let shared = Shared::measure(&at(&splits.train), &at(&splits.test), probe_diameter(dataset));
    let cut_out = |indices: &[usize], name: &str, shared: f64| {
        let mut taken = dataset.select(indices)?;
        note_mean_counts(&mut taken);
        let metadata = taken.metadata.get_or_insert_default();
        let facts = json!({
            "part": name,
            "axis": cut.axis,
            "fraction": cut.fraction,
            "guard_band_px": cut.guard_band,
            "cut_px": splits.cut,
            "n_dropped": splits.dropped,
            "shared_fraction": shared,
            "mean_counts_per_pattern_of_scan": mean_counts(dataset),
        });
        metadata.insert("split".to_owned(), facts);
        append_transformation(metadata, TOOL, "split", json!({ "part": name, "n": indices.len() }));
        Ok::<_, StudyError>(taken)
    };
    let train = cut_out(&splits.train, "train", shared.train)?;
    let test = cut_out(&splits.test, "test", shared.test)?;
    Ok(SplitData { train, test, splits, shared })
}

/// Mean counts of the patterns of a data set, when its dose scale is known.
pub fn mean_counts(dataset: &Dataset) -> Option<f64> {
    dataset.intensity_scale().map(|_| dataset.mean_intensity())
}

/// Writes the data set's own mean counts into its metadata, in place of those of the data set it
/// was taken from.
pub fn note_mean_counts(dataset: &mut Dataset) {
    let counts = mean_counts(dataset);
    if let (Some(counts), Some(metadata)) = (counts, &mut dataset.metadata) {
        set_physics_parameter(metadata, "mean_counts_per_pattern", counts);
    }
}

/// Mean counts per pattern of the scan that a split was cut from, as [`split`] wrote them.
pub(crate) fn mean_counts_of_scan(metadata: &Metadata) -> Option<f64> {
    metadata.get("split")?.get("mean_counts_per_pattern_of_scan")?.as_f64()
}

/// The share of this split's illuminated object that the other split sees too, as [`split`] wrote
/// it.
pub fn shared_fraction(metadata: Option<&Metadata>) -> Option<f64> {
    metadata?.get("split")?.get("shared_fraction")?.as_f64()
}

/// What `objectGuess` is when it is no truth but the reconstruction of all measured photons.
pub fn reference(metadata: Option<&Metadata>) -> Option<&str> {
    metadata?.get(REFERENCE)?.as_str()
}

/// How the probe of a data set was made, where it is not the scan's own.
pub(crate) fn made_probe(metadata: Option<&Metadata>) -> Option<&str> {
    metadata?.get(START_PROBE)?.as_str()
}

pub(crate) fn object_of(value: Value) -> Metadata {
    match value {
        Value::Object(object) => object,
        _ => Metadata::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::metadata::physics_parameter;
    use lapwing_model::Position;

    #[test]
    fn splits_and_views_tell_their_own_mean_counts() {
        // Pattern i holds 4 x 4 pixels of amplitude i + 1, and the scale is 2: 64 (i + 1)^2 counts.
        let metadata = json!({"physics_parameters":
            {"nphotons": 1, "intensity_scale": 2.0, "mean_counts_per_pattern": 5.0}});
        let whole = Dataset {
            diffraction: ndarray::Array3::from_shape_fn((6, 4, 4), |(i, _, _)| (i + 1) as f32)
                .into(),
            scan: (0..6).map(|i| Position { y: 10.0 * f64::from(i), x: 3.0 }).collect(),
            metadata: Some(object_of(metadata)),
            ..Dataset::default()
        };
        let told = |dataset: &Dataset| {
            physics_parameter(dataset.metadata.as_ref().unwrap(), "mean_counts_per_pattern")
        };
        let splits = split(&whole, &Cut::default()).unwrap();
        let mean = |patterns: &[i32]| {
            patterns.iter().map(|i| 64.0 * f64::from(i * i)).sum::<f64>() / patterns.len() as f64
        };
        assert_eq!(
            (told(&splits.train), told(&splits.test)),
            (Some(mean(&[1, 2, 3])), Some(mean(&[4, 5, 6])))
        );
        let of_scan = mean_counts_of_scan(splits.train.metadata.as_ref().unwrap());
        assert_eq!(of_scan, Some(mean(&[1, 2, 3, 4, 5, 6])));
        let acceptance =
            crate::geometry::selection::Acceptance { min_positions: 1, ..Default::default() };
        let made = crate::run::dataset::views::make(
            &splits.test,
            crate::View::Dense,
            15.0,
            &acceptance,
            "x",
        )
        .unwrap();
        let crate::run::dataset::views::Made::View(view, _) = made else { panic!("{made:?}") };
        assert_eq!((view.scan.len(), told(&view)), (2, Some(mean(&[4, 6]))));
    }
}
