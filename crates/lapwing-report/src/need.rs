//! A cell of a table of answers.

use serde::Serialize;

/// What stands in place of a number that is unreliable.
pub(crate) const NOT_TOLD: &str = "not told";

/// A cell: the answer and its uncertainty, or what else belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Need {
    pub text: String,
    pub within: Option<String>,
}

impl Need {
    /// Nothing was measured.
    pub fn nothing() -> Self {
        Self { text: "\u{2013}".to_owned(), within: None }
    }

    /// What was measured is unreliable.
    pub fn not_told() -> Self {
        Self { text: NOT_TOLD.to_owned(), within: None }
    }
}
