//! What lies where the positions of a file do, brought into other coordinates with them: the stated
//! motion of an exposure, and arrays of other positions.

use lapwing_model::{Position, Short};

use super::found::Found;
use super::geometry::relative_sides;
use super::shared::{are_followed, follow_positions, followed};
use crate::experiment::raster::{turn, turned};
use crate::metadata;
use crate::npy::Array;
use crate::options::{CoordinateOrder, ReadOptions};
use crate::physics;

/// Names of arrays (y, x) that hold positions beside those of the scan itself.
const PLACES: [[&str; 2]; 2] =
    [["ycoords_start", "xcoords_start"], ["true_ycoords", "true_xcoords"]];

/// An affine map of positions, which leaves one in its place.
struct Map {
    /// Rows (y, x).
    linear: [[f64; 2]; 2],
    /// What stays.
    about: Position,
}

impl Map {
    /// Of a linear function.
    fn of(linear: impl Fn(Position) -> Position, about: Position) -> Self {
        let (y, x) = (linear(Position { y: 1.0, x: 0.0 }), linear(Position { y: 0.0, x: 1.0 }));
        Self { linear: [[y.y, x.y], [y.x, x.x]], about }
    }
}

/// Exchanges and reverses what goes with the file's own positions as these were.
pub(super) fn follow(
    found: &mut Found,
    sides: (f64, f64),
    options: &ReadOptions,
    notes: &mut Vec<String>,
) {
    if let Some(own) = &mut found.metadata {
        follow_positions(own, sides, options, notes);
    }
    if are_followed(options) {
        let map = Map::of(|at| followed(at, sides, options), Position { y: 0.0, x: 0.0 });
        carry(found, &map, "exchanged and reversed", notes);
    }
}

/// Multiplies positions by factors along (y, x), and where they are the file's own (`own_scan`)
/// what goes with them.
pub(super) fn stretch(found: &mut Found, (y, x): (f64, f64), own_scan: bool) {
    found.stretch((y, x));
    if own_scan && (y, x) != (1.0, 1.0) {
        let scaled = |at: Position| Position { y: at.y * y, x: at.x * x };
        if let Some(own) = &mut found.metadata {
            physics::move_motion(own, scaled);
        }
        carry(found, &Map::of(scaled, Position { y: 0.0, x: 0.0 }), "scaled", &mut Vec::new());
    }
}

/// What is known of the sides of an object pixel.
pub(super) struct Known {
    /// Along (y, x), metres.
    pub pixel: Option<(f64, f64)>,
    /// Sides of the detector's pixels, of which only the ratio counts.
    pub detector: Option<(f64, f64)>,
    /// Height over width, where nothing else is known.
    pub ratio: Option<f64>,
    /// Rows and columns of the detector that the patterns span.
    pub window: (usize, usize),
    /// Whether the patterns are images.
    pub near: bool,
    /// Pixels per pixel of the object that there was before a window was cut, along (y, x).
    pub finer: (f64, f64),
    /// Whether the positions are the file's own.
    pub own_scan: bool,
}

impl Known {
    /// Sides of an object pixel along (y, x), of which only the ratio counts.
    fn sides(&self) -> (f64, f64) {
        let of_detector = || relative_sides(self.detector, self.window, self.near);
        let ratio = self.ratio.filter(|_| self.detector.is_none());
        self.pixel.unwrap_or_else(|| ratio.map_or_else(of_detector, |ratio| (ratio, 1.0)))
    }

    /// The pixels in words, where they are no squares.
    fn in_words(&self) -> Option<String> {
        let (y, x) = self.sides();
        let ratio = y / x;
        if (ratio - 1.0).abs() <= 1e-6 {
            return None;
        }
        Some(match (self.pixel, self.detector.or(self.ratio.map(|ratio| (ratio, 1.0)))) {
            (None, None) => format!(
                ", as if the pixels of the detector were squares, for nothing says their sides: then \
                 those of the object are {ratio:.3} times as high as wide (--detector-pixel-size-m \
                 Y,X or what makes a pixel of the object says it)"
            ),
            (None, Some(_)) => format!(
                ", in pixels of the object {ratio:.3} times as high as wide, of which only that is \
                 known"
            ),
            (Some(_), _) => format!(", in pixels of the object {ratio:.3} times as high as wide"),
        })
    }
}

/// Makes an exchange of lengths of one of numbers of pixels, where the options exchange and the
/// positions were in pixels; where they are the file's own, of what goes with them too. Whether
/// they were.
pub(super) fn exchange_lengths(
    found: &mut Found,
    known: &Known,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> bool {
    if options.coordinate_order != Some(CoordinateOrder::ColumnRow) || found.in_metres {
        return false;
    }
    let (y, x) = known.sides();
    // Other positions are in the pixels that are used.
    let finer = if known.own_scan { known.finer } else { (1.0, 1.0) };
    let ratio = (y * finer.0) / (x * finer.1);
    // Of squares nothing changes.
    if (ratio - 1.0).abs() <= 1e-9 {
        return true;
    }
    stretch(found, (1.0 / ratio, ratio), known.own_scan);
    notes.push(format!(
        "positions: exchanged as lengths{}",
        known.in_words().unwrap_or_else(|| ", in pixels of the object as stored".to_owned())
    ));
    true
}

/// States the sides (y, x) of the detector's pixels, metres, where positions were moved by them and
/// no pixel of the object tells their ratio to who moves them again.
pub(super) fn keep_pitch(found: &mut Found, (y, x): (f64, f64)) {
    let metadata = found.metadata.get_or_insert_default();
    metadata::set_physics_parameter(metadata, "detector_pixel_size_y_m", y);
    metadata::set_physics_parameter(metadata, "detector_pixel_size_x_m", x);
}

/// Turns the positions about a point, as lengths, and where they are the file's own what goes with
/// them.
pub(super) fn rotate(
    found: &mut Found,
    (degrees, about): (f64, Position),
    known: &Known,
    notes: &mut Vec<String>,
) {
    let Some(scan) = &mut found.scan else { return };
    let sides = known.sides();
    turn(scan, about, degrees, sides);
    let angle = Short(degrees);
    let pixels = known.in_words().filter(|_| known.pixel.is_none()).unwrap_or_default();
    notes.push(format!("positions: turned by {angle} degrees, as specified{pixels}"));
    if !known.own_scan {
        return;
    }
    let by = |at| turned(at, degrees, sides);
    if found.metadata.as_mut().is_some_and(|own| physics::move_motion(own, by)) {
        notes.push(format!("exposure_path_px: turned by {angle} degrees, as the positions"));
    }
    carry(found, &Map::of(by, about), "turned", notes);
}

/// Takes the arrays of [`PLACES`] along; of what cannot be told without the other coordinate
/// nothing is left.
fn carry(found: &mut Found, map: &Map, done: &str, notes: &mut Vec<String>) {
    for names in PLACES {
        let at = names.map(|name| found.extras.iter().position(|(other, _)| other == name));
        let read = at.map(|at| {
            let array = &found.extras[at?].1;
            Some((array.to_f64().ok()?, array.shape().to_vec()))
        });
        let there = [&read[0], &read[1]];
        let Some((first, shape)) = there.into_iter().flatten().next() else { continue };
        let about = [map.about.y, map.about.x];
        let moved = [0, 1].map(|to| {
            let mut sum = vec![about[to]; first.len()];
            for from in [0, 1].into_iter().filter(|&from| map.linear[to][from] != 0.0) {
                let (values, _) = there[from].as_ref().filter(|(_, other)| other == shape)?;
                let factor = map.linear[to][from];
                sum.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += factor * (value - about[from]));
            }
            Array::from(sum).reshape(shape.clone()).ok()
        });
        found.extras.retain(|(name, _)| !names.contains(&name.as_str()));
        for ((name, array), was) in names.into_iter().zip(moved).zip(at) {
            match array {
                Some(array) => {
                    found.extras.push((name.to_owned(), array));
                    notes.push(format!("{name}: {done} as the positions are"));
                }
                None if was.is_some() => notes.push(format!(
                    "{name}: left out, for it cannot be {done} as the positions are without {}",
                    names.into_iter().find(|&other| other != name).unwrap_or_default()
                )),
                None => {}
            }
        }
    }
}
