//! Passes over a whole stack of patterns, by all threads; what comes out does not depend on their
//! number.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

/// Values handed to a thread at a time.
const PIECE: usize = 1 << 16;

/// Whether every value is as asked for.
pub(crate) fn all(stack: &Array3<f32>, asked: impl Fn(f32) -> bool + Sync) -> bool {
    match stack.as_slice_memory_order() {
        // Within a piece no value ends the loop, so that it becomes one of vector instructions.
        Some(values) => values
            .par_chunks(PIECE)
            .all(|piece| piece.iter().fold(true, |so_far, &value| so_far & asked(value))),
        None => stack.iter().all(|&value| asked(value)),
    }
}

/// Puts `new(value)` in the place of every value.
pub(crate) fn replace(stack: &mut Array3<f32>, new: impl Fn(f32) -> f32 + Sync) {
    match stack.as_slice_memory_order_mut() {
        Some(values) => values
            .par_chunks_mut(PIECE)
            .for_each(|piece| piece.iter_mut().for_each(|value| *value = new(*value))),
        None => stack.mapv_inplace(new),
    }
}

/// Sum of `term(value)` over each pattern, in the order of its pixels.
pub(crate) fn sums(stack: &Array3<f32>, term: impl Fn(f32) -> f64 + Sync) -> Vec<f64> {
    let sum = |index| stack.index_axis(Axis(0), index).iter().map(|&value| term(value)).sum();
    (0..stack.len_of(Axis(0))).into_par_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_seen_in_any_memory_order() {
        let plain =
            Array3::from_shape_fn((3, 200, 300), |(i, y, x)| (i * 60_000 + y * 300 + x) as f32);
        for mut stack in [plain.clone(), plain.clone().reversed_axes()] {
            assert!(
                all(&stack, |value| value < 180_000.0) && !all(&stack, |value| value != 179_999.0)
            );
            let terms = sums(&stack, f64::from);
            assert_eq!(terms.iter().sum::<f64>(), 179_999.0 * 90_000.0);
            replace(&mut stack, |value| value + 1.0);
            assert!(all(&stack, |value| value > 0.0) && !all(&stack, |value| value != 180_000.0));
        }
        assert!(sums(&Array3::zeros((0, 4, 4)), f64::from).is_empty());
    }
}
