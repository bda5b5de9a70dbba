//! Reading a scan, with what the user says about it.

use crate::output::Output;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use lapwing_files::reading::{Kind, OPTIONS, ReadOption};
use lapwing_files::{Dataset, ReadOptions, Understanding, dataset};
use std::path::{Path, PathBuf};

const HEADING: &str = "How to read the file (understood from the file unless given)";

/// What is known about the file, in place of what would be understood from it: a flag for each
/// option of the table of `lapwing-files`.
#[derive(Debug, Clone)]
pub struct Reading {
    options: ReadOptions,
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
        let mut reading = Self { options: ReadOptions::default() };
        reading.update_from_arg_matches(matches)?;
        Ok(reading)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let options = &mut self.options;
        for option in &OPTIONS {
            let name = option.name;
            match option.kind {
                Kind::Choice { set, .. } => {
                    if let Some(word) = matches.get_one::<String>(name) {
                        set(options, word).expect("the value parser took it");
                    }
                }
                Kind::Flag { set } => set(options, matches.get_flag(name)),
                Kind::File { set } => {
                    if let Some(path) = matches.get_one::<PathBuf>(name) {
                        set(options, path.clone());
                    }
                }
                Kind::Number { set } => {
                    if let Some(number) = matches.get_one::<f64>(name) {
                        set(options, *number);
                    }
                }
                Kind::Names { set } => {
                    let names = matches.get_many::<String>(name).into_iter().flatten();
                    set(options, names.cloned().collect());
                }
            }
        }
        Ok(())
    }
}

/// The flag of an option.
fn argument(option: &'static ReadOption) -> Arg {
    let flag =
        Arg::new(option.name).long(option.flag).help(option.help_line()).help_heading(HEADING);
    let word = move |word: &str| option.check(word).map(|()| word.to_owned());
    match option.kind {
        Kind::Flag { .. } => flag.action(ArgAction::SetTrue),
        Kind::Choice { .. } => flag.value_name(option.value_name).value_parser(word),
        Kind::File { .. } => {
            flag.value_name(option.value_name).value_parser(value_parser!(PathBuf))
        }
        Kind::Number { .. } => flag.value_name(option.value_name).value_parser(value_parser!(f64)),
        Kind::Names { .. } => flag.value_name(option.value_name).action(ArgAction::Append),
    }
}

impl Reading {
    /// The same for the library.
    pub fn options(&self) -> ReadOptions {
        self.options.clone()
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
        Ok((dataset, understanding))
    }
}
