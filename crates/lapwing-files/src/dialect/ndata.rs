//! Nion Swift's `.ndata`, an archive of `data.npy` and `metadata.json`, and its `.h5`, a dataset
//! `data` whose attribute `properties` is the same JSON: patterns (ny, nx, H, W), and the scale and
//! unit of every axis.

use serde_json::Value;

use super::axes::{self, Axis};
use super::cube;
use super::definition::Dialect;
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::options::{AxisOrder, ReadOptions};
use crate::{Container, Error};

/// Longest file of metadata, bytes.
const MOST: u64 = 16 << 20;
const DATA: &str = "data";

/// The dialect in one kind of container.
pub(super) struct Ndata {
    kind: ByteFormat,
}

pub(super) static NDATA: Ndata = Ndata { kind: ByteFormat::Npz };
pub(super) static IN_HDF5: Ndata = Ndata { kind: ByteFormat::Hdf5 };

impl Dialect for Ndata {
    fn name(&self) -> &'static str {
        "nion"
    }

    fn kind(&self) -> ByteFormat {
        self.kind
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[DATA]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        Ok(file.contains(DATA) && properties(file)?.is_some())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let axes = file.shape(DATA)?.map_or(0, |shape| shape.len());
        let mut told = None;
        if let (Some(properties), 4) = (properties(file)?, axes) {
            let axes = calibrated(&properties);
            told = axes::order_of(&axes);
            let order = wanted.options.axis_order.or(told).unwrap_or(AxisOrder::PatternFirst);
            found.calibration = axes::calibration(&axes, order, notes);
            found.strange_unit = axes::strange_unit(&axes);
            let volts = properties["metadata"]["instrument"]["high_tension"].as_f64();
            found.calibration.take_volts(volts, notes);
        }
        cube::take(&mut found, file, (DATA, DATA), told, wanted, notes)?;
        Ok(found)
    }
}

/// What the file says beside its data; `None` where it is none of Nion Swift's.
fn properties(file: &Container) -> Result<Option<Value>, Error> {
    let text = match file {
        Container::Npz(archive) => archive.stranger("metadata.json", MOST)?,
        Container::Hdf5(file) => file.text_attribute(DATA, "properties").map(String::into_bytes),
        _ => None,
    };
    let Some(text) = text else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Error::archive(file.path(), format!("the metadata of Nion Swift are no JSON: {error}"))
    })
}

/// The four axes, the slowest first; none where their scales are not all there.
fn calibrated(told: &Value) -> Vec<Axis> {
    let lists = ["dimensional_calibrations", "spatial_calibrations"];
    let axes = lists.iter().find_map(|name| told[*name].as_array()).filter(|axes| axes.len() == 4);
    let axis = |axis: &Value| {
        let (scale, unit) = (axis["scale"].as_f64()?, axis["units"].as_str()?);
        Some(Axis { scale, unit: unit.to_owned() })
    };
    axes.and_then(|axes| axes.iter().map(axis).collect()).unwrap_or_default()
}
