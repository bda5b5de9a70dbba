//! Data sets as pickles: arrays of NumPy in a dict, so that no other version has to know more.

use super::Dataset;
use super::made::{broken, metadata_of};
use crate::array::{self, from_npy, from_positions};
use crate::failure::Result;
use crate::value::{from_python, to_python};
use anyhow::{Context, anyhow};
use lapwing_files::dataset::Form;
use lapwing_files::options::{ProbeFrom, Quantity, ZeroFrequency};
use lapwing_files::{Archive, Scans, contract};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::Value;

/// What a pickle calls, and with what.
pub type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// The data set as the arguments of `lapwing._arrays.restore`.
pub fn reduced<'py>(of: &Bound<'py, Dataset>) -> Result<Reduced<'py>> {
    let py = of.py();
    let Dataset { inner, understood } = of.get();
    let state = PyDict::new(py);
    for name in ["diffraction", "object", "probe", "mask", "geometry", "metadata"] {
        state.set_item(name, of.getattr(name)?)?;
    }
    state.set_item("frames", of.getattr("frames")?)?;
    state.set_item("positions", from_positions(py, &inner.scan))?;
    state.set_item("optics", to_python(py, &inner.optics)?)?;
    state.set_item("probe_from", inner.probe_from.map(ProbeFrom::name))?;
    state.set_item("understood", to_python(py, understood)?)?;
    let extras = PyDict::new(py);
    let scans = inner.scans.as_ref().map(Scans::to_arrays).unwrap_or_default();
    for (name, array) in inner.extras.iter().chain(&scans) {
        extras.set_item(name, from_npy(py, array)?)?;
    }
    state.set_item("extras", extras)?;
    let restore = py.import("lapwing._arrays")?.getattr("restore")?;
    Ok((restore, PyTuple::new(py, [state])?))
}

/// The data set of a pickle; `extras` is a NumPy archive.
#[pyfunction]
pub fn restore_dataset(state: &Bound<'_, PyDict>, extras: Vec<u8>) -> Result<Dataset> {
    let entry = |name: &str| -> anyhow::Result<Option<Bound<'_, PyAny>>> {
        Ok(state.get_item(name)?.filter(|value| !value.is_none()))
    };
    let there =
        |name: &str| entry(name)?.with_context(|| format!("{name}: the pickle does not hold it"));
    let json = |name: &str| -> anyhow::Result<Option<Value>> {
        entry(name)?.map(|value| from_python(&value, name)).transpose()
    };
    let form = Form { quantity: Quantity::Amplitude, zero_frequency: ZeroFrequency::Centre };
    let mut inner = lapwing_files::Dataset::from_patterns(
        array::patterns(&there("diffraction")?)?,
        form,
        array::positions(&there("positions")?)?,
        entry("probe")?.as_ref().map(array::modes).transpose()?,
        entry("object")?.map(|object| array::object(&object, "object")).transpose()?,
        entry("metadata")?.as_ref().map(metadata_of).transpose()?,
    )
    .map_err(broken)?;
    for name in ["mask", "geometry"] {
        super::made::replaced(&mut inner, name, entry(name)?.as_ref())?;
    }
    inner.frames = entry("frames")?.map(|frames| frames.extract()).transpose()?;
    inner.optics = json("optics")?.map(serde_json::from_value).transpose()?;
    if let Some(from) = json("probe_from")?.as_ref().and_then(Value::as_str) {
        inner.probe_from = Some(from.parse().map_err(|told| anyhow!("probe_from: {told}"))?);
    }
    let archive = Archive::from_bytes(extras, "extras").map_err(anyhow::Error::from)?;
    for name in archive.names() {
        let array = archive.read(name).map_err(anyhow::Error::from)?;
        inner.extras.push((name.to_owned(), array));
    }
    let [numbers, probes] = ["scan_number", "scan_probes"].map(|name| {
        let at = inner.extras.iter().position(|(found, _)| found == name)?;
        Some(inner.extras.remove(at).1)
    });
    let of = (inner.n_patterns(), inner.pattern_shape());
    let scans = Scans::from_arrays(numbers, probes, of);
    inner.scans = scans.map_err(|problem| broken(vec![problem]))?;
    let problems = contract::check(&inner);
    if !problems.is_empty() {
        return Err(broken(problems).into());
    }
    Ok(Dataset { inner, understood: json("understood")? })
}
