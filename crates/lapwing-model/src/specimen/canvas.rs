//! A scalar field that shapes with soft edges are painted on.

use ndarray::Array2;

/// 0 below `-width / 2`, 1 above `width / 2`, smooth between.
pub(super) fn soft_step(distance: f64, width: f64) -> f64 {
    let t = (distance / width + 0.5).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Calls `paint(y - centre_y, x - centre_x, value)` for every pixel within `reach` of the centre,
/// on a canvas of some rows, the first of which is row `top`.
pub(super) fn paint(
    canvas: &mut Array2<f64>,
    top: usize,
    (centre_y, centre_x): (f64, f64),
    reach: f64,
    mut paint: impl FnMut(f64, f64, &mut f64),
) {
    let (rows, columns) = canvas.dim();
    let span = |centre: f64, from: usize, to: usize| {
        let first = (centre - reach).floor().clamp(from as f64, to as f64) as usize;
        let last = ((centre + reach).ceil() + 1.0).clamp(from as f64, to as f64) as usize;
        first..last
    };
    for y in span(centre_y, top, top + rows) {
        for x in span(centre_x, 0, columns) {
            paint(y as f64 - centre_y, x as f64 - centre_x, &mut canvas[(y - top, x)]);
        }
    }
}
