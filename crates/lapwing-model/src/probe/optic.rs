//! The probe of a focusing optic, and that of a pinhole.

use super::{DEFOCUSED_APERTURE, FOCUSED_APERTURE, ProbeDesign, ProbeError, ProbeKind, diameter};
use crate::fft::{Fft2, frequency};
use crate::{Complex32, Modes};
use ndarray::Array3;
use std::f64::consts::{PI, TAU};

/// Width of the soft edges of an aperture, in frequency samples.
pub(super) const SOFTNESS: f64 = 1.5;

impl ProbeDesign {
    /// The aperture's radius, cycles per pixel; 0 for a disc.
    fn aperture(&self) -> f64 {
        self.aperture.unwrap_or(match self.kind {
            ProbeKind::Focused => FOCUSED_APERTURE,
            ProbeKind::Defocused => DEFOCUSED_APERTURE,
            ProbeKind::Disc => 0.0,
        })
    }

    /// The probe of the optic at this defocus.
    pub(super) fn optic(&self, defocus: f64, (height, width): (usize, usize)) -> Modes {
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
    pub(super) fn defocus_for(
        &self,
        target: f64,
        shape: (usize, usize),
    ) -> Result<f64, ProbeError> {
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
pub(super) fn disc(diameter: f64, (height, width): (usize, usize)) -> Modes {
    normalised(Array3::from_shape_fn((1, height, width), |(_, y, x)| {
        let r = (y as f64 - (height / 2) as f64).hypot(x as f64 - (width / 2) as f64);
        // The square root: intensity, not amplitude, is in proportion to the covered area.
        Complex32::new((diameter / 2.0 - r + 0.5).clamp(0.0, 1.0).sqrt() as f32, 0.0)
    }))
}

/// The probe scaled to sum |P|^2 = 1; it has some light.
pub(super) fn normalised(mut probe: Modes) -> Modes {
    let energy: f64 = probe.iter().map(|value| f64::from(value.norm_sqr())).sum();
    let scale = (1.0 / energy.sqrt()) as f32;
    probe.mapv_inplace(|value| value * scale);
    probe
}
