//! Objects and probes from whatever file they are in: our own results, those of other programs, a
//! plain array.

use anyhow::{Context, anyhow, bail};
use lapwing_files::hdf5::{self, Hdf5};
use lapwing_files::npy::{self, Array};
use lapwing_files::{Archive, ArrayInfo, dialect, metadata};
use lapwing_model::{Field, Modes, Position};
use std::path::{Path, PathBuf};

/// Between a file and the name of an array in it.
pub const SEPARATOR: &str = "::";

/// Where reconstructed objects are found, in order: this program and the scripts around pty-chi,
/// tike and PtychoPINN that share its names; PtychoPINN's comparison; tike; ptychodus and pty-chi;
/// a study's data set.
const OBJECTS: [&str; 5] =
    ["reconstructed_object", "ptychopinn_complex", "psi", "object", "objectGuess"];
/// Where the truth is found, in order.
const TRUTHS: [&str; 3] = ["objectGuess", "ground_truth_complex", "object"];
/// Where probes are found, in order.
const PROBES: [&str; 3] = ["reconstructed_probe", "probe", "probeGuess"];

/// A complex object and what its file tells beside it.
#[derive(Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// The array that was taken; empty for a plain array.
    pub array: String,
    /// The object, axes (y, x).
    pub object: Field,
    /// Modes of the probe, when there are any.
    pub probe: Option<Modes>,
    /// Window centres, in the pixels of the data set.
    pub scan: Option<Vec<Position>>,
    /// Where pixel (0, 0) of the object lies in the pixels of the data set, when the file says so.
    pub origin: Option<(i64, i64)>,
    /// Side of an object pixel, metres, when the file says so.
    pub pixel_size: Option<f64>,
}

impl Stored {
    /// A reconstruction from `FILE` or `FILE::ARRAY`.
    pub fn reconstruction(place: &str) -> anyhow::Result<Self> {
        let stored = Self::read(place, &OBJECTS)?;
        // Positions and probe of a file with several objects belong to none of those that were
        // asked for by name.
        let one_of_several = place.contains(SEPARATOR) && stored.array != OBJECTS[0];
        Ok(if one_of_several { Self { probe: None, scan: None, ..stored } } else { stored })
    }

    /// The truth from `FILE` or `FILE::ARRAY`.
    pub fn truth(place: &str) -> anyhow::Result<Self> {
        Self::read(place, &TRUTHS)
    }

    fn read(place: &str, usual: &[&str]) -> anyhow::Result<Self> {
        // A file of the whole name is meant, whatever the name looks like.
        let (path, wanted) = match place.rsplit_once(SEPARATOR) {
            Some((path, name)) if !Path::new(place).exists() => (PathBuf::from(path), Some(name)),
            _ => (PathBuf::from(place), None),
        };
        let store = Store::open(&path)?;
        let array = store.object_name(wanted, usual)?;
        let object = store.field(&array)?;
        Ok(Self {
            probe: store.probe()?,
            scan: store.scan()?,
            origin: if array == OBJECTS[0] { store.origin()? } else { None },
            pixel_size: store.pixel_size(),
            path,
            array,
            object,
        })
    }
}

/// Any kind of file with named arrays.
enum Store {
    Archive(Archive),
    Hdf5(Hdf5),
    /// A `.npy` file.
    Plain(PathBuf, Array),
}

impl Store {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if hdf5::is_hdf5(path) {
            return Ok(Self::Hdf5(Hdf5::open(path)?));
        }
        if path.extension().is_some_and(|extension| extension == "npy") {
            return Ok(Self::Plain(path.to_owned(), npy::read(path)?));
        }
        Ok(Self::Archive(Archive::open(path)?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Archive(archive) => archive.path(),
            Self::Hdf5(file) => file.path(),
            Self::Plain(path, _) => path,
        }
    }

    fn list(&self) -> anyhow::Result<Vec<ArrayInfo>> {
        Ok(match self {
            Self::Archive(archive) => archive.list()?,
            Self::Hdf5(file) => file.list()?,
            Self::Plain(_, array) => {
                let (dtype, shape) = (array.dtype().to_string(), array.shape().to_vec());
                vec![ArrayInfo { name: String::new(), dtype, shape }]
            }
        })
    }

    fn contains(&self, name: &str) -> bool {
        match self {
            Self::Archive(archive) => archive.contains(name),
            Self::Hdf5(file) => file.contains(name).unwrap_or(false),
            Self::Plain(..) => name.is_empty(),
        }
    }

    fn read(&self, name: &str) -> anyhow::Result<Array> {
        Ok(match self {
            Self::Archive(archive) => archive.read(name)?,
            Self::Hdf5(file) => file.read(name)?,
            Self::Plain(_, array) => array.clone(),
        })
    }

    /// The place of an array, for messages.
    fn at(&self, name: &str) -> String {
        match self {
            Self::Plain(path, _) => path.display().to_string(),
            _ => format!("{}: array {name}", self.path().display()),
        }
    }

    /// The array that holds the object: the one asked for, one of the usual names, or the only
    /// complex picture.
    fn object_name(&self, wanted: Option<&str>, usual: &[&str]) -> anyhow::Result<String> {
        if let Some(name) =
            wanted.or_else(|| usual.iter().copied().find(|name| self.contains(name)))
        {
            return Ok(name.to_owned());
        }
        let all = self.list()?;
        let pictures: Vec<&ArrayInfo> = all
            .iter()
            .filter(|array| array.dtype.starts_with("complex") || array.dtype.starts_with(">c"))
            .filter(|array| without_units(&array.shape).len() == 2)
            .collect();
        match *pictures {
            [only] => Ok(only.name.clone()),
            _ => {
                let found: Vec<String> = all
                    .iter()
                    .map(|array| format!("{} {} {:?}", array.name, array.dtype, array.shape))
                    .collect();
                bail!(
                    "{}: expected one of {} or exactly one complex array (y, x), found {}; name the one to take as \
                     FILE{SEPARATOR}ARRAY",
                    self.path().display(),
                    usual.join(", "),
                    if found.is_empty() { "no array".to_owned() } else { found.join(", ") }
                )
            }
        }
    }

    fn field(&self, name: &str) -> anyhow::Result<Field> {
        let array = self.read(name)?;
        let shape = without_units(array.shape());
        if shape.len() != 2 {
            let found = array.shape().to_vec();
            return Err(anyhow!("expected one object of axes (y, x), found shape {found:?}")
                .context(self.at(name)));
        }
        array.reshape(shape).and_then(Array::into_complex32_array).with_context(|| self.at(name))
    }

    /// Probe modes from (H, W), (modes, H, W), (H, W, 1), or the first of several sets of modes,
    /// when there is such an array.
    fn probe(&self) -> anyhow::Result<Option<Modes>> {
        let Some(name) = PROBES.into_iter().find(|name| self.contains(name)) else {
            return Ok(None);
        };
        let array = self.read(name)?;
        let mut shape = array.shape().to_vec();
        if shape.len() == 3 && shape[2] == 1 {
            shape.pop();
        }
        if shape.len() == 2 {
            shape.insert(0, 1);
        }
        let sets: usize = shape.iter().rev().skip(3).product();
        if shape.len() < 3 || shape.len() > 5 || sets == 0 {
            let found = array.shape().to_vec();
            return Err(anyhow!("expected (H, W) or (modes, H, W), found shape {found:?}")
                .context(self.at(name)));
        }
        let modes = shape[shape.len() - 3..].to_vec();
        let values = array.into_complex32().with_context(|| self.at(name))?;
        let first = values.into_iter().take(modes.iter().product()).collect();
        Ok(Some(
            Modes::from_shape_vec((modes[0], modes[1], modes[2]), first)
                .with_context(|| self.at(name))?,
        ))
    }

    /// Window centres from `positions` (n, 2) as (y, x), or `ycoords` and `xcoords`, of files in
    /// this program's format.
    fn scan(&self) -> anyhow::Result<Option<Vec<Position>>> {
        if !matches!(self, Self::Archive(_)) {
            return Ok(None);
        }
        let numbers = |name: &str| -> anyhow::Result<Vec<f64>> {
            self.read(name)?.to_f64().with_context(|| self.at(name))
        };
        if self.contains("positions") {
            let shape = self.read("positions")?.shape().to_vec();
            if shape.len() != 2 || shape[1] != 2 {
                return Err(
                    anyhow!("expected shape (n, 2), found {shape:?}").context(self.at("positions"))
                );
            }
            let values = numbers("positions")?;
            return Ok(Some(
                values.chunks_exact(2).map(|pair| Position { y: pair[0], x: pair[1] }).collect(),
            ));
        }
        if !(self.contains("xcoords") && self.contains("ycoords")) {
            return Ok(None);
        }
        let (y, x) = (numbers("ycoords")?, numbers("xcoords")?);
        if y.len() != x.len() {
            bail!("{}: {} xcoords but {} ycoords", self.path().display(), x.len(), y.len());
        }
        Ok(Some(y.into_iter().zip(x).map(|(y, x)| Position { y, x }).collect()))
    }

    fn origin(&self) -> anyhow::Result<Option<(i64, i64)>> {
        let name = "reconstructed_object_origin";
        if !self.contains(name) {
            return Ok(None);
        }
        match *self.read(name)?.to_i64().with_context(|| self.at(name))? {
            [y, x] => Ok(Some((y, x))),
            ref other => Err(anyhow!("expected two whole numbers (y, x), found {other:?}")
                .context(self.at(name))),
        }
    }

    /// The mean of both sides when they differ: from metadata, of product files from attributes of
    /// the object or the probe. Unreadable ones tell nothing.
    fn pixel_size(&self) -> Option<f64> {
        let (y, x) = match self {
            Self::Archive(archive) => dialect::object_pixel(&metadata::read(archive).ok()??)?,
            Self::Hdf5(file) => ["object", "probe"].into_iter().find_map(|holder| {
                let side = |name: &str| file.attribute(holder, name).ok().flatten();
                side("pixel_height_m").zip(side("pixel_width_m"))
            })?,
            Self::Plain(..) => return None,
        };
        Some((y * x).sqrt()).filter(|size| size.is_finite() && *size > 0.0)
    }
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
            (vec![], vec![]),
        ] {
            assert_eq!(without_units(&shape), expected);
        }
    }
}
