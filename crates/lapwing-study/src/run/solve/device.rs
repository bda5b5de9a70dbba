//! Where a reconstruction is computed: the processor, or a graphics card that is opened once for
//! all reconstructions of the process.

use super::able::Term;
use crate::Result;
#[cfg(not(feature = "gpu"))]
use crate::StudyError;
use crate::design::solver::DeviceChoice;
use lapwing_solve::engine::{Device, Unsupported};
use lapwing_solve::{Problem, Solver};

/// The device for `problem` and `solver`, as `choice` says.
///
/// # Errors
/// When a graphics card is asked for that is not there or cannot compute this, or no device can.
pub(crate) fn of(problem: &Problem, solver: &dyn Solver, choice: DeviceChoice) -> Result<Device> {
    Device::Cpu.check(problem, solver.needs()).map_err(|unsupported| match unsupported {
        Unsupported::Slices(_) => Term::Slices.refused(solver.name()),
        other => other.into(),
    })?;
    match choice.card() {
        Some(number) => asked(number, problem, solver),
        None if choice == DeviceChoice::Cpu => Ok(Device::Cpu),
        None => Ok(where_it_pays(problem, solver)),
    }
}

#[cfg(feature = "gpu")]
mod card {
    use lapwing_solve::engine::gpu::{Gpu, GpuError};
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    /// Graphics card number `number`, opened when it is first needed, and anew once it has failed.
    pub fn open(number: usize) -> Result<Gpu, GpuError> {
        static OPEN: Mutex<BTreeMap<usize, Gpu>> = Mutex::new(BTreeMap::new());
        let mut cards = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(card) = cards.get(&number).filter(|card| card.failure().is_none()) {
            return Ok(card.clone());
        }
        let card = Gpu::open(number)?;
        cards.insert(number, card.clone());
        Ok(card)
    }
}

#[cfg(feature = "gpu")]
fn asked(number: usize, problem: &Problem, solver: &dyn Solver) -> Result<Device> {
    let device = Device::Gpu(card::open(number)?);
    device.check(problem, solver.needs())?;
    Ok(device)
}

#[cfg(not(feature = "gpu"))]
fn asked(_number: usize, _problem: &Problem, _solver: &dyn Solver) -> Result<Device> {
    Err(StudyError::NoCards)
}

/// Seconds on the processor from which a graphics card, which takes one or two to begin, is looked
/// for.
#[cfg(feature = "gpu")]
const WORTH: f64 = 20.0;
/// Seconds that a processor's thread takes for one pixel of a wave in one epoch.
#[cfg(feature = "gpu")]
const PER_PIXEL: f64 = 12e-9;

#[cfg(feature = "gpu")]
fn where_it_pays(problem: &Problem, solver: &dyn Solver) -> Device {
    let (height, width) = problem.pattern_shape();
    let pixels = (problem.n_patterns() * problem.n_modes() * height * width) as f64;
    let threads = rayon::current_num_threads() as f64;
    if pixels * solver.epochs() as f64 * PER_PIXEL / threads < WORTH {
        return Device::Cpu;
    }
    let card = card::open(0).ok().filter(|card| card.info().discrete);
    let device = card.map(Device::Gpu);
    device.filter(|device| device.check(problem, solver.needs()).is_ok()).unwrap_or(Device::Cpu)
}

#[cfg(not(feature = "gpu"))]
fn where_it_pays(_problem: &Problem, _solver: &dyn Solver) -> Device {
    Device::Cpu
}
