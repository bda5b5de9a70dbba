//! What is said of a scan goes on with it: into the files that are written, and into the judgement
//! whether a reconstruction would take it.

use crate::common::{Bench, stderr};
use lapwing_files::dialect::FarFieldOptics;
use lapwing_files::npy::{self, Array};
use lapwing_files::{ReadOptions, dataset};
use lapwing_model::forward::Propagation;
use std::path::Path;

#[test]
fn a_pair_names_the_mask_that_it_lacks() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let mask: Vec<bool> = (0..32 * 32).map(|at| at % 32 != 5).collect();
    let mask = Array::new(vec![32, 32], npy::Values::Bool(mask)).unwrap();
    npy::write(bench.path("mask.npy"), &mask).unwrap();
    let told = |said: &str| {
        let output = bench.run(&format!("convert scan.npz pair.h5 --pixel-size-m 1e-8 {said}"));
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let words = told("--mask mask.npy");
    assert!(words.contains("the mask is left out") && words.contains("32 bad pixels of 1024"));
    assert!(!told("").contains("mask"));
}

#[test]
fn inspect_does_not_pass_what_a_reconstruction_refuses() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    for (said, part) in [
        ("--geometry near-field", "--fresnel-number F"),
        ("--slices 3", "--slice-fresnel-number F"),
    ] {
        let output = bench.run(&format!("inspect scan.npz {said}"));
        let words = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}: {words}");
        assert!(words.contains("contract: BROKEN") && words.contains(part), "{said}: {words}");
        bench.fails(&format!("reconstruct scan.npz --output out {said}"), &[part]);
    }
    assert!(bench.ok("inspect scan.npz").contains("contract: kept"));
}

#[test]
fn calibrate_writes_the_geometry_of_images() {
    let bench = Bench::new();
    bench.simulate("near.npz", "--fresnel-number 0.1");
    bench.ok("calibrate near.npz --write near.toml");
    let written = std::fs::read_to_string(bench.path("near.toml")).unwrap();
    assert!(written.lines().any(|line| line == "geometry = \"near-field\""), "{written}");
    // And of the scan of a beamline, with the pixel that it finds.
    let scan = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/petra3-p25-near-field.cxi");
    if !scan.is_file() {
        return eprintln!("skipped: {} is not there", scan.display());
    }
    let scan = scan.display();
    bench.ok(&format!("calibrate {scan} --write beamline.toml"));
    let known = bench.json(&format!("inspect {scan} --experiment beamline.toml"));
    assert_eq!(known["understood"]["geometry"], "near-field");
    let pixel = known["understood"]["pixel_size_m"][0].as_f64().unwrap();
    assert!((1.7e-7..1.9e-7).contains(&pixel), "{pixel} m");
}

#[test]
fn what_moves_in_a_near_field_goes_on_with_it() {
    let bench = Bench::new();
    bench.simulate("still.npz", "--fresnel-number 0.1");
    bench.simulate("moves.npz", "--fresnel-number 0.1 --moves probe");
    let misfit = |scan: &str, said: &str| {
        let folder = format!("{scan}{}", said.replace(' ', ""));
        let folder = folder.replace('.', "");
        bench.ok(&format!(
            "reconstruct {scan} --output {folder} --algorithm LSQML --num-epochs 30 {said}"
        ));
        let record = std::fs::read(bench.path(&format!("{folder}/result.json"))).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        record["misfit"].as_f64().unwrap()
    };
    bench.ok(
        "convert moves.npz moves.cxi --energy-kev 8 --distance-m 1 --detector-pixel-size-m 1e-6",
    );
    for (scan, probe) in [("still.npz", false), ("moves.npz", true), ("moves.cxi", true)] {
        let words = bench.json(&format!("inspect {scan}"))["understood"]["exposure"].to_string();
        assert_eq!(words.contains("the probe moves, over specimen"), probe, "{scan}: {words}");
        let (own, other) = if probe { ("probe", "specimen") } else { ("specimen", "probe") };
        let [told, right, wrong] = [
            misfit(scan, ""),
            misfit(scan, &format!("--moves {own}")),
            misfit(scan, &format!("--moves {other}")),
        ];
        assert!((told / right - 1.0).abs() < 1e-6, "{scan}: {told} and {right}");
        assert!(wrong > 1.02 * right, "{scan}: {wrong} and {right}");
    }
    let pair = "convert moves.npz pair.h5 --pixel-size-m 1e-8";
    let told = stderr(&bench.run(pair));
    assert!(told.contains("--fresnel-number 0.1 --moves probe"), "{told}");
}

#[test]
fn the_detector_of_a_near_field_is_written_as_it_makes_the_fresnel_number() {
    let bench = Bench::new();
    bench.simulate("near.npz", "--fresnel-number 0.1");
    // 8 keV; a pixel of 10 nm at (10 nm)^2 / (0.155 nm x 0.1), and what another detector makes.
    let wavelength = 1.549_803e-10;
    for said in ["--pixel-size-m 1e-8", "--distance-m 1 --detector-pixel-size-m 1e-6"] {
        let told = bench.run(&format!("convert near.npz near.cxi --energy-kev 8 {said}"));
        assert!(stderr(&told).contains("effective distance"), "{}", stderr(&told));
        let (read, _) = dataset::read(bench.path("near.cxi"), &ReadOptions::default()).unwrap();
        let FarFieldOptics { distance, pitch, .. } =
            FarFieldOptics::of(read.metadata.as_ref().unwrap()).unwrap();
        let number = pitch.0 * pitch.1 / (wavelength * distance);
        assert!((number / 0.1 - 1.0).abs() < 1e-5, "{said}: {number}");
        let Propagation::NearField { fresnel_number } = read.physics().unwrap().propagation else {
            panic!("{:?}", read.physics());
        };
        assert!((fresnel_number - 0.1).abs() < 1e-9, "{said}: {fresnel_number}");
    }
}

#[test]
fn a_near_field_that_is_read_as_a_far_one_keeps_nothing_of_it() {
    let bench = Bench::new();
    bench.simulate("near.npz", "--fresnel-number 0.1");
    bench.ok("convert near.npz far.npz --geometry far-field");
    let (read, _) = dataset::read(bench.path("far.npz"), &ReadOptions::default()).unwrap();
    let parameters = &read.metadata.as_ref().unwrap()["physics_parameters"];
    assert_eq!(parameters["geometry"], "far-field");
    assert!(["fresnel_number", "moves"].iter().all(|name| parameters.get(name).is_none()));
}

#[test]
fn a_near_field_that_would_be_a_far_one_is_not_written() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let said = "--geometry near-field --fresnel-number";
    let parts = ["too small for patterns of 32 x 32", "geometry far-field"];
    bench.fails(&format!("convert scan.npz made.npz {said} 0.03"), &parts);
    assert!(!bench.path("made.npz").exists());
    let output = bench.run(&format!("convert scan.npz made.npz {said} 0.04"));
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_word_on_what_moves_in_a_far_field_is_not_passed_over() {
    let bench = Bench::new();
    let told = |command: &str| {
        let output = bench.run(command);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let words = "makes no difference in a far field";
    let simulate = "simulate --specimen cells --pattern-size 32 --probe-diameter 16 --step 8 \
                    --field-of-view 40x40 --dose 1000 --moves probe --output s.npz";
    assert!(told(simulate).contains(words));
    assert!(!told(&format!("{simulate} --fresnel-number 0.1")).contains(words));
    let design = |physics: &str| {
        let text = format!(
            "[study]\nname = \"s\"\ndoses = [1e3]\npattern_size = 32\n[specimen]\nkind = \"cells\"\n\
             [probe]\nkind = \"defocused\"\ndiameter = 16.0\n[scan]\nkind = \"raster\"\nstep = 8.0\n\
             field = [60.0, 60.0]\n[physics]\n{physics}\n[[solver]]\nalgorithm = \"LSQML\"\n\
             epochs = 2\n"
        );
        std::fs::write(bench.path("s.toml"), text).unwrap();
    };
    design("moves = \"probe\"");
    let far = told("study prepare s.toml --output far");
    assert!(far.contains(words) && far.contains("fresnel_number under [physics]"), "{far}");
    design("moves = \"probe\"\nfresnel_number = 0.1");
    assert!(!told("study prepare s.toml --output near").contains(words));
}
