//! `_metadata`: one JSON object, however it is stored.
//!
//! [`read`] finds it in an archive in every encoding of the field. Absent is `None`; present but
//! unreadable is an error that shows what is there, never a silent nothing.

mod decode;
mod view;

use serde_json::{Map, Value, json};

pub(crate) use decode::to_json as json_of;
pub use view::{SelectionStrategy, ViewMetadata};

use crate::error::UnreadableMetadata;
use crate::npz::Archive;
use crate::{Error, npy};

/// The `_metadata` of a data set: one JSON object, insertion order kept.
pub type Metadata = Map<String, Value>;

/// The array's name.
pub const KEY: &str = "_metadata";

/// Name of this program in the history that every tool continues.
pub const TOOL: &str = "lapwing";

/// What the history of a data set calls its simulation.
pub const SIMULATED: &str = "simulate";

/// Entry of the physics: side of square patterns, pixels.
pub(crate) const SIDE: &str = "N";

/// What the history calls the reading of another form.
pub(crate) const READ: &str = "read";

/// Most bytes that the array may have: 16 million characters.
const MAX_BYTES: u64 = 64 << 20;
/// Bytes of unreadable metadata that the error shows.
const SHOWN: u64 = 48;

/// Reads the metadata of an archive; `None` when it has none.
///
/// Understood are: unicode and byte strings and pickled `str`, `bytes` and `dict`, each 0-d or with
/// one element in any number of axes, and a `uint8` vector of UTF-8; stored or deflated. JSON's
/// text may hold `NaN` and `Infinity`, as Python writes them; they become `null`.
///
/// # Errors
/// [`Error::Metadata`] with dtype, shape and first bytes when the array is no metadata;
/// [`Error::Array`] when it is damaged.
pub fn read(archive: &Archive) -> Result<Option<Metadata>, Error> {
    if !archive.contains(KEY) {
        return Ok(None);
    }
    let header = archive.header(KEY)?;
    let unreadable = |reason: String| {
        Error::Metadata(Box::new(UnreadableMetadata {
            path: archive.path().to_owned(),
            key: KEY.to_owned(),
            dtype: header.dtype_name(),
            shape: header.shape.clone(),
            first_bytes: shown(archive, &header.dtype_name()),
            reason,
        }))
    };
    if header.data_bytes().ok().flatten().is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(unreadable(format!("it is larger than the {MAX_BYTES} bytes allowed")));
    }
    match archive.read(KEY) {
        Ok(array) => decode::metadata(array).map(Some).map_err(unreadable),
        Err(Error::Array { source: npy::NpyError::Io(error), .. }) => {
            Err(unreadable(error.to_string()))
        }
        Err(Error::Array { source, .. }) => Err(unreadable(source.to_string())),
        Err(other) => Err(other),
    }
}

/// The beginning of the array as text where it is text, else as bytes.
fn shown(archive: &Archive, dtype: &str) -> String {
    // Four bytes a character, in the order that the sign before the U tells.
    let little = match dtype.get(..2) {
        Some("<U") => true,
        Some(">U") => false,
        _ => return format!("b\"{}\"", archive.first_bytes(KEY, SHOWN).escape_ascii()),
    };
    let bytes = archive.first_bytes(KEY, 4 * SHOWN);
    let code = |bytes: &[u8; 4]| match little {
        true => u32::from_le_bytes(*bytes),
        false => u32::from_be_bytes(*bytes),
    };
    let (characters, _) = bytes.as_chunks::<4>();
    let text: String = characters
        .iter()
        .map(|bytes| char::from_u32(code(bytes)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    format!("{text:?}")
}

/// The metadata as the 0-d unicode array that [`Dataset::write`](crate::Dataset::write) stores.
pub fn to_array(metadata: &Metadata) -> npy::Array {
    // A JSON object has no reason to fail as text.
    npy::Array::text(&Value::Object(metadata.clone()).to_string())
}

/// Appends an entry to `data_transformations`, the history that every tool continues.
///
/// A history that is no list becomes the first entry of one.
///
/// ```
/// use lapwing_files::metadata::append_transformation;
/// let mut metadata = serde_json::Map::new();
/// let detail = serde_json::json!({"axis": "y", "fraction": 0.5});
/// append_transformation(&mut metadata, "lapwing", "split", detail);
/// assert_eq!(metadata["data_transformations"][0]["operation"], "split");
/// ```
pub fn append_transformation(
    metadata: &mut Metadata,
    tool: &str,
    operation: &str,
    parameters: Value,
) {
    let entry = json!({"tool": tool, "operation": operation, "parameters": parameters});
    let history =
        metadata.entry("data_transformations").or_insert_with(|| Value::Array(Vec::new()));
    match history {
        Value::Array(entries) => entries.push(entry),
        Value::Null => *history = json!([entry]),
        _ => *history = json!([history.take(), entry]),
    }
}

/// Whether Lapwing simulated the data, whatever was made of them afterwards.
pub fn is_simulated(metadata: &Metadata) -> bool {
    let entries = metadata.get("data_transformations").and_then(Value::as_array);
    entries.is_some_and(|entries| entries.iter().any(is_simulation))
}

fn is_simulation(entry: &Value) -> bool {
    entry["tool"] == TOOL && entry["operation"] == SIMULATED
}

/// What the history tells of the patterns themselves: all of it, or, where Lapwing simulated them,
/// from the last simulation on. What is before that was done to its base, whose history stays.
pub fn history(metadata: &Metadata) -> &[Value] {
    let entries = metadata.get("data_transformations").and_then(Value::as_array);
    let entries = entries.map_or(&[][..], Vec::as_slice);
    &entries[entries.iter().rposition(is_simulation).unwrap_or(0)..]
}

/// Writes into the last entry of the history when it was made, as text; an entry that tells already
/// stays.
pub fn stamp_transformation(metadata: &mut Metadata, time: &str) {
    let history = metadata.get_mut("data_transformations").and_then(Value::as_array_mut);
    if let Some(Value::Object(last)) = history.and_then(|entries| entries.last_mut()) {
        last.entry("timestamp").or_insert_with(|| time.into());
    }
}

/// A value without the one-element lists around it, which NumPy arrays of one element become.
pub(crate) fn bare(mut value: &Value) -> &Value {
    while let Value::Array(items) = value
        && let [only] = items.as_slice()
    {
        value = only;
    }
    value
}

/// A number of `physics_parameters`, also in a list of its own; `None` when it is absent or no
/// finite number.
pub fn physics_parameter(metadata: &Metadata, name: &str) -> Option<f64> {
    let value = bare(metadata.get("physics_parameters")?.get(name)?);
    value.as_f64().filter(|number| number.is_finite())
}

/// The dose: photons per pattern on average (`physics_parameters.nphotons`), when it is a positive
/// number.
pub fn nphotons(metadata: &Metadata) -> Option<f64> {
    physics_parameter(metadata, "nphotons").filter(|&photons| photons > 0.0)
}

/// The scale s of counts = (s x amplitude)^2 (`physics_parameters.intensity_scale`), when it is a
/// positive number.
pub fn intensity_scale(metadata: &Metadata) -> Option<f64> {
    physics_parameter(metadata, "intensity_scale").filter(|&scale| scale > 0.0)
}

/// Sets an entry of `physics_parameters`. Something else of that name than an object is replaced.
pub fn set_physics_parameter(metadata: &mut Metadata, name: &str, value: impl Into<Value>) {
    let parameters = metadata.entry("physics_parameters").or_insert_with(|| json!({}));
    if !parameters.is_object() {
        *parameters = json!({});
    }
    parameters[name] = value.into();
}

/// Takes an entry of `physics_parameters` away, where it is there.
pub fn remove_physics_parameter(metadata: &mut Metadata, name: &str) {
    let parameters = metadata.get_mut("physics_parameters").and_then(Value::as_object_mut);
    parameters.and_then(|parameters| parameters.remove(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_grows_whatever_it_was() {
        for (before, length) in
            [(json!(null), 1), (json!([{"tool": "x"}]), 2), (json!("cropped"), 2)]
        {
            let mut metadata = Metadata::new();
            metadata.insert("data_transformations".into(), before);
            append_transformation(&mut metadata, "lapwing", "split", json!({}));
            let history = metadata["data_transformations"].as_array().unwrap();
            assert_eq!(history.len(), length);
            assert_eq!(history[length - 1]["tool"], "lapwing");
            stamp_transformation(&mut metadata, "now");
            stamp_transformation(&mut metadata, "later");
            assert_eq!(metadata["data_transformations"][length - 1]["timestamp"], "now");
        }
        stamp_transformation(&mut Metadata::new(), "now");
    }

    #[test]
    fn the_scale_must_be_a_positive_number() {
        let mut metadata = Metadata::new();
        assert_eq!(intensity_scale(&metadata), None);
        set_physics_parameter(&mut metadata, "intensity_scale", 12.5);
        assert_eq!(intensity_scale(&metadata), Some(12.5));
        set_physics_parameter(&mut metadata, "intensity_scale", json!([[12.5]]));
        assert_eq!(intensity_scale(&metadata), Some(12.5));
        for bad in [json!(0.0), json!(-1), json!("12.5"), json!(null), json!([]), json!([1, 2])] {
            set_physics_parameter(&mut metadata, "intensity_scale", bad);
            assert_eq!(intensity_scale(&metadata), None);
        }
    }
}
