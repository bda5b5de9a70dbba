//! Patterns in an array that its file has with the first axis running fastest, as MATLAB, Fortran
//! and some writers of EMD have them.
//!
//! The bytes of such an array are those of one in C order with its axes in reverse, so it is read
//! like that, piece by piece: (H, W, n) is a stack (n, W, H), (n, H, W) one of (W, H, n). What is
//! left to do is to turn every pattern, and to bring those of a raster into its order.

use super::stored::{Rules, StackFile, Stored};
use super::values::picked;
use crate::npy::{self, DType};
use crate::options::AxisOrder;
use crate::patterns::{Patterns, Storage};
use crate::{Error, Problem};

/// How patterns lie in such an array.
pub(super) struct Turned {
    /// Lengths of the axes of the scan.
    scan: Vec<usize>,
    height: usize,
    width: usize,
    /// Order of the axes where they are not in reverse.
    order: AxisOrder,
    /// Whether all can be read at once into their places, in memory.
    at_once: bool,
}

impl Turned {
    /// Of an array that lies so; `None` for others.
    ///
    /// # Errors
    /// When its header cannot be read.
    pub(super) fn of(stored: &Stored<'_>) -> Result<Option<Self>, Error> {
        let &Stored { file, names, shape, order, absent, turned, .. } = stored;
        let ([name], [], false) = (names, absent, turned) else { return Ok(None) };
        let (axes, at_once) = match file {
            _ if stored.reversed.is_some() => (stored.reversed.map(<[usize]>::to_vec), false),
            StackFile::Archive(archive) => (npy::turned(&archive.header(name)?), true),
            StackFile::Other(file) => (file.turned(name)?, false),
        };
        let Some(axes) = axes else { return Ok(None) };
        let (front, back) = match order {
            AxisOrder::PatternFirst => axes.split_at(axes.len().saturating_sub(2)),
            AxisOrder::PatternLast => axes.split_at(axes.len().min(2)),
        };
        let (scan, pattern) = match order {
            AxisOrder::PatternFirst => (front, back),
            AxisOrder::PatternLast => (back, front),
        };
        let [height, width] = *pattern else { return Ok(None) };
        let n = scan.iter().try_fold(1_usize, |n, &length| n.checked_mul(length));
        let Some(n) = n else { return Ok(None) };
        let expected = match order {
            AxisOrder::PatternFirst => [n, height, width],
            AxisOrder::PatternLast => [height, width, n],
        };
        let (scan, fits) = (scan.to_vec(), shape == expected);
        Ok(fits.then_some(Self { scan, height, width, order, at_once }))
    }

    /// Whether this way takes less memory than to read all at once, which is faster.
    pub(super) fn pays(&self, wanted: Option<&[usize]>, storage: &Storage) -> bool {
        !self.at_once || wanted.is_some() || *storage != Storage::Memory
    }

    /// The place in the file of pattern `index` of the raster.
    fn in_file(&self, mut index: usize) -> usize {
        let mut step: usize = self.scan.iter().product();
        let axes = self.scan.iter().rev();
        axes.map(|&length| {
            step /= length.max(1);
            let along = index % length.max(1);
            index /= length.max(1);
            along * step
        })
        .sum()
    }

    /// The values of the patterns, those of the `wanted` indices where some are, axes (pattern, y,
    /// x), and what they are in the file.
    ///
    /// # Errors
    /// When they cannot be read or kept.
    pub(super) fn values(
        &self,
        stored: &Stored<'_>,
        wanted: Option<&[usize]>,
        rules: &Rules,
        storage: &Storage,
    ) -> Result<Result<(Patterns, DType), Problem>, Error> {
        let (height, width) = (self.height, self.width);
        let n: usize = self.scan.iter().product();
        let reversed = match self.order {
            AxisOrder::PatternFirst => {
                Stored { shape: [width, height, n], order: AxisOrder::PatternLast, ..*stored }
            }
            AxisOrder::PatternLast => {
                Stored { shape: [n, width, height], order: AxisOrder::PatternFirst, ..*stored }
            }
        };
        let reversed = Stored { turned: true, ..reversed };
        let places: Option<Vec<usize>> =
            wanted.map(|wanted| wanted.iter().map(|&index| self.in_file(index)).collect());
        let (mut values, dtype) = match picked(&reversed, places.as_deref(), rules, storage)? {
            Ok(read) => read,
            Err(problem) => return Ok(Err(problem)),
        };
        let is_raster = self.scan.iter().filter(|&&length| length != 1).count() > 1;
        if wanted.is_none() && is_raster {
            // There are as many, now that they have been read.
            values = values.select(&(0..n).map(|index| self.in_file(index)).collect::<Vec<_>>())?;
        }
        Ok(Ok((values.turned(), dtype)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_a_raster_lie_in_columns() {
        let of = |scan: &[usize]| Turned {
            scan: scan.to_vec(),
            height: 2,
            width: 2,
            order: AxisOrder::PatternLast,
            at_once: false,
        };
        // Rows of three: (0, 0), (0, 1), (0, 2), (1, 0), ...; the file has (0, 0), (1, 0), (0, 1).
        let raster = of(&[2, 3]);
        let places: Vec<usize> = (0..6).map(|index| raster.in_file(index)).collect();
        assert_eq!(places, [0, 2, 4, 1, 3, 5]);
        let line = of(&[1, 5]);
        assert!((0..5).all(|index| line.in_file(index) == index));
        let block = of(&[2, 2, 2]);
        let places: Vec<usize> = (0..8).map(|index| block.in_file(index)).collect();
        assert_eq!(places, [0, 4, 2, 6, 1, 5, 3, 7]);
    }
}
