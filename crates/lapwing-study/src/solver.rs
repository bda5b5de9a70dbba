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
        let written = Written::deserialize(deserializer)?;
        match &written.name {
            None => written.config(ProbeStart::Perturbed).map_err(D::Error::custom),
            Some(_) => Err(D::Error::custom("unknown field `name`")),
        }
    }
}

/// A solver as the user writes it.
#[derive(Debug, Deserialize)]
struct Written {
    name: Option<String>,
    algorithm: Option<String>,
    #[serde(alias = "start")]
    object_start: Option<ObjectStart>,
    probe_start: Option<ProbeStart>,
    /// These belong to the solver, which knows their names.
    #[serde(flatten)]
    options: toml::Table,
}

impl Written {
    /// Fills in what is not written; `probe_start` where nothing is said about it.
    fn config(self, probe_start: ProbeStart) -> Result<SolverConfig, String> {
        let name = self.algorithm.unwrap_or_else(|| "LSQML".to_owned());
        let said = |error: toml::de::Error| error.message().to_owned();
        let solver = match name.as_str() {
            "LSQML" => Solver::Lsqml(self.options.try_into().map_err(said)?),
            "ML" => Solver::Ml(self.options.try_into().map_err(said)?),
            _ => return Err(format!("solver.algorithm: expected LSQML or ML, found `{name}`")),
        };
        let mut config = SolverConfig::new(solver, self.probe_start.unwrap_or(probe_start));
        config.object_start = self.object_start.unwrap_or_default();
        Ok(config)
    }
}

/// One of the solvers of a study: its configuration under a name that no other has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudySolver {
    /// The name in records, tables and folders.
    pub name: String,
    /// Solver and start fields.
    #[serde(flatten)]
    pub config: SolverConfig,
}

impl StudySolver {
    /// A solver under the name of its algorithm.
    pub fn new(config: SolverConfig) -> Self {
        Self { name: config.algorithm().to_owned(), config }
    }

    /// The solvers of a study that names none: LSQML, the field's baseline, and ML; `probe_start` is what both start from.
    pub fn defaults(probe_start: ProbeStart) -> Vec<Self> {
        [Solver::Lsqml(Lsqml::default()), Solver::Ml(Ml::default())]
            .map(|solver| Self::new(SolverConfig::new(solver, probe_start)))
            .into()
    }

    /// The solvers written as `[solver]` (one) or `[[solver]]` (several); `probe_start` where nothing is said about it.
    pub(crate) fn read(written: toml::Value, probe_start: ProbeStart) -> Result<Vec<Self>, String> {
        let tables = match written {
            toml::Value::Array(several) => several,
            one => vec![one],
        };
        let read = |table: toml::Value| {
            let mut written: Written =
                table.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
            let name = written.name.take();
            let mut solver = Self::new(written.config(probe_start)?);
            solver.name = name.unwrap_or(solver.name);
            Ok(solver)
        };
        tables.into_iter().map(read).collect()
    }
}

/// Why `name` cannot be the name of a solver, if so: it names a folder beside `dose_1000`, `repeat_2` and `runs`.
pub fn unusable_name(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let taken = |lower: &str| lower == "runs" || lower.starts_with("dose_") || lower.starts_with("repeat_");
    match name {
        _ if name.is_empty() || name.len() > 64 => Some("1 to 64 characters"),
        _ if !name.chars().all(plain) || name.starts_with('.') => {
            Some("letters, digits, -, _, + and . only, not beginning with .")
        }
        _ if taken(&name.to_ascii_lowercase()) => Some("a name other than runs, dose_... and repeat_..."),
        _ => None,
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
        assert!(refused("name = \"mine\"").contains("name"));
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

    #[test]
    fn one_solver_or_several() {
        let read = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            StudySolver::read(table["solver"].clone(), ProbeStart::File)
        };
        let one = read("[solver]\nepochs = 7").unwrap();
        assert_eq!((one.len(), one[0].name.as_str(), one[0].config.solver.epochs()), (1, "LSQML", 7));
        assert_eq!(one[0].config.probe_start, ProbeStart::File);
        let two = "[[solver]]\n[[solver]]\nname = \"no prior\"\nalgorithm = \"ML\"\nprior = 0.0\nprobe_start = \"perturbed\"";
        let two = read(two).unwrap();
        assert_eq!((two[0].name.as_str(), two[1].name.as_str()), ("LSQML", "no prior"));
        assert_eq!((two[1].config.algorithm(), two[1].config.probe_start), ("ML", ProbeStart::Perturbed));
        assert!(read("[[solver]]\nprior = 1.0").unwrap_err().contains("prior"));
        assert!(read("solver = 3").is_err());
    }

    #[test]
    fn names_that_are_no_folders_or_folders_of_something_else_are_refused() {
        for name in ["LSQML", "pty-chi_v1.2", "a+b"] {
            assert_eq!(unusable_name(name), None, "{name}");
        }
        let long = "x".repeat(65);
        for name in ["", "..", ".x", "a/b", "a b", "ü", "runs", "Runs", "dose_1000", "repeat_2", &long] {
            assert!(unusable_name(name).is_some(), "{name}");
        }
    }
}
