//! A whole study, and the constants of its design.

use crate::failure::Result;
use crate::value::{from_python, to_python};
use crate::work::{Listener, attended};
use anyhow::Context;
use lapwing_study::event::Event;
use lapwing_study::run::StudyOptions;
use lapwing_study::{Design, StudyError, run};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use serde_json::{Value, json};
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

/// Runs a study and writes its report; what comes back are the fields of `lapwing.StudyReport` by
/// name.
#[pyfunction]
pub fn run_study<'py>(
    py: Python<'py>,
    design: &Bound<'py, PyAny>,
    folder: PathBuf,
    replace: bool,
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyAny>> {
    let design = design_of(design)?;
    let mut tell = |py: Python<'_>, event: Value| -> PyResult<bool> {
        let Some(progress) = &progress else { return Ok(true) };
        let event = to_python(py, &event).map_err(crate::failure::Failure::from)?;
        let answer = progress.call1((event,))?;
        Ok(!answer.cast::<PyBool>().is_ok_and(|answer| !answer.is_true()))
    };
    let listener: Option<Listener<'_, Value>> = Some(&mut tell);
    let record = attended(py, threads, listener, |tell| {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut go_on = true;
        let mut observe = |event: Event<'_>| {
            if let Some(event) = described(event) {
                go_on = go_on && tell(event);
            }
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let options = StudyOptions { replace, ..StudyOptions::default() };
        let report = match run::study_with(&design, &folder, options, &mut observe) {
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

/// The program `lapwing`: its exit code.
#[pyfunction]
pub fn main(py: Python<'_>, arguments: Vec<Bound<'_, PyString>>) -> Result<u8> {
    let arguments = arguments.iter().map(|argument| Ok(argument.extract::<std::ffi::OsString>()?));
    let arguments = arguments.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(py.detach(|| lapwing_cli::run(arguments)))
}
