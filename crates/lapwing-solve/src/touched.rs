//! The part of the object that the windows of a batch cover.
//!
//! Small batches touch a part of the object only, and what is done to all of it after every batch would cost more than the
//! batch. The part is kept as bands of [`BAND`] rows with one range of columns each.

use crate::Problem;
use lapwing_model::Complex32;
use rayon::prelude::*;
use std::ops::Range;

/// Object rows that one task works on.
pub(crate) const BAND: usize = 16;

/// For every band of rows, the columns that some window covers.
pub(crate) struct Touched {
    width: usize,
    columns: Vec<Range<usize>>,
}

impl Touched {
    /// What the windows of `members` cover.
    pub fn by(problem: &Problem, members: &[usize]) -> Self {
        let (height, width) = problem.model.shape();
        let (rows, row) = problem.object.dim();
        let mut columns = vec![row..0; rows.div_ceil(BAND)];
        for &pattern in members {
            let window = &problem.windows[pattern];
            let (top, left) = (window.row as usize, window.column as usize);
            for range in &mut columns[top / BAND..(top + height).div_ceil(BAND)] {
                *range = range.start.min(left)..range.end.max(left + width);
            }
        }
        Self { width: row, columns }
    }

    /// Every piece of a row of the object.
    pub fn everything(problem: &Problem) -> Self {
        let (rows, row) = problem.object.dim();
        Self { width: row, columns: vec![0..row; rows.div_ceil(BAND)] }
    }

    /// Calls `f` with corresponding pieces of rows of two fields and of two maps on the object's grid.
    pub fn for_each(
        &self,
        changed: &mut [Complex32],
        read: &[Complex32],
        map: &[f32],
        f: impl Fn(&mut [Complex32], &[Complex32], &[f32]) + Sync,
    ) {
        let band = BAND * self.width;
        changed.par_chunks_mut(band).zip(&self.columns).enumerate().for_each(
            |(index, (changed, columns))| {
                if columns.is_empty() {
                    return;
                }
                let rows = index * BAND..index * BAND + changed.len() / self.width;
                for (row, changed) in rows.zip(changed.chunks_exact_mut(self.width)) {
                    let at = row * self.width + columns.start..row * self.width + columns.end;
                    f(&mut changed[columns.clone()], &read[at.clone()], &map[at]);
                }
            },
        );
    }

    /// The columns that are covered in band `index`.
    pub fn columns(&self, index: usize) -> Range<usize> {
        self.columns[index].clone()
    }
}
