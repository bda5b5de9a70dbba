//! `lapwing`: the command line. Arguments in, library call, words or JSON out.
//!
//! [`run`] is the whole program, for the binary and for the Python package; [`answer`] does the
//! same for a caller within the process, who has the record that `--json` prints.

mod apparatus;
mod asked;
mod below_zero;
mod command;
mod exposure;
mod failure;
mod input;
mod metric;
mod options;
mod output;
mod product;
mod progress;
mod reconstruction;
mod scan_file;
mod solver;
mod stop;
mod value;
mod watch;

pub use asked::{Answer, answer};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use command::Command;
pub use command::{Written, is_other_format, write_as};
pub use failure::message;
use options::Options;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
pub use watch::GrowingReport;

/// Ptychography: how much dose and how much overlap does this experiment need?
///
/// Simulates scans or takes yours, cuts them into views, reconstructs them, compares with the
/// truth and reports. Lengths are in pixels of the object, angles in radians, doses in
/// photons per pattern.
///
/// Exit codes: 0 done, 1 something failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example: a small study from nothing, then its report in quick/report/index.html\n  \
                  lapwing examples\n  \
                  lapwing study run examples/quick.toml --output quick\n\n\
                  `lapwing COMMAND --help` explains each command with an example."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

impl Arguments {
    /// What a command line asks for.
    fn of(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut program = command();
        let matches = program.try_get_matches_from_mut(below_zero::joined(arguments))?;
        Self::from_arg_matches(&matches).map_err(|error| {
            // What is found only now tells the usage of the command that was typed, unless it is a
            // sentence of what a file or several options say together.
            let is_sentence = error.context().next().is_none();
            if is_sentence { error } else { error.format(&mut typed(program, &matches)) }
        })
    }
}

/// The command below `program` that was typed.
fn typed(program: clap::Command, matches: &ArgMatches) -> clap::Command {
    let below = matches.subcommand();
    match below.and_then(|(name, below)| Some((program.find_subcommand(name)?.clone(), below))) {
        Some((command, below)) => typed(command, below),
        None => program,
    }
}

/// All commands and options, for what is made of them: completions, manual pages, documents.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the program with its arguments, the first of them its own name, and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let Arguments { command, options } = match Arguments::of(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => return failure::report(&usage.into()),
    };
    match options.in_pool(|| command.run(options.output())) {
        Ok(ExitCode::SUCCESS) => 0,
        Ok(_) => failure::FAILED,
        Err(error) => failure::report(&error),
    }
}

/// The words that start this program again; see [`is_started_by`].
static STARTED_BY: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Says by which words this program is started again, where it is part of another one: those of
/// the scripts of a batch system. The first call counts.
pub fn is_started_by(words: Vec<PathBuf>) {
    let _ = STARTED_BY.set(words);
}

/// The words that start this program.
fn started_by() -> std::io::Result<Vec<PathBuf>> {
    match STARTED_BY.get() {
        Some(words) => Ok(words.clone()),
        None => Ok(vec![std::env::current_exe()?]),
    }
}
