//! How well a reconstructed probe agrees with the true one.
//!
//! A probe has the freedoms of the object (displacement, phase ramp, phase, scale), which are
//! removed in the same way, and one more: the modes of a partially coherent probe are known up to a
//! unitary mixture, since only sum_m |P_m|^2 of their propagated fields is measured.

use crate::align::align;
use crate::fit::Interpolator;
use crate::patch::Source;
use crate::{Alignment, CompareError, Region};
use lapwing_model::{Complex32, Field};
use ndarray::{Array2, ArrayView3, Axis};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The outcome of [`compare_probes`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeComparison {
    /// Root of the squared error over the truth's energy, all modes together; 0 is perfect.
    pub nrmse: f64,
    /// sum of the singular values of <a_i, t_j> / (|a| |t|) over all modes; 1 is perfect. For one
    /// mode it is the modulus of the complex correlation. nrmse^2 + correlation^2 = 1.
    pub correlation: f64,
    /// What was removed. Shift, ramp and phase are those of the strongest true mode and the mixture
    /// that matches it, the scale is that of all modes.
    pub alignment: Alignment,
}

/// Compares probes of axes (mode, y, x), all pixels of the window counting.
///
/// With a the aligned reconstruction, t the truth, and over all unitary mixtures U of the modes and
/// scales c, nrmse^2 = min sum_m |c (U a)_m - t_m|^2 / sum_m |t_m|^2 = 1 - correlation^2; the best
/// U is that of the orthogonal Procrustes problem (P. H. Schonemann, Psychometrika 31, 1 (1966)).
/// The number of modes may differ: missing ones are zero.
///
/// # Errors
/// If the windows differ in shape or are smaller than [`MINIMUM_SIDE`](crate::MINIMUM_SIDE), a
/// probe is not finite, or zero.
pub fn compare_probes(
    reconstruction: ArrayView3<'_, Complex32>,
    truth: ArrayView3<'_, Complex32>,
) -> Result<ProbeComparison, CompareError> {
    let shape = |modes: ArrayView3<'_, Complex32>| (modes.len_of(Axis(1)), modes.len_of(Axis(2)));
    if shape(reconstruction) != shape(truth) {
        return Err(CompareError::ShapeMismatch {
            reconstruction: shape(reconstruction),
            truth: shape(truth),
        });
    }
    let (height, width) = shape(truth);
    let region = Region::rectangle(0..height, 0..width)?;
    let (made, wanted) = (
        sources(reconstruction, "reconstructed probe", &region)?,
        sources(truth, "true probe", &region)?,
    );
    let modes: Vec<Array2<Complex64>> = wanted.iter().map(|mode| mode.crop([0, 0])).collect();
    let first = strongest(&wanted)?;
    let (mut alignment, ..) = align(&made[strongest(&made)?], &wanted[first], &region)?;
    let mut best = Matched::of(&made, &modes, &alignment);
    // Shift and mixture in turns: the mixture that matches the strongest true mode is aligned with
    // it, and so on.
    for _ in 0..if made.len() > 1 { ROUNDS } else { 0 } {
        let mixture = mixed(reconstruction, &best.mixture[first]);
        let source = Source::new(mixture.view(), &region, "reconstructed probe")?;
        let (next, ..) = align(&source, &wanted[first], &region)?;
        let found = Matched::of(&made, &modes, &next);
        let gain = found.correlation - best.correlation;
        if gain > 0.0 {
            (alignment, best) = (next, found);
        }
        if gain < 1e-9 {
            break;
        }
    }
    alignment.scale = best.scale.unwrap_or(alignment.scale);
    let correlation = best.correlation;
    let nrmse = ((1.0 - correlation) * (1.0 + correlation)).sqrt();
    Ok(ProbeComparison { nrmse, correlation, alignment })
}

/// Most rounds of aligning and mixing.
const ROUNDS: usize = 20;

/// The best unitary mixture at one alignment.
struct Matched {
    correlation: f64,
    /// |reconstruction| over its part in the truth; none when they have nothing in common.
    scale: Option<f64>,
    /// For every true mode the factors of the reconstructed ones.
    mixture: Vec<Vec<Complex64>>,
}

impl Matched {
    fn of(made: &[Source<'_>], modes: &[Array2<Complex64>], alignment: &Alignment) -> Self {
        let whole = alignment.shift.map(|s| s.round() as isize);
        let aligned: Vec<Array2<Complex64>> = made
            .iter()
            .map(|mode| {
                Interpolator::new(mode, whole).deramped(alignment.shift, alignment.ramp, None)
            })
            .collect();
        let energy = |modes: &[Array2<Complex64>]| -> f64 {
            modes.iter().flatten().map(Complex64::norm_sqr).sum()
        };
        let overlap = |a: &Array2<Complex64>, t: &Array2<Complex64>| {
            a.iter().zip(t).map(|(a, t)| a.conj() * t).sum()
        };
        let overlaps =
            modes.iter().map(|t| aligned.iter().map(|a| overlap(a, t)).collect()).collect();
        let (mutual, mixture) = polar(overlaps);
        let own = energy(&aligned);
        let scale = (own * energy(modes)).sqrt();
        let correlation = if scale > 0.0 { (mutual / scale).min(1.0) } else { 0.0 };
        Self { correlation, scale: (mutual > 0.0).then(|| own / mutual), mixture }
    }
}

/// sum_i factor_i mode_i.
fn mixed(probe: ArrayView3<'_, Complex32>, factors: &[Complex64]) -> Field {
    let mut sum = Field::zeros((probe.len_of(Axis(1)), probe.len_of(Axis(2))));
    for (mode, factor) in probe.outer_iter().zip(factors) {
        let factor = Complex32::new(factor.re as f32, factor.im as f32);
        sum.zip_mut_with(&mode, |sum, value| *sum += factor * value);
    }
    sum
}

/// Every mode, known to be finite; at least one.
fn sources<'a>(
    probe: ArrayView3<'a, Complex32>,
    which: &'static str,
    region: &Region,
) -> Result<Vec<Source<'a>>, CompareError> {
    if probe.is_empty() {
        return Err(CompareError::Zero { which });
    }
    let modes = 0..probe.len_of(Axis(0));
    modes.map(|index| Source::new(probe.index_axis_move(Axis(0), index), region, which)).collect()
}

/// The mode of the most energy.
fn strongest(modes: &[Source<'_>]) -> Result<usize, CompareError> {
    let energy =
        |mode: &Source<'_>| -> f64 { mode.crop([0, 0]).iter().map(Complex64::norm_sqr).sum() };
    let found = modes.iter().map(energy).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    found.map(|(index, _)| index).ok_or(CompareError::Zero { which: "probe" })
}

/// Most sweeps of the rotations; a handful makes any matrix diagonal.
const SWEEPS: usize = 60;

/// The sum of the singular values of a matrix, and the unitary factor of its polar decomposition
/// (of its own rank where it has no full one), both by columns of equal length.
///
/// One-sided Jacobi rotations (M. R. Hestenes, J. Soc. Indust. Appl. Math. 6, 51 (1958)) make the
/// columns orthogonal; their lengths are then the singular values.
fn polar(matrix: Vec<Vec<Complex64>>) -> (f64, Vec<Vec<Complex64>>) {
    let product = |a: &[Complex64], b: &[Complex64]| -> Complex64 {
        a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
    };
    let (rows, count) = (matrix.first().map_or(0, Vec::len), matrix.len());
    // Below each column the same rotations of the identity.
    let unit =
        |index: usize| (0..count).map(move |i| Complex64::from(f64::from(u8::from(i == index))));
    let mut columns: Vec<Vec<Complex64>> = matrix
        .into_iter()
        .enumerate()
        .map(|(index, column)| column.into_iter().chain(unit(index)).collect())
        .collect();
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for right in 1..count {
            let (before, after) = columns.split_at_mut(right);
            let b = &mut after[0];
            for a in before {
                let (own, other) =
                    (product(&a[..rows], &a[..rows]).re, product(&b[..rows], &b[..rows]).re);
                let mutual = product(&a[..rows], &b[..rows]);
                let modulus = mutual.norm();
                if modulus <= 1e-15 * (own * other).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (other - own) / (2.0 * modulus);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = cosine * tangent;
                let turn = mutual.conj() / modulus;
                for (a, b) in a.iter_mut().zip(b.iter_mut()) {
                    let turned = turn * *b;
                    (*a, *b) = (*a * cosine - turned * sine, *a * sine + turned * cosine);
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut sum = 0.0;
    let mut unitary = vec![vec![Complex64::default(); rows]; count];
    for column in &columns {
        let (image, right) = column.split_at(rows);
        let length = product(image, image).re.sqrt();
        sum += length;
        if length > 0.0 {
            for (target, right) in unitary.iter_mut().zip(right) {
                target
                    .iter_mut()
                    .zip(image)
                    .for_each(|(value, image)| *value += image / length * right.conj());
            }
        }
    }
    (sum, unitary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singular_values_of_two_columns_have_their_closed_form() {
        // (s1 + s2)^2 = |C|_F^2 + 2 |det C|.
        let c = |re: f64, im: f64| Complex64::new(re, im);
        let columns = vec![vec![c(1.0, 2.0), c(-0.5, 0.3)], vec![c(0.7, -1.1), c(2.0, 0.4)]];
        let squares: f64 = columns.iter().flatten().map(Complex64::norm_sqr).sum();
        let determinant = columns[0][0] * columns[1][1] - columns[1][0] * columns[0][1];
        let expected = (squares + 2.0 * determinant.norm()).sqrt();
        assert!((polar(columns.clone()).0 - expected).abs() < 1e-12);
        // A column twice adds nothing but length; no columns have no length.
        let twice = vec![columns[0].clone(), columns[0].clone()];
        let length = columns[0].iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
        assert!((polar(twice).0 - length * 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(polar(Vec::new()).0, 0.0);
        assert_eq!(polar(vec![vec![c(0.0, 0.0); 3]; 2]).0, 0.0);
        // U^H C is Hermitian and its trace the sum of the singular values; U is unitary.
        let (sum, unitary) = polar(columns.clone());
        let product = |a: &[Complex64], b: &[Complex64]| -> Complex64 {
            a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
        };
        let trace = product(&unitary[0], &columns[0]) + product(&unitary[1], &columns[1]);
        assert!((trace - sum).norm() < 1e-12, "{trace} and {sum}");
        let mixed = product(&unitary[0], &columns[1]) - product(&unitary[1], &columns[0]).conj();
        assert!(mixed.norm() < 1e-12 && product(&unitary[0], &unitary[1]).norm() < 1e-12);
    }
}
