//! How far a reconstruction is known: error maps by parametric bootstrap.
//!
//! The fit is taken for the truth, the experiment is repeated with counts drawn from what the fit
//! predicts ([`Problem::replicate`]), each replicate is reconstructed from the fit on, and what it
//! differs by is an error of the kind and size that the fit itself has (Efron and Tibshirani, An
//! Introduction to the Bootstrap, 1993, Sec. 6.5). That alone would leave out the detail that a
//! prior takes away from every replicate, so a solver with a prior holds it at the fit and draws
//! from what it leaves open, too (`prior::HeldPrior`).
//!
//! Errors common to all replicates do not show: those of a wrong model, and slow variations that a
//! few epochs leave.

use crate::Flow;
use crate::prior::Draw;
use crate::solver::{Epoch, Solution, Solver, gauge};
use crate::{Problem, ProblemError};
use lapwing_model::{Complex32, Field};
use ndarray::Array2;
use num_complex::Complex64;

/// Seed of the replicates' noise.
const SEED: u64 = 42;
/// Width over which squared deviations are averaged, pixels r.m.s. of a Gaussian.
const SMOOTH: f64 = 2.0;
/// Share of the largest light from which a pixel counts for the figures of a map.
const LIT: f32 = 0.1;

/// Standard deviations of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorMaps {
    /// Of the amplitude, axes (y, x), in the object's own unit; NaN where no light fell.
    pub amplitude: Array2<f32>,
    /// Of the phase, radians, likewise.
    pub phase: Array2<f32>,
    /// Replicates that they are made of.
    pub replicates: usize,
    /// Root mean square of [`amplitude`](Self::amplitude) over the pixels that are well lit.
    pub amplitude_rms: f64,
    /// The same of [`phase`](Self::phase), radians.
    pub phase_rms: f64,
    /// Whether the object differs from its own mean, r.m.s. over these pixels, by less than these
    /// errors. Then a prior may have flattened it, and the specimen may differ by more than
    /// either.
    pub buried: bool,
}

/// Error maps of `solution`, which `solver` has made of `problem`, from `replicates` replicates;
/// `observe` is called after every epoch of each.
///
/// # Errors
/// When the solution is not one of this problem; `None` when `observe` stops it.
///
/// # Panics
/// Without a replicate.
pub fn error_maps(
    problem: &Problem,
    solution: &Solution,
    solver: &dyn Solver,
    replicates: usize,
    observe: &mut dyn FnMut(Epoch) -> Flow,
) -> Result<Option<ErrorMaps>, ProblemError> {
    assert!(replicates > 0, "error maps are made of replicates");
    let fit = solution.object.projection();
    let probe: Vec<Complex32> = solution.probe.iter().copied().collect();
    let mut light = gauge::illumination(problem, &probe);
    light.truncate(problem.slice_len());
    let light = Array2::from_shape_vec(fit.dim(), light).expect("light lies on the object's grid");
    let solver = solver.follow_up(&solution.choices);
    let mut squares = [(); 2].map(|()| Array2::<f64>::zeros(fit.dim()));
    for index in 0..replicates {
        let replicate = problem.replicate(solution, SEED, index)?;
        let replicate = replicate.with_prior_drawn(Draw { seed: SEED, index });
        let mut stopped = false;
        let made = solver.solve(&replicate, &mut |epoch| {
            let flow = observe(epoch);
            stopped |= flow == Flow::Stop;
            flow
        });
        if stopped {
            return Ok(None);
        }
        let aligned = aligned(&made.object.projection(), &fit, &light);
        for ((at, of_fit), of_replicate) in fit.indexed_iter().zip(&aligned) {
            let (amplitude, phase) = deviations(*of_fit, *of_replicate);
            squares[0][at] += amplitude * amplitude / replicates as f64;
            squares[1][at] += phase * phase / replicates as f64;
        }
    }
    let [amplitude, phase] = squares.map(|squares| deviation_map(&squares, &light));
    let [amplitude_rms, phase_rms] = [&amplitude, &phase].map(|map| {
        let lit = well_lit(map, &light).map(|sd| f64::from(*sd).powi(2));
        mean(lit).map_or(0.0, f64::sqrt)
    });
    let buried = is_buried(&fit, &light, amplitude_rms, phase_rms);
    Ok(Some(ErrorMaps { amplitude, phase, replicates, amplitude_rms, phase_rms, buried }))
}

/// The pixels of `map` that count for figures.
fn well_lit<'a, T>(map: &'a Array2<T>, light: &'a Array2<f32>) -> impl Iterator<Item = &'a T> {
    let brightest = light.iter().copied().fold(0.0, f32::max);
    map.iter().zip(light).filter(move |(_, light)| **light >= LIT * brightest).map(|(of, _)| of)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Whether `fit` differs from its mean by less than errors of this size.
fn is_buried(fit: &Field, light: &Array2<f32>, amplitude_rms: f64, phase_rms: f64) -> bool {
    let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
    let [re, im] = [|v: Complex64| v.re, |v: Complex64| v.im]
        .map(|part| mean(well_lit(fit, light).map(|value| part(wide(value)))).unwrap_or(0.0));
    let middle = Complex64::new(re, im);
    let contrast = mean(well_lit(fit, light).map(|value| (wide(value) - middle).norm_sqr()));
    let error = amplitude_rms.powi(2) + middle.norm_sqr() * phase_rms.powi(2);
    contrast.is_some_and(|contrast| contrast < error)
}

/// What a pixel of a replicate differs by from that of the fit: amplitude, and phase in radians.
fn deviations(fit: Complex32, replicate: Complex32) -> (f64, f64) {
    let turned = replicate * fit.conj();
    let phase = if turned.norm_sqr() > 0.0 { turned.arg() } else { 0.0 };
    (f64::from(replicate.norm() - fit.norm()), f64::from(phase))
}

/// `object` aligned with `fit` in what data leave open: a factor, a phase and a phase ramp, fitted
/// over the illuminated pixels.
fn aligned(object: &Field, fit: &Field, light: &Array2<f32>) -> Field {
    // The phase first, then the plane that what is left of it has, which is small because the
    // replicate started from the fit, and the factor last.
    let factor = factor_to(object, fit, light);
    let (rows, columns) = fit.dim();
    let middle = (0.5 * (rows as f64 - 1.0), 0.5 * (columns as f64 - 1.0));
    // Slopes along y and x, independent over a symmetric area and nearly so over any scan.
    let mut sums = [0.0_f64; 5];
    for (((y, x), a), (b, &light)) in object.indexed_iter().zip(fit.iter().zip(light)) {
        let turned = b * (a * factor).conj();
        let weight = f64::from(light) * f64::from(turned.norm());
        let phase = if turned.norm_sqr() > 0.0 { f64::from(turned.arg()) } else { 0.0 };
        let (y, x) = (y as f64 - middle.0, x as f64 - middle.1);
        let terms = [y * phase, y * y, x * phase, x * x, y * x];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += weight * term);
    }
    let [yp, yy, xp, xx, yx] = sums;
    let determinant = yy * xx - yx * yx;
    let (slope_y, slope_x) = match determinant > 0.0 {
        true => ((yp * xx - xp * yx) / determinant, (xp * yy - yp * yx) / determinant),
        false => (0.0, 0.0),
    };
    let level = Field::from_shape_fn((rows, columns), |(y, x)| {
        let phase = slope_y * (y as f64 - middle.0) + slope_x * (x as f64 - middle.1);
        object[(y, x)] * Complex32::from_polar(1.0, phase as f32)
    });
    let factor = factor_to(&level, fit, light);
    level * factor
}

/// The complex factor by which `object` comes nearest to `fit`, weighted by `light`.
fn factor_to(object: &Field, fit: &Field, light: &Array2<f32>) -> Complex32 {
    let (mut product, mut power) = (Complex64::new(0.0, 0.0), 0.0);
    for ((a, b), &light) in object.iter().zip(fit).zip(light) {
        let (turned, weight) = (a.conj() * b, f64::from(light));
        product += Complex64::new(turned.re.into(), turned.im.into()) * weight;
        power += f64::from(a.norm_sqr()) * weight;
    }
    let factor = if power > 0.0 { product / power } else { Complex64::new(1.0, 0.0) };
    Complex32::new(factor.re as f32, factor.im as f32)
}

/// The root of mean squares around every pixel that has light.
fn deviation_map(squares: &Array2<f64>, light: &Array2<f32>) -> Array2<f32> {
    let lit = light.mapv(|light| light > 0.0);
    let mut map =
        crate::noise::normalised_blur(squares, &lit, SMOOTH).mapv(|sum| sum.sqrt() as f32);
    map.zip_mut_with(&lit, |value, &lit| {
        if !lit {
            *value = f32::NAN;
        }
    });
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_and_a_ramp_are_no_deviation() {
        let fit = Field::from_shape_fn((20, 30), |(y, x)| {
            Complex32::from_polar(1.0 + 0.1 * ((y * x) % 3) as f32, 0.05 * ((y + 2 * x) % 7) as f32)
        });
        let moved = Field::from_shape_fn((20, 30), |(y, x)| {
            let ramp = 0.002 * y as f32 - 0.001 * x as f32 + 0.3;
            fit[(y, x)] * Complex32::from_polar(1.7, ramp)
        });
        let light = Array2::from_elem((20, 30), 1.0);
        let aligned = aligned(&moved, &fit, &light);
        for (a, b) in aligned.iter().zip(&fit) {
            assert!((a - b).norm() < 1e-4, "{a} and {b}");
        }
    }

    #[test]
    fn deviations_are_along_and_across_the_object() {
        let fit = Complex32::from_polar(0.8, 2.0);
        let (amplitude, phase) = deviations(fit, Complex32::from_polar(0.9, 1.9));
        assert!((amplitude - 0.1).abs() < 1e-6 && (phase + 0.1).abs() < 1e-6);
        assert_eq!(deviations(Complex32::ZERO, fit).1, 0.0);
    }

    #[test]
    fn what_differs_from_its_mean_by_less_than_its_error_is_buried() {
        // Phases of 0.1 rad, and dark pixels of a radian that do not count.
        let fit = Field::from_shape_fn((8, 8), |(y, x)| {
            let sign = if x % 2 == 0 { 1.0 } else { -1.0 };
            Complex32::from_polar(2.0, if y < 6 { 0.1 * sign } else { sign })
        });
        let light = Array2::from_shape_fn((8, 8), |(y, _)| if y < 6 { 1.0 } else { 0.01 });
        assert!(is_buried(&fit, &light, 0.0, 0.11) && !is_buried(&fit, &light, 0.0, 0.09));
        assert!(is_buried(&fit, &light, 0.22, 0.0) && !is_buried(&fit, &light, 0.18, 0.0));
    }

    #[test]
    fn a_map_is_the_root_of_what_is_around_and_nothing_in_the_dark() {
        let squares = Array2::from_elem((9, 9), 0.04);
        let light = Array2::from_shape_fn((9, 9), |(y, _)| if y < 5 { 3.0 } else { 0.0 });
        let map = deviation_map(&squares, &light);
        assert!((map[(2, 4)] - 0.2).abs() < 1e-6 && map[(7, 4)].is_nan());
    }
}
