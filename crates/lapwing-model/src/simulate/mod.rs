//! Photon counts at a dose, and fewer photons from measured counts.
//!
//! With I_j = sum_k |Psi_jk|^2 the noise-free pattern j of the given object and probe (see
//! [`forward`](crate::forward)), a dose of D photons means that the mean over patterns of sum I_j
//! is scaled to D: with s = sqrt(D / mean_j sum I_j), the expected counts are s^2 I_j. The measured
//! counts are Poisson with that mean.

mod apparatus;
mod error;
mod focus;
#[cfg(test)]
mod tests;
mod thin;

pub use apparatus::Apparatus;
pub use error::SimulateError;
pub use thin::{ThinError, thin};

use crate::forward::Physics;
use crate::object::ObjectView;
use crate::parallel::InParallel;
use crate::random::generator;
use crate::{Complex32, ForwardModel, Position, Window};
use focus::Spectra;
use ndarray::{Array3, ArrayView3, ArrayViewMut3};
use rand_distr::{Distribution, Poisson};

/// Largest dose, photons per pattern: its counts still fit single precision with much to spare.
pub const MAX_DOSE: f64 = 1e15;

/// Largest stack of patterns, values: 2^38, that is 1 TiB.
const MAX_STACK: usize = 1 << 38;

/// A simulated scan.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Photon counts, axes (pattern, y, x), zero frequency in the centre. Whole numbers up to 2^24
    /// are exact.
    pub counts: Array3<f32>,
    /// s = sqrt(D / mean sum |Psi|^2): the probe times s carries counts; stored amplitude =
    /// sqrt(counts) / s.
    pub scale: f64,
    /// Measured mean counts per pattern; differs from the dose by the noise.
    pub mean_counts: f64,
}

/// What an exposure came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposed {
    /// s of [`Exposure::scale`].
    pub scale: f64,
    /// Measured mean counts per pattern.
    pub mean_counts: f64,
}

/// Exposes a scan to a dose and draws Poisson counts.
///
/// `physics` is what a pattern depends on besides probe and object; `object` has axes (y, x), or is
/// one with the slices of `physics`; `probe` has axes (mode, y, x) and any power; `scan` holds
/// window centres in pixels of `object`; `dose` is the mean number of photons per pattern. Pattern
/// j draws from generator `exposure D` number j of `seed`, D being the dose as a decimal number:
/// the counts do not depend on threads, and doses of one seed are independent of one another.
///
/// # Errors
/// An empty or dark scan, a dose that is not positive, NaN, windows off the object, physics without
/// a model.
pub fn expose<'a>(
    physics: &Physics,
    object: impl Into<ObjectView<'a>>,
    probe: ArrayView3<Complex32>,
    scan: &[Position],
    dose: f64,
    seed: u64,
) -> Result<Exposure, SimulateError> {
    let (_, height, width) = probe.dim();
    let mut counts = stack((scan.len(), height, width))?;
    let (apparatus, sides) = (&Apparatus::default(), (1.0, 1.0));
    let exposing = Exposing { physics, apparatus, sides, dose, seed };
    let Exposed { scale, mean_counts } = exposing.onto(object, probe, scan, counts.view_mut())?;
    Ok(Exposure { counts, scale, mean_counts })
}

/// How a scan is exposed.
#[derive(Debug, Clone, Copy)]
pub struct Exposing<'a> {
    /// What a pattern depends on besides probe and object.
    pub physics: &'a Physics,
    /// What beam, detector and stage do besides.
    pub apparatus: &'a Apparatus,
    /// Sides (y, x) of an object pixel, in any unit: the stage turns lengths.
    pub sides: (f64, f64),
    /// Mean photons per pattern, before the detector saturates.
    pub dose: f64,
    /// Seed of all draws.
    pub seed: u64,
}

impl Exposing<'_> {
    /// [`expose`] onto a stack that is there, which may be larger than memory: `counts`, axes
    /// (pattern, y, x), in C order. What it holds is replaced. `scan` is what is told of the
    /// positions; the patterns are taken where the apparatus has them.
    ///
    /// # Errors
    /// As for [`expose`], and an apparatus of numbers that mean nothing.
    ///
    /// # Panics
    /// When the stack is none of the scan's patterns, or not in C order.
    pub fn onto<'a>(
        &self,
        object: impl Into<ObjectView<'a>>,
        probe: ArrayView3<Complex32>,
        scan: &[Position],
        mut counts: ArrayViewMut3<'_, f32>,
    ) -> Result<Exposed, SimulateError> {
        let &Self { physics, apparatus, sides, dose, seed } = self;
        apparatus.check()?;
        let places = apparatus.places(scan, sides, seed);
        let scan = places.as_deref().unwrap_or(scan);
        let varying = Varying {
            powers: apparatus.powers(scan.len(), seed),
            focus: apparatus.focus(scan.len(), seed),
        };
        let expected = expected_onto(physics, object, probe, scan, dose, &varying, &mut counts);
        let expected = expected.map_err(|error| match error {
            SimulateError::OffObject { index, source } if places.is_some() => {
                SimulateError::StageOffObject { index, source }
            }
            other => other,
        })?;
        let pixels = probe.dim().1 * probe.dim().2;
        let name = format!("exposure {dose}");
        let patterns = slice_of(&mut counts).chunks_mut(pixels).enumerate();
        let sums: Vec<f64> = patterns.in_parallel().map(|(index, pattern)| {
            let mut draws = generator(seed, &name, index as u64);
            let mut sum = 0.0;
            for value in pattern {
                let expected = f64::from(*value);
                // A Poisson number of mean zero is zero; the distribution refuses only means that
                // cannot occur here.
                let count = match Poisson::new(expected) {
                    Ok(poisson) if expected > 0.0 => apparatus.detected(poisson.sample(&mut draws)),
                    _ => 0.0,
                };
                *value = count as f32;
                sum += count;
            }
            sum
        });
        let mean_counts = sums.iter().sum::<f64>() / scan.len() as f64;
        Ok(Exposed { mean_counts, ..expected })
    }
}

/// The expected counts of [`expose`]: the same scan without noise.
///
/// # Errors
/// As for [`expose`].
pub fn expose_noise_free<'a>(
    physics: &Physics,
    object: impl Into<ObjectView<'a>>,
    probe: ArrayView3<Complex32>,
    scan: &[Position],
    dose: f64,
) -> Result<Exposure, SimulateError> {
    let (_, height, width) = probe.dim();
    let mut counts = stack((scan.len(), height, width))?;
    let varying = Varying::default();
    let Exposed { scale, mean_counts } =
        expected_onto(physics, object, probe, scan, dose, &varying, &mut counts.view_mut())?;
    Ok(Exposure { counts, scale, mean_counts })
}

/// How the light differs from pattern to pattern, where it does.
#[derive(Default)]
struct Varying {
    /// The beam's power.
    powers: Option<Vec<f64>>,
    /// The probe's focus, radians at the edge of its pupil.
    focus: Option<Vec<f64>>,
}

/// The expected counts of [`expose`] onto `counts`, in light that may vary.
fn expected_onto<'a>(
    physics: &Physics,
    object: impl Into<ObjectView<'a>>,
    probe: ArrayView3<Complex32>,
    scan: &[Position],
    dose: f64,
    varying: &Varying,
    counts: &mut ArrayViewMut3<'_, f32>,
) -> Result<Exposed, SimulateError> {
    let object = object.into();
    let (modes, height, width) = probe.dim();
    assert_eq!(counts.dim(), (scan.len(), height, width), "a stack of the scan's patterns");
    if scan.is_empty() {
        return Err(SimulateError::EmptyScan);
    }
    if !(dose > 0.0 && dose <= MAX_DOSE) {
        return Err(SimulateError::Dose(dose));
    }
    if modes == 0 || height == 0 || width == 0 {
        return Err(SimulateError::EmptyProbe(probe.dim()));
    }
    let finite = |value: &Complex32| value.re.is_finite() && value.im.is_finite();
    if !object.slices().iter().all(finite) {
        return Err(SimulateError::NotFinite("object"));
    }
    if !probe.iter().all(finite) {
        return Err(SimulateError::NotFinite("probe"));
    }
    let model = ForwardModel::with_physics((height, width), physics.clone())?;
    model.check_slices(object)?;
    let windows = scan
        .iter()
        .enumerate()
        .map(|(index, &position)| {
            let window = model.window(position, object.shape());
            window.map_err(|source| SimulateError::OffObject { index, source })
        })
        .collect::<Result<Vec<_>, _>>()?;

    let Varying { powers, focus } = varying;
    let mut sums = intensities(&model, object, probe, &windows, focus.as_deref(), slice_of(counts));
    if let Some(powers) = powers {
        let patterns = slice_of(counts).chunks_mut(height * width);
        for ((pattern, sum), &power) in patterns.zip(&mut sums).zip(powers) {
            pattern.iter_mut().for_each(|value| *value = (f64::from(*value) * power) as f32);
            *sum *= power;
        }
    }
    let mean = sums.iter().sum::<f64>() / scan.len() as f64;
    if !(mean > 0.0 && mean.is_finite()) {
        return Err(SimulateError::Dark);
    }
    let power = dose / mean;
    let sums: Vec<f64> = slice_of(counts).chunks_mut(height * width).in_parallel().map(|pattern| {
        pattern.iter_mut().for_each(|value| *value = (f64::from(*value) * power) as f32);
        pattern.iter().map(|&value| f64::from(value)).sum()
    });
    let mean_counts = sums.iter().sum::<f64>() / scan.len() as f64;
    Ok(Exposed { scale: power.sqrt(), mean_counts })
}

/// A stack of zeros, or why there is no room for it.
fn stack((patterns, height, width): (usize, usize, usize)) -> Result<Array3<f32>, SimulateError> {
    let refusal = |reason| SimulateError::TooLarge { patterns, height, width, reason };
    let values = patterns.checked_mul(height).and_then(|rows| rows.checked_mul(width));
    let values = values
        .filter(|values| *values <= MAX_STACK)
        .ok_or_else(|| refusal("expected at most 1 TiB"))?;
    let mut counts = Vec::new();
    counts.try_reserve_exact(values).map_err(|_| refusal("there is not that much memory"))?;
    counts.resize(values, 0.0);
    Array3::from_shape_vec((patterns, height, width), counts)
        .map_err(|_| refusal("expected at most 1 TiB"))
}

/// Writes sum_k |Psi_jk|^2, centred, pattern after pattern, to `target`; returns the sum of every
/// pattern. `focus` is that of the probe in each, where it varies.
fn intensities(
    model: &ForwardModel,
    object: ObjectView<'_>,
    probe: ArrayView3<Complex32>,
    windows: &[Window],
    focus: Option<&[f64]>,
    target: &mut [f32],
) -> Vec<f64> {
    let zero = Complex32::default();
    let mut work = model.workspace();
    let spectra: Vec<Vec<Complex32>> = probe
        .outer_iter()
        .map(|mode| {
            let mode: Vec<Complex32> = mode.iter().copied().collect();
            let mut spectrum = vec![zero; model.len()];
            model.probe_spectrum(&mode, &mut spectrum, &mut work);
            spectrum
        })
        .collect();
    let spectra = Spectra::new(spectra, model.shape(), focus.is_some());
    let scratch = || {
        (
            model.workspace(),
            vec![zero; model.len()],
            vec![zero; model.len()],
            vec![0.0; model.len()],
            Vec::new(),
        )
    };
    target.chunks_mut(model.len()).zip(windows).enumerate().in_parallel().map_with(
        scratch,
        |(work, exit_wave, far_field, intensity, refocused), (index, (pattern, window))| {
            let spectra = match focus {
                Some(focus) => {
                    spectra.refocus(focus[index], refocused);
                    &refocused[..]
                }
                None => spectra.modes(),
            };
            let ramps = model.ramps(window);
            intensity.fill(0.0_f32);
            for (ramp, spectrum) in
                ramps.iter().flat_map(|ramp| spectra.iter().map(move |of| (ramp, of)))
            {
                model.shifted_probe(spectrum, ramp, exit_wave, work);
                // The windows were checked: they lie inside the object.
                model.pass_through(object, window, exit_wave, work, |_| {});
                model.propagate(exit_wave, Some(ramp), far_field, work);
                intensity
                    .iter_mut()
                    .zip(far_field.iter())
                    .for_each(|(sum, value)| *sum += value.norm_sqr());
            }
            model.to_file_order(intensity, pattern);
            pattern.iter().map(|&value| f64::from(value)).sum()
        },
    )
}

/// The elements of a stack.
fn slice_of<'a>(counts: &'a mut ArrayViewMut3<'_, f32>) -> &'a mut [f32] {
    counts.as_slice_mut().expect("a stack of patterns is in C order")
}
