//! How far a reconstruction has moved the positions of a scan, in short.

use lapwing_model::Position;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far positions were moved by their refinement, less their mean, which is the object's own
/// place; pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShiftRecord {
    /// Root mean square length of the shifts.
    pub rms_px: f64,
    /// Length of the largest.
    pub largest_px: f64,
    /// Root mean square length of what the affine map of the positions leaves that fits the shifts
    /// best: 0 for a scan that is only stretched, sheared or turned. `None` for positions on one
    /// line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_map_px: Option<f64>,
}

impl ShiftRecord {
    /// Of `shifts`, one for each of the positions `before`.
    pub fn of(before: &[Position], shifts: &[Position]) -> Self {
        let places = less_mean(before);
        let shifts = less_mean(shifts);
        let rms = |values: &[Position]| {
            let sum: f64 = values.iter().map(|by| by.y.powi(2) + by.x.powi(2)).sum();
            (sum / values.len().max(1) as f64).sqrt()
        };
        let largest = shifts.iter().map(|by| by.y.hypot(by.x)).fold(0.0, f64::max);
        let left = beyond_map(&places, &shifts);
        Self { rms_px: rms(&shifts), largest_px: largest, beyond_map_px: left.map(|by| rms(&by)) }
    }
}

impl fmt::Display for ShiftRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "positions moved by {:.3} px r.m.s., {:.3} at most",
            self.rms_px, self.largest_px
        )?;
        match self.beyond_map_px {
            Some(left) => {
                write!(out, "; beyond stretch, shear and rotation by {left:.3} px r.m.s.")
            }
            None => Ok(()),
        }
    }
}

/// Positions or shifts less their mean.
pub(crate) fn less_mean(values: &[Position]) -> Vec<Position> {
    let count = values.len().max(1) as f64;
    let (y, x) = values.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.y, sum.1 + at.x));
    values.iter().map(|at| Position { y: at.y - y / count, x: at.x - x / count }).collect()
}

/// What a linear map of `places` leaves of `shifts`, both without mean, by least squares.
fn beyond_map(places: &[Position], shifts: &[Position]) -> Option<Vec<Position>> {
    let sum = |of: &dyn Fn(&Position, &Position) -> f64| -> f64 {
        places.iter().zip(shifts).map(|(at, by)| of(at, by)).sum()
    };
    let (yy, yx, xx) =
        (sum(&|at, _| at.y * at.y), sum(&|at, _| at.y * at.x), sum(&|at, _| at.x * at.x));
    let determinant = yy * xx - yx * yx;
    if determinant.is_nan() || determinant <= 1e-6 * (yy + xx).powi(2) {
        return None;
    }
    // Along each axis the two numbers of a row of the map.
    let row = |of: fn(&Position) -> f64| {
        let (y, x) = (sum(&|at, by| at.y * of(by)), sum(&|at, by| at.x * of(by)));
        [(xx * y - yx * x) / determinant, (yy * x - yx * y) / determinant]
    };
    let (down, right) = (row(|by| by.y), row(|by| by.x));
    let left = places.iter().zip(shifts).map(|(at, by)| Position {
        y: by.y - down[0] * at.y - down[1] * at.x,
        x: by.x - right[0] * at.y - right[1] * at.x,
    });
    Some(left.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Position> {
        let at = |i: u32| Position { y: 7.0 + f64::from(i / 8), x: 3.0 + 2.0 * f64::from(i % 8) };
        (0..64).map(at).collect()
    }

    #[test]
    fn a_map_leaves_nothing_and_a_shift_of_all_is_none() {
        let stretched: Vec<Position> = grid()
            .iter()
            .map(|at| Position { y: 5.0 + 0.1 * at.y - 0.02 * at.x, x: 0.03 * at.x })
            .collect();
        let found = ShiftRecord::of(&grid(), &stretched);
        assert!(found.rms_px > 0.1 && found.beyond_map_px.unwrap() < 1e-12, "{found:?}");
        let found = ShiftRecord::of(&grid(), &[Position { y: 2.0, x: -3.0 }; 64]);
        assert!(found.rms_px < 1e-12 && found.largest_px < 1e-12, "{found:?}");
    }

    #[test]
    fn what_no_map_explains_is_left() {
        // A checkerboard of 64 is at right angles to every linear map.
        let sign = |i: usize| [1.0, -1.0][(i / 8 + i % 8) % 2];
        let shifts: Vec<Position> =
            (0..64).map(|i| Position { y: 0.3 * sign(i), x: 0.4 * sign(i) }).collect();
        let found = ShiftRecord::of(&grid(), &shifts);
        assert!((found.rms_px - 0.5).abs() < 1e-12 && (found.largest_px - 0.5).abs() < 1e-12);
        assert!((found.beyond_map_px.unwrap() - 0.5).abs() < 0.02, "{found:?}");
        let told = found.to_string();
        assert!(told.contains("0.500 px r.m.s., 0.500 at most; beyond"), "{told}");
    }

    #[test]
    fn a_line_has_no_map() {
        let line: Vec<Position> = (0..9).map(|i| Position { y: f64::from(i), x: 2.0 }).collect();
        assert_eq!(ShiftRecord::of(&line, &line).beyond_map_px, None);
        assert_eq!(ShiftRecord::of(&[], &[]).rms_px, 0.0);
    }
}
