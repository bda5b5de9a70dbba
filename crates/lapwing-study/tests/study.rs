//! Whole studies on tiny simulated data: layout, records, resume, failures.
#![allow(clippy::unwrap_used)]

use lapwing_files::dialect::ReadOptions;
use lapwing_files::{Archive, Dataset};
use lapwing_solve::lsqml::Lsqml;
use lapwing_study::checkpoint::Every;
use lapwing_study::event::Event;
use lapwing_study::folder::{MANIFEST, RESULT, SKIP_SUMMARY};
use lapwing_study::jobs::{self, JobOptions};
use lapwing_study::plan::MissingViews;
use lapwing_study::reconstruct::{CompareWith, Task};
use lapwing_study::record::{Filters, Outcome, Status, Strategy};
use lapwing_study::solver::{ProbeStart, Solver, SolverConfig, StudySolver};
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View, run};
use std::collections::BTreeMap;
use std::path::Path;

/// Two doses on a 32 x 32 detector; the field leaves sparse views (25.6 px) five positions and more.
const TINY: &str = r#"
[study]
name = "tiny"
doses = [1e3, 1e4]
pattern_size = 32
[probe]
diameter = 18
[scan]
step = 7
field = [120, 90]
[solver]
epochs = 4
"#;

fn tiny(more: &str) -> Design {
    Design::parse(&format!("{TINY}{more}"), Path::new(".")).unwrap()
}

fn read(path: impl AsRef<Path>) -> Dataset {
    lapwing_files::dialect::read(path, &ReadOptions::default()).unwrap().0
}

/// Runs a study; returns its report and the names of the events that were no epochs.
fn run_study(design: &Design, root: &Path) -> (jobs::JobsReport, Vec<String>) {
    let mut events = Vec::new();
    let report = run::study(design, root, &mut |event| {
        if !matches!(event, Event::Epoch { .. }) {
            events.push(format!("{event:?}"));
        }
    });
    (report.unwrap(), events)
}

/// Every file below `root` that a run does not write anew each time, with its contents.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("runs")
                && !name.ends_with(".lock")
                && !name.ends_with(MANIFEST)
                && !name.ends_with(SKIP_SUMMARY)
            {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_study_has_its_layout_records_and_numbers_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("");
    let (report, events) = run_study(&design, folder.path());
    assert_eq!((report.manifest.jobs.len(), report.failed(), report.skips.skipped_count), (12, 0, 0));
    assert!(events[0].starts_with("Simulating { dose: 1000"), "{}", events[0]);

    // Folders and names.
    let root = folder.path();
    for name in [
        "study.toml",
        "data/dose_1000/patched_train.npz",
        "data/dose_10000/patched_test.npz",
        "views/dose_1000/dense/dense_train.npz",
        "views/dose_10000/sparse/sparse_test.npz",
        "views/dose_1000/dense/overlap_gs1.json",
        "data/dose_1000/overlap_gs2_test.json",
        "reconstructions/reconstruction_manifest.json",
        "reconstructions/skip_summary.json",
    ] {
        assert!(root.join(name).is_file(), "{name}");
    }
    let study = StudyFolder::new(root);
    assert_eq!(study.design().unwrap().unwrap(), design);
    assert_eq!(study.cases().unwrap().len(), 12);

    // Every condition has a whole result; selection telemetry for views only, and the same in the manifest.
    for case in study.cases().unwrap() {
        let condition = case.condition;
        let Outcome::Finished(result) = study.outcome(&case).unwrap() else { panic!("{condition}") };
        assert_eq!((result.status, result.condition), (Status::Done, Some(condition)));
        assert_eq!(result.files.names().count(), 10, "{:?}", result.files);
        for name in result.files.names() {
            assert!(study.job_dir(&case).join(name).is_file(), "{name}");
        }
        assert_eq!(result.view.is_some(), condition.view != View::Baseline);
        let execution = report.manifest.execution_results.iter().find(|e| e.case == case).unwrap();
        assert_eq!((execution.returncode, execution.telemetry), (0, result.view));
        assert!(std::fs::read_to_string(&execution.log_path).unwrap().contains("epoch    4 of 4"));
        let metrics = &result.comparison.unwrap()["metrics"];
        assert!(metrics["complex_correlation"].as_f64().unwrap() > 0.1);
        assert!(result.shared_fraction.unwrap() > 0.0 && result.shared_fraction.unwrap() < 0.6);
        let mean = result.mean_counts.unwrap();
        assert!((mean / condition.dose as f64 - 1.0).abs() < 0.2, "{condition}: {mean}");
        assert_eq!(result.loss.unwrap().epochs, 4);
    }
    let overlap = |view| {
        let condition = Condition { dose: 1000, split: Split::Train, view };
        study.result(&condition.into()).unwrap().unwrap().overlap
    };
    assert!(overlap(View::Baseline) > overlap(View::Dense) && overlap(View::Dense) > overlap(View::Sparse));

    // The reconstruction file.
    let condition = Condition { dose: 1000, split: Split::Train, view: View::Dense };
    let archive = Archive::open(study.job_dir(&condition.into()).join("reconstruction.npz")).unwrap();
    let input = read(root.join("views/dose_1000/dense/dense_train.npz"));
    let (rows, columns) = input.object.as_ref().unwrap().dim();
    for (name, shape) in [
        ("reconstructed_object", vec![rows, columns]),
        ("reconstructed_probe", vec![32, 32]),
        ("positions", vec![input.scan.len(), 2]),
        ("loss", vec![4]),
        ("algorithm", vec![]),
        ("timestamp", vec![]),
        ("_metadata", vec![]),
    ] {
        assert_eq!(archive.read(name).unwrap().shape(), shape, "{name}");
    }
    assert!(!archive.contains("reconstructed_object_origin"));

    // The same call again does nothing, and leaves the same bits.
    let before = contents(root);
    let (again, events) = run_study(&design, root);
    assert!(again.manifest.execution_results.iter().all(|e| e.resumed && e.returncode == 0));
    assert_eq!(contents(root), before);
    assert!(!events.iter().any(|event| event.starts_with("Simulating")), "{events:?}");
    assert_eq!(study.manifest().unwrap().unwrap().run_ids.len(), 2);

    // What is damaged or missing, and only that, is made again; the numbers are the same.
    let result_file = study.job_dir(&condition.into()).join(RESULT);
    let numbers = |bytes: &[u8]| -> serde_json::Value {
        let whole: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        serde_json::json!([whole["comparison"], whole["loss"], whole["key"]])
    };
    let first = numbers(&std::fs::read(&result_file).unwrap());
    std::fs::remove_file(study.job_dir(&condition.into()).join("phase.png")).unwrap();
    std::fs::write(root.join("views/dose_10000/sparse/sparse_test.npz"), "damaged").unwrap();
    let (third, _) = run_study(&design, root);
    let redone: Vec<Condition> =
        third.manifest.execution_results.iter().filter(|e| !e.resumed).map(|e| e.case.condition).collect();
    assert_eq!(redone, [condition]);
    assert_eq!(numbers(&std::fs::read(&result_file).unwrap()), first);
    let same = |name: &str| assert_eq!(contents(root)[name], before[name], "{name}");
    same("views/dose_10000/sparse/sparse_test.npz");
    same("reconstructions/dose_1000/dense/train/phase.png");
    same("reconstructions/dose_1000/dense/train/loss.csv");

    // Other options are another result.
    let (other, _) = run_study(&tiny("batch_size = 7\n"), root);
    assert!(other.manifest.execution_results.iter().all(|e| !e.resumed));
}

#[test]
fn solvers_and_repeats_have_their_own_folders_records_and_noise() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let text = TINY
        .replace("[1e3, 1e4]", "[1e3]\nviews = [\"baseline\", \"dense\"]\nsplits = [\"train\"]\nrepeats = 2");
    let text = text.replace(
        "[solver]\nepochs = 4",
        "[[solver]]\nepochs = 4\n[[solver]]\nalgorithm = \"ML\"\nepochs = 3",
    );
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, root);
    assert_eq!((report.manifest.jobs.len(), report.manifest.total_jobs, report.failed()), (8, 8, 0));
    let names: Vec<String> = report.manifest.jobs.iter().map(|job| job.case.to_string()).collect();
    let one = ["", " ML", " repeat 2", " ML repeat 2"].map(|rest| format!("dose 1000 baseline train{rest}"));
    assert_eq!(names[..4], one);
    let study = StudyFolder::new(root);
    assert_eq!(study.design().unwrap().unwrap(), design);
    for (dir, solver, repeat, epochs) in [
        ("dose_1000/dense/train", "LSQML", 1, 4),
        ("ML/dose_1000/dense/train", "ML", 1, 3),
        ("repeat_2/dose_1000/dense/train", "LSQML", 2, 4),
        ("ML/repeat_2/dose_1000/dense/train", "ML", 2, 3),
    ] {
        let text = std::fs::read(study.artifact_root().join(dir).join(RESULT)).unwrap();
        let result: lapwing_study::record::JobResult = serde_json::from_slice(&text).unwrap();
        assert_eq!((result.solver.as_str(), result.repeat), (solver, repeat), "{dir}");
        assert_eq!((result.algorithm.as_str(), result.loss.unwrap().epochs), (solver, epochs), "{dir}");
        assert_eq!(result.view.unwrap().selection_strategy, Strategy::Greedy, "{dir}");
    }
    // Repeats: the same positions and object, other photons.
    let (first, second) = (
        read(root.join("data/dose_1000/patched_train.npz")),
        read(root.join("data/repeat_2/dose_1000/patched_train.npz")),
    );
    assert_eq!((&first.scan, &first.object), (&second.scan, &second.object));
    let (a, b) = (first.counts().unwrap(), second.counts().unwrap());
    let mean = (&a + &b).mapv(|sum| f64::from(sum) / 2.0).mean().unwrap();
    let variance: f64 =
        a.iter().zip(&b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2) / 2.0).sum::<f64>()
            / a.len() as f64;
    // The difference of two independent Poisson counts of mean m has the variance 2 m; of equal ones it would be 0.
    assert!((variance / mean - 1.0).abs() < 0.05, "{variance} {mean}");

    // A job of one solver alone, and nothing is done twice.
    let plan = run::plan(&design, &study);
    let filters = Filters { solver: Some("ML".to_owned()), repeat: Some(2), ..Filters::default() };
    let options = JobOptions { filters, ..JobOptions::default() };
    let again = jobs::run(&plan, &options, &mut |_| {}).unwrap();
    assert_eq!((again.manifest.jobs.len(), again.skips.skipped_count), (2, 6));
    assert!(again.manifest.execution_results.iter().all(|e| e.resumed));
    let merged = study.manifest().unwrap().unwrap();
    assert_eq!((merged.jobs.len(), merged.execution_results.len()), (8, 8));
    let outcomes = study.outcomes().unwrap().unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Finished(_))));
    assert_eq!(outcomes.iter().map(|(case, _)| case.clone()).collect::<Vec<Case>>(), design.cases());
}

#[test]
fn another_program_is_a_solver_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[1e3, 1e4]", "[1e4]\nviews = [\"baseline\"]\nsplits = [\"train\"]");
    let own = Design::parse(&text, Path::new(".")).unwrap();
    run_study(&own, &folder.path().join("own"));
    let made = folder.path().join("own/reconstructions/dose_10000/baseline/train/reconstruction.npz");
    std::fs::copy(&made, folder.path().join("made.npz")).unwrap();
    // A stub in place of a solver: it finds its files and leaves a reconstruction made before.
    let stub =
        "test -s \"$1\" && test -s \"$2\" && echo reading \"$1\" && cp \"$4\" \"$3/reconstruction.npz\"";
    std::fs::write(folder.path().join("stub.sh"), stub).unwrap();
    let solvers = |command: &str| {
        format!(
            "[[solver]]\nepochs = 4\n[[solver]]\nname = \"stub\"\nalgorithm = \"external\"\ncommand = {command}\nepochs = 3\n"
        )
    };
    let with = |command: &str| {
        let text = text.replace("[solver]\nepochs = 4\n", &solvers(command));
        Design::parse(&text, folder.path()).unwrap()
    };
    let design = with(r#"["sh", "{folder}/stub.sh", "{input}", "{start}", "{output}", "{folder}/made.npz"]"#);
    let root = folder.path().join("both");
    let (report, _) = run_study(&design, &root);
    assert_eq!(
        (report.manifest.jobs.len(), report.failed()),
        (2, 0),
        "{:?}",
        report.manifest.execution_results
    );
    assert_eq!(
        (report.manifest.jobs[1].algorithm.as_str(), report.manifest.jobs[1].num_epochs),
        ("external", 3)
    );
    let study = StudyFolder::new(&root);
    let results: Vec<_> = design.cases().iter().map(|case| study.result(case).unwrap().unwrap()).collect();
    assert_eq!((results[1].solver.as_str(), results[1].algorithm.as_str()), ("stub", "external"));
    // Compared as ours: the same reconstruction has the same numbers.
    assert_eq!(results[0].comparison, results[1].comparison);
    assert_eq!(results[0].loss, results[1].loss);
    let log = std::fs::read_to_string(&report.manifest.execution_results[1].log_path).unwrap();
    assert!(log.contains("reading ") && log.contains("patched_train.npz"), "{log}");
    let left = std::fs::read_dir(study.job_dir(&design.cases()[1])).unwrap();
    assert!(left.flatten().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
    // Nothing is done twice; another script is another solver.
    assert!(run_study(&design, &root).0.manifest.execution_results.iter().all(|e| e.resumed));
    std::fs::write(folder.path().join("stub.sh"), format!("{stub}\n")).unwrap();
    let again: Vec<bool> =
        run_study(&design, &root).0.manifest.execution_results.iter().map(|e| e.resumed).collect();
    assert_eq!(again, [true, false]);

    // What a command does wrong is said, and stops no other job.
    for (command, told) in [
        (r#"["sh", "-c", "echo oops; exit 3"]"#, "oops"),
        (r#"["true"]"#, "left no reconstruction.npz"),
        (r#"["/no/such/program"]"#, "/no/such/program"),
        (r#"["cp", "{input}", "{output}/reconstruction.npz"]"#, "reconstructed_object"),
    ] {
        let (report, _) = run_study(&with(command), &root);
        assert_eq!(report.failed(), 1, "{command}");
        let error = report.manifest.execution_results[1].error.clone().unwrap();
        assert!(error.contains(told), "{command}: {error}");
    }
    let refused = Design::parse(&solvers("[]"), folder.path()).unwrap_err().to_string();
    assert!(refused.contains("solver.command"), "{refused}");
}

#[test]
fn a_measured_scan_is_thinned_and_compared_with_its_full_dose_reconstruction() {
    let folder = tempfile::tempdir().unwrap();
    let sample = lapwing_study::data::Sample::of(&tiny("")).unwrap();
    let mut scan = sample.expose(20_000, 7).unwrap();
    scan.object = None;
    // Nobody's grid: the study makes its own.
    for position in &mut scan.scan {
        (position.y, position.x) = (position.y - 40.25, position.x + 300.0);
    }
    scan.write(folder.path().join("scan.npz")).unwrap();
    let text = |doses: &str| {
        format!(
            "[base]\nmeasured = \"scan.npz\"\n[study]\ndoses = {doses}\nviews = [\"baseline\", \"dense\"]\n\
             splits = [\"train\"]\npattern_size = 32\n[solver]\nepochs = 30\n"
        )
    };
    let design = Design::parse(&text("[500, 20000]"), folder.path()).unwrap();
    assert_eq!(design.solvers[0].starts().1, ProbeStart::File);
    let root = folder.path().join("study");
    let (report, _) = run_study(&design, &root);
    assert_eq!(
        (report.manifest.jobs.len(), report.failed()),
        (4, 0),
        "{:?}",
        report.manifest.execution_results
    );
    let study = StudyFolder::new(&root);
    assert_eq!(study.design().unwrap().unwrap(), design);
    assert!(study.reference_dir().join("reconstruction.npz").is_file());
    // The data sets: photons taken away and none added, a complete data set on the reference's grid.
    let (low, full) = (
        read(root.join("data/dose_500/patched_train.npz")),
        read(root.join("data/dose_20000/patched_train.npz")),
    );
    assert!(
        low.counts()
            .unwrap()
            .iter()
            .zip(&full.counts().unwrap())
            .all(|(low, full)| low.round() <= full.round())
    );
    assert!((low.mean_intensity() / 500.0 - 1.0).abs() < 0.2, "{}", low.mean_intensity());
    assert_eq!(low.metadata.as_ref().unwrap()["reference"], "full-dose reconstruction");
    let (rows, columns) = low.object.as_ref().unwrap().dim();
    assert!(
        low.scan
            .iter()
            .all(|p| p.y > 15.0 && p.y < rows as f64 - 15.0 && p.x > 15.0 && p.x < columns as f64 - 15.0)
    );

    let numbers = |dose, view| {
        let case = Case::from(Condition { dose, view, split: Split::Train });
        let comparison = study.result(&case).unwrap().unwrap().comparison.unwrap();
        assert_eq!(comparison["reference"], "full-dose reconstruction");
        assert!(comparison["probe"].is_null());
        let metric = |name: &str| comparison["metrics"][name].as_f64().unwrap();
        (metric("complex_correlation"), metric("halves_complex_correlation"))
    };
    let (low, full) = (numbers(500, View::Baseline), numbers(20_000, View::Baseline));
    assert!(full.0 > 0.95 && full.0 > low.0 && full.1 > low.1, "{low:?} {full:?}");
    assert!(full.0 > numbers(20_000, View::Dense).0);
    assert!(run_study(&design, &root).0.manifest.execution_results.iter().all(|e| e.resumed));

    // More photons than were measured, other patterns, a start from the reference: refused by name.
    let refused = |text: &str| {
        let design = Design::parse(text, folder.path());
        let run = design
            .map_err(Into::into)
            .and_then(|design| run::study(&design, &folder.path().join("no"), &mut |_| {}));
        run.unwrap_err().to_string()
    };
    assert!(refused(&text("[30000]")).contains("never added"));
    assert!(
        refused(&text("[500]").replace("pattern_size = 32", "pattern_size = 64"))
            .contains("study.pattern_size")
    );
    assert!(refused(&(text("[500]") + "object_start = \"guess\"\n")).contains("solver.object_start"));
    assert!(refused(&(text("[500]") + "[scan]\nstep = 3\n")).contains("base"));
}

#[test]
fn views_are_complete_and_far_enough_apart() {
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("[views]\nmin_positions = 3\n");
    run_study(&design, folder.path());
    for (view, spacing) in [(View::Dense, 9.6), (View::Sparse, 25.6)] {
        let file = folder.path().join(format!("views/dose_1000/{view}/{view}_test.npz"));
        let data = read(&file);
        for (i, a) in data.scan.iter().enumerate() {
            assert!(data.scan[..i].iter().all(|b| a.distance(*b) >= spacing));
        }
        let metadata = data.metadata.as_ref().unwrap();
        assert_eq!(metadata["overlap_view"], view.name());
        assert_eq!(metadata["spacing_threshold"], spacing);
        assert_eq!(metadata["source_file"], "dose_1000/patched_test.npz");
        assert_eq!(metadata["split"]["part"], "test");
        assert_eq!(metadata["n_accepted"], data.scan.len());
        let steps: Vec<&str> = metadata["data_transformations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["operation"].as_str().unwrap())
            .collect();
        assert_eq!(steps, ["simulate", "split", "select positions"]);
        // The dose survives the selection: counts are whole numbers.
        let counts = data.counts().unwrap();
        assert!(counts.iter().all(|c| (c - c.round()).abs() < 1e-3));
    }
}

#[test]
fn a_view_that_cannot_be_made_is_skipped_with_its_reason_and_a_broken_file_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let design = Design::parse(&TINY.replace("[120, 90]", "[60, 40]"), Path::new(".")).unwrap();
    let (report, events) = run_study(&design, folder.path());
    assert_eq!((report.manifest.jobs.len(), report.manifest.missing_jobs.len()), (8, 4));
    let reason = &report.manifest.missing_jobs[0].reason;
    assert!(reason.contains("25.6 px") && reason.contains("at least 5 positions"), "{reason}");
    assert_eq!(events.iter().filter(|event| event.starts_with("ViewRefused")).count(), 4);
    let study = StudyFolder::new(folder.path());
    let sparse = Condition { dose: 1000, split: Split::Train, view: View::Sparse };
    assert!(!folder.path().join("views/dose_1000/sparse/sparse_train.npz").exists());
    assert_eq!(study.outcome(&sparse.into()).unwrap(), Outcome::Skipped { reason: reason.clone() });

    // Without leave, a missing view is an error that names it.
    let plan = run::plan(&design, &study);
    let options = JobOptions::default();
    let error = jobs::run(&plan, &options, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("sparse_train.npz"), "{error}");

    // A broken file fails its own job only.
    std::fs::write(plan.roots.input(Condition { view: View::Dense, ..sparse }, 1), "no archive").unwrap();
    let options = JobOptions { missing_views: MissingViews::Skip(BTreeMap::new()), ..options };
    let mut failures = 0;
    let report = jobs::run(&plan, &options, &mut |event| {
        failures += usize::from(matches!(event, Event::JobFailed { .. }))
    })
    .unwrap();
    assert_eq!((report.failed(), failures, report.manifest.execution_results.len()), (1, 1, 8));
    let failed = &report.manifest.execution_results[1];
    assert_eq!((failed.returncode, failed.case.condition.view), (1, View::Dense));
    assert!(failed.error.as_ref().unwrap().contains("dense_train.npz"));
    assert!(std::fs::read_to_string(&failed.log_path).unwrap().contains("failed:"));
    assert!(report.manifest.execution_results[2].resumed);
}

#[test]
fn sparse_then_train_then_test_keep_all_records() {
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("");
    let root = folder.path();
    run_study(&design, root);
    let study = StudyFolder::new(root);
    std::fs::remove_dir_all(study.artifact_root()).unwrap();
    let plan = run::plan(&design, &study);
    let mut runs = Vec::new();
    for filters in [
        Filters { view: Some(View::Sparse), ..Filters::default() },
        Filters { split: Some(Split::Train), ..Filters::default() },
        Filters { split: Some(Split::Test), ..Filters::default() },
    ] {
        let options = JobOptions { filters, ..JobOptions::default() };
        runs.push(jobs::run(&plan, &options, &mut |_| {}).unwrap());
    }
    for (report, executed) in runs.iter().zip([4, 6, 6]) {
        let dir = study.artifact_root().join("runs").join(&report.run_id);
        let manifest: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.join(MANIFEST)).unwrap()).unwrap();
        assert_eq!(manifest["execution_results"].as_array().unwrap().len(), executed);
        assert!(dir.join(SKIP_SUMMARY).is_file());
        assert_eq!(std::fs::read_dir(dir.join("logs")).unwrap().count(), executed);
    }
    let merged = study.manifest().unwrap().unwrap();
    assert_eq!((merged.jobs.len(), merged.execution_results.len(), merged.run_ids.len()), (12, 12, 3));
    // A dry run of one job.
    let filters = Filters {
        dose: Some(1000),
        view: Some(View::Dense),
        split: Some(Split::Train),
        ..Filters::default()
    };
    let options = JobOptions { filters, dry_run: true, ..JobOptions::default() };
    let dry = jobs::run(&plan, &options, &mut |_| {}).unwrap();
    assert_eq!(
        (dry.manifest.jobs.len(), dry.skips.skipped_count, dry.manifest.execution_results.len()),
        (1, 11, 0)
    );
}

#[test]
fn a_held_study_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let _held = lapwing_study::lock::Lock::acquire(folder.path()).unwrap();
    let error = run::study(&tiny(""), folder.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("in use by process"), "{error}");
    assert!(!folder.path().join("study.toml").exists());
}

#[test]
fn a_base_file_gives_object_probe_and_positions() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    run_study(&tiny(""), &made);
    let file = made.join("data/dose_1000/patched_train.npz");
    let base = read(&file);
    let text = format!(
        "[base]\nfile = {file:?}\n[study]\ndoses = [5000]\nviews = [\"baseline\"]\npattern_size = 32\n[solver]\nepochs = 2\n"
    );
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, &folder.path().join("second"));
    assert_eq!((report.manifest.jobs.len(), report.failed()), (2, 0));
    let train = read(folder.path().join("second/data/dose_5000/patched_train.npz"));
    assert_eq!(train.object, base.object);
    assert!(train.scan.iter().all(|p| base.scan.contains(p)) && train.scan.len() < base.scan.len());
    // A pattern size that is not the base's is refused, naming the field.
    let wrong =
        Design::parse(&text.replace("pattern_size = 32", "pattern_size = 64"), Path::new(".")).unwrap();
    let error = run::study(&wrong, &folder.path().join("third"), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("study.pattern_size") && error.contains("32"), "{error}");
}

#[test]
fn one_data_set_alone() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    run_study(&tiny(""), &made);
    let mut data = read(made.join("views/dose_10000/dense/dense_train.npz"));
    let mut config =
        SolverConfig::new(Solver::Lsqml(Lsqml { epochs: 4, ..Lsqml::default() }), ProbeStart::File);
    let task = |name: &str, config: &SolverConfig, comparison| Task {
        input: folder.path().join(format!("{name}.npz")),
        reading: lapwing_files::ReadOptions::default(),
        output: folder.path().join(name),
        solver: StudySolver::new(config.clone()),
        case: None,
        comparison,
        checkpoint: Every::Epochs(1),
        halves: false,
    };

    // With the truth in the file.
    data.write(folder.path().join("whole.npz")).unwrap();
    let whole = task("whole", &config, CompareWith::Truth).run(&mut |_| {}, &mut |_| {}).unwrap();
    assert!(whole.comparison.unwrap()["metrics"]["complex_correlation"].as_f64().unwrap() > 0.5);
    assert_eq!(whole.view, None);

    // Without it: the same patterns, a grid made for the scan, and its origin.
    data.object = None;
    data.write(folder.path().join("bare.npz")).unwrap();
    let bare = task("bare", &config, CompareWith::Nothing).run(&mut |_| {}, &mut |_| {}).unwrap();
    assert_eq!((bare.comparison, bare.files.error), (None, None));
    let archive = Archive::open(folder.path().join("bare/reconstruction.npz")).unwrap();
    let origin = archive.read("reconstructed_object_origin").unwrap().to_f64().unwrap();
    let corner = |along: fn(&lapwing_model::Position) -> f64| {
        data.scan.iter().map(along).fold(f64::INFINITY, f64::min) - 16.0
    };
    assert!(origin[0] < corner(|p| p.y) && origin[0] > corner(|p| p.y) - 4.0, "{origin:?}");
    assert!(origin[1] < corner(|p| p.x) && origin[1] > corner(|p| p.x) - 4.0, "{origin:?}");
    // The same object, displaced by the origin.
    let object_in = |name: &str| {
        let archive = Archive::open(folder.path().join(name).join("reconstruction.npz")).unwrap();
        let object = archive.read("reconstructed_object").unwrap();
        (object.shape().to_vec(), object.into_complex32().unwrap())
    };
    let ((whole_shape, whole), (bare_shape, bare)) = (object_in("whole"), object_in("bare"));
    let (mut dot, mut a2, mut b2) = (lapwing_model::Complex32::default(), 0.0, 0.0);
    for y in 0..bare_shape[0] {
        for x in 0..bare_shape[1] {
            let (row, column) = (y as f64 + origin[0], x as f64 + origin[1]);
            let inside =
                row >= 0.0 && column >= 0.0 && row < whole_shape[0] as f64 && column < whole_shape[1] as f64;
            if inside {
                let a = whole[row as usize * whole_shape[1] + column as usize];
                let b = bare[y * bare_shape[1] + x];
                dot += a * b.conj();
                a2 += a.norm_sqr();
                b2 += b.norm_sqr();
            }
        }
    }
    assert!(dot.norm() / (a2 * b2).sqrt() > 0.999);

    // What cannot be done is said, and leaves a record.
    let refused = |name: &str, config: &SolverConfig, comparison| {
        let error = task(name, config, comparison).run(&mut |_| {}, &mut |_| {}).unwrap_err().to_string();
        let record = std::fs::read_to_string(folder.path().join(name).join(RESULT)).unwrap();
        assert!(record.contains("\"failed\""), "{record}");
        error
    };
    assert!(refused("bare", &config, CompareWith::Truth).contains("objectGuess"));
    data.metadata = None;
    data.write(folder.path().join("counts.npz")).unwrap();
    let text = "noise = \"poisson\"\nprobe_start = \"file\"\n";
    config = toml::from_str(text).unwrap();
    assert!(refused("counts", &config, CompareWith::Nothing).contains("photon counts"));
    data.probe = None;
    data.write(folder.path().join("probeless.npz")).unwrap();
    assert!(refused("probeless", &config, CompareWith::Nothing).contains("probeGuess"));
    assert!(task("absent", &config, CompareWith::Nothing).run(&mut |_| {}, &mut |_| {}).is_err());
    assert!(!folder.path().join("absent").exists());
}

#[test]
fn quality_rises_with_overlap_and_with_dose() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY
        .replace("epochs = 4", "epochs = 60")
        .replace("step = 7", "step = 3.6")
        .replace("[1e3, 1e4]", "[300, 1e5]");
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, folder.path());
    assert_eq!(report.failed(), 0);
    let study = StudyFolder::new(folder.path());
    let correlation = |dose, view| {
        let result = study.result(&Condition { dose, split: Split::Train, view }.into()).unwrap().unwrap();
        result.comparison.unwrap()["metrics"]["complex_correlation"].as_f64().unwrap()
    };
    for dose in [300, 100_000] {
        assert!(correlation(dose, View::Baseline) > correlation(dose, View::Dense) + 0.001);
        assert!(correlation(dose, View::Dense) > correlation(dose, View::Sparse) + 0.02);
    }
    for view in View::ALL {
        assert!(correlation(100_000, view) > correlation(300, view));
    }
    assert!(correlation(100_000, View::Baseline) > 0.98, "{}", correlation(100_000, View::Baseline));
    let dense = Condition { dose: 300, split: Split::Train, view: View::Dense };
    assert_eq!(
        study.result(&dense.into()).unwrap().unwrap().view.unwrap().selection_strategy,
        Strategy::Greedy
    );
}
