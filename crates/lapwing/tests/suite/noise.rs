//! What inspect and thin say of the detector, of simulated scans whose detector is known.

use crate::common::{Bench, stderr};
use lapwing_draw::Picture;
use lapwing_files::dataset::Form;
use lapwing_files::npy::Array;
use lapwing_files::options::{Quantity, ZeroFrequency};
use lapwing_files::{Archive, Dataset, ReadOptions, dataset, npz};
use lapwing_model::simulate;
use ndarray::{Array3, s};
use serde_json::{Value, json};

const SIDE: usize = 64;

/// A simulated scan of `photons` per pattern in `clean.npz`, and its counts.
fn scan(bench: &Bench, photons: u32) -> (Dataset, Array3<f32>) {
    bench.ok(&format!(
        "simulate --specimen cells --pattern-size {SIDE} --scan fermat --step 4 --field-of-view 56 \
         --dose {photons} --seed 6 --output clean.npz"
    ));
    let (dataset, _) = dataset::read(bench.path("clean.npz"), &ReadOptions::default()).unwrap();
    let counts = dataset.counts().unwrap();
    (dataset, counts)
}

/// Writes `counts` as they would come from a detector: with nothing known but positions and probe.
fn write(bench: &Bench, name: &str, like: &Dataset, counts: Array3<f32>) {
    let form = Form { quantity: Quantity::Counts, zero_frequency: ZeroFrequency::Centre };
    let (scan, probe) = (like.scan.clone(), like.probe.clone());
    let dataset = Dataset::from_patterns(counts, form, scan, probe, None, None).unwrap();
    dataset.write(bench.path(name)).unwrap();
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

#[test]
fn inspect_of_photons_finds_nothing_wrong() {
    let bench = Bench::new();
    scan(&bench, 5000);
    let noise = bench.json("inspect clean.npz")["noise"].clone();
    assert_eq!(noise["gain"], 1.0);
    assert!(number(&noise["background_share"]) < 0.02, "{noise}");
    for faults in ["dead_pixels", "hot_pixels", "lost_patterns", "wrong_patterns"] {
        assert_eq!(noise[faults], json!([]), "{faults}");
    }
    assert_eq!((&noise["saturation"], &noise["correlated"]), (&Value::Null, &json!(false)));
    let words = bench.ok("inspect clean.npz");
    assert!(words.contains("\ndetector") && words.contains("photons per pattern on average"));
    assert!(!words.contains("left out"), "{words}");
}

#[test]
fn inspect_tells_background_and_faults() {
    let bench = Bench::new();
    let (like, mut counts) = scan(&bench, 20_000);
    // 0.5 counts in every pixel: each of ten counts stays with probability 0.05.
    let mut background = Array3::from_elem(counts.dim(), 10.0);
    let pixels = (SIDE * SIDE) as f64;
    simulate::thin(background.view_mut(), 10.0 * pixels, 0.5 * pixels, 7).unwrap();
    counts += &background;
    let (dead, hot) = ((31, 33), [(3, 5), (50, 25)]);
    counts.slice_mut(s![.., dead.0, dead.1]).fill(0.0);
    hot.iter().for_each(|&(y, x)| counts.slice_mut(s![.., y, x]).fill(700.0));
    counts.slice_mut(s![40, .., ..]).fill(0.0);
    write(&bench, "faulty.npz", &like, counts);

    let noise = bench.json("inspect faulty.npz --figure faulty.png")["noise"].clone();
    assert_eq!(noise["gain"], 1.0);
    assert_eq!(noise["dead_pixels"], json!([dead]));
    assert_eq!(noise["hot_pixels"], json!(hot));
    assert_eq!((&noise["lost_patterns"], &noise["wrong_patterns"]), (&json!([40]), &json!([])));
    let found = number(&noise["background_per_pattern"]) / (0.5 * pixels);
    assert!((0.7..1.1).contains(&found), "{found} of the background");
    let words = bench.ok("inspect faulty.npz");
    for part in ["\n  background: ", "left out: 1 dead pixel, 2 hot pixels, 1 lost pattern\n"] {
        assert!(words.contains(part), "{part:?} in {words}");
    }

    // The sheet has a row for the detector.
    bench.ok("inspect clean.npz --leave-out _metadata --quantity amplitude --figure unknown.png");
    let [known, unknown] = ["faulty.png", "unknown.png"].map(|name| {
        let picture = Picture::decode(&std::fs::read(bench.path(name)).unwrap()).unwrap();
        (picture.width(), picture.height())
    });
    assert!(known.0 > unknown.0 && known.1 == unknown.1, "{known:?}, {unknown:?}");
}

#[test]
fn inspect_says_why_nothing_can_be_told() {
    let bench = Bench::new();
    scan(&bench, 5000);
    // Without the scale of the metadata the amplitudes have the unit that makes their squares whole
    // numbers, unless they are said to be no roots of counts.
    let unknown = "inspect clean.npz --leave-out _metadata --quantity amplitude";
    assert_eq!(bench.json("inspect clean.npz --leave-out _metadata")["noise"]["gain"], 1.0);
    assert_eq!(bench.json(unknown)["noise"], Value::Null);
    let words = bench.ok(unknown);
    assert!(
        words.contains(
            "\ndetector: its noise cannot be determined, the photon counts are not known"
        )
    );
    let (like, _) = dataset::read(bench.path("clean.npz"), &ReadOptions::default()).unwrap();
    like.select(&[0, 1, 2]).unwrap().write(bench.path("few.npz")).unwrap();
    assert_eq!(bench.json("inspect few.npz")["noise"], Value::Null);
    assert!(
        bench.ok("inspect few.npz").contains("expected at least 4 patterns to compare, found 3")
    );
}

#[test]
fn what_a_microscope_counts_are_electrons() {
    let bench = Bench::new();
    let (like, counts) = scan(&bench, 5000);
    write(&bench, "single.npz", &like, counts.clone());
    write(&bench, "clumped.npz", &like, counts.mapv(|count| 3.0 * count));
    for (file, beam, said, not) in [
        ("single", "--voltage-kv 300", "electrons per pattern on average", "photon"),
        ("single", "--energy-kev 8", "photons per pattern on average", "electron"),
        ("clumped", "--voltage-kv 300", "times that of electron counts", "photon"),
    ] {
        let words = bench.ok(&format!("inspect {file}.npz {beam}"));
        assert!(words.contains(said) && !words.contains(not), "{beam}: {words}");
    }
    let thinned = bench.ok("thin --input single.npz --voltage-kv 300 --dose 500 --output few.npz");
    assert!(thinned.contains("electrons per pattern"), "{thinned}");
    // The thinned file tells its beam.
    assert!(bench.ok("inspect few.npz").contains("electrons per pattern on average"));
}

#[test]
fn thinning_of_what_are_no_photons_says_so() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let (like, counts) = scan(&bench, 5000);
    // Three counts for every photon: the variance is three times the mean.
    write(&bench, "clumped.npz", &like, counts.mapv(|count| 3.0 * count));
    let gain = number(&bench.json("inspect clumped.npz")["noise"]["gain"]);
    assert!((gain / 3.0 - 1.0).abs() < 0.06, "{gain}");
    let words = bench.ok("inspect clumped.npz");
    assert!(words.contains("counts per pattern on average"), "{words}");
    assert!(words.contains(&format!("noise: {gain:.2} times that of photon counts")), "{words}");

    let output = bench.run("thin --input clumped.npz --dose 3750 --output quarter.npz --json");
    let note = stderr(&output);
    for part in [&format!("gain {gain:.2}"), "in counts, not in photons", "counts once"] {
        assert!(note.contains(part), "{part:?} in {note}");
    }
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(number(&record["gain_before"]), gain);
    // A quarter stays. Counts of a variance g times their mean m that stay with probability p have
    // mean p m and variance p^2 g m + p (1 - p) m.
    let kept = 0.25;
    let expected = (kept * kept * gain + kept * (1.0 - kept)) / kept;
    assert!((number(&record["gain"]) / expected - 1.0).abs() < 0.01, "{record}");
    let measured = number(&bench.json("inspect quarter.npz")["noise"]["gain"]);
    assert!((measured / 1.5 - 1.0).abs() < 0.06, "{measured}");
    let (thinned, _) = dataset::read(bench.path("quarter.npz"), &ReadOptions::default()).unwrap();
    let history = &thinned.metadata.unwrap()["data_transformations"];
    let last = history.as_array().unwrap().last().unwrap().clone();
    assert_eq!(number(&last["parameters"]["gain"]), gain, "{last}");

    // Of photons nothing is said: neither where they are found to be photons, nor where they are
    // known to be, however sparse the scan is.
    write(&bench, "photons.npz", &like, counts);
    bench.ok(
        "simulate --specimen siemens-star --pattern-size 32 --step 8 --field-of-view 60 --dose 1e5 \
         --output sparse.npz",
    );
    for name in ["photons.npz", "sparse.npz"] {
        let output = bench.run(&format!("thin --input {name} --dose 500 --output t.npz --json"));
        assert!(!stderr(&output).contains("gain"), "{}", stderr(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&record["gain_before"], &record["gain"]), (&json!(1.0), &json!(1.0)));
    }
}

#[test]
fn a_reconstruction_says_what_it_left_out_and_how_far_chance_goes() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let (like, mut counts) = scan(&bench, 20_000);
    counts.slice_mut(s![.., 20, 40]).fill(900.0);
    counts.slice_mut(s![5, .., ..]).fill(0.0);
    write(&bench, "faulty.npz", &like, counts);
    let output = bench.run(
        "reconstruct --input-npz faulty.npz --output-dir out --algorithm ML --num-epochs 70 \
         --error-maps 1",
    );
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    for part in ["left out: 1 hot pixel, 1 lost pattern", "prior = ", "expected error (1 sd): "] {
        assert!(told.contains(part), "expected `{part}` in\n{told}");
    }
    let text = std::fs::read(bench.path("out/result.json")).unwrap();
    let result: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(result["noise"]["hot_pixels"], json!([[20, 40]]));
    assert_eq!(result["noise"]["lost_patterns"], json!([5]));
    assert_eq!(result["choices"][0]["option"], "prior");
    assert!(number(&result["error_maps"]["phase_rms"]) > 0.0);
    for picture in ["amplitude_sd.png", "phase_sd.png"] {
        assert!(bench.path("out").join(picture).is_file(), "{picture}");
    }
    let made = lapwing_files::Reconstruction::read(bench.path("out/reconstruction.npz")).unwrap();
    // Every pattern has its position, the one left out the position that it came with.
    assert_eq!(made.positions.unwrap().len(), like.scan.len());
    let (rows, columns) = made.object.shape();
    let phase = made.phase_sd.unwrap();
    assert_eq!(phase.dim(), (rows, columns));
    // Kept, they count like all others.
    bench.ok(
        "reconstruct --input-npz faulty.npz --output-dir kept --algorithm LSQML --num-epochs 2 \
         --faulty keep --background none --gain 1",
    );
    let text = std::fs::read(bench.path("kept/result.json")).unwrap();
    let result: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(result["noise"]["lost_patterns"], json!([]));
    bench.fails(
        "reconstruct --input-npz faulty.npz --output-dir no --background missing.npz",
        &["missing.npz"],
    );
}

#[test]
fn a_background_is_a_share_of_all_light_with_what_masks_hide() {
    let bench = Bench::new();
    let (mut like, _) = scan(&bench, 20_000);
    let light = like.mean_intensity();
    // Nearly all light is hidden, in each pattern where it is bright.
    let scale = like.intensity_scale().unwrap();
    like.mask_out(|amplitude| (f64::from(amplitude) * scale).powi(2) > 4.5).unwrap();
    assert!(like.mean_intensity() < 0.2 * light);
    like.write(bench.path("masked.npz")).unwrap();
    let background = Array::from(vec![0.1_f32; SIDE * SIDE]).reshape(vec![SIDE, SIDE]).unwrap();
    lapwing_files::npy::write(bench.path("background.npy"), &background).unwrap();
    bench.ok("reconstruct --input masked.npz --output-dir out --algorithm LSQML --num-epochs 2 \
         --background background.npy");
    let text = std::fs::read(bench.path("out/result.json")).unwrap();
    let result: Value = serde_json::from_slice(&text).unwrap();
    let share = number(&result["noise"]["background_share"]);
    let expected = 0.1 * (SIDE * SIDE) as f64 / light;
    assert!((share / expected - 1.0).abs() < 0.5, "{share}, expected {expected}");
}

/// What is simulated of beam and detector is what a reconstruction finds of them.
#[test]
fn a_fading_beam_and_a_saturating_detector_are_simulated_and_found() {
    let bench = Bench::new();
    let simulate = format!(
        "simulate --specimen cells --pattern-size {SIDE} --scan fermat --step 4 --field-of-view 40 \
         --dose 20000 --seed 6"
    );
    bench.ok(&format!("{simulate} --output clean.npz"));
    bench.ok(&format!("{simulate} --beam-fading 0.6 --saturation 40 --output real.npz"));
    let read = |name| dataset::read(bench.path(name), &ReadOptions::default()).unwrap().0;
    let [clean, real] = ["clean.npz", "real.npz"].map(|name| read(name).counts().unwrap());
    assert!(clean.iter().any(|&count| count > 45.0) && real.iter().all(|&count| count < 40.5));
    let solved = bench.json(
        "reconstruct --input real.npz --output-dir out --algorithm LSQML --num-epochs 20 \
         --vary-power --probe-variation slow",
    );
    assert_eq!(solved["algorithm"], "LSQML");
    let log = std::fs::read_to_string(bench.path("out/log.txt")).unwrap();
    assert!(log.contains("saturation: pixels at 40 counts"), "{log}");
    let made = Archive::open(bench.path("out/reconstruction.npz")).unwrap();
    let power = made.read("beam_power").unwrap().into_f32_array::<ndarray::Ix1>().unwrap();
    let (first, last) = (power[0], power[power.len() - 1]);
    assert!(last < 0.7 * first, "{first} to {last}");
    let jumps = power.iter().zip(power.iter().skip(1)).map(|(a, b)| (a - b).abs());
    assert!(jumps.fold(0.0, f32::max) < 0.1 * (first - last), "{power}");
    for (wrong, word) in
        [("--beam-fading 1", "beam_fading"), ("--saturation 2.5", "whole number of counts")]
    {
        bench.fails(&format!("{simulate} {wrong} --output wrong.npz"), &[word]);
    }
    // Of "at least 40" no lower dose can be made.
    let thinned = bench.run("thin --input real.npz --dose 5000 --output thin.npz");
    let told = String::from_utf8_lossy(&thinned.stderr).into_owned();
    assert!(thinned.status.success() && told.contains("limit of 40 counts"), "{told}");
    // Nothing varies: there is nothing to be slow.
    bench.fails(
        "reconstruct --input clean.npz --output-dir none --probe-variation slow",
        &["probe_variation = slow", "--vary-power"],
    );
}

/// Remarks on the detector's limit of a short reconstruction of `scan.npz`, and its log.
fn of_run(bench: &Bench, options: &str) -> (Vec<String>, String) {
    let solve = "reconstruct --input scan.npz --algorithm LSQML --num-epochs 2 --output-dir";
    bench.ok(&format!("{solve} out {options}"));
    let log = std::fs::read_to_string(bench.path("out/log.txt")).expect("written");
    let record = std::fs::read(bench.path("out/result.json")).expect("written");
    let record: Value = serde_json::from_slice(&record).expect("JSON");
    let all = record["remarks"].as_array().cloned().unwrap_or_default();
    let of_limit = all.iter().filter(|remark| remark["what"] == "saturation");
    let told = of_limit.map(|remark| remark["evidence"].as_str().expect("text").to_owned());
    (told.collect(), log)
}

/// A limit that no pixel reaches changes nothing, and that is said; one that is reached is silent.
#[test]
fn a_saturation_that_touches_no_pixel_is_remarked() {
    let bench = Bench::new();
    bench.ok("simulate --specimen cells --pattern-size 32 --dose 1e4 --step 6 --field-of-view 20x20 --output scan.npz");
    let (scan, _) = dataset::read(bench.path("scan.npz"), &ReadOptions::default()).unwrap();
    let largest = scan.counts().unwrap().iter().fold(0.0_f32, |most, &count| most.max(count));
    let remarks = |options: &str| -> Vec<String> {
        let (told, log) = of_run(&bench, options);
        assert!(told.iter().all(|evidence| log.contains(&format!("remark: {evidence}"))), "{log}");
        // It either acts or does not.
        assert_ne!(log.contains("are taken as at least that bright"), !told.is_empty(), "{log}");
        told
    };
    let (reached, above) = (largest, largest + 1.0);
    assert_eq!(remarks(&format!("--saturation {reached}")), [""; 0]);
    let told = remarks(&format!("--saturation {above}"));
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.contains(&format!("no pixel reaches --saturation {above}")), "{told}");
    assert!(told.ends_with(&format!("the largest value is {largest} counts")), "{told}");
    // The limit of a simulated detector is known, however few pixels reach it.
    let simulate = "simulate --specimen cells --pattern-size 32 --dose 1e4 --step 6 \
                    --field-of-view 20x20";
    for (limit, acts) in [(largest - 1.0, true), (above, false)] {
        bench.ok(&format!("{simulate} --saturation {limit} --output stated.npz"));
        bench.ok(
            "reconstruct --input stated.npz --algorithm LSQML --num-epochs 2 --output-dir stated",
        );
        let log = std::fs::read_to_string(bench.path("stated/log.txt")).unwrap();
        let line = format!("saturation: pixels at {limit} counts");
        assert_eq!(log.contains(&line), acts, "{log}");
        assert!(!log.contains("no pixel reaches"), "{log}");
        let inspected = bench.run("inspect stated.npz");
        let text = String::from_utf8_lossy(&inspected.stdout).into_owned();
        assert_eq!(text.contains(&line), acts, "{text}");
    }
    // One that is said does not switch a lower one off that is stated.
    let limit = largest - 1.0;
    bench.ok(&format!("{simulate} --saturation {limit} --output scan.npz"));
    let told = of_run(&bench, "--saturation 1000");
    assert!(told.1.contains(&format!("saturation: pixels at {limit} counts")), "{}", told.1);
    let [evidence] = &told.0[..] else { panic!("{told:?}") };
    assert!(evidence.starts_with(&format!("--saturation 1000 is above {limit}")), "{evidence}");
    let (evidence, log) = of_run(&bench, &format!("--saturation {}", limit - 5.0));
    assert!(evidence.is_empty() && log.contains(&format!("pixels at {} counts", limit - 5.0)));
    let (_, log) = of_run(&bench, "--faulty keep");
    assert!(!log.contains("saturation: "), "{log}");
    let (_, log) = of_run(&bench, "--faulty keep --saturation 1000");
    assert!(log.contains(&format!("saturation: pixels at {limit} counts")), "{log}");
    let both = bench.run("reconstruct scan.npz --output no --saturation auto --faulty keep");
    let text = String::from_utf8_lossy(&both.stderr).into_owned();
    assert!(both.status.code() == Some(2) && text.contains("--saturation COUNTS"), "{text}");
    bench.ok(
        "simulate --specimen cells --pattern-size 32 --dose 1e4 --step 6 --field-of-view 20x20 \
         --output scan.npz",
    );
    // Of amplitudes of another unit the limit means something else.
    let names = ["diffraction", "xcoords", "ycoords", "probeGuess"];
    let archive = Archive::open(bench.path("scan.npz")).unwrap();
    let mut arrays = names.map(|name| (name, archive.read(name).unwrap()));
    let amplitudes = arrays[0].1.clone().into_f32_array::<ndarray::Ix3>().unwrap();
    let most = amplitudes.iter().fold(0.0_f32, |most, &amplitude| most.max(amplitude));
    arrays[0].1 = Array::from(&(amplitudes / most));
    npz::write(bench.path("scan.npz"), &arrays).unwrap();
    let told = remarks(&format!("--saturation {reached} --quantity amplitude"));
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(
        told.contains("the largest value is 1.0000e0 in intensity, whose unit is not"),
        "{told}"
    );
}
