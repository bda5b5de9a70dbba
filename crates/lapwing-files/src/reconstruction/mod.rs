//! What a reconstruction arrives at, and its way to and from disk.

mod names;
mod read;

pub use names::{FILE_NAME, OBJECT};
pub use read::{Scan, Variation, file_of, read_positions, read_scan, read_variation};
pub(crate) use read::{axes, is_complex, probe_name, probe_of};

use std::path::{Path, PathBuf};

use lapwing_model::{Complex32, Modes, Object, Position};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::dialect::geometry::object_pixel;
use crate::metadata::{self, Metadata, TOOL, append_transformation};
use crate::npy::Array;
use crate::{Error, npz};
use names::{
    ALGORITHM, AMPLITUDE_SD, BEAM_POWER, EIGENMODES, LOSS, MEASURED, OPERATION, ORIGIN, PHASE_SD,
    POSITIONS, PROBE, TIMESTAMP, WEIGHTS,
};

/// A reconstruction: object and probe, and what is known of how they were found.
///
/// ```
/// use lapwing_files::Reconstruction;
/// use lapwing_model::Object;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("reconstruction.npz");
/// let mut made = Reconstruction::of(Object::flat((30, 40)));
/// made.loss = vec![0.5, 0.25];
/// made.write(&path)?;
/// let read = Reconstruction::read(&path)?;
/// assert_eq!(read.object.shape(), (30, 40));
/// assert_eq!(read.loss, [0.5, 0.25]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reconstruction {
    /// The object, axes (slice, y, x), dimensionless.
    pub object: Object,
    /// Probe modes, axes (mode, y, x), in the unit of the amplitudes that were reconstructed.
    pub probe: Option<Modes>,
    /// Where the probe varies along the scan: eigenmodes E_k, axes (eigenmode, y, x), in the unit
    /// of the probe, and their weights w_jk, axes (pattern, eigenmode); the first mode of pattern j
    /// is P_0 + sum_k w_jk E_k. Patterns that were left out have weight 0. Of files those of this
    /// program are read alone.
    pub eigenmodes: Option<(Modes, Array2<Complex32>)>,
    /// The beam's power in every pattern over its geometric mean, where it varies: the probe of
    /// pattern j is brighter by its root; 1 for patterns that were left out. Of files those of this
    /// program are read alone.
    pub beam_power: Option<Vec<f64>>,
    /// Window centres (y, x) in the pixels of the data set, one for each pattern, as refined.
    pub positions: Option<Vec<Position>>,
    /// The same as they were measured, where the reconstruction has moved them. Of files those of
    /// this program are read alone.
    pub measured_positions: Option<Vec<Position>>,
    /// Where pixel (0, 0) of the object lies in these pixels: (row, column) = (y, x) - origin.
    /// `None` on the data set's own object grid, and where a file does not tell.
    pub origin: Option<(i64, i64)>,
    /// Standard deviation of the object's amplitude, axes (y, x); NaN where no light fell. `None`
    /// where none was worked out.
    pub amplitude_sd: Option<Array2<f32>>,
    /// Standard deviation of the object's phase, radians, likewise.
    pub phase_sd: Option<Array2<f32>>,
    /// The loss of every epoch.
    pub loss: Vec<f64>,
    /// Deviance of the counts from the model over what their noise makes of it, 1 for a perfect
    /// model; `None` for one that was read, or where photon counts are not known.
    pub misfit: Option<f64>,
    /// The algorithm's name.
    pub algorithm: Option<String>,
    /// Every option of the algorithm.
    pub options: Option<Value>,
    /// The metadata of the data set that was reconstructed; of a product file the size of its
    /// pixels.
    pub metadata: Option<Metadata>,
    /// When it was made, as RFC 3339 has it; `None` for one that was not written yet.
    pub timestamp: Option<String>,
    /// The file and the array that it was read from.
    pub source: Option<Provenance>,
    /// What was left out when it was read, in words.
    pub notes: Vec<String>,
}

/// Where an object was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The file.
    pub path: PathBuf,
    /// The array of the object in it; empty for a plain `.npy` file.
    pub array: String,
}

/// What a file is opened for: it decides which array is the object where several could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Something reconstructed: `reconstructed_object`, `ptychopinn_complex`, `psi`, `object` or
    /// `objectGuess`, the first that is there.
    #[default]
    Reconstruction,
    /// The truth of simulated data: `objectGuess`, `ground_truth_complex`, `object` or
    /// `reconstructed_object`.
    Truth,
}

impl Reconstruction {
    /// An object of which nothing else is known.
    pub fn of(object: Object) -> Self {
        Self {
            object,
            probe: None,
            eigenmodes: None,
            beam_power: None,
            positions: None,
            measured_positions: None,
            origin: None,
            amplitude_sd: None,
            phase_sd: None,
            loss: Vec::new(),
            misfit: None,
            algorithm: None,
            options: None,
            metadata: None,
            timestamp: None,
            source: None,
            notes: Vec::new(),
        }
    }

    /// How far the reconstruction has moved every position, pixels: refined less measured; `None`
    /// where it has moved none.
    pub fn shifts(&self) -> Option<Vec<Position>> {
        let scan =
            Scan { positions: self.positions.clone()?, measured: self.measured_positions.clone() };
        scan.shifts()
    }

    /// How the probe varies along the scan; `None` where it does not.
    pub fn variation(&self) -> Option<Variation> {
        if self.eigenmodes.is_none() && self.beam_power.is_none() {
            return None;
        }
        let (eigenmodes, power) = (self.eigenmodes.clone(), self.beam_power.clone());
        Some(Variation { probe: self.probe.clone()?, eigenmodes, power })
    }

    /// Size of an object pixel along (y, x), metres, where the metadata know it.
    pub fn pixel_size(&self) -> Option<(f64, f64)> {
        self.metadata.as_ref().and_then(object_pixel)
    }

    /// Writes `reconstruction.npz`, atomically and uncompressed: `reconstructed_object` complex64
    /// (y, x), or (slice, y, x) of several slices; `reconstructed_probe` complex64 (H, W), or
    /// (mode, H, W) of several modes; of a probe that varies `probe_eigenmodes` complex64
    /// (eigenmode, H, W) and `probe_weights` complex64 (n, eigenmode); `positions` float64 (n, 2)
    /// as (y, x), and where they were refined `measured_positions` likewise; `loss` float64; where
    /// there are some `object_amplitude_sd` and `object_phase_sd` float32 (y, x) and
    /// `reconstructed_object_origin` int64 (y, x); `algorithm` and `timestamp` (now, unless there
    /// is one) as text; and the metadata with the reconstruction as the last entry of their
    /// history.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let slices = self.object.slices();
        let object_shape = without_one(slices.shape());
        let object: Vec<_> = slices.iter().copied().collect();
        npz::write_with(path, npz::Packing::Stored, |file| {
            file.values(OBJECT, object_shape, &object)?;
            if let Some(probe) = &self.probe {
                let values: Vec<_> = probe.iter().copied().collect();
                file.values(PROBE, without_one(probe.shape()), &values)?;
            }
            if let Some((eigenmodes, weights)) = &self.eigenmodes {
                let values: Vec<_> = eigenmodes.iter().copied().collect();
                file.values(EIGENMODES, eigenmodes.shape(), &values)?;
                let values: Vec<_> = weights.iter().copied().collect();
                file.values(WEIGHTS, weights.shape(), &values)?;
            }
            if let Some(power) = &self.beam_power {
                file.values(BEAM_POWER, &[power.len()], power)?;
            }
            for (name, scan) in [(POSITIONS, &self.positions), (MEASURED, &self.measured_positions)]
            {
                if let Some(scan) = scan {
                    let values: Vec<f64> = scan.iter().flat_map(|p| [p.y, p.x]).collect();
                    file.values(name, &[scan.len(), 2], &values)?;
                }
            }
            file.values(LOSS, &[self.loss.len()], &self.loss)?;
            for (name, map) in [(AMPLITUDE_SD, &self.amplitude_sd), (PHASE_SD, &self.phase_sd)] {
                if let Some(map) = map {
                    let values: Vec<f32> = map.iter().copied().collect();
                    file.values(name, map.shape(), &values)?;
                }
            }
            if let Some((y, x)) = self.origin {
                file.values(ORIGIN, &[2], &[y, x])?;
            }
            if let Some(algorithm) = &self.algorithm {
                file.array(ALGORITHM, &Array::text(algorithm))?;
            }
            let now = || jiff::Timestamp::now().to_string();
            let timestamp = self.timestamp.clone().unwrap_or_else(now);
            file.array(TIMESTAMP, &Array::text(&timestamp))?;
            file.array(metadata::KEY, &metadata::to_array(&self.history()))
        })
    }

    /// The metadata of the data set, and behind its history that of the reconstruction.
    fn history(&self) -> Metadata {
        let mut history = self.metadata.clone().unwrap_or_default();
        let told = json!({ "algorithm": self.algorithm, "options": self.options });
        append_transformation(&mut history, TOOL, OPERATION, told);
        history
    }
}

/// The shape of a stack, that of its only layer where there is one.
fn without_one(shape: &[usize]) -> &[usize] {
    match shape {
        [1, layer @ ..] => layer,
        stack => stack,
    }
}
