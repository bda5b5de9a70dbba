//! What a reconstruction starts from, and the grid it lives on.

use crate::design::solver::{ObjectStart, ProbeStart, ScanProbes, SolverConfig};
use crate::geometry::grid::{grid_of, room_for};
use crate::run::dataset::stream;
use crate::run::dataset::thinned::stated_limit;
use crate::run::solve::asking::Between;
use crate::run::solve::earlier::{self, Placed, Variation, in_slices};
use crate::run::solve::start_probe::{StartProbe, asked_by, is_of_experiment, start_probe};
use crate::{Result, StudyError};
use lapwing_files::{Dataset, Mask, Metadata, Patterns, Quantum, Reconstruction, Scans, Storage};
use lapwing_model::forward::Physics;
use lapwing_model::{Modes, Object, Position};
use lapwing_solve::Problem;
use lapwing_solve::modes::start_modes;
use lapwing_solve::noise::Faults;
use lapwing_solve::solver::{CountsNeeded, TakenFor, entry, taken_for};
use ndarray::Axis;
use std::sync::Arc;

/// What a solver is given: the measured intensities and the fields to start from.
#[derive(Debug, Clone)]
pub struct Start {
    /// Axes (pattern, y, x), zero frequency in the centre: photon counts where the dose scale is
    /// known, else squared amplitudes.
    pub intensity: Patterns,
    /// Start object.
    pub object: Object,
    /// Start probe, axes (mode, y, x).
    pub probe: Modes,
    /// How many modes the file, optics, patterns or an earlier reconstruction gave; the others are
    /// made, and there may be fewer than that.
    pub given_modes: usize,
    /// Window centres on the array of `object`.
    pub scan: Vec<Position>,
    /// The same in the coordinates of the data set.
    pub of_data: Vec<Position>,
    /// Those of the data set itself, where an earlier reconstruction may have moved the others.
    pub measured: Vec<Position>,
    /// Where pixel (0, 0) of the object lies in the coordinates of the data set; `None` on the data
    /// set's own object grid.
    pub origin: Option<(i64, i64)>,
    /// How the probe of the reconstruction that this goes on from varies.
    pub variation: Variation,
    /// Which of several scans each pattern belongs to.
    pub scan_of: Option<Vec<usize>>,
    /// The same where each is to have a probe of its own, and what these begin as where that is
    /// known.
    pub scans: Option<Scans>,
    /// How the patterns come about.
    pub physics: Physics,
    /// Which detector pixels are good; `None` when all are.
    pub mask: Option<Mask>,
    /// Whether the intensities are known to be counts.
    pub counts: bool,
    /// What the counts are.
    pub quantum: Quantum,
    /// Where a solver keeps its own fields; what comes out does not depend on it.
    pub fields_in: Storage,
    /// Patterns and pixels that hold no measurement, where the intensities are no counts, of which
    /// the solver finds out itself.
    pub faults: Faults,
    /// The largest number that the detector counts, where the data set states it.
    pub stated_limit: Option<f32>,
}

/// What a data set holds beside its patterns that a comparison may ask for.
pub(crate) struct Beside {
    pub object: Option<Object>,
    pub probe: Option<Modes>,
    pub metadata: Option<Metadata>,
}

impl Start {
    /// What is left out of how the probe varied in the reconstruction that this goes on from, a
    /// line for each thing.
    pub fn left_out(&self, config: &SolverConfig) -> Vec<String> {
        let eigenmodes = match &self.scans {
            Some(scans) => scans.count(),
            None => config.start.probe_eigenmodes,
        };
        self.variation.left_out(eigenmodes, config.start.vary_power)
    }

    /// The problem for a solver; its patterns are where those of the start are.
    ///
    /// # Errors
    /// See [`ProblemBuilder::patterns`](lapwing_solve::problem::ProblemBuilder::patterns).
    pub fn into_problem(self) -> Result<Problem> {
        self.into_problem_while(&mut || Ok(()))
    }

    /// [`into_problem`](Self::into_problem); `waiting` is called now and then where that takes
    /// long.
    pub(crate) fn into_problem_while(
        self,
        waiting: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Problem> {
        let scratch = |storage: Storage| match storage {
            Storage::Scratch(folder) => Some(Arc::new(stream::ScratchFiles(folder))),
            Storage::Memory => None,
        };
        let fields = scratch(self.fields_in.clone());
        let patterns = scratch(self.intensity.storage());
        let mut problem = self.bare_problem(waiting)?;
        if let Some(store) = fields {
            problem = problem.with_field_store(store);
        }
        if let Some(store) = patterns {
            problem = problem.with_pattern_store(store);
        }
        Ok(problem)
    }

    /// The problem, of which a solver keeps all in memory.
    fn bare_problem(self, waiting: &mut dyn FnMut() -> Result<()>) -> Result<Problem> {
        let Self { intensity, object, probe, scan, mask, physics, .. } = self;
        let builder = Problem::builder(scan, object, probe).physics(physics);
        if let Storage::Scratch(folder) = intensity.storage() {
            let valid = mask.as_ref().map(Mask::good);
            return stream::problem(builder, &intensity, valid, &folder, waiting);
        }
        let intensity = intensity.into_array();
        Ok(match mask {
            Some(mask) => builder.mask(mask.good()).patterns(intensity)?,
            None => builder.patterns(intensity)?,
        })
    }

    /// The start of a reconstruction of `dataset` as `config` asks for it. `between` is called now
    /// and then while that takes long, and may stop it by an error.
    ///
    /// # Errors
    /// When there is no start probe, no object to start from, no grid that holds the scan, no
    /// counts for a solver that needs them, or it is not known how the patterns come about; what
    /// `between` returns.
    pub fn of(
        dataset: &Dataset,
        config: &SolverConfig,
        faults: Faults,
        between: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let earlier = earlier::of(&config.start.object_start)?;
        let probe = begun_probe(dataset, config.start.probe_start, earlier, between)?.modes;
        Ok(Self::begun(dataset, config, (probe, earlier), faults)?(dataset.intensities()?))
    }

    /// The start whose solver keeps fields of the object's size where `place` says, of so many
    /// pixels.
    pub(crate) fn with_fields_in(self, place: impl FnOnce(usize) -> Storage) -> Self {
        Self { fields_in: place(self.object.slices().len()), ..self }
    }

    /// [`Start::of`] with the start probe made already; `earlier` is what it goes on from. The
    /// intensities take the place of the data set's patterns, the largest thing there is; what else
    /// it holds is given back.
    ///
    /// # Errors
    /// As for [`Start::of`].
    pub(crate) fn in_place_of(
        mut dataset: Dataset,
        config: &SolverConfig,
        from: (Modes, Option<&Reconstruction>),
        faults: Faults,
    ) -> Result<(Self, Beside)> {
        let begun = Self::begun(&dataset, config, from, faults)?;
        let beside = Beside {
            object: dataset.object.take(),
            probe: dataset.probe.take(),
            metadata: dataset.metadata.clone(),
        };
        Ok((begun(dataset.into_intensities()), beside))
    }

    /// What makes the start of the intensities.
    fn begun(
        dataset: &Dataset,
        config: &SolverConfig,
        (probe, earlier): (Modes, Option<&Reconstruction>),
        faults: Faults,
    ) -> Result<impl FnOnce(Patterns) -> Self + use<>> {
        let physics = dataset.physics()?;
        let stated_limit = stated_limit(dataset);
        let given_modes = probe.len_of(Axis(0));
        let probe = match config.start.probe_modes {
            Some(modes) => start_modes(&probe, modes),
            None => probe,
        };
        let slices = physics.slices.map_or(1, |slices| slices.count);
        let flat = |shape| Object::flat_slices(slices, shape);
        let on_own = |object| {
            let (scan, of_data) = (dataset.scan.clone(), dataset.scan.clone());
            Placed { object, scan, of_data, origin: None }
        };
        let guessed = config.start.object_start == ObjectStart::Guess;
        let placed = match (&dataset.object, earlier) {
            (_, Some(earlier)) => earlier::placed(earlier, dataset, slices)?,
            (Some(guess), None) if guessed => on_own(in_slices(guess, slices)),
            (Some(guess), None) => on_own(flat(guess.shape())),
            (None, None) if guessed => {
                let text = "object_start = \"guess\": the data set has no objectGuess; start flat";
                return Err(StudyError::Invalid(text.to_owned()));
            }
            (None, None) => {
                let grid = grid_of(&dataset.scan, dataset.pattern_shape())?;
                let moves = ["affine", "drift"].map(|how| config.choice.refine_scan.contains(how));
                let grid = if moves.contains(&true) { grid.with_room_to_stretch() } else { grid };
                room_for(grid.shape, slices)?;
                let origin = Some(grid.origin);
                let (scan, of_data) = (grid.scan, dataset.scan.clone());
                Placed { object: flat(grid.shape), scan, of_data, origin }
            }
        };
        if config.solver.needs().counts && dataset.intensity_scale().is_none() {
            let name = config.algorithm();
            // Where only some of its options need them, others do without.
            let (with, instead) = match entry(name).map(|entry| entry.counts) {
                Some(when @ CountsNeeded::With(_)) => {
                    let when = when.to_string().replace('`', "");
                    (format!(" ({when})"), format!("{name} without that"))
                }
                _ => (String::new(), taken_for(TakenFor::Intensities).name.to_owned()),
            };
            return Err(StudyError::Invalid(format!(
                "{name}{with} needs {} counts, but the dose scale of the data is unknown: expected counts (quantity \
                 \"counts\"), or physics_parameters.nphotons and .intensity_scale in the metadata; of intensities in \
                 any unit {instead} makes an image",
                dataset.quantum().one()
            )));
        }
        let counts = dataset.intensity_scale().is_some();
        let variation =
            earlier.map(|made| Variation::of(made, dataset.n_patterns())).unwrap_or_default();
        let scan_of = dataset.scans.as_ref().map(|scans| scans.of.clone());
        let scans = scans_of(dataset, config, earlier);
        let Placed { object, scan, of_data, origin } = placed;
        let (measured, mask) = (dataset.scan.clone(), dataset.mask.clone());
        let quantum = dataset.quantum();
        Ok(move |intensity: Patterns| Self {
            object,
            probe,
            given_modes,
            scan,
            of_data,
            measured,
            origin,
            variation,
            scan_of,
            scans,
            physics,
            mask,
            counts,
            quantum,
            fields_in: intensity.storage(),
            intensity,
            faults,
            stated_limit,
        })
    }
}

/// The scans of a data set of several, where each is to have a probe of its own. Their start probes
/// are those of the files where the start probe is.
fn scans_of(
    dataset: &Dataset,
    config: &SolverConfig,
    earlier: Option<&Reconstruction>,
) -> Option<Scans> {
    let scans = dataset.scans.as_ref().filter(|scans| scans.count() > 1)?;
    if config.start.scan_probes == ScanProbes::Shared {
        return None;
    }
    let asked = config.start.probe_start.or_of_experiment(dataset.probe_from);
    let of_files = matches!(asked, ProbeStart::Auto | ProbeStart::File);
    let begun = earlier.is_some_and(|earlier| earlier.probe.is_some());
    let probes = scans.probes.clone().filter(|_| of_files && !begun);
    Some(Scans { of: scans.of.clone(), probes })
}

/// The start probe of a data set: that of the reconstruction that it goes on from where that has
/// one, else as `which` asks for it.
///
/// # Errors
/// One that does not fit the patterns, and see [`start_probe`].
pub(crate) fn begun_probe(
    dataset: &Dataset,
    which: ProbeStart,
    earlier: Option<&Reconstruction>,
    between: Between<'_>,
) -> Result<StartProbe> {
    match earlier.and_then(|earlier| earlier.probe.as_ref()) {
        // What an experiment says is of the scan as such; what is asked of this reconstruction is
        // not.
        Some(_) if matches!(which, ProbeStart::Patterns | ProbeStart::Optics) => {
            Err(StudyError::Invalid(format!(
                "probe_start: expected no start probe beside that of the reconstruction that this goes \
                 on from, found {}: leave one of the two out",
                which.name()
            )))
        }
        Some(probe) => {
            let mut told = "that of the earlier reconstruction".to_owned();
            let asked = which.or_of_experiment(dataset.probe_from);
            if !matches!(asked, ProbeStart::Auto | ProbeStart::Perturbed)
                || is_of_experiment(dataset, asked)
            {
                let by = asked_by(dataset, asked);
                told.push_str(&format!(", which takes precedence over {by}"));
            }
            Ok(StartProbe { modes: earlier::fitting(probe, dataset)?, told, is_files: false })
        }
        None => start_probe(dataset, which, between),
    }
}

/// Window centres after refinement in the coordinates of the data set: `of_data` are those of the
/// data set, `before` and `now` the same ones on the grid of the object, where the reconstruction
/// began and ended.
pub fn refined(of_data: &[Position], before: &[Position], now: &[Position]) -> Vec<Position> {
    let moved = of_data.iter().zip(before.iter().zip(now));
    moved
        .map(|(of_data, (before, now))| Position {
            y: of_data.y + (now.y - before.y),
            x: of_data.x + (now.x - before.x),
        })
        .collect()
}
