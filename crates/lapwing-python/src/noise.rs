//! What the patterns tell of the detector.

use crate::dataset::Dataset;
use crate::failure::Result;
use crate::work::asking;
use lapwing_study::noise;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Gain, background and faults, by the names of the fields of `lapwing.NoiseModel`.
#[pyfunction]
pub fn estimate_noise<'py>(
    py: Python<'py>,
    dataset: &Bound<'_, Dataset>,
    threads: Option<usize>,
) -> Result<Bound<'py, PyDict>> {
    let dataset = &dataset.get().inner;
    let noise = asking(py, threads, |between| Ok(noise::of_dataset(dataset, between)?))?;
    let fields = PyDict::new(py);
    fields.set_item("gain", noise.gain)?;
    fields.set_item("background", noise.background.into_pyarray(py))?;
    fields.set_item("mean_intensity", noise.mean_intensity)?;
    fields.set_item("correlated", noise.correlated)?;
    let faults = noise.faults;
    fields.set_item("dead", pixels(py, &faults.dead))?;
    fields.set_item("hot", pixels(py, &faults.hot))?;
    fields.set_item("saturation", faults.saturation)?;
    fields.set_item("lost", patterns(py, &faults.lost))?;
    fields.set_item("wrong", patterns(py, &faults.wrong))?;
    Ok(fields)
}

/// Pixels as an array (n, 2) of (y, x).
fn pixels<'py>(py: Python<'py>, pixels: &[(usize, usize)]) -> Bound<'py, PyArray2<i64>> {
    let at = |(row, axis): (usize, usize)| {
        let (y, x) = pixels[row];
        (if axis == 0 { y } else { x }) as i64
    };
    ndarray::Array2::from_shape_fn((pixels.len(), 2), at).into_pyarray(py)
}

fn patterns<'py>(py: Python<'py>, patterns: &[usize]) -> Bound<'py, PyArray1<i64>> {
    patterns.iter().map(|&pattern| pattern as i64).collect::<Vec<_>>().into_pyarray(py)
}
