//! Built-in probes, the size of a probe, and probes that are known only roughly.
//!
//! A focusing optic with aperture radius a (cycles per pixel) gives the probe
//!
//! ```text
//! P = F^-1[ A(q) exp(-i chi(q)) ],   chi(q) = c_1 (q/a)^2 + c_a (q_x^2 - q_y^2)/a^2 + c_s (q/a)^4
//! ```
//!
//! with defocus c_1, astigmatism c_a and spherical aberration c_s in radians at the aperture's
//! edge. A is 1 between the central stop and the aperture's edge; both edges are soft, of tanh
//! shape and 1.5 frequency samples (1.5/N) wide, so that the probe is confined. To geometrical
//! optics, defocus spreads the light over a disc of diameter 2 c_1 / (pi a) pixels. On the detector
//! the aperture is a bright disc of radius a N pixels.

mod check;
mod kind;
mod lens;
mod optic;
mod size;
#[cfg(test)]
mod tests;

pub use check::ProbeError;
pub use kind::ProbeKind;
pub use lens::{
    Aberrations, Aperture, Lens, electron_voltage, electron_wavelength, photon_wavelength,
    zone_plate_angle,
};
pub use size::{diameter, perturb, usual_diameter};

use crate::Modes;
use optic::disc;
use serde::{Deserialize, Serialize};

/// Aperture radius of a defocused probe unless given, cycles per pixel.
pub const DEFOCUSED_APERTURE: f64 = 0.15;

/// Aperture radius of a focused probe unless given, cycles per pixel.
pub const FOCUSED_APERTURE: f64 = 0.06;

/// Diameter of a disc and of a defocused probe unless given, as a fraction of the window's shorter
/// side.
pub const DIAMETER: f64 = 0.5;

/// Largest diameter that can be asked for, as a fraction of the window's shorter side: larger ones
/// leave the window.
pub const MAX_DIAMETER: f64 = 0.7;

/// Largest window of a built-in probe, pixels of area: 2^26, such as 8,192 x 8,192.
pub const MAX_WINDOW: usize = 1 << 26;

/// What a built-in probe is made from; whatever is left out has a sensible value.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeDesign {
    /// The kind.
    pub kind: ProbeKind,
    /// Equivalent-disc diameter (see [`diameter`]), pixels: of a disc, or of a defocused probe,
    /// whose defocus follows from it. Unless given, [`DIAMETER`] of the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diameter: Option<f64>,
    /// Radius of the aperture, cycles per pixel, at most 0.45. Not for a disc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aperture: Option<f64>,
    /// Radius of the central stop as a fraction of the aperture's, 0 to 0.9. Not for a disc.
    pub central_stop: f64,
    /// Defocus c_1, radians at the edge of the aperture; takes the place of `diameter` in a
    /// defocused probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defocus: Option<f64>,
    /// Astigmatism c_a, radians at the edge of the aperture. Not for a disc.
    pub astigmatism: f64,
    /// Spherical aberration c_s, radians at the edge of the aperture. Not for a disc.
    pub spherical: f64,
}

impl ProbeDesign {
    /// A probe of this kind with everything else left to the defaults.
    pub fn new(kind: ProbeKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The probe in a window of shape `(height, width)`: axes (mode, y, x), one mode, centred on
    /// the window's centre (floor(height / 2), floor(width / 2)), and sum |P|^2 = 1.
    ///
    /// # Errors
    /// What the design cannot have: see [`ProbeError`].
    pub fn build(&self, (height, width): (usize, usize)) -> Result<Modes, ProbeError> {
        let side = height.min(width);
        if side < 8 {
            return Err(ProbeError::Window(height, width));
        }
        if height.checked_mul(width).is_none_or(|area| area > MAX_WINDOW) {
            return Err(ProbeError::WindowTooLarge(height, width));
        }
        self.check(side as f64)?;
        let diameter = self.diameter.unwrap_or(DIAMETER * side as f64);
        let probe = match self.kind {
            ProbeKind::Disc => disc(diameter, (height, width)),
            ProbeKind::Focused => self.optic(self.defocus.unwrap_or(0.0), (height, width)),
            ProbeKind::Defocused => match self.defocus {
                Some(defocus) => self.optic(defocus, (height, width)),
                None => self.optic(self.defocus_for(diameter, (height, width))?, (height, width)),
            },
        };
        Ok(probe)
    }
}
