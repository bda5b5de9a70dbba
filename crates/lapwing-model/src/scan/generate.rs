//! The trajectories.

use super::{MAX_AREA, ScanError, ScanKind};
use crate::Position;
use crate::random::generator;
use rand::RngExt;
use std::f64::consts::PI;

/// Most positions that a scan may have: a guard against a step that is too small by mistake.
const MAX_POSITIONS: f64 = 1e7;

/// Most positions that a spiral may pass on its way to the corners of the field, inside it or not:
/// a long, narrow field lies in a round spiral that has far more of them.
const MAX_PASSED: f64 = 1e8;

/// Largest displacement of a jittered raster, along each axis, as a fraction of the step.
pub const JITTER: f64 = 0.25;

/// Window centres of a scan over a field of view `(height, width)`, all inside [0, height] x [0,
/// width], pixels.
///
/// `step` is the distance of neighbours in a raster. A spiral has the same density, one position
/// for every step^2, that is c = step / sqrt(pi); its neighbours are about one step apart. Rasters
/// are centred in the field and run row by row; a jittered raster covers a field smaller by the
/// jitter. The jitter draws from the generator `scan jitter` of `seed`.
///
/// # Errors
/// A step or a field that makes no scan, and more positions or pixels than there may be.
pub fn generate(
    kind: ScanKind,
    step: f64,
    (height, width): (f64, f64),
    seed: u64,
) -> Result<Vec<Position>, ScanError> {
    if !(step > 0.0 && step.is_finite()) {
        return Err(ScanError::Step(step));
    }
    let usable = |side: f64| side >= 0.0 && side.is_finite();
    if !(usable(height) && usable(width)) {
        return Err(ScanError::FieldOfView(height, width));
    }
    // At least a pixel wide: a line of windows is no smaller.
    if height.max(1.0) * width.max(1.0) > MAX_AREA as f64 {
        return Err(ScanError::FieldTooLarge(height, width));
    }
    let number = (height / step + 1.0) * (width / step + 1.0);
    if number > MAX_POSITIONS {
        return Err(ScanError::TooMany(number));
    }
    if kind == ScanKind::Fermat && spiral_length(step, (height, width)) > MAX_PASSED {
        return Err(ScanError::LongSpiral(spiral_length(step, (height, width))));
    }
    Ok(match kind {
        ScanKind::Raster => raster(step, (height, width), 0.0),
        ScanKind::Jittered => {
            let reach = JITTER * step;
            let mut draws = generator(seed, "scan jitter", 0);
            let mut displaced = |centre: f64, side: f64| {
                // A side shorter than the jitter's own width holds one line in its middle.
                let reach = reach.min(side / 2.0);
                (centre + reach * draws.random_range(-1.0..=1.0)).clamp(0.0, side)
            };
            let lines = raster(step, (height, width), reach);
            lines
                .into_iter()
                .map(|p| Position { y: displaced(p.y, height), x: displaced(p.x, width) })
                .collect()
        }
        ScanKind::Fermat => fermat(step, (height, width)),
    })
}

fn raster(step: f64, (height, width): (f64, f64), border: f64) -> Vec<Position> {
    let line = |side: f64| -> Vec<f64> {
        // A hair of tolerance: 3 steps of 0.1 fit into 0.3.
        let intervals = ((side - 2.0 * border).max(0.0) / step + 1e-9).floor();
        (0..=intervals as usize).map(|n| side / 2.0 + step * (n as f64 - intervals / 2.0)).collect()
    };
    let columns = line(width);
    line(height).iter().flat_map(|&y| columns.iter().map(move |&x| Position { y, x })).collect()
}

/// Number of positions of a spiral from the middle of the field to its corners: (radius / c)^2 with
/// c = step / sqrt(pi).
fn spiral_length(step: f64, (height, width): (f64, f64)) -> f64 {
    PI * ((height / 2.0).hypot(width / 2.0) / step).powi(2)
}

fn fermat(step: f64, (height, width): (f64, f64)) -> Vec<Position> {
    let golden_angle = PI * (3.0 - 5.0_f64.sqrt());
    let c = step / PI.sqrt();
    let (middle_y, middle_x) = (height / 2.0, width / 2.0);
    let last = spiral_length(step, (height, width)).floor() as usize;
    (0..=last)
        .map(|n| {
            let (radius, angle) = (c * (n as f64 + 0.5).sqrt(), n as f64 * golden_angle);
            Position { y: middle_y + radius * angle.sin(), x: middle_x + radius * angle.cos() }
        })
        .filter(|p| (0.0..=height).contains(&p.y) && (0.0..=width).contains(&p.x))
        .collect()
}
