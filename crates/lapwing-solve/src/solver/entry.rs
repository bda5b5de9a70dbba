//! What a row of the table of solvers is.

use super::Solver;
use super::options::{OptionDoc, OptionError, OptionProblem, Options, Value, Written};
use std::fmt;

/// An options struct that is a solver of [`SOLVERS`](super::SOLVERS).
pub trait Configured: Options + Solver + 'static {
    /// The solver's name in records and on the command line.
    const NAME: &'static str;
    /// What it is, in one line.
    const ABOUT: &'static str;
    /// Where it was published.
    const SOURCE: &'static str;
    /// When it needs photon counts.
    const COUNTS: CountsNeeded = CountsNeeded::Never;
    /// The data for which it is the default, if any.
    const TAKEN_FOR: Option<TakenFor> = None;
    /// Whether it finds what makes the probe vary along the scan: eigenmodes, and the beam's power.
    const VARIES_PROBE: bool = false;
    /// Misfit (see [`Problem::misfit`](crate::Problem::misfit)) above which the model is said not
    /// to explain the patterns. Solvers without a likelihood of counts leave more of patterns that
    /// they do explain: LSQML 1.6 after 100 epochs of a perfect scan.
    const USUAL_MISFIT: f64 = 2.0;
    /// What of its own helps against the period of a raster in its image.
    const AGAINST_RASTER: Option<Remedy> = None;
}

/// Data for which a solver is the default; a study that names none compares both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenFor {
    /// Photon counts.
    Counts,
    /// Intensities of unknown unit.
    Intensities,
}

/// When a solver needs photon counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsNeeded {
    /// With any options.
    Always,
    /// With none.
    Never,
    /// With some of its options, which this names.
    With(&'static str),
}

impl fmt::Display for CountsNeeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => out.write_str("yes"),
            Self::Never => out.write_str("no"),
            Self::With(options) => write!(out, "with {options}"),
        }
    }
}

/// A change of one option that may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The option of this name at this value.
    Set(&'static str, &'static str),
    /// A larger value of the option of this name.
    Raise(&'static str),
}

/// One solver.
#[derive(Debug)]
pub struct Entry {
    /// Its name in records and on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Where it was published.
    pub source: &'static str,
    /// When it needs photon counts.
    pub counts: CountsNeeded,
    /// The data for which it is the default, if any.
    pub taken_for: Option<TakenFor>,
    /// Whether it finds what makes the probe vary along the scan: eigenmodes, and the beam's power.
    pub varies_probe: bool,
    /// Misfit above which the model is said not to explain the patterns.
    pub usual_misfit: f64,
    /// What of its own helps against the period of a raster in its image.
    pub against_raster: Option<Remedy>,
    /// Its options.
    pub options: &'static [OptionDoc],
    defaults: fn() -> Box<dyn Solver>,
    read: fn(&Written) -> Result<Box<dyn Solver>, OptionError>,
}

impl Entry {
    /// The row of a solver.
    pub const fn of<T: Configured>() -> Self {
        Self {
            name: T::NAME,
            about: T::ABOUT,
            source: T::SOURCE,
            counts: T::COUNTS,
            taken_for: T::TAKEN_FOR,
            varies_probe: T::VARIES_PROBE,
            usual_misfit: T::USUAL_MISFIT,
            against_raster: T::AGAINST_RASTER,
            options: T::DOCS,
            defaults: || Box::new(T::default()),
            read: read::<T>,
        }
    }

    /// Whether it has an option of this name.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|doc| doc.name == option)
    }

    /// The solver with its default options.
    pub fn defaults(&self) -> Box<dyn Solver> {
        (self.defaults)()
    }

    /// The solver with the options that were written; the others have their defaults.
    ///
    /// # Errors
    /// An option that the solver does not have, or that cannot have its value.
    pub fn read(&self, written: &Written) -> Result<Box<dyn Solver>, OptionError> {
        (self.read)(written)
    }
}

fn read<T: Configured>(written: &Written) -> Result<Box<dyn Solver>, OptionError> {
    let mut options = T::default();
    for (index, (name, value)) in written.iter().enumerate() {
        let doc = T::DOCS.iter().find(|doc| doc.is(name));
        let same = |(before, _): &&(String, Value)| doc.is_some_and(|doc| doc.is(before));
        if let Some((before, _)) = written[..index].iter().find(same) {
            let problem = OptionProblem::Twice { before: before.clone() };
            return Err(OptionError { option: name.clone(), problem });
        }
        if !options.set(name, value)? {
            let known = T::DOCS.iter().map(|doc| doc.name).collect();
            let problem = OptionProblem::Unknown { solver: T::NAME, known, had_by: Vec::new() };
            return Err(OptionError { option: name.clone(), problem });
        }
    }
    Solver::check(&options)?;
    Ok(Box::new(options))
}

/// Implements the parts of [`Solver`] that are the same for every options struct that is
/// [`Configured`] and has the fields `epochs` and `constraints`; with `but epochs` it need not have
/// the former, and implements `epochs` and `set_epochs` itself.
#[macro_export]
macro_rules! solver_basics {
    () => {
        fn epochs(&self) -> usize {
            self.epochs
        }

        fn set_epochs(&mut self, epochs: usize) {
            self.epochs = epochs;
        }

        $crate::solver_basics!(but epochs);
    };
    (but epochs) => {
        fn name(&self) -> &'static str {
            <Self as $crate::solver::Configured>::NAME
        }

        fn constraints(&self) -> &$crate::solver::Constraints {
            &self.constraints
        }

        fn values(&self) -> Vec<(&'static str, $crate::solver::options::Value)> {
            $crate::solver::options::Options::values(self)
        }

        fn check(&self) -> Result<(), $crate::solver::options::OptionError> {
            $crate::solver::options::Options::check(self)?;
            self.constraints.check_limits()
        }

        fn as_any(&self) -> &dyn std::any::Any {
            self
        }

        fn boxed(&self) -> Box<dyn $crate::solver::Solver> {
            Box::new(self.clone())
        }
    };
}
