//! Chunks of an array that its file does not have: they are read as the array's fill value, as if
//! it had been measured.

use crate::options::AxisOrder;

/// Chunks of an array at most.
const MOST: usize = 1 << 24;

/// Chunks that are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holes {
    shape: Vec<usize>,
    chunk: Vec<usize>,
    /// Chunks along each axis.
    grid: Vec<usize>,
    /// Which are missing, in C order.
    missing: Vec<bool>,
}

/// Patterns that lie in missing chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Those of which nothing is there.
    pub whole: Vec<usize>,
    /// Those of which a part is there.
    pub partly: Vec<usize>,
}

impl Holes {
    /// Of an array of `shape` in chunks of lengths `chunk`; `is_there` says it of a chunk by its
    /// place in C order. `None` where all are there, and for what has no such chunks.
    pub(crate) fn of(
        shape: &[usize],
        chunk: &[usize],
        is_there: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        if shape.len() != chunk.len() || chunk.contains(&0) {
            return None;
        }
        let grid: Vec<usize> =
            shape.iter().zip(chunk).map(|(length, chunk)| length.div_ceil(*chunk)).collect();
        let all = grid.iter().fold(1_usize, |all, &length| all.saturating_mul(length));
        if all > MOST {
            return None;
        }
        let missing: Vec<bool> = (0..all).map(|place| !is_there(place)).collect();
        let (shape, chunk) = (shape.to_vec(), chunk.to_vec());
        missing.contains(&true).then_some(Self { shape, chunk, grid, missing })
    }

    /// How many chunks are missing, and how many there should be.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.missing.iter().filter(|&&missing| missing).count(), self.missing.len())
    }

    /// The patterns in them: the first axes of the array count these, or the last, and two others
    /// their pixels.
    pub(crate) fn patterns(&self, order: AxisOrder) -> Missing {
        let axes = self.shape.len();
        let Some(counting) = axes.checked_sub(2).filter(|&counting| counting > 0) else {
            return Missing::default();
        };
        let of_scan = match order {
            AxisOrder::PatternFirst => 0..counting,
            AxisOrder::PatternLast => axes - counting..axes,
        };
        let lengths = &self.grid[of_scan.clone()];
        // Missing chunks for each place along the axes that count.
        let mut missing = vec![0_usize; lengths.iter().product()];
        for place in (0..self.missing.len()).filter(|&place| self.missing[place]) {
            let (mut rest, mut at, mut stride) = (place, 0, 1);
            for axis in (0..axes).rev() {
                let index = rest % self.grid[axis];
                rest /= self.grid[axis];
                if of_scan.contains(&axis) {
                    at += index * stride;
                    stride *= self.grid[axis];
                }
            }
            missing[at] += 1;
        }
        let each = self.missing.len() / missing.len().max(1);
        let scan = &self.shape[of_scan.clone()];
        let chunks = &self.chunk[of_scan];
        let mut found = Missing::default();
        for pattern in 0..scan.iter().product() {
            let (mut rest, mut at, mut stride) = (pattern, 0, 1);
            for axis in (0..counting).rev() {
                at += rest % scan[axis] / chunks[axis] * stride;
                rest /= scan[axis];
                stride *= lengths[axis];
            }
            match missing[at] {
                0 => {}
                all if all == each => found.whole.push(pattern),
                _ => found.partly.push(pattern),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_whose_chunks_are_missing() {
        // 3 x 2 patterns of 4 x 6 pixels in chunks of (2, 2, 4, 3): a grid of 2 x 1 x 1 x 2.
        let of = |missing: &[usize]| {
            Holes::of(&[3, 2, 4, 6], &[2, 2, 4, 3], |place| !missing.contains(&place))
        };
        assert_eq!(of(&[]), None);
        let one = of(&[1]).unwrap();
        assert_eq!(one.count(), (1, 4));
        let partly = Missing { whole: vec![], partly: vec![0, 1, 2, 3] };
        assert_eq!(one.patterns(AxisOrder::PatternFirst), partly);
        let last = of(&[2, 3]).unwrap().patterns(AxisOrder::PatternFirst);
        assert_eq!(last, Missing { whole: vec![4, 5], partly: vec![] });
        // 2 x 3 pixels, 5 patterns, in chunks of two patterns.
        let stack = Holes::of(&[2, 3, 5], &[2, 3, 2], |place| place != 1).unwrap();
        let missing = Missing { whole: vec![2, 3], partly: vec![] };
        assert_eq!(stack.patterns(AxisOrder::PatternLast), missing);
        assert_eq!(Holes::of(&[3], &[0], |_| false), None);
    }
}
