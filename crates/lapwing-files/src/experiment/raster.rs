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

/// Turns positions about the middle of their bounding box by an angle, degrees, from rows (y)
/// towards columns (x): y' = y cos - x sin, x' = y sin + x cos.
pub(crate) fn turn(scan: &mut [Position], degrees: f64) {
    let Some((y0, y1, x0, x1)) = bounding_box(scan) else { return };
    let (y, x) = ((y0 + y1) / 2.0, (x0 + x1) / 2.0);
    let (sin, cos) = degrees.to_radians().sin_cos();
    for position in scan {
        let (dy, dx) = (position.y - y, position.x - x);
        *position = Position { y: y + dy * cos - dx * sin, x: x + dy * sin + dx * cos };
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
        turn(&mut scan, 90.0);
        for (position, (y, x)) in scan.iter().zip([(10.0, 7.0), (10.0, 3.0)]) {
            assert!((position.y - y).abs() < 1e-12 && (position.x - x).abs() < 1e-12);
        }
    }
}
