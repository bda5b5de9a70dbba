//! `lapwing experiment`: files that describe an experiment.

use crate::output::Output;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use lapwing_files::{atomic, experiment};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Describe an experiment once, for all commands that read its files
///
/// An experiment file (TOML) holds what the file of the patterns does not say: beam, optics,
/// detector, scan. `--experiment FILE` of every command that reads a scan takes it, `[base]
/// experiment` of a study, and `experiment=` in Python.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lapwing experiment init scan.toml\n  lapwing reconstruct --input scan.npz --experiment scan.toml --output scan"
)]
pub struct Experiment {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a file with every key as a remark, to be filled in
    ///
    /// Take the # from the lines that say what the file of the patterns does not, and write their
    /// values; what stays a remark is not set.
    #[command(
        after_help = "Example: fill in what you know, then see what becomes of it\n  lapwing experiment init scan.toml\n  lapwing inspect scan.npz --experiment scan.toml"
    )]
    Init {
        /// The file to write; one that exists stays as it is
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Experiment {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let What::Init { file } = &self.what;
        if file.exists() {
            bail!("{}: it exists already; name a new file, or remove it first", file.display());
        }
        atomic::write_bytes(file, experiment::template())
            .with_context(|| format!("cannot write {}", file.display()))?;
        let words = format!(
            "{}: take the # from the lines that you know, then: lapwing inspect SCAN --experiment {}",
            file.display(),
            file.display()
        );
        output.result(&json!({ "file": file }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}
