//! Physics that a scan states, where its detector is cut or binned, against scans that were
//! simulated like that.

use crate::common::Bench;
use lapwing_files::{ReadOptions, dataset};
use serde_json::Value;

/// A scan of cells with a probe and a step so large.
fn simulate(size: usize, probe: usize, step: usize) -> String {
    format!(
        "simulate --specimen cells --pattern-size {size} --probe-diameter {probe} --step {step} \
         --field-of-view {field}x{field} --dose 50000 --seed 3",
        field = 10 * step
    )
}

/// The misfit of a reconstruction, and its error where there is a `truth`.
fn made(bench: &Bench, of: &str, truth: Option<&str>) -> (f64, f64) {
    bench.ok(&format!("reconstruct {of} --algorithm LSQML --num-epochs 40 --output made"));
    let record = std::fs::read(bench.path("made/result.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let error = truth.map(|truth| {
        let made = bench
            .json(&format!("compare --reconstruction made/reconstruction.npz --truth {truth}"));
        made["metrics"]["complex_nrmse"].as_f64().unwrap()
    });
    std::fs::remove_dir_all(bench.path("made")).unwrap();
    (record["misfit"].as_f64().unwrap(), error.unwrap_or(f64::NAN))
}

#[test]
fn summed_pixels_are_as_good_as_pixels_that_large() {
    let bench = Bench::new();
    // Of a detector with half as many pixels, twice as large, a far field has the same object
    // pixels; its blur is half as many of its own.
    for (large, small, wrong) in [
        ("--detector-blur 1.5", "--detector-blur 0.75", Some("--detector-blur 1.5")),
        ("--fly 0,4", "--fly 0,4", None),
        ("--slices 2 --slice-fresnel-number 0.05", "--slices 2 --slice-fresnel-number 0.05", None),
    ] {
        bench.ok(&format!("{} {large} --output large.npz", simulate(64, 14, 4)));
        bench.ok(&format!("{} {small} --output small.npz", simulate(32, 14, 4)));
        let (_, summed) = made(&bench, "large.npz --binning 2", Some("large.npz"));
        let (_, expected) = made(&bench, "small.npz", Some("small.npz"));
        println!("{large}: {summed} for {expected}");
        assert!(summed < 1.05 * expected, "{large}: {summed} for {expected}");
        if let Some(wrong) = wrong {
            let (_, other) =
                made(&bench, &format!("large.npz --binning 2 {wrong}"), Some("large.npz"));
            assert!(other > 1.5 * summed, "{large}: {other} with {wrong}, {summed}");
        }
    }
}

#[test]
fn a_cut_detector_is_as_good_as_one_that_small() {
    let bench = Bench::new();
    // Half of the detector has object pixels twice as large: half the path in them, and four
    // times the Fresnel number.
    for (large, small, wrong) in [
        ("--fly 0,6", "--fly 0,3", "--fly 0,6"),
        (
            "--slices 2 --slice-fresnel-number 0.02",
            "--slices 2 --slice-fresnel-number 0.08",
            "--slice-fresnel-number 0.02",
        ),
    ] {
        bench.ok(&format!("{} {large} --output large.npz", simulate(64, 28, 8)));
        bench.ok(&format!("{} {small} --output small.npz", simulate(32, 14, 4)));
        let cut = "large.npz --detector-window 32,32";
        let (right, _) = made(&bench, cut, None);
        let (expected, _) = made(&bench, "small.npz", None);
        let (other, _) = made(&bench, &format!("{cut} {wrong}"), None);
        println!("{large}: {right} for {expected}, {other}");
        assert!(right < 1.1 * expected, "{large}: {right} for {expected}");
        assert!(other > 1.3 * right, "{large}: {other} with {wrong}, {right}");
    }
    // A near field, whose pixels only binning makes larger.
    let near = simulate(64, 32, 6);
    bench.ok(&format!("{near} --fresnel-number 0.05 --output large.npz"));
    let binned = "large.npz --binning 2";
    let (right, _) = made(&bench, binned, None);
    let (other, _) = made(&bench, &format!("{binned} --fresnel-number 0.05"), None);
    println!("near field: {right}, {other}");
    assert!(other > 1.2 * right, "{other} and {right}");
}

#[test]
fn what_is_written_or_studied_has_the_physics_of_its_pixels() {
    let bench = Bench::new();
    let physics = "--detector-blur 1.5 --fly 0,4 --slices 2 --slice-fresnel-number 0.02";
    bench.ok(&format!("{} {physics} --output large.npz", simulate(64, 28, 8)));
    let part = "--detector-window 32,32 --binning 2";
    let exposure =
        |of: &str| bench.json(&format!("inspect {of}"))["understood"]["exposure"].clone();
    let told = "the probe moves along (0.00, 2.00) px, (y, x), in 4 steps; the detector blurs by \
                0.75 px; 2 slices, Fresnel number of a pixel over a gap 0.0800";
    assert_eq!(exposure(&format!("large.npz {part}")), told);
    bench.ok(&format!("convert large.npz {part} --output converted.npz"));
    bench.ok(&format!("thin large.npz {part} --dose 1000 --output thinned.npz"));
    bench.ok(&format!("split large.npz {part} --output parts"));
    for name in ["converted.npz", "thinned.npz", "parts/patched_train.npz"] {
        assert_eq!(exposure(name), told, "{name}");
    }
    let design = "[study]\nname = \"part\"\ndoses = [1e3]\n[base]\nmeasured = \"large.npz\"\n\
                  binning = 2\ndetector_window = [32, 32]\n[[solver]]\nalgorithm = \"LSQML\"\n\
                  epochs = 2\n";
    std::fs::write(bench.path("part.toml"), design).unwrap();
    bench.ok("study prepare part.toml --output part");
    let train = bench.path("part/data/dose_1000/patched_train.npz");
    let (of_study, _) = dataset::read(train, &ReadOptions::default()).unwrap();
    let (converted, _) =
        dataset::read(bench.path("converted.npz"), &ReadOptions::default()).unwrap();
    assert_eq!(of_study.physics().unwrap(), converted.physics().unwrap());
}
