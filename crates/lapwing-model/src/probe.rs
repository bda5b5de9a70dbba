//! Built-in illuminations, how large a probe is, and how it looks to someone who knows it only
//! roughly.
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

mod size;

pub use size::{diameter, perturb};

use crate::fft::{Fft2, frequency};
use crate::{Complex32, Modes};
use ndarray::Array3;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};
use std::fmt;
use std::str::FromStr;

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

/// Width of the soft edges of an aperture, in frequency samples.
const SOFTNESS: f64 = 1.5;

/// The kind of a built-in probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProbeKind {
    /// The focal spot of an aperture.
    Focused,
    /// Out of focus: a broad disc with curved phase and fringes; the usual choice for ptychography.
    #[default]
    Defocused,
    /// A disc of uniform amplitude and phase, such as a pinhole close to the specimen.
    Disc,
}

impl ProbeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Focused, Self::Defocused, Self::Disc];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Focused => "focused",
            Self::Defocused => "defocused",
            Self::Disc => "disc",
        }
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ProbeKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| format!("expected a probe (focused, defocused or disc), found `{text}`"))
    }
}

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

/// Why a probe cannot be made.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ProbeError {
    /// A parameter is out of range or does not belong to this kind of probe.
    #[error("probe {name} = {value}: expected {expected}")]
    Parameter {
        /// Name of the parameter, a field of [`ProbeDesign`].
        name: &'static str,
        /// What was given.
        value: f64,
        /// What can be given.
        expected: String,
    },
    /// The window is too small.
    #[error("a {0} x {1} window: expected at least 8 pixels on each side for a built-in probe")]
    Window(usize, usize),
    /// The window is too large.
    #[error(
        "a {0} x {1} window: expected at most 2^26 pixels (such as 8,192 x 8,192) for a built-in probe"
    )]
    WindowTooLarge(usize, usize),
}

impl ProbeDesign {
    /// A probe of this kind with everything else left to the defaults.
    pub fn new(kind: ProbeKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The probe in a window of shape `(height, width)`: axes (mode, y, x), one mode, centred on
    /// the window's centre (floor(height / 2), floor(width / 2)), and sum |P|^2 = 1.
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

    fn check(&self, side: f64) -> Result<(), ProbeError> {
        let refuse =
            |name, value, expected: String| Err(ProbeError::Parameter { name, value, expected });
        if let Some(value) = self.diameter {
            if self.kind == ProbeKind::Focused {
                return refuse(
                    "diameter",
                    value,
                    "none: a focal spot is as large as `aperture` makes it".into(),
                );
            }
            if self.defocus.is_some() {
                return refuse(
                    "diameter",
                    value,
                    "either `diameter` or `defocus`, not both".into(),
                );
            }
            let largest = MAX_DIAMETER * side;
            if !(value >= 2.0 && value <= largest) {
                let expected =
                    format!("pixels, 2 to {largest:.1} (0.7 of the window: more would leave it)");
                return refuse("diameter", value, expected);
            }
        }
        let optical = [
            ("aperture", self.aperture),
            ("central_stop", Some(self.central_stop).filter(|stop| *stop != 0.0)),
            ("defocus", self.defocus),
            ("astigmatism", Some(self.astigmatism).filter(|value| *value != 0.0)),
            ("spherical", Some(self.spherical).filter(|value| *value != 0.0)),
        ];
        for (name, value) in optical {
            let Some(value) = value else { continue };
            if self.kind == ProbeKind::Disc {
                return refuse(
                    name,
                    value,
                    "none: a disc has no optic (use focused or defocused)".into(),
                );
            }
            let (range, expected) = match name {
                "aperture" => {
                    (2.0 / side..=0.45, format!("cycles per pixel, {:.4} to 0.45", 2.0 / side))
                }
                "central_stop" => (0.0..=0.9, "a fraction of the aperture, 0 to 0.9".into()),
                _ => (-1e4..=1e4, "radians at the edge of the aperture".into()),
            };
            if !range.contains(&value) {
                return refuse(name, value, expected);
            }
        }
        Ok(())
    }

    /// The aperture's radius, cycles per pixel; 0 for a disc.
    fn aperture(&self) -> f64 {
        self.aperture.unwrap_or(match self.kind {
            ProbeKind::Focused => FOCUSED_APERTURE,
            ProbeKind::Defocused => DEFOCUSED_APERTURE,
            ProbeKind::Disc => 0.0,
        })
    }

    /// The probe of the optic at this defocus.
    fn optic(&self, defocus: f64, (height, width): (usize, usize)) -> Modes {
        let aperture = self.aperture();
        let edge = SOFTNESS / height.min(width) as f64;
        let inside = |q: f64, radius: f64| 0.5 * (1.0 - ((q - radius) / edge).tanh());
        let mut spectrum = vec![Complex32::default(); height * width];
        for (u_x, column) in spectrum.chunks_exact_mut(height).enumerate() {
            let q_x = frequency(u_x, width);
            for (u_y, value) in column.iter_mut().enumerate() {
                let q_y = frequency(u_y, height);
                let q = q_y.hypot(q_x);
                let mut amplitude = inside(q, aperture);
                if self.central_stop > 0.0 {
                    amplitude *= 1.0 - inside(q, self.central_stop * aperture);
                }
                let square = (q / aperture).powi(2);
                let chi = defocus * square
                    + self.astigmatism * (q_x * q_x - q_y * q_y) / (aperture * aperture)
                    + self.spherical * square * square;
                // The last term puts the centre of the probe into the centre of the window.
                let centre = TAU * (q_y * (height / 2) as f64 + q_x * (width / 2) as f64);
                let (sin, cos) = (-chi - centre).sin_cos();
                *value = Complex32::new((amplitude * cos) as f32, (amplitude * sin) as f32);
            }
        }
        let fft = Fft2::new((height, width));
        let mut scratch = vec![Complex32::default(); fft.scratch_len()];
        let mut field = vec![Complex32::default(); height * width];
        fft.inverse(&mut spectrum, &mut field, &mut scratch);
        normalised(Array3::from_shape_fn((1, height, width), |(_, y, x)| field[y * width + x]))
    }

    /// The defocus that gives this diameter, by bisection: the diameter grows with defocus.
    fn defocus_for(&self, target: f64, shape: (usize, usize)) -> Result<f64, ProbeError> {
        let size = |defocus: f64| diameter(self.optic(defocus, shape).view());
        let mut low = 0.0;
        // Geometrical optics, 2 c_1 / (pi a), is a good upper bound: diffraction only adds to it.
        let mut high = 1.2 * PI * self.aperture() * target / 2.0;
        let (smallest, largest) = (size(low), size(high));
        if !(smallest <= target && target <= largest) {
            return Err(ProbeError::Parameter {
                name: "diameter",
                value: target,
                expected: format!(
                    "{smallest:.1} to {largest:.1} px with this aperture and these aberrations; \
                     change them or give `defocus`"
                ),
            });
        }
        for _ in 0..20 {
            let middle = 0.5 * (low + high);
            if size(middle) < target { low = middle } else { high = middle }
        }
        Ok(0.5 * (low + high))
    }
}

/// A disc of this diameter, its edge one pixel wide.
fn disc(diameter: f64, (height, width): (usize, usize)) -> Modes {
    normalised(Array3::from_shape_fn((1, height, width), |(_, y, x)| {
        let r = (y as f64 - (height / 2) as f64).hypot(x as f64 - (width / 2) as f64);
        // The square root: intensity, not amplitude, is in proportion to the covered area.
        Complex32::new((diameter / 2.0 - r + 0.5).clamp(0.0, 1.0).sqrt() as f32, 0.0)
    }))
}

/// The probe scaled to sum |P|^2 = 1; it has some light.
fn normalised(mut probe: Modes) -> Modes {
    let energy: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
    let scale = (1.0 / energy.sqrt()) as f32;
    probe.mapv_inplace(|value| value * scale);
    probe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn energy(probe: &Modes) -> f64 {
        probe.iter().map(|value| f64::from(value.norm_sqr())).sum()
    }

    #[test]
    fn defaults_are_normalised_centred_contained_and_half_a_window_wide() {
        for kind in ProbeKind::ALL {
            for shape in [(64, 64), (128, 128), (48, 65)] {
                let probe = ProbeDesign::new(kind).build(shape).unwrap();
                assert_eq!(probe.dim(), (1, shape.0, shape.1));
                assert!((energy(&probe) - 1.0).abs() < 1e-5);
                let half = DIAMETER * shape.0.min(shape.1) as f64;
                let size = diameter(probe.view());
                match kind {
                    ProbeKind::Focused => assert!(size < half, "{size}"),
                    _ => assert!((size / half - 1.0).abs() < 0.01, "{kind} {shape:?}: {size}"),
                }
                let (mut y_mean, mut x_mean, mut outside) = (0.0, 0.0, 0.0);
                for ((_, y, x), value) in probe.indexed_iter() {
                    let share = f64::from(value.norm_sqr());
                    let (dy, dx) =
                        (y as f64 - (shape.0 / 2) as f64, x as f64 - (shape.1 / 2) as f64);
                    y_mean += share * dy;
                    x_mean += share * dx;
                    if dy.abs() > 0.45 * shape.0 as f64 || dx.abs() > 0.45 * shape.1 as f64 {
                        outside += share;
                    }
                }
                assert!(
                    y_mean.abs() < 0.05 && x_mean.abs() < 0.05,
                    "{kind} {shape:?}: {y_mean}, {x_mean}"
                );
                assert!(
                    outside < 1e-3,
                    "{kind} {shape:?}: {outside} of the light in the outer tenth"
                );
            }
        }
    }

    #[test]
    fn second_moment_of_the_optic_is_that_of_its_gradient_in_the_aperture() {
        // <r^2> = (1 / 4 pi^2) int |grad(A exp(-i chi))|^2 / int A^2, where
        // |grad|^2 = A'^2 + A^2 |grad chi|^2.
        let n = 256.0;
        let design = ProbeDesign {
            aperture: Some(0.12),
            central_stop: 0.3,
            defocus: Some(14.0),
            spherical: 3.0,
            ..ProbeDesign::default()
        };
        let measured = diameter(design.build((256, 256)).unwrap().view());
        let (a, edge) = (0.12, SOFTNESS / n);
        let inside = |q: f64, radius: f64| 0.5 * (1.0 - f64::tanh((q - radius) / edge));
        let amplitude = |q: f64| inside(q, a) * (1.0 - inside(q, 0.3 * a));
        let (mut top, mut bottom) = (0.0, 0.0);
        for step in 0..40_000 {
            let q = (f64::from(step) + 0.5) * 1e-5;
            let slope = (amplitude(q + 1e-6) - amplitude(q - 1e-6)) / 2e-6;
            let chi = 2.0 * 14.0 * q / (a * a) + 4.0 * 3.0 * q.powi(3) / a.powi(4);
            top += q * (slope * slope + (amplitude(q) * chi).powi(2));
            bottom += q * amplitude(q).powi(2);
        }
        let expected = 2.0 * std::f64::consts::SQRT_2 * (top / bottom).sqrt() / TAU;
        assert!((measured / expected - 1.0).abs() < 0.01, "{measured} and {expected}");
    }

    #[test]
    fn the_light_falls_inside_the_aperture_on_the_detector() {
        use crate::{Field, ForwardModel, Position};
        let design =
            ProbeDesign { aperture: Some(0.2), central_stop: 0.4, ..ProbeDesign::default() };
        let probe = design.build((64, 64)).unwrap();
        let flat = Field::from_elem((64, 64), Complex32::new(1.0, 0.0));
        let model = ForwardModel::new((64, 64));
        let pattern =
            model.intensity(flat.view(), probe.view(), Position { y: 32.0, x: 32.0 }).unwrap();
        let share = |range: std::ops::Range<f64>| -> f64 {
            let radius = |(y, x): (usize, usize)| (y as f64 - 32.0).hypot(x as f64 - 32.0) / 64.0;
            pattern
                .indexed_iter()
                .filter(|(at, _)| range.contains(&radius(*at)))
                .map(|(_, &v)| f64::from(v))
                .sum()
        };
        assert!(share(0.08..0.2) > 0.85 && share(0.0..0.05) < 1e-2 && share(0.24..1.0) < 1e-2);
    }

    #[test]
    fn a_diameter_can_be_asked_for() {
        for target in [20.0, 44.0] {
            let design =
                ProbeDesign { diameter: Some(target), astigmatism: 1.5, ..ProbeDesign::default() };
            assert!(
                (diameter(design.build((64, 64)).unwrap().view()) - target).abs() < 0.01 * target
            );
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for window in [(200_000, 200_000), (usize::MAX, 8)] {
            let error = ProbeDesign::default().build(window).unwrap_err();
            assert_eq!(error, ProbeError::WindowTooLarge(window.0, window.1));
        }
        let base = ProbeDesign::default();
        let bad = [
            ("diameter", ProbeDesign { diameter: Some(60.0), ..base }),
            ("diameter", ProbeDesign { diameter: Some(f64::NAN), ..base }),
            ("diameter", ProbeDesign { diameter: Some(3.0), ..base }),
            ("diameter", ProbeDesign { diameter: Some(20.0), defocus: Some(3.0), ..base }),
            ("diameter", ProbeDesign { kind: ProbeKind::Focused, diameter: Some(20.0), ..base }),
            ("aperture", ProbeDesign { aperture: Some(0.6), ..base }),
            ("aperture", ProbeDesign { kind: ProbeKind::Disc, aperture: Some(0.1), ..base }),
            ("central_stop", ProbeDesign { central_stop: 1.0, ..base }),
            ("defocus", ProbeDesign { defocus: Some(f64::INFINITY), ..base }),
        ];
        for (name, design) in bad {
            let error = design.build((64, 64)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("probe {name} = ")), "{error}");
        }
        assert!(base.build((4, 64)).is_err());
        for kind in ProbeKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
    }
}
