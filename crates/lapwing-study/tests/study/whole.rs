//! Whole studies: layout, numbers, resumption, views.

use crate::{TINY, contents, prepare_study, read, run_study, tiny};
use lapwing_files::Archive;
use lapwing_study::event::unobserved;
use lapwing_study::layout::RESULT;
use lapwing_study::record::{Outcome, Status, Strategy};
use lapwing_study::run::StudyOptions;
use lapwing_study::{Condition, Design, Split, StudyFolder, View, run};
use std::path::Path;

#[test]
fn a_study_has_its_layout_records_and_numbers_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("");
    let (report, events) = run_study(&design, folder.path());
    assert_eq!(
        (report.manifest.jobs.len(), report.failed(), report.skips.skipped_count),
        (12, 0, 0)
    );
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
    // Overlaps with the seed and the neighbours of the design.
    let overlap = std::fs::read(root.join("data/dose_1000/overlap_gs2_test.json")).unwrap();
    let overlap: serde_json::Value = serde_json::from_slice(&overlap).unwrap();
    assert_eq!(
        (&overlap["rng_seed_subsample"], &overlap["neighbor_count"]),
        (&456.into(), &7.into())
    );
    let study = StudyFolder::new(root);
    assert_eq!(study.design().unwrap().unwrap(), design);
    assert_eq!(study.cases().unwrap().len(), 12);

    // Every condition has a whole result; selection telemetry for views only, and the same in the
    // manifest.
    for case in study.cases().unwrap() {
        let condition = case.condition;
        let Outcome::Finished(result) = study.outcome(&case).unwrap() else {
            panic!("{condition}")
        };
        assert_eq!((result.status, result.condition), (Status::Done, Some(condition)));
        assert_eq!(result.files.names().count(), 12, "{:?}", result.files);
        for name in result.files.names() {
            assert!(study.job_dir(&case).join(name).is_file(), "{name}");
        }
        assert_eq!(result.view.is_some(), condition.view != View::Baseline);
        let execution = report.manifest.execution_results.iter().find(|e| e.case == case).unwrap();
        assert_eq!((execution.returncode, execution.telemetry), (0, result.view));
        assert!(std::fs::read_to_string(&execution.log_path).unwrap().contains("epoch    4 of 4"));
        assert!(result.comparison.unwrap().metric("complex_correlation").unwrap() > 0.1);
        assert!(result.shared_fraction.unwrap() > 0.0 && result.shared_fraction.unwrap() < 0.6);
        let mean = result.mean_counts.unwrap();
        assert!((mean / condition.dose as f64 - 1.0).abs() < 0.2, "{condition}: {mean}");
        assert_eq!(result.loss.unwrap().epochs, 4);
    }
    let overlap = |view| {
        let condition = Condition { dose: 1000, split: Split::Train, view };
        study.result(&condition.into()).unwrap().unwrap().overlap
    };
    assert!(
        overlap(View::Baseline) > overlap(View::Dense)
            && overlap(View::Dense) > overlap(View::Sparse)
    );

    // The reconstruction file.
    let condition = Condition { dose: 1000, split: Split::Train, view: View::Dense };
    let archive =
        Archive::open(study.job_dir(&condition.into()).join("reconstruction.npz")).unwrap();
    let input = read(root.join("views/dose_1000/dense/dense_train.npz"));
    let (rows, columns) = input.object.as_ref().unwrap().shape();
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
    let redone: Vec<Condition> = third
        .manifest
        .execution_results
        .iter()
        .filter(|e| !e.resumed)
        .map(|e| e.case.condition)
        .collect();
    assert_eq!(redone, [condition]);
    assert_eq!(numbers(&std::fs::read(&result_file).unwrap()), first);
    let same = |name: &str| assert_eq!(contents(root)[name], before[name], "{name}");
    same("views/dose_10000/sparse/sparse_test.npz");
    same("reconstructions/dose_1000/dense/train/phase.png");
    same("reconstructions/dose_1000/dense/train/loss.csv");

    // Other options are another result, which takes the place of this one only when told to.
    let design = tiny("batch_size = 7\n");
    let before = contents(root);
    let refused = run::study(&design, root, &mut unobserved).unwrap_err().to_string();
    for part in ["study.toml", "batch_size", "7 here", "--replace"] {
        assert!(refused.contains(part), "{refused}");
    }
    assert_eq!(contents(root), before);
    let options = StudyOptions { replace: true, ..StudyOptions::default() };
    let other = run::study_with(&design, root, options, &mut unobserved).unwrap();
    assert!(other.manifest.execution_results.iter().all(|e| !e.resumed));
}

#[test]
fn views_are_complete_and_far_enough_apart() {
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("[views]\nmin_positions = 3\n");
    prepare_study(&design, folder.path());
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
fn a_base_file_gives_object_probe_and_positions() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    prepare_study(&tiny(""), &made);
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
        Design::parse(&text.replace("pattern_size = 32", "pattern_size = 64"), Path::new("."))
            .unwrap();
    let error =
        run::study(&wrong, &folder.path().join("third"), &mut unobserved).unwrap_err().to_string();
    assert!(error.contains("study.pattern_size") && error.contains("32"), "{error}");
}

#[test]
fn quality_rises_with_overlap_and_with_dose() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = TINY
        .replace("epochs = 4", "epochs = 60")
        .replace("step = 7", "step = 3.6")
        .replace("[1e3, 1e4]", "[300, 1e5]\nsplits = [\"train\"]");
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, folder.path());
    assert_eq!(report.failed(), 0);
    let study = StudyFolder::new(folder.path());
    let correlation = |dose, view| {
        let result =
            study.result(&Condition { dose, split: Split::Train, view }.into()).unwrap().unwrap();
        result.comparison.unwrap().metric("complex_correlation").unwrap()
    };
    for dose in [300, 100_000] {
        assert!(correlation(dose, View::Baseline) > correlation(dose, View::Dense) + 0.001);
        assert!(correlation(dose, View::Dense) > correlation(dose, View::Sparse) + 0.02);
    }
    for view in View::ALL {
        assert!(correlation(100_000, view) > correlation(300, view));
    }
    assert!(
        correlation(100_000, View::Baseline) > 0.98,
        "{}",
        correlation(100_000, View::Baseline)
    );
    let dense = Condition { dose: 300, split: Split::Train, view: View::Dense };
    assert_eq!(
        study.result(&dense.into()).unwrap().unwrap().view.unwrap().selection_strategy,
        Strategy::Greedy
    );
}
