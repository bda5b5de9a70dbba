//! The rotation of a scan by the deflection of the light, which is the gradient of a phase and has
//! no curl.

use super::disc_images::{DiscImages, Map};
use super::search::{climb, to_scan};
use super::{CalibrateError, GoOn};

/// The angle next to `to` of those that differ by half turns.
pub(super) fn near(degrees: f64, to: f64) -> f64 {
    degrees + 180.0 * ((to - degrees) / 180.0).round()
}

/// Share of the deflection that is a gradient, in the frame of a scan: 1 where its curl is zero.
fn gradient(deflection: &[[(f64, f64); 2]], over: &[(f64, f64)], map: Map) -> f64 {
    let (mut along, mut all) = (0.0, 0.0);
    for ([y, x], &(q_y, q_x)) in deflection.iter().zip(over) {
        let (a, b) = (q_y * map[0][0] + q_x * map[1][0], q_y * map[0][1] + q_x * map[1][1]);
        let (re, im) = (a * y.0 + b * x.0, a * y.1 + b * x.1);
        along += (re * re + im * im) / (q_y * q_y + q_x * q_x);
        all += y.0 * y.0 + y.1 * y.1 + x.0 * x.0 + x.1 * x.1;
    }
    if all > 0.0 { along / all } else { 0.0 }
}

/// The angle at which the deflection has the least curl, and its share of gradient.
pub(super) fn by_curl_of(
    images: &DiscImages,
    transposed: bool,
    go_on: GoOn<'_>,
) -> Result<(f64, f64), CalibrateError> {
    let deflection = images.deflection();
    let share = |degrees: f64| gradient(&deflection, &images.over, to_scan(transposed, degrees));
    let coarse = (0..90).map(|step| 2.0 * f64::from(step)).map(|degrees| (degrees, share(degrees)));
    let start = coarse.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |(degrees, _)| degrees);
    let ([degrees], best) = climb([start], [1.0], go_on, |[degrees]| share(degrees))?;
    Ok((degrees, best))
}

/// The handedness and the angle at which it has the least curl.
pub(super) fn by_curl(images: &DiscImages, go_on: GoOn<'_>) -> Result<(bool, f64), CalibrateError> {
    let straight = by_curl_of(images, false, &mut *go_on)?;
    let exchanged = by_curl_of(images, true, go_on)?;
    Ok(match exchanged.1 > straight.1 {
        true => (true, exchanged.0),
        false => (false, straight.0),
    })
}
