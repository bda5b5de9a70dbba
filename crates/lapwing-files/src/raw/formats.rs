//! The formats of raw frames whose form a header, a file beside them or a name tells.

use std::path::Path;

use super::{RawFrames, blo, empad, mib, mrc};
use crate::Error;
use crate::experiment::Calibration;
use crate::options::Quantity;

/// The raster that a scan most likely has, and where that is told.
pub(crate) type LikelyRaster = ((usize, usize), String);

/// What a file's own header tells of its scan, and what its whole numbers are.
pub(crate) type OfHeader = (Calibration, Quantity);

/// A format of raw frames.
pub(crate) struct RawFormat {
    /// The frames of a file of this format; `None` for any other file.
    pub open: fn(&Path) -> Option<Result<RawFrames, Error>>,
    /// The raster, where name or neighbour of a file tell one.
    pub likely_raster: fn(&Path) -> Option<LikelyRaster>,
    /// The scan, where a header tells it; notes say what was passed over.
    pub of_header: fn(&Path, &mut Vec<String>) -> Option<OfHeader>,
}

/// A format that tells nothing of the scan.
const FORM_ALONE: RawFormat =
    RawFormat { open: |_| None, likely_raster: |_| None, of_header: |_, _| None };

/// All formats, in the order in which a file is looked at.
pub(crate) static RAW_FORMATS: [RawFormat; 4] = [
    RawFormat { open: empad::open, likely_raster: empad::likely_raster, ..FORM_ALONE },
    RawFormat {
        open: blo::open,
        // Of a camera, whose numbers are no electrons.
        of_header: |path, notes| Some((blo::calibration(path, notes)?, Quantity::Intensity)),
        ..FORM_ALONE
    },
    RawFormat { open: mib::open, likely_raster: mib::likely_raster, ..FORM_ALONE },
    RawFormat { open: mrc::open, ..FORM_ALONE },
];
