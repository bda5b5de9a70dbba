//! `reconstruct`: the same start, solver and checks as a job of the command line.

use crate::array::{self, from_positions};
use crate::dataset::Dataset;
use crate::failure::Result;
use crate::value::{from_python, table, to_python};
use crate::warning::of_replaced;
use crate::work::{Listener, alone, attended};
use anyhow::{Context, anyhow};
use lapwing_files::dialect::object_pixel;
use lapwing_files::options::Geometry;
use lapwing_files::reconstruction::Role;
use lapwing_files::{Metadata, Reconstruction};
use lapwing_solve::solver::options::{self, Kind, OptionDoc, Options};
use lapwing_solve::{Epoch, SOLVERS};
use lapwing_study::magnify::magnification;
use lapwing_study::pictures::overview;
use lapwing_study::run;
use lapwing_study::solver::{ObjectStart, Plain, SolverConfig, Unsaid};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

/// A solver and its options by name, all of them settled; `unsaid` where nothing is said.
pub fn settled_config(options: &Bound<'_, PyDict>, unsaid: Unsaid) -> anyhow::Result<SolverConfig> {
    let mut table = table(options)?;
    table.entry("probe_start").or_insert_with(|| unsaid.probe_start.name().into());
    table.entry("algorithm").or_insert_with(|| unsaid.algorithm.into());
    let config: SolverConfig = serde_json::from_value(Value::Object(table))?;
    config.check()?;
    Ok(config)
}

/// All options of a solver with their values, `None` where there is none.
#[pyfunction]
pub fn solver_options<'py>(
    py: Python<'py>,
    options: &Bound<'_, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    let config = settled_config(options, Unsaid::DATA)?;
    let mut table = serde_json::to_value(&config)?;
    let docs = SolverConfig::docs(config.algorithm());
    if let Value::Object(table) = &mut table {
        let asked = config.start.values().into_iter().chain(config.choice.values());
        let also = asked.chain(config.device.values());
        let also: BTreeMap<&str, options::Value> = also.collect();
        for doc in docs.filter(|doc| !doc.name.contains('.')) {
            let value = also.get(doc.name).map(|value| serde_json::to_value(Plain(value)));
            table.entry(doc.name).or_insert(value.transpose()?.unwrap_or_default());
        }
    }
    Ok(to_python(py, &table)?)
}

/// The table of solvers: for each its name, what it is, where it was published, and its options.
#[pyfunction]
pub fn solvers(py: Python<'_>) -> Result<Bound<'_, PyAny>> {
    let option = |doc: &OptionDoc| {
        let choices = match doc.kind {
            Kind::Choice(words) => Some(words),
            _ => None,
        };
        json!({
            "name": doc.name, "aliases": doc.aliases, "about": doc.about(), "flag": doc.flag(),
            "expected": doc.kind.expected(), "choices": choices, "optional": doc.optional,
        })
    };
    let table: Vec<Value> = SOLVERS
        .iter()
        .map(|entry| {
            let options: Vec<Value> = SolverConfig::docs(entry.name).map(option).collect();
            json!({
                "name": entry.name, "about": entry.about, "source": entry.source,
                "options": options,
            })
        })
        .collect();
    Ok(to_python(py, &table)?)
}

/// Reconstructs, from the fields of a `lapwing.Reconstruction` by name where `start` has them; what
/// comes back are such fields as well.
#[pyfunction]
#[pyo3(signature = (dataset, options, progress, threads, start=None))]
pub fn reconstruct<'py>(
    py: Python<'py>,
    dataset: &Bound<'py, Dataset>,
    options: &Bound<'py, PyDict>,
    progress: Option<Bound<'py, PyAny>>,
    threads: Option<usize>,
    start: Option<&Bound<'py, PyDict>>,
) -> Result<Bound<'py, PyDict>> {
    let mut config = settled_config(options, Unsaid::DATA)?;
    if let Some(start) = start {
        config.start.object_start = ObjectStart::given(of_fields(start)?);
    }
    let config = run::with_files_read(config)?;
    let data = &dataset.get().inner;
    // As the command line does it; who looked at the scan before has done it, and nothing is found.
    let near = data.geometry == Some(Geometry::NearField);
    let found = if near { alone(py, threads, || Ok(magnification(data)?))? } else { None };
    let magnified = found.as_ref().map(|found| {
        let mut data = data.clone();
        found.apply(&mut data);
        data
    });
    if let Some(found) = found {
        py.import("warnings")?.call_method1("warn", (found.to_string(),))?;
    }
    let data = magnified.as_ref().unwrap_or(data);
    // Without an epoch, only signals are looked for.
    let mut tell = |_: Python<'_>, epoch: Option<Epoch>| -> PyResult<bool> {
        let (Some(progress), Some(epoch)) = (&progress, epoch) else { return Ok(true) };
        let answer = progress.call1((epoch.done, epoch.total, epoch.loss))?;
        // Only a plain False stops: most callbacks return nothing.
        Ok(!answer.cast::<PyBool>().is_ok_and(|answer| !answer.is_true()))
    };
    let listener: Option<Listener<'_, Option<Epoch>>> = Some(&mut tell);
    let started = Instant::now();
    let made = attended(py, threads, listener, |tell| {
        let tell = RefCell::new(tell);
        let flow = |event: Option<Epoch>| match (**tell.borrow_mut())(event) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let mut observe = |epoch| flow(Some(epoch));
        Ok(run::reconstruct_while(data, &config, &mut || flow(None), &mut observe)?)
    })?;
    fields(py, made, Some(started.elapsed().as_secs_f64()))
}

/// The fields of `lapwing.Reconstruction` by name.
fn fields(py: Python<'_>, made: Reconstruction, seconds: Option<f64>) -> Result<Bound<'_, PyDict>> {
    let found = PyDict::new(py);
    match made.object.n_slices() {
        1 => found.set_item("object", made.object.projection().into_pyarray(py))?,
        _ => found.set_item("object", made.object.into_slices().into_pyarray(py))?,
    }
    found.set_item("probe", made.probe.map(|probe| probe.into_pyarray(py)))?;
    let (eigenmodes, weights) = made.eigenmodes.unzip();
    found.set_item("probe_eigenmodes", eigenmodes.map(|modes| modes.into_pyarray(py)))?;
    found.set_item("probe_weights", weights.map(|weights| weights.into_pyarray(py)))?;
    found.set_item("beam_power", made.beam_power.map(|power| PyArray1::from_vec(py, power)))?;
    found.set_item("positions", made.positions.map(|scan| from_positions(py, &scan)))?;
    let measured = made.measured_positions.map(|scan| from_positions(py, &scan));
    found.set_item("measured_positions", measured)?;
    found.set_item("amplitude_sd", made.amplitude_sd.map(|map| map.into_pyarray(py)))?;
    found.set_item("phase_sd", made.phase_sd.map(|map| map.into_pyarray(py)))?;
    found.set_item("loss", PyArray1::from_vec(py, made.loss))?;
    found.set_item("misfit", made.misfit)?;
    found.set_item("origin", made.origin.unwrap_or((0, 0)))?;
    found.set_item("algorithm", made.algorithm)?;
    found.set_item("options", to_python(py, &made.options)?)?;
    found.set_item("seconds", seconds)?;
    found.set_item("metadata", to_python(py, &made.metadata)?)?;
    Ok(found)
}

/// Writes `reconstruction.npz` from the fields of a `lapwing.Reconstruction` by name.
#[pyfunction]
pub fn save_reconstruction(path: PathBuf, fields: &Bound<'_, PyDict>) -> Result<()> {
    let (made, replaced) = (of_fields(fields)?, path.is_file());
    made.write(&path)?;
    of_replaced(fields.py(), replaced, &path)
}

/// The reconstruction with these fields of a `lapwing.Reconstruction` by name.
fn of_fields(fields: &Bound<'_, PyDict>) -> anyhow::Result<Reconstruction> {
    let field = |name: &str| -> anyhow::Result<Option<Bound<'_, PyAny>>> {
        Ok(fields.get_item(name)?.filter(|value| !value.is_none()))
    };
    let json = |name: &str| -> anyhow::Result<Option<Value>> {
        field(name)?.map(|value| from_python(&value, name)).transpose()
    };
    let object = field("object")?.context("object: expected an array, found nothing")?;
    let origin: Option<(i64, i64)> = field("origin")?.map(|o| o.extract()).transpose()?;
    let text = |name: &str| -> anyhow::Result<Option<String>> {
        Ok(field(name)?.map(|text| text.extract()).transpose()?)
    };
    let map = |name: &str| field(name)?.map(|map| array::map(&map, name)).transpose();
    let eigenmodes = field("probe_eigenmodes")?.as_ref().map(array::eigenmodes).transpose()?;
    let weights = field("probe_weights")?;
    let weights = weights.map(|weights| array::field(&weights, "probe_weights")).transpose()?;
    let eigenmodes = match (eigenmodes, weights) {
        (Some(modes), Some(weights)) if weights.dim().1 == modes.dim().0 => Some((modes, weights)),
        (None, None) => None,
        _ => Err(anyhow!(
            "probe_eigenmodes, probe_weights: expected shapes (K, H, W) and (n, K), or neither"
        ))?,
    };
    Ok(Reconstruction {
        eigenmodes,
        beam_power: field("beam_power")?.map(|power| power.extract()).transpose()?,
        probe: field("probe")?.as_ref().map(array::modes).transpose()?,
        positions: field("positions")?.as_ref().map(array::positions).transpose()?,
        measured_positions: field("measured_positions")?
            .as_ref()
            .map(array::positions)
            .transpose()?,
        origin: origin.filter(|&origin| origin != (0, 0)),
        amplitude_sd: map("amplitude_sd")?,
        phase_sd: map("phase_sd")?,
        loss: field("loss")?.map(|loss| loss.extract()).transpose()?.unwrap_or_default(),
        algorithm: text("algorithm")?,
        options: json("options")?,
        metadata: json("metadata")?.map(serde_json::from_value).transpose()?,
        ..Reconstruction::of(array::object(&object, "object")?)
    })
}

/// Reads a reconstruction of any program; what comes back are the fields of
/// `lapwing.Reconstruction` by name.
#[pyfunction]
#[pyo3(signature = (path, array=None))]
pub fn load_reconstruction<'py>(
    py: Python<'py>,
    path: PathBuf,
    array: Option<String>,
) -> Result<Bound<'py, PyDict>> {
    let made = alone(py, None, || {
        Ok(Reconstruction::read_as(path, Role::Reconstruction, array.as_deref())?)
    })?;
    fields(py, made, None)
}

/// PNG of amplitude and phase over the area of the scan, and of the probe; with scale bars when the
/// metadata know the pixel.
#[pyfunction]
pub fn object_png<'py>(
    py: Python<'py>,
    object: &Bound<'_, PyAny>,
    probe: &Bound<'_, PyAny>,
    positions: &Bound<'_, PyAny>,
    metadata: &Bound<'_, PyAny>,
) -> Result<Bound<'py, PyBytes>> {
    let metadata: Option<Metadata> = serde_json::from_value(from_python(metadata, "metadata")?)?;
    let pixel = metadata.as_ref().and_then(object_pixel).map(|(_, x)| x);
    let object = array::field(object, "object")?;
    let (probe, scan) = (array::modes(probe)?, array::positions(positions)?);
    Ok(PyBytes::new(py, &py.detach(|| overview(&object, &probe, &scan, pixel))))
}
