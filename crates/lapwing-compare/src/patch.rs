//! Crops of an object that may reach beyond the array, with pixels made harmless that were never
//! seen.

use crate::window::box_sums;
use crate::{CompareError, Region};
use lapwing_model::Complex32;
use ndarray::{Array2, ArrayView2};
use num_complex::Complex64;

/// Within twice as many pixels of the mask, values still have some weight, for interpolation.
const RIM: usize = 2;

/// Half the side of the square whose mean replaces a pixel beyond the rim.
const REACH: usize = 8;

/// An object and the rectangle to look at.
///
/// Beyond the array the nearest pixel is repeated, beyond the rectangle the nearest pixel's mask.
/// Values that are not finite become zero and moduli above twice the largest that counts are cut to
/// that. Away from the mask, pixels fade within 2 [`RIM`] into the mean of those around them that
/// are nearer to it. Interpolation would otherwise smear what was never seen into the region.
pub(crate) struct Source<'a> {
    array: ArrayView2<'a, Complex32>,
    start: [isize; 2],
    limit: f64,
    /// Weight of the pixels of the rectangle: 1 on the mask, 0 far from it; none if it is 1
    /// everywhere.
    weight: Option<Array2<f64>>,
    shape: (usize, usize),
    which: &'static str,
}

impl<'a> Source<'a> {
    /// Takes the object called `which`; an error if a pixel that counts is not finite.
    pub(crate) fn new(
        array: ArrayView2<'a, Complex32>,
        region: &Region,
        which: &'static str,
    ) -> Result<Self, CompareError> {
        let (row0, column0) = (region.rows().start, region.columns().start);
        let mut largest = 0.0_f64;
        for ((y, x), _) in region.mask().indexed_iter().filter(|(_, seen)| **seen) {
            let (row, column) = (row0 + y, column0 + x);
            let value = array[[row, column]];
            if !(value.re.is_finite() && value.im.is_finite()) {
                return Err(CompareError::NotFinite { which, row, column });
            }
            largest = largest.max(wide(value).norm_sqr().sqrt());
        }
        let near = box_sums(region.mask().mapv(i32::from), RIM).mapv(|count| f64::from(count > 0));
        let all = box_sums(Array2::from_elem(near.dim(), 1.0), RIM);
        let weight = box_sums(near, RIM) / all;
        let weight = weight.iter().any(|&w| w < 1.0).then_some(weight);
        let start = [row0 as isize, column0 as isize];
        Ok(Self { array, start, limit: 2.0 * largest, weight, shape: region.shape(), which })
    }

    /// What the object is called in errors.
    pub(crate) fn which(&self) -> &'static str {
        self.which
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
        let start = [0, 1].map(|axis| self.start[axis] + shift[axis] - margin as isize);
        let rows = nearest(start[0], shape.0, self.array.nrows());
        let columns = nearest(start[1], shape.1, self.array.ncols());
        let mut field = Array2::from_shape_fn(shape, |(y, x)| {
            let value = wide(self.array[[rows[y], columns[x]]]);
            // Not hypot: single-precision values cannot overflow here.
            let modulus = value.norm_sqr().sqrt();
            if modulus <= self.limit {
                value
            } else if modulus.is_finite() {
                value * (self.limit / modulus)
            } else {
                Complex64::default()
            }
        });
        if let Some(weight) = &self.weight {
            let rows = nearest(-(margin as isize), shape.0, self.shape.0);
            let columns = nearest(-(margin as isize), shape.1, self.shape.1);
            fill(&mut field, &Array2::from_shape_fn(shape, |(y, x)| weight[[rows[y], columns[x]]]));
        }
        field
    }
}

/// Indices start, start + 1, ... cut to those of an array of length `limit`.
fn nearest(start: isize, count: usize, limit: usize) -> Vec<usize> {
    (0..count as isize).map(|index| (start + index).clamp(0, limit as isize - 1) as usize).collect()
}

/// Replaces the missing weight of every pixel by the weighted mean around it, or of all where
/// nothing is near.
fn fill(field: &mut Array2<Complex64>, weight: &Array2<f64>) {
    field.zip_mut_with(weight, |value, w| *value *= w);
    let mean = field.sum() / weight.sum().max(1.0);
    let (sums, weights) = (box_sums(field.clone(), REACH), box_sums(weight.clone(), REACH));
    for (index, value) in field.indexed_iter_mut().filter(|(index, _)| weight[*index] < 1.0) {
        // Less than one pixel's weight may be nothing but rounding.
        let around = if weights[index] > 1.0 { sums[index] / weights[index] } else { mean };
        *value += (1.0 - weight[index]) * around;
    }
}

fn wide(value: Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_the_border_and_fills_what_was_never_seen() {
        let mut array =
            Array2::from_shape_fn((40, 40), |(y, x)| Complex32::new(y as f32, x as f32));
        let mut mask = Array2::from_elem((30, 30), true);
        for y in 10..20 {
            for x in 10..20 {
                mask[[y, x]] = false;
            }
        }
        array[[18, 18]] = Complex32::new(f32::NAN, 0.0);
        array[[0, 0]] = Complex32::new(3e30, 4e30);
        let region = Region::new(5..35, 5..35, mask).unwrap();
        let source = Source::new(array.view(), &region, "truth").unwrap();
        let field = source.padded([1, 0], 10, (60, 50));
        assert_eq!(field[[10, 10]], Complex64::new(6.0, 5.0));
        assert_eq!(field[[59, 12]], Complex64::new(39.0, 7.0), "the last row is repeated");
        let limit = 2.0 * 34.0_f64.hypot(34.0);
        let corner = field[[0, 0]];
        assert!(
            (corner.norm() - limit).abs() < 1e-9
                && (corner.im / corner.re - 4.0 / 3.0).abs() < 1e-6
        );
        // What counts keeps its values; the middle of the hole is the mean of a ring around it,
        // here the hole's centre.
        assert_eq!(field[[10 + 9, 10 + 11]], Complex64::new(15.0, 16.0));
        let middle = field[[10 + 14, 10 + 14]];
        assert!((middle - Complex64::new(20.0, 19.0)).norm() < 1.0, "{middle}");
    }
}
