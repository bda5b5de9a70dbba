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
    goal: Vec<(String, f64)>,
}

/// A metric's name and a finite number, as `lapwing study search` takes them too.
fn goal(text: &str) -> Result<(String, f64), String> {
    if let Ok(goal) = Goal::parse(text) {
        return Ok((goal.metric.clone(), goal.value()));
    }
    let (name, value) =
        text.split_once('=').ok_or("expected METRIC=VALUE, for example phase_ssim=0.85")?;
    Ok((name.trim().to_owned(), crate::value::number(value.trim())?))
}

impl Report {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let paths = lapwing_report::write_with(&self.folder, &self.goal.iter().cloned().collect())?;
        let record = json!({ "html": paths.html, "csv": paths.csv, "json": paths.json, "figures": paths.figures });
        output.result(&record, format_args!("wrote {}", paths.html.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
