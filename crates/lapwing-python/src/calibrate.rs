//! How a scan lies on its detector, and how large its pixels are.

use crate::dataset::{Dataset, known};
use crate::failure::Result;
use crate::value::to_python;
use crate::work::{alone, asking};
use lapwing_files::options::Geometry;
use lapwing_files::{experiment, reading};
use lapwing_study::calibrate::calibrate as found_by;
use lapwing_study::magnify::magnification;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Data set, what was found, a picture of the search, and an experiment file that says it.
type Found<'py> = (Dataset, Bound<'py, PyAny>, Option<Bound<'py, PyBytes>>, Option<String>);

/// The data set with its positions where they are, and what was found. `said` are the options that
/// it was read with; the text of an experiment file, empty for a new one, is given back with what
/// they say and what was found.
#[pyfunction]
pub fn calibrate<'py>(
    py: Python<'py>,
    dataset: &Bound<'py, Dataset>,
    said: &Bound<'py, PyDict>,
    text: &str,
) -> Result<Found<'py>> {
    let mut turned = dataset.get().inner.clone();
    let known = known(said)?;
    let template = experiment::template();
    let text = if text.is_empty() { template.as_str() } else { text };
    let told = known.iter().filter(|(option, _)| !option.section.is_empty());
    let told = told.map(|(option, value)| (option.section, option.key(), value.to_toml()));
    if turned.geometry == Some(Geometry::NearField) {
        let found = alone(py, None, || Ok(magnification(&turned)?))?;
        let text = found.as_ref().map(|found| {
            found.apply(&mut turned);
            experiment::with_keys(text, told.chain(found.keys()))
        });
        let picture = found.as_ref().map(|found| PyBytes::new(py, &found.picture()));
        return Ok((turned.into(), to_python(py, &found)?, picture, text));
    }
    let options = reading::options(known.iter().map(|(option, value)| (*option, value)))
        .map_err(anyhow::Error::from)?;
    let (turned, found) = asking(py, None, |between| {
        let found = found_by(&turned, between)?;
        found.apply(&mut turned);
        Ok((turned, found))
    })?;
    let text = experiment::with_keys(text, told.chain(found.keys(&options)));
    let picture = PyBytes::new(py, &found.picture());
    Ok((turned.into(), to_python(py, &found)?, Some(picture), Some(text)))
}
