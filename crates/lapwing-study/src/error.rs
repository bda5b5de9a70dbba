//! Everything that can go wrong in a study.

use std::path::{Path, PathBuf};

/// Why a step of a study was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file or folder could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done, for example `cannot read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A JSON record does not have the expected form.
    #[error("{} is not a valid {what}: {source}; it may come from another version: move it away to start afresh", path.display())]
    Json {
        /// Kind of record.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where and why the parser stopped.
        source: serde_json::Error,
    },
}

impl StudyError {
    /// An [`StudyError::Io`] for use in `map_err`.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
