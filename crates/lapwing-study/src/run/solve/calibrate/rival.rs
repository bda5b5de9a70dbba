//! Whether a raster whose rows and columns were exchanged explains the patterns as well.

use super::{Calibration, turned};
use crate::Result;
use crate::run::dataset::data::sound_intensities;
use crate::run::solve::asking::{Asking, Between};
use crate::run::solve::start_probe::sides;
use crate::run::solve::trial::{self, Fitted};
use lapwing_files::Dataset;
use lapwing_model::{Modes, Position};
use lapwing_solve::calibrate::orientation_while;
use serde::Serialize;

/// Deviation from a raster, as a share of its step, below which there is none.
const EXACT: f64 = 0.01;
/// Share of the agreement of the raster as read from which on the other is as good.
const AS_GOOD: f64 = 0.9;

/// A raster with rows and columns exchanged that explains the patterns as well as the one as read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OtherRaster {
    /// Its rows and columns.
    pub shape: (usize, usize),
    /// How it would lie: whether the coordinates were exchanged.
    pub transposed: bool,
    /// And the angle by which they were turned after that, degrees.
    pub rotation_deg: f64,
}

impl OtherRaster {
    /// What to do about it.
    pub(super) fn line(&self) -> String {
        let exchange = if self.transposed { "coordinates exchanged, then " } else { "" };
        format!(
            "a raster of {} rows and {} columns ({exchange}turned by {:.2} degrees) explains the \
             patterns as well or better: if these are its rows and columns, say --scan-shape {0},{1}",
            self.shape.0,
            self.shape.1,
            turned(self.rotation_deg)
        )
    }
}

/// The raster of other rows and columns than those that positions lie on one after the other.
fn exchanged(scan: &[Position]) -> Option<((usize, usize), Vec<Position>)> {
    let (first, second) = (*scan.first()?, *scan.get(1)?);
    let apart = |a: Position, b: Position| (b.y - a.y, b.x - a.x);
    let step = apart(first, second);
    let near = EXACT * step.0.hypot(step.1);
    let at = |row: (f64, f64), down: usize, across: usize| Position {
        y: first.y + down as f64 * row.0 + across as f64 * step.0,
        x: first.x + down as f64 * row.1 + across as f64 * step.1,
    };
    let is_at =
        |place: Position, other: Position| (place.y - other.y).hypot(place.x - other.x) <= near;
    let columns = (1..scan.len()).find(|&index| !is_at(scan[index], at((0.0, 0.0), 0, index)))?;
    let rows = scan.len() / columns;
    if rows < 2 || columns < 2 || rows == columns || rows * columns != scan.len() {
        return None;
    }
    let row = apart(first, scan[columns]);
    let regular = scan.iter().enumerate();
    let regular = regular
        .into_iter()
        .all(|(index, place)| is_at(*place, at(row, index / columns, index % columns)));
    let other = || (0..scan.len()).map(|index| at(row, index / rows, index % rows)).collect();
    (regular && near > 0.0).then(|| ((columns, rows), other()))
}

/// The other raster of a scan that short fits decided about, where it is as good.
pub(super) fn by_fits(
    dataset: &Dataset,
    probe: &Modes,
    best: Fitted,
    between: Between<'_>,
) -> Result<Option<OtherRaster>> {
    let Some((shape, others)) = exchanged(&dataset.scan) else { return Ok(None) };
    let (found, margin) = trial::rival(dataset, &others, probe, best, between)?;
    let other =
        OtherRaster { shape, transposed: found.transposed, rotation_deg: found.rotation_deg };
    Ok((!margin.is_sure()).then_some(other))
}

/// The other raster of a scan that the images of the disc leave in doubt, where it is as good.
pub(super) fn by_images(
    dataset: &Dataset,
    found: &Calibration,
    between: Between<'_>,
) -> Result<Option<OtherRaster>> {
    let Some((shape, others)) = exchanged(&dataset.scan) else { return Ok(None) };
    let intensity = sound_intensities(dataset)?;
    let other = Asking::new(between)
        .during(|go_on| orientation_while(intensity.view(), &others, sides(dataset), go_on))?;
    let best = other.ok().map(|other| other.best);
    let as_good = best.filter(|best| best.agreement >= AS_GOOD * found.agreement);
    Ok(as_good.map(|best| OtherRaster {
        shape,
        transposed: best.transposed,
        rotation_deg: best.rotation_deg,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raster_has_one_of_exchanged_rows_and_columns() {
        let place = |index: usize, columns: usize| {
            let (row, column) = ((index / columns) as f64, (index % columns) as f64);
            Position { y: 3.0 + 2.0 * row - 0.5 * column, x: 0.5 * row + 2.0 * column }
        };
        let scan = |n: usize, columns: usize| -> Vec<Position> {
            (0..n).map(|index| place(index, columns)).collect()
        };
        let (shape, other) = exchanged(&scan(12, 4)).unwrap();
        assert_eq!((shape, other), ((4, 3), scan(12, 3)));
        assert_eq!(exchanged(&scan(16, 4)), None);
        assert_eq!(exchanged(&scan(11, 4)), None);
        assert_eq!(exchanged(&scan(12, 12)), None);
        let mut off = scan(12, 4);
        off[7].x += 0.2;
        assert_eq!(exchanged(&off), None);
        assert_eq!(exchanged(&[Position { y: 1.0, x: 1.0 }; 6]), None);
        assert_eq!(exchanged(&[]), None);
    }
}
