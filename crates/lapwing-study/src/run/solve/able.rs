//! What of a model not every solver has: who has it, and what a refusal says to type.

use crate::{Result, StudyError};
use lapwing_solve::solver::{Entry, PositionFreedom, entry};
use lapwing_solve::{SOLVERS, Solver};

/// What not every solver has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// A probe for each of several scans.
    ScanProbes,
    /// A probe that varies along the scan, by eigenmodes.
    Eigenmodes,
    /// A power of the beam for every pattern.
    Powers,
    /// Powers and weights of eigenmodes that vary slowly.
    SlowVariation,
    /// Positions that move, each by itself.
    Positions,
    /// The same where the data are asked whether they are to.
    ChosenPositions,
    /// Positions that move together, without a search in photon counts before.
    Drift,
    /// Objects of several slices.
    Slices,
}

impl Term {
    /// As it is written.
    fn written(self) -> &'static str {
        match self {
            Self::ScanProbes => "join",
            Self::Eigenmodes => "probe_eigenmodes",
            Self::Powers => "vary_power",
            Self::SlowVariation => "probe_variation = slow",
            Self::Positions => "refine_scan = positions",
            Self::ChosenPositions => "choose = positions",
            Self::Drift => "refine_scan = drift",
            Self::Slices => "slices",
        }
    }

    /// Whether a solver of the table has it.
    fn is_of(self, entry: &Entry) -> bool {
        match self {
            Self::ScanProbes | Self::Eigenmodes | Self::Powers | Self::SlowVariation => {
                entry.varies_probe
            }
            Self::Positions | Self::ChosenPositions => {
                moves(&*entry.defaults(), PositionFreedom::Single)
            }
            Self::Drift => moves(&*entry.defaults(), PositionFreedom::Drift),
            Self::Slices => entry.defaults().needs().waves_per_pattern == 0,
        }
    }

    /// Whether `solver` has it, which need not be in the table.
    pub fn is_had_by(self, solver: &dyn Solver) -> bool {
        match self {
            Self::Positions | Self::ChosenPositions => moves(solver, PositionFreedom::Single),
            Self::Drift => moves(solver, PositionFreedom::Drift),
            Self::Slices => solver.needs().waves_per_pattern == 0,
            _ => entry(solver.name()).is_some_and(|entry| self.is_of(entry)),
        }
    }

    /// What else than another solver helps the solver `found`, or why it has no such thing.
    fn beside(self, found: &str) -> String {
        match self {
            Self::ScanProbes => ", or --scan-probes shared for one probe of all scans".to_owned(),
            Self::Positions | Self::ChosenPositions => format!(
                "; to have {found} at positions that ML has refined, let that run first and \
                 start from its folder (--start FOLDER)"
            ),
            Self::Drift => ", or --quantity counts if the patterns are counts of photons or \
                            electrons, for the search before any solver"
                .to_owned(),
            Self::Slices => {
                format!(
                    ", or --slices 1: {found} keeps exit waves and divides each between object and \
                     probe"
                )
            }
            Self::Eigenmodes | Self::Powers | Self::SlowVariation => String::new(),
        }
    }

    /// Refuses a `solver` that does not have it.
    ///
    /// # Errors
    /// What was written, the solvers that have it, and what to type.
    pub fn check(self, solver: &dyn Solver) -> Result<()> {
        if self.is_had_by(solver) { Ok(()) } else { Err(self.refused(solver.name())) }
    }

    /// The refusal of the solver `found`.
    pub fn refused(self, found: &str) -> StudyError {
        let able = SOLVERS.iter().filter(|entry| self.is_of(entry)).map(|entry| entry.name);
        let able = any_of(&able.collect::<Vec<_>>());
        let (written, beside) = (self.written(), self.beside(found));
        StudyError::Invalid(format!(
            "{written}: expected the solver {able}, found {found}; say --algorithm {able}{beside}"
        ))
    }
}

/// Whether a solver moves positions so.
fn moves(solver: &dyn Solver, freedom: PositionFreedom) -> bool {
    solver.refining_positions(freedom).is_some()
}

/// `a, b or c`.
fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who has what, written out by hand from what the papers and the manual say.
    const HAD: [(Term, &[&str]); 8] = [
        (Term::ScanProbes, &["LSQML", "ML"]),
        (Term::Eigenmodes, &["LSQML", "ML"]),
        (Term::Powers, &["LSQML", "ML"]),
        (Term::SlowVariation, &["LSQML", "ML"]),
        (Term::Positions, &["LSQML", "ML"]),
        (Term::ChosenPositions, &["LSQML", "ML"]),
        (Term::Drift, &["LSQML", "ML"]),
        (Term::Slices, &["LSQML", "ML", "rPIE", "ePIE"]),
    ];

    #[test]
    fn whoever_lacks_a_term_is_told_what_to_type() {
        for (term, had_by) in HAD {
            for entry in SOLVERS {
                let told = term.check(&*entry.defaults()).map_err(|error| error.to_string());
                let expected = had_by.contains(&entry.name);
                assert_eq!(told.is_ok(), expected, "{term:?} and {}: {told:?}", entry.name);
                let Err(told) = told else { continue };
                assert!(told.starts_with(&format!("{}: expected", term.written())), "{told}");
                assert!(
                    told.contains(&format!("found {}; say --algorithm ", entry.name)),
                    "{told}"
                );
                // Each name that it says to type is one that has it.
                let typed = told.split("--algorithm ").nth(1).unwrap();
                let words = typed.split([',', ';', ' ']).filter(|word| !word.is_empty());
                let named: Vec<&str> = words
                    .take_while(|word| *word == "or" || SOLVERS.iter().any(|e| e.name == *word))
                    .filter(|word| *word != "or")
                    .collect();
                assert_eq!(named, had_by, "{told}");
            }
        }
    }
}
