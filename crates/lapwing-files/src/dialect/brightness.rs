//! Whether the zero frequency is where it is said to be.

use ndarray::ArrayView2;

/// Far-field patterns are bright around the zero frequency: a note when that does not seem to be
/// the centre.
pub(super) struct Brightness {
    shape: (usize, usize, usize),
    centre: f64,
    corners: f64,
}

impl Brightness {
    pub(super) fn new(shape: (usize, usize, usize)) -> Self {
        Self { shape, centre: 0.0, corners: 0.0 }
    }

    /// Looks at a pattern.
    pub(super) fn see(&mut self, index: usize, pattern: ArrayView2<'_, f32>) {
        let (count, height, width) = self.shape;
        // Some patterns tell as much as all of them.
        if height < 8 || width < 8 || !index.is_multiple_of(count.div_ceil(64)) {
            return;
        }
        let inner =
            |index: usize, length: usize| (length / 4..length - length / 4).contains(&index);
        for ((y, x), &value) in pattern.indexed_iter() {
            match (inner(y, height), inner(x, width)) {
                (true, true) => self.centre += f64::from(value),
                (false, false) => self.corners += f64::from(value),
                _ => {}
            }
        }
    }

    pub(super) fn note(&self, key: &str, notes: &mut Vec<String>) {
        if self.corners > 2.0 * self.centre {
            notes.push(format!(
                "{key}: the corners are brighter than the centre; should the zero frequency be elsewhere, say so (--zero-frequency)"
            ));
        }
    }
}
