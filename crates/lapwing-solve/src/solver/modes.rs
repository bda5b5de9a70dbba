//! Incoherent probe modes: how they start, and the one of many equivalent sets that is reported.
//!
//! Modes add in intensity, so any unitary mixture of them describes the same light. The orthogonal
//! set, sorted by power, is unique (P. Thibault, A. Menzel, Nature 494, 68 (2013)).

use lapwing_model::fft::{Fft2, frequency};
use lapwing_model::{Complex32, Modes};
use ndarray::{ArrayView2, Axis};
use num_complex::Complex64;

/// Frequencies count up to so many r.m.s. radii of the probe's spectrum: what lies beyond is the
/// noise of a measured probe.
const BAND: f64 = 2.0;
/// Share of the first mode's power below which a derivative of it is nothing but rounding.
const NOTHING: f64 = 1e-6;

/// `count` modes to start from: those of `probe` as far as there are enough, then made ones, each
/// with the power of the first. Fewer come back where derivatives of the first mode add nothing, as
/// those of a plane wave.
///
/// Light of a source of some size comes from the same pupil, each point of the source with the
/// probe at another place, so made modes are the first mode differentiated: its spectrum times r^d
/// cos(m phi) and r^d sin(m phi), m = d, d - 2, ... of growing degree d, r and phi in frequency
/// space about the spectrum's centre of mass and r in units of its size; orthogonal to each other
/// and to modes that are. The whole has the power of `probe`.
///
/// A mode that starts with less power, or in the wrong direction, may end in another minimum than
/// the light's own: [`crate::ml::found_modes`] finds better ones.
pub fn start_modes(probe: &Modes, count: usize) -> Modes {
    let (given, height, width) = probe.dim();
    if count <= given {
        return probe.slice(ndarray::s![..count, .., ..]).to_owned();
    }
    let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
    let mut modes: Vec<Vec<Complex64>> =
        probe.outer_iter().map(|mode| mode.iter().map(wide).collect()).collect();
    let power = |mode: &[Complex64]| mode.iter().map(Complex64::norm_sqr).sum::<f64>();
    let total: f64 = modes.iter().map(|mode| power(mode)).sum();
    let brightest = power(&modes[0]);
    let derivatives = Derivatives::of(probe.index_axis(Axis(0), 0));
    let (mut degree, mut before_degree) = (0, 0);
    while modes.len() < count && modes.len() != before_degree {
        degree += 1;
        before_degree = modes.len();
        for angular in (0..=degree).filter(|angular| (degree - angular) % 2 == 0) {
            for sine in [false, true] {
                if modes.len() == count || (sine && angular == 0) {
                    continue;
                }
                let mut mode = derivatives.made(degree, angular, sine);
                for earlier in &modes {
                    let along: Complex64 =
                        earlier.iter().zip(&mode).map(|(e, m)| e.conj() * m).sum();
                    let along = along / power(earlier).max(f64::MIN_POSITIVE);
                    mode.iter_mut().zip(earlier).for_each(|(m, e)| *m -= along * e);
                }
                let left = power(&mode);
                if left > NOTHING * brightest {
                    let scale = (brightest / left).sqrt();
                    modes.push(mode.into_iter().map(|value| value * scale).collect());
                }
            }
        }
    }
    let made: f64 = modes[given..].iter().map(|mode| power(mode)).sum();
    let scale = (total / (total + made)).sqrt();
    Modes::from_shape_fn((modes.len(), height, width), |(mode, y, x)| {
        let value = modes[mode][y * width + x] * scale;
        Complex32::new(value.re as f32, value.im as f32)
    })
}

/// The spectrum that derivatives of a mode are made of.
struct Derivatives {
    fft: Fft2,
    spectrum: Vec<Complex32>,
    /// Radius, in units of the spectrum's size, and angle of each frequency about its centre.
    polar: Vec<(f64, f64)>,
}

impl Derivatives {
    fn of(mode: ArrayView2<'_, Complex32>) -> Self {
        let (height, width) = mode.dim();
        let fft = Fft2::new((height, width));
        let mut scratch = vec![Complex32::default(); fft.scratch_len()];
        let mut field: Vec<Complex32> = mode.iter().copied().collect();
        let mut spectrum = vec![Complex32::default(); field.len()];
        fft.forward(&mut field, &mut spectrum, &mut scratch);
        // Spectra are transposed.
        let at =
            |index: usize| (frequency(index % height, height), frequency(index / height, width));
        let weight = |index: usize| f64::from(spectrum[index].norm_sqr());
        let all = (0..spectrum.len()).map(weight).sum::<f64>().max(f64::MIN_POSITIVE);
        let mean = |of: &dyn Fn(usize) -> f64| {
            (0..spectrum.len()).map(|index| weight(index) * of(index)).sum::<f64>() / all
        };
        let (cy, cx) = (mean(&|index| at(index).0), mean(&|index| at(index).1));
        let radius = |index: usize| (at(index).0 - cy).hypot(at(index).1 - cx);
        let size = mean(&|index| radius(index).powi(2)).sqrt().max(1e-6);
        let polar = (0..spectrum.len())
            .map(|index| {
                let angle = (at(index).1 - cx).atan2(at(index).0 - cy);
                ((radius(index) / size).min(BAND), angle)
            })
            .collect();
        Self { fft, spectrum, polar }
    }

    /// The mode whose spectrum is this one times r^degree cos(angular phi), or sin.
    fn made(&self, degree: usize, angular: usize, sine: bool) -> Vec<Complex64> {
        let quarter = if sine { std::f64::consts::FRAC_PI_2 } else { 0.0 };
        let factor = |&(radius, angle): &(f64, f64)| {
            radius.powi(degree as i32) * (angular as f64 * angle - quarter).cos()
        };
        let mut spectrum: Vec<Complex32> = self
            .spectrum
            .iter()
            .zip(&self.polar)
            .map(|(value, polar)| value * factor(polar) as f32)
            .collect();
        let mut field = vec![Complex32::default(); spectrum.len()];
        let mut scratch = vec![Complex32::default(); self.fft.scratch_len()];
        self.fft.inverse(&mut spectrum, &mut field, &mut scratch);
        field.iter().map(|value| Complex64::new(value.re.into(), value.im.into())).collect()
    }
}

/// Replaces the modes, of `pixels` values each, by the orthogonal set of the same light, brightest
/// first.
pub(crate) fn orthogonalise(probe: &mut [Complex32], pixels: usize) {
    principal(probe, pixels, &mut []);
}

/// As [`orthogonalise`], and changes `weights` (pattern, mode) so that the sums over the modes that
/// they weigh stay what they were; their root mean square becomes 1, and those of different modes
/// orthogonal too: the singular value decomposition of all that the modes add up to.
pub(crate) fn principal(probe: &mut [Complex32], pixels: usize, weights: &mut [Complex32]) {
    let count = probe.len() / pixels;
    if count < 2 {
        return normalise(probe, pixels, weights);
    }
    if !weights.is_empty() {
        // Weights W first, W' = W U. The unitary mixture below leaves W' orthogonal where its
        // columns are equally long.
        let mut gram = gram(count, |k| weights.iter().skip(k).step_by(count));
        let mut vectors = eigenvectors(&mut gram);
        vectors.iter_mut().flatten().for_each(|value| *value = value.conj());
        let order: Vec<usize> = (0..count).collect();
        mix(probe, pixels, weights, &vectors, &order);
        normalise(probe, pixels, weights);
    }
    // G_kl = <P_k, P_l> = V diag V^H; the new modes are sum_k V_kn P_k.
    let mut gram = gram(count, |k| probe[k * pixels..(k + 1) * pixels].iter());
    let vectors = eigenvectors(&mut gram);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| gram[b][b].re.total_cmp(&gram[a][a].re));
    mix(probe, pixels, weights, &vectors, &order);
    normalise(probe, pixels, weights);
}

/// Products <v_k, v_l> of `count` vectors.
fn gram<'v, I: Iterator<Item = &'v Complex32>>(
    count: usize,
    vector: impl Fn(usize) -> I,
) -> Vec<Vec<Complex64>> {
    let product = |k: usize, l: usize| -> Complex64 {
        let pairs = vector(k).zip(vector(l));
        pairs
            .map(|(a, b)| {
                Complex64::new(a.re.into(), -f64::from(a.im))
                    * Complex64::new(b.re.into(), b.im.into())
            })
            .sum()
    };
    (0..count).map(|k| (0..count).map(|l| product(k, l)).collect()).collect()
}

/// Replaces the modes by sum_k V_kn P_k, n in `order`, for a unitary V, and the weights so that
/// what they weigh stays: w E = w conj(V) E'.
fn mix(
    probe: &mut [Complex32],
    pixels: usize,
    weights: &mut [Complex32],
    vectors: &[Vec<Complex64>],
    order: &[usize],
) {
    let count = order.len();
    let old = probe.to_vec();
    for (mode, &n) in probe.chunks_exact_mut(pixels).zip(order) {
        for (pixel, value) in mode.iter_mut().enumerate() {
            let sum: Complex64 = (0..count)
                .map(|k| {
                    let p = old[k * pixels + pixel];
                    vectors[k][n] * Complex64::new(p.re.into(), p.im.into())
                })
                .sum();
            *value = Complex32::new(sum.re as f32, sum.im as f32);
        }
    }
    for weights in weights.chunks_exact_mut(count) {
        let before: Vec<Complex64> =
            weights.iter().map(|w| Complex64::new(w.re.into(), w.im.into())).collect();
        for (weight, &n) in weights.iter_mut().zip(order) {
            let sum: Complex64 =
                before.iter().zip(vectors).map(|(before, row)| before * row[n].conj()).sum();
            *weight = Complex32::new(sum.re as f32, sum.im as f32);
        }
    }
}

/// Brings the root mean square of the weights (pattern, mode) of every mode to 1, and the modes to
/// what they then are; without weights nothing happens.
fn normalise(probe: &mut [Complex32], pixels: usize, weights: &mut [Complex32]) {
    let count = probe.len() / pixels;
    let patterns = weights.len() / count.max(1);
    if patterns == 0 {
        return;
    }
    for (k, mode) in probe.chunks_exact_mut(pixels).enumerate() {
        let of_mode = || weights.iter().skip(k).step_by(count);
        let power: f64 = of_mode().map(|weight| f64::from(weight.norm_sqr())).sum();
        let rms = (power / patterns as f64).sqrt() as f32;
        if rms > 0.0 {
            mode.iter_mut().for_each(|value| *value *= rms);
            weights.iter_mut().skip(k).step_by(count).for_each(|weight| *weight /= rms);
        }
    }
}

/// Makes a Hermitian matrix diagonal by Jacobi rotations, in place; returns its eigenvectors as
/// columns.
fn eigenvectors(matrix: &mut [Vec<Complex64>]) -> Vec<Vec<Complex64>> {
    let n = matrix.len();
    let mut vectors: Vec<Vec<Complex64>> = (0..n)
        .map(|k| (0..n).map(|l| Complex64::new(f64::from(u8::from(k == l)), 0.0)).collect())
        .collect();
    let scale: f64 = (0..n).map(|k| matrix[k][k].re.abs()).sum();
    for _ in 0..60 {
        let off: f64 = (0..n)
            .flat_map(|k| (0..k).map(move |l| (k, l)))
            .map(|(k, l)| matrix[k][l].norm())
            .sum();
        if off <= 1e-15 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let b = matrix[p][q];
                if b.norm() <= 1e-300 {
                    continue;
                }
                // With the phase of b taken to column q, a real rotation by theta clears the
                // element.
                let phase = b / b.norm();
                let theta = 0.5 * (2.0 * b.norm()).atan2(matrix[q][q].re - matrix[p][p].re);
                let (sin, cos) = theta.sin_cos();
                let turn = |x: Complex64, y: Complex64| {
                    let y = y * phase.conj();
                    (x * cos - y * sin, x * sin + y * cos)
                };
                for row in matrix.iter_mut().chain(&mut vectors) {
                    (row[p], row[q]) = turn(row[p], row[q]);
                }
                let (above, below) = matrix.split_at_mut(q);
                for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                    let turned = *y * phase;
                    (*x, *y) = (*x * cos - turned * sin, *x * sin + turned * cos);
                }
            }
        }
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn random(shape: (usize, usize, usize), seed: u64) -> Modes {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        Modes::from_shape_simple_fn(shape, || {
            Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))
        })
    }

    fn dot(a: &[Complex32], b: &[Complex32]) -> Complex64 {
        let wide = |v: &Complex32| Complex64::new(v.re.into(), v.im.into());
        a.iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
    }

    #[test]
    fn orthogonal_modes_are_the_same_light_and_sorted() {
        let (count, pixels) = (4, 30);
        let before = random((count, 5, 6), 3).into_raw_vec_and_offset().0;
        let mut after = before.clone();
        orthogonalise(&mut after, pixels);
        let power = |k: usize| {
            dot(&after[k * pixels..(k + 1) * pixels], &after[k * pixels..(k + 1) * pixels]).re
        };
        for k in 0..count {
            for l in 0..k {
                let overlap =
                    dot(&after[k * pixels..(k + 1) * pixels], &after[l * pixels..(l + 1) * pixels]);
                assert!(overlap.norm() < 1e-5 * power(0), "{k} {l}: {overlap}");
            }
            assert!(k == 0 || power(k) <= power(k - 1));
        }
        // The mutual intensity sum_k P_k(a) conj(P_k(b)) is what incoherent light is; it must not
        // change.
        for (a, b) in [(0, 0), (3, 17), (11, 29), (20, 4)] {
            let mutual = |p: &[Complex32]| -> Complex32 {
                (0..count).map(|k| p[k * pixels + a] * p[k * pixels + b].conj()).sum()
            };
            assert!((mutual(&before) - mutual(&after)).norm() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn weighed_modes_add_up_to_the_same() {
        let (count, pixels, patterns) = (3, 30, 12);
        let before = random((count, 5, 6), 3).into_raw_vec_and_offset().0;
        let weights = random((patterns, 1, count), 4).into_raw_vec_and_offset().0;
        let (mut after, mut weighed) = (before.clone(), weights.clone());
        principal(&mut after, pixels, &mut weighed);
        let sum = |modes: &[Complex32], weights: &[Complex32], pattern: usize, pixel: usize| {
            let of = |k: usize| weights[pattern * count + k] * modes[k * pixels + pixel];
            (0..count).map(of).sum::<Complex32>()
        };
        for (pattern, pixel) in [(0, 0), (5, 17), (11, 29)] {
            let (a, b) =
                (sum(&before, &weights, pattern, pixel), sum(&after, &weighed, pattern, pixel));
            assert!((a - b).norm() < 1e-5, "{a} and {b}");
        }
        let rms = weighed.iter().step_by(count).map(|w| w.norm_sqr()).sum::<f32>() / 12.0;
        assert!((rms - 1.0).abs() < 1e-5);
        let overlap = dot(&after[..pixels], &after[pixels..2 * pixels]);
        assert!(overlap.norm() < 1e-4 * dot(&after[..pixels], &after[..pixels]).re);
        // Those of one mode say nothing of those of another.
        let of = |k: usize| -> Vec<Complex32> {
            weighed.iter().skip(k).step_by(count).copied().collect()
        };
        for (k, l) in [(0, 1), (0, 2), (1, 2)] {
            assert!(dot(&of(k), &of(l)).norm() < 1e-3, "{k} {l}");
        }
    }

    #[test]
    fn start_modes_are_orthogonal_and_share_the_power() {
        let probe = Modes::from_shape_fn((1, 16, 12), |(_, y, x)| {
            let d = (y as f32 - 7.0).powi(2) + (x as f32 - 5.5).powi(2);
            Complex32::from_polar((-d / 8.0).exp(), 0.3 * x as f32)
        });
        let modes = start_modes(&probe, 4);
        assert_eq!(modes.dim(), (4, 16, 12));
        let flat: Vec<Vec<Complex32>> =
            modes.outer_iter().map(|mode| mode.iter().copied().collect()).collect();
        let total: f64 = probe.iter().map(|v| f64::from(v.norm_sqr())).sum();
        let powers: Vec<f64> = flat.iter().map(|mode| dot(mode, mode).re).collect();
        assert!((powers.iter().sum::<f64>() / total - 1.0).abs() < 1e-5);
        for (k, power) in powers.iter().enumerate().skip(1) {
            assert!((power / powers[0] - 1.0).abs() < 1e-4, "{powers:?}");
            (0..k).for_each(|l| assert!(dot(&flat[k], &flat[l]).norm() < 1e-5 * total));
        }
        assert_eq!(start_modes(&modes, 2).dim().0, 2);
        // More modes than a window has room for: as many as there are, never an endless search.
        assert!(start_modes(&random((1, 1, 2), 1), 9).dim().0 <= 2);
    }
}
