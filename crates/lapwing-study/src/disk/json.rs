//! Records as JSON files.

use crate::disk::path::is_missing;
use crate::{Result, StudyError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a JSON record; `None` when the file does not exist.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(StudyError::io("cannot read", path)(error)),
    };
    let parsed = serde_json::from_slice(&text);
    parsed.map(Some).map_err(|source| StudyError::Json { what, path: path.to_path_buf(), source })
}

/// Writes a record as indented JSON, atomically.
pub(crate) fn write_json(path: &Path, record: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(record).map_err(|source| StudyError::Json {
        what: "record",
        path: path.to_path_buf(),
        source,
    })?;
    lapwing_files::atomic::write_bytes(path, text).map_err(StudyError::io("cannot write", path))
}
