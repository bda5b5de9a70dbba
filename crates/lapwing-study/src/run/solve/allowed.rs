//! What a configuration asks for that its data, or its solver, do not allow.

use crate::design::solver::{NoiseOptions, ProbeVariation, SolverConfig};
use crate::run::solve::able::Term;
use crate::{Result, StudyError};
use lapwing_solve::Solver;
use lapwing_solve::solver::PositionFreedom;

/// What there is to say of a slow variation of what does not vary.
const STILL: &str = "probe_variation = slow: expected a probe that varies along one scan; say \
                     --probe-eigenmodes 1, or --vary-power";

/// The same of several scans, each of which has a probe of its own: as one that has what varies,
/// and as one that lacks it.
const STILL_EACH: [&str; 2] = [
    "probe_variation = slow: expected one probe that varies along all scans, found one of its own \
     for each; say --scan-probes shared for one of all",
    "probe_variation = slow: expected one probe that varies along all scans, found one of its own \
     for each; say --scan-probes shared for one of all, with --probe-eigenmodes 1 or --vary-power",
];

/// What the data are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    /// Photon counts.
    pub counts: bool,
    /// Several scans, of which each has a probe of its own.
    pub scans: bool,
}

fn invalid(text: &str) -> Result<()> {
    Err(StudyError::Invalid(text.to_owned()))
}

/// Refuses questions where they cannot be answered: without photon counts, or about what was told.
///
/// # Errors
/// The question, and what it contradicts.
pub(super) fn check(
    config: &SolverConfig,
    (patterns, slices): (usize, usize),
    Of { counts, scans }: Of,
) -> Result<()> {
    let asked = &config.choice.choose;
    let aligns = config.choice.refine_scan.contains("affine");
    if scans {
        check_scans(config)?;
    }
    check_eigenmodes(config.start.probe_eigenmodes, patterns)?;
    let slow = config.start.probe_variation == ProbeVariation::Slow;
    let terms = [
        (Term::Eigenmodes, config.start.probe_eigenmodes > 0),
        (Term::Powers, config.start.vary_power),
        (Term::SlowVariation, slow),
        (Term::Slices, slices > 1),
        (Term::Positions, config.choice.refine_scan.contains("positions")),
        // The search before any solver finds an even one in counts.
        (Term::Drift, config.choice.refine_scan.contains("drift") && !counts),
        (Term::ChosenPositions, asked.contains("positions")),
    ];
    for (term, _) in terms.into_iter().filter(|(_, asked)| *asked) {
        term.check(&*config.solver)?;
    }
    if let Some(freedom) = freedom(config) {
        with_positions(&*config.solver, freedom)?;
    }
    let still = config.start.probe_eigenmodes == 0 && !config.start.vary_power;
    if slow && still {
        return invalid(STILL);
    }
    if asked.is_empty() && !aligns {
        return Ok(());
    }
    if !counts {
        let chosen = asked.words().collect::<Vec<_>>().join(",");
        let chosen = (!asked.is_empty()).then(|| format!("choose = {chosen}"));
        let affine = aligns.then(|| "refine_scan = affine".to_owned());
        let written = chosen.into_iter().chain(affine).collect::<Vec<_>>().join(" and ");
        return invalid(&format!(
            "{written}: expected patterns in counts of photons or electrons, but how many they \
             hold is unknown; if they are counts, say --quantity counts"
        ));
    }
    if asked.contains("modes") && config.start.probe_modes.is_some() {
        return invalid("choose = modes and probe_modes: expected one of them, found both");
    }
    let told = NoiseOptions::default().background != config.noise.background;
    if asked.contains("background") && told {
        return invalid("choose = background and background: expected one of them, found both");
    }
    if asked.contains("positions") {
        if config.choice.refine_scan.contains("positions") {
            return invalid(
                "choose = positions and refine_scan = positions: expected one of them, found both",
            );
        }
        if config.solver.refined_positions().is_some() {
            return invalid(
                "choose = positions and refined positions: expected one of them, found both",
            );
        }
        with_positions(&*config.solver, PositionFreedom::Single)?;
    }
    Ok(())
}

/// Refuses what no scan of several can have whose every scan has a probe of its own.
///
/// # Errors
/// What that is, and what to say.
pub(crate) fn check_scans(config: &SolverConfig) -> Result<()> {
    if config.start.probe_eigenmodes > 0 {
        return invalid(
            "probe_eigenmodes: expected none where every scan of several has a probe of its own; \
             say --scan-probes shared for one probe that varies",
        );
    }
    Term::ScanProbes.check(&*config.solver)?;
    match config.start.probe_variation {
        ProbeVariation::Slow => invalid(STILL_EACH[usize::from(!config.start.vary_power)]),
        _ => Ok(()),
    }
}

/// Refuses more eigenmodes than so many patterns can determine: their weights, the mean of which
/// is the first mode's, span at most one dimension less than there are patterns, and with all of
/// these every pattern has a probe of its own, of which nothing is left to be found.
///
/// # Errors
/// How many there may be.
pub(crate) fn check_eigenmodes(asked: usize, patterns: usize) -> Result<()> {
    let most = patterns.saturating_sub(2);
    match asked > most {
        true => Err(StudyError::Eigenmodes { asked, most, patterns }),
        false => Ok(()),
    }
}

/// How positions are to move in the reconstruction. A solver that moves none begins where the
/// search has found an even drift, and stays there.
pub(super) fn freedom(config: &SolverConfig) -> Option<PositionFreedom> {
    let refined = &config.choice.refine_scan;
    match (refined.contains("positions"), refined.contains("drift")) {
        (true, _) => Some(PositionFreedom::Single),
        (false, true) if Term::Drift.is_had_by(&*config.solver) => Some(PositionFreedom::Drift),
        (false, _) => None,
    }
}

/// The solver, told to refine the positions.
pub(super) fn with_positions(
    solver: &dyn Solver,
    freedom: PositionFreedom,
) -> Result<Box<dyn Solver>> {
    let refused = || Term::Positions.refused(solver.name());
    let solver = solver.refining_positions(freedom).ok_or_else(refused)?;
    if let Some((_, from)) = solver.refined_positions()
        && solver.epochs() < from
    {
        return Err(StudyError::Invalid(format!(
            "refined positions: they begin to move in epoch {from} (positions_from_epoch), expected at \
             least as many epochs, found {}; do more, or let them move earlier",
            solver.epochs()
        )));
    }
    Ok(solver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::solver::ProbeStart;
    use lapwing_solve::solver::options::Value;

    #[test]
    fn questions_that_contradict_what_was_told_are_refused() {
        let refused = |algorithm: &str, written: &[(&str, &str)], counts: bool| {
            let word = |(name, text): &(&str, &str)| {
                let value = match text.parse() {
                    Ok(count) => Value::Count(count),
                    Err(_) => Value::Word((*text).to_owned()),
                };
                ((*name).to_owned(), value)
            };
            let written = written.iter().map(word).collect();
            let config = SolverConfig::read(algorithm, written, ProbeStart::File).unwrap();
            check(&config, (100, 1), Of { counts, scans: false }).map_err(|error| error.to_string())
        };
        let all = ("choose", "modes,positions,background");
        assert_eq!(refused("ML", &[all], true), Ok(()));
        // Only what was written is named.
        let told = |written: &[(&str, &str)]| refused("ML", written, false).unwrap_err();
        let affine = ("refine_scan", "affine");
        assert!(told(&[("choose", "modes")]).starts_with("choose = modes: expected patterns"));
        assert!(told(&[affine]).starts_with("refine_scan = affine: expected patterns"));
        let both = told(&[("choose", "modes"), affine]);
        assert!(both.starts_with("choose = modes and refine_scan = affine: expected"), "{both}");
        assert!(told(&[all]).contains("--quantity counts"));
        let both = refused("ML", &[all, ("probe_modes", "2")], true).unwrap_err();
        assert!(both.contains("probe_modes"), "{both}");
        assert!(refused("ML", &[all, ("background", "none")], true).is_err());
        for moved in [("refine_scan", "positions"), ("positions_from_epoch", "12")] {
            let both = refused("ML", &[("choose", "positions"), moved], true).unwrap_err();
            assert!(both.starts_with("choose = positions and ref"), "{both}");
        }
        let moved = refused("DM", &[("choose", "positions")], true).unwrap_err();
        assert!(moved.contains("found DM;") && moved.contains("--start"), "{moved}");
        // The search for a drift is made before any solver, of counts.
        for algorithm in ["rPIE", "ePIE", "DM", "RAAR"] {
            let drift = [("refine_scan", "drift")];
            assert_eq!(refused(algorithm, &drift, true), Ok(()));
            let told = refused(algorithm, &drift, false).unwrap_err();
            assert!(told.contains("--quantity counts") && told.contains("LSQML or ML"), "{told}");
        }
        assert_eq!(refused("LSQML", &[("refine_scan", "drift")], false), Ok(()));
        assert_eq!(refused("DM", &[("choose", "none")], false), Ok(()));
    }

    #[test]
    fn eigenmodes_that_patterns_cannot_determine_are_refused() {
        let told = |asked: u64, patterns: usize| {
            let written = vec![("probe_eigenmodes".to_owned(), Value::Count(asked))];
            let config = SolverConfig::read("ML", written, ProbeStart::File).unwrap();
            check(&config, (patterns, 1), Of { counts: true, scans: false })
        };
        for (asked, patterns) in [(0, 1), (0, 2), (1, 3), (30, 32), (62, 64)] {
            assert!(told(asked, patterns).is_ok(), "{asked} of {patterns}");
        }
        for (asked, patterns, most) in [(1, 2, 0), (2, 3, 1), (31, 32, 30), (64, 64, 62)] {
            let error = told(asked, patterns).unwrap_err();
            let StudyError::Eigenmodes { most: limit, .. } = error else { panic!("{error}") };
            assert_eq!(limit, most);
            let said = error.to_string();
            let advice = match most {
                0 => "leave --probe-eigenmodes out".to_owned(),
                most => format!("say --probe-eigenmodes {most} or less"),
            };
            assert!(said.ends_with(&advice), "{said}");
        }
    }
}
