//! Which files a study has made, from what: finished steps are recognised by it and not repeated.

use crate::Result;
use crate::disk::hash;
use crate::disk::json::{read_json, write_json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The record beside the study's design: file (relative to the study) to how it was made.
#[derive(Debug)]
pub(crate) struct Ledger {
    root: PathBuf,
    entries: BTreeMap<String, Entry>,
}

/// Name of the entry of the base file; no file that a study makes has it.
const BASE: &str = "base";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Key of the inputs and options that it was made from; empty for a file that is not whole or
    /// of another design.
    key: String,
    /// SHA-256 of its contents; likewise.
    sha256: String,
    /// When it was made, which its own history does not tell: the file has the same bits whenever
    /// it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
}

impl Ledger {
    /// The ledger of the study in `root`; empty when there is none yet.
    pub fn open(root: &Path) -> Result<Self> {
        let entries = read_json(&Self::path(root), "ledger of made files")?.unwrap_or_default();
        Ok(Self { root: root.to_path_buf(), entries })
    }

    /// The content hash of `file` when it was made under `key` and has not changed since.
    pub fn current(&self, file: &Path, key: &str) -> Result<Option<String>> {
        match self.entries.get(&self.name(file)) {
            Some(entry) if entry.key == key && file.is_file() => {
                let found = hash::file(file)?;
                Ok((found == entry.sha256).then_some(found))
            }
            _ => Ok(None),
        }
    }

    /// The content hash that `file` was made with, whatever became of it since.
    pub fn hash_of(&self, file: &Path) -> Option<&str> {
        let entry = self.entries.get(&self.name(file));
        entry.map(|entry| entry.sha256.as_str()).filter(|hash| !hash.is_empty())
    }

    /// Whether nothing was made yet.
    pub fn is_new(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `file` is one that the study makes or made, also for another design: what is there
    /// under its name may be replaced.
    pub fn owns(&self, file: &Path) -> bool {
        self.entries.contains_key(&self.name(file))
    }

    /// Hash of the base file that the study's data were made from.
    pub fn base(&self) -> Option<&str> {
        self.entries.get(BASE).map(|entry| entry.sha256.as_str())
    }

    /// Notes the hash of the base file that the data are made from.
    pub fn note_base(&mut self, hash: &str) -> Result<()> {
        if self.base() == Some(hash) {
            return Ok(());
        }
        let entry = Entry { key: BASE.to_owned(), sha256: hash.to_owned(), timestamp: None };
        self.entries.insert(BASE.to_owned(), entry);
        write_json(&Self::path(&self.root), &self.entries)
    }

    /// Notes that `file` is about to be made: what lies in its place from now on is the study's,
    /// though it may be half of it.
    pub fn begin(&mut self, file: &Path) -> Result<()> {
        if self.owns(file) {
            return Ok(());
        }
        self.entries.insert(self.name(file), Entry::default());
        write_json(&Self::path(&self.root), &self.entries)
    }

    /// Whether `file` was made under `key`, whatever became of it since.
    pub fn made_under(&self, file: &Path, key: &str) -> bool {
        self.entries.get(&self.name(file)).is_some_and(|entry| entry.key == key)
    }

    /// Forgets how `file` was made: no result stands on it any more. That the study made it stays
    /// known.
    pub fn forget(&mut self, file: &Path) -> Result<()> {
        match self.entries.get_mut(&self.name(file)) {
            Some(entry) if *entry != Entry::default() => {
                *entry = Entry::default();
                write_json(&Self::path(&self.root), &self.entries)
            }
            _ => Ok(()),
        }
    }

    /// Takes `file`, which is no longer there, from the ledger.
    pub fn remove(&mut self, file: &Path) -> Result<()> {
        match self.entries.remove(&self.name(file)) {
            Some(_) => write_json(&Self::path(&self.root), &self.entries),
            None => Ok(()),
        }
    }

    /// Notes that `file` was just made under `key`; returns its content hash.
    pub fn note(&mut self, file: &Path, key: &str) -> Result<String> {
        let sha256 = hash::file(file)?;
        let timestamp = Some(Timestamp::now());
        let entry = Entry { key: key.to_owned(), sha256: sha256.clone(), timestamp };
        self.entries.insert(self.name(file), entry);
        write_json(&Self::path(&self.root), &self.entries)?;
        Ok(sha256)
    }

    fn path(root: &Path) -> PathBuf {
        root.join("made.json")
    }

    fn name(&self, file: &Path) -> String {
        let inside = file.strip_prefix(&self.root).unwrap_or(file);
        inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_current_only_with_its_key_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.npz");
        std::fs::write(&file, "one").unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(ledger.current(&file, "k").unwrap(), None);
        let begun = Timestamp::now();
        let made = ledger.note(&file, "k").unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let time = ledger.entries["data.npz"].timestamp.unwrap();
        assert!(begun <= time && time <= Timestamp::now(), "{time}");
        assert_eq!(ledger.current(&file, "k").unwrap(), Some(made));
        assert_eq!(ledger.current(&file, "other").unwrap(), None);
        std::fs::write(&file, "two").unwrap();
        assert_eq!(ledger.current(&file, "k").unwrap(), None);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(ledger.current(&file, "k").unwrap(), None);
    }

    #[test]
    fn a_file_that_was_begun_or_forgotten_is_the_studys_and_no_result_stands_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.begin(&one).unwrap();
        std::fs::write(&one, "half").unwrap();
        let known = |ledger: &Ledger, file: &Path| {
            (ledger.owns(file), ledger.hash_of(file).is_some(), ledger.made_under(file, "k"))
        };
        assert_eq!(known(&Ledger::open(folder.path()).unwrap(), &one), (true, false, false));
        ledger.note(&one, "k").unwrap();
        assert_eq!(known(&ledger, &one), (true, true, true));
        ledger.forget(&one).unwrap();
        let again = Ledger::open(folder.path()).unwrap();
        assert_eq!(known(&again, &one), (true, false, false));
        assert_eq!(again.current(&one, "").unwrap(), None);
        assert_eq!(known(&again, &two), (false, false, false));
    }
}
