//! Reading a scan, with what the user says about it.

use crate::output::{Output, other_than_input};
use crate::value::Offering;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use lapwing_files::reading::{self, Given, Kind, OPTIONS, ReadOption};
use lapwing_files::{Dataset, ReadOptions, Understanding};
use lapwing_study::event::Event;
use lapwing_study::stream::{Streaming, bytes};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Headings of the help: how the file stores things, and how they were measured.
const OF_FILE: &str = "How to read the file (understood from the file unless given)";
const OF_EXPERIMENT: &str = "The experiment (as far as the file does not say it)";

/// What is known about the file, in place of what would be understood from it: a flag for each
/// option of the table of `lapwing-files`.
#[derive(Debug, Clone)]
pub struct Reading {
    options: ReadOptions,
    /// What was given, option by option.
    given: Vec<(&'static ReadOption, Given)>,
    /// Memory that patterns may take, bytes, where it was given.
    memory: Option<u64>,
}

/// Name of the option of [`Reading::memory`].
const MEMORY: &str = "memory";

impl Args for Reading {
    fn augment_args(command: Command) -> Command {
        let memory = Arg::new(MEMORY)
            .long(MEMORY)
            .value_name("SIZE")
            .help(
                "Memory to work in, as 2GB; patterns that would not fit are kept in a nameless \
                 scratch file beside the results [default: what is free]",
            )
            .help_heading(OF_FILE)
            .value_parser(bytes);
        flags().fold(command, |command, option| command.arg(argument(option))).arg(memory)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Reading {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut reading = Self { options: ReadOptions::default(), given: Vec::new(), memory: None };
        reading.update_from_arg_matches(matches)?;
        Ok(reading)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given: Vec<(&'static ReadOption, Given)> =
            flags().filter_map(|option| Some((option, given(option, matches)?))).collect();
        let pairs = given.iter().map(|(option, given)| (*option, given));
        self.options = reading::options(pairs).map_err(|error| {
            let text = crate::message(&error.into());
            clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n"))
        })?;
        self.given = given;
        self.memory = matches.get_one(MEMORY).copied();
        Ok(())
    }
}

/// The options that are flags.
fn flags() -> impl Iterator<Item = &'static ReadOption> {
    OPTIONS.iter().filter(|option| !option.is_of_experiments())
}

/// What was given for an option.
pub fn given(option: &'static ReadOption, matches: &ArgMatches) -> Option<Given> {
    let name = option.name;
    match option.kind {
        Kind::Flag { .. } => matches.get_flag(name).then_some(Given::Flag(true)),
        Kind::File { .. } => matches.get_one::<PathBuf>(name).cloned().map(Given::Path),
        Kind::Files { .. } => {
            let paths = matches.get_many::<PathBuf>(name)?.cloned().collect();
            Some(Given::Paths(paths))
        }
        Kind::Names { .. } => {
            let names: Vec<String> = matches.get_many::<String>(name)?.cloned().collect();
            Some(Given::Words(names))
        }
        _ => matches.get_one::<Given>(name).cloned(),
    }
}

/// The flag of an option.
pub fn argument(option: &'static ReadOption) -> Arg {
    let heading = if option.is_of_files() { OF_FILE } else { OF_EXPERIMENT };
    let flag =
        Arg::new(option.name).long(option.flag()).help(option.help_line()).help_heading(heading);
    match option.kind {
        Kind::Flag { .. } => flag.action(ArgAction::SetTrue),
        Kind::File { .. } => {
            flag.value_name(option.value_name).value_parser(value_parser!(PathBuf))
        }
        Kind::Files { .. } => flag
            .value_name(option.value_name)
            .value_parser(value_parser!(PathBuf))
            .action(ArgAction::Append),
        Kind::Names { .. } => flag.value_name(option.value_name).action(ArgAction::Append),
        _ => {
            let words = match option.kind {
                Kind::Choice { words, .. } => words.list(),
                _ => Vec::new(),
            };
            let parse = move |text: &str| option.parse(text).map_err(|told| once(told, text));
            flag.value_name(option.value_name)
                .value_parser(Offering::new(words, parse))
                .hide_possible_values(true)
        }
    }
}

/// What is wrong with a value, without the value itself, which stands before it on the command
/// line.
fn once(told: String, text: &str) -> String {
    let ends = [format!("found {text:?}"), format!("found {text}")];
    let shorter = ends.iter().find_map(|end| told.strip_suffix(end.as_str()));
    shorter.map(|told| told.trim_end_matches([' ', ',', ';']).to_owned()).unwrap_or(told)
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

    /// Refuses to write `output`, which `flag` names, onto the scan or a file that it is read with.
    pub fn refuse_onto_input(&self, output: &Path, flag: &str, scan: &Path) -> anyhow::Result<()> {
        let named = self.given.iter().filter_map(|(_, value)| match value {
            Given::Path(path) => Some(path.as_path()),
            _ => None,
        });
        named.chain([scan]).try_for_each(|input| other_than_input(output, flag, input))
    }

    /// The object's pixel size as given, metres along (y, x).
    pub fn pixel_size(&self) -> Option<(f64, f64)> {
        self.options.pixel_size.map(|size| (size, size))
    }

    /// Whether patterns stay out of memory, where nothing else is said.
    pub fn streaming(&self) -> Streaming {
        self.memory.map_or(Streaming::Auto, Streaming::Within)
    }

    /// Reads a scan, patterns that do not fit into memory to a scratch file beside `result`;
    /// whatever was converted or assumed is said on standard error.
    pub fn read(
        &self,
        path: &Path,
        result: Option<&Path>,
        output: Output,
    ) -> anyhow::Result<(Dataset, Understanding)> {
        let folder = match result.and_then(Path::parent) {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir(),
        };
        let (dataset, understanding) =
            self.streaming().open(path, &self.options, &folder, &mut |event| {
                if let Event::Note { text, .. } = event {
                    output.note(format_args!("{}: {text}", path.display()));
                }
                ControlFlow::Continue(())
            })?;
        for note in &understanding.notes {
            output.note(format_args!("{}: {note}", path.display()));
        }
        for remark in &understanding.remarks {
            output.note(format_args!("{}: remark: {remark}", path.display()));
        }
        Ok((dataset, understanding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_told_once() {
        for (name, text) in [
            ("raw", "dtype=uint16,frame=32"),
            ("voltage_kv", "-3"),
            ("scan_shape", "3 by 4"),
            ("frames", "7-3"),
        ] {
            let told = reading::option(name).expect("a name").parse(text).expect_err("is wrong");
            let told = once(told, text);
            assert!(told.starts_with("expected ") && !told.contains(text), "{told}");
        }
        assert_eq!(once("expected a, found b".to_owned(), "c"), "expected a, found b");
    }
}
