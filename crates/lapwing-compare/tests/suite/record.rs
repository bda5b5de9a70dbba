//! The record of a comparison: its keys in JSON, and records of earlier versions.

use crate::common::specimen;
use lapwing_compare::{Comparison, ComparisonRecord, Region, compare, compare_probes};
use lapwing_model::{Complex32, Field};
use ndarray::Axis;
use serde_json::{Value, json};

fn pair() -> (Field, Comparison) {
    let truth = specimen((96, 96), 3);
    let made = Field::from_shape_fn(truth.dim(), |(y, x)| {
        truth[[y, x]] + Complex32::new(0.2 * (y as f32).sin(), 0.2 * (1.3 * x as f32).cos())
    });
    let region = Region::rectangle(16..80, 16..80).unwrap();
    let found = compare(made.view(), truth.view(), &region).unwrap();
    (truth, found)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn keys_are_those_that_scripts_read() {
    let (truth, found) = pair();
    let mut record = ComparisonRecord::new(&found, Some(8e-9));
    let json = json!(record);
    let mut expected =
        ["metrics", "alignment", "resolution", "probe", "pixel_size_m", "reference", "frc"];
    let mut have = keys(&json);
    expected.sort_unstable();
    have.sort_unstable();
    assert_eq!(have, expected);
    assert_eq!(json["metrics"], json!(found.metrics));
    assert_eq!(json["alignment"], json!(found.alignment));
    assert_eq!((&json["probe"], &json["reference"]), (&Value::Null, &json!("truth")));

    let probe = truth.insert_axis(Axis(0));
    record.probe = Some(compare_probes(probe.view(), probe.view()).unwrap());
    record.metrics_own_area = Some(found.metrics.into());
    record.reference = "full-dose reconstruction".to_owned();
    record.add_halves(&found);
    let json = json!(record);
    assert_eq!(json["metrics_own_area"], json!(found.metrics));
    assert_eq!(json["halves"]["metrics"], json!(found.metrics));
    assert_eq!(json["halves"]["resolution"], json["resolution"]);
    assert_eq!(json["halves"]["frc"], json["frc"]);
    let of_halves: Vec<&str> =
        keys(&json["metrics"]).into_iter().filter(|name| name.starts_with("halves_")).collect();
    assert_eq!(of_halves.len(), 14, "correlations only: {of_halves:?}");
    let crossing = &json["metrics"]["halves_phase_frc_half_bit"];
    assert_eq!(crossing, &json["halves"]["metrics"]["phase_frc_half_bit"]);

    let back: ComparisonRecord = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(json!(back), json);
    let mut short = json;
    short.as_object_mut().unwrap().remove("frc");
    short["halves"].as_object_mut().unwrap().remove("frc");
    assert_eq!(json!(record.short()), short);
}

#[test]
fn derived_numbers_are_the_stored_resolutions_under_names() {
    let (_, found) = pair();
    let record = ComparisonRecord::new(&found, Some(8e-9));
    let json = json!(record);
    let derived = record.derived();
    let value = |name: &str| derived.iter().find(|number| number.name == name).unwrap().value;
    let stored = &json["resolution"]["phase"]["half_bit"];
    assert_eq!(value("phase_resolution_half_bit_px"), stored["half_period_px"].as_f64());
    assert_eq!(value("phase_resolution_half_bit_nm"), stored["half_period_nm"].as_f64());
    assert!(value("phase_resolution_half_bit_nm").is_some());
    assert_eq!((value("probe_nrmse"), value("halves_phase_resolution_0_5_px")), (None, None));
}

#[test]
fn records_of_earlier_versions_are_read() {
    let alignment = json!({
        "shift": [0.5, -0.25], "ramp": [0.0, 0.001], "scale": 2.0, "phase": 0.1,
        "iterations": 4, "converged": true,
    });
    let metrics = json!({"phase_frc_0_5": null, "amplitude_frc_0_5": 0.25, "phase_ssim": 0.9});
    // The first version had nothing else; the second the own area.
    let first = json!({"metrics": metrics, "alignment": alignment});
    let mut second = first.clone();
    second["metrics_own_area"] = json!({"phase_ssim": 0.8});
    for stored in [first, second] {
        let record: ComparisonRecord = serde_json::from_value(stored).unwrap();
        assert_eq!((record.metric("phase_ssim"), record.reference.as_str()), (Some(0.9), "truth"));
        let derived = record.derived();
        let value = |name: &str| derived.iter().find(|number| number.name == name).unwrap().value;
        assert_eq!(value("phase_resolution_0_5_px"), Some(1.0), "a curve that never falls");
        assert_eq!(value("amplitude_resolution_0_5_px"), Some(2.0));
        assert_eq!(value("phase_resolution_1_7_px"), None, "never measured");
    }
    // A later one may have metrics that this version does not know.
    let later = json!({"metrics": {"novel": 0.5}, "alignment": alignment, "novel": {}});
    let record: ComparisonRecord = serde_json::from_value(later).unwrap();
    assert_eq!((record.metric("novel"), record.metric("phase_ssim")), (Some(0.5), None));
}
