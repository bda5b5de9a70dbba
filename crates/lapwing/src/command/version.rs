//! `lapwing version`: what is installed.

use crate::output::Output;
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// Say which version this is, and whether it knows graphics cards
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lapwing version --json")]
pub struct Version {}

impl Version {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let version = env!("CARGO_PKG_VERSION");
        let gpu = cfg!(feature = "gpu");
        let cards = if gpu { "with" } else { "without" };
        let words = format!("lapwing {version}, {cards} graphics cards");
        output.result(&json!({ "version": version, "gpu": gpu }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}
