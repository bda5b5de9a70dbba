//! Small services around paths.

use crate::{Result, StudyError};
use lapwing_files::atomic;
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

/// Removes what killed processes had begun to write in `folder` and the folders in it.
pub(crate) fn remove_abandoned_below(folder: &Path) {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        atomic::remove_abandoned(&folder);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let inside = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(inside.map(|entry| entry.path()));
    }
}

/// Whether nothing is there: no such file, or a file where its folder would be.
pub(crate) fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Makes the folder of a file.
pub(crate) fn make_folder_of(file: &Path) -> Result<()> {
    make_folder(file.parent().unwrap_or(Path::new(".")))
}

/// Makes a folder, with those that it lies in; one that is there is right.
///
/// # Errors
///
/// [`StudyError::FileForFolder`] where a file has its name or that of a folder around it.
pub fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        match folder.ancestors().find(|part| part.is_file()) {
            Some(file) => {
                StudyError::FileForFolder { folder: folder.to_path_buf(), file: file.to_path_buf() }
            }
            None => StudyError::io("cannot create", folder)(error),
        }
    })
}
