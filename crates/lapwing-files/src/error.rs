//! What can go wrong with files, in words that say what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::npy::NpyError;
use crate::pickle::PickleError;
use crate::{ArrayInfo, open};

/// One way in which a file breaks a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The array or metadata field concerned.
    pub key: String,
    /// What the contract asks for.
    pub expected: String,
    /// What the file holds.
    pub found: String,
}

impl Problem {
    /// A problem with `key`.
    pub fn new(
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.key, self.expected, self.found)
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: std::io::Error,
    },
    /// A plain `.npy` file is unreadable.
    #[error("{}: {source}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NpyError,
    },
    /// The archive itself is damaged, hostile, or no archive.
    #[error("{}: {reason}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One array of an archive is unreadable.
    #[error("{}: array `{key}`: {source}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array's name.
        key: String,
        /// What is wrong with it.
        source: NpyError,
    },
    /// The coordinates of positions do not belong together.
    #[error("{}: {wrong}: expected ({expected},), as long as {other}, found ({found},)", path.display())]
    Coordinates {
        /// The file.
        path: PathBuf,
        /// The one that the patterns do not fit, or the shorter one.
        wrong: &'static str,
        /// How many numbers it has.
        found: usize,
        /// The other one.
        other: &'static str,
        /// How many numbers that has.
        expected: usize,
    },
    /// The archive has no array of that name.
    #[error("{}: no array `{key}`; the file holds {}", path.display(), listed(names))]
    NoSuchArray {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        key: String,
        /// The names there are.
        names: Vec<String>,
    },
    /// An array of Python objects cannot be kept.
    #[error("{}: array `{key}` holds Python objects that are not read: {source}; leave `{key}` out, or save it as numbers or text", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// The array's name.
        key: String,
        /// What the pickle asked for.
        source: PickleError,
    },
    /// An HDF5 file, or one object of it, cannot be read or written.
    #[error("{}: `{object}`: {reason}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// Path of the object inside it; `/` for the file as a whole.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The metadata are there but cannot be read.
    #[error(transparent)]
    Metadata(Box<UnreadableMetadata>),
    /// The file can be understood in more than one way.
    #[error("{}: `{key}` is ambiguous: {reason}; {remedy}", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// The array, or the fact, that is not clear.
        key: String,
        /// What cannot be decided.
        reason: String,
        /// What to say to decide it.
        remedy: String,
    },
    /// There is no room for patterns that are kept in a scratch file.
    #[error(
        "cannot keep the patterns in a scratch file in {}: {source}; it may need {:.1} GB there: name a folder \
         with that much room",
        folder.display(),
        *bytes as f64 / 1e9
    )]
    Scratch {
        /// Where the file would be.
        folder: PathBuf,
        /// Bytes that it may come to.
        bytes: u64,
        /// What the system says.
        source: std::io::Error,
    },
    /// No array, or more than one, could be the object of a reconstruction.
    #[error(
        "{}: expected one of {} or exactly one complex array (y, x), found {}; name the one to take",
        path.display(),
        usual.join(", "),
        described(arrays)
    )]
    WhichObject {
        /// The file.
        path: PathBuf,
        /// Names that objects usually have.
        usual: Vec<String>,
        /// What there is.
        arrays: Vec<ArrayInfo>,
    },
    /// Nobody waits for what is read any more (see [`crate::stop`]).
    #[error("stopped while a file was read")]
    Stopped,
    /// The contract is broken; all problems at once.
    #[error("{}: the data set breaks its contract:{}", path.display(), bulleted(problems))]
    Contract {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
}

/// Metadata that are there but cannot be read, with what there is.
#[derive(Debug, thiserror::Error)]
#[error("{}: `{key}` is unreadable: {reason} (dtype {dtype}, shape {shape:?}, first bytes {first_bytes})", path.display())]
pub struct UnreadableMetadata {
    /// The file.
    pub path: PathBuf,
    /// The array's name.
    pub key: String,
    /// Its dtype as stored.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The first bytes of its data, escaped.
    pub first_bytes: String,
    /// Why it cannot be read.
    pub reason: String,
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn hdf5(path: &Path, object: &str, reason: impl Into<String>) -> Self {
        let reason = open::in_plain_words(&reason.into());
        Self::Hdf5 { path: path.to_owned(), object: object.to_owned(), reason }
    }

    pub(crate) fn archive(path: &Path, reason: impl Into<String>) -> Self {
        Self::Archive { path: path.to_owned(), reason: reason.into() }
    }
}

fn bulleted(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  - {problem}")).collect()
}

fn described(arrays: &[ArrayInfo]) -> String {
    let each = |array: &ArrayInfo| format!("{} {} {:?}", array.name, array.dtype, array.shape);
    match arrays {
        [] => "no array".to_owned(),
        arrays => arrays.iter().map(each).collect::<Vec<_>>().join(", "),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no arrays".to_owned() } else { names.join(", ") }
}
