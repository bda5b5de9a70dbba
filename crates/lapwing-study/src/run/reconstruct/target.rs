//! What a reconstruction is compared with, and over which areas.

use super::{CompareWith, Request};
use crate::{Result, StudyError};
use lapwing_compare::{Comparison, Coverage, Metrics, Region, compare, coverage};
use lapwing_files::remarks::is_uniform;
use lapwing_model::{Complex32, Field, Modes, Object, Position};
use lapwing_solve::uncertainty::ErrorMaps;
use ndarray::{ArrayView2, s};

impl Request {
    /// What the reconstruction will be compared with, settled before the work of reconstructing.
    /// `Err` inside says why there will be no comparison though one was asked for.
    pub(super) fn target(
        &self,
        truth: Option<Object>,
        probe: Option<&Modes>,
        own: &[Position],
    ) -> Result<std::result::Result<Option<Target>, String>> {
        let scan = match &self.comparison {
            CompareWith::Nothing => return Ok(Ok(None)),
            CompareWith::Truth => own,
            CompareWith::TruthOver(scan) => scan,
        };
        let (Some(truth), Some(probe)) = (truth, probe) else {
            return match &self.comparison {
                CompareWith::Truth => Err(StudyError::Invalid(
                    "no comparison possible: the data set has no objectGuess to compare with"
                        .to_owned(),
                )),
                _ => Ok(Err("the data set has no objectGuess to compare with".to_owned())),
            };
        };
        let placeholder = |object: &Object, place: &str| {
            is_uniform(object)
                .then(|| format!("objectGuess is the same {place}: a placeholder, no truth"))
        };
        if let Some(text) = placeholder(&truth, "everywhere") {
            return Ok(Err(text));
        }
        let region = match Region::from_scan(truth.shape(), scan, probe.view()) {
            Ok(region) => region,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let spanned = Region::spanned(truth.shape(), scan)
            .map_or(region.shape(), |(rows, columns)| (rows.len(), columns.len()));
        let seen = truth.slices().slice_move(s![.., region.rows(), region.columns()]).to_owned();
        let seen = Object::from_slices(seen);
        if let Some(text) = seen.and_then(|seen| placeholder(&seen, "wherever the scan goes")) {
            return Ok(Err(text));
        }
        let own_area = match &self.comparison {
            CompareWith::TruthOver(_) if scan == own => OwnArea::Same,
            // A view can cover too little for numbers of its own.
            CompareWith::TruthOver(_) => Region::from_scan(truth.shape(), own, probe.view())
                .map_or(OwnArea::None, OwnArea::Region),
            _ => OwnArea::None,
        };
        let slices = (truth.n_slices() > 1).then(|| truth.clone());
        Ok(Ok(Some(Target { truth: truth.into_projection(), slices, region, spanned, own_area })))
    }
}

/// What to compare a reconstruction with, and over which areas.
pub(super) struct Target {
    truth: Field,
    /// The slices of which the truth is the product, where there are several.
    slices: Option<Object>,
    region: Region,
    /// Shape (y, x) of what the scan spans.
    spanned: (usize, usize),
    own_area: OwnArea,
}

/// The area of the data set's own positions.
enum OwnArea {
    None,
    /// The area of the comparison itself.
    Same,
    Region(Region),
}

/// A comparison, and the numbers over the data set's own area beside it.
pub(super) struct Compared {
    pub comparison: Comparison,
    /// The numbers over the own area.
    pub own_area: Option<Metrics>,
}

impl Target {
    /// Every slice against the true one, each aligned by itself; none where there are not as many.
    ///
    /// # Errors
    /// When a slice cannot be compared.
    pub fn compare_slices(&self, object: &Object) -> Result<Vec<Metrics>> {
        let Some(truth) = self.slices.as_ref().filter(|of| of.n_slices() == object.n_slices())
        else {
            return Ok(Vec::new());
        };
        let (each, truth_slices) = (object.slices(), truth.slices());
        let pairs = each.outer_iter().zip(truth_slices.outer_iter());
        let compared = pairs.map(|(found, truth)| compare(found, truth, &self.region));
        compared.map(|found| Ok(found?.metrics)).collect()
    }

    /// Shapes (y, x) of the part that is compared and of all that the scan spans, where that is too
    /// large to be compared.
    pub fn part(&self) -> Option<[(usize, usize); 2]> {
        let part = self.region.shape();
        (part != self.spanned).then_some([part, self.spanned])
    }

    /// How often the errors that `found` has measured lie within what `maps` claim.
    pub fn coverage(
        &self,
        found: &Comparison,
        object: ArrayView2<'_, Complex32>,
        maps: &ErrorMaps,
    ) -> Option<Coverage> {
        coverage(found, &self.region, object, maps.amplitude.view(), maps.phase.view())
    }

    pub fn compare(&self, object: ArrayView2<'_, Complex32>) -> Result<Compared> {
        let comparison = compare(object, self.truth.view(), &self.region)?;
        let own_area = match &self.own_area {
            OwnArea::None => None,
            OwnArea::Same => Some(comparison.metrics),
            // The headline stands where the small area allows no alignment.
            OwnArea::Region(region) => {
                compare(object, self.truth.view(), region).ok().map(|found| found.metrics)
            }
        };
        Ok(Compared { comparison, own_area })
    }
}
