//! Reading a scan, with what the user says about it.

use crate::output::Output;
use clap::Args;
use lapwing_files::options::{
    AxisOrder, CoordinateOrder, DialectName, Geometry, Quantity, ZeroFrequency,
};
use lapwing_files::{Dataset, ReadOptions, Understanding, dataset};
use std::path::{Path, PathBuf};

/// What is known about the file, in place of what would be understood from it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How to read the file (understood from the file unless given)")]
pub struct Reading {
    /// Dialect: study, diff3d, tike, cxi or ptychodus
    #[arg(long, value_name = "NAME")]
    dialect: Option<DialectName>,
    /// Order of the axes: nhw or hwn
    #[arg(long, value_name = "ORDER")]
    axis_order: Option<AxisOrder>,
    /// What the patterns hold: amplitude, intensity or counts
    #[arg(long, value_name = "WHAT")]
    quantity: Option<Quantity>,
    /// Where the zero frequency is: centre or corner
    #[arg(long, value_name = "WHERE")]
    zero_frequency: Option<ZeroFrequency>,
    /// Order of the two coordinates of a position: row-column or column-row (exchanged)
    #[arg(long, value_name = "ORDER")]
    coordinate_order: Option<CoordinateOrder>,
    /// Reverse the sign of the row coordinates
    #[arg(long)]
    flip_y: bool,
    /// Reverse the sign of the column coordinates
    #[arg(long)]
    flip_x: bool,
    /// Second file: the product (probe, positions) of a ptychodus or pty-chi pair, or the start
    /// probe of a CXI file
    #[arg(long, value_name = "FILE")]
    companion: Option<PathBuf>,
    /// Size of an object pixel in metres, where positions are in metres
    #[arg(long, value_name = "METRES")]
    pixel_size_m: Option<f64>,
    /// How the detector sees the sample: far-field or near-field
    #[arg(long, value_name = "WHICH")]
    geometry: Option<Geometry>,
    /// Pass over this array; may be repeated
    #[arg(long, value_name = "NAME")]
    leave_out: Vec<String>,
}

impl Reading {
    /// The same for the library.
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            dialect: self.dialect,
            axis_order: self.axis_order,
            quantity: self.quantity,
            zero_frequency: self.zero_frequency,
            coordinate_order: self.coordinate_order,
            flip_y: self.flip_y,
            flip_x: self.flip_x,
            companion: self.companion.clone(),
            pixel_size: self.pixel_size_m,
            geometry: self.geometry,
            leave_out: self.leave_out.clone(),
        }
    }

    /// The object's pixel size as told, metres along (y, x).
    pub fn pixel_size(&self) -> Option<(f64, f64)> {
        self.pixel_size_m.map(|size| (size, size))
    }

    /// Reads a scan; whatever was converted or assumed is said on standard error.
    pub fn read(&self, path: &Path, output: Output) -> anyhow::Result<(Dataset, Understanding)> {
        let (dataset, understanding) = dataset::read(path, &self.options())?;
        for note in &understanding.notes {
            output.note(format_args!("{}: {note}", path.display()));
        }
        Ok((dataset, understanding))
    }
}
