//! Trajectories of the probe over a field of view, and the object array that holds all their
//! windows.
//!
//! A scan is a list of window centres. [`generate`] makes it inside a field of view `(height,
//! width)` in pixels, with the field's minimum corner at (0, 0); [`fit`] says by how much to move
//! it, and how large an object must be, so that every window fits.

use crate::position::bounding_box;
use crate::random::generator;
use crate::{Position, Window};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

/// Most positions that a scan may have: a guard against a step that is too small by mistake.
const MAX_POSITIONS: f64 = 1e7;

/// Most positions that a spiral may pass on its way to the corners of the field, inside it or not:
/// a long, narrow field lies in a round spiral that has far more of them.
const MAX_PASSED: f64 = 1e8;

/// Largest field of view, and largest object array, pixels of area: 2^30, such as 32,768 x 32,768.
pub const MAX_AREA: usize = 1 << 30;

/// Largest displacement of a jittered raster, along each axis, as a fraction of the step.
pub const JITTER: f64 = 0.25;

/// How the probe moves over the field of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ScanKind {
    /// Rows and columns one step apart. Its periodicity shows in reconstructions ("raster
    /// pathology").
    Raster,
    /// A raster whose positions are displaced by up to [`JITTER`] steps along each axis.
    #[default]
    Jittered,
    /// The Fermat spiral, with the golden angle between successive positions: r = c sqrt(n + 1/2),
    /// phi = n pi (3 - sqrt 5).
    Fermat,
}

impl ScanKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Raster, Self::Jittered, Self::Fermat];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raster => "raster",
            Self::Jittered => "jittered",
            Self::Fermat => "fermat",
        }
    }
}

impl fmt::Display for ScanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ScanKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| format!("expected a scan (raster, jittered or fermat), found `{text}`"))
    }
}

/// How far apart the positions are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// The step, pixels.
    Step(f64),
    /// The linear overlap of neighbouring discs, in [0, 1): step = (1 - overlap) x probe diameter.
    Overlap(f64),
}

impl Spacing {
    /// The step in pixels, for a probe of `diameter` pixels (see
    /// [`probe::diameter`](crate::probe::diameter)).
    pub fn step(self, diameter: f64) -> Result<f64, ScanError> {
        let step = match self {
            Self::Step(step) => step,
            Self::Overlap(overlap) if !(0.0..1.0).contains(&overlap) => {
                return Err(ScanError::Overlap(overlap));
            }
            Self::Overlap(overlap) => (1.0 - overlap) * diameter,
        };
        if step > 0.0 && step.is_finite() { Ok(step) } else { Err(ScanError::Step(step)) }
    }
}

/// Why a scan cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ScanError {
    /// The step is not a usable number.
    #[error("step {0} px: expected a number greater than 0")]
    Step(f64),
    /// The overlap is out of range.
    #[error(
        "overlap {0}: expected at least 0 and less than 1 (step = (1 - overlap) x probe diameter)"
    )]
    Overlap(f64),
    /// The field of view is not a usable size.
    #[error("field of view {0} x {1} px: expected two numbers >= 0 (height, width)")]
    FieldOfView(f64, f64),
    /// There would be far too many positions.
    #[error(
        "about {0:.3e} positions: expected at most 1e7; use a larger step or a smaller field of view"
    )]
    TooMany(f64),
    /// The spiral would be nearly all outside of the field of view.
    #[error(
        "a spiral to the corners of this long, narrow field of view passes about {0:.3e} positions, nearly all outside of \
         it: expected at most 1e8; use a larger step, another field of view, or a raster"
    )]
    LongSpiral(f64),
    /// The field of view is larger than any object.
    #[error(
        "field of view {0:.6e} x {1:.6e} px: expected an area of at most 2^30 px (such as 32,768 x 32,768), which the object \
         array must hold; use a smaller field of view, whatever the step"
    )]
    FieldTooLarge(f64, f64),
}

/// Window centres of a scan over a field of view `(height, width)`, all inside [0, height] x [0,
/// width], pixels.
///
/// `step` is the distance of neighbours in a raster. A spiral has the same density, one position
/// for every step^2, that is c = step / sqrt(pi); its neighbours are about one step apart. Rasters
/// are centred in the field and run row by row; a jittered raster covers a field smaller by the
/// jitter. The jitter draws from the generator `scan jitter` of `seed`.
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

/// Where a scan goes on an object array that holds all of its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Shape `(rows, columns)` of the object array.
    pub shape: (usize, usize),
    /// What to add to every position, `(y, x)` whole pixels: sub-pixel parts stay as they are.
    pub offset: (i64, i64),
}

impl Placement {
    /// The scan moved onto the object array.
    pub fn place(&self, scan: &[Position]) -> Vec<Position> {
        let (y, x) = (self.offset.0 as f64, self.offset.1 as f64);
        scan.iter().map(|p| Position { y: p.y + y, x: p.x + x }).collect()
    }
}

/// The smallest object array, and the offset, for which all windows of shape `(height, width)` lie
/// at least `margin` pixels inside. `None` for an empty scan, for positions that are not finite,
/// and when the array would be larger than [`MAX_AREA`].
pub fn fit(scan: &[Position], (height, width): (usize, usize), margin: usize) -> Option<Placement> {
    let (y_min, y_max, x_min, x_max) = bounding_box(scan)?;
    if scan.iter().any(|p| !(p.y.is_finite() && p.x.is_finite())) {
        return None;
    }
    let corner = |y: f64, x: f64| Window::of(Position { y, x }, (height, width));
    let (first, last) = (corner(y_min, x_min), corner(y_max, x_max));
    let rows = last.row.checked_sub(first.row)?.unsigned_abs();
    let columns = last.column.checked_sub(first.column)?.unsigned_abs();
    let side = |travel: usize, window: usize| {
        travel.checked_add(window)?.checked_add(margin.checked_mul(2)?)
    };
    let shape = (side(rows, height)?, side(columns, width)?);
    if shape.0.checked_mul(shape.1)? > MAX_AREA {
        return None;
    }
    Some(Placement {
        shape,
        offset: (margin as i64 - first.row as i64, margin as i64 - first.column as i64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ForwardModel;

    #[test]
    fn raster_is_centred_regular_and_complete() {
        let scan = generate(ScanKind::Raster, 10.0, (25.0, 40.0), 0).unwrap();
        assert_eq!(scan.len(), 3 * 5);
        assert_eq!(scan[0], Position { y: 2.5, x: 0.0 });
        assert_eq!(scan[1], Position { y: 2.5, x: 10.0 });
        assert_eq!(scan[14], Position { y: 22.5, x: 40.0 });
        assert_eq!(generate(ScanKind::Raster, 0.1, (0.3, 0.0), 0).unwrap().len(), 4);
        assert_eq!(
            generate(ScanKind::Raster, 10.0, (0.0, 0.0), 0).unwrap(),
            [Position { y: 0.0, x: 0.0 }]
        );
    }

    #[test]
    fn every_kind_stays_in_the_field_and_has_the_density_of_the_step() {
        for kind in ScanKind::ALL {
            for (step, field) in [(7.0, (300.0, 210.0)), (3.3, (100.0, 400.0))] {
                let scan = generate(kind, step, field, 5).unwrap();
                assert!(
                    scan.iter()
                        .all(|p| (0.0..=field.0).contains(&p.y) && (0.0..=field.1).contains(&p.x))
                );
                // A raster has up to (a + 1)(b + 1) positions where the density alone gives a b.
                let density = field.0 * field.1 / (step * step);
                let ratio = scan.len() as f64 / density;
                assert!((0.95..1.1).contains(&ratio), "{kind}: {ratio}");
            }
        }
    }

    #[test]
    fn fermat_neighbours_are_about_a_step_apart() {
        let scan = generate(ScanKind::Fermat, 6.0, (120.0, 120.0), 0).unwrap();
        for (index, p) in scan.iter().enumerate() {
            let others = scan.iter().enumerate().filter(|(other, _)| *other != index);
            let nearest = others.map(|(_, q)| p.distance(*q)).fold(f64::INFINITY, f64::min);
            assert!((0.8 * 6.0..1.25 * 6.0).contains(&nearest), "{nearest}");
        }
    }

    #[test]
    fn jitter_is_seeded_bounded_and_fills_its_range() {
        let make = |seed| generate(ScanKind::Jittered, 8.0, (160.0, 160.0), seed).unwrap();
        assert_eq!(make(3), make(3));
        assert_ne!(make(3), make(4));
        // The border of 2 px leaves 156 px: 19 steps, the grid centred.
        let scan = make(3);
        assert_eq!(scan.len(), 20 * 20);
        let offsets: Vec<f64> =
            scan.iter().enumerate().map(|(i, p)| p.y - (4.0 + 8.0 * (i / 20) as f64)).collect();
        let (low, high) =
            offsets.iter().fold((0.0_f64, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
        assert!((-2.0..-1.9).contains(&low) && (1.9..=2.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn overlap_is_linear_in_the_diameter() {
        assert!((Spacing::Overlap(0.7).step(128.0).unwrap() - 38.4).abs() < 1e-12);
        assert!((Spacing::Overlap(0.2).step(128.0).unwrap() - 102.4).abs() < 1e-12);
        assert_eq!(Spacing::Step(5.0).step(128.0), Ok(5.0));
        assert_eq!(Spacing::Overlap(1.0).step(128.0), Err(ScanError::Overlap(1.0)));
        assert!(Spacing::Overlap(f64::NAN).step(128.0).is_err());
        assert_eq!(Spacing::Overlap(0.5).step(0.0), Err(ScanError::Step(0.0)));
    }

    #[test]
    fn nonsense_is_refused_and_names_parse_back() {
        assert!(generate(ScanKind::Raster, 0.0, (10.0, 10.0), 0).is_err());
        assert!(generate(ScanKind::Raster, f64::NAN, (10.0, 10.0), 0).is_err());
        assert!(generate(ScanKind::Fermat, 1.0, (-1.0, 10.0), 0).is_err());
        let error = generate(ScanKind::Fermat, 1e-3, (1e3, 1e3), 0).unwrap_err();
        assert!(error.to_string().contains("larger step"));
        for (step, field) in [(1e3, (1e6, 1e6)), (1e17, (1e18, 1e18)), (1e299, (1e300, 0.0))] {
            let error = generate(ScanKind::Jittered, step, field, 0).unwrap_err();
            assert_eq!(error, ScanError::FieldTooLarge(field.0, field.1));
            assert!(error.to_string().contains("whatever the step"));
        }
        for kind in ScanKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("spiral".parse::<ScanKind>().unwrap_err().contains("raster, jittered or fermat"));
    }

    #[test]
    fn a_spiral_that_is_nearly_all_outside_the_field_is_refused() {
        // 8e5 positions inside, pi / 4 (200000^2 + 4^2) = 3.1e10 on the way to the corners.
        let error = generate(ScanKind::Fermat, 1.0, (200_000.0, 4.0), 0).unwrap_err();
        let ScanError::LongSpiral(passed) = error else { panic!("{error}") };
        assert!((passed / 3.141_592_66e10 - 1.0).abs() < 1e-6, "{passed}");
        assert!(generate(ScanKind::Raster, 1.0, (200_000.0, 4.0), 0).is_ok());
        // Narrow, but within reason.
        let scan = generate(ScanKind::Fermat, 2.0, (2000.0, 20.0), 0).unwrap();
        assert!((scan.len() as f64 / 10_000.0 - 1.0).abs() < 0.1, "{}", scan.len());
    }

    #[test]
    fn objects_too_large_to_hold_are_not_fitted() {
        let corners = |side: f64| [Position { y: 0.0, x: 0.0 }, Position { y: side, x: side }];
        let largest = 32_768.0 - 16.0;
        assert_eq!(fit(&corners(largest), (16, 16), 0).unwrap().shape, (32_768, 32_768));
        assert_eq!(fit(&corners(largest + 1.0), (16, 16), 0), None);
        assert_eq!(fit(&corners(1e18), (16, 16), 0), None);
        assert_eq!(fit(&corners(0.0), (usize::MAX, 1), 0), None);
    }

    #[test]
    fn the_fitted_object_holds_every_window_with_the_margin_and_not_a_pixel_more() {
        for window in [(16, 16), (9, 12)] {
            let scan = generate(ScanKind::Fermat, 3.7, (61.3, 44.9), 0).unwrap();
            let placement = fit(&scan, window, 3).unwrap();
            let placed = placement.place(&scan);
            let windows: Vec<Window> = placed.iter().map(|p| Window::of(*p, window)).collect();
            let extremes =
                |values: Vec<isize>| (values.iter().min().copied(), values.iter().max().copied());
            let (top, bottom) = extremes(windows.iter().map(|w| w.row).collect());
            let (left, right) = extremes(windows.iter().map(|w| w.column).collect());
            assert_eq!((top, left), (Some(3), Some(3)));
            assert_eq!(bottom.unwrap() as usize + window.0 + 3, placement.shape.0);
            assert_eq!(right.unwrap() as usize + window.1 + 3, placement.shape.1);
            for (before, after) in scan.iter().zip(&placed) {
                assert!(ForwardModel::new(window).window(*after, placement.shape).is_ok());
                let moved = after.y - before.y - placement.offset.0 as f64;
                assert!(moved.abs() < 1e-12);
            }
        }
        assert_eq!(fit(&[], (4, 4), 0), None);
        assert_eq!(fit(&[Position { y: f64::NAN, x: 0.0 }], (4, 4), 0), None);
    }
}
