//! Which pixels of the detector are good.

use std::collections::BTreeSet;

use ndarray::{Array3, Axis};

use crate::Problem;
use crate::npy::{Array, NpyError, Values};
use crate::options::MaskGood;

/// Name of the array that carries the mask in a NumPy archive.
pub const KEY: &str = "mask";

/// The one bit of a CXI mask that does not make a pixel bad.
const STILL_GOOD: i64 = 0x1000;

/// Different numbers that the bits of a mask have at most.
const MOST_VALUES: usize = 32;

/// Whether the bits that CXI has for a pixel let it be used.
pub(crate) fn is_good(bits: i64) -> bool {
    bits & !STILL_GOOD == 0
}

/// Which pixels of the detector are good: one layer (y, x) for all patterns, or one for each.
///
/// It keeps the array that it was made of, so that what is written is what was read: booleans (true
/// where a pixel is good), or whole numbers as CXI has them (0 where a pixel is good, and so is
/// 0x1000 alone).
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    stored: Array,
}

impl Mask {
    /// A mask of shape (H, W), (1, H, W) or (n, H, W) for `n` patterns of shape `pattern`.
    ///
    /// # Errors
    /// When the array has another shape, holds neither booleans nor whole numbers, or is of whole
    /// numbers that call more than half of the pixels bad, which is most likely meant the other
    /// way round.
    pub fn new(stored: Array, n: usize, pattern: (usize, usize)) -> Result<Self, Problem> {
        let mask = Self { stored };
        let Err(found) = mask.fits(n, pattern) else { return Ok(mask) };
        Err(refused(pattern, found))
    }

    /// A mask of booleans that this crate made, (layer, y, x).
    pub(crate) fn made(stored: Array) -> Self {
        Self { stored }
    }

    /// [`new`](Self::new), where the user may have said which number is good: then any real numbers
    /// will do, and they may leave as few pixels as they like.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn told(
        stored: Array,
        n: usize,
        pattern: (usize, usize),
        good: Option<MaskGood>,
    ) -> Result<Self, Problem> {
        let Some(good) = good else { return Self::new(stored, n, pattern) };
        let shape = stored.shape().to_vec();
        let numbers = match stored.values() {
            Values::Bool(flags) => {
                Ok(flags.iter().map(|&flag| f64::from(u8::from(flag))).collect())
            }
            _ => stored.to_f64(),
        };
        let flags = numbers.map(|numbers: Vec<f64>| {
            numbers.into_iter().map(|number| (number == 0.0) == (good == MaskGood::Zero)).collect()
        });
        let flags: Vec<bool> = flags.map_err(|error| refused(pattern, error.to_string()))?;
        let stored = Array::new(shape, Values::Bool(flags));
        Self::new(stored.map_err(|error| refused(pattern, error.to_string()))?, n, pattern)
    }

    /// A mask of booleans, axes (1 or pattern, y, x), true where a pixel is good.
    pub(crate) fn of(good: &Array3<bool>) -> Self {
        let shape = good.shape().to_vec();
        let flags = Values::Bool(good.iter().copied().collect());
        Self { stored: Array::new(shape, flags).expect("one flag for each pixel of the shape") }
    }

    /// What is good in both, where one has a layer for each pattern or both have the same number.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let (one, two) = (self.good(), other.good());
        let (mut long, short) =
            if one.len_of(Axis(0)) >= two.len_of(Axis(0)) { (one, two) } else { (two, one) };
        for (index, mut layer) in long.outer_iter_mut().enumerate() {
            let other = short.index_axis(Axis(0), index.min(short.len_of(Axis(0)) - 1));
            layer.zip_mut_with(&other, |good, &other| *good &= other);
        }
        Self::of(&long)
    }

    /// The problem with the mask of a data set of `n` patterns of shape `pattern`, if there is one.
    pub(crate) fn problem(&self, n: usize, pattern: (usize, usize)) -> Option<Problem> {
        self.fits(n, pattern).err().map(|found| refused(pattern, found))
    }

    fn fits(&self, n: usize, pattern: (usize, usize)) -> Result<(), String> {
        let found = || format!("shape {:?}", self.stored.shape());
        let (layers, height, width) = match *self.stored.shape() {
            [height, width] => (1, height, width),
            [layers, height, width] => (layers, height, width),
            _ => return Err(found()),
        };
        let good = self.flags().map_err(|_| {
            format!(
                "{}: save booleans, or say which number is good (--mask-good-is 0 or 1)",
                self.stored.dtype()
            )
        })?;
        let left = good.iter().filter(|&&good| good).count();
        let booleans = matches!(self.stored.values(), Values::Bool(_));
        if !booleans && self.n_values() > MOST_VALUES {
            return Err(format!(
                "{} different numbers, which look like counts: say which number is good \
                 (--mask-good-is 0 or 1) if it is a mask",
                self.n_values()
            ));
        }
        if 2 * left < good.len() && !booleans {
            return Err(format!(
                "{left} good of {}, which looks the other way round: say which number is good \
                 (--mask-good-is 1, or 0 if so few are meant)",
                good.len()
            ));
        }
        if left == 0 {
            return Err(format!(
                "no good pixel of {}: say which number is good (--mask-good-is 0 or 1)",
                good.len()
            ));
        }
        match (height, width) == pattern && (layers == 1 || layers == n) {
            true => Ok(()),
            false => Err(found()),
        }
    }

    /// How many different whole numbers it holds.
    fn n_values(&self) -> usize {
        self.stored.to_i64().map_or(0, |bits| bits.into_iter().collect::<BTreeSet<_>>().len())
    }

    fn flags(&self) -> Result<Vec<bool>, NpyError> {
        if let Values::Bool(flags) = self.stored.values() {
            return Ok(flags.clone());
        }
        let bits = self.stored.to_i64()?;
        Ok(bits.into_iter().map(is_good).collect())
    }

    /// Number of layers and their shape, (layer, y, x).
    fn shape(&self) -> (usize, usize, usize) {
        match *self.stored.shape() {
            [height, width] => (1, height, width),
            [layers, height, width] => (layers, height, width),
            _ => unreachable!("a mask has two or three axes: checked when it was made"),
        }
    }

    /// Whether every pattern has a layer of its own.
    pub fn is_per_pattern(&self) -> bool {
        self.shape().0 != 1
    }

    /// Which pixels are good, axes (1 or pattern, y, x).
    pub fn good(&self) -> Array3<bool> {
        let flags =
            self.flags().expect("a mask is of booleans or whole numbers: checked when made");
        Array3::from_shape_vec(self.shape(), flags)
            .expect("an array has as many values as its shape")
    }

    /// The mask as CXI has it: 0 where a pixel is good.
    pub(crate) fn bits(&self) -> Vec<u32> {
        match self.stored.values() {
            Values::Bool(flags) => flags.iter().map(|&good| u32::from(!good)).collect(),
            Values::U32(bits) => bits.clone(),
            _ => self.good().iter().map(|&good| u32::from(!good)).collect(),
        }
    }

    /// The array that it is stored as.
    pub fn array(&self) -> &Array {
        &self.stored
    }

    /// The mask of the patterns at `indices`.
    ///
    /// # Panics
    /// When there is a layer for each pattern and an index is beyond them.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        match self.is_per_pattern() {
            true => Self {
                stored: self.stored.select(indices).expect("every pattern has a layer: checked"),
            },
            false => self.clone(),
        }
    }
}

fn refused((height, width): (usize, usize), found: String) -> Problem {
    let expected = format!(
        "booleans (true where a pixel is good) or whole numbers (0 where it is, as in CXI) of shape \
         ({height}, {width}) or (n, {height}, {width})"
    );
    Problem::new(KEY, expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize], bits: Vec<u32>) -> Array {
        Array::new(shape.to_vec(), Values::U32(bits)).unwrap()
    }

    #[test]
    fn bits_and_booleans_say_the_same() {
        let bits = Mask::new(numbers(&[1, 2, 3], vec![0, 0x1000, 2, 0, 0, 0x1001]), 5, (2, 3));
        let flags = Values::Bool(vec![true, true, false, true, true, false]);
        let flags = Mask::new(Array::new(vec![2, 3], flags).unwrap(), 5, (2, 3));
        let (bits, flags) = (bits.unwrap(), flags.unwrap());
        assert_eq!(bits.good(), flags.good());
        assert_eq!(flags.bits(), [0, 0, 1, 0, 0, 1]);
        assert!(!bits.is_per_pattern());
        // Two rows are no two patterns.
        assert_eq!(flags.select(&[1, 0]), flags);
    }

    #[test]
    fn layers_follow_their_patterns() {
        let mask = Mask::new(numbers(&[2, 1, 2], vec![0, 1, 0, 0]), 2, (1, 2)).unwrap();
        assert!(mask.is_per_pattern());
        let turned: Vec<bool> = mask.select(&[1, 0, 0]).good().into_iter().collect();
        assert_eq!(turned, [true, true, true, false, true, false]);
    }

    #[test]
    fn what_is_said_decides_which_number_is_good() {
        let few = |good| {
            let mask = Mask::told(numbers(&[2, 2], vec![1, 0, 0, 0]), 5, (2, 2), good);
            mask.map(|mask| mask.good().into_iter().filter(|&good| good).count())
        };
        assert_eq!(
            (few(None), few(Some(MaskGood::Zero)), few(Some(MaskGood::One))),
            (Ok(3), Ok(3), Ok(1))
        );
        let floats = || Array::from(vec![0.0, 1.0, 1.0, 1.0]).reshape(vec![2, 2]).unwrap();
        let refused = Mask::told(floats(), 5, (2, 2), None).unwrap_err();
        assert!(refused.found.contains("--mask-good-is"), "{refused}");
        let mask = Mask::told(floats(), 5, (2, 2), Some(MaskGood::One)).unwrap();
        assert_eq!(mask.good().iter().filter(|&&good| good).count(), 3);
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        let wrong = [
            (numbers(&[4], vec![0; 4]), "shape [4]"),
            (numbers(&[2, 3], vec![0; 6]), "shape [2, 3]"),
            (numbers(&[3, 2, 2], vec![0; 12]), "shape [3, 2, 2]"),
            (numbers(&[2, 2], vec![1, 1, 1, 0]), "1 good of 4"),
            (numbers(&[10, 10], (0..100).collect()), "100 different numbers"),
            (Array::from(vec![0.5, 1.0]).reshape(vec![1, 2]).unwrap(), "0.5"),
        ];
        for (array, part) in wrong {
            let shape = if array.shape() == [10, 10] { (10, 10) } else { (2, 2) };
            let problem = Mask::new(array, 5, shape).unwrap_err();
            assert_eq!(problem.key, "mask");
            assert!(problem.found.contains(part) || part == "0.5", "{problem}");
        }
    }
}
