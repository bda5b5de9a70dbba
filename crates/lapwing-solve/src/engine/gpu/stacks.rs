//! How what belongs to single patterns is spread over arrays of the card: in several where one
//! would be too large, or a part at a time.

/// Bytes of a slab, at most.
const LARGEST_SLAB: u64 = 1 << 28;

/// All patterns, or their waves, over arrays.
pub(super) struct Split {
    /// Patterns of every array but the last.
    each: usize,
    /// Bytes of every array.
    pub lengths: Vec<u64>,
}

impl Split {
    /// `patterns` of `of_one` bytes each, in arrays of up to `most` bytes.
    pub fn new(patterns: usize, of_one: u64, most: u64) -> Self {
        // Four patterns are whole words whatever their size.
        let each = ((most / of_one) / 4 * 4).max(4) as usize;
        let lengths = (0..patterns)
            .step_by(each)
            .map(|first| (each.min(patterns - first) as u64 * of_one).next_multiple_of(4));
        Self { each, lengths: lengths.collect() }
    }

    /// The array of a pattern, and its number there.
    pub fn of(&self, pattern: usize) -> (usize, usize) {
        (pattern / self.each, pattern % self.each)
    }

    /// Patterns of every array but the last.
    pub fn each(&self) -> usize {
        self.each
    }
}

/// Members of a batch that are in one array, next to each other in the order of arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub array: usize,
    pub first: usize,
    pub count: usize,
    /// Number of the first in a slab; 0 where all patterns are on the card.
    pub at: usize,
}

impl Run {
    /// The order of members that are in these arrays, and the runs in this order.
    pub fn sort(arrays: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<Self>) {
        let arrays: Vec<usize> = arrays.collect();
        let mut order: Vec<usize> = (0..arrays.len()).collect();
        order.sort_by_key(|&member| arrays[member]);
        let mut runs: Vec<Self> = Vec::new();
        for (first, &member) in order.iter().enumerate() {
            match runs.last_mut() {
                Some(run) if run.array == arrays[member] => run.count += 1,
                _ => runs.push(Self { array: arrays[member], first, count: 1, at: 0 }),
            }
        }
        (order, runs)
    }
}

/// Two slabs that patterns are brought to in turn, batch behind batch, where the card does not hold
/// all: while one is in use the other one is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slabs {
    /// Patterns of a slab.
    patterns: usize,
    present: usize,
    filled: usize,
}

impl Slabs {
    /// Of `bytes_free` bytes together, at most, for patterns of `of_one` bytes, in arrays of up to
    /// `most` bytes; `None` where that is not enough.
    pub fn new(bytes_free: u64, of_one: u64, most: u64) -> Option<Self> {
        let bytes = (bytes_free / 2).min(most).min(LARGEST_SLAB);
        let patterns = (bytes / of_one / 4 * 4) as usize;
        // The first patterns go to slab 0.
        (patterns > 0).then_some(Self { patterns, present: 1, filled: patterns })
    }

    /// Bytes of each.
    pub fn lengths(&self, of_one: u64) -> Vec<u64> {
        vec![self.patterns as u64 * of_one; 2]
    }

    /// Where the next `count` patterns go; a run that begins at 0 overwrites its slab.
    pub fn next(&mut self, count: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut first = 0;
        while first < count {
            if self.filled + (count - first).min(self.patterns) > self.patterns {
                (self.present, self.filled) = (1 - self.present, 0);
            }
            let some = (count - first).min(self.patterns);
            runs.push(Run { array: self.present, first, count: some, at: self.filled });
            // Every run begins with a whole word.
            self.filled += some.next_multiple_of(4);
            first += some;
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_one_array_are_one_run() {
        let run = |array, first, count| Run { array, first, count, at: 0 };
        let (order, runs) = Run::sort([2, 3, 2, 0].into_iter());
        assert_eq!(
            (order, runs),
            (vec![3, 0, 2, 1], vec![run(0, 0, 1), run(2, 1, 2), run(3, 3, 1)])
        );
        let split = Split::new(11, 6, 30);
        assert_eq!((split.of(9), split.lengths), ((2, 1), vec![24, 24, 20]));
    }

    #[test]
    fn slabs_are_filled_in_turn_and_no_pattern_is_written_over_in_its_batch_by_the_next_run() {
        assert_eq!(Slabs::new(79, 10, 1 << 20), None);
        let mut slabs = Slabs::new(250, 10, 1 << 20).unwrap();
        assert_eq!(slabs.lengths(10), [120, 120]);
        let run = |array, first, count, at| Run { array, first, count, at };
        assert_eq!(slabs.next(5), [run(0, 0, 5, 0)]);
        assert_eq!(slabs.next(4), [run(0, 0, 4, 8)]);
        assert_eq!(slabs.next(2), [run(1, 0, 2, 0)]);
        let large = [run(0, 0, 12, 0), run(1, 12, 12, 0), run(0, 24, 3, 0)];
        assert_eq!(slabs.next(27), large);
        assert_eq!(slabs.next(8), [run(0, 0, 8, 4)]);
    }
}
