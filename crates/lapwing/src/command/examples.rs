//! `lapwing examples`: the files that the guides begin with, for those who have no repository.

use crate::output::{Output, counted};
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Names within the folder, and what they hold. Published crates have no files from outside their
/// own folder, so these are copies of the repository's `examples`, which a test compares.
const FILES: [(&str, &[u8]); 3] = [
    ("quick.toml", include_bytes!("../../examples/quick.toml")),
    ("fly64.toml", include_bytes!("../../examples/fly64.toml")),
    ("electrons/sunflower.npz", include_bytes!("../../examples/electrons/sunflower.npz")),
];

/// Write the example files that the guides begin with
///
/// A small study (quick.toml), the reference study (fly64.toml) and a raw 4D-STEM stack
/// (electrons/sunflower.npz). Files that are there already stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lapwing examples\n  \
    lapwing study run examples/quick.toml --output quick")]
pub struct Examples {
    /// Folder for the files; it is made
    #[arg(long, value_name = "DIR", default_value = "examples")]
    output: PathBuf,
}

impl Examples {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let paths = FILES.map(|(name, _)| self.output.join(name));
        for (path, (_, bytes)) in paths.iter().zip(FILES) {
            write_new(path, bytes, output)?;
        }
        let words = format!("{} in {}", counted(FILES.len(), "file"), self.output.display());
        output.result(&json!({ "folder": self.output, "files": paths }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes what is not there yet, and says where something else is.
fn write_new(path: &Path, bytes: &[u8], output: Output) -> anyhow::Result<()> {
    if path.exists() {
        if fs::read(path).is_ok_and(|there| there != bytes) {
            output.note(format_args!(
                "{}: another file of this name is there, and stays",
                path.display()
            ));
        }
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{}: expected a folder for --output", folder.display()))?;
    }
    lapwing_files::atomic::write_bytes(path, bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a checkout; a published crate has no repository around it.
    #[test]
    fn they_are_those_of_the_repository() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        for (name, bytes) in FILES {
            assert!(fs::read(repository.join(name)).is_ok_and(|there| there == bytes), "{name}");
        }
    }
}
