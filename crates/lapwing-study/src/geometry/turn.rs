//! Positions exchanged and turned about their mean.

use lapwing_model::Position;

/// Exchanges and turns positions about their mean.
pub fn turned_about(scan: &mut [Position], transposed: bool, degrees: f64) {
    let count = scan.len().max(1) as f64;
    let (y, x) =
        scan.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.y / count, sum.1 + at.x / count));
    let map = orthogonal(transposed, degrees);
    for at in scan {
        let (dy, dx) = (at.y - y, at.x - x);
        *at = Position {
            y: y + map[0][0] * dy + map[0][1] * dx,
            x: x + map[1][0] * dy + map[1][1] * dx,
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
