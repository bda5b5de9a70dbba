//! Scans whose positions lie so far apart that no object can be determined from them.

use std::fmt;

use super::MAX_AREA;
use crate::position::bounding_box;
use crate::{Position, median};

/// Neighbours farther apart than so many sides of the window share nothing by any reckoning.
const WINDOWS: f64 = 4.0;
/// Positions from which the distance between neighbours is usual.
const FEWEST: usize = 4;
/// Positions looked at for the distance to their neighbours.
const LOOKED_AT: usize = 256;
/// An object of more pixels than this has at most [`TIMES`] as many as all windows cover.
const LARGE: f64 = (1_u64 << 26) as f64;
const TIMES: f64 = 64.0;
/// Steps between the units of length, each with the words for it.
const UNITS: [(f64, &str); 3] = [
    (1e3, "1000 times too long, as where millimetres are taken for metres"),
    (1e6, "a million times too long, as where micrometres are taken for metres"),
    (1e9, "a thousand million times too long, as where nanometres are taken for metres"),
];

/// A scan spread out farther than its patterns can determine an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadOut {
    /// Usual distance of neighbouring positions, pixels.
    pub step: f64,
    /// Shape of the window, pixels.
    pub window: (usize, usize),
    /// Extent (y, x) of the object that would hold all windows, pixels.
    pub object: (f64, f64),
    /// Whether neighbours usually lie several windows apart.
    pub apart: bool,
}

/// Whether `scan` is [`SpreadOut`] for windows of shape `window`: neighbours usually lie more than
/// four windows apart, or the object would have far more pixels than all windows together, or more
/// than [`MAX_AREA`]. `None` for a scan that is not, and for one without finite positions.
pub fn spread_out(scan: &[Position], window: (usize, usize)) -> Option<SpreadOut> {
    let (y0, y1, x0, x1) = bounding_box(scan)?;
    let (height, width) = (window.0 as f64, window.1 as f64);
    let object = (y1 - y0 + height, x1 - x0 + width);
    let pixels = object.0 * object.1;
    if !pixels.is_finite() {
        return None;
    }
    let step = usual_step(scan);
    let apart = scan.len() >= FEWEST && step > WINDOWS * height.max(width);
    let covered = scan.len() as f64 * height * width;
    let vast = pixels > LARGE.max(TIMES * covered) || pixels > MAX_AREA as f64;
    (apart || vast).then_some(SpreadOut { step, window, object, apart })
}

/// Usual distance of a position to the nearest other place, zero where there is none.
pub(crate) fn usual_step(scan: &[Position]) -> f64 {
    let nearest = |at: &Position| {
        let distances = scan.iter().map(|other| at.distance(*other));
        distances.filter(|&distance| distance > 0.0).fold(f64::INFINITY, f64::min)
    };
    let some = scan.iter().step_by(scan.len().div_ceil(LOOKED_AT).max(1));
    median(some.map(nearest).filter(|step| step.is_finite())).unwrap_or(0.0)
}

impl SpreadOut {
    /// How many times too long a length probably is, in words, where one unit of length taken for
    /// another explains it.
    pub fn mistaken_unit(&self) -> Option<&'static str> {
        let side = self.window.0.min(self.window.1) as f64;
        let shorter = UNITS.iter().find(|(factor, _)| self.step / factor < side);
        shorter.filter(|_| self.apart).map(|(_, words)| *words)
    }
}

impl fmt::Display for SpreadOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((height, width), (rows, columns)) = (self.window, self.object);
        match self.apart {
            true => write!(
                f,
                "neighbouring positions lie {} px apart and a pattern covers {height} x {width} \
                 px, so that nothing overlaps on an object of {rows:.3e} x {columns:.3e} px",
                // No more digits than anybody reads.
                if self.step < 1e6 {
                    format!("{:.0}", self.step)
                } else {
                    format!("{:.3e}", self.step)
                }
            ),
            false => write!(
                f,
                "the positions spread over an object of {rows:.3e} x {columns:.3e} px, of which the \
                 patterns, {height} x {width} px each, cover next to nothing or which no memory \
                 holds (at most {MAX_AREA} px)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: usize, columns: usize, step: f64) -> Vec<Position> {
        let at =
            |i: usize| Position { y: step * (i / columns) as f64, x: step * (i % columns) as f64 };
        (0..rows * columns).map(at).collect()
    }

    #[test]
    fn millimetres_for_metres_are_told_from_a_sparse_scan() {
        let window = (48, 48);
        for step in [4.0, 48.0, 190.0] {
            assert_eq!(spread_out(&grid(8, 10, step), window), None, "{step}");
        }
        for (factor, word) in [(1e3, "millimetres"), (1e6, "micrometres"), (1e9, "nanometres")] {
            let found = spread_out(&grid(8, 10, 4.0 * factor), window).unwrap();
            assert!(found.apart && found.mistaken_unit().unwrap().contains(word), "{found}");
        }
        let found = spread_out(&grid(8, 10, 4000.0), window).unwrap().to_string();
        assert!(found.contains("4000 px apart") && found.contains("48 x 48 px"), "{found}");
    }

    #[test]
    fn an_object_that_the_windows_hardly_touch_is_told() {
        let mut scan = grid(8, 10, 4.0);
        scan[3] = Position { y: 9e3, x: 9e3 };
        let found = spread_out(&scan, (48, 48)).unwrap();
        assert!(!found.apart && found.mistaken_unit().is_none(), "{found}");
        // Large, but covered; and a long line.
        assert_eq!(spread_out(&grid(100, 100, 90.0), (128, 128)), None);
        assert_eq!(spread_out(&[scan[0], Position { y: 0.0, x: 1e5 }], (8, 8)), None);
        assert_eq!(spread_out(&[], (8, 8)), None);
        assert_eq!(spread_out(&[Position { y: f64::NAN, x: 0.0 }; 5], (8, 8)), None);
    }
}
