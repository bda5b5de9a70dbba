//! Reading files, and what is said about them.

use super::Dataset;
use crate::failure::Result;
use crate::value::to_python;
use crate::work::alone;
use anyhow::{anyhow, bail};
use lapwing_files::options::ReadOptions;
use lapwing_files::reading::{self, Given, Kind, OPTIONS, ReadOption};
use lapwing_files::{Archive, metadata};
use lapwing_study::stream::{self, Streaming};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// What is known of a file, by the names of the table of options; `None` counts as not known.
pub fn reading(given: &Bound<'_, PyDict>) -> anyhow::Result<ReadOptions> {
    let known = known(given)?;
    Ok(reading::options(known.iter().map(|(option, value)| (*option, value)))?)
}

/// Option by option.
pub fn known(given: &Bound<'_, PyDict>) -> anyhow::Result<Vec<(&'static ReadOption, Given)>> {
    let mut known = Vec::new();
    for (name, value) in given.iter() {
        let name: String = name.extract()?;
        let option = match reading::option(&name) {
            Some(option) => option,
            None => bail!("unknown option {name}{}", near(given.py(), &name)?),
        };
        let value = match option.kind {
            _ if value.is_none() => continue,
            Kind::Flag { .. } if !value.extract::<bool>()? => continue,
            Kind::Flag { .. } => Given::Flag(true),
            Kind::File { .. } => Given::Path(value.extract()?),
            Kind::Number { .. } => Given::Number(value.extract()?),
            Kind::Choice { .. } | Kind::Text { .. } => Given::Word(value.extract()?),
            Kind::Names { .. } => Given::Words(value.extract()?),
            Kind::Pair { .. } | Kind::Indices { .. } => match value.extract::<f64>() {
                Ok(number) => Given::Number(number),
                Err(_) => match value.extract::<String>() {
                    Ok(text) => Given::Word(text),
                    Err(_) => Given::Numbers(value.extract()?),
                },
            },
        };
        known.push((option, value));
    }
    Ok(known)
}

/// The options that a name may be a slip of, in words.
fn near(py: Python<'_>, name: &str) -> anyhow::Result<String> {
    let names: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    let found = py.import("difflib")?.call_method1("get_close_matches", (name, names))?;
    let found: Vec<String> = found.extract()?;
    Ok(match found.is_empty() {
        true => "; help(lapwing.load) lists them".to_owned(),
        false => format!("; did you mean {}?", found.join(" or ")),
    })
}

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
fn streaming(memory: &Bound<'_, PyAny>) -> Result<Streaming> {
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
