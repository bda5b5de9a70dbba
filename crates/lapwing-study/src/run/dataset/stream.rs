//! Patterns that stay out of memory: in a scratch file, as the data set has them and as the solver
//! does.

use crate::run::dataset::memory::{free_memory, stack_bytes};
use crate::run::event::{Level, Observer, note};
use crate::{Result, StudyError};
use lapwing_files::dialect::{self, ReadOptions};
use lapwing_files::{Dataset, Patterns, Storage, Understanding, scratch};
use lapwing_model::Complex32;
use lapwing_solve::outside::{OutsideBytes, OutsideStore};
use lapwing_solve::problem::ProblemBuilder;
use lapwing_solve::{PatternStore, Problem, StoredBytes};
use ndarray::ArrayView3;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Memory that a reconstruction may take for each byte of its patterns as 32-bit numbers when it
/// holds them: as they are read, as intensities while a probe is made of them, and the same again
/// for the solver's own arrays.
const MEMORY_PER_PATTERN_BYTE: u64 = 3;

/// Values that are handed to a solver at a time.
const BLOCK: usize = 1 << 22;

/// Whether patterns stay out of memory. What comes out does not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streaming {
    /// When the memory that is free would not comfortably hold them.
    #[default]
    Auto,
    /// When so many bytes of memory would not comfortably hold them.
    Within(u64),
    /// Always.
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

/// A number of bytes as people write it: `2GB`, `500 MB`, `1.5GiB`, or bytes.
///
/// # Errors
/// What was expected, for anything else, and for less than a megabyte.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("MIB", 1_048_576.0),
        ("GIB", 1_073_741_824.0),
    ];
    let plain = text.trim().to_uppercase();
    let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match plain[digits.len()..].trim() {
        "" | "B" => Some(1.0),
        unit => units.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size),
    };
    let number = digits.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match number.zip(unit).map(|(number, unit)| number * unit) {
        Some(bytes) if (1e6..1e18).contains(&bytes) => Ok(bytes as u64),
        _ => Err(format!(
            "expected a size of a megabyte or more, such as 2GB or 500MB, found {text:?}"
        )),
    }
}

impl Streaming {
    /// For each of so many that work at the same time.
    #[must_use]
    pub(crate) fn shared_by(self, workers: usize) -> Self {
        match self {
            Self::Within(bytes) => Self::Within(bytes / workers.max(1) as u64),
            other => other,
        }
    }

    /// Memory to work in, bytes, where it is bounded or can be told.
    pub(crate) fn memory(self) -> Option<u64> {
        match self {
            Self::Within(bytes) => Some(bytes),
            _ => free_memory(),
        }
    }

    /// Where the patterns of a file are kept: in memory, or in a scratch file in `folder`.
    pub fn storage(self, input: &Path, reading: &ReadOptions, folder: &Path) -> Storage {
        stack_bytes(input, reading).map_or(Storage::Memory, |stack| self.storage_of(stack, folder))
    }

    /// [`storage`](Self::storage) of patterns that take so many bytes as 32-bit numbers.
    pub fn storage_of(self, stack: u64, folder: &Path) -> Storage {
        let space = match self {
            Self::Never => None,
            Self::Always => Some(0),
            Self::Within(bytes) => Some(bytes),
            Self::Auto => free_memory(),
        };
        match space {
            Some(space) if !fits(stack, space) => Storage::Scratch(folder.to_owned()),
            _ => Storage::Memory,
        }
    }

    /// Where a solver keeps its own `fields`, of so many pixels each: in memory, or in scratch
    /// files in `folder`.
    pub(crate) fn storage_of_fields(self, fields: usize, pixels: usize, folder: &Path) -> Storage {
        let bytes = (pixels * size_of::<Complex32>()) as u64;
        self.storage_of(bytes.saturating_mul(fields as u64) / MEMORY_PER_PATTERN_BYTE, folder)
    }

    /// Reads a data set, its patterns into memory or a scratch file in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(
        self,
        input: &Path,
        reading: &ReadOptions,
        folder: &Path,
    ) -> Result<(Dataset, Understanding)> {
        Ok(dialect::read_into(input, reading, &self.storage(input, reading, folder))?)
    }

    /// [`read`](Self::read); a note to the observer tells of a scratch file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(
        self,
        input: &Path,
        reading: &ReadOptions,
        folder: &Path,
        observe: Observer<'_>,
    ) -> Result<(Dataset, Understanding)> {
        let storage = self.storage(input, reading, folder);
        if let (Storage::Scratch(folder), Some(stack)) = (&storage, stack_bytes(input, reading)) {
            let text = format!(
                "streaming: patterns of {} as 32-bit numbers are kept in a nameless scratch file in {}",
                size(stack as f64),
                folder.display()
            );
            note(observe, Level::Fact, &text)?;
        }
        Ok(dialect::read_into(input, reading, &storage)?)
    }
}

/// Whether a stack is comfortable in memory.
fn fits(stack: u64, free: u64) -> bool {
    stack.saturating_mul(MEMORY_PER_PATTERN_BYTE) <= free
}

/// A number of bytes in words, in a unit that fits.
pub fn size(bytes: f64) -> String {
    match bytes {
        b if b < 1e5 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b if b < 1e12 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.1} TB", b / 1e12),
    }
}

/// The problem that `builder` makes of patterns in a scratch file in `folder`, with another one
/// there. `waiting` is called between blocks of patterns.
pub(crate) fn problem(
    builder: ProblemBuilder<'_>,
    intensity: &Patterns,
    valid: Option<ArrayView3<'_, bool>>,
    folder: &Path,
    waiting: &mut dyn FnMut() -> Result<()>,
) -> Result<Problem> {
    let shape = intensity.dim();
    let pixels = (shape.1 * shape.2).max(1);
    let mut block = Vec::new();
    let mut blocks = |take: &mut dyn FnMut(&mut [f32]) -> Result<()>| {
        for values in intensity.values().chunks((BLOCK / pixels).max(1) * pixels) {
            waiting()?;
            block.clear();
            block.extend_from_slice(values);
            take(&mut block)?;
        }
        Ok(())
    };
    let store = ScratchIn::new(folder, shape)?;
    match valid {
        Some(valid) => builder.mask(valid).patterns_from(shape, &mut blocks, store),
        None => builder.patterns_from(shape, &mut blocks, store),
    }
}

/// Scratch files in a folder, for what a solver keeps and for patterns that are drawn.
#[derive(Debug)]
pub(crate) struct ScratchFiles(pub PathBuf);

impl OutsideStore for ScratchFiles {
    fn bytes(&self, len: usize) -> Option<Box<dyn OutsideBytes>> {
        let mapped = scratch::zeros_in(&self.0, len as u64).ok()?;
        Some(Box::new(mapped))
    }
}

/// A scratch file in a folder.
struct ScratchIn {
    file: scratch::ScratchFile,
    folder: PathBuf,
    /// Bytes that it may come to.
    most: u64,
}

impl ScratchIn {
    fn new(folder: &Path, (patterns, height, width): (usize, usize, usize)) -> Result<Self> {
        let values = [patterns, height, width]
            .iter()
            .fold(1, |product: u64, &n| product.saturating_mul(n as u64));
        let most = values.saturating_mul(size_of::<f32>() as u64);
        match scratch::ScratchFile::new_in(folder) {
            Ok(file) => Ok(Self { file, folder: folder.to_owned(), most }),
            Err(error) => Err(unkept(folder, most, error)),
        }
    }
}

impl PatternStore for ScratchIn {
    type Error = StudyError;

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.append(bytes).map_err(|error| unkept(&self.folder, self.most, error))
    }

    fn finish(self) -> Result<StoredBytes> {
        match self.file.finish() {
            Ok(mapped) => Ok(Box::new(mapped)),
            Err(error) => Err(unkept(&self.folder, self.most, error)),
        }
    }
}

fn unkept(folder: &Path, bytes: u64, source: io::Error) -> StudyError {
    lapwing_files::Error::Scratch { folder: folder.to_owned(), bytes, source }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Event;
    use std::ops::ControlFlow;

    #[test]
    fn words_for_it() {
        for (text, meant) in
            [("auto", Streaming::Auto), ("always", Streaming::Always), ("never", Streaming::Never)]
        {
            assert_eq!(text.parse(), Ok(meant));
        }
        assert!("sometimes".parse::<Streaming>().unwrap_err().contains("always"));
        for (text, meant) in [
            ("2GB", 2_000_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("500mb", 500_000_000),
            ("1e7", 10_000_000),
        ] {
            assert_eq!(bytes(text), Ok(meant), "{text}");
        }
        let told = [6e3, 2e6, 3e9, 4e12].map(size);
        assert_eq!(told, ["6.0 kB", "2.0 MB", "3.0 GB", "4.0 TB"]);
        assert!(bytes("12").unwrap_err().contains("2GB") && bytes("-2GB").is_err());
    }

    #[test]
    fn a_stack_too_large_for_memory_is_kept_in_a_file_whatever_its_dialect() {
        let folder = tempfile::tempdir().unwrap();
        let counts = ndarray::Array3::from_shape_fn((3, 64, 64), |(n, y, x)| (n + y + x) as f32);
        let [tike, cxi] = ["tike.npz", "set.cxi"].map(|name| folder.path().join(name));
        let corners = ndarray::Array2::<f64>::zeros((3, 2));
        lapwing_files::npz::write(
            &tike,
            &[("data", (&counts).into()), ("scan", (&corners).into())],
        )
        .unwrap();
        let (diffraction, _) = Dataset::amplitudes(counts);
        let scan = vec![lapwing_model::Position { y: 4.0, x: 4.0 }; 3];
        let dataset = Dataset { diffraction, scan, ..Dataset::default() };
        let optics =
            dialect::FarFieldOptics { wavelength: 1e-10, distance: 1.0, pitch: (5e-5, 5e-5) };
        dialect::write_cxi(&dataset, &optics, None, &cxi).unwrap();
        let known = ReadOptions::default();
        for path in [tike, cxi] {
            let mut lines = Vec::new();
            let mut log = |event: Event<'_>| {
                if let Event::Note { text, .. } = event {
                    lines.push(text.to_owned());
                }
                ControlFlow::Continue(())
            };
            let mut open = |streaming: Streaming| {
                streaming.open(&path, &known, folder.path(), &mut log).unwrap().0.diffraction
            };
            let whole = open(Streaming::Within(1 << 20));
            let kept = open(Streaming::Within(1 << 17));
            assert!(whole.in_memory() && !kept.in_memory() && whole == kept);
            let told = lines.iter().filter(|line| line.contains("nameless scratch file"));
            assert_eq!(told.count(), 1, "{}: {lines:?}", path.display());
        }
    }

    #[test]
    fn a_stack_is_comfortable_in_three_times_its_memory() {
        assert!(fits(1000, 3000) && !fits(1000, 2999) && !fits(u64::MAX, u64::MAX - 1));
    }
}
