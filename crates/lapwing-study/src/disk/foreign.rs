//! Whose files lie in a folder. What this program has not written there is its owner's, and is
//! neither replaced nor removed.
//!
//! A folder in which this program has worked has its lock file (see [`Lock`](super::lock::Lock)),
//! or a record; the names under which it writes are its own there, and so are the files of a study
//! that its ledger names. In any other folder a file of such a name is somebody else's.

use crate::disk::layout::RESULT;
use crate::disk::ledger::Ledger;
use crate::disk::lock::{NAME, enclosing_study};
use crate::disk::path::absolute;
use crate::disk::record::JobResult;
use crate::{Result, StudyError};
use std::path::{Path, PathBuf};

/// Refuses to write `files` into `folder` where some of them are there and it is not known that
/// this program wrote them. To be asked before the folder's lock is taken, which marks it.
///
/// # Errors
/// [`StudyError::Others`] with the files.
pub fn refuse(folder: &Path, files: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    if is_own(folder) {
        return Ok(());
    }
    let study = enclosing_study(folder);
    let ledger = study.map(|study| Ledger::open(&study)).transpose()?;
    let made = |file: &Path| ledger.as_ref().is_some_and(|ledger| ledger.owns(&absolute(file)));
    refuse_all(files.into_iter().filter(|file| !made(file)))
}

/// Refuses to write `files` where some of them are there.
pub(crate) fn refuse_all(files: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let there: Vec<PathBuf> = files.into_iter().filter(|file| file.exists()).collect();
    if there.is_empty() { Ok(()) } else { Err(StudyError::Others { files: there }) }
}

/// The files of a report.
pub const REPORT: [&str; 4] = ["index.html", "results.csv", "results.json", "study_answer.json"];

/// Refuses a folder for a report in which files of others have the names of a report's; one of this
/// program has at least one file that says so.
///
/// # Errors
/// [`StudyError::Others`] with the files.
pub fn refuse_report(folder: &Path) -> Result<()> {
    let says_so = |name: &&str| {
        let text = std::fs::read(folder.join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let signs = ["\"generator\": \"lapwing ", "name=\"generator\" content=\"Lapwing "];
        signs.iter().any(|sign| text.contains(sign))
    };
    match REPORT.iter().any(says_so) {
        true => Ok(()),
        false => refuse_all(REPORT.map(|name| folder.join(name))),
    }
}

/// Whether this program has worked in a folder.
fn is_own(folder: &Path) -> bool {
    folder.join(NAME).is_file() || has_record(folder)
}

/// Whether a folder holds the record of a reconstruction.
pub(crate) fn has_record(folder: &Path) -> bool {
    let record = std::fs::read(folder.join(RESULT)).ok();
    record.is_some_and(|text| serde_json::from_slice::<JobResult>(&text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::lock::Lock;

    #[test]
    fn a_file_in_a_folder_that_was_never_worked_in_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let files = || ["phase.png", "log.txt"].map(|name| folder.path().join(name));
        refuse(folder.path(), files()).unwrap();
        std::fs::write(&files()[0], "a painting").unwrap();
        let told = refuse(folder.path(), files()).unwrap_err().to_string();
        assert!(told.contains("phase.png") && !told.contains("log.txt"), "{told}");
        // A record of that name which is none does not make it ours.
        std::fs::write(folder.path().join(RESULT), "{\"status\": \"mine\"}").unwrap();
        assert!(refuse(folder.path(), files()).is_err());
        drop(Lock::acquire(folder.path()).unwrap());
        refuse(folder.path(), files()).unwrap();
    }
}
