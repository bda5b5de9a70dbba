//! What looks wrong in a data set that can be read all the same: lost patterns, dead pixels, a
//! beam off the middle, positions in another unit.
//!
//! Everything that is remarked on is one [`Remark`], with what to do; [`of`] looks for all of it in
//! one place. What no measurement can be - patterns without light among bright ones, pixels that
//! always show the same - is [`certain`](Remark::certain), and reconstructions leave it out.

mod frames;
mod object;
mod pixels;
mod positions;
mod probe;
mod survey;

use std::fmt;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize, Serializer};

use crate::Dataset;
use crate::options::Geometry;
pub(crate) use object::PLACEHOLDER;
pub use object::is_uniform;
use survey::Survey;

/// Pixels of a remark that are written out; their number is in its words.
const WRITTEN: usize = 256;

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// Patterns without the light that the others have.
    LostPatterns,
    /// Patterns with far less light than the others.
    WeakPatterns,
    /// Patterns with far more light than the others.
    BrightPatterns,
    /// Patterns that look like no other.
    UnlikePatterns,
    /// Patterns without a photon where few are expected: data.
    FewPhotons,
    /// Pixels that never count where light falls.
    DeadPixels,
    /// Pixels that show the same in every pattern, or far more than those around them.
    HotPixels,
    /// Numbers that stand for no measurement, taken as bad pixels.
    Sentinels,
    /// Pixels that were taken as bad, or numbers that were changed, as specified.
    Cleaned,
    /// Many pixels at the largest number.
    Saturation,
    /// A mask that leaves little.
    Mask,
    /// The beam is not in the middle of the patterns.
    OffCentre,
    /// All positions on a line, or within a pixel.
    Degenerate,
    /// Positions that repeat.
    RepeatedPositions,
    /// Steps that leave little overlap, or none.
    Sparse,
    /// Positions on a perfectly regular raster.
    Raster,
    /// Coordinates that were rounded.
    Precision,
    /// A start probe that can hardly be meant.
    Probe,
    /// An object that is the same everywhere: a placeholder, no truth.
    UniformObject,
}

/// Something that looks wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about.
    pub what: What,
    /// Indices of the patterns or positions concerned, ascending; empty when it is about all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<usize>,
    /// Pixels (y, x) of the detector concerned. At most 256 are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "first_pixels")]
    pub pixels: Vec<(usize, usize)>,
    /// What was seen, with numbers and the place.
    pub evidence: String,
    /// What to do.
    pub advice: String,
    /// Beyond doubt: `patterns` or `pixels` hold no measurement, and reconstructions leave them
    /// out unless told to keep them.
    #[serde(default)]
    pub certain: bool,
}

impl Remark {
    /// A remark on the data set as a whole, not beyond doubt.
    pub(crate) fn new(what: What, evidence: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what,
            patterns: Vec::new(),
            pixels: Vec::new(),
            evidence: evidence.into(),
            advice: advice.into(),
            certain: false,
        }
    }

    pub(crate) fn on_patterns(mut self, patterns: Vec<usize>) -> Self {
        self.patterns = patterns;
        self
    }

    pub(crate) fn on_pixels(mut self, pixels: Vec<(usize, usize)>) -> Self {
        self.pixels = pixels;
        self
    }

    pub(crate) fn beyond_doubt(mut self) -> Self {
        self.certain = true;
        self
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.evidence, self.advice)
    }
}

fn first_pixels<S: Serializer>(
    pixels: &[(usize, usize)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    pixels[..pixels.len().min(WRITTEN)].serialize(serializer)
}

/// Everything that looks wrong in a data set.
///
/// A few passes over the patterns; the result does not depend on the number of threads.
pub fn of(dataset: &Dataset) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let (shape, scale) = (dataset.pattern_shape(), dataset.intensity_scale());
    let layers = dataset.mask.as_ref().map(crate::Mask::good);
    let good = shared(layers.as_ref(), shape);
    let patterns = dataset.diffraction.view();
    let survey = Survey::of(patterns, &good);
    remarks.extend(frames::look(&survey.totals, Some(&survey), scale));
    remarks.extend(pixels::look(&survey, patterns, &good, scale));
    remarks.extend(layers.as_ref().and_then(mask));
    // The probe's width and the steps can be compared in the far field only.
    let far_field = dataset.geometry != Some(Geometry::NearField);
    let positions = positions::look(&dataset.scan, shape, dataset.probe.as_ref());
    remarks.extend(positions.into_iter().filter(|remark| far_field || remark.what != What::Sparse));
    remarks.extend(dataset.probe.as_ref().map(probe::look).unwrap_or_default());
    remarks.extend(dataset.object.as_ref().and_then(object::look));
    remarks
}

/// The pixels that are good in every pattern.
fn shared(layers: Option<&Array3<bool>>, shape: (usize, usize)) -> Array2<bool> {
    let mut good = Array2::from_elem(shape, true);
    for layer in layers.iter().flat_map(|layers| layers.outer_iter()) {
        good.zip_mut_with(&layer, |good, &layer| *good &= layer);
    }
    good
}

/// A mask that leaves less than half of the pixels, which may be meant.
fn mask(good: &Array3<bool>) -> Option<Remark> {
    let left = good.iter().filter(|&&good| good).count();
    (2 * left < good.len()).then(|| {
        let evidence = format!("the mask leaves {left} of {} pixels", good.len());
        Remark::new(
            What::Mask,
            evidence,
            "nothing to do if that is meant, as with a beam stop; otherwise say which number is \
             good (--mask-good-is 0 or 1)",
        )
    })
}

/// Numbers as people write them: `3, 17, 40-52`.
pub(crate) fn ranges(numbers: &[usize]) -> String {
    const MOST: usize = 8;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let each = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let mut text = runs.iter().take(MOST).map(each).collect::<Vec<_>>().join(",");
    if runs.len() > MOST {
        text.push_str(",...");
    }
    text
}

/// The first pixels of a list in words.
pub(crate) fn places(pixels: &[(usize, usize)]) -> String {
    const MOST: usize = 4;
    let each = |&(y, x): &(usize, usize)| format!("({y}, {x})");
    let mut text = pixels.iter().take(MOST).map(each).collect::<Vec<_>>().join(", ");
    if pixels.len() > MOST {
        text.push_str(", ...");
    }
    text
}

/// `1 pattern`, `3 patterns`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(ranges(&[3, 17, 40, 41, 42]), "3,17,40-42");
        assert_eq!(ranges(&(0..40).step_by(2).collect::<Vec<_>>()), "0,2,4,6,8,10,12,14,...");
    }

    #[test]
    fn few_pixels_are_written() {
        let many = (0..1000).map(|x| (1, x)).collect();
        let remark = Remark::new(What::DeadPixels, "a", "b").on_pixels(many);
        let written = serde_json::to_value(&remark).unwrap();
        assert_eq!(written["pixels"].as_array().unwrap().len(), WRITTEN);
        assert_eq!(
            (written["what"].as_str(), remark.to_string()),
            (Some("dead-pixels"), "a; b".into())
        );
    }

    #[test]
    fn a_mask_that_leaves_little_is_remarked_on() {
        let of =
            |left: usize| mask(&Array3::from_shape_fn((1, 4, 4), |(_, y, x)| 4 * y + x < left));
        assert_eq!(of(8), None);
        assert!(of(7).unwrap().evidence.contains("7 of 16"));
    }
}
