//! Coordinates that are not as long as each other: the short one is blamed, wherever it is read.

use crate::common::{Bench, stderr};
use crate::contract::{prepared, with_array};
use lapwing_files::Archive;
use lapwing_files::npy::Array;

#[test]
fn short_coordinates_are_blamed_and_the_way_on_is_named() {
    let bench = Bench::new();
    prepared(&bench);
    let split = "data/dose_10000/patched_train.npz";
    let archive = Archive::open(bench.path(split)).unwrap();
    let whole = archive.read("xcoords").unwrap().to_f64().unwrap();
    with_array(&bench, split, "xcoords", &Array::from(whole[1..].to_vec()));
    let n = whole.len();
    let expected = format!("xcoords: expected ({n},), as long as ycoords, found ({},)", n - 1);
    let jobs = "jobs --data-root data --artifact-root out --view baseline";
    let parts = [expected.as_str(), "--common"];
    let dry = bench.ok(&format!("{jobs} --dry-run"));
    assert!(dry.contains("would fail dose 10000 baseline train"), "{dry}");
    assert!(parts.iter().all(|part| dry.contains(part)), "{dry}");
    assert!(dry.contains("none was run, 1 would fail"), "{dry}");
    let told = bench.run(&format!("{jobs} --split train"));
    assert!(parts.iter().all(|part| stderr(&told).contains(part)), "{}", stderr(&told));
    // A comparison takes no such option, and names none.
    let told =
        bench.fails(&format!("compare --reconstruction {split} --truth scan.npz"), &[&expected]);
    assert!(!told.contains("--common"), "{told}");
    // Where the patterns fit neither, the shorter one is blamed.
    let short = Array::from(whole[2..].to_vec());
    with_array(&bench, split, "ycoords", &short);
    bench.fails(
        &format!("compare --reconstruction {split} --truth scan.npz"),
        &["ycoords: expected"],
    );
}

#[test]
fn a_dry_run_tells_of_fewer_patterns_than_positions() {
    let bench = Bench::new();
    prepared(&bench);
    let split = "data/dose_10000/patched_train.npz";
    let jobs = "jobs --data-root data --artifact-root out --view baseline --split train";
    let whole = bench.ok(&format!("{jobs} --dry-run"));
    assert!(!whole.contains("would fail"), "{whole}");
    let archive = Archive::open(bench.path(split)).unwrap();
    let (n, shape) = {
        let shape = archive.header("diffraction").unwrap().shape;
        (shape[0], [shape[0] - 3, shape[1], shape[2]])
    };
    let values = archive.read("diffraction").unwrap().to_f64().unwrap();
    let few = values[..shape.iter().product()].iter().map(|&value| value as f32).collect();
    let few = ndarray::Array3::from_shape_vec(shape, few).unwrap();
    with_array(&bench, split, "diffraction", &Array::from(&few));
    let told = format!("diffraction: expected (n, H, W) with n = {n}, the number of positions");
    let dry = bench.ok(&format!("{jobs} --dry-run"));
    assert!(dry.contains("none was run, 1 would fail") && dry.contains(&told), "{dry}");
    // As `inspect` and the job itself tell it.
    let inspected = bench.run(&format!("inspect {split}"));
    assert!(String::from_utf8_lossy(&inspected.stdout).contains(&told));
    bench.fails(jobs, &[&told]);
}
