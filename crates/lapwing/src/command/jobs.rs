//! `lapwing jobs`: the reconstructions of a study.

use crate::input::Reading;
use crate::output::{Output, counted};
use crate::solver::{Checkpoints, SolverOptions};
use crate::stop::stoppable;
use crate::value;
use crate::watch::Watch;
use anyhow::bail;
use clap::Args;
use clap::error::ErrorKind;
use lapwing_study::jobs::{AtOnce, JobOptions, JobsReport, run};
use lapwing_study::layout::Roots;
use lapwing_study::plan::{MissingViews, plan_of_folders};
use lapwing_study::record::{Filters, Shard};
use lapwing_study::run::study_jobs;
use lapwing_study::solver::{StudySolver, Unsaid};
use lapwing_study::{Case, Split, View};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the reconstruction jobs of a study
///
/// One job for each dose, split and view, in that order. Results that are there already, from the
/// same input and options, are kept. A failed job stops no other; the exit code is 1 when one
/// failed. The manifest and the skip summary at the artifact root hold all runs; each run's own
/// records are kept beside them.
#[derive(Debug, Args)]
#[command(after_help = "Example: what would run at one dose\n  \
    lapwing jobs --data-root study/data --views-root study/views --output results \\\n    \
    --dose 1000 --dry-run\n\n\
    Example: a task of a batch system\n  lapwing jobs --study my-study --shard 2/8")]
pub struct Jobs {
    /// A study made by `lapwing study prepare` or `run`, with its own folders, solvers and repeats
    #[arg(long, value_name = "DIR", conflicts_with_all = ["phase_c_root", "phase_d_root", "artifact_root", "allow_missing_phase_d"])]
    study: Option<PathBuf>,
    /// Folder of the split data sets
    #[arg(
        long = "data-root",
        alias = "phase-c-root",
        value_name = "DIR",
        required_unless_present = "study"
    )]
    phase_c_root: Option<PathBuf>,
    /// Folder of the views; not needed with --view baseline
    #[arg(
        long = "views-root",
        alias = "phase-d-root",
        value_name = "DIR",
        required_unless_present_any = ["study", "view"]
    )]
    phase_d_root: Option<PathBuf>,
    /// Folder for the results
    #[arg(
        long = "output",
        alias = "artifact-root",
        value_name = "DIR",
        required_unless_present = "study"
    )]
    artifact_root: Option<PathBuf>,
    /// Only this dose, photons per pattern
    #[arg(long, value_name = "D", value_parser = value::whole_dose)]
    dose: Option<u64>,
    /// Only this view: baseline, dense, sparse, or of a step, step_12.5
    #[arg(long, value_name = "VIEW")]
    view: Option<View>,
    /// Only this split: train or test
    #[arg(long, value_name = "SPLIT")]
    split: Option<Split>,
    /// Only this grid size, 1 or 2 (iterative solvers do not group images: each job serves both)
    #[arg(long, value_name = "1|2", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=2))]
    gridsize: Option<usize>,
    /// Only this noise realisation, from 1
    #[arg(long, value_name = "N", value_parser = value::count)]
    repeat: Option<usize>,
    /// Only the solver of this name in the study
    #[arg(long, value_name = "NAME", requires = "study")]
    solver: Option<String>,
    /// Only every N-th of the jobs that are left, beginning with the I-th: for tasks of a batch
    /// system
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Jobs at a time, which share the threads: a number, or auto (one for each thread, as far as
    /// the memory suffices)
    #[arg(long, value_name = "N", default_value = "auto")]
    jobs: AtOnce,
    /// Write the records of what would run, but run nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip the jobs of views that do not exist, in place of an error
    #[arg(long)]
    allow_missing_phase_d: bool,
    /// Take a view for what its place says though its metadata say that it is another view, of
    /// another dose or of the other split; otherwise its job fails
    #[arg(long)]
    trust_names: bool,
    #[command(flatten)]
    solving: SolverOptions,
    #[command(flatten)]
    checkpoints: Checkpoints,
    #[command(flatten)]
    reading: Reading,
}

impl Jobs {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let options = self.options();
        let mut watch = Watch::new(output);
        let report = match (&self.study, self.roots()) {
            (Some(study), _) => {
                let reading = self.reading.given().first().map(|(option, _)| {
                    format!(
                        "--{} cannot be used with --study, whose data sets Lapwing made\n",
                        option.flag()
                    )
                });
                let solving = self.solving.first_given().map(|flag| {
                    format!(
                        "--{flag} cannot be used with --study, whose design says how it is \
                         reconstructed\n"
                    )
                });
                if let Some(text) = reading.or(solving) {
                    bail!(clap::Error::raw(ErrorKind::ArgumentConflict, text));
                }
                stoppable(&mut watch, |observe| study_jobs(study, options, observe))?
            }
            (None, Some(roots)) => {
                let from = self.reading.options().experiment.probe.from;
                let config = self.solving.config(Unsaid::study().with_probe_from(from))?;
                let plan = plan_of_folders(roots, StudySolver::new(config))?;
                stoppable(&mut watch, |observe| run(&plan, &options, observe))?
            }
            (None, None) => {
                let text = "expected --study, or --data-root, --views-root and --artifact-root\n";
                bail!(clap::Error::raw(ErrorKind::MissingRequiredArgument, text))
            }
        };
        let would_fail: Vec<Value> =
            report.would_fail.iter().map(|(case, reason)| reasoned(case, reason)).collect();
        let mut record = json!({ "run_id": report.run_id, "manifest": report.manifest, "skip_summary": report.skips });
        if self.dry_run {
            record["would_fail"] = json!(would_fail);
        }
        for warning in &report.warnings {
            output.note(warning);
        }
        output.result(&record, self.words(&report))?;
        exit_code(&report)
    }

    fn roots(&self) -> Option<Roots> {
        // A baseline view is all of a split's own file.
        let baseline = self.view == Some(View::Baseline);
        let views = self.phase_d_root.as_ref().or(self.phase_c_root.as_ref().filter(|_| baseline));
        Some(Roots {
            data: self.phase_c_root.clone()?,
            views: views?.clone(),
            artifacts: self.artifact_root.clone()?,
        })
    }

    fn options(&self) -> JobOptions {
        JobOptions {
            filters: Filters {
                dose: self.dose,
                view: self.view,
                split: self.split,
                gridsize: self.gridsize,
                repeat: self.repeat,
                solver: self.solver.clone(),
                shard: self.shard,
            },
            checkpoint: self.checkpoints.checkpoint_every,
            device: self.checkpoints.place.device,
            missing_views: match self.allow_missing_phase_d {
                true => MissingViews::Skip(BTreeMap::new()),
                false => MissingViews::Refuse,
            },
            dry_run: self.dry_run,
            at_once: self.jobs,
            stream: self.reading.streaming(),
            reading: self.reading.options(),
            trust_names: self.trust_names,
        }
    }

    fn words(&self, report: &JobsReport) -> String {
        let mut words = String::new();
        // Writing to a string does not fail.
        if self.dry_run {
            for job in &report.manifest.jobs {
                let _ = writeln!(words, "{}: {}", job.case, job.input_npz.display());
            }
        }
        for skipped in &report.manifest.missing_jobs {
            let _ = writeln!(words, "skipped {}: {}", skipped.case, skipped.reason);
        }
        for (case, reason) in &report.would_fail {
            let _ = writeln!(words, "would fail {case}: {reason}");
        }
        for result in &report.manifest.execution_results {
            if let Some(reason) = &result.not_compared {
                let _ = writeln!(words, "{}: done, without a comparison: {reason}", result.case);
            }
        }
        for result in &report.manifest.execution_results {
            if let Some(told) = &result.trusted_name {
                let how = match self.trust_names {
                    true => "its name was trusted",
                    false => "its metadata are not those of its place",
                };
                let _ = writeln!(words, "{}: {how}: {told}", result.case);
            }
        }
        let done = report.manifest.execution_results.len() - report.failed();
        let outcome = match (self.dry_run, report.would_fail.len()) {
            (true, 0) => "none was run".to_owned(),
            (true, failing) => format!("none was run, {failing} would fail"),
            (false, _) => format!("{done} done, {} failed", report.failed()),
        };
        let _ = write!(
            words,
            "{}, {outcome}, {} skipped; records in {}, of this run in runs/{}",
            counted(report.manifest.jobs.len(), "job"),
            report.skips.skipped_count,
            report.manifest.artifact_root.display(),
            report.run_id
        );
        words
    }
}

/// A case with a reason.
fn reasoned(case: &Case, reason: &str) -> Value {
    let mut told = json!(case);
    told["reason"] = json!(reason);
    told
}

/// Success, or an error that counts the failures.
pub fn exit_code(report: &JobsReport) -> anyhow::Result<ExitCode> {
    let failed: Vec<String> = report
        .manifest
        .execution_results
        .iter()
        .filter(|result| result.returncode != 0)
        .map(|result| {
            format!("\n  {}: {}", result.case, result.error.as_deref().unwrap_or("no reason given"))
        })
        .collect();
    match failed.len() {
        0 => Ok(ExitCode::SUCCESS),
        n => Err(anyhow::anyhow!(
            "{n} of {} failed:{}",
            counted(report.manifest.jobs.len(), "job"),
            failed.concat()
        )),
    }
}
