//! What looks wrong is said, what is beyond doubt does no harm, and nothing is lost without a word.

use crate::common::{Bench, stderr};
use lapwing_files::dataset::Form;
use lapwing_files::options::{Quantity, ZeroFrequency};
use lapwing_files::{Dataset, ReadOptions, dataset};
use ndarray::s;

#[test]
fn dark_patterns_of_an_unknown_unit_are_told_and_left_out() {
    let bench = Bench::new();
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --scan fermat --step 3 --field-of-view 30 --dose 20000 \
         --seed 6 --output truth.npz",
    );
    let (whole, _) = dataset::read(bench.path("truth.npz"), &ReadOptions::default()).unwrap();
    let mut counts = whole.counts().unwrap();
    counts.slice_mut(s![20..26, .., ..]).fill(0.0);
    let form = Form { quantity: Quantity::Intensity, zero_frequency: ZeroFrequency::Centre };
    let (scan, probe, object) = (whole.scan.clone(), whole.probe.clone(), whole.object.clone());
    let dark = Dataset::from_patterns(counts, form, scan, probe, object, None).unwrap();
    dark.write(bench.path("dark.npz")).unwrap();
    let lit: Vec<usize> = (0..whole.n_patterns()).filter(|i| !(20..26).contains(i)).collect();
    dark.select(&lit).unwrap().write(bench.path("lit.npz")).unwrap();

    let said = bench.json("inspect dark.npz")["understood"]["remarks"].clone();
    assert_eq!((&said[0]["what"], &said[0]["certain"]), (&"lost-patterns".into(), &true.into()));
    assert!(bench.ok("inspect dark.npz").contains("remark: 6 of"));
    let error = |name: &str, more: &str| -> f64 {
        let run = bench.run(&format!(
            "reconstruct --input-npz {name}.npz --output-dir {name}{more} --num-epochs 20 --compare {}",
            if more.is_empty() { "" } else { "--faulty keep" }
        ));
        assert!(run.status.success(), "{}", stderr(&run));
        assert_eq!(stderr(&run).contains("remark: 6 of"), name == "dark", "{}", stderr(&run));
        let record = std::fs::read(bench.path(&format!("{name}{more}/result.json"))).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["remarks"][0]["what"] == "lost-patterns", name == "dark");
        record["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    let (left_out, without, kept) = (error("dark", ""), error("lit", ""), error("dark", "kept"));
    assert!((left_out - without).abs() < 0.01, "{left_out} {without}");
    assert!(kept > 1.5 * without, "{kept} {without}");
}

/// A simulated scan in `scan.npz`, with its object.
fn simulated(bench: &Bench) -> Dataset {
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --scan fermat --step 3 --field-of-view 30 --dose 20000 \
         --seed 6 --output scan.npz",
    );
    dataset::read(bench.path("scan.npz"), &ReadOptions::default()).unwrap().0
}

#[test]
fn a_pattern_far_too_bright_does_no_harm() {
    let bench = Bench::new();
    let whole = simulated(&bench);
    let mut counts = whole.counts().unwrap();
    counts.slice_mut(s![20, .., ..]).mapv_inplace(|count| 100.0 * count);
    let form = Form { quantity: Quantity::Intensity, zero_frequency: ZeroFrequency::Centre };
    let (scan, probe, object) = (whole.scan.clone(), whole.probe.clone(), whole.object.clone());
    let bright = Dataset::from_patterns(counts, form, scan, probe, object, None).unwrap();
    bright.write(bench.path("bright.npz")).unwrap();
    let said = bench.json("inspect bright.npz")["understood"]["remarks"].clone();
    assert_eq!((&said[0]["what"], &said[0]["certain"]), (&"bright-patterns".into(), &true.into()));
    let error = |folder: &str, more: &str| -> f64 {
        bench.ok(&format!(
            "reconstruct --input-npz bright.npz --output-dir {folder} --num-epochs 20 --compare {more}"
        ));
        let record = std::fs::read(bench.path(&format!("{folder}/result.json"))).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        record["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    let (own, said) = (error("own", ""), error("said", "--leave-out-frames 20"));
    assert!((own - said).abs() < 0.01, "{own} {said}");
    let kept = error("kept", "--faulty keep");
    assert!(kept > 1.5 * said, "{kept} {said}");
}

#[test]
fn a_step_in_millimetres_is_refused_with_what_to_type() {
    let bench = Bench::new();
    let mut wide = simulated(&bench);
    wide.object = None;
    for at in &mut wide.scan {
        (at.y, at.x) = (1e3 * at.y, 1e3 * at.x);
    }
    wide.write(bench.path("wide.npz")).unwrap();
    let said = bench.json("inspect wide.npz")["understood"]["remarks"].clone();
    assert_eq!(said[0]["what"], "degenerate");
    let words = ["px apart", "32 x 32 px", "millimetres", "--scan-step-m", "--position-unit"];
    bench.fails("reconstruct --input wide.npz --output-dir wide --num-epochs 2", &words);
}

#[test]
fn scans_that_count_from_other_zeros_are_laid_on_each_other_by_their_positions() {
    let bench = Bench::new();
    let mut moved = simulated(&bench);
    moved.object = None;
    moved.scan.iter_mut().for_each(|position| {
        position.y -= 40.0;
        position.x += 1e6;
    });
    moved.write(bench.path("moved.npz")).unwrap();
    let correlation = |name: &str, less: &str| {
        bench.ok(&format!(
            "reconstruct --input-npz {name}.npz --output-dir {name} --num-epochs 20 --algorithm LSQML{less}"
        ));
        let run = bench.run(&format!(
            "compare --reconstruction {name}/reconstruction.npz --truth scan.npz --json"
        ));
        assert_eq!(stderr(&run).contains("another zero"), name == "moved", "{}", stderr(&run));
        let record: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        record["metrics"]["complex_correlation"].as_f64().unwrap()
    };
    let (own, other) = (correlation("scan", ""), correlation("moved", ""));
    assert!(own > 0.95 && (own - other).abs() < 0.01, "{own} {other}");
    // A part of the positions tells as well as all.
    let part = correlation("moved", " --leave-out-frames 3,17,40-52");
    assert!((own - part).abs() < 0.03, "{own} {part}");
}

#[test]
fn measured_counts_and_results_are_not_lost_without_a_word() {
    let bench = Bench::new();
    simulated(&bench);
    let before = std::fs::read(bench.path("scan.npz")).unwrap();
    bench.fails(
        "thin --input scan.npz --dose 100 --output scan.npz",
        &["scan.npz", "the input itself"],
    );
    assert_eq!(std::fs::read(bench.path("scan.npz")).unwrap(), before);
    let said = |epochs: usize| {
        let run = bench
            .run(&format!("reconstruct --input scan.npz --output-dir out --num-epochs {epochs}"));
        assert!(run.status.success());
        stderr(&run).contains("is kept in")
    };
    assert_eq!([said(2), said(2), said(3)], [false, false, true]);
    let epochs = |folder: &str| {
        let text = std::fs::read(bench.path(folder).join("result.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for name in record["files"].as_object().unwrap().values().filter_map(|v| v.as_str()) {
            assert!(bench.path(folder).join(name).is_file(), "{folder}/{name}");
        }
        record["loss"]["epochs"].as_u64().unwrap()
    };
    assert_eq!((epochs("out"), epochs("out/earlier_1")), (3, 2));
    // One that fails takes no place: the one before it is there as it was.
    let run = bench.run("reconstruct --input scan.npz --output-dir out --num-epochs 4 --probe-start optics --algorithm LSQML");
    assert!(!run.status.success());
    assert!(stderr(&run).contains("is back in its place"), "{}", stderr(&run));
    assert_eq!(epochs("out"), 3);
    assert!(!bench.path("out/earlier_2").exists());
    // Of what has no record nobody knows by which options it was made.
    std::fs::remove_file(bench.path("out/result.json")).unwrap();
    let run = bench.run("reconstruct --input scan.npz --output-dir out --num-epochs 3");
    let text = stderr(&run);
    assert!(run.status.success() && text.contains("out/earlier_2"), "{text}");
    assert!(text.contains("did not finish") && !text.contains("made with other options"), "{text}");
}

#[test]
fn a_scan_goes_through_other_formats_and_comes_back() {
    let bench = Bench::new();
    let scan = simulated(&bench);
    bench.fails("convert scan.npz scan.cxi", &["--energy-kev", "--pixel-size-m"]);
    bench.fails("convert scan.npz scan.txt", &[".npz, .cxi or .h5"]);
    bench.fails("convert scan.npz scan.npz", &["another file"]);
    bench.fails("simulate --base scan.npz --dose 10 --output scan.npz", &["the input itself"]);
    std::fs::create_dir(bench.path("half")).unwrap();
    std::fs::copy(bench.path("scan.npz"), bench.path("half/patched_test.npz")).unwrap();
    bench.fails(
        "split --input half/patched_test.npz --output-dir half",
        &["patched_test.npz", "the input itself"],
    );
    assert!(!bench.path("half/patched_train.npz").exists());
    let said = "--energy-kev 8 --pixel-size-m 1e-8";
    bench.ok(&format!("convert scan.npz scan.cxi {said}"));
    bench.ok(&format!("convert --input scan.npz --output pair.h5 {said}"));
    assert_eq!(bench.run("convert scan.npz").status.code(), Some(2), "no output");
    let whole = scan.counts().unwrap();
    for (name, options) in [
        ("scan.cxi", ReadOptions::default()),
        (
            "pair.h5",
            ReadOptions {
                companion: Some(bench.path("pair.product.h5")),
                ..ReadOptions::default()
            },
        ),
    ] {
        let (read, _) = dataset::read(bench.path(name), &options).unwrap();
        assert_eq!(read.counts().unwrap(), whole, "{name}");
        let step =
            |scan: &[lapwing_model::Position]| (scan[5].y - scan[0].y, scan[5].x - scan[0].x);
        let ((y, x), (own_y, own_x)) = (step(&read.scan), step(&scan.scan));
        assert!((y - own_y).abs() < 1e-6 && (x - own_x).abs() < 1e-6, "{name}: {y} {x}");
        let probe = read.probe.unwrap();
        assert_eq!(probe.dim(), scan.probe.as_ref().unwrap().dim(), "{name}");
    }
}

#[test]
fn a_scan_without_a_probe_becomes_patterns_and_positions() {
    let bench = Bench::new();
    let mut scan = simulated(&bench);
    scan.probe = None;
    scan.object = None;
    scan.write(bench.path("bare.npz")).unwrap();
    let said = "--energy-kev 8 --pixel-size-m 1e-8";
    let run = bench.run(&format!("convert bare.npz pair.h5 {said}"));
    let told = stderr(&run);
    assert!(run.status.success(), "{told}");
    assert!(told.contains("has a probe") && told.contains("pair.positions.csv"), "{told}");
    assert!(!bench.path("pair.product.h5").exists());
    // What the note says to type reads them.
    bench.ok("convert pair.h5 back.npz --positions pair.positions.csv --position-unit m --pixel-size-m 1e-8");
    let (read, _) = dataset::read(bench.path("back.npz"), &ReadOptions::default()).unwrap();
    assert_eq!(read.counts().unwrap(), scan.counts().unwrap());
    for (one, other) in [(0, 5), (3, scan.n_patterns() - 1)] {
        let between = |scan: &[lapwing_model::Position]| {
            (scan[other].y - scan[one].y, scan[other].x - scan[one].x)
        };
        let ((y, x), (own_y, own_x)) = (between(&read.scan), between(&scan.scan));
        assert!((y - own_y).abs() < 1e-6 && (x - own_x).abs() < 1e-6, "{y} {x}");
    }
}

#[test]
fn a_pair_counts_its_own_patterns_and_has_an_object() {
    let bench = Bench::new();
    let mut scan = simulated(&bench);
    scan.object = None;
    scan.frames = Some((0..).map(|n| 7 + 2 * n).take(scan.n_patterns()).collect());
    scan.write(bench.path("odd.npz")).unwrap();
    bench.ok("convert odd.npz pair.h5 --energy-kev 8 --pixel-size-m 1e-8");
    let product = lapwing_files::dialect::Product::read(bench.path("pair.product.h5")).unwrap();
    assert_eq!(product.indexes, (0..).take(scan.n_patterns()).collect::<Vec<i64>>());
    let (height, width) = product.object.as_ref().expect("ptychodus opens none without").shape();
    let (pattern, at) =
        (scan.pattern_shape(), product.on_object((height, width), scan.pattern_shape()));
    for place in at {
        assert!(place.y >= (pattern.0 / 2) as f64 && place.y <= (height - pattern.0 / 2) as f64);
        assert!(place.x >= (pattern.1 / 2) as f64 && place.x <= (width - pattern.1 / 2) as f64);
    }
    let options =
        ReadOptions { companion: Some(bench.path("pair.product.h5")), ..ReadOptions::default() };
    let (read, _) = dataset::read(bench.path("pair.h5"), &options).unwrap();
    assert_eq!(read.n_patterns(), scan.n_patterns());
}
