//! What Python says about a file, by the names of the table of options.

use crate::value::from_python;
use anyhow::{anyhow, bail};
use lapwing_files::options::ReadOptions;
use lapwing_files::reading::{self, Given, Kind, OPTIONS, ReadOption};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// The option that names an experiment's file; in Python it may also be what such a file says.
pub const EXPERIMENT: &str = "experiment";

/// What is known of a file, by the names of the table of options; `None` counts as not known.
pub fn reading(given: &Bound<'_, PyDict>) -> anyhow::Result<ReadOptions> {
    let given = given.copy()?;
    let folder = tempfile::tempdir()?;
    if let Some(experiment) = given.get_item(EXPERIMENT)?
        && let Ok(said) = experiment.cast::<PyDict>()
    {
        given.del_item(EXPERIMENT)?;
        if said.values().iter().any(|value| value.is_instance_of::<PyDict>()) {
            // Sections, as in a file.
            let path = folder.path().join("experiment.toml");
            std::fs::write(&path, toml::to_string(&from_python(said, EXPERIMENT)?)?)?;
            given.set_item(EXPERIMENT, path)?;
        } else {
            for (name, value) in said.iter() {
                if given.get_item(&name)?.is_none_or(|own| own.is_none()) {
                    given.set_item(name, value)?;
                }
            }
        }
    }
    let known = known(&given)?;
    // The file is nobody's: errors are about what was given.
    let written = format!("{}: ", folder.path().join("experiment.toml").display());
    reading::options(known.iter().map(|(option, value)| (*option, value)))
        .map_err(|error| anyhow!("{}", error.to_string().replace(&written, "experiment: ")))
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
            Kind::File { .. } => Given::Path(path(&name, &value)?),
            Kind::Files { .. } => match value.extract() {
                Ok(path) => Given::Paths(vec![path]),
                Err(_) => Given::Paths(all(&value)?),
            },
            Kind::Number { .. } => Given::Number(value.extract()?),
            Kind::Choice { .. } | Kind::Text { .. } => Given::Word(value.extract()?),
            Kind::Motion { .. } => match value.extract() {
                Ok(text) => Given::Word(text),
                Err(_) => Given::Numbers(all(&value)?),
            },
            Kind::Names { .. } => match value.extract() {
                Ok(name) => Given::Words(vec![name]),
                Err(_) => Given::Words(all(&value)?),
            },
            Kind::Pair { .. } | Kind::Indices { .. } => match value.extract::<f64>() {
                Ok(number) => Given::Number(number),
                Err(_) => match value.extract::<String>() {
                    Ok(text) => Given::Word(text),
                    Err(_) => Given::Numbers(all(&value)?),
                },
            },
        };
        known.push((option, value));
    }
    Ok(known)
}

/// Every item of a sequence.
fn all<'py, T: FromPyObjectOwned<'py>>(value: &Bound<'py, PyAny>) -> PyResult<Vec<T>> {
    value.try_iter()?.map(|item| item?.extract().map_err(Into::into)).collect()
}

/// The path of a file, for arrays belong elsewhere.
fn path(name: &str, value: &Bound<'_, PyAny>) -> anyhow::Result<PathBuf> {
    value.extract().map_err(|_| {
        let kind = value.get_type();
        anyhow!(
            "{name}: expected the path of a file, found {kind}: arrays are given to \
             lapwing.Dataset(patterns, positions, mask=...)"
        )
    })
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
