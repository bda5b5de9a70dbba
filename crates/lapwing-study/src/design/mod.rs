//! What a study is to do: the user's file, and the design that is run.
//!
//! In the user's file everything is optional. [`Design::parse`] fills in the rest, refuses what
//! cannot be run, and returns a design in which everything is settled; it is written back as
//! `study.toml` beside the results, and reads back as itself.

mod check;
pub mod condition;
pub mod solver;
mod written;

pub use check::DesignError;
pub(crate) use check::check_solver;

use crate::design::condition::{Case, Condition, Split, View};
use crate::design::solver::StudySolver;
use crate::geometry::selection::Acceptance;
use crate::geometry::split::Cut;
use lapwing_model::probe::ProbeDesign;
use lapwing_model::scan::ScanKind;
use lapwing_model::specimen::Specimen;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A commented design with all the defaults, for people to start from.
pub const TEMPLATE: &str = include_str!("study.template.toml");

/// Most pixels of an object: 8 GiB of complex numbers.
pub const MAX_OBJECT_PIXELS: f64 = (1u64 << 30) as f64;

/// Most pixels of all patterns of a scan together: 64 GiB of single-precision numbers.
pub const MAX_PATTERN_VALUES: f64 = (1u64 << 34) as f64;

/// A whole study, settled in every point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Design {
    /// What is varied.
    pub study: Matrix,
    /// Where the object, the probe and the positions come from.
    #[serde(flatten)]
    pub source: Source,
    /// Train and test halves.
    pub split: Cut,
    /// How views are selected.
    pub views: Views,
    /// How data are reconstructed: every condition with each of these. The first one's results lie
    /// in the folders of the reference study. Never empty.
    #[serde(rename = "solver")]
    pub solvers: Vec<StudySolver>,
    /// Where random numbers start.
    pub seeds: Seeds,
}

/// The section `[study]`: what is varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Name of the study, shown in the report.
    pub name: String,
    /// Mean photons per pattern, ascending.
    pub doses: Vec<u64>,
    /// Views, in the order of the jobs.
    pub views: Vec<View>,
    /// Splits, in the order of the jobs.
    pub splits: Vec<Split>,
    /// Side N of a pattern, pixels.
    pub pattern_size: usize,
    /// Images per group = gridsize squared, for the overlap metrics.
    pub gridsize: Vec<usize>,
    /// Neighbour count K of the groups; at least gridsize squared (OVERSAMPLING-001).
    pub neighbor_count: usize,
    /// Number of noise realisations of every condition.
    pub repeats: usize,
    /// Whether every data set's photons are also dealt to two halves and these compared (see
    /// [`crate::run::reconstruct::Task::halves`]).
    pub halves: bool,
}

/// Where the object, the probe and the positions come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// An NPZ file with object, probe and positions.
    Base {
        /// The file.
        base: Base,
        /// A generated scan in place of the file's positions.
        #[serde(skip_serializing_if = "Option::is_none")]
        scan: Option<Scan>,
        /// A built-in probe in place of the file's.
        #[serde(skip_serializing_if = "Option::is_none")]
        probe: Option<ProbeDesign>,
    },
    /// A measured scan, thinned to the doses.
    Measured {
        /// The scan.
        base: Measured,
    },
    /// Built-in specimen, probe and scan.
    BuiltIn {
        /// The sample.
        specimen: Sample,
        /// The illumination.
        probe: ProbeDesign,
        /// The trajectory.
        scan: Scan,
    },
}

/// The section `[base]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// An NPZ file with `objectGuess`, `probeGuess`, `xcoords` and `ycoords`.
    pub file: PathBuf,
}

/// The section `[base]` of a measured study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// A measured scan of any dialect, with photon counts and a start probe.
    pub measured: PathBuf,
}

/// The section `[specimen]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sample {
    /// Which built-in specimen.
    pub kind: Specimen,
}

/// The section `[scan]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scan {
    /// Trajectory.
    pub kind: ScanKind,
    /// Distance of neighbouring positions, pixels.
    pub step: f64,
    /// Height and width that the positions span, pixels.
    pub field: [f64; 2],
}

/// The section `[views]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Views {
    /// Overlap of the dense view; its spacing is (1 - overlap) N.
    pub dense_overlap: f64,
    /// Overlap of the sparse view.
    pub sparse_overlap: f64,
    /// Least share of positions to keep when the geometry allows it.
    pub acceptance_floor: f64,
    /// Share of what the geometry allows that is enough when it allows less than the floor.
    pub bound_share: f64,
    /// Least number of positions to keep.
    pub min_positions: usize,
}

impl Default for Views {
    fn default() -> Self {
        let Acceptance { floor, bound_share, min_positions } = Acceptance::default();
        Self {
            dense_overlap: 0.7,
            sparse_overlap: 0.2,
            acceptance_floor: floor,
            bound_share,
            min_positions,
        }
    }
}

impl Views {
    /// When a selection counts as successful.
    pub fn acceptance(&self) -> Acceptance {
        Acceptance {
            floor: self.acceptance_floor,
            bound_share: self.bound_share,
            min_positions: self.min_positions,
        }
    }

    /// Least distance of positions in a view of patterns of side `pattern_size`, pixels: S = (1 -
    /// overlap) N. `None` for baseline.
    pub fn spacing(&self, view: View, pattern_size: usize) -> Option<f64> {
        let overlap = match view {
            View::Baseline => return None,
            View::Dense => self.dense_overlap,
            View::Sparse => self.sparse_overlap,
        };
        // To a billionth of a pixel: (1 - 0.7) x 128 is 38.4, not 38.400000000000006.
        Some(((1.0 - overlap) * pattern_size as f64 * 1e9).round() / 1e9)
    }
}

/// The section `[seeds]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seeds {
    /// Specimen, scan jitter and photon noise.
    pub simulation: u64,
    /// Grouping of images.
    pub grouping: u64,
    /// Subsampling of images.
    pub subsampling: u64,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { simulation: 42, grouping: 123, subsampling: 456 }
    }
}

impl Design {
    /// Reads a design file; a relative `base.file` is taken from the file's own folder and made
    /// absolute.
    pub fn load(path: &Path) -> Result<Self, DesignError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DesignError::Unreadable { path: path.to_path_buf(), source })?;
        let path = crate::run::plan::absolute(path);
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Settles the design in `text`; a relative `base.file` is taken from `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, DesignError> {
        let written: written::Written = toml::from_str(text).map_err(DesignError::Syntax)?;
        let design = written.resolve(folder)?;
        check::check(&design)?;
        Ok(design)
    }

    /// The text of `study.toml`.
    pub fn to_toml(&self) -> String {
        // Plain tables of numbers, text and lists, which TOML always can hold.
        toml::to_string(self).unwrap_or_default()
    }

    /// All conditions, in the order of the jobs.
    pub fn conditions(&self) -> Vec<Condition> {
        Condition::all(&self.study.doses, &self.study.views, &self.study.splits)
    }

    /// All conditions with every repeat and solver, in the order of the jobs.
    pub fn cases(&self) -> Vec<Case> {
        crate::run::plan::cases(&self.conditions(), self.study.repeats, &self.solvers)
    }

    /// The solver of a case; `None` when the study has none of that name.
    pub fn solver(&self, case: &Case) -> Option<&StudySolver> {
        crate::run::plan::solver_of(&self.solvers, case)
    }
}

impl Default for Design {
    /// The constants of the reference study.
    fn default() -> Self {
        written::Written::default_design()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::solver::{ObjectStart, ProbeStart};

    fn parse(text: &str) -> Result<Design, DesignError> {
        Design::parse(text, Path::new("/base"))
    }

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_template_and_an_empty_file_are_the_defaults() {
        assert_eq!(parse("").unwrap(), Design::default());
        assert_eq!(parse(TEMPLATE).unwrap(), Design::default());
    }

    #[test]
    fn the_shipped_examples_are_designs() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        assert_eq!(Design::load(&examples.join("fly64.toml")).unwrap(), Design::default());
        let quick = Design::load(&examples.join("quick.toml")).unwrap();
        assert_eq!((quick.conditions().len(), quick.study.pattern_size), (18, 64));
    }

    #[test]
    fn defaults_are_the_constants_of_the_reference_study() {
        let design = Design::default();
        assert_eq!(design.study.doses, [1_000, 10_000, 100_000]);
        assert_eq!((design.study.pattern_size, design.study.neighbor_count), (128, 7));
        assert_eq!(design.study.gridsize, [1, 2]);
        assert_eq!(design.views.spacing(View::Dense, 128), Some(38.4));
        assert_eq!(design.views.spacing(View::Sparse, 128), Some(102.4));
        assert_eq!(design.views.spacing(View::Baseline, 128), None);
        assert_eq!(design.seeds, Seeds { simulation: 42, grouping: 123, subsampling: 456 });
        let solvers: Vec<(&str, &str, usize)> =
            design.solvers.iter().map(|s| (s.name.as_str(), s.algorithm(), s.epochs())).collect();
        assert_eq!(solvers, [("LSQML", "LSQML", 100), ("ML", "ML", 50)]);
        for solver in &design.solvers {
            assert_eq!(solver.starts(), (ObjectStart::Flat, ProbeStart::Perturbed));
        }
        assert_eq!((design.study.repeats, design.cases().len()), (1, 36));
        assert_eq!(design.conditions().len(), 18);
    }

    #[test]
    fn the_settled_design_reads_back_as_itself() {
        for text in [
            "",
            "[study]\ndoses = [500, 1e6]\nviews = [\"dense\"]\n[scan]\noverlap = 0.8\nfield = [100, 200]\n[solver]\nepochs = 3\n",
            "[base]\nfile = \"a.npz\"\n[scan]\nstep = 3.5\n",
            "[base]\nfile = \"a.npz\"\n",
        ] {
            let design = parse(text).unwrap();
            assert_eq!(parse(&design.to_toml()).unwrap(), design, "{}", design.to_toml());
        }
    }

    #[test]
    fn overlap_of_the_scan_becomes_a_step() {
        let design =
            parse("[scan]\noverlap = 0.75\n[probe]\nkind = \"disc\"\ndiameter = 60\n").unwrap();
        let Source::BuiltIn { scan, .. } = design.source else { panic!("{:?}", design.source) };
        assert!((scan.step - 15.0).abs() < 0.1, "{}", scan.step);
    }

    #[test]
    fn base_files_are_found_beside_the_design() {
        let design = parse("[base]\nfile = \"a.npz\"\n").unwrap();
        let Source::Base { base, scan, probe } = design.source else {
            panic!("{:?}", design.source)
        };
        assert_eq!(base.file, Path::new("/base/a.npz"));
        assert_eq!((scan, probe), (None, None));
    }

    #[test]
    fn a_loaded_base_file_is_found_from_anywhere() {
        // The file's path is relative to the working directory of the test.
        let folder = tempfile::tempdir_in(".").unwrap();
        let relative = Path::new(folder.path().file_name().unwrap()).join("design.toml");
        std::fs::write(&relative, "[base]\nfile = \"a.npz\"\n").unwrap();
        let Source::Base { base, .. } = Design::load(&relative).unwrap().source else { panic!() };
        assert!(base.file.is_absolute(), "{}", base.file.display());
        assert!(
            base.file.ends_with(
                folder.path().file_name().unwrap().to_str().unwrap().to_owned() + "/a.npz"
            )
        );
    }

    #[test]
    fn invalid_designs_are_refused_naming_field_and_rule() {
        for (text, parts) in [
            (
                "[study]\nneighbor_count = 3",
                vec!["study.neighbor_count", "OVERSAMPLING-001", "found 3"],
            ),
            ("[study]\ndoses = []", vec!["study.doses", "at least one"]),
            ("[study]\ndoses = [1000, 0]", vec!["study.doses", "found 0"]),
            ("[study]\ndoses = [-5.0]", vec!["study.doses", "found -5"]),
            ("[study]\ndoses = [10.5]", vec!["study.doses", "whole", "found 10.5"]),
            ("[study]\ndoses = [nan]", vec!["study.doses", "found NaN"]),
            ("[study]\ndoses = [10, 10]", vec!["study.doses", "once"]),
            ("[study]\nviews = []", vec!["study.views"]),
            ("[study]\nsplits = [\"test\", \"test\"]", vec!["study.splits", "once"]),
            ("[study]\ngridsize = []", vec!["study.gridsize", "at least one"]),
            (
                "[views]\ndense_overlap = 0.9999999999999",
                vec!["views.dense_overlap", "spacing of 0 pixels"],
            ),
            (
                "[scan]\nfield = [1e6, 1e6]\nstep = 1e5",
                vec!["scan.field", "1073741824", "1.000e12"],
            ),
            (
                "[scan]\nfield = [9e3, 9e3]\nstep = 3",
                vec!["scan.step", "17179869184", "9.006e6 patterns"],
            ),
            ("[solver]\nepochs = 1000001", vec!["solver.epochs", "1000000"]),
            ("[study]\ngridsize = [3]", vec!["study.gridsize", "found 3"]),
            ("[study]\npattern_size = 4", vec!["study.pattern_size", "found 4"]),
            ("[views]\ndense_overlap = 1.0", vec!["views.dense_overlap", "found 1"]),
            ("[views]\nsparse_overlap = -0.1", vec!["views.sparse_overlap", "found -0.1"]),
            ("[views]\nacceptance_floor = 2", vec!["views.acceptance_floor"]),
            ("[views]\nmin_positions = 0", vec!["views.min_positions"]),
            ("[split]\nfraction = 1.0", vec!["split.fraction"]),
            ("[split]\nguard_band = -1.0", vec!["split.guard_band"]),
            ("[scan]\nstep = 0", vec!["scan", "step 0"]),
            ("[scan]\nstep = 3\noverlap = 0.5", vec!["scan", "not both"]),
            ("[scan]\noverlap = 1.0", vec!["scan", "overlap 1"]),
            ("[scan]\nfield = [0, 10]", vec!["scan.field"]),
            ("[probe]\nkind = \"disc\"\ndiameter = 1", vec!["probe", "diameter"]),
            ("[solver]\nepochs = 0", vec!["solver.epochs"]),
            ("[solver]\nbatch_size = 0", vec!["solver.batch_size"]),
            ("solver = []", vec!["solver", "1 to 64"]),
            ("[[solver]]\n[[solver]]\nepochs = 3", vec!["solver.name", "no other has", "LSQML"]),
            ("[[solver]]\n[[solver]]\nname = \"lsqml\"", vec!["solver.name", "lsqml"]),
            ("[solver]\nname = \"../x\"", vec!["solver.name", "../x"]),
            ("[study]\nrepeats = 0", vec!["study.repeats", "1 to 10000"]),
            ("[base]\nfile = \"a.npz\"\n[specimen]", vec!["base", "specimen"]),
            ("[study]\ndose = [1]", vec!["unknown field `dose`"]),
            ("[views]\nfloor = 1", vec!["unknown field `floor`"]),
            ("doses = [1]", vec!["unknown field `doses`"]),
        ] {
            let message = refused(text);
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
        }
    }
}
