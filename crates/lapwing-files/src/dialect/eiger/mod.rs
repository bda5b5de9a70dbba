//! Master files of DECTRIS detectors (EIGER, ARINA; HDF5): frames in `entry/data/data_000001` and
//! so on, which are links to files beside it, the mask of the pixels and what is known of the
//! geometry under `entry/instrument/detector`. One of the linked files alone, `entry/data/data`, is
//! read too, and so is NeXus with such an array of three axes or four (ny, nx, H, W).
//!
//! They have no positions: those are described, or another file. Where one of the linked files is
//! missing, the frames of the others are read if no others are asked for.

mod frames;

use ndarray::Array3;

use super::definition::Dialect;
use super::found::Found;
use super::geometry::{ELEMENTARY_CHARGE, H_C};
use super::stack;
use super::stored::{Rules, Stored};
use super::unit;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::options::ReadOptions;
use crate::{Container, Error, Mask, Problem, mask};
use frames::{DATA, DETECTOR, Frames, Series};

/// The group of the beam.
const BEAM: &str = "entry/instrument/beam";

/// The dialect.
pub(super) struct Eiger;

impl Dialect for Eiger {
    fn name(&self) -> &'static str {
        "eiger"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Hdf5
    }

    fn patterns(&self) -> &'static [&'static str] {
        &["entry/data/data_000001", "entry/data/data"]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let file = file.hdf5()?;
        let first = format!("{DATA}/data_000001");
        Ok(file.is_link(&first)
            || file.contains(&first)?
            || file.contains(&format!("{DATA}/data"))?)
    }

    fn find(
        &self,
        container: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let file = container.hdf5()?;
        let experiment = &wanted.options.experiment;
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let series = Series::of(file, experiment.scan.shape)?;
        found.raster = series.raster();
        found.likely_raster = series.likely_raster();
        let Frames { names, shape, absent } = match series.wanted(&experiment.patterns, notes) {
            Ok(frames) => frames,
            Err(problem) => {
                found.problems.push(problem);
                return Ok(found);
            }
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mask = match wanted.options.leaves_out(mask::KEY) {
            true => None,
            false => mask_of(file, shape, notes)?,
        };
        let plain = Stored::plain(container, &names, shape);
        // What the detector writes at a bad pixel does not matter.
        let mask = mask.map(Mask::of);
        let stored = Stored { good: mask.as_ref(), blank_bad: true, absent: &absent, ..plain };
        let read = stack::read_from(&stored, &Rules::counts(DATA), wanted, notes)?;
        if !found.take(read, file.path())? {
            return Ok(found);
        }
        found.mask = mask;
        let said = Calibration::of(experiment);
        found.calibration = calibration(file, &said, notes, &mut found.problems);
        let nothing = Calibration::default();
        found.as_written = calibration(file, &nothing, &mut Vec::new(), &mut Vec::new());
        let number = |name: &str| file.number(&format!("{DETECTOR}/{name}"));
        if let (Some(x), Some(y)) = (number("beam_center_x")?, number("beam_center_y")?) {
            notes.push(format!(
                "the file says that the beam is at row {y}, column {x} (--detector-centre {y},{x} brings it to \
                 the middle)"
            ));
        }
        Ok(found)
    }
}

/// Good pixels by the detector's own mask, in which 0 is good, (1, y, x).
fn mask_of(
    file: &Hdf5,
    [_, height, width]: [usize; 3],
    notes: &mut Vec<String>,
) -> Result<Option<Array3<bool>>, Error> {
    let names = ["detectorSpecific/pixel_mask", "pixel_mask"];
    let paths: Vec<String> = names.iter().map(|name| format!("{DETECTOR}/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let Some(name) = file.first_of(&paths)? else { return Ok(None) };
    let array = file.read(name)?;
    if array.shape() != [height, width] {
        notes.push(format!("{name}: passed over, its shape is {:?}", array.shape()));
        return Ok(None);
    }
    let Ok(bits) = array.to_i64() else { return Ok(None) };
    let bad = bits.iter().filter(|&&bits| bits != 0).count();
    if bad == 0 || bad == bits.len() {
        return Ok(None);
    }
    notes.push(format!("{name}: {bad} of {} pixels bad", bits.len()));
    let flags = bits.iter().map(|&bits| bits == 0).collect();
    Ok(Array3::from_shape_vec((1, height, width), flags).ok())
}

/// Scales, as far as the file has them; of what is `said` nothing is asked.
fn calibration(
    file: &Hdf5,
    said: &Calibration,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Calibration {
    let positive = |name: &str| -> Option<f64> {
        let number = file.number(name).ok().flatten();
        number.filter(|&number| number > 0.0 && number.is_finite())
    };
    // NeXus leaves units to each file; `usual` is the one of those that do not say it.
    let mut in_metres = |name: &str, usual: f64, option: &str| -> Option<f64> {
        let number = positive(name)?;
        let metres = unit::metres_of(file, name, usual, option);
        metres.map_err(|problem| problems.push(problem)).ok().map(|metres| number * metres)
    };
    let pitch = match said.pitch {
        Some(_) => None,
        None => {
            let side = |axis: &str| format!("{DETECTOR}/{axis}_pixel_size");
            let option = "--detector-pixel-size-m";
            let y = in_metres(&side("y"), 1.0, option);
            y.zip(in_metres(&side("x"), 1.0, option))
        }
    };
    let distance = match said.distance {
        Some(_) => None,
        None => ["detector_distance", "distance"]
            .iter()
            .find_map(|name| in_metres(&format!("{DETECTOR}/{name}"), 1.0, "--distance-m")),
    };
    let wavelength = match said.wavelength {
        Some(_) => None,
        None => in_metres(&format!("{BEAM}/incident_wavelength"), 1e-10, "--energy-kev"),
    };
    let mut in_joules = |name: String| -> Option<f64> {
        let number = positive(&name)?;
        let each = unit::joules_of(file, &name, ELEMENTARY_CHARGE, "--energy-kev");
        each.map_err(|problem| problems.push(problem)).ok().map(|each| number * each)
    };
    let mut energy = || {
        in_joules(format!("{DETECTOR}/photon_energy"))
            .or_else(|| in_joules(format!("{BEAM}/incident_energy")))
    };
    let wavelength = match (wavelength, said.wavelength) {
        (None, None) => energy().map(|energy| H_C / energy),
        (wavelength, _) => wavelength,
    };
    if let (Some(wavelength), Some(_), Some(distance)) = (wavelength, pitch, distance) {
        notes.push(format!("detector: wavelength {wavelength:.5e} m, {distance} m away"));
    }
    Calibration { wavelength, pitch, distance, ..Calibration::default() }
}
