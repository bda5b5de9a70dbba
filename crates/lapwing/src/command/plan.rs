//! `lapwing plan`: an experiment before there are data.

use crate::output::Output;
use crate::stop::stoppable;
use crate::value;
use crate::watch::Watch;
use anyhow::{Context, anyhow};
use clap::{ArgGroup, Args};
use lapwing_draw::number::label;
use lapwing_files::experiment::Beam;
use lapwing_study::StudyError;
use lapwing_study::design::Radiation;
use lapwing_study::forecast::{Dose, Forecast, ForecastRequest, of_material};
use lapwing_study::run::Rehearsal;
use lapwing_study::stream::size;
use serde_json::json;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Say which dose, scan and time an experiment needs, before there are data
///
/// The dose that counting statistics ask for to see a detail (Rose's criterion, five times its
/// error, on the Cramer-Rao bound), what reconstructions are expected to need, and the scan, the
/// time, the data and the memory that follow. Lengths are in metres.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lapwing plan --resolution-m 30e-9 --phase 0.1 --probe-diameter-m 1e-6 --field-m 10e-6 \\\n    \
    --flux 1e9 --overhead-s 0.01\n  \
    lapwing plan --resolution-m 20e-9 --delta 4e-6 --beta 3e-8 --thickness-m 1e-6 \\\n    \
    --energy-kev 6.2 --probe-diameter-m 500e-9 --field-m 5e-6x8e-6\n\n\
    docs/planning.md says what is computed, and how it compares with simulation.",
    group = ArgGroup::new("detail").args(["phase", "absorption", "delta"]).required(true).multiple(true)
)]
pub struct Plan {
    /// The detail to be seen, half a period
    #[arg(long, value_name = "M", value_parser = value::positive)]
    resolution_m: f64,
    /// Phase of the detail relative to its surroundings, radians
    #[arg(long, value_name = "RAD", value_parser = value::positive, conflicts_with = "delta")]
    phase: Option<f64>,
    /// Share of the amplitude that the detail takes away, 0 to below 1
    #[arg(long, value_name = "F", value_parser = value::overlap, conflicts_with = "delta")]
    absorption: Option<f64>,
    /// Decrement of the refractive index of the detail, in place of its phase
    #[arg(long, value_name = "DELTA", value_parser = value::not_negative, requires = "thickness_m")]
    delta: Option<f64>,
    /// Its absorption index
    #[arg(long, value_name = "BETA", value_parser = value::not_negative, requires = "delta")]
    beta: Option<f64>,
    /// Its thickness along the beam
    #[arg(long, value_name = "M", value_parser = value::positive)]
    thickness_m: Option<f64>,
    /// Photon energy, keV
    #[arg(long, value_name = "KEV", value_parser = value::positive)]
    energy_kev: Option<f64>,
    /// Voltage that accelerates electrons, kV
    #[arg(long, value_name = "KV", value_parser = value::positive, conflicts_with = "energy_kev")]
    voltage_kv: Option<f64>,
    /// Diameter of the illuminated disc
    #[arg(long, value_name = "M", value_parser = value::positive)]
    probe_diameter_m: f64,
    /// Height and width that the positions span, as HxW or one number
    #[arg(long, value_name = "HxW", value_parser = value::metres)]
    field_m: (f64, f64),
    /// Linear overlap of neighbouring discs, 0 to below 1
    #[arg(long, value_name = "F", default_value_t = 0.7, value_parser = value::overlap)]
    overlap: f64,
    /// Photons or electrons per second on the specimen
    #[arg(long, value_name = "PER_S", value_parser = value::positive)]
    flux: Option<f64>,
    /// Time that a position takes besides its exposure, seconds
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = value::not_negative)]
    overhead_s: f64,
    /// Share of the photons on the specimen that are counted
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = value::positive_share)]
    efficiency: f64,
    /// Side of an object pixel [default: half the detail]
    #[arg(long, value_name = "M", value_parser = value::positive)]
    pixel_size_m: Option<f64>,
    /// Side of a pattern, pixels [default: what holds the probe twice]
    #[arg(long, value_name = "N", value_parser = value::whole)]
    pattern_size: Option<usize>,
    /// Bytes that a detector pixel takes on disk
    #[arg(long, value_name = "B", default_value_t = 2.0, value_parser = value::positive)]
    bytes_per_pixel: f64,
    /// Mass energy-absorption coefficient of the specimen, m^2/kg (a tenth of cm^2/g), for a dose
    /// in gray
    #[arg(long, value_name = "MU", value_parser = value::positive, requires = "energy_kev")]
    mass_absorption_m2_kg: Option<f64>,
    /// Density of the specimen, kg/m^3, for a dose in gray from --beta
    #[arg(long, value_name = "RHO", value_parser = value::positive, requires_all = ["beta", "energy_kev"], conflicts_with = "mass_absorption_m2_kg")]
    density_kg_m3: Option<f64>,
    /// Mass stopping power of the specimen for electrons, MeV cm^2/g, for a dose in gray
    #[arg(long, value_name = "S", value_parser = value::positive, requires = "voltage_kv")]
    stopping_power: Option<f64>,
    /// Confirm the expected dose by a simulation of a part of the scan, seconds to minutes
    #[arg(long)]
    simulate: bool,
}

impl Plan {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let request = self.request()?;
        let found = request.answer()?;
        let mut words = self.words(&found);
        let mut record = json!(found);
        if self.simulate {
            let seen = stoppable(&mut Watch::new(output), |observe| request.rehearse(observe));
            let seen = seen.map_err(|error| match error.downcast_ref() {
                Some(StudyError::Stopped) => anyhow!("stopped; of the simulation nothing is kept"),
                _ => error,
            })?;
            record["simulated"] = json!(seen);
            words += &in_words(&seen);
        }
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> anyhow::Result<ForecastRequest> {
        let beam = Beam { energy_kev: self.energy_kev, voltage_kv: self.voltage_kv };
        let (phase, absorption) = match (self.delta, self.thickness_m) {
            (Some(delta), Some(thickness)) => {
                let wavelength = beam
                    .wavelength()
                    .context("--delta: expected --energy-kev or --voltage-kv beside it")?;
                of_material(delta, self.beta.unwrap_or(0.0), thickness, wavelength)
            }
            _ => (self.phase.unwrap_or(0.0), self.absorption.unwrap_or(0.0)),
        };
        let radiation = Radiation {
            energy_kev: self.energy_kev,
            voltage_kv: self.voltage_kv,
            mass_absorption_m2_kg: self.mass_absorption_m2_kg,
            beta: self.beta.filter(|&beta| beta > 0.0),
            density_kg_m3: self.density_kg_m3,
            stopping_power: self.stopping_power,
            ..Radiation::default()
        };
        Ok(ForecastRequest {
            resolution: self.resolution_m,
            phase,
            absorption,
            field: self.field_m,
            probe: self.probe_diameter_m,
            overlap: self.overlap,
            flux: self.flux,
            overhead: self.overhead_s,
            efficiency: self.efficiency,
            pixel: self.pixel_size_m,
            window: self.pattern_size,
            bytes: self.bytes_per_pixel,
            deposit: radiation.deposit(),
        })
    }

    fn words(&self, found: &Forecast) -> String {
        let mut words = format!(
            "a detail of {} with a contrast of {:.3}\n\
             scan: {} positions, steps of {}, overlap {:.2}; patterns of {} px, pixels of {}\n",
            length(self.resolution_m),
            found.contrast,
            found.patterns,
            length(found.step_m),
            self.overlap,
            found.window,
            length(found.pixel_m)
        );
        // Writing to a string does not fail.
        for (name, dose) in [
            ("the least that any microscope takes", &found.any_microscope),
            ("the least from far-field intensities (Cramer-Rao)", &found.bound),
            ("expected of a reconstruction (five times that)", &found.expected),
        ] {
            let _ = writeln!(words, "{name}: {}", of_dose(dose, self.resolution_m));
        }
        let _ = write!(
            words,
            "data {}, memory {}, reconstruction about {} (200 epochs, two cores)",
            size(found.data_bytes),
            size(found.memory_bytes),
            duration(found.reconstruction_s)
        );
        for remark in &found.remarks {
            let _ = write!(words, "\nremark: {remark}");
        }
        words
    }
}

/// What the simulation says about the expected dose.
fn in_words(seen: &Rehearsal) -> String {
    let ratio = seen.found_over_expected;
    let verdict = match ratio {
        r if r > 2.0 => "more than twice what is expected: plan with the larger dose",
        r if r < 0.5 => "less than half of what is expected",
        _ => "as expected within a factor of two",
    };
    format!(
        "\nsimulated: {} patterns of {:.0} photons over {:.0} x {:.0} pixels; {} details stood out \
         {:.1} times their error; five times takes {ratio:.2} of the expected dose, {verdict}",
        seen.patterns,
        seen.photons_per_pattern,
        seen.field_px.0,
        seen.field_px.1,
        seen.details,
        seen.stood_out
    )
}

fn of_dose(dose: &Dose, resolution: f64) -> String {
    let (density, unit) = match resolution < 1e-9 {
        true => (dose.fluence_m2 * 1e-20, "A^2"),
        false => (dose.fluence_m2 * 1e-12, "um^2"),
    };
    let mut text =
        format!("{density:.3e} per {unit} in all, {:.3e} per pattern", dose.photons_per_pattern);
    // Writing to a string does not fail.
    if let Some(gray) = dose.gray {
        let _ = write!(text, ", {gray:.2e} Gy");
    }
    if let (Some(exposure), Some(scan)) = (dose.exposure_s, dose.scan_s) {
        let _ = write!(text, ", exposure {}, scan {}", duration(exposure), duration(scan));
    }
    text
}

fn length(metres: f64) -> String {
    let (factor, unit) = match metres {
        m if m < 1e-9 => (1e12, "pm"),
        m if m < 1e-6 => (1e9, "nm"),
        m if m < 1e-3 => (1e6, "um"),
        _ => (1e3, "mm"),
    };
    format!("{:.3} {unit}", metres * factor)
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} us", label(s * 1e6, 3)),
        s if s < 1.0 => format!("{} ms", label(s * 1e3, 3)),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units_that_suit_them() {
        assert_eq!([3e-11, 3e-8, 2.5e-6].map(length), ["30.000 pm", "30.000 nm", "2.500 um"]);
        assert_eq!(
            [5e-6, 0.02, 61.0, 600.0, 1e5].map(duration),
            ["5 us", "20 ms", "61.0 s", "10.0 min", "27.8 h"]
        );
    }
}
