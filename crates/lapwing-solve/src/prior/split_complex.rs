//! Complex fields as two real ones, for stencils and sums over all of a field.
//!
//! Every row of the field is a row of real parts followed by one of imaginary parts, so that
//! neighbours of a number are neighbours in memory and loops over them run on whole vectors.

use fearless_simd::dispatch;
use lapwing_model::Complex32;
use lapwing_model::elementwise::{self, level};
use lapwing_model::parallel::InParallel;

/// Rows that one task works on.
pub(crate) const ROWS: usize = 16;

/// Two real fields, or one: [`along`](Self::along).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SplitComplex {
    width: usize,
    parts: usize,
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
        (self.width, self.parts) = (width, 2);
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

    /// O / |O|, and 1 where O is 0.
    pub fn directions(&self) -> Self {
        let mut directions = self.clone();
        let width = self.width;
        directions.values.chunks_mut(2 * width * ROWS).in_parallel().for_each(|planes| {
            for rows in planes.chunks_exact_mut(2 * width) {
                let (re, im) = rows.split_at_mut(width);
                dispatch!(level(), _ => divide_by_modulus(re, im));
            }
        });
        directions
    }

    /// Multiplies by [`directions`](Self::directions), or by their conjugates where `sign` is -1.
    pub fn turn(&mut self, directions: &Self, sign: f32) {
        self.sum_by_rows(|first, rows| {
            directions.turn_rows(first, rows, sign);
            0.0
        });
    }

    /// Multiplies a task's rows of another field by these directions, from row `first` on.
    pub fn turn_rows(&self, first: usize, rows: &mut [f32], sign: f32) {
        let width = self.width;
        let directions = self.task(first).chunks_exact(2 * width);
        for (rows, directions) in rows.chunks_exact_mut(2 * width).zip(directions) {
            let (rows, directions) = (rows.split_at_mut(width), directions.split_at(width));
            dispatch!(level(), _ => multiply(rows, directions, sign));
        }
    }

    /// Multiplies it by a number.
    pub fn scale(&mut self, by: Complex32) {
        let width = self.width;
        self.sum_by_rows(|_, rows| {
            for rows in rows.chunks_exact_mut(2 * width) {
                let (re, im) = rows.split_at_mut(width);
                for (re, im) in re.iter_mut().zip(im) {
                    (*re, *im) = (*re * by.re - *im * by.im, *re * by.im + *im * by.re);
                }
            }
            0.0
        });
    }

    /// Its real parts.
    pub fn real(&self) -> Self {
        let (width, rows) = (self.width, self.rows());
        let mut real = Self { width, parts: 1, values: vec![0.0; width * rows] };
        real.sum_by_rows(|first, out| {
            let rows = (first..).zip(out.chunks_exact_mut(width));
            rows.for_each(|(y, out)| out.copy_from_slice(self.row(y, 0)));
            0.0
        });
        real
    }

    /// Re(conj(U) O) for these directions U, as one real field.
    pub fn along(&self, directions: &Self) -> Self {
        let (width, rows) = (self.width, self.rows());
        let mut along = Self { width, parts: 1, values: vec![0.0; width * rows] };
        along.sum_by_rows(|first, out| {
            for (y, out) in (first..).zip(out.chunks_exact_mut(width)) {
                let [field, directions] =
                    [self, directions].map(|planes| [planes.row(y, 0), planes.row(y, 1)]);
                dispatch!(level(), _ => set_products(out, field, directions));
            }
            0.0
        });
        along
    }

    /// After so many passes of (1 2 1) / 4 along either axis; beyond its edges the field goes on as
    /// it ends.
    pub fn smoothed(&self, passes: usize) -> Self {
        let (mut now, mut next) = (self.clone(), self.clone());
        let (width, last) = (self.width, self.rows().saturating_sub(1));
        for _ in 0..passes {
            next.sum_by_rows(|first, out| {
                let mut down = vec![0.0; width];
                for (index, out) in out.chunks_exact_mut(width).enumerate() {
                    let (y, part) = (first + index / 2, index % 2);
                    let three = [y.saturating_sub(1), y, last.min(y + 1)];
                    let [above, here, below] = three.map(|y| now.row(y, part));
                    dispatch!(level(), _ => {
                        mean_of_three(&mut down, [above, here, below]);
                        mean_along(out, &down);
                    });
                }
                0.0
            });
            std::mem::swap(&mut now, &mut next);
        }
        now
    }

    /// Length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows of the field.
    pub fn rows(&self) -> usize {
        self.values.len() / (self.parts * self.width).max(1)
    }

    /// How many real fields there are.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Row `y` of the real (0) or imaginary (1) part, or of the one field (0).
    pub fn row(&self, y: usize, part: usize) -> &[f32] {
        let start = (self.parts * y + part) * self.width;
        &self.values[start..start + self.width]
    }

    /// Calls `f` with the first row of every task and the task's rows of these planes, real and
    /// imaginary in turn, and sums what it returns in a fixed order.
    pub fn sum_by_rows(&mut self, f: impl Fn(usize, &mut [f32]) -> f64 + Sync) -> f64 {
        let tasks =
            self.values.chunks_mut(self.parts * self.width * ROWS).enumerate().in_parallel();
        let sums = tasks.map(|(task, values)| f(task * ROWS, values));
        sums.iter().sum()
    }

    /// The rows of task number `first / ROWS`, as [`sum_by_rows`](Self::sum_by_rows) gives them.
    pub fn task(&self, first: usize) -> &[f32] {
        let row = self.parts * self.width;
        &self.values[row * first..self.values.len().min(row * (first + ROWS))]
    }
}

#[inline(always)]
fn divide_by_modulus(re: &mut [f32], im: &mut [f32]) {
    for (re, im) in re.iter_mut().zip(im) {
        let modulus = (*re * *re + *im * *im).sqrt();
        let is_dark = modulus == 0.0;
        let divisor = if is_dark { 1.0 } else { modulus };
        (*re, *im) = (if is_dark { 1.0 } else { *re / divisor }, *im / divisor);
    }
}

/// rows <- rows times directions, whose imaginary parts are multiplied by `sign`.
#[inline(always)]
fn multiply(rows: (&mut [f32], &mut [f32]), directions: (&[f32], &[f32]), sign: f32) {
    let directions = directions.0.iter().zip(directions.1);
    for ((re, im), (u, v)) in rows.0.iter_mut().zip(rows.1).zip(directions) {
        let v = sign * v;
        (*re, *im) = (*re * u - *im * v, *re * v + *im * u);
    }
}

#[inline(always)]
fn set_products(out: &mut [f32], field: [&[f32]; 2], directions: [&[f32]; 2]) {
    let field = field[0].iter().zip(field[1]);
    let directions = directions[0].iter().zip(directions[1]);
    for ((out, (re, im)), (u, v)) in out.iter_mut().zip(field).zip(directions) {
        *out = re * u + im * v;
    }
}

#[inline(always)]
fn mean_of_three(out: &mut [f32], [before, here, after]: [&[f32]; 3]) {
    for (((out, before), here), after) in out.iter_mut().zip(before).zip(here).zip(after) {
        *out = 0.25 * (before + after) + 0.5 * here;
    }
}

/// The mean of every value and its two neighbours.
#[inline(always)]
fn mean_along(out: &mut [f32], row: &[f32]) {
    let last = row.len() - 1;
    if last > 0 {
        mean_of_three(&mut out[1..last], [row, &row[1..], &row[2..]]);
    }
    for (at, beside) in [(0, 1.min(last)), (last, last.saturating_sub(1))] {
        out[at] = 0.25 * (row[at] + row[beside]) + 0.5 * row[at];
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
