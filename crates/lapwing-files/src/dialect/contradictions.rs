//! What the user says of an experiment where the file says something else.

use lapwing_model::probe::{electron_wavelength, photon_wavelength};

use crate::experiment::{Beam, Calibration};
use crate::remarks::{Remark, What};

/// Numbers that differ by more than this share are no roundings of each other.
const ROUNDED: f64 = 0.005;

/// What is said of an experiment, and what its file says.
pub(super) struct Scales {
    /// What the user says.
    pub said: Calibration,
    /// What the file says, whatever the user does.
    pub told: Calibration,
    /// Side of an object pixel along (y, x), metres, as the user says it, and as everything else
    /// makes it.
    pub pixel: Pair,
    /// Pixels of the object, as they are used, per pixel of the file, along (y, x).
    pub finer: (f64, f64),
    /// Whether the positions are made of the step.
    pub steps_matter: bool,
}

impl Scales {
    /// A remark on each length that is said twice, and not alike; `beam` is what the user says of
    /// it.
    pub(super) fn remarks(&self, beam: &Beam) -> Vec<Remark> {
        let Self { said, told, .. } = self;
        let mut remarks = Vec::new();
        if let (Some(said), Some(told)) = (said.wavelength, told.wavelength)
            && differ((said, said), (told, told))
        {
            let (flag, said, told) = match beam.voltage_kv {
                Some(said) => ("--voltage-kv", format!("{said} kV"), voltage(told)),
                None => ("--energy-kev", energy(said), energy(told)),
            };
            remarks.push(contradiction("beam", flag, &said, &told));
        }
        let mut look = |what: &str, flag: &str, values: Pair, unit: (&str, f64)| {
            let (said, told) = values;
            remarks.extend(
                said.zip(told).and_then(|(said, told)| remark(what, flag, said, told, unit)),
            );
        };
        let both = |length: Option<f64>| length.map(|length| (length, length));
        look(
            "distance of the detector",
            "--distance-m",
            (both(said.distance), both(told.distance)),
            ("m", 1.0),
        );
        look(
            "pixel of the detector",
            "--detector-pixel-size-m",
            (said.pitch, told.pitch),
            ("um", 1e6),
        );
        let angle = said.angle.and_then(|_| told.angle());
        look("angle of a pixel", "--mrad-per-pixel", (said.angle, angle), ("mrad", 1e3));
        let frequency = said.frequency.and_then(|_| told.frequency());
        look(
            "frequency of a pixel",
            "--inv-angstrom-per-pixel",
            (said.frequency, frequency),
            ("1/Angstrom", 1e-10),
        );
        if self.steps_matter {
            look("step of the scan", "--scan-step-m", (said.step, told.step), ("nm", 1e9));
        }
        if let (Some(said), Some(told)) = self.pixel
            && differ(said, told)
        {
            let (nm, finer) = (("nm", 1e9), self.finer);
            let told = match finer {
                (1.0, 1.0) => words(told, nm),
                _ => {
                    let of_file = words((told.0 * finer.0, told.1 * finer.1), nm);
                    format!("{of_file}, which are {} of the pixels used here", words(told, nm))
                }
            };
            let flag = "--pixel-size-m";
            remarks.push(contradiction("pixel of the object", flag, &words(said, nm), &told));
        }
        remarks
    }
}

/// What is said and what the file says, along (y, x).
pub(super) type Pair = (Option<(f64, f64)>, Option<(f64, f64)>);

fn differ(said: (f64, f64), told: (f64, f64)) -> bool {
    let apart = |said: f64, told: f64| (said / told - 1.0).abs() > ROUNDED;
    apart(said.0, told.0) || apart(said.1, told.1)
}

fn remark(
    what: &str,
    flag: &str,
    said: (f64, f64),
    told: (f64, f64),
    unit: (&str, f64),
) -> Option<Remark> {
    differ(said, told).then(|| contradiction(what, flag, &words(said, unit), &words(told, unit)))
}

/// A length, or one along y and one along x, in a unit of which a metre has so many.
fn words((y, x): (f64, f64), (unit, each): (&str, f64)) -> String {
    match y == x {
        true => format!("{} {unit}", number(y * each)),
        false => format!("{} x {} {unit}", number(y * each), number(x * each)),
    }
}

fn contradiction(what: &str, flag: &str, said: &str, told: &str) -> Remark {
    Remark::new(
        What::Contradiction,
        format!("{what}: {said} as said ({flag}), where the file has {told}"),
        format!("what is said is taken; if the file is right, leave {flag} out"),
    )
}

/// With five digits, without the zeros that follow.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
    match (1e-4..1e6).contains(&rounded.abs()) {
        true => rounded.to_string(),
        false => format!("{rounded:e}"),
    }
}

/// Photons of a wavelength.
fn energy(wavelength: f64) -> String {
    format!("{} keV", number(photon_wavelength(1e3) / wavelength))
}

/// Electrons of a wavelength, which falls with the voltage.
fn voltage(wavelength: f64) -> String {
    let (mut low, mut high) = (1.0_f64, 1e8);
    for _ in 0..80 {
        let middle = (low * high).sqrt();
        match electron_wavelength(middle) > wavelength {
            true => low = middle,
            false => high = middle,
        }
    }
    format!("{} kV", number((low * high).sqrt() / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: Calibration, told: Calibration, beam: Beam) -> Vec<String> {
        let scales =
            Scales { said, told, pixel: (None, None), finer: (1.0, 1.0), steps_matter: true };
        scales.remarks(&beam).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_said_otherwise_is_told_with_both_numbers() {
        let optics = |kev: f64, distance: f64| Calibration {
            wavelength: Some(photon_wavelength(kev * 1e3)),
            distance: Some(distance),
            pitch: Some((75e-6, 75e-6)),
            ..Calibration::default()
        };
        let beam = Beam { energy_kev: Some(8.0), ..Beam::default() };
        let told = of(optics(8.0, 1.0), optics(8.003, 1.0), beam);
        assert_eq!(told, [""; 0], "a rounding");
        let told = of(optics(8.0, 1.0), optics(10.0, 2.5), beam);
        assert!(
            told[0].starts_with("beam: 8 keV as said (--energy-kev), where the file has 10 keV")
        );
        assert!(
            told[1].contains("1 m as said (--distance-m), where the file has 2.5 m"),
            "{told:?}"
        );
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn an_angle_that_is_said_is_held_against_pitch_and_distance() {
        let said = Calibration { angle: Some((1e-4, 1e-4)), ..Calibration::default() };
        let file = Calibration {
            pitch: Some((5e-5, 6e-5)),
            distance: Some(1.0),
            step: Some((1e-9, 1e-9)),
            ..Calibration::default()
        };
        let told = of(said, file, Beam::default());
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("0.1 mrad as said") && told[0].contains("0.05 x 0.06 mrad"),
            "{told:?}"
        );
    }

    #[test]
    fn volts_are_told_as_volts() {
        let of_kv = |kv: f64| Calibration {
            wavelength: Some(electron_wavelength(kv * 1e3)),
            ..Calibration::default()
        };
        let beam = Beam { voltage_kv: Some(200.0), ..Beam::default() };
        let told = of(of_kv(200.0), of_kv(300.0), beam);
        assert!(
            told[0].contains("200 kV as said (--voltage-kv), where the file has 300 kV"),
            "{told:?}"
        );
    }
}
