//! The commands, one file each.

mod calibrate;
mod compare;
mod completions;
mod convert;
mod devices;
mod examples;
mod experiment;
mod inspect;
mod jobs;
mod man;
mod overlap;
mod plan;
mod reconstruct;
mod report;
mod simulate;
mod split;
mod study;
mod submit;
mod thin;
mod version;
mod views;

use crate::output::Output;
use clap::Subcommand;
pub use convert::{Written, is_other_format, write_as};
use std::process::ExitCode;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Inspect(inspect::Inspect),
    Experiment(experiment::Experiment),
    Calibrate(calibrate::Calibrate),
    Plan(plan::Plan),
    Simulate(simulate::Simulate),
    Thin(thin::Thin),
    Split(split::Split),
    Views(views::Views),
    Overlap(overlap::Overlap),
    Reconstruct(reconstruct::Reconstruct),
    Jobs(jobs::Jobs),
    Compare(compare::Compare),
    Convert(convert::Convert),
    Devices(devices::Devices),
    Study(study::Study),
    Report(report::Report),
    Examples(examples::Examples),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

impl Command {
    /// Does it. The exit code of a command that did its work may still say that something in it
    /// failed.
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        match self {
            Self::Inspect(command) => command.run(output),
            Self::Experiment(command) => command.run(output),
            Self::Calibrate(command) => command.run(output),
            Self::Plan(command) => command.run(output),
            Self::Simulate(command) => command.run(output),
            Self::Thin(command) => command.run(output),
            Self::Split(command) => command.run(output),
            Self::Views(command) => command.run(output),
            Self::Overlap(command) => command.run(output),
            Self::Reconstruct(command) => command.run(output),
            Self::Jobs(command) => command.run(output),
            Self::Compare(command) => command.run(output),
            Self::Convert(command) => command.run(output),
            Self::Devices(command) => command.run(output),
            Self::Study(command) => command.run(output),
            Self::Report(command) => command.run(output),
            Self::Examples(command) => command.run(output),
            Self::Completions(command) => command.run(output),
            Self::Man(command) => command.run(output),
            Self::Version(command) => command.run(output),
        }
    }
}
