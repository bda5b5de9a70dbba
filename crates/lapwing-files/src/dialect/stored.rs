//! Patterns as they are stored: file, arrays, lengths, and what a dialect says of their numbers.

use crate::mask::Mask;
use crate::npy::DType;
use crate::options::{AxisOrder, Quantity, ZeroFrequency};
use crate::{Archive, Container, Problem};

/// The file that patterns are in.
#[derive(Clone, Copy)]
pub(super) enum StackFile<'a> {
    Archive(&'a Archive),
    Other(&'a Container),
}

impl<'a> From<&'a Container> for StackFile<'a> {
    fn from(file: &'a Container) -> Self {
        match file {
            Container::Npz(archive) => Self::Archive(archive),
            other => Self::Other(other),
        }
    }
}

/// What a dialect says about its patterns.
pub(super) struct Rules {
    /// The array's name, for messages.
    pub key: &'static str,
    /// What floating-point numbers are; `None` when only the user can know.
    pub floats: Option<Quantity>,
    /// What whole numbers are.
    pub integers: Quantity,
    pub zero_frequency: ZeroFrequency,
}

impl Rules {
    /// Of detectors: whole numbers are counts, others intensities, with the zero frequency in the
    /// centre.
    pub(super) const fn counts(key: &'static str) -> Self {
        Self {
            key,
            floats: Some(Quantity::Intensity),
            integers: Quantity::Counts,
            zero_frequency: ZeroFrequency::Centre,
        }
    }
}

/// Patterns in a file: an array of real numbers, or several one behind the other.
pub(super) struct Stored<'a> {
    pub file: StackFile<'a>,
    /// Their names in the file.
    pub names: &'a [&'a str],
    /// Lengths of the three axes of all of them together; axes of a raster are one.
    pub shape: [usize; 3],
    pub order: AxisOrder,
    /// Which pixels are good as a mask of the file has it.
    pub good: Option<&'a Mask>,
    /// Whether the others hold zero, whatever is in the file.
    pub blank_bad: bool,
    /// Indices of the patterns that are taken; `None` for all.
    pub kept: Option<&'a [usize]>,
    /// Places among the names of arrays that are not there, and how many patterns each would hold:
    /// zeros, which are left out later.
    pub absent: &'a [(usize, usize)],
    /// Whether lengths and order are those that the file has, whose first axis runs fastest.
    pub turned: bool,
    /// Lengths of the axes of an array that the file has in reverse, though its format knows
    /// nothing of that: the first one runs fastest.
    pub reversed: Option<&'a [usize]>,
}

impl<'a> Stored<'a> {
    /// Patterns of lengths (pattern, y, x) without a mask.
    pub(super) fn plain(
        file: impl Into<StackFile<'a>>,
        names: &'a [&'a str],
        shape: [usize; 3],
    ) -> Self {
        let (file, order) = (file.into(), AxisOrder::PatternFirst);
        Self {
            file,
            names,
            shape,
            order,
            good: None,
            blank_bad: false,
            kept: None,
            absent: &[],
            turned: false,
            reversed: None,
        }
    }
}

/// The problem with a dtype that cannot hold patterns.
pub(super) fn wrong_kind(key: &str, dtype: &DType) -> Option<Problem> {
    let real = dtype.is_float() || dtype.is_integer();
    (!real).then(|| Problem::new(key, "real numbers", dtype.to_string()))
}
