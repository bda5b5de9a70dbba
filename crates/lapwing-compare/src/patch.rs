//! Crops of the reconstruction that may reach beyond the array.

use crate::{CompareError, Region};
use lapwing_model::Complex32;
use ndarray::{Array2, ArrayView2};
use num_complex::Complex64;

/// A reconstruction and the rectangle to look at, with pixels made harmless that were never seen.
///
/// Beyond the array the nearest pixel is repeated. Outside the mask, values that are not finite become zero and moduli
/// above twice the largest that counts are cut to that: interpolation would otherwise smear them into the region.
pub(crate) struct Source<'a> {
    array: ArrayView2<'a, Complex32>,
    start: [isize; 2],
    shape: (usize, usize),
    limit: f64,
}

impl<'a> Source<'a> {
    /// Checks that the pixels that count are finite.
    pub(crate) fn new(array: ArrayView2<'a, Complex32>, region: &Region) -> Result<Self, CompareError> {
        let crop = checked_crop(array, region, "reconstruction")?;
        let largest = crop
            .iter()
            .zip(region.mask())
            .filter(|(_, seen)| **seen)
            .map(|(v, _)| v.norm())
            .fold(0.0, f64::max);
        let start = [region.rows().start as isize, region.columns().start as isize];
        Ok(Self { array, start, shape: region.shape(), limit: 2.0 * largest })
    }

    /// Shape (y, x) of the rectangle.
    pub(crate) fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The rectangle displaced by whole pixels.
    pub(crate) fn crop(&self, shift: [isize; 2]) -> Array2<Complex64> {
        self.padded(shift, 0, self.shape)
    }

    /// An array of `shape` whose pixel (margin, margin) is the first of the displaced rectangle.
    pub(crate) fn padded(
        &self,
        shift: [isize; 2],
        margin: usize,
        shape: (usize, usize),
    ) -> Array2<Complex64> {
        let place = |axis: usize, index: usize, length: usize| -> usize {
            let wanted = self.start[axis] + shift[axis] + index as isize - margin as isize;
            wanted.clamp(0, length as isize - 1) as usize
        };
        let columns: Vec<usize> = (0..shape.1).map(|x| place(1, x, self.array.ncols())).collect();
        Array2::from_shape_fn(shape, |(y, x)| {
            let value = self.array[[place(0, y, self.array.nrows()), columns[x]]];
            let value = Complex64::new(value.re.into(), value.im.into());
            let modulus = value.norm();
            if modulus <= self.limit {
                value
            } else if modulus.is_finite() {
                value * (self.limit / modulus)
            } else {
                Complex64::default()
            }
        })
    }
}

/// The rectangle of a region in double precision: an error if a pixel that counts is not finite; others become zero.
pub(crate) fn checked_crop(
    array: ArrayView2<'_, Complex32>,
    region: &Region,
    which: &'static str,
) -> Result<Array2<Complex64>, CompareError> {
    let (row0, column0) = (region.rows().start, region.columns().start);
    let mut crop = Array2::zeros(region.shape());
    for ((y, x), &seen) in region.mask().indexed_iter() {
        let (row, column) = (row0 + y, column0 + x);
        let value = array[[row, column]];
        if value.re.is_finite() && value.im.is_finite() {
            crop[[y, x]] = Complex64::new(value.re.into(), value.im.into());
        } else if seen {
            return Err(CompareError::NotFinite { which, row, column });
        }
    }
    Ok(crop)
}
