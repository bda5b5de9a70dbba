//! Patterns that their file has as a near field and that are taken as a far one.
//!
//! Fresnel's integral in its scaled form is one transform of the exit wave under a quadratic phase,
//! which belongs to the probe, on object pixels of d' = lambda z / (N p) with p the detector's. The
//! near field has object pixels d and the Fresnel number F = d p / (lambda z), so that d' = d / (N
//! F), whatever of these is known in metres.

use super::coordinates;
use super::found::Found;
use super::geometry::{object_pixel, stated};
use super::reframe::PATCHES;
use super::stack::Stack;
use crate::metadata;
use crate::options::{Geometry, ReadOptions};
use crate::physics::{FRESNEL_NUMBER, SLICE_FRESNEL_NUMBER};
use crate::scans::SCAN_PROBES;

/// Brings positions onto the pixels of the far field where the file's own account states a near
/// field and the options a far one, and leaves out what lies on the other pixels. Where nothing
/// tells both, nothing changes.
///
/// `by_optics` is the side of an object pixel of the far field, metres, for patterns as they are
/// stored, and whether the user says the optics; a pixel that the user says, of patterns of a
/// window with pixels `finer` along (y, x), goes before them.
pub(super) fn apply(
    found: &mut Found,
    (by_optics, said): (Option<(f64, f64)>, bool),
    finer: (f64, f64),
    own_scan: bool,
    options: &ReadOptions,
    notes: &mut Vec<String>,
) {
    let was_near = found.metadata.as_ref().and_then(stated) == Some(Geometry::NearField);
    let is_far = options.geometry == Some(Geometry::FarField);
    if !(was_near && is_far) {
        return;
    }
    let pixel = options.pixel_size.map(|side| (side * finer.0, side * finer.1));
    let (by_optics, said) = (pixel.or(by_optics), pixel.is_some() || said);
    let metadata = found.metadata.get_or_insert_default();
    // Positions that were metres are on the pixels of who has spoken already.
    let of_positions = found.pixel.filter(|_| found.in_metres);
    let own = object_pixel(metadata).or(found.pixel);
    let number = metadata::physics_parameter(metadata, FRESNEL_NUMBER);
    let number = number.filter(|&number| number > 0.0 && number.is_finite());
    let Some((height, width)) = found.stack.as_ref().map(Stack::pattern_shape) else { return };
    let smaller = match (number, own, by_optics) {
        (_, Some((y, x)), Some((far_y, far_x))) if said || number.is_none() => {
            (y / far_y, x / far_x)
        }
        (Some(number), ..) => (height as f64 * number, width as f64 * number),
        _ => return,
    };
    if !(smaller.0 > 0.0 && smaller.1 > 0.0 && smaller.0.is_finite() && smaller.1.is_finite()) {
        return;
    }
    let far = pixel.or(own.map(|(y, x)| (y / smaller.0, x / smaller.1)));
    let area = smaller.0 * smaller.1;
    if let Some(slices) = metadata::physics_parameter(metadata, SLICE_FRESNEL_NUMBER) {
        metadata::set_physics_parameter(metadata, SLICE_FRESNEL_NUMBER, slices / area);
    }
    metadata::remove_physics_parameter(metadata, "probe_diameter_px");
    let moved = of_positions.zip(far).map(|((y, x), far)| (y / far.0, x / far.1));
    coordinates::stretch(found, moved.unwrap_or(smaller), own_scan);
    if far.is_some() {
        found.pixel = far;
    }
    let sides = match far {
        Some((y, x)) => format!("of {y:.4e} m x {x:.4e} m"),
        None => "of unknown size".to_owned(),
    };
    notes.push(format!(
        "geometry: a near field taken as a far one, whose object pixels, {sides}, are {:.4} and {:.4} \
         times those of the file along y and x; the positions are in these",
        1.0 / smaller.0,
        1.0 / smaller.1
    ));
    let fields = found.extras.len();
    found.extras.retain(|(name, _)| ![PATCHES, SCAN_PROBES].contains(&name.as_str()));
    let probe = match options.companion {
        None => found.probe.take().is_some(),
        // It is what is said.
        Some(_) => false,
    };
    if found.object.take().is_some() || probe || found.extras.len() < fields {
        notes.push("object and probe: left out, for they lie on the pixels of a near field".into());
    }
}
