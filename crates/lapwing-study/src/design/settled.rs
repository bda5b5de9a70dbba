//! The design of a study in which every point is settled: its sections, and the cases that follow.

use crate::design::base::{BaseFile, MeasuredBase};
use crate::design::condition::{Case, Condition, Split, View};
use crate::design::goal::Goal;
use crate::design::radiation::Radiation;
use crate::design::resources::Resources;
use crate::design::solver::{Method, StudySolver};
use crate::geometry::selection::Acceptance;
use crate::geometry::split::Cut;
use lapwing_files::physics::PhysicsOptions;
use lapwing_model::probe::ProbeDesign;
use lapwing_model::scan::ScanKind;
use lapwing_model::simulate::Apparatus;
use lapwing_model::specimen::Specimen;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// How simulated patterns come about, where that differs from the base file, or from a far
    /// field of a probe that stands still.
    #[serde(skip_serializing_if = "PhysicsOptions::is_empty")]
    pub physics: PhysicsOptions,
    /// What beam and detector of simulated data do besides.
    #[serde(skip_serializing_if = "Apparatus::is_ideal")]
    pub apparatus: Apparatus,
    /// Train and test splits.
    pub split: Cut,
    /// How views are selected.
    pub views: ViewRules,
    /// How data are reconstructed: every condition with each of these. The first one's results lie
    /// in the folders of the reference study. Never empty.
    #[serde(rename = "solver")]
    pub solvers: Vec<StudySolver>,
    /// Where random numbers start.
    pub seeds: Seeds,
    /// What is good enough, for a search of the dose that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Beam and specimen, for a dose in gray and times of exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radiation: Option<Radiation>,
    /// What tasks of a cluster ask for. No part of the study, and not kept with it.
    #[serde(skip)]
    pub slurm: Resources,
}

/// Doses of single views, ascending.
pub type Exposures = BTreeMap<View, Vec<u64>>;

/// The section `[study]`: what is varied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// Name of the study, shown in the report.
    pub name: String,
    /// Mean photons per pattern that every view has, ascending; none where there are fluences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doses: Vec<u64>,
    /// Photons on the specimen, of all patterns together, that every view has, ascending, for each
    /// [`Self::fluence_area`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fluences: Vec<f64>,
    /// The area that fluences are for.
    #[serde(skip_serializing_if = "FluenceArea::is_usual")]
    pub fluence_area: FluenceArea,
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
    /// [`crate::run::reconstruct::Request::photon_halves`]).
    pub halves: bool,
    /// Whether the first realisation of every condition has error maps, whether its solver asks for
    /// them or not (see [`crate::run::reconstruct::Request::error_maps`]).
    pub error_maps: bool,
    /// Whether simulated data sets hold the object's patch under every pattern, `Y` (see
    /// [`crate::sample::Sample::patches`]).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub patches: bool,
    /// Doses that single views have beside those of all; where there are fluences, the dose that
    /// each of them is for the view (see [`crate::run::settled`]).
    #[serde(skip_serializing_if = "Exposures::is_empty")]
    pub exposures: Exposures,
    /// Doses of single views that a search has looked at, with the first solver.
    #[serde(skip_serializing_if = "Exposures::is_empty")]
    pub searched: Exposures,
    /// Whether these are told as photons on the specimen: of a search between fluences.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_fluence: bool,
}

/// The area that a fluence is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FluenceArea {
    /// A square micrometre.
    #[default]
    #[serde(rename = "um2")]
    Micrometre,
    /// A square ångström.
    #[serde(rename = "A2")]
    Angstrom,
    /// A pixel of the object.
    #[serde(rename = "px")]
    Pixel,
}

impl FluenceArea {
    /// Whether it need not be written down.
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// As people write it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Micrometre => "\u{b5}m\u{b2}",
            Self::Angstrom => "\u{c5}\u{b2}",
            Self::Pixel => "pixel of the object",
        }
    }

    /// Square pixels of the object, whose side is `pixel_size` metres; `None` where that must be
    /// known and is not.
    pub fn pixels(self, pixel_size: Option<f64>) -> Option<f64> {
        match self {
            Self::Pixel => Some(1.0),
            Self::Micrometre => Some(1e-12 / pixel_size?.powi(2)),
            Self::Angstrom => Some(1e-20 / pixel_size?.powi(2)),
        }
    }
}

impl Matrix {
    /// The doses of a view, ascending: those of all views and its own.
    pub fn doses_of(&self, view: View) -> Vec<u64> {
        let own = [&self.exposures, &self.searched].into_iter().filter_map(|of| of.get(&view));
        sorted(self.doses.iter().chain(own.flatten()).copied())
    }

    /// Whether what is varied is photons on the specimen.
    pub fn is_by_fluence(&self) -> bool {
        self.by_fluence || !self.fluences.is_empty()
    }

    /// The doses of any view, ascending.
    pub fn all_doses(&self) -> Vec<u64> {
        sorted(self.views.iter().flat_map(|&view| self.doses_of(view)))
    }

    /// The line of the section with one more dose below all others, or fluence, a tenth of the
    /// lowest: `doses = [100, 1000, 10000]`. `None` where a pattern would have no photon.
    pub fn line_with_lower(&self) -> Option<String> {
        if let Some(lowest) = self.fluences.first() {
            let lower = std::iter::once(lowest / 10.0).chain(self.fluences.iter().copied());
            let lower: Vec<String> = lower.map(|fluence| fluence.to_string()).collect();
            return Some(format!("fluences = [{}]", lower.join(", ")));
        }
        let lower = self.all_doses().first().map(|lowest| lowest / 10).filter(|&dose| dose > 0)?;
        let doses: Vec<u64> = std::iter::once(lower).chain(self.doses.iter().copied()).collect();
        Some(format!("doses = {doses:?}"))
    }

    /// Whether nothing but a search asks for a view at a dose.
    fn only_searched(&self, Condition { dose, view, .. }: Condition) -> bool {
        let own = self.exposures.get(&view);
        !self.doses.contains(&dose) && !own.is_some_and(|own| own.contains(&dose))
    }
}

fn sorted(doses: impl Iterator<Item = u64>) -> Vec<u64> {
    doses.collect::<BTreeSet<u64>>().into_iter().collect()
}

/// Where the object, the probe and the positions come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Source {
    /// An NPZ file with object, probe and positions.
    Base {
        /// The file.
        base: BaseFile,
        /// The sections of an experiment file.
        #[serde(skip_serializing_if = "toml::Table::is_empty")]
        experiment: toml::Table,
        /// A generated scan in place of the file's positions.
        #[serde(skip_serializing_if = "Option::is_none")]
        scan: Option<ScanSection>,
        /// A built-in probe in place of the file's.
        #[serde(skip_serializing_if = "Option::is_none")]
        probe: Option<ProbeDesign>,
    },
    /// A measured scan, thinned to the doses.
    Measured {
        /// The scan.
        base: MeasuredBase,
        /// The sections of an experiment file.
        #[serde(skip_serializing_if = "toml::Table::is_empty")]
        experiment: toml::Table,
    },
    /// Built-in specimen, probe and scan.
    BuiltIn {
        /// The sample.
        specimen: SpecimenSection,
        /// The illumination.
        probe: ProbeDesign,
        /// The trajectory.
        scan: ScanSection,
    },
}

/// The section `[specimen]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecimenSection {
    /// Which built-in specimen.
    pub kind: Specimen,
    /// Side of a pixel of the object, metres, for lengths in nanometres and photons per area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_size_m: Option<f64>,
}

/// The section `[scan]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScanSection {
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
pub struct ViewRules {
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

impl Default for ViewRules {
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

impl ViewRules {
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
            View::Step(step) => return Some(step.pixels()),
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
    /// All conditions, in the order of the jobs.
    pub fn conditions(&self) -> Vec<Condition> {
        let of_view =
            |&view: &View| Condition::all(&self.study.doses_of(view), &[view], &self.study.splits);
        let mut all: Vec<Condition> = self.study.views.iter().flat_map(of_view).collect();
        all.sort_unstable();
        all
    }

    /// All conditions with every repeat and solver, in the order of the jobs; what only a search
    /// has looked at has the first solver alone.
    pub fn cases(&self) -> Vec<Case> {
        let mut all = cases(&self.conditions(), self.study.repeats, &self.solvers);
        all.retain(|case| case.solver.is_none() || !self.study.only_searched(case.condition));
        all
    }

    /// The solver that makes the full-dose reconstruction of a measured scan: the first of this
    /// program's.
    pub fn reference_solver(&self) -> Option<&StudySolver> {
        self.solvers.iter().find(|solver| matches!(solver.method, Method::Native(_)))
    }

    /// The solver of a case; `None` when the study has none of that name.
    pub fn solver(&self, case: &Case) -> Option<&StudySolver> {
        solver_of(&self.solvers, case)
    }
}

/// All cases of a study in the order of the jobs; the first of `solvers` goes without a name.
pub(crate) fn cases(
    conditions: &[Condition],
    repeats: usize,
    solvers: &[StudySolver],
) -> Vec<Case> {
    let named = |(index, solver): (usize, &StudySolver)| (index > 0).then(|| solver.name.clone());
    let solvers: Vec<Option<String>> = solvers.iter().enumerate().map(named).collect();
    let each = |condition: Condition| {
        let solvers = &solvers;
        (1..=repeats).flat_map(move |repeat| {
            solvers.iter().map(move |solver| Case { condition, repeat, solver: solver.clone() })
        })
    };
    conditions.iter().flat_map(|&condition| each(condition)).collect()
}

/// The solver of a case among `solvers`.
pub(crate) fn solver_of<'a>(solvers: &'a [StudySolver], case: &Case) -> Option<&'a StudySolver> {
    match &case.solver {
        None => solvers.first(),
        Some(name) => solvers.iter().find(|solver| &solver.name == name),
    }
}
