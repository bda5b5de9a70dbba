//! The search for the map by which the images of the disc's parts coincide.

use super::curl::{by_curl, by_curl_of, near};
use super::disc::{Disc, mean};
use super::disc_images::{DiscImages, Map};
use super::phase::{Sign, sign};
use super::{CalibrateError, GoOn, ask, relative};
use crate::Flow;
use lapwing_model::Position;
use lapwing_model::parallel::InParallel;
use ndarray::ArrayView3;

/// Patterns that are looked at, at most: those in the middle of the scan.
const MOST: usize = 4000;
/// Patterns that are needed.
const LEAST: usize = 16;
/// Steps of the coarse search over the angle, degrees, and over the curvature, on either side.
const ANGLE: f64 = 6.0;
const STEPS: i32 = 20;
/// Shifts at the disc's edge, in steps of the scan, below which the images do not decide and the
/// deflection does.
const FOCUSED: f64 = 1.0;
/// Multiple of that up to which the deflection is of a probe that is sharp enough to compare.
const SHARP: f64 = 2.0;
/// Standard deviations within which two estimates agree.
const SIGMAS: f64 = 3.0;

/// Places that are looked at between two questions whether to go on.
const TOGETHER: usize = 64;

/// Rounds of a climb at most; one to a peak beside its start takes some tens.
const ROUNDS: usize = 400;

/// One map of a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Whether rows and columns of the scan were exchanged.
    pub transposed: bool,
    /// Angle by which it was turned after that, degrees.
    pub rotation_deg: f64,
    /// Curvature kappa of the probe, pixels squared.
    pub curvature: f64,
    /// How well the images coincide, 0 to 1.
    pub agreement: f64,
}

/// How a scan lies on the detector, and how far the probe is out of focus.
#[derive(Debug, Clone, PartialEq)]
pub struct Orientation {
    /// The best place of the search; its rotation is in (-90, 90].
    pub best: Candidate,
    /// Standard deviation of the rotation, degrees, from the difference between the two sides of
    /// the scan.
    pub rotation_sd: f64,
    /// Standard deviation of the curvature, pixels squared.
    pub curvature_sd: f64,
    /// The best agreement of the other handedness (exchanged, or not).
    pub other: f64,
    /// The agreement without any curvature.
    pub flat: f64,
    /// The rotation at which the deflection of the light has the least curl, an estimate
    /// independent of the shifts; of the angles that differ by half turns the one nearest to that
    /// of `best`.
    pub deflection_deg: f64,
    /// Its standard deviation, degrees, as that of the rotation; of the handedness that the
    /// deflection is of.
    pub deflection_sd: f64,
    /// Whether the deflection of the light decided, since the images hardly shift or since it is
    /// the surer of the two.
    pub by_deflection: bool,
    /// What distinguishes the specimen from its conjugate.
    pub sign: Sign,
    /// The coarse search.
    pub tried: Vec<Candidate>,
    /// The bright disc.
    pub disc: Disc,
}

impl Orientation {
    /// The other solution that explains the patterns as well: turned by 180 degrees, with the
    /// reverse curvature, of the conjugate specimen. Its rotation is in (90, 270].
    pub fn twin(&self) -> Self {
        let best = Candidate {
            rotation_deg: self.best.rotation_deg + 180.0,
            curvature: -self.best.curvature,
            ..self.best
        };
        let deflection_deg = self.deflection_deg + 180.0;
        Self { best, deflection_deg, sign: self.sign.reversed(), ..self.clone() }
    }
}

/// Defocus and astigmatism of the probe of a scan whose orientation is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Curvature {
    /// Curvature kappa, pixels squared.
    pub curvature: f64,
    /// Its standard deviation, from the difference between the two sides of the scan.
    pub curvature_sd: f64,
    /// Astigmatism: half the difference between the largest and the smallest curvature, pixels
    /// squared, and the direction of the largest, radians from columns (x) towards rows (y).
    pub astigmatism: (f64, f64),
    /// How well the images coincide, 0 to 1.
    pub agreement: f64,
    /// The same without any curvature.
    pub flat: f64,
    /// The search over the curvature: (curvature, agreement).
    pub tried: Vec<(f64, f64)>,
    /// The bright disc.
    pub disc: Disc,
}

/// The inverse of the scan's orthogonal map A: from the detector's directions to the scan's.
pub(super) fn to_scan(transposed: bool, rotation_deg: f64) -> Map {
    let (sin, cos) = rotation_deg.to_radians().sin_cos();
    // A = rotation . exchange, rows (y, x): y' = y cos - x sin.
    match transposed {
        false => [[cos, sin], [-sin, cos]],
        true => [[-sin, cos], [cos, sin]],
    }
}

pub(super) fn scaled(map: Map, factor: f64) -> Map {
    map.map(|row| row.map(|value| value * factor))
}

/// The shifts that a curvature causes, rows (y, x), with astigmatism along the axes (the curvature
/// along x is larger by `axes`) and along the diagonals.
fn shape_of(curvature: f64, axes: f64, diagonal: f64) -> Map {
    [[-(curvature - axes), -diagonal], [-diagonal, -(curvature + axes)]]
}

fn product(a: Map, b: Map) -> Map {
    [0, 1].map(|i| [0, 1].map(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j]))
}

/// What is searched over.
struct Ground<'a> {
    patterns: ArrayView3<'a, f32>,
    /// Positions as lengths.
    scan: Vec<Position>,
    /// Extent (y, x) of a pattern's window in their unit.
    window: (f64, f64),
    disc: Disc,
    /// Patterns that are looked at.
    taken: Vec<usize>,
    /// Largest curvature whose probe fits into the window.
    most: f64,
    /// Frequency at the disc's edge, cycles per pixel.
    edge: f64,
}

impl<'a> Ground<'a> {
    fn of(
        patterns: ArrayView3<'a, f32>,
        scan: &[Position],
        sides: (f64, f64),
    ) -> Result<Self, CalibrateError> {
        let (n, height, width) = patterns.dim();
        let sides = relative(sides);
        let scan: Vec<Position> =
            scan.iter().map(|at| Position { y: at.y * sides.0, x: at.x * sides.1 }).collect();
        let window = (height as f64 * sides.0, width as f64 * sides.1);
        if n != scan.len() || n < LEAST {
            return Err(CalibrateError::Patterns { patterns: n, positions: scan.len() });
        }
        let disc = Disc::of(mean(patterns).view())?;
        let centre = scan.iter().fold((0.0, 0.0), |sum, at| {
            (sum.0 + at.y / scan.len() as f64, sum.1 + at.x / scan.len() as f64)
        });
        let far = |index: &usize| (scan[*index].y - centre.0).hypot(scan[*index].x - centre.1);
        let mut taken: Vec<usize> = (0..n).collect();
        if n > MOST {
            taken.sort_by(|a, b| far(a).total_cmp(&far(b)));
            taken.truncate(MOST);
            taken.sort_unstable();
        }
        let side = window.0.min(window.1);
        let edge = disc.radius / side;
        Ok(Self { patterns, scan, window, disc, taken, most: 0.5 * side / edge, edge })
    }

    fn images(&self) -> Result<DiscImages, CalibrateError> {
        DiscImages::of(self.patterns, &self.scan, &self.disc, &self.taken, self.window)
    }

    /// The images of the two sides of the scan about its middle, along rows and along columns;
    /// those that cannot be made are left out.
    fn scan_sides(&self, go_on: GoOn<'_>) -> Result<Vec<[DiscImages; 2]>, CalibrateError> {
        let mut cut = |coordinate: fn(&Position) -> f64| {
            let mut places: Vec<f64> =
                self.taken.iter().map(|&index| coordinate(&self.scan[index])).collect();
            places.sort_unstable_by(f64::total_cmp);
            let middle = places[places.len() / 2];
            let (low, high): (Vec<usize>, Vec<usize>) =
                self.taken.iter().partition(|&&index| coordinate(&self.scan[index]) < middle);
            let mut images = |part: &[usize]| {
                ask(&mut *go_on)?;
                Ok::<_, CalibrateError>(match part.len() >= LEAST {
                    true => {
                        DiscImages::of(self.patterns, &self.scan, &self.disc, part, self.window)
                            .ok()
                    }
                    false => None,
                })
            };
            let (low, high) = (images(&low)?, images(&high)?);
            Ok::<_, CalibrateError>(low.zip(high).map(|(low, high)| [low, high]))
        };
        let both = [cut(|at| at.y)?, cut(|at| at.x)?];
        Ok(both.into_iter().flatten().collect())
    }
}

/// Standard deviation of a number of the whole scan, from its values on both sides of each pair.
fn deviation(pairs: &[[f64; 2]]) -> f64 {
    let squares: f64 = pairs.iter().map(|[a, b]| (a - b).powi(2) / 4.0).sum();
    if pairs.is_empty() { f64::NAN } else { (squares / pairs.len() as f64).sqrt() }
}

/// Climbs to a maximum of `value` from `start`, one coordinate at a time with steps that halve from
/// `steps` until they are a hundredth, in [`ROUNDS`] rounds at most: what rises for ever is no
/// peak. `go_on` is asked before each.
pub(super) fn climb<const N: usize>(
    start: [f64; N],
    steps: [f64; N],
    go_on: GoOn<'_>,
    value: impl Fn([f64; N]) -> f64,
) -> Result<([f64; N], f64), CalibrateError> {
    let (mut at, mut best) = (start, value(start));
    let mut scale = 1.0;
    for _ in 0..ROUNDS {
        ask(&mut *go_on)?;
        if scale <= 0.01 {
            break;
        }
        let mut moved = false;
        for axis in 0..N {
            for sign in [1.0, -1.0] {
                let mut next = at;
                next[axis] += sign * scale * steps[axis];
                let found = value(next);
                if found > best {
                    (at, best, moved) = (next, found, true);
                }
            }
        }
        if !moved {
            scale /= 2.0;
        }
    }
    Ok((at, best))
}

/// The orientation of a scan on the detector, from `patterns` (pattern, y, x), zero frequency in
/// the centre, and the window centres `scan` as given, in pixels of these `sides`. Rotation and
/// handedness are both searched.
///
/// # Errors
/// [`CalibrateError`] when the patterns do not determine it.
pub fn orientation(
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
    sides: (f64, f64),
) -> Result<Orientation, CalibrateError> {
    orientation_while(patterns, scan, sides, &mut || Flow::Continue)
}

/// [`orientation`], as long as `go_on`, which is asked some ten times a second, wants it.
///
/// # Errors
/// As for [`orientation`], and [`CalibrateError::Stopped`].
pub fn orientation_while(
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
    sides: (f64, f64),
    go_on: &mut dyn FnMut() -> Flow,
) -> Result<Orientation, CalibrateError> {
    ask(&mut *go_on)?;
    let ground = Ground::of(patterns, scan, sides)?;
    let images = ground.images()?;
    // A curvature kappa shifts the image at q by -kappa A^-1 q (see the module).
    let agreement = |images: &DiscImages, transposed: bool, degrees: f64, curvature: f64| {
        images.agreement(scaled(to_scan(transposed, degrees), -curvature))
    };
    let angles = (180.0 / ANGLE) as usize;
    let mut places = Vec::new();
    for transposed in [false, true] {
        for angle in 0..angles {
            for step in -STEPS..=STEPS {
                let rotation_deg = -90.0 + ANGLE * (angle + 1) as f64;
                let curvature = ground.most * f64::from(step) / f64::from(STEPS);
                places.push(Candidate { transposed, rotation_deg, curvature, agreement: 0.0 });
            }
        }
    }
    let mut tried = Vec::with_capacity(places.len());
    for places in places.chunks(TOGETHER) {
        ask(&mut *go_on)?;
        tried.extend(places.iter().in_parallel().map(|&at| Candidate {
            agreement: agreement(&images, at.transposed, at.rotation_deg, at.curvature),
            ..at
        }));
    }
    let best_of = |transposed: bool| {
        let of = tried.iter().filter(|at| at.transposed == transposed);
        *of.max_by(|a, b| a.agreement.total_cmp(&b.agreement)).expect("both were tried")
    };
    let flat = images.agreement([[0.0; 2]; 2]);
    let (straight, exchanged) = (best_of(false), best_of(true));
    let (coarse, other) = match exchanged.agreement > straight.agreement {
        true => (exchanged, straight.agreement),
        false => (straight, exchanged.agreement),
    };
    // An astigmatic probe would look like a turned scan, so both are fitted; one side of a scan is
    // too small for that and takes the astigmatism of the whole.
    let step = ground.most / f64::from(STEPS) / 2.0;
    let shifts = |[degrees, curvature, axes, diagonal]: [f64; 4]| {
        product(to_scan(coarse.transposed, degrees), shape_of(curvature, axes, diagonal))
    };
    let start = [coarse.rotation_deg, coarse.curvature, 0.0, 0.0];
    let ([degrees, curvature, axes, diagonal], reached) =
        climb(start, [ANGLE / 2.0, step, step, step], &mut *go_on, |at| {
            images.agreement(shifts(at))
        })?;
    let of_side = |images: &DiscImages, go_on: GoOn<'_>| {
        let start = [degrees, curvature];
        let found = climb(start, [ANGLE / 2.0, step], go_on, |[degrees, curvature]| {
            images.agreement(shifts([degrees, curvature, axes, diagonal]))
        });
        found.map(|(at, _)| at)
    };
    let shift = curvature.abs() * ground.edge / images.step;
    let parts = ground.scan_sides(&mut *go_on)?;
    let mut best = Candidate { rotation_deg: degrees, curvature, agreement: reached, ..coarse };
    let both = parts.iter().map(|[a, b]| Ok([of_side(a, &mut *go_on)?, of_side(b, &mut *go_on)?]));
    let found: Vec<[[f64; 2]; 2]> = both.collect::<Result<_, CalibrateError>>()?;
    let deviation_of =
        |at: usize| deviation(&found.iter().map(|[a, b]| [a[at], b[at]]).collect::<Vec<_>>());
    let (mut rotation_sd, mut curvature_sd) = (deviation_of(0), deviation_of(1));
    // The same by the deflection, which knows nothing of the shifts.
    let (exchanged, by_gradient) = by_curl(&images, &mut *go_on)?;
    let mut of_gradient = |images: &DiscImages| {
        let degrees = by_curl_of(images, exchanged, &mut *go_on)?.0;
        Ok::<_, CalibrateError>(near(degrees, by_gradient))
    };
    let pairs = parts.iter().map(|[a, b]| Ok([of_gradient(a)?, of_gradient(b)?]));
    let deflection_sd = deviation(&pairs.collect::<Result<Vec<_>, CalibrateError>>()?);
    // In focus the images hardly shift, but near it both tell: of two that agree the surer one.
    let apart = (near(by_gradient, degrees) - degrees).abs();
    let alike = exchanged == coarse.transposed
        && apart <= SIGMAS * rotation_sd.hypot(deflection_sd)
        && shift < SHARP * FOCUSED;
    let by_deflection = shift < FOCUSED || (alike && deflection_sd < rotation_sd);
    if by_deflection {
        let rotation_deg = near(by_gradient, degrees);
        best = Candidate { transposed: exchanged, rotation_deg, ..best };
        rotation_sd = deflection_sd;
        if shift < FOCUSED {
            curvature_sd = f64::NAN;
        }
    }
    while best.rotation_deg > 90.0 {
        best.rotation_deg -= 180.0;
        best.curvature = -best.curvature;
    }
    while best.rotation_deg <= -90.0 {
        best.rotation_deg += 180.0;
        best.curvature = -best.curvature;
    }
    let by_curl = by_curl_of(&images, best.transposed, &mut *go_on)?.0;
    let deflection_deg = near(by_curl, best.rotation_deg);
    let seen: Vec<Position> = ground.taken.iter().map(|&index| ground.scan[index]).collect();
    let map = to_scan(best.transposed, best.rotation_deg);
    let sign = sign(&images, map, best.curvature, &seen);
    Ok(Orientation {
        best,
        rotation_sd,
        curvature_sd,
        other,
        flat,
        deflection_deg,
        deflection_sd,
        by_deflection,
        sign,
        tried,
        disc: ground.disc,
    })
}

/// Defocus and astigmatism of the probe, from `patterns` (pattern, y, x), zero frequency in the
/// centre, at the window centres `scan`, whose orientation is right, in pixels of these `sides`.
///
/// # Errors
/// [`CalibrateError`] when the patterns do not determine it.
pub fn curvature(
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
    sides: (f64, f64),
) -> Result<Curvature, CalibrateError> {
    curvature_while(patterns, scan, sides, &mut || Flow::Continue)
}

/// [`curvature`], as long as `go_on`, which is asked some ten times a second, wants it.
///
/// # Errors
/// As for [`curvature`], and [`CalibrateError::Stopped`].
pub fn curvature_while(
    patterns: ArrayView3<'_, f32>,
    scan: &[Position],
    sides: (f64, f64),
    go_on: &mut dyn FnMut() -> Flow,
) -> Result<Curvature, CalibrateError> {
    ask(&mut *go_on)?;
    let ground = Ground::of(patterns, scan, sides)?;
    let images = ground.images()?;
    let map = |[mean, axes, diagonal]: [f64; 3]| shape_of(mean, axes, diagonal);
    let steps = 3 * STEPS;
    ask(&mut *go_on)?;
    let tried: Vec<(f64, f64)> = (-steps..=steps).in_parallel().map(|step| {
        let curvature = ground.most * f64::from(step) / f64::from(steps);
        (curvature, images.agreement(map([curvature, 0.0, 0.0])))
    });
    let coarse = tried.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |at| at.0);
    let step = ground.most / f64::from(steps);
    let refined = |images: &DiscImages, go_on: GoOn<'_>| {
        climb([coarse, 0.0, 0.0], [step, step, step], go_on, |at| images.agreement(map(at)))
    };
    let ([mean, axes, diagonal], agreement) = refined(&images, &mut *go_on)?;
    let parts = ground.scan_sides(&mut *go_on)?;
    let mut of_side =
        |images: &DiscImages| Ok::<_, CalibrateError>(refined(images, &mut *go_on)?.0[0]);
    let pairs = parts.iter().map(|[a, b]| Ok([of_side(a)?, of_side(b)?]));
    let pairs: Vec<[f64; 2]> = pairs.collect::<Result<_, CalibrateError>>()?;
    Ok(Curvature {
        curvature: mean,
        curvature_sd: deviation(&pairs),
        astigmatism: (axes.hypot(diagonal), 0.5 * diagonal.atan2(axes)),
        agreement,
        flat: images.agreement([[0.0; 2]; 2]),
        tried,
        disc: ground.disc,
    })
}

#[cfg(test)]
mod tests {
    use super::climb;
    use crate::Flow;
    use crate::calibrate::CalibrateError;
    use std::cell::Cell;

    #[test]
    fn a_climb_ends_at_a_peak_and_on_a_slope_without_one() {
        let peak = |[y, x]: [f64; 2]| -(y - 7.3).powi(2) - (x + 2.0).powi(2);
        let on = &mut || Flow::Continue;
        let (at, _) = climb([0.0, 0.0], [1.0, 1.0], on, peak).unwrap();
        assert!((at[0] - 7.3).abs() < 0.02 && (at[1] + 2.0).abs() < 0.02, "{at:?}");
        let calls = Cell::new(0);
        let counted = |[y]: [f64; 1]| {
            calls.set(calls.get() + 1);
            y
        };
        let (at, _) = climb([0.0], [1.0], on, counted).unwrap();
        assert!(at[0] > 100.0 && calls.get() < 1000, "{at:?} {}", calls.get());
        calls.set(0);
        let stopped = climb([0.0], [1.0], &mut || Flow::Stop, counted);
        assert_eq!((stopped, calls.get()), (Err(CalibrateError::Stopped), 1));
    }
}
