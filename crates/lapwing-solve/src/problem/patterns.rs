//! The measured patterns, stored in the smallest type that holds them.

use lapwing_model::parallel::InParallel;
use std::fmt;
use std::ops::Range;

/// Values that one task looks at.
const PIECE: usize = 1 << 16;

/// Intensities of all patterns, one after the other, in photon counts or another unit that the
/// problem knows by its gain alone.
#[derive(Debug)]
pub(crate) enum Patterns {
    /// Counts up to 255.
    Bytes(Vec<u8>),
    /// Counts up to 65,535.
    Words(Vec<u16>),
    /// Anything else.
    Singles(Vec<f32>),
    /// Any of these, in bytes that are stored outside the process.
    Stored(PatternType, Stored),
}

/// Bytes stored outside the process's own memory, such as a memory map; they never change.
pub type StoredBytes = Box<dyn AsRef<[u8]> + Send + Sync>;

/// [`StoredBytes`], shown by their number.
pub(crate) struct Stored(pub StoredBytes);

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", (*self.0).as_ref().len())
    }
}

/// The types that patterns are stored in, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PatternType {
    Bytes,
    Words,
    Singles,
}

impl PatternType {
    /// The smallest that holds all of these intensities, none of which is negative.
    pub fn of(values: &[f32]) -> Self {
        if values.iter().any(|&value| !is_word(value)) {
            return Self::Singles;
        }
        if values.iter().all(|&value| is_byte(value)) { Self::Bytes } else { Self::Words }
    }

    /// Bytes for each value.
    pub fn width(self) -> usize {
        match self {
            Self::Bytes => size_of::<u8>(),
            Self::Words => size_of::<u16>(),
            Self::Singles => size_of::<f32>(),
        }
    }

    /// Appends the values, in the machine's own order of bytes.
    pub fn append(self, values: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::Bytes => bytes.extend(values.iter().map(|&value| value as u8)),
            Self::Words => {
                bytes.extend(values.iter().flat_map(|&value| (value as u16).to_ne_bytes()))
            }
            Self::Singles => bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes())),
        }
    }
}

/// All values as another type.
fn converted<T: Copy + Default + Send>(values: &[f32], of: impl Fn(f32) -> T + Sync) -> Vec<T> {
    let mut found = vec![T::default(); values.len()];
    let pieces = found.chunks_mut(PIECE).zip(values.chunks(PIECE)).in_parallel();
    pieces.for_each(|(found, values)| {
        found.iter_mut().zip(values).for_each(|(found, &value)| *found = of(value));
    });
    found
}

fn is_word(value: f32) -> bool {
    f32::from(value as u16) == value
}

/// Of a value that is a 16-bit count.
fn is_byte(value: f32) -> bool {
    value <= f32::from(u8::MAX)
}

impl Patterns {
    /// How they are stored.
    #[cfg(feature = "gpu")]
    pub fn kind(&self) -> PatternType {
        match self {
            Self::Bytes(_) => PatternType::Bytes,
            Self::Words(_) => PatternType::Words,
            Self::Singles(_) => PatternType::Singles,
            Self::Stored(kind, _) => *kind,
        }
    }

    /// The values at `range`, counted over all patterns, in bytes.
    #[cfg(feature = "gpu")]
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        match self {
            Self::Bytes(values) => &values[range],
            Self::Words(values) => bytemuck::cast_slice(&values[range]),
            Self::Singles(values) => bytemuck::cast_slice(&values[range]),
            Self::Stored(kind, Stored(bytes)) => {
                &(**bytes).as_ref()[range.start * kind.width()..range.end * kind.width()]
            }
        }
    }

    /// Takes over intensities, none of which is negative.
    pub fn new(intensity: Vec<f32>) -> Self {
        // The first value that is no 16-bit count decides.
        let all = |is: fn(f32) -> bool| {
            let pieces = intensity.chunks(PIECE).in_parallel();
            pieces.all(|values| values.iter().all(|&value| is(value)))
        };
        if !all(is_word) {
            Self::Singles(intensity)
        } else if all(is_byte) {
            Self::Bytes(converted(&intensity, |value| value as u8))
        } else {
            Self::Words(converted(&intensity, |value| value as u16))
        }
    }

    /// The values at `range`, counted over all patterns: a view, or a copy in `buffer`, which must
    /// be as long.
    #[inline(always)]
    pub fn of<'a>(&'a self, range: Range<usize>, buffer: &'a mut [f32]) -> &'a [f32] {
        match self {
            Self::Bytes(values) => {
                widened(values[range].iter().map(|&value| f32::from(value)), buffer)
            }
            Self::Words(values) => {
                widened(values[range].iter().map(|&value| f32::from(value)), buffer)
            }
            Self::Singles(values) => &values[range],
            Self::Stored(kind, Stored(bytes)) => {
                let bytes =
                    &(**bytes).as_ref()[range.start * kind.width()..range.end * kind.width()];
                // From bytes one by one: these need not begin where a number may.
                match kind {
                    PatternType::Bytes => {
                        widened(bytes.iter().map(|&value| f32::from(value)), buffer)
                    }
                    PatternType::Words => {
                        let words = bytes.as_chunks().0;
                        widened(
                            words.iter().map(|&word| f32::from(u16::from_ne_bytes(word))),
                            buffer,
                        )
                    }
                    PatternType::Singles => {
                        let singles = bytes.as_chunks().0;
                        widened(singles.iter().map(|&single| f32::from_ne_bytes(single)), buffer)
                    }
                }
            }
        }
    }
}

impl Patterns {
    /// Copies the values at `range`, counted over all patterns, into `out`, which is as long.
    pub fn copy(&self, range: Range<usize>, out: &mut [f32]) {
        match self {
            Self::Singles(values) => out.copy_from_slice(&values[range]),
            // These are copied in any case.
            other => {
                other.of(range, out);
            }
        }
    }
}

#[inline(always)]
fn widened(values: impl Iterator<Item = f32>, buffer: &mut [f32]) -> &[f32] {
    buffer.iter_mut().zip(values).for_each(
        #[inline(always)]
        |(out, value)| *out = value,
    );
    buffer
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
            let mut buffer = vec![0.0; values.len()];
            prop_assert_eq!(patterns.of(0..values.len(), &mut buffer), values.as_slice());
            let largest = values.iter().copied().fold(0.0, f32::max);
            let kind = match &patterns {
                Patterns::Bytes(_) => PatternType::Bytes,
                Patterns::Words(_) => PatternType::Words,
                Patterns::Singles(_) => PatternType::Singles,
                Patterns::Stored(..) => unreachable!(),
            };
            let smallest = match kind {
                PatternType::Bytes => !part && largest <= 255.0,
                PatternType::Words => !part && largest > 255.0,
                PatternType::Singles => part || largest > 65_535.0,
            };
            prop_assert!(smallest);
            prop_assert_eq!(PatternType::of(&values), kind);
            let mut bytes = Vec::new();
            kind.append(&values, &mut bytes);
            prop_assert_eq!(bytes.len(), values.len() * kind.width());
            let stored = Patterns::Stored(kind, Stored(Box::new(bytes)));
            buffer.fill(-1.0);
            prop_assert_eq!(stored.of(1..values.len(), &mut buffer[1..]), &values[1..]);
        }
    }
}
