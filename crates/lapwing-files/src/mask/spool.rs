//! A mask that is read piece by piece.

use std::collections::BTreeSet;

use super::layers::storage_of;
use super::{MOST_VALUES, Mask, is_good, judge, no_flags, refused};
use crate::npy::DType;
use crate::options::MaskGood;
use crate::patterns::Storage;
use crate::spool::Spool;
use crate::{Error, Problem};

/// A mask of a layer for each pattern whose numbers come one after the other: what
/// [`Mask::told`] makes of them, in a scratch file.
pub(crate) struct MaskSpool {
    layers: Spool<bool>,
    pattern: (usize, usize),
    /// The first type of its numbers that is not `bool`.
    dtype: Option<DType>,
    meant: Option<MaskGood>,
    /// The different numbers, no more of them than decide it.
    values: BTreeSet<i64>,
    /// Whether there was a number that is not whole.
    broken: bool,
    left: usize,
    all: usize,
    flags: Vec<bool>,
}

impl MaskSpool {
    /// For the layers of `n` patterns of shape `pattern`; the user may have said which number is
    /// `meant` to be good.
    pub(crate) fn new(
        storage: &Storage,
        (n, pattern): (usize, (usize, usize)),
        meant: Option<MaskGood>,
    ) -> Result<Self, Error> {
        let layers = Spool::new((n, pattern.0, pattern.1), storage_of(n, storage))?;
        let (dtype, values, flags) = (None, BTreeSet::new(), Vec::new());
        Ok(Self { layers, pattern, dtype, meant, values, broken: false, left: 0, all: 0, flags })
    }

    /// Adds numbers, of a type in the file, behind those there are.
    pub(crate) fn append(&mut self, dtype: &DType, numbers: &[f32]) -> Result<(), Error> {
        let mut flags = std::mem::take(&mut self.flags);
        flags.clear();
        match (self.meant, *dtype == DType::Bool) {
            (None, true) => flags.extend(numbers.iter().map(|&number| number != 0.0)),
            (None, false) => {
                self.dtype.get_or_insert_with(|| dtype.clone());
                let mut last = None;
                for &number in numbers {
                    self.broken |= number.fract() != 0.0;
                    let bits = number as i64;
                    if last != Some(bits) && self.values.len() <= MOST_VALUES {
                        self.values.insert(bits);
                        last = Some(bits);
                    }
                    flags.push(is_good(bits));
                }
            }
            (Some(meant), _) => {
                let good = |&number: &f32| (number == 0.0) == (meant == MaskGood::Zero);
                flags.extend(numbers.iter().map(good));
            }
        }
        self.left += flags.iter().filter(|&&good| good).count();
        self.all += flags.len();
        self.layers.append(&flags)?;
        self.flags = flags;
        Ok(())
    }

    /// The mask, or what is wrong with it.
    ///
    /// # Panics
    /// When other than all of its numbers were given.
    pub(crate) fn finish(self) -> Result<Result<Mask, Problem>, Error> {
        let refused = |found| Ok(Err(refused(self.pattern, found)));
        if let Some(dtype) = self.dtype.as_ref().filter(|_| self.broken) {
            return refused(no_flags(&dtype.to_string()));
        }
        let values = self.dtype.as_ref().map(|_| self.values.len());
        if let Err(found) = judge(self.left, self.all, values) {
            return refused(found);
        }
        Ok(Ok(Mask::of(self.layers.layers()?)))
    }
}
