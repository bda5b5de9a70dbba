//! Which pixels of the detector are good.

mod darken;
mod layers;
mod spool;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ndarray::{Array3, ArrayView3};

pub(crate) use layers::Layers;
pub(crate) use spool::MaskSpool;

use crate::npy::{Array, Values};
use crate::npz::Writer;
use crate::options::MaskGood;
use crate::patterns::Storage;
use crate::scratch::{Mapped, ScratchFile};
use crate::{Error, Problem};

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

/// Which pixels of the detector are good: one layer (y, x) for all patterns, or one for each, in
/// memory or, where the patterns are, in a scratch file. A clone shares them.
///
/// Of one layer it keeps the array that it was made of, so that what is written is what was read:
/// booleans (true where a pixel is good), or whole numbers as CXI has them (0 where a pixel is
/// good, and so is 0x1000 alone). A layer for each pattern is written as booleans.
#[derive(Debug, Clone)]
pub struct Mask {
    good: Layers,
    /// What was read, where that is one layer.
    stored: Option<Arc<Array>>,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.good.view() == other.good.view()
    }
}

impl Mask {
    /// A mask of shape (H, W), (1, H, W) or (n, H, W) for `n` patterns of shape `pattern`.
    ///
    /// # Errors
    /// When the array has another shape, holds neither booleans nor whole numbers, or is of whole
    /// numbers that call more than half of the pixels bad, which is most likely meant the other
    /// way round.
    pub fn new(stored: Array, n: usize, pattern: (usize, usize)) -> Result<Self, Problem> {
        Self::checked(stored, n, pattern).map_err(|found| refused(pattern, found))
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

    /// A mask of layers that this crate made, true where a pixel is good.
    pub(crate) fn of(good: impl Into<Layers>) -> Self {
        Self { good: good.into(), stored: None }
    }

    /// What is good in both, where one has a layer for each pattern or both have the same number.
    pub(crate) fn and(&self, other: &Self) -> Result<Self, Error> {
        self.good.merged(&other.good, |one, two| one & two).map(Self::of)
    }

    /// The mask of patterns whose zero frequency is moved from the corner to the centre.
    pub(crate) fn centred(&self) -> Result<Self, Error> {
        self.good.centred().map(Self::of)
    }

    /// The problem with the mask of a data set of `n` patterns of shape `pattern`, if there is one.
    pub(crate) fn problem(&self, n: usize, pattern: (usize, usize)) -> Option<Problem> {
        let (layers, height, width) = self.good.view().dim();
        let found = match (height, width) == pattern && (layers == 1 || layers == n) {
            false => format!("shape {:?}", self.good.view().shape()),
            true if !self.good.flags().contains(&true) => none_good(self.good.flags().len()),
            true => return None,
        };
        Some(refused(pattern, found))
    }

    /// A mask of an array in memory, or what is wrong with it.
    fn checked(stored: Array, n: usize, pattern: (usize, usize)) -> Result<Self, String> {
        let found = || format!("shape {:?}", stored.shape());
        let (layers, height, width) = match *stored.shape() {
            [height, width] => (1, height, width),
            [layers, height, width] => (layers, height, width),
            _ => return Err(found()),
        };
        let (flags, values) = match stored.values() {
            Values::Bool(flags) => (flags.clone(), None),
            _ => {
                let bits = stored.to_i64().map_err(|_| no_flags(&stored.dtype().to_string()))?;
                let values: BTreeSet<i64> = bits.iter().copied().collect();
                (bits.into_iter().map(is_good).collect(), Some(values.len()))
            }
        };
        judge(flags.iter().filter(|&&good| good).count(), flags.len(), values)?;
        if (height, width) != pattern || (layers != 1 && layers != n) {
            return Err(found());
        }
        let good = Array3::from_shape_vec((layers, height, width), flags)
            .expect("an array has as many values as its shape");
        let stored = (layers == 1).then(|| Arc::new(stored));
        Ok(Self { good: good.into(), stored })
    }

    /// Whether every pattern has a layer of its own.
    pub fn is_per_pattern(&self) -> bool {
        self.good.count() != 1
    }

    /// Which pixels are good, axes (1 or pattern, y, x).
    pub fn good(&self) -> ArrayView3<'_, bool> {
        self.good.view()
    }

    /// The array that it was made of, where that is one layer.
    pub fn array(&self) -> Option<&Array> {
        self.stored.as_deref()
    }

    /// Whether it is in memory, and not in a file.
    pub fn in_memory(&self) -> bool {
        self.storage() == Storage::Memory
    }

    /// Where it is kept.
    pub(crate) fn storage(&self) -> Storage {
        self.good.storage()
    }

    /// The mask as CXI has it: 0 where a pixel is good.
    pub(crate) fn bits(&self) -> Result<Bits<'_>, Error> {
        if let Some(Values::U32(bits)) = self.stored.as_ref().map(|stored| stored.values()) {
            return Ok(Bits::Memory(Cow::Borrowed(bits)));
        }
        let bits = |flags: &[bool]| flags.iter().map(|&good| u32::from(!good)).collect::<Vec<_>>();
        let Storage::Scratch(folder) = self.storage() else {
            return Ok(Bits::Memory(Cow::Owned(bits(self.good.flags()))));
        };
        let spooled = || -> io::Result<Mapped> {
            let mut file = ScratchFile::new_in(&folder)?;
            for flags in self.good.flags().chunks(1 << 20) {
                file.append(bytemuck::cast_slice(&bits(flags)))?;
            }
            file.finish()
        };
        spooled().map(Bits::File).map_err(|source| {
            let bytes = (self.good.flags().len() as u64).saturating_mul(4);
            Error::Scratch { folder: folder.clone(), bytes, source }
        })
    }

    /// Adds the mask to an archive, as it was read or as booleans.
    pub(crate) fn write(&self, npz: &mut Writer<'_>) -> io::Result<()> {
        match &self.stored {
            Some(stored) => npz.array(KEY, stored),
            None => npz.values(KEY, self.good.view().shape(), self.good.flags()),
        }
    }

    /// The mask of the patterns at `indices`, kept where this one is.
    ///
    /// # Errors
    /// [`Error::Scratch`] when there is no room for it.
    ///
    /// # Panics
    /// When there is a layer for each pattern and an index is beyond them.
    pub(crate) fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        if !self.is_per_pattern() {
            return Ok(self.clone());
        }
        self.good.select(indices).map(Self::of)
    }
}

/// The numbers of a mask as CXI has it, in memory or in a scratch file.
pub(crate) enum Bits<'a> {
    Memory(Cow<'a, [u32]>),
    File(Mapped),
}

impl AsRef<[u32]> for Bits<'_> {
    fn as_ref(&self) -> &[u32] {
        match self {
            Self::Memory(bits) => bits,
            Self::File(bytes) if bytes.as_ref().is_empty() => &[],
            Self::File(bytes) => bytemuck::cast_slice(bytes.as_ref()),
        }
    }
}

/// Whether `left` good pixels of `all` can be meant; `values` are the different numbers of a mask
/// that is not of booleans.
fn judge(left: usize, all: usize, values: Option<usize>) -> Result<(), String> {
    match values {
        Some(values) if values > MOST_VALUES => Err(format!(
            "{values} different numbers, which look like counts: say which number is good \
             (--mask-good-is 0 or 1) if it is a mask"
        )),
        Some(_) if 2 * left < all => Err(format!(
            "{left} good of {all}, which looks the other way round: say which number is good \
             (--mask-good-is 1, or 0 if so few are meant)"
        )),
        _ if left == 0 => Err(none_good(all)),
        _ => Ok(()),
    }
}

fn none_good(all: usize) -> String {
    format!("no good pixel of {all}: say which number is good (--mask-good-is 0 or 1)")
}

fn no_flags(dtype: &str) -> String {
    format!("{dtype}: save booleans, or say which number is good (--mask-good-is 0 or 1)")
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
        assert_eq!(flags.bits().unwrap().as_ref(), [0, 0, 1, 0, 0, 1]);
        assert!(!bits.is_per_pattern());
        // Two rows are no two patterns.
        assert_eq!(flags.select(&[1, 0]).unwrap(), flags);
    }

    #[test]
    fn layers_follow_their_patterns() {
        let mask = Mask::new(numbers(&[2, 1, 2], vec![0, 1, 0, 0]), 2, (1, 2)).unwrap();
        assert!(mask.is_per_pattern());
        let turned: Vec<bool> = mask.select(&[1, 0, 0]).unwrap().good().iter().copied().collect();
        assert_eq!(turned, [true, true, true, false, true, false]);
    }

    #[test]
    fn what_is_said_decides_which_number_is_good() {
        let few = |good| {
            let mask = Mask::told(numbers(&[2, 2], vec![1, 0, 0, 0]), 5, (2, 2), good);
            mask.map(|mask| mask.good().into_iter().filter(|&&good| good).count())
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
