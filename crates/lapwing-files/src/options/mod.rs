//! What a user may say about a file, and what was understood of it.

mod terms;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::experiment::Experiment;
use crate::physics::PhysicsOptions;
use crate::raw::RawForm;
use crate::remarks::Remark;
use crate::{ArrayInfo, open};
pub use terms::{
    AxisOrder, CoordinateOrder, DialectName, Geometry, MaskGood, Moves, PositionUnit, ProbeFrom,
    Quantity, ZeroFrequency,
};

/// What is known about a file beforehand; everything that is `None` is found out from the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOptions {
    /// The dialect, instead of telling it by the names of the arrays.
    pub dialect: Option<DialectName>,
    /// The order of the axes, instead of telling it by their lengths.
    pub axis_order: Option<AxisOrder>,
    /// What the patterns hold, instead of the dialect's rule.
    pub quantity: Option<Quantity>,
    /// Where the zero frequency is, instead of the dialect's rule.
    pub zero_frequency: Option<ZeroFrequency>,
    /// Which coordinate is which.
    pub coordinate_order: Option<CoordinateOrder>,
    /// Whether the row coordinate counts upwards: the sign is reversed before anything else.
    pub flip_y: bool,
    /// Whether the column coordinate counts leftwards: the sign is reversed before anything else.
    pub flip_x: bool,
    /// The second file: the product with probe and positions beside `dp`, or where the start probe
    /// of any other scan is.
    pub companion: Option<PathBuf>,
    /// Files of further scans of the same object, read with the same options: their patterns stand
    /// behind those of the first.
    pub join: Vec<PathBuf>,
    /// Size of an object pixel in metres, instead of computing or reading it.
    pub pixel_size: Option<f64>,
    /// Far field or near field, instead of telling it by the patterns.
    pub geometry: Option<Geometry>,
    /// Which number of the mask stands for a good pixel, 0 or 1, instead of the dialect's rule;
    /// said, the mask may leave as few pixels as it likes.
    pub mask_good: Option<MaskGood>,
    /// Whether pixels that hold NaN, infinity or the largest number of their type are bad.
    pub mask_hot: bool,
    /// Whether pixels with negative numbers are bad.
    pub mask_negative: bool,
    /// Whether negative numbers are set to zero.
    pub clip_negative: bool,
    /// Whether, of patterns and positions that are not as many, the first ones of both are taken.
    pub common: bool,
    /// Name of the array of the patterns, where no dialect knows it.
    pub patterns: Option<String>,
    /// Names of arrays to pass over, whatever they hold.
    pub leave_out: Vec<String>,
    /// The form of a file of raw frames.
    pub raw: Option<RawForm>,
    /// How the patterns come about.
    pub physics: PhysicsOptions,
    /// Beam, optics, detector and scan, as far as they are known.
    pub experiment: Experiment,
}

impl ReadOptions {
    /// The files that are read beside the data set itself: `FILE` or `FILE::NAME`.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let Experiment { detector, scan, .. } = &self.experiment;
        let beside = self.join.iter().chain(&self.companion);
        beside.chain(&detector.mask).chain(&scan.positions).map(PathBuf::as_path)
    }

    /// Whether this array of the file is left out.
    pub fn leaves_out(&self, key: &str) -> bool {
        self.leave_out.iter().any(|name| name == key)
    }

    /// The file and the options that `FILE::NAME` means, an array of a file as its patterns, where
    /// there is a file FILE and none of the whole name; `None` for a plain path.
    pub fn of_array(&self, path: &Path) -> Option<(PathBuf, Self)> {
        let (file, name) = open::named(path);
        let name = name?.trim_start_matches('/');
        let meant = self.patterns.is_none() && !name.is_empty() && file.exists();
        let options = || Self { patterns: Some(name.to_owned()), ..self.clone() };
        meant.then(|| (file.to_path_buf(), options()))
    }
}

/// What was understood of a file: how it stores things, before they were converted to the project's
/// conventions.
#[derive(Debug, Clone, Serialize)]
pub struct Understanding {
    /// Whose way of writing it follows.
    pub dialect: DialectName,
    /// Order of the axes in the file.
    pub axis_order: AxisOrder,
    /// What the patterns of the file hold.
    pub quantity: Quantity,
    /// Where the zero frequency is in the file.
    pub zero_frequency: ZeroFrequency,
    /// Far field or near field, where the dialect leaves that open.
    pub geometry: Option<Geometry>,
    /// Number of patterns.
    pub n_patterns: usize,
    /// Shape of one pattern, (height, width).
    pub pattern_shape: (usize, usize),
    /// Rows and columns of the raster that the patterns lie on, one after the other, where that is
    /// known and none is left out.
    pub scan_shape: Option<(usize, usize)>,
    /// Size of an object pixel along (y, x), metres, when the file tells it.
    pub pixel_size_m: Option<(f64, f64)>,
    /// Mean over the patterns of the summed counts, when the scale is known.
    pub mean_counts_per_pattern: Option<f64>,
    /// Everything that was converted, assumed or left out, in words.
    pub notes: Vec<String>,
    /// Everything that looks wrong, with what to do.
    pub remarks: Vec<Remark>,
    /// Every array of the file as stored.
    #[serde(skip)]
    pub arrays: Vec<ArrayInfo>,
}
