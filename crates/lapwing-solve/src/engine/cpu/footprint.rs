//! Sums on the object's grid over a few patterns, kept on the areas that the patterns cover.
//!
//! Neighbouring patterns share an area, so that their sums stay in the cache while they are worked
//! on; patterns far apart have one each.

use super::bands::BAND;
use crate::Problem;
use crate::engine::between_step_rows;
use lapwing_model::Complex32;
use lapwing_model::elementwise::{self, Packed};
use std::ops::Range;

/// sum chi conj(P) and sum |P|^2 over some patterns.
#[derive(Default)]
pub(super) struct Footprint {
    /// Of the first slice, and then of every other.
    areas: Vec<Area>,
    /// Index of the area of every pattern in the first slice.
    area_of: Vec<usize>,
    /// Areas of a slice.
    of_slice: usize,
    sum: Vec<Complex32>,
    light: Vec<f32>,
}

/// A rectangle of the object, whose slices lie one below the other, and where its pixels begin in
/// the sums.
#[derive(Debug, Clone)]
struct Area {
    rows: Range<usize>,
    columns: Range<usize>,
    start: usize,
    /// Whether its sums have never been written: those of an area that one pattern covers alone are
    /// written, not added to.
    unwritten: bool,
}

impl Area {
    fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn union(&self, other: &Self) -> Self {
        let both = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Self {
            rows: both(&self.rows, &other.rows),
            columns: both(&self.columns, &other.columns),
            start: self.start,
            unwritten: false,
        }
    }
}

impl Footprint {
    /// Sums of zero for patterns `members`, in this order.
    pub fn begin(&mut self, problem: &Problem, members: &[usize]) {
        let (height, width) = problem.model.shape();
        self.areas.clear();
        self.area_of.clear();
        for &pattern in members {
            let window = &problem.windows[pattern];
            let (top, left) = (window.row as usize, window.column as usize);
            let own = Area {
                rows: top..top + height,
                columns: left..left + width,
                start: 0,
                unwritten: true,
            };
            match self.areas.last_mut() {
                // One area for both is worth it where it is not larger than one for each.
                Some(last) if last.union(&own).len() <= last.len() + own.len() => {
                    *last = last.union(&own)
                }
                _ => self.areas.push(own),
            }
            self.area_of.push(self.areas.len() - 1);
        }
        self.of_slice = self.areas.len();
        for slice in 1..problem.n_slices() {
            let down = slice * problem.object.shape().0;
            for area in 0..self.of_slice {
                let Area { rows, .. } = &self.areas[area];
                let rows = rows.start + down..rows.end + down;
                self.areas.push(Area { rows, ..self.areas[area].clone() });
            }
        }
        let mut end = 0;
        for area in &mut self.areas {
            area.start = end;
            end += area.len();
        }
        if self.sum.len() < end {
            self.sum.resize(end, Complex32::ZERO);
            self.light.resize(end, 0.0);
        }
        for area in self.areas.iter().filter(|area| !area.unwritten) {
            let range = area.start..area.start + area.len();
            self.sum[range.clone()].fill(Complex32::ZERO);
            self.light[range].fill(0.0);
        }
    }

    /// Adds chi conj(P) and |P|^2 of pattern `pattern`, number `index` of those that
    /// [`begin`](Self::begin) was given, for slice `slice`; `chi` and `probe` hold one wave, and
    /// `kept`, where it is given, gets the rows of both that step lengths are made of.
    pub fn add(
        &mut self,
        problem: &Problem,
        (index, pattern): (usize, usize),
        slice: usize,
        (chi, probe): (&[Complex32], &[Complex32]),
        kept: Option<(&mut [Packed], &mut [Packed])>,
    ) {
        let (height, width) = problem.model.shape();
        let area = &mut self.areas[slice * self.of_slice + self.area_of[index]];
        let window = &problem.windows[pattern];
        let row = slice * problem.object.shape().0 + window.row as usize;
        let (down, right) = (row - area.rows.start, window.column as usize - area.columns.start);
        let columns = area.columns.len();
        let first = area.start + down * columns + right;
        let add = !std::mem::take(&mut area.unwritten);
        let sums =
            self.sum[first..].chunks_mut(columns).zip(self.light[first..].chunks_mut(columns));
        let waves = chi.chunks_exact(width).zip(probe.chunks_exact(width));
        let mut kept =
            kept.map(|(chi, probe)| chi.chunks_exact_mut(width).zip(probe.chunks_exact_mut(width)));
        let between = between_step_rows(height);
        for (y, ((sum, light), row)) in sums.zip(waves).enumerate() {
            let sums = (&mut sum[..width], &mut light[..width]);
            let kept = kept.as_mut().filter(|_| y % between == 0).and_then(Iterator::next);
            elementwise::conjugate_product(add, sums, row, kept);
        }
    }

    /// Adds what falls on the object's rows from `first` on, those of all slices one after the
    /// other, that `direction` and `illumination` hold, rows of `columns` pixels.
    pub fn add_to(
        &self,
        first: usize,
        columns: usize,
        direction: &mut [Complex32],
        illumination: &mut [f32],
    ) {
        assert!(direction.len() <= BAND * columns);
        let last = first + direction.len() / columns;
        // An area to which nothing was added still holds the sums of another batch.
        for area in self.areas.iter().filter(|area| !area.unwritten) {
            for row in first.max(area.rows.start)..last.min(area.rows.end) {
                let at = (row - first) * columns;
                let to = at + area.columns.start..at + area.columns.end;
                let width = area.columns.len();
                let from = area.start + (row - area.rows.start) * width;
                let (sum, light) = (&self.sum[from..from + width], &self.light[from..from + width]);
                elementwise::add_both(
                    &mut direction[to.clone()],
                    &mut illumination[to],
                    sum,
                    light,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::{Field, Modes, Position};
    use ndarray::Array3;
    use proptest::prelude::*;

    const GRID: (usize, usize) = (37, 29);
    const SIDE: usize = 6;

    fn wave(seed: usize) -> Vec<Complex32> {
        (0..SIDE * SIDE)
            .map(|i| Complex32::new((i * seed % 7) as f32 - 3.0, (i + seed) as f32 % 5.0 - 2.0))
            .collect()
    }

    proptest! {
        #[test]
        fn near_and_far_patterns_land_where_their_windows_are(
            corners in prop::collection::vec((0..=GRID.0 - SIDE, 0..=GRID.1 - SIDE), 1..12)
        ) {
            let centre = |corner: usize| (corner + SIDE / 2) as f64;
            let scan = corners.iter().map(|&(y, x)| Position { y: centre(y), x: centre(x) }).collect();
            let one = Complex32::new(1.0, 0.0);
            let probe = Modes::from_elem((1, SIDE, SIDE), one);
            let problem = Problem::builder(scan, Field::from_elem(GRID, one), probe)
                .patterns(Array3::ones((corners.len(), SIDE, SIDE)));
            let problem = problem.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let members: Vec<usize> = (0..corners.len()).rev().collect();
            let mut footprint = Footprint::default();
            // What was there before is ignored.
            footprint.begin(&problem, &members[..1]);
            footprint.add(&problem, (0, members[0]), 0, (&wave(3), &wave(4)), None);
            footprint.begin(&problem, &members);
            let mut truth = vec![(Complex32::ZERO, 0.0); GRID.0 * GRID.1];
            for (index, &pattern) in members.iter().enumerate() {
                let (chi, probe) = (wave(pattern + 1), wave(2 * pattern + 5));
                // As two modes.
                footprint.add(&problem, (index, pattern), 0, (&chi, &probe), None);
                footprint.add(&problem, (index, pattern), 0, (&chi, &probe), None);
                let (top, left) = corners[pattern];
                for (i, (chi, probe)) in chi.iter().zip(&probe).enumerate() {
                    let at = &mut truth[(top + i / SIDE) * GRID.1 + left + i % SIDE];
                    at.0 += 2.0 * chi * probe.conj();
                    at.1 += 2.0 * probe.norm_sqr();
                }
            }
            let (mut sum, mut light) = (vec![Complex32::ZERO; truth.len()], vec![0.0; truth.len()]);
            let band = BAND * GRID.1;
            for (index, (sum, light)) in sum.chunks_mut(band).zip(light.chunks_mut(band)).enumerate() {
                footprint.add_to(index * BAND, GRID.1, sum, light);
            }
            // Small whole numbers: exact in any order.
            prop_assert!(sum.iter().zip(&light).zip(&truth).all(|((s, l), t)| (*s, *l) == *t));
        }
    }
}
