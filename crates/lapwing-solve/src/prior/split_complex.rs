//! Complex fields as two real ones, for stencils and sums over all of a field.
//!
//! Every row of the field is a row of real parts followed by one of imaginary parts, so that
//! neighbours of a number are neighbours in memory and loops over them run on whole vectors.

use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, elementwise};

/// Rows that one task works on.
pub(crate) const ROWS: usize = 16;

/// Two real fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SplitComplex {
    width: usize,
    values: Vec<f32>,
}

impl SplitComplex {
    /// Those of `field`, whose rows have `width` pixels.
    pub fn of(field: &[Complex32], width: usize) -> Self {
        let mut planes = Self::default();
        planes.resize(field.len(), width);
        planes.read_from(field);
        planes
    }

    /// Makes room for fields of `len` pixels in rows of `width`; what they hold is left as it is.
    pub fn resize(&mut self, len: usize, width: usize) {
        self.width = width;
        self.values.resize(2 * len, 0.0);
    }

    /// Takes `field` apart.
    pub fn read_from(&mut self, field: &[Complex32]) {
        let width = self.width;
        let tasks = self.values.chunks_mut(2 * width * ROWS).zip(field.chunks(width * ROWS));
        tasks.in_parallel().for_each(|(planes, field)| {
            for (planes, field) in planes.chunks_exact_mut(2 * width).zip(field.chunks_exact(width))
            {
                let (re, im) = planes.split_at_mut(width);
                elementwise::take_apart(field, re, im);
            }
        });
    }

    /// Puts them together again.
    pub fn write_to(&self, field: &mut [Complex32]) {
        let width = self.width;
        let tasks = field.chunks_mut(width * ROWS).zip(self.values.chunks(2 * width * ROWS));
        tasks.in_parallel().for_each(|(field, planes)| {
            for (field, planes) in field.chunks_exact_mut(width).zip(planes.chunks_exact(2 * width))
            {
                let (re, im) = planes.split_at(width);
                elementwise::put_together(field, re, im);
            }
        });
    }

    /// Multiplies the field by `factor`.
    pub fn multiply(&mut self, factor: Complex32) {
        if factor == Complex32::ONE {
            return;
        }
        let width = self.width;
        self.values.chunks_mut(2 * width * ROWS).in_parallel().for_each(|planes| {
            for rows in planes.chunks_exact_mut(2 * width) {
                let (re, im) = rows.split_at_mut(width);
                for (re, im) in re.iter_mut().zip(im) {
                    let product = Complex32::new(*re, *im) * factor;
                    (*re, *im) = (product.re, product.im);
                }
            }
        });
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows of the field.
    pub fn rows(&self) -> usize {
        self.values.len() / (2 * self.width).max(1)
    }

    /// Row `y` of the real (0) or imaginary (1) part.
    pub fn row(&self, y: usize, part: usize) -> &[f32] {
        let start = (2 * y + part) * self.width;
        &self.values[start..start + self.width]
    }

    /// Calls `f` with the first row of every task and the task's rows of these planes, real and
    /// imaginary in turn, and sums what it returns in a fixed order.
    pub fn sum_by_rows(&mut self, f: impl Fn(usize, &mut [f32]) -> f64 + Sync) -> f64 {
        let tasks = self.values.chunks_mut(2 * self.width * ROWS).enumerate().in_parallel();
        let sums = tasks.map(|(task, values)| f(task * ROWS, values));
        sums.iter().sum()
    }

    /// The rows of task number `first / ROWS`, as [`sum_by_rows`](Self::sum_by_rows) gives them.
    pub fn task(&self, first: usize) -> &[f32] {
        let start = 2 * self.width * first;
        &self.values[start..self.values.len().min(start + 2 * self.width * ROWS)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_apart_is_put_together() {
        let field: Vec<Complex32> =
            (0..37 * 21).map(|i| Complex32::new(i as f32, -0.5 * i as f32)).collect();
        let planes = SplitComplex::of(&field, 21);
        assert_eq!(planes.row(36, 1)[20], -0.5 * (37.0 * 21.0 - 1.0));
        let mut back = vec![Complex32::ZERO; field.len()];
        planes.write_to(&mut back);
        assert_eq!(field, back);
    }

    #[test]
    fn every_row_is_summed_once() {
        let field: Vec<Complex32> = (0..37 * 3).map(|i| Complex32::new(i as f32, 1.0)).collect();
        let mut planes = SplitComplex::of(&field, 3);
        let copy = planes.clone();
        let sum = planes.sum_by_rows(|first, values| {
            assert_eq!(values, copy.task(first));
            values.iter().map(|&value| f64::from(value)).sum()
        });
        assert_eq!(sum, (0..37 * 3).sum::<usize>() as f64 + 37.0 * 3.0);
    }
}
