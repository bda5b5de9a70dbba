//! Who may work in a folder: one process alone, or several beside each other.
//!
//! The locks are those of the operating system (`flock`), which releases them when a process ends,
//! however it ends: a dead holder never blocks. They hold between machines where the file system
//! passes them on, as NFS from version 4 does, and Lustre when mounted with `flock`.

use crate::disk::layout::DESIGN;
use crate::disk::path::{absolute, make_folder};
use crate::{Result, StudyError};
use lapwing_files::atomic;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the lock file inside a folder.
pub(crate) const NAME: &str = ".lapwing.lock";

/// Length of what a holder writes about itself. Always the same, so that holders beside each other
/// leave one whole note.
const NOTE: usize = 160;

/// How often a folder that is taken is tried again, and after how long. Whoever only looks holds it
/// for an instant.
const ATTEMPTS: (usize, Duration) = (10, Duration::from_millis(10));

/// A folder or file held by this process until the value is dropped; the file that remains means
/// nothing.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Whether others may hold the same folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Alone,
    Beside,
}

impl Lock {
    /// Takes `folder` (made when it does not exist) for this process alone, or says who holds it.
    /// What killed processes had begun to write there is removed.
    ///
    /// # Errors
    /// [`StudyError::Held`] when another process has it, and a folder that cannot be written.
    pub fn acquire(folder: &Path) -> Result<Self> {
        let lock = Self::take(folder, Way::Alone)?;
        atomic::remove_abandoned(folder);
        Ok(lock)
    }

    /// Takes `folder` (made when it does not exist) beside others who do the same, or says who
    /// holds it alone.
    ///
    /// # Errors
    /// [`StudyError::Held`] when another process has it alone, and a folder that cannot be written.
    pub fn share(folder: &Path) -> Result<Self> {
        Self::take(folder, Way::Beside)
    }

    fn take(folder: &Path, way: Way) -> Result<Self> {
        make_folder(folder)?;
        let path = folder.join(NAME);
        let mut file = open(&path)?;
        for attempt in 1.. {
            let taken = match way {
                Way::Alone => file.try_lock(),
                Way::Beside => file.try_lock_shared(),
            };
            match taken {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < ATTEMPTS.0 => {
                    std::thread::sleep(ATTEMPTS.1)
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StudyError::Held {
                        folder: folder.to_path_buf(),
                        holder: told_by(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(StudyError::io("cannot lock", &path)(error));
                }
            }
        }
        introduce(&mut file, way).map_err(StudyError::io("cannot write", &path))?;
        Ok(Self { _file: file })
    }

    /// Takes `folder` alone, and the study that it is part of when it lies in one: what a study
    /// made is the study's to change.
    ///
    /// # Errors
    /// As for [`Self::acquire`].
    pub fn acquire_within(folder: &Path) -> Result<Vec<Self>> {
        let study = enclosing_study(folder);
        study.as_deref().into_iter().chain([folder]).map(Self::acquire).collect()
    }

    /// Takes `folder`, and the study that it is part of when it lies in one, beside others who do
    /// the same.
    ///
    /// # Errors
    /// As for [`Self::share`].
    pub fn share_within(folder: &Path) -> Result<Vec<Self>> {
        let study = enclosing_study(folder);
        study.as_deref().into_iter().chain([folder]).map(Self::share).collect()
    }

    /// Takes the lock file `path` (made with its folder) alone; `None` when someone holds it.
    pub(crate) fn try_file(path: &Path) -> Result<Option<Self>> {
        let mut file = open_in_its_folder(path)?;
        match file.try_lock() {
            Ok(()) => {
                introduce(&mut file, Way::Alone).map_err(StudyError::io("cannot write", path))?;
                Ok(Some(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StudyError::io("cannot lock", path)(error)),
        }
    }

    /// Takes the lock file `path` (made with its folder) alone, once whoever holds it lets it go:
    /// for what takes an instant.
    pub(crate) fn wait_for_file(path: &Path) -> Result<Self> {
        let file = open_in_its_folder(path)?;
        file.lock().map_err(StudyError::io("cannot lock", path))?;
        Ok(Self { _file: file })
    }

    /// Who holds `folder` at this moment, alone or beside others, if anyone.
    pub fn holder(folder: &Path) -> Option<String> {
        Self::holder_of_file(&folder.join(NAME))
    }

    /// Who holds the lock file `path` at this moment, if anyone.
    pub(crate) fn holder_of_file(path: &Path) -> Option<String> {
        // Some network file systems want to be able to write for a lock against all others.
        let opened =
            OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
        let mut file = opened.ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Some(told_by(&mut file)),
            _ => None,
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(StudyError::io("cannot open", path))
}

fn open_in_its_folder(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    open(path)
}

/// Writes into a lock file who holds it.
fn introduce(file: &mut File, way: Way) -> std::io::Result<()> {
    let place = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let place =
        place.split_whitespace().next().map(|name| format!(" on {name}")).unwrap_or_default();
    let beside = if way == Way::Beside { ", perhaps with others beside it" } else { "" };
    let note = format!(
        "process {}{place} since {:.0}{beside}",
        std::process::id(),
        jiff::Timestamp::now()
    );
    let mut note = note.into_bytes();
    note.resize(NOTE, b' ');
    file.rewind()?;
    file.write_all(&note)
}

/// The nearest folder above `folder` that a study was run in: it has a resolved design and a lock
/// file.
pub(crate) fn enclosing_study(folder: &Path) -> Option<PathBuf> {
    let whole = absolute(folder);
    let is_study = |above: &&Path| above.join(DESIGN).is_file() && above.join(NAME).is_file();
    whole.ancestors().skip(1).find(is_study).map(Path::to_path_buf)
}

/// What the holder wrote about itself. That is only told, so an unreadable file is no error of its
/// own.
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
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(refused.contains(" since 2"), "{refused}");
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
        assert!(
            both.len() == 2
                && Lock::acquire(folder.path()).is_err()
                && Lock::acquire(&inside).is_err()
        );
    }

    #[test]
    fn several_share_a_folder_and_none_has_it_alone_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) =
            (Lock::share(folder.path()).unwrap(), Lock::share(folder.path()).unwrap());
        drop(first);
        let refused = Lock::acquire(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("perhaps with others"), "{refused}");
        assert!(Lock::holder(folder.path()).is_some());
        drop(second);
        let alone = Lock::acquire(folder.path()).unwrap();
        assert!(Lock::share(folder.path()).is_err());
        drop(alone);
        assert_eq!(Lock::holder(folder.path()), None);
    }

    #[test]
    fn a_lock_file_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/job.lock");
        let first = Lock::try_file(&file).unwrap();
        assert!(first.is_some() && Lock::try_file(&file).unwrap().is_none());
        assert!(Lock::holder_of_file(&file).is_some_and(|holder| holder.starts_with("process")));
        drop(first);
        drop(Lock::wait_for_file(&file).unwrap());
        assert!(Lock::try_file(&file).unwrap().is_some());
    }
}
