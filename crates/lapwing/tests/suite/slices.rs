//! Thick objects on the command line: simulated, reconstructed, compared, and refused.

use crate::common::Bench;
use lapwing_files::{ReadOptions, dataset};
use serde_json::Value;

/// A thick specimen of two slices, small enough for a test.
const THICK: &str = "simulate --specimen cells --pattern-size 32 --probe-diameter 16 --step 5 \
                     --field-of-view 60x60 --dose 20000 --slices 2 --slice-fresnel-number 0.05";

#[test]
fn slices_go_from_simulation_to_comparison() {
    let bench = Bench::new();
    bench.ok(&format!("{THICK} --output thick.npz"));
    // The file says how many slices there are, and how far apart.
    let solve = "reconstruct --input-npz thick.npz --compare --algorithm LSQML --num-epochs 40";
    bench.ok(&format!("{solve} --output-dir two"));
    bench.ok(&format!("{solve} --slices 1 --output-dir one"));
    let error = |folder: &str| {
        let path = bench.path(&format!("{folder}/comparison.json"));
        let text = std::fs::read_to_string(path).unwrap();
        let record: Value = serde_json::from_str(&text).unwrap();
        let slices = record["slices"].as_array().map_or(0, Vec::len);
        (record["metrics"]["complex_nrmse"].as_f64().unwrap(), slices)
    };
    let ((two, slices), (one, none)) = (error("two"), error("one"));
    assert!(two < 0.8 * one && (slices, none) == (2, 0), "{two} and {one}, {slices} and {none}");
    // A thick reconstruction is a specimen to simulate from.
    bench.ok("simulate --base thick.npz --dose 100 --output again.npz");
    // What cannot be done says so.
    bench.fails(
        "reconstruct --input-npz thick.npz --algorithm DM --output-dir dm",
        &["slices: expected", "rPIE"],
    );
    let alone = "--slices 3 --slice-spacing 1e-9 --output-dir x";
    bench.fails(
        &format!("reconstruct --input-npz thick.npz {alone}"),
        &["wavelength and object pixel", "--slice-fresnel-number"],
    );
    bench.fails(
        "reconstruct --input-npz thick.npz --slice-fresnel-number 1e-4 --output-dir x",
        &["Fresnel number", "slices", "too small"],
    );
}

#[test]
fn a_thick_base_makes_its_slices_or_their_product() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --pattern-size 32 --probe-diameter 16 --step 4 \
         --field-of-view 20x20 --dose 1e4 --slices 2 --slice-fresnel-number 0.05 --seed 3 \
         --output thick.npz");
    let made = |options: &str| {
        bench.ok(&format!("simulate --base thick.npz --dose 1e4 {options} --output made.npz"));
        let read = dataset::read(bench.path("made.npz"), &ReadOptions::default()).unwrap().0;
        (read.object.clone().unwrap(), read.physics().unwrap().slices.map(|slices| slices.count))
    };
    let (thick, count) = made("");
    assert_eq!((thick.n_slices(), count), (2, Some(2)));
    let (thin, count) = made("--slices 1");
    assert_eq!((thin.n_slices(), count), (1, None));
    assert_eq!(thin.projection(), thick.projection());
    bench.fails(
        "simulate --base thick.npz --dose 1e4 --slices 3 --output wrong.npz",
        &["slices: expected 2, as the object of the base has, found 3", "--slices 1"],
    );
}
