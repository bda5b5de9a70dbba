//! Positions that no file tells: those of a raster, and what turns positions.

use lapwing_model::Position;
use lapwing_model::position::bounding_box;

/// Window centres of a raster of (rows, columns) in the order in which it is run through, around
/// zero, at steps of (y, x) pixels; where it is a `snake`, every other row runs backwards.
pub(crate) fn raster(
    (rows, columns): (usize, usize),
    (dy, dx): (f64, f64),
    snake: bool,
) -> (Vec<f64>, Vec<f64>) {
    let middle = |count: usize| (count as f64 - 1.0) / 2.0;
    let place = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let backwards = snake && row % 2 == 1;
        let column = if backwards { columns - 1 - column } else { column };
        ((row as f64 - middle(rows)) * dy, (column as f64 - middle(columns)) * dx)
    };
    (0..rows * columns).map(place).unzip()
}

/// The middle of the bounding box of positions.
pub(crate) fn middle(scan: &[Position]) -> Position {
    let (y0, y1, x0, x1) = bounding_box(scan).unwrap_or_default();
    Position { y: (y0 + y1) / 2.0, x: (x0 + x1) / 2.0 }
}

/// Turns positions about a point by an angle, degrees, from rows (y) towards columns (x): y' =
/// y cos - x sin, x' = y sin + x cos, where y and x are lengths. The positions are in pixels of
/// sides (y, x), of which only the ratio counts.
pub(crate) fn turn(scan: &mut [Position], about: Position, degrees: f64, sides: (f64, f64)) {
    let Position { y, x } = about;
    for position in scan {
        let from = Position { y: position.y - y, x: position.x - x };
        let to = turned(from, degrees, sides);
        *position = Position { y: y + to.y, x: x + to.x };
    }
}

/// A displacement turned as [`turn`] does positions.
pub(crate) fn turned(Position { y, x }: Position, degrees: f64, sides: (f64, f64)) -> Position {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Position {
        y: y * cos - x * (sides.1 / sides.0) * sin,
        x: y * (sides.0 / sides.1) * sin + x * cos,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snake_turns_round_at_the_end_of_each_row() {
        let (y, x) = raster((2, 3), (2.0, 1.0), true);
        assert_eq!(y, [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]);
        assert_eq!(x, [-1.0, 0.0, 1.0, 1.0, 0.0, -1.0]);
        assert_eq!(raster((2, 3), (2.0, 1.0), false).1, [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_quarter_turn_takes_rows_to_columns() {
        let mut scan = vec![Position { y: 12.0, x: 5.0 }, Position { y: 8.0, x: 5.0 }];
        let about = middle(&scan);
        turn(&mut scan, about, 90.0, (1.0, 1.0));
        for (position, (y, x)) in scan.iter().zip([(10.0, 7.0), (10.0, 3.0)]) {
            assert!((position.y - y).abs() < 1e-12 && (position.x - x).abs() < 1e-12);
        }
    }

    #[test]
    fn positions_turn_as_lengths_where_pixels_are_no_squares() {
        // A square of side 6 in pixels of 2 x 3 is a square of side 6 at any angle.
        let mut scan: Vec<Position> = [(0.0, 0.0), (3.0, 0.0), (3.0, 2.0), (0.0, 2.0)]
            .map(|(y, x)| Position { y, x })
            .to_vec();
        let about = middle(&scan);
        turn(&mut scan, about, 30.0, (2e-9, 3e-9));
        let length = |a: usize, b: usize| {
            (2.0 * (scan[a].y - scan[b].y)).hypot(3.0 * (scan[a].x - scan[b].x))
        };
        for corner in 0..4 {
            assert!((length(corner, (corner + 1) % 4) - 6.0).abs() < 1e-12);
        }
        assert!((length(0, 2) - length(1, 3)).abs() < 1e-12);
        // Along y first: turned from rows towards columns.
        let (dy, dx) = (2.0 * (scan[1].y - scan[0].y), 3.0 * (scan[1].x - scan[0].x));
        assert!((dx.atan2(dy).to_degrees() - 30.0).abs() < 1e-9);
    }
}
