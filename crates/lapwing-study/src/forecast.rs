//! An experiment before there are data: the dose that counting statistics ask for, the scan that
//! brings it, and what the data will be.
//!
//! A detail of side d (the half period) whose transmission differs by c = |t - 1| from what is
//! around it is seen when the difference is k = 5 times the error with which it is known (A. Rose,
//! J. Opt. Soc. Am. 38, 196 (1948)). With N counted photons on d x d, no unbiased estimate of a
//! phase or of a relative amplitude is known better than
//!
//! - 1 / sqrt(4 N) by any microscope, and
//! - 1 / sqrt(2 N) from far-field intensities: a count tells dI = 2 Re(Psi* dPsi), one of the two
//!   quadratures of dPsi, so that the Fisher information sum (dI)^2 / I is 2 sum |dPsi|^2 on
//!   average over the phases of a diverse field, half of the most there is.
//!
//! These are the Cramer-Rao bounds of D. Bouchet, J. Dong, D. Maestre and T. Juffmann, "Fundamental
//! bounds on the precision of classical phase microscopes", Phys. Rev. Applied 15, 024047 (2021),
//! for ptychography computed by X. Wei, H. P. Urbach and W. M. J. Coene, Phys. Rev. A 102, 043516
//! (2020). Reconstructions from a flat object need more: [`EXPECTED`] times the bound by
//! measurement.

use crate::overlap::linear_overlap;
use serde::Serialize;
use std::f64::consts::PI;

/// By how many errors a detail must stand out.
pub const ROSE: f64 = 5.0;

/// How many times the bound of far-field intensities reconstructions take to see a single detail:
/// ML without prior was found to need 0.6 to 1.0 times that over five designs (details of 2 to 4
/// pixels, 0.1 to 0.4 rad, overlaps of 0.5 to 0.8), see the tests of this crate.
pub const EXPECTED: f64 = 5.0;

/// Seconds for each pattern, epoch and value of N^2 log2 N^2, of LSQML and ML on two cores.
const SECONDS: f64 = 0.45e-9;

/// Share of the detail above which a pixel is too large for what was measured (and no more than
/// rounding above a half).
const HALF: f64 = 0.5 + 1e-9;

/// Share of the contrast from which an absorption counts beside a phase.
const COUNTS: f64 = 0.25;

/// Shares of the expected dose that were found to suffice for an absorption alone, and for one
/// beside a strong phase (docs/planning.md).
const ABSORBS: [f64; 2] = [0.28, 0.47];

/// Epochs that the time is told for.
const EPOCHS: f64 = 200.0;

/// Bytes of memory for each pixel of all patterns: patterns, and the solver's own arrays.
const MEMORY: f64 = 16.0;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastRequest {
    /// The detail to be seen, metres: half a period.
    pub resolution: f64,
    /// Its phase relative to its surroundings, radians.
    pub phase: f64,
    /// Its absorption: how much less amplitude it lets through, 0 to below 1.
    pub absorption: f64,
    /// Height and width that the positions span, metres.
    pub field: (f64, f64),
    /// Diameter of the illuminated disc, metres.
    pub probe: f64,
    /// Linear overlap of neighbouring discs, 0 to below 1.
    pub overlap: f64,
    /// Photons per second on the specimen.
    pub flux: Option<f64>,
    /// Time that a position takes besides its exposure, seconds.
    pub overhead: f64,
    /// Share of the photons on the specimen that are counted.
    pub efficiency: f64,
    /// Side of an object pixel, metres; half the detail unless given.
    pub pixel: Option<f64>,
    /// Side of a pattern, pixels; what holds the probe twice unless given.
    pub window: Option<usize>,
    /// Bytes that a detector pixel takes on disk.
    pub bytes: f64,
    /// Energy that a photon or electron leaves in a kilogram for each per square metre, J m^2/kg.
    pub deposit: Option<f64>,
}

impl Default for ForecastRequest {
    /// A detail of 30 nm and 0.1 rad in 10 x 10 um with a probe of 1 um.
    fn default() -> Self {
        Self {
            resolution: 30e-9,
            phase: 0.1,
            absorption: 0.0,
            field: (10e-6, 10e-6),
            probe: 1e-6,
            overlap: 0.7,
            flux: None,
            overhead: 0.0,
            efficiency: 1.0,
            pixel: None,
            window: None,
            bytes: 2.0,
            deposit: None,
        }
    }
}

/// A request that cannot be answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name}: expected {expected}, found {found}")]
pub struct QuestionError {
    name: &'static str,
    expected: &'static str,
    found: f64,
}

/// A dose by one criterion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dose {
    /// Counted photons on the square of the detail.
    pub photons_on_detail: f64,
    /// Photons per square metre of the specimen, of all patterns together.
    pub fluence_m2: f64,
    /// Photons per pattern on the specimen.
    pub photons_per_pattern: f64,
    /// Energy left in the specimen, gray, where that can be told.
    pub gray: Option<f64>,
    /// Exposure of a position, seconds, where the flux is known.
    pub exposure_s: Option<f64>,
    /// Time of the scan with overheads, seconds.
    pub scan_s: Option<f64>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// |t - 1| of the detail.
    pub contrast: f64,
    /// Step of the scan, metres.
    pub step_m: f64,
    /// Number of positions.
    pub patterns: usize,
    /// Side of an object pixel, metres.
    pub pixel_m: f64,
    /// Side of a pattern, pixels.
    pub window: usize,
    /// The least that any microscope takes.
    pub any_microscope: Dose,
    /// The least that far-field intensities take.
    pub bound: Dose,
    /// What reconstructions are expected to take, [`EXPECTED`] times that.
    pub expected: Dose,
    /// Bytes of the patterns.
    pub data_bytes: f64,
    /// Memory of a reconstruction, bytes.
    pub memory_bytes: f64,
    /// Time of a reconstruction of 200 epochs on two cores, seconds.
    pub reconstruction_s: f64,
    /// What does not fit.
    pub remarks: Vec<String>,
}

/// The contrast |t - 1| of a detail of that phase and absorption.
fn contrast(phase: f64, absorption: f64) -> f64 {
    let modulus = 1.0 - absorption;
    (modulus * phase.cos() - 1.0).hypot(modulus * phase.sin())
}

/// Phase and absorption of `thickness` metres of a material of refractive index 1 - delta + i beta
/// at a wavelength, metres.
pub fn of_material(delta: f64, beta: f64, thickness: f64, wavelength: f64) -> (f64, f64) {
    let turns = 2.0 * PI * thickness / wavelength;
    (turns * delta, 1.0 - (-turns * beta).exp())
}

impl ForecastRequest {
    /// The answer.
    ///
    /// # Errors
    /// When a number is out of its range, or there is no contrast.
    pub fn answer(&self) -> Result<Forecast, QuestionError> {
        self.check()?;
        let contrast = contrast(self.phase, self.absorption);
        let step = (1.0 - self.overlap) * self.probe;
        let along = |length: f64| (length / step).floor() + 1.0;
        let count = along(self.field.0) * along(self.field.1);
        let pixel = self.pixel.unwrap_or(self.resolution / 2.0);
        let window = self.window.unwrap_or_else(|| even((2.0 * self.probe / pixel).ceil()));
        let values = count * (window as f64).powi(2);
        let (height, width) = (self.field.0 + self.probe, self.field.1 + self.probe);
        let covered = height * width - (1.0 - PI / 4.0) * self.probe.powi(2);
        let dose = |photons_on_detail: f64| {
            let fluence = photons_on_detail / self.efficiency / self.resolution.powi(2);
            let per_pattern = fluence * covered / count;
            let exposure = self.flux.map(|flux| per_pattern / flux);
            Dose {
                photons_on_detail,
                fluence_m2: fluence,
                photons_per_pattern: per_pattern,
                gray: self.deposit.map(|deposit| deposit * fluence),
                exposure_s: exposure,
                scan_s: exposure.map(|exposure| count * (exposure + self.overhead)),
            }
        };
        let bound = (ROSE / contrast).powi(2) / 2.0;
        let expected = dose(EXPECTED * bound);
        Ok(Forecast {
            contrast,
            step_m: step,
            patterns: count as usize,
            pixel_m: pixel,
            window,
            any_microscope: dose(bound / 2.0),
            bound: dose(bound),
            remarks: self.remarks(pixel, window, contrast, &expected),
            expected,
            data_bytes: values * self.bytes,
            memory_bytes: values * MEMORY,
            reconstruction_s: values * 2.0 * (window as f64).log2() * SECONDS * EPOCHS,
        })
    }

    fn check(&self) -> Result<(), QuestionError> {
        let positive = |name, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(QuestionError { name, expected: "a number above 0", found: value }),
        };
        positive("resolution", self.resolution)?;
        positive("field", self.field.0)?;
        positive("field", self.field.1)?;
        positive("probe diameter", self.probe)?;
        positive("bytes", self.bytes)?;
        positive("flux", self.flux.unwrap_or(1.0))?;
        positive("pixel", self.pixel.unwrap_or(1.0))?;
        positive("window", self.window.unwrap_or(1) as f64)?;
        positive("energy deposit", self.deposit.unwrap_or(1.0))?;
        let within = |name, value: f64, expected, holds: bool| match holds {
            true => Ok(()),
            false => Err(QuestionError { name, expected, found: value }),
        };
        let share = "at least 0 and less than 1";
        within("overlap", self.overlap, share, (0.0..1.0).contains(&self.overlap))?;
        within("absorption", self.absorption, share, (0.0..1.0).contains(&self.absorption))?;
        let efficiency = self.efficiency;
        let expected = "above 0 and at most 1";
        within("efficiency", efficiency, expected, efficiency > 0.0 && efficiency <= 1.0)?;
        within("overhead", self.overhead, "0 or more", self.overhead >= 0.0)?;
        let contrast = contrast(self.phase, self.absorption);
        let expected = "a phase or an absorption, so that there is something to see";
        within("contrast", contrast, expected, contrast > 0.0 && contrast.is_finite())?;
        let step = (1.0 - self.overlap) * self.probe;
        let count = (self.field.0 / step + 1.0) * (self.field.1 / step + 1.0);
        within("field", count, "at most 1e12 positions in the field", count <= 1e12)?;
        let wider = self.field.0.max(self.field.1);
        let expected = "an extent of a step, (1 - overlap) probe diameter, at least";
        within("field", wider, expected, wider >= step)
    }

    fn remarks(&self, pixel: f64, window: usize, contrast: f64, expected: &Dose) -> Vec<String> {
        let mut remarks = Vec::new();
        let side = window as f64 * pixel;
        if pixel > self.resolution {
            remarks.push(format!(
                "the pixel of the object, {pixel:.3e} m, is larger than the detail: a detector that \
                 takes in larger angles is needed"
            ));
        }
        if pixel <= self.resolution && pixel > HALF * self.resolution {
            remarks.push(format!(
                "the pixel of the object, {pixel:.3e} m, is more than half of the detail, {:.3e} m: the \
                 expected dose is for details of two pixels at least, and one of a single pixel takes \
                 up to four times as much",
                self.resolution
            ));
        }
        if self.resolution > self.probe {
            remarks.push(format!(
                "the detail, {:.3e} m, is larger than the probe, {:.3e} m: a scan without \
                 reconstruction shows it, and what is told of the dose is for details within the disc",
                self.resolution, self.probe
            ));
        }
        if side < self.probe {
            remarks.push(format!(
                "the window, {window} pixels or {side:.3e} m, is smaller than the probe: finer or more \
                 distant detector pixels, or a smaller probe"
            ));
        } else if side < 1.5 * self.probe {
            remarks.push(format!(
                "the window, {side:.3e} m, holds the probe hardly: twice its diameter is usual"
            ));
        }
        if self.overlap < 0.5 {
            remarks.push(format!(
                "with a linear overlap of {:.2} reconstructions tend to take more than is expected \
                 here",
                linear_overlap(1.0 - self.overlap, 1.0)
            ));
        }
        if contrast > 0.5 || self.phase.abs() > 1.0 {
            remarks.push(
                "the contrast is not weak, for which the bounds are derived: they are rough"
                    .to_owned(),
            );
        }
        if self.absorption > COUNTS * contrast {
            let [low, high] = ABSORBS.map(|share| share * expected.photons_per_pattern);
            remarks.push(format!(
                "an absorption takes less than is expected here, which was measured with phases: {} \
                 of it where there is no phase and {} beside a strong one, {low:.3e} to {high:.3e} \
                 per pattern",
                ABSORBS[0], ABSORBS[1]
            ));
        }
        if self.phase.abs() > PI {
            remarks.push(format!(
                "the phase, {:.3} rad, is more than half a turn: of a whole turn nothing is seen, and \
                 of this detail its edges, where the phase is smaller",
                self.phase
            ));
        }
        if expected.photons_per_pattern < 100.0 {
            remarks.push(format!(
                "{} few: solvers for counts (ML) are needed, and an \
                 overlap so high brings more read-outs than photons",
                in_words(expected.photons_per_pattern)
            ));
        }
        remarks
    }
}

/// `1 photon per pattern is`, `12 photons per pattern are`, `fewer than one photon per pattern is`.
fn in_words(photons: f64) -> String {
    match photons.round() {
        rounded if rounded < 1.0 => "fewer than one photon per pattern is".to_owned(),
        1.0 => "1 photon per pattern is".to_owned(),
        rounded => format!("{rounded:.0} photons per pattern are"),
    }
}

/// The next even number of pixels, 16 at least.
fn even(pixels: f64) -> usize {
    (pixels.clamp(16.0, 1e6) as usize).next_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn the_dose_is_that_of_the_closed_form() {
        // 0.1 rad: |t - 1| = 2 sin(0.05); N = 25 / (2 c^2).
        let request =
            ForecastRequest { flux: Some(1e9), overhead: 0.01, ..ForecastRequest::default() };
        let found = request.answer().unwrap();
        close(found.contrast, 2.0 * 0.05_f64.sin());
        close(found.bound.photons_on_detail, 25.0 / (2.0 * found.contrast.powi(2)));
        close(found.any_microscope.fluence_m2 * 2.0, found.bound.fluence_m2);
        close(found.expected.fluence_m2, EXPECTED * found.bound.fluence_m2);
        close(found.bound.fluence_m2, found.bound.photons_on_detail / 9e-16);
        // Steps of 0.3 um: 34 x 34 positions; all photons on the covered area.
        close(found.step_m, 3e-7);
        assert_eq!((found.patterns, found.window), (34 * 34, 134));
        let covered = 121e-12 - (1.0 - PI / 4.0) * 1e-12;
        let all = found.bound.fluence_m2 * covered;
        close(found.bound.photons_per_pattern * found.patterns as f64, all);
        let exposure = found.bound.exposure_s.unwrap();
        close(exposure, found.bound.photons_per_pattern / 1e9);
        close(found.bound.scan_s.unwrap(), found.patterns as f64 * (exposure + 0.01));
    }

    #[test]
    fn half_the_detail_takes_four_times_the_dose_and_half_the_contrast_too() {
        let fluence = |request: ForecastRequest| request.answer().unwrap().bound.fluence_m2;
        let one = ForecastRequest { phase: 0.0, absorption: 0.02, ..ForecastRequest::default() };
        close(fluence(ForecastRequest { resolution: 15e-9, ..one }), 4.0 * fluence(one));
        close(fluence(ForecastRequest { absorption: 0.01, ..one }), 4.0 * fluence(one));
        close(fluence(ForecastRequest { efficiency: 0.25, ..one }), 4.0 * fluence(one));
        let gray = ForecastRequest { deposit: Some(2e-16), ..one }.answer().unwrap().bound;
        close(gray.gray.unwrap(), 2e-16 * gray.fluence_m2);
        // A quarter of a wave of delta, and an e-fold of the amplitude.
        let (phase, absorption) = of_material(1e-5, 0.0, 2.5e-6, 1e-10);
        close(phase, PI / 2.0);
        assert_eq!(absorption, 0.0);
        let (_, absorption) = of_material(0.0, 1e-5, 1e-5 / (2.0 * PI), 1e-10);
        close(absorption, 1.0 - (-1.0_f64).exp());
    }

    #[test]
    fn what_cannot_be_is_refused_and_what_does_not_fit_is_told() {
        let one = ForecastRequest::default();
        for (wrong, name) in [
            (ForecastRequest { resolution: 0.0, ..one }, "resolution"),
            (ForecastRequest { overlap: 1.0, ..one }, "overlap"),
            (ForecastRequest { phase: 0.0, ..one }, "contrast"),
            (ForecastRequest { efficiency: 1.5, ..one }, "efficiency"),
            (ForecastRequest { field: (1.0, 1.0), probe: 1e-9, ..one }, "field"),
            (ForecastRequest { field: (1e-8, 1e-8), probe: 1e-6, ..one }, "field"),
            (ForecastRequest { flux: Some(f64::NAN), ..one }, "flux"),
        ] {
            let told = wrong.answer().unwrap_err().to_string();
            assert!(told.starts_with(name) && told.contains("expected"), "{told}");
        }
        let told = ForecastRequest { window: Some(24), overlap: 0.1, pixel: Some(50e-9), ..one };
        let told = told.answer().unwrap().remarks.join("; ");
        for part in ["larger than the detail", "holds the probe hardly", "overlap of 0.10"] {
            assert!(told.contains(part), "{told}");
        }
        // A detail of a single pixel, of two, and one that absorbs beside its phase.
        let remarks = |request: ForecastRequest| request.answer().unwrap().remarks.join("; ");
        let single = remarks(ForecastRequest { pixel: Some(30e-9), ..one });
        assert!(single.contains("more than half of the detail"), "{single}");
        assert_eq!(remarks(ForecastRequest { pixel: Some(15e-9), ..one }), "");
        let pair = remarks(ForecastRequest { phase: 0.4, absorption: 0.3, ..one });
        let all = ForecastRequest { phase: 0.4, absorption: 0.3, ..one }.answer().unwrap();
        let least = format!("{:.3e} to ", 0.28 * all.expected.photons_per_pattern);
        assert!(pair.contains("an absorption takes less") && pair.contains(&least), "{pair}");
        assert!(one.answer().unwrap().remarks.is_empty());
        let large = ForecastRequest { resolution: 2e-6, pixel: Some(1e-8), ..one };
        let told = large.answer().unwrap().remarks.join("; ");
        assert!(told.contains("larger than the probe"), "{told}");
        assert_eq!(
            [0.2, 1.3, 12.4].map(in_words),
            [
                "fewer than one photon per pattern is",
                "1 photon per pattern is",
                "12 photons per pattern are"
            ]
        );
    }
}
