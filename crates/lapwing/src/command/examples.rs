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
const FILES: [(&str, &[u8]); 9] = [
    ("quick.toml", include_bytes!("../../examples/quick.toml")),
    ("fly64.toml", include_bytes!("../../examples/fly64.toml")),
    ("siemens-star.toml", include_bytes!("../../examples/siemens-star.toml")),
    ("star-search.toml", include_bytes!("../../examples/star-search.toml")),
    ("electrons/sunflower.npz", include_bytes!("../../examples/electrons/sunflower.npz")),
    ("electrons/make.py", include_bytes!("../../examples/electrons/make.py")),
    ("pty-chi/README.md", include_bytes!("../../examples/pty-chi/README.md")),
    ("pty-chi/study.toml", include_bytes!("../../examples/pty-chi/study.toml")),
    ("pty-chi/reconstruct.py", include_bytes!("../../examples/pty-chi/reconstruct.py")),
];

/// Write the example files that the guides begin with
///
/// Designs of studies: a small one (quick.toml), the reference study (fly64.toml), two of a
/// measured scan (siemens-star.toml, whose head says where to get it, and star-search.toml) and one
/// with pty-chi as a solver (pty-chi); and a raw 4D-STEM stack (electrons). Files that are there
/// already stay as they are.
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
        lapwing_study::make_folder(folder)?;
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
        let (mut folders, mut missing) = (vec![repository.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                let name = path.strip_prefix(&repository).unwrap().to_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !FILES.iter().any(|(file, _)| Path::new(file) == name) {
                    missing.push(name);
                }
            }
        }
        assert!(missing.is_empty(), "`lapwing examples` does not write {missing:?}");
    }
}
