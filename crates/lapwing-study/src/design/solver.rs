//! Which solver reconstructs, with which options, and what it starts from.

use crate::design::external::{self, External, ExternalConfig};
use lapwing_solve::lsqml::{Lsqml, Noise};
use lapwing_solve::ml::Ml;
use lapwing_solve::pie::{Epie, Rpie};
use lapwing_solve::{Constraints, Epoch, Flow, Problem, Run, Solution};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A solver with all its options.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Solver {
    /// Iterative least-squares maximum likelihood, the field's baseline.
    Lsqml(Lsqml),
    /// Small-batch start, then L-BFGS on the Poisson likelihood: the best image for the data.
    Ml(Ml),
    /// Regularised ptychographical iterative engine.
    Rpie(Rpie),
    /// Extended ptychographical iterative engine.
    Epie(Epie),
}

/// Names of all solvers, in the order of [`Solver`].
pub const NAMES: [&str; 4] = ["LSQML", "ML", "rPIE", "ePIE"];

impl Solver {
    /// The name in records and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lsqml(_) => "LSQML",
            Self::Ml(_) => "ML",
            Self::Rpie(_) => "rPIE",
            Self::Epie(_) => "ePIE",
        }
    }

    /// Number of epochs asked for.
    pub fn epochs(&self) -> usize {
        match self {
            Self::Lsqml(options) => options.epochs,
            Self::Ml(options) => options.epochs,
            Self::Rpie(options) => options.epochs,
            Self::Epie(options) => options.epochs,
        }
    }

    /// Sets the number of epochs.
    pub fn set_epochs(&mut self, epochs: usize) {
        match self {
            Self::Lsqml(options) => options.epochs = epochs,
            Self::Ml(options) => options.epochs = epochs,
            Self::Rpie(options) => options.epochs = epochs,
            Self::Epie(options) => options.epochs = epochs,
        }
    }

    /// Whether the intensities must be photon counts.
    pub fn needs_counts(&self) -> bool {
        match self {
            Self::Lsqml(options) => options.noise == Noise::Poisson || options.prior > 0.0,
            Self::Ml(_) => true,
            Self::Rpie(_) | Self::Epie(_) => false,
        }
    }

    /// The constraints on object and probe.
    pub fn constraints(&self) -> &Constraints {
        match self {
            Self::Lsqml(options) => &options.constraints,
            Self::Ml(options) => &options.constraints,
            Self::Rpie(options) => &options.constraints,
            Self::Epie(options) => &options.constraints,
        }
    }

    /// A reconstruction to be driven epoch by epoch.
    pub fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        match self {
            Self::Lsqml(options) => options.start(problem),
            Self::Ml(options) => options.start(problem),
            Self::Rpie(options) => options.start(problem),
            Self::Epie(options) => options.start(problem),
        }
    }

    /// Reconstructs.
    pub fn solve(&self, problem: &Problem, observe: &mut dyn FnMut(Epoch) -> Flow) -> Solution {
        self.start(problem).solve(observe)
    }
}

/// The object that a reconstruction starts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectStart {
    /// Transmission 1 everywhere.
    #[default]
    Flat,
    /// The file's `objectGuess`. In simulated data that is the truth, so no result started from it
    /// means anything.
    Guess,
}

/// The probe that a reconstruction starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStart {
    /// The file's `probeGuess`.
    File,
    /// The file's probe out of focus and astigmatic (see [`crate::start::perturbed`]): in
    /// simulated data the file's probe is the true one, which no experiment knows.
    Perturbed,
}

/// The section `[solver]` of a design: a solver, its options side by side with its name, and the
/// start fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SolverConfig {
    /// Name of the solver.
    algorithm: &'static str,
    /// Start object.
    pub object_start: ObjectStart,
    /// Start probe.
    pub probe_start: ProbeStart,
    /// Number of incoherent probe modes; unless given, as many as the data set has. Modes it lacks
    /// are made, see
    /// [`lapwing_solve::modes::start_modes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_modes: Option<usize>,
    /// The solver's own options.
    #[serde(flatten)]
    pub solver: Solver,
}

impl SolverConfig {
    /// A solver started from a flat object and the given probe.
    pub fn new(solver: Solver, probe_start: ProbeStart) -> Self {
        Self {
            algorithm: solver.name(),
            object_start: ObjectStart::Flat,
            probe_start,
            probe_modes: None,
            solver,
        }
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
    probe_modes: Option<usize>,
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
            "rPIE" => Solver::Rpie(self.options.try_into().map_err(said)?),
            "ePIE" => Solver::Epie(self.options.try_into().map_err(said)?),
            _ => {
                return Err(format!(
                    "solver.algorithm: expected LSQML, ML, rPIE or ePIE (or in a study external), found `{name}`"
                ));
            }
        };
        let mut config = SolverConfig::new(solver, self.probe_start.unwrap_or(probe_start));
        config.object_start = self.object_start.unwrap_or_default();
        config.probe_modes = self.probe_modes;
        Ok(config)
    }
}

impl Written {
    fn external(self, probe_start: ProbeStart, folder: &Path) -> Result<ExternalConfig, String> {
        let mut external: External =
            self.options.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        for word in &mut external.command {
            *word = word.replace("{folder}", &folder.to_string_lossy());
        }
        let probe_start = self.probe_start.unwrap_or(probe_start);
        Ok(ExternalConfig::new(external, self.object_start.unwrap_or_default(), probe_start))
    }
}

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

    /// Object and probe that it starts from.
    pub fn starts(&self) -> (ObjectStart, ProbeStart) {
        match &self.method {
            Method::Native(config) => (config.object_start, config.probe_start),
            Method::External(config) => (config.object_start, config.probe_start),
        }
    }

    /// The solvers of a study that names none: LSQML, the field's baseline, and ML; `probe_start`
    /// is what both start from.
    pub fn defaults(probe_start: ProbeStart) -> Vec<Self> {
        [Solver::Lsqml(Lsqml::default()), Solver::Ml(Ml::default())]
            .map(|solver| Self::new(SolverConfig::new(solver, probe_start)))
            .into()
    }

    /// The solvers written as `[solver]` (one) or `[[solver]]` (several); `probe_start` where
    /// nothing is said about it. `{folder}` in a command stands for `folder`.
    pub(crate) fn read(
        written: toml::Value,
        probe_start: ProbeStart,
        folder: &Path,
    ) -> Result<Vec<Self>, String> {
        let tables = match written {
            toml::Value::Array(several) => several,
            one => vec![one],
        };
        let read = |table: toml::Value| {
            let mut written: Written =
                table.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
            let name = written.name.take();
            let mut solver = if written.algorithm.as_deref() == Some(external::ALGORITHM) {
                Self {
                    name: external::ALGORITHM.to_owned(),
                    method: Method::External(written.external(probe_start, folder)?),
                }
            } else {
                Self::new(written.config(probe_start)?)
            };
            solver.name = name.unwrap_or(solver.name);
            Ok(solver)
        };
        tables.into_iter().map(read).collect()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        let text =
            "algorithm = \"LSQML\"\nobject_start = \"guess\"\nepochs = 7\nnoise = \"poisson\"\n";
        let config: SolverConfig = toml::from_str(text).unwrap();
        assert_eq!((config.solver.epochs(), config.object_start), (7, ObjectStart::Guess));
        assert!(config.solver.needs_counts());
        let again: SolverConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        let text = "algorithm = \"rPIE\"\nprobe_modes = 2\nobject_alpha = 0.2\n[constraints]\nprobe_support = 0.4\n";
        let config: SolverConfig = toml::from_str(text).unwrap();
        assert_eq!(config.probe_modes, Some(2));
        assert_eq!(config.solver.constraints().probe_support, Some(0.4));
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
        assert!(refused("algorithm = \"RAAR\"").contains("RAAR"));
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
            StudySolver::read(table["solver"].clone(), ProbeStart::File, Path::new("/designs"))
        };
        let one = read("[solver]\nepochs = 7").unwrap();
        assert_eq!((one.len(), one[0].name.as_str(), one[0].epochs()), (1, "LSQML", 7));
        assert_eq!(one[0].starts().1, ProbeStart::File);
        let two = "[[solver]]\n[[solver]]\nname = \"no prior\"\nalgorithm = \"ML\"\nprior = 0.0\nprobe_start = \"perturbed\"";
        let two = read(two).unwrap();
        assert_eq!((two[0].name.as_str(), two[1].name.as_str()), ("LSQML", "no prior"));
        assert_eq!((two[1].algorithm(), two[1].starts().1), ("ML", ProbeStart::Perturbed));
        assert!(read("[[solver]]\nobject_alpha = 1.0").unwrap_err().contains("object_alpha"));
        assert!(read("solver = 3").is_err());
        let other = "[solver]\nalgorithm = \"external\"\nname = \"mine\"\ncommand = [\"python3\", \"{folder}/a.py\", \"{input}\"]\nepochs = 9";
        let other = read(other).unwrap();
        let Method::External(config) = &other[0].method else { panic!("{other:?}") };
        assert_eq!(config.external.command, ["python3", "/designs/a.py", "{input}"]);
        assert_eq!(
            (other[0].name.as_str(), other[0].algorithm(), other[0].epochs()),
            ("mine", "external", 9)
        );
        let again: toml::Value = toml::Value::try_from(&other[0]).unwrap();
        assert_eq!(
            StudySolver::read(again, ProbeStart::Perturbed, Path::new("/x")).unwrap(),
            other
        );
        assert!(read("[solver]\nalgorithm = \"external\"\ncmd = 3").is_err());
    }

    #[test]
    fn names_that_are_no_folders_or_folders_of_something_else_are_refused() {
        for name in ["LSQML", "pty-chi_v1.2", "a+b"] {
            assert_eq!(unusable_name(name), None, "{name}");
        }
        let long = "x".repeat(65);
        for name in
            ["", "..", ".x", "a/b", "a b", "ü", "runs", "Runs", "dose_1000", "repeat_2", &long]
        {
            assert!(unusable_name(name).is_some(), "{name}");
        }
    }
}
