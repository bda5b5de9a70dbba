//! Scans whose patterns stay in their file, for stacks larger than memory.

use std::path::Path;

use super::found::{Wanted, settle};
use super::{ReadOptions, Understanding, dialect_of, stack};
use crate::container::Kind;
use crate::npz::Archive;
use crate::{Container, Dataset, Error};

/// Name of the only array whose patterns are read in pieces.
const KEY: &str = "diffraction";

/// The patterns of a scan, left in their file and found sound in one pass over them.
#[derive(Debug)]
pub struct Pieces {
    archive: Archive,
    shape: (usize, usize, usize),
    /// Whether the file holds squares of amplitudes.
    root: bool,
}

impl Pieces {
    /// Lengths of the axes (pattern, y, x).
    pub fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    /// A pass over the patterns in order: calls `take` with the amplitudes of some of them at a
    /// time, zero frequency in the centre, as
    /// [`Dataset::diffraction`] would have them. No more than these are in memory.
    ///
    /// # Errors
    /// [`Error::Array`] when the array became damaged or unreadable, and whatever `take` fails
    /// with.
    pub fn blocks<E: From<Error>>(
        &self,
        take: &mut dyn FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.archive.blocks_f32(KEY, stack::block(self.shape), &mut |values| {
            if self.root {
                values.iter_mut().for_each(|value| *value = value.sqrt());
            }
            take(values)
        })
    }
}

/// [`read`](super::read) without the patterns: the data set has none, `diffraction` being of shape
/// (0, H, W), and [`Pieces`] brings them. Other arrays as large as the patterns are passed over
/// too. Everything is checked as [`read`](super::read) does.
///
/// # Errors
/// As for [`read`](super::read), and [`Error::NotInPieces`] for all but the study's format with the
/// patterns one behind the other and their zero frequency in the centre.
pub fn read_pieces(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding, Pieces), Error> {
    let path = path.as_ref();
    let refused = |what: &str| Error::NotInPieces {
        path: path.to_owned(),
        reason: format!(
            "it is {what}; save its patterns as {KEY} (n, H, W) in a NumPy archive of the study's \
             format (lapwing.load(FILE).save(NEW) in Python, where there is memory for them)"
        ),
    };
    let file = Container::open_as(path, options)?;
    if file.kind() != Kind::Npz {
        let what = match file.kind() {
            Kind::Hdf5 => "an HDF5 file",
            Kind::Raw => "a file of raw frames",
            _ => "a single array",
        };
        return Err(refused(what));
    }
    let dialect = dialect_of(&file, options)?;
    if !dialect.leaves_patterns() {
        return Err(refused(&format!("of the dialect {}", dialect.name())));
    }
    let settled = settle(dialect, &file, &Wanted { options, in_file: true })?;
    let Container::Npz(archive) = file else { return Err(refused("no NumPy archive")) };
    let (height, width) = settled.understanding.pattern_shape;
    let shape = (settled.understanding.n_patterns, height, width);
    let root = stack::is_root(settled.understanding.quantity);
    Ok((settled.dataset, settled.understanding, Pieces { archive, shape, root }))
}
