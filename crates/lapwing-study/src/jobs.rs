//! The reconstruction jobs of a plan: one after another, each on all threads, each with its log; a failed job stops no other.

use crate::condition::{Case, Split, View};
use crate::event::{Event, Leave, Observer};
use crate::folder::RESULT;
use crate::lock::Lock;
use crate::plan::{Agenda, MissingViews, Plan, absolute};
use crate::reconstruct::{CompareWith, Task};
use crate::record::{Execution, Filters, JobRecord, JobResult, Manifest, SkipSummary};
use crate::runs::RunRecord;
use crate::{Result, StudyError, hash};
use lapwing_files::{Archive, ReadOptions};
use lapwing_model::Position;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Instant;

/// What to run of a plan, and how.
#[derive(Debug, Clone, Default)]
pub struct JobOptions {
    /// Which jobs.
    pub filters: Filters,
    /// Whether a missing view is an error.
    pub missing_views: MissingViews,
    /// Write the records of what would run, but run nothing.
    pub dry_run: bool,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobsReport {
    /// Name of the run: its folder under `runs`.
    pub run_id: String,
    /// This run's own manifest.
    pub manifest: Manifest,
    /// This run's own skip summary.
    pub skips: SkipSummary,
    /// Records of earlier runs that cannot be read and were left out of the merged ones.
    pub warnings: Vec<String>,
}

impl JobsReport {
    /// Number of jobs that failed.
    pub fn failed(&self) -> usize {
        self.manifest.execution_results.iter().filter(|result| result.returncode != 0).count()
    }
}

/// Runs the jobs of `plan` that `options` ask for, in order, and keeps the records of the artifact root.
///
/// A job whose result is there already - made from the same input, by content, with the same options - is not repeated.
///
/// # Errors
/// When nothing can run: filters that leave no job, a missing input, an artifact root that another process holds (or the
/// study around it) or that cannot be written to. What goes wrong inside a job is in the records.
pub fn run(plan: &Plan, options: &JobOptions, observe: Observer<'_>) -> Result<JobsReport> {
    let agenda = plan.agenda(&options.filters, &options.missing_views)?;
    plan.require_work(&options.filters, &agenda)?;
    let _locks = Lock::acquire_within(&plan.roots.artifacts)?;
    run_agenda(plan, &agenda, options, observe)
}

/// [`run`] for a caller that holds the study already.
pub(crate) fn run_in_study(plan: &Plan, options: &JobOptions, observe: Observer<'_>) -> Result<JobsReport> {
    let agenda = plan.agenda(&options.filters, &options.missing_views)?;
    let _lock = Lock::acquire(&plan.roots.artifacts)?;
    run_agenda(plan, &agenda, options, observe)
}

fn run_agenda(
    plan: &Plan,
    agenda: &Agenda,
    options: &JobOptions,
    observe: Observer<'_>,
) -> Result<JobsReport> {
    let mut record = RunRecord::begin(plan, options.filters.clone(), agenda)?;
    observe(Event::JobsPlanned {
        jobs: agenda.jobs.len(),
        skipped: record.skips().skipped_count,
        epochs: agenda.jobs.iter().fold(0, |sum: usize, job| sum.saturating_add(job.num_epochs)),
    });
    if !options.dry_run {
        let mut areas = Areas { plan, known: HashMap::new() };
        for (index, job) in agenda.jobs.iter().enumerate() {
            let execution = run_job(job, index, &mut areas, &record, observe);
            record.add(execution?)?;
        }
    }
    Ok(JobsReport {
        run_id: record.id().to_owned(),
        manifest: record.manifest().clone(),
        skips: record.skips().clone(),
        warnings: record.warnings().to_vec(),
    })
}

/// Runs one job. Only a log that cannot be written is an error here; the job's own is in the record.
fn run_job(
    job: &JobRecord,
    index: usize,
    areas: &mut Areas<'_>,
    record: &RunRecord,
    observe: Observer<'_>,
) -> Result<Execution> {
    let started = Instant::now();
    let log_path = record.log_path(&job.case);
    let mut log_file = File::create(&log_path).map_err(StudyError::io("cannot create", &log_path))?;
    let mut broken = None;
    let mut log = |line: &str| {
        let time = started.elapsed().as_secs_f64();
        if let Err(error) = writeln!(log_file, "{time:9.3} {line}") {
            broken.get_or_insert(error);
        }
    };
    log(&job.case.to_string());
    // Nothing in a job should panic; if something does, the other jobs must go on all the same.
    let guarded = AssertUnwindSafe(|| attempt(job, index, areas, &mut log, observe));
    let outcome = catch_unwind(guarded).unwrap_or_else(|panic| {
        if panic.is::<Leave>() {
            resume_unwind(panic);
        }
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(StudyError::Invalid(format!("internal error, please report it: {text}")))
    });
    let error = outcome.as_ref().err().map(ToString::to_string);
    log(&error.as_deref().map_or_else(|| "done".to_owned(), |error| format!("failed: {error}")));
    if let Some(error) = broken {
        return Err(StudyError::io("cannot write", &log_path)(error));
    }
    let telemetry = outcome.as_ref().ok().and_then(|(result, _)| result.view);
    match (&outcome, &error) {
        (Ok((result, resumed)), _) => observe(Event::JobDone { index, result, resumed: *resumed }),
        (Err(_), error) => {
            observe(Event::JobFailed { case: &job.case, index, error: error.as_deref().unwrap_or_default() });
        }
    }
    Ok(Execution {
        case: job.case.clone(),
        returncode: i32::from(error.is_some()),
        log_path: absolute(&log_path),
        telemetry: telemetry.or_else(|| told_by(job)),
        error,
        seconds: Some(started.elapsed().as_secs_f64()),
        resumed: outcome.is_ok_and(|(_, resumed)| resumed),
        run_id: None,
    })
}

/// Finds the result that is there already, or makes it.
fn attempt(
    job: &JobRecord,
    index: usize,
    areas: &mut Areas<'_>,
    log: &mut dyn FnMut(&str),
    observe: Observer<'_>,
) -> Result<(JobResult, bool)> {
    let ready = prepare(job, areas);
    if !matches!(&ready, Ok(Ready { existing: Some(_), .. })) {
        // Whatever comes now, an old result is not what this job made of its input.
        remove_if_there(&job.output_dir.join(RESULT))?;
    }
    let Ready { task, input_hash, patterns, existing } = ready?;
    observe(Event::JobStarted { case: &job.case, index, patterns });
    if let Some(result) = existing {
        log("the result is there already, from the same input and options");
        return Ok((result, true));
    }
    Ok((task.run_on(&input_hash, log, observe)?, false))
}

/// A job whose input can be read.
struct Ready {
    task: Task,
    input_hash: String,
    patterns: usize,
    existing: Option<JobResult>,
}

fn prepare(job: &JobRecord, areas: &mut Areas<'_>) -> Result<Ready> {
    let task = Task {
        input: job.input_npz.clone(),
        reading: ReadOptions::default(),
        output: job.output_dir.clone(),
        solver: areas.plan.solver(&job.case)?.clone(),
        case: Some(job.case.clone()),
        comparison: CompareWith::TruthOver(areas.of(&job.case)?),
    };
    let patterns = positions(&job.input_npz)?.len();
    let input_hash = hash::file(&job.input_npz)?;
    let existing = task.existing(&input_hash);
    Ok(Ready { task, input_hash, patterns, existing })
}

/// Removes a file; it is no error when there is none.
pub(crate) fn remove_if_there(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StudyError::io("cannot remove", file)(error))
        }
        _ => Ok(()),
    }
}

/// The selection of a view whose reconstruction failed, when the view itself can be read.
fn told_by(job: &JobRecord) -> Option<crate::record::Telemetry> {
    if job.case.condition.view == View::Baseline {
        return None;
    }
    let metadata = lapwing_files::metadata::read(&Archive::open(&job.input_npz).ok()?).ok()?;
    crate::views::telemetry(metadata.as_ref()).ok()
}

/// The positions of each split as a whole: all views of a split are compared over the same area.
struct Areas<'a> {
    plan: &'a Plan,
    known: HashMap<(u64, Split), Vec<Position>>,
}

impl Areas<'_> {
    /// Those of the split's own file, the same in all repeats; of the view where that file does not exist.
    fn of(&mut self, case: &Case) -> Result<Vec<Position>> {
        let condition = case.condition;
        let key = (condition.dose, condition.split);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let split = self.plan.roots.split(condition, case.repeat);
        if !split.is_file() {
            return positions(&self.plan.roots.input(condition, case.repeat));
        }
        let scan = positions(&split)?;
        self.known.insert(key, scan.clone());
        Ok(scan)
    }
}

/// The window centres in a data set's file, without reading its patterns.
pub(crate) fn positions(path: &Path) -> Result<Vec<Position>> {
    let archive = Archive::open(path)?;
    let read = |name: &str| -> Result<Vec<f64>> {
        let array = archive.read(name)?;
        array
            .to_f64()
            .map_err(|error| StudyError::Invalid(format!("{}: array {name}: {error}", path.display())))
    };
    let (y, x) = (read("ycoords")?, read("xcoords")?);
    if y.len() != x.len() {
        let text = format!("{}: {} xcoords but {} ycoords", path.display(), x.len(), y.len());
        return Err(StudyError::Invalid(text));
    }
    Ok(y.into_iter().zip(x).map(|(y, x)| Position { y, x }).collect())
}
