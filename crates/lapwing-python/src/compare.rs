//! A reconstruction against the truth.

use crate::array;
use crate::failure::Result;
use crate::value::to_python;
use crate::work::alone;
use anyhow::ensure;
use lapwing_compare::{Better, Comparison, Metric, Region, Scanned, compare, resolution_doubts};
use lapwing_draw::field::phase_range;
use lapwing_draw::{Colormap, Painter, Panel, figure};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::json;

/// Aligns and measures; what comes back are the fields of `lapwing.Comparison` by name.
///
/// Without positions and probe the whole object is compared; an object of several slices is
/// compared as their product.
#[pyfunction]
pub fn compare_objects<'py>(
    py: Python<'py>,
    reconstruction: &Bound<'py, PyAny>,
    truth: &Bound<'py, PyAny>,
    positions: Option<&Bound<'py, PyAny>>,
    probe: Option<&Bound<'py, PyAny>>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyDict>> {
    let object = array::object(reconstruction, "reconstruction")?.projection();
    let truth = array::object(truth, "truth")?.projection();
    let scan = positions.map(array::positions).transpose()?;
    let probe = probe.map(array::modes).transpose()?;
    let (found, region) = alone(py, threads, || {
        let region = match (&scan, &probe) {
            (Some(scan), Some(probe)) => Region::from_scan(truth.dim(), scan, probe.view())?,
            (None, None) => Region::whole(truth.dim())?,
            _ => {
                ensure!(
                    scan.is_none(),
                    "probe: expected the probe beside positions: both tell which pixels count"
                );
                anyhow::bail!(
                    "positions: expected the positions beside the probe: both tell which pixels count"
                )
            }
        };
        Ok((compare(object.view(), truth.view(), &region)?, region))
    })?;
    let Comparison { alignment, metrics, aligned, truth, error, phase_error, mask, frc, .. } =
        found;
    let fields = PyDict::new(py);
    fields.set_item("metrics", to_python(py, &metrics)?)?;
    fields.set_item("alignment", to_python(py, &alignment)?)?;
    let doubts = resolution_doubts(&frc, |name| metrics.value(name));
    fields.set_item("doubts", to_python(py, &serde_json::to_value(doubts)?)?)?;
    fields.set_item("frc", to_python(py, &frc)?)?;
    fields.set_item("aligned", aligned.into_pyarray(py))?;
    fields.set_item("truth", truth.into_pyarray(py))?;
    fields.set_item("error", error.into_pyarray(py))?;
    fields.set_item("phase_error", phase_error.into_pyarray(py))?;
    fields.set_item("mask", mask.into_pyarray(py))?;
    fields.set_item("rows", (region.rows().start, region.rows().end))?;
    fields.set_item("columns", (region.columns().start, region.columns().end))?;
    Ok(fields)
}

/// How far the zero of a reconstruction's positions lies from that of the truth's, whole pixels (y,
/// x), where both are of one scan; pixel (0, 0) of the reconstruction lies at `origin` of its own.
#[pyfunction]
pub fn zeros_apart(
    py: Python<'_>,
    made: (Bound<'_, PyAny>, (i64, i64)),
    own: &Bound<'_, PyAny>,
    truth: &Bound<'_, PyAny>,
    other: &Bound<'_, PyAny>,
) -> Result<Option<(i64, i64)>> {
    let (reconstruction, origin) = made;
    let object = array::object(&reconstruction, "reconstruction")?.projection();
    let known = array::object(truth, "truth")?.projection();
    let (own, other) = (array::positions(own)?, array::positions(other)?);
    let look = || {
        let made = Scanned { object: object.view(), origin, positions: &own };
        let truth = Scanned { object: known.view(), origin: (0, 0), positions: &other };
        Ok(lapwing_compare::zeros_apart(&made, &truth)?)
    };
    Ok(alone(py, None, look)?)
}

/// Where on `truth`, and with what correlation, `reconstruction` would agree far better than at
/// `origin`, where it correlates by `correlation`.
#[pyfunction]
pub fn lies_elsewhere(
    py: Python<'_>,
    reconstruction: &Bound<'_, PyAny>,
    truth: &Bound<'_, PyAny>,
    origin: (i64, i64),
    correlation: f64,
) -> Result<Option<((i64, i64), f64)>> {
    let object = array::object(reconstruction, "reconstruction")?.projection();
    let truth = array::object(truth, "truth")?.projection();
    let look =
        || Ok(lapwing_compare::lies_elsewhere(object.view(), truth.view(), origin, correlation));
    Ok(alone(py, None, look)?)
}

/// Title, unit, direction and meaning of every number of a comparison, by its name.
#[pyfunction]
pub fn metric_catalogue<'py>(py: Python<'py>) -> Result<Bound<'py, PyAny>> {
    let row = |metric: &Metric| {
        let higher_is_better = match metric.better {
            Better::Higher => Some(true),
            Better::Lower => Some(false),
            Better::Neither => None,
        };
        let facts = json!({
            "title": metric.title,
            "unit": metric.unit,
            "higher_is_better": higher_is_better,
            "perfect": metric.perfect,
            "meaning": metric.meaning,
        });
        (metric.name.clone(), facts)
    };
    let rows: serde_json::Map<_, _> = Metric::all().iter().map(row).collect();
    Ok(to_python(py, &rows)?)
}

/// PNG of truth and aligned reconstruction, amplitude and phase, on the truth's own ranges.
#[pyfunction]
pub fn comparison_png<'py>(
    py: Python<'py>,
    aligned: &Bound<'py, PyAny>,
    truth: &Bound<'py, PyAny>,
    mask: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyBytes>> {
    let (aligned, truth) = (array::field(aligned, "aligned")?, array::field(truth, "truth")?);
    let mask = mask
        .cast::<numpy::PyArray2<bool>>()
        .map_err(PyErr::from)?
        .try_readonly()?
        .as_array()
        .to_owned();
    let png = py.detach(|| {
        let painter = Painter::default().mask(mask.view()).max_side(512);
        let amplitudes = lapwing_draw::range::robust_range(truth.iter().map(|value| value.norm()));
        let phases = phase_range(truth.view(), Some(mask.view()));
        let amplitude =
            |field: &lapwing_model::Field| painter.range(amplitudes).amplitude(field.view());
        let phase = |field: &lapwing_model::Field| {
            painter.range(phases).map(Colormap::Magma).phase(field.view())
        };
        figure(
            &[
                Panel::new("reconstruction, amplitude", amplitude(&aligned)),
                Panel::new("reconstruction, phase", phase(&aligned)).unit("rad"),
                Panel::new("truth, amplitude", amplitude(&truth)),
                Panel::new("truth, phase", phase(&truth)).unit("rad"),
            ],
            2,
        )
    });
    Ok(PyBytes::new(py, &png))
}
