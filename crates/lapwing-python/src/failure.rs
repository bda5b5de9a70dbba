//! Errors as Python's own: `OSError` when the system said no, `ValueError` otherwise, with the
//! command line's messages.

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
        let message = lapwing_cli::message(&error);
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
