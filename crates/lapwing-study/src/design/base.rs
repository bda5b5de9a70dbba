//! The sections `[base]` and `[experiment]`: a file, and what is known about how to read it.

use crate::design::check::check_pixel;
use crate::design::error::DesignError;
use crate::design::settled::Source;
use crate::design::unused;
use lapwing_files::experiment::Numbers;
use lapwing_files::options::{Geometry, ProbeFrom};
use lapwing_files::reading::{self, EXPERIMENT, Kind, OPTIONS};
use lapwing_files::{ReadOptions, Storage, dialect, experiment, open};
use lapwing_model::probe;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use toml::{Table, Value};

/// The section `[base]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BaseFile {
    /// A file with an object, a probe and positions: `objectGuess`, `probeGuess`, `xcoords` and
    /// `ycoords` of an NPZ file, or the like of a CXI file that this program wrote.
    pub file: PathBuf,
    /// Options of reading by their names, those that concern object, probe and positions; paths are
    /// absolute.
    #[serde(flatten)]
    pub reading: Table,
}

/// The section `[base]` of a measured study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredBase {
    /// A measured scan of any dialect, with photon counts.
    pub measured: PathBuf,
    /// Options of reading by their names, an experiment file among them; paths are absolute.
    #[serde(flatten)]
    pub reading: Table,
}

/// What the file of a base tells of its scan, as far as it does.
#[derive(Debug, Default)]
pub(super) struct OfFile {
    /// Side of a pixel of the object, metres.
    pub pixel_size: Option<f64>,
    /// Diameter of the probe's disc, pixels.
    pub probe_diameter: Option<f64>,
    /// Height and width of a pattern, pixels.
    pub window: Option<(usize, usize)>,
    /// Height and width of the object that data are simulated from, pixels.
    pub object: Option<(usize, usize)>,
    /// The file, and why it tells nothing where it could not be read.
    pub told: String,
}

impl OfFile {
    /// The side of its patterns, where they are square.
    pub(super) fn side(&self) -> Option<usize> {
        self.window.filter(|(height, width)| height == width).map(|(side, _)| side)
    }

    /// Height and width that the centres of windows of that side, or of its own, can span on its
    /// object.
    pub(super) fn field(&self, side: Option<usize>) -> Option<[f64; 2]> {
        let window = side.map(|side| (side, side)).or(self.window)?;
        let reach = |object: usize, window: usize| Some(object.checked_sub(window + 1)? as f64);
        let object = self.object?;
        Some([reach(object.0, window.0)?, reach(object.1, window.1)?])
    }

    /// What was found where it does not tell what is asked.
    pub(super) fn none(&self) -> String {
        match self.told.is_empty() {
            true => "none".to_owned(),
            false => format!("none ({})", self.told),
        }
    }
}

impl Source {
    /// What the file of a base tells of a far-field scan. Of the patterns one is read where the
    /// design takes them all.
    ///
    /// # Errors
    /// As [`Self::reading`], and when there is no such file.
    pub(super) fn of_file(&self) -> Result<OfFile, DesignError> {
        let mut options = self.reading()?;
        let part = &mut options.experiment.patterns;
        let Numbers { leave_out_frames, frames, region, every, .. } = &*part;
        let some = !leave_out_frames.is_empty() || frames.is_some() || region.is_some();
        if !some && every.is_none() && options.join.is_empty() {
            part.frames = Some(vec![0]);
        }
        let (path, read) = match self {
            Self::BuiltIn { .. } => return Ok(OfFile::default()),
            Self::Base { base, .. } => {
                let read = dialect::read_base_as(&base.file, &options);
                let told = read.map(|read| {
                    let (_, height, width) = read.probe.dim();
                    let shapes = (Some((height, width)), Some(read.object.shape()));
                    (Some(read.probe), read.metadata, None, shapes)
                });
                (&base.file, told)
            }
            Self::Measured { base, .. } => {
                let storage = Storage::Scratch(std::env::temp_dir());
                let read = dialect::read_into(&base.measured, &options, &storage);
                let told = read.map(|(read, _)| {
                    let shapes = (Some(read.pattern_shape()), None);
                    (read.probe, read.metadata, read.geometry, shapes)
                });
                (&base.measured, told)
            }
        };
        let told = path.display().to_string();
        Ok(match read {
            Err(error @ lapwing_files::Error::Io { .. }) => {
                let field = match self {
                    Self::Measured { .. } => "base.measured",
                    _ => "base.file",
                };
                return Err(DesignError::rule(field, "a file that can be read", error));
            }
            Err(error) => {
                let told = self.in_keys(error.into()).to_string();
                OfFile { told, ..OfFile::default() }
            }
            Ok((_, _, Some(Geometry::NearField), (window, object))) => {
                OfFile { told, window, object, ..OfFile::default() }
            }
            Ok((probe, metadata, _, (window, object))) => {
                let pixel = metadata.as_ref().and_then(dialect::object_pixel);
                let diameter = probe.map(|probe| probe::diameter(probe.view()));
                OfFile {
                    pixel_size: pixel.map(|(y, x)| (y * x).sqrt()),
                    probe_diameter: diameter.filter(|&diameter| diameter > 0.0),
                    window,
                    object,
                    told,
                }
            }
        })
    }

    /// [`Self::of_file`], and nothing of a file that is not there: whatever opens it says so.
    ///
    /// # Errors
    /// As [`Self::reading`].
    pub(super) fn of_file_if_there(&self) -> Result<OfFile, DesignError> {
        let path = match self {
            Self::BuiltIn { .. } => return Ok(OfFile::default()),
            Self::Base { base, .. } => &base.file,
            Self::Measured { base, .. } => &base.measured,
        };
        match open::named(path).0.exists() {
            true => self.of_file(),
            false => self.reading().map(|_| OfFile::default()),
        }
    }

    /// What the design says about how to read its base.
    ///
    /// # Errors
    /// When a key is none or cannot have its value, or the experiment file cannot be understood.
    pub fn reading(&self) -> Result<ReadOptions, DesignError> {
        let (named, sections) = self.said();
        experiment::of_design(named, sections).map_err(DesignError::Base)
    }

    /// Refuses what the design itself says of a base's own patterns where data are simulated from
    /// it. A study that is there keeps what it says; an experiment file may be that of other uses.
    ///
    /// # Errors
    /// The first such key, with what to say instead, and as [`Self::reading`].
    pub(crate) fn check_unused(&self) -> Result<(), DesignError> {
        match self {
            Self::Base { .. } => {
                self.check_reading()?;
                let (named, sections) = self.said();
                unused::check(named, sections)
            }
            Self::Measured { .. } | Self::BuiltIn { .. } => Ok(()),
        }
    }

    /// Side of a pixel of the object, metres, where the design tells it.
    ///
    /// # Errors
    /// As [`Self::reading`], and for a side that is none.
    pub fn pixel_size(&self) -> Result<Option<f64>, DesignError> {
        match self {
            Self::BuiltIn { specimen, .. } => {
                check_pixel("specimen.pixel_size_m", specimen.pixel_size_m)?;
                Ok(specimen.pixel_size_m)
            }
            Self::Base { .. } | Self::Measured { .. } => Ok(self.reading()?.pixel_size),
        }
    }

    /// The probe that reconstructions start from, where the experiment of the base says it; what
    /// cannot be read is told by [`Self::reading`].
    ///
    /// # Errors
    /// Of data that are simulated, a probe of optics, which their files do not hold.
    pub(super) fn probe_from(&self) -> Result<Option<ProbeFrom>, DesignError> {
        let from = self.reading().ok().and_then(|reading| reading.experiment.probe.from);
        match (self, from) {
            (Self::Base { .. }, Some(ProbeFrom::Optics)) => {
                let expected = "file, patterns or perturbed for data that are simulated from a \
                                base, which have no optics";
                Err(DesignError::rule("experiment.probe.from", expected, "optics"))
            }
            _ => Ok(from),
        }
    }

    /// [`Self::reading`] without looking into the experiment file, which may have gone since a
    /// study was run.
    pub(super) fn check_reading(&self) -> Result<(), DesignError> {
        self.said_here().map(drop)
    }

    /// What stands in the design, but for its experiment file.
    fn said_here(&self) -> Result<ReadOptions, DesignError> {
        let (named, sections) = self.said();
        let mut named = named.clone();
        named.remove(EXPERIMENT);
        experiment::of_design(&named, sections).map_err(DesignError::Base)
    }

    /// The options by name, and the sections of an experiment.
    pub(super) fn said(&self) -> (&Table, &Table) {
        static NOTHING: LazyLock<Table> = LazyLock::new(Table::new);
        match self {
            Self::Base { base, experiment, .. } => (&base.reading, experiment),
            Self::Measured { base, experiment } => (&base.reading, experiment),
            Self::BuiltIn { .. } => (&NOTHING, &NOTHING),
        }
    }

    /// The files that the data are made from: the base, and those that its reading names, in the
    /// experiment file, too.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = match self {
            Self::Base { base, .. } => vec![base.file.clone()],
            Self::Measured { base, .. } => vec![base.measured.clone()],
            Self::BuiltIn { .. } => Vec::new(),
        };
        let (named, sections) = self.said();
        let mut copies = (named.clone(), sections.clone());
        each_path(&mut copies.0, &mut copies.1, &mut |path| files.push(PathBuf::from(&*path)));
        // Where the experiment file is gone, that is said by whoever reads it.
        let read = self.reading().unwrap_or_default();
        for file in read.files() {
            if !files.iter().any(|there| there == file) {
                files.push(file.to_owned());
            }
        }
        files
    }

    /// The options of reading that name no file, whose contents count instead.
    pub(crate) fn said_without_files(&self) -> (Table, Table) {
        let (named, sections) = self.said();
        let (mut named, mut sections) = (named.clone(), sections.clone());
        each_path(&mut named, &mut sections, &mut |path| path.clear());
        (named, sections)
    }

    /// The same source with no word of where its files lie.
    pub(super) fn without_places(&self) -> Self {
        let mut source = self.clone();
        let (named, sections) = self.said_without_files();
        match &mut source {
            Self::Base { base, experiment, .. } => {
                base.file.clear();
                (base.reading, *experiment) = (named, sections);
            }
            Self::Measured { base, experiment } => {
                base.measured.clear();
                (base.reading, *experiment) = (named, sections);
            }
            Self::BuiltIn { .. } => {}
        }
        source
    }
}

/// Makes relative paths in both tables those of `folder`.
pub(super) fn make_absolute(named: &mut Table, sections: &mut Table, folder: &Path) {
    each_path(named, sections, &mut |path| {
        *path = folder.join(&*path).to_string_lossy().into_owned();
    });
}

/// Shows the path of every option that names a file.
fn each_path(named: &mut Table, sections: &mut Table, see: &mut dyn FnMut(&mut String)) {
    let is_file = |kind: Kind| matches!(kind, Kind::File { .. } | Kind::Files { .. });
    let mut see_all = |value: &mut Value| match value {
        Value::String(path) => see(path),
        Value::Array(paths) => paths.iter_mut().for_each(|path| {
            if let Value::String(path) = path {
                see(path);
            }
        }),
        _ => {}
    };
    for (key, value) in named.iter_mut() {
        let file = key == EXPERIMENT || reading::option(key).is_some_and(|o| is_file(o.kind));
        if file {
            see_all(value);
        }
    }
    for (section, values) in sections.iter_mut() {
        let Value::Table(values) = values else { continue };
        for (key, value) in values.iter_mut() {
            let named = |o: &&reading::ReadOption| o.section == section && o.key() == key;
            let file = OPTIONS.iter().find(named).is_some_and(|option| is_file(option.kind));
            if file {
                see_all(value);
            }
        }
    }
}
