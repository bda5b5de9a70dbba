//! How the positions of a scan may differ from where its patterns were taken: an affine map, and an
//! even drift.
//!
//! ```text
//! A = s R(theta) [[a, 0], [g, 1 / a]]          R' = A (R - mean R) + mean R
//! R_j' = R_j + (j / (n - 1) - 1/2) d
//! ```

use crate::Position;

/// An affine map of the positions, about their mean; the default changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// s
    pub scale: f64,
    /// a, the ratio of rows to columns, squared.
    pub aspect: f64,
    /// theta, from rows towards columns, radians.
    pub rotation: f64,
    /// g, of columns with rows.
    pub shear: f64,
}

impl Default for Affine {
    fn default() -> Self {
        Self { scale: 1.0, aspect: 1.0, rotation: 0.0, shear: 0.0 }
    }
}

impl Affine {
    /// A, rows (y, x).
    pub fn matrix(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = self.rotation.sin_cos();
        let (a, g) = (self.aspect, self.shear);
        let inner = [[a, 0.0], [g, 1.0 / a]];
        let turn = [[cos, -sin], [sin, cos]];
        let at = |row: usize, column: usize| {
            self.scale * (turn[row][0] * inner[0][column] + turn[row][1] * inner[1][column])
        };
        [[at(0, 0), at(0, 1)], [at(1, 0), at(1, 1)]]
    }

    /// The positions after the map.
    pub fn applied(&self, scan: &[Position]) -> Vec<Position> {
        let count = scan.len().max(1) as f64;
        let (y, x) =
            scan.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.y / count, sum.1 + at.x / count));
        let [[yy, yx], [xy, xx]] = self.matrix();
        scan.iter()
            .map(|at| {
                let (dy, dx) = (at.y - y, at.x - x);
                Position { y: y + yy * dy + yx * dx, x: x + xy * dy + xx * dx }
            })
            .collect()
    }
}

/// A drift of the specimen against the beam at an even speed: pattern j of n, in the order in which
/// they are stored, was at R + (j / (n - 1) - 1/2) d. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EvenDrift {
    /// d along rows, pixels.
    pub y: f64,
    /// d along columns, pixels.
    pub x: f64,
}

impl EvenDrift {
    /// The positions after the drift.
    pub fn applied(&self, scan: &[Position]) -> Vec<Position> {
        let last = scan.len().saturating_sub(1).max(1) as f64;
        let each = scan.iter().enumerate();
        each.map(|(index, at)| {
            let share = index as f64 / last - 0.5;
            Position { y: at.y + share * self.y, x: at.x + share * self.x }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_even_and_leaves_the_middle_where_it_is() {
        let drift = EvenDrift { y: 2.0, x: -4.0 };
        let found = drift.applied(&[Position { y: 5.0, x: 7.0 }; 3]);
        let expected = [(4.0, 9.0), (5.0, 7.0), (6.0, 5.0)];
        assert_eq!(found, expected.map(|(y, x)| Position { y, x }));
        assert_eq!(EvenDrift::default().applied(&found), found);
    }

    #[test]
    fn a_map_is_scale_times_rotation_times_stretch_and_shear() {
        let map = Affine { scale: 2.0, aspect: 1.0, rotation: 0.0, shear: 0.0 };
        assert_eq!(map.matrix(), [[2.0, 0.0], [0.0, 2.0]]);
        let turned = Affine { rotation: std::f64::consts::FRAC_PI_2, ..Affine::default() };
        let scan = [Position { y: 1.0, x: 0.0 }, Position { y: -1.0, x: 0.0 }];
        let found = turned.applied(&scan);
        assert!(found[0].y.abs() < 1e-12 && (found[0].x - 1.0).abs() < 1e-12);
        let [[a, b], [c, d]] =
            Affine { scale: 1.1, aspect: 1.2, rotation: 0.3, shear: 0.4 }.matrix();
        assert!((a * d - b * c - 1.21).abs() < 1e-12);
    }
}
