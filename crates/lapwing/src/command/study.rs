//! `lapwing study`: a whole study, end to end.

mod found;

use super::jobs::exit_code;
use super::submit::{self, Submit};
use crate::output::{Output, counted, other_than_input};
use crate::solver::ComputePlace;
use crate::stop::stoppable;
use crate::value;
use crate::watch::Watch;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use found::{Said, bounds};
use lapwing_files::atomic;
use lapwing_study::design::{Goal, TEMPLATE};
use lapwing_study::jobs::{AtOnce, JobsReport};
use lapwing_study::lock::Lock;
use lapwing_study::run::{self, StudyOptions};
use lapwing_study::stream::{Streaming, bytes};
use lapwing_study::{Case, Design, StudyFolder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Run a whole dose x overlap study, from simulation to report
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing study init my.toml\n  lapwing study run my.toml --output my-study\n  lapwing study status my-study"
)]
pub struct Study {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a commented design file with all the defaults
    #[command(after_help = "Example:\n  lapwing study init my.toml")]
    Init {
        /// The file to write
        #[arg(value_name = "STUDY.toml", default_value = "study.toml")]
        file: PathBuf,
        /// Replace the file when it exists
        #[arg(long)]
        force: bool,
    },
    /// Simulate, split, make views, reconstruct, compare and report; resumes by itself
    ///
    /// Whatever is finished already, from the same design, is not repeated. The exit code is 1 when
    /// a job failed.
    #[command(after_help = "Example: minutes on two cores, then open quick/report/index.html\n  \
        lapwing study run examples/quick.toml --output quick")]
    Run {
        /// The design
        #[arg(value_name = "STUDY.toml")]
        design: PathBuf,
        /// The study's folder
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
        /// Reconstructions at a time, which share the threads: a number, or auto (one for each
        /// thread, as far as the memory suffices)
        #[arg(long, value_name = "N", default_value = "auto")]
        jobs: AtOnce,
        #[command(flatten)]
        place: ComputePlace,
        #[command(flatten)]
        memory: WorkMemory,
        /// Replace results in the folder that were made for another design, as far as the change
        /// touches them, and data sets and views that the study has not made
        #[arg(long)]
        replace: bool,
        /// Write the report again and again while the study runs: its page, once opened, shows it
        /// growing
        #[arg(long)]
        watch: bool,
    },
    /// Make the data sets and views of a study, and leave its reconstructions to `lapwing jobs
    /// --study`
    ///
    /// For batch systems: several processes, on one or several machines, then reconstruct side by
    /// side.
    #[command(
        after_help = "Example:\n  lapwing study prepare my.toml --output my-study\n  lapwing jobs --study my-study"
    )]
    Prepare {
        /// The design
        #[arg(value_name = "STUDY.toml")]
        design: PathBuf,
        /// The study's folder
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
        /// Replace results in the folder that were made for another design, as far as the change
        /// touches them, and data sets and views that the study has not made
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        memory: WorkMemory,
    },
    /// Find for every view the least dose that reaches a goal, by bisection between the lowest and
    /// the highest dose of the design
    ///
    /// The study in the folder grows by the doses that are looked at, with the design's first
    /// solver; what is done there already is used.
    #[command(
        after_help = "Example:\n  lapwing study search my.toml --output found --goal phase_ssim=0.9\n  \
        lapwing study search my.toml --output found --goal resolution=30nm --pixel-size-m 1e-8"
    )]
    Search {
        /// The design; its lowest and highest dose are those of the search
        #[arg(value_name = "STUDY.toml")]
        design: PathBuf,
        /// The study's folder
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
        /// What must be reached, such as phase_ssim=0.9 or resolution=30nm [default: the design's
        /// section [goal]]
        #[arg(long, value_name = "METRIC=VALUE", value_parser = goal)]
        goal: Option<Goal>,
        /// Factor between two doses at which the search ends [default: 1.25, or the design's]
        #[arg(long, value_name = "F", value_parser = value::positive)]
        precision: Option<f64>,
        /// Side of an object pixel, for lengths in nanometres of data that do not tell it; kept
        /// with the goal in the study
        #[arg(long, value_name = "M", value_parser = value::positive)]
        pixel_size_m: Option<f64>,
        /// Reconstructions at a time: a number, or auto
        #[arg(long, value_name = "N", default_value = "auto")]
        jobs: AtOnce,
        #[command(flatten)]
        memory: WorkMemory,
    },
    /// Hand a study to a batch system: its data are made, its reconstructions done side by side,
    /// and its report written
    ///
    /// Scripts, logs and the numbers of the jobs are kept in the folder's `cluster`. What is
    /// stopped, by a time limit or otherwise, goes on from its last state; submit again to do what
    /// is left.
    #[command(
        after_help = "Example:\n  lapwing study submit my.toml --output my-study --time 02:00:00 --cpus 4 --memory 8G\n  \
        lapwing study status my-study\n  lapwing study cancel my-study"
    )]
    Submit(Submit),
    /// End what a batch system has in hand of a study
    #[command(after_help = "Example:\n  lapwing study cancel my-study")]
    Cancel {
        /// The study's folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Say what is done, running, failed and why, skipped, and still to do
    #[command(after_help = "Example:\n  lapwing study status quick")]
    Status {
        /// The study's folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// The option `--memory` of what works on a whole study.
#[derive(Debug, Clone, Copy, Args)]
struct WorkMemory {
    /// Memory to work in, as 2GB, which reconstructions at a time share; what would not fit is kept
    /// in nameless scratch files in the study's folder [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
}

impl WorkMemory {
    fn streaming(self) -> Streaming {
        self.memory.map_or(Streaming::Auto, Streaming::Within)
    }
}

impl Study {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        match &self.action {
            Action::Init { file, force } => init(file, *force, output),
            Action::Run { design, output: folder, jobs, place, memory, replace, watch } => {
                let options = StudyOptions {
                    at_once: *jobs,
                    device: place.device,
                    stream: memory.streaming(),
                    prepare_only: false,
                    replace: *replace,
                };
                study(design, folder, (options, *watch), output)
            }
            Action::Prepare { design, output: folder, replace, memory } => {
                let options = StudyOptions {
                    prepare_only: true,
                    replace: *replace,
                    stream: memory.streaming(),
                    ..StudyOptions::default()
                };
                prepare(design, folder, options, output)
            }
            Action::Search {
                design,
                output: folder,
                goal,
                precision,
                pixel_size_m,
                jobs,
                memory,
            } => {
                let wanted = (goal.clone(), *precision, *pixel_size_m);
                search(design, folder, wanted, (*jobs, memory.streaming()), output)
            }
            Action::Status { folder } => status(folder, output),
            Action::Submit(submit) => submit.run(output),
            Action::Cancel { folder } => submit::cancel(folder, output),
        }
    }
}

fn goal(text: &str) -> Result<Goal, String> {
    Goal::parse(text).map_err(|error| error.to_string())
}

fn search(
    file: &Path,
    folder: &Path,
    (goal, precision, pixel_size): (Option<Goal>, Option<f64>, Option<f64>),
    how: (AtOnce, Streaming),
    output: Output,
) -> anyhow::Result<ExitCode> {
    let design = Design::load(file).with_context(|| file.display().to_string())?;
    let goal = goal.or_else(|| design.goal.clone()).with_context(|| {
        format!("{}: expected a section [goal], or --goal such as phase_ssim=0.9", file.display())
    })?;
    let goal = match precision {
        Some(precision) => goal.with_precision(precision)?,
        None => goal,
    };
    let goal = Goal { pixel_size_m: pixel_size.or(goal.pixel_size_m), ..goal };
    keep_design(file, folder, &design)?;
    lapwing_study::make_folder(folder)?;
    let found = stoppable(&mut Watch::new(output), |observe| {
        run::search::search(&design, &goal, folder, how, observe)
    })?;
    let mut looked = found.iter().flat_map(|found| &found.tried);
    if looked.all(|tried| tried.value.is_none() && tried.why.is_none()) {
        let why = goal.catalogued().map(|metric| format!(", for {}", metric.absent));
        bail!(
            "{}: no result at any dose that was looked at has it{}; the records of the jobs are in {}",
            goal.metric,
            why.unwrap_or_default(),
            folder.display()
        );
    }
    // The study has the goal now.
    let paths = lapwing_report::write(folder)?;
    let lower = design.study.line_with_lower().map(|line| {
        format!("; for the least one write {line} in {} and search again", file.display())
    });
    let quanta = StudyFolder::new(folder).quantum()?.many();
    let said = Said { design: &design, quanta, lower, bounds: bounds(folder, &goal) };
    let mut words: String = found.iter().map(|of| said.of(of)).collect();
    let doses = found.iter().map(|found| found.tried.len()).sum();
    let _ = write!(
        words,
        "{} {} {}: {} looked at; report: {}",
        goal.metric,
        if goal.at_least.is_some() { "at least" } else { "at most" },
        (goal.value() * 1e6).round() / 1e6,
        counted(doses, "condition"),
        paths.html.display()
    );
    let record = json!({
        "folder": folder, "goal": goal, "views": found, "report": { "html": paths.html },
    });
    output.result(&record, words)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses a design that lies where the study keeps its own, settled in every point, unless it is
/// that one: the user's remarks and paths would be gone.
fn keep_design(file: &Path, folder: &Path, design: &Design) -> anyhow::Result<()> {
    let kept = StudyFolder::new(folder).design_file();
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if text == design.to_toml()? {
        return Ok(());
    }
    other_than_input(&kept, "the study's own design", file)
        .context("choose another folder with --output, or another name for the design")
}

fn init(file: &Path, force: bool, output: Output) -> anyhow::Result<ExitCode> {
    if file.exists() && !force {
        bail!("{} exists already; choose another name, or replace it with --force", file.display());
    }
    atomic::write_bytes(file, TEMPLATE)
        .with_context(|| format!("cannot write {}", file.display()))?;
    output.result(&json!({ "file": file }), format_args!("wrote {}", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn prepare(
    file: &Path,
    folder: &Path,
    options: StudyOptions,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let report = run_design(file, folder, (options, false), output)?;
    let record = json!({
        "folder": folder,
        "run_id": report.run_id,
        "jobs": report.manifest.jobs,
        "missing_jobs": report.manifest.missing_jobs,
    });
    let words = format!(
        "{} to run, {} skipped; run them with `lapwing jobs --study {}`",
        counted(report.manifest.jobs.len(), "job"),
        report.skips.skipped_count,
        folder.display()
    );
    output.result(&record, words)?;
    Ok(ExitCode::SUCCESS)
}

fn run_design(
    file: &Path,
    folder: &Path,
    (options, watch): (StudyOptions, bool),
    output: Output,
) -> anyhow::Result<JobsReport> {
    let design = Design::load(file).with_context(|| file.display().to_string())?;
    keep_design(file, folder, &design)?;
    lapwing_study::make_folder(folder)?;
    let mut watching = match watch {
        true => Watch::with_report(output, folder),
        false => Watch::new(output),
    };
    if watch {
        let page = StudyFolder::new(folder).report_dir().join("index.html");
        output.note(format_args!("open {}: it grows while the study runs", page.display()));
    }
    let done =
        stoppable(&mut watching, |observe| run::study_with(&design, folder, options, observe));
    if done.is_err() && watch {
        // The page of a study that does not run any more need not look for another; whether it can
        // be written is second to what went wrong.
        let _ = lapwing_report::write(folder);
    }
    done
}

fn study(
    file: &Path,
    folder: &Path,
    options: (StudyOptions, bool),
    output: Output,
) -> anyhow::Result<ExitCode> {
    let report = run_design(file, folder, options, output)?;
    let paths = lapwing_report::write(folder)?;
    let results = &report.manifest.execution_results;
    let record = json!({
        "folder": folder,
        "run_id": report.run_id,
        "jobs": report.manifest.jobs.len(),
        "done": results.len() - report.failed(),
        "failed": report.failed(),
        "resumed": results.iter().filter(|result| result.resumed).count(),
        "skipped": report.skips.skipped_count,
        "report": { "html": paths.html, "csv": paths.csv, "json": paths.json },
    });
    let mut words = String::new();
    for result in results {
        if let Some(reason) = &result.not_compared {
            // Writing to a string does not fail.
            let _ = writeln!(words, "{}: done, without a comparison: {reason}", result.case);
        }
    }
    let _ = write!(
        words,
        "{}, {} done, {} failed, {} skipped\nreport: {}",
        counted(report.manifest.jobs.len(), "job"),
        results.len() - report.failed(),
        report.failed(),
        report.skips.skipped_count,
        paths.html.display()
    );
    output.result(&record, words)?;
    exit_code(&report)
}

fn status(folder: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let study = StudyFolder::new(folder);
    let cluster = submit::told(folder);
    let Some(design) = study.design()? else {
        if let Some((words, record)) = &cluster {
            output.result(&json!({ "folder": folder, "cluster": record }), words)?;
            return Ok(ExitCode::SUCCESS);
        }
        bail!(
            "{} holds no study: expected {}; run one with `lapwing study run`",
            folder.display(),
            study.design_file().display()
        );
    };
    let mut counts = BTreeMap::from([
        ("done", 0),
        ("failed", 0),
        ("skipped", 0),
        ("pending", 0),
        ("running", 0),
    ]);
    let mut jobs = Vec::new();
    let mut words = String::new();
    let mut running: BTreeMap<Case, String> = study.running()?.into_iter().collect();
    let holder = Lock::holder(folder);
    for (case, outcome) in study.outcomes()?.unwrap_or_default() {
        let (state, detail) = match running.remove(&case) {
            Some(line) => ("running", line),
            None => {
                let stopped = study.stopped_after(&case).filter(|_| outcome.name() == "pending");
                let stopped = stopped.map(|n| format!("stopped after {}", counted(n, "epoch")));
                let reason = stopped.or_else(|| outcome.reason().map(ToOwned::to_owned));
                (outcome.name(), reason.unwrap_or_default())
            }
        };
        *counts.entry(state).or_insert(0) += 1;
        // The first of several solvers is named, too.
        let solver = design.solver(&case).filter(|_| design.solvers.len() > 1);
        let named = Case { solver: solver.map(|solver| solver.name.clone()), ..case };
        let detail_told = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        // Writing to a string does not fail.
        let _ = writeln!(words, "{state:<8} {named}{detail_told}");
        jobs.push(job(&named, state, &detail));
    }
    let summary: Vec<String> = counts.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let _ = write!(words, "{}: {}", design.study.name, summary.join(", "));
    if let Some(holder) = &holder {
        let _ = write!(words, "\nat work: {holder}");
    }
    let mut record = json!({ "folder": folder, "name": design.study.name, "total": jobs.len(), "jobs": jobs, "held_by": holder });
    for (state, n) in counts {
        record[state] = json!(n);
    }
    if let Some((told, cluster)) = cluster {
        let _ = write!(words, "\n{told}");
        record["cluster"] = cluster;
    }
    output.result(&record, words)?;
    Ok(ExitCode::SUCCESS)
}

fn job(case: &Case, state: &str, detail: &str) -> Value {
    let mut job = json!(case);
    job["status"] = json!(state);
    if !detail.is_empty() {
        job["reason"] = json!(detail);
    }
    job
}
