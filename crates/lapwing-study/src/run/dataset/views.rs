//! Views: selections of a split's positions, each a complete data set of its own.

use crate::design::condition::{Condition, Split, View};
use crate::disk::record::Telemetry;
use crate::geometry::selection::{
    Acceptance, Refusal, Selection, effective_min_acceptance, geometry_acceptance_bound,
    positions_needed, select, select_step,
};
use crate::run::dataset::data::{TOOL, note_mean_counts, probe_diameter};
use crate::{Result, StudyError};
use lapwing_files::metadata::{self, KEY, ViewMetadata, append_transformation};
use lapwing_files::{Archive, Container, Dataset, Metadata, ReadOptions};
use lapwing_model::Position;
use serde_json::json;
use std::path::Path;

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
///
/// # Errors
/// A split that cannot be filtered, or without positions.
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
    let selection = match selected(view, &split.scan, spacing, acceptance) {
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
    let mut dataset = split.select(&selection.kept)?;
    note_mean_counts(&mut dataset);
    let bound = geometry_acceptance_bound(&split.scan, probe_diameter(split));
    let metadata = dataset.metadata.get_or_insert_default();
    let fields = ViewMetadata {
        overlap_view: view.name(),
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

/// The positions that a view keeps: of a step as many as fit, of the named views those of the
/// reference study's two rules.
pub(crate) fn selected(
    view: View,
    scan: &[Position],
    spacing: f64,
    acceptance: &Acceptance,
) -> std::result::Result<Selection, Refusal> {
    match view {
        View::Step(_) => select_step(scan, spacing, acceptance),
        View::Baseline | View::Dense | View::Sparse => select(scan, spacing, acceptance),
    }
}

/// How many times a mean of counts may be off the dose of its place.
const MEAN_WITHIN: f64 = 1.5;

/// What mends the metadata of a view.
const AGAIN: &str = "make the view again with `lapwing views`";

/// The selection of a view as the metadata of its file tell it.
///
/// # Errors
/// When a field is absent, of the wrong kind, or contradicts another.
pub fn telemetry(file: &Path, metadata: Option<&Metadata>) -> Result<Telemetry> {
    let invalid = |what: String| {
        let file = file.display();
        StudyError::Invalid(format!("{file}: `{KEY}` is not that of a view: {what}; {AGAIN}"))
    };
    let metadata = metadata.ok_or_else(|| invalid("there is none".to_owned()))?;
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

/// The condition whose view belongs in the place of `file`, `dose_1000/dense/dense_train.npz`.
pub fn place_of(file: &Path) -> Option<Condition> {
    let view: View = file.parent()?.file_name()?.to_str()?.parse().ok()?;
    let dose = file.parent()?.parent()?.file_name()?.to_str()?.strip_prefix("dose_")?;
    let name = file.file_name()?.to_str()?.strip_suffix(".npz")?;
    let split = name.strip_prefix(view.name().as_str())?.strip_prefix('_')?.parse().ok()?;
    let place = Condition { dose: dose.parse().ok()?, view, split };
    (view != View::Baseline).then_some(place)
}

/// The selection of the view of `condition` as its file tells it, and where the file says that it
/// is another view, of another dose or of the other split than the one of its place, in what.
///
/// # Errors
/// When the metadata cannot be read, and as for [`telemetry`].
pub fn held_against_place(
    file: &Path,
    condition: Condition,
) -> Result<(Telemetry, Option<String>)> {
    // A view is known by its metadata: to pass over them is no way on.
    let metadata = metadata::read(&Archive::open(file)?).map_err(|error| match error {
        lapwing_files::Error::Metadata(unreadable) => StudyError::Invalid(format!(
            "{}: `{KEY}`: expected the metadata of a view, without which nothing tells which one it \
             is, found {}: {AGAIN}",
            file.display(),
            unreadable.first_bytes
        )),
        other => other.into(),
    })?;
    let telemetry = telemetry(file, metadata.as_ref())?;
    Ok((telemetry, out_of_place(file, metadata.as_ref(), condition)))
}

/// What is wrong with the place of a view, with the ways on.
pub fn with_ways_on(told: &str) -> String {
    format!("{told}; {AGAIN}, or accept the names with --trust-names")
}

/// Where the metadata of a view contradict `condition`, that of its place: in what.
fn out_of_place(file: &Path, metadata: Option<&Metadata>, condition: Condition) -> Option<String> {
    let wrong = misplaced(metadata?, condition);
    (!wrong.is_empty()).then(|| {
        format!(
            "{} lies in the place of {condition}, but its `{KEY}` says {}",
            file.display(),
            wrong.join(" and ")
        )
    })
}

/// What is wrong with the place of a split's data set, with the ways on.
pub fn data_with_ways_on(told: &str) -> String {
    format!(
        "{told}; put the data set of that place there, accept the name with --trust-names, or read it \
         without its metadata (--leave-out {KEY})"
    )
}

/// Refuses to leave out the metadata of a view in `file`, without which it is none.
pub(crate) fn keeps_metadata(file: &Path, reading: &ReadOptions) -> Result<()> {
    match reading.leaves_out(KEY) {
        false => Ok(()),
        true => Err(StudyError::Invalid(format!(
            "{}: --leave-out {KEY} leaves out what a view must have to be one: drop it, or \
             reconstruct the file by itself (`lapwing reconstruct`)",
            file.display()
        ))),
    }
}

/// Where a split's data set, which was read from `file` as `reading` says, contradicts its place:
/// in what. A dose of `None` is not told by its place; who leaves out the metadata goes by the
/// place alone.
///
/// # Errors
/// When the metadata of the file cannot be read.
pub fn data_out_of_place(
    file: &Path,
    (dataset, reading): (&Dataset, &ReadOptions),
    dose: Option<u64>,
    split: Split,
) -> Result<Option<String>> {
    if reading.leaves_out(KEY) {
        return Ok(None);
    }
    // Reading adds the mean of the counts to what a file says, where it says no dose.
    let said = Container::open_as(file, reading)?.metadata()?.unwrap_or_default();
    let photons = metadata::nphotons(&said);
    let counted = match photons {
        None => dataset.metadata.as_ref().and_then(metadata::nphotons),
        Some(_) => None,
    };
    let another = photons.zip(dose).filter(|&(photons, dose)| is_another(photons, dose));
    let far = counted.zip(dose).filter(|&(mean, dose)| is_far(mean, dose));
    let part = said.get("split").and_then(|split| split["part"].as_str());
    let part = part.filter(|&part| part != split.name());
    let at_dose = dose.map(|dose| format!(" at dose {dose}")).unwrap_or_default();
    let says = [
        another.map(|(photons, _)| format!("physics_parameters.nphotons {photons}")),
        part.map(|part| format!("split.part {part}")),
    ];
    let says: Vec<String> = says.into_iter().flatten().collect();
    let wrong = [
        far.map(|(mean, _)| format!("has {mean:.1} counts per pattern")),
        (!says.is_empty()).then(|| format!("its `{KEY}` says {}", says.join(" and "))),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    Ok((!wrong.is_empty()).then(|| {
        format!(
            "{} lies in the place of the {split} split{at_dose}, but {}",
            file.display(),
            wrong.join(" and ")
        )
    }))
}

/// Whether a number of photons is that of another dose. The name of a folder is rounded; a number
/// that is not whole is the mean of counts whose dose nobody has told, that of what the specimen
/// let through of one split.
fn is_another(photons: f64, dose: u64) -> bool {
    match photons.fract() == 0.0 {
        true => (photons - dose as f64).abs() > 0.5,
        false => is_far(photons, dose),
    }
}

/// Whether a mean of counts is not that of data of a dose.
fn is_far(mean: f64, dose: u64) -> bool {
    let dose = dose as f64;
    !(dose / MEAN_WITHIN..=dose * MEAN_WITHIN).contains(&mean)
}

/// What the metadata of a view say that contradicts `condition`.
fn misplaced(metadata: &Metadata, condition: Condition) -> Vec<String> {
    let Ok(found) = ViewMetadata::parse(metadata) else { return Vec::new() };
    let mut wrong = Vec::new();
    if found.overlap_view != condition.view.name() {
        wrong.push(format!("overlap_view {}", found.overlap_view));
    }
    // `dose_1000/patched_train.npz`, whatever comes before it.
    let source = found.source_file.replace('\\', "/");
    let mut parts = source.rsplit('/');
    let split_of_source = parts
        .next()
        .and_then(|name| name.strip_suffix(".npz")?.rsplit('_').next()?.parse::<Split>().ok());
    let dose_of_source =
        parts.next().and_then(|folder| folder.strip_prefix("dose_")?.parse::<f64>().ok());
    match (metadata::nphotons(metadata), dose_of_source) {
        (Some(photons), _) if is_another(photons, condition.dose) => {
            wrong.push(format!("physics_parameters.nphotons {photons}"));
        }
        (None, Some(dose)) if dose != condition.dose as f64 => {
            wrong.push(format!("source_file {}", found.source_file));
        }
        _ => {}
    }
    let part = metadata.get("split").and_then(|split| split["part"].as_str());
    match (part, split_of_source) {
        (Some(part), _) if part != condition.split.name() => {
            wrong.push(format!("split.part {part}"));
        }
        (None, Some(split)) if split != condition.split => {
            wrong.push(format!("source_file {}", found.source_file));
        }
        _ => {}
    }
    wrong
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
    use lapwing_files::npy::Array;
    use lapwing_model::Position;
    use ndarray::Array3;
    use serde_json::Value;

    fn split() -> Dataset {
        let scan: Vec<Position> = (0..100)
            .map(|i| Position { y: 10.0 * (i / 10) as f64, x: 10.0 * (i % 10) as f64 })
            .collect();
        let text = r#"{"split": {"shared_fraction": 0.25}, "mine": [1, {"a": null}]}"#;
        Dataset {
            diffraction: Array3::from_shape_fn((100, 4, 4), |(i, _, _)| i as f32).into(),
            scan,
            metadata: serde_json::from_str(text).unwrap(),
            frames: Some((0..100).collect()),
            extras: vec![("note".to_owned(), Array::text("kept"))],
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
        for (position, pattern) in view.scan.iter().zip(view.diffraction.iter()) {
            let index = (position.y + position.x / 10.0) as f32;
            assert!(pattern.iter().all(|&value| value == index));
        }
        assert_eq!(view.frames.as_ref().map(Vec::len), Some(25));
        assert_eq!(view.extras, [("note".to_owned(), Array::text("kept"))]);
        let metadata = view.metadata.as_ref().unwrap();
        assert_eq!(metadata["overlap_view"], "dense");
        assert_eq!(metadata["source_file"], "dose_7/patched_train.npz");
        assert_eq!(metadata["mine"], json!([1, {"a": null}]));
        assert_eq!(metadata["data_transformations"][0]["operation"], "select positions");
        assert_eq!(super::telemetry(Path::new("v.npz"), Some(metadata)).unwrap(), telemetry);
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
        let file = Path::new("dense_train.npz");
        let none = telemetry(file, None).unwrap_err().to_string();
        for part in ["dense_train.npz", "_metadata", "there is none", "lapwing views"] {
            assert!(none.contains(part), "{none}");
        }
        let with = |change: Value| {
            let mut all = json!({"overlap_view": "dense", "source_file": "a.npz", "selection_strategy": "direct", "acceptance_rate": 0.5, "spacing_threshold": 3.0,
                "n_accepted": 5, "n_rejected": 5, "extra": 1});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            telemetry(file, all.as_object())
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

    #[test]
    fn a_place_tells_its_condition() {
        let place = |path: &str| place_of(Path::new(path)).map(|place| place.to_string());
        let told = Some("dose 1000 dense train".to_owned());
        assert_eq!(place("x/dose_1000/dense/dense_train.npz"), told);
        for none in [
            "dense_train.npz",
            "dose_1000/dense/sparse_train.npz",
            "dose_1000/dense/dense_val.npz",
            "dose_x/dense/dense_train.npz",
            "dose_1000/baseline/baseline_train.npz",
        ] {
            assert_eq!(place(none), None, "{none}");
        }
    }

    #[test]
    fn a_view_is_held_against_its_place() {
        let place = Condition { dose: 1000, view: View::Dense, split: Split::Train };
        let said = |change: Value| {
            let mut all = json!({"overlap_view": "dense", "selection_strategy": "direct",
                "source_file": "c/dose_1000/patched_train.npz", "acceptance_rate": 0.5,
                "spacing_threshold": 3.0, "n_accepted": 5, "n_rejected": 5});
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            misplaced(all.as_object().unwrap(), place).join(", ")
        };
        assert_eq!(said(json!({})), "");
        let own = json!({"physics_parameters": {"nphotons": 1000.0}, "split": {"part": "train"}});
        assert_eq!(said(own), "");
        // The mean of counts whose dose nobody has told.
        assert_eq!(said(json!({"physics_parameters": {"nphotons": 961.156}})), "");
        // What is said outright counts more than the name of a source.
        let own = json!({"source_file": "x/dose_7/a_test.npz",
            "physics_parameters": {"nphotons": 1000.0}, "split": {"part": "train"}});
        assert_eq!(said(own), "");
        for (change, told) in [
            (json!({"overlap_view": "sparse"}), "overlap_view sparse"),
            (json!({"physics_parameters": {"nphotons": 1e4}}), "physics_parameters.nphotons 10000"),
            (json!({"physics_parameters": {"nphotons": 1001}}), "physics_parameters.nphotons 1001"),
            (
                json!({"physics_parameters": {"nphotons": 610.5}}),
                "physics_parameters.nphotons 610.5",
            ),
            (json!({"split": {"part": "test"}}), "split.part test"),
            (json!({"source_file": "dose_100/patched_train.npz"}), "source_file dose_100/"),
            (json!({"source_file": "dose_1000\\\\patched_test.npz"}), "source_file dose_1000"),
        ] {
            let found = said(change.clone());
            assert!(found.contains(told), "{change}: {found}");
        }
    }
}
