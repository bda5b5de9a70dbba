//! Nion Swift's `.ndata`, an archive of `data.npy` and `metadata.json`, and its `.h5`, a dataset
//! `data` whose attribute `properties` is the same JSON: patterns (ny, nx, H, W), and the scale and
//! unit of every axis.

use lapwing_model::probe::electron_wavelength;
use serde_json::Value;

use super::cube;
use super::definition::Dialect;
use super::emd::{note, scale};
use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::options::ReadOptions;
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
        if let (Some(told), 4) = (properties(file)?, axes) {
            found.calibration = calibration(&told, notes);
        }
        cube::take(&mut found, file, (DATA, DATA), wanted, notes)?;
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

/// The scales of the axes, the slowest first; with what the microscope says of its voltage.
fn calibration(told: &Value, notes: &mut Vec<String>) -> Calibration {
    let mut found = Calibration::default();
    let lists = ["dimensional_calibrations", "spatial_calibrations"];
    let axes = lists.iter().find_map(|name| told[*name].as_array()).filter(|axes| axes.len() == 4);
    for (first, is_scan) in [(0, true), (2, false)] {
        let axis = |index: usize| {
            let axis = axes?.get(index)?;
            Some((axis["scale"].as_f64()?, axis["units"].as_str()?))
        };
        let (Some((y, unit)), Some((x, _))) = (axis(first), axis(first + 1)) else { continue };
        if scale(unit).is_some() {
            note(&mut found, (y, x), unit, is_scan, notes);
        }
    }
    let voltage = &told["metadata"]["instrument"]["high_tension"];
    if let Some(volts) = voltage.as_f64().filter(|&volts| volts > 1e3 && volts < 1e7) {
        found.wavelength = Some(electron_wavelength(volts));
        notes.push(format!("voltage: {} kV, as the file says", volts / 1e3));
    }
    found
}
