//! Warnings of Python.

use crate::failure::Result;
use pyo3::prelude::*;
use std::path::Path;

/// Warns of a file that was there before, where it was `replaced`.
pub fn of_replaced(py: Python<'_>, replaced: bool, path: &Path) -> Result<()> {
    if replaced {
        let text = format!("replaced {}, which was there already", path.display());
        py.import("warnings")?.call_method1("warn", (text,))?;
    }
    Ok(())
}
