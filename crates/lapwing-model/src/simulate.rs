//! Photon counts at a dose, and fewer photons from measured counts.
//!
//! With I_j = sum_k |Psi_jk|^2 the noise-free pattern j of the given object and probe (see
//! [`forward`](crate::forward)), a dose of D photons means that the mean over patterns of sum I_j
//! is scaled to D: with s = sqrt(D / mean_j sum I_j), the expected counts are s^2 I_j. The measured
//! counts are Poisson with that mean.

mod thin;

pub use thin::{ThinError, thin};

use crate::forward::Ramp;
use crate::random::generator;
use crate::{Complex32, ForwardModel, ModelError, Position, Window, fft};
use ndarray::{Array3, ArrayView2, ArrayView3};
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;

/// Largest dose, photons per pattern: its counts still fit single precision with much to spare.
pub const MAX_DOSE: f64 = 1e15;

/// Largest stack of patterns, values: 2^38, that is 1 TiB.
const MAX_STACK: usize = 1 << 38;

/// Why a scan cannot be simulated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// There are no positions.
    #[error("the scan is empty: expected at least one position")]
    EmptyScan,
    /// The dose is not a usable number.
    #[error("dose {0}: expected photons per pattern, greater than 0 and at most 1e15")]
    Dose(f64),
    /// The object or the probe holds a number that is not finite.
    #[error("the {0} holds NaN or infinity: expected finite complex numbers")]
    NotFinite(&'static str),
    /// Object or probe vanish where they meet.
    #[error("no light reaches the detector: the probe or the object is zero in every window")]
    Dark,
    /// The shape of the probe cannot be simulated.
    #[error("the probe has shape {0:?}: expected (modes, height, width), none of them zero")]
    EmptyProbe((usize, usize, usize)),
    /// The patterns do not fit.
    #[error(
        "{patterns} patterns of {height} x {width} px, {:.3e} bytes: {reason}; use fewer positions (a larger step or a smaller \
         field of view) or smaller patterns",
        4.0 * *patterns as f64 * *height as f64 * *width as f64
    )]
    TooLarge {
        /// Number of patterns.
        patterns: usize,
        /// Rows of a pattern.
        height: usize,
        /// Columns of a pattern.
        width: usize,
        /// What they exceed.
        reason: &'static str,
    },
    /// A window leaves the object.
    #[error("position {index}: {source}")]
    OffObject {
        /// Index of the position.
        index: usize,
        /// Where the window is and where it may be.
        source: ModelError,
    },
}

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

/// Exposes a scan to a dose and draws Poisson counts.
///
/// `object` has axes (y, x), `probe` (mode, y, x), of any power; `scan` holds window centres in
/// pixels of `object`; `dose` is the mean number of photons per pattern. Pattern j draws from
/// generator `exposure D` number j of `seed`, D being the dose as a decimal number: the counts do
/// not depend on threads, and doses of one seed are independent of one another.
///
/// # Errors
/// An empty or dark scan, a dose that is not positive, NaN, windows off the object.
pub fn expose(
    object: ArrayView2<Complex32>,
    probe: ArrayView3<Complex32>,
    scan: &[Position],
    dose: f64,
    seed: u64,
) -> Result<Exposure, SimulateError> {
    let mut exposure = expose_noise_free(object, probe, scan, dose)?;
    let pixels = probe.dim().1 * probe.dim().2;
    let name = format!("exposure {dose}");
    let power = exposure.scale * exposure.scale;
    // `counts` holds |Psi|^2 s^2 in single precision; the expectation is used in double precision
    // from there on.
    debug_assert!(power > 0.0);
    let sums: Vec<f64> = slice_of(&mut exposure.counts)
        .par_chunks_mut(pixels)
        .enumerate()
        .map(|(index, pattern)| {
            let mut draws = generator(seed, &name, index as u64);
            let mut sum = 0.0;
            for value in pattern {
                let expected = f64::from(*value);
                // A Poisson number of mean zero is zero; the distribution refuses only means that
                // cannot occur here.
                let count = match Poisson::new(expected) {
                    Ok(poisson) if expected > 0.0 => poisson.sample(&mut draws),
                    _ => 0.0,
                };
                *value = count as f32;
                sum += count;
            }
            sum
        })
        .collect();
    exposure.mean_counts = sums.iter().sum::<f64>() / scan.len() as f64;
    Ok(exposure)
}

/// The expected counts of [`expose`]: the same scan without noise.
pub fn expose_noise_free(
    object: ArrayView2<Complex32>,
    probe: ArrayView3<Complex32>,
    scan: &[Position],
    dose: f64,
) -> Result<Exposure, SimulateError> {
    let (modes, height, width) = probe.dim();
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
    if !object.iter().all(finite) {
        return Err(SimulateError::NotFinite("object"));
    }
    if !probe.iter().all(finite) {
        return Err(SimulateError::NotFinite("probe"));
    }
    let model = ForwardModel::new((height, width));
    let windows = scan
        .iter()
        .enumerate()
        .map(|(index, &position)| {
            let window = model.window(position, object.dim());
            window.map_err(|source| SimulateError::OffObject { index, source })
        })
        .collect::<Result<Vec<_>, _>>()?;

    let mut counts = stack((scan.len(), height, width))?;
    let sums = intensities(&model, object, probe, &windows, slice_of(&mut counts));
    let mean = sums.iter().sum::<f64>() / scan.len() as f64;
    if !(mean > 0.0 && mean.is_finite()) {
        return Err(SimulateError::Dark);
    }
    let power = dose / mean;
    let sums: Vec<f64> = slice_of(&mut counts)
        .par_chunks_mut(height * width)
        .map(|pattern| {
            pattern.iter_mut().for_each(|value| *value = (f64::from(*value) * power) as f32);
            pattern.iter().map(|&value| f64::from(value)).sum()
        })
        .collect();
    let mean_counts = sums.iter().sum::<f64>() / scan.len() as f64;
    Ok(Exposure { counts, scale: power.sqrt(), mean_counts })
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
/// pattern.
fn intensities(
    model: &ForwardModel,
    object: ArrayView2<Complex32>,
    probe: ArrayView3<Complex32>,
    windows: &[Window],
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
    let width = model.shape().1;
    let scratch = || {
        (
            model.workspace(),
            vec![zero; model.len()],
            vec![zero; model.len()],
            vec![0.0; model.len()],
        )
    };
    target
        .par_chunks_mut(model.len())
        .zip(windows)
        .map_init(scratch, |(work, exit_wave, far_field, intensity), (pattern, window)| {
            let ramp = Ramp::new(window, model.shape());
            intensity.fill(0.0_f32);
            for spectrum in &spectra {
                model.shifted_probe(spectrum, &ramp, exit_wave, work);
                for (y, line) in exit_wave.chunks_exact_mut(width).enumerate() {
                    for (x, value) in line.iter_mut().enumerate() {
                        // The windows were checked: they lie inside the object.
                        *value *= object[(window.row as usize + y, window.column as usize + x)];
                    }
                }
                model.propagate(exit_wave, far_field, work);
                intensity
                    .iter_mut()
                    .zip(far_field.iter())
                    .for_each(|(sum, value)| *sum += value.norm_sqr());
            }
            fft::from_detector_order(intensity, pattern, model.shape());
            pattern.iter().map(|&value| f64::from(value)).sum()
        })
        .collect()
}

/// The elements of an array that this module made, in memory order.
fn slice_of(counts: &mut Array3<f32>) -> &mut [f32] {
    // Arrays made by `zeros` are contiguous; an empty slice is never returned.
    counts.as_slice_memory_order_mut().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_field;
    use crate::{Field, Modes};

    fn case() -> (Field, Modes, Vec<Position>) {
        let object = Field::from_shape_vec((24, 26), random_field(24 * 26, 1)).unwrap();
        let probe = Modes::from_shape_vec((2, 8, 8), random_field(128, 2)).unwrap();
        let scan = (0..40)
            .map(|j| Position { y: 4.2 + f64::from(j) * 0.37, x: 20.0 - f64::from(j) * 0.31 })
            .collect();
        (object, probe, scan)
    }

    #[test]
    fn noise_free_total_is_the_dose_and_patterns_are_those_of_the_model() {
        let (object, probe, scan) = case();
        let exposure = expose_noise_free(object.view(), probe.view(), &scan, 1234.5).unwrap();
        let total: f64 = exposure.counts.iter().map(|&v| f64::from(v)).sum();
        assert!((total / 40.0 / 1234.5 - 1.0).abs() < 1e-5);
        assert!((exposure.mean_counts / 1234.5 - 1.0).abs() < 1e-5);
        let model = ForwardModel::new((8, 8));
        for (position, pattern) in scan.iter().zip(exposure.counts.outer_iter()) {
            let truth = model.intensity(object.view(), probe.view(), *position).unwrap();
            for (&value, &truth) in pattern.iter().zip(&truth) {
                let truth = f64::from(truth) * exposure.scale.powi(2);
                assert!((f64::from(value) - truth).abs() < 1e-4 * truth.max(1.0));
            }
        }
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_of_poisson() {
        // The normalised deviation (n - m) / sqrt(m) has mean 0 and variance 1 wherever m > 0.
        let (object, probe, scan) = case();
        for dose in [60.0, 3e3, 1e6] {
            let expected = expose_noise_free(object.view(), probe.view(), &scan, dose).unwrap();
            let (mut sum, mut squares, mut number) = (0.0, 0.0, 0.0);
            for seed in 0..40 {
                let counts = expose(object.view(), probe.view(), &scan, dose, seed).unwrap().counts;
                for (&n, &m) in counts.iter().zip(&expected.counts) {
                    assert_eq!(n.fract(), 0.0);
                    if m > 0.1 {
                        let z = f64::from(n - m) / f64::from(m).sqrt();
                        sum += z;
                        squares += z * z;
                        number += 1.0;
                    }
                }
            }
            // About 1e5 samples: standard errors 0.003 and 0.0045 (more at small means: fourth
            // moment 3 + 1/m).
            assert!((sum / number).abs() < 0.015, "mean {}", sum / number);
            assert!((squares / number - 1.0).abs() < 0.03, "variance {}", squares / number);
        }
    }

    #[test]
    fn counts_do_not_depend_on_threads_and_seeds_differ() {
        let (object, probe, scan) = case();
        let run = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| expose(object.view(), probe.view(), &scan, 500.0, seed).unwrap())
        };
        let (one, three) = (run(1, 42), run(3, 42));
        assert_eq!(one.counts, three.counts);
        assert_eq!(
            (one.scale.to_bits(), one.mean_counts.to_bits()),
            (three.scale.to_bits(), three.mean_counts.to_bits())
        );
        assert_ne!(one.counts, run(1, 43).counts);
    }

    #[test]
    fn golden_counts() {
        // Uniform light on a uniform object: one bright pixel in the centre, so only the random
        // numbers matter.
        let object = Field::from_elem((8, 8), Complex32::new(1.0, 0.0));
        let probe = Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0));
        let scan = vec![Position { y: 4.0, x: 4.0 }; 6];
        let draw = |dose| {
            let counts = expose(object.view(), probe.view(), &scan, dose, 42).unwrap().counts;
            counts.outer_iter().map(|pattern| pattern[(2, 2)]).collect::<Vec<_>>()
        };
        assert_eq!(draw(5.0), GOLDEN_5);
        assert_eq!(draw(1000.0), GOLDEN_1000);
    }

    const GOLDEN_5: [f32; 6] = [4.0, 6.0, 9.0, 5.0, 3.0, 2.0];
    const GOLDEN_1000: [f32; 6] = [1012.0, 1017.0, 1078.0, 1015.0, 1043.0, 968.0];

    #[test]
    fn refusals_say_what_was_expected() {
        let (object, probe, scan) = case();
        let refuse = |object: &Field, probe: &Modes, scan: &[Position], dose| {
            expose(object.view(), probe.view(), scan, dose, 1).unwrap_err().to_string()
        };
        assert!(refuse(&object, &probe, &[], 1.0).contains("at least one position"));
        for dose in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(refuse(&object, &probe, &scan, dose).contains("photons per pattern"));
        }
        let mut bad = object.clone();
        bad[(3, 3)].re = f32::NAN;
        assert!(refuse(&bad, &probe, &scan, 1.0).contains("the object holds NaN"));
        let off = [scan[0], Position { y: 2.0, x: 9.0 }];
        assert!(refuse(&object, &probe, &off, 1.0).starts_with("position 1: the 8 x 8 window"));
        assert!(refuse(&(object * 0.0), &probe, &scan, 1.0).contains("no light"));
        for shape in [(10_000_000, 512, 512), (usize::MAX, 2, 2), (1 << 38, 1, 2)] {
            let error = stack(shape).unwrap_err().to_string();
            assert!(error.contains("at most 1 TiB") && error.contains("larger step"), "{error}");
        }
        assert_eq!(stack((3, 4, 5)).unwrap(), Array3::<f32>::zeros((3, 4, 5)));
    }
}
