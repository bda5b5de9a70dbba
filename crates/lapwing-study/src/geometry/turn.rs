//! Positions exchanged and turned about their mean.

use lapwing_model::Position;

/// Exchanges and turns positions about their mean, as lengths: they are in pixels of sides (y, x),
/// of which only the ratio counts.
pub fn turned_about(scan: &mut [Position], transposed: bool, degrees: f64, sides: (f64, f64)) {
    let count = scan.len().max(1) as f64;
    let (y, x) =
        scan.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.y / count, sum.1 + at.x / count));
    let map = orthogonal(transposed, degrees);
    for at in scan {
        let (dy, dx) = (at.y - y, at.x - x);
        *at = Position {
            y: y + map[0][0] * dy + map[0][1] * dx * (sides.1 / sides.0),
            x: x + map[1][0] * dy * (sides.0 / sides.1) + map[1][1] * dx,
        };
    }
}

/// The map of an exchange followed by a rotation, rows (y, x).
pub fn orthogonal(transposed: bool, degrees: f64) -> [[f64; 2]; 2] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    match transposed {
        false => [[cos, -sin], [sin, cos]],
        true => [[-sin, cos], [cos, sin]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_one_of_lengths() {
        // Sides of 2 and 3: (3, 0) and (0, 2) pixels are both 6 long.
        let mut scan = [(3.0, 0.0), (-3.0, 0.0)].map(|(y, x)| Position { y, x });
        turned_about(&mut scan, true, 0.0, (2.0, 3.0));
        assert!((scan[0].x - 2.0).abs() < 1e-12 && scan[0].y.abs() < 1e-12, "{:?}", scan[0]);
        // On from columns to rows: y' = y cos - x sin.
        turned_about(&mut scan, false, 90.0, (2.0, 3.0));
        assert!((scan[0].y + 3.0).abs() < 1e-12 && scan[0].x.abs() < 1e-12, "{:?}", scan[0]);
    }
}
