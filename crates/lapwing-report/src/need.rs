//! A cell of a table of answers.

use serde::Serialize;

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
}
