//! A reconstruction aligned with the truth, and all that was measured.

use crate::align::align;
use crate::frc::FrcCurves;
use crate::metrics::pair::Pair;
use crate::patch::Source;
use crate::{Alignment, CompareError, Metrics, Region};
use lapwing_model::{Complex32, Field};
use ndarray::{Array2, ArrayView2};
use num_complex::Complex64;

/// The outcome of [`compare`]. All arrays are crops of the region, axes (y, x).
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What was removed from the reconstruction.
    pub alignment: Alignment,
    /// How well it then agrees.
    pub metrics: Metrics,
    /// The aligned reconstruction, in the truth's scale and phase.
    pub aligned: Field,
    /// The truth.
    pub truth: Field,
    /// |aligned - truth|.
    pub error: Array2<f32>,
    /// Phase of the reconstruction minus phase of the truth, planes removed, radians in [-pi, pi].
    pub phase_error: Array2<f32>,
    /// The pixels that count; the others hold values of no meaning.
    pub mask: Array2<bool>,
    /// Fourier ring correlations.
    pub frc: FrcCurves,
}

/// Aligns `reconstruction` with `truth` over `region` and measures how well they agree.
///
/// Both are fields on one pixel grid, axes (y, x), of one shape; of an object of several slices the
/// caller chooses one, or what they have in common. The reconstruction may be
/// displaced by up to [`LARGEST_SHIFT`](crate::LARGEST_SHIFT) pixels and carry a phase ramp, a
/// phase and a scale. Work is shared between the threads of the current rayon pool; the result does
/// not depend on their number.
///
/// # Errors
/// If the shapes differ, the region leaves the objects, or a pixel that counts is not finite or all
/// of them are zero.
pub fn compare(
    reconstruction: ArrayView2<'_, Complex32>,
    truth: ArrayView2<'_, Complex32>,
    region: &Region,
) -> Result<Comparison, CompareError> {
    if reconstruction.dim() != truth.dim() {
        return Err(CompareError::ShapeMismatch {
            reconstruction: reconstruction.dim(),
            truth: truth.dim(),
        });
    }
    if region.rows().end > truth.nrows() || region.columns().end > truth.ncols() {
        let (rows, columns) = (region.rows(), region.columns());
        return Err(CompareError::RegionOutside { rows, columns, shape: truth.dim() });
    }
    let reconstruction = Source::new(reconstruction, region, "reconstruction")?;
    let truth = Source::new(truth, region, "truth")?;
    let (alignment, aligned, truth) = align(&reconstruction, &truth, region)?;
    let pair = Pair::new(&aligned, &truth, region);
    let metrics = Metrics::of(&pair);
    let Pair { frc, phase_error, .. } = pair;
    let error = (&aligned - &truth).mapv(|difference| difference.norm() as f32);
    let single =
        |field: &Array2<Complex64>| field.mapv(|v| Complex32::new(v.re as f32, v.im as f32));
    Ok(Comparison {
        alignment,
        metrics,
        aligned: single(&aligned),
        truth: single(&truth),
        error,
        phase_error: phase_error.mapv(|p| p as f32),
        mask: region.mask().to_owned(),
        frc,
    })
}
