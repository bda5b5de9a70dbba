//! tike's archives: `data` (1, n, H, W) intensity with the zero frequency in the corner, `scan` (1,
//! n, 2) minimum corners of the windows in (row, column) pixels, `probe` (1, 1, 1, modes, H, W),
//! `psi` (slices, H, W).

use lapwing_model::{Field, Modes};
use ndarray::{Ix2, Ix3};
use serde_json::json;

use super::stack::{OrderEvidence, Refusal, Rules};
use super::{
    Dialect, Quantity, ReadOptions, Understanding, ZeroFrequency, extras, positions, stack,
    stored_metadata,
};
use crate::dataset::{amplitudes_in_place, scaled};
use crate::npy::{Array, Header};
use crate::npz::Archive;
use crate::{Dataset, Error, Problem, contract, metadata};

pub(super) fn read(
    archive: &Archive,
    options: &ReadOptions,
) -> Result<(Dataset, Understanding), Error> {
    let arrays = archive.list()?;
    let mut notes = Vec::new();
    let mut problems = Vec::new();
    let mut metadata = stored_metadata(archive, options, &mut notes)?.unwrap_or_default();

    let corners = corners(archive, &mut problems)?;
    let Some((header, shape)) = trailing::<3>(archive, "data", "(1, n, H, W)", &mut problems)?
    else {
        return Err(Error::Contract { path: archive.path().to_owned(), problems });
    };
    let n = corners.as_ref().map_or(shape[0], |(rows, _)| rows.len());
    let rules = Rules {
        key: "data",
        floats: Some(Quantity::Intensity),
        integers: Quantity::Counts,
        zero_frequency: ZeroFrequency::Corner,
    };
    let evidence = OrderEvidence { key: "data", n, probe: None, by_contract: true };
    let stacked = match evidence.decide(&shape, options, &mut notes) {
        Ok(order) => stack::read_from(archive, &header, shape, order, &rules, options, &mut notes)?
            .map(|stack| (order, stack)),
        Err(refusal) => Err(refusal),
    };
    let stacked = match stacked {
        Ok(stacked) => Some(stacked),
        Err(Refusal::Problems(found)) => {
            problems.extend(found);
            None
        }
        Err(Refusal::Ambiguous(question)) => return Err(question.about(archive.path())),
    };
    let probe = probe(archive, options, &mut problems)?;
    let object = object(archive, options, &mut notes, &mut problems)?;
    let (Some((axis_order, mut stack)), Some((rows, columns))) = (stacked, corners) else {
        return Err(Error::Contract { path: archive.path().to_owned(), problems });
    };

    let (_, height, width) = stack.amplitude.dim();
    let mut scan = positions(rows, columns, options, &mut notes);
    for position in &mut scan {
        position.y += (height / 2) as f64;
        position.x += (width / 2) as f64;
    }
    notes.push(format!(
        "scan: minimum corners moved by ({}, {}) to window centres",
        height / 2,
        width / 2
    ));

    if stack.quantity == Quantity::Intensity {
        // tike knows no other unit than photons, and a likelihood needs one.
        stack.amplitude.mapv_inplace(|a| a * a);
        let scale = amplitudes_in_place(&mut stack.amplitude);
        stack.scale = Some(scale);
        notes.push(format!(
            "data: the unit of the intensity is taken as photons; amplitudes divided by {scale}"
        ));
    }
    let probe = probe.map(|modes| match stack.scale {
        Some(scale) => {
            notes.push(format!("probe: divided by {scale}, like the amplitudes"));
            scaled(modes, (1.0 / scale) as f32)
        }
        None => modes,
    });

    let found = contract::scan(&scan);
    problems.extend(found.into_iter().map(|problem| Problem { key: "scan".into(), ..problem }));
    if let Some(modes) = &probe {
        let found = contract::probe(modes, (height, width));
        problems
            .extend(found.into_iter().map(|problem| Problem { key: "probe".into(), ..problem }));
    }
    if let Some(object) = &object {
        let found = contract::object(object);
        problems.extend(found.into_iter().map(|problem| Problem { key: "psi".into(), ..problem }));
        let found = contract::windows(&scan, (height, width), object.dim());
        problems.extend(found.into_iter().map(|problem| Problem { key: "scan".into(), ..problem }));
    }
    let known = ["data", "scan", "probe", if object.is_some() { "psi" } else { "" }];
    let extras = extras::read(archive, &known, options, &mut notes)?;
    if !problems.is_empty() {
        return Err(Error::Contract { path: archive.path().to_owned(), problems });
    }

    if let Some(scale) = stack.scale {
        metadata::set_physics_parameter(&mut metadata, "intensity_scale", scale);
        metadata::set_physics_parameter(&mut metadata, "nphotons", scale * scale);
    }
    let parameters = json!({
        "dialect": Dialect::Tike,
        "axis_order": axis_order,
        "quantity": stack.quantity,
        "zero_frequency": stack.zero_frequency,
        "notes": notes,
    });
    metadata::append_transformation(&mut metadata, "lapwing", "read", parameters);
    let dataset = Dataset {
        diffraction: stack.amplitude,
        scan,
        object,
        probe,
        metadata: Some(metadata),
        extras,
    };
    let understanding = Understanding {
        dialect: Dialect::Tike,
        axis_order,
        quantity: stack.quantity,
        zero_frequency: stack.zero_frequency,
        geometry: None,
        n_patterns: dataset.n_patterns(),
        pattern_shape: (height, width),
        pixel_size_m: dataset.metadata.as_ref().and_then(super::object_pixel),
        mean_counts_per_pattern: dataset.intensity_scale().map(|_| dataset.mean_intensity()),
        notes,
        arrays,
    };
    Ok((dataset, understanding))
}

/// Header of an array whose last `N` axes count and whose others have length 1, and the lengths of
/// these axes; `None` with a problem otherwise.
fn trailing<const N: usize>(
    archive: &Archive,
    key: &str,
    expected: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<(Header, [usize; N])>, Error> {
    if !archive.contains(key) {
        problems.push(Problem::new(key, expected, "nothing of that name"));
        return Ok(None);
    }
    let header = archive.header(key)?;
    let (leading, trailing) = header.shape.split_at(header.shape.len().saturating_sub(N));
    match <[usize; N]>::try_from(trailing) {
        Ok(lengths) if leading.iter().all(|&length| length == 1) => Ok(Some((header, lengths))),
        _ => {
            problems.push(Problem::new(key, expected, format!("shape {:?}", header.shape)));
            Ok(None)
        }
    }
}

/// The array itself, without the axes of length 1.
fn squeezed<const N: usize>(
    archive: &Archive,
    key: &str,
    expected: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Array>, Error> {
    let Some((_, lengths)) = trailing::<N>(archive, key, expected, problems)? else {
        return Ok(None);
    };
    let array = archive.read(key)?.reshape(lengths.to_vec());
    array.map(Some).map_err(|source| Error::Array {
        path: archive.path().to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// Rows and columns of `scan`.
type Corners = (Vec<f64>, Vec<f64>);

fn corners(archive: &Archive, problems: &mut Vec<Problem>) -> Result<Option<Corners>, Error> {
    let expected = "(1, n, 2) real numbers";
    let Some(array) = squeezed::<2>(archive, "scan", expected, problems)? else { return Ok(None) };
    match (array.shape(), array.to_f64()) {
        ([_, 2], Ok(values)) => {
            Ok(Some(values.chunks_exact(2).map(|corner| (corner[0], corner[1])).unzip()))
        }
        _ => {
            let found = format!("shape {:?} of {}", array.shape(), array.dtype());
            problems.push(Problem::new("scan", expected, found));
            Ok(None)
        }
    }
}

fn probe(
    archive: &Archive,
    options: &ReadOptions,
    problems: &mut Vec<Problem>,
) -> Result<Option<Modes>, Error> {
    let key = "probe";
    if !archive.contains(key) || options.leave_out.iter().any(|left| left == key) {
        return Ok(None);
    }
    let expected = "(1, 1, 1, modes, H, W) complex64";
    let Some(array) = squeezed::<3>(archive, key, expected, problems)? else { return Ok(None) };
    if !array.dtype().is_complex() {
        problems.push(Problem::new(key, expected, array.dtype().to_string()));
        return Ok(None);
    }
    Ok(array.into_complex32_array::<Ix3>().ok())
}

/// `psi`, when it has one slice; several are carried along as they are.
fn object(
    archive: &Archive,
    options: &ReadOptions,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Field>, Error> {
    let key = "psi";
    if !archive.contains(key) || options.leave_out.iter().any(|left| left == key) {
        return Ok(None);
    }
    let header = archive.header(key)?;
    if !header.dtype.is_complex() {
        problems.push(Problem::new(key, "(slices, H, W) complex64", header.dtype.to_string()));
        return Ok(None);
    }
    if header.shape.len() == 3 && header.shape[0] > 1 {
        notes.push(format!(
            "psi: {} slices carried along; a single one would be the object",
            header.shape[0]
        ));
        return Ok(None);
    }
    let array = squeezed::<2>(archive, key, "(slices, H, W) complex64", problems)?;
    Ok(array.and_then(|array| array.into_complex32_array::<Ix2>().ok()))
}
