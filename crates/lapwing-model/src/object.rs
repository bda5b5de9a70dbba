//! Objects: the transmission of a specimen, as one or more thin slices along the beam.

use crate::{Complex32, Field};
use ndarray::{Array3, ArrayView2, ArrayView3, ArrayViewMut3, Axis};

/// The transmission of a specimen: slices along the beam, axes (slice, y, x), the first one met by
/// the beam first. A thin object has one slice.
///
/// Every slice is on the same pixel grid, and is dimensionless, of modulus about 1. There is always
/// at least one slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    slices: Array3<Complex32>,
}

impl Object {
    /// A thin object, axes (y, x).
    pub fn thin(transmission: Field) -> Self {
        Self { slices: transmission.insert_axis(Axis(0)) }
    }

    /// A thin object of `(height, width)` pixels that transmits everything: 1 everywhere.
    pub fn flat(shape: (usize, usize)) -> Self {
        Self::thin(Field::from_elem(shape, Complex32::new(1.0, 0.0)))
    }

    /// `count` slices, at least one, that transmit everything: 1 everywhere.
    pub fn flat_slices(count: usize, (height, width): (usize, usize)) -> Self {
        let dim = (count.max(1), height, width);
        Self { slices: Array3::from_elem(dim, Complex32::new(1.0, 0.0)) }
    }

    /// An object of slices, axes (slice, y, x), the first one met by the beam first; `None` when
    /// there is no slice.
    pub fn from_slices(slices: Array3<Complex32>) -> Option<Self> {
        (slices.len_of(Axis(0)) > 0).then_some(Self { slices })
    }

    /// Number of slices, at least 1.
    pub fn n_slices(&self) -> usize {
        self.slices.len_of(Axis(0))
    }

    /// Height and width of every slice, pixels.
    pub fn shape(&self) -> (usize, usize) {
        let (_, height, width) = self.slices.dim();
        (height, width)
    }

    /// All slices, axes (slice, y, x).
    pub fn slices(&self) -> ArrayView3<'_, Complex32> {
        self.slices.view()
    }

    /// All slices, to be changed.
    pub fn slices_mut(&mut self) -> ArrayViewMut3<'_, Complex32> {
        self.slices.view_mut()
    }

    /// Gives up the slices, axes (slice, y, x).
    pub fn into_slices(self) -> Array3<Complex32> {
        self.slices
    }

    /// Slice number `index`, from 0, axes (y, x).
    ///
    /// # Panics
    /// If there is no such slice.
    pub fn slice(&self, index: usize) -> ArrayView2<'_, Complex32> {
        self.slices.index_axis(Axis(0), index)
    }

    /// The transmission of all slices together, their product, axes (y, x): what a beam sees that
    /// does not spread between them, and of a thin object the object itself.
    pub fn projection(&self) -> Field {
        let mut product = self.slice(0).to_owned();
        for slice in self.slices.outer_iter().skip(1) {
            product *= &slice;
        }
        product
    }

    /// [`projection`](Self::projection), without a copy of a thin object.
    pub fn into_projection(self) -> Field {
        match self.n_slices() {
            1 => self.slices.index_axis_move(Axis(0), 0),
            _ => self.projection(),
        }
    }
}

/// A view of an object's slices, axes (slice, y, x); at least one.
#[derive(Debug, Clone, Copy)]
pub struct ObjectView<'a> {
    slices: ArrayView3<'a, Complex32>,
}

impl<'a> ObjectView<'a> {
    /// Number of slices, at least 1.
    pub fn n_slices(&self) -> usize {
        self.slices.len_of(Axis(0))
    }

    /// Height and width of every slice, pixels.
    pub fn shape(&self) -> (usize, usize) {
        let (_, height, width) = self.slices.dim();
        (height, width)
    }

    /// All slices, axes (slice, y, x).
    pub fn slices(&self) -> ArrayView3<'a, Complex32> {
        self.slices
    }
}

impl<'a> From<ArrayView2<'a, Complex32>> for ObjectView<'a> {
    /// A thin object, axes (y, x).
    fn from(transmission: ArrayView2<'a, Complex32>) -> Self {
        Self { slices: transmission.insert_axis(Axis(0)) }
    }
}

impl<'a> From<&'a Object> for ObjectView<'a> {
    fn from(object: &'a Object) -> Self {
        Self { slices: object.slices.view() }
    }
}

impl From<Field> for Object {
    fn from(transmission: Field) -> Self {
        Self::thin(transmission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projection_multiplies_what_slices_transmit() {
        let phases = [0.3_f32, -0.1, 0.5];
        let slices = Array3::from_shape_fn((3, 2, 4), |(slice, _, x)| {
            Complex32::from_polar(0.9, phases[slice] * x as f32)
        });
        let object = Object::from_slices(slices).unwrap();
        assert_eq!((object.n_slices(), object.shape()), (3, (2, 4)));
        let expected = Complex32::from_polar(0.9_f32.powi(3), 0.7 * 3.0);
        assert!((object.projection()[(1, 3)] - expected).norm() < 1e-6);
    }

    #[test]
    fn a_thin_object_is_its_own_projection() {
        let field = Field::from_shape_fn((3, 2), |(y, x)| Complex32::new(y as f32, x as f32));
        let object = Object::thin(field.clone());
        assert_eq!((object.n_slices(), object.shape()), (1, (3, 2)));
        assert_eq!(object.projection(), field);
        assert_eq!(object.into_projection(), field);
        assert_eq!(Object::from_slices(Array3::zeros((0, 3, 2))), None);
    }
}
