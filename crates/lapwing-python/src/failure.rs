//! Errors as Python's own: `OSError` when the system said no, `ValueError` otherwise, with the
//! command line's messages, in which keywords stand for its flags.

use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyOSError, PyPermissionError, PyValueError,
};
use pyo3::prelude::*;
use std::io;

/// What every function of the module fails with.
pub struct Failure(anyhow::Error);

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Failure>;

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<Failure> for PyErr {
    fn from(Failure(error): Failure) -> Self {
        // What Python raised, in a callback or for Ctrl-C, is raised again.
        let error = match error.downcast::<Self>() {
            Ok(raised) => return raised,
            Err(error) => error,
        };
        let message = with_keywords(&lapwing_cli::message(&error));
        let system =
            error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        match system {
            // The system had no say in these: the contents are wrong.
            None
            | Some(
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput,
            ) => PyValueError::new_err(message),
            Some(io::ErrorKind::NotFound) => PyFileNotFoundError::new_err(message),
            Some(io::ErrorKind::PermissionDenied) => PyPermissionError::new_err(message),
            Some(io::ErrorKind::AlreadyExists) => PyFileExistsError::new_err(message),
            Some(_) => PyOSError::new_err(message),
        }
    }
}

/// A message with keywords for the flags of the command line: `pixel_size_m` for `--pixel-size-m`.
/// A command that stands in backticks keeps its flags.
pub fn with_keywords(message: &str) -> String {
    let parts = message.split('`').map(|part| match part.starts_with("lapwing ") {
        true => part.to_owned(),
        false => without_dashes(part),
    });
    parts.collect::<Vec<_>>().join("`")
}

fn without_dashes(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("--") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
        let name = after[..end].trim_end_matches('-');
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        told.push_str(before);
        if inside || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            told.push_str("--");
            rest = after;
        } else {
            told.push_str(&name.replace('-', "_"));
            rest = &after[name.len()..];
        }
    }
    told + rest
}
