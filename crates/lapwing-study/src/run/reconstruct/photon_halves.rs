//! The reconstructions of two independent halves of the photons, compared with each other.

use super::Request;
use crate::design::external::External;
use crate::design::solver::{Faulty, Method, SolverConfig};
use crate::run::dataset::data;
use crate::run::dataset::thinned::stated_limit;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::reconstruct::external::SCRATCH;
use crate::run::solve::start::Start;
use crate::run::solve::{check, solution};
use crate::{Result, StudyError};
use lapwing_compare::{CompareError, Comparison, Region, compare as compare_objects};
use lapwing_files::Dataset;
use lapwing_files::limit::reaching;
use lapwing_files::metadata::{nphotons, set_physics_parameter};
use lapwing_model::random::generator;
use lapwing_model::{Field, Modes, simulate};
use lapwing_solve::solver::options::Auto;
use rand::Rng;
use std::ops::ControlFlow;

/// The seed that photons are dealt to halves from.
const SEED: u64 = 42;

/// The comparison of both halves over the data set's own area; `None` when that is too small for
/// one.
///
/// Every photon goes to one half or the other with equal probability. Halves of Poisson counts are
/// independent Poisson counts, so what both reconstructions have in common is signal (van Heel and
/// Schatz 2005). Values at the detector's limit, of which no half is known, are masked in both. The
/// patterns are read again: keeping them beside those that the solver works on would double the
/// memory.
pub(super) fn compare(
    request: &Request,
    probe: &Modes,
    observe: Observer<'_>,
) -> Result<Option<Comparison>> {
    let (mut dataset, understood) =
        request.stream.open(&request.input, &request.reading, &request.output, &mut *observe)?;
    let mut start = request.start(&dataset, &understood, &mut *observe)?;
    if let Some(told) = without_limit(request, &mut dataset, &mut start)? {
        note(&mut *observe, Level::Detail, &format!("halves of the photons: {told}"))?;
    }
    let not_compared = |observe: Observer<'_>, why: CompareError| {
        note(observe, Level::Fact, &format!("halves of the photons are not compared: {why}"))
    };
    let region = match Region::from_scan(start.object.shape(), &start.scan, probe.view()) {
        Ok(region) => region,
        Err(why) => {
            not_compared(&mut *observe, why)?;
            return Ok(None);
        }
    };
    let (first, second) = match &request.solver.method {
        Method::Native(config) => {
            // The intensities of the start are all that is needed of the patterns.
            drop(dataset);
            let [first, second] = dealt(start)?;
            let mut object = |half| by_solver(request, config, half, &mut *observe);
            (object(first)?, object(second)?)
        }
        Method::External(config) => {
            halve_dose(&mut dataset);
            let [first, second] = dealt(start)?;
            let mut object =
                |half| by_command(request, &config.external, half, &mut dataset, &mut *observe);
            (object(first)?, object(second)?)
        }
    };
    match compare_objects(first.view(), second.view(), &region) {
        Ok(found) => {
            let correlation = found.metrics.complex_correlation;
            let text = format!("halves: complex correlation {correlation:.5}");
            note(observe, Level::Detail, &text)?;
            Ok(Some(found))
        }
        // A view can cover too little for an alignment.
        Err(why) => {
            not_compared(observe, why)?;
            Ok(None)
        }
    }
}

/// Masks what the detector has clipped, in `start` as in the data set; says so where there is some.
fn without_limit(
    request: &Request,
    dataset: &mut Dataset,
    start: &mut Start,
) -> Result<Option<String>> {
    let found = |dataset: &Dataset| data::limit(dataset, &mut || Ok(()));
    let limit = match &request.solver.method {
        _ if !start.counts => None,
        Method::Native(config) => match (config.noise.faulty, config.noise.saturation) {
            (_, Auto::Given(limit)) => Some(match stated_limit(dataset) {
                Some(stated) => stated.min(limit as f32),
                None => limit as f32,
            }),
            (Faulty::Keep, Auto::Auto) => None,
            (Faulty::LeaveOut, Auto::Auto) => found(dataset)?,
        },
        Method::External(_) => found(dataset)?,
    };
    let Some(limit) = limit else { return Ok(None) };
    let masked = data::mask_limit(dataset, limit)?;
    if masked > 0 {
        let least = reaching(limit.into());
        start.intensity.change(|count| if f64::from(count) >= least { 0.0 } else { count });
        start.mask.clone_from(&dataset.mask);
    }
    Ok(data::stopped(limit, masked))
}

/// Deals the photons of a start to two starts.
fn dealt(mut start: Start) -> Result<[Start; 2]> {
    let mut second = std::mem::take(&mut start.intensity);
    let mut first = second.map(|count| count)?;
    simulate::thin(first.view_mut(), 1.0, 0.5, generator(SEED, "halves", 0).next_u64())?;
    let both = second.values_mut().iter_mut().zip(first.values());
    both.for_each(|(whole, first)| *whole = whole.round() - first);
    Ok([first, second].map(|intensity| Start { intensity, ..start.clone() }))
}

/// Writes into the metadata that a data set has half its photons.
fn halve_dose(dataset: &mut Dataset) {
    if let Some(metadata) = &mut dataset.metadata
        && let Some(photons) = nphotons(metadata)
    {
        set_physics_parameter(metadata, "nphotons", photons / 2.0);
    }
}

/// The object that a solver of this program makes of one half.
fn by_solver(
    request: &Request,
    config: &SolverConfig,
    half: Start,
    observe: Observer<'_>,
) -> Result<Field> {
    let case = request.case.as_ref();
    let mut waiting = |_| {
        tell(&mut *observe, Event::Waiting { case, what: "the halves of its photons" })?;
        Ok(ControlFlow::Continue(()))
    };
    Ok(solution(half, config, request.device_of(config), &mut waiting)?.object.projection())
}

/// The object that an external solver makes of one half; `dataset` is what it is a half of, and
/// becomes that half.
fn by_command(
    request: &Request,
    external: &External,
    half: Start,
    dataset: &mut Dataset,
    observe: Observer<'_>,
) -> Result<Field> {
    let place = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&request.output);
    let place = place.map_err(StudyError::io("cannot create a folder in", &request.output))?;
    let file = place.path().join("half.npz");
    let scale = dataset.intensity_scale().unwrap_or(1.0);
    dataset.diffraction = half.intensity.map(|count| (f64::from(count).sqrt() / scale) as f32)?;
    dataset.write(&file)?;
    let case = request.case.as_ref();
    let solution = external.solve(&file, &half, place.path(), case, observe)?;
    check(&solution)?;
    Ok(solution.object.projection())
}
