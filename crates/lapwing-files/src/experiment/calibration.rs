//! What makes pixels of metres: wavelength, scale of the detector, step of the scan.

use lapwing_model::probe::electron_wavelength;

use super::Experiment;

/// The scales of an experiment, as a file or its user tells them. Pairs are (y, x).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Calibration {
    /// Wavelength, metres.
    pub wavelength: Option<f64>,
    /// Spatial frequency that a stored pixel of the detector spans, 1/metre.
    pub frequency: Option<(f64, f64)>,
    /// Angle that it spans, radians: the frequency follows with a wavelength.
    pub angle: Option<(f64, f64)>,
    /// Pitch of the stored pixels, metres: the angle follows with a distance.
    pub pitch: Option<(f64, f64)>,
    /// Distance from the specimen to the detector, metres.
    pub distance: Option<f64>,
    /// Step of the raster between rows, and between columns, metres.
    pub step: Option<(f64, f64)>,
}

impl Calibration {
    /// What the user says, as a calibration.
    pub fn of(experiment: &Experiment) -> Self {
        let detector = &experiment.detector;
        let scaled = |pair: (f64, f64), factor: f64| (pair.0 * factor, pair.1 * factor);
        Self {
            wavelength: experiment.beam.wavelength(),
            frequency: detector.inv_angstrom_per_pixel.map(|pair| scaled(pair, 1e10)),
            angle: detector.mrad_per_pixel.map(|pair| scaled(pair, 1e-3)),
            pitch: detector.pixel_size_m,
            distance: detector.distance_m,
            step: experiment.scan.step_m,
        }
    }

    /// Takes over the voltage that a file says, where it can be one.
    pub(crate) fn take_volts(&mut self, volts: Option<f64>, notes: &mut Vec<String>) {
        let Some(told) = volts else { return };
        let usual = |volts: &f64| (1e3..1e7).contains(volts);
        if usual(&told) {
            self.wavelength = Some(electron_wavelength(told));
            notes.push(format!("voltage: {} kV, as the file says", told / 1e3));
        } else if usual(&(told / 1e3)) {
            self.wavelength = Some(electron_wavelength(told / 1e3));
            notes.push(format!(
                "voltage: {} kV; the file has that number of volts where kilovolts should be",
                told / 1e6
            ));
        }
    }

    /// This one, with what it does not tell from another. A frequency or an angle is taken whole;
    /// pitch and distance each take the place of the other's, and where that makes both known they
    /// go before its frequency and its angle.
    pub fn or(self, other: Self) -> Self {
        let whole = self.frequency.is_some() || self.angle.is_some();
        let pitch = self.pitch.or(other.pitch);
        let distance = self.distance.or(other.distance);
        let said = self.pitch.is_some() || self.distance.is_some();
        let geometric = said && pitch.is_some() && distance.is_some();
        let scale = if whole || geometric { self } else { other };
        Self {
            wavelength: self.wavelength.or(other.wavelength),
            frequency: scale.frequency,
            angle: scale.angle,
            pitch,
            distance,
            step: self.step.or(other.step),
        }
    }

    /// Angle that a stored pixel of the detector spans, radians: told, or pitch over distance.
    pub fn angle(&self) -> Option<(f64, f64)> {
        let geometric = self.pitch.zip(self.distance);
        self.angle.or_else(|| geometric.map(|((y, x), distance)| (y / distance, x / distance)))
    }

    /// Whether it says anything that the pixel of an object in the far field is made of.
    pub(crate) fn says_pixel(&self) -> bool {
        let angle = self.angle.or(self.frequency).or(self.pitch);
        angle.is_some() || self.wavelength.is_some() || self.distance.is_some()
    }

    /// Whether a scale of the detector is known, if only with a wavelength.
    pub(crate) fn has_detector(&self) -> bool {
        self.frequency.is_some() || self.angle().is_some()
    }

    /// Spatial frequency that a stored pixel of the detector spans, 1/metre: told, or angle over
    /// wavelength.
    pub fn frequency(&self) -> Option<(f64, f64)> {
        let of_angle = self.angle().zip(self.wavelength);
        self.frequency.or_else(|| of_angle.map(|((y, x), length)| (y / length, x / length)))
    }

    /// Side of an object pixel along (y, x), metres, for patterns of (height, width) pixels: the
    /// inverse of the range of frequencies.
    pub fn pixel(&self, (height, width): (usize, usize)) -> Option<(f64, f64)> {
        let (y, x) = self.frequency()?;
        Some((1.0 / (height as f64 * y), 1.0 / (width as f64 * x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    #[test]
    fn angle_frequency_and_distance_give_the_same_pixel() {
        // 300 kV, 128 pixels of 33.06 urad: 4.65 Angstrom.
        let pixel = |detector: &str| {
            let text = format!("[beam]\nvoltage_kv = 300\n[detector]\n{detector}");
            let options = parse(&text, "e.toml".as_ref()).unwrap();
            Calibration::of(&options.experiment).pixel((128, 64)).unwrap()
        };
        let wavelength = 1.968_748_9e-12;
        let angle = wavelength / (128.0 * 4.65e-10);
        for detector in [
            format!("mrad_per_pixel = {}", angle * 1e3),
            format!("inv_angstrom_per_pixel = {}", 1.0 / (128.0 * 4.65)),
            format!("pixel_size_m = {}\ndistance_m = 2.0", angle * 2.0),
        ] {
            let (y, x) = pixel(&detector);
            assert!((y / 4.65e-10 - 1.0).abs() < 1e-5, "{detector}: {y}");
            assert!((x / y - 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn volts_in_the_place_of_kilovolts_are_seen() {
        for (volts, kilovolts) in [(3e5, Some(300.0)), (3e8, Some(300.0)), (0.3, None)] {
            let (mut found, mut notes) = (Calibration::default(), Vec::new());
            found.take_volts(Some(volts), &mut notes);
            assert_eq!(found.wavelength, kilovolts.map(|kv: f64| electron_wavelength(1e3 * kv)));
            assert_eq!(notes.iter().any(|note| note.contains("300 kV")), kilovolts.is_some());
        }
    }

    #[test]
    fn what_the_user_says_goes_before_what_the_file_says() {
        let file = Calibration {
            wavelength: Some(2e-12),
            frequency: Some((1.0, 1.0)),
            ..Calibration::default()
        };
        let user = Calibration { angle: Some((4e-12, 4e-12)), ..Calibration::default() };
        assert_eq!(user.or(file).frequency(), Some((2.0, 2.0)));
        assert_eq!(Calibration::default().or(file), file);
        // Of pitch and distance each takes the place of its own.
        let optics = Calibration {
            wavelength: Some(2e-10),
            pitch: Some((1e-4, 2e-4)),
            distance: Some(1.0),
            ..Calibration::default()
        };
        let further = Calibration { distance: Some(2.0), ..Calibration::default() };
        assert_eq!(further.or(optics).angle(), Some((5e-5, 1e-4)));
        let finer = Calibration { pitch: Some((5e-5, 5e-5)), ..Calibration::default() };
        assert_eq!(finer.or(optics).angle(), Some((5e-5, 5e-5)));
        // One of the two alone says nothing.
        assert_eq!(further.or(file).frequency(), file.frequency());
    }
}
