//! Scans as beamlines and microscopes have them: turned against the detector, without a probe, in
//! stacks of four axes, described by an experiment file.

use crate::common::{Bench, stderr};
use lapwing_files::npy::{self, Array};
use lapwing_files::{Archive, ReadOptions, dataset, hdf5, npz};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Modes, Position};
use ndarray::{Array3, Array4};
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
    if lapwing_testing::left_out() {
        return;
    }
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
    assert!(bench.path("search/calibration.png").is_file());
    let as_read = reconstruct("--quantity counts", "read");
    let loss = |record: &Value| record["final_loss"].as_f64().expect("a number");
    assert!(loss(&by_file) < 0.7 * loss(&as_read), "{by_file} {as_read}");
    assert!((loss(&by_search) / loss(&by_file) - 1.0).abs() < 0.05, "{by_search} {by_file}");

    let plain = reconstruct("--quantity counts --scan-rotation-deg 25", "right");
    assert!(loss(&plain) < 0.7 * loss(&as_read), "{plain}");
}

#[test]
fn a_probe_made_of_the_patterns_is_as_good_a_start_as_a_known_one() {
    if lapwing_testing::left_out() {
        return;
    }
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

#[test]
fn an_experiment_says_which_probe_a_reconstruction_starts_from() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    bench.ok("experiment init e.toml");
    let text = std::fs::read_to_string(bench.path("e.toml")).expect("it was written");
    assert!(text.contains("\n#from = \"patterns\"\n"), "{text}");
    let said = text.replace("#from = \"patterns\"", "from = \"perturbed\"");
    std::fs::write(bench.path("e.toml"), said).expect("written");
    let words = bench.ok("inspect scan.npz --experiment e.toml");
    assert!(words.contains("the start of a reconstruction is perturbed (the file's"), "{words}");
    let started = |more: &str, folder: &str| -> String {
        let record = bench.json(&format!(
            "reconstruct scan.npz --experiment e.toml --output {folder} --num-epochs 1 {more}"
        ));
        record["start_probe"].as_str().expect("text").to_owned()
    };
    let by_file = started("", "said");
    assert!(by_file.starts_with("perturbed") && by_file.ends_with("as the experiment says"));
    // A flag goes before it, where it asks for anything.
    assert_eq!(started("--probe-start auto", "auto"), by_file);
    assert_eq!(started("--probe-start file", "file"), "the file's");
    std::fs::write(bench.path("e.toml"), "[probe]\nfrom = \"optics\"\n").expect("written");
    let refused = "from = \"optics\" ([probe] of the experiment): no optics are described";
    bench.fails(
        "reconstruct scan.npz --experiment e.toml --output no",
        &[refused, "--semi-angle-mrad"],
    );
    // What is refused later is not approved before.
    let output = bench.run("inspect scan.npz --experiment e.toml");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.contains(refused), "{words}");
    let told = started("--start said/reconstruction.npz", "on");
    let over = "takes precedence over from = \"optics\" ([probe] of the experiment)";
    assert!(told.contains(over), "{told}");
    bench.fails(
        "reconstruct scan.npz --output no --probe-start patterns --start said/reconstruction.npz",
        &["probe_start", "found patterns"],
    );
}

#[test]
fn a_folder_of_zarr_is_a_file_like_any_other() {
    let bench = Bench::new();
    turned(&bench);
    let (scan, _) = dataset::read(bench.path("truth.npz"), &ReadOptions::default()).unwrap();
    let counts = scan.counts().unwrap();
    let (n, height, width) = counts.dim();
    let array = bench.path("scan.zarr/patterns");
    std::fs::create_dir_all(&array).unwrap();
    std::fs::write(bench.path("scan.zarr/.zgroup"), r#"{"zarr_format": 2}"#).unwrap();
    let text = format!(
        r#"{{"zarr_format": 2, "shape": [{n}, {height}, {width}], "chunks": [{n}, {height}, {width}],
            "dtype": "<f4", "order": "C", "compressor": null, "filters": null, "fill_value": 0}}"#
    );
    std::fs::write(array.join(".zarray"), text).unwrap();
    let bytes: Vec<u8> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
    std::fs::write(array.join("0.0.0"), bytes).unwrap();
    let side = (n as f64).sqrt().round() as usize;
    assert_eq!(side * side, n);
    let record = bench.json(&format!(
        "reconstruct --input scan.zarr --quantity counts --scan-shape {side},{side} --scan-step-m 4e-9 \
         --pixel-size-m 1e-9 --num-epochs 10 --output-dir out"
    ));
    assert_eq!(record["n_patterns"], n);
    bench.ok(&format!(
        "convert scan.zarr made.cxi --quantity counts --scan-shape {side},{side} --scan-step-m 4e-9 \
         --pixel-size-m 1e-9 --energy-kev 8"
    ));
}

#[test]
fn a_small_disc_is_turned_by_short_fits_and_a_spot_starts_a_reconstruction() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    // A pinhole wide in the window: its disc on the detector has a few pixels.
    for (name, radius, turned) in [("small", 10.0, 20.0), ("spot", 18.0, 0.0)] {
        let side = 48_usize;
        let probe = Modes::from_shape_fn((1, side, side), |(_, y, x)| {
            let r = (y as f64 - 24.0).hypot(x as f64 - 24.0);
            let amplitude = 1.0 / (1.0 + ((r - radius) / 0.8).exp());
            let phase = if name == "small" { 0.006 * r * r } else { 0.0 };
            Complex32::new((amplitude * phase.cos()) as f32, (amplitude * phase.sin()) as f32)
        });
        let object = Specimen::Cells.make((140, 140), 9);
        let (sin, cos) = f64::to_radians(turned).sin_cos();
        let (mut told, mut really) = (Vec::new(), Vec::new());
        for index in 0..121_usize {
            // Off the raster by up to a pixel.
            let off = |factor: usize| ((index * factor) % 17) as f64 / 8.5 - 1.0;
            let y = (index / 11) as f64 * 5.5 - 27.5 + off(7);
            let x = (index % 11) as f64 * 5.5 - 27.5 + off(5);
            told.push(Position { y, x });
            really.push(Position { y: 70.0 + y * cos - x * sin, x: 70.0 + y * sin + x * cos });
        }
        let counts = expose(
            &lapwing_model::forward::Physics::default(),
            object.view(),
            probe.view(),
            &really,
            4e4,
            3,
        )
        .expect("in the object")
        .counts;
        let column =
            |of: fn(&Position) -> f64| Array::from(told.iter().map(of).collect::<Vec<f64>>());
        let arrays = [
            ("diffraction", Array::from(&counts)),
            ("xcoords", column(|at| at.x)),
            ("ycoords", column(|at| at.y)),
        ];
        npz::write(bench.path(&format!("{name}.npz")), &arrays).expect("the scan is written");
    }
    let found = bench.json("calibrate small.npz --quantity counts");
    let found = &found["calibration"];
    assert_eq!((&found["method"], &found["transposed"]), (&"likelihood".into(), &false.into()));
    let degrees = found["rotation_deg"].as_f64().expect("a number");
    assert!((degrees - 20.0).abs() < 1.5, "{found}");

    let made = bench
        .json("reconstruct --input spot.npz --quantity counts --output-dir spot --num-epochs 60");
    let told = made["start_probe"].as_str().expect("text");
    assert!(told.contains("short fits"), "{told}");
    assert!(made["misfit"].as_f64().is_some_and(|misfit| misfit < 1.3), "{made}");
}

#[test]
fn positions_that_no_object_holds_are_refused_before_any_search() {
    let bench = Bench::new();
    // A bright disc that a start probe would be made of.
    let counts = Array4::from_shape_fn((8, 10, 16, 16), |(i, j, y, x)| {
        let r = (y as f64 - 8.0).hypot(x as f64 - 8.0);
        if r < 4.5 { 100 + ((i * 7 + j * 3 + y + x) % 5) as u16 } else { 0 }
    });
    npy::write(bench.path("scan.npy"), &Array::from(&counts)).expect("written");
    let said = "--voltage-kv 200 --inv-angstrom-per-pixel 0.0625 --scan-step-m 1e-3";
    let record = bench.json(&format!("inspect scan.npy {said}"));
    let remarks = record["understood"]["remarks"].as_array().expect("a list");
    let whole = "so that nothing overlaps on an object of";
    let told = |remark: &Value| remark["evidence"].as_str().unwrap_or_default().contains(whole);
    assert!(
        remarks.iter().any(|remark| remark["what"] == "degenerate" && told(remark)),
        "{record}"
    );
    bench.fails(&format!("calibrate scan.npy {said}"), &[whole]);
    for more in ["", "--calibrate", "--semi-angle-mrad 5"] {
        let command = format!("reconstruct --input scan.npy --output-dir out {said} {more}");
        bench.fails(&command, &[whole]);
    }
    // The array of a file may be named behind it.
    let stack = Array::from(&counts);
    hdf5::write(bench.path("scan.h5"), |file| file.array("entry/frames", &stack).map(|_| ()))
        .expect("written");
    let said = "--voltage-kv 200 --inv-angstrom-per-pixel 0.0625 --scan-step-m 2e-10";
    let record = bench.json(&format!("inspect scan.h5::/entry/frames {said}"));
    assert_eq!(record["understood"]["n_patterns"], 80);
    let onto = "reconstruct --input scan.h5::/entry/frames --output-dir out --product scan.h5";
    bench.fails(&format!("{onto} {said}"), &["--product", "the input itself"]);
    // What is wrong with a value is told once, and the value, too.
    let output = bench.run("inspect scan.npy --raw dtype=uint16,frame=32");
    assert_eq!(stderr(&output).matches("frame=32").count(), 1, "{}", stderr(&output));
}

#[test]
fn distance_and_pixels_that_were_said_go_into_what_is_converted() {
    let bench = Bench::new();
    let counts = Array::from(vec![3_u16; 6 * 16 * 16]).reshape(vec![2, 3, 16, 16]).unwrap();
    npy::write(bench.path("stack.npy"), &counts).unwrap();
    bench.ok(
        "convert stack.npy scan.cxi --energy-kev 8 --distance-m 0.5 --detector-pixel-size-m 75e-6 \
         --scan-step-m 1e-7",
    );
    let said = bench.json("inspect scan.cxi")["metadata"]["physics_parameters"].clone();
    let is = |name: &str, expected: f64| {
        let found = said[name].as_f64().unwrap_or_else(|| panic!("{name} in {said}"));
        assert!((found / expected - 1.0).abs() < 1e-6, "{name}: {found}");
    };
    is("distance_m", 0.5);
    is("detector_pixel_size_x_m", 75e-6);
    is("pixel_size_m", 12.398_419_84e-10 / 8.0 * 0.5 / (16.0 * 75e-6));
}

#[test]
fn a_design_reads_arrays_of_any_name_as_the_flags_do() {
    let bench = Bench::new();
    let at = |axis: usize| {
        let of = |n: usize| [(n / 8) as f64, (n % 8) as f64][axis] * 6.0;
        Array::from((0..48).map(of).collect::<Vec<f64>>())
    };
    let frames = Array3::from_shape_fn((48, 16, 16), |(n, y, x)| {
        3 + u16::from((n * 7 + y * 5 + x * 3) % 5 == 0)
    });
    let arrays = [("frames", Array::from(&frames)), ("down", at(0)), ("across", at(1))];
    npz::write(bench.path("own.npz"), &arrays).unwrap();
    let read = "--patterns frames --positions own.npz::down,across --quantity counts";
    let seen = bench.json(&format!("inspect own.npz {read}"));
    let design = |base: &str| {
        let text = format!(
            "[base]\nmeasured = \"../own.npz\"\nquantity = \"counts\"\n{base}\n[study]\ndoses = [100]\n\
             pattern_size = 16\nviews = [\"baseline\"]\nhalves = false\n[solver]\n\
             algorithm = \"LSQML\"\nepochs = 1\n"
        );
        std::fs::create_dir_all(bench.path("designs")).unwrap();
        std::fs::write(bench.path("designs/s.toml"), text).unwrap();
    };
    // Paths are relative to the design.
    design("patterns = \"frames\"\npositions = \"../own.npz::down,across\"");
    assert_eq!(bench.json("study run designs/s.toml --output s")["done"], 2);
    let reference = Archive::open(bench.path("s/data/dose_100/patched_train.npz")).unwrap();
    let step = |name: &str| {
        let all = reference.read(name).unwrap().to_f64().unwrap();
        let steps = all.windows(2).map(|two| (two[1] - two[0]).abs()).filter(|step| *step > 0.0);
        steps.fold(f64::INFINITY, f64::min)
    };
    assert_eq!(seen["understood"]["step_px"].as_f64(), Some(step("xcoords")));
    // What is missing is told by the keys that a design has.
    design("patterns = \"frames\"");
    let told = bench.fails("study run designs/s.toml --output t", &["scan_step_m", "[base]"]);
    assert!(!told.contains("--scan-step-m") && told.contains("positions = \"FILE\""), "{told}");
}
