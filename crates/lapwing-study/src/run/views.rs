//! Views: selections of a split's positions, each a complete data set of its own.

use crate::design::condition::View;
use crate::disk::record::Telemetry;
use crate::geometry::selection::{
    Acceptance, Refusal, effective_min_acceptance, geometry_acceptance_bound, positions_needed,
    select,
};
use crate::run::data::{TOOL, note_mean_counts, probe_diameter};
use crate::{Result, StudyError};
use lapwing_files::metadata::{ViewMetadata, append_transformation};
use lapwing_files::{Dataset, Metadata};
use serde_json::json;

/// A view that was made, or the numbers that say why not.
#[derive(Debug, Clone)]
pub enum Made {
    /// The view and how its positions were selected.
    View(Box<Dataset>, Telemetry),
    /// Neither rule keeps enough positions.
    Refused(Refusal),
}

/// Selects positions of `split` at least `spacing` apart and returns the data set of these.
///
/// Arrays with one entry for each position are filtered, all else is carried over. `source_file`
/// names the split in the metadata. A file without metadata gets one that holds the view's fields.
pub fn make(
    split: &Dataset,
    view: View,
    spacing: f64,
    acceptance: &Acceptance,
    source_file: &str,
) -> Result<Made> {
    if !(spacing > 0.0 && spacing.is_finite()) {
        return Err(StudyError::Invalid(format!(
            "spacing {spacing} px: expected a number greater than 0"
        )));
    }
    let selection = match select(&split.scan, spacing, acceptance) {
        Ok(selection) => selection,
        Err(refusal) => return Ok(Made::Refused(refusal)),
    };
    let (n, n_accepted) = (split.scan.len(), selection.kept.len());
    let telemetry = Telemetry {
        selection_strategy: selection.strategy,
        acceptance_rate: n_accepted as f64 / n as f64,
        spacing_threshold: spacing,
        n_accepted,
        n_rejected: n - n_accepted,
    };
    let mut dataset = split.select(&selection.kept);
    note_mean_counts(&mut dataset);
    let bound = geometry_acceptance_bound(&split.scan, probe_diameter(split));
    let metadata = dataset.metadata.get_or_insert_default();
    let fields = ViewMetadata {
        overlap_view: view.name().to_owned(),
        spacing_threshold: spacing,
        source_file: source_file.to_owned(),
        n_accepted: n_accepted as u64,
        n_rejected: (n - n_accepted) as u64,
        acceptance_rate: telemetry.acceptance_rate,
        selection_strategy: selection.strategy,
    };
    fields.write_into(metadata);
    metadata.insert("geometry_acceptance_bound".to_owned(), json!(bound));
    metadata.insert("effective_min_acceptance".to_owned(), json!(effective_min_acceptance(bound)));
    append_transformation(
        metadata,
        TOOL,
        "select positions",
        json!({ "view": view, "n": n_accepted }),
    );
    Ok(Made::View(Box::new(dataset), telemetry))
}

/// The selection of a view as its metadata tell it.
///
/// # Errors
/// When a field is absent, of the wrong kind, or contradicts another.
pub fn telemetry(metadata: Option<&Metadata>) -> Result<Telemetry> {
    let invalid = |what: String| {
        StudyError::Invalid(format!(
            "the metadata are not those of a view: {what}: make the view again"
        ))
    };
    let metadata = metadata.ok_or_else(|| invalid("there are none".to_owned()))?;
    let found = ViewMetadata::parse(metadata).map_err(|problems| {
        invalid(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    Ok(Telemetry {
        selection_strategy: found.selection_strategy,
        acceptance_rate: found.acceptance_rate,
        spacing_threshold: found.spacing_threshold,
        n_accepted: found.n_accepted as usize,
        n_rejected: found.n_rejected as usize,
    })
}

/// What would make a refused view possible, in addition to what the refusal says itself.
pub(crate) fn advice(refusal: &Refusal, diameter_over_n: f64) -> String {
    match positions_needed(diameter_over_n) {
        Some(needed) if refusal.greedy < needed => format!(
            "{refusal}; with this probe fewer than {needed} separate patterns hold fewer measured numbers than unknowns"
        ),
        _ => refusal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::record::Strategy;
    use lapwing_files::npy::{Array, Values};
    use lapwing_model::Position;
    use ndarray::Array3;
    use serde_json::Value;

    fn split() -> Dataset {
        let scan: Vec<Position> = (0..100)
            .map(|i| Position { y: 10.0 * (i / 10) as f64, x: 10.0 * (i % 10) as f64 })
            .collect();
        let text = r#"{"split": {"shared_fraction": 0.25}, "mine": [1, {"a": null}]}"#;
        Dataset {
            diffraction: Array3::from_shape_fn((100, 4, 4), |(i, _, _)| i as f32),
            scan,
            metadata: serde_json::from_str(text).unwrap(),
            extras: vec![
                (
                    "scan_index".to_owned(),
                    Array::new(vec![100], Values::I64((0..100).collect())).unwrap(),
                ),
                ("note".to_owned(), Array::text("kept")),
            ],
            ..Dataset::default()
        }
    }

    #[test]
    fn a_view_is_a_complete_data_set_with_its_telemetry() {
        let split = split();
        let made =
            make(&split, View::Dense, 20.0, &Acceptance::default(), "dose_7/patched_train.npz")
                .unwrap();
        let Made::View(view, telemetry) = made else { panic!("{made:?}") };
        assert_eq!((view.scan.len(), telemetry.selection_strategy), (25, Strategy::Greedy));
        for (position, pattern) in view.scan.iter().zip(view.diffraction.outer_iter()) {
            let index = (position.y + position.x / 10.0) as f32;
            assert!(pattern.iter().all(|&value| value == index));
        }
        let extra = |name: &str| &view.extras.iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!(extra("scan_index").shape(), [25]);
        assert_eq!(extra("note"), &Array::text("kept"));
        let metadata = view.metadata.as_ref().unwrap();
        assert_eq!(metadata["overlap_view"], "dense");
        assert_eq!(metadata["source_file"], "dose_7/patched_train.npz");
        assert_eq!(metadata["mine"], json!([1, {"a": null}]));
        assert_eq!(metadata["data_transformations"][0]["operation"], "select positions");
        assert_eq!(super::telemetry(Some(metadata)).unwrap(), telemetry);
        assert_eq!((telemetry.n_rejected, telemetry.acceptance_rate), (75, 0.25));
        let bound = metadata["geometry_acceptance_bound"].as_f64().unwrap();
        assert!(bound > 0.0 && metadata["effective_min_acceptance"].as_f64() == Some(bound));
    }

    #[test]
    fn hopeless_views_are_refused_with_numbers() {
        let made = make(&split(), View::Sparse, 130.0, &Acceptance::default(), "x").unwrap();
        let Made::Refused(refusal) = made else { panic!("{made:?}") };
        assert_eq!((refusal.greedy, refusal.needed), (1, 5));
        assert!(advice(&refusal, 0.6).contains("fewer than 5"));
        assert!(make(&split(), View::Sparse, f64::NAN, &Acceptance::default(), "x").is_err());
    }

    #[test]
    fn foreign_or_contradictory_metadata_are_refused() {
        assert!(telemetry(None).unwrap_err().to_string().contains("there are none"));
        let with = |change: Value| {
            let mut all = json!({"overlap_view": "dense", "source_file": "a.npz", "selection_strategy": "direct", "acceptance_rate": 0.5, "spacing_threshold": 3.0,
                "n_accepted": 5, "n_rejected": 5, "extra": 1});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            telemetry(all.as_object())
        };
        assert!(with(json!({})).is_ok());
        assert!(
            with(json!({"selection_strategy": "magic"})).unwrap_err().to_string().contains("magic")
        );
        assert!(with(json!({"acceptance_rate": 0.7})).is_err());
        assert!(with(json!({"n_accepted": -1})).is_err());
        assert!(with(json!({"spacing_threshold": 0.0})).is_err());
        assert!(with(json!({"n_rejected": null})).is_err());
    }
}
