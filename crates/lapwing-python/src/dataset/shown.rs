//! A data set as text and in notebooks.

use super::made::metadata_of;
use crate::failure::Result;
use lapwing_files::{Dataset, Quantum};
use lapwing_model::Object;
use lapwing_study::data::{self, probe_diameter};
use lapwing_study::overlap::scan_overlap;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What the beam of a scan with these metadata consists of: "photons" or "electrons".
#[pyfunction]
#[pyo3(signature = (metadata))]
pub fn quanta(metadata: Option<&Bound<'_, PyAny>>) -> Result<&'static str> {
    let metadata = metadata.map(metadata_of).transpose()?;
    Ok(Quantum::of_metadata(metadata.as_ref()).many())
}

/// What is known in numbers, in one line.
pub fn line(dataset: &Dataset) -> String {
    let (height, width) = dataset.pattern_shape();
    let dose = match data::mean_counts(dataset) {
        Some(mean) => format!("{mean:.1} counts each"),
        None => "dose scale unknown".to_owned(),
    };
    let object = match &dataset.object {
        Some(object) => format!("object {}", size(object)),
        None => "no object".to_owned(),
    };
    let probe = match &dataset.probe {
        Some(probe) => match probe.dim().0 {
            1 => "1 probe mode".to_owned(),
            modes => format!("{modes} probe modes"),
        },
        None => "no probe".to_owned(),
    };
    format!(
        "<lapwing.Dataset: {} patterns of {height} x {width} px, {dose}, {object}, {probe}>",
        dataset.n_patterns()
    )
}

/// Slices, if there are several, and pixels.
fn size(object: &Object) -> String {
    let (rows, columns) = object.shape();
    match object.n_slices() {
        1 => format!("{rows} x {columns}"),
        slices => format!("{slices} slices of {rows} x {columns}"),
    }
}

/// The `picture` under what is known in numbers; what was `understood` of the file unfolds.
pub fn html<'py>(
    py: Python<'py>,
    dataset: &Dataset,
    picture: Bound<'py, PyBytes>,
    understood: Bound<'py, PyAny>,
) -> Result<Bound<'py, PyAny>> {
    let (height, width) = dataset.pattern_shape();
    let diameter = probe_diameter(dataset);
    let facts = (
        ("patterns", format!("{} of {height} x {width} px", dataset.n_patterns())),
        (format!("{} per pattern", dataset.quantum().many()), data::mean_counts(dataset)),
        ("probe diameter", format!("{diameter:.1} px")),
        ("overlap", scan_overlap(&dataset.scan, diameter)),
        ("object", dataset.object.as_ref().map(|object| size(object) + " px")),
    );
    let facts = facts.into_pyobject(py)?.try_iter()?.collect::<PyResult<Vec<_>>>()?;
    let shown = py.import("lapwing._html")?.getattr("shown")?;
    Ok(shown.call1(("data set", facts, picture, understood))?)
}
