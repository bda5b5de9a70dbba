//! The Siemens star: resolution at a glance.

use crate::{Complex32, Field};
use std::f64::consts::TAU;

/// Number of spokes.
const SPOKES: f64 = 36.0;
/// Amplitude and phase, radians, of a spoke; the ground has amplitude 1 and phase 0.
const SPOKE: (f64, f64) = (0.75, 0.9);

/// Spokes over the whole field from a hub in its middle, cut by rings whose radii double.
///
/// Edges are anti-aliased by the covered area of each pixel, taken along the normal. At radius r
/// the period is 2 pi r / 36 pixels; where it falls below 2.5 pixels the hub begins.
pub(super) fn make((rows, columns): (usize, usize)) -> Field {
    let (middle_y, middle_x) = ((rows as f64 - 1.0) / 2.0, (columns as f64 - 1.0) / 2.0);
    let hub = 2.5 * SPOKES / TAU;
    let outer = middle_y.min(middle_x).max(1.0);
    Field::from_shape_fn((rows, columns), |(y, x)| {
        let (dy, dx) = (y as f64 - middle_y, x as f64 - middle_x);
        let (radius, angle) = (dy.hypot(dx), dy.atan2(dx));
        // Distance in pixels to the nearest spoke edge, positive inside a spoke.
        let spoke = (SPOKES * angle).sin().asin() / SPOKES * radius;
        let mut inside = covered(spoke);
        // Gaps of 4 % of the radius, at least 3 px, at 0.95, 0.475, ... of the inscribed circle,
        // and on to the corners.
        let octave = (radius / (0.95 * outer)).max(1e-6).log2().round();
        let ring = 0.95 * outer * octave.exp2();
        if ring > 1.6 * hub {
            let half_gap = (0.02 * ring).max(1.5);
            inside *= covered((radius - ring).abs() - half_gap);
        }
        inside = inside.max(covered(hub - radius));
        let amplitude = 1.0 + (SPOKE.0 - 1.0) * inside;
        Complex32::from_polar(amplitude as f32, (SPOKE.1 * inside) as f32)
    })
}

/// Share of a pixel's area inside an edge that is `distance` pixels away (positive: the centre is
/// inside).
fn covered(distance: f64) -> f64 {
    (distance + 0.5).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_crosses_thirty_six_spokes() {
        let field = make((301, 301));
        let on_circle = |step: f64| {
            let angle = TAU * step / 7200.0;
            let (y, x) = (150.0 + 100.0 * angle.sin(), 150.0 + 100.0 * angle.cos());
            field[(y.round() as usize, x.round() as usize)].arg() > 0.45
        };
        let edges =
            (0..7200).filter(|&n| on_circle(f64::from(n)) != on_circle(f64::from(n + 1))).count();
        assert_eq!(edges, 72);
        // Half of the circle is spoke.
        let share = (0..7200).filter(|&n| on_circle(f64::from(n))).count() as f64 / 7200.0;
        assert!((share - 0.5).abs() < 0.03, "{share}");
    }

    #[test]
    fn half_a_turn_leaves_it_unchanged() {
        // Thirty-six is even: the star is symmetric under a rotation by pi.
        let field = make((64, 81));
        for ((y, x), value) in field.indexed_iter() {
            assert!((value - field[(63 - y, 80 - x)]).norm() < 1e-4);
        }
    }
}
