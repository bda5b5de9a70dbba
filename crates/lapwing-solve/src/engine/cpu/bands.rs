//! The bands of the object that the windows of a batch cover.
//!
//! Small batches touch a part of the object only, and work on all of it after every batch would
//! cost more than the batch. That part is kept as bands of [`BAND`] rows with one range of columns
//! each; the slices of a thick object lie one below the other.

use crate::Problem;
use lapwing_model::parallel::InParallel;
use std::ops::Range;

/// Object rows that one task works on.
pub(super) const BAND: usize = 16;

/// Number of bands for which a task of its own pays, for rows of `row` pixels: waking a thread
/// takes as long as some ten thousand pixels.
pub(super) fn bands_of_a_task(row: usize) -> usize {
    ((1 << 16) / (BAND * row)).max(1)
}

/// For every band of rows, the columns that some window covers.
#[derive(Debug, Clone)]
pub(super) struct Bands {
    width: usize,
    columns: Vec<Range<usize>>,
}

impl Bands {
    /// What the windows of `members` cover.
    pub fn of(problem: &Problem, members: &[usize]) -> Self {
        let (height, width) = problem.model.shape();
        let (rows, row) = problem.object.shape();
        let slices = problem.n_slices();
        let mut columns = vec![row..0; (slices * rows).div_ceil(BAND)];
        for (&pattern, slice) in members.iter().flat_map(|of| (0..slices).map(move |s| (of, s))) {
            let window = &problem.windows[pattern];
            let (top, left) = (slice * rows + window.row as usize, window.column as usize);
            for range in &mut columns[top / BAND..(top + height).div_ceil(BAND)] {
                *range = range.start.min(left)..range.end.max(left + width);
            }
        }
        Self { width: row, columns }
    }

    /// Every piece of a row of the object.
    pub fn whole(problem: &Problem) -> Self {
        let (rows, row) = problem.object.shape();
        Self { width: row, columns: vec![0..row; (problem.n_slices() * rows).div_ceil(BAND)] }
    }

    /// Calls `f` with pieces of rows of `changed`, on the object's grid, and where in it they lie.
    pub fn for_each<T: Send>(&self, changed: &mut [T], f: impl Fn(&mut [T], Range<usize>) + Sync) {
        let bands = changed.chunks_mut(BAND * self.width).zip(&self.columns).enumerate();
        let bands = bands.in_parallel().at_least(bands_of_a_task(self.width));
        bands.for_each(|(index, (changed, columns))| {
            if columns.is_empty() {
                return;
            }
            let rows = index * BAND..index * BAND + changed.len() / self.width;
            for (row, changed) in rows.zip(changed.chunks_exact_mut(self.width)) {
                let at = row * self.width + columns.start..row * self.width + columns.end;
                f(&mut changed[columns.clone()], at);
            }
        });
    }

    /// The columns that are covered in band `index`.
    pub fn columns(&self, index: usize) -> Range<usize> {
        self.columns[index].clone()
    }
}
