//! Doses that give every view of a study the same photons on the specimen.

use crate::Result;
use crate::design::condition::{View, expected_dose, whole_dose};
use crate::design::{Design, DesignError, Exposures, Source};
use crate::geometry::overlap::covered_area;
use crate::run::dataset::sample::Sample;
use crate::run::dataset::stream::Streaming;
use crate::run::study::{measured, possible};
use lapwing_files::dialect::object_pixel;
use lapwing_model::{Position, probe};

/// Where a scan looks, and with what.
pub(super) struct Geometry {
    /// Positions, object pixels.
    pub scan: Vec<Position>,
    /// Diameter of the disc, pixels.
    pub diameter: f64,
    /// Side of an object pixel, metres.
    pub pixel_size: Option<f64>,
}

/// `design` with the dose per pattern that each of its fluences is for every view: the fluence
/// times the area that the discs of the view's positions cover, over their number, of the splits of
/// the study together, to whole photons. A design without fluences as it is.
///
/// # Errors
/// When the base cannot be read, the side of a pixel must be known and is not, or a dose is less
/// than half a photon or more than can be simulated.
pub fn settled(design: &Design) -> Result<Design> {
    settled_in(design, Streaming::Auto)
}

/// [`settled`], in the memory that there is.
pub(super) fn settled_in(design: &Design, stream: Streaming) -> Result<Design> {
    if design.study.fluences.is_empty() {
        return Ok(design.clone());
    }
    let geometry = Geometry::of(design, stream)?;
    let told = || design.goal.as_ref()?.pixel_size_m;
    let pixel_size = geometry.pixel_size.or_else(told);
    let area = design.study.fluence_area.pixels(pixel_size).ok_or_else(|| {
        let expected = "pixel_size_m in [base], [specimen] or [goal], the object\u{2019}s pixel in metres, or \
                        fluence_area = \"px\" beside them, for photons per pixel of the object";
        DesignError::rule("study.fluences", expected, "no size of a pixel")
    })?;
    let mut exposures = Exposures::new();
    for &view in &design.study.views {
        let per_pixel = geometry.patterns_per_pixel(design, view);
        let dose = |fluence: &f64| {
            let photons = fluence / area / per_pixel;
            whole_dose(photons.round()).ok_or_else(|| {
                let expected = format!("fluences of {}", expected_dose());
                let found = format!("{fluence}, which is {photons:.3e} in the {view} view");
                DesignError::rule("study.fluences", expected, found)
            })
        };
        let doses = design.study.fluences.iter().map(dose).collect::<Result<Vec<_>, _>>()?;
        exposures.insert(view, doses);
    }
    let mut settled = design.clone();
    settled.study.exposures = exposures;
    Ok(settled)
}

impl Geometry {
    pub fn of(design: &Design, stream: Streaming) -> Result<Self> {
        let Source::Measured { base, .. } = &design.source else {
            let sample = Sample::of(design)?;
            let told = design.source.pixel_size()?;
            let stored = || {
                let (y, x) = sample.metadata.as_ref().and_then(object_pixel)?;
                Some((y * x).sqrt())
            };
            let pixel_size = told.or_else(stored);
            let diameter = probe::diameter(sample.probe.view());
            return Ok(Self { scan: sample.scan, diameter, pixel_size });
        };
        measured::geometry(design, base, stream)
    }

    /// Number of positions of a view over the pixels that their discs cover, of the splits of the
    /// study together. Of a view that cannot be made, that of the whole scan.
    pub(super) fn patterns_per_pixel(&self, design: &Design, view: View) -> f64 {
        let kept = |&split| possible::kept(design, &self.scan, view, split);
        let all: Vec<Position> = design.study.splits.iter().filter_map(kept).flatten().collect();
        let all = if all.is_empty() { &self.scan } else { &all };
        all.len() as f64 / covered_area(all, self.diameter).max(1.0)
    }
}
