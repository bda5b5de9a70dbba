//! The state of a reconstruction on disk, so that a run that was stopped resumes with the same
//! bits.

use crate::Result;
use crate::disk::path::remove_if_there;
use lapwing_files::npy::{Array, Values as Stored};
use lapwing_files::npz::{self, Archive, Packing};
use lapwing_solve::Snapshot;
use lapwing_solve::snapshot::Values;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of the checkpoint inside the folder of a reconstruction; it is gone when that is done.
pub const CHECKPOINT: &str = "checkpoint.npz";

/// Array that says whose checkpoint it is.
const KEY: &str = "key";
const LOSS: &str = "loss";
/// What the names of the solver's arrays begin with.
const STATE: &str = "state.";

/// How often the state of a reconstruction is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Every {
    /// After so many epochs.
    Epochs(usize),
    /// After the first epoch that ends so many minutes after the last checkpoint.
    Minutes(f64),
}

impl Default for Every {
    /// Five minutes: little to lose, and next to nothing spent.
    fn default() -> Self {
        Self::Minutes(5.0)
    }
}

/// Where and when to store.
pub(crate) struct Checkpoint {
    path: PathBuf,
    key: String,
    every: Every,
    stored_at: Instant,
}

impl Checkpoint {
    pub fn new(folder: &Path, key: String, every: Every) -> Self {
        Self { path: folder.join(CHECKPOINT), key, every, stored_at: Instant::now() }
    }

    /// The state of this very request; `None` when there is none, or one of another request or
    /// cannot be read.
    pub fn load(&self) -> Option<Snapshot> {
        let archive = Archive::open(&self.path).ok()?;
        if archive.read(KEY).ok()?.to_strings().ok()? != [self.key.as_str()] {
            return None;
        }
        let loss = archive.read(LOSS).ok()?.to_f64().ok()?;
        let mut arrays = Vec::new();
        for name in archive.names().filter(|name| name.starts_with(STATE)) {
            let values = match archive.read(name).ok()?.into_values() {
                Stored::C64(values) => Values::Complex(values.into()),
                Stored::F32(values) => Values::Single(values),
                Stored::F64(values) => Values::Double(values),
                _ => return None,
            };
            arrays.push((name[STATE.len()..].to_owned(), values));
        }
        Some(Snapshot::from_arrays(loss, arrays))
    }

    /// Epochs of which the state is stored in `folder`, whatever request it is of.
    pub fn epochs_in(folder: &Path) -> Option<usize> {
        let archive = Archive::open(folder.join(CHECKPOINT)).ok()?;
        archive.header(LOSS).ok()?.shape.first().copied()
    }

    /// Whether there is the state of another request than this one.
    pub fn is_of_another(&self) -> bool {
        let key = Archive::open(&self.path).and_then(|archive| archive.read(KEY));
        let told = key.ok().and_then(|key| key.to_strings().ok());
        told.is_some_and(|told| told != [self.key.as_str()])
    }

    /// Whether the state after epoch `done` is to be stored.
    pub fn due(&self, done: usize) -> bool {
        match self.every {
            Every::Epochs(epochs) => done.is_multiple_of(epochs.max(1)),
            Every::Minutes(minutes) => {
                self.stored_at.elapsed() >= Duration::from_secs_f64(60.0 * minutes)
            }
        }
    }

    /// Whether the state after the last epoch is to be stored, though the result follows soon: a
    /// tenth of the usual time is enough to be worth it.
    pub fn due_at_the_end(&self) -> bool {
        match self.every {
            Every::Epochs(_) => true,
            Every::Minutes(minutes) => {
                self.stored_at.elapsed() >= Duration::from_secs_f64(6.0 * minutes)
            }
        }
    }

    /// Stores a state, in place of the one before.
    pub fn store(&mut self, snapshot: &Snapshot) -> Result<()> {
        npz::write_with(&self.path, Packing::Stored, |file| {
            file.array(KEY, &Array::text(&self.key))?;
            file.values(LOSS, &[snapshot.loss.len()], &snapshot.loss)?;
            for (name, values) in snapshot.arrays() {
                let name = format!("{STATE}{name}");
                match values {
                    Values::Complex(values) => file.values(&name, &[values.len()], values)?,
                    Values::Single(values) => file.values(&name, &[values.len()], values)?,
                    Values::Double(values) => file.values(&name, &[values.len()], values)?,
                }
            }
            Ok(())
        })?;
        self.stored_at = Instant::now();
        Ok(())
    }

    /// Takes the checkpoint away once the result is whole.
    pub fn remove(&self) -> Result<()> {
        remove_if_there(&self.path)
    }
}
