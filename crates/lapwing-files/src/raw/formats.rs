//! The formats of raw frames whose form a header, a file beside them or a name tells.

use std::path::Path;

use super::{RawFrames, blo, empad, mib, mrc};
use crate::Error;
use crate::experiment::Calibration;
use crate::options::Quantity;
use crate::remarks::Remark;

/// The raster that a scan most likely has, and where that is told.
pub(crate) type LikelyRaster = ((usize, usize), String);

/// What a file's own header tells of its scan, and what its whole numbers are.
pub(crate) type OfHeader = (Calibration, Quantity);

/// What the lines before the frames tell of each of them.
#[derive(Default)]
pub(crate) struct OfFrames {
    /// Places on the raster, where some are missing between them.
    pub places: Option<Vec<usize>>,
    /// What is wrong with them, with frames of the file.
    pub remarks: Vec<Remark>,
}

/// A format of raw frames.
pub(crate) struct RawFormat {
    /// The frames of a file of this format; `None` for any other file.
    pub open: fn(&Path) -> Option<Result<RawFrames, Error>>,
    /// The raster, where name or neighbour of a file tell one.
    pub likely_raster: fn(&Path) -> Option<LikelyRaster>,
    /// The scan, where a header tells it; notes say what was passed over.
    pub of_header: fn(&Path, &mut Vec<String>) -> Option<OfHeader>,
    /// What is told of each frame; `None` for any other file.
    pub of_frames: fn(&RawFrames) -> Option<Result<OfFrames, Error>>,
}

/// A format that tells nothing of the scan.
const FORM_ALONE: RawFormat = RawFormat {
    open: |_| None,
    likely_raster: |_| None,
    of_header: |_, _| None,
    of_frames: |_| None,
};

/// All formats, in the order in which a file is looked at.
pub(crate) static RAW_FORMATS: [RawFormat; 4] = [
    RawFormat { open: empad::open, likely_raster: empad::likely_raster, ..FORM_ALONE },
    RawFormat {
        open: blo::open,
        // Of a camera, whose numbers are no electrons.
        of_header: |path, notes| Some((blo::calibration(path, notes)?, Quantity::Intensity)),
        ..FORM_ALONE
    },
    RawFormat {
        open: mib::open,
        likely_raster: mib::likely_raster,
        of_frames: mib::of_frames,
        ..FORM_ALONE
    },
    RawFormat { open: mrc::open, ..FORM_ALONE },
];
