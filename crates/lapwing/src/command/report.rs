//! `lapwing report`: the report of a study folder.

use crate::output::Output;
use clap::Args;
use lapwing_study::design::Goal;
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
    /// The quality that the answer in words is about, for example phase_ssim=0.85 or
    /// resolution=30nm; may be repeated
    #[arg(long, value_name = "METRIC=VALUE", value_parser = goal)]
    goal: Vec<Goal>,
}

/// As `lapwing study search` takes it too.
fn goal(text: &str) -> Result<Goal, String> {
    Goal::parse(text).map_err(|error| error.to_string())
}

impl Report {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let goals = self.goal.iter().map(|goal| (goal.metric.clone(), goal.value())).collect();
        let paths = lapwing_report::write_with(&self.folder, &goals)?;
        let record = json!({ "html": paths.html, "csv": paths.csv, "json": paths.json, "figures": paths.figures });
        output.result(&record, format_args!("wrote {}", paths.html.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
