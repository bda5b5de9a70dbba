//! From simulation to comparison on a tiny case, and the JSON that scripts may rely on.

use crate::common::Bench;
use lapwing_files::npy::{self, Array};
use lapwing_files::{Archive, ReadOptions, dataset};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

#[test]
fn simulate_says_what_was_understood_and_measured() {
    let bench = Bench::new();
    let record = bench.json(
        "simulate --specimen cells --pattern-size 32 --overlap 0.5 --scan fermat --field-of-view 60x90 --dose 1e4 --output a.npz",
    );
    let (dataset, _) = dataset::read(bench.path("a.npz"), &ReadOptions::default()).unwrap();
    let n = dataset.n_patterns();
    assert_eq!(record["n_patterns"], n);
    assert_eq!(record["pattern_shape"], serde_json::json!([32, 32]));
    assert_eq!(dataset.pattern_shape(), (32, 32));
    // The measured mean is that of the counts in the file, within the noise of the dose, but not
    // the dose itself.
    let counts = dataset.counts().unwrap();
    assert!(counts.iter().all(|count| count.fract() == 0.0));
    let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / n as f64;
    assert!((number(&record["mean_counts_per_pattern"]) - mean).abs() < 1e-6 * mean);
    assert!((mean - 1e4).abs() < 6.0 * (1e4 / n as f64).sqrt() && mean != 1e4);
    // Linear overlap: half a diameter of step, one position for each step squared.
    let step = 0.5 * number(&record["probe_diameter_px"]);
    assert!((number(&record["understood"]["scan"]["step_px"]) - step).abs() < 1e-9);
    assert!((n as f64 / (60.0 * 90.0 / (step * step)) - 1.0).abs() < 0.25, "{n}");
    let metadata = dataset.metadata.unwrap();
    assert_eq!(metadata["physics_parameters"]["nphotons"], 10_000);
    assert_eq!(metadata["physics_parameters"]["N"], 32);
    assert!(metadata["physics_parameters"]["gridsize"].is_number());
    assert!(metadata["data_transformations"].is_array());
    // The object is as large as the windows need and no larger, but for the margin.
    let object = dataset.object.unwrap().into_projection();
    assert!((60 + 32..=60 + 32 + 8).contains(&object.nrows()), "{:?}", object.dim());
    assert!((90 + 32..=90 + 32 + 8).contains(&object.ncols()), "{:?}", object.dim());
}

#[test]
fn inspect_describes_a_sound_file() {
    let bench = Bench::new();
    bench.simulate("a.npz", "");
    let record = bench.json("inspect a.npz --figure a.png");
    assert_eq!(record["file"], "a.npz");
    assert_eq!(record["dialect"], "study");
    let arrays = record["arrays"].as_array().unwrap();
    let diffraction = arrays.iter().find(|array| array["name"] == "diffraction").unwrap();
    assert_eq!(
        (diffraction["dtype"].as_str(), diffraction["shape"][1].as_u64()),
        (Some("float32"), Some(32))
    );
    assert_eq!(record["metadata"]["physics_parameters"]["nphotons"], 10_000);
    let understood = &record["understood"];
    assert_eq!(understood["n_patterns"], diffraction["shape"][0]);
    assert_eq!(understood["pattern_shape"], serde_json::json!([32, 32]));
    assert_eq!(understood["quantity"], "amplitude");
    assert_eq!(understood["zero_frequency"], "centre");
    assert_eq!(understood["axis_order"], "(n, H, W)");
    assert!((number(&understood["mean_counts_per_pattern"]) / 1e4 - 1.0).abs() < 0.01);
    assert!((number(&understood["probe_diameter_px"]) - 16.0).abs() < 0.5);
    assert!((0.2..0.7).contains(&number(&understood["overlap"])));
    assert_eq!(record["contract"], serde_json::json!({ "ok": true, "problems": [] }));
    assert_eq!(std::fs::read(bench.path("a.png")).unwrap()[1..4], *b"PNG");
    assert!(bench.ok("inspect a.npz").contains("contract: kept"));
}

#[test]
fn a_base_file_takes_the_place_of_the_built_ins() {
    let bench = Bench::new();
    bench.simulate("a.npz", "");
    let again = bench.json("simulate --base a.npz --dose 100 --output b.npz");
    let (a, _) = dataset::read(bench.path("a.npz"), &ReadOptions::default()).unwrap();
    let (b, _) = dataset::read(bench.path("b.npz"), &ReadOptions::default()).unwrap();
    assert_eq!((&a.scan, &a.object, &a.probe), (&b.scan, &b.object, &b.probe));
    assert!((number(&again["mean_counts_per_pattern"]) / 100.0 - 1.0).abs() < 0.1);
    // A scan of its own on the same object, all of its windows inside.
    let scanned =
        bench.json("simulate --base a.npz --scan raster --step 20 --dose 100 --output c.npz");
    let (c, _) = dataset::read(bench.path("c.npz"), &ReadOptions::default()).unwrap();
    assert_eq!(c.object, a.object);
    // Centres may span the object less a window and a pixel, here some 118 px: six lines of 20 px.
    assert_eq!(scanned["n_patterns"], 36);
    assert_eq!(c.scan.len(), 36);
    // And a probe of its own.
    bench.ok("simulate --base a.npz --probe disc --probe-diameter 12 --dose 100 --output d.npz");
    let understood = bench.json("inspect d.npz")["understood"].clone();
    assert!((number(&understood["probe_diameter_px"]) - 12.0).abs() < 0.3);
}

#[test]
fn thinning_takes_away_nine_photons_of_ten() {
    let bench = Bench::new();
    bench.simulate("a.npz", "");
    let record = bench.json("thin --input a.npz --dose 1000 --output b.npz");
    let (a, _) = dataset::read(bench.path("a.npz"), &ReadOptions::default()).unwrap();
    let (b, _) = dataset::read(bench.path("b.npz"), &ReadOptions::default()).unwrap();
    let (before, after) = (a.counts().unwrap(), b.counts().unwrap());
    assert!(after.iter().all(|count| count.fract() == 0.0));
    assert!(before.iter().zip(&after).all(|(before, after)| after <= before));
    let sum =
        |counts: &ndarray::Array3<f32>| counts.iter().map(|&count| f64::from(count)).sum::<f64>();
    let expected = 0.1 * sum(&before);
    assert!((sum(&after) - expected).abs() < 6.0 * (0.9 * expected).sqrt());
    assert!(
        (number(&record["mean_counts_per_pattern"]) * b.n_patterns() as f64 - sum(&after)).abs()
            < 1.0
    );
    let metadata = b.metadata.unwrap();
    assert_eq!(number(&metadata["physics_parameters"]["nphotons"]), 1000.0);
    assert_eq!(metadata["data_transformations"].as_array().unwrap().len(), 2);
    bench.fails("thin --input b.npz --dose 5000 --output c.npz", &["b.npz", "5000", "never added"]);
    assert!(!bench.path("c.npz").exists());
}

#[test]
fn from_simulation_to_comparison() {
    let bench = Bench::new();
    bench.simulate("whole.npz", "");
    let split = bench.json("split --input whole.npz --output-dir data/dose_10000 --guard-band 10");
    let n = |half: &str| split[half]["n"].as_u64().unwrap();
    let total = n("train") + n("test") + split["n_dropped"].as_u64().unwrap();
    assert_eq!(
        total,
        bench.json("inspect whole.npz")["understood"]["n_patterns"].as_u64().unwrap()
    );
    assert!(number(&split["train"]["shared_fraction"]) > 0.0);

    let views = bench.json("views --data-root data --views-root views");
    assert_eq!(views["views"].as_array().unwrap().len(), 4, "{views}");
    for view in views["views"].as_array().unwrap() {
        assert!(view["acceptance_rate"].is_number() && view["selection_strategy"].is_string());
        assert!(bench.path(view["file"].as_str().unwrap()).is_file());
    }
    let dense = "views/dose_10000/dense/dense_train.npz";
    let overlap =
        bench.json(&format!("overlap --input {dense} --gridsize 2 --s-img 0.8 --n-groups 8"));
    for name in [
        "metrics_version",
        "metric_1_group_based_avg",
        "metric_2_image_based_avg",
        "metric_3_group_to_group_avg",
        "gridsize",
        "s_img",
        "n_groups",
        "neighbor_count",
        "probe_diameter_px",
        "rng_seed_subsample",
        "n_images_total",
        "n_images_subsampled",
        "n_unique_images",
        "n_groups_actual",
        "geometry_acceptance_bound",
        "effective_min_acceptance",
    ] {
        assert!(overlap.get(name).is_some(), "{name} is not in {overlap}");
    }

    let summary = bench.json("reconstruct --input-npz data/dose_10000/patched_train.npz --output-dir out --num-epochs 30 --compare");
    for name in ["seconds", "seconds_per_epoch", "final_loss"] {
        assert!(number(&summary[name]) > 0.0, "{name} in {summary}");
    }
    assert_eq!(summary["epochs"], 30);
    assert!(summary.get("peak_memory_mb").is_some());
    let correlation = number(&summary["comparison"]["metrics"]["complex_correlation"]);
    assert!(correlation > 0.9, "{correlation}");
    let archive = Archive::open(bench.path("out/reconstruction.npz")).unwrap();
    for name in [
        "reconstructed_object",
        "reconstructed_probe",
        "positions",
        "loss",
        "algorithm",
        "timestamp",
        "_metadata",
    ] {
        assert!(archive.contains(name), "{name}");
    }

    let compared = bench.json("compare --reconstruction out/reconstruction.npz --truth whole.npz");
    let again = number(&compared["metrics"]["complex_correlation"]);
    assert!((again - correlation).abs() < 1e-6, "{again} and {correlation}");
    assert!(compared["region"]["pixels"].as_u64().unwrap() > 1000);
    let words = bench.ok("compare --reconstruction out/reconstruction.npz --truth whole.npz");
    for name in [
        "complex correlation",
        "complex NRMSE",
        "amplitude SSIM",
        "phase FRC 1/2, cycles/px",
        "phase PSNR, dB",
    ] {
        assert!(words.contains(name), "{name} is not in\n{words}");
    }
}

#[test]
fn jobs_keep_their_records_and_say_what_failed() {
    let bench = Bench::new();
    bench.simulate("whole.npz", "");
    bench.ok("split --input whole.npz --output-dir data/dose_10000");
    bench.ok("views --phase-c-root data --output-root views --view dense");
    let roots = "--phase-c-root data --phase-d-root views --artifact-root results --num-epochs 2";
    bench.fails(&format!("jobs {roots}"), &["sparse_train.npz and 1 more do not exist"]);
    assert!(!bench.path("results/reconstruction_manifest.json").exists());
    let dry = bench.json(&format!("jobs {roots} --allow-missing-phase-d --dry-run"));
    assert_eq!(dry["manifest"]["jobs"].as_array().unwrap().len(), 4);
    assert_eq!(dry["manifest"]["missing_jobs"].as_array().unwrap().len(), 2);
    assert!(dry["manifest"]["execution_results"].as_array().unwrap().is_empty());
    let run = bench.json(&format!("jobs {roots} --allow-missing-phase-d --split train"));
    assert_eq!(run["manifest"]["execution_results"].as_array().unwrap().len(), 2);
    assert_eq!(run["skip_summary"]["missing_phase_d_count"], 1);
    assert!(bench.path("results/dose_10000/dense/train/reconstruction.npz").is_file());
    assert!(bench.path("results/skip_summary.json").is_file());
    // A job that cannot work: the other one still runs, and the exit code says so.
    std::fs::write(bench.path("views/dose_10000/dense/dense_test.npz"), "no archive").unwrap();
    let text = bench.fails(
        &format!("jobs {roots} --allow-missing-phase-d --split test"),
        &["1 of 2 jobs failed"],
    );
    assert!(text.contains("dense_test.npz"), "{text}");
    assert!(bench.path("results/dose_10000/baseline/test/reconstruction.npz").is_file());
}

#[test]
fn a_whole_study_with_status_and_report() {
    let bench = Bench::new();
    bench.ok("study init design.toml");
    assert!(std::fs::read_to_string(bench.path("design.toml")).unwrap().contains("[scan]"));
    bench.fails("study init design.toml", &["design.toml", "--force"]);
    let design = "[study]\nname = \"tiny\"\ndoses = [1e3, 1e5]\npattern_size = 32\nviews = [\"baseline\", \"dense\"]\n\
                  [scan]\nstep = 8\nfield = [120, 120]\n[solver]\nepochs = 3\n";
    std::fs::write(bench.path("tiny.toml"), design).unwrap();
    let run = bench.json("study run tiny.toml --output tiny");
    assert_eq!(
        (run["jobs"].as_u64(), run["done"].as_u64(), run["failed"].as_u64()),
        (Some(8), Some(8), Some(0))
    );
    assert!(bench.path("tiny/report/index.html").is_file());
    let status = bench.json("study status tiny");
    assert_eq!(
        (status["total"].as_u64(), status["done"].as_u64(), status["pending"].as_u64()),
        (Some(8), Some(8), Some(0))
    );
    // Nothing is done twice.
    assert_eq!(bench.json("study run tiny.toml --output tiny")["resumed"], 8);
    std::fs::remove_dir_all(bench.path("tiny/report")).unwrap();
    let report = bench.json("report tiny");
    for name in ["html", "csv", "json"] {
        assert!(bench.path(report[name].as_str().unwrap()).is_file());
    }
    bench.fails("study status nowhere", &["nowhere", "no study"]);
    std::fs::write(bench.path("bad.toml"), "[study]\nneighbor_count = 3\n").unwrap();
    bench.fails(
        "study run bad.toml --output bad",
        &["bad.toml", "neighbor_count", "OVERSAMPLING-001"],
    );
    assert!(!bench.path("bad").exists());
}

#[test]
fn a_plain_stack_is_inspected_and_reconstructed() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --pattern-size 32 --overlap 0.6 --field-of-view 40x40 --dose 1e4 --output a.npz");
    let (known, _) = dataset::read(bench.path("a.npz"), &ReadOptions::default()).unwrap();
    let counts = known.counts().unwrap().mapv(|count| count as u16);
    let centres: Vec<f64> = known.scan.iter().flat_map(|p| [p.y, p.x]).collect();
    let centres = Array::from(centres).reshape(vec![known.scan.len(), 2]).unwrap();
    npy::write(bench.path("s.npy"), &(&counts).into()).unwrap();
    npy::write(bench.path("s.positions.npy"), &centres).unwrap();
    npy::write(bench.path("s.probe.npy"), &known.probe.as_ref().unwrap().into()).unwrap();
    let record = bench.json("inspect s.npy");
    assert_eq!(record["dialect"], "npy");
    assert_eq!(record["understood"]["quantity"], "counts");
    assert_eq!(record["understood"]["n_patterns"], known.scan.len());
    let summary = bench.json("reconstruct --input-npz s.npy --output-dir out --num-epochs 2");
    assert_eq!(summary["epochs"], 2);
    assert!(bench.path("out/reconstruction.npz").is_file());
}

#[test]
fn a_study_of_any_number_of_steps_has_lines_of_equal_quality() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let design = "[study]\ndoses = [1e2, 1e3, 1e5]\npattern_size = 32\nviews = [\"baseline\"]\nsplits = [\"train\"]\n\
                  [scan]\nstep = 4\nfield = [120, 90]\n[views]\noverlaps = [0.2, 0.5]\nsteps = [6.5]\n\
                  [solver]\nalgorithm = \"LSQML\"\nepochs = 8\n";
    std::fs::write(bench.path("steps.toml"), design).unwrap();
    let run = bench.json("study run steps.toml --output steps");
    assert_eq!((run["jobs"].as_u64(), run["done"].as_u64()), (Some(12), Some(12)), "{run}");
    assert!(bench.path("steps/views/dose_1000/step_6.5/step_6.5_train.npz").is_file());
    let html = std::fs::read_to_string(bench.path("steps/report/index.html")).unwrap();
    assert!(html.contains("Lines of equal"));
    assert!(bench.path("steps/report/figures").read_dir().unwrap().any(|file| {
        file.unwrap().file_name().to_string_lossy().ends_with("_dose_overlap.svg")
    }));
    assert_eq!(bench.json("study run steps.toml --output steps")["resumed"], 12);
    // By hand, on roots of one's own.
    bench.ok("views --data-root steps/data --output-root v --dose 1000 --step 6.5,9");
    let dry = bench.json("jobs --data-root steps/data --views-root v --artifact-root o --dose 1000 --view step_9 --dry-run");
    assert_eq!(dry["manifest"]["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(dry["would_fail"].as_array().unwrap().len(), 0);
}

#[test]
fn a_plan_before_there_are_data() {
    let bench = Bench::new();
    let geometry = "--resolution-m 30e-9 --probe-diameter-m 1e-6 --field-m 10e-6";
    let plan = bench.json(&format!("plan {geometry} --phase 0.1 --flux 1e9 --overhead-s 0.01"));
    let bound = number(&plan["bound"]["fluence_m2"]) * 9e-16;
    // Rose's criterion on the bound: (5 / 0.1)^2 / 2 photons on the detail.
    assert!((bound / 1250.0 - 1.0).abs() < 2e-3, "{bound}");
    assert!((number(&plan["expected"]["fluence_m2"]) * 9e-16 / bound - 5.0).abs() < 1e-9);
    let words = bench.ok(&format!("plan {geometry} --phase 0.1 --flux 1e9"));
    assert!(words.contains("per um^2") && words.contains("exposure"), "{words}");
    // The same by material: 2 pi delta t / lambda, with lambda of 6.2 keV about 0.2 nm.
    let of_material = "--delta 3.183e-6 --thickness-m 1e-6 --energy-kev 6.1992";
    let same = bench.json(&format!("plan {geometry} {of_material} --mass-absorption-m2-kg 10"));
    assert!((number(&same["contrast"]) / number(&plan["contrast"]) - 1.0).abs() < 1e-3);
    let gray = number(&same["bound"]["fluence_m2"]) * 10.0 * 6.1992 * 1.602e-16;
    assert!((number(&same["bound"]["gray"]) / gray - 1.0).abs() < 1e-3);
    bench.fails(&format!("plan {geometry} --delta 1e-6 --thickness-m 1e-6"), &["--energy-kev"]);
    assert_eq!(bench.run(&format!("plan {geometry}")).status.code(), Some(2));
}

#[test]
fn a_search_tells_the_dose_that_every_view_needs() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let design = "[study]\ndoses = [1e2, 1e5]\npattern_size = 32\nviews = [\"baseline\"]\n\
                  splits = [\"train\"]\n[scan]\nstep = 6\nfield = [90, 60]\n[solver]\n\
                  algorithm = \"LSQML\"\nepochs = 10\n";
    std::fs::write(bench.path("s.toml"), design).unwrap();
    bench.fails("study search s.toml --output s", &["[goal]", "--goal"]);
    bench.fails("study search s.toml --output s --goal resolution=30nm", &["--pixel-size-m"]);
    let run = "study search s.toml --output s --goal resolution=30nm --pixel-size-m 1e-8";
    assert!(!bench.path("s/study.toml").exists());
    let found = bench.json(&format!("{run} --precision 3"));
    assert_eq!(found["goal"]["metric"], "phase_resolution_0_5_nm");
    assert_eq!(
        (number(&found["goal"]["at_most"]), &found["goal"]["pixel_size_m"]),
        (30.0, &1e-8.into())
    );
    let tried = found["views"][0]["tried"].as_array().unwrap();
    // Half a period of ten pixels or fewer, and not of less than one, in nanometres.
    assert!(tried.iter().all(|tried| (10.0..1000.0).contains(&number(&tried["value"]))), "{found}");
    let words = bench.ok(&format!("{run} --precision 3"));
    assert!(words.contains("baseline (step") && words.contains("at most 30:"), "{words}");
    // The report, now and made again, and a run that goes on, keep the goal and the pixel.
    for command in ["report s", "study run s.toml --output s"] {
        let answer = std::fs::read(bench.path("s/report/study_answer.json")).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["pixel_size_m"], 1e-8, "{answer}");
        let text = answer.to_string();
        assert!(text.contains("\"asked_for\":true") && text.contains("30 nm"), "{text}");
        assert!(!text.contains("3.0000000000000004"), "{text}");
        bench.ok(command);
    }
    let other = "study search s.toml --output s --goal resolution=30nm --pixel-size-m 0";
    assert_eq!(bench.run(other).status.code(), Some(2));
    assert_eq!(bench.run("study search s.toml --output s --goal beauty=1").status.code(), Some(2));
}

#[test]
fn a_specimen_can_have_a_pixel_and_a_search_leaves_nothing_undone() {
    let bench = Bench::new();
    let design = |pixel: &str| {
        let text = format!(
            "[study]\ndoses = [1, 1e5]\npattern_size = 32\nviews = [\"baseline\", \"dense\"]\n\
             splits = [\"train\"]\n[specimen]\n{pixel}[views]\nsteps_nm = [90]\n[probe]\ndiameter = 18\n\
             [scan]\nstep = 6\nfield = [90, 60]\n[goal]\nmetric = \"phase_resolution_nm\"\nat_most = 10\n\
             precision = 50\n[solver]\nalgorithm = \"LSQML\"\nepochs = 3\n"
        );
        std::fs::write(bench.path("s.toml"), text).unwrap();
    };
    design("");
    bench.fails("study search s.toml --output s", &["pixel_size_m", "[specimen]"]);
    design("pixel_size_m = -1\n");
    bench.fails("study search s.toml --output s", &["specimen.pixel_size_m", "above 0"]);
    design("pixel_size_m = 1e-8\n");
    let other = "study search s.toml --output s --pixel-size-m 2e-8";
    bench.fails(other, &["--pixel-size-m", "1e-8", "2e-8"]);
    let found = bench.json("study search s.toml --output s");
    assert!(
        found["views"].as_array().unwrap().iter().any(|view| view["view"] == "step_9"),
        "{found}"
    );
    let looked: usize = found["views"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["tried"].as_array().unwrap().len())
        .sum();
    // A view that the highest dose does not help is not looked at again, and is not to be done.
    let status = bench.json("study status s");
    assert_eq!(
        (status["pending"].as_u64(), status["total"].as_u64()),
        (Some(0), Some(looked as u64))
    );
    let csv = std::fs::read_to_string(bench.path("s/report/results.csv")).unwrap();
    let column = csv.lines().next().unwrap().split(',').position(|name| name == "step_nm").unwrap();
    let step: f64 = csv.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse().unwrap();
    assert!((30.0..120.0).contains(&step), "{csv}");
    for impossible in ["phase_ssim=2", "beauty=1", "resolution=0nm"] {
        assert_eq!(bench.run(&format!("report s --goal {impossible}")).status.code(), Some(2));
    }
}
