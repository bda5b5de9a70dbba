//! Which positions a view keeps, and how much neighbours overlap.

use crate::array;
use crate::dataset::Dataset;
use crate::failure::Result;
use crate::value::{options, to_python};
use crate::work::alone;
use anyhow::anyhow;
use lapwing_model::Position;
use lapwing_study::data::probe_diameter;
use lapwing_study::overlap::{Sampling, measure};
use lapwing_study::record::Strategy;
use lapwing_study::selection::{Acceptance, direct, greedy, select};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Positions of a data set, or of an array.
fn scan_of(given: &Bound<'_, PyAny>) -> anyhow::Result<Vec<Position>> {
    match given.cast::<Dataset>() {
        Ok(dataset) => Ok(dataset.get().inner.scan.clone()),
        Err(_) => array::positions(given),
    }
}

/// Indices of the kept positions, and the rule that found them.
#[pyfunction]
pub fn select_positions<'py>(
    py: Python<'py>,
    positions: &Bound<'_, PyAny>,
    spacing: f64,
    strategy: Option<&str>,
    floor: Option<f64>,
    bound_share: Option<f64>,
    min_positions: Option<usize>,
) -> Result<(Bound<'py, PyArray1<i64>>, &'static str, usize)> {
    let scan = scan_of(positions)?;
    if !(spacing > 0.0 && spacing.is_finite()) {
        return Err(anyhow!(
            "spacing: expected a number of pixels greater than 0, found {spacing}"
        )
        .into());
    }
    let share = |name: &str, value: f64| match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(anyhow!("{name}: expected a share, 0 to 1, found {value}")),
    };
    let usual = Acceptance::default();
    let acceptance = Acceptance {
        floor: share("floor", floor.unwrap_or(usual.floor))?,
        bound_share: share("bound_share", bound_share.unwrap_or(usual.bound_share))?,
        min_positions: min_positions.unwrap_or(usual.min_positions),
    };
    let (kept, strategy) = alone(py, None, || match strategy {
        Some("direct") => Ok((direct(&scan, spacing), Strategy::Direct)),
        Some("greedy") => Ok((greedy(&scan, spacing), Strategy::Greedy)),
        Some(other) => Err(anyhow!("strategy: expected direct or greedy, found {other}")),
        None => match select(&scan, spacing, &acceptance) {
            Ok(selection) => Ok((selection.kept, selection.strategy)),
            Err(refusal) => Err(anyhow!("{refusal}")),
        },
    })?;
    let strategy = if strategy == Strategy::Direct { "direct" } else { "greedy" };
    let kept = kept.into_iter().map(|index| index as i64).collect();
    Ok((PyArray1::from_vec(py, kept), strategy, scan.len()))
}

/// The overlap metrics, under the names of the reference study.
#[pyfunction]
pub fn overlap_metrics<'py>(
    py: Python<'py>,
    positions: &Bound<'_, PyAny>,
    sampling: &Bound<'_, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    let scan = scan_of(positions)?;
    if !sampling.contains("probe_diameter_px")? {
        let Ok(dataset) = positions.cast::<Dataset>() else {
            return Err(anyhow!(
                "probe_diameter_px: expected the diameter of the illuminated disc in pixels"
            )
            .into());
        };
        sampling.set_item("probe_diameter_px", probe_diameter(&dataset.get().inner))?;
    }
    if !sampling.contains("n_groups")? {
        sampling.set_item("n_groups", scan.len().max(1))?;
    }
    let sampling: Sampling = options(sampling)?;
    let overlap = alone(py, None, || Ok(measure(&scan, &sampling)?))?;
    Ok(to_python(py, &overlap)?)
}
