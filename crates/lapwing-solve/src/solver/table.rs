//! The solvers that there are.

use super::options::{OptionDoc, OptionError, OptionProblem, Options, Value, Written};
use super::{Solver, dm, lsqml, ml, pie, raar};

/// All solvers, in the order in which they are listed to people.
pub static SOLVERS: &[Entry] = &[
    Entry::of::<lsqml::Lsqml>(),
    Entry::of::<ml::Ml>(),
    Entry::of::<pie::Rpie>(),
    Entry::of::<pie::Epie>(),
    Entry::of::<dm::Dm>(),
    Entry::of::<raar::Raar>(),
];

/// An options struct that is a solver of [`SOLVERS`].
pub trait Configured: Options + Solver + 'static {
    /// The solver's name in records and on the command line.
    const NAME: &'static str;
    /// What it is, in one line.
    const ABOUT: &'static str;
    /// Where it was published.
    const SOURCE: &'static str;
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
            options: T::DOCS,
            defaults: || Box::new(T::default()),
            read: read::<T>,
        }
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
            let problem = OptionProblem::Unknown { solver: T::NAME, known };
            return Err(OptionError { option: name.clone(), problem });
        }
    }
    Solver::check(&options)?;
    Ok(Box::new(options))
}

/// The solver of this name, upper or lower case.
pub fn entry(name: &str) -> Option<&'static Entry> {
    SOLVERS.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// Implements the parts of [`Solver`] that are the same for every options struct that is
/// [`Configured`] and has the fields `epochs` and `constraints`.
#[macro_export]
macro_rules! solver_basics {
    () => {
        fn name(&self) -> &'static str {
            <Self as $crate::solver::Configured>::NAME
        }

        fn epochs(&self) -> usize {
            self.epochs
        }

        fn set_epochs(&mut self, epochs: usize) {
            self.epochs = epochs;
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

        fn boxed(&self) -> Box<dyn $crate::solver::Solver> {
            Box::new(self.clone())
        }
    };
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::options::Kind;

    #[test]
    fn every_option_of_every_solver_has_a_default_that_it_accepts() {
        for entry in SOLVERS {
            let solver = entry.defaults();
            assert_eq!(solver.check(), Ok(()));
            let values = solver.values();
            for doc in entry.options {
                let value = values.iter().find(|(name, _)| *name == doc.name);
                assert_eq!(value.is_none(), doc.optional, "{} of {}", doc.name, entry.name);
                assert!(doc.about().ends_with('.') && doc.about().len() > 20, "{}", doc.about());
            }
            let again: Vec<(String, Value)> =
                values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(*entry.read(&again).unwrap(), *solver);
        }
    }

    #[test]
    fn options_are_refused_by_name() {
        let read = |name: &str, value: Value| {
            entry("lsqml").unwrap().read(&[(name.to_owned(), value)]).map_err(|e| e.to_string())
        };
        assert_eq!(read("num_epochs", Value::Count(3)).unwrap().epochs(), 3);
        let unknown = read("epoch", Value::Count(3)).unwrap_err();
        assert!(unknown.starts_with("epoch: LSQML has no such option, expected epochs,"));
        let twice = [("num_epochs", 3), ("epochs", 4)]
            .map(|(name, epochs)| (name.to_owned(), Value::Count(epochs)));
        let error = entry("LSQML").unwrap().read(&twice).unwrap_err();
        assert_eq!(error.to_string(), "epochs: expected once, found as num_epochs, too");
        let range = read("epochs", Value::Count(0)).unwrap_err();
        assert_eq!(range, "epochs: expected a whole number, 1 to 1,000,000, found 0");
        let word = read("batching", Value::Word("near".into())).unwrap_err();
        assert_eq!(word, "batching: expected random, compact or sparse, found `near`");
        assert!(read("momentum", Value::Number(f64::NAN)).is_err());
        let limits = [("constraints.object_min", 2.0), ("constraints.object_max", 1.0)]
            .map(|(name, value)| (name.to_owned(), Value::Number(value)));
        let error = entry("ML").unwrap().read(&limits).unwrap_err();
        assert_eq!(error.option, "constraints.object_min");
    }

    #[test]
    fn an_option_of_several_solvers_has_one_flag_for_one_thing() {
        for entry in SOLVERS {
            let mut flags: Vec<String> = entry.options.iter().map(OptionDoc::flag).collect();
            flags.sort();
            flags.dedup();
            assert_eq!(flags.len(), entry.options.len(), "{}", entry.name);
            assert!(entry.options.iter().any(|doc| doc.name == "epochs"
                && doc.flag() == "num-epochs"
                && doc.kind == Kind::EPOCHS));
        }
    }
}
