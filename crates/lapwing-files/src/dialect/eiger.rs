//! Master files of DECTRIS detectors (EIGER, ARINA; HDF5): frames in `entry/data/data_000001` and
//! so on, which are links to files beside it, the mask of the pixels and what is known of the
//! geometry under `entry/instrument/detector`. One of the linked files alone, `entry/data/data`, is
//! read too.
//!
//! They have no positions: those are described, or another file.

use ndarray::{Array3, Axis, Ix3};

use super::found::{Found, Wanted};
use super::stack::{self, Rules};
use super::{AxisOrder, Dialect, ReadOptions};
use crate::container::Kind;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::npy::{Array, Values};
use crate::{Container, Error, Mask, Problem};

const DATA: &str = "entry/data";
const DETECTOR: &str = "entry/instrument/detector";
/// Electronvolts times metres: wavelength of a photon energy.
const EV_METRES: f64 = 1.239_841_984_332_002_6e-6;

/// The dialect.
pub(super) struct Eiger;

impl Dialect for Eiger {
    fn name(&self) -> &'static str {
        "eiger"
    }

    fn kind(&self) -> Kind {
        Kind::Hdf5
    }

    fn patterns(&self) -> &'static [&'static str] {
        &["entry/data/data_000001", "entry/data/data"]
    }

    fn claims(&self, file: &Container, _: &ReadOptions) -> Result<bool, Error> {
        let file = file.hdf5()?;
        Ok(!frames(file)?.is_empty())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (file, options) = (file.hdf5()?, wanted.options);
        let names = frames(file)?;
        let mut found = Found { needs_scan: true, converted: true, ..Found::default() };
        let patterns = match names.as_slice() {
            [only] => file.read(only)?,
            several => {
                let mut whole = Whole::default();
                for name in several {
                    let part = file.read(name)?;
                    if let Err(problem) = whole.add(name, part) {
                        found.problems.push(problem);
                        return Ok(found);
                    }
                }
                whole.array().map_err(|reason| Error::hdf5(file.path(), DATA, reason))?
            }
        };
        if patterns.shape().len() != 3 {
            let shape = format!("shape {:?}", patterns.shape());
            found.problems.push(Problem::new(names[0].as_str(), "(n, H, W)", shape));
            return Ok(found);
        }
        let mask = mask(file, &patterns, notes)?;
        let patterns = match &mask {
            Some(good) => blanked(patterns, good),
            None => patterns,
        };
        let rules = Rules::counts(DATA);
        let read = stack::read(patterns, AxisOrder::PatternFirst, &rules, options, notes);
        if !found.take(read, file.path())? {
            return Ok(found);
        }
        found.mask = mask.map(|good| Mask::of(&good));
        found.calibration = calibration(file, notes)?;
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

/// The arrays of frames, in the order of their numbers; those of links whose file is not there end
/// the list.
fn frames(file: &Hdf5) -> Result<Vec<String>, Error> {
    let first = format!("{DATA}/data_000001");
    if !file.is_link(&first) && !file.contains(&first)? {
        let alone = format!("{DATA}/data");
        return Ok(if file.contains(&alone)? { vec![alone] } else { Vec::new() });
    }
    let mut names = Vec::new();
    for number in 1..=999_999 {
        let name = format!("{DATA}/data_{number:06}");
        if !file.is_link(&name) && !file.contains(&name)? {
            break;
        }
        names.push(name);
    }
    Ok(names)
}

/// Frames of one type, one behind the other.
#[derive(Default)]
struct Whole {
    shape: Option<Vec<usize>>,
    frames: usize,
    values: Vec<Values>,
}

impl Whole {
    fn add(&mut self, name: &str, part: Array) -> Result<(), Problem> {
        let wrong = |found: String| Problem::new(name, "frames like those before", found);
        let (shape, dtype) = (part.shape().to_vec(), part.dtype());
        let fits = self.shape.as_ref().is_none_or(|first| first[1..] == shape[1..]);
        if shape.len() != 3 || !fits {
            return Err(wrong(format!("shape {shape:?}")));
        }
        if !(dtype.is_integer() || dtype.is_float()) {
            return Err(wrong(dtype.to_string()));
        }
        self.frames += shape[0];
        self.shape.get_or_insert(shape);
        self.values.push(part.into_values());
        Ok(())
    }

    fn array(self) -> Result<Array, String> {
        let mut shape = self.shape.unwrap_or_default();
        if let Some(frames) = shape.first_mut() {
            *frames = self.frames;
        }
        macro_rules! joined {
            ($($variant:ident),*) => {
                match self.values.first() {
                    $(Some(Values::$variant(_)) => {
                        let mut all = Vec::new();
                        for part in self.values {
                            let Values::$variant(part) = part else {
                                return Err("its files hold numbers of different types".to_owned());
                            };
                            all.extend(part);
                        }
                        Values::$variant(all)
                    })*
                    _ => return Err("its files hold no numbers".to_owned()),
                }
            };
        }
        let values = joined!(U8, U16, U32, U64, I8, I16, I32, I64, F32, F64);
        Array::new(shape, values).map_err(|error| error.to_string())
    }
}

/// Good pixels by the detector's own mask, in which 0 is good, (1, y, x).
fn mask(
    file: &Hdf5,
    patterns: &Array,
    notes: &mut Vec<String>,
) -> Result<Option<Array3<bool>>, Error> {
    let names = ["detectorSpecific/pixel_mask", "pixel_mask"];
    let paths: Vec<String> = names.iter().map(|name| format!("{DETECTOR}/{name}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let Some(name) = file.first_of(&paths)? else { return Ok(None) };
    let array = file.read(name)?;
    if array.shape() != &patterns.shape()[1..] {
        notes.push(format!("{name}: passed over, its shape is {:?}", array.shape()));
        return Ok(None);
    }
    let (height, width) = (array.shape()[0], array.shape()[1]);
    let Ok(bits) = array.to_i64() else { return Ok(None) };
    let bad = bits.iter().filter(|&&bits| bits != 0).count();
    if bad == 0 || bad == bits.len() {
        return Ok(None);
    }
    notes.push(format!("{name}: {bad} of {} pixels bad", bits.len()));
    let flags = bits.iter().map(|&bits| bits == 0).collect();
    Ok(Array3::from_shape_vec((1, height, width), flags).ok())
}

/// Frames with zero where a pixel is bad, so that what the detector writes there does not matter.
fn blanked(patterns: Array, good: &Array3<bool>) -> Array {
    let Ok(mut values) = patterns.clone().into_f32_array::<Ix3>() else { return patterns };
    let layer = good.index_axis(Axis(0), 0);
    for mut pattern in values.outer_iter_mut() {
        pattern.zip_mut_with(&layer, |value, &good| {
            if !good {
                *value = 0.0;
            }
        });
    }
    Array::from(&values)
}

/// Scales, where the file has all that they take.
fn calibration(file: &Hdf5, notes: &mut Vec<String>) -> Result<Calibration, Error> {
    let positive = |name: &str| -> Result<Option<f64>, Error> {
        let number = file.number(name).ok().flatten();
        Ok(number.filter(|&number| number > 0.0 && number.is_finite()))
    };
    let of_detector = |name: &str| positive(&format!("{DETECTOR}/{name}"));
    let pitch = of_detector("y_pixel_size")?.zip(of_detector("x_pixel_size")?);
    let distance = of_detector("detector_distance")?.or(of_detector("distance")?);
    let angle = pitch.zip(distance).map(|((y, x), z)| (y / z, x / z));
    let angstrom = positive("entry/instrument/beam/incident_wavelength")?;
    let energy = of_detector("photon_energy")?;
    let wavelength =
        angstrom.map(|angstrom| angstrom * 1e-10).or_else(|| energy.map(|ev| EV_METRES / ev));
    if let (Some(wavelength), Some(_)) = (wavelength, angle) {
        notes.push(format!("detector: wavelength {wavelength:.5e} m, {distance:?} m away"));
    }
    Ok(Calibration { wavelength, angle, ..Calibration::default() })
}
