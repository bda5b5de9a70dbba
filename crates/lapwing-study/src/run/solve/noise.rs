//! What is found out about the detector's noise, and what is made of it before a reconstruction.

use crate::design::solver::{BackgroundSource, Faulty, NoiseOptions};
use crate::run::dataset::thinned::stated_limit;
use crate::run::solve::asking::{Asking, Between};
use crate::{Result, StudyError};
use lapwing_files::options::Geometry;
use lapwing_files::remarks::What;
use lapwing_files::{Dataset, Quantum, Remark, remarks};
use lapwing_solve::Problem;
use lapwing_solve::noise::{self, Faults, NoiseModel};
use lapwing_solve::problem::AtLimit;
use lapwing_solve::solver::options::Auto;
use ndarray::Array2;
use std::path::Path;

/// With fewer patterns there is nothing to compare.
const LEAST: usize = 4;

/// Finds out about the detector of a data set from its counts alone, see
/// [`lapwing_solve::noise::estimate`]. `between` is called now and then, and may stop it by an
/// error.
///
/// # Errors
/// When the photon counts of the data set are not known: the moments of anything else mean nothing.
/// When it has fewer than four patterns. What `between` returns.
pub fn of_dataset(
    dataset: &Dataset,
    between: &mut dyn FnMut() -> Result<()>,
) -> Result<NoiseModel> {
    if dataset.n_patterns() < LEAST {
        return Err(StudyError::Invalid(format!(
            "expected at least {LEAST} patterns to compare, found {}",
            dataset.n_patterns()
        )));
    }
    if dataset.intensity_scale().is_none() {
        return Err(StudyError::Invalid(dataset.quantum().unknown()));
    }
    let counts = dataset.intensities()?;
    let valid = dataset.mask.as_ref().map(lapwing_files::Mask::good);
    let known = faults(&remarks::of(dataset));
    let scans = dataset.scans.as_ref().map(|scans| &scans.of[..]);
    let found = Asking::new(between).during(|go_on| {
        noise::estimate_while(counts.view(), &dataset.scan, valid, &known, scans, go_on)
    })?;
    let mut found = found.ok_or(StudyError::Stopped)?;
    if let (None, Some(limit)) = (found.faults.saturation, stated_limit(dataset)) {
        let largest = counts.view().iter().fold(0.0_f32, |largest, &value| largest.max(value));
        found.faults.saturation = stops_at(limit, largest.into()).then_some(limit);
    }
    if dataset.geometry == Some(Geometry::NearField) {
        // As a reconstruction has it: the moments of images do not tell a background.
        found.background.fill(0.0);
    }
    Ok(found)
}

/// What the detector adds to the light of `problem`, as `options` say. `counts` tells
/// whether the patterns are known to be counts: the moments of anything else mean nothing. `faults`
/// are those known already, `scans` the scan of every pattern of several. `between` is called now
/// and then.
///
/// # Errors
/// A background that was not read or has another shape, and what `between` returns.
pub(crate) fn considered(
    problem: &Problem,
    options: &NoiseOptions,
    counts: bool,
    faults: &Faults,
    scans: Option<&[usize]>,
    between: Between<'_>,
) -> Result<NoiseModel> {
    let shape = problem.pattern_shape();
    let given = match &options.background {
        BackgroundSource::Given { counts, file } => Some(fitting(counts, file, shape)?),
        BackgroundSource::File(file) => {
            let text =
                format!("background: expected a file that was read, found {}", file.display());
            return Err(StudyError::Invalid(text));
        }
        BackgroundSource::Auto | BackgroundSource::None => None,
    };
    let none = Faults::default();
    let known = if options.faulty == Faulty::LeaveOut { faults } else { &none };
    let wanted = options.background == BackgroundSource::Auto
        || options.gain == Auto::Auto
        || options.faulty == Faulty::LeaveOut;
    let mut noise = match counts && wanted {
        true => {
            let found = Asking::new(between)
                .during(|go_on| problem.estimate_noise_while(known, scans, go_on))?;
            found.ok_or(StudyError::Stopped)?
        }
        false => NoiseModel::photons(shape, problem.mean_intensity()),
    };
    if !counts {
        noise.faults = known.clone();
    }
    if options.faulty == Faulty::Keep {
        noise.faults = Faults::default();
    }
    if let Auto::Given(saturation) = options.saturation {
        noise.faults.saturation = Some(saturation as f32);
    }
    match given {
        Some(given) => noise.background = given.clone(),
        None if options.background == BackgroundSource::None => noise.background.fill(0.0),
        None => {}
    }
    if let Auto::Given(gain) = options.gain {
        noise.gain = gain;
    }
    Ok(noise)
}

/// `noise` of `problem` with the `limit` that the data set states of its detector, where the
/// patterns stop there: where none was found or said in `options`, and in place of a higher one
/// that was said, of which the second is a remark.
///
/// # Errors
/// As [`Problem::with_noise`].
pub(crate) fn with_stated_limit(
    noise: NoiseModel,
    problem: &Problem,
    options: &NoiseOptions,
    limit: Option<f32>,
) -> Result<(NoiseModel, Option<Remark>)> {
    let (lower, said) = match (options.saturation, noise.faults.saturation) {
        (Auto::Given(said), _) => (limit.is_some_and(|limit| f64::from(limit) < said), Some(said)),
        (Auto::Auto, found) => (found.is_none() && options.faulty == Faulty::LeaveOut, None),
    };
    let Some(limit) = limit.filter(|_| lower) else { return Ok((noise, None)) };
    let mut limited = noise.clone();
    limited.faults.saturation = Some(limit);
    let at_limit = problem.with_noise(&limited)?.at_limit();
    if !at_limit.is_some_and(|AtLimit { largest, .. }| stops_at(limit, largest)) {
        return Ok((noise, None));
    }
    let above = said.map(|said| {
        of_limit(
            format!(
                "--saturation {said} is above {limit}, where the file states that its detector stops \
                 counting: pixels at {limit} counts are taken as at least that bright"
            ),
            "say a smaller limit, or leave it out; --faulty keep alone takes all counts as they are",
        )
    });
    Ok((limited, above))
}

/// A remark on the limit of a detector.
fn of_limit(evidence: String, advice: &str) -> Remark {
    Remark {
        what: What::Saturation,
        patterns: Vec::new(),
        pixels: Vec::new(),
        evidence,
        advice: advice.to_owned(),
        certain: false,
    }
}

/// Whether counts of which this is the largest stop at `limit`: what was binned or thinned since
/// the limit was stated has others.
fn stops_at(limit: f32, largest: f64) -> bool {
    (largest - f64::from(limit)).abs() < 0.5
}

/// A remark on a limit of the detector that was said and that no pixel of `problem` reaches, where
/// it is so. `counts` tells whether the patterns are known to be counts.
pub(crate) fn beyond_all(
    problem: &Problem,
    options: &NoiseOptions,
    counts: bool,
) -> Option<Remark> {
    let Auto::Given(limit) = options.saturation else { return None };
    let AtLimit { values: 0, largest } = problem.at_limit()? else { return None };
    let (found, advice) = match counts {
        true => (format!("{largest:.0} counts"), "say a smaller limit, or leave it out"),
        false => (
            format!("{largest:.4e} in intensity, whose unit is not known"),
            "if the patterns are counts of photons or electrons, say --quantity counts; else say \
             the limit in that unit",
        ),
    };
    let evidence = format!(
        "no pixel reaches --saturation {limit}, so that no count is taken as clipped: the largest \
         value is {found}"
    );
    Some(of_limit(evidence, advice))
}

/// What is beyond doubt among the remarks on a data set: patterns and pixels that hold no
/// measurement.
pub(crate) fn faults(remarks: &[Remark]) -> Faults {
    let mut faults = Faults::default();
    for remark in remarks.iter().filter(|remark| remark.certain) {
        let (patterns, pixels) = (remark.patterns.iter().copied(), remark.pixels.iter().copied());
        match remark.what {
            What::LostPatterns => faults.lost.extend(patterns),
            What::UnlikePatterns | What::BrightPatterns => {
                faults.wrong.extend(patterns);
            }
            What::DeadPixels => faults.dead.extend(pixels),
            What::HotPixels => faults.hot.extend(pixels),
            _ => {}
        }
    }
    faults
}

/// Linear overlap below which patterns differ from their neighbours by the specimen as well.
const SHARED: f64 = 0.6;

/// What was found out about the detector and differs from quanta on a perfect one, a line for each
/// thing, as a reconstruction takes it: it leaves faulty pixels and patterns out, and saturated
/// counts tell the least light. `overlap` is the linear overlap of neighbouring positions, where it
/// is known: noise is what neighbours do not share.
pub fn described(noise: &NoiseModel, quantum: Quantum, overlap: Option<f64>) -> Vec<String> {
    let mut lines = Vec::new();
    if noise.gain != 1.0 {
        let correlated = if noise.correlated { ", correlated between pixels" } else { "" };
        let one = quantum.one();
        let apart = match overlap.is_some_and(|overlap| overlap < SHARED) {
            true => "; steps this wide look the same, and the counts may be better",
            false => "",
        };
        lines.push(format!(
            "noise: {:.2} times that of {one} counts{correlated}{apart}",
            noise.gain
        ));
    }
    let background = noise.background_per_pattern();
    if background > 0.0 {
        // Four digits.
        let digits = (3.0 - background.log10().floor()).clamp(0.0, 6.0) as usize;
        lines.push(format!(
            "background: {background:.digits$} counts per pattern, {:.2} % of the light",
            100.0 * noise.background_share()
        ));
    }
    let faults = &noise.faults;
    let count = |number: usize, what: &str| -> Option<String> {
        (number > 0).then(|| format!("{number} {what}{}", if number > 1 { "s" } else { "" }))
    };
    let found: Vec<String> = [
        count(faults.dead.len(), "dead pixel"),
        count(faults.hot.len(), "hot pixel"),
        count(faults.lost.len(), "lost pattern"),
        count(faults.wrong.len(), "wrong pattern"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !found.is_empty() {
        lines.push(format!("left out: {}", found.join(", ")));
    }
    if let Some(limit) = faults.saturation {
        lines.push(format!(
            "saturation: pixels at {limit} counts are taken as at least that bright"
        ));
    }
    lines
}

/// The background, which must have the patterns' shape.
fn fitting<'a>(
    counts: &'a Array2<f32>,
    file: &Path,
    shape: (usize, usize),
) -> Result<&'a Array2<f32>> {
    if counts.dim() == shape {
        return Ok(counts);
    }
    Err(StudyError::Invalid(format!(
        "{}: background: expected the shape {shape:?} of the patterns, found {:?}",
        file.display(),
        counts.dim()
    )))
}
