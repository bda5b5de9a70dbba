//! What a remark is.

use std::fmt;

use lapwing_model::Short;
use serde::{Deserialize, Serialize, Serializer};

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
    /// Patterns that show what another shows, to the last count.
    RepeatedPatterns,
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
    /// Whole numbers whose bytes look exchanged.
    ByteOrder,
    /// A mask that leaves little.
    Mask,
    /// What the detector writes without light.
    DarkLevel,
    /// The beam is not in the middle of the patterns.
    OffCentre,
    /// All positions on a line, or within a pixel, or so far apart that no object holds them.
    Degenerate,
    /// Positions far from all others.
    FarPositions,
    /// Positions that repeat.
    RepeatedPositions,
    /// Steps that leave little overlap, or none.
    Sparse,
    /// Positions on a perfectly regular raster.
    Raster,
    /// Coordinates that were rounded.
    Precision,
    /// Positions that look stretched or turned against the patterns.
    Stretched,
    /// Rows of a raster that look scanned to and fro where they are taken as not, or the reverse.
    Snake,
    /// What is said of the experiment where the file, or the patterns, show something else.
    Contradiction,
    /// A start probe that can hardly be meant.
    Probe,
    /// An object that is the same everywhere: a placeholder, no truth.
    UniformObject,
}

impl What {
    /// Whether something is to be done about it: what asks for nothing is told, and no warning.
    pub fn warns(self) -> bool {
        !matches!(self, Self::FewPhotons | Self::Raster)
    }
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

    /// Names the level that was taken away from patterns that are all dark now.
    pub(crate) fn name_dark_level(&mut self, level: f64) {
        if self.what == What::LostPatterns && self.patterns.is_empty() && level > 0.0 {
            self.advice = format!(
                "the dark level that was said, {}, is above every number of the file: say a \
                 smaller one (--dark-level)",
                Short(level)
            );
        }
    }

    /// The remark as one on scan `number` of several, whose patterns are `members` of all.
    pub(crate) fn of_scan(mut self, number: usize, members: &[usize]) -> Self {
        self.patterns.iter_mut().for_each(|pattern| *pattern = members[*pattern]);
        self.evidence = format!("scan {number}: {}", self.evidence);
        self
    }

    /// The remark as one on those of the patterns that were `chosen`; `None` for all.
    pub(crate) fn of_chosen(mut self, chosen: Option<&[usize]>) -> Self {
        if let Some(chosen) = chosen {
            let places = self.patterns.iter().filter_map(|at| chosen.binary_search(at).ok());
            self.patterns = places.collect();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
