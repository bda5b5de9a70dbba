//! The object array that holds all windows of a scan.

use super::MAX_AREA;
use crate::position::bounding_box;
use crate::{Position, Window};

/// Where a scan lies on an object array that holds all of its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Shape `(rows, columns)` of the object array.
    pub shape: (usize, usize),
    /// What to add to every position, `(y, x)` whole pixels: sub-pixel parts stay as they are.
    pub offset: (i64, i64),
}

impl Placement {
    /// The scan moved onto the object array.
    pub fn place(&self, scan: &[Position]) -> Vec<Position> {
        let (y, x) = (self.offset.0 as f64, self.offset.1 as f64);
        scan.iter().map(|p| Position { y: p.y + y, x: p.x + x }).collect()
    }
}

/// The smallest object array, and the offset, for which all windows of shape `(height, width)` lie
/// at least `margin` pixels inside. `None` for an empty scan, for positions that are not finite,
/// and when the array would be larger than [`MAX_AREA`].
pub fn fit(scan: &[Position], (height, width): (usize, usize), margin: usize) -> Option<Placement> {
    let (y_min, y_max, x_min, x_max) = bounding_box(scan)?;
    if scan.iter().any(|p| !(p.y.is_finite() && p.x.is_finite())) {
        return None;
    }
    let corner = |y: f64, x: f64| Window::of(Position { y, x }, (height, width));
    let (first, last) = (corner(y_min, x_min), corner(y_max, x_max));
    let rows = last.row.checked_sub(first.row)?.unsigned_abs();
    let columns = last.column.checked_sub(first.column)?.unsigned_abs();
    let side = |travel: usize, window: usize| {
        travel.checked_add(window)?.checked_add(margin.checked_mul(2)?)
    };
    let shape = (side(rows, height)?, side(columns, width)?);
    if shape.0.checked_mul(shape.1)? > MAX_AREA {
        return None;
    }
    Some(Placement {
        shape,
        offset: (margin as i64 - first.row as i64, margin as i64 - first.column as i64),
    })
}
