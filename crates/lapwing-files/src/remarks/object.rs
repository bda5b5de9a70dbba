//! Objects that can hardly be meant.

use lapwing_model::{Complex32, Object};
use ndarray::ArrayView2;

use super::remark::{Remark, What};

/// Values are the same within this fraction of the largest modulus.
const SAME: f32 = 1e-6;

/// What stands in a file where nobody knew the object.
pub(crate) const PLACEHOLDER: &str = "objectGuess is the same everywhere: a placeholder";

/// Whether every slice of an object has the same value everywhere: then it is no truth and no
/// guess, but what programs write where the object is not known.
pub fn is_uniform(object: &Object) -> bool {
    object.slices().outer_iter().all(is_uniform_slice)
}

/// Whether a slice of an object, axes (y, x), has the same value everywhere.
pub fn is_uniform_slice(slice: ArrayView2<'_, Complex32>) -> bool {
    let Some(first) = slice.first() else { return true };
    let near = SAME * first.norm().max(f32::MIN_POSITIVE);
    slice.iter().all(|value| (value - first).norm() <= near)
}

pub(super) fn look(object: &Object) -> Option<Remark> {
    is_uniform(object).then(|| {
        Remark::new(
            What::UniformObject,
            PLACEHOLDER,
            "reconstructions are not compared with it, and a simulation of it shows no specimen; \
             nothing to do where the object is not known",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::{Complex32, Field};

    #[test]
    fn an_object_that_shows_nothing_is_told() {
        let one = Object::thin(Field::from_elem((8, 6), Complex32::new(0.6, -0.8)));
        assert!(is_uniform(&one) && is_uniform(&Object::flat_slices(2, (3, 3))));
        let remark = look(&one).unwrap();
        assert!(remark.what == What::UniformObject && !remark.certain);
        let mut other = one;
        other.slices_mut()[(0, 3, 2)].re += 1e-4;
        assert!(!is_uniform(&other) && look(&other).is_none());
    }
}
