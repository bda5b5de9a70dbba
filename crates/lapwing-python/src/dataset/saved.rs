//! Data sets written to files.

use crate::failure::Result;
use crate::warning::of_replaced;
use crate::work::alone;
use anyhow::anyhow;
use lapwing_files::Dataset;
use lapwing_files::npz::Packing;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Writes a data set, whose object pixel is that of the file it was read from, in the format that
/// the end of `path` says, and returns the files.
pub fn saved(
    py: Python<'_>,
    of: &Dataset,
    pixel: Option<(f64, f64)>,
    path: PathBuf,
    compressed: bool,
) -> Result<Vec<PathBuf>> {
    let other = lapwing_cli::is_other_format(&path);
    let replaced = path.is_file();
    if other && compressed {
        let found = path.display();
        return Err(anyhow!("compressed: expected it with .npz, found {found}").into());
    }
    if !other {
        let packing = if compressed { Packing::Deflated } else { Packing::Stored };
        alone(py, None, || Ok(of.write_packed(&path, packing)?))?;
        of_replaced(py, replaced, &path)?;
        return Ok(vec![path]);
    }
    let name = "the data set";
    let written = alone(py, None, || lapwing_cli::write_as(of, &path, pixel, name))?;
    of_replaced(py, replaced, &path)?;
    let warnings = py.import("warnings")?;
    for note in written.notes {
        warnings.call_method1("warn", (note,))?;
    }
    Ok(written.files)
}
