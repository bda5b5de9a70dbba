//! Numbers beside the patterns whose names say what they are and in which unit: `scan_step_A`,
//! `dk_invA`, `voltage_kV`, or `scan_step` with the attribute `units` beside it.
//!
//! Such names are nobody's standard, so nothing is taken from them: they are told, with what to
//! type where they are meant.

use lapwing_model::probe::{electron_voltage, photon_wavelength};

use super::unit::{Scale, scale};
use crate::Container;

/// What a number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Step of the scan.
    Step,
    /// Scale of the detector in frequency or angle.
    Scale,
    /// Side of a pixel of the object.
    Pixel,
    /// Pitch of the detector.
    Pitch,
    /// Distance from the specimen to the detector.
    Distance,
    /// Voltage, energy or wavelength.
    Beam,
    /// Convergence semi-angle.
    SemiAngle,
    /// Defocus.
    Defocus,
    /// Rotation of the scan.
    Rotation,
}

/// What a pixel of the object is made of.
pub(super) const OF_PIXEL: &[Meaning] =
    &[Meaning::Scale, Meaning::Pixel, Meaning::Pitch, Meaning::Distance, Meaning::Beam];

/// A number that may say something of the experiment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// What it may be.
    pub meaning: Meaning,
    /// Its name and value, and what to type.
    pub text: String,
}

/// Names of a meaning, written without what stands between their words.
#[rustfmt::skip] // one row for each
const NAMES: &[(Meaning, &[&str])] = &[
    (Meaning::Step, &["step", "scanstep", "stepsize", "scanstepsize", "probestep", "rpixelsize", "scansampling"]),
    (Meaning::Scale, &["dk", "dq", "kstep", "kpixelsize", "qpixelsize", "kpixel", "qpixel", "kscale", "qscale", "dkx", "dky", "dalpha", "dtheta"]),
    (Meaning::Pixel, &["pixel", "pixelsize", "objectpixel", "objectpixelsize", "dx", "dxspec"]),
    (Meaning::Pitch, &["detectorpixel", "detectorpixelsize", "detpixel", "detpixelsize", "pitch", "pixelpitch", "detectorpitch"]),
    (Meaning::Distance, &["distance", "detectordistance", "detdistance", "detdist", "cameralength", "camlength"]),
    (Meaning::Beam, &["voltage", "hv", "ht", "beamvoltage", "acceleratingvoltage", "accelerationvoltage", "energy", "beamenergy", "photonenergy", "electronenergy", "wavelength", "lambda"]),
    (Meaning::SemiAngle, &["semiangle", "convergence", "convergenceangle", "convergencesemiangle", "semiconvergenceangle", "semiconvergence", "convangle", "convsemiangle", "semiconvangle", "alpha", "probesemiangle", "probesemiconvergenceangle"]),
    (Meaning::Defocus, &["defocus", "df", "c10", "probedefocus"]),
    (Meaning::Rotation, &["rotation", "rotationangle", "scanrotation", "scanrotationangle", "scanangle", "rot", "scanrot"]),
];

/// The kind of number that a unit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Length,
    Angle,
    Frequency,
    Voltage,
    Energy,
}

/// Units as names end with them, and their size in metres, radians, 1/metre, volts and
/// electronvolts.
const UNITS: &[(&str, Of, f64)] = &[
    ("m", Of::Length, 1.0),
    ("cm", Of::Length, 1e-2),
    ("mm", Of::Length, 1e-3),
    ("um", Of::Length, 1e-6),
    ("\u{b5}m", Of::Length, 1e-6),
    ("\u{3bc}m", Of::Length, 1e-6),
    ("nm", Of::Length, 1e-9),
    ("A", Of::Length, 1e-10),
    ("Ang", Of::Length, 1e-10),
    ("ang", Of::Length, 1e-10),
    ("angstrom", Of::Length, 1e-10),
    ("Angstrom", Of::Length, 1e-10),
    ("\u{c5}", Of::Length, 1e-10),
    ("pm", Of::Length, 1e-12),
    ("rad", Of::Angle, 1.0),
    ("mrad", Of::Angle, 1e-3),
    ("urad", Of::Angle, 1e-6),
    ("deg", Of::Angle, std::f64::consts::PI / 180.0),
    ("degree", Of::Angle, std::f64::consts::PI / 180.0),
    ("degrees", Of::Angle, std::f64::consts::PI / 180.0),
    ("V", Of::Voltage, 1.0),
    ("kV", Of::Voltage, 1e3),
    ("eV", Of::Energy, 1.0),
    ("keV", Of::Energy, 1e3),
];

/// Arrays and attributes that are looked at, and objects whose attributes are.
const MOST: usize = 256;
const MOST_OBJECTS: usize = 32;

/// Pixels at least so large are those of a detector, metres.
const OF_DETECTOR: f64 = 1e-6;

/// Wavelengths below this are those of electrons, metres.
const OF_ELECTRONS: f64 = 2e-11;

/// Deviation up to which the numbers of a pair, of rows and of columns, are one.
const ALIKE: f64 = 1e-6;

/// The one number that these are; `None` where they are several.
fn one(values: &[f64]) -> Option<f64> {
    match *values {
        [value] => Some(value),
        [first, second] if (first - second).abs() <= ALIKE * first.abs() => Some(first),
        _ => None,
    }
}

/// The numbers of a file whose names say what they may be, in its order.
pub(super) fn told(file: &Container) -> Vec<Told> {
    let Ok(arrays) = file.list() else { return Vec::new() };
    let mut found = Vec::new();
    let few = arrays.iter().filter(|array| {
        let count = array.shape.iter().try_fold(1_usize, |n, &length| n.checked_mul(length));
        matches!(count, Some(1 | 2)) && array.dtype != "bool"
    });
    for array in few.take(MOST) {
        let beside = match file {
            Container::Hdf5(file) => ["units", "unit"]
                .iter()
                .find_map(|attribute| file.text_attribute(&array.name, attribute)),
            _ => None,
        };
        let beside = beside.as_deref();
        if understood(&array.name, beside).is_some()
            && let Ok(values) = file
                .read(&array.name)
                .and_then(|array| array.to_f64().map_err(|source| file.unfit("", source)))
            && let Some(value) = one(&values)
        {
            found.extend(tell(&array.name, beside, value));
        }
    }
    if let Container::Hdf5(file) = file {
        let stacks = arrays.iter().filter(|array| array.shape.len() > 2).take(MOST_OBJECTS);
        let mut objects: Vec<&str> = Vec::new();
        for stack in stacks {
            let mut name = stack.name.as_str();
            loop {
                if !objects.contains(&name) {
                    objects.push(name);
                }
                match name.rsplit_once('/') {
                    Some((group, _)) => name = group,
                    None if name.is_empty() => break,
                    None => name = "",
                }
            }
        }
        let wanted = |name: &str| understood(name, None).is_some();
        for object in objects.into_iter().take(MOST_OBJECTS) {
            for (attribute, values) in file.numbers_of(object, &wanted) {
                let name = match object {
                    "" => attribute,
                    object => format!("{object}@{attribute}"),
                };
                found.extend(one(&values).and_then(|value| tell(&name, None, value)));
            }
        }
    }
    found
}

/// What a unit measures and its size, however its letters are written where these are several.
fn unit(name: &str, upper: bool) -> Option<(Of, f64)> {
    let exact = UNITS.iter().find(|(unit, ..)| *unit == name);
    let alike = || {
        let same = |unit: &str| unit.to_lowercase() == name.to_lowercase();
        UNITS.iter().find(|(unit, ..)| (upper || unit.chars().count() > 1) && same(unit))
    };
    exact.or_else(alike).map(|&(_, of, size)| (of, size))
}

/// The unit at the end of a name's words, which it is taken from.
fn unit_of(words: &mut Vec<&str>, upper: bool) -> Option<(Of, f64)> {
    let inverse = |(of, size): (Of, f64)| (of == Of::Length).then(|| (Of::Frequency, 1.0 / size));
    // `dk_1_A`, `dk_per_A`, `dk_inv_A`; `dk_A-1`, in which the sign parts words; `dk_invA`.
    let found = match *words.as_slice() {
        [.., one, name] if ["1", "inv", "per"].contains(&one.to_lowercase().as_str()) => {
            unit(name, upper).and_then(inverse).map(|of| (of, 2))
        }
        [.., name, "1" | "\u{b9}"] => unit(name, upper).and_then(inverse).map(|of| (of, 2)),
        _ => None,
    };
    let name = *words.last()?;
    let prefixed = || {
        let lower = name.to_lowercase();
        let prefix = ["inv", "per", "1"].into_iter().find(|prefix| lower.starts_with(prefix))?;
        // What is behind the prefix of a name in small letters, `inva`, is one in small letters.
        let name = name.get(prefix.len()..)?;
        let upper = upper || name.chars().count() == 1;
        unit(name, upper).and_then(inverse)
    };
    let (of, count) = found.or_else(|| Some((unit(name, upper).or_else(prefixed)?, 1)))?;
    words.truncate(words.len() - count);
    Some(of)
}

/// The unit that is written beside a value.
fn unit_beside(text: &str) -> Option<(Of, f64)> {
    let text = text.trim();
    let of_pixel = ["/px", "/pixel", "/pix", " per pixel"];
    let text = of_pixel.iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    Some(match scale(text) {
        Some(Scale::Metres(size)) => (Of::Length, size),
        Some(Scale::PerMetre(size)) => (Of::Frequency, size),
        Some(Scale::Radians(size)) => (Of::Angle, size),
        None if text == "\u{b0}" => unit("deg", false)?,
        None => unit(text, false)?,
    })
}

/// Meaning and unit of a name, with the unit `beside` its value where there is one.
fn understood(name: &str, beside: Option<&str>) -> Option<(Meaning, Of, f64)> {
    let last = name.rsplit(['/', '@']).next().unwrap_or_default();
    let mut words: Vec<&str> =
        last.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `mrad_per_pixel` and `dk_invA_per_px` are scales of the detector.
    let mut per_pixel = false;
    if let [.., per, pixel] = *words.as_slice()
        && per.eq_ignore_ascii_case("per")
        && ["pixel", "px", "pix"].contains(&pixel.to_lowercase().as_str())
    {
        words.truncate(words.len() - 2);
        per_pixel = true;
    }
    let of_name = |words: &[&str]| {
        let named = |words: &[&str]| {
            let plain = words.concat().to_lowercase();
            let known = NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
            known.map(|(meaning, _)| (*meaning, plain))
        };
        // One of each axis: `step_x_nm`.
        named(words).or_else(|| match words {
            [before @ .., "x" | "y" | "X" | "Y"] => named(before),
            _ => None,
        })
    };
    let with_unit = |words: &[&str], unit| Some((of_name(words)?, unit));
    let all = words.clone();
    let upper = !last.chars().any(char::is_lowercase);
    let by_name = unit_of(&mut words, upper);
    let (known, (of, size)) = match beside.and_then(unit_beside) {
        Some(unit) => with_unit(&all, unit)
            .map(|(known, unit)| (Some(known), unit))
            .or_else(|| Some((of_name(&words), by_name?)))?,
        None => (of_name(&words), by_name?),
    };
    let (meaning, plain) = match known {
        Some(known) => known,
        None if per_pixel => (Meaning::Scale, String::new()),
        None => return None,
    };
    // A step or a pixel of the detector may be said in its own unit.
    let meaning = match (meaning, of) {
        (Meaning::Pixel, Of::Frequency | Of::Angle) => Meaning::Scale,
        (meaning, _) => meaning,
    };
    let fits = match meaning {
        Meaning::Step | Meaning::Pixel | Meaning::Pitch | Meaning::Distance | Meaning::Defocus => {
            of == Of::Length
        }
        Meaning::Scale => matches!(of, Of::Frequency | Of::Angle),
        Meaning::Beam => match plain.as_str() {
            "wavelength" | "lambda" => of == Of::Length,
            name if name.ends_with("energy") => of == Of::Energy,
            _ => matches!(of, Of::Voltage | Of::Energy),
        },
        Meaning::SemiAngle | Meaning::Rotation => of == Of::Angle,
    };
    fits.then_some((meaning, of, size))
}

/// What a number of such a name may be, and what to type; nothing where it can be no such thing.
fn tell(name: &str, beside: Option<&str>, value: f64) -> Option<Told> {
    let (meaning, of, size) = understood(name, beside)?;
    let signed = matches!(meaning, Meaning::Defocus | Meaning::Rotation);
    if !value.is_finite() || (!signed && value <= 0.0) {
        return None;
    }
    let plain = name.rsplit(['/', '@']).next().unwrap_or_default().to_lowercase();
    let si = value * size;
    let (what, typed) = match meaning {
        Meaning::Step => ("the step of the scan", format!("--scan-step-m {}", number(si))),
        Meaning::Scale if of == Of::Frequency => (
            "the scale of the detector",
            format!("--inv-angstrom-per-pixel {}", number(si * 1e-10)),
        ),
        Meaning::Scale => {
            ("the scale of the detector", format!("--mrad-per-pixel {}", number(si * 1e3)))
        }
        Meaning::Pixel if si < OF_DETECTOR => {
            ("the pixel of the object", format!("--pixel-size-m {}", number(si)))
        }
        Meaning::Pixel | Meaning::Pitch => {
            ("the pitch of the detector", format!("--detector-pixel-size-m {}", number(si)))
        }
        Meaning::Distance => {
            ("the distance of the detector", format!("--distance-m {}", number(si)))
        }
        Meaning::Beam => ("that of the beam", beam(&plain, of, si)),
        Meaning::SemiAngle => {
            ("the convergence semi-angle", format!("--semi-angle-mrad {}", number(si * 1e3)))
        }
        Meaning::Defocus => {
            ("the defocus, where positive is overfocus", format!("--defocus-m {}", number(si)))
        }
        Meaning::Rotation => {
            ("the rotation of the scan", format!("--scan-rotation-deg {}", number(si.to_degrees())))
        }
    };
    let unit = beside.map(|unit| format!(" {}", unit.trim())).unwrap_or_default();
    let text = format!("{name} = {}{unit}, which may be {what}: {typed}", number(value));
    Some(Told { meaning, text })
}

/// What to type for a voltage, an energy or a wavelength, in volts, electronvolts or metres.
fn beam(name: &str, of: Of, si: f64) -> String {
    let voltage = |volts: f64| format!("--voltage-kv {}", number(volts * 1e-3));
    let energy = |energy: f64| format!("--energy-kev {}", number(energy * 1e-3));
    match of {
        Of::Length if si < OF_ELECTRONS => voltage(electron_voltage(si)),
        // Energy and wavelength of a photon are the inverse of each other.
        Of::Length => energy(photon_wavelength(si)),
        Of::Voltage => voltage(si),
        _ if name.contains("photon") => energy(si),
        _ if !name.contains("energy") || name.contains("electron") => voltage(si),
        _ => format!("{} for photons, {} for electrons", energy(si), voltage(si)),
    }
}

/// A number as it is typed, without what single precision and the change of units add to it.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    match rounded.abs() {
        size if size == 0.0 || (1e-3..1e6).contains(&size) => rounded.to_string(),
        _ => format!("{rounded:e}"),
    }
}

/// What is told of these meanings, as the end of a sentence about what is missing; nothing where
/// nothing is.
pub(super) fn perhaps(told: &[Told], meanings: &[Meaning]) -> String {
    let of = told.iter().filter(|told| meanings.contains(&told.meaning));
    let texts: Vec<&str> = of.map(|told| told.text.as_str()).collect();
    match texts.is_empty() {
        true => String::new(),
        false => format!("; the file has {}", texts.join(", and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, value: f64) -> Option<String> {
        typed_with(name, None, value)
    }

    fn typed_with(name: &str, beside: Option<&str>, value: f64) -> Option<String> {
        let text = tell(name, beside, value)?.text;
        text.split(": ").nth(1).map(str::to_owned)
    }

    #[test]
    fn names_with_units_are_told_in_the_units_of_the_options() {
        for (name, value, expected) in [
            ("scan_step_A", 5.0, "--scan-step-m 5e-10"),
            ("entry/scanStep_nm", 0.3125, "--scan-step-m 3.125e-10"),
            ("step [um]", f64::from(0.1_f32), "--scan-step-m 1e-7"),
            ("dk_invA", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk_inv_nm", 0.25, "--inv-angstrom-per-pixel 0.025"),
            ("dk_per_A", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("Q_pixel_size_mrad", 0.5, "--mrad-per-pixel 0.5"),
            ("mrad_per_pixel", 0.5, "--mrad-per-pixel 0.5"),
            ("pixel_size_urad", 33.0, "--mrad-per-pixel 0.033"),
            ("pixel_size_A", 0.39, "--pixel-size-m 3.9e-11"),
            ("pixel_size_um", 75.0, "--detector-pixel-size-m 7.5e-5"),
            ("det_pixel_size_mm", 0.172, "--detector-pixel-size-m 1.72e-4"),
            ("camera_length_cm", 38.0, "--distance-m 0.38"),
            ("voltage_kV", 300.0, "--voltage-kv 300"),
            ("HV_V", 8e4, "--voltage-kv 80"),
            ("energy_keV", 8.0, "--energy-kev 8 for photons, --voltage-kv 8 for electrons"),
            ("photon_energy_eV", 8333.0, "--energy-kev 8.333"),
            ("wavelength_A", 1.239_841_984, "--energy-kev 10"),
            ("lambda_pm", 1.968_748_9, "--voltage-kv 300"),
            ("convergence_semiangle_mrad", 21.4, "--semi-angle-mrad 21.4"),
            ("alpha_rad", 0.02, "--semi-angle-mrad 20"),
            ("defocus_nm", -20.0, "--defocus-m -2e-8"),
            ("grid@scan_rotation_deg", -12.0, "--scan-rotation-deg -12"),
            ("dk_1_A", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk_A-1", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk_nm^-1", 0.25, "--inv-angstrom-per-pixel 0.025"),
            ("dk_1A", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk_inva", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("DK_INV_A", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("SCAN_STEP_A", 5.0, "--scan-step-m 5e-10"),
            ("SCAN_STEP_NM", 0.5, "--scan-step-m 5e-10"),
            ("DISTANCE_M", 2.0, "--distance-m 2"),
            ("VOLTAGE_KV", 300.0, "--voltage-kv 300"),
            ("voltage_kv", 300.0, "--voltage-kv 300"),
            ("PHOTON_ENERGY_KEV", 8.0, "--energy-kev 8"),
            ("MRAD_PER_PIXEL", 0.5, "--mrad-per-pixel 0.5"),
            ("step_x_nm", 0.5, "--scan-step-m 5e-10"),
        ] {
            assert_eq!(typed(name, value).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn units_beside_a_value_are_those_of_its_name() {
        for (name, unit, value, expected) in [
            ("meta/scan_step", "A", 5.0, "--scan-step-m 5e-10"),
            ("scan_step", "\u{c5}", 5.0, "--scan-step-m 5e-10"),
            ("dk", "1/A", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk", "\u{c5}\u{207b}\u{b9}", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("dk", "A^-1/px", 0.025, "--inv-angstrom-per-pixel 0.025"),
            ("q_pixel_size", "mrad/pixel", 0.5, "--mrad-per-pixel 0.5"),
            ("voltage", "kV", 300.0, "--voltage-kv 300"),
            ("rotation", "\u{b0}", -12.0, "--scan-rotation-deg -12"),
            ("energy_keV", "keV", 8.0, "--energy-kev 8 for photons, --voltage-kv 8 for electrons"),
            ("defocus_nm", "unknown", -20.0, "--defocus-m -2e-8"),
        ] {
            assert_eq!(typed_with(name, Some(unit), value).as_deref(), Some(expected), "{name}");
        }
        for (name, unit) in [("scan_step", "px"), ("scan_step", "s"), ("exposure", "A"), ("", "m")]
        {
            assert_eq!(typed_with(name, Some(unit), 5.0), None, "{name} {unit}");
        }
        assert_eq!(one(&[5.0, 5.0]), Some(5.0));
        assert!(one(&[5.0, 6.0]).is_none() && one(&[5.0; 3]).is_none() && one(&[]).is_none());
    }

    #[test]
    fn other_names_and_numbers_say_nothing() {
        for (name, value) in [
            ("step", 5.0),
            ("A", 5.0),
            ("_A", 5.0),
            ("", 5.0),
            ("step_a", 5.0),
            ("time_step_m", 5.0),
            ("voltage_nm", 5.0),
            ("step_mrad", 5.0),
            ("exposure_s", 5.0),
            ("scan_step_A", -5.0),
            ("scan_step_A", f64::NAN),
            ("voltage_kV", 0.0),
            ("per_pixel", 1.0),
            ("PER_PIXEL", 1.0),
            ("step_1", 1.0),
            ("1_A", 1.0),
            ("dk_1_kV", 1.0),
        ] {
            assert_eq!(typed(name, value), None, "{name}");
        }
    }
}
