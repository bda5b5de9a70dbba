//! Which solver reconstructs, with which options, and what it starts from.

use crate::DesignError;
use lapwing_solve::lsqml::{Lsqml, Noise};
use lapwing_solve::ml::Ml;
use lapwing_solve::{Epoch, Flow, Problem, Solution};
use serde::{Deserialize, Serialize};

/// A solver with all its options.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Solver {
    /// Iterative least-squares maximum likelihood, the field's baseline.
    Lsqml(Lsqml),
    /// Small-batch start, then L-BFGS on the Poisson likelihood: the best image for the data.
    Ml(Ml),
}

impl Solver {
    /// The name in records and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lsqml(_) => "LSQML",
            Self::Ml(_) => "ML",
        }
    }

    /// Number of epochs asked for.
    pub fn epochs(&self) -> usize {
        match self {
            Self::Lsqml(options) => options.epochs,
            Self::Ml(options) => options.epochs,
        }
    }

    /// Sets the number of epochs.
    pub fn set_epochs(&mut self, epochs: usize) {
        match self {
            Self::Lsqml(options) => options.epochs = epochs,
            Self::Ml(options) => options.epochs = epochs,
        }
    }

    /// Whether the intensities must be photon counts.
    pub fn needs_counts(&self) -> bool {
        match self {
            Self::Lsqml(options) => options.noise == Noise::Poisson,
            Self::Ml(_) => true,
        }
    }

    /// Reconstructs.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        match self {
            Self::Lsqml(options) => options.solve(problem, observe),
            Self::Ml(options) => options.solve(problem, observe),
        }
    }
}

/// The object that a reconstruction starts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectStart {
    /// Transmission 1 everywhere.
    #[default]
    Flat,
    /// The file's `objectGuess`. In simulated data that is the truth, so no result started from it means anything.
    Guess,
}

/// The probe that a reconstruction starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStart {
    /// The file's `probeGuess`.
    File,
    /// The file's probe out of focus and astigmatic (see [`crate::start::perturbed`]): in simulated data the file's probe is the
    /// true one, which no experiment knows.
    Perturbed,
}

/// The section `[solver]` of a design: a solver, its options side by side with its name, and the start fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SolverConfig {
    /// Name of the solver.
    algorithm: &'static str,
    /// Start object.
    pub object_start: ObjectStart,
    /// Start probe.
    pub probe_start: ProbeStart,
    /// The solver's own options.
    #[serde(flatten)]
    pub solver: Solver,
}

impl SolverConfig {
    /// A solver started from a flat object and the given probe.
    pub fn new(solver: Solver, probe_start: ProbeStart) -> Self {
        Self { algorithm: solver.name(), object_start: ObjectStart::Flat, probe_start, solver }
    }

    /// Refuses options outside their ranges.
    ///
    /// # Errors
    /// The field, what was expected of it and what was found.
    pub fn check(&self) -> Result<(), DesignError> {
        crate::design::check_solver(&self.solver)
    }

    /// Name of the solver.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }
}

impl Default for SolverConfig {
    /// LSQML with its own defaults, from a flat object and a perturbed probe.
    fn default() -> Self {
        Self::new(Solver::Lsqml(Lsqml::default()), ProbeStart::Perturbed)
    }
}

impl<'de> Deserialize<'de> for SolverConfig {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        /// The names that belong to no solver; all others are for the solver to know.
        #[derive(Deserialize)]
        struct Written {
            algorithm: Option<String>,
            #[serde(alias = "start")]
            object_start: Option<ObjectStart>,
            probe_start: Option<ProbeStart>,
            #[serde(flatten)]
            options: toml::Table,
        }
        let written = Written::deserialize(deserializer)?;
        let name = written.algorithm.unwrap_or_else(|| "LSQML".to_owned());
        let solver = match name.as_str() {
            "LSQML" => Solver::Lsqml(written.options.try_into().map_err(D::Error::custom)?),
            "ML" => Solver::Ml(written.options.try_into().map_err(D::Error::custom)?),
            _ => {
                return Err(D::Error::custom(format!(
                    "solver.algorithm: expected LSQML or ML, found `{name}`"
                )));
            }
        };
        let mut config = Self::new(solver, written.probe_start.unwrap_or(ProbeStart::Perturbed));
        config.object_start = written.object_start.unwrap_or_default();
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        let text = "algorithm = \"LSQML\"\nobject_start = \"guess\"\nepochs = 7\nnoise = \"poisson\"\n";
        let config: SolverConfig = toml::from_str(text).unwrap();
        assert_eq!((config.solver.epochs(), config.object_start), (7, ObjectStart::Guess));
        assert!(config.solver.needs_counts());
        let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        assert_eq!(toml::from_str::<SolverConfig>("").unwrap(), SolverConfig::default());
        let config: SolverConfig = toml::from_str("algorithm = \"ML\"\nprior = 0.0\n").unwrap();
        assert_eq!(config.solver, Solver::Ml(Ml { prior: 0.0, ..Ml::default() }));
        assert!(config.solver.needs_counts());
        let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn unknown_solvers_and_options_are_named() {
        let refused = |text| toml::from_str::<SolverConfig>(text).unwrap_err().to_string();
        assert!(refused("algorithm = \"ePIE\"").contains("ePIE"));
        assert!(refused("epoch = 7").contains("epoch"));
        assert!(refused("noise = \"white\"").contains("white"));
    }

    #[test]
    fn the_names_of_the_command_line_are_understood_too() {
        let same = |a, b| {
            assert_eq!(
                toml::from_str::<SolverConfig>(a).unwrap(),
                toml::from_str::<SolverConfig>(b).unwrap()
            );
        };
        same(
            "num_epochs = 3\nbatch_seed = 9\nstart = \"guess\"",
            "epochs = 3\nseed = 9\nobject_start = \"guess\"",
        );
        same("algorithm = \"ML\"\nbatch_size = 5", "algorithm = \"ML\"\nstart_batch_size = 5");
    }
}
