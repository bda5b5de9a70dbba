//! Where the probe stands: window centres, and the windows on the object array that they cut.

use serde::{Deserialize, Serialize};

/// Centre of a pattern's window in pixels of the object array (see the conventions in
/// `ARCHITECTURE.md`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Row coordinate, pixels.
    pub y: f64,
    /// Column coordinate, pixels.
    pub x: f64,
}

impl Position {
    /// Euclidean distance to another position, pixels.
    pub fn distance(self, other: Self) -> f64 {
        (self.y - other.y).hypot(self.x - other.x)
    }

    /// Whether both coordinates are numbers.
    pub fn is_finite(self) -> bool {
        self.y.is_finite() && self.x.is_finite()
    }
}

/// The window of a position: an integer minimum corner on the object array, and the sub-pixel rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// First object row that the window covers; negative when the window leaves the array.
    pub row: isize,
    /// First object column that the window covers.
    pub column: isize,
    /// Rest of the row coordinate, in [-0.5, 0.5] pixels: the probe is shifted by it inside the
    /// window.
    pub rest_y: f64,
    /// Rest of the column coordinate.
    pub rest_x: f64,
}

impl Window {
    /// The window of shape `(height, width)` centred on `position`.
    ///
    /// The minimum corner is `(y - floor(height / 2), x - floor(width / 2))`, rounded to the
    /// nearest pixel, ties to even.
    pub fn of(position: Position, (height, width): (usize, usize)) -> Self {
        let (y, x) = (position.y - (height / 2) as f64, position.x - (width / 2) as f64);
        let (row, column) = (y.round_ties_even(), x.round_ties_even());
        Self { row: row as isize, column: column as isize, rest_y: y - row, rest_x: x - column }
    }

    /// Whether the window of shape `(height, width)` lies wholly inside an object array of shape
    /// `object`.
    pub fn fits(&self, (height, width): (usize, usize), object: (usize, usize)) -> bool {
        let inside = |start: isize, length: usize, limit: usize| {
            start >= 0 && (start as usize).checked_add(length).is_some_and(|end| end <= limit)
        };
        inside(self.row, height, object.0) && inside(self.column, width, object.1)
    }
}

/// Smallest box `(y_min, y_max, x_min, x_max)` that holds all positions, or `None` for an empty
/// scan.
pub fn bounding_box(scan: &[Position]) -> Option<(f64, f64, f64, f64)> {
    let first = scan.first()?;
    Some(scan.iter().fold((first.y, first.y, first.x, first.x), |(y0, y1, x0, x1), p| {
        (y0.min(p.y), y1.max(p.y), x0.min(p.x), x1.max(p.x))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corner_is_centre_minus_half_and_the_rest_is_sub_pixel() {
        let window = Window::of(Position { y: 40.0, x: 35.25 }, (64, 64));
        assert_eq!((window.row, window.column), (8, 3));
        assert_eq!((window.rest_y, window.rest_x), (0.0, 0.25));
        // Odd windows have their centre at floor(N / 2); ties go to the even pixel.
        let window = Window::of(Position { y: 10.5, x: 11.5 }, (5, 5));
        assert_eq!((window.row, window.column), (8, 10));
        assert_eq!((window.rest_y, window.rest_x), (0.5, -0.5));
    }

    #[test]
    fn fits_only_inside_the_object() {
        let window = Window { row: 0, column: 3, rest_y: 0.0, rest_x: 0.0 };
        assert!(window.fits((4, 4), (4, 7)));
        assert!(!window.fits((4, 4), (4, 6)));
        assert!(!Window { row: -1, ..window }.fits((4, 4), (9, 9)));
    }
}
