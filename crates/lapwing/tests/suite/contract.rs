//! What records of jobs may be trusted in: nothing is lost, mixed up or taken for what it is not.

use crate::common::{Bench, stderr};
use lapwing_files::npy::{Array, Values};
use lapwing_files::{Archive, Dataset, ReadOptions, dataset, npz};
use lapwing_model::Complex32;
use serde_json::Value;
use std::path::Path;

const ROOTS: &str = "--data-root data --views-root views --artifact-root out";

fn read(bench: &Bench, name: &str) -> Dataset {
    dataset::read(bench.path(name), &ReadOptions::default()).unwrap().0
}

pub fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A split scan with both of its views, under `data` and `views`.
pub fn prepared(bench: &Bench) {
    bench.simulate("scan.npz", "");
    bench.ok("split --input scan.npz --output-dir data/dose_10000");
    bench.ok("views --data-root data --views-root views --sparse-overlap 0.4");
}

/// The archive without one of its arrays, and with another one in its place.
pub fn with_array(bench: &Bench, name: &str, key: &str, array: &Array) {
    let archive = Archive::open(bench.path(name)).unwrap();
    let others = archive.names().filter(|name| *name != key);
    let mut arrays: Vec<(&str, Array)> =
        others.map(|name| (name, archive.read(name).unwrap())).collect();
    arrays.push((key, array.clone()));
    npz::write(bench.path("changed.npz"), &arrays).unwrap();
    std::fs::rename(bench.path("changed.npz"), bench.path(name)).unwrap();
}

/// Every job of every run's own manifest lies where its record says, and is what that says.
fn records_hold(bench: &Bench) -> usize {
    let runs = std::fs::read_dir(bench.path("out/runs")).unwrap();
    let manifests = runs.map(|run| json(run.unwrap().path().join("reconstruction_manifest.json")));
    let mut seen = 0;
    for manifest in manifests.chain([json(bench.path("out/reconstruction_manifest.json"))]) {
        for result in manifest["execution_results"].as_array().unwrap() {
            let same =
                |job: &&Value| ["dose", "view", "split"].iter().all(|k| job[*k] == result[*k]);
            let job = manifest["jobs"].as_array().unwrap().iter().find(same).unwrap();
            let folder = Path::new(job["output_dir"].as_str().unwrap());
            assert!(Path::new(result["log_path"].as_str().unwrap()).is_file());
            if result["returncode"] == 0 {
                let record = json(folder.join("result.json"));
                assert_eq!(record["loss"]["epochs"], job["num_epochs"], "{}", folder.display());
                assert_eq!(record["algorithm"], job["algorithm"]);
            } else {
                assert!(!folder.join("reconstruction.npz").exists(), "{}", folder.display());
            }
            seen += 1;
        }
    }
    seen
}

#[test]
fn a_placeholder_is_no_truth() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let mut scan = read(&bench, "scan.npz");
    scan.object.as_mut().unwrap().slices_mut().fill(Complex32::new(1.0, 0.0));
    scan.write(bench.path("scan.npz")).unwrap();
    let remark = "the same everywhere: a placeholder";
    assert!(bench.ok("inspect scan.npz").contains(remark));
    let simulated = bench.run("simulate --base scan.npz --dose 100 --output b.npz");
    assert!(simulated.status.success() && stderr(&simulated).contains(remark));
    let alone = bench.json("reconstruct --input scan.npz --output-dir r --num-epochs 2 --compare");
    assert!(alone.get("comparison").is_none());
    assert!(alone["not_compared"].as_str().unwrap().contains("placeholder"), "{alone}");
    bench.ok("split --input scan.npz --output-dir data/dose_10000");
    let jobs = format!("jobs {ROOTS} --num-epochs 2 --view baseline --split train");
    let words = bench.ok(&jobs);
    assert!(words.contains("without a comparison") && words.contains("1 job, 1 done"), "{words}");
    let record = json(bench.path("out/dose_10000/baseline/train/result.json"));
    assert_eq!((record["status"].as_str(), &record["comparison"]), (Some("done"), &Value::Null));
    // Nor by hand, nor in a study, which says so when it runs.
    bench.fails("compare --reconstruction r --truth scan.npz", &["scan.npz", "placeholder"]);
    let design = "[base]\nfile = \"scan.npz\"\n[study]\ndoses = [1e3]\npattern_size = 32\n\
                  views = [\"baseline\"]\nsplits = [\"train\"]\n[solver]\nepochs = 2\n";
    std::fs::write(bench.path("design.toml"), design).unwrap();
    let study = bench.run("study run design.toml --output study");
    assert!(study.status.success() && stderr(&study).contains(remark), "{}", stderr(&study));
    let words = String::from_utf8_lossy(&study.stdout);
    assert!(words.contains("without a comparison"), "{words}");
    // It is not solved again.
    let again = bench.json(&jobs);
    let result = &again["manifest"]["execution_results"][0];
    assert_eq!(result["resumed"], true);
    assert!(result["not_compared"].as_str().unwrap().contains("placeholder"));
}

#[test]
fn a_comparison_that_cannot_be_made_leaves_the_job_done() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let mut scan = read(&bench, "scan.npz");
    // An object that says something, but nowhere where the scan is.
    let (rows, columns) = scan.object.as_ref().unwrap().shape();
    let mut object = scan.object.as_mut().unwrap().slices_mut();
    object.fill(Complex32::new(0.0, 0.0));
    object[(0, rows - 1, columns - 1)] = Complex32::new(1.0, 0.0);
    scan.write(bench.path("scan.npz")).unwrap();
    bench.ok("split --input scan.npz --output-dir data/dose_10000");
    let jobs = format!("jobs {ROOTS} --num-epochs 2 --view baseline --split train");
    let run = bench.json(&jobs);
    let result = &run["manifest"]["execution_results"][0];
    assert_eq!(result["returncode"], 0, "{result}");
    assert!(!result["not_compared"].as_str().unwrap().is_empty(), "{result}");
    assert_eq!(bench.json(&jobs)["manifest"]["execution_results"][0]["resumed"], true);
}

#[test]
fn other_options_keep_the_earlier_results_and_every_record_its_own_files() {
    let bench = Bench::new();
    prepared(&bench);
    let jobs = |options: &str| bench.json(&format!("jobs {ROOTS} --split train {options}"));
    jobs("--num-epochs 2");
    let kept = |name: &str| {
        std::fs::read(bench.path("out/dose_10000/dense").join(name)).unwrap_or_default()
    };
    let first = kept("train/reconstruction.npz");
    let second = jobs("--num-epochs 3");
    assert!(second["manifest"]["jobs"][1]["output_dir"].as_str().unwrap().ends_with("train_2"));
    assert_eq!(kept("train/reconstruction.npz"), first);
    let beside = |index: usize, end: &str| {
        let merged = json(bench.path("out/reconstruction_manifest.json"));
        merged["execution_results"][index]["kept"].to_string().matches(&format!("{end}\"")).count()
    };
    jobs("--num-epochs 2 --algorithm rPIE --view dense");
    assert!(!kept("train_3/reconstruction.npz").is_empty());
    assert_eq!([beside(1, "dense/train"), beside(1, "dense/train_2")], [1, 1]);
    // One that fails takes nothing with it.
    let failing =
        bench.run(&format!("jobs {ROOTS} --split train --view dense --probe-start optics"));
    assert_eq!(failing.status.code(), Some(1));
    assert_eq!(kept("train/reconstruction.npz"), first);
    // What is there is found again, and keeps the log and the time of the run that made it.
    let again = jobs("--num-epochs 2");
    let results = again["manifest"]["execution_results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["resumed"] == true));
    let merged = json(bench.path("out/reconstruction_manifest.json"));
    let log = merged["execution_results"][0]["log_path"].as_str().unwrap();
    assert!(std::fs::read_to_string(log).unwrap().contains("epoch    2 of 2"), "{log}");
    assert!(records_hold(&bench) >= 14);
    // One that a reconstruction by hand has set aside is told of as well.
    bench.ok("reconstruct data/dose_10000/patched_train.npz --num-epochs 1 --output-dir \
              out/dose_10000/baseline/train");
    jobs("--num-epochs 2 --view baseline");
    assert_eq!(beside(0, "baseline/train/earlier_1"), 1);
}

#[test]
fn the_folder_of_a_run_tells_what_it_was_restricted_to() {
    let bench = Bench::new();
    prepared(&bench);
    let words =
        bench.ok(&format!("jobs {ROOTS} --num-epochs 2 --dose 1e4 --view dense --split test"));
    let name = words.trim().rsplit('/').next().unwrap();
    assert!(name.ends_with("Z_dose_10000_dense_test"), "{words}");
    let own = json(bench.path("out/runs").join(name).join("reconstruction_manifest.json"));
    let merged = json(bench.path("out/reconstruction_manifest.json"));
    assert_eq!((&own["filters"]["view"], &merged["filters"]), (&"dense".into(), &own["filters"]));
}

#[test]
fn a_view_in_the_place_of_another_is_refused_by_name() {
    let bench = Bench::new();
    prepared(&bench);
    let [dense, sparse] =
        ["dense", "sparse"].map(|view| format!("views/dose_10000/{view}/{view}_train.npz"));
    std::fs::copy(bench.path(&dense), bench.path(&sparse)).unwrap();
    let jobs = format!("jobs {ROOTS} --num-epochs 2 --view sparse --split train");
    let told = ["sparse_train.npz", "overlap_view dense", "lapwing views", "--trust-names"];
    let dry = bench.ok(&format!("{jobs} --dry-run"));
    assert!(dry.contains("would fail dose 10000 sparse train"), "{dry}");
    bench.fails(&jobs, &told);
    let merged = json(bench.path("out/reconstruction_manifest.json"));
    assert_eq!(merged["execution_results"][0].get("selection_strategy"), None);
    let trusted = bench.json(&format!("{jobs} --trust-names"));
    let result = &trusted["manifest"]["execution_results"][0];
    let log = result["log_path"].as_str().unwrap();
    assert!(std::fs::read_to_string(log).unwrap().contains("overlap_view dense"));
    // Records and screen say it, too, also where the result is only found.
    assert!(result["trusted_name"].as_str().unwrap().contains("overlap_view dense"), "{result}");
    let again = bench.run(&format!("{jobs} --trust-names"));
    assert!(stderr(&again).contains("overlap_view dense"), "{}", stderr(&again));
    let record = json(bench.path("out/dose_10000/sparse/train/result.json"));
    assert!(record["trusted_name"].as_str().unwrap().contains("overlap_view dense"), "{record}");
    // The other split, and another dose.
    std::fs::copy(bench.path("views/dose_10000/dense/dense_test.npz"), bench.path(&dense)).unwrap();
    let jobs = format!("jobs {ROOTS} --num-epochs 2 --view dense");
    bench.fails(&format!("{jobs} --split train"), &["dense_train.npz", "split.part test"]);
    std::fs::rename(bench.path("data/dose_10000"), bench.path("data/dose_500")).unwrap();
    std::fs::rename(bench.path("views/dose_10000"), bench.path("views/dose_500")).unwrap();
    bench.fails(&format!("{jobs} --split test"), &["dense_test.npz", "nphotons 10000"]);
    // A job on a whole split asks nothing of its metadata, whatever they say.
    let whole = format!("jobs {ROOTS} --num-epochs 2 --view baseline --split test");
    let dry = bench.ok(&format!("{whole} --dry-run"));
    assert!(!dry.contains("would fail"), "{dry}");
    for trust in ["", " --trust-names"] {
        let output = bench.run(&format!("{whole}{trust}"));
        let told = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !told.contains("nphotons 10000"), "{told}");
        let record = json(bench.path("out/dose_500/baseline/test/result.json"));
        assert_eq!(record.get("trusted_name"), None, "{record}");
    }
    // Splits in each other's place, in a folder whose name tells no dose.
    std::fs::create_dir(bench.path("pair")).unwrap();
    for (from, to) in [("train", "test"), ("test", "train")] {
        let from = bench.path(&format!("data/dose_500/patched_{from}.npz"));
        std::fs::copy(from, bench.path(&format!("pair/{to}.npz"))).unwrap();
    }
    let overlap = "overlap --data-root pair --output o";
    bench.fails(overlap, &["train.npz", "split.part test", "--trust-names"]);
    assert!(!bench.path("o").exists());
    let trusted = bench.run(&format!("{overlap} --trust-names -q"));
    assert!(trusted.status.success(), "{}", stderr(&trusted));
    assert!(stderr(&trusted).contains("split.part test"), "{}", stderr(&trusted));
}

#[test]
fn metadata_that_cannot_be_read_stop_views_and_no_baseline() {
    let bench = Bench::new();
    prepared(&bench);
    for name in ["data/dose_10000/patched_train.npz", "views/dose_10000/dense/dense_train.npz"] {
        with_array(&bench, name, "_metadata", &Array::text("{broken"));
    }
    let jobs = format!("jobs {ROOTS} --num-epochs 2 --split train");
    let run = bench.run(&format!("{jobs} --json"));
    assert_eq!(run.status.code(), Some(1));
    let record: Value = serde_json::from_slice(&run.stdout).unwrap();
    let results = record["manifest"]["execution_results"].as_array().unwrap();
    let codes: Vec<i64> = results.iter().map(|r| r["returncode"].as_i64().unwrap()).collect();
    assert_eq!(codes, [0, 1, 0], "{results:?}");
    let error = results[1]["error"].as_str().unwrap();
    assert!(error.contains("dense_train.npz") && error.contains("{broken"), "{error}");
    // Of a view, to pass over them is no way on.
    assert!(error.contains("lapwing views") && !error.contains("--leave-out"), "{error}");
    let view = format!("{jobs} --view dense --leave-out _metadata");
    assert!(!bench.fails(&view, &["lapwing views"]).contains("--leave-out"));
    let told = bench.run("inspect views/dose_10000/dense/dense_train.npz");
    let words = String::from_utf8_lossy(&told.stdout);
    assert!(!words.contains("no metadata") && words.contains("metadata: unreadable"), "{words}");
    assert!(!words.contains("as specified") && !words.contains("found expected"), "{words}");
    // What is not read is not made up.
    let told = bench.run("inspect views/dose_10000/dense/dense_train.npz --json");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert!(told["metadata"].is_null() && told["understood"].is_object(), "{told}");
    // Whoever refuses them says how to go on.
    let split = "data/dose_10000/patched_train.npz";
    for command in [
        format!("split --input {split} --output-dir x"),
        format!("thin --input {split} --dose 10 --output x.npz"),
        format!("overlap --input {split}"),
    ] {
        bench.fails(&command, &["{broken", "--leave-out _metadata"]);
    }
    bench.ok(&format!("overlap --input {split} --leave-out _metadata"));
    // Incomplete ones are told beforehand, too.
    let view = "views/dose_10000/sparse/sparse_test.npz";
    with_array(&bench, view, "_metadata", &Array::text("{\"overlap_view\": \"sparse\"}"));
    let told = bench.run(&format!("inspect {view}"));
    let words = String::from_utf8_lossy(&told.stdout);
    for part in ["as the view dose 10000 sparse test", "spacing_threshold", "lapwing views"] {
        assert!(words.contains(part), "{words}");
    }
    std::fs::copy(bench.path(view), bench.path("elsewhere.npz")).unwrap();
    let told = bench.run("inspect elsewhere.npz");
    let words = String::from_utf8_lossy(&told.stdout);
    assert!(words.contains("make the view again with `lapwing views`"), "{words}");
    let dry = bench.ok(&format!("jobs {ROOTS} --split test --dry-run"));
    assert_eq!(dry.matches("would fail dose").count(), 1, "{dry}");
    assert!(dry.contains("none was run, 1 would fail") && !dry.contains(" done"), "{dry}");
    assert!(
        dry.contains("would fail dose 10000 sparse test") && dry.contains("n_accepted"),
        "{dry}"
    );
}

#[test]
fn messages_name_what_is_wrong_and_where() {
    let bench = Bench::new();
    prepared(&bench);
    bench.fails(
        &format!("jobs {ROOTS} --views-root nowhere --allow-missing-phase-d")
            .replace("--views-root views ", ""),
        &["nowhere: no such folder"],
    );
    bench.fails(
        &format!("jobs {ROOTS}").replace("--data-root data", "--data-root nowhere"),
        &["nowhere: no such folder", "lapwing split --output nowhere/dose_1000"],
    );
    std::fs::write(bench.path("file"), "").unwrap();
    for command in [
        "split --input scan.npz --output file",
        "reconstruct --input scan.npz --output file --num-epochs 1",
        "views --data-root data --output file",
        "overlap --data-root data/dose_10000 --output file/below",
    ] {
        bench.fails(command, &["expected a folder, found the file file; name another"]);
    }
    bench.fails("study status file", &["file holds no study"]);
    bench.ok("split --input scan.npz --output-dir flat");
    let told = ["flat: no folder dose_<D>", "directly", "--output flat/dose_1000"];
    bench.fails("views --data-root flat --output-root v", &told);
    // Options have the names of their flags.
    let usage = bench.run(&format!("jobs {ROOTS} --object-min 5 --object-max 2"));
    let told = stderr(&usage);
    assert!(told.contains("--object-min: expected at most --object-max, found 5"), "{told}");
    let usage = bench.run("jobs --study out --leave-out Y");
    assert_eq!(usage.status.code(), Some(2), "{}", stderr(&usage));
    std::fs::remove_file(bench.path("views/dose_10000/sparse/sparse_train.npz")).unwrap();
    bench.fails(&format!("jobs {ROOTS}"), &["sparse_train.npz does not exist; make it"]);
    let allowed = bench.json(&format!("jobs {ROOTS} --allow-missing-phase-d --dry-run"));
    assert_eq!(allowed["manifest"]["dry_run"], true);
    let reason = allowed["manifest"]["missing_jobs"][0]["reason"].as_str().unwrap();
    for part in ["Phase D", "not found", "sparse_train.npz"] {
        assert!(reason.contains(part), "{reason}");
    }
    let short =
        Array::from(read(&bench, "scan.npz").scan[1..].iter().map(|p| p.x).collect::<Vec<_>>());
    with_array(&bench, "scan.npz", "xcoords", &short);
    let text = bench.fails("split --input scan.npz --output-dir x", &["xcoords: expected"]);
    assert!(!text.contains("ycoords: expected"), "{text}");
}

#[test]
fn overlaps_of_positions_alone_and_of_a_pair_of_splits_with_the_images_kept() {
    let bench = Bench::new();
    prepared(&bench);
    let whole = bench.json("overlap --input scan.npz --simg 0.5 --ngroups 7");
    assert_eq!((&whole["rng_seed_subsample"], &whole["n_groups_actual"]), (&456.into(), &7.into()));
    let n = read(&bench, "scan.npz").n_patterns();
    assert_eq!(whole["n_images_subsampled"], n / 2);
    // The same from positions alone, once the diameter is known.
    let scan = read(&bench, "scan.npz").scan;
    let (y, x): (Vec<f64>, Vec<f64>) = scan.iter().map(|p| (p.y, p.x)).unzip();
    npz::write(bench.path("p.npz"), &[("ycoords", Array::from(y)), ("xcoords", Array::from(x))])
        .unwrap();
    bench.fails("overlap --input p.npz", &["p.npz", "--probe-diameter-px"]);
    let diameter = whole["probe_diameter_px"].as_f64().unwrap();
    let alone = bench.json(&format!(
        "overlap --input p.npz --s-img 0.5 --n-groups 7 --probe-diameter-px {diameter:?}"
    ));
    assert_eq!(alone, whole);
    let short = Array::from(scan[1..].iter().map(|p| p.x).collect::<Vec<_>>());
    let y = Array::from(scan.iter().map(|p| p.y).collect::<Vec<_>>());
    npz::write(bench.path("short.npz"), &[("ycoords", y), ("xcoords", short)]).unwrap();
    let told = bench.fails("overlap short.npz --probe-diameter-px 9", &["xcoords: expected"]);
    // Which is taken of a whole scan alone.
    assert!(!told.contains("--common"), "{told}");
    // An array of its own, and text.
    let pairs: Vec<f64> = scan.iter().flat_map(|p| [p.y, p.x]).collect();
    let array = Array::new(vec![n, 2], lapwing_files::npy::Values::F64(pairs)).unwrap();
    lapwing_files::npy::write(bench.path("pos.npy"), &array).unwrap();
    let rows: String = scan.iter().map(|p| format!("{:?},{:?}\n", p.x, p.y)).collect();
    std::fs::write(bench.path("pos.csv"), format!("x,y\n{rows}")).unwrap();
    std::fs::write(bench.path("um.csv"), format!("x_um,y_um\n{rows}")).unwrap();
    for file in ["pos.npy", "pos.csv"] {
        bench.fails(&format!("overlap {file}"), &[file, "--probe-diameter-px"]);
        let options = format!("--s-img 0.5 --n-groups 7 --probe-diameter-px {diameter:?}");
        assert_eq!(bench.json(&format!("overlap {file} {options}")), whole, "{file}");
    }
    // What is said about patterns is not passed over.
    for (file, option) in [("p.npz", "--every 4"), ("pos.npy", "--frames 0-9")] {
        let line = format!("overlap {file} --probe-diameter-px 20 {option}");
        bench.fails(&line, &[&option[..7], file, "positions alone"]);
    }
    bench.fails("overlap um.csv --probe-diameter-px 20", &["um.csv", "expected pixels", "um"]);
    // The default of the metrics' parameter; a design has 7.
    assert_eq!(whole["neighbor_count"], 6);
    bench.fails("overlap --input scan.npz --s-img 1e-6", &["s_img", "floor(s_img n)"]);
    let output = bench.run("overlap scan.npz --output-root o");
    assert_eq!(output.status.code(), Some(2), "nothing would be written");
    let [y, x] = [vec![0.0, 3.0], vec![1.0, f64::NAN]].map(Array::from);
    npz::write(bench.path("nan.npz"), &[("ycoords", y), ("xcoords", x)]).unwrap();
    let parts = ["nan.npz: positions: expected finite numbers", "NaN at index 1"];
    bench.fails("overlap nan.npz --probe-diameter-px 20", &parts);
    // A pair: every share in a folder of its own.
    let told = bench.json(
        "overlap --data-root data/dose_10000 --output-root o --s-img 0.25,1 --gridsize 2 --n-groups 9",
    );
    assert_eq!(told.as_array().unwrap().len(), 2);
    for (folder, share) in [("o/s_img_0.25", 0.25), ("o/s_img_1", 1.0)] {
        let bundle = json(bench.path(folder).join("metrics_bundle.json"));
        for split in ["train", "test"] {
            let metrics = json(bench.path(folder).join(format!("{split}_metrics.json")));
            assert_eq!(bundle[split], metrics);
            assert!(metrics["metric_1_group_based_avg"].is_number());
            let of = read(&bench, &format!("data/dose_10000/patched_{split}.npz"));
            let kept = read(&bench, &format!("{folder}/{split}.npz"));
            assert_eq!(kept.n_patterns(), (share * of.n_patterns() as f64).floor() as usize);
            assert_eq!(metrics["n_images_subsampled"], kept.n_patterns());
            let metadata = kept.metadata.unwrap();
            for name in ["s_img", "n_groups", "rng_seed_subsample", "metrics_version", "gridsize"] {
                assert_eq!(metadata[name], metrics[name], "{name}");
            }
            assert!(kept.scan.iter().all(|position| of.scan.contains(position)));
        }
    }
}

#[test]
fn a_base_keeps_its_metadata_and_simulated_splits_have_patches_on_request() {
    let bench = Bench::new();
    bench.simulate("base.npz", "");
    let mut base = read(&bench, "base.npz");
    let metadata = base.metadata.as_mut().unwrap();
    metadata.insert("mine".to_owned(), "kept".into());
    lapwing_files::metadata::set_physics_parameter(metadata, "pixel_size_m", 1e-8);
    base.write(bench.path("base.npz")).unwrap();
    bench.ok("simulate --base base.npz --dose 500 --patches --output scan.npz");
    let scan = read(&bench, "scan.npz");
    let metadata = scan.metadata.as_ref().unwrap();
    assert_eq!((&metadata["mine"], scan.intensity_scale().is_some()), (&"kept".into(), true));
    let physics = &metadata["physics_parameters"];
    assert_eq!((&physics["pixel_size_m"], &physics["nphotons"]), (&1e-8.into(), &500.into()));
    let history = metadata["data_transformations"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|entry| entry["timestamp"].as_str().unwrap().starts_with("20")));
    // The patch of a pattern is the object under its window, in the whole scan and its halves.
    bench.ok("split --input scan.npz --output-dir half");
    for name in ["scan.npz", "half/patched_test.npz"] {
        let data = read(&bench, name);
        let (_, patches) = data.extras.iter().find(|(name, _)| name == "Y").unwrap();
        let (n, height, width) = data.diffraction.dim();
        assert_eq!(patches.shape(), [n, height, width], "{name}");
        let Values::C64(values) = patches.values() else { panic!("{patches:?}") };
        let object = data.object.unwrap().into_projection();
        for (index, position) in data.scan.iter().enumerate().step_by(7) {
            let corner =
                [position.y - 16.0, position.x - 16.0].map(|v| v.round_ties_even() as usize);
            let at = (index * height + 5) * width + 9;
            assert_eq!(values[at], object[(corner[0] + 5, corner[1] + 9)], "{name} {index}");
        }
    }
}

#[test]
fn views_and_jobs_read_as_they_are_told() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    bench.ok("split --input scan.npz --output-dir data/dose_10000");
    let said = "--pixel-size-m 1e-8";
    bench.ok(&format!("views --data-root data --output-root views --view dense {said}"));
    let view = read(&bench, "views/dose_10000/dense/dense_train.npz");
    assert_eq!(view.metadata.unwrap()["physics_parameters"]["pixel_size_m"], 1e-8);
    let filters = "--num-epochs 2 --split train --view baseline";
    bench.ok(&format!("jobs {ROOTS} {filters} {said}"));
    let record = json(bench.path("out/dose_10000/baseline/train/result.json"));
    assert_eq!(record["pixel_size_m"], 1e-8);
    // Other options of reading are other results.
    bench.ok(&format!("jobs {ROOTS} {filters} --leave-out _metadata"));
    let record = json(bench.path("out/dose_10000/baseline/train_2/result.json"));
    assert_eq!((&record["status"], &record["pixel_size_m"]), (&"done".into(), &Value::Null));
}

#[test]
fn who_comes_second_into_a_folder_is_told_who_holds_it() {
    let bench = Bench::new();
    bench.simulate("scan.npz", "");
    let _held = lapwing_study::lock::Lock::acquire(&bench.path("out")).unwrap();
    for command in [
        "reconstruct --input scan.npz --output-dir out --num-epochs 2",
        "split --input scan.npz --output-dir out",
    ] {
        bench.fails(command, &["out is in use by process", "another folder"]);
    }
    assert_eq!(std::fs::read_dir(bench.path("out")).unwrap().count(), 1);
}
