//! The section `[radiation]`: what photons or electrons leave in the specimen, and how many come.

use crate::design::error::DesignError;
use lapwing_files::experiment::Beam;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Joule in a kiloelectronvolt.
const KEV: f64 = 1.602_176_634e-16;

/// Beam and specimen as far as a dose in gray and times of exposure need them. Everything is
/// optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Radiation {
    /// Photon energy, keV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_kev: Option<f64>,
    /// Voltage that accelerates electrons, kV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_kv: Option<f64>,
    /// Mass energy-absorption coefficient of the specimen, m^2/kg (a tenth of cm^2/g).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_absorption_m2_kg: Option<f64>,
    /// Absorption index beta of the specimen, in place of the coefficient, with the density.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Density of the specimen, kg/m^3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub density_kg_m3: Option<f64>,
    /// Mass stopping power of the specimen for electrons, MeV cm^2/g.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopping_power: Option<f64>,
    /// Photons or electrons per second on the specimen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux_per_s: Option<f64>,
    /// Time that a position takes besides its exposure, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overhead_s: Option<f64>,
    /// Share of the photons on the specimen that are counted, 1 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
}

impl Radiation {
    /// Energy that a photon or electron leaves in a kilogram for each per square metre, J m^2/kg:
    /// energy times mass energy-absorption coefficient (of an absorption index, 4 pi beta / (lambda
    /// rho), which counts all that is absorbed), or mass stopping power. `None` where that is not
    /// told.
    pub fn deposit(&self) -> Option<f64> {
        let of_index = || {
            let per_metre = 4.0 * PI * self.beta? / self.wavelength()?;
            Some(per_metre / self.density_kg_m3?)
        };
        let photons = || {
            let absorption = self.mass_absorption_m2_kg.or_else(of_index)?;
            Some(absorption * self.energy_kev? * KEV)
        };
        // MeV cm^2/g: 1e3 keV, 1e-4 m^2, 1e3 per kg.
        let electrons = || Some(self.stopping_power? * 1e2 * KEV);
        photons().or_else(electrons)
    }

    /// Wavelength of the beam, metres, where it is told.
    pub fn wavelength(&self) -> Option<f64> {
        Beam { energy_kev: self.energy_kev, voltage_kv: self.voltage_kv }.wavelength()
    }

    /// Dose in gray of so many counted photons per square metre of the specimen.
    pub fn gray(&self, counted_per_m2: f64) -> Option<f64> {
        Some(self.deposit()? * counted_per_m2 / self.efficiency.unwrap_or(1.0))
    }

    /// Exposure of a position, seconds, that brings so many counted photons.
    pub fn exposure_s(&self, counted: f64) -> Option<f64> {
        Some(counted / self.efficiency.unwrap_or(1.0) / self.flux_per_s?)
    }

    /// Time of a scan of so many positions, seconds, with overheads.
    pub fn scan_s(&self, counted: f64, positions: f64) -> Option<f64> {
        Some(positions * (self.exposure_s(counted)? + self.overhead_s.unwrap_or(0.0)))
    }

    /// Refuses numbers out of their ranges, and an absorption that cannot be made of what is told.
    ///
    /// # Errors
    /// The key, what was expected of it and what was found.
    pub(super) fn check(&self) -> Result<(), DesignError> {
        for (field, value) in [
            ("radiation.energy_kev", self.energy_kev),
            ("radiation.voltage_kv", self.voltage_kv),
            ("radiation.mass_absorption_m2_kg", self.mass_absorption_m2_kg),
            ("radiation.beta", self.beta),
            ("radiation.density_kg_m3", self.density_kg_m3),
            ("radiation.stopping_power", self.stopping_power),
            ("radiation.flux_per_s", self.flux_per_s),
        ] {
            if let Some(wrong) = value.filter(|value| !(*value > 0.0 && value.is_finite())) {
                return Err(DesignError::rule(field, "a number above 0", wrong));
            }
        }
        if let Some(wrong) = self.overhead_s.filter(|s| !(*s >= 0.0 && s.is_finite())) {
            return Err(DesignError::rule("radiation.overhead_s", "a number, 0 or more", wrong));
        }
        if let Some(wrong) = self.efficiency.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
            let expected = "a share, above 0 and at most 1";
            return Err(DesignError::rule("radiation.efficiency", expected, wrong));
        }
        if self.energy_kev.is_some() && self.voltage_kv.is_some() {
            let expected = "either energy_kev of photons or voltage_kv of electrons";
            return Err(DesignError::rule("radiation", expected, "both"));
        }
        if self.energy_kev.is_some() && self.stopping_power.is_some() {
            let expected = "voltage_kv of the electrons beside it";
            return Err(DesignError::rule("radiation.stopping_power", expected, "energy_kev"));
        }
        let told = [self.mass_absorption_m2_kg, self.beta, self.density_kg_m3, self.stopping_power];
        if told.iter().any(Option::is_some) && self.deposit().is_none() {
            let expected = "energy_kev with mass_absorption_m2_kg, or with beta and density_kg_m3, or \
                            the stopping_power of electrons";
            return Err(DesignError::rule("radiation", expected, "a part of that"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_is_energy_absorbed_over_mass() {
        // 1e15 photons of 10 keV per square metre, of which a kilogram takes 0.5 square metres:
        // 1e15 x 0.5 x 1.602e-15 J.
        let radiation = Radiation {
            energy_kev: Some(10.0),
            mass_absorption_m2_kg: Some(0.5),
            ..Radiation::default()
        };
        assert!((radiation.gray(1e15).unwrap() / (0.5 * 1.602_176_634) - 1.0).abs() < 1e-12);
        // Of which every second one is counted.
        let half = Radiation { efficiency: Some(0.5), flux_per_s: Some(1e6), ..radiation };
        assert!((half.gray(1e15).unwrap() / 1.602_176_634 - 1.0).abs() < 1e-12);
        assert_eq!(half.exposure_s(1e4), Some(0.02));
        let slow = Radiation { overhead_s: Some(0.03), ..half };
        assert!((slow.scan_s(1e4, 100.0).unwrap() - 5.0).abs() < 1e-12);
        assert_eq!(radiation.exposure_s(1e4), None);
    }

    #[test]
    fn an_absorption_index_is_a_coefficient() {
        // Water at 10 keV: mu / rho = 0.533 m^2/kg (total); beta = mu lambda / (4 pi).
        let beam = Beam { energy_kev: Some(10.0), voltage_kv: None };
        let beta = 0.533 * 1000.0 * beam.wavelength().unwrap() / (4.0 * PI);
        let by_index = Radiation {
            energy_kev: Some(10.0),
            beta: Some(beta),
            density_kg_m3: Some(1000.0),
            ..Radiation::default()
        };
        let known = Radiation {
            energy_kev: Some(10.0),
            mass_absorption_m2_kg: Some(0.533),
            ..Radiation::default()
        };
        assert!((by_index.deposit().unwrap() / known.deposit().unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn electrons_leave_their_stopping_power() {
        // 2.3 MeV cm^2/g: one electron per square metre leaves 2.3e6 x 1e-4 x 1e3 eV in a kilogram.
        let radiation = Radiation {
            voltage_kv: Some(300.0),
            stopping_power: Some(2.3),
            ..Radiation::default()
        };
        let expected = 2.3e6 * 1e-4 * 1e3 * 1.602_176_634e-19;
        assert!((radiation.deposit().unwrap() / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let one = Radiation { energy_kev: Some(10.0), ..Radiation::default() };
        assert!(one.check().is_ok() && one.deposit().is_none());
        for (wrong, part) in [
            (Radiation { energy_kev: Some(-1.0), ..one }, "energy_kev"),
            (Radiation { voltage_kv: Some(300.0), ..one }, "both"),
            (Radiation { beta: Some(1e-9), ..one }, "density_kg_m3"),
            (Radiation { efficiency: Some(1.5), ..one }, "efficiency"),
            (Radiation { overhead_s: Some(f64::NAN), ..one }, "overhead_s"),
        ] {
            let told = wrong.check().unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
