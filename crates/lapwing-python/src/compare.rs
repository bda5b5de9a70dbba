//! A reconstruction against the truth.

use crate::array;
use crate::failure::Result;
use crate::value::to_python;
use crate::work::alone;
use anyhow::ensure;
use lapwing_compare::{
    Better, Comparison, Judged, Known, Laid, Metric, Region, compare, resolution_doubts,
};
use lapwing_draw::field::ranges_beside;
use lapwing_draw::{Colormap, Painter, Panel, figure};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::json;
use std::ops::Range;

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
            _ => {
                refuse_half(scan.is_some(), probe.is_some())?;
                Region::whole(truth.dim())?
            }
        };
        Ok((compare(object.view(), truth.view(), &region)?, region))
    })?;
    let span = |range: Range<usize>| (range.start, range.end);
    fields(py, found, [span(region.rows()), span(region.columns())])
}

/// The fields of `lapwing.Comparison` by name, of an area in rows and columns of the truth.
fn fields(
    py: Python<'_>,
    found: Comparison,
    [rows, columns]: [(usize, usize); 2],
) -> Result<Bound<'_, PyDict>> {
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
    fields.set_item("rows", rows)?;
    fields.set_item("columns", columns)?;
    Ok(fields)
}

/// [`compare_objects`] of a `lapwing.Reconstruction` that may lie on a grid of its own: object,
/// where its pixel (0, 0) lies, positions and probe, with those of the truth, whose grid starts at
/// (0, 0). Positions that are `said`, on the truth's array, take the place of both. A further
/// field, `apart`, is how far the zeros of the positions lie apart, where they do.
#[pyfunction]
pub fn compare_laid<'py>(
    py: Python<'py>,
    made: (Bound<'py, PyAny>, (i64, i64), Given<'py>, Given<'py>),
    truth: (Bound<'py, PyAny>, Given<'py>, Given<'py>),
    said: Given<'py>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyDict>> {
    let positions = |given: &Given<'py>| given.as_ref().map(array::positions).transpose();
    let modes = |given: &Given<'py>| given.as_ref().map(array::modes).transpose();
    let (object, origin) = (array::object(&made.0, "reconstruction")?.projection(), made.1);
    let (own_positions, own_probe) = (positions(&made.2)?, modes(&made.3)?);
    let answer = array::object(&truth.0, "truth")?.projection();
    let (positions_of_truth, probe_of_truth) = (positions(&truth.1)?, modes(&truth.2)?);
    let said = positions(&said)?;
    let (found, region, apart) = alone(py, threads, || {
        let made = Known {
            object: object.view(),
            origin: Some(origin),
            positions: own_positions.as_deref(),
            probe: own_probe.as_ref().map(|probe| probe.view()),
        };
        let truth = Known {
            object: answer.view(),
            origin: None,
            positions: positions_of_truth.as_deref(),
            probe: probe_of_truth.as_ref().map(|probe| probe.view()),
        };
        let laid = Laid::new(&[made], &truth).map_err(|refused| refused.why)?;
        let probe = truth.probe.or(made.probe);
        let scan = said.as_deref().or(made.positions).or(truth.positions);
        refuse_half(scan.is_some(), probe.is_some())?;
        let region = match (&said, probe) {
            (Some(said), Some(probe)) => laid.illuminated(said, (0, 0), probe)?.0,
            _ => laid.counted(&[made], &truth)?.region,
        };
        let found = compare(laid.objects[0], laid.truth, &region)?;
        let judged = Judged {
            whole: [object.view(), answer.view()],
            origin: laid.origins[0],
            is_said: true,
            guessed: None,
        };
        judged.refuse_chance(&found)?;
        let (top, left) = laid.corner;
        let on_truth = |range: Range<usize>, first: i64| {
            (range.start + first as usize, range.end + first as usize)
        };
        let area = [on_truth(region.rows(), top), on_truth(region.columns(), left)];
        Ok((found, area, laid.apart[0]))
    })?;
    let fields = fields(py, found, region)?;
    fields.set_item("apart", apart)?;
    Ok(fields)
}

/// An array, where there is one.
type Given<'py> = Option<Bound<'py, PyAny>>;

/// Refuses one of what tells together which pixels count.
fn refuse_half(positions: bool, probe: bool) -> anyhow::Result<()> {
    ensure!(
        probe || !positions,
        "probe: expected the probe beside positions: both tell which pixels count"
    );
    ensure!(
        positions || !probe,
        "positions: expected the positions beside the probe: both tell which pixels count"
    );
    Ok(())
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
        let [amplitudes, phases] = ranges_beside(truth.view(), Some(mask.view()));
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
