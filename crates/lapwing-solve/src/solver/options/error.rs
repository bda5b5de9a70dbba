//! What is wrong with an option.

use super::Value;
use std::fmt;

/// How alike two names are, by Jaro and Winkler, when one may be a slip of the other.
const ALIKE: f64 = 0.85;

/// An option that a solver cannot take.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionError {
    /// The option's name, as it was written or as its solver calls it.
    pub option: String,
    /// What is wrong with it.
    pub problem: OptionProblem,
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptionProblem {
    /// The solver has no such option.
    Unknown {
        /// The solver's name.
        solver: &'static str,
        /// The options that it has.
        known: Vec<&'static str>,
        /// The solvers that have this one, as far as whoever asked knows of others.
        had_by: Vec<&'static str>,
    },
    /// It was written twice.
    Twice {
        /// The name under which it was written before.
        before: String,
    },
    /// The value is not one that it takes.
    Value {
        /// What it takes.
        expected: String,
        /// What was found.
        found: Value,
    },
}

impl OptionError {
    /// An option that cannot have this value.
    pub fn value(option: &str, expected: impl Into<String>, found: &Value) -> Self {
        let problem = OptionProblem::Value { expected: expected.into(), found: found.clone() };
        Self { option: option.to_owned(), problem }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = &self.option;
        match &self.problem {
            OptionProblem::Unknown { solver, known, had_by } => {
                write!(f, "{option}: {solver} has no such option, expected {}", known.join(", "))?;
                if !had_by.is_empty() {
                    return write!(f, "; to have it say --algorithm {}", had_by.join(" or "));
                }
                let likeness = |known: &str| strsim::jaro_winkler(option, known);
                let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
                match nearest.filter(|known| likeness(known) > ALIKE) {
                    Some(known) => write!(f, "; did you mean {known}?"),
                    None => Ok(()),
                }
            }
            OptionProblem::Twice { before } => {
                write!(f, "{option}: expected once, found as {before}, too")
            }
            OptionProblem::Value { expected, found } => {
                write!(f, "{option}: expected {expected}, found {found}")
            }
        }
    }
}

impl std::error::Error for OptionError {}
