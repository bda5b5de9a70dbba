//! Objects and probes in the files of this and of other programs.

use std::path::{Path, PathBuf};

use lapwing_model::{Complex32, Modes, Object, Position};
use ndarray::{Array2, Ix2, Ix3};
use serde_json::Value;

use super::names::{
    ALGORITHM, AMPLITUDE_SD, BEAM_POWER, EIGENMODES, FILE_NAME, LOSS, MEASURED, OBJECT, OPERATION,
    ORIGIN, PHASE_SD, POSITIONS, PROBE, TIMESTAMP, WEIGHTS,
};
use super::{Provenance, Reconstruction, Role};
use crate::container::Container;
use crate::dialect::cxi::own::{own_metadata, own_name, own_scan};
use crate::dialect::geometry::record_pixel;
use crate::dialect::unequal;
use crate::hdf5::Hdf5;
use crate::metadata::{Metadata, TOOL};
use crate::npy::{Array, NpyError};
use crate::options::ReadOptions;
use crate::{ArrayInfo, Error};

/// Where reconstructed objects are found, in order: this program and the scripts around pty-chi,
/// tike and PtychoPINN that share its names; PtychoPINN's comparison; tike; ptychodus, pty-chi and
/// PtyLab; a study's data set.
const OBJECTS: [&str; 5] = [OBJECT, "ptychopinn_complex", "psi", "object", "objectGuess"];
/// Where the truth is found, in order.
const TRUTHS: [&str; 4] = ["objectGuess", "ground_truth_complex", "object", OBJECT];
/// Where probes are found, in order.
const PROBES: [&str; 3] = [PROBE, "probe", "probeGuess"];
/// Where losses are found, in order: this program, ptychodus and pty-chi, older ones of these,
/// PtyLab.
const LOSSES: [&str; 4] = [LOSS, "loss_values", "costs", "error"];

impl Reconstruction {
    /// Reads a reconstruction from a file of this program (`reconstruction.npz`), of the scripts
    /// around pty-chi, of tike or PtychoPINN (NPZ), of ptychodus and pty-chi (product files, HDF5),
    /// of PtyLab (HDF5), from a data set's own object, also in a CXI file of this program, or from
    /// any file with a single complex picture, plain `.npy` files among them.
    ///
    /// Axes of length 1 around (y, x) do not matter; an array (slice, y, x) is an object of slices.
    /// Of several sets of probe modes the first is read. Positions are read from NumPy archives and
    /// CXI files of this program alone, since other programs count theirs from other places.
    ///
    /// # Errors
    /// [`Error::WhichObject`] when no array or more than one could be the object, [`Error::Array`]
    /// or [`Error::Npy`] when an array is not what its name says, and whatever makes a file
    /// unreadable.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_as(path, Role::Reconstruction, None)
    }

    /// [`read`](Self::read) with the object of `array`, or the one that `role` asks for.
    ///
    /// A file with several objects has probe and positions of one of them only, so an array other
    /// than `reconstructed_object` that is asked for by name comes without both.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`Error::NoSuchArray`].
    pub fn read_as(path: impl AsRef<Path>, role: Role, array: Option<&str>) -> Result<Self, Error> {
        read(path.as_ref(), role, array)
    }
}

/// The file that is meant by a path: of a folder of results the reconstruction in it.
pub fn file_of(path: &Path) -> PathBuf {
    let within = path.join(FILE_NAME);
    if within.is_file() { within } else { path.to_owned() }
}

fn read(path: &Path, role: Role, wanted: Option<&str>) -> Result<Reconstruction, Error> {
    let path = &file_of(path);
    let file = Container::open(path)?;
    let usual = match role {
        Role::Reconstruction => &OBJECTS[..],
        Role::Truth => &TRUTHS[..],
    };
    let array = object_name(&file, wanted, usual)?;
    let mut notes = Vec::new();
    let object = object(&file, &array)?;
    let of_this_program = array == OBJECT;
    let one_of_several = role == Role::Reconstruction && wanted.is_some() && !of_this_program;
    let mut made = Reconstruction {
        probe: if one_of_several { None } else { probe(&file)? },
        eigenmodes: if of_this_program { eigenmodes(&file)? } else { None },
        beam_power: if of_this_program { beam_power(&file)? } else { None },
        positions: if one_of_several { None } else { positions(&file)? },
        measured_positions: if of_this_program { pairs(&file, MEASURED)? } else { None },
        origin: if of_this_program { origin(&file)? } else { None },
        amplitude_sd: if of_this_program { map(&file, AMPLITUDE_SD)? } else { None },
        phase_sd: if of_this_program { map(&file, PHASE_SD)? } else { None },
        loss: loss(&file, &mut notes),
        algorithm: text(&file, ALGORITHM),
        timestamp: text(&file, TIMESTAMP),
        metadata: metadata(&file, &mut notes),
        ..Reconstruction::of(object)
    };
    made.options = made.metadata.as_mut().and_then(|metadata| options(metadata, &made.algorithm));
    made.metadata = made.metadata.filter(|metadata| !metadata.is_empty());
    made.source = Some(Provenance { path: path.to_owned(), array });
    made.notes = notes;
    Ok(made)
}

/// The array that holds the object: the one asked for, one of the usual names, or the only complex
/// picture.
fn object_name(file: &Container, wanted: Option<&str>, usual: &[&str]) -> Result<String, Error> {
    if let Some(name) = wanted.map(str::to_owned).or_else(|| of_usual_name(file, usual)) {
        return Ok(name);
    }
    if let Some(name) = of_ptypy(file, "obj")? {
        return Ok(name);
    }
    let arrays = file.list()?;
    let pictures: Vec<&ArrayInfo> =
        arrays.iter().filter(|array| is_complex(array) && axes(array) == 2).collect();
    match *pictures {
        [only] => Ok(only.name.clone()),
        _ => Err(Error::WhichObject {
            path: file.path().to_owned(),
            usual: usual.iter().map(|name| (*name).to_owned()).collect(),
            arrays,
        }),
    }
}

/// The first of the usual names that is there, also in what a CXI file has of this program.
fn of_usual_name(file: &Container, usual: &[&str]) -> Option<String> {
    let mut places = usual.iter().flat_map(|&name| [name.to_owned(), own_name(name)]);
    places.find(|name| file.contains(name))
}

/// Whether an array is of complex numbers.
pub(crate) fn is_complex(array: &ArrayInfo) -> bool {
    array.dtype.starts_with("complex") || array.dtype.starts_with(">c")
}

/// Number of the axes of an array that are longer than 1.
pub(crate) fn axes(array: &ArrayInfo) -> usize {
    without_units(&array.shape).len()
}

/// The first array `content/KIND/NAME/data` of a file of ptypy (`.ptyr`).
fn of_ptypy(file: &Container, kind: &str) -> Result<Option<String>, Error> {
    let Container::Hdf5(hdf5) = file else { return Ok(None) };
    let start = format!("content/{kind}/");
    let mut names: Vec<String> = hdf5
        .list()?
        .into_iter()
        .map(|array| array.name.trim_start_matches('/').to_owned())
        .filter(|name| name.starts_with(&start) && name.ends_with("/data"))
        .collect();
    names.sort_unstable();
    Ok(names.into_iter().next())
}

/// An object of axes (y, x) or (slice, y, x) among axes of length 1. PtyLab's has the axes
/// (wavelength, state, 1, slice, y, x).
fn object(file: &Container, name: &str) -> Result<Object, Error> {
    let array = file.read(name)?;
    let mut shape = without_units(array.shape());
    if shape.len() == 2 {
        shape.insert(0, 1);
    }
    let unfit = |found: String| {
        file.unfit(name, NpyError::Kind { expected: "one object of axes (y, x)", found })
    };
    if shape.len() != 3 {
        return Err(unfit(format!("shape {:?}", array.shape())));
    }
    let slices = array.reshape(shape).and_then(Array::into_complex32_array::<Ix3>);
    let slices = slices.map_err(|source| file.unfit(name, source))?;
    Object::from_slices(slices).ok_or_else(|| unfit("no slice".to_owned()))
}

/// The probe of a file, where there is one of a usual name.
fn probe(file: &Container) -> Result<Option<Modes>, Error> {
    let name = probe_name(file)?;
    name.map(|name| probe_of(file, &name)).transpose()
}

/// The array that holds the probe: one of the usual names.
pub(crate) fn probe_name(file: &Container) -> Result<Option<String>, Error> {
    match of_usual_name(file, &PROBES) {
        Some(name) => Ok(Some(name)),
        None => of_ptypy(file, "probe"),
    }
}

/// Probe modes from (H, W), (modes, H, W), (H, W, 1), or the first of several sets of modes.
/// PtyLab's has the axes (wavelength, 1, mode, slice, H, W), MATLAB's (H, W, mode, set).
pub(crate) fn probe_of(file: &Container, name: &str) -> Result<Modes, Error> {
    let array = file.read(name)?;
    let mut shape = array.shape().to_vec();
    let unfit = |source| file.unfit(name, source);
    let refused = || {
        let found = format!("shape {:?}", array.shape());
        unfit(NpyError::Kind { expected: "(H, W) or (modes, H, W)", found })
    };
    // Written by Python, MATLAB's files have modes first as well, of which there are few.
    let modes_last = shape.len() < 3 || shape[0] >= shape[2];
    if let (Container::Mat(_), true, [height, width, rest @ ..]) = (file, modes_last, &shape[..]) {
        let (height, width) = (*height, *width);
        let modes = rest.first().copied().unwrap_or(1);
        let each: usize = rest.iter().product();
        if rest.len() > 3 || each == 0 {
            return Err(refused());
        }
        let values = array.into_complex32().map_err(unfit)?;
        let sets = each / modes;
        let at = |(mode, y, x): (usize, usize, usize)| (y * width + x) * each + mode * sets;
        return Ok(Modes::from_shape_fn((modes, height, width), |index| values[at(index)]));
    }
    if shape.len() == 3 && shape[2] == 1 {
        shape.pop();
    }
    if shape.len() == 2 {
        shape.insert(0, 1);
    }
    if shape.len() == 6 && shape[3] == 1 {
        shape.remove(3);
    }
    let sets: usize = shape.iter().rev().skip(3).product();
    let (3..=5, [.., modes, height, width]) = (shape.len(), &shape[..]) else {
        return Err(refused());
    };
    if sets == 0 {
        return Err(refused());
    }
    let shape = (*modes, *height, *width);
    let values = array.into_complex32().map_err(unfit)?;
    let first = values.into_iter().take(shape.0 * shape.1 * shape.2).collect();
    Modes::from_shape_vec(shape, first).map_err(|error| unfit(NpyError::Shape(error.to_string())))
}

/// Eigenmodes (eigenmode, H, W) and their weights (n, eigenmode), where the probe varies.
fn eigenmodes(file: &Container) -> Result<Option<(Modes, Array2<Complex32>)>, Error> {
    if !(file.contains(EIGENMODES) && file.contains(WEIGHTS)) {
        return Ok(None);
    }
    let modes = file.read(EIGENMODES)?.into_complex32_array::<Ix3>();
    let modes = modes.map_err(|source| file.unfit(EIGENMODES, source))?;
    let weights = file.read(WEIGHTS)?.into_complex32_array::<Ix2>();
    let weights = weights.map_err(|source| file.unfit(WEIGHTS, source))?;
    if weights.dim().1 != modes.dim().0 {
        let (expected, found) =
            ("shape (n, K), a column for each eigenmode", format!("{:?}", weights.dim()));
        return Err(file.unfit(WEIGHTS, NpyError::Kind { expected, found }));
    }
    Ok(Some((modes, weights)))
}

/// The beam's power in every pattern, where it varies.
fn beam_power(file: &Container) -> Result<Option<Vec<f64>>, Error> {
    if !file.contains(BEAM_POWER) {
        return Ok(None);
    }
    file.read(BEAM_POWER)?.to_f64().map(Some).map_err(|source| file.unfit(BEAM_POWER, source))
}

/// Window centres in the file of a reconstruction, as they were refined, or of a data set, an
/// archive, without its other arrays: `positions` (n, 2) as (y, x), or `ycoords` and `xcoords`.
/// `None` where there are none.
///
/// # Errors
/// A file that cannot be read, arrays of another shape or type.
pub fn read_positions(path: impl AsRef<Path>) -> Result<Option<Vec<Position>>, Error> {
    positions(&Container::open(path.as_ref())?)
}

/// [`read_positions`], and those of them as they were measured, where a reconstruction of this
/// program has moved them.
///
/// # Errors
/// As for [`read_positions`].
pub fn read_scan(path: impl AsRef<Path>) -> Result<Option<Scan>, Error> {
    let file = Container::open(path.as_ref())?;
    let Some(positions) = positions(&file)? else { return Ok(None) };
    Ok(Some(Scan { measured: pairs(&file, MEASURED)?, positions }))
}

/// How the probe varies along the scan, in the file of a reconstruction of this program without its
/// other arrays; `None` where it does not.
///
/// # Errors
/// A file that cannot be read, arrays of another shape or type.
pub fn read_variation(path: impl AsRef<Path>) -> Result<Option<Variation>, Error> {
    let file = Container::open(path.as_ref())?;
    let (eigenmodes, power) = (eigenmodes(&file)?, beam_power(&file)?);
    if eigenmodes.is_none() && power.is_none() {
        return Ok(None);
    }
    Ok(probe(&file)?.map(|probe| Variation { probe, eigenmodes, power }))
}

/// How the probe of a reconstruction varies from pattern to pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// The modes, (mode, y, x).
    pub probe: Modes,
    /// Eigenmodes (eigenmode, y, x) of the first one, and their weights (pattern, eigenmode).
    pub eigenmodes: Option<(Modes, Array2<Complex32>)>,
    /// The beam's power over its geometric mean.
    pub power: Option<Vec<f64>>,
}

/// The scan in the file of a reconstruction, window centres in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// As they are, or as they were refined.
    pub positions: Vec<Position>,
    /// As they were measured, where they were refined.
    pub measured: Option<Vec<Position>>,
}

impl Scan {
    /// How far every position was moved, refined less measured; `None` where none was.
    pub fn shifts(&self) -> Option<Vec<Position>> {
        let moved = self.positions.iter().zip(self.measured.as_ref()?);
        Some(moved.map(|(now, was)| Position { y: now.y - was.y, x: now.x - was.x }).collect())
    }
}

fn positions(file: &Container) -> Result<Option<Vec<Position>>, Error> {
    match file {
        Container::Hdf5(hdf5) => return positions_of_cxi(file, hdf5),
        Container::Npz(_) => {}
        _ => return Ok(None),
    }
    if let Some(scan) = pairs(file, POSITIONS)? {
        return Ok(Some(scan));
    }
    if !(file.contains("xcoords") && file.contains("ycoords")) {
        return Ok(None);
    }
    let (y, x) = (numbers(file, "ycoords")?, numbers(file, "xcoords")?);
    if y.len() != x.len() {
        let (wrong, found, other, expected) = unequal(x.len(), y.len(), file.archive()?);
        let path = file.path().to_owned();
        return Err(Error::Coordinates { path, wrong, found, other, expected });
    }
    Ok(Some(y.into_iter().zip(x).map(|(y, x)| Position { y, x }).collect()))
}

/// Positions of a CXI file that this program wrote with a probe.
fn positions_of_cxi(file: &Container, hdf5: &Hdf5) -> Result<Option<Vec<Position>>, Error> {
    let shape = file.shape(&own_name("probeGuess"))?;
    let Some([.., height, width]) = shape.as_deref() else { return Ok(None) };
    let (options, mut problems) = (ReadOptions::default(), Vec::new());
    let scan = own_scan(hdf5, (*height, *width), &options, &mut Vec::new(), &mut problems)?;
    match problems.is_empty() {
        true => Ok(scan),
        false => Err(Error::Contract { path: file.path().to_owned(), problems }),
    }
}

/// Positions of an array (n, 2) as (y, x); `None` where it is not there.
fn pairs(file: &Container, name: &str) -> Result<Option<Vec<Position>>, Error> {
    let Some(shape) = file.shape(name)? else { return Ok(None) };
    if shape.len() != 2 || shape[1] != 2 {
        let (expected, found) = ("shape (n, 2)", format!("{shape:?}"));
        return Err(file.unfit(name, NpyError::Kind { expected, found }));
    }
    let place = |pair: &[f64]| Position { y: pair[0], x: pair[1] };
    Ok(Some(numbers(file, name)?.chunks_exact(2).map(place).collect()))
}

fn numbers(file: &Container, name: &str) -> Result<Vec<f64>, Error> {
    file.read(name)?.to_f64().map_err(|source| file.unfit(name, source))
}

fn origin(file: &Container) -> Result<Option<(i64, i64)>, Error> {
    if !file.contains(ORIGIN) {
        return Ok(None);
    }
    let unfit = |source| file.unfit(ORIGIN, source);
    match *file.read(ORIGIN)?.to_i64().map_err(unfit)? {
        [y, x] => Ok(Some((y, x))),
        ref other => {
            let (expected, found) = ("two whole numbers (y, x)", format!("{other:?}"));
            Err(unfit(NpyError::Kind { expected, found }))
        }
    }
}

/// A map over the object, where there is one.
fn map(file: &Container, name: &str) -> Result<Option<Array2<f32>>, Error> {
    if !file.contains(name) {
        return Ok(None);
    }
    let array = file.read(name)?.into_f32_array::<Ix2>();
    array.map(Some).map_err(|source| file.unfit(name, source))
}

/// The loss of every epoch; what is no list of numbers under such a name is something else.
fn loss(file: &Container, notes: &mut Vec<String>) -> Vec<f64> {
    let Some(name) = LOSSES.into_iter().find(|name| file.contains(name)) else {
        return Vec::new();
    };
    let read = file.read(name).map_err(|error| error.to_string());
    match read.and_then(|array| array.to_f64().map_err(|error| error.to_string())) {
        Ok(loss) => loss,
        Err(reason) => {
            notes.push(format!("{name}: left out: {reason}"));
            Vec::new()
        }
    }
}

fn text(file: &Container, name: &str) -> Option<String> {
    let texts = file.contains(name).then(|| file.read(name).ok()?.to_strings().ok())??;
    match <[String; 1]>::try_from(texts) {
        Ok([only]) => Some(only),
        Err(_) => None,
    }
}

/// The metadata of an archive, or of a CXI file of this program; of another HDF5 file the size of
/// its object's pixels.
fn metadata(file: &Container, notes: &mut Vec<String>) -> Option<Metadata> {
    let Container::Hdf5(hdf5) = file else {
        return file.metadata().unwrap_or_else(|error| {
            notes.push(format!("_metadata: left out: {error}"));
            None
        });
    };
    match own_metadata(hdf5) {
        Ok(None) => {}
        Ok(own) => return own,
        Err(error) => {
            notes.push(format!("_metadata: left out: {error}"));
            return None;
        }
    }
    // Product files have attributes, PtyLab's have `dxp`.
    let side = |holder: &str, name: &str| hdf5.attribute(holder, name).ok().flatten();
    let of_product = ["object", "probe"]
        .into_iter()
        .find_map(|name| side(name, "pixel_height_m").zip(side(name, "pixel_width_m")));
    let pitch = || hdf5.number("dxp").ok().flatten().map(|pitch| (pitch, pitch));
    let pixel = of_product.or_else(pitch);
    let (y, x) = pixel.filter(|(y, x)| *y > 0.0 && *x > 0.0 && y.is_finite() && x.is_finite())?;
    let mut metadata = Metadata::new();
    record_pixel(&mut metadata, (y, x));
    Some(metadata)
}

/// The options of the reconstruction, taken from the end of the history, so that what is left are
/// the metadata of the data set.
fn options(metadata: &mut Metadata, algorithm: &Option<String>) -> Option<Value> {
    let history = metadata.get_mut("data_transformations")?.as_array_mut()?;
    let last = history.last()?;
    let parameters = &last["parameters"];
    let own = last["tool"] == TOOL
        && last["operation"] == OPERATION
        && parameters["algorithm"].as_str() == algorithm.as_deref();
    if !own {
        return None;
    }
    let options = parameters["options"].clone();
    history.pop();
    if history.is_empty() {
        metadata.shift_remove("data_transformations");
    }
    Some(options).filter(|options| !options.is_null())
}

/// A shape without axes of length 1 before or behind the last two.
fn without_units(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    while shape.len() > 2 && shape[0] == 1 {
        shape.remove(0);
    }
    while shape.len() > 2 && shape.last() == Some(&1) {
        shape.pop();
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_length_one_do_not_matter() {
        for (shape, expected) in [
            (vec![1, 30, 40], vec![30, 40]),
            (vec![30, 40, 1], vec![30, 40]),
            (vec![1, 1, 30, 40, 1], vec![30, 40]),
            (vec![30, 40], vec![30, 40]),
            (vec![1, 40], vec![1, 40]),
            (vec![2, 30, 40], vec![2, 30, 40]),
            (vec![1, 1, 1, 2, 30, 40], vec![2, 30, 40]),
            (vec![], vec![]),
        ] {
            assert_eq!(without_units(&shape), expected);
        }
    }
}
