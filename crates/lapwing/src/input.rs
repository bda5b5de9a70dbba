//! Reading a scan, with what the user says about it.

use crate::output::Output;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use lapwing_files::reading::{self, Given, Kind, OPTIONS, ReadOption};
use lapwing_files::{Dataset, ReadOptions, Understanding, dataset};
use std::path::{Path, PathBuf};

/// Headings of the help, each for some sections of an experiment file.
const HEADINGS: [(&[&str], &str); 2] = [
    (
        &["", "file", "patterns", "object"],
        "How to read the file (understood from the file unless given)",
    ),
    (&["beam", "probe", "detector", "scan"], "The experiment (as far as the file does not say it)"),
];

/// What is known about the file, in place of what would be understood from it: a flag for each
/// option of the table of `lapwing-files`.
#[derive(Debug, Clone)]
pub struct Reading {
    options: ReadOptions,
    /// What was given, option by option.
    given: Vec<(&'static ReadOption, Given)>,
}

impl Args for Reading {
    fn augment_args(command: Command) -> Command {
        OPTIONS.iter().fold(command, |command, option| command.arg(argument(option)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Reading {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut reading = Self { options: ReadOptions::default(), given: Vec::new() };
        reading.update_from_arg_matches(matches)?;
        Ok(reading)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given: Vec<(&'static ReadOption, Given)> =
            OPTIONS.iter().filter_map(|option| Some((option, given(option, matches)?))).collect();
        let pairs = given.iter().map(|(option, given)| (*option, given));
        self.options = reading::options(pairs)
            .map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n")))?;
        self.given = given;
        Ok(())
    }
}

/// What was given for an option.
fn given(option: &'static ReadOption, matches: &ArgMatches) -> Option<Given> {
    let name = option.name;
    match option.kind {
        Kind::Flag { .. } => matches.get_flag(name).then_some(Given::Flag(true)),
        Kind::File { .. } => matches.get_one::<PathBuf>(name).cloned().map(Given::Path),
        Kind::Names { .. } => {
            let names: Vec<String> = matches.get_many::<String>(name)?.cloned().collect();
            Some(Given::Words(names))
        }
        _ => matches.get_one::<Given>(name).cloned(),
    }
}

/// The flag of an option.
fn argument(option: &'static ReadOption) -> Arg {
    let heading = HEADINGS.iter().find(|(sections, _)| sections.contains(&option.section));
    let flag = Arg::new(option.name)
        .long(option.flag())
        .help(option.help_line())
        .help_heading(heading.map_or(HEADINGS[0].1, |(_, heading)| heading));
    match option.kind {
        Kind::Flag { .. } => flag.action(ArgAction::SetTrue),
        Kind::File { .. } => {
            flag.value_name(option.value_name).value_parser(value_parser!(PathBuf))
        }
        Kind::Names { .. } => flag.value_name(option.value_name).action(ArgAction::Append),
        _ => flag
            .value_name(option.value_name)
            .value_parser(move |text: &str| option.parse(text))
            .allow_negative_numbers(true),
    }
}

impl Reading {
    /// The same for the library.
    pub fn options(&self) -> ReadOptions {
        self.options.clone()
    }

    /// What was given, option by option.
    pub fn given(&self) -> &[(&'static ReadOption, Given)] {
        &self.given
    }

    /// The object's pixel size as given, metres along (y, x).
    pub fn pixel_size(&self) -> Option<(f64, f64)> {
        self.options.pixel_size.map(|size| (size, size))
    }

    /// Reads a scan; whatever was converted or assumed is said on standard error.
    pub fn read(&self, path: &Path, output: Output) -> anyhow::Result<(Dataset, Understanding)> {
        let (dataset, understanding) = dataset::read(path, &self.options)?;
        for note in &understanding.notes {
            output.note(format_args!("{}: {note}", path.display()));
        }
        for remark in &understanding.remarks {
            output.note(format_args!("{}: remark: {remark}", path.display()));
        }
        Ok((dataset, understanding))
    }
}
