//! The design as the user may write it: every section and every field optional.

use crate::design::base::{BaseFile, MeasuredBase, OfFile, make_absolute};
use crate::design::condition::{Split, View, expected_dose, whole_dose};
use crate::design::error::DesignError;
use crate::design::further_views::FurtherViews;
use crate::design::goal::WrittenGoal;
use crate::design::radiation::Radiation;
use crate::design::resources::Resources;
use crate::design::settled::{
    Design, Exposures, FluenceArea, Matrix, ScanSection, Seeds, Source, SpecimenSection, ViewRules,
};
use crate::design::solver::{ProbeStart, StudySolver, Unsaid};
use crate::geometry::split::Axis;
use crate::geometry::split::Cut;
use lapwing_files::experiment::physics_of_design;
use lapwing_files::options::ProbeFrom;
use lapwing_files::physics::PhysicsOptions;
use lapwing_model::probe::{self, ProbeDesign};
use lapwing_model::scan::{ScanKind, Spacing};
use lapwing_model::simulate::Apparatus;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Side of a pattern unless given, pixels.
const PATTERN_SIZE: usize = 128;
/// Step of a scan unless given, as a fraction of the pattern's side.
const STEP: f64 = 1.0 / 16.0;
/// Field of view unless given, as a multiple of the pattern's side: 10,404 positions, and room for
/// a sparse view in each split.
const FIELD: f64 = 6.375;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenDesign {
    study: StudySection,
    base: Option<BaseSection>,
    /// Sections of an experiment file, about the base.
    experiment: Option<toml::Table>,
    specimen: Option<SpecimenSection>,
    probe: Option<ProbeDesign>,
    scan: Option<WrittenScan>,
    #[serde(deserialize_with = "physics")]
    physics: PhysicsOptions,
    apparatus: Apparatus,
    split: SplitSection,
    /// The rules, and further views.
    views: toml::Table,
    /// One table or several.
    solver: Option<toml::Value>,
    seeds: Seeds,
    goal: Option<WrittenGoal>,
    radiation: Option<Radiation>,
    slurm: Resources,
}

/// The section `[physics]`, whose keys and values are those of the options of reading.
fn physics<'de, D: Deserializer<'de>>(section: D) -> Result<PhysicsOptions, D::Error> {
    physics_of_design(&toml::Table::deserialize(section)?).map_err(D::Error::custom)
}

/// The number K of neighbours of a design that does not say it, that of the reference study.
const NEIGHBOR_COUNT: usize = 7;

/// The keys of `[study]` that people write.
const STUDY_KEYS: &str = "the keys name, doses, fluences, fluence_area, views, splits, \
                          pattern_size, gridsize, neighbor_count, repeats, halves, error_maps, \
                          patches";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StudySection {
    name: Option<String>,
    doses: Option<Vec<f64>>,
    fluences: Vec<f64>,
    fluence_area: FluenceArea,
    views: Option<Vec<View>>,
    splits: Option<Vec<Split>>,
    pattern_size: Option<usize>,
    gridsize: Option<Vec<usize>>,
    neighbor_count: Option<usize>,
    repeats: Option<usize>,
    halves: Option<bool>,
    error_maps: Option<bool>,
    patches: Option<bool>,
    /// What a settled design has beside these, and what is none.
    #[serde(flatten)]
    other: toml::Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BaseSection {
    file: Option<PathBuf>,
    measured: Option<PathBuf>,
    /// Options of reading.
    #[serde(flatten)]
    reading: toml::Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenScan {
    kind: ScanKind,
    step: Option<f64>,
    overlap: Option<f64>,
    field: Option<[f64; 2]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SplitSection {
    axis: Option<Axis>,
    fraction: Option<f64>,
    guard_band: Option<f64>,
}

/// Whether a design names its study; `text` is one.
pub(super) fn has_name(text: &str) -> bool {
    let table: Result<toml::Table, _> = toml::from_str(text);
    let named = |table: toml::Table| Some(table.get("study")?.get("name").is_some());
    table.ok().and_then(named).unwrap_or(false)
}

impl WrittenDesign {
    /// What an empty file means.
    pub(super) fn default_design() -> Design {
        let matrix = Matrix {
            name: "fly64".to_owned(),
            doses: vec![1_000, 10_000, 100_000],
            fluences: Vec::new(),
            fluence_area: FluenceArea::default(),
            views: View::ALL.to_vec(),
            splits: Split::ALL.to_vec(),
            pattern_size: PATTERN_SIZE,
            gridsize: vec![1, 2],
            neighbor_count: NEIGHBOR_COUNT,
            repeats: 1,
            halves: false,
            error_maps: true,
            patches: false,
            exposures: Exposures::new(),
            searched: Exposures::new(),
            by_fluence: false,
        };
        Design {
            source: Source::BuiltIn {
                specimen: SpecimenSection::default(),
                probe: ProbeDesign::default(),
                scan: default_scan(PATTERN_SIZE),
            },
            study: matrix,
            physics: PhysicsOptions::default(),
            apparatus: Apparatus::default(),
            split: Cut::default(),
            views: ViewRules::default(),
            solvers: StudySolver::defaults(Unsaid::study().probe_start),
            seeds: Seeds::default(),
            goal: None,
            radiation: None,
            slurm: Resources::default(),
        }
    }

    /// Fills in whatever is not written. Ranges are checked afterwards.
    pub(super) fn resolve(self, folder: &Path) -> Result<Design, DesignError> {
        let default = Self::default_design();
        let measured = self.base.as_ref().is_some_and(|base| base.measured.is_some());
        // A measured scan has no truth, and its probe is a guess already.
        let defaults = Matrix { halves: measured, ..default.study };
        let side_said = self.study.pattern_size.is_some();
        let mut study = self.study.resolve(defaults)?;
        let source = match (self.base, self.specimen) {
            (Some(_), Some(_)) => {
                return Err(DesignError::rule(
                    "base",
                    "either an NPZ file or a built-in specimen",
                    "both [base] and [specimen]",
                ));
            }
            (None, _) if self.experiment.is_some() => {
                let expected = "a section [base] with the file that it is about";
                return Err(DesignError::rule("experiment", expected, "none"));
            }
            (Some(BaseSection { file: None, measured: Some(measured), mut reading }), None) => {
                let simulated = !self.physics.is_empty() || !self.apparatus.is_ideal();
                if self.probe.is_some() || self.scan.is_some() || simulated {
                    let found = "[probe], [scan], [physics] or [apparatus] beside base.measured";
                    return Err(DesignError::rule("base", "a measured scan as it is", found));
                }
                let mut experiment = self.experiment.unwrap_or_default();
                make_absolute(&mut reading, &mut experiment, folder);
                let measured = folder.join(measured);
                let source =
                    Source::Measured { base: MeasuredBase { measured, reading }, experiment };
                if !side_said {
                    study.pattern_size =
                        source.of_file_if_there()?.side().unwrap_or(study.pattern_size);
                }
                source
            }
            (
                Some(
                    base @ (BaseSection { file: None, measured: None, .. }
                    | BaseSection { file: Some(_), measured: Some(_), .. }),
                ),
                None,
            ) => {
                let expected = "either file (object, probe and positions to simulate from) or measured (a scan)";
                let found = match (base.file, base.reading.keys().next()) {
                    (Some(_), _) => "both".to_owned(),
                    (None, Some(key)) => format!("neither, but the key {key}"),
                    (None, None) => "neither".to_owned(),
                };
                return Err(DesignError::rule("base", expected, found));
            }
            (Some(BaseSection { file: Some(file), measured: None, mut reading }), None) => {
                let mut experiment = self.experiment.unwrap_or_default();
                make_absolute(&mut reading, &mut experiment, folder);
                let base = BaseFile { file: folder.join(file), reading };
                let probe = self.probe;
                let of = |experiment, scan| Source::Base { base, experiment, scan, probe };
                let takes_side = !side_said && probe.is_none();
                match self.scan {
                    None if !takes_side => of(experiment, None),
                    scan => {
                        let mut source = of(experiment, None);
                        let file = source.of_file_if_there()?;
                        if takes_side {
                            study.pattern_size = file.side().unwrap_or(study.pattern_size);
                        }
                        let side = study.pattern_size;
                        let resolved = scan.map(|scan| scan.resolve(probe, side, Some(&file)));
                        if let Source::Base { scan, .. } = &mut source {
                            *scan = resolved.transpose()?;
                        }
                        source
                    }
                }
            }
            (None, specimen) => Source::BuiltIn {
                specimen: specimen.unwrap_or_default(),
                scan: self.scan.unwrap_or_default().resolve(
                    self.probe,
                    study.pattern_size,
                    None,
                )?,
                probe: self.probe.unwrap_or_default(),
            },
        };
        let goal = self.goal.map(WrittenGoal::resolve).transpose()?;
        let Self { physics, apparatus, views, seeds, radiation, slurm, .. } = self;
        let further = FurtherViews::take(views, study.pattern_size)?;
        let further_steps = further.steps(&source)?;
        study.views.extend(further_steps);
        study.views.sort_unstable();
        let split = Cut {
            axis: self.split.axis.unwrap_or(default.split.axis),
            fraction: self.split.fraction.unwrap_or(default.split.fraction),
            guard_band: self.split.guard_band.unwrap_or(default.split.guard_band),
        };
        let from = source.probe_from()?;
        let mut unsaid = Unsaid::study().with_probe_from(from);
        if measured {
            // It is made once, at the full dose, and all jobs start from it.
            unsaid.probe_start = ProbeStart::Auto;
        }
        let mut solvers = match self.solver {
            None => StudySolver::defaults(unsaid.probe_start),
            Some(written) => {
                StudySolver::read(written, unsaid, folder).map_err(DesignError::Solver)?
            }
        };
        if measured {
            for solver in &mut solvers {
                settle_start(solver, from)?;
            }
        }
        let views = further.rules;
        Ok(Design {
            study,
            source,
            physics,
            apparatus,
            split,
            views,
            solvers,
            seeds,
            goal,
            radiation,
            slurm,
        })
    }
}

/// Holds the start probe that a solver of a measured scan names against that of the experiment,
/// `from`, which is made once: the same word is that one.
fn settle_start(solver: &mut StudySolver, from: Option<ProbeFrom>) -> Result<(), DesignError> {
    let start = solver.starts().1;
    let refused = |expected: String| {
        let found = format!("\"{}\" of {}", start.name(), solver.name);
        Err(DesignError::rule("solver.probe_start", expected, found))
    };
    match (start, from.map(ProbeStart::of_experiment)) {
        (ProbeStart::Auto, _) => {}
        (ProbeStart::Optics, None | Some(ProbeStart::Auto)) => {
            let expected = "auto, with the optics by experiment.probe.from = \"optics\": data sets \
                            of a study hold none";
            return refused(expected.to_owned());
        }
        (_, None | Some(ProbeStart::Auto)) => {}
        (start, Some(from)) if start == from => solver.set_probe_start(ProbeStart::Auto),
        (_, Some(from)) => {
            let from = from.name();
            return refused(format!(
                "auto, or the \"{from}\" of experiment.probe.from, which all jobs of a measured scan \
                 start from"
            ));
        }
    }
    Ok(())
}

impl StudySection {
    fn resolve(self, default: Matrix) -> Result<Matrix, DesignError> {
        let mut other = self.other;
        // Beside `views` they look at home.
        let of_views = ["study.steps", "study.steps_nm", "study.overlaps", "study.probe_diameter"];
        if let Some(key) = of_views.into_iter().find(|key| other.contains_key(&key[6..])) {
            let expected = "this key in the section [views]";
            return Err(DesignError::rule(key, expected, "it in [study]"));
        }
        let by_fluence: bool = settled(&mut other, "by_fluence")?;
        let of_single: BTreeMap<View, Vec<f64>> = settled(&mut other, "exposures")?;
        let searched: BTreeMap<View, Vec<f64>> = settled(&mut other, "searched")?;
        if let Some(key) = other.keys().next() {
            return Err(DesignError::rule("study", STUDY_KEYS, format!("the key {key}")));
        }
        let others = !(self.fluences.is_empty() && of_single.is_empty() && searched.is_empty());
        let mut doses = match self.doses {
            None if others => Vec::new(),
            None => default.doses,
            Some(doses) => doses
                .into_iter()
                .map(|photons| dose("study.doses", photons))
                .collect::<Result<_, _>>()?,
        };
        doses.sort_unstable();
        let mut fluences = self.fluences;
        fluences.sort_unstable_by(f64::total_cmp);
        let mut views = self.views.unwrap_or(default.views);
        views.sort_unstable();
        let mut splits = self.splits.unwrap_or(default.splits);
        splits.sort_unstable();
        Ok(Matrix {
            name: self.name.unwrap_or(default.name),
            doses,
            fluences,
            fluence_area: self.fluence_area,
            exposures: exposures("study.exposures", of_single)?,
            searched: exposures("study.searched", searched)?,
            by_fluence,
            views,
            splits,
            pattern_size: self.pattern_size.unwrap_or(default.pattern_size),
            gridsize: self.gridsize.unwrap_or(default.gridsize),
            neighbor_count: self.neighbor_count.unwrap_or(default.neighbor_count),
            repeats: self.repeats.unwrap_or(default.repeats),
            halves: self.halves.unwrap_or(default.halves),
            error_maps: self.error_maps.unwrap_or(default.error_maps),
            patches: self.patches.unwrap_or(default.patches),
        })
    }
}

/// A key that only settled designs have.
fn settled<T: Default + DeserializeOwned>(
    section: &mut toml::Table,
    key: &str,
) -> Result<T, DesignError> {
    let Some(value) = section.remove(key) else { return Ok(T::default()) };
    value.try_into().map_err(DesignError::Syntax)
}

fn dose(field: &'static str, photons: f64) -> Result<u64, DesignError> {
    whole_dose(photons).ok_or_else(|| DesignError::rule(field, expected_dose(), photons))
}

/// Doses of single views, in order.
fn exposures(
    field: &'static str,
    written: BTreeMap<View, Vec<f64>>,
) -> Result<Exposures, DesignError> {
    let of_view = |(view, doses): (View, Vec<f64>)| {
        let mut doses =
            doses.into_iter().map(|photons| dose(field, photons)).collect::<Result<Vec<_>, _>>()?;
        doses.sort_unstable();
        Ok((view, doses))
    };
    written.into_iter().map(of_view).collect()
}

impl WrittenScan {
    /// On a new object, or on that of a file, with its probe unless another is given.
    fn resolve(
        self,
        probe: Option<ProbeDesign>,
        side: usize,
        file: Option<&OfFile>,
    ) -> Result<ScanSection, DesignError> {
        let default = default_scan(side);
        let step = match (self.step, self.overlap) {
            (Some(_), Some(_)) => {
                return Err(DesignError::rule("scan", "either step or overlap, not both", "both"));
            }
            (Some(step), None) => Spacing::Step(step),
            (None, Some(overlap)) => Spacing::Overlap(overlap),
            (None, None) => Spacing::Step(default.step),
        };
        let of_file = file.filter(|_| probe.is_none()).and_then(|file| file.probe_diameter);
        let diameter = match (step, of_file) {
            (Spacing::Step(_), _) => 0.0,
            (Spacing::Overlap(_), Some(diameter)) => diameter,
            (Spacing::Overlap(_), None) => {
                let built =
                    probe.unwrap_or_default().build((side, side)).map_err(DesignError::Probe)?;
                probe::diameter(built.view())
            }
        };
        let step = step.step(diameter).map_err(DesignError::Scan)?;
        let reach = || file?.field(probe.map(|_| side));
        let field = self.field.or_else(reach).unwrap_or(default.field);
        Ok(ScanSection { kind: self.kind, step, field })
    }
}

fn default_scan(side: usize) -> ScanSection {
    let side = side as f64;
    ScanSection { kind: ScanKind::default(), step: STEP * side, field: [FIELD * side; 2] }
}
