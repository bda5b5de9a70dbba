//! What makes real experiments less simple, on the command line: simulated, told and found.

use crate::common::{Bench, stderr};
use lapwing_files::{Archive, ReadOptions, Reconstruction, dataset};
use ndarray::Array3;
use serde_json::{Value, json};
use std::path::Path;

/// A small scan of cells.
const SIMULATE: &str = "simulate --specimen cells --pattern-size 32 --probe-diameter 16 --step 4 \
                        --field-of-view 40x40 --dose 20000 --seed 3";

fn result(bench: &Bench, folder: &str) -> Value {
    let text = std::fs::read(bench.path(folder).join("result.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn an_exposure_is_told_as_it_was_said_however_short() {
    let bench = Bench::new();
    bench.ok(&format!("{SIMULATE} --output still.npz"));
    let told = |options: &str| {
        let facts = bench.json(&format!("inspect still.npz {options}"));
        facts["understood"]["exposure"].as_str().map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(told(""), "");
    assert_eq!(told("--fly 0,4"), "the probe moves along (0.00, 4.00) px, (y, x), in 8 steps");
    assert_eq!(told("--fly 0.3,0"), "the probe moves along (0.30, 0.00) px, (y, x), in 2 steps");
    // Of a stage's near field the specimen moves; a far field is the same of either.
    let near = |moves: &str| told(&format!("--fresnel-number 0.1 --fly 0,4 --moves {moves}"));
    for moves in ["specimen", "probe"] {
        let words = near(moves);
        assert!(words.contains(&format!("the {moves} moves along (0.00, 4.00) px")), "{words}");
    }
    assert!(!near("specimen").contains("probe"), "{}", near("specimen"));
    let slices = told("--slices 3 --slice-fresnel-number 0.25");
    assert_eq!(slices, "3 slices, Fresnel number of a pixel over a gap 0.2500");
    // A reconstruction says with what it was made.
    let solve = "reconstruct still.npz --algorithm LSQML --num-epochs 1 --output";
    bench.ok(&format!("{solve} blurred --fly 0,4 --detector-blur 0.5"));
    bench.ok(&format!("{solve} plain"));
    let exposure =
        "the probe moves along (0.00, 4.00) px, (y, x), in 8 steps; the detector blurs by 0.5 px";
    assert_eq!(result(&bench, "blurred")["exposure"], exposure);
    assert_eq!(result(&bench, "plain")["exposure"], Value::Null);
    let log = |folder| std::fs::read_to_string(bench.path(folder).join("log.txt")).unwrap();
    assert!(log("blurred").contains(&format!("exposure: {exposure}")), "{}", log("blurred"));
    assert!(!log("plain").contains("exposure: "), "{}", log("plain"));
    // A motion of half a pixel or less is one: its patterns are others.
    bench.ok(&format!("{SIMULATE} --fly 0,0.5 --output flown.npz"));
    let counts = |name| {
        let (dataset, _) = dataset::read(bench.path(name), &ReadOptions::default()).unwrap();
        dataset.counts().unwrap()
    };
    assert_ne!(counts("still.npz"), counts("flown.npz"));
    // What a file states can be switched off.
    bench.ok(&format!("{SIMULATE} --fly 0,4 --detector-blur 0.5 --output stated.npz"));
    let of_stated = |options: &str| {
        bench.json(&format!("inspect stated.npz {options}"))["understood"]["exposure"].clone()
    };
    assert_eq!(of_stated(""), exposure);
    assert_eq!(of_stated("--fly 0,0 --detector-blur 0"), Value::Null);
    let solve_stated = solve.replace("still.npz", "stated.npz");
    bench.ok(&format!("{solve_stated} off --fly 0,0 --detector-blur 0"));
    assert_eq!(result(&bench, "off")["exposure"], Value::Null);
    assert!(log("off").contains("fly scan: none, nothing moves"), "{}", log("off"));
    assert!(!log("off").contains("along (0.00, 0.00)"), "{}", log("off"));
    bench.ok(&format!("{SIMULATE} --fly 0,0 --detector-blur 0 --output neutral.npz"));
    assert_eq!(counts("still.npz"), counts("neutral.npz"));
}

#[test]
fn powers_cost_little_where_the_beam_is_steady_and_gain_where_it_is_not() {
    let bench = Bench::new();
    let errors = |seed: usize, beam: &str| {
        let scan = format!("scan{seed}{}.npz", beam.replace(' ', ""));
        let simulate = SIMULATE.replace("--seed 3", &format!("--seed {seed} {beam}"));
        bench.ok(&format!("{simulate} --output {scan}"));
        ["", "--vary-power"].map(|option| {
            let told = bench.json(&format!(
                "reconstruct --input {scan} --algorithm LSQML --probe-start file --compare {option} \
                 --output-dir of-{scan}{option}"
            ));
            told["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
        })
    };
    // Seeds 3 to 6 were in view when the steps were chosen, the others were not.
    for seed in [3, 4, 7] {
        let [without, with] = errors(seed, "");
        assert!(with < 1.05 * without, "seed {seed}: {with} for {without}");
    }
    for beam in ["--beam-fading 0.5", "--beam-flicker 0.2"] {
        let [without, with] = errors(3, beam);
        println!("{beam}: {with} for {without}");
        assert!(with < 0.65 * without, "{beam}: {with} for {without}");
    }
}

#[test]
fn a_stage_that_is_off_is_simulated_and_where_it_was_is_kept() {
    let bench = Bench::new();
    let off = "--scan-scale 1.02 --scan-rotation-deg 1.5 --scan-drift 1,-2 --scan-scatter 0.5";
    bench.ok(&format!("{SIMULATE} --output right.npz"));
    bench.ok(&format!("{SIMULATE} {off} --patches --output off.npz"));
    let (right, off) =
        (Archive::open(bench.path("right.npz")), Archive::open(bench.path("off.npz")));
    let (right, off) = (right.unwrap(), off.unwrap());
    assert!(!right.contains("true_ycoords"));
    let along = |file: &Archive, name: &str| file.read(name).unwrap().to_f64().unwrap();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (told, at) = (["ycoords", "xcoords"], ["true_ycoords", "true_xcoords"]);
    let [(y, true_y), (x, true_x)] =
        [0, 1].map(|axis| (along(&off, told[axis]), along(&off, at[axis])));
    let (cy, cx) = (mean(&y), mean(&x));
    let (sin, cos) = 1.5_f64.to_radians().sin_cos();
    let last = y.len() as f64 - 1.0;
    let mut square = 0.0;
    for index in 0..y.len() {
        let (dy, dx) = (1.02 * (y[index] - cy), 1.02 * (x[index] - cx));
        let share = index as f64 / last - 0.5;
        square += (true_y[index] - (cy + cos * dy - sin * dx + share)).powi(2)
            + (true_x[index] - (cx + sin * dy + cos * dx - 2.0 * share)).powi(2);
    }
    let error = (square / (2.0 * y.len() as f64)).sqrt();
    assert!((error - 0.5).abs() < 0.08, "{error}");
    // The patches are those of the places.
    let patch = off.read("Y").unwrap().into_complex32_array::<ndarray::Ix3>().unwrap();
    let object = off.read("objectGuess").unwrap().into_complex32_array::<ndarray::Ix2>().unwrap();
    let corner = |at: f64| (at - 16.0).round_ties_even() as usize;
    assert_eq!(patch[(7, 0, 0)], object[(corner(true_y[7]), corner(true_x[7]))]);
    // Told in its place, they predict the patterns better.
    let places: String = true_y.iter().zip(&true_x).map(|(y, x)| format!("{y} {x}\n")).collect();
    std::fs::write(bench.path("places.txt"), places).unwrap();
    let solve = "reconstruct --input off.npz --algorithm LSQML --num-epochs 15 --compare";
    bench.ok(&format!("{solve} --output-dir told"));
    bench.ok(&format!("{solve} --positions places.txt --output-dir true"));
    let loss = |folder: &str| result(&bench, folder)["loss"]["last"].as_f64().unwrap();
    assert!(loss("true") < 0.95 * loss("told"), "{} and {}", loss("true"), loss("told"));
    for (wrong, word) in [
        ("--scan-scale 3", "scan_scale: expected a factor"),
        ("--base right.npz --scan-drift 0,30", "where the stage really is"),
    ] {
        let source = if wrong.contains("--base") {
            "simulate --dose 100".to_owned()
        } else {
            SIMULATE.to_owned()
        };
        bench.fails(&format!("{source} {wrong} --output wrong.npz"), &[word]);
    }
    let usage = bench.run(&format!("{SIMULATE} --scan-drift 3 --output wrong.npz"));
    assert!(usage.status.code() == Some(2) && stderr(&usage).contains("1.5,-2"));
}

#[test]
fn a_probe_that_varies_is_told_in_log_and_record() {
    let bench = Bench::new();
    bench.ok(&format!("{SIMULATE} --focus-drift 4 --beam-fading 0.4 --output real.npz"));
    let solve = "reconstruct --input real.npz --algorithm LSQML --num-epochs 30";
    bench.ok(&format!("{solve} --probe-eigenmodes 2 --vary-power --output-dir varied"));
    let record = result(&bench, "varied");
    let variation = &record["variation"];
    let number = |value: &Value| value.as_f64().unwrap();
    let share = |index: usize| number(&variation["eigenmodes"][index]["share"]);
    assert!(share(0) > share(1) && share(1) >= 0.0 && share(0) < 1.0, "{variation}");
    // It fades from 1.25 to 0.75 of its mean.
    let power = &variation["power"];
    assert!(number(&power["highest"]) / number(&power["lowest"]) > 1.3, "{power}");
    assert!(number(&power["successive"]) > 0.5, "{power}");
    assert_eq!(record["files"]["variation"], "variation.svg");
    let drawn = std::fs::read_to_string(bench.path("varied/variation.svg")).unwrap();
    for name in ["eigenmode 1, real", "2, imaginary", "beam&#39;s power"] {
        assert!(drawn.contains(name) || drawn.contains(&name.replace("&#39;", "'")), "{name}");
    }
    let log = std::fs::read_to_string(bench.path("varied/log.txt")).unwrap();
    for part in ["the probe varies: ", "of its light as eigenmode 2", "its power by"] {
        assert!(log.contains(part), "{part} in {log}");
    }
    // By hand from what was written.
    let made = Reconstruction::read(bench.path("varied/reconstruction.npz")).unwrap();
    let (modes, weights) = made.eigenmodes.unwrap();
    let probe = made.probe.unwrap();
    let light = |of: &dyn Fn(usize, usize) -> lapwing_model::Complex32| -> f64 {
        let pixels = (0..32).flat_map(|y| (0..32).map(move |x| (y, x)));
        pixels.map(|(y, x)| f64::from(of(y, x).norm_sqr())).sum()
    };
    let n = weights.dim().0 as f32;
    let mean: Vec<_> = weights.columns().into_iter().map(|of| of.sum() / n).collect();
    let usual =
        light(&|y, x| probe[(0, y, x)] + mean[0] * modes[(0, y, x)] + mean[1] * modes[(1, y, x)]);
    let varying = |k: usize| {
        let column = weights.column(k);
        let spread: f64 = column.iter().map(|w| f64::from((w - mean[k]).norm_sqr())).sum();
        spread / f64::from(n) * light(&|y, x| modes[(k, y, x)])
    };
    let expected = varying(0) / (usual + varying(0) + varying(1));
    assert!((share(0) / expected - 1.0).abs() < 1e-3, "{} and {expected}", share(0));
    // Weights of one eigenmode say nothing of those of another.
    let product: lapwing_model::Complex32 =
        weights.rows().into_iter().map(|row| row[0].conj() * row[1]).sum();
    assert!(product.norm() < 1e-3 * n, "{product}");
    // A probe that stays says nothing.
    bench.ok(&format!("{solve} --output-dir still"));
    let record = result(&bench, "still");
    assert!(record["variation"].is_null() && !bench.path("still/variation.svg").exists());
}

#[test]
fn a_gap_between_slices_in_metres_needs_no_file() {
    let bench = Bench::new();
    // 0.1 nm, 300 kV (1.9687 pm), 10 nm: 1e-20 / 1.9687e-20.
    let thick = "--slices 2 --slice-spacing 1e-8";
    bench.ok(&format!("{SIMULATE} {thick} --pixel-size-m 1e-10 --voltage-kv 300 --output a.npz"));
    let facts = bench.json("inspect a.npz");
    let physics = &facts["metadata"]["physics_parameters"];
    let found = physics["slice_fresnel_number"].as_f64().unwrap();
    assert!((found - 0.50794).abs() < 1e-4, "{found}");
    assert_eq!((&physics["slices"], &physics["pixel_size_m"]), (&json!(2), &json!(1e-10)));
    bench.fails(&format!("{SIMULATE} {thick} --output b.npz"), &["--slice-fresnel-number"]);
    let both = "--pixel-size-m 1e-10 --voltage-kv 300 --energy-kev 8";
    let refused = bench.run(&format!("{SIMULATE} {thick} {both} --output b.npz"));
    assert!(refused.status.code() == Some(2) && stderr(&refused).contains("one of them"));
}

#[test]
fn a_pair_tells_the_physics_that_it_loses_and_what_says_it() {
    let bench = Bench::new();
    let pixel = "--pixel-size-m 1e-8 --energy-kev 8";
    let physics = |of: &str| {
        let facts = bench.json(&format!("inspect {of}"));
        facts["understood"]["exposure"].as_str().map(str::to_owned)
    };
    for (said, limit) in [
        ("--fresnel-number 0.3 --fly 1,2.5 --detector-blur 0.7", ""),
        ("--fly=-0.5,0 --slices 2 --slice-fresnel-number 5", "--saturation 150"),
    ] {
        bench.ok(&format!("{SIMULATE} {pixel} {said} {limit} --output scan.npz"));
        let made = bench.run("convert scan.npz pair.h5");
        assert!(made.status.success(), "{}", stderr(&made));
        let told = stderr(&made);
        let lost = told.lines().find(|line| line.contains("a pair has no place for it: "));
        let lost = lost.unwrap_or_else(|| panic!("{told}"));
        assert!(lost.contains("OUT.npz or OUT.cxi keeps it"), "{lost}");
        // What is to be typed gives the same physics.
        let typed: Vec<&str> =
            lost.split(" (").skip(1).map(|of| of.split(')').next().unwrap()).collect();
        let (of_solver, typed): (Vec<&str>, Vec<&str>) =
            typed.into_iter().partition(|typed| typed.starts_with("reconstruct "));
        assert_eq!(of_solver.len(), usize::from(!limit.is_empty()), "{lost}");
        assert!(of_solver.iter().all(|typed| typed.ends_with(limit)), "{lost}");
        assert_eq!(lost.contains("--fly=1,2.5)"), said.contains("--fly 1,2.5"), "{lost}");
        let pair = format!("pair.h5 --companion pair.product.h5 {}", typed.join(" "));
        assert_eq!(physics(&pair), physics("scan.npz"), "{lost}");
        // CXI keeps it without a word.
        let kept = bench.run("convert scan.npz scan.cxi");
        assert!(!stderr(&kept).contains("left out"), "{}", stderr(&kept));
        assert_eq!(physics("scan.cxi"), physics("scan.npz"));
    }
    bench.ok(&format!("{SIMULATE} {pixel} --output plain.npz"));
    let told = stderr(&bench.run("convert plain.npz plain.h5"));
    assert!(!told.contains("left out"), "{told}");
}

#[test]
fn data_of_a_study_are_made_anew_where_their_physics_changes() {
    let bench = Bench::new();
    let design = |more: &str| {
        let text = format!(
            "[study]\ndoses = [1000]\npattern_size = 32\nviews = [\"baseline\"]\n[specimen]\n\
             kind = \"cells\"\npixel_size_m = 1e-9\n[scan]\nstep = 6\nfield = [40, 40]\n\
             [solver]\nalgorithm = \"LSQML\"\nepochs = 2\n{more}"
        );
        std::fs::write(bench.path("design.toml"), text).unwrap();
        let made = bench.run("study prepare design.toml --output study");
        let told = stderr(&made);
        assert!(made.status.success(), "{told}");
        let data = bench.path("study/data/dose_1000/patched_train.npz");
        (Archive::open(data).unwrap().read("diffraction").unwrap().to_f64().unwrap(), told)
    };
    let (plain, _) = design("");
    let (same, told) = design("");
    assert!(plain == same && told.contains("there already"), "{told}");
    let mut earlier = vec![plain];
    for more in [
        "[apparatus]\nbeam_fading = 0.5\n",
        "[apparatus]\nscan_drift = [0.0, 2.0]\n",
        "[apparatus]\nfocus_drift = 3.0\n",
        "[physics]\nfly = [0.0, 3.0]\n",
        "[physics]\nslices = 2\nslice_spacing = 2e-8\n[radiation]\nvoltage_kv = 300\n",
        "[physics]\nslices = 2\nslice_spacing = 2e-8\n[radiation]\nvoltage_kv = 80\n",
    ] {
        let (made, told) = design(more);
        assert!(!told.contains("there already") && !earlier.contains(&made), "{more}\n{told}");
        earlier.push(made);
    }
}

#[test]
fn halves_leave_out_what_the_detector_has_clipped() {
    let bench = Bench::new();
    let text = "[study]\ndoses = [20000]\npattern_size = 32\nviews = [\"baseline\"]\n\
                splits = [\"train\"]\nhalves = true\n[specimen]\nkind = \"cells\"\n[scan]\nstep = 4\n\
                field = [60, 40]\n[apparatus]\nsaturation = 150\n\
                [solver]\nalgorithm = \"LSQML\"\nepochs = 3\n";
    std::fs::write(bench.path("design.toml"), text).unwrap();
    bench.ok("study run design.toml --output study");
    let folder = bench.path("study/reconstructions/dose_20000/baseline/train");
    let log = std::fs::read_to_string(folder.join("log.txt")).unwrap();
    let told = log.lines().find(|line| line.contains("halves of the photons: ")).unwrap();
    assert!(told.contains("values at the detector's limit of 150 counts"), "{told}");
    let number: usize =
        told.split("photons: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let data = bench.path("study/data/dose_20000/patched_train.npz");
    let (dataset, _) = dataset::read(data, &ReadOptions::default()).unwrap();
    let counts = dataset.counts().unwrap();
    assert_eq!(number, counts.iter().filter(|&&count| count > 149.5).count());
    assert!(log.contains("halves: complex correlation"), "{log}");
}

#[test]
fn a_drift_is_found_for_solvers_that_move_no_positions() {
    let bench = Bench::new();
    // So small a scan needs light.
    let bright = SIMULATE.replace("20000", "100000");
    bench.ok(&format!("{bright} --scan-drift 0,4 --output off.npz"));
    let solve = "reconstruct --input off.npz --num-epochs 30 --compare --algorithm";
    let error = |folder: &str| {
        result(&bench, folder)["comparison"]["metrics"]["complex_nrmse"].as_f64().unwrap()
    };
    bench.ok(&format!("{solve} rPIE --output-dir told"));
    bench.ok(&format!("{solve} rPIE --refine-scan drift --output-dir found"));
    let record = result(&bench, "found");
    let choices = record["choices"].as_array().unwrap();
    let along = |name: &str| {
        let choice = choices.iter().find(|choice| choice["option"] == name).unwrap();
        choice["value"].as_f64().unwrap()
    };
    let (y, x) = (along("scan_drift_y"), along("scan_drift_x"));
    assert!((x - 4.0).abs() < 1.0 && y.abs() < 1.5, "({y}, {x})");
    assert!(error("found") < error("told"), "{} and {}", error("found"), error("told"));
    assert!(record["shifts"]["largest_px"].as_f64().unwrap() > 1.5, "{record}");
    // What the refusal of single positions says to type.
    bench.fails(
        &format!("{solve} rPIE --refine-scan positions --output-dir refused"),
        &["LSQML or ML", "start from its folder (--start FOLDER)"],
    );
    bench.ok("reconstruct --input off.npz --algorithm ML --refine-scan positions --output-dir ml");
    bench.ok(&format!("{solve} rPIE --start ml --output-dir on"));
    let positions = |folder: &str| {
        let made = Reconstruction::read(bench.path(folder).join("reconstruction.npz")).unwrap();
        (made.positions.unwrap(), made.measured_positions.unwrap())
    };
    assert_eq!(positions("on"), positions("ml"));
    assert!(error("on") < error("told"), "{} and {}", error("on"), error("told"));
}

/// A specimen that moves by fractions of a pixel through light that stands still, as
/// `tests/fixtures/make_near_field.py` has it by NumPy.
#[test]
fn a_near_field_is_that_of_an_independent_model() {
    let bench = Bench::new();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/near_field.npz");
    let expected = Archive::open(&base).unwrap().read("images").unwrap();
    let expected: Array3<f32> = expected.into_f32_array().unwrap();
    let off = |moves: &str| -> Vec<f64> {
        // So many photons that their noise is below 1e-5 of the images.
        bench.ok(&format!(
            "simulate --base {} --fresnel-number 0.2 --moves {moves} --dose 1000000000000 --output \
             images.npz",
            base.display()
        ));
        let (read, _) = dataset::read(bench.path("images.npz"), &ReadOptions::default()).unwrap();
        let power = |value: &f32| f64::from(*value).powi(2);
        let all: f64 = read.diffraction.values().iter().map(power).sum();
        let scale = read.n_patterns() as f64 / all;
        let images = read.diffraction.view();
        let pairs = images.outer_iter().zip(expected.outer_iter());
        pairs
            .map(|(found, expected)| {
                let wrong = found.iter().zip(expected);
                let wrong = wrong.map(|(a, &b)| (power(a) * scale - f64::from(b)).powi(2));
                let right: f64 = expected.iter().map(power).sum();
                (wrong.sum::<f64>() / right).sqrt()
            })
            .collect()
    };
    let specimen = off("specimen");
    assert!(specimen.iter().all(|&off| off < 5e-5), "{specimen:?}");
    // Of a probe that moves over the detector all but the image at whole pixels are others.
    let probe = off("probe");
    assert!(probe[0] < 5e-5 && probe[1..].iter().all(|&off| off > 0.05), "{probe:?}");
}
