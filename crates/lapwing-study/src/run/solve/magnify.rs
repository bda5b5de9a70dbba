//! The object pixel of near-field patterns whose beam diverges by an unknown amount, from how far
//! the images move.

use crate::Result;
use crate::run::dataset::data::intensities;
use crate::run::solve::start_probe::pixel;
use lapwing_draw::{Axis, Mark, Plot, Series};
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Magnified {
    /// Pixels of the detector for each pixel that the positions were counted in.
    pub magnification: f64,
    /// Its standard deviation.
    pub magnification_sd: f64,
    /// Side of an object pixel, metres.
    pub pixel_size_m: f64,
    /// How far positions are apart, and how far their images moved, for pairs of them.
    #[serde(skip)]
    pairs: Vec<([f64; 2], [f64; 2])>,
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

    /// Key and value of an experiment file that says how such a detector sees the sample.
    pub fn geometry() -> (&'static str, &'static str, String) {
        ("detector", "geometry", format!("{:?}", Geometry::NearField.name()))
    }

    /// A picture of what it was found by, as a PNG: how far images moved over how far their
    /// positions are apart, with the line of the magnification.
    pub fn picture(&self) -> Vec<u8> {
        let along = |axis: usize| -> Vec<(f64, f64)> {
            self.pairs.iter().map(|(apart, moved)| (apart[axis], moved[axis])).collect()
        };
        let [y, x] = [along(0), along(1)];
        let farthest = y.iter().chain(&x).fold(0.0_f64, |most, (apart, _)| most.max(apart.abs()));
        let line = [-1.0, 1.0].map(|end| (end * farthest, end * farthest * self.magnification));
        let mut plot = Plot::new(
            "how far the specimen moves from image to image",
            Axis::linear("positions apart, pixels of the detector as read"),
            Axis::linear("images apart, pixels of the detector"),
        );
        let fit = format!("{:.4} +- {:.1e} times", self.magnification, self.magnification_sd);
        plot.series = vec![
            Series::new("along y", 0, Mark::Symbols, y),
            Series::new("along x", 1, Mark::Symbols, x),
            Series::new(fit, 2, Mark::Line, line),
        ];
        plot.size = (640.0, 360.0);
        plot.png(1.5)
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
    // A beam that diverges magnifies.
    if by - 1.0 < PARALLEL || shifts.sd > SURE * by || shifts.turn() > PLAIN {
        return Ok(None);
    }
    let pixel_size_m = assumed / by;
    let (magnification_sd, pairs) = (shifts.sd, shifts.pairs);
    Ok(Some(Magnified { magnification: by, magnification_sd, pixel_size_m, pairs }))
}

/// Finds and applies a magnification, and returns it in words.
pub(crate) fn magnify(dataset: &mut Dataset) -> Result<Option<String>> {
    let found = magnification(dataset)?;
    if let Some(found) = &found {
        found.apply(dataset);
    }
    Ok(found.map(|found| found.to_string()))
}

/// The object's pixel of near-field patterns, metres, where it is the detector's.
fn assumed(dataset: &Dataset) -> Option<f64> {
    if dataset.geometry != Some(Geometry::NearField) {
        return None;
    }
    let known = dataset.metadata.as_ref()?;
    // What was said of the Fresnel number, or of the object's pixel, decides it.
    if lapwing_files::physics::stated_fresnel_number(known).is_some() {
        return None;
    }
    let optics = FarFieldOptics::of(known)?;
    let (pitch, assumed) = ((optics.pitch.0 * optics.pitch.1).sqrt(), pixel(dataset)?);
    ((assumed / pitch - 1.0).abs() <= 1e-6).then_some(assumed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_pairs_and_their_line() {
        let pairs = (1..20).map(|n| [f64::from(n), f64::from(n % 4)]);
        let found = Magnified {
            magnification: 25.0,
            magnification_sd: 0.1,
            pixel_size_m: 1e-7,
            pairs: pairs.map(|apart| (apart, apart.map(|apart| 25.0 * apart))).collect(),
        };
        assert!(found.picture().starts_with(b"\x89PNG"));
        let none = Magnified { pairs: Vec::new(), ..found };
        assert!(none.picture().starts_with(b"\x89PNG"));
    }
}
