//! Numbers beside the patterns whose names say what they are and in which unit: `scan_step_A`,
//! `dk_invA`, `voltage_kV`.
//!
//! Such names are nobody's standard, so nothing is taken from them: they are told, with what to
//! type where they are meant.

use lapwing_model::probe::{electron_voltage, photon_wavelength};

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
    (Meaning::Distance, &["distance", "detectordistance", "detdistance", "cameralength"]),
    (Meaning::Beam, &["voltage", "hv", "ht", "beamvoltage", "acceleratingvoltage", "accelerationvoltage", "energy", "beamenergy", "photonenergy", "electronenergy", "wavelength", "lambda"]),
    (Meaning::SemiAngle, &["semiangle", "convergence", "convergenceangle", "convergencesemiangle", "semiconvergenceangle", "alpha", "probesemiangle"]),
    (Meaning::Defocus, &["defocus", "df", "c10", "probedefocus"]),
    (Meaning::Rotation, &["rotation", "rotationangle", "scanrotation", "scanrotationangle", "scanangle"]),
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
    ("invA", Of::Frequency, 1e10),
    ("invAng", Of::Frequency, 1e10),
    ("invnm", Of::Frequency, 1e9),
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

/// The numbers of a file whose names say what they may be, in its order.
pub(super) fn told(file: &Container) -> Vec<Told> {
    let Ok(arrays) = file.list() else { return Vec::new() };
    let mut found = Vec::new();
    let scalars = arrays.iter().filter(|array| array.shape.iter().all(|&length| length == 1));
    for array in scalars.take(MOST) {
        if understood(&array.name).is_some()
            && let Ok(values) = file
                .read(&array.name)
                .and_then(|array| array.to_f64().map_err(|source| file.unfit("", source)))
            && let [value] = *values.as_slice()
        {
            found.extend(tell(&array.name, value));
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
        for object in objects.into_iter().take(MOST_OBJECTS) {
            for (attribute, value) in file.numbers_of(object, &|name| understood(name).is_some()) {
                let name = match object {
                    "" => attribute,
                    object => format!("{object}@{attribute}"),
                };
                found.extend(tell(&name, value));
            }
        }
    }
    found
}

/// Meaning and unit of a name.
fn understood(name: &str) -> Option<(Meaning, Of, f64)> {
    let last = name.rsplit(['/', '@']).next().unwrap_or_default();
    let mut words: Vec<&str> =
        last.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `mrad_per_pixel` and `dk_invA_per_px` are scales of the detector.
    let mut per_pixel = false;
    if let [.., "per", "pixel" | "px" | "pix"] = *words.as_slice() {
        words.truncate(words.len() - 2);
        per_pixel = true;
    }
    let unit = words.pop()?;
    let (_, mut of, mut size) = *UNITS.iter().find(|(name, ..)| *name == unit)?;
    if let Some(&"inv" | &"per") = words.last()
        && of == Of::Length
    {
        words.pop();
        (of, size) = (Of::Frequency, 1.0 / size);
    }
    let plain = words.concat().to_lowercase();
    let known = NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
    let meaning = match known {
        Some((meaning, _)) => *meaning,
        None if per_pixel => Meaning::Scale,
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
fn tell(name: &str, value: f64) -> Option<Told> {
    let (meaning, of, size) = understood(name)?;
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
    let text = format!("{name} = {}, which may be {what}: {typed}", number(value));
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
        let text = tell(name, value)?.text;
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
        ] {
            assert_eq!(typed(name, value).as_deref(), Some(expected), "{name}");
        }
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
        ] {
            assert_eq!(typed(name, value), None, "{name}");
        }
    }
}
