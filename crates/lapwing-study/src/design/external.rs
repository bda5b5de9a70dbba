//! A solver outside this program as a design names it: a command, and what it starts from.

use crate::design::solver::{ObjectStart, ProbeStart, SolverConfig};
use serde::{Deserialize, Serialize};

/// Name of the algorithm in designs and records.
pub const ALGORITHM: &str = "external";

/// A command that reconstructs, and what it starts from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExternalConfig {
    /// Always [`ALGORITHM`].
    algorithm: &'static str,
    /// Start object.
    pub object_start: ObjectStart,
    /// Start probe.
    pub probe_start: ProbeStart,
    /// The command.
    #[serde(flatten)]
    pub external: External,
}

impl ExternalConfig {
    /// A command started from the given fields.
    pub fn new(external: External, object_start: ObjectStart, probe_start: ProbeStart) -> Self {
        Self { algorithm: ALGORITHM, object_start, probe_start, external }
    }

    /// What a solver of this program would have to be told to start from the same fields.
    pub(crate) fn start(&self) -> SolverConfig {
        let mut config = SolverConfig::default();
        config.start.object_start = self.object_start.clone();
        config.start.probe_start = self.probe_start;
        config
    }
}

/// A command that reconstructs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Number of epochs that `{epochs}` stands for.
    #[serde(default = "default_epochs", alias = "num_epochs")]
    pub epochs: usize,
}

fn default_epochs() -> usize {
    100
}
