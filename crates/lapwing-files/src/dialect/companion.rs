//! The second file of a scan whose start probe is elsewhere.

use std::path::Path;

use lapwing_model::Modes;
use ndarray::Ix3;

use super::product::Product;
use crate::npz::Archive;
use crate::{Container, Error, Problem, hdf5, reconstruction};

/// The probe of a second file: a product, or an archive with `reconstructed_probe` or `probeGuess`.
pub(super) fn probe(path: &Path, notes: &mut Vec<String>) -> Result<Modes, Error> {
    notes.push(format!("probe: from {}", path.display()));
    if hdf5::is_hdf5(path) {
        let file = Container::open(path)?;
        if !file.contains("probe_position_x_m")
            && let Some(probe) = reconstruction::read_probe(&file)?
        {
            return Ok(probe);
        }
        let product = Product::read(path)?;
        notes.extend(product.notes);
        return Ok(product.probe);
    }
    let archive = Archive::open(path)?;
    let expected = "(H, W) or (modes, H, W) complex numbers";
    let refused = |found: String| Error::Contract {
        path: path.to_owned(),
        problems: vec![Problem::new("reconstructed_probe or probeGuess", expected, found)],
    };
    let key = ["reconstructed_probe", "probeGuess"].into_iter().find(|key| archive.contains(key));
    let key = key.ok_or_else(|| refused("neither".to_owned()))?;
    let array = archive.read(key)?;
    let found = format!("shape {:?} of {}", array.shape(), array.dtype());
    let shape = match *array.shape() {
        [height, width] => vec![1, height, width],
        [height, width, 1] if height > 1 => vec![1, height, width],
        [modes, height, width] => vec![modes, height, width],
        _ => return Err(refused(found)),
    };
    if !array.dtype().is_complex() {
        return Err(refused(found));
    }
    let modes = array.reshape(shape).and_then(|array| array.into_complex32_array::<Ix3>());
    modes.map_err(|source| Error::Array { path: path.to_owned(), key: key.to_owned(), source })
}
