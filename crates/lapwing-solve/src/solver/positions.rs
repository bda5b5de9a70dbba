//! Refinement of the scan positions.
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
use lapwing_model::buffer::Buffer;
use lapwing_model::fft::frequency;
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, Position};
use std::f64::consts::TAU;

/// A position may move by this share of the window's shorter side.
const REACH: f32 = 0.125;

/// (sum (2 pi u_y)^2 |F[P]|^2, the same for u_x): the curvature of a pattern whose object transmits
/// everything, under `probe` (mode, y, x).
pub(crate) fn curvature(problem: &Problem, probe: &[Complex32]) -> [f64; 2] {
    let (model, (height, width)) = (&problem.model, problem.model.shape());
    let (mut work, mut spectrum) = (model.workspace(), Buffer::zeros(model.len()));
    let mut sums = [0.0_f64; 2];
    for mode in probe.chunks_exact(model.len()) {
        model.probe_spectrum(mode, &mut spectrum, &mut work);
        for (index, value) in spectrum.iter().enumerate() {
            let power = f64::from(value.norm_sqr());
            sums[0] += (TAU * frequency(index % height, height)).powi(2) * power;
            sums[1] += (TAU * frequency(index / height, width)).powi(2) * power;
        }
    }
    sums
}

/// Measured power of every pattern over that of the probe: the transmitted share.
pub(crate) fn transmission(problem: &Problem) -> Vec<f64> {
    (0..problem.n_patterns()).in_parallel().map_with(
        || vec![0.0; problem.model.len()],
        |buffer, index| {
            let power: f64 =
                problem.pattern(index, buffer).iter().map(|&value| f64::from(value)).sum();
            (power / problem.mean_intensity).max(0.01)
        },
    )
}

/// Keeps offsets within reach of the window.
pub(crate) fn clamp(problem: &Problem, offsets: &mut [Complex32]) {
    let (height, width) = problem.model.shape();
    let reach = REACH * height.min(width) as f32;
    for offset in offsets {
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

/// The measured positions with `offsets` added; an empty slice adds nothing.
pub(crate) fn moved(problem: &Problem, offsets: &[Complex32]) -> Vec<Position> {
    let mut positions = problem.whole_scan.clone();
    for (&stored, offset) in problem.kept.iter().zip(offsets) {
        let position = &mut positions[stored];
        position.y += f64::from(offset.re);
        position.x += f64::from(offset.im);
    }
    positions
}
