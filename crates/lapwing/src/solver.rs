//! The options of reconstructions, as every command that reconstructs takes them.
//!
//! Their flags are made from the table of solvers: whatever an options struct of `lapwing-solve`
//! defines is a flag here.

use crate::value::{self, Offering};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use lapwing_solve::SOLVERS;
use lapwing_solve::solver::options::{Kind, OptionDoc, OptionError, OptionProblem, Typed, Value};
use lapwing_solve::solver::{TakenFor, entry, taken_for};
use lapwing_study::checkpoint::Every;
use lapwing_study::solver::{AUTO, DeviceChoice, ProbeStart, SolverConfig, SolverError, Unsaid};
use std::collections::BTreeSet;

const ALGORITHM: &str = "algorithm";
const HEADING: &str = "Reconstruction";

/// Which solver reconstructs, with which options, and what it starts from.
#[derive(Debug, Clone)]
pub struct SolverOptions {
    /// Name of the solver, as the table has it, or auto; the command's default unless given.
    algorithm: Option<&'static str>,
    /// The flags that were given, and their values.
    given: Vec<(String, String)>,
}

/// What does not change a result, and so goes with solvers that are settled elsewhere too.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reconstruction")]
pub struct Checkpoints {
    /// How often to store the solver's state, from which the same command resumes: epochs (10) or
    /// minutes (5m)
    #[arg(long, value_name = "EVERY", value_parser = every, default_value = "5m")]
    pub checkpoint_every: Every,
    #[command(flatten)]
    pub place: ComputePlace,
}

/// Where reconstructions are computed.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Reconstruction")]
pub struct ComputePlace {
    #[arg(long, value_name = "auto|cpu|gpu|gpu:N", help = device_help(), hide_possible_values = true,
        value_parser = Offering::new(device_words(), device))]
    pub device: Option<DeviceChoice>,
}

/// The option of designs that [`ComputePlace`] is.
fn device_option() -> &'static OptionDoc {
    SolverConfig::common_docs().find(|option| option.name == "device").expect("all solvers have it")
}

fn device_help() -> String {
    format!(
        "{} (see `lapwing devices`) [default: {}, or what the design says]",
        device_option().about().trim_end_matches('.'),
        DeviceChoice::default().name()
    )
}

/// The words for a device, without those for a numbered card.
fn device_words() -> impl Iterator<Item = &'static str> {
    DeviceChoice::NAMES.iter().copied().filter(|name| !name.contains(':'))
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    let found = DeviceChoice::from_value(&Value::Word(text.to_owned()));
    found.ok_or_else(|| format!("expected {}", DeviceChoice::expected()))
}

/// One flag: the options that it sets, each of a solver or of the start of all.
struct Flag {
    name: String,
    /// Names of solvers, each with its option; the start's belong to all.
    options: Vec<(Option<&'static str>, &'static OptionDoc)>,
}

/// The options that all solvers have, but for where they compute ([`ComputePlace`]).
fn common() -> impl Iterator<Item = &'static OptionDoc> {
    SolverConfig::common_docs().filter(|option| option.name != "device")
}

/// All flags, in the order of the table.
fn flags() -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    let own = SOLVERS
        .iter()
        .flat_map(|entry| entry.options.iter().map(|option| (Some(entry.name), option)));
    let of_all = common().flat_map(|option| match SolverConfig::meant_for(option) {
        Some(solvers) => solvers.into_iter().map(|solver| (Some(solver), option)).collect(),
        None => vec![(None, option)],
    });
    for option in own.chain(of_all) {
        let name = option.1.flag();
        match flags.iter_mut().find(|flag| flag.name == name) {
            Some(flag) => flag.options.push(option),
            None => flags.push(Flag { name, options: vec![option] }),
        }
    }
    flags
}

impl Flag {
    fn arg(&self) -> Arg {
        let options = self.options.clone();
        let kinds: Vec<Kind> = options.iter().map(|(_, option)| option.kind).collect();
        let parse = move |text: &str| -> Result<String, String> {
            match kinds.iter().any(|kind| kind.parse(text).is_some()) {
                true => Ok(text.to_owned()),
                false => Err(format!("expected {}", either(&kinds))),
            }
        };
        let words = options.iter().flat_map(|(_, option)| match option.kind {
            Kind::Choice(words) => words,
            Kind::Switch => &["true", "false"],
            Kind::CountOrAuto { .. } | Kind::NumberOrAuto(_) => &["auto"],
            _ => [].as_slice(),
        });
        let words: BTreeSet<&str> = words.copied().collect();
        // The name in designs is understood here, too.
        let aliases = options.iter().map(|(_, option)| option.name.replace('_', "-"));
        let aliases = aliases.filter(|name| *name != self.name && !name.contains('.'));
        let arg = Arg::new(self.name.clone())
            .long(self.name.clone())
            .aliases(aliases)
            .value_name(self.value_name())
            .help(self.help())
            .help_heading(HEADING)
            .value_parser(Offering::new(words, parse))
            .hide_possible_values(true)
            .action(ArgAction::Set);
        match self.options.iter().all(|(_, option)| option.kind == Kind::Switch) {
            true => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
            false => arg,
        }
    }

    fn value_name(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for (_, option) in &self.options {
            let name = match option.kind {
                Kind::Switch => "true|false".to_owned(),
                Kind::Choice(words) => words.join("|"),
                Kind::Words(words) => format!("{},...", words.join(",")),
                Kind::File(words) => format!("{}|FILE", words.join("|")),
                Kind::Count { .. } => "N".to_owned(),
                Kind::Number(_) => "NUMBER".to_owned(),
                Kind::CountOrAuto { .. } => "N|auto".to_owned(),
                Kind::NumberOrAuto(_) => "NUMBER|auto".to_owned(),
            };
            for name in name.split('|') {
                if !names.iter().any(|told| told == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names.join("|")
    }

    /// What it does, for which solvers, and the defaults.
    fn help(&self) -> String {
        // What several solvers have in common is said once.
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (solver, option) in &self.options {
            let about = option.about().trim_end_matches('.').to_owned();
            match groups.iter_mut().find(|(text, _)| *text == about) {
                Some((_, solvers)) => solvers.extend(solver),
                None => groups.push((about, solver.iter().copied().collect())),
            }
        }
        let texts = groups.into_iter().map(|(about, solvers)| {
            let of = if solvers.is_empty() || solvers.len() == SOLVERS.len() {
                String::new()
            } else {
                format!("{}: ", solvers.join(", "))
            };
            format!("{of}{about}")
        });
        let defaults = self.defaults();
        let defaults =
            if defaults.is_empty() { defaults } else { format!(" [default: {defaults}]") };
        texts.collect::<Vec<_>>().join("; ") + &defaults
    }

    fn defaults(&self) -> String {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (solver, option) in &self.options {
            let own = solver.and_then(entry).filter(|entry| entry.has(option.name));
            let Some(solver) = solver.filter(|_| own.is_some()) else {
                return common_default(option);
            };
            let values = own.map(|entry| entry.defaults().values()).unwrap_or_default();
            let Some((_, value)) = values.into_iter().find(|(name, _)| *name == option.name) else {
                continue;
            };
            let value = plain(&value);
            match groups.iter_mut().find(|(text, _)| *text == value) {
                Some((_, solvers)) => solvers.push(solver),
                None => groups.push((value, vec![solver])),
            }
        }
        match groups.as_slice() {
            [] => String::new(),
            [(value, _)] => value.clone(),
            several => {
                let texts =
                    several.iter().map(|(v, solvers)| format!("{} {v}", solvers.join(", ")));
                texts.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

/// The value of an option of all solvers where nothing is said about it.
fn common_default(option: &OptionDoc) -> String {
    let [data, study] = [Unsaid::DATA, Unsaid::study()].map(|unsaid| {
        let config = SolverConfig::new(SOLVERS[0].defaults(), unsaid.probe_start);
        let value = config.common_values().find(|(name, _)| *name == option.name);
        value.map(|(_, value)| plain(&value)).unwrap_or_default()
    });
    if data == study { data } else { format!("{data}; {study} in jobs") }
}

/// A value without the marks of messages.
fn plain(value: &Value) -> String {
    match value {
        Value::Word(word) => word.clone(),
        number => number.to_string(),
    }
}

fn either(kinds: &[Kind]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for kind in kinds {
        let text = kind.expected();
        // The kind that also takes a word says all of the kind that does not.
        if !texts.iter().any(|told| told.contains(&text)) {
            texts.retain(|told| !text.contains(told.as_str()));
            texts.push(text);
        }
    }
    texts.join(", or ")
}

impl Args for SolverOptions {
    fn augment_args(command: Command) -> Command {
        let abouts = SOLVERS.iter().map(|entry| format!("{}, {}", entry.name, entry.about));
        let names = SOLVERS.iter().map(|entry| entry.name).chain([AUTO]);
        let names = PossibleValuesParser::new(names);
        let algorithm = Arg::new(ALGORITHM)
            .long(ALGORITHM)
            .value_name("NAME")
            .help(format!(
                "Solver: {}; auto, {} where photon counts are known, else {} [default: {}; {} in jobs]",
                abouts.collect::<Vec<_>>().join("; "),
                taken_for(TakenFor::Counts).name,
                taken_for(TakenFor::Intensities).name,
                Unsaid::DATA.algorithm,
                Unsaid::study().algorithm
            ))
            .help_heading(HEADING)
            .value_parser(names.map(|name| name))
            .ignore_case(true);
        flags().into_iter().fold(command.arg(algorithm), |command, flag| command.arg(flag.arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SolverOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let algorithm = matches
            .get_one::<String>(ALGORITHM)
            .map(|name| lapwing_solve::solver::entry(name).map_or(AUTO, |entry| entry.name));
        let given = flags().into_iter().filter_map(|flag| {
            let value = matches.get_one::<String>(&flag.name)?;
            Some((flag.name, value.clone()))
        });
        Ok(Self { algorithm, given: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SolverOptions {
    /// The first of the flags that were given.
    pub fn first_given(&self) -> Option<&str> {
        let first = self.given.first().map(|(flag, _)| flag.as_str());
        self.algorithm.map(|_| ALGORITHM).or(first)
    }

    /// The solver asked for with its options; `unsaid` where nothing is said.
    pub fn config(&self, unsaid: Unsaid) -> anyhow::Result<SolverConfig> {
        let probe_start = unsaid.probe_start;
        let config = match self.algorithm.unwrap_or(unsaid.algorithm) {
            AUTO => {
                let has = |solver| {
                    let known = |flag: &str| SolverConfig::docs(solver).any(|o| o.flag() == flag);
                    self.given.iter().all(|(flag, _)| known(flag))
                };
                SolverConfig::auto(has, |algorithm| self.config_of(algorithm, probe_start))
            }
            algorithm => self.config_of(algorithm, probe_start),
        };
        Ok(config?)
    }

    fn config_of(
        &self,
        algorithm: &'static str,
        probe_start: ProbeStart,
    ) -> Result<SolverConfig, clap::Error> {
        let mut written = Vec::new();
        for (flag, text) in &self.given {
            let option = SolverConfig::docs(algorithm).find(|option| option.flag() == *flag);
            let option = option.ok_or_else(|| {
                let had = |solver: &&str| SolverConfig::docs(solver).any(|o| o.flag() == *flag);
                let names = SOLVERS.iter().map(|entry| entry.name);
                let had_by = names.filter(had).collect::<Vec<_>>().join(" or ");
                usage(format!(
                    "--{flag} is no option of {algorithm}: leave it out, or say --algorithm {had_by}\n"
                ))
            })?;
            let value = option.kind.parse(text).ok_or_else(|| {
                usage(format!(
                    "--{flag}: expected {} with {algorithm}, found {text}\n",
                    option.kind.expected(),
                ))
            })?;
            written.push((option.name.to_owned(), value));
        }
        let is_said = |name, word| written.contains(&(String::from(name), Value::Word(word)));
        if is_said("saturation", "auto".to_owned()) && is_said("faulty", "keep".to_owned()) {
            return Err(usage(
                "--saturation auto: expected a number of counts beside --faulty keep, which takes \
                 saturated counts as they are, found auto: leave out one of them, or say \
                 --saturation COUNTS\n"
                    .to_owned(),
            ));
        }
        SolverConfig::read(algorithm, written, probe_start).map_err(|error| usage(message(&error)))
    }
}

/// What is wrong, by the name of the flag.
fn message(error: &SolverError) -> String {
    match error {
        SolverError::Option(OptionError {
            option,
            problem: OptionProblem::Value { expected, found },
        }) => {
            format!(
                "{}: expected {}, found {}\n",
                flag_of(option),
                by_flags(expected),
                plain(found)
            )
        }
        other => format!("{other}\n"),
    }
}

/// `--object-max` of `constraints.object_max`.
fn flag_of(option: &str) -> String {
    format!("--{}", option.rsplit('.').next().unwrap_or(option).replace('_', "-"))
}

/// A text with every option that it names as its flag.
fn by_flags(text: &str) -> String {
    let named = |word: &&str| {
        let own = SOLVERS.iter().flat_map(|solver| solver.options);
        let known = |option: &OptionDoc| option.name == *word;
        word.contains('.') && own.chain(SolverConfig::common_docs()).any(known)
    };
    let words = text.split(' ').map(|word| match Some(word).filter(named) {
        Some(option) => flag_of(option),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn usage(message: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, message)
}

/// A number of epochs, or of minutes with an m.
fn every(text: &str) -> Result<Every, String> {
    let expected = |_| "expected a number of epochs (10) or of minutes (5m)".to_owned();
    match text.strip_suffix('m') {
        Some(minutes) => value::positive(minutes)
            .and_then(|minutes| if minutes <= 1e6 { Ok(minutes) } else { Err(String::new()) })
            .map(Every::Minutes)
            .map_err(expected),
        None => value::count(text).map(Every::Epochs).map_err(expected),
    }
}
