//! Data sets are held against the place that they lie in.

use crate::common::Bench;
use lapwing_files::npy::Array;
use lapwing_files::npz;
use ndarray::Array3;

#[test]
fn views_of_counts_whose_dose_nobody_told_are_those_of_their_folder() {
    let bench = Bench::new();
    // The mean of a split is near the dose of its folder, and no whole number.
    let split = |name: &str, every: usize| {
        let at = |index: usize| [(index / 8) as f64 * 6.0, (index % 8) as f64 * 6.0 + 0.01];
        let counts = Array3::from_shape_fn((48, 16, 16), |(n, y, x)| {
            3 + u16::from((n * 7 + y * 5 + x * 3) % every == 0)
        });
        let column = |axis: usize| Array::from((0..48).map(|n| at(n)[axis]).collect::<Vec<f64>>());
        let arrays =
            [("diffraction", Array::from(&counts)), ("ycoords", column(0)), ("xcoords", column(1))];
        npz::write(bench.path(name), &arrays).unwrap();
    };
    std::fs::create_dir_all(bench.path("data/dose_1000")).unwrap();
    split("data/dose_1000/patched_train.npz", 5);
    split("data/dose_1000/patched_test.npz", 9);
    let views = "views --data-root data --views-root views --view dense --quantity counts";
    bench.ok(views);
    let jobs =
        "jobs --data-root data --views-root views --artifact-root out --view dense --dry-run";
    let told = bench.ok(jobs);
    assert!(!told.contains("would fail"), "{told}");
    // Counts of another dose are told where the view is made, by the name of their file.
    std::fs::rename(bench.path("data/dose_1000"), bench.path("data/dose_100000")).unwrap();
    let told = bench.fails(views, &["patched_train.npz", "dose 100000", "counts per pattern"]);
    // What reading has made of the counts is not what the file says.
    assert!(!told.contains("_metadata` says"), "{told}");
    let overlap = "overlap --data-root data/dose_100000 --output o --quantity counts";
    let told = bench.fails(overlap, &["dose 100000", "counts per pattern", "--trust-names"]);
    assert!(!told.contains("_metadata` says"), "{told}");
    for (command, way_on) in [
        (views, "--leave-out _metadata"),
        (overlap, "--leave-out _metadata"),
        (overlap, "--trust-names"),
    ] {
        bench.fails(command, &[way_on]);
        bench.ok(&format!("{command} {way_on}"));
    }
    // A view that goes by its place alone is one of its place.
    let told = bench.ok(jobs);
    assert!(told.contains("dense_train.npz") && !told.contains("would fail"), "{told}");
    let told = bench.ok(&format!("{jobs} --leave-out _metadata"));
    assert!(told.contains("would fail") && told.contains("must have to be one"), "{told}");
}
