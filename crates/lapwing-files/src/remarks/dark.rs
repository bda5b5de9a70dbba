//! What a detector writes without light.

use lapwing_model::median;
use ndarray::Array2;

use super::survey::Survey;

/// Share of the pixels, the darkest, that tell a level that is written without light.
const DARKEST: f64 = 0.1;
/// Patterns from which it is told, and numbers that it has at least.
const LEVEL: (usize, f64) = (16, 5.0);
/// Their standard deviation, as a share of that of light.
const QUIET: f64 = 0.8;
/// Above so much, the rounding of an amplitude hides whether numbers are whole.
const LARGEST: f64 = 1e5;

/// What the numbers of a file are, of which intensities were made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// Counts, by the scale that makes them of amplitudes.
    Counts(f64),
    /// Whole numbers that were taken as intensities.
    Intensities,
    /// Whole numbers that were taken as amplitudes.
    Amplitudes,
}

impl Unit {
    /// By the scale where it is known, else by what is whole; `None` where nothing is.
    pub(super) fn of(survey: &Survey, scale: Option<f64>) -> Option<Self> {
        if let Some(scale) = scale {
            return Some(Self::Counts(scale));
        }
        let told = |number: &f64| (1.0..LARGEST).contains(number);
        let whole = |number: f64| (number - number.round()).abs() <= 1e-3 + 1e-6 * number;
        let values = || survey.least.iter().chain(&survey.most).map(|value| f64::from(*value));
        if values().filter(told).count() == 0 {
            return None;
        }
        if values().filter(told).all(|value| whole(value.sqrt())) {
            return Some(Self::Amplitudes);
        }
        values().filter(told).all(whole).then_some(Self::Intensities)
    }

    /// The number of the file that an intensity was.
    pub(super) fn number(self, intensity: f64) -> f64 {
        match self {
            Self::Counts(scale) => intensity * scale * scale,
            Self::Intensities => intensity,
            Self::Amplitudes => intensity.sqrt(),
        }
    }

    /// What else is to be said with the level, so that it is that of the counts.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Counts(_) | Self::Intensities => "",
            Self::Amplitudes => " --quantity counts",
        }
    }
}

/// What the detector writes without light, with three digits, where its darkest pixels tell: they
/// never fall to zero, and vary less than as many photons would.
pub(super) fn level(survey: &Survey, good: &Array2<bool>, unit: Unit) -> Option<f64> {
    if survey.patterns < LEVEL.0 {
        return None;
    }
    let mut pixels: Vec<(f64, f64)> = survey
        .mean
        .iter()
        .zip(&survey.least)
        .zip(good)
        .filter(|(_, good)| **good)
        .map(|((&mean, &least), _)| (unit.number(mean), unit.number(f64::from(least))))
        .collect();
    pixels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    pixels.truncate(((pixels.len() as f64 * DARKEST) as usize).max(1));
    let usual = |of: &dyn Fn(&(f64, f64)) -> f64| median(pixels.iter().map(of));
    let (mean, least) = (usual(&|(mean, _)| *mean)?, usual(&|(_, least)| *least)?);
    let fall = usual(&|(mean, least)| (mean - least) / mean.max(f64::MIN_POSITIVE).sqrt())?;
    let level = if mean - least < 1.0 { least } else { mean };
    let level = if (level - level.round()).abs() < 1e-3 { level.round() } else { level };
    let digits = 10f64.powi(2 - level.max(1.0).log10().floor() as i32);
    (least >= LEVEL.1 && fall < QUIET * least_of(survey.patterns)).then(|| {
        let rounded = (level * digits).round() / digits;
        // What is whole stays so.
        if level.fract() == 0.0 { level } else { rounded }
    })
}

/// How far below their mean the least of `n` normal numbers lies on average, in standard
/// deviations: the asymptotic form, 2 to 10 % too small.
fn least_of(n: usize) -> f64 {
    let log = (n.max(2) as f64).ln();
    let root = (2.0 * log).sqrt();
    root - (log.ln() + (4.0 * std::f64::consts::PI).ln()) / (2.0 * root)
}
