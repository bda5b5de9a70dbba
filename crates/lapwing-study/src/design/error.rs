//! Why a design is refused.

use crate::design::solver::StudySolverError;
use lapwing_model::probe::ProbeError;
use lapwing_model::scan::ScanError;
use lapwing_model::simulate::SimulateError;
use std::fmt::Display;
use std::path::PathBuf;

/// Why a design was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// The file cannot be read.
    #[error("cannot read the design {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The file holds nothing: all of a design is optional, but nothing at all is more likely an
    /// accident than the default study.
    #[error(
        "{} is empty: expected the design of a study; write one with `lapwing study init`, or run \
         the study into this folder again with `lapwing study run`",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The design, made in memory, holds something that TOML does not.
    #[error("the design cannot be written as TOML: {0}")]
    Unwritable(toml::ser::Error),
    /// The file is no TOML, or has a field that no design has.
    #[error("the design cannot be understood: {0}")]
    Syntax(toml::de::Error),
    /// A field breaks a rule.
    #[error("{field}: expected {expected}, found {found}")]
    Rule {
        /// Section and name.
        field: &'static str,
        /// The rule.
        expected: String,
        /// What is in the design.
        found: String,
    },
    /// What is said about reading the base cannot be understood.
    #[error("[base]: {0}")]
    Base(String),
    /// A section of an experiment says something that nothing comes of.
    #[error("[experiment.{section}]: {said}")]
    Experiment {
        /// The section.
        section: &'static str,
        /// What is wrong.
        said: String,
    },
    /// A solver cannot be understood.
    #[error(transparent)]
    Solver(#[from] StudySolverError),
    /// The probe cannot be made.
    #[error("[probe]: {0}")]
    Probe(ProbeError),
    /// Beam or detector are described by a number that means nothing.
    #[error("[apparatus]: {0}")]
    Apparatus(SimulateError),
    /// The scan cannot be made.
    #[error("[scan]: {0}")]
    Scan(ScanError),
}

impl DesignError {
    pub(crate) fn rule(
        field: &'static str,
        expected: impl Into<String>,
        found: impl Display,
    ) -> Self {
        Self::Rule { field, expected: expected.into(), found: found.to_string() }
    }
}
