//! Several solvers and repeats in one study, and other programs as solvers.

use crate::{TINY, read, run_study};
use lapwing_solve::SOLVERS;
use lapwing_solve::solver::Entry;
use lapwing_study::event::unobserved;
use lapwing_study::jobs::{self, JobOptions};
use lapwing_study::layout::{LOG, RESULT};
use lapwing_study::record::{Filters, JobResult, Outcome, Strategy};
use lapwing_study::run::StudyOptions;
use lapwing_study::{Case, Design, StudyFolder, run};
use std::path::Path;

#[test]
fn solvers_and_repeats_have_their_own_folders_records_and_noise() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let text = TINY.replace(
        "[1e3, 1e4]",
        "[1e3]\nviews = [\"baseline\", \"dense\"]\nsplits = [\"train\"]\nrepeats = 2",
    );
    let text = text.replace(
        "[solver]\nepochs = 4",
        "[[solver]]\nepochs = 4\n[[solver]]\nalgorithm = \"ML\"\nepochs = 3",
    );
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, root);
    assert_eq!(
        (report.manifest.jobs.len(), report.manifest.total_jobs, report.failed()),
        (8, 8, 0)
    );
    let names: Vec<String> = report.manifest.jobs.iter().map(|job| job.case.to_string()).collect();
    let one = ["", " ML", " repeat 2", " ML repeat 2"]
        .map(|rest| format!("dose 1000 baseline train{rest}"));
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
        assert_eq!(
            (result.algorithm.as_str(), result.loss.unwrap().epochs),
            (solver, epochs),
            "{dir}"
        );
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
    // The difference of two independent Poisson counts of mean m has the variance 2 m; of equal
    // ones it would be 0.
    assert!((variance / mean - 1.0).abs() < 0.05, "{variance} {mean}");

    // A job of one solver alone, and nothing is done twice.
    let plan = run::plan(&design, &study);
    let filters = Filters { solver: Some("ML".to_owned()), repeat: Some(2), ..Filters::default() };
    let options = JobOptions { filters, ..JobOptions::default() };
    let again = jobs::run(&plan, &options, &mut unobserved).unwrap();
    assert_eq!((again.manifest.jobs.len(), again.skips.skipped_count), (2, 6));
    assert!(again.manifest.execution_results.iter().all(|e| e.resumed));
    let merged = study.manifest().unwrap().unwrap();
    assert_eq!((merged.jobs.len(), merged.execution_results.len()), (8, 8));
    let outcomes = study.outcomes().unwrap().unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Finished(_))));
    assert_eq!(
        outcomes.iter().map(|(case, _)| case.clone()).collect::<Vec<Case>>(),
        design.cases()
    );
}

#[test]
fn every_solver_of_the_table_does_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[1e3, 1e4]", "[1e4]\nviews = [\"baseline\"]\nsplits = [\"train\"]");
    let each = |entry: &Entry| format!("[[solver]]\nalgorithm = \"{}\"\nepochs = 12", entry.name);
    let solvers: Vec<String> = SOLVERS.iter().map(each).collect();
    let text = text.replace("[solver]\nepochs = 4", &solvers.join("\n"));
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, folder.path());
    assert_eq!((report.manifest.jobs.len(), report.failed()), (SOLVERS.len(), 0));
    let study = StudyFolder::new(folder.path());
    for case in study.cases().unwrap() {
        let result = study.result(&case).unwrap().unwrap();
        assert_eq!(result.algorithm, result.solver);
        let correlation = result.comparison.unwrap().metric("complex_correlation").unwrap();
        assert!(correlation > 0.5, "{}: {correlation}", result.solver);
    }
}

#[test]
fn another_program_is_a_solver_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[1e3, 1e4]", "[1e4]\nviews = [\"baseline\"]\nsplits = [\"train\"]");
    let own = Design::parse(&text, Path::new(".")).unwrap();
    run_study(&own, &folder.path().join("own"));
    let made =
        folder.path().join("own/reconstructions/dose_10000/baseline/train/reconstruction.npz");
    std::fs::copy(&made, folder.path().join("made.npz")).unwrap();
    // A stub in place of a solver: it finds its files and leaves a reconstruction made before.
    let stub = "test -s \"$1\" && test -s \"$2\" && echo reading \"$1\" && cp \"$4\" \"$3/reconstruction.npz\"";
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
    let design = with(
        r#"["sh", "{folder}/stub.sh", "{input}", "{start}", "{output}", "{folder}/made.npz"]"#,
    );
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
    let results: Vec<_> =
        design.cases().iter().map(|case| study.result(case).unwrap().unwrap()).collect();
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
        let options = StudyOptions { replace: true, ..StudyOptions::default() };
        let report = run::study_with(&with(command), &root, options, &mut unobserved).unwrap();
        assert_eq!(report.failed(), 1, "{command}");
        let error = report.manifest.execution_results[1].error.clone().unwrap();
        assert!(error.contains(told), "{command}: {error}");
    }
    let refused = Design::parse(&solvers("[]"), folder.path()).unwrap_err().to_string();
    assert!(refused.contains("solver.command"), "{refused}");
}

#[test]
fn the_halves_of_the_photons_are_given_to_another_program_too() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace(
        "[1e3, 1e4]",
        "[1e4]\nhalves = true\nviews = [\"baseline\"]\nsplits = [\"train\"]",
    );
    let own = Design::parse(&text, Path::new(".")).unwrap();
    run_study(&own, &folder.path().join("own"));
    let made =
        folder.path().join("own/reconstructions/dose_10000/baseline/train/reconstruction.npz");
    std::fs::copy(&made, folder.path().join("made.npz")).unwrap();
    // The stub keeps what it is given.
    let stub = "n=$(ls \"$3\" | grep -c given); cp \"$1\" \"$3/given_$n.npz\"; cp \"$3/made.npz\" \"$2/reconstruction.npz\"";
    std::fs::write(folder.path().join("stub.sh"), stub).unwrap();
    let solver = "[[solver]]\nname = \"stub\"\nalgorithm = \"external\"\n\
                  command = [\"sh\", \"{folder}/stub.sh\", \"{input}\", \"{output}\", \"{folder}\"]\n";
    let design =
        Design::parse(&text.replace("[solver]\nepochs = 4\n", solver), folder.path()).unwrap();
    let root = folder.path().join("other");
    let (report, _) = run_study(&design, &root);
    assert_eq!(report.failed(), 0, "{:?}", report.manifest.execution_results);
    let given: Vec<_> =
        (0..3).map(|n| read(folder.path().join(format!("given_{n}.npz")))).collect();
    let counts: Vec<_> = given.iter().map(|data| data.counts().unwrap()).collect();
    // Every photon is in one half.
    assert_eq!(&counts[1] + &counts[2], counts[0]);
    let share = counts[1].sum() / counts[0].sum();
    assert!((share - 0.5).abs() < 0.01, "{share}");
    for half in &given[1..] {
        assert_eq!(half.metadata.as_ref().unwrap()["physics_parameters"]["nphotons"], 5000.0);
        assert_eq!((&half.scan, &half.object), (&given[0].scan, &given[0].object));
    }
    // The stub has the same answer to both.
    let result = StudyFolder::new(&root).result(&design.cases()[0]).unwrap().unwrap();
    let metric = result.comparison.unwrap().metric("halves_complex_correlation").unwrap();
    assert!((metric - 1.0).abs() < 1e-4, "{metric}");
    let own =
        StudyFolder::new(folder.path().join("own")).result(&design.cases()[0]).unwrap().unwrap();
    let metric = own.comparison.unwrap().metric("halves_complex_correlation").unwrap();
    assert!(metric > 0.1 && metric < 0.9999, "{metric}");
}

#[test]
fn the_first_image_of_every_condition_has_error_maps_which_make_no_result_another() {
    let folder = tempfile::tempdir().unwrap();
    let design = |error_maps: &str| {
        let text = format!(
            "[study]\ndoses = [1e3]\nviews = [\"baseline\"]\nsplits = [\"train\"]\nrepeats = 2\n\
             pattern_size = 32\n{error_maps}[probe]\ndiameter = 18\n[scan]\nstep = 7\n\
             field = [60, 60]\n[[solver]]\nepochs = 2\n[[solver]]\nalgorithm = \"ML\"\nepochs = 2\n\
             error_maps = 3\n"
        );
        Design::parse(&text, folder.path()).unwrap()
    };
    let results = |name: &str| {
        let study = StudyFolder::new(folder.path().join(name));
        study.cases().unwrap().iter().map(|case| study.result(case).unwrap().unwrap()).collect()
    };
    run_study(&design("error_maps = false\n"), &folder.path().join("without"));
    run_study(&design(""), &folder.path().join("with"));
    let without: Vec<JobResult> = results("without");
    let with: Vec<JobResult> = results("with");
    let replicates = |of: &[JobResult]| {
        let of = of.iter().map(|of| (of.repeat, of.algorithm.clone(), of.error_maps));
        let mut all: Vec<(usize, String, usize)> = of
            .map(|(repeat, solver, maps)| (repeat, solver, maps.map_or(0, |maps| maps.replicates)))
            .collect();
        all.sort();
        all.into_iter().map(|(.., replicates)| replicates).collect::<Vec<_>>()
    };
    // Of LSQML and ML, first and second realisation: what a solver asks for is of all.
    assert_eq!(replicates(&without), [0, 3, 0, 3]);
    assert_eq!(replicates(&with), [2, 3, 0, 3]);
    // The images are the same, and so is what they are known by: nothing is made anew.
    for (one, other) in without.iter().zip(&with) {
        assert_eq!((&one.key, &one.loss), (&other.key, &other.loss));
    }
    let (again, _) = run_study(&design(""), &folder.path().join("without"));
    assert!(again.manifest.execution_results.iter().all(|result| result.resumed));
    assert_eq!(results("without"), without);
}

/// What a design's solver cannot do with its data is told in keys, by the job and its records.
#[test]
fn refused_jobs_are_told_keys_of_the_design() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[1e3, 1e4]", "[1e3]\nviews = [\"baseline\"]\nsplits = [\"train\"]");
    let solvers = "[[solver]]\nalgorithm = \"DM\"\nepochs = 1\nrefine_scan = \"positions\"\n\
                   [[solver]]\nepochs = 1\nprobe_variation = \"slow\"\n";
    let text = text.replace("[solver]\nepochs = 4\n", solvers);
    let design = Design::parse(&text, Path::new(".")).unwrap();
    let (report, _) = run_study(&design, folder.path());
    let study = StudyFolder::new(folder.path());
    for (case, advice) in design.cases().iter().zip([
        "say [solver] algorithm = \"LSQML\" or \"ML\"; to have DM at positions that ML has refined, \
         let that run first and start from its folder ([solver] object_start = \"FOLDER\")",
        "say [solver] probe_eigenmodes = 1, or [solver] vary_power = true",
    ]) {
        let results = &report.manifest.execution_results;
        let told = results.iter().find(|result| result.case == *case).unwrap().error.clone();
        let told = told.unwrap();
        assert!(told.ends_with(advice), "{told}");
        let text = std::fs::read(study.job_dir(case).join(RESULT)).unwrap();
        let record: JobResult = serde_json::from_slice(&text).unwrap();
        assert_eq!(record.error, Some(told));
    }
}

/// What a job has to say of data and fit is told in keys, too, in its log and its record.
#[test]
fn notes_and_remarks_of_jobs_are_told_keys_of_the_design() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[1e3, 1e4]", "[1e3]\nviews = [\"baseline\"]\nsplits = [\"train\"]");
    let solver = "[solver]\nepochs = 2\nsaturation = 1e6\n";
    let design =
        Design::parse(&text.replace("[solver]\nepochs = 4\n", solver), Path::new(".")).unwrap();
    run_study(&design, folder.path());
    let study = StudyFolder::new(folder.path());
    let case = design.cases()[0].clone();
    let result = study.result(&case).unwrap().unwrap();
    let said = "no pixel reaches [solver] saturation = 1000000, ";
    let remark = result.remarks.iter().find(|remark| remark.evidence.starts_with(said));
    assert!(remark.is_some(), "{:?}", result.remarks);
    let log = std::fs::read_to_string(study.job_dir(&case).join(LOG)).unwrap();
    assert!(log.contains(&format!("remark: {said}")), "{log}");
    assert!(!log.contains("--"), "{log}");
}
