//! A whole study, and the constants of its design.

use crate::dataset::options::reading as read_options;
use crate::dataset::read::streaming;
use crate::failure::Result;
use crate::reconstruct::settled_config;
use crate::value::{from_python, named, options, table, to_python};
use crate::work::{Listener, alone, attended};
use anyhow::{Context, anyhow};
use lapwing_cli::GrowingReport;
use lapwing_solve::solver::options::{Typed, Value as OptionValue};
use lapwing_study::design::ViewRules;
use lapwing_study::event::Event;
use lapwing_study::jobs::{self, AtOnce, JobOptions};
use lapwing_study::layout::Roots;
use lapwing_study::plan::{MissingViews, plan_of_folders};
use lapwing_study::record::Filters;
use lapwing_study::run::StudyOptions;
use lapwing_study::solver::{DeviceChoice, StudySolver, Unsaid};
use lapwing_study::stream::Streaming;
use lapwing_study::{Design, StudyError, View, condition, run};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// A design with everything settled: the defaults where the given one says nothing.
#[pyfunction]
pub fn settle_design<'py>(py: Python<'py>, design: &Bound<'_, PyAny>) -> Result<Bound<'py, PyAny>> {
    Ok(to_python(py, &design_of(design)?)?)
}

/// From a file, or from a dict with the sections of one; relative paths in a dict are those of the
/// working directory.
fn design_of(given: &Bound<'_, PyAny>) -> anyhow::Result<Design> {
    if given.is_instance_of::<PyDict>() {
        let text = toml::to_string(&from_python(given, "design")?).context("design")?;
        let folder = std::env::current_dir().context("cannot tell the working directory")?;
        return Ok(Design::parse(&text, &folder)?);
    }
    let file: PathBuf = given.extract().context("design: expected a file's path or a dict")?;
    Design::load(&file).with_context(|| file.display().to_string())
}

/// Whether a design names its study; that of a file has the file's name at least.
fn is_named(given: &Bound<'_, PyAny>) -> anyhow::Result<bool> {
    let Ok(sections) = given.cast::<PyDict>() else { return Ok(true) };
    let study = sections.get_item("study")?;
    Ok(study.is_some_and(|study| study.contains("name").unwrap_or(false)))
}

/// Runs a study and writes its report; `how` is whether other results are replaced, whether the
/// report is written meanwhile, too, how many reconstructions run at a time, where, and in how much
/// memory. What comes back are the fields of `lapwing.StudyReport` by name.
#[pyfunction]
pub fn run_study<'py>(
    py: Python<'py>,
    design: &Bound<'py, PyAny>,
    folder: PathBuf,
    how: (bool, bool, Option<String>, Option<String>, Option<Bound<'py, PyAny>>),
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyAny>> {
    let (replace, watch, at_once, device, memory) = how;
    let given = design;
    let mut design = design_of(given)?;
    if !is_named(given)?
        && let Some(name) = folder.file_name()
    {
        design.study.name = name.to_string_lossy().into_owned();
    }
    let options = StudyOptions {
        replace,
        at_once: at_once.map_or(Ok(AtOnce::default()), |jobs| named("jobs", &jobs))?,
        device: device.map(|device| device_of(&device)).transpose()?,
        stream: memory.map_or(Ok(Streaming::Auto), |memory| streaming(&memory))?,
        ..StudyOptions::default()
    };
    let record = told(py, progress, threads, |observe| {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut growing = watch.then(|| GrowingReport::new(&folder));
        let mut seen = |event: Event<'_>| {
            if let Some(growing) = &mut growing {
                growing.see(&event);
            }
            observe(event)
        };
        let report = match run::study_with(&design, &folder, options, &mut seen) {
            Ok(report) => Some(report),
            Err(StudyError::Stopped) => None,
            Err(error) => return Err(error.into()),
        };
        let paths = lapwing_report::write(&folder)?;
        let results = report.as_ref().map(|report| &report.manifest.execution_results);
        Ok(json!({
            "folder": folder,
            "run_id": report.as_ref().map(|report| &report.run_id),
            "jobs": results,
            "failed": report.as_ref().map(|report| report.failed()),
            "skipped": report.as_ref().map(|report| &report.skips.skipped_jobs),
            "stopped": report.is_none(),
            "html": paths.html,
            "csv": paths.csv,
            "json": paths.json,
        }))
    })?;
    Ok(to_python(py, &record)?)
}

fn device_of(name: &str) -> anyhow::Result<DeviceChoice> {
    let found = DeviceChoice::from_value(&OptionValue::Word(name.to_owned()));
    found.with_context(|| format!("device: expected {}, found {name:?}", DeviceChoice::expected()))
}

/// Makes the views of split data on disk; what was made and what was refused.
#[pyfunction]
pub fn write_views<'py>(
    py: Python<'py>,
    data_root: PathBuf,
    views_root: PathBuf,
    dose: Option<f64>,
    views: Option<Vec<String>>,
    rules: &Bound<'_, PyDict>,
    reading: &Bound<'_, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    let rules: ViewRules = options(rules)?;
    let reading = read_options(reading)?;
    let roots = Roots { data: data_root, artifacts: views_root.clone(), views: views_root };
    let doses = match dose {
        Some(dose) => vec![dose_of(dose)?],
        None => roots.doses().map_err(anyhow::Error::from)?,
    };
    let wanted = match views {
        None => vec![View::Dense, View::Sparse],
        Some(names) => names
            .iter()
            .map(|name| match name.parse() {
                Ok(View::Baseline) => {
                    Err("the baseline view is the split itself: expected others".to_owned())
                }
                parsed => parsed,
            })
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| anyhow!("views: {error}"))?,
    };
    let report = alone(py, None, || {
        Ok(run::write_views(&roots, &doses, &wanted, &rules, &reading, Streaming::Auto)?)
    })?;
    let made: Vec<Value> = report
        .made
        .iter()
        .map(|(condition, telemetry, file)| {
            let mut view = json!(telemetry);
            view["dose"] = json!(condition.dose);
            view["view"] = json!(condition.view);
            view["split"] = json!(condition.split);
            view["file"] = json!(file);
            view
        })
        .collect();
    let refused: Vec<Value> = report
        .refused
        .iter()
        .map(|(condition, reason)| {
            let mut told = json!(condition);
            told["reason"] = json!(reason);
            told
        })
        .collect();
    Ok(to_python(py, &json!({ "views": made, "refused": refused }))?)
}

/// A dose that names a folder.
pub fn dose_of(dose: f64) -> anyhow::Result<u64> {
    let expected = || anyhow!("dose: expected {}, found {dose}", condition::expected_dose());
    condition::whole_dose(dose).ok_or_else(expected)
}

/// Runs the reconstruction jobs of data and views on disk and keeps their records; `said` are the
/// options of the solver and of reading, `switches` are whether missing views are allowed, whether
/// it is a dry run, and whether names are trusted.
#[pyfunction]
pub fn run_jobs<'py>(
    py: Python<'py>,
    roots: (PathBuf, PathBuf, PathBuf),
    filters: &Bound<'_, PyDict>,
    said: (Bound<'py, PyDict>, Bound<'py, PyDict>),
    switches: (bool, bool, bool),
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyAny>> {
    let (data, views, artifacts) = roots;
    let (allow_missing, dry_run, trust_names) = switches;
    let mut filters = table(filters)?;
    if let Some(dose) = filters.get("dose").and_then(Value::as_f64) {
        filters.insert("dose".to_owned(), json!(dose_of(dose)?));
    }
    let filters: Filters =
        serde_json::from_value(Value::Object(filters)).map_err(anyhow::Error::from)?;
    let (solver, reading) = said;
    let reading = read_options(&reading)?;
    let unsaid = Unsaid::study().with_probe_from(reading.experiment.probe.from);
    let config = settled_config(&solver, unsaid)?;
    let missing_views = match allow_missing {
        true => MissingViews::Skip(BTreeMap::new()),
        false => MissingViews::Refuse,
    };
    let options = JobOptions {
        filters,
        missing_views,
        dry_run,
        trust_names,
        reading,
        ..JobOptions::default()
    };
    let plan = plan_of_folders(Roots { data, views, artifacts }, StudySolver::new(config))
        .map_err(anyhow::Error::from)?;
    let record = told(py, progress, threads, |observe| {
        let report = jobs::run(&plan, &options, observe)?;
        let would_fail: Vec<Value> = report
            .would_fail
            .iter()
            .map(|(case, reason)| {
                let mut told = json!(case);
                told["reason"] = json!(reason);
                told
            })
            .collect();
        Ok(json!({
            "run_id": report.run_id,
            "failed": report.failed(),
            "manifest": report.manifest,
            "skip_summary": report.skips,
            "would_fail": would_fail,
        }))
    })?;
    Ok(to_python(py, &record)?)
}

/// Does `work` with an observer that passes events to `progress`, which stops it by returning
/// False.
pub fn told<'py, T: Send>(
    py: Python<'py>,
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
    work: impl FnOnce(&mut (dyn FnMut(Event<'_>) -> ControlFlow<()> + Send)) -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    // Of what is of no interest, only signals are looked for.
    let mut tell = |py: Python<'_>, event: Option<Value>| -> PyResult<bool> {
        let (Some(progress), Some(event)) = (&progress, event) else { return Ok(true) };
        let event = to_python(py, &event).map_err(crate::failure::Failure::from)?;
        let answer = progress.call1((event,))?;
        Ok(!answer.cast::<PyBool>().is_ok_and(|answer| !answer.is_true()))
    };
    let listener: Option<Listener<'_, Option<Value>>> = Some(&mut tell);
    attended(py, threads, listener, |tell| {
        let mut go_on = true;
        let mut observe = |event: Event<'_>| {
            go_on = go_on && tell(described(event));
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        work(&mut observe)
    })
}

/// An event as a record; `None` for those of no interest.
fn described(event: Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Simulating { dose, patterns, .. } => {
            json!({ "event": "simulating", "dose": dose, "patterns": patterns })
        }
        Event::Simulated { dose, mean_counts, resumed, .. } => {
            json!({ "event": "simulated", "dose": dose, "mean_counts": mean_counts, "resumed": resumed })
        }
        Event::View { condition, telemetry, resumed, .. } => {
            json!({ "event": "view", "condition": condition, "telemetry": telemetry, "resumed": resumed })
        }
        Event::ViewRefused { condition, reason, .. } => {
            json!({ "event": "view refused", "condition": condition, "reason": reason })
        }
        Event::JobsPlanned { jobs, skipped } => {
            let epochs = jobs.iter().fold(0, |sum: usize, job| sum.saturating_add(job.num_epochs));
            json!({ "event": "jobs planned", "jobs": jobs.len(), "skipped": skipped, "epochs": epochs })
        }
        Event::JobStarted { index, patterns, .. } => {
            json!({ "event": "job started", "index": index, "patterns": patterns })
        }
        Event::Fitting { case, done, expected, epochs } => {
            json!({ "event": "fitting", "case": case, "done": done, "expected": expected, "epochs": epochs })
        }
        Event::Epoch { case, epoch } => {
            json!({ "event": "epoch", "case": case, "done": epoch.done, "total": epoch.total, "loss": epoch.loss })
        }
        Event::JobDone { index, result, resumed, .. } => {
            json!({ "event": "job done", "index": index, "result": result, "resumed": resumed })
        }
        Event::JobFailed { index, error, .. } => {
            json!({ "event": "job failed", "index": index, "error": error })
        }
        _ => return None,
    })
}

/// Settled design of the reference study, whose constants are the defaults.
#[pyfunction]
pub fn default_design(py: Python<'_>) -> Result<Bound<'_, PyAny>> {
    Ok(to_python(py, &Design::default())?)
}

/// A design as the text of a file.
#[pyfunction]
pub fn design_text(design: &Bound<'_, PyAny>) -> Result<String> {
    let text = toml::to_string(&from_python(design, "design")?);
    Ok(text.context("design: expected sections with keys")?)
}

/// What a command of `lapwing` finds: the record that `--json` prints, and what it would say on
/// standard error.
#[pyfunction]
pub fn answer<'py>(
    py: Python<'py>,
    arguments: Vec<Bound<'py, PyString>>,
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> Result<(Bound<'py, PyAny>, Vec<String>)> {
    is_started_by_python(py)?;
    let words = arguments.iter().map(|word| Ok(word.extract::<std::ffi::OsString>()?));
    let words = words.collect::<anyhow::Result<Vec<_>>>()?;
    let found = told(py, progress, threads, |observe| lapwing_cli::answer(words, observe))?;
    Ok((to_python(py, &found.record)?, found.notes))
}

/// The scripts of a batch system start the program as the package does.
fn is_started_by_python(py: Python<'_>) -> PyResult<()> {
    let python: PathBuf = py.import("sys")?.getattr("executable")?.extract()?;
    if !python.as_os_str().is_empty() {
        lapwing_cli::is_started_by(vec![python, "-m".into(), "lapwing".into()]);
    }
    Ok(())
}

/// The program `lapwing`: its exit code.
#[pyfunction]
pub fn main(py: Python<'_>, arguments: Vec<Bound<'_, PyString>>) -> Result<u8> {
    is_started_by_python(py)?;
    let arguments = arguments.iter().map(|argument| Ok(argument.extract::<std::ffi::OsString>()?));
    let arguments = arguments.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(py.detach(|| lapwing_cli::run(arguments)))
}
