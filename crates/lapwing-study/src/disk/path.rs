//! Small services around paths.

use crate::{Result, StudyError};
use std::path::{Path, PathBuf};

/// `path` as it is written into records: absolute where that is known.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Removes a file; it is no error when there is none.
pub(crate) fn remove_if_there(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StudyError::io("cannot remove", file)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the folder of a file.
pub(crate) fn make_folder_of(file: &Path) -> Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(StudyError::io("cannot create", dir))
}
