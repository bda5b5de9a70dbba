//! `FILE` and `FILE::ARRAY`: objects and probes from whatever file they are in.

use anyhow::bail;
use lapwing_files::open::{self, SEPARATOR};
use lapwing_files::reconstruction::{Provenance, Role};
use lapwing_files::{Error, Reconstruction};
use lapwing_model::{Field, Modes, Position};
use std::path::{Path, PathBuf};

/// An object and what its file holds beside it.
#[derive(Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// The array that was taken; empty for a plain array.
    pub array: String,
    /// The object, axes (y, x): of several slices their product, which is what a beam sees that
    /// does not spread between them.
    pub object: Field,
    /// Slices that the file holds of it.
    pub n_slices: usize,
    /// Modes of the probe, when there are any.
    pub probe: Option<Modes>,
    /// Window centres, in the pixels of the data set.
    pub scan: Option<Vec<Position>>,
    /// Where pixel (0, 0) of the object lies in the pixels of the data set, when the file says so.
    pub origin: Option<(i64, i64)>,
    /// Side of an object pixel, metres, when the file says so: the mean of both where they differ.
    pub pixel_size: Option<f64>,
}

impl Stored {
    /// A reconstruction from `FILE` or `FILE::ARRAY`.
    pub fn reconstruction(place: &str) -> anyhow::Result<Self> {
        Self::read(place, Role::Reconstruction)
    }

    /// The truth from `FILE` or `FILE::ARRAY`.
    pub fn truth(place: &str) -> anyhow::Result<Self> {
        let mut truth = Self::read(place, Role::Truth)?;
        // The truth's grid is the one that others are laid on: its positions count from its pixel
        // (0, 0), also where it is a reconstruction on a grid of its own.
        if let (Some((y, x)), Some(scan)) = (truth.origin.take(), &mut truth.scan) {
            for at in scan {
                *at = Position { y: at.y - y as f64, x: at.x - x as f64 };
            }
        }
        Ok(truth)
    }

    fn read(place: &str, role: Role) -> anyhow::Result<Self> {
        let (path, wanted) = open::named(Path::new(place));
        let found = match Reconstruction::read_as(path, role, wanted) {
            Err(error @ Error::WhichObject { .. }) => bail!("{error} as FILE{SEPARATOR}ARRAY"),
            found => found?,
        };
        let pixel_size = found.pixel_size().map(|(y, x)| (y * x).sqrt());
        let Provenance { path, array } = found
            .source
            .unwrap_or_else(|| Provenance { path: PathBuf::from(path), array: String::new() });
        Ok(Self {
            path,
            array,
            n_slices: found.object.n_slices(),
            object: found.object.into_projection(),
            probe: found.probe,
            scan: found.positions,
            origin: found.origin,
            pixel_size,
        })
    }
}
