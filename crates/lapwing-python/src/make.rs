//! Simulated data and what they are made from: specimens, probes and scans.

use crate::array::{self, from_positions};
use crate::dataset::{Dataset, reading};
use crate::failure::{Result, with_keywords};
use crate::study::dose_of;
use crate::value::{named, options, table};
use crate::work::{alone, asking};
use anyhow::{anyhow, ensure};
use lapwing_files::physics::PhysicsOptions;
use lapwing_model::forward::Physics;
use lapwing_model::probe::{self, ProbeDesign, ProbeKind};
use lapwing_model::scan::{self, MAX_AREA, ScanKind, Spacing};
use lapwing_model::simulate;
use lapwing_model::specimen::Specimen;
use lapwing_study::data;
use lapwing_study::place;
use lapwing_study::sample::{Said, Sample};
use numpy::{IntoPyArray, PyArray2, PyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use lapwing_model::Complex32;

/// Diffraction at a dose, drawn from a seed, as a data set; what differs from a far field of a
/// probe that stands still is `described` by the options of reading that say it, by name, what
/// beam, stage and detector do besides by the fields of `apparatus`.
#[pyfunction]
pub fn simulate_scan(
    py: Python<'_>,
    object: &Bound<'_, PyAny>,
    probe: &Bound<'_, PyAny>,
    positions: &Bound<'_, PyAny>,
    dose_and_seed: (f64, u64),
    described_and_apparatus: (Bound<'_, PyDict>, Bound<'_, PyDict>),
    threads: Option<usize>,
) -> Result<Dataset> {
    let (dose, seed) = dose_and_seed;
    let (described, apparatus) = &described_and_apparatus;
    let dose = dose_of(dose)?;
    let apparatus = serde_json::from_value(Value::Object(table(apparatus)?))?;
    let scan = array::positions(positions)?;
    let object = array::object(object, "object")?;
    let Said { physics, units } = Said::of(&reading(described)?)?;
    let physics = PhysicsOptions { slices: Some(object.n_slices()), ..physics };
    let sample = Sample {
        object,
        probe: array::modes(probe)?,
        physics: physics.applied(Physics::default(), &scan, units.as_ref())?,
        scan,
        apparatus,
        metadata: units,
    };
    Ok(alone(py, threads, || Ok(sample.expose(dose, seed)?))?.into())
}

/// A data set thinned to a dose, and what to know where its counts are not photons.
#[pyfunction]
pub fn thin_dataset(
    py: Python<'_>,
    dataset: &Bound<'_, Dataset>,
    dose: f64,
    seed: u64,
    threads: Option<usize>,
) -> Result<(Dataset, Option<String>)> {
    let whole = &dataset.get().inner;
    let thinned = alone(py, threads, || Ok(data::thin(whole.clone(), dose, seed)?))?;
    let note = thinned.note().map(|note| with_keywords(&note));
    Ok((thinned.dataset.into(), note))
}

/// A data set without the counts at which its detector stops, which are masked, and what to know of
/// them; nothing where there are none.
#[pyfunction]
pub fn without_limit(
    py: Python<'_>,
    dataset: &Bound<'_, Dataset>,
    threads: Option<usize>,
) -> Result<Option<(Dataset, String)>> {
    let whole = &dataset.get().inner;
    let limit = asking(py, threads, |between| Ok(data::limit(whole, between)?))?;
    let Some(limit) = limit else { return Ok(None) };
    let mut left = whole.clone();
    let masked = data::mask_limit(&mut left, limit)?;
    let told = data::stopped(limit, masked).map(|told| with_keywords(&told));
    Ok(told.map(|told| (left.into(), told)))
}

/// Counts thinned to a dose.
#[pyfunction]
pub fn thin_counts<'py>(
    py: Python<'py>,
    counts: &Bound<'_, PyAny>,
    dose: f64,
    seed: u64,
    threads: Option<usize>,
) -> Result<Bound<'py, PyArray3<f32>>> {
    let mut counts = array::patterns(counts)?;
    let counts = alone(py, threads, || {
        let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        let from = total / counts.dim().0.max(1) as f64;
        simulate::thin(counts.view_mut(), from, dose, seed)?;
        Ok(counts)
    })?;
    Ok(counts.into_pyarray(py))
}

/// A built-in specimen.
#[pyfunction]
pub fn make_specimen<'py>(
    py: Python<'py>,
    name: &str,
    shape: (usize, usize),
    seed: u64,
) -> Result<Bound<'py, PyArray2<Complex32>>> {
    let specimen: Specimen = named("specimen", name)?;
    if shape.0 as f64 * shape.1 as f64 > MAX_AREA as f64 {
        return Err(anyhow!("shape: expected at most {MAX_AREA} pixels, found {shape:?}").into());
    }
    Ok(alone(py, None, || Ok(specimen.make(shape, seed)))?.into_pyarray(py))
}

/// A built-in probe.
#[pyfunction]
pub fn make_probe<'py>(
    py: Python<'py>,
    shape: (usize, usize),
    design: &Bound<'_, PyDict>,
) -> Result<Bound<'py, PyArray3<Complex32>>> {
    if let Some(kind) = design.get_item("kind")? {
        named::<ProbeKind>("kind", &kind.extract::<String>()?)?;
    }
    let design: ProbeDesign = options(design)?;
    Ok(alone(py, None, || Ok(design.build(shape)?))?.into_pyarray(py))
}

/// Equivalent-disc diameter of a probe, pixels.
#[pyfunction]
pub fn probe_diameter(probe: &Bound<'_, PyAny>) -> Result<f64> {
    Ok(probe::diameter(array::modes(probe)?.view()))
}

/// Positions (n, 2), and the shape of the object they are on.
type Placed<'py> = (Bound<'py, PyArray2<f64>>, (usize, usize));

/// A scan on the smallest object that holds its windows, and the shape of that object.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // the parameters of one scan
pub fn make_scan<'py>(
    py: Python<'py>,
    kind: &str,
    step: Option<f64>,
    overlap: Option<f64>,
    probe_diameter: Option<f64>,
    field: (f64, f64),
    window: (usize, usize),
    seed: u64,
) -> Result<Placed<'py>> {
    let kind: ScanKind = named("kind", kind)?;
    let (spacing, diameter) = match (step, overlap, probe_diameter) {
        (Some(step), None, _) => (Spacing::Step(step), f64::NAN),
        (None, Some(overlap), Some(diameter)) => (Spacing::Overlap(overlap), diameter),
        _ => return Err(anyhow!("expected step, or overlap with probe_diameter").into()),
    };
    let step = spacing.step(diameter)?;
    let (positions, shape) = alone(py, None, || {
        let positions = scan::generate(kind, step, field, seed)?;
        ensure!(
            !positions.is_empty(),
            "the scan has no positions: expected a field of view that holds some"
        );
        let too_large =
            || anyhow!("field: the object array would have more than 2^30 px; use a smaller field");
        let placement = place::on_new_object(&positions, window).ok_or_else(too_large)?;
        Ok((placement.place(&positions), placement.shape))
    })?;
    Ok((from_positions(py, &positions), shape))
}
