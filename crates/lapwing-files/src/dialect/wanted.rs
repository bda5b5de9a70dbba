//! What is asked of a dialect.

use crate::options::ReadOptions;
use crate::patterns::Storage;

/// What is wanted of a file.
pub(super) struct Wanted<'a> {
    /// What is known of it beforehand.
    pub options: &'a ReadOptions,
    /// Where the patterns are kept.
    pub storage: &'a Storage,
}
