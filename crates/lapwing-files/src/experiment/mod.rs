//! An experiment described once: beam, optics, detector and scan, as far as a file does not say
//! them itself.
//!
//! [`read`] reads it from a small TOML file whose keys are the options of
//! [`reading::OPTIONS`](crate::reading::OPTIONS), section by section; [`template`] writes one with
//! remarks. The flags of the command line and the keywords of Python are the same options.
//!
//! Lengths are in metres and angles in the unit that a name ends with. Pairs are (y, x).

mod arrays;
mod calibration;
mod file;
pub(crate) mod frames;
pub(crate) mod part;
pub(crate) mod raster;
mod template;

use lapwing_model::probe::{
    Aberrations, Aperture, Lens, electron_wavelength, photon_wavelength, zone_plate_angle,
};
use lapwing_model::{Modes, Position, Short};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use calibration::Calibration;
pub use file::{of_design, parse, physics_of_design, read};
pub use part::FieldOfView;
pub use template::{template, with_keys};

use crate::Problem;
use crate::options::{PositionUnit, ProbeFrom};
use crate::remarks::{Remark, What};

/// What a user says about an experiment; what is `None` is not known, or a file tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Experiment {
    /// The beam.
    pub beam: Beam,
    /// The optics that form the probe.
    pub probe: Optics,
    /// The detector, and which of its pixels are used.
    pub detector: Detector,
    /// What the numbers of the patterns are.
    pub patterns: Numbers,
    /// The scan.
    pub scan: ScanGeometry,
}

/// The optics of an experiment on the grid of an object.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProbeOptics {
    /// The optics.
    pub lens: Lens,
    /// Side of an object pixel along (y, x), metres.
    pub pixel: (f64, f64),
    /// Whether the defocus was said; otherwise it is zero.
    pub says_defocus: bool,
}

impl ProbeOptics {
    /// The probe in a window of (height, width), axes (mode, y, x), one mode, sum |P|^2 = 1.
    pub fn probe(&self, shape: (usize, usize)) -> Modes {
        self.lens.probe(shape, self.pixel)
    }

    /// What does not fit between the optics and a window of (height, width).
    pub fn remarks(&self, (height, width): (usize, usize)) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let side = (height as f64 * self.pixel.0).min(width as f64 * self.pixel.1);
        let extent = self.lens.extent();
        if extent > side {
            remarks.push(Remark::new(
                What::Probe,
                format!(
                    "the probe is {extent:.3e} m wide by its optics, but the window is {side:.3e} m"
                ),
                "look at --defocus-m or --pinhole-diameter-m, and at the scale of the detector",
            ));
        }
        let largest = self.lens.largest_angle(self.pixel);
        if let Aperture::Angle { semi_angle, .. } = self.lens.aperture
            && semi_angle > largest
        {
            remarks.push(Remark::new(
                What::Probe,
                format!(
                    "a semi-angle of {:.3} mrad is beyond the detector, which ends at {:.3} mrad",
                    semi_angle * 1e3,
                    largest * 1e3
                ),
                "look at the angle that forms the probe (--semi-angle-mrad, --numerical-aperture or \
                 --outermost-zone-m) and at the scale of the detector",
            ));
        }
        remarks
    }
}

/// The beam: photons of an energy, or electrons of a voltage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Beam {
    /// Photon energy, keV.
    pub energy_kev: Option<f64>,
    /// Accelerating voltage, kV.
    pub voltage_kv: Option<f64>,
}

/// The optics that form the probe, and which probe a reconstruction starts from. Aberrations have
/// the signs of [`Lens`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Optics {
    /// Where the start probe comes from.
    pub from: Option<ProbeFrom>,
    /// Convergence semi-angle, mrad.
    pub semi_angle_mrad: Option<f64>,
    /// Numerical aperture, the sine of the convergence semi-angle.
    pub numerical_aperture: Option<f64>,
    /// Width of a zone plate's outermost zone, metres.
    pub outermost_zone_m: Option<f64>,
    /// Diameter of a zone plate, metres.
    pub zone_plate_diameter_m: Option<f64>,
    /// Diameter of the central stop on it, metres.
    pub central_stop_m: Option<f64>,
    /// Distance from the zone plate to the specimen, metres.
    pub zone_plate_distance_m: Option<f64>,
    /// Diameter of a pinhole, metres.
    pub pinhole_diameter_m: Option<f64>,
    /// Defocus C10, metres.
    pub defocus_m: Option<f64>,
    /// Twofold astigmatism C12, metres.
    pub c12_m: Option<f64>,
    /// Its direction, degrees.
    pub phi12_deg: Option<f64>,
    /// Axial coma C21, metres.
    pub c21_m: Option<f64>,
    /// Its direction, degrees.
    pub phi21_deg: Option<f64>,
    /// Threefold astigmatism C23, metres.
    pub c23_m: Option<f64>,
    /// Its direction, degrees.
    pub phi23_deg: Option<f64>,
    /// Spherical aberration C30, metres.
    pub c30_m: Option<f64>,
}

/// The detector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detector {
    /// Pitch of the pixels, metres.
    pub pixel_size_m: Option<(f64, f64)>,
    /// Distance from the specimen, metres.
    pub distance_m: Option<f64>,
    /// Angle that a pixel spans, milliradians.
    pub mrad_per_pixel: Option<(f64, f64)>,
    /// Spatial frequency that a pixel spans, 1/Angstrom.
    pub inv_angstrom_per_pixel: Option<(f64, f64)>,
    /// Stored pixel that the direct beam meets.
    pub centre: Option<(f64, f64)>,
    /// Pixels to use around it.
    pub window: Option<(usize, usize)>,
    /// Pixels to sum along each axis.
    pub binning: Option<usize>,
    /// File of the mask.
    pub mask: Option<PathBuf>,
}

/// What the numbers of the patterns are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    /// What is written for one photon or electron.
    pub counts_per_quantum: Option<f64>,
    /// What is written without light.
    pub dark_level: Option<f64>,
    /// Patterns to leave out, as they are stored.
    pub leave_out_frames: Vec<usize>,
    /// Patterns to take, as they are stored; all unless given.
    pub frames: Option<Vec<usize>>,
    /// The part of the scan to take.
    pub region: Option<FieldOfView>,
    /// Of what is taken, one of so many.
    pub every: Option<usize>,
}

/// The scan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanGeometry {
    /// Rows and columns of a raster.
    pub shape: Option<(usize, usize)>,
    /// Step between rows, and between columns, metres.
    pub step_m: Option<(f64, f64)>,
    /// Whether every other row runs backwards.
    pub snake: bool,
    /// Angle by which the positions are turned, degrees, from rows towards columns.
    pub rotation_deg: Option<f64>,
    /// Where that leaves a position in its place, pixels, if not in the middle of the scan: scans
    /// of one object turn about one point.
    pub turned_about: Option<Position>,
    /// File of positions.
    pub positions: Option<PathBuf>,
    /// Unit of that file.
    pub position_unit: Option<PositionUnit>,
}

impl Beam {
    /// Wavelength, metres.
    pub fn wavelength(&self) -> Option<f64> {
        let electrons = self.voltage_kv.map(|kv| electron_wavelength(kv * 1e3));
        electrons.or_else(|| self.energy_kev.map(|kev| photon_wavelength(kev * 1e3)))
    }
}

impl Optics {
    /// Whether anything that shapes the light is described.
    pub fn is_described(&self) -> bool {
        self.semi_angle_mrad.is_some()
            || self.numerical_aperture.is_some()
            || self.outermost_zone_m.is_some()
            || self.pinhole_diameter_m.is_some()
    }

    /// The optics at a wavelength, metres; `None` when they are not described.
    pub fn lens(&self, wavelength: f64) -> Option<Lens> {
        let zone_plate = self.outermost_zone_m.map(|zone| zone_plate_angle(wavelength, zone));
        let angle = (self.semi_angle_mrad.map(|mrad| mrad * 1e-3))
            .or_else(|| self.numerical_aperture.map(|na| na.min(1.0).asin()))
            .or(zone_plate);
        let aperture = match (angle, self.pinhole_diameter_m) {
            (Some(semi_angle), _) => {
                let stop = self.central_stop_m.zip(self.zone_plate_diameter_m);
                let stop = stop.map_or(0.0, |(stop, diameter)| (stop / diameter).min(0.99));
                Aperture::Angle { semi_angle, stop }
            }
            (None, Some(diameter)) => Aperture::Pinhole { diameter },
            (None, None) => return None,
        };
        // A zone plate's focal length is D dr / lambda.
        let behind_focus = || {
            let distance = self.zone_plate_distance_m?;
            let focal = self.zone_plate_diameter_m? * self.outermost_zone_m? / wavelength;
            Some(distance - focal)
        };
        let directed = |size: Option<f64>, degrees: Option<f64>| {
            (size.unwrap_or(0.0), degrees.unwrap_or(0.0).to_radians())
        };
        let aberrations = Aberrations {
            c10: self.defocus_m.or_else(behind_focus).unwrap_or(0.0),
            c12: directed(self.c12_m, self.phi12_deg),
            c21: directed(self.c21_m, self.phi21_deg),
            c23: directed(self.c23_m, self.phi23_deg),
            c30: self.c30_m.unwrap_or(0.0),
        };
        Some(Lens { wavelength, aperture, aberrations })
    }

    /// Whether the defocus is said, or what it follows from.
    pub fn says_defocus(&self) -> bool {
        self.defocus_m.is_some() || self.zone_plate_distance_m.is_some()
    }
}

impl Experiment {
    /// What contradicts itself or says nothing without something else: all of it, under the names
    /// of the options.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut out_of_range = Vec::new();
        let mut one_of = |what: &str, given: &[(&str, bool)]| {
            let given: Vec<&str> =
                given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
            if given.len() > 1 {
                problems.push(Problem::new(what, "one of them", given.join(" and ")));
            }
        };
        let Self { beam, probe, detector, .. } = self;
        one_of(
            "beam",
            &[("energy_kev", beam.energy_kev.is_some()), ("voltage_kv", beam.voltage_kv.is_some())],
        );
        // What is far beyond any instrument is in another unit.
        for (name, value, most, unit) in [
            ("energy_kev", beam.energy_kev, 1e3, "kiloelectronvolts"),
            ("voltage_kv", beam.voltage_kv, 1e4, "kilovolts"),
        ] {
            if let Some(value) = value.filter(|&value| value > most) {
                let expected = format!("{unit}, at most {most}");
                let found = format!("{} (perhaps {} is meant)", Short(value), Short(value / 1e3));
                out_of_range.push(Problem::new(name, expected, found));
            }
        }
        one_of(
            "probe",
            &[
                ("semi_angle_mrad", probe.semi_angle_mrad.is_some()),
                ("numerical_aperture", probe.numerical_aperture.is_some()),
                ("outermost_zone_m", probe.outermost_zone_m.is_some()),
                ("pinhole_diameter_m", probe.pinhole_diameter_m.is_some()),
            ],
        );
        one_of(
            "probe",
            &[
                ("defocus_m", probe.defocus_m.is_some()),
                ("zone_plate_distance_m", probe.zone_plate_distance_m.is_some()),
            ],
        );
        one_of(
            "detector",
            &[
                ("distance_m", detector.distance_m.is_some()),
                ("mrad_per_pixel", detector.mrad_per_pixel.is_some()),
                ("inv_angstrom_per_pixel", detector.inv_angstrom_per_pixel.is_some()),
            ],
        );
        // Pitch and distance belong together; an angle or a frequency goes without them.
        let pitch = ("detector_pixel_size_m", detector.pixel_size_m.is_some());
        one_of("detector", &[pitch, ("mrad_per_pixel", detector.mrad_per_pixel.is_some())]);
        let frequency = detector.inv_angstrom_per_pixel.is_some();
        one_of("detector", &[pitch, ("inv_angstrom_per_pixel", frequency)]);
        let mut needs = |name: &str, given: bool, other: &str, there: bool| {
            if given && !there {
                problems.push(Problem::new(name, format!("{other} beside it"), "none"));
            }
        };
        let diameter = probe.zone_plate_diameter_m.is_some();
        needs(
            "zone_plate_diameter_m",
            diameter,
            "outermost_zone_m",
            probe.outermost_zone_m.is_some(),
        );
        let zone_plate = probe.zone_plate_diameter_m.is_some() && probe.outermost_zone_m.is_some();
        let both = "zone_plate_diameter_m and outermost_zone_m";
        needs("central_stop_m", probe.central_stop_m.is_some(), both, zone_plate);
        needs("zone_plate_distance_m", probe.zone_plate_distance_m.is_some(), both, zone_plate);
        let aberrations = [
            ("phi12_deg", probe.phi12_deg, "c12_m", probe.c12_m),
            ("phi21_deg", probe.phi21_deg, "c21_m", probe.c21_m),
            ("phi23_deg", probe.phi23_deg, "c23_m", probe.c23_m),
        ];
        for (name, direction, other, size) in aberrations {
            needs(name, direction.is_some(), other, size.is_some());
        }
        for (name, given) in [
            ("defocus_m", probe.defocus_m),
            ("c12_m", probe.c12_m),
            ("c21_m", probe.c21_m),
            ("c23_m", probe.c23_m),
            ("c30_m", probe.c30_m),
        ] {
            let optics = "an aperture (semi_angle_mrad, numerical_aperture, outermost_zone_m or \
                          pinhole_diameter_m)";
            needs(name, given.is_some(), optics, probe.is_described());
        }
        if let (Some((height, width)), Some(binning)) = (detector.window, detector.binning)
            && !(height.is_multiple_of(binning) && width.is_multiple_of(binning))
        {
            let expected = format!("a multiple of binning = {binning} on both axes");
            let found = format!("{height} x {width}");
            problems.push(Problem::new("detector_window", expected, found));
        }
        problems.append(&mut out_of_range);
        problems
    }

    /// What is said of the scale of a detector and makes none, for neither the file nor the user
    /// says the rest of it; `scales` is what both say together. In the near field (`near`) the
    /// pitch alone is the pixel of the object.
    pub(crate) fn unused(&self, scales: &Calibration, near: bool) -> Option<Problem> {
        let detector = &self.detector;
        let said = [
            ("distance_m", detector.distance_m.is_some()),
            ("detector_pixel_size_m", detector.pixel_size_m.is_some() && !near),
            ("mrad_per_pixel", detector.mrad_per_pixel.is_some()),
        ];
        let (name, _) = said.into_iter().find(|(_, said)| *said)?;
        let missing = match name {
            "distance_m" if scales.pitch.is_none() => "detector_pixel_size_m",
            "detector_pixel_size_m" if scales.distance.is_none() => "distance_m",
            _ if scales.wavelength.is_none() => "energy_kev or voltage_kv",
            _ => return None,
        };
        let expected = format!("{missing} beside it, which the file does not say");
        Some(Problem::new(name, expected, "none"))
    }
}
