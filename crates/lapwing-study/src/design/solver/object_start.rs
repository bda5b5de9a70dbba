//! The object that a reconstruction starts from, or the reconstruction that it goes on from.

use lapwing_files::Reconstruction;
use lapwing_solve::solver::options::{Typed, Value};
use serde::ser::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a reconstruction starts from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ObjectStart {
    /// Transmission 1 everywhere.
    #[default]
    Flat,
    /// The file's `objectGuess`. In simulated data that is the truth, so no result started from it
    /// means anything.
    Guess,
    /// Where the reconstruction in this file ended: its object, and where it has them its probe,
    /// its positions, and how its probe varies.
    File(PathBuf),
    /// The same of one that was read from a file, or was in memory from the beginning.
    Given {
        /// What ended there.
        made: Arc<Reconstruction>,
        /// Its file.
        file: Option<PathBuf>,
    },
}

impl ObjectStart {
    /// The words that are no files.
    pub(super) const WORDS: &'static [&'static str] = &["flat", "guess"];

    /// A reconstruction in memory.
    pub fn given(made: Reconstruction) -> Self {
        Self::Given { made: Arc::new(made), file: None }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::Given { file: Some(file), .. } => Some(file),
            Self::Flat | Self::Guess | Self::Given { file: None, .. } => None,
        }
    }

    /// The word, or the file. Records call a reconstruction in memory `given`.
    fn name(&self) -> String {
        match (self, self.file()) {
            (_, Some(file)) => file.to_string_lossy().into_owned(),
            (Self::Flat, None) => "flat".to_owned(),
            (Self::Guess, None) => "guess".to_owned(),
            (_, None) => "given".to_owned(),
        }
    }
}

impl Typed for ObjectStart {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Word(self.name()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Word(word) if word == "flat" => Some(Self::Flat),
            Value::Word(word) if word == "guess" => Some(Self::Guess),
            Value::Word(word) => Some(Self::File(PathBuf::from(word))),
            _ => None,
        }
    }
}

impl std::fmt::Display for ObjectStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for ObjectStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}
