//! The probe of a described experiment: an aperture with aberrations, or a pinhole, in metres and
//! radians.
//!
//! An optic whose pupil lets angles up to alpha_max through gives the probe
//!
//! ```text
//! P = F^-1[ A(alpha) exp(-i chi(alpha, phi)) ],   alpha = lambda q,
//! chi = 2 pi / lambda [ alpha^2 / 2 (C10 + C12 cos 2(phi - phi12))
//!                     + alpha^3 / 3 (C21 cos(phi - phi21) + C23 cos 3(phi - phi23))
//!                     + alpha^4 / 4 C30 ],
//! ```
//!
//! with phi from the columns' axis (x) towards the rows' axis (y): the notation of O. L. Krivanek,
//! N. Dellby and A. R. Lupini, *Ultramicroscopy* 78 (1999) 1-11. Waves travel as exp(+i k z), so
//! that a probe of positive C10 is that of the focus after a way of C10: **C10 is positive where
//! the crossover lies before the specimen** (overfocus in electron microscopy), and the phase of
//! the probe grows away from its centre. [`super::ProbeDesign`] has the same signs in other units.

use super::optic::{SOFTNESS, normalised};
use crate::fft::{Fft2, frequency};
use crate::{Complex32, Modes};
use ndarray::Array3;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// Aberrations of an optic up to third order: lengths in metres, directions in radians.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Aberrations {
    /// Defocus C10, metres, positive where the crossover lies before the specimen.
    pub c10: f64,
    /// Twofold astigmatism C12, metres, and its direction, radians.
    pub c12: (f64, f64),
    /// Axial coma C21, metres, and its direction, radians.
    pub c21: (f64, f64),
    /// Threefold astigmatism C23, metres, and its direction, radians.
    pub c23: (f64, f64),
    /// Spherical aberration C30, metres.
    pub c30: f64,
}

/// What shapes the light before it meets the specimen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Aperture {
    /// A focusing optic: the largest angle that it lets through and the smallest, as a share of
    /// it (0 without a central stop).
    Angle {
        /// Convergence semi-angle, radians.
        semi_angle: f64,
        /// Radius of the central stop over that of the pupil.
        stop: f64,
    },
    /// A pinhole of this diameter, metres; C10 is the distance from it to the specimen.
    Pinhole {
        /// Diameter, metres.
        diameter: f64,
    },
}

/// The optics of an experiment, from which its probe is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Wavelength, metres.
    pub wavelength: f64,
    /// What shapes the light.
    pub aperture: Aperture,
    /// Aberrations.
    pub aberrations: Aberrations,
}

impl Aberrations {
    /// The aberration function chi, radians, at the angles (y, x), radians.
    pub fn chi(&self, wavelength: f64, (y, x): (f64, f64)) -> f64 {
        let (alpha, phi) = (y.hypot(x), y.atan2(x));
        let fold = |n: f64, (size, direction): (f64, f64)| size * (n * (phi - direction)).cos();
        let second = alpha.powi(2) / 2.0 * (self.c10 + fold(2.0, self.c12));
        let third = alpha.powi(3) / 3.0 * (fold(1.0, self.c21) + fold(3.0, self.c23));
        TAU / wavelength * (second + third + alpha.powi(4) / 4.0 * self.c30)
    }
}

impl Lens {
    /// The probe in a window of `shape` (height, width) whose pixels are `pixel` metres along (y,
    /// x): axes (mode, y, x), one mode, its axis in the middle of the window (floor(height / 2),
    /// floor(width / 2)) and sum |P|^2 = 1.
    ///
    /// The edge of the aperture is soft over 1.5 frequency samples. Use [`Lens::extent`] to check
    /// that the probe fits into the window.
    pub fn probe(&self, shape: (usize, usize), pixel: (f64, f64)) -> Modes {
        let (height, width) = shape;
        let fft = Fft2::new(shape);
        let mut scratch = vec![Complex32::default(); fft.scratch_len()];
        let mut spectrum = vec![Complex32::default(); height * width];
        let cut = match self.aperture {
            Aperture::Pinhole { diameter } => {
                let (y, x) = (pixel.0, pixel.1);
                let edge = y.max(x);
                let mut field: Vec<Complex32> = Vec::with_capacity(height * width);
                for row in 0..height {
                    for column in 0..width {
                        let at = ((row as f64 - (height / 2) as f64) * y)
                            .hypot((column as f64 - (width / 2) as f64) * x);
                        let light = ((diameter / 2.0 - at) / edge + 0.5).clamp(0.0, 1.0);
                        field.push(Complex32::new(light.sqrt() as f32, 0.0));
                    }
                }
                fft.forward(&mut field, &mut spectrum, &mut scratch);
                None
            }
            Aperture::Angle { semi_angle, stop } => Some((semi_angle, stop)),
        };
        let samples = (self.wavelength / (height as f64 * pixel.0))
            .max(self.wavelength / (width as f64 * pixel.1));
        let inside = |angle: f64, radius: f64| {
            0.5 * (1.0 - ((angle - radius) / (SOFTNESS * samples)).tanh())
        };
        for (u_x, column) in spectrum.chunks_exact_mut(height).enumerate() {
            let (q_x, centre_x) = (frequency(u_x, width), (width / 2) as f64);
            for (u_y, value) in column.iter_mut().enumerate() {
                let q_y = frequency(u_y, height);
                let angle = (self.wavelength * q_y / pixel.0, self.wavelength * q_x / pixel.1);
                let mut phase = -self.aberrations.chi(self.wavelength, angle);
                if let Some((semi_angle, stop)) = cut {
                    let size = angle.0.hypot(angle.1);
                    let mut amplitude = inside(size, semi_angle);
                    if stop > 0.0 {
                        amplitude *= 1.0 - inside(size, stop * semi_angle);
                    }
                    // The pupil's centre becomes the window's.
                    phase -= TAU * (q_y * (height / 2) as f64 + q_x * centre_x);
                    *value = Complex32::new(amplitude as f32, 0.0);
                }
                // Phases of thousands of radians are reduced before they lose their digits.
                let (sin, cos) = (phase % TAU).sin_cos();
                *value *= Complex32::new(cos as f32, sin as f32);
            }
        }
        let mut field = vec![Complex32::default(); height * width];
        fft.inverse(&mut spectrum, &mut field, &mut scratch);
        normalised(Array3::from_shape_fn((1, height, width), |(_, y, x)| field[y * width + x]))
    }

    /// Diameter, metres, of the disc that geometrical optics makes of the probe at the specimen,
    /// without the diffraction at its edge: what spherical aberration and defocus make of the
    /// edge's rays, or the pinhole.
    pub fn extent(&self) -> f64 {
        match self.aperture {
            Aperture::Pinhole { diameter } => diameter,
            Aperture::Angle { semi_angle, .. } => {
                let Aberrations { c10, c12, c30, .. } = self.aberrations;
                let defocus = c10.abs() + c12.0.abs() + c30.abs() * semi_angle.powi(2);
                2.0 * semi_angle * defocus
            }
        }
    }

    /// Angle of the finest fringes that a window of `shape` with pixels of `pixel` metres can hold,
    /// radians, the smaller of both axes: a pupil beyond it is cut.
    pub fn largest_angle(&self, pixel: (f64, f64)) -> f64 {
        self.wavelength / (2.0 * pixel.0.max(pixel.1))
    }
}

/// h c, eV m (CODATA 2018).
const H_C: f64 = 1.239_841_984_332_002_6e-6;
/// m c^2 of the electron, eV (CODATA 2018).
const REST: f64 = 510_998.95;

/// Wavelength, metres, of electrons accelerated by `voltage` volts: h c / sqrt(e V (2 m c^2 + e
/// V)), relativistic.
pub fn electron_wavelength(voltage: f64) -> f64 {
    H_C / (voltage * (2.0 * REST + voltage)).sqrt()
}

/// Voltage, volts, that accelerates electrons to `wavelength` metres: the inverse of
/// [`electron_wavelength`].
pub fn electron_voltage(wavelength: f64) -> f64 {
    let momentum = H_C / wavelength;
    // sqrt(p^2 + m^2) - m without a difference of nearly equal numbers.
    momentum * momentum / (REST.hypot(momentum) + REST)
}

/// Wavelength, metres, of photons of `energy` electronvolts: h c / E.
pub fn photon_wavelength(energy: f64) -> f64 {
    H_C / energy
}

/// Semi-angle, radians, of a zone plate: lambda / (2 dr) for an outermost zone of width `zone`
/// metres (D. Attwood, *Soft X-Rays and Extreme Ultraviolet Radiation*, section 9.2).
pub fn zone_plate_angle(wavelength: f64, zone: f64) -> f64 {
    (wavelength / (2.0 * zone)).min(PI / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{ProbeDesign, ProbeKind};

    #[test]
    fn wavelengths_are_those_of_the_tables() {
        // E. J. Kirkland, Advanced Computing in Electron Microscopy, table 2.2: 1.969 pm, 2.508 pm.
        assert!((electron_wavelength(300e3) - 1.968_75e-12).abs() < 1e-16);
        assert!((electron_wavelength(200e3) - 2.507_93e-12).abs() < 1e-16);
        assert!((photon_wavelength(8000.0) - 1.549_802_5e-10).abs() < 1e-16);
        for voltage in [1e3, 80e3, 300e3, 3e6] {
            let back = electron_voltage(electron_wavelength(voltage));
            assert!((back / voltage - 1.0).abs() < 1e-12, "{voltage}: {back}");
        }
    }

    #[test]
    fn behind_the_crossover_the_phase_grows_outwards_as_that_of_a_spherical_wave() {
        // 300 kV, 4 mrad, the focus 2 um before or behind the specimen: exp(i pi r^2 / (lambda z)).
        let wavelength = electron_wavelength(300e3);
        for c10 in [2e-6, -2e-6] {
            let lens = Lens {
                wavelength,
                aperture: Aperture::Angle { semi_angle: 4e-3, stop: 0.0 },
                aberrations: Aberrations { c10, ..Aberrations::default() },
            };
            let pixel = 0.2e-9;
            let probe = lens.probe((256, 256), (pixel, pixel));
            assert!((lens.extent() - 16e-9).abs() < 1e-15);
            // A line through the phase over r^2, well inside the disc of 40 px radius and off its
            // axis, where the light from the aperture's edge meets.
            let at = |x: usize| probe[(0, 128, 128 + x)];
            let (mut phase, mut points) = (0.0, Vec::new());
            for x in 6..=24 {
                phase += f64::from((at(x) / at(x - 1)).arg());
                points.push(((x as f64 * pixel).powi(2), phase));
            }
            let mean = |of: fn(&(f64, f64)) -> f64| {
                points.iter().map(of).sum::<f64>() / points.len() as f64
            };
            let (r2, level) = (mean(|point| point.0), mean(|point| point.1));
            let (xy, xx) = points.iter().fold((0.0, 0.0), |(xy, xx), (x, y)| {
                (xy + (x - r2) * (y - level), xx + (x - r2) * (x - r2))
            });
            let (slope, expected) = (xy / xx, PI / (wavelength * c10));
            assert!((slope / expected - 1.0).abs() < 0.04, "{c10}: {slope} and {expected}");
            // Symmetric about the middle of the window.
            assert!((at(9) / probe[(0, 128, 128 - 9)] - 1.0).norm() < 1e-3);
        }
    }

    #[test]
    fn the_same_optic_in_other_units_is_the_same_probe() {
        // ProbeDesign has chi at the aperture's edge, and the aperture in cycles per pixel.
        let (wavelength, pixel, semi_angle, c10) = (2e-12, 0.2e-9, 1e-3, 5e-6);
        let aperture = semi_angle / wavelength * pixel;
        let design = ProbeDesign {
            aperture: Some(aperture),
            defocus: Some(PI * c10 * semi_angle * semi_angle / wavelength),
            astigmatism: 0.4,
            ..ProbeDesign::new(ProbeKind::Defocused)
        };
        let c12 = 0.4 * wavelength / (PI * semi_angle * semi_angle);
        let lens = Lens {
            wavelength,
            aperture: Aperture::Angle { semi_angle, stop: 0.0 },
            aberrations: Aberrations { c10, c12: (c12, 0.0), ..Aberrations::default() },
        };
        let (one, two) = (design.build((96, 96)).unwrap(), lens.probe((96, 96), (pixel, pixel)));
        let apart: f32 = one.iter().zip(&two).map(|(a, b)| (a - b).norm_sqr()).sum();
        assert!(apart < 1e-6, "{apart}");
    }

    #[test]
    fn a_pinhole_close_to_the_specimen_is_a_disc() {
        let lens = Lens {
            wavelength: 1e-10,
            aperture: Aperture::Pinhole { diameter: 2e-6 },
            aberrations: Aberrations { c10: 1e-6, ..Aberrations::default() },
        };
        let probe = lens.probe((64, 48), (1e-7, 1e-7));
        let light: f32 = probe.iter().map(|value| value.norm_sqr()).sum();
        assert!((light - 1.0).abs() < 1e-5);
        let area = PI * 10.0_f64.powi(2);
        let middle = f64::from(probe[(0, 32, 24)].norm_sqr());
        assert!((middle * area - 1.0).abs() < 0.1, "{}", middle * area);
        assert!(probe[(0, 32, 24 + 14)].norm_sqr() * (area as f32) < 0.01);
    }
}
