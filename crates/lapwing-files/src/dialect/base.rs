//! What a simulation starts from: an object, a probe and, if they are there, positions.

use std::path::Path;

use lapwing_model::forward::Physics;
use lapwing_model::{Modes, Object, Position};

use super::cxi::own::{own_complex, own_metadata, own_name, own_scan};
use super::geometry::{object_sides, record_pixel, stated};
use super::shared::{follow_positions, holds, stored_metadata};
use super::{named, study};
use crate::dataset::OBJECT_SLICES;
use crate::hdf5::Hdf5;
use crate::npy::Array;
use crate::options::{CoordinateOrder, ReadOptions};
use crate::physics::{self, UnknownPhysics};
use crate::{Container, Error, Metadata, Problem, Reconstruction, contract, metadata, remarks};

/// The object, the probe and the positions of a file that need not hold any patterns.
#[derive(Debug, Clone)]
pub struct Base {
    /// The object on its full grid.
    pub object: Object,
    /// Probe modes, axes (mode, y, x).
    pub probe: Modes,
    /// Window centres in pixels of the object array, when the file has `xcoords` and `ycoords`.
    pub scan: Option<Vec<Position>>,
    /// The `_metadata` object.
    pub metadata: Option<Metadata>,
    /// Everything that was converted, in words.
    pub notes: Vec<String>,
}

impl Base {
    /// How patterns of `shape` come about, as the metadata tell it.
    ///
    /// # Errors
    /// As for [`Dataset::physics`](crate::Dataset::physics).
    pub fn physics(&self, shape: (usize, usize)) -> Result<Physics, UnknownPhysics> {
        let geometry = self.metadata.as_ref().and_then(stated);
        physics::of(geometry, self.metadata.as_ref(), shape)
    }
}

/// Object, probe and scan of a file that this crate wrote with an object; `None` of any other.
///
/// # Errors
/// [`Error::Contract`] where one of them is missing or not what it should be, and whatever makes
/// the file unreadable.
fn of_cxi(file: &Hdf5, options: &ReadOptions) -> Result<Option<Base>, Error> {
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    let Some(product) = own_complex(file, "objectGuess")? else { return Ok(None) };
    let mut metadata = own_metadata(file)?;
    let object = product.into_complex32_array().ok().map(Object::thin);
    if object.is_none() {
        let name = own_name("objectGuess");
        problems.push(Problem::new(name, "(M, M') complex64", "an array of another shape or type"));
    }
    let probe = own_complex(file, "probeGuess")?;
    let probe = probe.and_then(|array| array.into_complex32_array::<ndarray::Ix3>().ok());
    if probe.is_none() {
        let expected = "(modes, H, W) complex64";
        problems.push(Problem::new(own_name("probeGuess"), expected, "none"));
    }
    let (Some(object), Some(probe)) = (object, probe) else {
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    };
    let shape = (probe.dim().1, probe.dim().2);
    let scan = own_scan(file, shape, options, &mut notes, &mut problems)?;
    if let Some(metadata) = &mut metadata {
        let sides = object_sides(Some(metadata), shape);
        follow_positions(metadata, sides, options, &mut notes);
    }
    if !problems.is_empty() {
        return Err(Error::Contract { path: file.path().to_owned(), problems });
    }
    let slices = own_complex(file, &format!("extras/{OBJECT_SLICES}"))?;
    let object = thick(file.path(), options, slices, object)?;
    Ok(Some(Base { object, probe, scan, metadata, notes }))
}

/// Object and probe of a reconstruction, by whatever program; its positions are its own business.
fn of_reconstruction(path: &Path) -> Result<Base, Error> {
    let made = Reconstruction::read(path)?;
    let refused = |key: &str, expected: &str, found: &str| Error::Contract {
        path: path.to_owned(),
        problems: vec![Problem::new(key, expected, found)],
    };
    let probe = made.probe.ok_or_else(|| {
        refused("probeGuess", "(H, W) or (modes, H, W) complex64", "no probe of a known name")
    })?;
    let object = made.object;
    let (_, height, width) = probe.dim();
    let mut problems = contract::object(&object);
    problems.extend(contract::probe(&probe, (height, width)));
    if !problems.is_empty() {
        return Err(Error::Contract { path: path.to_owned(), problems });
    }
    let array = made.source.map(|source| source.array).unwrap_or_default();
    let name = array.rsplit('/').next().unwrap_or_default();
    if name.starts_with("probe") {
        let found = format!(
            "{array} alone; a measured scan is reconstructed first, and then its \
                             reconstruction.npz is a base"
        );
        return Err(refused("objectGuess", "an object", &found));
    }
    let notes = vec![format!("object: the array {array}; positions are not taken, give a scan")];
    Ok(Base { object, probe, scan: None, metadata: made.metadata, notes })
}

/// Reads `objectGuess`, `probeGuess` and, where present, `xcoords` and `ycoords` of an archive in
/// the study's format, or object and probe of a reconstruction by any program that is known.
///
/// # Errors
/// [`Error::Contract`] with all problems at once, and whatever makes a file unreadable.
pub fn read_base(path: impl AsRef<Path>) -> Result<Base, Error> {
    read_base_as(path, &ReadOptions::default())
}

/// [`read_base`] with what is known about the file: order and signs of the coordinates, arrays to
/// pass over, the object's pixel and the beam.
///
/// # Errors
/// As for [`read_base`].
pub fn read_base_as(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Base, Error> {
    let mut base = read(path.as_ref(), options)?;
    if let Some(size) = options.pixel_size {
        record_pixel(base.metadata.get_or_insert_default(), (size, size));
    }
    if let Some(wavelength) = options.experiment.beam.wavelength() {
        let metadata = base.metadata.get_or_insert_default();
        metadata::set_physics_parameter(metadata, "wavelength_m", wavelength);
    }
    Ok(base)
}

fn read(path: &Path, options: &ReadOptions) -> Result<Base, Error> {
    let file = Container::open(path)?;
    let archive = match file {
        Container::Npz(archive)
            if archive.contains("objectGuess") || archive.contains("probeGuess") =>
        {
            archive
        }
        Container::Hdf5(file) => {
            return match of_cxi(&file, options)? {
                Some(base) => checked(path, base),
                None => of_reconstruction(path),
            };
        }
        _ => return of_reconstruction(path),
    };
    let (mut notes, mut problems) = (Vec::new(), Vec::new());
    let mut metadata = stored_metadata(&archive, options, &mut notes)?;
    for (key, expected) in
        [("objectGuess", "(M, M') complex64"), ("probeGuess", "(H, W) or (modes, H, W) complex64")]
    {
        if !archive.contains(key) {
            problems.push(Problem::new(key, expected, "nothing of that name"));
        }
    }
    let object = study::object(&archive, options, &mut notes, &mut problems)?;
    let probe = study::probe(&archive, options, &mut notes, &mut problems)?;
    let mut scan = match ["xcoords", "ycoords"].iter().any(|name| holds(&archive, name, options)) {
        true => study::scan(&archive, options, &mut notes, &mut problems)?,
        false => None,
    };
    // A base has no patterns: its probe sets their shape.
    let shape = probe.as_ref().map(|modes| (modes.dim().1, modes.dim().2));
    if let (Some(scan), Some(shape)) = (&mut scan, shape) {
        let said = options.pixel_size.map(|side| (side, side));
        let sides = said.unwrap_or_else(|| object_sides(metadata.as_ref(), shape));
        if options.coordinate_order == Some(CoordinateOrder::ColumnRow) {
            let ratio = sides.0 / sides.1;
            scan.iter_mut().for_each(|at| *at = Position { y: at.y / ratio, x: at.x * ratio });
        }
        if let Some(own) = &mut metadata {
            follow_positions(own, sides, options, &mut notes);
        }
    }
    match (object, probe, problems.is_empty()) {
        (Some(object), Some(probe), true) => {
            let mut base = checked(archive.path(), Base { object, probe, scan, metadata, notes })?;
            let stored =
                holds(&archive, OBJECT_SLICES, options).then(|| archive.read(OBJECT_SLICES));
            base.object = thick(archive.path(), options, stored.transpose()?, base.object)?;
            Ok(base)
        }
        (object, probe, _) => {
            problems.extend(object.iter().flat_map(contract::object));
            if let (Some(modes), Some(shape)) = (&probe, shape) {
                problems.extend(contract::probe(modes, shape));
            }
            Err(Error::Contract { path: archive.path().to_owned(), problems })
        }
    }
}

/// `base` where its parts are what the contract says and fit each other.
fn checked(path: &Path, mut base: Base) -> Result<Base, Error> {
    let Base { object, probe, scan, notes, .. } = &mut base;
    let shape = (probe.dim().1, probe.dim().2);
    let mut problems = contract::object(object);
    problems.extend(contract::probe(probe, shape));
    if let Some(scan) = scan {
        problems.extend(contract::scan(scan));
        problems.extend(contract::windows(scan, shape, object.shape()));
    }
    if !problems.is_empty() {
        return Err(Error::Contract { path: path.to_owned(), problems });
    }
    if remarks::is_uniform(object) {
        notes.push(format!("{}; its patterns show no specimen", remarks::PLACEHOLDER));
    }
    Ok(base)
}

/// `object`, or the slices of which it is the product, where the file has them.
fn thick(
    path: &Path,
    options: &ReadOptions,
    stored: Option<Array>,
    object: Object,
) -> Result<Object, Error> {
    let Some(stored) = stored.filter(|_| !options.leaves_out(OBJECT_SLICES)) else {
        return Ok(object);
    };
    named::slices(stored, Some(&object))
        .map_err(|problem| Error::Contract { path: path.to_owned(), problems: vec![problem] })
}
