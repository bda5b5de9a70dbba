//! Passes over all values of a stack of patterns, by all threads; what comes out does not depend on
//! their number. Nobody's are the results of what was asked to stop.

use lapwing_model::parallel::InParallel;

use crate::stop::Asked;

/// Values handed to a thread at a time.
const PIECE: usize = 1 << 16;

/// Whether every value is as asked for.
pub(crate) fn all(values: &[f32], asked: impl Fn(f32) -> bool + Sync) -> bool {
    // Within a piece no value ends the loop, so that it becomes one of vector instructions.
    let (pieces, asked_to) = (values.chunks(PIECE).in_parallel(), Asked::here());
    pieces.all(|piece| {
        !asked_to.to_stop() && piece.iter().fold(true, |so_far, &value| so_far & asked(value))
    })
}

/// Puts `new(value)` in the place of every value.
pub(crate) fn replace(values: &mut [f32], new: impl Fn(f32) -> f32 + Sync) {
    let (pieces, asked) = (values.chunks_mut(PIECE).in_parallel(), Asked::here());
    pieces.for_each(|piece| {
        if !asked.to_stop() {
            piece.iter_mut().for_each(|value| *value = new(*value));
        }
    });
}

/// Sum of `term(value)` over each pattern of `pixels` values, in their order.
pub(crate) fn sums(values: &[f32], pixels: usize, term: impl Fn(f32) -> f64 + Sync) -> Vec<f64> {
    let asked = Asked::here();
    let sum = |pattern: &[f32]| match asked.to_stop() {
        true => 0.0,
        false => pattern.iter().map(|&value| term(value)).sum(),
    };
    values.chunks_exact(pixels.max(1)).in_parallel().map(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_seen() {
        let mut values: Vec<f32> = (0..180_000).map(|value| value as f32).collect();
        assert!(all(&values, |value| value < 180_000.0) && !all(&values, |v| v != 179_999.0));
        let terms = sums(&values, 60_000, f64::from);
        assert_eq!((terms.len(), terms.iter().sum::<f64>()), (3, 179_999.0 * 90_000.0));
        replace(&mut values, |value| value + 1.0);
        assert!(all(&values, |value| value > 0.0) && !all(&values, |value| value != 180_000.0));
        assert!(sums(&[], 16, f64::from).is_empty());
    }
}
