//! The reconstruction jobs of a plan: one or several at a time, each with its log; a failed job
//! stops no other.
//!
//! Several processes may work on one artifact root. Each job is done by one of them at a time; a
//! process that finds all remaining jobs taken by others waits until they are done, and takes over
//! those of a process that died.

mod crew;
mod log;
pub mod plan;
mod positions;

use crate::design::condition::{Case, Condition, View};
use crate::design::solver::DeviceChoice;
use crate::disk::checkpoint::Every;
use crate::disk::foreign;
use crate::disk::hash;
use crate::disk::layout::{MANIFEST, RESULT, RUNS, SKIP_SUMMARY};
use crate::disk::lock::Lock;
use crate::disk::path::absolute;
use crate::disk::record::{
    Agenda, Execution, Filters, JobRecord, JobResult, Manifest, SkipSummary, Telemetry,
};
use crate::disk::runs::{RunRecord, job_lock};
use crate::run::dataset::stream::Streaming;
use crate::run::dataset::views;
use crate::run::event::{Event, Level, Observer, tell};
pub use crate::run::jobs::crew::AtOnce;
use crate::run::jobs::crew::Crew;
use crate::run::jobs::log::JobLog;
use crate::run::jobs::plan::{MissingViews, Plan};
pub use crate::run::jobs::positions::positions_alone;
use crate::run::jobs::positions::{Areas, positions};
use crate::run::reconstruct::{CompareWith, Request, kept};
use crate::{Result, StudyError};
use jiff::Timestamp;
use lapwing_files::ReadOptions;
use lapwing_files::dialect::check_count;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What to run of a plan, and how.
#[derive(Debug, Clone, Default)]
pub struct JobOptions {
    /// Which jobs.
    pub filters: Filters,
    /// How often the state of the running job is stored.
    pub checkpoint: Every,
    /// Where to compute; where each solver says unless given.
    pub device: Option<DeviceChoice>,
    /// Whether a missing view is an error.
    pub missing_views: MissingViews,
    /// Write the records of what would run, but run nothing.
    pub dry_run: bool,
    /// How many jobs run at the same time.
    pub at_once: AtOnce,
    /// Memory to work in, of all jobs at a time together.
    pub stream: Streaming,
    /// What is known about how the data sets store things.
    pub reading: ReadOptions,
    /// Whether a view whose metadata say that it is another one is taken for what its place says,
    /// with a line in the log; otherwise its job fails.
    pub trust_names: bool,
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
    /// Of a dry run, the jobs that would fail because of their view's metadata, and why.
    pub would_fail: Vec<(Case, String)>,
}

impl JobsReport {
    /// Number of jobs that failed.
    pub fn failed(&self) -> usize {
        self.manifest.execution_results.iter().filter(|result| result.returncode != 0).count()
    }
}

/// Runs the jobs of `plan` that `options` ask for, in order, and keeps the records of the artifact
/// root.
///
/// A job whose result is there already - made from the same input, by content, with the same
/// options - is not repeated.
///
/// # Errors
/// When nothing can run: filters that leave no job, a missing input, an artifact root that another
/// process holds alone (or the study around it) or that cannot be written to. What goes wrong
/// inside a job is in the records.
pub fn run(plan: &Plan, options: &JobOptions, observe: Observer<'_>) -> Result<JobsReport> {
    let agenda = plan.agenda(&options.filters, &options.missing_views)?;
    plan.require_work(&options.filters)?;
    refuse_others(&plan.roots.artifacts, &agenda)?;
    let _locks = Lock::share_within(&plan.roots.artifacts)?;
    run_agenda(plan, &agenda, options, observe)
}

/// [`run`] for a caller that holds the study already.
pub(crate) fn run_in_study(
    plan: &Plan,
    options: &JobOptions,
    observe: Observer<'_>,
) -> Result<JobsReport> {
    let agenda = plan.agenda(&options.filters, &options.missing_views)?;
    refuse_others(&plan.roots.artifacts, &agenda)?;
    let _lock = Lock::acquire(&plan.roots.artifacts)?;
    run_agenda(plan, &agenda, options, observe)
}

/// Refuses an artifact root whose records are those of others.
pub(crate) fn refuse_records(root: &Path) -> Result<()> {
    match root.join(RUNS).is_dir() {
        true => Ok(()),
        false => foreign::refuse_all([MANIFEST, SKIP_SUMMARY].map(|name| root.join(name))),
    }
}

/// Refuses jobs that would replace what others have laid under `root`: its records, and results in
/// the folder of a job that was never run.
fn refuse_others(root: &Path, agenda: &Agenda) -> Result<()> {
    refuse_records(root)?;
    let of_job = |JobRecord { case, output_dir, .. }: &JobRecord| {
        let new = !job_lock(root, case).is_file() && !foreign::has_record(output_dir);
        if new { kept::places(output_dir).collect() } else { kept::unlisted(output_dir) }
    };
    foreign::refuse_all(agenda.jobs.iter().flat_map(of_job))
}

fn run_agenda(
    plan: &Plan,
    agenda: &Agenda,
    options: &JobOptions,
    observe: Observer<'_>,
) -> Result<JobsReport> {
    let mut record =
        RunRecord::begin(&plan.roots, plan.cases.len(), &options.filters, options.dry_run, agenda)?;
    if !plan.keep_others {
        // The study's design says what there is.
        record.keep_to(&plan.cases)?;
    }
    let planned = Event::JobsPlanned { jobs: &agenda.jobs, skipped: record.skips().skipped_count };
    tell(&mut *observe, planned)?;
    let mut run = JobRun {
        jobs: &agenda.jobs,
        root: &plan.roots.artifacts,
        options,
        stream: options.stream,
        begun: record.manifest().timestamp,
        left: Mutex::new((0..agenda.jobs.len()).collect()),
        areas: Mutex::new(Areas::new(plan, &options.reading)),
        record: Mutex::new(record),
    };
    if !options.dry_run {
        let threads = rayon::current_num_threads();
        let at_once = options.at_once.number(&agenda.jobs, threads, options.stream);
        run.stream = options.stream.shared_by(at_once);
        Crew::new(observe).run(at_once, |crew| {
            while let Some((index, _lock)) = run.next(crew)? {
                run.job(index, crew)?;
            }
            Ok(())
        })?;
    }
    let would_fail = match options.dry_run {
        true => run.would_fail(),
        false => Vec::new(),
    };
    let record = run.record.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(JobsReport {
        run_id: record.id().to_owned(),
        manifest: record.manifest().clone(),
        skips: record.skips().clone(),
        warnings: record.warnings(),
        would_fail,
    })
}

/// How often a job that another process has taken is looked at again.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the workers of a run share.
struct JobRun<'a> {
    jobs: &'a [JobRecord],
    /// The artifact root.
    root: &'a Path,
    options: &'a JobOptions,
    /// Memory of each.
    stream: Streaming,
    begun: Timestamp,
    /// Indices of the jobs that no worker has taken.
    left: Mutex<Vec<usize>>,
    areas: Mutex<Areas<'a>>,
    record: Mutex<RunRecord>,
}

/// A worker that left in the middle of something left it whole.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JobRun<'_> {
    /// The jobs whose positions cannot be read, as far as that takes no pattern, or are not as many
    /// as the patterns, or whose view cannot be taken for what it should be, and why. Jobs on a
    /// whole split ask nothing of its metadata.
    fn would_fail(&self) -> Vec<(Case, String)> {
        let scan = |job: &JobRecord| {
            let reading = &self.options.reading;
            let whole = lock(&self.areas).of(&job.case, self.stream);
            let own =
                whole.and_then(|_| positions(&job.input_npz, reading, self.stream, self.root));
            own.and_then(|own| Ok(check_count(&job.input_npz, own.len())?)).err()
        };
        let held = |job: &JobRecord, condition| {
            views::keeps_metadata(&job.input_npz, &self.options.reading)?;
            views::held_against_place(&job.input_npz, condition)
        };
        let place = |job: &JobRecord| match job.case.condition {
            Condition { view: View::Baseline, .. } => None,
            condition => Some(match held(job, condition) {
                Err(error) => error.to_string(),
                Ok((_, told)) => views::with_ways_on(&told.filter(|_| !self.options.trust_names)?),
            }),
        };
        let plain = self.options.reading == ReadOptions::default();
        let reason = |job: &JobRecord| {
            let scan = plain.then(|| scan(job)).flatten().map(|error| error.to_string());
            Some((job.case.clone(), scan.or_else(|| place(job))?))
        };
        self.jobs.iter().filter_map(reason).collect()
    }

    /// The first remaining job that no other process has taken; `None` when there is
    /// nothing more to do.
    fn next(&self, crew: &Crew<'_>) -> Result<Option<(usize, Lock)>> {
        while crew.goes_on() {
            {
                let mut left = lock(&self.left);
                for place in 0..left.len() {
                    let index = left[place];
                    if let Some(held) =
                        Lock::try_file(&job_lock(self.root, &self.jobs[index].case))?
                    {
                        left.remove(place);
                        return Ok(Some((index, held)));
                    }
                }
                let Some(&index) = left.first() else { return Ok(None) };
                drop(left);
                let case = &self.jobs[index].case;
                let holder = Lock::holder_of_file(&job_lock(self.root, case));
                let what = holder.unwrap_or_else(|| "another process".to_owned());
                crew.tell(Event::Waiting { case: Some(case), what: &what })?;
            }
            std::thread::sleep(PATIENCE);
        }
        Ok(None)
    }

    /// Does one job and records it. Only a stop, and a log or record that cannot be written, is an
    /// error here; the job's own is in the record.
    fn job(&self, index: usize, crew: &Crew<'_>) -> Result<()> {
        let job = &self.jobs[index];
        let started = Instant::now();
        let log_path = lock(&self.record).log_path(&job.case);
        let mut log = JobLog::create(&log_path, started)?;
        log.line(&job.case.to_string());
        // Nothing in a job should panic; if something does, the other jobs must go on all the same.
        let guarded = AssertUnwindSafe(|| self.attempt(job, index, &mut log, crew));
        let outcome = catch_unwind(guarded).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(StudyError::Invalid(format!("internal error, please report it: {text}")))
        });
        if matches!(outcome, Err(StudyError::Stopped)) {
            log.line("stopped before its end; the same command resumes it");
            return Err(StudyError::Stopped);
        }
        let error = outcome.as_ref().err().map(ToString::to_string);
        log.line(&match &error {
            None => "done".to_owned(),
            Some(error) => format!("failed: {error}"),
        });
        log.finish()?;
        let done = outcome.as_ref().ok().map(|(result, _)| result);
        let telemetry = done.and_then(|result| result.view);
        lock(&self.record).add(Execution {
            case: job.case.clone(),
            returncode: i32::from(error.is_some()),
            log_path: absolute(&log_path),
            telemetry: telemetry.or_else(|| told_by(job, self.options.trust_names)),
            error: error.clone(),
            not_compared: done.and_then(|result| result.not_compared.clone()),
            trusted_name: done.and_then(|result| result.trusted_name.clone()),
            seconds: Some(started.elapsed().as_secs_f64()),
            resumed: outcome.as_ref().is_ok_and(|(_, resumed)| *resumed),
            kept: Vec::new(),
            run_id: None,
        })?;
        match &outcome {
            Ok((result, resumed)) => crew.tell(Event::JobDone { index, result, resumed: *resumed }),
            Err(_) => crew.tell(Event::JobFailed {
                case: &job.case,
                index,
                error: error.as_deref().unwrap_or_default(),
            }),
        }
    }

    /// Finds the result that is there already, or makes it.
    fn attempt(
        &self,
        job: &JobRecord,
        index: usize,
        log: &mut JobLog,
        crew: &Crew<'_>,
    ) -> Result<(JobResult, bool)> {
        let keep_others = lock(&self.areas).plan.keep_others;
        let ready = match self.prepare(job) {
            Ok(ready) => ready,
            Err(error) => {
                if keep_others {
                    // What is in the folder is another run's.
                    lock(&self.record).moved(&job.case, &kept::unused(&job.output_dir));
                } else {
                    // An old result is not what this job made of its input, and is not lost.
                    if let Some(kept) = kept::set_aside(&job.output_dir)? {
                        let text = format!("the earlier result is kept in {}", kept.display());
                        log.line(&text);
                        crew.tell(Event::Note { level: Level::Fact, text: &text })?;
                    }
                    kept::clear(&job.output_dir)?;
                }
                return Err(error);
            }
        };
        let Ready { request, input_hash, patterns, existing, remarks } = ready;
        lock(&self.record).moved(&job.case, &request.output);
        for remark in &remarks {
            let text = format!("remark: {remark}");
            log.line(&text);
            crew.tell(Event::Note { level: Level::Fact, text: &text })?;
        }
        if let Some(error) = request.failed_since(&input_hash, self.begun) {
            log.line("another process tried the same meanwhile");
            return Err(StudyError::Invalid(error));
        }
        if request.output != job.output_dir {
            let (own, first) = (request.output.display(), job.output_dir.display());
            let text = format!("results go to {own}: {first} holds those of other options or data");
            log.line(&text);
            crew.tell(Event::Note { level: Level::Fact, text: &text })?;
        }
        crew.tell(Event::JobStarted { case: &job.case, index, patterns })?;
        if let Some(result) = existing {
            log.line("the result is there already, from the same input and options");
            return Ok((result, true));
        }
        if request.output.join(RESULT).exists() {
            let text = format!(
                "replaces the result in {}, made with other options or of other data",
                request.output.display()
            );
            log.line(&text);
            crew.tell(Event::Note { level: Level::Loss, text: &text })?;
        }
        let mut observe = |event: Event<'_>| match event {
            Event::Note { text, .. } => {
                log.line(text);
                ControlFlow::Continue(())
            }
            other => match crew.tell(other) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            },
        };
        Ok((request.run_on(&input_hash, &mut observe)?, false))
    }

    fn prepare(&self, job: &JobRecord) -> Result<Ready> {
        let (area, plan) = {
            let mut areas = lock(&self.areas);
            (areas.of(&job.case, self.stream)?, areas.plan)
        };
        let condition = job.case.condition;
        let mut remarks = Vec::new();
        match condition.view {
            View::Baseline => {}
            _ => match views::held_against_place(&job.input_npz, condition)? {
                (_, Some(told)) if self.options.trust_names => remarks.push(told),
                (_, Some(told)) => return Err(StudyError::Invalid(views::with_ways_on(&told))),
                (_, None) => {}
            },
        }
        let mut request = Request {
            calibrate: false,
            input: job.input_npz.clone(),
            reading: self.options.reading.clone(),
            output: job.output_dir.clone(),
            solver: plan.solver(&job.case)?.clone(),
            case: Some(job.case.clone()),
            comparison: CompareWith::TruthOver(area),
            checkpoint: self.options.checkpoint,
            device: self.options.device,
            photon_halves: plan.photon_halves,
            // Those of the images that a report shows.
            error_maps: plan.error_maps && job.case.repeat == 1,
            stream: self.stream,
            source: plan.source.clone(),
        };
        let reading = &self.options.reading;
        let patterns = positions(&job.input_npz, reading, self.stream, self.root)?.len();
        let input_hash = hash::file(&job.input_npz)?;
        if plan.keep_others {
            request.output = request.own_folder(&input_hash);
        }
        let existing = request.existing(&input_hash);
        Ok(Ready { request, input_hash, patterns, existing, remarks })
    }
}

/// A job whose input can be read.
struct Ready {
    request: Request,
    input_hash: String,
    patterns: usize,
    existing: Option<JobResult>,
    /// For the log.
    remarks: Vec<String>,
}

/// The selection of a view whose reconstruction failed, when the view itself can be read.
fn told_by(job: &JobRecord, trust_names: bool) -> Option<Telemetry> {
    if job.case.condition.view == View::Baseline {
        return None;
    }
    let (telemetry, wrong) = views::held_against_place(&job.input_npz, job.case.condition).ok()?;
    (wrong.is_none() || trust_names).then_some(telemetry)
}
