//! The class `Dataset`.

use super::made::{self, Said};
use super::saved::saved;
use super::{pickle, shown};
use crate::array::{self, from_positions, view};
use crate::failure::{Result, with_keywords};
use crate::value::to_python;
use crate::work::alone;
use anyhow::anyhow;
use lapwing_files::dialect::object_pixel;
use lapwing_files::options::Geometry;
use lapwing_files::remarks::{self, What};
use lapwing_model::Complex32;
use lapwing_study::data::{self, probe_diameter};
use lapwing_study::overlap::scan_overlap;
use lapwing_study::pictures::contact_sheet;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, ToPyArray};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// A scan: patterns, positions and what is known of object and probe. It never changes; its arrays
/// are read-only, and `replace` makes a changed one. It can be sliced, copied and pickled.
///
/// Parameters
/// ----------
/// patterns : array_like, shape (n, H, W) or, of a raster, (ny, nx, H, W)
///     Real numbers of any dtype and memory layout, not negative. Copied once. Arrays of PyTorch,
///     CuPy and others are taken as they are.
/// positions : array_like, shape (n, 2) or (ny, nx, 2), optional
///     Window centres (y, x), pixels of the object array. Of a raster ``scan_step_m`` may be given
///     in their place.
/// probe : array_like of complex, shape (H, W) or (modes, H, W), optional
///     In the unit of ``patterns``: square roots of photons when these are counts.
/// object : array_like of complex, shape (M, M'), optional
///     On its full grid: the truth in simulated data. It fixes the grid of reconstructions.
/// quantity : {"counts", "amplitude", "intensity"}
///     What ``patterns`` hold: photon counts, square roots of intensities, or intensities of
///     unknown unit. Must be said.
/// zero_frequency : {"centre", "corner"}
///     Where the patterns have it: at index (H // 2, W // 2), or at (0, 0).
/// geometry : {"far-field", "near-field"}, optional
///     How the detector sees the sample; else as the metadata say
///     (``physics_parameters.geometry``).
/// metadata : mapping, optional
///     Plain JSON values; ``physics_parameters.intensity_scale`` is the scale s of counts =
///     (s x amplitude)^2.
/// mask : array_like of bool, shape (H, W), (n, H, W) or (ny, nx, H, W), optional
///     True where a pixel of the detector is good, zero frequency in the centre. What the others
///     hold is no light, as in a file with a mask.
/// leave_out_frames : sequence of int or str, optional
///     Patterns to leave out, also as ``"3,17,40-52"``.
/// experiment : path or dict, optional
///     An experiment file, its sections ``dict(beam=dict(voltage_kv=300), ...)``, or keys such as
///     ``dict(voltage_kv=300, semi_angle_mrad=20, mrad_per_pixel=0.4)``. A start probe is made of
///     the optics where none is given.
/// **described
///     The same keys one by one: beam, optics, scale of the detector or ``pixel_size_m``, and how
///     the patterns come about: ``fresnel_number`` (near field), ``moves``, ``fly``,
///     ``detector_blur``, ``slices``, ``slice_spacing``, ``slice_fresnel_number``. They take
///     precedence over ``experiment``. All other keywords of :func:`load` that suit an array
///     (``scan_step_m``, ``scan_shape``, ``scan_rotation_deg``, ``position_unit``, ``binning``,
///     ``clip_negative``, ...) are taken too; then patterns and positions are read as an ``.npy``
///     file of them would be.
///
/// Warns
/// -----
/// UserWarning
///     What looks wrong, as :func:`load` does.
///
/// Raises
/// ------
/// ValueError
///     All problems at once: lengths that disagree, numbers that are negative or not finite,
///     windows off the object.
#[pyclass(frozen, module = "lapwing", name = "Dataset")]
pub struct Dataset {
    pub inner: lapwing_files::Dataset,
    /// What was understood of the file, when it came from one.
    pub(super) understood: Option<Value>,
}

impl From<lapwing_files::Dataset> for Dataset {
    fn from(inner: lapwing_files::Dataset) -> Self {
        Self { inner, understood: None }
    }
}

impl Dataset {
    /// The patterns at `indices`.
    fn at(&self, indices: &[usize]) -> Result<Self> {
        let mut selected = self.inner.select(indices).map_err(anyhow::Error::from)?;
        data::note_mean_counts(&mut selected);
        Ok(Self { inner: selected, understood: self.understood.clone() })
    }

    /// Size of an object pixel along (y, x), metres, as it was understood from the file.
    fn pixel(&self) -> Option<(f64, f64)> {
        let pixel = self.understood.as_ref()?.get("pixel_size_m")?;
        serde_json::from_value(pixel.clone()).ok()
    }
}

/// Warns of what looks wrong with arrays, as reading a file does.
fn warn_of(py: Python<'_>, made: &lapwing_files::Dataset) -> Result<()> {
    let remarks = alone(py, None, || Ok(remarks::of(made)))?;
    let warnings = py.import("warnings")?;
    for remark in remarks.iter().filter(|remark| remark.what.warns()) {
        let text = with_keywords(&format!("patterns: {}; {}", remark.evidence, remark.advice));
        warnings.call_method1("warn", (text,))?;
    }
    Ok(())
}

#[pymethods]
impl Dataset {
    #[new]
    #[pyo3(signature = (patterns, positions=None, probe=None, object=None, *, quantity=None, zero_frequency="centre", geometry=None, metadata=None, mask=None, leave_out_frames=None, experiment=None, **described))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        patterns: &Bound<'_, PyAny>,
        positions: Option<&Bound<'_, PyAny>>,
        probe: Option<&Bound<'_, PyAny>>,
        object: Option<&Bound<'_, PyAny>>,
        quantity: Option<&str>,
        zero_frequency: &str,
        geometry: Option<&str>,
        metadata: Option<&Bound<'_, PyAny>>,
        mask: Option<&Bound<'_, PyAny>>,
        leave_out_frames: Option<&Bound<'_, PyAny>>,
        experiment: Option<&Bound<'_, PyAny>>,
        described: Option<&Bound<'_, PyDict>>,
    ) -> Result<Self> {
        let said = Said { quantity, zero_frequency, geometry, experiment, described };
        let made =
            made::from_arrays(patterns, positions, (probe, object), (metadata, mask), &said)?;
        let made = made::kept(made, mask, leave_out_frames)?;
        warn_of(patterns.py(), &made)?;
        Ok(made.into())
    }

    /// Amplitudes (square roots of intensities), ndarray of float32, shape (n, H, W), zero
    /// frequency in the centre. Read-only; a memory map where the patterns are kept on disk.
    #[getter]
    fn diffraction<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyArray3<f32>> {
        // SAFETY: the class is frozen, so its array neither moves nor changes while the object
        // lives.
        unsafe { view(&slf.get().inner.diffraction.view(), slf.clone().into_any()) }
    }

    /// The object on its full grid, ndarray of complex64, axes (y, x), or (slice, y, x) where it
    /// has several slices, or None.
    #[getter]
    fn object<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyAny>> {
        let object = slf.get().inner.object.as_ref()?;
        let owner = slf.clone().into_any();
        // SAFETY: as in `diffraction`.
        Some(unsafe {
            match object.n_slices() {
                1 => view(&object.slice(0), owner).into_any(),
                _ => view(&object.slices(), owner).into_any(),
            }
        })
    }

    /// The frame of a series that each pattern is, ndarray of int64, or None.
    #[getter]
    fn frames<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<i64>>> {
        Some(PyArray1::from_slice(py, self.inner.frames.as_ref()?))
    }

    /// Which of several scans of one object each pattern belongs to, counted from 0, ndarray of
    /// int64, or None.
    #[getter]
    fn scan_number<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<i64>>> {
        let of = self.inner.scans.as_ref()?.of.iter().map(|&scan| scan as i64);
        Some(PyArray1::from_iter(py, of))
    }

    /// Probe modes, ndarray of complex64, axes (mode, y, x), in the unit of the amplitudes, or
    /// None.
    #[getter]
    fn probe<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyArray3<Complex32>>> {
        let probe = slf.get().inner.probe.as_ref()?;
        // SAFETY: as in `diffraction`.
        Some(unsafe { view(probe, slf.clone().into_any()) })
    }

    /// Window centres (y, x), ndarray of float64, shape (n, 2), pixels of the object array.
    #[getter]
    fn positions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray2<f64>>> {
        let positions = from_positions(py, &self.inner.scan);
        positions.call_method1("setflags", (false,))?;
        Ok(positions)
    }

    /// A copy of the metadata, a dict of plain values, or None; ``replace`` makes a data set with
    /// others.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(to_python(py, &self.inner.metadata)?)
    }

    /// Which detector pixels are good, ndarray of bool, shape (1, H, W) or (n, H, W); None when all
    /// are.
    #[getter]
    fn mask<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray3<bool>>> {
        Some(self.inner.mask.as_ref()?.good().to_pyarray(py))
    }

    /// How the detector sees the sample, "far-field" or "near-field"; None where it is not
    /// stated, which counts as far field.
    #[getter]
    fn geometry(&self) -> Option<&'static str> {
        self.inner.geometry.map(Geometry::name)
    }

    /// Copies of the other arrays of the file by name, kept for the way out.
    #[getter]
    fn extras<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let extras = PyDict::new(py);
        for (name, array) in &self.inner.extras {
            extras.set_item(name, array::from_npy(py, array)?)?;
        }
        Ok(extras)
    }

    /// How the file stored things, a dict, with all that was converted or assumed in ``notes``;
    /// None without a file.
    #[getter]
    fn understood<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(to_python(py, &self.understood)?)
    }

    /// What looks wrong, a list of dict: ``what``, ``evidence``, ``advice``, and the ``patterns``
    /// and ``pixels`` concerned. Those that are ``certain`` are left out by reconstructions; those
    /// that ask for nothing to be done have ``warns`` False.
    #[getter]
    fn remarks<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        // What was remarked on while a file was read is more than its arrays tell.
        let read = self.understood.as_ref().map(|understood| understood["remarks"].clone());
        let mut remarks = match read {
            Some(remarks) => remarks,
            None => alone(py, None, || Ok(serde_json::to_value(remarks::of(&self.inner))?))?,
        };
        for remark in remarks.as_array_mut().into_iter().flatten() {
            for text in ["evidence", "advice"] {
                if let Some(told) = remark[text].as_str() {
                    remark[text] = with_keywords(told).into();
                }
            }
            remark["warns"] = What::deserialize(&remark["what"])?.warns().into();
        }
        Ok(to_python(py, &remarks)?)
    }

    /// Number of patterns.
    #[getter]
    fn n_patterns(&self) -> usize {
        self.inner.n_patterns()
    }

    /// Shape (H, W) of a pattern.
    #[getter]
    fn pattern_shape(&self) -> (usize, usize) {
        self.inner.pattern_shape()
    }

    /// The scale s of counts = (s x amplitude)^2, or None.
    #[getter]
    fn intensity_scale(&self) -> Option<f64> {
        self.inner.intensity_scale()
    }

    /// Mean photon counts per pattern, or None where the scale is not known.
    #[getter]
    fn mean_counts(&self) -> Option<f64> {
        data::mean_counts(&self.inner)
    }

    /// Size of an object pixel along (y, x), metres, or None where it is not known.
    #[getter]
    fn pixel_size_m(&self) -> Option<(f64, f64)> {
        self.pixel().or_else(|| object_pixel(self.inner.metadata.as_ref()?))
    }

    /// Whether the patterns are in memory, or kept in a scratch file.
    #[getter]
    fn in_memory(&self) -> bool {
        self.inner.diffraction.in_memory()
    }

    /// Diameter of the illuminated disc, pixels: the probe's, else 0.6 times the pattern's side.
    #[getter]
    fn probe_diameter_px(&self) -> f64 {
        probe_diameter(&self.inner)
    }

    /// Mean overlap of a disc with its 6 nearest others (metric 2), 0 to 1.
    #[getter]
    fn overlap(&self) -> f64 {
        scan_overlap(&self.inner.scan, probe_diameter(&self.inner))
    }

    /// Photon counts, ndarray of float32, shape (n, H, W); whole numbers are restored exactly.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     The scale is not known.
    fn counts<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyArray3<f32>>> {
        let counts = alone(py, None, || {
            self.inner.counts().ok_or_else(|| anyhow!(self.inner.quantum().unknown()))
        })?;
        Ok(counts.into_pyarray(py))
    }

    /// The data set of the patterns at ``indices``, in that order; what has one entry per pattern
    /// follows.
    ///
    /// Parameters
    /// ----------
    /// indices : array_like of int, or of bool, shape (n,)
    ///     Whole numbers from 0, or True where a pattern is kept. ``scan[10:20]`` and ``scan[-1]``
    ///     count as lists do.
    ///
    /// Returns
    /// -------
    /// Dataset
    ///     Patterns that are kept on disk stay there.
    fn select(&self, indices: &Bound<'_, PyAny>) -> Result<Self> {
        self.at(&array::indices(indices, self.inner.n_patterns())?)
    }

    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> Result<Self> {
        // Loops end by this error where there is no iterator.
        let n = self.inner.n_patterns();
        if key.extract::<usize>().is_ok_and(|index| index >= n) {
            let last = n.saturating_sub(1);
            let error = PyIndexError::new_err(format!("expected 0 to {last}, found {key}"));
            return Err(error.into());
        }
        self.at(&array::taken(key, n)?)
    }

    /// Train and test splits: train where the coordinate is below min + fraction (max - min).
    ///
    /// Parameters
    /// ----------
    /// axis : {"y", "x"}
    /// fraction : float
    ///     Between 0 and 1.
    /// guard_band : float
    ///     Positions nearer to the cut than half of it, pixels, belong to neither.
    ///
    /// Returns
    /// -------
    /// (Dataset, Dataset)
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     A split would be empty.
    #[pyo3(signature = (*, axis="y", fraction=0.5, guard_band=0.0))]
    fn split(&self, axis: &str, fraction: f64, guard_band: f64) -> Result<(Self, Self)> {
        let splits = made::splits(&self.inner, axis, fraction, guard_band)?;
        Ok((splits.train.into(), splits.test.into()))
    }

    /// A data set with something else in place of what is named.
    ///
    /// Parameters
    /// ----------
    /// positions : array_like, shape (n, 2) or (ny, nx, 2), optional
    ///     Window centres (y, x), pixels.
    /// probe : array_like of complex, shape (H, W) or (modes, H, W), or None, optional
    ///     In the unit of the amplitudes.
    /// object : array_like of complex, shape (M, M'), or None, optional
    /// metadata : mapping or None, optional
    /// mask : array_like of bool, shape (H, W), (n, H, W) or (ny, nx, H, W), or None, optional
    ///     True where a pixel is good.
    /// geometry : {"far-field", "near-field"} or None, optional
    ///
    /// Returns
    /// -------
    /// Dataset
    ///     Patterns are shared with this one where they are on disk, else copied.
    #[pyo3(signature = (**changes))]
    fn replace(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut inner = self.inner.clone();
        for (name, value) in changes.into_iter().flatten() {
            let value = Some(value).filter(|value| !value.is_none());
            made::replaced(&mut inner, &name.extract::<String>()?, value.as_ref())?;
        }
        let problems = lapwing_files::contract::check(&inner);
        if !problems.is_empty() {
            return Err(made::broken(problems).into());
        }
        Ok(Self { inner, understood: self.understood.clone() })
    }

    /// Write the data set to a file, whole or not at all.
    ///
    /// Parameters
    /// ----------
    /// path : path
    ///     Its end says the format: ``.npz`` the study's, ``.cxi`` CXI 1.6, ``.h5`` the patterns of
    ///     a ptychodus or pty-chi pair with their product beside it; any other is the study's, too.
    /// compressed : bool
    ///     Of the study's format alone.
    ///
    /// Returns
    /// -------
    /// list of pathlib.Path
    ///     The files.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     The format needs what is not known: a pixel size, a wavelength, a probe.
    /// OSError
    ///     A file cannot be written.
    #[pyo3(signature = (path, *, compressed=false))]
    fn save(&self, py: Python<'_>, path: PathBuf, compressed: bool) -> Result<Vec<PathBuf>> {
        saved(py, &self.inner, self.pixel(), path, compressed)
    }

    /// Look at mean pattern, probe, object and scan: `lapwing.view` of this.
    #[pyo3(signature = (**how))]
    fn view<'py>(
        slf: &Bound<'py, Self>,
        how: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lapwing._viewer")?.getattr("view")?.call((slf,), how)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The data set itself: it never changes.
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    /// For pickles. Patterns that are kept on disk are written into them, and are in memory when
    /// they come back.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Result<pickle::Reduced<'py>> {
        pickle::reduced(slf)
    }

    fn __len__(&self) -> usize {
        self.inner.n_patterns()
    }

    fn __repr__(&self) -> String {
        shown::line(&self.inner)
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let title = format!("{} patterns", self.inner.n_patterns());
        let png = alone(py, None, || Ok(contact_sheet(&self.inner, None, None, &title)))?;
        Ok(PyBytes::new(py, &png))
    }

    /// The contact sheet under what is known in numbers; what was understood of the file unfolds.
    fn _repr_html_<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let picture = self._repr_png_(py)?;
        shown::html(py, &self.inner, picture, to_python(py, &self.understood)?)
    }
}
