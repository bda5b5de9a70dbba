//! The reconstructions of two independent halves of the photons, compared with each other.

use super::{Task, check};
use crate::design::solver::Method;
use crate::run::event::Observer;
use crate::run::external::SCRATCH;
use crate::run::start::Start;
use crate::{Result, StudyError};
use lapwing_compare::{Comparison, Region, compare as compare_objects};
use lapwing_files::metadata::{nphotons, set_physics_parameter};
use lapwing_files::{Dataset, dialect};
use lapwing_model::random::generator;
use lapwing_model::{Field, Modes, simulate};
use lapwing_solve::Flow;
use ndarray::Array3;
use rand::Rng;

/// The seed that photons are dealt to halves from.
const SEED: u64 = 42;

/// The comparison of both halves over the data set's own area; `None` when that is too small for
/// one.
///
/// Every photon goes to one half or the other with equal probability. Halves of Poisson counts are
/// independent Poisson counts, so what both reconstructions have in common is signal (van Heel and
/// Schatz 2005). The patterns are read again: keeping them beside those that the solver works on
/// would take their memory twice.
pub(super) fn compare(
    task: &Task,
    probe: &Modes,
    log: &mut dyn FnMut(&str),
    observe: Observer<'_>,
) -> Result<Option<Comparison>> {
    let (mut dataset, _) = dialect::read(&task.input, &task.reading)?;
    let mut start = match &task.solver.method {
        Method::Native(config) => Start::of(&dataset, config)?,
        Method::External(config) => Start::of(&dataset, &config.start())?,
    };
    dataset.diffraction = Array3::zeros((0, 0, 0));
    if let Some(metadata) = &mut dataset.metadata
        && let Some(photons) = nphotons(metadata)
    {
        set_physics_parameter(metadata, "nphotons", photons / 2.0);
    }
    let Ok(region) = Region::from_scan(start.object.dim(), &start.scan, probe.view()) else {
        return Ok(None);
    };
    let mut second = std::mem::take(&mut start.intensity);
    let mut first = second.clone();
    simulate::thin(&mut first, 1.0, 0.5, generator(SEED, "halves", 0).next_u64())?;
    second.zip_mut_with(&first, |whole, first| *whole = whole.round() - first);
    let mut objects = Vec::new();
    for intensity in [first, second] {
        let half = Start { intensity, ..start.clone() };
        objects.push(reconstruct(task, half, &mut dataset, log, observe)?);
    }
    // A view can cover too little for an alignment.
    let compared = compare_objects(objects[0].view(), objects[1].view(), &region).ok();
    if let Some(found) = &compared {
        log(&format!("halves: complex correlation {:.5}", found.metrics.complex_correlation));
    }
    Ok(compared)
}

/// The object of one half; `dataset` is the data set that it is a half of, without its patterns.
fn reconstruct(
    task: &Task,
    half: Start,
    dataset: &mut Dataset,
    log: &mut dyn FnMut(&str),
    observe: Observer<'_>,
) -> Result<Field> {
    let mut waiting = task.waiting(observe);
    let solution = match &task.solver.method {
        Method::Native(config) => config.solver.solve(&half.into_problem()?, &mut |epoch| {
            waiting("the halves of its photons");
            if epoch.loss.is_finite() { Flow::Continue } else { Flow::Stop }
        }),
        Method::External(config) => {
            let place = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&task.output);
            let place = place.map_err(StudyError::io("cannot create a folder in", &task.output))?;
            let file = place.path().join("half.npz");
            let scale = dataset.intensity_scale().unwrap_or(1.0);
            dataset.diffraction =
                half.intensity.mapv(|count| (f64::from(count).sqrt() / scale) as f32);
            dataset.write(&file)?;
            config.external.solve(&file, &half, place.path(), log, &mut waiting)?
        }
    };
    check(&solution)?;
    Ok(solution.object.projection())
}
