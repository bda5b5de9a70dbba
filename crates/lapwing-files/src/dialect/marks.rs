//! Numbers with which detectors mark pixels that measured nothing: the largest ones of whole
//! numbers of 8, 16 and 32 bits, in these types and in wider ones that they were copied into.

use ndarray::ArrayView3;

use crate::npy::DType;

/// The largest numbers of 32 bits, as single precision has them, and what they were: no light
/// reaches them.
const OF_32_BITS: [(f32, &str); 2] =
    [(2_147_483_648.0, "2147483647"), (4_294_967_296.0, "4294967295")];
/// Those of 64 bits.
const OF_64_BITS: [(f32, &str); 2] =
    [(9.223_372e18, "9223372036854775807"), (1.844_674_4e19, "18446744073709551615")];
/// The largest numbers of fewer bits, which light may reach.
const OF_FEW_BITS: [f32; 2] = [255.0, 65535.0];
/// How many times every other number such a mark is at least.
const ABOVE: f32 = 4.0;
/// Patterns that must all have it.
const FEWEST: usize = 4;

/// The numbers of a type that stand for no light.
#[derive(Debug, Clone, Copy)]
pub(super) struct Largest {
    /// Whole numbers from this one on.
    limit: f32,
}

impl Largest {
    pub(super) fn of(dtype: &DType) -> Self {
        let limit = match dtype {
            DType::I8 => i8::MAX.into(),
            DType::U8 => u8::MAX.into(),
            DType::I16 => i16::MAX.into(),
            DType::U16 => u16::MAX.into(),
            DType::I32 => i32::MAX as f32,
            DType::U32 => u32::MAX as f32,
            DType::I64 => i64::MAX as f32,
            DType::U64 => u64::MAX as f32,
            _ => f32::INFINITY,
        };
        Self { limit }
    }

    pub(super) fn is(self, value: f32) -> bool {
        value.is_finite()
            && (value >= self.limit || OF_32_BITS.iter().any(|(mark, _)| *mark == value))
    }

    /// Whether a value is neither that, nor negative, nor no number.
    pub(super) fn is_plain(self, value: f32) -> bool {
        (0.0..self.limit).contains(&value) & OF_32_BITS.iter().all(|(mark, _)| *mark != value)
    }

    /// A number of fewer bits than the type has that marks the same pixels of every pattern, far
    /// above everything else: light varies, and falls off to the sides. Patterns for which
    /// `skipped` holds tell nothing.
    pub(super) fn copied(
        self,
        patterns: ArrayView3<'_, f32>,
        skipped: impl Fn(usize) -> bool,
    ) -> Option<f32> {
        let mut seen = (0..).zip(patterns.outer_iter()).filter(|(index, _)| !skipped(*index));
        let (_, first) = seen.next()?;
        let plain = |value: &&f32| self.is_plain(**value);
        let mark = first.iter().filter(plain).copied().fold(0.0, f32::max);
        if !OF_FEW_BITS.contains(&mark) || mark >= self.limit {
            return None;
        }
        let marked: Vec<bool> = first.iter().map(|&value| value == mark).collect();
        let mut patterns = 0;
        let alike = std::iter::once(first).chain(seen.map(|(_, pattern)| pattern)).all(|pattern| {
            patterns += 1;
            pattern.iter().zip(&marked).all(|(&value, &marked)| {
                if marked { value == mark } else { !self.is_plain(value) || value * ABOVE <= mark }
            })
        });
        (alike && patterns >= FEWEST).then_some(mark)
    }
}

/// A number as the file has it: marks as single precision has them would be read as typing
/// mistakes.
pub(super) fn written(value: f32) -> String {
    let known = OF_32_BITS.iter().chain(&OF_64_BITS).find(|(mark, _)| *mark == value);
    match known {
        Some((_, written)) => (*written).to_owned(),
        // Every digit of a large whole number.
        None if value.fract() == 0.0 && value.is_finite() => format!("{:.0}", f64::from(value)),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_were() {
        for (value, text) in [
            (i32::MAX as f32, "2147483647"),
            (i32::MIN as f32, "-2147483648"),
            (u32::MAX as f32, "4294967295"),
            (i64::MAX as f32, "9223372036854775807"),
            (u64::MAX as f32, "18446744073709551615"),
            (65535.0, "65535"),
            (-3.5, "-3.5"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(written(value), text);
        }
    }
}
