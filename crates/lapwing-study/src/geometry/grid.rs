//! The grid of an object that is made for a scan.

use crate::geometry::place;
use crate::{Result, StudyError};
use lapwing_files::remarks::advice_on;
use lapwing_model::position::bounding_box;
use lapwing_model::scan::{MAX_AREA, spread_out};
use lapwing_model::{Complex32, Position};

/// An object grid and the scan on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Shape (y, x) of the object.
    pub shape: (usize, usize),
    /// (row, column) = (y, x) - origin.
    pub origin: (i64, i64),
    /// Window centres on the grid.
    pub scan: Vec<Position>,
}

/// Share of the scan's extent by which it may stretch to every side.
const STRETCH: f64 = 0.06;

impl Grid {
    /// The grid with room on all sides for a scan that turns or stretches a little.
    pub fn with_room_to_stretch(mut self) -> Self {
        let extent =
            bounding_box(&self.scan).map_or(0.0, |(y0, y1, x0, x1)| (y1 - y0).max(x1 - x0));
        let margin = (STRETCH * extent).ceil().min(MAX_AREA as f64) as usize;
        self.shape = (self.shape.0 + 2 * margin, self.shape.1 + 2 * margin);
        self.origin = (self.origin.0 - margin as i64, self.origin.1 - margin as i64);
        for at in &mut self.scan {
            (at.y, at.x) = (at.y + margin as f64, at.x + margin as f64);
        }
        self
    }
}

/// The smallest grid that holds all windows of shape `window`, with a margin of two pixels.
///
/// # Errors
/// When there is no position, one is not finite, the positions lie so far apart that the windows
/// determine no object (see [`spread_out`]), or there is no memory for one on the grid.
pub fn grid_of(positions: &[Position], window: (usize, usize)) -> Result<Grid> {
    let (y0, y1, x0, x1) = bounding_box(positions).unwrap_or_default();
    let refused = |what: &str| {
        StudyError::Invalid(format!(
            "xcoords, ycoords: expected positions in pixels around which an object of at most {MAX_AREA} pixels \
             fits, found {what} ({} positions within y {y0:?} to {y1:?} and x {x0:?} to {x1:?}): \
             check their unit",
            positions.len()
        ))
    };
    if positions.is_empty() {
        return Err(refused("none"));
    }
    if let Some(spread) = spread_out(positions, window) {
        return Err(StudyError::Invalid(format!("{spread}: {}", advice_on(&spread))));
    }
    let placement = place::on_new_object(positions, window)
        .ok_or_else(|| refused("some that are not finite or too far apart"))?;
    room_for(placement.shape, 1)?;
    let (y, x) = placement.offset;
    Ok(Grid { shape: placement.shape, origin: (-y, -x), scan: placement.place(positions) })
}

/// Arrays of an object's size that a solver has at least: itself, a step and a weight.
const ARRAYS: usize = 3;

/// Whether there is memory to reconstruct an object of `shape` in `slices` slices.
///
/// # Errors
/// When there is none, with the number of pixels and what would help.
pub(crate) fn room_for((rows, columns): (usize, usize), slices: usize) -> Result<()> {
    let values = [columns, slices, ARRAYS].iter().try_fold(rows, |n, &by| n.checked_mul(by));
    let mut room: Vec<Complex32> = Vec::new();
    match values.map(|values| room.try_reserve_exact(values)) {
        Some(Ok(())) => Ok(()),
        _ => {
            let bytes = [rows, columns, slices, ARRAYS, size_of::<Complex32>()];
            let gib = bytes.iter().map(|&by| by as f64).product::<f64>() / f64::from(1 << 30);
            Err(StudyError::Invalid(format!(
                "no memory for the object: expected {gib:.3} GiB for {rows} x {columns} pixels \
                 (slices: {slices}), found less; reconstruct a part of the scan \
                 (--leave-out-frames), bin the patterns (--binning), or \
                 use a machine with more memory"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Window;

    #[test]
    fn grid_holds_every_window_and_records_its_origin() {
        let scan = [Position { y: -3.25, x: 100.0 }, Position { y: 20.0, x: 90.5 }];
        let grid = grid_of(&scan, (8, 6)).unwrap();
        for (on_grid, position) in grid.scan.iter().zip(&scan) {
            assert!(Window::of(*on_grid, (8, 6)).fits((8, 6), grid.shape));
            assert_eq!(on_grid.y, position.y - grid.origin.0 as f64);
            assert_eq!(on_grid.x, position.x - grid.origin.1 as f64);
        }
        assert!(grid_of(&[], (8, 6)).is_err());
    }

    #[test]
    fn an_absurd_grid_is_refused_before_it_is_allocated() {
        let scan = [Position { y: 0.0, x: 0.0 }, Position { y: 1e5, x: 1e5 }];
        let error = grid_of(&scan, (8, 8)).unwrap_err().to_string();
        assert!(error.contains("1.000e5 x 1.000e5 px") && error.contains("unit"), "{error}");
        let millimetres = [(0.0, 0.0), (0.0, 4e3), (4e3, 0.0), (4e3, 4e3)];
        let error = grid_of(&millimetres.map(|(y, x)| Position { y, x }), (48, 48)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("millimetres") && error.contains("--scan-step-m"), "{error}");
        let error = room_for((1 << 30, 1 << 30), 1).unwrap_err().to_string();
        assert!(error.contains("no memory") && error.contains("1073741824 x"), "{error}");
        assert!(room_for((usize::MAX, 2), 3).is_err());
        let line = [scan[0], Position { y: 0.0, x: 1e5 }];
        assert_eq!(grid_of(&line, (8, 8)).unwrap().shape, (12, 100_012));
    }
}
