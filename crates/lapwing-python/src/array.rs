//! NumPy arrays in and out. What comes in is copied once, whatever its layout and dtype; what goes
//! out is not copied.

use crate::failure::Result;
use anyhow::{Context, anyhow, bail, ensure};
use lapwing_files::npy::{self, Values};
use lapwing_model::{Complex32, Field, Modes, Object, Position};
use ndarray::{Array, Array2, Array3, ArrayBase, Axis, Data, Dimension, Ix1, Ix2, Ix3};
use numpy::{
    Element, PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySlice, PyString};

/// Most bytes that are converted at a time.
const BLOCK: usize = 4 << 20;

/// Patterns, axes (pattern, y, x) or (ny, nx, y, x): real numbers of any dtype and layout.
pub fn patterns(given: &Bound<'_, PyAny>) -> anyhow::Result<Array3<f32>> {
    if given.is_instance_of::<PyString>() || given.hasattr("__fspath__")? {
        bail!("patterns: expected an array, found a path; give lapwing.load(path)");
    }
    let given = rows_joined(given, "patterns", 4)?;
    let expected = "real numbers, axes (pattern, y, x), or (ny, nx, y, x) of a raster";
    values::<f32, Ix3>(&given, "patterns", expected)
}

/// An array of a raster, of so many axes, with its first two made one; any other as it is.
fn rows_joined<'py>(
    given: &Bound<'py, PyAny>,
    name: &str,
    axes: usize,
) -> anyhow::Result<Bound<'py, PyAny>> {
    let array = as_array(given, name)?;
    let shape = array.shape().to_vec();
    if shape.len() != axes {
        return Ok(array.into_any());
    }
    let mut joined = vec![shape[0] * shape[1]];
    joined.extend(&shape[2..]);
    Ok(array.call_method1("reshape", (joined,))?)
}

/// Which pixels of the detector are good, axes (y, x), (pattern, y, x) or (row, column, y, x), as
/// axes (1 or pattern, y, x).
pub fn mask(given: &Bound<'_, PyAny>) -> anyhow::Result<Array3<bool>> {
    let array = as_array(&rows_joined(given, "mask", 4)?, "mask")?;
    let expected = "booleans, true where a pixel is good, axes (y, x) or (pattern, y, x)";
    ensure!(array.dtype().kind() == b'b', "mask: expected {expected}, found {}", describe(&array));
    let numbers = array.call_method1("astype", ("uint8",))?;
    let flags = match array.ndim() {
        2 => values::<f32, Ix2>(&numbers, "mask", expected)?.insert_axis(Axis(0)),
        _ => values::<f32, Ix3>(&numbers, "mask", expected)?,
    };
    Ok(flags.mapv(|flag| flag > 0.0))
}

/// A thin object, axes (y, x).
pub fn field(given: &Bound<'_, PyAny>, name: &str) -> anyhow::Result<Field> {
    values::<Complex32, Ix2>(given, name, "complex numbers, axes (y, x)")
}

/// A map over an object, axes (y, x).
pub fn map(given: &Bound<'_, PyAny>, name: &str) -> anyhow::Result<Array2<f32>> {
    values::<f32, Ix2>(given, name, "real numbers, axes (y, x)")
}

/// Eigenmodes of a probe, axes (eigenmode, y, x).
pub fn eigenmodes(given: &Bound<'_, PyAny>) -> anyhow::Result<Modes> {
    let expected = "complex numbers, axes (eigenmode, y, x)";
    values::<Complex32, Ix3>(given, "probe_eigenmodes", expected)
}

/// An object, axes (y, x) or (slice, y, x).
pub fn object(given: &Bound<'_, PyAny>, name: &str) -> anyhow::Result<Object> {
    let expected = "complex numbers, axes (y, x) or (slice, y, x)";
    if as_array(given, name)?.ndim() != 3 {
        return Ok(values::<Complex32, Ix2>(given, name, expected)?.into());
    }
    let slices = values::<Complex32, Ix3>(given, name, expected)?;
    Object::from_slices(slices)
        .with_context(|| format!("{name}: expected at least one slice, found none"))
}

/// A probe, axes (y, x) or (mode, y, x).
pub fn modes(given: &Bound<'_, PyAny>) -> anyhow::Result<Modes> {
    let expected = "complex numbers, axes (y, x) or (mode, y, x)";
    let array = as_array(given, "probe")?;
    // Half of a complex probe is most likely a mistake.
    ensure!(
        array.dtype().kind() != b'f',
        "probe: expected {expected}, found {}; one that has no phase is given as probe.astype(complex)",
        describe(&array)
    );
    if array.ndim() == 2 {
        return Ok(values::<Complex32, Ix2>(given, "probe", expected)?.insert_axis(Axis(0)));
    }
    ensure!(
        array.ndim() != 4,
        "probe: expected {expected}, found {}; of axes (eigenmode, mode, y, x) give probe[0], and \
         probe_eigenmodes = {} to let it vary",
        describe(&array),
        array.shape()[0].saturating_sub(1)
    );
    values::<Complex32, Ix3>(given, "probe", expected)
}

/// Positions, shape (n, 2) or (ny, nx, 2), each (y, x).
pub fn positions(given: &Bound<'_, PyAny>) -> anyhow::Result<Vec<Position>> {
    let given = rows_joined(given, "positions", 3)?;
    let pairs =
        values::<f64, Ix2>(&given, "positions", "real numbers of shape (n, 2), each (y, x)")?;
    let (rows, columns) = pairs.dim();
    ensure!(
        columns == 2,
        "positions: expected shape (n, 2), each (y, x), found ({rows}, {columns}){}",
        if rows == 2 { "; give their transpose" } else { "" }
    );
    Ok(pairs.outer_iter().map(|pair| Position { y: pair[0], x: pair[1] }).collect())
}

/// What `key` of Python's brackets takes of `n` entries: a slice, a whole number (also from the
/// end), a list of them, or booleans.
pub fn taken(key: &Bound<'_, PyAny>, n: usize) -> anyhow::Result<Vec<usize>> {
    let numpy = key.py().import("numpy")?;
    let all = numpy.call_method1("arange", (n,))?;
    let wrong = "indices: expected a slice, whole numbers or booleans within the data set";
    let some = all.get_item(key).context(wrong)?;
    let some = numpy.call_method1("atleast_1d", (some,))?;
    indices(&some, n)
}

/// Whole numbers, one axis.
pub fn indices(given: &Bound<'_, PyAny>, below: usize) -> anyhow::Result<Vec<usize>> {
    let array = as_array(given, "indices")?;
    if array.dtype().kind() == b'b' && array.shape() == [below] {
        let numpy = given.py().import("numpy")?;
        return indices(&numpy.call_method1("flatnonzero", (array,))?, below);
    }
    let found = describe(&array);
    ensure!(
        matches!(array.dtype().kind(), b'i' | b'u'),
        "indices: expected whole numbers, found {found}"
    );
    let numbers = values::<i64, Ix1>(given, "indices", "whole numbers, one axis")?;
    let index = |&number: &i64| usize::try_from(number).ok().filter(|&index| index < below);
    let indices: Option<Vec<usize>> = numbers.iter().map(index).collect();
    indices.ok_or_else(|| {
        anyhow!("indices: expected whole numbers from 0 to {}", below.saturating_sub(1))
    })
}

/// What may be cast to what: counts to amplitudes, but never complex numbers to real ones or words
/// to numbers.
trait Target: Element + Copy + Default {
    /// Kinds of dtype that make sense.
    const KINDS: &'static [u8];
    /// NumPy's name.
    const DTYPE: &'static str;
}

impl Target for f32 {
    const KINDS: &'static [u8] = b"iuf";
    const DTYPE: &'static str = "float32";
}

impl Target for f64 {
    const KINDS: &'static [u8] = b"iuf";
    const DTYPE: &'static str = "float64";
}

impl Target for i64 {
    const KINDS: &'static [u8] = b"iu";
    const DTYPE: &'static str = "int64";
}

impl Target for Complex32 {
    const KINDS: &'static [u8] = b"c";
    const DTYPE: &'static str = "complex64";
}

/// An array that NumPy can take: of other libraries, on a graphics card or bound to gradients, its
/// copy in the host's memory.
pub fn host<'py>(given: &Bound<'py, PyAny>, name: &str) -> anyhow::Result<Bound<'py, PyAny>> {
    Ok(given.py().import("lapwing._arrays")?.call_method1("host", (given, name))?)
}

fn as_array<'py>(
    given: &Bound<'py, PyAny>,
    name: &str,
) -> anyhow::Result<Bound<'py, PyUntypedArray>> {
    let numpy = given.py().import("numpy")?;
    let given = &host(given, name)?;
    if given.is_instance(&numpy.getattr("ma")?.getattr("MaskedArray")?)? {
        bail!(
            "{name}: expected a plain array, found a masked one, whose mask would be lost: \
             give its `.data`, and where it is good as the keyword `mask`"
        );
    }
    let array = numpy
        .call_method1("asarray", (given,))
        .with_context(|| format!("{name}: expected an array"))?;
    array.cast_into::<PyUntypedArray>().map_err(|_| anyhow!("{name}: expected an array"))
}

fn describe(array: &Bound<'_, PyUntypedArray>) -> String {
    format!("{} of shape {:?}", array.dtype(), array.shape())
}

/// The values in C order. Blocks along the first axis are cast one after the other, so that no
/// second copy of the whole exists.
fn values<T: Target, D: Dimension>(
    given: &Bound<'_, PyAny>,
    name: &str,
    expected: &str,
) -> anyhow::Result<Array<T, D>> {
    let py = given.py();
    let array = as_array(given, name)?;
    let shape = array.shape().to_vec();
    let fits = D::NDIM == Some(shape.len()) && T::KINDS.contains(&array.dtype().kind());
    ensure!(fits, "{name}: expected {expected}, found {}", describe(&array));
    let length = shape.first().copied().unwrap_or(0);
    let mut out = Array::<T, _>::default(shape.as_slice()).into_dimensionality::<D>()?;
    let row = out.len() / length.max(1) * size_of::<T>();
    let step = (BLOCK / row.max(1)).max(1);
    let how = PyDict::new(py);
    how.set_item("order", "C")?;
    how.set_item("copy", false)?;
    for start in (0..length).step_by(step) {
        let end = (start + step).min(length);
        let part = array.get_item(PySlice::new(py, start as isize, end as isize, 1))?;
        let part = part.call_method("astype", (T::DTYPE,), Some(&how))?;
        let part = part
            .cast_into::<PyArray<T, D>>()
            .map_err(|_| anyhow!("{name}: cannot be converted"))?;
        out.slice_axis_mut(Axis(0), (start..end).into()).assign(&part.try_readonly()?.as_array());
    }
    Ok(out)
}

/// An array of Python that shows the memory of `array`, which belongs to `owner`, and cannot be
/// written to.
///
/// # Safety
/// `array` must be part of `owner`, and neither move nor change as long as `owner` lives.
pub unsafe fn view<'py, T: Element, D: Dimension>(
    array: &ArrayBase<impl Data<Elem = T>, D>,
    owner: Bound<'py, PyAny>,
) -> Bound<'py, PyArray<T, D>> {
    // SAFETY: as the caller promises.
    let shown = unsafe { PyArray::borrow_from_array(array, owner) };
    shown.readwrite().make_nonwriteable();
    shown
}

/// Positions as an array (n, 2), each (y, x).
pub fn from_positions<'py>(py: Python<'py>, scan: &[Position]) -> Bound<'py, PyArray2<f64>> {
    let pairs =
        Array2::from_shape_fn(
            (scan.len(), 2),
            |(i, axis)| if axis == 0 { scan[i].y } else { scan[i].x },
        );
    PyArray2::from_owned_array(py, pairs)
}

/// An array of a file, with its own dtype.
pub fn from_npy<'py>(py: Python<'py>, array: &npy::Array) -> Result<Bound<'py, PyAny>> {
    /// A plain vector; `$values` is cloned, since the file's array stays as it is.
    macro_rules! plain {
        ($values:expr) => {
            PyArray1::from_vec(py, $values.clone()).into_any()
        };
    }
    let bytes_as = |bytes: &[u8], dtype: Bound<'py, PyAny>| -> PyResult<Bound<'py, PyAny>> {
        let numpy = py.import("numpy")?;
        // A view of `bytes` cannot be written to; a copy can.
        numpy.call_method1("frombuffer", (PyBytes::new(py, bytes), dtype))?.call_method0("copy")
    };
    let flat = match array.values() {
        Values::Bool(values) => plain!(values),
        Values::I8(values) => plain!(values),
        Values::I16(values) => plain!(values),
        Values::I32(values) => plain!(values),
        Values::I64(values) => plain!(values),
        Values::U8(values) => plain!(values),
        Values::U16(values) => plain!(values),
        Values::U32(values) => plain!(values),
        Values::U64(values) => plain!(values),
        Values::F16(bits) => plain!(bits).call_method1("view", ("float16",))?,
        Values::F32(values) => plain!(values),
        Values::F64(values) => plain!(values),
        Values::C64(values) => plain!(values),
        Values::C128(values) => plain!(values),
        Values::Text { width: 0, .. } | Values::Bytes { width: 0, .. } => py
            .import("numpy")?
            .call_method1("zeros", (array.shape().to_vec(), array.dtype().to_string()))?,
        Values::Text { width, units } => {
            plain!(units).call_method1("view", (format!("U{width}"),))?
        }
        Values::Bytes { width, bytes } => {
            bytes_as(bytes, format!("S{width}").into_bound_py_any(py)?)?
        }
        // The header's own words: quoted text, or a list of fields.
        Values::Raw { descr, bytes, .. } => {
            bytes_as(bytes, py.import("ast")?.call_method1("literal_eval", (descr,))?)?
        }
        other => {
            return Err(anyhow!("an array of {} cannot be handed to NumPy", other.dtype()).into());
        }
    };
    Ok(flat.call_method1("reshape", (array.shape().to_vec(),))?)
}
