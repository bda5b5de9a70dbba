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
//!
//! In a near field whose light stands still ([`Moves::Specimen`]) the image goes back as the probe
//! goes forth, so that what changes is the specimen under the light,
//!
//! ```text
//! s_y = Re <dP_j/dy O_j, chi_j> - Re <d(P_j O_j)/dy, chi_j>
//! h_y = |O|^2 mean_j sum |P|^2 |dO_j/dy|^2    over the object's mean transmitted share
//! ```

use crate::Problem;
use lapwing_model::buffer::Buffer;
use lapwing_model::fft::frequency;
use lapwing_model::parallel::InParallel;
use lapwing_model::{Complex32, Position};
use std::f64::consts::TAU;

/// A position may move by this share of the window's shorter side.
const REACH: f32 = 0.125;

/// (h_y, h_x) of every pattern, with `object` (slice, y, x) under `probe` (mode, y, x).
pub(crate) fn curvatures(
    problem: &Problem,
    object: &[Complex32],
    probe: &[Complex32],
) -> Vec<[f64; 2]> {
    let (shares, mut whole) = (transmission(problem), curvature(problem, probe));
    if problem.model.light_stands_still() {
        let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        whole = of_specimen(problem, object, probe).map(|sum| sum / mean);
    }
    shares.into_iter().map(|share| whole.map(|sum| share * sum)).collect()
}

/// (mean_j sum |P|^2 |dO_j/dy|^2, the same along x), from the differences between neighbouring
/// pixels, those of all slices added.
fn of_specimen(problem: &Problem, object: &[Complex32], probe: &[Complex32]) -> [f64; 2] {
    let (pixels, (height, width)) = (problem.model.len(), problem.model.shape());
    let columns = problem.object.shape().1;
    let mut light = vec![0.0_f32; pixels];
    for mode in probe.chunks_exact(pixels).take(problem.n_modes()) {
        light.iter_mut().zip(mode).for_each(|(sum, value)| *sum += value.norm_sqr());
    }
    let of_patterns: Vec<[f64; 2]> = problem.windows.iter().in_parallel().map(|window| {
        let mut sums = [0.0_f64; 2];
        for slice in object.chunks_exact(problem.slice_len()) {
            for y in 0..height - 1 {
                let start = (window.row as usize + y) * columns + window.column as usize;
                let (row, below) = (&slice[start..start + width], &slice[start + columns..]);
                let light = &light[y * width..(y + 1) * width - 1];
                let (mut of_y, mut of_x) = (0.0_f32, 0.0_f32);
                for (((light, here), next), below) in
                    light.iter().zip(row).zip(&row[1..]).zip(below)
                {
                    of_y += light * (below - here).norm_sqr();
                    of_x += light * (next - here).norm_sqr();
                }
                sums = [sums[0] + f64::from(of_y), sums[1] + f64::from(of_x)];
            }
        }
        sums
    });
    let patterns = of_patterns.len().max(1) as f64;
    let sum = of_patterns.iter().fold([0.0; 2], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
    sum.map(|sum| sum / patterns)
}

/// (sum (2 pi u_y)^2 |F[P]|^2, the same for u_x): the curvature of a pattern whose object transmits
/// everything, under `probe` (mode, y, x).
fn curvature(problem: &Problem, probe: &[Complex32]) -> [f64; 2] {
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
