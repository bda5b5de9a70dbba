//! Refinement of the scan positions: where the probe really was.
//!
//! The loss changes with a pattern's position as the probe moves under the object patch, so with
//! the probe's derivative along y, a factor -2 pi i u_y on its spectrum,
//!
//! ```text
//! s_y = Re <dP_j/dy O_j, chi_j>          minus half the loss's derivative
//! h_y = |O|^2 sum (2 pi u_y)^2 |F[P]|^2  its curvature (Gauss-Newton),
//!                                        |O|^2 the pattern's measured over the probe's power
//! ```
//!
//! and likewise along x (O18, section on position correction, differentiates the probe as well).
//! The inner products are taken in Fourier space, where chi conj(O) has been brought for the
//! probe's sums. The window that a pattern cuts from the object stays where it was: the probe moves
//! inside it.

use crate::Problem;
use lapwing_model::fft::frequency;
use lapwing_model::forward::Ramp;
use lapwing_model::{Complex32, Position, Window};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Offsets of all positions from those of the problem, one complex number (y + i x) each, pixels.
pub(crate) type Offsets = Vec<Complex32>;

/// A position may move by this share of the window's shorter side.
const REACH: f32 = 0.125;

/// What the slopes of every pattern have in common: 2 pi u along both axes.
pub(crate) struct Slopes {
    along_y: Vec<f64>,
    along_x: Vec<f64>,
}

impl Slopes {
    /// For windows of `(height, width)`.
    pub fn new((height, width): (usize, usize)) -> Self {
        let along = |length| (0..length).map(|index| TAU * frequency(index, length)).collect();
        Self { along_y: along(height), along_x: along(width) }
    }

    /// (s_y, s_x) of a pattern, from the probe's modes and its chi conj(O), unshifted, both as
    /// spectra (mode, u_x, u_y).
    pub fn of(&self, probe: &[Complex32], product: &[Complex32]) -> [f64; 2] {
        let height = self.along_y.len();
        let mut slope = [0.0_f64; 2];
        let columns = probe.chunks_exact(height).zip(product.chunks_exact(height));
        for ((probe, product), u_x) in columns.zip(self.along_x.iter().cycle()) {
            // Re <-2 pi i u P, S> = -2 pi u Im(conj(P) S)
            let (mut of_y, mut of_x) = (0.0, 0.0);
            for ((p, s), u_y) in probe.iter().zip(product).zip(&self.along_y) {
                let turned = f64::from(p.re * s.im - p.im * s.re);
                of_y += u_y * turned;
                of_x += turned;
            }
            slope[0] -= of_y;
            slope[1] -= u_x * of_x;
        }
        slope
    }
}

/// (sum (2 pi u_y)^2 |F[P]|^2, the same for u_x): the curvature of a pattern whose object transmits
/// everything.
pub(crate) fn curvature(problem: &Problem, probe_spectra: &[Complex32]) -> [f64; 2] {
    let (height, width) = problem.model.shape();
    let mut sums = [0.0_f64; 2];
    for (index, value) in probe_spectra.iter().enumerate() {
        let within = index % problem.model.len();
        let power = f64::from(value.norm_sqr());
        sums[0] += (TAU * frequency(within % height, height)).powi(2) * power;
        sums[1] += (TAU * frequency(within / height, width)).powi(2) * power;
    }
    sums
}

/// Measured power of every pattern over that of the probe: what share the object lets through.
pub(crate) fn transmission(problem: &Problem) -> Vec<f64> {
    (0..problem.n_patterns())
        .into_par_iter()
        .map_init(
            || vec![0.0; problem.model.len()],
            |room, index| {
                let power: f64 =
                    problem.pattern(index, room).iter().map(|&value| f64::from(value)).sum();
                (power / problem.mean_intensity).max(0.01)
            },
        )
        .collect()
}

/// Keeps offsets within reach of the window and takes out their mean, which is the object's own
/// place.
pub(crate) fn bound(problem: &Problem, offsets: &mut [Complex32]) {
    let mean = mean(offsets);
    let (height, width) = problem.model.shape();
    let reach = REACH * height.min(width) as f32;
    for offset in offsets {
        *offset -= mean;
        *offset = Complex32::new(offset.re.clamp(-reach, reach), offset.im.clamp(-reach, reach));
    }
}

/// Mean of complex numbers, in double precision and a fixed order.
pub(crate) fn mean(values: &[Complex32]) -> Complex32 {
    let (y, x) =
        values.iter().fold((0.0, 0.0), |sum, v| (sum.0 + f64::from(v.re), sum.1 + f64::from(v.im)));
    let n = values.len().max(1) as f64;
    Complex32::new((y / n) as f32, (x / n) as f32)
}

impl Problem {
    /// Moves the probe of every pattern to `offsets` from its measured position.
    pub(crate) fn offset_positions(&mut self, offsets: &[Complex32]) {
        let shape = self.model.shape();
        for ((ramp, window), offset) in self.ramps.iter_mut().zip(&self.windows).zip(offsets) {
            let moved = Window {
                rest_y: window.rest_y + f64::from(offset.re),
                rest_x: window.rest_x + f64::from(offset.im),
                ..*window
            };
            *ramp = Ramp::new(&moved, shape);
        }
    }

    /// The measured positions with `offsets` added; an empty slice adds nothing.
    pub(crate) fn positions(&self, offsets: &[Complex32]) -> Vec<Position> {
        let mut positions = self.scan.clone();
        for (position, offset) in positions.iter_mut().zip(offsets) {
            position.y += f64::from(offset.re);
            position.x += f64::from(offset.im);
        }
        positions
    }
}
