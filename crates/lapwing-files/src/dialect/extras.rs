//! The arrays that a data set carries along.

use serde_json::Value as Json;

use crate::metadata::{self, json_of};
use crate::npy::{Array, Values};
use crate::npz::Archive;
use crate::pickle::{self, Value};
use crate::{Error, ReadOptions};

/// Reads every array that is not among `known`. Arrays of Python objects become arrays of text or
/// numbers.
pub(super) fn read(
    archive: &Archive,
    known: &[&str],
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Array)>, Error> {
    let told = |name: &str| options.leaves_out(name);
    let others = archive.names().filter(|name| !known.contains(name) && *name != metadata::KEY);
    let (left_out, names): (Vec<&str>, Vec<&str>) = others.partition(|name| told(name));
    notes.extend(left_out.iter().map(|name| format!("{name}: left out, as specified")));
    let mut extras = Vec::new();
    for (name, array) in names.iter().copied().zip(archive.read_all(&names)?) {
        let kept = match array.values() {
            Values::Object(pickled) => {
                let refused = |source| Error::Pickle {
                    path: archive.path().to_owned(),
                    key: name.to_owned(),
                    source,
                };
                let plain = pickle::load(pickled).and_then(plain).map_err(refused)?;
                match &plain {
                    Some(plain) => {
                        notes.push(format!("{name}: Python objects converted to {}", plain.dtype()))
                    }
                    None => notes.push(format!("{name}: left out, it holds None")),
                }
                plain
            }
            _ => Some(array),
        };
        extras.extend(kept.map(|array| (name.to_owned(), array)));
    }
    Ok(extras)
}

/// The objects as text, bytes, truth values or numbers if all are of that kind, and as JSON text
/// otherwise; `None` when they are nothing but a single `None`.
fn plain(value: Value) -> Result<Option<Array>, pickle::PickleError> {
    let (shape, items) = match value {
        Value::Objects(objects) => *objects,
        Value::Array(array) => return Ok(Some(*array)),
        other => (Vec::new(), vec![other]),
    };
    if shape.is_empty() && matches!(items.as_slice(), [Value::None]) {
        return Ok(None);
    }
    let array = texts(&items)
        .or_else(|| flags(&items))
        .or_else(|| integers(&items))
        .or_else(|| floats(&items));
    let array = match array {
        Some(array) => array,
        None => {
            let texts: Result<Vec<String>, String> = items
                .into_iter()
                .map(|item| json_of(item).map(|json: Json| json.to_string()))
                .collect();
            Array::texts(&texts.map_err(pickle::PickleError::Malformed)?)
        }
    };
    Ok(Some(array.reshape(shape)?))
}

fn texts(items: &[Value]) -> Option<Array> {
    let text = |item: &Value| match item {
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    };
    let texts: Vec<String> = items.iter().map(text).collect::<Option<_>>()?;
    // An array of text is padded to its longest; one long text among very many would not fit into
    // memory.
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    (longest.saturating_mul(texts.len()) <= 16 << 20).then(|| Array::texts(&texts))
}

fn flags(items: &[Value]) -> Option<Array> {
    let flag = |item: &Value| match item {
        Value::Bool(flag) => Some(*flag),
        _ => None,
    };
    items.iter().map(flag).collect::<Option<Vec<_>>>().map(Array::from)
}

fn integers(items: &[Value]) -> Option<Array> {
    let integer = |item: &Value| match item {
        Value::Int(number) => i64::try_from(*number).ok(),
        _ => None,
    };
    items.iter().map(integer).collect::<Option<Vec<_>>>().map(Array::from)
}

fn floats(items: &[Value]) -> Option<Array> {
    let float = |item: &Value| match item {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        // A gap in a column of numbers.
        Value::None => Some(f64::NAN),
        _ => None,
    };
    items.iter().map(float).collect::<Option<Vec<_>>>().map(Array::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(items: Vec<Value>) -> Array {
        plain(Value::Objects(Box::new((vec![items.len()], items)))).unwrap().unwrap()
    }

    #[test]
    fn objects_become_the_plainest_array_that_holds_them() {
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(converted(vec![text("a"), text("bcd")]), Array::texts(&["a", "bcd"]));
        assert_eq!(converted(vec![Value::Int(1), Value::Int(-2)]), Array::from(vec![1_i64, -2]));
        assert_eq!(converted(vec![Value::Int(1), Value::Float(0.5)]), Array::from(vec![1.0, 0.5]));
        assert_eq!(converted(vec![Value::Bool(true)]), Array::from(vec![true]));
        let mixed = converted(vec![Value::Dict(vec![(text("a"), Value::Int(1))]), Value::None]);
        assert_eq!(mixed, Array::texts(&[r#"{"a":1}"#, "null"]));
        assert_eq!(plain(Value::Objects(Box::new((vec![], vec![Value::None])))).unwrap(), None);
    }
}
