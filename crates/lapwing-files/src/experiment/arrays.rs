//! An experiment of arrays that no file describes.

use super::{Calibration, Detector, Experiment, ProbeOptics};
use crate::dialect::FarFieldOptics;
use crate::dialect::geometry::record_pixel;
use crate::options::{Geometry, ReadOptions};
use crate::{Dataset, Problem, metadata, physics};

impl Dataset {
    /// Takes over what is said of patterns that no file describes: beam, optics, the scale of the
    /// detector or the pixel of the object, geometry, and how the patterns come about. Wavelength,
    /// pixel and physics go to the metadata. The rest is about files, and nothing may be said of
    /// it.
    ///
    /// # Errors
    /// Everything that contradicts itself, is missing, or does not concern arrays.
    pub fn describe(&mut self, said: &ReadOptions) -> Result<(), Vec<Problem>> {
        let experiment = &said.experiment;
        let mut problems = experiment.problems();
        let Detector { pixel_size_m, distance_m, .. } = experiment.detector;
        if !said.concerns_arrays() {
            let expected = "beam, probe, the detector's scale and how the patterns come about, \
                            which is all that concerns arrays";
            problems.push(Problem::new("experiment", expected, "more than that"));
        }
        self.geometry = said.geometry.or(self.geometry);
        self.probe_from = experiment.probe.from.or(self.probe_from);
        let near =
            said.physics.fresnel_number.is_some() || self.geometry == Some(Geometry::NearField);
        let scales = Calibration::of(experiment);
        // An image has the detector's pixels, a diffraction pattern those of its frequencies.
        let of_detector = || match near {
            true => pixel_size_m,
            false => scales.pixel(self.pattern_shape()),
        };
        let pixel = said.pixel_size.map(|side| (side, side)).or_else(of_detector);
        if experiment.probe.is_described() {
            let lens = scales.wavelength.and_then(|wavelength| experiment.probe.lens(wavelength));
            match lens.zip(pixel) {
                Some((lens, pixel)) => {
                    let says_defocus = experiment.probe.says_defocus();
                    self.optics = Some(ProbeOptics { lens, pixel, says_defocus });
                }
                None => {
                    let expected = "a wavelength (energy_kev or voltage_kv) and the scale of the \
                                    detector for the optics";
                    problems.push(Problem::new("experiment", expected, "one of them or none"));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let metadata = self.metadata.get_or_insert_default();
        if let (Some(wavelength), Some(distance), Some(pitch)) =
            (scales.wavelength, distance_m, pixel_size_m)
        {
            FarFieldOptics { wavelength, distance, pitch }.record(metadata);
        }
        if let Some(wavelength) = scales.wavelength {
            metadata::set_physics_parameter(metadata, "wavelength_m", wavelength);
        }
        if let Some(pixel) = pixel {
            record_pixel(metadata, pixel);
        }
        let mut notes = Vec::new();
        let shape = self.pattern_shape();
        let Self { geometry, metadata, scan, .. } = self;
        let told = physics::tell(
            said.physics,
            said.pixel_size.is_some(),
            geometry,
            metadata,
            (scan, shape),
            &mut notes,
        );
        match told.and_then(|()| self.physics()) {
            Ok(_) => Ok(()),
            Err(wrong) => {
                let expected = "patterns that come about in a known way";
                Err(vec![Problem::new("experiment", expected, wrong.to_string())])
            }
        }
    }
}

impl ReadOptions {
    /// Whether nothing is said but what [`Dataset::describe`] takes over.
    pub fn concerns_arrays(&self) -> bool {
        let Experiment { beam, probe, detector, .. } = &self.experiment;
        let scales = Detector {
            pixel_size_m: detector.pixel_size_m,
            distance_m: detector.distance_m,
            mrad_per_pixel: detector.mrad_per_pixel,
            inv_angstrom_per_pixel: detector.inv_angstrom_per_pixel,
            ..Detector::default()
        };
        let concerned = Self {
            pixel_size: self.pixel_size,
            geometry: self.geometry,
            physics: self.physics,
            experiment: Experiment {
                beam: *beam,
                probe: *probe,
                detector: scales,
                ..Experiment::default()
            },
            ..Self::default()
        };
        concerned == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::PhysicsOptions;
    use lapwing_model::Position;
    use lapwing_model::forward::Propagation;
    use ndarray::Array3;

    fn scan() -> Dataset {
        let at = |x| Position { y: 8.0, x };
        Dataset {
            diffraction: Array3::from_elem((2, 16, 16), 1.0).into(),
            scan: vec![at(8.0), at(11.0)],
            ..Dataset::default()
        }
    }

    fn x_ray(geometry: Option<Geometry>) -> ReadOptions {
        let mut said = ReadOptions { geometry, ..ReadOptions::default() };
        said.experiment.beam.energy_kev = Some(12.39841984);
        said.experiment.detector.pixel_size_m = Some((1e-6, 1e-6));
        said.experiment.detector.distance_m = Some(0.1);
        said
    }

    #[test]
    fn an_image_has_the_pixels_of_the_detector_and_a_pattern_those_of_its_frequencies() {
        let pixel = |dataset: &Dataset| {
            metadata::physics_parameter(dataset.metadata.as_ref().unwrap(), "pixel_size_m").unwrap()
        };
        let mut far = scan();
        far.describe(&x_ray(None)).unwrap();
        // lambda z / (N p), with lambda of an Angstrom.
        assert!((pixel(&far) / (1e-10 * 0.1 / 16e-6) - 1.0).abs() < 1e-6);
        let mut near = scan();
        near.describe(&x_ray(Some(Geometry::NearField))).unwrap();
        assert_eq!(pixel(&near), 1e-6);
        let Propagation::NearField { fresnel_number } = near.physics().unwrap().propagation else {
            panic!("a near field")
        };
        assert!((fresnel_number / 0.1 - 1.0).abs() < 1e-6, "{fresnel_number}");
    }

    #[test]
    fn what_cannot_be_is_told_and_what_is_about_files_is_refused() {
        let physics = PhysicsOptions { slices: Some(3), ..PhysicsOptions::default() };
        let without_gap = ReadOptions { physics, ..ReadOptions::default() };
        let told = scan().describe(&without_gap).unwrap_err();
        assert!(told[0].found.contains("gap between its slices"), "{told:?}");
        let about_files = ReadOptions { flip_y: true, ..ReadOptions::default() };
        assert_eq!(scan().describe(&about_files).unwrap_err().len(), 1);
    }
}
