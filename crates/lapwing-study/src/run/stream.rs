//! Patterns that stay out of memory: read in pieces, kept by the solver in a scratch file.

use crate::design::condition::Case;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::memory::{free_memory, stack_bytes};
use crate::run::start::Start;
use crate::{Result, StudyError};
use lapwing_files::dataset::restored;
use lapwing_files::dialect::{self, Pieces, ReadOptions};
use lapwing_files::{Dataset, Understanding, scratch};
use lapwing_solve::{PatternStore, Problem, StoredBytes};
use rayon::prelude::*;
use std::io;
use std::path::Path;
use std::str::FromStr;

/// Memory that a reconstruction takes for each byte of its patterns as 32-bit numbers when it holds
/// them: as they are read, as intensities, and the same again for the solver's own arrays.
const MEMORY_PER_PATTERN_BYTE: u64 = 3;

/// Values of a block that one task converts.
const PART: usize = 1 << 14;

/// Whether a reconstruction leaves its patterns out of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streaming {
    /// When the memory that is free would not comfortably hold them.
    #[default]
    Auto,
    /// Always, or not at all where the file does not allow it.
    Always,
    /// Never.
    Never,
}

impl FromStr for Streaming {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err("expected auto, always or never".to_owned()),
        }
    }
}

/// A data set, with its patterns or without them.
#[derive(Debug)]
pub struct Opened {
    /// The data set; of no patterns where there are `pieces`.
    pub dataset: Dataset,
    /// How its file was understood.
    pub understood: Understanding,
    /// The patterns, where they stay in their file.
    pub pieces: Option<Pieces>,
}

impl Streaming {
    /// Reads a data set, its patterns into memory or not. A note to the observer says why not.
    ///
    /// # Errors
    /// When the file cannot be read, or not in pieces where it must be.
    pub fn open(
        self,
        input: &Path,
        reading: &ReadOptions,
        observe: Observer<'_>,
    ) -> Result<Opened> {
        self.open_beside(free_memory(), input, reading, observe)
    }

    /// [`Self::open`] beside so many bytes of free memory, where that is known.
    fn open_beside(
        self,
        free: Option<u64>,
        input: &Path,
        reading: &ReadOptions,
        observe: Observer<'_>,
    ) -> Result<Opened> {
        let whole = || -> Result<Opened> {
            let (dataset, understood) = dialect::read(input, reading)?;
            Ok(Opened { dataset, understood, pieces: None })
        };
        let in_pieces = || -> Result<Opened, lapwing_files::Error> {
            let (dataset, understood, pieces) = dialect::read_pieces(input, reading)?;
            Ok(Opened { dataset, understood, pieces: Some(pieces) })
        };
        match self {
            Self::Never => whole(),
            Self::Always => Ok(in_pieces()?),
            Self::Auto => {
                let (Some(stack), Some(free)) = (stack_bytes(input, reading), free) else {
                    return whole();
                };
                if fits(stack, free) {
                    return whole();
                }
                let sizes =
                    format!("patterns of {} beside {} of free memory", size(stack), size(free));
                match in_pieces() {
                    Err(error @ lapwing_files::Error::NotInPieces { .. }) => {
                        let text = format!("{sizes} are held there all the same: {error}");
                        note(observe, Level::Fact, &text)?;
                        whole()
                    }
                    opened => {
                        let opened = opened?;
                        note(observe, Level::Fact, &format!("{sizes} are streamed"))?;
                        Ok(opened)
                    }
                }
            }
        }
    }
}

/// Whether a stack is comfortable in memory.
fn fits(stack: u64, free: u64) -> bool {
    stack.saturating_mul(MEMORY_PER_PATTERN_BYTE) <= free
}

fn size(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Patterns in their file, and the scale s of counts = (s x amplitude)^2 where it is known.
pub(crate) struct Streamed {
    pub pieces: Pieces,
    pub scale: Option<f64>,
}

impl Streamed {
    /// The problem that `start`, which has no intensities of its own, would make with these; a
    /// scratch file on the disk of `folder` keeps them. `case` names the job in the events
    /// meanwhile.
    pub fn problem(
        &self,
        start: Start,
        folder: &Path,
        case: Option<&Case>,
        observe: Observer<'_>,
    ) -> Result<Problem> {
        let intensity = |amplitude: f32| match self.scale {
            Some(scale) => restored(scale, amplitude),
            None => amplitude * amplitude,
        };
        let mut blocks = |take: &mut dyn FnMut(&mut [f32]) -> Result<()>| {
            self.pieces.blocks::<StudyError>(&mut |values| {
                tell(&mut *observe, Event::Waiting { case, what: "its patterns" })?;
                let parts = values.par_chunks_mut(PART);
                parts.for_each(|part| part.iter_mut().for_each(|value| *value = intensity(*value)));
                take(values)
            })
        };
        let shape = self.pieces.shape();
        let Start { object, probe, scan, valid, physics, .. } = start;
        let builder = Problem::builder(scan, object, probe).physics(physics);
        let store = ScratchIn::new(folder, shape)?;
        match &valid {
            Some(valid) => builder.mask(valid.view()).patterns_from(shape, &mut blocks, store),
            None => builder.patterns_from(shape, &mut blocks, store),
        }
    }
}

/// A scratch file in a folder.
struct ScratchIn<'a> {
    file: scratch::Scratch,
    folder: &'a Path,
    /// Bytes that it may come to.
    most: u64,
}

impl<'a> ScratchIn<'a> {
    fn new(folder: &'a Path, (patterns, height, width): (usize, usize, usize)) -> Result<Self> {
        let values = [patterns, height, width]
            .iter()
            .fold(1, |product: u64, &n| product.saturating_mul(n as u64));
        let most = values.saturating_mul(size_of::<f32>() as u64);
        match scratch::Scratch::new_in(folder) {
            Ok(file) => Ok(Self { file, folder, most }),
            Err(error) => Err(unkept(folder, most, &error)),
        }
    }
}

impl PatternStore for ScratchIn<'_> {
    type Error = StudyError;

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.append(bytes).map_err(|error| unkept(self.folder, self.most, &error))
    }

    fn finish(self) -> Result<StoredBytes> {
        match self.file.finish() {
            Ok(mapped) => Ok(Box::new(mapped)),
            Err(error) => Err(unkept(self.folder, self.most, &error)),
        }
    }
}

fn unkept(folder: &Path, most: u64, error: &io::Error) -> StudyError {
    StudyError::Invalid(format!(
        "cannot keep the patterns in a scratch file in {}: {error}; it may need {} there: use an output folder with that much room",
        folder.display(),
        size(most)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    #[test]
    fn words_for_it() {
        for (text, meant) in
            [("auto", Streaming::Auto), ("always", Streaming::Always), ("never", Streaming::Never)]
        {
            assert_eq!(text.parse(), Ok(meant));
        }
        assert!("sometimes".parse::<Streaming>().unwrap_err().contains("always"));
    }

    #[test]
    fn a_stack_too_large_for_memory_is_told_whatever_its_dialect() {
        let folder = tempfile::tempdir().unwrap();
        let counts = ndarray::Array3::from_shape_fn((3, 8, 8), |(n, y, x)| (n + y + x) as f32);
        let [tike, cxi] = ["tike.npz", "set.cxi"].map(|name| folder.path().join(name));
        let corners = ndarray::Array2::<f64>::zeros((3, 2));
        lapwing_files::npz::write(
            &tike,
            &[("data", (&counts).into()), ("scan", (&corners).into())],
        )
        .unwrap();
        let (diffraction, _) = Dataset::amplitudes(&counts);
        let scan = vec![lapwing_model::Position { y: 4.0, x: 4.0 }; 3];
        let dataset = Dataset { diffraction, scan, ..Dataset::default() };
        let optics = dialect::Optics { wavelength: 1e-10, distance: 1.0, pitch: (5e-5, 5e-5) };
        dialect::write_cxi(&dataset, &optics, &cxi).unwrap();
        let known = ReadOptions::default();
        for path in [tike, cxi] {
            let mut lines = Vec::new();
            let mut log = |event: Event<'_>| {
                if let Event::Note { text, .. } = event {
                    lines.push(text.to_owned());
                }
                ControlFlow::Continue(())
            };
            let opened = Streaming::Auto.open_beside(Some(1), &path, &known, &mut log).unwrap();
            assert!(opened.pieces.is_none());
            let told = lines.iter().any(|line| line.contains("are held there all the same"));
            assert!(told, "{}: {lines:?}", path.display());
        }
    }

    #[test]
    fn a_stack_is_comfortable_in_three_times_its_memory() {
        assert!(fits(1000, 3000) && !fits(1000, 2999) && !fits(u64::MAX, u64::MAX - 1));
    }
}
