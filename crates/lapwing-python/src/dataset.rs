//! `Dataset`, and reading it from files.

use crate::array::{self, from_positions, view};
use crate::failure::Result;
use crate::value::{from_python, to_python};
use crate::work::alone;
use anyhow::{Context, anyhow, bail};
use lapwing_files::dataset::Form;
use lapwing_files::npy::{Array, Values};
use lapwing_files::npz::Packing;
use lapwing_files::options::{Geometry, Quantity, ReadOptions, ZeroFrequency};
use lapwing_files::reading::{self, Given, Kind};
use lapwing_files::{Archive, Mask, Metadata, Problem, experiment, metadata, remarks};
use lapwing_study::calibrate::calibrate as found_by;
use lapwing_study::data::{self, probe_diameter};
use lapwing_study::overlap::scan_overlap;
use lapwing_study::pictures::contact_sheet;
use lapwing_study::split::Cut;
use lapwing_study::stream::{self, Streaming};
use numpy::{IntoPyArray, PyArray2, PyArray3};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde_json::Value;
use std::path::PathBuf;
use std::str::FromStr;

use lapwing_model::Complex32;

/// A scan in memory. What it holds never changes, so its arrays are shown to Python without a copy,
/// read-only.
#[pyclass(frozen, module = "lapwing", name = "Dataset")]
pub struct Dataset {
    pub inner: lapwing_files::Dataset,
    /// What was understood of the file, when it came from one.
    understood: Option<Value>,
}

impl From<lapwing_files::Dataset> for Dataset {
    fn from(inner: lapwing_files::Dataset) -> Self {
        Self { inner, understood: None }
    }
}

#[pymethods]
impl Dataset {
    #[new]
    #[pyo3(signature = (patterns, positions, probe=None, object=None, *, quantity, zero_frequency="centre", geometry=None, metadata=None, mask=None, leave_out_frames=None, experiment=None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        patterns: &Bound<'_, PyAny>,
        positions: &Bound<'_, PyAny>,
        probe: Option<&Bound<'_, PyAny>>,
        object: Option<&Bound<'_, PyAny>>,
        quantity: &str,
        zero_frequency: &str,
        geometry: Option<&str>,
        metadata: Option<&Bound<'_, PyAny>>,
        mask: Option<&Bound<'_, PyAny>>,
        leave_out_frames: Option<&Bound<'_, PyAny>>,
        experiment: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self> {
        let quantity: Quantity = named("quantity", quantity)?;
        let zero_frequency: ZeroFrequency = named("zero_frequency", zero_frequency)?;
        let geometry: Option<Geometry> =
            geometry.map(|geometry| named("geometry", geometry)).transpose()?;
        let scan = array::positions(positions)?;
        let probe = probe.map(array::modes).transpose()?;
        let object = object.map(|object| array::field(object, "object")).transpose()?;
        let metadata = metadata.map(metadata_of).transpose()?;
        let patterns = array::patterns(patterns)?;
        let (n, _, last) = patterns.dim();
        if n != scan.len() && last == scan.len() {
            return Err(anyhow!(
                "patterns: expected axes (pattern, y, x) with {} patterns, one for each position, found shape {:?}; \
                 should the last axis count the patterns, give numpy.moveaxis(patterns, -1, 0)",
                scan.len(),
                patterns.shape()
            )
            .into());
        }
        let form = Form { quantity, zero_frequency };
        let made =
            lapwing_files::Dataset::from_patterns(patterns, form, scan, probe, object, metadata);
        let mut made = made.map_err(broken)?;
        made.geometry = geometry.or(made.geometry);
        if let Some(mask) = mask {
            let good = array::mask(mask)?;
            let stored =
                Array::new(good.shape().to_vec(), Values::Bool(good.into_iter().collect()));
            let told = Mask::new(stored.map_err(anyhow::Error::from)?, n, made.pattern_shape());
            made.mask = Some(told.map_err(|problem| broken(vec![problem]))?);
        }
        if let Some(experiment) = experiment {
            let options = match experiment.cast::<PyDict>() {
                Ok(keys) => reading(keys)?,
                Err(_) => experiment::read(&experiment.extract::<PathBuf>()?)
                    .map_err(anyhow::Error::from)?,
            };
            made.describe(&options.experiment).map_err(broken)?;
        }
        if let Some(frames) = leave_out_frames {
            let mut left = array::indices(frames, n)?;
            left.sort_unstable();
            let kept: Vec<usize> =
                (0..n).filter(|index| left.binary_search(index).is_err()).collect();
            if kept.is_empty() {
                return Err(anyhow!("leave_out_frames: expected some pattern to be left").into());
            }
            made = made.select(&kept).map_err(anyhow::Error::from)?;
        }
        Ok(made.into())
    }

    #[getter]
    fn diffraction<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyArray3<f32>> {
        // SAFETY: the class is frozen, so its array neither moves nor changes while the object
        // lives.
        unsafe { view(&slf.get().inner.diffraction.view(), slf.clone().into_any()) }
    }

    #[getter]
    fn object<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyArray2<Complex32>>> {
        let object = slf.get().inner.object.as_ref()?;
        // SAFETY: as in `diffraction`.
        Some(unsafe { view(object, slf.clone().into_any()) })
    }

    #[getter]
    fn probe<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyArray3<Complex32>>> {
        let probe = slf.get().inner.probe.as_ref()?;
        // SAFETY: as in `diffraction`.
        Some(unsafe { view(probe, slf.clone().into_any()) })
    }

    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray2<f64>>> {
        let positions = from_positions(py, &self.inner.scan);
        positions.call_method1("setflags", (false,))?;
        Ok(positions)
    }

    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(to_python(py, &self.inner.metadata)?)
    }

    #[getter]
    fn mask<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray3<bool>>> {
        Some(self.inner.mask.as_ref()?.good().into_pyarray(py))
    }

    #[getter]
    fn geometry(&self) -> Option<&'static str> {
        self.inner.geometry.map(Geometry::name)
    }

    #[getter]
    fn extras<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let extras = PyDict::new(py);
        for (name, array) in &self.inner.extras {
            extras.set_item(name, array::from_npy(py, array)?)?;
        }
        Ok(extras)
    }

    #[getter]
    fn understood<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(to_python(py, &self.understood)?)
    }

    #[getter]
    fn remarks<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        // What was remarked on while a file was read is more than its arrays tell.
        let read = self.understood.as_ref().map(|understood| understood["remarks"].clone());
        let remarks = match read {
            Some(remarks) => remarks,
            None => alone(py, None, || Ok(serde_json::to_value(remarks::of(&self.inner))?))?,
        };
        Ok(to_python(py, &remarks)?)
    }

    #[getter]
    fn n_patterns(&self) -> usize {
        self.inner.n_patterns()
    }

    #[getter]
    fn pattern_shape(&self) -> (usize, usize) {
        self.inner.pattern_shape()
    }

    #[getter]
    fn intensity_scale(&self) -> Option<f64> {
        self.inner.intensity_scale()
    }

    #[getter]
    fn mean_counts(&self) -> Option<f64> {
        data::mean_counts(&self.inner)
    }

    #[getter]
    fn probe_diameter_px(&self) -> f64 {
        probe_diameter(&self.inner)
    }

    #[getter]
    fn overlap(&self) -> f64 {
        scan_overlap(&self.inner.scan, probe_diameter(&self.inner))
    }

    fn counts<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray3<f32>>> {
        let counts = alone(py, None, || {
            let unknown = "the photon counts are not known: expected whole counts, or physics_parameters.nphotons and \
                           .intensity_scale in the metadata";
            self.inner.counts().ok_or_else(|| anyhow!(unknown))
        })?;
        Ok(counts.into_pyarray(py))
    }

    fn select(&self, indices: &Bound<'_, PyAny>) -> Result<Self> {
        let indices = array::indices(indices, self.inner.n_patterns())?;
        let mut selected = self.inner.select(&indices).map_err(anyhow::Error::from)?;
        data::note_mean_counts(&mut selected);
        Ok(Self { inner: selected, understood: self.understood.clone() })
    }

    #[pyo3(signature = (*, axis="y", fraction=0.5, guard_band=0.0))]
    fn split(&self, axis: &str, fraction: f64, guard_band: f64) -> Result<(Self, Self)> {
        let axis = serde_json::from_value(axis.into())
            .map_err(|_| anyhow!("axis: expected y or x, found {axis}"))?;
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(
                anyhow!("fraction: expected a number between 0 and 1, found {fraction}").into()
            );
        }
        if !(guard_band >= 0.0 && guard_band.is_finite()) {
            return Err(anyhow!(
                "guard_band: expected a number of pixels, 0 or more, found {guard_band}"
            )
            .into());
        }
        let parts = data::split(&self.inner, &Cut { axis, fraction, guard_band })?;
        Ok((parts.train.into(), parts.test.into()))
    }

    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut inner = self.inner.clone();
        for (name, value) in changes.into_iter().flatten() {
            let value = Some(value).filter(|value| !value.is_none());
            match name.extract::<String>()?.as_str() {
                "positions" => {
                    inner.scan =
                        value.as_ref().map(array::positions).transpose()?.unwrap_or_default();
                }
                "probe" => inner.probe = value.as_ref().map(array::modes).transpose()?,
                "object" => {
                    inner.object =
                        value.map(|object| array::field(&object, "object")).transpose()?
                }
                "metadata" => inner.metadata = value.as_ref().map(metadata_of).transpose()?,
                other => {
                    return Err(anyhow!(
                        "expected positions, probe, object or metadata, found {other}"
                    )
                    .into());
                }
            }
        }
        let problems = lapwing_files::contract::check(&inner);
        if !problems.is_empty() {
            return Err(broken(problems).into());
        }
        Ok(Self { inner, understood: self.understood.clone() })
    }

    #[pyo3(signature = (path, *, compressed=false))]
    fn save(&self, py: Python<'_>, path: PathBuf, compressed: bool) -> Result<()> {
        let packing = if compressed { Packing::Deflated } else { Packing::Stored };
        Ok(alone(py, None, || Ok(self.inner.write_packed(path, packing)?))?)
    }

    fn __len__(&self) -> usize {
        self.inner.n_patterns()
    }

    fn __repr__(&self) -> String {
        let dataset = &self.inner;
        let (height, width) = dataset.pattern_shape();
        let dose = match data::mean_counts(dataset) {
            Some(mean) => format!("{mean:.1} counts each"),
            None => "dose scale unknown".to_owned(),
        };
        let object = match &dataset.object {
            Some(object) => format!("object {} x {}", object.nrows(), object.ncols()),
            None => "no object".to_owned(),
        };
        let probe = match &dataset.probe {
            Some(probe) => format!("{} probe mode(s)", probe.dim().0),
            None => "no probe".to_owned(),
        };
        format!(
            "<lapwing.Dataset: {} patterns of {height} x {width} px, {dose}, {object}, {probe}>",
            dataset.n_patterns()
        )
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let title = format!("{} patterns", self.inner.n_patterns());
        let png = alone(py, None, || Ok(contact_sheet(&self.inner, None, &title)))?;
        Ok(PyBytes::new(py, &png))
    }

    /// The contact sheet under what is known in numbers; what was understood of the file unfolds.
    fn _repr_html_<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let dataset = &self.inner;
        let (height, width) = dataset.pattern_shape();
        let diameter = probe_diameter(dataset);
        let facts = (
            ("patterns", format!("{} of {height} x {width} px", dataset.n_patterns())),
            ("photons per pattern", data::mean_counts(dataset)),
            ("probe diameter", format!("{diameter:.1} px")),
            ("overlap", scan_overlap(&dataset.scan, diameter)),
            (
                "object",
                dataset.object.as_ref().map(|o| format!("{} x {} px", o.nrows(), o.ncols())),
            ),
        );
        let facts = facts.into_pyobject(py)?.try_iter()?.collect::<PyResult<Vec<_>>>()?;
        let understood = to_python(py, &self.understood)?;
        let shown = py.import("lapwing._html")?.getattr("shown")?;
        Ok(shown.call1(("data set", facts, self._repr_png_(py)?, understood))?)
    }
}

/// One of the names of an option.
pub fn named<T: FromStr<Err = String>>(option: &str, name: &str) -> anyhow::Result<T> {
    name.parse().map_err(|expected| anyhow!("{option}: {expected}"))
}

fn metadata_of(given: &Bound<'_, PyAny>) -> anyhow::Result<Metadata> {
    match from_python(given, "metadata")? {
        Value::Object(metadata) => Ok(metadata),
        _ => bail!("metadata: expected a dict"),
    }
}

fn broken(problems: Vec<Problem>) -> anyhow::Error {
    let problems: String = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    anyhow!("the data set breaks its contract:{problems}")
}

/// What is known of a file, by the names of the table of options; `None` counts as not known.
fn reading(given: &Bound<'_, PyDict>) -> anyhow::Result<ReadOptions> {
    let mut known = Vec::new();
    for (name, value) in given.iter() {
        let name: String = name.extract()?;
        let option = reading::option(&name).with_context(|| format!("unknown option {name}"))?;
        let value = match option.kind {
            _ if value.is_none() => continue,
            Kind::Flag { .. } if !value.extract::<bool>()? => continue,
            Kind::Flag { .. } => Given::Flag(true),
            Kind::File { .. } => Given::Path(value.extract()?),
            Kind::Number { .. } => Given::Number(value.extract()?),
            Kind::Choice { .. } | Kind::Text { .. } => Given::Word(value.extract()?),
            Kind::Names { .. } => Given::Words(value.extract()?),
            Kind::Pair { .. } | Kind::Indices { .. } => match value.extract::<f64>() {
                Ok(number) => Given::Number(number),
                Err(_) => match value.extract::<String>() {
                    Ok(text) => Given::Word(text),
                    Err(_) => Given::Numbers(value.extract()?),
                },
            },
        };
        known.push((option, value));
    }
    Ok(reading::options(known.iter().map(|(option, value)| (*option, value)))?)
}

/// Reads a data set of any dialect; patterns that do not fit into `memory`, a size or nothing, are
/// kept on the disk of the folder `scratch`.
#[pyfunction]
pub fn load(
    py: Python<'_>,
    path: PathBuf,
    options: &Bound<'_, PyDict>,
    memory: Option<&Bound<'_, PyAny>>,
    scratch: Option<PathBuf>,
) -> Result<Dataset> {
    let options = reading(options)?;
    let streaming = memory.map_or(Ok(Streaming::Auto), streaming)?;
    let folder = scratch.unwrap_or_else(std::env::temp_dir);
    let read = || Ok(streaming.read(&path, &options, &folder)?);
    let (inner, understanding) = alone(py, None, read)?;
    Ok(Dataset { inner, understood: Some(serde_json::to_value(understanding)?) })
}

/// How much memory patterns may take: a size in words or in bytes, 0 for none.
fn streaming(memory: &Bound<'_, PyAny>) -> Result<Streaming> {
    let text = match memory.extract::<f64>() {
        Ok(0.0) => return Ok(Streaming::Always),
        Ok(bytes) => bytes.to_string(),
        Err(_) => memory.extract()?,
    };
    let size = stream::bytes(&text).map_err(|reason| anyhow!("memory: {reason}"))?;
    Ok(Streaming::Within(size))
}

/// How the scan of a data set lies on its detector: the data set with its positions brought there,
/// and what was found.
#[pyfunction]
pub fn calibrate<'py>(
    py: Python<'py>,
    dataset: &Bound<'py, Dataset>,
) -> Result<(Dataset, Bound<'py, PyAny>)> {
    let data = &dataset.get().inner;
    let (turned, found) = alone(py, None, || {
        let found = found_by(data)?;
        let mut turned = data.clone();
        found.apply(&mut turned);
        Ok((turned, found))
    })?;
    Ok((turned.into(), to_python(py, &found)?))
}

/// Reads `_metadata` of a NumPy archive in any encoding.
#[pyfunction]
pub fn read_metadata<'py>(py: Python<'py>, path: PathBuf) -> Result<Bound<'py, PyAny>> {
    let found = alone(py, None, || Ok(metadata::read(&Archive::open(path)?)?))?;
    Ok(to_python(py, &found)?)
}
