//! The solvers of a study: of this program, or other programs.

mod config;
mod device;
mod object_start;
mod serial;
#[cfg(test)]
mod tests;
mod unsaid;
mod word_set;

pub use config::{
    AUTO, BackgroundSource, ChoiceOptions, ErrorOptions, Faulty, NoiseOptions, ProbeStart,
    ProbeVariation, ScanProbes, SolverConfig, SolverError, StartOptions,
};
pub use device::{DeviceChoice, DeviceOptions};
pub use object_start::ObjectStart;
pub use serial::Plain;
pub use unsaid::Unsaid;

use crate::design::external::{self, External, ExternalConfig};
use lapwing_solve::SOLVERS;
use lapwing_solve::solver::options::{OptionError, Options, Value};
use serde::Serialize;
use serial::{take_algorithm, written};
use std::path::Path;

/// One of the solvers of a study: its configuration under a name that no other has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudySolver {
    /// The name in records, tables and folders.
    pub name: String,
    /// How it reconstructs, and from what.
    #[serde(flatten)]
    pub method: Method,
}

/// How a solver of a study reconstructs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Method {
    /// A solver of this program.
    Native(SolverConfig),
    /// Another program.
    External(ExternalConfig),
}

impl StudySolver {
    /// A solver of this program under the name of its algorithm.
    pub fn new(config: SolverConfig) -> Self {
        Self { name: config.algorithm().to_owned(), method: Method::Native(config) }
    }

    /// Name of the algorithm.
    pub fn algorithm(&self) -> &'static str {
        match &self.method {
            Method::Native(config) => config.algorithm(),
            Method::External(_) => external::ALGORITHM,
        }
    }

    /// Number of epochs asked for.
    pub fn epochs(&self) -> usize {
        match &self.method {
            Method::Native(config) => config.solver.epochs(),
            Method::External(config) => config.external.epochs,
        }
    }

    /// Sets the number of epochs.
    pub fn set_epochs(&mut self, epochs: usize) {
        match &mut self.method {
            Method::Native(config) => config.solver.set_epochs(epochs),
            Method::External(config) => config.external.epochs = epochs,
        }
    }

    /// This solver for data of which photon counts are known, or not (see
    /// [`SolverConfig::settled`]); one that was called auto is called by what it is.
    pub fn settled(&self, counts: bool) -> Self {
        let Method::Native(config) = &self.method else { return self.clone() };
        let settled = Self { method: Method::Native(config.settled(counts)), ..self.clone() };
        match self.name == AUTO {
            true => Self { name: settled.algorithm().to_owned(), ..settled },
            false => settled,
        }
    }

    /// Object and probe that it starts from.
    pub fn starts(&self) -> (&ObjectStart, ProbeStart) {
        match &self.method {
            Method::Native(config) => (&config.start.object_start, config.start.probe_start),
            Method::External(config) => (&config.object_start, config.probe_start),
        }
    }

    /// Sets the probe that it starts from.
    pub(crate) fn set_probe_start(&mut self, start: ProbeStart) {
        match &mut self.method {
            Method::Native(config) => config.start.probe_start = start,
            Method::External(config) => config.probe_start = start,
        }
    }

    /// The files that its options name: an object to start from, a background.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let start = self.starts().0.file();
        let background = match &self.method {
            Method::Native(config) => config.noise.background.file(),
            Method::External(_) => None,
        };
        start.into_iter().chain(background)
    }

    /// Makes relative paths of files those of `folder`.
    fn make_absolute(&mut self, folder: &Path) {
        let start = match &mut self.method {
            Method::Native(config) => {
                if let BackgroundSource::File(path) = &mut config.noise.background {
                    *path = folder.join(&*path);
                }
                &mut config.start.object_start
            }
            Method::External(config) => &mut config.object_start,
        };
        if let ObjectStart::File(path) = start {
            *path = folder.join(&*path);
        }
    }

    /// The solvers of a study that names none: LSQML, the field's baseline, and ML; `probe_start`
    /// is what both start from.
    pub fn defaults(probe_start: ProbeStart) -> Vec<Self> {
        let both = SOLVERS.iter().filter(|entry| entry.taken_for.is_some());
        both.map(|entry| Self::new(SolverConfig::new(entry.defaults(), probe_start))).collect()
    }

    /// The solvers written as `[solver]` (one) or `[[solver]]` (several); `unsaid` where nothing is
    /// said. `{folder}` in a command stands for `folder`, from which relative paths of files are
    /// taken, too.
    pub(crate) fn read(
        written: toml::Value,
        unsaid: Unsaid,
        folder: &Path,
    ) -> Result<Vec<Self>, StudySolverError> {
        let tables = match written {
            toml::Value::Array(several) => several,
            one => vec![one],
        };
        tables.into_iter().map(|table| Self::read_one(table, unsaid, folder)).collect()
    }

    fn read_one(
        table: toml::Value,
        unsaid: Unsaid,
        folder: &Path,
    ) -> Result<Self, StudySolverError> {
        let toml::Value::Table(mut table) = table else {
            return Err(StudySolverError::NoTable(table.to_string()));
        };
        let name = match table.remove("name") {
            None => None,
            Some(toml::Value::String(name)) => Some(name),
            Some(other) => return Err(StudySolverError::Name(other.to_string())),
        };
        let algorithm = take_algorithm(&mut table)?;
        let algorithm = algorithm.unwrap_or_else(|| unsaid.algorithm.to_owned());
        let method = if algorithm == external::ALGORITHM {
            Method::External(read_external(table, unsaid.probe_start, folder)?)
        } else {
            let written = self::written(table);
            refuse_limit_sought_and_kept(&written)?;
            Method::Native(SolverConfig::read(&algorithm, written, unsaid.probe_start)?)
        };
        let mut solver = Self { name: name.unwrap_or(algorithm), method };
        solver.make_absolute(folder);
        Ok(solver)
    }
}

/// Refuses to look for the limit of a detector whose saturated counts are to be kept as they are.
/// A settled design, which says every option, says that as well, and finds no limit.
fn refuse_limit_sought_and_kept(written: &[(String, Value)]) -> Result<(), SolverError> {
    let said = |name: &str| written.iter().find(|(other, _)| other == name).map(|(_, value)| value);
    let settled = NoiseOptions::DOCS.iter().all(|doc| said(doc.name).is_some());
    let word = |word: &str| Value::Word(word.to_owned());
    if settled || said("faulty") != Some(&word("keep")) || said("saturation") != Some(&word("auto"))
    {
        return Ok(());
    }
    let expected = "a number of counts beside faulty = \"keep\", which takes saturated counts as they \
                    are (leave out one of them, or say saturation = COUNTS)";
    Err(OptionError::value("saturation", expected, &word("auto")).into())
}

fn read_external(
    mut table: toml::Table,
    probe_start: ProbeStart,
    folder: &Path,
) -> Result<ExternalConfig, StudySolverError> {
    let mut start = StartOptions { probe_start, ..StartOptions::default() };
    let of_start = |name: &str| StartOptions::DOCS.iter().any(|doc| doc.is(name));
    let names: Vec<String> = table.keys().filter(|name| of_start(name)).cloned().collect();
    let taken = names.into_iter().filter_map(|name| table.remove_entry(&name)).collect();
    for (name, value) in self::written(taken) {
        start.set(&name, &value).map_err(SolverError::from)?;
    }
    let mut external: External = table.try_into().map_err(StudySolverError::External)?;
    for word in &mut external.command {
        *word = word.replace("{folder}", &folder.to_string_lossy());
    }
    Ok(ExternalConfig::new(external, start.object_start, start.probe_start))
}

/// Why a solver of a study cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudySolverError {
    /// It is no section of a design.
    #[error("[solver]: expected a section, found {0}")]
    NoTable(String),
    /// Its name is no text.
    #[error("solver.name: expected text, found {0}")]
    Name(String),
    /// A solver of this program.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// Another program.
    #[error("[solver]: {}", .0.message())]
    External(toml::de::Error),
}

/// Why `name` cannot be the name of a solver, if so: it names a folder beside `dose_1000`,
/// `repeat_2` and `runs`.
pub fn unusable_name(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let taken =
        |lower: &str| lower == "runs" || lower.starts_with("dose_") || lower.starts_with("repeat_");
    match name {
        _ if name.is_empty() || name.len() > 64 => Some("1 to 64 characters"),
        _ if !name.chars().all(plain) || name.starts_with('.') => {
            Some("letters, digits, -, _, + and . only, not beginning with .")
        }
        _ if taken(&name.to_ascii_lowercase()) => {
            Some("a name other than runs, dose_... and repeat_...")
        }
        _ => None,
    }
}
