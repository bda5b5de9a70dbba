//! How well a reconstructed probe agrees with the true one.
//!
//! A probe has the freedoms of the object (displacement, phase ramp, phase, scale), which are removed in the same way, and one
//! more: the modes of a partially coherent probe are known up to a unitary mixture, since only sum_m |P_m|^2 of their
//! propagated fields is measured.

use crate::align::align;
use crate::fit::Interpolator;
use crate::patch::Source;
use crate::{Alignment, CompareError, Region};
use lapwing_model::Complex32;
use ndarray::{Array2, ArrayView3, Axis};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The outcome of [`compare_probes`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeComparison {
    /// Root of the squared error over the truth's energy, all modes together; 0 is perfect.
    pub nrmse: f64,
    /// sum of the singular values of <a_i, t_j> / (|a| |t|) over all modes; 1 is perfect. For one mode it is the modulus of the
    /// complex correlation. nrmse^2 + correlation^2 = 1.
    pub correlation: f64,
    /// What was removed. Shift and ramp are those of the strongest modes, the scale is that of all modes, the phase that of the
    /// strongest.
    pub alignment: Alignment,
}

/// Compares probes of axes (mode, y, x), all pixels of the window counting.
///
/// With a the aligned reconstruction, t the truth, and over all unitary mixtures U of the modes and scales c,
/// nrmse^2 = min sum_m |c (U a)_m - t_m|^2 / sum_m |t_m|^2 = 1 - correlation^2; the best U is that of the orthogonal Procrustes
/// problem (P. H. Schonemann, Psychometrika 31, 1 (1966)). The number of modes may differ: missing ones are zero.
///
/// # Errors
/// If the windows differ in shape or are smaller than [`MINIMUM_SIDE`](crate::MINIMUM_SIDE), a probe is not finite, or zero.
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
    let (made, wanted) =
        (sources(reconstruction, "reconstructed probe", &region)?, sources(truth, "true probe", &region)?);
    let (mut alignment, ..) = align(strongest(&made)?, strongest(&wanted)?, &region)?;
    let whole = alignment.shift.map(|s| s.round() as isize);
    let aligned: Vec<Array2<Complex64>> = made
        .iter()
        .map(|mode| Interpolator::new(mode, whole).deramped(alignment.shift, alignment.ramp, None))
        .collect();
    let modes: Vec<Array2<Complex64>> = wanted.iter().map(|mode| mode.crop([0, 0])).collect();
    let energy =
        |modes: &[Array2<Complex64>]| -> f64 { modes.iter().flatten().map(Complex64::norm_sqr).sum() };
    let overlaps: Vec<Vec<Complex64>> = modes
        .iter()
        .map(|t| aligned.iter().map(|a| a.iter().zip(t).map(|(a, t)| a.conj() * t).sum()).collect())
        .collect();
    let (own, mutual) = (energy(&aligned), nuclear_norm(overlaps));
    let scale = (own * energy(&modes)).sqrt();
    let correlation = if scale > 0.0 { (mutual / scale).min(1.0) } else { 0.0 };
    alignment.scale = if mutual > 0.0 { own / mutual } else { alignment.scale };
    let nrmse = ((1.0 - correlation) * (1.0 + correlation)).sqrt();
    Ok(ProbeComparison { nrmse, correlation, alignment })
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
fn strongest<'m, 'a>(modes: &'m [Source<'a>]) -> Result<&'m Source<'a>, CompareError> {
    let energy = |mode: &Source<'_>| -> f64 { mode.crop([0, 0]).iter().map(Complex64::norm_sqr).sum() };
    let found = modes.iter().map(|mode| (mode, energy(mode))).max_by(|a, b| a.1.total_cmp(&b.1));
    found.map(|(mode, _)| mode).ok_or(CompareError::Zero { which: "probe" })
}

/// Most sweeps of the rotations; a handful makes any matrix diagonal.
const SWEEPS: usize = 60;

/// The sum of the singular values of a matrix, given by columns of equal length.
///
/// One-sided Jacobi rotations (M. R. Hestenes, J. Soc. Indust. Appl. Math. 6, 51 (1958)) make the columns orthogonal; their
/// lengths are then the singular values.
fn nuclear_norm(mut columns: Vec<Vec<Complex64>>) -> f64 {
    let product =
        |a: &[Complex64], b: &[Complex64]| -> Complex64 { a.iter().zip(b).map(|(a, b)| a.conj() * b).sum() };
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for right in 1..columns.len() {
            let (before, after) = columns.split_at_mut(right);
            let b = &mut after[0];
            for a in before {
                let (own, other, mutual) = (product(a, a).re, product(b, b).re, product(a, b));
                let modulus = mutual.norm();
                if modulus <= 1e-15 * (own * other).sqrt() || modulus == 0.0 {
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
    columns.iter().map(|column| product(column, column).re.sqrt()).sum()
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
        assert!((nuclear_norm(columns.clone()) - expected).abs() < 1e-12);
        // A column twice adds nothing but length; no columns have no length.
        let twice = vec![columns[0].clone(), columns[0].clone()];
        let length = columns[0].iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
        assert!((nuclear_norm(twice) - length * 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(nuclear_norm(Vec::new()), 0.0);
        assert_eq!(nuclear_norm(vec![vec![c(0.0, 0.0); 3]; 2]), 0.0);
    }
}
