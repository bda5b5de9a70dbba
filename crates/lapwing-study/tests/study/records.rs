//! What is recorded of jobs that fail, are skipped, or are run in several goes.

use crate::{TINY, prepare_study, run_study, tiny};
use lapwing_files::Archive;
use lapwing_study::event::{Event, unobserved};
use lapwing_study::jobs::{self, AtOnce, JobOptions};
use lapwing_study::layout::{MANIFEST, SKIP_SUMMARY};
use lapwing_study::plan::MissingViews;
use lapwing_study::record::{Filters, JobResult, Outcome};
use lapwing_study::run::StudyOptions;
use lapwing_study::{Condition, Design, Split, StudyError, StudyFolder, View, run};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

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
    let error = jobs::run(&plan, &options, &mut unobserved).unwrap_err().to_string();
    assert!(error.contains("sparse_train.npz"), "{error}");

    // A broken file fails its own job only.
    std::fs::write(plan.roots.input(Condition { view: View::Dense, ..sparse }, 1), "no archive")
        .unwrap();
    let options = JobOptions { missing_views: MissingViews::Skip(BTreeMap::new()), ..options };
    let mut failures = 0;
    let report = jobs::run(&plan, &options, &mut |event| {
        failures += usize::from(matches!(event, Event::JobFailed { .. }));
        ControlFlow::Continue(())
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
    prepare_study(&design, root);
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
        runs.push(jobs::run(&plan, &options, &mut unobserved).unwrap());
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
    assert_eq!(
        (merged.jobs.len(), merged.execution_results.len(), merged.run_ids.len()),
        (12, 12, 3)
    );
    // A dry run of one job.
    let filters = Filters {
        dose: Some(1000),
        view: Some(View::Dense),
        split: Some(Split::Train),
        ..Filters::default()
    };
    let options = JobOptions { filters, dry_run: true, ..JobOptions::default() };
    let dry = jobs::run(&plan, &options, &mut unobserved).unwrap();
    assert_eq!(
        (dry.manifest.jobs.len(), dry.skips.skipped_count, dry.manifest.execution_results.len()),
        (1, 11, 0)
    );
}

#[test]
fn a_held_study_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let _held = lapwing_study::lock::Lock::acquire(folder.path()).unwrap();
    let error = run::study(&tiny(""), folder.path(), &mut unobserved).unwrap_err().to_string();
    assert!(error.contains("in use by process"), "{error}");
    assert!(!folder.path().join("study.toml").exists());
}

#[test]
fn the_same_bits_and_records_however_many_jobs_at_a_time() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("");
    let mut seen = Vec::new();
    for at_once in [AtOnce::Jobs(1), AtOnce::Jobs(3)] {
        let root = folder.path().join(format!("{at_once:?}"));
        let options = StudyOptions { at_once, ..StudyOptions::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let mut epochs = BTreeMap::new();
        let mut observe = |event: Event<'_>| {
            if let Event::Epoch { case: Some(case), epoch } = event {
                epochs.entry(case.clone()).or_insert_with(Vec::new).push(epoch);
            }
            ControlFlow::Continue(())
        };
        let report =
            pool.install(|| run::study_with(&design, &root, options, &mut observe)).unwrap();
        let study = StudyFolder::new(&root);
        let cases: Vec<_> =
            report.manifest.execution_results.iter().map(|e| e.case.clone()).collect();
        assert_eq!((&cases, report.failed()), (&design.cases(), 0));
        let results: Vec<_> = cases
            .iter()
            .map(|case| {
                let log =
                    report.manifest.execution_results.iter().find(|e| &e.case == case).unwrap();
                // Its own lines and no other job's.
                let log = std::fs::read_to_string(&log.log_path).unwrap();
                assert_eq!(log.matches(" epoch ").count(), 4, "{log}");
                let archive =
                    Archive::open(study.job_dir(case).join("reconstruction.npz")).unwrap();
                let fields = ["reconstructed_object", "reconstructed_probe"]
                    .map(|name| archive.read(name).unwrap());
                (fields, study.result(case).unwrap().unwrap().comparison)
            })
            .collect();
        seen.push((epochs, results));
    }
    assert_eq!(seen[0].0.len(), 12);
    assert!(seen[0] == seen[1]);
}

#[test]
fn jobs_of_a_study_wait_for_its_data_and_know_what_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let refused = |root: &Path| {
        run::study_jobs(root, JobOptions::default(), &mut unobserved).unwrap_err().to_string()
    };
    assert!(refused(root).contains("no study"), "{}", refused(root));
    let design = Design::parse(&TINY.replace("[120, 90]", "[60, 40]"), Path::new(".")).unwrap();
    let prepare = StudyOptions { prepare_only: true, ..StudyOptions::default() };
    let report = run::study_with(&design, root, prepare, &mut unobserved).unwrap();
    assert_eq!((report.manifest.jobs.len(), report.manifest.execution_results.len()), (8, 0));
    let shard = |text: &str| JobOptions {
        filters: Filters { shard: Some(text.parse().unwrap()), ..Filters::default() },
        ..JobOptions::default()
    };
    let runs = ["1/3", "2/3", "3/3"]
        .map(|text| run::study_jobs(root, shard(text), &mut unobserved).unwrap());
    let executed = runs.iter().map(|run| run.manifest.execution_results.len()).sum::<usize>();
    assert_eq!(
        (executed, runs.iter().map(lapwing_study::jobs::JobsReport::failed).sum::<usize>()),
        (8, 0)
    );
    let skipped = &runs[0].skips.skipped_jobs;
    assert!(
        skipped.iter().any(|skip| skip.reason.contains("only 1/3 was asked for")),
        "{skipped:?}"
    );
    let merged = StudyFolder::new(root).manifest().unwrap().unwrap();
    assert_eq!((merged.execution_results.len(), merged.missing_jobs.len()), (8, 4));
    assert!(merged.missing_jobs[0].reason.contains("25.6 px"));
    // More shares than jobs: some are empty, and that is no error.
    assert_eq!(
        run::study_jobs(root, shard("20/20"), &mut unobserved).unwrap().manifest.jobs.len(),
        0
    );

    // A data set of an earlier design is not this one's.
    std::fs::remove_file(root.join("made.json")).unwrap();
    assert!(refused(root).contains("has not been made for this design yet"), "{}", refused(root));
}

#[test]
fn a_study_that_is_left_goes_on_from_the_epoch_where_it_was() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let design = tiny("");
    let options = StudyOptions { at_once: AtOnce::Jobs(2), ..StudyOptions::default() };
    let mut epochs = 0;
    let mut stop = |event: Event<'_>| {
        epochs += usize::from(matches!(event, Event::Epoch { .. }));
        if epochs == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let run = pool.install(|| run::study_with(&design, folder.path(), options, &mut stop));
    assert!(matches!(run, Err(StudyError::Stopped)), "{run:?}");
    let study = StudyFolder::new(folder.path());
    let kept = |case: &lapwing_study::Case| study.job_dir(case).join("checkpoint.npz").is_file();
    assert!(design.cases().iter().any(kept));
    // A stop is no failure: nothing is recorded of the jobs that it ended.
    assert!(design.cases().iter().all(|case| study.result(case).unwrap().is_none()));
    let left = study.manifest().unwrap().unwrap();
    assert!(left.execution_results.len() < 2 && left.jobs.len() == 12);
    let (report, _) = run_study(&design, folder.path());
    assert_eq!(report.failed(), 0);
    let resumed = report.manifest.execution_results.iter().filter(|result| {
        std::fs::read_to_string(&result.log_path).unwrap().contains("resumed after epoch")
    });
    assert!(resumed.count() > 0);
    assert!(!design.cases().iter().any(kept));
    let whole = folder.path().join("whole");
    run_study(&design, &whole);
    for case in design.cases() {
        let object = |study: &StudyFolder| {
            Archive::open(study.job_dir(&case).join("reconstruction.npz"))
                .unwrap()
                .read("reconstructed_object")
                .unwrap()
        };
        assert_eq!(object(&study), object(&StudyFolder::new(&whole)), "{case}");
    }
}

#[test]
fn what_another_process_did_meanwhile_is_not_repeated_though_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("study");
    let failing = "[[solver]]\nepochs = 4\n[[solver]]\nname = \"failing\"\nalgorithm = \"external\"\n\
                   command = [\"sh\", \"-c\", \"echo tried >> {folder}/tried; exit 3\"]\n";
    let text = TINY
        .replace("[1e3, 1e4]", "[1e4]\nviews = [\"baseline\"]\nsplits = [\"train\"]")
        .replace("[solver]\nepochs = 4\n", failing);
    let design = Design::parse(&text, folder.path()).unwrap();
    let prepare = StudyOptions { prepare_only: true, ..StudyOptions::default() };
    run::study_with(&design, &root, prepare, &mut unobserved).unwrap();
    let mut other = None;
    // Between the first one's beginning and its first job, the second does everything.
    let mut observe = |event: Event<'_>| {
        if matches!(event, Event::JobsPlanned { .. }) {
            other = Some(run::study_jobs(&root, JobOptions::default(), &mut unobserved).unwrap());
        }
        ControlFlow::Continue(())
    };
    let report = run::study_jobs(&root, JobOptions::default(), &mut observe).unwrap();
    let tried = || std::fs::read_to_string(folder.path().join("tried")).unwrap().lines().count();
    assert_eq!((report.failed(), other.unwrap().failed(), tried()), (1, 1, 1));
    assert!(report.manifest.execution_results[0].resumed);
    assert!(
        report.manifest.execution_results[1].error.as_ref().unwrap().contains("exit status: 3")
    );
    // The next one tries again.
    run::study_jobs(&root, JobOptions::default(), &mut unobserved).unwrap();
    assert_eq!(tried(), 2);
}

/// `fixtures/earlier_result.json` was written when a comparison was a JSON value without a type.
#[test]
fn a_result_of_an_earlier_version_is_read_and_keeps_its_keys() {
    let stored = include_str!("../fixtures/earlier_result.json");
    let result: JobResult = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_string_pretty(&result).unwrap() + "\n", stored);
    let comparison = result.comparison.unwrap();
    assert_eq!(comparison.metric("phase_frc_0_5"), Some(0.2372715924756855));
    assert_eq!((comparison.metric("phase_ms_ssim"), comparison.halves), (None, None));

    // The first version had metrics and alignment alone.
    let mut first: serde_json::Value = serde_json::from_str(stored).unwrap();
    let comparison = first["comparison"].as_object_mut().unwrap();
    comparison.retain(|key, _| ["metrics", "alignment"].contains(&key.as_str()));
    let result: JobResult = serde_json::from_value(first).unwrap();
    let comparison = result.comparison.unwrap();
    assert_eq!(comparison.reference, "truth");
    let derived = comparison.derived();
    let px = derived.iter().find(|number| number.name == "phase_resolution_0_5_px").unwrap();
    assert_eq!(px.value, Some(2.1072897719571624));
}
