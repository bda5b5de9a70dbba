//! Errors of comparisons.

use std::ops::Range;

/// Why a comparison, or the region that it needs, was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// Reconstruction and truth are arrays of different shapes.
    #[error(
        "the reconstruction has shape {reconstruction:?}, the truth {truth:?}: \
         bring both onto one pixel grid (crop or pad by whole pixels) first"
    )]
    ShapeMismatch {
        /// Shape (y, x) of the reconstruction.
        reconstruction: (usize, usize),
        /// Shape (y, x) of the truth.
        truth: (usize, usize),
    },
    /// They have no pixel in common where they lie.
    #[error(
        "the reconstruction, {reconstruction:?} with its origin at {origin:?}, shares no pixel with the \
         truth, {truth:?}, and the reconstructions before it; compare it alone, or bring it onto the \
         truth's grid"
    )]
    NothingShared {
        /// Shape (y, x) of the reconstruction.
        reconstruction: (usize, usize),
        /// Where its pixel (0, 0) lies on the truth, (row, column).
        origin: (i64, i64),
        /// Shape (y, x) of the truth.
        truth: (usize, usize),
    },
    /// The place on the truth was looked for, and none is better than chance.
    #[error(
        "expected an object that lies somewhere on the truth, found one that fits nowhere better than by \
         chance (best at {at:?}, where the two correlate by {correlation:.3}, and an image without any \
         detail by {flat:.3}): check that both are of one specimen, pixel and orientation, or bring it \
         onto the truth's grid and shape"
    )]
    FitsNowhere {
        /// The best place of its pixel (0, 0) on the truth, (row, column).
        at: (i64, i64),
        /// Complex correlation there.
        correlation: f64,
        /// That of an image without any detail.
        flat: f64,
    },
    /// They agree far better elsewhere than where their positions put them.
    #[error(
        "expected positions that count from the truth's zero, found its pixel (0, 0) at {at:?} of the \
         truth, where the two correlate by {correlation:.3}, but by {better:.3} at {best:?}: compare the \
         object alone, without positions and origin, which is laid where it fits best, or arrays that are \
         on one grid"
    )]
    LiesElsewhere {
        /// Where its pixel (0, 0) lies on the truth, (row, column).
        at: (i64, i64),
        /// Complex correlation there.
        correlation: f64,
        /// Where they agree best.
        best: (i64, i64),
        /// Complex correlation there.
        better: f64,
    },
    /// The region does not lie inside the object array.
    #[error(
        "the region, rows {rows:?} and columns {columns:?}, does not lie in an object of shape {shape:?}"
    )]
    RegionOutside {
        /// Rows of the region.
        rows: Range<usize>,
        /// Columns of the region.
        columns: Range<usize>,
        /// Shape (y, x) of the object.
        shape: (usize, usize),
    },
    /// The mask has another shape than the rectangle that it belongs to.
    #[error("the mask has shape {mask:?}, its rectangle {rectangle:?}: they must be equal")]
    MaskShape {
        /// Shape (y, x) of the mask.
        mask: (usize, usize),
        /// Shape (y, x) of the rectangle.
        rectangle: (usize, usize),
    },
    /// The rectangle is too small for any of the windows that the metrics use.
    #[error(
        "the region is {height} x {width} px; a comparison needs at least {minimum} x {minimum}: \
         the scan must span more of the object"
    )]
    RegionTooSmall {
        /// Rows found.
        height: usize,
        /// Columns found.
        width: usize,
        /// Rows and columns needed.
        minimum: usize,
    },
    /// Too few pixels of the region were illuminated.
    #[error(
        "only {seen} pixels of the region were illuminated; a comparison needs at least {minimum}"
    )]
    TooFewSeen {
        /// Pixels that count.
        seen: usize,
        /// Pixels needed.
        minimum: usize,
    },
    /// The scan has no positions, or one of them is not a finite number.
    #[error(
        "the scan holds {positions} positions, {not_finite} of them not finite: a region needs at least one, all finite"
    )]
    UnusableScan {
        /// Number of positions.
        positions: usize,
        /// Number of positions with a coordinate that is NaN or infinite.
        not_finite: usize,
    },
    /// The probe has no pixels, is zero everywhere, or holds NaN or infinities.
    #[error("the probe's total intensity is {total}: it must be finite and greater than zero")]
    DarkProbe {
        /// Sum of |P|^2.
        total: f64,
    },
    /// A pixel that counts holds NaN or an infinity.
    #[error("the {which} is not finite at row {row}, column {column}, a pixel that counts")]
    NotFinite {
        /// "reconstruction", "truth", or the like of a probe.
        which: &'static str,
        /// Row in the object array.
        row: usize,
        /// Column in the object array.
        column: usize,
    },
    /// The positions of a part of a regular scan lie on those of the whole in several ways, and the
    /// objects are too much alike, or too unlike, to tell which it is.
    #[error(
        "the positions lie on the truth's in {ways} ways, and the objects do not tell which is meant: \
         compare a reconstruction of all positions, or the object alone (an NPZ of it without positions \
         and origin), which is laid where it fits best"
    )]
    ZeroInDoubt {
        /// In how many ways they do.
        ways: usize,
    },
    /// The positions are not those of the truth's scan, nor a part of them, and the objects agree
    /// better elsewhere than where both count from one zero.
    #[error(
        "the positions are those of another scan than the truth's, and the objects do not agree where \
         both count from one zero: compare the object alone (an NPZ of it without positions and \
         origin), which is laid where it fits best"
    )]
    OtherScan,
    /// An object is zero in all pixels that count, so that no scale or phase can be fitted.
    #[error("the {which} is zero in every pixel of the region that counts")]
    Zero {
        /// "reconstruction", "truth", or the like of a probe.
        which: &'static str,
    },
}
