//! `lapwing report`: the report of a study folder.

use crate::output::Output;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Make the report of a study again: one HTML page and the tables
#[derive(Debug, Args)]
#[command(
    after_help = "Example: writes quick/report/index.html, results.csv and results.json\n  lapwing report quick"
)]
pub struct Report {
    /// The study's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Report {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let paths = lapwing_report::write(&self.folder)?;
        let record = json!({ "html": paths.html, "csv": paths.csv, "json": paths.json });
        output.result(&record, format_args!("wrote {}", paths.html.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
