//! The order of a pattern's pixels in files.

use ndarray::ArrayViewMut3;

use crate::stop::Asked;

/// Moves the zero frequency of every pattern from index (0, 0) to (H/2, W/2), or what else there is
/// a value of for each pixel.
///
/// # Panics
/// If the stack is not in C order.
pub(crate) fn centre<T>(values: &mut ArrayViewMut3<'_, T>) {
    let (_, height, width) = values.dim();
    let asked = Asked::here();
    for mut pattern in values.outer_iter_mut().take_while(|_| !asked.to_stop()) {
        let pixels = pattern.as_slice_mut().expect("a stack is in C order");
        pixels.rotate_right(height / 2 * width);
        for row in pixels.chunks_exact_mut(width) {
            row.rotate_right(width / 2);
        }
    }
}
