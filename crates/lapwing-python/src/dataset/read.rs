//! Reading files.

use super::{Dataset, reading};
use crate::failure::Result;
use crate::value::to_python;
use crate::work::alone;
use anyhow::anyhow;
use lapwing_files::{Archive, metadata};
use lapwing_study::stream::{self, Streaming};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Reads a data set of any dialect; patterns that do not fit into `memory`, a size or nothing, are
/// kept on the disk of the folder `scratch`.
#[pyfunction]
pub fn load(
    py: Python<'_>,
    path: PathBuf,
    options: &Bound<'_, PyDict>,
    memory: Option<&Bound<'_, PyAny>>,
    scratch: Option<PathBuf>,
) -> Result<Dataset> {
    let options = reading(options)?;
    let streaming = memory.map_or(Ok(Streaming::Auto), streaming)?;
    let folder = scratch.unwrap_or_else(std::env::temp_dir);
    let read = || Ok(streaming.read(&path, &options, &folder)?);
    let (inner, understanding) = alone(py, None, read)?;
    Ok(Dataset { inner, understood: Some(serde_json::to_value(understanding)?) })
}

/// How much memory patterns may take: a size in words or in bytes, 0 for none.
pub fn streaming(memory: &Bound<'_, PyAny>) -> Result<Streaming> {
    let text = match memory.extract::<f64>() {
        Ok(0.0) => return Ok(Streaming::Always),
        Ok(bytes) => bytes.to_string(),
        Err(_) => memory.extract()?,
    };
    let size = stream::bytes(&text).map_err(|reason| anyhow!("memory: {reason}"))?;
    Ok(Streaming::Within(size))
}

/// Reads `_metadata` of a NumPy archive in any encoding.
#[pyfunction]
pub fn read_metadata<'py>(py: Python<'py>, path: PathBuf) -> Result<Bound<'py, PyAny>> {
    let found = alone(py, None, || Ok(metadata::read(&Archive::open(path)?)?))?;
    Ok(to_python(py, &found)?)
}
