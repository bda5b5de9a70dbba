//! Going on from an earlier reconstruction: it gets better, and what does not fit is named.

use crate::common::Bench;
use lapwing_files::npy::Array;
use lapwing_files::{Archive, npz};
use serde_json::Value;

/// Complex correlation with the truth, and the first and the last loss.
fn reconstructed(bench: &Bench, options: &str, folder: &str) -> (f64, f64, f64) {
    let common = "reconstruct --input-npz scan.npz --compare --algorithm LSQML --num-epochs 10";
    let record = bench.json(&format!("{common} {options} --output-dir {folder}"));
    let correlation = record["comparison"]["metrics"]["complex_correlation"].as_f64().unwrap();
    let losses = std::fs::read_to_string(bench.path(&format!("{folder}/loss.csv"))).unwrap();
    let first = losses.lines().nth(1).and_then(|line| line.split(',').nth(1)).unwrap();
    (correlation, first.parse().unwrap(), record["final_loss"].as_f64().unwrap())
}

#[test]
fn ten_epochs_and_ten_more_are_better_than_ten() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let varies = "--probe-start perturbed --probe-eigenmodes 1 --vary-power --refine-scan positions \
                  --positions-from-epoch 3";
    let (ten, flat, ended) = reconstructed(&bench, varies, "ten");
    let go_on = format!("{varies} --start ten/reconstruction.npz");
    let (twenty, begun, lower) = reconstructed(&bench, &go_on, "twenty");
    assert!(1.0 - twenty < 0.9 * (1.0 - ten), "{twenty} and {ten}");
    assert!(begun < ended && begun < 0.5 * flat && lower < 0.95 * ended, "{begun} and {ended}");
    let log = std::fs::read_to_string(bench.path("twenty/log.txt")).unwrap();
    assert!(log.contains("start: object and positions of ten/reconstruction.npz"), "{log}");
    assert!(!log.contains("left out"), "{log}");
    // What is not asked for any more is said.
    reconstructed(&bench, "--start ten/reconstruction.npz", "plain");
    let log = std::fs::read_to_string(bench.path("plain/log.txt")).unwrap();
    assert!(log.contains("probe_eigenmodes = 1") && log.contains("vary_power = true"), "{log}");
    let result: Value =
        serde_json::from_slice(&std::fs::read(bench.path("plain/result.json")).unwrap()).unwrap();
    assert_eq!(result["options"]["object_start"], "ten/reconstruction.npz");
}

/// Half of the patterns first: the whole goes on from there, with and without a grid in the
/// file, and beyond what the part has seen.
#[test]
fn a_part_of_the_patterns_starts_the_whole() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let solve = "reconstruct --algorithm LSQML --num-epochs 10 --quiet";
    let compared = |options: &str| {
        let told = bench.json(&format!("{solve} --input scan.npz --compare {options}"));
        told["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    let flat = compared("--output-dir flat");
    compared("--every 2 --output-dir half");
    let begun = compared("--start half/reconstruction.npz --output-dir whole");
    assert!(begun < 0.95 * flat, "{begun} after a half, {flat} without");
    // Measured data have no grid of their own, and the part's is smaller.
    let file = Archive::open(bench.path("scan.npz")).unwrap();
    let kept: Vec<(String, Array)> = (file.names().filter(|name| *name != "objectGuess"))
        .map(|name| (name.to_owned(), file.read(name).unwrap()))
        .collect();
    npz::write(bench.path("measured.npz"), &kept).unwrap();
    let loss = |options: &str| {
        let told = bench.json(&format!("{solve} --input measured.npz {options}"));
        told["final_loss"].as_f64().unwrap()
    };
    let flat = loss("--output-dir alone");
    loss("--region 0:60,0:200 --every 2 --output-dir corner");
    let begun = loss("--start corner/reconstruction.npz --output-dir on");
    assert!(begun < flat, "{begun} after a part, {flat} without");
}

/// The other way round, the places of a region or every second one; how the probe varied is of
/// other patterns.
#[test]
fn the_whole_starts_a_part_of_the_patterns() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let solve = "reconstruct --input scan.npz --algorithm LSQML --quiet --vary-power \
                 --probe-eigenmodes 1";
    bench.ok(&format!("{solve} --num-epochs 10 --output-dir all"));
    let loss = |options: &str| {
        bench.json(&format!("{solve} --num-epochs 2 {options}"))["final_loss"].as_f64().unwrap()
    };
    for (index, part) in ["--every 2", "--region 0:60,0:60"].iter().enumerate() {
        let flat = loss(&format!("{part} --output-dir flat{index}"));
        let from = "--start all/reconstruction.npz";
        let begun = loss(&format!("{part} {from} --output-dir part{index}"));
        assert!(begun < 0.8 * flat, "{part}: {begun} after the whole, {flat} without");
        let log = std::fs::read_to_string(bench.path(&format!("part{index}/log.txt"))).unwrap();
        assert!(log.contains("patterns where") && log.contains("varies left out"), "{log}");
    }
    // A part whose probe varied starts the whole.
    bench.ok(&format!("{solve} --num-epochs 1 --start part0/reconstruction.npz --output-dir on"));
}

#[test]
fn a_start_that_does_not_fit_is_named() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let solve = "reconstruct --num-epochs 1 --algorithm LSQML";
    bench.ok(&format!("{solve} --input scan.npz --output-dir own"));
    let from = "--start own/reconstruction.npz --output-dir x";
    bench.ok("simulate --specimen cells --pattern-size 32 --step 8 --field-of-view 90 --dose 1e4 \
         --output other.npz");
    bench.fails(
        &format!("{solve} --input other.npz {from}"),
        &["start: positions", "part or the whole", "at other places; leave --start out"],
    );
    let window = format!("{solve} --input scan.npz --binning 2 {from}");
    bench.fails(
        &window,
        &["start: probe", "16 x 16 px", "1 of 32 x 32", "--detector-window 32,32", "leave --start"],
    );
    // What of the slices is to be typed, in both directions.
    let thick = format!("{solve} --input scan.npz --slices 3 --slice-fresnel-number 1");
    bench.ok(&format!("{thick} --output-dir thick"));
    let from_thick = "--start thick/reconstruction.npz --output-dir x";
    bench.fails(
        &format!("{} {from_thick}", thick.replace("slices 3", "slices 2")),
        &["start: object", "an object of 2 slices, or of one, found 3", "say --slices 3"],
    );
    bench.fails(
        &format!("{solve} --input scan.npz {from_thick}"),
        &["an object of one slice, found 3", "--slices 3", "--slice-fresnel-number"],
    );
    bench.fails(
        &format!("{solve} --input scan.npz --start hot --output-dir x"),
        &["start: expected flat, guess or the file of a reconstruction, found hot"],
    );
    bench.fails(
        &format!("{solve} --input scan.npz --start own/reconstruction.npz --output-dir own"),
        &["expected another output folder than that of own/reconstruction.npz"],
    );
}

#[test]
fn a_probe_of_another_file_is_used_or_refused() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    bench.simulate("other.npz", "--seed 5");
    let with =
        "reconstruct --input-npz scan.npz --output-dir out --num-epochs 1 --companion other.npz";
    bench.fails(
        &format!("{with} --probe-start patterns"),
        &["companion", "other.npz", "patterns", "--probe-start file"],
    );
    bench.ok(&format!("{with} --probe-start file"));
    bench.ok(with);
    // What goes on from a probe begins with no other.
    let on = "reconstruct --input-npz scan.npz --output-dir on --num-epochs 1 \
              --start out/reconstruction.npz";
    let beside = "beside that of out/reconstruction.npz";
    bench.fails(&format!("{on} --companion other.npz"), &["companion", "found other.npz", beside]);
    bench.fails(&format!("{on} --probe-start patterns"), &["probe_start", "found patterns"]);
    bench.ok(on);
}
