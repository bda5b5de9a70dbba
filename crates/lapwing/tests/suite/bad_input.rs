//! Bad input of every kind: one clear error, exit code 1, nothing half-written.

use crate::common::Bench;
use lapwing_files::npy::{Array, Values};
use lapwing_files::npz;
use lapwing_model::Complex32;
use std::collections::BTreeMap;

/// A sound data set of 6 patterns of 8 x 8 on a 24 x 24 object, to be spoilt.
fn sound() -> BTreeMap<&'static str, Array> {
    let array = |shape: &[usize], values| Array::new(shape.to_vec(), values).unwrap();
    let coordinates: Vec<f64> = (0..6).map(|i| 6.0 + 2.0 * f64::from(i)).collect();
    BTreeMap::from([
        ("diffraction", array(&[6, 8, 8], Values::F32((0..384).map(|i| (i % 7) as f32).collect()))),
        ("objectGuess", array(&[24, 24], Values::C64(vec![Complex32::new(1.0, 0.2); 576]))),
        ("probeGuess", array(&[8, 8], Values::C64(vec![Complex32::new(0.3, 0.1); 64]))),
        ("xcoords", array(&[6], Values::F64(coordinates.clone()))),
        ("ycoords", array(&[6], Values::F64(coordinates))),
    ])
}

fn write(bench: &Bench, arrays: BTreeMap<&'static str, Array>) {
    let arrays: Vec<_> = arrays.into_iter().collect();
    npz::write(bench.path("x.npz"), &arrays).unwrap();
}

/// Every command that reads a scan, each with an output of its own.
const READERS: [&str; 4] = [
    "split --input x.npz --output-dir out",
    "overlap --input x.npz",
    "reconstruct --input-npz x.npz --output-dir out --num-epochs 2",
    "thin --input x.npz --dose 1 --output out.npz",
];

fn refused(spoil: impl FnOnce(&mut BTreeMap<&'static str, Array>), parts: &[&str]) {
    let bench = Bench::new();
    let mut arrays = sound();
    spoil(&mut arrays);
    write(&bench, arrays);
    for command in READERS {
        bench.fails(command, parts);
        // A failed reconstruction may leave its record, never a reconstruction.
        let left: Vec<String> =
            bench.listing().into_iter().filter(|name| name.ends_with(".npz")).collect();
        assert_eq!(left, ["x.npz"], "{command}");
    }
    let output = bench.run("inspect x.npz --json");
    assert_eq!(output.status.code(), Some(1));
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["contract"]["ok"], false);
    let problem = &record["contract"]["problems"][0];
    assert!(
        problem["key"].is_string()
            && problem["expected"].is_string()
            && problem["found"].is_string()
    );
    assert!(record["arrays"].is_array());
}

#[test]
fn the_sound_file_is_accepted() {
    let bench = Bench::new();
    write(&bench, sound());
    assert_eq!(bench.json("inspect x.npz")["contract"]["ok"], true);
    bench.ok("overlap --input x.npz");
}

#[test]
fn a_missing_file() {
    let bench = Bench::new();
    for command in READERS.iter().chain(&[
        "inspect x.npz",
        "simulate --base x.npz --dose 10 --output out.npz",
        "compare --reconstruction x.npz --truth x.npz",
        "study run x.npz --output out",
    ]) {
        bench.fails(command, &["x.npz"]);
        assert!(
            !bench.listing().iter().any(|name| name.ends_with(".npz")),
            "{command}: {:?}",
            bench.listing()
        );
    }
    bench.fails("views --phase-c-root nowhere --output-root v", &["nowhere"]);
    bench.fails("jobs --phase-c-root nowhere --phase-d-root v --artifact-root a", &["nowhere"]);
    bench.fails("report nowhere", &["nowhere"]);
}

#[test]
fn a_file_that_is_no_archive() {
    let bench = Bench::new();
    std::fs::write(bench.path("x.npz"), "hello").unwrap();
    for command in READERS.iter().chain(&["inspect x.npz"]) {
        bench.fails(command, &["x.npz"]);
    }
}

#[test]
fn a_wrong_key() {
    refused(
        |arrays| {
            let patterns = arrays.remove("diffraction").unwrap();
            arrays.insert("patterns", patterns);
        },
        &["x.npz", "diffraction", "patterns"],
    );
    refused(|arrays| drop(arrays.remove("xcoords")), &["x.npz", "xcoords"]);
}

#[test]
fn a_wrong_shape() {
    let array = |shape: &[usize], values| Array::new(shape.to_vec(), values).unwrap();
    refused(
        |a| drop(a.insert("xcoords", array(&[5], Values::F64(vec![8.0; 5])))),
        &["x.npz", "xcoords", "5"],
    );
    refused(
        |a| {
            drop(a.insert(
                "probeGuess",
                array(&[8, 9], Values::C64(vec![Complex32::new(1.0, 0.0); 72])),
            ))
        },
        &["probeGuess", "8, 9"],
    );
    refused(
        |a| drop(a.insert("diffraction", array(&[6, 64], Values::F32(vec![1.0; 384])))),
        &["diffraction", "64"],
    );
}

#[test]
fn not_a_number() {
    for value in [f32::NAN, f32::INFINITY, -1.0] {
        let mut patterns = vec![1.0; 384];
        patterns[200] = value;
        let patterns = Array::new(vec![6, 8, 8], Values::F32(patterns)).unwrap();
        refused(
            |arrays| drop(arrays.insert("diffraction", patterns)),
            &["x.npz", "diffraction", "pattern 3"],
        );
    }
    let coordinates =
        Array::new(vec![6], Values::F64(vec![9.0, f64::NAN, 9.0, 9.0, 9.0, 9.0])).unwrap();
    refused(|arrays| drop(arrays.insert("ycoords", coordinates)), &["x.npz", "ycoords"]);
}

#[test]
fn unreadable_metadata_are_a_problem_among_others() {
    let text = Array::new(vec![9], Values::U8(b"{not json".to_vec())).unwrap();
    refused(|arrays| drop(arrays.insert("_metadata", text.clone())), &["x.npz", "_metadata"]);
    let bench = Bench::new();
    let mut arrays = sound();
    arrays.insert("_metadata", text);
    write(&bench, arrays);
    let output = bench.run("inspect x.npz --json");
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (record["file"].as_str(), record["dialect"].as_str()),
        (Some("x.npz"), Some("study"))
    );
    assert_eq!(record["contract"]["problems"][0]["key"], "_metadata");
    assert!(
        record["contract"]["problems"][0]["found"].as_str().unwrap().contains("not json"),
        "{record}"
    );
    assert_eq!(record["arrays"].as_array().unwrap().len(), 6);
    let words = String::from_utf8(bench.run("inspect x.npz").stdout).unwrap();
    assert!(words.contains("contract: BROKEN") && words.contains("diffraction"), "{words}");
}

/// The keys of all problems that `inspect` tells.
fn problems(bench: &Bench, options: &str) -> Vec<String> {
    let output = bench.run(&format!("inspect x.npz --json {options}"));
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = record["contract"]["problems"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!problems.is_empty())), "{record}");
    problems.iter().map(|problem| problem["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn unreadable_metadata_hide_no_other_problem() {
    let bench = Bench::new();
    let mut arrays = sound();
    arrays.insert("_metadata", Array::new(vec![9], Values::U8(b"{not json".to_vec())).unwrap());
    write(&bench, arrays.clone());
    assert_eq!(problems(&bench, ""), ["_metadata"]);
    assert!(problems(&bench, "--leave-out _metadata").is_empty());
    arrays.insert("ycoords", Array::new(vec![6], Values::F64(vec![f64::NAN; 6])).unwrap());
    arrays.remove("probeGuess");
    write(&bench, arrays);
    assert_eq!(problems(&bench, ""), ["_metadata", "ycoords"]);
}

#[test]
fn the_metadata_of_a_view_are_checked() {
    let bench = Bench::new();
    let view = |rate: f64, strategy: &str| {
        let mut arrays = sound();
        let text = format!(
            "{{\"overlap_view\": \"dense\", \"spacing_threshold\": 2.5, \"source_file\": \"a.npz\", \"n_accepted\": 6, \
             \"n_rejected\": 18, \"acceptance_rate\": {rate}, \"selection_strategy\": \"{strategy}\"}}"
        );
        arrays.insert("_metadata", Array::text(&text));
        write(&bench, arrays);
    };
    view(0.25, "direct");
    assert!(problems(&bench, "").is_empty());
    view(0.5, "by hand");
    assert_eq!(problems(&bench, ""), ["selection_strategy", "acceptance_rate"]);
}

#[test]
fn what_is_ambiguous_is_told_with_the_option_that_decides() {
    let bench = Bench::new();
    let mut arrays = sound();
    let whole =
        Array::new(vec![6, 8, 8], Values::F32((0..384).map(|i| (i % 7) as f32).collect())).unwrap();
    arrays.remove("diffraction");
    arrays.insert("diff3d", whole);
    write(&bench, arrays);
    assert_eq!(problems(&bench, ""), ["diff3d"]);
    for command in READERS {
        bench.fails(command, &["x.npz", "diff3d", "--quantity"]);
    }
    assert!(problems(&bench, "--quantity counts").is_empty());
}

#[test]
fn a_scan_without_a_probe_is_sound() {
    let bench = Bench::new();
    let mut arrays = sound();
    arrays.remove("probeGuess");
    write(&bench, arrays);
    let output = bench.run("inspect x.npz --json");
    assert_eq!(output.status.code(), Some(0));
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["contract"]["ok"], true);
    assert_eq!(record["understood"]["n_patterns"], 6);
}

#[test]
fn counts_and_diameters_beyond_reason() {
    let bench = Bench::new();
    write(&bench, sound());
    bench.ok("overlap --input x.npz --neighbor-count 9999999999999");
    for groups in ["18446744073709551615", "3000000000"] {
        bench.fails(
            &format!("overlap --input x.npz --gridsize 2 --n-groups {groups}"),
            &["n_groups", groups],
        );
    }
    bench.fails("overlap --input x.npz --probe-diameter-px 1e308", &["probe_diameter_px", "1e9"]);
}

#[test]
fn an_empty_scan() {
    let empty = |shape: &[usize], values| Array::new(shape.to_vec(), values).unwrap();
    refused(
        |arrays| {
            arrays.insert("diffraction", empty(&[0, 8, 8], Values::F32(Vec::new())));
            arrays.insert("xcoords", empty(&[0], Values::F64(Vec::new())));
            arrays.insert("ycoords", empty(&[0], Values::F64(Vec::new())));
        },
        &["x.npz", "at least one"],
    );
}

#[test]
fn positions_off_the_object() {
    let far = Array::new(vec![6], Values::F64(vec![6.0, 8.0, 10.0, 12.0, 14.0, 23.0])).unwrap();
    refused(|arrays| drop(arrays.insert("xcoords", far)), &["x.npz", "off the object", "index 5"]);
    let bench = Bench::new();
    let mut arrays = sound();
    arrays.insert("xcoords", Array::new(vec![6], Values::F64(vec![1.0; 6])).unwrap());
    write(&bench, arrays);
    bench.fails("simulate --base x.npz --dose 10 --output out.npz", &["x.npz", "off the object"]);
    assert_eq!(bench.listing(), ["x.npz"]);
}

#[test]
fn amplitudes_without_a_scale_cannot_be_thinned() {
    let bench = Bench::new();
    write(&bench, sound());
    bench.fails(
        "thin --input x.npz --dose 1 --output out.npz",
        &["x.npz", "nphotons", "intensity_scale"],
    );
    let text = bench.fails(
        "reconstruct --input-npz x.npz --output-dir out --noise poisson",
        &["poisson", "counts"],
    );
    assert!(text.contains("LSQML without that makes an image"), "{text}");
    let text = bench.fails(
        "reconstruct --input-npz x.npz --output-dir out --algorithm ML",
        &["ML needs photon counts"],
    );
    assert!(text.contains("in any unit LSQML makes an image"), "{text}");
}

#[test]
fn outputs_that_cannot_be_written() {
    let bench = Bench::new();
    bench.simulate("a.npz", "");
    let before = std::fs::read(bench.path("a.npz")).unwrap();
    bench.fails(
        "thin --input a.npz --dose 100 --output no/such/folder/b.npz",
        &["b.npz: the folder no/such/folder does not exist"],
    );
    let text = bench.fails(
        "simulate --base a.npz --dose 9 --output nodir/x.npz",
        &["nodir/x.npz", "folder nodir"],
    );
    assert!(!text.contains(".part"), "{text}");
    bench.fails("split --input a.npz --output-dir a.npz", &["a.npz"]);
    assert_eq!(std::fs::read(bench.path("a.npz")).unwrap(), before);
    assert_eq!(bench.listing(), ["a.npz"]);
}

#[test]
fn probes_and_scans_that_cannot_be_made() {
    let bench = Bench::new();
    for (options, parts) in [
        ("--probe-diameter 100", ["diameter", "100"]),
        ("--aperture 0.6", ["aperture", "0.6"]),
        ("--probe disc --defocus 3", ["defocus", "disc"]),
        ("--step 0.001 --field-of-view 1000", ["positions", "larger step"]),
        ("--scan fermat --step 1 --field-of-view 200000x4", ["spiral", "larger step"]),
        ("--field-of-view 1e6 --step 1e3", ["field of view 1.0", "2^30 px"]),
        ("--field-of-view 1e18 --step 1e17", ["field of view 1.0", "2^30 px"]),
        ("--field-of-view 32760 --step 300", ["32760", "--field-of-view"]),
        ("--field-of-view 16 --scan fermat --step 1000", ["no positions", "field of view"]),
    ] {
        bench.fails(
            &format!(
                "simulate --specimen cells --pattern-size 32 --dose 10 --output a.npz {options}"
            ),
            &parts,
        );
    }
    bench.fails(
        "simulate --specimen cells --pattern-size 8192 --field-of-view 10000 --step 30 --probe disc --dose 10 --output a.npz",
        &["step 30", "GB there"],
    );
    bench.fails(
        "simulate --specimen cells --pattern-size 200000 --dose 10 --output a.npz",
        &["200000", "2^26"],
    );
    assert!(bench.listing().is_empty());
}

#[test]
fn near_field_patterns_must_tell_their_distance() {
    let bench = Bench::new();
    let mut arrays = sound();
    let near = r#"{"physics_parameters": {"geometry": "near-field"}}"#;
    arrays.insert("_metadata", Array::text(near));
    write(&bench, arrays);
    let command = "reconstruct --input-npz x.npz --num-epochs 1 --output-dir out";
    bench.fails(command, &["near-field patterns", "--fresnel-number", "--geometry far-field"]);
    bench.ok(&format!("{command} --geometry far-field"));
    bench.ok(&format!("{command} --fresnel-number 0.5"));
    // From wavelength, distance and pixels.
    bench.ok(&format!("{command} --energy-kev 10 --distance-m 1 --detector-pixel-size-m 1e-5"));
    bench.fails(
        &format!("{command} --fresnel-number 0.5 --geometry far-field"),
        &["geometry", "near-field"],
    );
    bench.fails(&format!("{command} --fresnel-number 1e-3"), &["Fresnel number"]);
}
