//! The chunks of a dataset as a grid, and where each is in the file.

/// Where a chunk is, how many bytes it has there, and the filters that were left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub at: u64,
    pub length: u64,
    pub left_out: u32,
}

/// The grid that chunks make of a dataset.
#[derive(Debug, Clone)]
pub(in super::super) struct Grid {
    shape: Vec<usize>,
    chunk: Vec<usize>,
    /// Chunks along each axis of the shape at most; now, along that which grows without end.
    most: Vec<u64>,
    /// The axis along which arrays of chunks count slowest: that which grows without end, or else
    /// the first.
    slowest: usize,
}

impl Grid {
    /// The grid of chunks of these lengths in a dataset that can grow up to `limits` (`None`:
    /// without end); `None` where they disagree.
    pub(in super::super) fn new(
        shape: &[usize],
        limits: &[Option<usize>],
        chunk: &[usize],
    ) -> Option<Self> {
        let axes = shape.len();
        if axes == 0 || chunk.len() != axes || limits.len() != axes || chunk.contains(&0) {
            return None;
        }
        let lengths = shape.iter().zip(limits).map(|(&now, limit)| limit.unwrap_or(now).max(now));
        let most = lengths.zip(chunk).map(|(length, chunk)| length.div_ceil(*chunk) as u64);
        Some(Self {
            most: most.collect(),
            slowest: limits.iter().position(Option::is_none).unwrap_or(0),
            shape: shape.to_owned(),
            chunk: chunk.to_owned(),
        })
    }

    /// Number of axes.
    pub(super) fn axes(&self) -> usize {
        self.shape.len()
    }

    /// Lengths of a chunk.
    pub(super) fn chunk(&self) -> &[usize] {
        &self.chunk
    }

    /// The place of a chunk, in C order, among those that the shape has now; `None` outside.
    pub(super) fn number(&self, at: &[u64]) -> Option<usize> {
        if at.len() != self.axes() {
            return None;
        }
        let mut number = 0_usize;
        for ((&at, &length), &chunk) in at.iter().zip(&self.shape).zip(&self.chunk) {
            let chunks = length.div_ceil(chunk);
            let at = usize::try_from(at).ok().filter(|&at| at < chunks)?;
            number = number.checked_mul(chunks)?.checked_add(at)?;
        }
        Some(number)
    }

    /// Coordinates of what an array of chunks has at this place: it counts through the largest grid
    /// that there may ever be. `None` where that has no end to count to.
    pub(super) fn of_slot(&self, slot: u64) -> Option<Vec<u64>> {
        let mut at = vec![0; self.axes()];
        let mut rest = slot;
        for axis in (0..self.axes()).rev().filter(|&axis| axis != self.slowest) {
            at[axis] = rest.checked_rem(self.most[axis])?;
            rest /= self.most[axis];
        }
        at[self.slowest] = rest;
        Some(at)
    }

    /// Whether a chunk reaches beyond the shape.
    pub(super) fn is_edge(&self, at: &[usize]) -> bool {
        let ends = at.iter().zip(&self.chunk).map(|(at, chunk)| (at + 1).saturating_mul(*chunk));
        ends.zip(&self.shape).any(|(end, &length)| end > length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_count_slowest_along_the_axis_that_grows() {
        // 2 x 3 chunks now, 4 x 3 at most.
        let grid = Grid::new(&[4, 7], &[Some(8), Some(7)], &[2, 3]).unwrap();
        assert_eq!(grid.of_slot(5), Some(vec![1, 2]));
        assert_eq!(grid.number(&[1, 2]), Some(5));
        assert_eq!(grid.number(&[2, 0]), None);
        assert!(grid.is_edge(&[0, 2]) && !grid.is_edge(&[1, 1]));
        // The second axis grows: slots go through the first, of four chunks at most, fastest.
        let grid = Grid::new(&[4, 7], &[Some(8), None], &[2, 3]).unwrap();
        assert_eq!(grid.of_slot(5), Some(vec![1, 1]));
        assert!(Grid::new(&[4], &[None], &[0]).is_none());
        assert!(Grid::new(&[4], &[None, None], &[1]).is_none());
    }
}
