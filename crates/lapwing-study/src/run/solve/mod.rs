//! From a data set to its reconstruction, in memory: no file is read or written here.

pub(crate) mod able;
pub(crate) mod allowed;
pub(crate) mod asking;
pub mod calibrate;
pub(crate) mod choose;
mod device;
mod diffuse;
pub(crate) mod earlier;
pub(crate) mod fits;
pub mod magnify;
pub(crate) mod misfit;
pub mod noise;
pub mod start;
pub mod start_probe;
mod trial;

use crate::design::solver::{DeviceChoice, SolverConfig};
use crate::run::solve::start::{Start, refined};
use crate::{Result, StudyError};
use asking::Between;
use choose::{Chosen, Known};
use fits::Fits;
use lapwing_files::{Dataset, Metadata, Reconstruction, remarks};
use lapwing_model::Position;
use lapwing_solve::engine::Device;
use lapwing_solve::problem::{Misfit, ScanPull};
use lapwing_solve::uncertainty::{ErrorMaps, error_maps};
use lapwing_solve::{Epoch, Flow, Run, Solution};
use magnify::magnification;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::Instant;

/// Reconstructs `dataset` with the solver, options and start fields of `config`.
///
/// [`AUTO`](crate::solver::AUTO) is settled by whether photon counts are known. Of near-field
/// patterns whose beam diverges by an unknown amount, the magnification is found first. `observe`
/// is called at every epoch; when it breaks, the reconstruction is that of the epochs done. Files
/// that `config` names are read before, by [`with_files_read`](crate::run::with_files_read).
///
/// # Errors
/// A data set that the start or the solver cannot use (see [`Start::of`]), a file that was not
/// read, and [`StudyError::Diverged`].
pub fn reconstruct(
    dataset: &Dataset,
    config: &SolverConfig,
    observe: &mut dyn FnMut(Epoch) -> ControlFlow<()>,
) -> Result<Reconstruction> {
    reconstruct_while(dataset, config, &mut || ControlFlow::Continue(()), observe)
}

/// [`reconstruct`], as long as `go_on` wants it: it is asked now and then before the epochs and
/// after them, while a start probe is searched for, for instance.
///
/// # Errors
/// As for [`reconstruct`], and [`StudyError::Stopped`] where `go_on` breaks.
pub fn reconstruct_while(
    dataset: &Dataset,
    config: &SolverConfig,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
    observe: &mut dyn FnMut(Epoch) -> ControlFlow<()>,
) -> Result<Reconstruction> {
    let between = &mut || match go_on() {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StudyError::Stopped),
    };
    let config = &config.settled(dataset.intensity_scale().is_some());
    let magnified = match magnification(dataset)? {
        Some(found) => {
            let mut dataset = dataset.clone();
            found.apply(&mut dataset);
            Some(dataset)
        }
        None => None,
    };
    let dataset = magnified.as_ref().unwrap_or(dataset);
    let start = Start::of(dataset, config, noise::faults(&remarks::of(dataset)), between)?;
    let (origin, on_grid, of_data) = (start.origin, start.scan.clone(), start.of_data.clone());
    let measured = start.measured.clone();
    let mut observe = |epoch| Ok(observe(epoch));
    let watch = &mut Epochs { observe: &mut observe, between };
    let done = solve(start, config, config.device.device, watch)?;
    let misfit = done.misfit()?.map(|misfit| misfit.ratio);
    let maps = done.error_maps(config.errors.error_maps, watch)?;
    let place = Place { measured: &measured, of_data: &of_data, on_grid: &on_grid, origin };
    let account = Account { algorithm: config.algorithm(), options: json!(config) };
    let made = described(done.solution, &place, account, dataset.metadata.as_ref());
    Ok(with_maps(Reconstruction { misfit, ..made }, maps))
}

/// Solves from `start`, in memory; `observe` is called at every epoch.
///
/// # Errors
/// A start that the solver refuses, a diverged solver, and what `observe` returns.
pub(crate) fn solution(
    start: Start,
    config: &SolverConfig,
    device: DeviceChoice,
    observe: &mut dyn FnMut(Epoch) -> Result<ControlFlow<()>>,
) -> Result<Solution> {
    let watch = &mut Epochs { observe, between: &mut || Ok(()) };
    Ok(solve(start, config, device, watch)?.solution)
}

/// Who follows a solver at work. What any method returns as an error ends the work.
pub(crate) trait Watch {
    /// Called now and then while something takes long.
    fn waiting(&mut self, what: &'static str) -> Result<()>;

    /// Called before every epoch of the fits that a reconstruction has before its own, of which
    /// there will be so many.
    fn fitting(&mut self, fits: Fits, epochs: usize) -> Result<()>;

    /// Called when all is settled, before the first epoch.
    fn begins(&mut self, chosen: &Chosen) -> Result<()>;

    /// Called when a graphics card that nobody has asked for by name has failed, and the processor
    /// does its work anew, or from where [`resumed`](Self::resumed) goes on.
    fn card_failed(&mut self, failure: &StudyError) -> Result<()>;

    /// The run whose epochs are to be done: this one, or one that goes on from an earlier one.
    fn resumed<'p>(&mut self, run: Run<'p>) -> Result<Run<'p>>;

    /// Called after every epoch; when it breaks, the solution is that of the epochs done.
    fn epoch(&mut self, epoch: Epoch, run: &mut Run<'_>) -> Result<ControlFlow<()>>;

    /// Called once the last epoch is done, before anything is made of the run.
    fn ended(&mut self, run: &mut Run<'_>) -> Result<()>;
}

/// Who looks at the epochs, and is asked what they wait for.
struct Epochs<'a> {
    observe: &'a mut dyn FnMut(Epoch) -> Result<ControlFlow<()>>,
    between: Between<'a>,
}

impl Watch for Epochs<'_> {
    fn waiting(&mut self, _: &'static str) -> Result<()> {
        (self.between)()
    }

    fn fitting(&mut self, _: Fits, _: usize) -> Result<()> {
        (self.between)()
    }

    fn begins(&mut self, _: &Chosen) -> Result<()> {
        Ok(())
    }

    fn card_failed(&mut self, _: &StudyError) -> Result<()> {
        Ok(())
    }

    fn resumed<'p>(&mut self, run: Run<'p>) -> Result<Run<'p>> {
        Ok(run)
    }

    fn epoch(&mut self, epoch: Epoch, _: &mut Run<'_>) -> Result<ControlFlow<()>> {
        (self.observe)(epoch)
    }

    fn ended(&mut self, _: &mut Run<'_>) -> Result<()> {
        Ok(())
    }
}

/// What came of a start.
pub(crate) struct Done {
    /// What was solved, on the device where it was.
    pub chosen: Chosen,
    /// The solution, with all that was chosen from the data.
    pub solution: Solution,
    /// Wall-clock seconds of the epochs done now.
    pub seconds: f64,
    /// Whether the patterns are photon counts.
    pub counts: bool,
}

impl Done {
    /// How well the solution explains the patterns, where these are photon counts.
    ///
    /// # Errors
    /// As for [`lapwing_solve::Problem::misfit`].
    pub fn misfit(&self) -> Result<Option<Misfit>> {
        let found = self.counts.then(|| self.chosen.problem.misfit(&self.solution));
        Ok(found.transpose()?)
    }

    /// How the patterns of a solution pull at their scan, of a solver that judges when it has
    /// settled, where these are photon counts and nothing of the scan was refined.
    ///
    /// # Errors
    /// As for [`lapwing_solve::Problem::scan_pull`].
    pub fn scan_pull(&self, config: &SolverConfig) -> Result<Option<ScanPull>> {
        let judged = self.counts
            && self.solution.settled.is_some()
            && config.choice.refine_scan.is_empty()
            && config.choice.choose.is_empty();
        Ok(judged.then(|| self.chosen.problem.scan_pull(&self.solution)).transpose()?)
    }

    /// Error maps of the solution from so many replicates; 0 of them give none.
    ///
    /// # Errors
    /// What `watch` returns while it waits, and what the solver refuses.
    pub fn error_maps(
        &self,
        replicates: usize,
        watch: &mut dyn Watch,
    ) -> Result<Option<ErrorMaps>> {
        if replicates == 0 {
            return Ok(None);
        }
        let Chosen { problem, solver, .. } = &self.chosen;
        let mut stopped = Ok(());
        let maps = error_maps(problem, &self.solution, &**solver, replicates, &mut |_| {
            stopped = watch.waiting("its error maps");
            if stopped.is_ok() { Flow::Continue } else { Flow::Stop }
        })?;
        stopped.map(|()| maps)
    }
}

/// From a start to its solution, the one way for all: what is asked of the data is settled, then
/// the epochs are done on `device`.
///
/// # Errors
/// A start that the solver refuses, a graphics card that is asked for and is not there, fails, or
/// cannot compute this, [`StudyError::Diverged`], and what `watch` returns.
pub(crate) fn solve(
    start: Start,
    config: &SolverConfig,
    device: DeviceChoice,
    watch: &mut dyn Watch,
) -> Result<Done> {
    let known = Known {
        counts: start.counts,
        faults: start.faults.clone(),
        stated_limit: start.stated_limit,
        variation: start.variation.clone(),
        scan_of: start.scan_of.clone(),
        scans: start.scans.clone(),
        given_modes: start.given_modes,
    };
    let bare = start.into_problem_while(&mut || watch.waiting("its patterns"))?;
    let epochs_then = config.solver.epochs();
    let mut chosen = choose::settled(&bare, config, &known, &mut |fits| match fits {
        Some(fits) => watch.fitting(fits, epochs_then),
        None => watch.waiting("what is found out before it"),
    })?;
    drop(bare);
    let place = device::of(&chosen.problem, &*chosen.solver, device)?;
    chosen.problem = chosen.problem.on(place);
    watch.begins(&chosen)?;
    let mut started = Instant::now();
    let mut solution = match epochs(&chosen, watch) {
        // Nobody has asked for the card by name.
        Err(failure @ StudyError::CardFailed { .. }) if device == DeviceChoice::Auto => {
            watch.card_failed(&failure)?;
            chosen.problem = chosen.problem.on(Device::Cpu);
            started = Instant::now();
            epochs(&chosen, watch)?
        }
        other => other?,
    };
    let seconds = started.elapsed().as_secs_f64();
    check(&solution)?;
    solution.choices.splice(..0, chosen.choices.iter().cloned());
    Ok(Done { chosen, solution, seconds, counts: known.counts })
}

/// Does the epochs of what was `chosen`, until `watch` breaks or the loss is no number: a solver
/// that diverged does not recover.
fn epochs(Chosen { problem, solver, .. }: &Chosen, watch: &mut dyn Watch) -> Result<Solution> {
    let mut run = watch.resumed(solver.start(problem))?;
    while let Some(epoch) = run.epoch() {
        if let Some((device, reason)) = run.failure() {
            return Err(StudyError::CardFailed { device, reason });
        }
        if watch.epoch(epoch, &mut run)?.is_break() || !epoch.loss.is_finite() {
            break;
        }
    }
    watch.ended(&mut run)?;
    Ok(run.finish())
}

/// A reconstruction with its error maps.
pub(crate) fn with_maps(made: Reconstruction, maps: Option<ErrorMaps>) -> Reconstruction {
    match maps {
        Some(ErrorMaps { amplitude, phase, .. }) => {
            Reconstruction { amplitude_sd: Some(amplitude), phase_sd: Some(phase), ..made }
        }
        None => made,
    }
}

/// Refuses a solution that is not made of numbers.
///
/// # Errors
/// [`StudyError::Diverged`] with the first epoch whose loss is no number.
pub(crate) fn check(solution: &Solution) -> Result<()> {
    let finite = solution
        .object
        .slices()
        .iter()
        .chain(&solution.probe)
        .chain(&solution.eigenmodes)
        .chain(&solution.weights)
        .all(|value| value.re.is_finite() && value.im.is_finite())
        && solution.powers.iter().all(|power| power.is_finite());
    match solution.loss.iter().position(|loss| !loss.is_finite()) {
        None if finite => Ok(()),
        at => {
            Err(StudyError::Diverged { epoch: at.map_or(solution.loss.len(), |epoch| epoch + 1) })
        }
    }
}

/// Where the windows of a data set lie, in its own pixels and on the grid that was solved on.
pub(crate) struct Place<'a> {
    /// Window centres as they were measured, in the data set's pixels.
    pub measured: &'a [Position],
    /// The same as the solver began with them.
    pub of_data: &'a [Position],
    /// These on the grid of the object.
    pub on_grid: &'a [Position],
    /// Pixel (0, 0) of the grid in the data set's pixels; `None` on the data set's own grid.
    pub origin: Option<(i64, i64)>,
}

/// How a reconstruction was made.
pub(crate) struct Account<'a> {
    /// Name of the algorithm.
    pub algorithm: &'a str,
    /// Its options, as they are recorded.
    pub options: Value,
}

/// A solution as a reconstruction of its data set, whose metadata are `metadata`.
pub(crate) fn described(
    solution: Solution,
    place: &Place<'_>,
    account: Account<'_>,
    metadata: Option<&Metadata>,
) -> Reconstruction {
    let positions = refined(place.of_data, place.on_grid, &solution.positions);
    let moved = positions != place.measured;
    Reconstruction {
        probe: Some(solution.probe),
        eigenmodes: (solution.weights.dim().1 > 0)
            .then_some((solution.eigenmodes, solution.weights)),
        beam_power: (!solution.powers.is_empty()).then_some(solution.powers),
        positions: Some(positions),
        measured_positions: moved.then(|| place.measured.to_vec()),
        origin: place.origin,
        loss: solution.loss,
        algorithm: Some(account.algorithm.to_owned()),
        options: Some(account.options),
        metadata: metadata.cloned(),
        ..Reconstruction::of(solution.object)
    }
}
