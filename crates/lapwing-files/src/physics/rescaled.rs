//! Stated physics where a part of the detector is used, or pixels of it are summed.

use lapwing_model::Position;
use lapwing_model::forward::Physics;

use super::{BLUR, FRESNEL_NUMBER, MOTION, SLICE_FRESNEL_NUMBER, motion_of, record_motion};
use crate::dialect::geometry::PIXEL_RATIO;
use crate::metadata::{self, Metadata};

/// Pitch of the detector along y and along x.
const PITCH: [&str; 2] = ["detector_pixel_size_y_m", "detector_pixel_size_x_m"];

/// What became of the pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rescaled {
    /// Pixels of the object per pixel that there was before, along (y, x).
    pub finer: (f64, f64),
    /// Pixels of the detector that are summed along each axis.
    pub binning: usize,
}

/// Writes what metadata state of the physics for these pixels, and says what it was.
///
/// A Fresnel number is that of one object pixel, dx^2 / (wavelength distance): it goes with the
/// pixel's area, the motion of an exposure with the pixel's inverse. The blur and the pitch are
/// those of the detector, whose pixels only binning makes others. What is stated in metres (the gap
/// between slices, the wavelength) stays.
pub(crate) fn rescale(metadata: &mut Metadata, to: Rescaled) -> Vec<String> {
    let (finer_y, finer_x) = to.finer;
    let binning = to.binning as f64;
    let mut notes = Vec::new();
    let mut multiply = |metadata: &mut Metadata, name: &str, factor: f64| {
        let Some(before) = metadata::physics_parameter(metadata, name) else { return };
        if factor != 1.0 {
            metadata::set_physics_parameter(metadata, name, before * factor);
            notes.push(format!(
                "{name}: {:.6} here, where the file states {before}",
                before * factor
            ));
        }
    };
    for name in [FRESNEL_NUMBER, SLICE_FRESNEL_NUMBER] {
        multiply(metadata, name, 1.0 / (finer_y * finer_x));
    }
    multiply(metadata, BLUR, 1.0 / binning);
    multiply(metadata, PIXEL_RATIO, finer_x / finer_y);
    for name in PITCH {
        if let Some(pitch) = metadata::physics_parameter(metadata, name) {
            metadata::set_physics_parameter(metadata, name, pitch * binning);
        }
    }
    let stated = metadata.get("physics_parameters").and_then(|of| of.get(MOTION));
    if let Some(places) = stated.and_then(motion_of)
        && to.finer != (1.0, 1.0)
    {
        let scaled = |at: &Position| Position { y: at.y * finer_y, x: at.x * finer_x };
        // Steps of a straight path stay about half a pixel long.
        let motion = match Physics::path(&places) {
            Some((y, x)) => Physics::fly((y * finer_y, x * finer_x)),
            None => places.iter().map(scaled).collect(),
        };
        record_motion(metadata, &motion);
        notes.push(format!("{MOTION}: in the pixels used here"));
    }
    notes
}
