//! The object pixel of near-field patterns whose beam diverges by an unknown amount, from how far
//! the images move.

use crate::Result;
use crate::run::dataset::data::intensities;
use crate::run::solve::start_probe::pixel;
use lapwing_files::options::Geometry;
use lapwing_files::{Dataset, dialect::FarFieldOptics, metadata};
use lapwing_solve::calibrate::image_shifts;
use serde::Serialize;
use std::fmt;

/// Magnifications closer to 1 than this are those of a parallel beam.
const PARALLEL: f64 = 0.1;
/// How sure a magnification must be, as a share of it, and how far it may be from a plain one.
const SURE: f64 = 0.05;
const PLAIN: f64 = 0.2;

/// How much larger the images are than the object, by how far they move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Magnified {
    /// Pixels of the detector for each pixel that the positions were counted in.
    pub magnification: f64,
    /// Its standard deviation.
    pub magnification_sd: f64,
    /// Side of an object pixel, metres.
    pub pixel_size_m: f64,
}

impl fmt::Display for Magnified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "object pixel: {:.3e} m, by how far the images move from position to position (a beam \
             that diverges, {:.4} +- {:.1e} times larger on the detector); say --pixel-size-m to \
             decide it",
            self.pixel_size_m, self.magnification, self.magnification_sd
        )
    }
}

impl Magnified {
    /// The keys of an experiment file that say it: section, key and value.
    pub fn keys(&self) -> [(&'static str, &'static str, String); 1] {
        [("object", "pixel_size_m", format!("{:.6e}", self.pixel_size_m))]
    }

    /// Brings positions and pixel of near-field patterns, which were read as those of a parallel
    /// beam, to this magnification.
    pub fn apply(&self, dataset: &mut Dataset) {
        for at in &mut dataset.scan {
            (at.y, at.x) = (self.magnification * at.y, self.magnification * at.x);
        }
        dataset.object = None;
        let stored = dataset.metadata.get_or_insert_default();
        metadata::set_physics_parameter(stored, "pixel_size_m", self.pixel_size_m);
    }
}

/// The magnification by which the images of near-field patterns, which were read as those of a
/// parallel beam, move from position to position; `None` where the object's pixel is not the
/// detector's, which somebody has said, or where the images do not tell.
///
/// # Errors
/// When there is no room for intensities beside patterns that are kept in a file.
pub fn magnification(dataset: &Dataset) -> Result<Option<Magnified>> {
    let Some(assumed) = assumed(dataset) else { return Ok(None) };
    let Ok(shifts) = image_shifts(intensities(dataset)?.view(), &dataset.scan) else {
        return Ok(None);
    };
    let by = shifts.magnification();
    if (by - 1.0).abs() < PARALLEL || shifts.sd > SURE * by || shifts.turn() > PLAIN {
        return Ok(None);
    }
    let pixel_size_m = assumed / by;
    Ok(Some(Magnified { magnification: by, magnification_sd: shifts.sd, pixel_size_m }))
}

/// Finds and applies a magnification, and returns it in words.
pub(crate) fn magnify(dataset: &mut Dataset) -> Result<Option<String>> {
    let found = magnification(dataset)?;
    if let Some(found) = found {
        found.apply(dataset);
    }
    Ok(found.map(|found| found.to_string()))
}

/// The object's pixel of near-field patterns, metres, where it is the detector's.
fn assumed(dataset: &Dataset) -> Option<f64> {
    if dataset.geometry != Some(Geometry::NearField) {
        return None;
    }
    let optics = FarFieldOptics::of(dataset.metadata.as_ref()?)?;
    let (pitch, assumed) = ((optics.pitch.0 * optics.pitch.1).sqrt(), pixel(dataset)?);
    ((assumed / pitch - 1.0).abs() <= 1e-6).then_some(assumed)
}
