//! Why a scan cannot be made.

/// Why a scan cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ScanError {
    /// The step is not a usable number.
    #[error("step {0} px: expected a number greater than 0")]
    Step(f64),
    /// The overlap is out of range.
    #[error(
        "overlap {0}: expected at least 0 and less than 1 (step = (1 - overlap) x probe diameter)"
    )]
    Overlap(f64),
    /// The field of view is not a usable size.
    #[error("field of view {0} x {1} px: expected two numbers >= 0 (height, width)")]
    FieldOfView(f64, f64),
    /// There would be far too many positions.
    #[error(
        "about {0:.3e} positions: expected at most 1e7; use a larger step or a smaller field of view"
    )]
    TooMany(f64),
    /// The spiral would be nearly all outside of the field of view.
    #[error(
        "a spiral to the corners of this long, narrow field of view passes about {0:.3e} positions, nearly all outside of \
         it: expected at most 1e8; use a larger step, another field of view, or a raster"
    )]
    LongSpiral(f64),
    /// The field of view is larger than any object.
    #[error(
        "field of view {0:.6e} x {1:.6e} px: expected an area of at most 2^30 px (such as 32,768 x 32,768), which the object \
         array must hold; use a smaller field of view, whatever the step"
    )]
    FieldTooLarge(f64, f64),
}
