//! The order of a pattern's pixels in files.

use ndarray::Array3;

/// Moves the zero frequency of every pattern from index (0, 0) to (H/2, W/2).
///
/// # Panics
/// If the stack is not in C order.
pub(crate) fn centre(values: &mut Array3<f32>) {
    centre_of(values);
}

/// [`centre`] of anything that has a value for each pixel.
///
/// # Panics
/// If the stack is not in C order.
pub(crate) fn centre_of<T>(values: &mut Array3<T>) {
    let (_, height, width) = values.dim();
    for mut pattern in values.outer_iter_mut() {
        let pixels = pattern.as_slice_mut().expect("a stack is in C order");
        pixels.rotate_right(height / 2 * width);
        for row in pixels.chunks_exact_mut(width) {
            row.rotate_right(width / 2);
        }
    }
}
