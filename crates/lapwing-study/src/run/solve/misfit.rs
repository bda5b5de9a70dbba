//! What the end of a reconstruction says about it, in words.

use lapwing_files::Remark;
use lapwing_files::remarks::What;
use lapwing_solve::Solution;
use lapwing_solve::problem::{Misfit, ScanPull};
use lapwing_solve::solver::{Remedy, TakenFor, entry, taken_for};

/// Share of the amplitudes that noise does not explain, from which a large misfit says that the
/// model does not explain the patterns.
const SUSPICIOUS: f64 = 0.1;
/// Power at the frequencies of a raster, over what is usual, from which its period is in the image.
const PERIODIC: f64 = 15.0;
/// Epochs before which a good scan may not be explained yet.
const ENOUGH: usize = 20;
/// Counts per pattern below which a solver that weighs dark pixels wrongly looks like a wrong
/// model.
const FEW: f64 = 100.0;

/// Misfit below which a fit with eigenmodes follows the noise. Of 100 to 400 simulated patterns a
/// few eigenmodes leave 0.86 to 0.98 of it, and those that raise the error by a tenth or more less
/// than 0.83, or so little of few patterns that the object alone leaves 0.87.
const FOLLOWS_NOISE: f64 = 0.85;
/// Patterns for each eigenmode at least.
const PATTERNS_EACH: usize = 10;

/// Whether more epochs would help, where the solver judges that.
pub(crate) fn ending(solution: &Solution) -> Option<&'static str> {
    Some(match solution.settled? {
        true => "converged: the loss hardly falls any more",
        false => {
            "not converged: the loss was still falling at the last epoch (--num-epochs allows more)"
        }
    })
}

/// The misfit, see [`lapwing_solve::Problem::misfit`], that a solver leaves of patterns of so many
/// counts each after so many epochs, and what to do about a large one.
pub(crate) fn described(
    misfit: Misfit,
    counts: f64,
    algorithm: &str,
    epochs: usize,
) -> Vec<String> {
    let Misfit { ratio, unexplained } = misfit;
    let mut lines = vec![format!(
        "misfit: {ratio:.3} times the noise of the counts, {:.1} % of the amplitudes unexplained",
        100.0 * unexplained
    )];
    let usual = entry(algorithm).map_or(f64::INFINITY, |entry| entry.usual_misfit);
    if counts >= FEW && ratio > usual && unexplained > SUSPICIOUS {
        if epochs < ENOUGH {
            lines.push(format!(
                "after {epochs} epochs that says little: let it go on first (--num-epochs {ENOUGH} \
                 or more)"
            ));
            return lines;
        }
        lines.push(
            "the fit does not explain the patterns: look at the order and orientation of the positions \
             (--scan-snake, --scan-shape, --coordinate-order, --flip-y, --flip-x), the axes of the \
             patterns and where their zero frequency is (--axis-order, --zero-frequency), the size of a \
             pixel, the start probe, frames that are shifted against the positions, whether the \
             detector is near (--geometry near-field), and its gain and dark level (--gain, \
             --dark-level)"
                .to_owned(),
        );
    }
    lines
}

/// What there is to say of so many eigenmodes of the probe, found of so many patterns, that leave
/// this misfit, where it is known; nothing where nothing speaks against them.
pub(crate) fn eigenmodes(count: usize, patterns: usize, misfit: Option<f64>) -> Option<String> {
    let ratio = misfit.filter(|&ratio| ratio < FOLLOWS_NOISE);
    if count == 0 || ratio.is_none() && PATTERNS_EACH * count <= patterns {
        return None;
    }
    let why = match ratio {
        Some(ratio) => {
            format!(
                "they leave {ratio:.2} times the noise of the counts, where it should be near 1"
            )
        }
        None => format!("more than one for every {PATTERNS_EACH} of {patterns} patterns"),
    };
    let fewer = match (count / 2).min(patterns / PATTERNS_EACH) {
        0 => "leave --probe-eigenmodes out".to_owned(),
        fewer => format!("try --probe-eigenmodes {fewer}, and compare"),
    };
    let them = if count == 1 { "the eigenmode" } else { "the eigenmodes" };
    Some(format!("remark: {them} of the probe, {count}, fit noise as well: {why}; {fewer}"))
}

/// How clearly patterns ask for another map of their scan, and what to do about it; nothing where
/// they do not.
pub(crate) fn scan(pull: ScanPull) -> Option<Remark> {
    pull.is_clear().then(|| Remark {
        what: What::Stretched,
        patterns: Vec::new(),
        pixels: Vec::new(),
        evidence: format!(
            "the positions look wrong as a whole: patterns would fit better at stretched or turned \
             ones, {:.2} px, r.m.s., beside them, though the object has followed most of it",
            pull.shift
        ),
        advice: "look at the steps and the rotation that the file states, or have them found \
                 (--refine-scan affine; of single positions that are off --refine-scan positions)"
            .to_owned(),
        certain: false,
    })
}

/// What to type for a change of an option.
fn told(remedy: Remedy) -> String {
    let flag = |option: &str| format!("--{}", option.replace('_', "-"));
    match remedy {
        Remedy::Set(option, value) => format!("{} {value}", flag(option)),
        Remedy::Raise(option) => format!("a stronger {}", flag(option)),
    }
}

/// Of a scan on an exact raster, how much of the raster's period is in the image (see
/// [`lapwing_compare::Lattice::excess`]), and what to do about much of it.
pub(crate) fn lattice(excess: f64, algorithm: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "raster: {excess:.1} times the usual power at its own frequencies (noise has about 4)"
    )];
    if excess > PERIODIC {
        let likely = taken_for(TakenFor::Counts).name;
        let own = entry(algorithm).and_then(|entry| entry.against_raster).map(told);
        let remedy = match own {
            Some(own) if algorithm == likely => format!("try {own}"),
            Some(own) => format!("use {likely}, or try {own}"),
            None => format!("use {likely}"),
        };
        lines.push(format!(
            "the period of the scan is in the image, which patterns of an exact raster do not forbid: \
             {remedy}; and scan with positions off the raster"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_that_is_pulled_at_is_told() {
        let told = |stretch, chi_square| scan(ScanPull { shift: 0.07, stretch, chi_square });
        let remark = told(1.6e-3, 313.0).unwrap();
        assert!(remark.evidence.contains("0.07 px") && !remark.certain, "{remark}");
        assert!(remark.advice.contains("--refine-scan affine"));
        // A wrong model with a million photons, and a weak object on a raster.
        assert_eq!(told(6e-4, 1727.0).or(told(0.06, 48.0)), None);
    }

    #[test]
    fn eigenmodes_that_fit_noise_are_told() {
        // What simulated scans leave.
        for (count, patterns, misfit) in
            [(0, 400, 0.5), (2, 400, 0.901), (2, 400, 0.906), (2, 200, 0.862), (8, 400, 0.877)]
        {
            assert_eq!(eigenmodes(count, patterns, Some(misfit)), None, "{count}, {misfit}");
        }
        for (count, patterns, misfit, advice) in [
            (64, 400, Some(0.263), "try --probe-eigenmodes 32, and compare"),
            (16, 400, Some(0.748), "0.75 times the noise"),
            (2, 100, Some(0.763), "try --probe-eigenmodes 1, and compare"),
            (1, 100, Some(0.7), "leave --probe-eigenmodes out"),
            (41, 400, Some(1.2), "more than one for every 10 of 400 patterns"),
            (30, 100, None, "try --probe-eigenmodes 10, and compare"),
        ] {
            let told = eigenmodes(count, patterns, misfit).unwrap();
            assert!(told.contains(advice), "{told}");
        }
        assert_eq!(eigenmodes(40, 400, None), None);
    }
}
