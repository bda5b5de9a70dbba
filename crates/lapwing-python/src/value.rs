//! JSON values and Python's plain objects, and options by name.

use anyhow::{Context, anyhow, bail};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use std::str::FromStr;

/// Deepest nesting that is followed, as in JSON files.
const DEEPEST: usize = 128;

/// Whatever can be written as JSON, as dict, list, str, int, float, bool and None.
pub fn to_python<'py>(
    py: Python<'py>,
    value: &impl Serialize,
) -> anyhow::Result<Bound<'py, PyAny>> {
    Ok(object(py, &serde_json::to_value(value)?)?)
}

fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.into_bound_py_any(py),
            (None, Some(whole)) => whole.into_bound_py_any(py),
            (None, None) => number.as_f64().into_bound_py_any(py),
        },
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(values) => {
            let items =
                values.iter().map(|value| object(py, value)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_bound_py_any(py)
        }
        Value::Object(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(key, object(py, value)?)?;
            }
            dict.into_bound_py_any(py)
        }
    }
}

/// The JSON value of a plain object of Python or NumPy; `name` is for messages.
pub fn from_python(given: &Bound<'_, PyAny>, name: &str) -> anyhow::Result<Value> {
    value(given, name, DEEPEST)
}

fn value(given: &Bound<'_, PyAny>, name: &str, depth: usize) -> anyhow::Result<Value> {
    let Some(depth) = depth.checked_sub(1) else { bail!("{name}: nested too deeply") };
    if given.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = given.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if given.is_instance_of::<PyInt>() {
        if let Ok(whole) = given.extract::<i64>() {
            return Ok(whole.into());
        }
        let whole: u64 = given
            .extract()
            .with_context(|| format!("{name}: expected a whole number of 64 bits"))?;
        return Ok(whole.into());
    }
    if given.is_instance_of::<PyFloat>() {
        let number = Number::from_f64(given.extract()?);
        return number
            .map(Value::Number)
            .with_context(|| format!("{name}: expected a finite number, found {given}"));
    }
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        let items = given.try_iter()?.map(|item| value(&item?, name, depth));
        return Ok(Value::Array(items.collect::<anyhow::Result<_>>()?));
    }
    if let Ok(mapping) = given.cast::<PyMapping>() {
        let mut entries = Map::new();
        for item in mapping.items()?.iter() {
            let (key, item): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let Ok(key) = key.cast::<PyString>() else {
                bail!("{name}: expected names as keys, found {key}")
            };
            let key = key.to_str()?;
            entries.insert(key.to_owned(), value(&item, &format!("{name}.{key}"), depth)?);
        }
        return Ok(Value::Object(entries));
    }
    // Numbers and arrays of NumPy, and paths.
    if given.hasattr("tolist")? {
        return value(&given.call_method0("tolist")?, name, depth);
    }
    if given.hasattr("__fspath__")? {
        return value(&given.call_method0("__fspath__")?, name, depth);
    }
    bail!("{name}: expected numbers, text, lists and dicts, found {}", given.get_type())
}

/// Options by name; those that are `None` count as not given.
pub fn options<T: DeserializeOwned>(given: &Bound<'_, PyDict>) -> anyhow::Result<T> {
    Ok(serde_json::from_value(Value::Object(table(given)?))?)
}

/// The entries of a dict that are not `None`.
pub fn table(given: &Bound<'_, PyDict>) -> anyhow::Result<Map<String, Value>> {
    let mut table = Map::new();
    for (name, value) in given.iter() {
        let name: String = name.extract()?;
        if !value.is_none() {
            let value = from_python(&value, &name)?;
            table.insert(name, value);
        }
    }
    Ok(table)
}

/// One of the names of an option.
pub fn named<T: FromStr<Err = String>>(option: &str, name: &str) -> anyhow::Result<T> {
    name.parse().map_err(|expected| anyhow!("{option}: {expected}"))
}
