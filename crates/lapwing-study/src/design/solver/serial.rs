//! A solver's options as the tables of designs and records.

use super::config::{SolverConfig, SolverError};
use super::unsaid::Unsaid;
use crate::design::solver::{ChoiceOptions, ProbeVariation};
use lapwing_solve::solver::Solver;
use lapwing_solve::solver::options::{Options, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

impl Serialize for SolverConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("algorithm", self.algorithm())?;
        let mut start = self.start.values();
        if self.start.probe_variation == ProbeVariation::default() {
            // Records from before there was a choice are of the same solver.
            start.retain(|(name, _)| *name != "probe_variation");
        }
        serialize_options(&mut map, &start)?;
        serialize_options(&mut map, &self.noise.values())?;
        serialize_options(&mut map, &self.errors.values())?;
        if self.choice != ChoiceOptions::default() {
            serialize_options(&mut map, &self.choice.values())?;
        }
        match &self.without_counts {
            None => serialize_options(&mut map, &self.solver.values())?,
            Some(without) => {
                map.serialize_entry(self.solver.name(), &Own(&*self.solver))?;
                map.serialize_entry(without.name(), &Own(&**without))?;
            }
        }
        map.end()
    }
}

/// Adds options to a map; those of a section go together in a map of their own.
fn serialize_options<M: SerializeMap>(
    map: &mut M,
    options: &[(&str, Value)],
) -> Result<(), M::Error> {
    let section = |name: &str| name.split_once('.').map(|(section, _)| section.to_owned());
    for options in
        options.chunk_by(|(a, _), (b, _)| section(a).is_some() && section(a) == section(b))
    {
        let (name, value) = &options[0];
        match section(name) {
            None => map.serialize_entry(name, &Plain(value))?,
            Some(section) => map.serialize_entry(&section, &Section(options))?,
        }
    }
    Ok(())
}

/// A solver's own options.
struct Own<'a>(&'a dyn Solver);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_options(&mut map, &self.0.values())?;
        map.end()
    }
}

/// The value of an option as designs and records have it.
pub struct Plain<'a>(pub &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Count(count) => serializer.serialize_u64(*count),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Word(word) => serializer.serialize_str(word),
        }
    }
}

struct Section<'a>(&'a [(&'a str, Value)]);

impl Serialize for Section<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| {
            (name.split_once('.').map_or(*name, |(_, name)| name), Plain(value))
        }))
    }
}

impl<'de> Deserialize<'de> for SolverConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut table = toml::Table::deserialize(deserializer)?;
        let algorithm = take_algorithm(&mut table).map_err(D::Error::custom)?;
        let unsaid = Unsaid::study();
        let algorithm = algorithm.as_deref().unwrap_or(unsaid.algorithm);
        Self::read(algorithm, written(table), unsaid.probe_start).map_err(D::Error::custom)
    }
}

/// Takes `algorithm` out of a table.
pub(super) fn take_algorithm(table: &mut toml::Table) -> Result<Option<String>, SolverError> {
    match table.remove("algorithm") {
        None => Ok(None),
        Some(toml::Value::String(name)) => Ok(Some(name)),
        Some(other) => Err(SolverError::Algorithm { found: other.to_string() }),
    }
}

/// The values of a table by name; those of sections within it have the section's name and a dot in
/// front.
pub(super) fn written(table: toml::Table) -> Vec<(String, Value)> {
    let mut written = Vec::new();
    for (name, value) in table {
        let value = match value {
            toml::Value::Table(section) => {
                let section = self::written(section).into_iter();
                written.extend(section.map(|(inner, value)| (format!("{name}.{inner}"), value)));
                continue;
            }
            toml::Value::Integer(number) => match u64::try_from(number) {
                Ok(count) => Value::Count(count),
                Err(_) => Value::Number(number as f64),
            },
            toml::Value::Float(number) => Value::Number(number),
            toml::Value::Boolean(flag) => Value::Flag(flag),
            toml::Value::String(word) => Value::Word(word),
            other => Value::Word(other.to_string()),
        };
        written.push((name, value));
    }
    written
}
