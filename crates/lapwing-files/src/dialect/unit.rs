//! Units as files write them.

use crate::Problem;
use crate::dialect::geometry::ELEMENTARY_CHARGE;
use crate::hdf5::Hdf5;

/// A unit that is one, by its looks, and none of those that are understood.
pub(super) fn not_understood(unit: &str) -> Option<String> {
    let plain = unit.trim().trim_matches(['<', '>']).to_lowercase();
    let none = ["", "px", "pixel", "pixels", "none", "undefined", "unknown", "a.u."];
    (!none.contains(&plain.as_str()) && scale(unit).is_none()).then(|| unit.trim().to_owned())
}

/// What a unit measures, and how much of it in SI units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// A length.
    Metres(f64),
    /// A spatial frequency.
    PerMetre(f64),
    /// An angle.
    Radians(f64),
}

/// The meaning of a unit as programs of electron microscopy write it.
pub(super) fn scale(unit: &str) -> Option<Scale> {
    let plain: String = unit
        .chars()
        .filter(|c| {
            !c.is_whitespace() && !matches!(c, '[' | ']' | '_' | '(' | ')' | '{' | '}' | '$')
        })
        .map(|c| match c {
            'Å' | '\u{212b}' => 'A',
            'μ' | 'µ' => 'u',
            '⁻' => '-',
            '¹' => '1',
            other => other,
        })
        .collect();
    let length = |name: &str| -> Option<f64> {
        Some(match name {
            "m" => 1.0,
            "cm" => 1e-2,
            "mm" => 1e-3,
            "um" => 1e-6,
            "nm" => 1e-9,
            "pm" => 1e-12,
            "A" | "Ang" => 1e-10,
            name => match name.to_lowercase().trim_end_matches('s') {
                "meter" | "metre" => 1.0,
                "centimeter" | "centimetre" => 1e-2,
                "millimeter" | "millimetre" => 1e-3,
                "micrometer" | "micrometre" | "micron" => 1e-6,
                "nanometer" | "nanometre" => 1e-9,
                "picometer" | "picometre" => 1e-12,
                "angstrom" => 1e-10,
                _ => return None,
            },
        })
    };
    let inverse = plain.strip_prefix("1/").or_else(|| plain.strip_suffix("^-1"));
    let inverse = inverse.or_else(|| plain.strip_suffix("-1"));
    // Spatial frequencies are written as k, too.
    let inverse = inverse.map(|name| name.strip_prefix('k').unwrap_or(name));
    if let Some(metres) = inverse.and_then(length) {
        return Some(Scale::PerMetre(1.0 / metres));
    }
    match plain.as_str() {
        "rad" => Some(Scale::Radians(1.0)),
        "mrad" | "milliradians" => Some(Scale::Radians(1e-3)),
        "urad" => Some(Scale::Radians(1e-6)),
        other => length(other).map(Scale::Metres),
    }
}

/// Joules of a unit of energy.
fn joules(unit: &str) -> Option<f64> {
    let electronvolts = match unit.trim().to_lowercase().as_str() {
        "j" | "joule" | "joules" => return Some(1.0),
        "ev" | "electronvolt" | "electronvolts" => 1.0,
        "kev" => 1e3,
        "mev" => 1e6,
        _ => return None,
    };
    Some(electronvolts * ELEMENTARY_CHARGE)
}

/// What the attribute `units` of an array says, if it says anything.
pub(super) fn stated(file: &Hdf5, name: &str) -> Option<String> {
    file.text_attribute(name, "units").filter(|unit| !unit.trim().is_empty())
}

/// Metres of the unit of an array, `usual` where it states none; a problem where that is no unit of
/// length, which `option` gets around.
pub(super) fn metres_of(file: &Hdf5, name: &str, usual: f64, option: &str) -> Result<f64, Problem> {
    let Some(unit) = stated(file, name) else { return Ok(usual) };
    match scale(&unit) {
        Some(Scale::Metres(metres)) => Ok(metres),
        _ => Err(strange(name, "length (m, cm, mm, um, nm, angstrom)", &unit, option)),
    }
}

/// Joules of the unit of an array, as [`metres_of`].
pub(super) fn joules_of(file: &Hdf5, name: &str, usual: f64, option: &str) -> Result<f64, Problem> {
    let Some(unit) = stated(file, name) else { return Ok(usual) };
    joules(&unit).ok_or_else(|| strange(name, "energy (J, eV, keV)", &unit, option))
}

fn strange(name: &str, kind: &str, unit: &str, option: &str) -> Problem {
    let expected = format!("a unit of {kind}, or that the value is said ({option})");
    Problem::new(name, expected, format!("units {unit:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_in_their_spellings() {
        for unit in
            ["A^-1", "1/A", "Å⁻¹", "1 / Angstrom", "[A^-1]", "$A^{-1}$", "k_A^{-1}", "$k_{A}^{-1}$"]
        {
            let Some(Scale::PerMetre(each)) = scale(unit) else { panic!("{unit}") };
            assert!((each * 1e-10 - 1.0).abs() < 1e-12, "{unit}");
        }
        assert_eq!(scale("µm"), Some(Scale::Metres(1e-6)));
        assert_eq!(scale("mrad"), Some(Scale::Radians(1e-3)));
        assert_eq!((scale("pixels"), scale("")), (None, None));
        let of_nm = scale("$nm^{-1}$");
        assert!(matches!(of_nm, Some(Scale::PerMetre(each)) if (each * 1e-9 - 1.0).abs() < 1e-12));
        assert_eq!(not_understood("furlongs").as_deref(), Some("furlongs"));
        assert!(
            ["", "pixels", "<undefined>", "$A^{-1}$"].iter().all(|u| not_understood(u).is_none())
        );
    }

    #[test]
    fn lengths_and_energies_are_understood_in_full() {
        for unit in ["meters", "metre", "Meter"] {
            assert_eq!(scale(unit), Some(Scale::Metres(1.0)), "{unit}");
        }
        assert_eq!(scale("cm"), Some(Scale::Metres(1e-2)));
        assert_eq!(scale("Micrometers"), Some(Scale::Metres(1e-6)));
        assert_eq!(scale("furlongs"), None);
        assert_eq!(joules("keV"), Some(1e3 * ELEMENTARY_CHARGE));
        assert_eq!((joules("J"), joules("mm")), (Some(1.0), None));
    }
}
