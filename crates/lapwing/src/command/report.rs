//! `lapwing report`: the report of a study folder.

use crate::output::Output;
use clap::Args;
use lapwing_study::StudyFolder;
use lapwing_study::design::Goal;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Make the report of a study again: one HTML page and the tables
#[derive(Debug, Args)]
#[command(
    after_help = "Examples: write quick/report/index.html, results.csv and results.json\n  lapwing report quick\n  \
        lapwing report quick --goal resolution=30nm --pixel-size-m 1e-8"
)]
pub struct Report {
    /// The study's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The quality that the answer in words is about, for example phase_ssim=0.85 or
    /// resolution=30nm; may be repeated
    #[arg(long, value_name = "METRIC=VALUE", value_parser = goal)]
    goal: Vec<Goal>,
    /// Side of an object pixel, for nanometres and photons per area of a study whose data do not
    /// tell it; stands before the one that a search has kept, and must not contradict the data
    #[arg(long, value_name = "METRES", value_parser = crate::value::positive)]
    pixel_size_m: Option<f64>,
}

/// As `lapwing study search` takes it too.
fn goal(text: &str) -> Result<Goal, String> {
    Goal::parse(text).map_err(|error| error.to_string())
}

impl Report {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let goals = self.goal.iter().map(|goal| (goal.metric.clone(), goal.value())).collect();
        let paths = lapwing_report::write_sized(&self.folder, &goals, self.pixel_size_m)?;
        let kept = || StudyFolder::new(&self.folder).design().ok()??.goal?.pixel_size_m;
        if let Some((told, kept)) = self.pixel_size_m.and_then(|told| Some((told, kept()?)))
            && (told / kept - 1.0).abs() > 1e-6
        {
            output.note(format_args!(
                "--pixel-size-m: {told:e} m stands before the {kept:e} m in [goal] of the study\u{2019}s \
                 design, in this report"
            ));
        }
        let record = json!({ "html": paths.html, "csv": paths.csv, "json": paths.json, "figures": paths.figures });
        output.result(&record, format_args!("wrote {}", paths.html.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
