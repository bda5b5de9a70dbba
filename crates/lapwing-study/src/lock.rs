//! One writer for a folder at a time.

use crate::{Result, StudyError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

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

    /// Who holds `folder` at this moment, if anyone.
    pub fn holder(folder: &Path) -> Option<String> {
        let mut file = File::open(folder.join(NAME)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(told_by(&mut file)),
            _ => None,
        }
    }
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
}
