//! Which scan a command reads: `FILE` or `--input FILE`, the same for all of them.

use clap::Args;
use std::path::{Path, PathBuf};

/// A scan; exactly one of the two ways to name it.
#[derive(Debug, Clone, Args)]
#[group(id = "scan", required = true, multiple = false)]
pub struct ScanFile {
    /// The scan, in any format that is read
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same, by name
    #[arg(long, alias = "input-npz", value_name = "FILE")]
    input: Option<PathBuf>,
}

impl ScanFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.file.as_deref().or(self.input.as_deref()).expect("clap requires one of the two")
    }
}
