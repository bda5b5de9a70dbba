//! Data sets from arrays, and with something else in their place.

use super::options::{EXPERIMENT, reading};
use crate::array;
use crate::value::{from_python, named};
use crate::work::alone;
use anyhow::{Context, anyhow, bail};
use lapwing_files::dataset::Form;
use lapwing_files::npy::{Array, Values};
use lapwing_files::options::{Geometry, Quantity, ReadOptions, ZeroFrequency};
use lapwing_files::{Dataset, Mask, Metadata, Problem};
use lapwing_study::data::{self, SplitData};
use lapwing_study::split::Cut;
use lapwing_study::stream::Streaming;
use ndarray::{Array3, Axis};
use numpy::ToPyArray;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use std::path::PathBuf;

/// What is said of patterns that no file describes.
pub struct Said<'a, 'py> {
    pub quantity: Option<&'a str>,
    pub zero_frequency: &'a str,
    pub geometry: Option<&'a str>,
    pub experiment: Option<&'a Bound<'py, PyAny>>,
    /// Options of reading by name.
    pub described: Option<&'a Bound<'py, PyDict>>,
}

/// An argument that may be left out.
type Optional<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// A data set from arrays; probe and object are a pair, metadata and mask another: what lies under
/// the mask is no light, and may be no number. Of a raster the positions are told by what is said.
pub fn from_arrays<'py>(
    patterns: &Bound<'py, PyAny>,
    positions: Optional<'_, 'py>,
    (probe, object): (Optional<'_, 'py>, Optional<'_, 'py>),
    (metadata, mask): (Optional<'_, 'py>, Optional<'_, 'py>),
    said: &Said<'_, 'py>,
) -> anyhow::Result<Dataset> {
    let Some(quantity) = said.quantity else {
        // A path or an object of another program is told first.
        array::patterns(patterns)?;
        bail!(
            "quantity is missing: say what the patterns hold, quantity=\"counts\" (photons or \
             electrons), \"amplitude\" (square roots of intensities) or \"intensity\" (of unknown \
             unit); a file says it itself, lapwing.load(path)"
        );
    };
    let quantity: Quantity = named("quantity", quantity)?;
    let zero_frequency: ZeroFrequency = named("zero_frequency", said.zero_frequency)?;
    let geometry = said.geometry.map(|geometry| named("geometry", geometry)).transpose()?;
    let mut described = described(said)?;
    let positions = match positions {
        Some(positions) if described.concerns_arrays() => positions,
        positions => {
            described.quantity = Some(quantity);
            described.zero_frequency = Some(zero_frequency);
            described.geometry = geometry.or(described.geometry);
            let patterns = match mask {
                Some(mask) => uncovered(patterns, mask, zero_frequency)?,
                None => patterns.clone(),
            };
            return as_a_file(&patterns, positions, (probe, object), metadata, described);
        }
    };
    let scan = array::positions(positions)?;
    let probe = probe.map(array::modes).transpose()?;
    let object = object.map(|object| array::object(object, "object")).transpose()?;
    let metadata = metadata.map(metadata_of).transpose()?;
    let py = patterns.py();
    let mut patterns = array::patterns(patterns)?;
    let (n, _, last) = patterns.dim();
    if n != scan.len() && last == scan.len() {
        bail!(
            "patterns: expected axes (pattern, y, x) with {} patterns, one for each position, found shape {:?}; \
             should the last axis count the patterns, give numpy.moveaxis(patterns, -1, 0)",
            scan.len(),
            patterns.shape()
        );
    }
    if let Some(mask) = mask {
        let mask = mask_of(mask, patterns.dim())?;
        darken(&mut patterns, &mask, zero_frequency);
    }
    if quantity == Quantity::Counts
        && let Some(broken) = patterns.iter().find(|number| number.fract() != 0.0)
        && broken.is_finite()
    {
        let text = format!(
            "patterns: expected whole numbers as counts, found {broken}; numbers that a detector writes for one photon \
             are divided by that first, and intensities of unknown unit are quantity=\"intensity\""
        );
        py.import("warnings")?.call_method1("warn", (text,))?;
    }
    let form = Form { quantity, zero_frequency };
    let mut made =
        Dataset::from_patterns(patterns, form, scan, probe, object, metadata).map_err(broken)?;
    made.geometry = geometry.or(made.geometry);
    if described != ReadOptions::default() {
        made.describe(&described).map_err(broken)?;
    }
    Ok(made)
}

/// Patterns of any axes with zeros under a mask, which has the zero frequency in the centre, where
/// they may hold no number there; a mask of other axes is refused later.
fn uncovered<'py>(
    patterns: &Bound<'py, PyAny>,
    mask: &Bound<'py, PyAny>,
    zero_frequency: ZeroFrequency,
) -> anyhow::Result<Bound<'py, PyAny>> {
    let numpy = patterns.py().import("numpy")?;
    let array = numpy.call_method1("asanyarray", (array::host(patterns, "patterns")?,))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let mut good = array::mask(mask)?;
    let (layers, height, width) = good.dim();
    let [.., rows, columns] = shape[..] else { return Ok(array) };
    let n: usize = shape[..shape.len() - 2].iter().product();
    if kind != "f" || (rows, columns) != (height, width) || ![1, n].contains(&layers) {
        return Ok(array);
    }
    if zero_frequency == ZeroFrequency::Corner {
        let centred = good.clone();
        let at = |at: usize, length: usize| (at + length / 2) % length;
        good = Array3::from_shape_fn(centred.dim(), |(layer, y, x)| {
            centred[(layer, at(y, height), at(x, width))]
        });
    }
    let mut axes =
        if layers == 1 { vec![1; shape.len() - 2] } else { shape[..shape.len() - 2].to_vec() };
    axes.extend([height, width]);
    let good = good.to_pyarray(patterns.py()).call_method1("reshape", (axes,))?;
    let zero = array.getattr("dtype")?.call_method1("type", (0,))?;
    Ok(numpy.call_method1("where", (good, &array, zero))?)
}

/// A data set from arrays of which more is said than [`Dataset::describe`] takes over: a raster,
/// turned positions, patterns that are binned or clipped. They are read as a file of them is.
fn as_a_file<'py>(
    patterns: &Bound<'py, PyAny>,
    positions: Optional<'_, 'py>,
    (probe, object): (Optional<'_, 'py>, Optional<'_, 'py>),
    metadata: Optional<'_, 'py>,
    mut said: ReadOptions,
) -> anyhow::Result<Dataset> {
    let scan = &said.experiment.scan;
    if positions.is_none() && scan.step_m.is_none() && scan.positions.is_none() {
        bail!(
            "positions: expected window centres (y, x) in pixels, or the step of a raster \
             (scan_step_m=..., and scan_shape where patterns are not (ny, nx, H, W)), found neither"
        );
    }
    let py = patterns.py();
    let folder = tempfile::tempdir()?;
    let numpy = py.import("numpy")?;
    let save = |name: &str, given: &Bound<'py, PyAny>| -> anyhow::Result<PathBuf> {
        let path = folder.path().join(name);
        numpy.call_method1("save", (&path, array::host(given, name)?))?;
        Ok(path)
    };
    let stack = save("patterns.npy", patterns)?;
    if let Some(positions) = positions {
        let pairs = array::from_positions(py, &array::positions(positions)?);
        said.experiment.scan.positions = Some(save("positions.npy", pairs.as_any())?);
    }
    let read = || Ok(Streaming::Auto.read(&stack, &said, &std::env::temp_dir())?);
    // The file is nobody's: errors are about the arrays.
    let of_arrays = |error: anyhow::Error| {
        anyhow!(format!("{error:#}").replace(&stack.display().to_string(), "patterns"))
    };
    let (mut made, _) = alone(py, None, read).map_err(of_arrays)?;
    for (name, value) in [("probe", probe), ("object", object), ("metadata", metadata)] {
        if value.is_some() {
            replaced(&mut made, name, value)?;
        }
    }
    Ok(made)
}

/// What experiment and keywords say together; keywords go first.
fn described(said: &Said<'_, '_>) -> anyhow::Result<ReadOptions> {
    let Some(py) = said.experiment.map(Bound::py).or(said.described.map(Bound::py)) else {
        return Ok(ReadOptions::default());
    };
    let together = PyDict::new(py);
    if let Some(experiment) = said.experiment {
        together.set_item(EXPERIMENT, experiment)?;
    }
    if let Some(described) = said.described {
        together.update(described.as_mapping())?;
    }
    reading(&together)
}

/// The data set with a mask, without some patterns.
pub fn kept(
    mut made: Dataset,
    mask: Optional<'_, '_>,
    leave_out: Optional<'_, '_>,
) -> anyhow::Result<Dataset> {
    cover(&mut made, mask)?;
    let Some(frames) = leave_out else { return Ok(made) };
    let n = made.n_patterns();
    let mut left = match frames.extract::<String>() {
        Ok(text) => {
            reading_of(frames.py(), "leave_out_frames", &text)?.experiment.patterns.leave_out_frames
        }
        Err(_) => array::indices(frames, n).context("leave_out_frames")?,
    };
    if let Some(beyond) = left.iter().find(|frame| **frame >= n) {
        bail!(
            "leave_out_frames: expected frames from 0 to {}, found {beyond}",
            n.saturating_sub(1)
        );
    }
    left.sort_unstable();
    let kept: Vec<usize> = (0..n).filter(|index| left.binary_search(index).is_err()).collect();
    if kept.is_empty() {
        bail!("leave_out_frames: expected some pattern to be left");
    }
    Ok(made.select(&kept)?)
}

/// One option of reading that is told in words.
fn reading_of(py: Python<'_>, name: &str, text: &str) -> anyhow::Result<ReadOptions> {
    let told = PyDict::new(py);
    told.set_item(name, text)?;
    reading(&told)
}

/// Puts something else in the place of what is named.
pub fn replaced(inner: &mut Dataset, name: &str, value: Optional<'_, '_>) -> anyhow::Result<()> {
    match name {
        "positions" => {
            inner.scan = value.map(array::positions).transpose()?.unwrap_or_default();
        }
        "probe" => inner.probe = value.map(array::modes).transpose()?,
        "object" => {
            inner.object = value.map(|object| array::object(object, "object")).transpose()?;
        }
        "metadata" => inner.metadata = value.map(metadata_of).transpose()?,
        "mask" if value.is_none() => inner.mask = None,
        "mask" => cover(inner, value)?,
        "geometry" => {
            let named = |word: &Bound<'_, PyAny>| -> anyhow::Result<Geometry> {
                named("geometry", &word.extract::<String>()?)
            };
            inner.geometry = value.map(named).transpose()?;
        }
        other => bail!(
            "expected positions, probe, object, metadata, mask or geometry, found {other}; other \
             patterns make another data set: lapwing.Dataset(patterns, ...)"
        ),
    }
    Ok(())
}

/// The splits of the data set.
pub fn splits(
    of: &Dataset,
    axis: &str,
    fraction: f64,
    guard_band: f64,
) -> anyhow::Result<SplitData> {
    let axis = serde_json::from_value(axis.into())
        .map_err(|_| anyhow!("axis: expected y or x, found {axis}"))?;
    if !(fraction > 0.0 && fraction < 1.0) {
        bail!("fraction: expected a number between 0 and 1, found {fraction}");
    }
    if !(guard_band >= 0.0 && guard_band.is_finite()) {
        bail!("guard_band: expected a number of pixels, 0 or more, found {guard_band}");
    }
    Ok(data::split(of, &Cut { axis, fraction, guard_band })?)
}

/// Gives the data set the mask, where there is one.
fn cover(of: &mut Dataset, mask: Optional<'_, '_>) -> anyhow::Result<()> {
    if let Some(mask) = mask {
        of.cover(mask_of(mask, of.diffraction.dim())?);
    }
    Ok(())
}

/// Sets what lies under a mask, which has the zero frequency in the centre, to 0.
fn darken(patterns: &mut Array3<f32>, mask: &Mask, zero_frequency: ZeroFrequency) {
    let (_, height, width) = patterns.dim();
    let good = mask.good();
    let corner = zero_frequency == ZeroFrequency::Corner;
    let shift = if corner { (height / 2, width / 2) } else { (0, 0) };
    for ((index, y, x), value) in patterns.indexed_iter_mut() {
        let layer = if good.len_of(Axis(0)) == 1 { 0 } else { index };
        if !good[(layer, (y + shift.0) % height, (x + shift.1) % width)] {
            *value = 0.0;
        }
    }
}

fn mask_of(
    given: &Bound<'_, PyAny>,
    (n, height, width): (usize, usize, usize),
) -> anyhow::Result<Mask> {
    let good = array::mask(given)?;
    let stored = Array::new(good.shape().to_vec(), Values::Bool(good.into_iter().collect()))?;
    Mask::new(stored, n, (height, width)).map_err(|problem| broken(vec![problem]))
}

pub fn metadata_of(given: &Bound<'_, PyAny>) -> anyhow::Result<Metadata> {
    match from_python(given, "metadata")? {
        Value::Object(metadata) => Ok(metadata),
        _ => bail!("metadata: expected a dict"),
    }
}

/// All that is wrong with a data set.
pub fn broken(problems: Vec<Problem>) -> anyhow::Error {
    let problems: String = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    anyhow!("the data set breaks its contract:{problems}")
}
