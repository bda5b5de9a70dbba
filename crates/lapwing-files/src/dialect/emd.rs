//! 4D-STEM in EMD (HDF5): py4DSTEM's from 0.12 to 1.0, and that of Berkeley Lab (`data/*/data` with
//! `dim1` to `dim4`). Axes (scan row, scan column, detector row, detector column).
//!
//! The scales are in `metadatabundle/calibration` of py4DSTEM from 0.14 on, and else in the first
//! steps and the `units` of the `dim` vectors.

use super::cube;
use super::definition::Dialect;
use super::found::Found;
use super::unit::{Scale, not_understood, scale};
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::experiment::Calibration;
use crate::hdf5::Hdf5;
use crate::options::ReadOptions;
use crate::{Container, Error, Problem};

/// What the patterns are called in messages.
const PATTERNS: &str = "data";

/// The dialect.
pub(super) struct Emd;

impl Dialect for Emd {
    fn name(&self) -> &'static str {
        "emd"
    }

    fn kind(&self) -> ByteFormat {
        ByteFormat::Hdf5
    }

    fn patterns(&self) -> &'static [&'static str] {
        &[]
    }

    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error> {
        Ok(!cubes(file.hdf5()?, options)?.is_empty())
    }

    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error> {
        let (container, file, options) = (file, file.hdf5()?, wanted.options);
        let cubes = cubes(file, options)?;
        let Some((name, _)) = cubes.first().filter(|_| cubes.len() == 1) else {
            let names: Vec<&str> = cubes.iter().map(|(name, _)| name.as_str()).collect();
            let expected = "one data set (ny, nx, H, W); pass over the others (--leave-out)";
            let problems = vec![Problem::new(PATTERNS, expected, names.join(", "))];
            return Ok(Found { problems, ..Found::default() });
        };
        // Some writers have the axes in reverse: those of the detector come first then.
        let reversed = is_reversed(file, name)?;
        if reversed {
            notes.push("the axes are in reverse, by their units".to_owned());
        }
        let (calibration, strange_unit) = calibration(file, name, reversed, notes)?;
        let mut found = Found {
            needs_scan: true,
            converted: true,
            calibration,
            strange_unit,
            ..Found::default()
        };
        notes.push(format!("patterns: {name}"));
        let name = (name.as_str(), PATTERNS);
        if reversed {
            cube::take_reversed(&mut found, container, name, wanted, notes)?;
        } else {
            cube::take(&mut found, container, name, None, wanted, notes)?;
        }
        Ok(found)
    }
}

/// Name and shape of every array `.../data` of four axes with `dim` vectors beside it.
fn cubes(file: &Hdf5, options: &ReadOptions) -> Result<Vec<(String, [usize; 4])>, Error> {
    let arrays = file.list()?;
    let name = |array: &crate::ArrayInfo| array.name.trim_start_matches('/').to_owned();
    let names: Vec<String> = arrays.iter().map(name).collect();
    let mut found = Vec::new();
    for (array, name) in arrays.iter().zip(&names) {
        let Some(group) = name.strip_suffix("/data") else { continue };
        let has_dims = ["dim0", "dim1"]
            .iter()
            .any(|dim| names.iter().any(|other| *other == format!("{group}/{dim}")));
        let left_out = options.leaves_out(name);
        if let (Ok(shape), true, false) =
            (<[usize; 4]>::try_from(array.shape.as_slice()), has_dims, left_out)
        {
            found.push((name.clone(), shape));
        }
    }
    Ok(found)
}

/// The `dim` vector of an axis of the data set, counted from 0: its step and unit.
fn step(file: &Hdf5, data: &str, axis: usize) -> Result<Option<(f64, String)>, Error> {
    let group = data.trim_end_matches("data").trim_end_matches('/');
    let first = usize::from(!file.contains(&format!("{group}/dim0"))?);
    let name = format!("{group}/dim{}", axis + first);
    if !file.contains(&name)? {
        return Ok(None);
    }
    let values = file.read(&name)?.to_f64().unwrap_or_default();
    let unit = file.text_attribute(&name, "units").unwrap_or_default();
    Ok(match values.as_slice() {
        [a, b, ..] => Some(((b - a).abs(), unit)),
        _ => None,
    })
}

/// Whether the first axes are those of the detector, by their units.
fn is_reversed(file: &Hdf5, data: &str) -> Result<bool, Error> {
    let unit = |axis: usize| -> Result<Option<Scale>, Error> {
        Ok(step(file, data, axis)?.and_then(|(_, unit)| scale(&unit)))
    };
    let is_detector =
        |scale: Option<Scale>| matches!(scale, Some(Scale::PerMetre(_) | Scale::Radians(_)));
    Ok(is_detector(unit(0)?) && matches!(unit(3)?, Some(Scale::Metres(_))))
}

/// What the file tells of its scales, and a unit of them that is not understood.
fn calibration(
    file: &Hdf5,
    data: &str,
    reversed: bool,
    notes: &mut Vec<String>,
) -> Result<(Calibration, Option<String>), Error> {
    let mut found = Calibration::default();
    let arrays = file.list()?;
    let of_bundle = |what: &str| {
        let end = format!("/calibration/{what}");
        arrays.iter().map(|array| array.name.as_str()).find(|name| name.ends_with(&end))
    };
    let mut strange = None;
    for (what, is_scan) in [("R", true), ("Q", false)] {
        let (Some(size), Some(units)) =
            (of_bundle(&format!("{what}_pixel_size")), of_bundle(&format!("{what}_pixel_units")))
        else {
            continue;
        };
        let unit = file.read(units)?.to_strings().ok().and_then(|texts| texts.first().cloned());
        let sizes = file.read(size)?.to_f64().unwrap_or_default();
        let pair = match sizes.as_slice() {
            [both] => Some((*both, *both)),
            [y, x] => Some((*y, *x)),
            _ => None,
        };
        if let (Some(unit), Some(pair)) = (unit, pair) {
            note(&mut found, pair, &unit, is_scan, notes);
            strange = strange.or_else(|| not_understood(&unit));
        }
    }
    let number = |what: &str| -> Option<f64> {
        let read = file.read(of_bundle(what)?).ok()?;
        read.to_f64().ok()?.first().copied().filter(|value| value.is_finite())
    };
    let degrees =
        number("QR_rotation_degrees").or_else(|| number("QR_rotation").map(f64::to_degrees));
    if let Some(degrees) = degrees {
        let flipped = number("QR_flip").is_some_and(|flip| flip != 0.0);
        let also = if flipped {
            " and an exchange of the axes (--coordinate-order column-row)"
        } else {
            ""
        };
        notes.push(format!(
            "the file says a rotation of {degrees:.2} degrees between scan and detector{also}; it is not \
             applied, for programs differ in its sign: --calibrate finds both, or say \
             --scan-rotation-deg {degrees:.2} or {:.2}",
            -degrees
        ));
    }
    for (axis, is_scan) in [(0, true), (2, false)] {
        let detector = found.frequency.is_some() || found.angle.is_some();
        if if is_scan { found.step.is_some() } else { detector } {
            continue;
        }
        let (y, x) = if reversed { (3 - axis, 2 - axis) } else { (axis, axis + 1) };
        if let (Some((y, unit)), Some((x, _))) = (step(file, data, y)?, step(file, data, x)?) {
            note(&mut found, (y, x), &unit, is_scan, notes);
            strange = strange.or_else(|| not_understood(&unit));
        }
    }
    Ok((found, strange))
}

/// Takes a scale over, when its unit is known.
pub(super) fn note(
    found: &mut Calibration,
    (y, x): (f64, f64),
    unit: &str,
    is_scan: bool,
    notes: &mut Vec<String>,
) {
    let sound = |value: f64| value > 0.0 && value.is_finite();
    let Some(scale) = scale(unit).filter(|_| sound(y) && sound(x)) else { return };
    let told = format!("{y} x {x} {unit}, as the file says");
    match (scale, is_scan) {
        (Scale::Metres(each), true) => {
            found.step = Some((y * each, x * each));
            notes.push(format!("step of the scan: {told}"));
        }
        (Scale::PerMetre(each), false) => {
            found.frequency = Some((y * each, x * each));
            notes.push(format!("pixel of the detector: {told}"));
        }
        (Scale::Radians(each), false) => {
            found.angle = Some((y * each, x * each));
            notes.push(format!("pixel of the detector: {told}"));
        }
        _ => notes.push(format!("a scale of {told}, is not understood; passed over")),
    }
}
