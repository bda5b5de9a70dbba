//! Scans as beamlines and microscopes have them: turned against the detector, without a probe, in
//! stacks of four axes, described by an experiment file.

use crate::common::{Bench, stderr};
use lapwing_files::npy::Array;
use lapwing_files::{ReadOptions, dataset, npz};
use lapwing_model::Position;
use serde_json::Value;

/// Turns the axes of the simulated scan against the detector, degrees.
const TURNED: f64 = 25.0;

/// Simulates a raster scan, and writes its counts as `scan.npz` with positions that are turned and
/// without anything else, and its truth as `truth.npz`.
fn turned(bench: &Bench) {
    bench.ok(
        "simulate --specimen cells --pattern-size 48 --scan raster --step 4 --field-of-view 64 \
         --dose 2e4 --seed 6 --output truth.npz",
    );
    let (data, _) = dataset::read(bench.path("truth.npz"), &ReadOptions::default())
        .expect("the simulation is read");
    let counts = data.counts().expect("its dose is known").mapv(|count| count.round() as u32);
    let (sin, cos) = (-TURNED).to_radians().sin_cos();
    let told: Vec<Position> = data
        .scan
        .iter()
        .map(|at| Position { y: at.y * cos - at.x * sin, x: at.y * sin + at.x * cos })
        .collect();
    let column = |of: fn(&Position) -> f64| Array::from(told.iter().map(of).collect::<Vec<f64>>());
    let arrays = [
        ("diffraction", Array::from(&counts)),
        ("xcoords", column(|at| at.x)),
        ("ycoords", column(|at| at.y)),
    ];
    npz::write(bench.path("scan.npz"), &arrays).expect("the scan is written");
}

#[test]
fn a_turned_scan_without_a_probe_becomes_an_image() {
    let bench = Bench::new();
    turned(&bench);
    let record =
        bench.json("calibrate scan.npz --quantity counts --write scan.toml --figure search.png");
    let found = &record["calibration"];
    let degrees = found["rotation_deg"].as_f64().expect("a number");
    assert!((degrees - TURNED).abs() < 2.0, "{found}");
    assert_eq!(found["transposed"], false);
    assert!(found["rotation_sd_deg"].as_f64().is_some_and(|sd| sd < 3.0), "{found}");
    assert!(bench.path("search.png").exists());
    let words = bench.ok("inspect scan.npz --experiment scan.toml");
    assert!(words.contains("taken as counts, as specified"), "{words}");
    assert!(words.contains("degrees, as specified"), "{words}");
    assert!(words.contains("a reconstruction starts from one made of the patterns"), "{words}");

    // By the file, and by the search inside the reconstruction, it is the same.
    let reconstruct = |more: &str, folder: &str| -> Value {
        bench.json(&format!(
            "reconstruct --input scan.npz --output-dir {folder} --algorithm LSQML --num-epochs 40 {more}"
        ))
    };
    let by_file = reconstruct("--experiment scan.toml", "file");
    let told = by_file["start_probe"].as_str().expect("text");
    assert!(told.starts_with("made from the patterns"), "{told}");
    let by_search = reconstruct("--quantity counts --calibrate", "search");
    assert!(by_search["calibration"]["agreement"].as_f64().is_some_and(|a| a > 0.2));
    let as_read = reconstruct("--quantity counts", "read");
    let loss = |record: &Value| record["final_loss"].as_f64().expect("a number");
    assert!(loss(&by_file) < 0.7 * loss(&as_read), "{by_file} {as_read}");
    assert!((loss(&by_search) / loss(&by_file) - 1.0).abs() < 0.05, "{by_search} {by_file}");

    let plain = reconstruct("--quantity counts --scan-rotation-deg 25", "right");
    assert!(loss(&plain) < 0.7 * loss(&as_read), "{plain}");
}

#[test]
fn a_probe_made_of_the_patterns_is_as_good_a_start_as_a_known_one() {
    let bench = Bench::new();
    turned(&bench);
    let correlation = |start: &str| -> f64 {
        let record = bench.json(&format!(
            "reconstruct --input truth.npz --output-dir {start} --algorithm LSQML --num-epochs 40 \
             --probe-start {start} --compare"
        ));
        let told = record["start_probe"].as_str().expect("text");
        assert_eq!(told.contains("made from the patterns"), start == "patterns", "{told}");
        let metrics = &record["comparison"]["metrics"];
        metrics["complex_correlation"].as_f64().unwrap_or_else(|| panic!("a number: {record}"))
    };
    let (made, known) = (correlation("patterns"), correlation("file"));
    assert!(made > 0.98 && made > known - 0.01, "{made} {known}");
    bench.fails(
        "reconstruct --input scan.npz --output-dir no --probe-start optics",
        &["--semi-angle-mrad"],
    );
    bench.fails("reconstruct --input scan.npz --output-dir no --probe-start file", &["probeGuess"]);
}

#[test]
fn an_experiment_file_is_written_once_and_read_by_all() {
    let bench = Bench::new();
    bench.ok("experiment init e.toml");
    bench.fails("experiment init e.toml", &["e.toml", "exists"]);
    bench.simulate("scan.npz", "");
    bench.ok("inspect scan.npz --experiment e.toml");
    std::fs::write(bench.path("wrong.toml"), "[beam]\nvoltage_kev = 300\n").expect("written");
    let output = bench.run("inspect scan.npz --experiment wrong.toml");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is voltage_kv meant?"), "{}", stderr(&output));
    bench.fails("inspect nothing.raw --raw empad", &["nothing.raw"]);
    std::fs::write(bench.path("frames.raw"), [0_u8; 1000]).expect("written");
    bench.fails("inspect frames.raw", &["--raw"]);
    bench.fails("inspect frames.raw --raw empad", &["found 1000 bytes"]);
}
