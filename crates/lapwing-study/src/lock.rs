//! One writer for a folder at a time.

use crate::folder::DESIGN;
use crate::{Result, StudyError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the lock file inside the folder.
const NAME: &str = ".lapwing.lock";

/// A folder held by this process until the value is dropped.
///
/// The operating system releases the lock when the process ends, however it ends, so a dead holder never blocks; the
/// file that remains is empty of meaning.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes `folder` (made when it does not exist), or says who holds it.
    pub fn acquire(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(StudyError::io("cannot create", folder))?;
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StudyError::io("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StudyError::Held { folder: folder.to_path_buf(), holder: told_by(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(StudyError::io("cannot lock", &path)(error)),
        }
        let note = format!("process {} since {:.0}", std::process::id(), jiff::Timestamp::now());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()))
            .map_err(StudyError::io("cannot write", &path))?;
        Ok(Self { _file: file })
    }

    /// Takes `folder`, and the study that it is part of when it lies in one: what a study made is the study's to change.
    pub fn acquire_within(folder: &Path) -> Result<Vec<Self>> {
        let study = enclosing_study(folder);
        study.as_deref().into_iter().chain([folder]).map(Self::acquire).collect()
    }

    /// Who holds `folder` at this moment, if anyone.
    pub fn holder(folder: &Path) -> Option<String> {
        let mut file = File::open(folder.join(NAME)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(told_by(&mut file)),
            _ => None,
        }
    }
}

/// The nearest folder above `folder` that a study was run in: it has a resolved design and a lock file.
pub(crate) fn enclosing_study(folder: &Path) -> Option<PathBuf> {
    let whole = crate::plan::absolute(folder);
    let is_study = |above: &&Path| above.join(DESIGN).is_file() && above.join(NAME).is_file();
    whole.ancestors().skip(1).find(is_study).map(Path::to_path_buf)
}

/// What the holder wrote about itself. That is only told, so an unreadable file is no error of its own.
fn told_by(file: &mut File) -> String {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    match holder.trim() {
        "" => "another process".to_owned(),
        told => told.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new/folder");
        let first = Lock::acquire(&inside).unwrap();
        let refused = Lock::acquire(&inside).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {} since 2", std::process::id())), "{refused}");
        assert!(Lock::holder(&inside).is_some_and(|holder| refused.contains(&holder)));
        drop(first);
        assert_eq!(Lock::holder(&inside), None);
        Lock::acquire(&inside).unwrap();
        assert_eq!(Lock::holder(&folder.path().join("none")), None);
    }

    #[test]
    fn a_folder_of_a_study_is_held_with_the_study() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("data/dose_1000");
        // A design alone is no study that was run.
        std::fs::write(folder.path().join(DESIGN), "").unwrap();
        assert_eq!(Lock::acquire_within(&inside).unwrap().len(), 1);
        let study = Lock::acquire(folder.path()).unwrap();
        let refused = Lock::acquire_within(&inside).unwrap_err().to_string();
        assert!(refused.contains("in use by process"), "{refused}");
        drop(study);
        let both = Lock::acquire_within(&inside).unwrap();
        assert!(both.len() == 2 && Lock::acquire(folder.path()).is_err() && Lock::acquire(&inside).is_err());
    }
}
