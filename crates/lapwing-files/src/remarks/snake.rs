//! Whether the rows of a raster, whose positions nobody measured, were scanned to and fro.

use lapwing_model::parallel::InParallel;
use ndarray::{Array2, ArrayView3, Axis, s};

use super::remark::{Remark, What};
use crate::stop::Asked;

/// Cells along each side of a pattern whose light is compared.
const CELLS: usize = 8;
/// Pairs of rows, and patterns of a row, that it takes to tell.
const FEWEST: usize = 5;
/// Patterns that are looked at, at most, in whole rows from the first on.
const MOST: usize = 1 << 14;
/// How alike the neighbours of two rows must be, how much more than those the other way round, in
/// how many standard errors of the pairs of rows, and in what share of these.
const ALIKE: f64 = 0.1;
const MORE: f64 = 0.05;
const ERRORS: f64 = 4.0;
const SHARE: f64 = 0.9;

/// Compares each row of a raster of (rows, columns) with the next one, as it is stored and the
/// other way round: patterns beside each other are alike. `snake` says which of the two was taken.
///
/// Measured on two scans of electrons, whose rows were kept and then reversed by turns: the right
/// order has correlations of 0.20 and 0.93, the other 0.02 and 0.80, and both are told. Of 180
/// simulated rasters (9 x 10 patterns of random specimens, 50 to 10^6 counts, steps of a
/// sixteenth to a quarter of the window) none is mistaken for a snake; of as many snakes 57 are
/// seen, the others show too little of it.
pub(crate) fn look(
    patterns: ArrayView3<'_, f32>,
    good: &Array2<bool>,
    (rows, columns): (usize, usize),
    snake: bool,
) -> Option<Remark> {
    let n = rows.checked_mul(columns)?;
    if n != patterns.len_of(Axis(0)) || rows <= FEWEST || columns < FEWEST {
        return None;
    }
    let rows = rows.min((MOST / columns).max(FEWEST + 1));
    let n = rows * columns;
    let seen = light(patterns.slice(s![..n, .., ..]), good);
    let all: f64 = seen.iter().map(|cells| product(cells, cells)).sum::<f64>() / n as f64;
    if all <= 0.0 {
        return None;
    }
    // How alike two rows are, the second as stored and reversed.
    let pairs: Vec<(f64, f64)> = (0..rows - 1)
        .map(|row| {
            let (here, next) = (row * columns, (row + 1) * columns);
            let alike = |at: fn(usize, usize) -> usize| {
                let each =
                    (0..columns).map(|c| product(&seen[here + c], &seen[next + at(c, columns)]));
                each.sum::<f64>() / columns as f64 / all
            };
            (alike(|c, _| c), alike(|c, columns| columns - 1 - c))
        })
        .collect();
    // The order that was taken, and the other.
    let ordered = pairs
        .iter()
        .map(|&(stored, turned)| if snake { (turned, stored) } else { (stored, turned) });
    let (taken, other): (Vec<f64>, Vec<f64>) = ordered.unzip();
    let count = taken.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let more: Vec<f64> = taken.iter().zip(&other).map(|(taken, other)| other - taken).collect();
    let average = mean(&more);
    let variance = more.iter().map(|more| (more - average).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (variance / count).sqrt();
    let share = more.iter().filter(|&&more| more > 0.0).count() as f64 / count;
    let (taken, other) = (mean(&taken), mean(&other));
    let sure = other > ALIKE && average > MORE && average > ERRORS * error && share >= SHARE;
    sure.then(|| {
        let evidence = format!(
            "patterns of neighbouring rows resemble each other more where every other row runs {} \
             (correlation {other:.2}) than as they are taken ({taken:.2})",
            if snake { "the same way" } else { "backwards" }
        );
        let advice = if snake {
            "the rows all seem to be scanned in one direction: leave --scan-snake out"
        } else {
            "the rows seem to be scanned to and fro: say --scan-snake"
        };
        Remark::new(What::Snake, evidence, advice)
    })
}

/// The light in cells of each pattern, less what it is on average.
fn light(patterns: ArrayView3<'_, f32>, good: &Array2<bool>) -> Vec<Vec<f64>> {
    let (n, height, width) = patterns.dim();
    let asked = Asked::here();
    let mut seen: Vec<Vec<f64>> = patterns.outer_iter().in_parallel().map(|pattern| {
        let mut cells = vec![0.0; CELLS * CELLS];
        if asked.to_stop() {
            return cells;
        }
        for ((y, x), &amplitude) in pattern.indexed_iter() {
            if good[(y, x)] {
                cells[y * CELLS / height * CELLS + x * CELLS / width] += f64::from(amplitude);
            }
        }
        cells
    });
    for cell in 0..CELLS * CELLS {
        let mean = seen.iter().map(|cells| cells[cell]).sum::<f64>() / n as f64;
        seen.iter_mut().for_each(|cells| cells[cell] -= mean);
    }
    seen
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    /// Patterns of a raster whose spot moves as smooth, random ground under it does; every other
    /// row in reverse where `snake`.
    fn scan(rows: usize, columns: usize, seed: u64, snake: bool) -> Array3<f32> {
        let mut state = seed;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1 << 24) as f64 - 0.5
        };
        // A few waves that no row or column repeats.
        let waves: Vec<[f64; 5]> = (0..6)
            .map(|_| {
                [0.6 * random(), 2.0 * random(), 6.0 * random(), 6.0 * random(), 6.0 * random()]
            })
            .collect();
        Array3::from_shape_fn((rows * columns, 16, 16), |(index, y, x)| {
            let (row, column) = (index / columns, index % columns);
            let column = if snake && row % 2 == 1 { columns - 1 - column } else { column };
            let shift = |axis: usize| -> f64 {
                let wave = |w: &[f64; 5]| {
                    (w[0] * row as f64 + w[1] * column as f64 + w[2]).cos() * w[3 + axis]
                };
                waves.iter().map(wave).sum::<f64>() / 4.0
            };
            let (dy, dx) = (y as f64 - 7.5 - shift(0), x as f64 - 7.5 - shift(1));
            (-(dy * dy + dx * dx) / 18.0).exp() as f32
        })
    }

    #[test]
    fn rows_to_and_fro_are_seen_and_no_others() {
        let good = Array2::from_elem((16, 16), true);
        let mut seen = 0;
        for seed in 1..=24 {
            let told = |snake, said| {
                look(scan(9, 11, seed, snake).view(), &good, (9, 11), said).map(|r| r.to_string())
            };
            assert_eq!((told(false, false), told(true, true)), (None, None), "{seed}");
            let (to_and_fro, one_way) = (told(true, false), told(false, true));
            assert_eq!(to_and_fro.is_some(), one_way.is_some(), "{seed}");
            seen += usize::from(to_and_fro.is_some());
            assert!(to_and_fro.is_none_or(|words| words.contains("say --scan-snake")));
            assert!(one_way.is_none_or(|words| words.contains("leave --scan-snake out")));
        }
        assert!(seen >= 20, "{seen} of 24");
    }

    /// Patterns that have nothing to do with each other, are all the same, or are too few say
    /// nothing.
    #[test]
    fn what_cannot_be_told_is_not() {
        let good = Array2::from_elem((16, 16), true);
        for seed in 1..40 {
            let mut state: u64 = seed;
            let noise = Array3::from_shape_simple_fn((99, 16, 16), || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 40) as f32
            });
            assert_eq!(look(noise.view(), &good, (9, 11), false), None);
        }
        assert_eq!(look(Array3::ones((99, 16, 16)).view(), &good, (9, 11), false), None);
        assert_eq!(look(scan(3, 11, 1, true).view(), &good, (3, 11), false), None);
        assert_eq!(look(scan(9, 11, 1, true).view(), &good, (9, 12), false), None);
    }
}
