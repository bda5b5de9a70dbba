//! From a data set to its reconstruction, in memory: nothing is read or written here.

use crate::design::solver::{DeviceChoice, SolverConfig};
use crate::run::choose::{self, Chosen};
use crate::run::device;
use crate::run::noise;
use crate::run::start::{Start, refined};
use crate::{Result, StudyError};
use lapwing_files::{Dataset, Metadata, Reconstruction, remarks};
use lapwing_model::Position;
use lapwing_solve::uncertainty::{ErrorMaps, error_maps};
use lapwing_solve::{Epoch, Flow, Run, Solution};
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// Reconstructs `dataset` with the solver, options and start fields of `config`.
///
/// [`AUTO`](crate::solver::AUTO) is settled by whether photon counts are known. `observe` is called
/// at every epoch; when it breaks, the reconstruction is that of the epochs
/// done.
///
/// # Errors
/// A data set that the start or the solver cannot use (see [`Start::of`]), and
/// [`StudyError::Diverged`].
pub fn reconstruct(
    dataset: &Dataset,
    config: &SolverConfig,
    observe: &mut dyn FnMut(Epoch) -> ControlFlow<()>,
) -> Result<Reconstruction> {
    let config = &config.settled(dataset.intensity_scale().is_some());
    let mut start = Start::of(dataset, config)?;
    start.faults = noise::faults(&remarks::of(dataset));
    let (origin, on_grid) = (start.origin, start.scan.clone());
    let (counts, faults) = (start.counts, start.faults.clone());
    let bare = start.into_problem()?;
    let chosen = choose::settled(&bare, config, (counts, &faults), &mut || Ok(()))?;
    let chosen = placed(chosen, config.device.device)?;
    let run = chosen.solver.start(&chosen.problem);
    let solution = epochs(run, &mut |epoch, _| Ok(observe(epoch)))?;
    check(&solution)?;
    let replicates = config.errors.error_maps;
    let maps = maps(&chosen, &solution, replicates, &mut || Flow::Continue)?;
    let place = Place { of_data: &dataset.scan, on_grid: &on_grid, origin };
    let account = Account { algorithm: config.algorithm(), options: json!(config) };
    let misfit = match counts {
        true => Some(chosen.problem.misfit(&solution)?.ratio),
        false => None,
    };
    let made = described(solution, &place, account, dataset.metadata.as_ref());
    Ok(with_maps(Reconstruction { misfit, ..made }, maps))
}

/// Solves from `start`, in memory; `observe` is called at every epoch.
///
/// # Errors
/// A start that the solver refuses, a diverged solver, and what `observe` returns.
pub(crate) fn solution(
    start: Start,
    config: &SolverConfig,
    observe: &mut dyn FnMut(Epoch) -> Result<ControlFlow<()>>,
) -> Result<Solution> {
    let (counts, faults) = (start.counts, start.faults.clone());
    let bare = start.into_problem()?;
    let chosen = choose::settled(&bare, config, (counts, &faults), &mut || Ok(()))?;
    let chosen = placed(chosen, config.device.device)?;
    let run = chosen.solver.start(&chosen.problem);
    let solution = epochs(run, &mut |epoch, _| observe(epoch))?;
    check(&solution)?;
    Ok(solution)
}

/// What was chosen, to be computed where `device` says.
///
/// # Errors
/// When it asks for a graphics card that is not there or cannot compute this.
pub(crate) fn placed(chosen: Chosen, device: DeviceChoice) -> Result<Chosen> {
    let device = device::of(&chosen.problem, &*chosen.solver, device)?;
    Ok(Chosen { problem: chosen.problem.on(device), ..chosen })
}

/// Error maps of a solution of what was `chosen`, from so many replicates; `between` is called
/// between epochs and may stop them, which gives none, as 0 replicates do.
pub(crate) fn maps(
    Chosen { problem, solver, .. }: &Chosen,
    solution: &Solution,
    replicates: usize,
    between: &mut dyn FnMut() -> Flow,
) -> Result<Option<ErrorMaps>> {
    match replicates {
        0 => Ok(None),
        _ => Ok(error_maps(problem, solution, &**solver, replicates, &mut |_| between())?),
    }
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

/// Does the epochs that are left of a run, until `observe`, which may look at its state, breaks, or
/// the loss is no number: a solver that diverged never finds back.
///
/// # Errors
/// What `observe` returns, and a graphics card that fails.
pub(crate) fn epochs(
    mut run: Run<'_>,
    observe: &mut dyn FnMut(Epoch, &mut Run<'_>) -> Result<ControlFlow<()>>,
) -> Result<Solution> {
    while let Some(epoch) = run.epoch() {
        if let Some((device, reason)) = run.failure() {
            return Err(StudyError::CardFailed { device, reason });
        }
        if observe(epoch, &mut run)?.is_break() || !epoch.loss.is_finite() {
            break;
        }
    }
    Ok(run.finish())
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
        .all(|value| value.re.is_finite() && value.im.is_finite());
    match solution.loss.iter().position(|loss| !loss.is_finite()) {
        None if finite => Ok(()),
        at => {
            Err(StudyError::Diverged { epoch: at.map_or(solution.loss.len(), |epoch| epoch + 1) })
        }
    }
}

/// Where the windows of a data set lie, in its own pixels and on the grid that was solved on.
pub(crate) struct Place<'a> {
    /// Window centres in the data set's pixels.
    pub of_data: &'a [Position],
    /// The same on the grid of the object, as the solver began with them.
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
    Reconstruction {
        probe: Some(solution.probe),
        eigenmodes: (solution.weights.dim().1 > 0)
            .then_some((solution.eigenmodes, solution.weights)),
        positions: Some(refined(place.of_data, place.on_grid, &solution.positions)),
        origin: place.origin,
        loss: solution.loss,
        algorithm: Some(account.algorithm.to_owned()),
        options: Some(account.options),
        metadata: metadata.cloned(),
        ..Reconstruction::of(solution.object)
    }
}
