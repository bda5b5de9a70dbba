//! The product file of ptychodus and pty-chi: probe, object, positions and losses of a
//! reconstruction, in HDF5.

use std::path::Path;

use lapwing_model::{Modes, Object, Position};
use ndarray::Ix3;

use crate::hdf5::{self, Hdf5};
use crate::npy::Array;
use crate::{Error, Problem};

/// A product: what a reconstruction started from or arrived at.
///
/// Positions are in metres with zero at the object's centre: window and object are concentric at
/// (0, 0). In pixels of the object array the window centre (index floor(H/2), floor(W/2)) is then
/// at (M - H)/2 + floor(H/2) + y / dy for an object of M rows and patterns of H, and likewise along
/// x; [`Product::on_object`] and [`Product::of_object`] convert.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// What it is called.
    pub name: String,
    /// Anything else in words.
    pub comments: String,
    /// Probe modes, axes (mode, y, x).
    pub probe: Modes,
    /// The object, if there is one.
    pub object: Option<Object>,
    /// Positions along (y, x), metres, zero at the object's centre.
    pub positions: Vec<(f64, f64)>,
    /// Which pattern each position belongs to.
    pub indexes: Vec<i64>,
    /// Size of an object pixel along (y, x), metres.
    pub pixel_size: (f64, f64),
    /// The loss of every epoch.
    pub loss: Vec<f64>,
    /// What was left out or assumed when it was read.
    pub notes: Vec<String>,
    /// Facts of the acquisition, written as attributes of the root.
    pub acquisition: Acquisition,
}

/// Facts of the acquisition that a product carries as attributes of its root; zero where unknown,
/// as ptychodus has it.
///
/// They are written but read back as zeros: the HDF5 crate underneath gives no numeric attributes
/// of groups.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Acquisition {
    /// Distance from the object to the detector, metres.
    pub distance_m: f64,
    /// Photon energy, electronvolts.
    pub energy_ev: f64,
    /// Photons per pattern.
    pub photon_count: f64,
}

const INDEXES: &str = "probe_position_indexes";
const X: &str = "probe_position_x_m";
const Y: &str = "probe_position_y_m";

/// Whether a file looks like a product.
pub(super) fn is_product(file: &Hdf5) -> Result<bool, Error> {
    Ok(file.contains("probe")? && file.contains(X)? && file.contains(Y)?)
}

impl Product {
    /// Reads a product file.
    ///
    /// Of a probe (modes, H, W), or (opr, modes, H, W) the first of the orthogonal-relaxation
    /// components is read; `loss_values` may be called `costs`.
    ///
    /// # Errors
    /// [`Error::Contract`] with all problems at once, and whatever makes a file unreadable.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = Hdf5::open(path)?;
        let (mut notes, mut problems) = (Vec::new(), Vec::new());
        let probe = probe(&file, &mut notes, &mut problems)?;
        let object = object(&file, &mut problems)?;
        let pixel_size = pixel_size(&file, &mut problems)?;
        let x = vector(&file, X, &mut problems)?;
        let y = vector(&file, Y, &mut problems)?;
        let centre =
            |name: &str| file.attribute("object", name).map(|centre| centre.unwrap_or(0.0));
        let (centre_y, centre_x) = (centre("center_y_m")?, centre("center_x_m")?);
        if x.len() != y.len() {
            problems.push(Problem::new(
                Y,
                format!("{} numbers, as many as {X}", x.len()),
                y.len().to_string(),
            ));
        }
        let indexes = indexes(&file, x.len(), &mut notes, &mut problems)?;
        let losses = file.first_of(&["loss_values", "costs"])?;
        let loss = losses.map_or(Ok(Vec::new()), |name| vector(&file, name, &mut problems))?;
        let text = |name: &str| file.root_text(name).unwrap_or_default();
        let (name, comments) = (text("name"), text("comments"));
        let (Some(probe), Some(pixel_size), true) = (probe, pixel_size, problems.is_empty()) else {
            return Err(Error::Contract { path: file.path().to_owned(), problems });
        };
        let positions = y.into_iter().zip(x).map(|(y, x)| (y - centre_y, x - centre_x)).collect();
        let acquisition = Acquisition::default();
        Ok(Self {
            name,
            comments,
            probe,
            object,
            positions,
            indexes,
            pixel_size,
            loss,
            notes,
            acquisition,
        })
    }

    /// Writes a product file that ptychodus reads, atomically.
    ///
    /// # Errors
    /// [`Error::Contract`] when the lengths of positions and indexes differ, and whatever keeps the
    /// file from being written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        if self.positions.len() != self.indexes.len() {
            let expected = format!("{} numbers, one for each position", self.positions.len());
            let problems = vec![Problem::new(INDEXES, expected, self.indexes.len().to_string())];
            return Err(Error::Contract { path: path.to_owned(), problems });
        }
        hdf5::write(path, |file| {
            file.root_text("name", &self.name)?;
            file.root_text("comments", &self.comments)?;
            for (name, value) in [
                ("detector_object_distance_m", self.acquisition.distance_m),
                ("probe_energy_eV", self.acquisition.energy_ev),
                ("photon_energy_eV", self.acquisition.energy_ev),
                ("probe_photon_count", self.acquisition.photon_count),
                ("exposure_time_s", 0.0),
                ("mass_attenuation_m2_kg", 0.0),
                ("tomography_angle_deg", 0.0),
            ] {
                file.root_number(name, value)?;
            }
            let n = self.positions.len();
            let (y, x): (Vec<f64>, Vec<f64>) = self.positions.iter().copied().unzip();
            file.values(INDEXES, &[n], &self.indexes)?;
            file.values(X, &[n], &x)?;
            file.values(Y, &[n], &y)?;
            let (dy, dx) = self.pixel_size;
            let values: Vec<_> = self.probe.iter().copied().collect();
            let probe = file.complex("probe", self.probe.shape(), &values)?;
            probe.attribute("pixel_height_m", dy)?.attribute("pixel_width_m", dx)?;
            if let Some(object) = &self.object {
                let values: Vec<_> = object.slices().iter().copied().collect();
                let object = file.complex("object", object.slices().shape(), &values)?;
                object.attribute("pixel_height_m", dy)?.attribute("pixel_width_m", dx)?;
                object.attribute("center_y_m", 0.0)?.attribute("center_x_m", 0.0)?;
            }
            file.values::<f64>("object_layer_spacing_m", &[0], &[])?;
            let epochs: Vec<i64> = (1..).take(self.loss.len()).collect();
            file.values("loss_epochs", &[epochs.len()], &epochs)?;
            file.values("loss_values", &[self.loss.len()], &self.loss)?;
            Ok(())
        })
    }

    /// Positions on an object array of `object` pixels, for patterns of `pattern` pixels: window
    /// centres (y, x).
    pub fn on_object(&self, object: (usize, usize), pattern: (usize, usize)) -> Vec<Position> {
        let (zero_y, zero_x) = zero(object, pattern);
        let (dy, dx) = self.pixel_size;
        let place = |&(y, x): &(f64, f64)| Position { y: zero_y + y / dy, x: zero_x + x / dx };
        self.positions.iter().map(place).collect()
    }

    /// Positions in metres from window centres on an object array: the inverse of
    /// [`Product::on_object`].
    pub fn of_object(
        scan: &[Position],
        object: (usize, usize),
        pattern: (usize, usize),
        (dy, dx): (f64, f64),
    ) -> Vec<(f64, f64)> {
        let (zero_y, zero_x) = zero(object, pattern);
        scan.iter()
            .map(|position| ((position.y - zero_y) * dy, (position.x - zero_x) * dx))
            .collect()
    }
}

/// Where on the object the window centre is when window and object are concentric.
fn zero(object: (usize, usize), pattern: (usize, usize)) -> (f64, f64) {
    let along = |object: usize, pattern: usize| {
        (object as f64 - pattern as f64) / 2.0 + (pattern / 2) as f64
    };
    (along(object.0, pattern.0), along(object.1, pattern.1))
}

fn probe(
    file: &Hdf5,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    let expected = "([opr,] modes, H, W) complex numbers";
    let Some(array) = complex(file, "probe", expected, problems)? else { return Ok(None) };
    let shape = match *array.shape() {
        [height, width] => vec![1, 1, height, width],
        [modes, height, width] => vec![1, modes, height, width],
        [components, modes, height, width] => vec![components, modes, height, width],
        _ => {
            problems.push(Problem::new("probe", expected, format!("shape {:?}", array.shape())));
            return Ok(None);
        }
    };
    if shape.contains(&0) {
        problems.push(Problem::new("probe", expected, format!("shape {:?}", array.shape())));
        return Ok(None);
    }
    if shape[0] > 1 {
        notes.push(format!(
            "probe: the first of {} orthogonal-relaxation components is read",
            shape[0]
        ));
    }
    let first = array.reshape(shape.clone()).and_then(|array| array.select(&[0]));
    let modes = first.and_then(|array| array.reshape(shape[1..].to_vec()));
    Ok(modes.and_then(|array| array.into_complex32_array::<Ix3>()).ok())
}

fn object(file: &Hdf5, problems: &mut Vec<Problem>) -> Result<Option<Object>, Error> {
    if !file.contains("object")? {
        return Ok(None);
    }
    let expected = "(slices, H, W) complex numbers";
    let Some(array) = complex(file, "object", expected, problems)? else { return Ok(None) };
    let shape = match *array.shape() {
        [height, width] => vec![1, height, width],
        [slices, height, width] if slices > 0 => vec![slices, height, width],
        _ => {
            problems.push(Problem::new("object", expected, format!("shape {:?}", array.shape())));
            return Ok(None);
        }
    };
    let slices = array.reshape(shape).and_then(|array| array.into_complex32_array::<Ix3>());
    Ok(slices.ok().and_then(Object::from_slices))
}

fn complex(
    file: &Hdf5,
    name: &str,
    expected: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Array>, Error> {
    if !file.contains(name)? {
        problems.push(Problem::new(name, expected, "nothing of that name"));
        return Ok(None);
    }
    let array = file.read(name)?;
    if !array.dtype().is_complex() {
        problems.push(Problem::new(name, expected, array.dtype().to_string()));
        return Ok(None);
    }
    Ok(Some(array))
}

/// From the object's attributes, else from the probe's.
fn pixel_size(file: &Hdf5, problems: &mut Vec<Problem>) -> Result<Option<(f64, f64)>, Error> {
    for holder in ["object", "probe"] {
        let height = file.attribute(holder, "pixel_height_m")?;
        let width = file.attribute(holder, "pixel_width_m")?;
        if let (Some(height), Some(width)) = (height, width) {
            if height > 0.0 && width > 0.0 && height.is_finite() && width.is_finite() {
                return Ok(Some((height, width)));
            }
            let found = format!("{height} and {width}");
            problems.push(Problem::new(
                format!("{holder}@pixel_height_m"),
                "positive numbers, metres",
                found,
            ));
            return Ok(None);
        }
    }
    let expected = "the attributes pixel_height_m and pixel_width_m";
    problems.push(Problem::new("object", expected, "none of that name"));
    Ok(None)
}

fn vector(file: &Hdf5, name: &str, problems: &mut Vec<Problem>) -> Result<Vec<f64>, Error> {
    let expected = "(n,) numbers";
    if !file.contains(name)? {
        problems.push(Problem::new(name, expected, "nothing of that name"));
        return Ok(Vec::new());
    }
    let array = file.read(name)?;
    match (array.shape().len(), array.to_f64()) {
        (1, Ok(values)) => Ok(values),
        _ => {
            let found = format!("shape {:?} of {}", array.shape(), array.dtype());
            problems.push(Problem::new(name, expected, found));
            Ok(Vec::new())
        }
    }
}

fn indexes(
    file: &Hdf5,
    n: usize,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<i64>, Error> {
    if !file.contains(INDEXES)? {
        notes.push(format!("{INDEXES}: none; positions taken in the order of the patterns"));
        return Ok((0..).take(n).collect());
    }
    let array = file.read(INDEXES)?;
    match array.to_i64() {
        Ok(values) if array.shape() == [n] => Ok(values),
        _ => {
            let found = format!("shape {:?} of {}", array.shape(), array.dtype());
            problems.push(Problem::new(
                INDEXES,
                format!("({n},) whole numbers, as many as {X}"),
                found,
            ));
            Ok(Vec::new())
        }
    }
}
