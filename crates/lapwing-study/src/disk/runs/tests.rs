//! One study folder and several runs in it.

use super::*;
use crate::design::condition::{Split, View};
use crate::design::solver::{SolverConfig, StudySolver};
use crate::disk::folder::StudyFolder;
use crate::disk::record::{Strategy, Telemetry};
use crate::run::jobs::plan::{MissingViews, Plan, plan_of_folders};
use serde_json::Value;
use std::collections::BTreeMap;

fn study(views: &[View]) -> (tempfile::TempDir, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let study = StudyFolder::new(folder.path());
    let roots = Roots {
        data: study.data_root(),
        views: study.views_root(),
        artifacts: study.artifact_root(),
    };
    for condition in Condition::all(&[1000, 10_000, 100_000], views, &Split::ALL) {
        let file = roots.input(condition, 1);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    (folder, plan_of_folders(roots, StudySolver::new(SolverConfig::default())).unwrap())
}

fn done(case: &Case, run: &RunRecord) -> Execution {
    Execution {
        case: case.clone(),
        returncode: 0,
        log_path: run.log_path(case),
        telemetry: None,
        error: None,
        not_compared: None,
        trusted_name: None,
        seconds: Some(1.0),
        resumed: false,
        kept: Vec::new(),
        run_id: None,
    }
}

fn begin(plan: &Plan, filters: Filters, agenda: &Agenda) -> Result<RunRecord> {
    RunRecord::begin(&plan.roots, plan.cases.len(), &filters, false, agenda)
}

/// A run in which every job succeeds at once.
fn pretend(plan: &Plan, filters: Filters) -> RunRecord {
    let agenda = plan.agenda(&filters, &MissingViews::Skip(BTreeMap::new())).unwrap();
    let mut run = begin(plan, filters.clone(), &agenda).unwrap();
    for job in &agenda.jobs {
        let telemetry = (job.case.condition.view != View::Baseline).then_some(Telemetry {
            selection_strategy: Strategy::Greedy,
            acceptance_rate: 0.25,
            spacing_threshold: 38.4,
            n_accepted: 25,
            n_rejected: 75,
        });
        run.add(Execution { telemetry, ..done(&job.case, &run) }).unwrap();
    }
    run
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_manifest_has_the_names_of_the_reference_study() {
    let (folder, plan) = study(&View::ALL);
    let run = pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
    let root = StudyFolder::new(folder.path()).artifact_root();
    let manifest = json(&root.join(MANIFEST));
    for name in [
        "timestamp",
        "phase_c_root",
        "phase_d_root",
        "artifact_root",
        "filters",
        "total_jobs",
        "filtered_jobs",
        "jobs",
        "missing_jobs",
        "execution_results",
    ] {
        assert!(manifest.get(name).is_some(), "{name}");
    }
    assert_eq!(
        (manifest["total_jobs"].as_u64(), manifest["filtered_jobs"].as_u64()),
        (Some(18), Some(6))
    );
    let filters = serde_json::json!({"dose": 1000, "view": null, "split": null, "gridsize": null});
    assert_eq!(json(&run.dir.join(MANIFEST))["filters"], filters);
    assert_eq!(manifest["filters"], filters);
    assert!(run.id().ends_with("Z_dose_1000"), "{}", run.id());
    let mut names = keys(&manifest["jobs"][0]);
    names.sort_unstable();
    assert_eq!(
        names,
        ["algorithm", "dose", "input_npz", "num_epochs", "output_dir", "split", "view"]
    );
    let selection =
        ["selection_strategy", "acceptance_rate", "spacing_threshold", "n_accepted", "n_rejected"];
    for result in manifest["execution_results"].as_array().unwrap() {
        for name in ["dose", "view", "split", "returncode", "log_path"] {
            assert!(result.get(name).is_some(), "{name}");
        }
        for name in selection {
            assert_eq!(
                result.get(name).is_some(),
                result["view"] != "baseline",
                "{name} in {result}"
            );
        }
    }
    assert_eq!(manifest["execution_results"][1]["selection_strategy"], "greedy");
    let skips = json(&root.join(SKIP_SUMMARY));
    assert_eq!(
        (skips["skipped_count"].as_u64(), skips["missing_phase_d_count"].as_u64()),
        (Some(12), Some(0))
    );
    assert_eq!(keys(&skips["skipped_jobs"][0]).len(), 4);
    // And both read back to the same.
    let read = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), manifest);
}

#[test]
fn three_runs_with_one_artifact_root_keep_all_records() {
    let (folder, plan) = study(&View::ALL);
    let sparse = pretend(&plan, Filters { view: Some(View::Sparse), ..Filters::default() });
    let kept: Vec<(PathBuf, Vec<u8>)> = [MANIFEST, SKIP_SUMMARY]
        .iter()
        .map(|name| (sparse.dir.join(name), std::fs::read(sparse.dir.join(name)).unwrap()))
        .collect();
    let train = pretend(&plan, Filters { split: Some(Split::Train), ..Filters::default() });
    let test = pretend(&plan, Filters { split: Some(Split::Test), ..Filters::default() });
    for (path, bytes) in kept {
        assert_eq!(std::fs::read(path).unwrap(), bytes);
    }
    let study = StudyFolder::new(folder.path());
    let merged = study.manifest().unwrap().unwrap();
    assert_eq!(merged.run_ids, [sparse.id(), train.id(), test.id()]);
    // The latest run's filters, and in every run's name what it was restricted to.
    assert_eq!((merged.filters.split, merged.filters.view), (Some(Split::Test), None));
    assert!(sparse.id().ends_with("Z_sparse") && train.id().ends_with("Z_train"));
    assert_eq!(
        (merged.total_jobs, merged.jobs.len(), merged.execution_results.len()),
        (18, 18, 18)
    );
    assert_eq!(merged.jobs.iter().map(|j| j.case.clone()).collect::<Vec<_>>(), plan.cases);
    assert_eq!(study.skip_summary().unwrap().unwrap().skipped_count, 0);
    // The result of the latest run of each condition.
    let run_of = |i: usize| merged.execution_results[i].run_id.as_deref();
    assert_eq!((run_of(2), run_of(5)), (Some(train.id()), Some(test.id())));
    assert_eq!(sparse.skips().skipped_count, 12);
}

#[test]
fn missing_views_are_counted_once_and_forgotten_when_they_appear() {
    let (folder, plan) = study(&[View::Baseline, View::Dense]);
    let run = pretend(&plan, Filters::default());
    assert_eq!((run.manifest().missing_jobs.len(), run.skips().missing_phase_d_count), (6, 6));
    assert_eq!((run.manifest().jobs.len(), run.skips().skipped_count), (12, 6));
    let study = StudyFolder::new(folder.path());
    let missing = Condition { dose: 1000, view: View::Sparse, split: Split::Train };
    assert!(
        matches!(study.outcome(&missing.into()).unwrap(), crate::disk::record::Outcome::Skipped { reason } if reason.contains("exist"))
    );

    let file = plan.roots.input(missing, 1);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, "").unwrap();
    pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
    let (manifest, skips) =
        (study.manifest().unwrap().unwrap(), study.skip_summary().unwrap().unwrap());
    assert_eq!((manifest.jobs.len(), manifest.missing_jobs.len()), (13, 5));
    assert_eq!((skips.skipped_count, skips.missing_phase_d_count), (5, 5));
    assert!(skips.skipped_jobs.iter().all(|skipped| skipped.reason.contains("does not exist")));
}

#[test]
fn a_job_runs_while_its_log_is_there_its_result_is_not_and_a_process_holds_it() {
    let (_folder, plan) = study(&View::ALL);
    let filters = Filters { dose: Some(1000), split: Some(Split::Train), ..Filters::default() };
    let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
    let mut run = begin(&plan, filters, &agenda).unwrap();
    let case = |index: usize| agenda.jobs[index].case.clone();
    for index in [0, 1] {
        std::fs::write(run.log_path(&case(index)), "start\n  0.5 epoch 3 of 9\n").unwrap();
    }
    run.add(done(&case(0), &run)).unwrap();
    let root = &plan.roots.artifacts;
    assert_eq!(running(root).unwrap(), []);
    let _done = Lock::try_file(&job_lock(root, &case(0))).unwrap();
    let _held = Lock::try_file(&job_lock(root, &case(1))).unwrap();
    assert_eq!(running(root).unwrap(), [(case(1), "epoch 3 of 9, after 0.5 s".to_owned())]);
}

#[test]
fn a_dry_run_loses_no_result() {
    let (folder, plan) = study(&View::ALL);
    pretend(&plan, Filters::default());
    let filters = Filters { dose: Some(1000), ..Filters::default() };
    let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
    let dry = begin(&plan, filters.clone(), &agenda).unwrap();
    assert_eq!((dry.manifest().jobs.len(), dry.manifest().execution_results.len()), (6, 0));
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert_eq!(
        (merged.jobs.len(), merged.execution_results.len(), merged.run_ids.len()),
        (18, 18, 2)
    );
}

#[test]
fn a_dry_run_replaces_no_job_that_was_run() {
    let (folder, mut plan) = study(&View::ALL);
    pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
    plan.solvers[0].set_epochs(7);
    let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
    begin(&plan, Filters::default(), &agenda).unwrap();
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    let epochs: Vec<usize> = merged.jobs.iter().map(|job| job.num_epochs).collect();
    assert_eq!((&epochs[..6], &epochs[6..]), (&[100; 6][..], &[7; 12][..]));
}

#[test]
fn a_view_that_has_gone_takes_its_job_along() {
    let (folder, plan) = study(&View::ALL);
    pretend(&plan, Filters::default());
    let gone = Condition { dose: 1000, view: View::Sparse, split: Split::Train };
    std::fs::remove_file(plan.roots.input(gone, 1)).unwrap();
    pretend(&plan, Filters::default());
    // A later run that was not asked for it knows nothing of it.
    pretend(&plan, Filters { dose: Some(10_000), ..Filters::default() });
    let study = StudyFolder::new(folder.path());
    let (manifest, skips) =
        (study.manifest().unwrap().unwrap(), study.skip_summary().unwrap().unwrap());
    assert_eq!(
        (manifest.jobs.len(), manifest.execution_results.len(), manifest.total_jobs),
        (17, 17, 18)
    );
    assert_eq!(
        manifest.missing_jobs.iter().map(|skip| skip.case.condition).collect::<Vec<_>>(),
        [gone]
    );
    assert_eq!((skips.skipped_count, skips.missing_phase_d_count), (1, 1));
    assert!(skips.skipped_jobs[0].reason.contains("does not exist"), "{:?}", skips.skipped_jobs);
}

#[test]
fn damaged_records_of_earlier_runs_are_left_out_and_told() {
    let (folder, plan) = study(&View::ALL);
    let first = pretend(&plan, Filters { dose: Some(1000), ..Filters::default() });
    let second = pretend(&plan, Filters { dose: Some(10_000), ..Filters::default() });
    std::fs::write(first.dir.join(MANIFEST), "").unwrap();
    let third = pretend(&plan, Filters { dose: Some(100_000), ..Filters::default() });
    assert!(
        third.warnings().len() == 1 && third.warnings()[0].contains(first.id()),
        "{:?}",
        third.warnings()
    );
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert_eq!(
        (merged.jobs.len(), merged.run_ids),
        (12, vec![second.id().to_owned(), third.id().to_owned()])
    );
}

#[test]
fn logs_of_all_solvers_and_repeats_have_names_of_their_own() {
    let condition = Condition { dose: 1000, view: View::Dense, split: Split::Train };
    let other = Case { condition, repeat: 2, solver: Some("ML".to_owned()) };
    assert_eq!(log_name(&condition.into()), "dose_1000_dense_train.log");
    assert_eq!(log_name(&other), "dose_1000_dense_train_ML_repeat_2.log");
    assert_ne!(job_lock(Path::new("out"), &condition.into()), job_lock(Path::new("out"), &other));
}

#[test]
fn results_stand_in_the_order_of_the_jobs_whichever_came_first() {
    let (folder, plan) = study(&View::ALL);
    let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
    let mut run = begin(&plan, Filters::default(), &agenda).unwrap();
    for index in [5, 0, 17, 3, 4] {
        run.add(done(&agenda.jobs[index].case, &run)).unwrap();
    }
    let cases = |manifest: &Manifest| -> Vec<Case> {
        manifest.execution_results.iter().map(|result| result.case.clone()).collect()
    };
    let expected: Vec<Case> = [0, 3, 4, 5, 17].map(|index| plan.cases[index].clone()).to_vec();
    assert_eq!(cases(run.manifest()), expected);
    assert_eq!(cases(&StudyFolder::new(folder.path()).manifest().unwrap().unwrap()), expected);
}

#[test]
fn runs_beside_each_other_all_stand_in_the_merged_record() {
    let (folder, plan) = study(&View::ALL);
    let of = |dose| Filters { dose: Some(dose), ..Filters::default() };
    let begun = |filters: Filters| {
        let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
        begin(&plan, filters, &agenda).unwrap()
    };
    let mut runs = [begun(of(1000)), begun(of(10_000)), begun(of(100_000))];
    // In turns, as three processes would.
    for index in 0..6 {
        for run in &mut runs {
            let case = run.manifest().jobs[index].case.clone();
            run.add(done(&case, run)).unwrap();
        }
    }
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert_eq!(
        (merged.jobs.len(), merged.execution_results.len(), merged.run_ids.len()),
        (18, 18, 3)
    );
}

#[test]
fn who_finds_a_result_leaves_the_log_and_time_of_who_made_it() {
    let (folder, plan) = study(&View::ALL);
    let filters = Filters { dose: Some(1000), split: Some(Split::Train), ..Filters::default() };
    let made = pretend(&plan, filters.clone());
    let agenda = plan.agenda(&filters, &MissingViews::Refuse).unwrap();
    let mut again = begin(&plan, filters, &agenda).unwrap();
    for job in &agenda.jobs {
        let found = Execution { resumed: true, seconds: Some(0.01), ..done(&job.case, &again) };
        again.add(found).unwrap();
    }
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    for result in &merged.execution_results {
        assert_eq!((result.run_id.as_deref(), result.seconds), (Some(made.id()), Some(1.0)));
        assert_eq!(result.log_path, made.log_path(&result.case));
    }
    // A result in another folder is another result.
    let case = agenda.jobs[0].case.clone();
    let other = agenda.jobs[0].output_dir.with_file_name("train_2");
    again.moved(&case, &other);
    again.manifest.execution_results.clear();
    again.add(done(&case, &again)).unwrap();
    let merged = StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert_eq!(merged.jobs[0].output_dir, absolute(&other));
    assert_eq!(merged.execution_results[0].run_id.as_deref(), Some(again.id()));
}

#[test]
fn a_dry_run_says_that_it_was_one() {
    let (folder, plan) = study(&View::ALL);
    let agenda = plan.agenda(&Filters::default(), &MissingViews::Refuse).unwrap();
    let dry = RunRecord::begin(&plan.roots, plan.cases.len(), &Filters::default(), true, &agenda);
    let dry = dry.unwrap();
    assert_eq!(json(&dry.dir.join(MANIFEST))["dry_run"], true);
    let merged = || StudyFolder::new(folder.path()).manifest().unwrap().unwrap();
    assert!(merged().dry_run);
    let killed = begin(&plan, Filters::default(), &agenda).unwrap();
    assert!(!merged().dry_run);
    assert_eq!(json(&killed.dir.join(MANIFEST)).get("dry_run"), None);
}

#[test]
fn a_line_of_a_log_ends_with_its_time() {
    assert_eq!(
        reached("    1.065 epoch   10 of 214: loss 6e-2"),
        "epoch   10 of 214: loss 6e-2, after 1.1 s"
    );
    assert_eq!(reached("no time at all"), "no time at all");
    assert_eq!(reached(""), "");
}
