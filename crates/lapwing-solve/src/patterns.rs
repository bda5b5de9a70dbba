//! The measured patterns, kept in the smallest type that holds them.

use rayon::prelude::*;
use std::ops::Range;

/// Values that one task looks at.
const PIECE: usize = 1 << 16;

/// Intensities of all patterns, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Patterns {
    /// Counts up to 255.
    Bytes(Vec<u8>),
    /// Counts up to 65,535.
    Words(Vec<u16>),
    /// Anything else.
    Singles(Vec<f32>),
}

impl Patterns {
    /// Takes over intensities, none of which is negative.
    pub fn new(intensity: Vec<f32>) -> Self {
        // The first value that is no 16-bit count decides.
        if intensity
            .par_chunks(PIECE)
            .any(|values| values.iter().any(|&value| f32::from(value as u16) != value))
        {
            return Self::Singles(intensity);
        }
        let small = |values: &[f32]| values.iter().all(|&value| value <= f32::from(u8::MAX));
        match intensity.par_chunks(PIECE).all(small) {
            true => Self::Bytes(intensity.par_iter().map(|&value| value as u8).collect()),
            false => Self::Words(intensity.par_iter().map(|&value| value as u16).collect()),
        }
    }

    /// The values at `range`, counted over all patterns: a view, or a copy in `room`, which must be as long.
    #[inline(always)]
    pub fn of<'a>(&'a self, range: Range<usize>, room: &'a mut [f32]) -> &'a [f32] {
        match self {
            Self::Bytes(values) => widened(&values[range], room),
            Self::Words(values) => widened(&values[range], room),
            Self::Singles(values) => &values[range],
        }
    }
}

#[inline(always)]
fn widened<'a, T: Copy + Into<f32>>(values: &[T], room: &'a mut [f32]) -> &'a [f32] {
    room.iter_mut().zip(values).for_each(
        #[inline(always)]
        |(out, &value)| *out = value.into(),
    );
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_comes_back(counts in prop::collection::vec(0..70_000_u32, 1..50), top in 1..17_u32, part in prop::bool::ANY) {
            let mut values: Vec<f32> = counts.iter().map(|count| (count >> (17 - top)) as f32).collect();
            if part {
                values[0] += 0.5;
            }
            let patterns = Patterns::new(values.clone());
            let mut room = vec![0.0; values.len()];
            prop_assert_eq!(patterns.of(0..values.len(), &mut room), values.as_slice());
            let largest = values.iter().copied().fold(0.0, f32::max);
            let smallest = match patterns {
                Patterns::Bytes(_) => !part && largest <= 255.0,
                Patterns::Words(_) => !part && largest > 255.0,
                Patterns::Singles(_) => part || largest > 65_535.0,
            };
            prop_assert!(smallest);
        }
    }
}
