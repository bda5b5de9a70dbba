//! The phase of a field without the plane that fits it best.

use crate::fit::row_sums;
use lapwing_model::linear::solve;
use lapwing_model::parallel::InParallel;
use ndarray::{Array2, Axis};
use num_complex::Complex64;

/// Most rounds of fitting and wrapping again.
const MAX_ROUNDS: usize = 20;

/// angle(f exp(-i plane)), in [-pi, pi], with the plane a + b . r that fits this phase best over
/// the mask.
///
/// No unwrapping: the mean step between neighbours gives a first slope, then a least-squares plane
/// is fitted to the phase that is left, and the phase is wrapped again around the plane, until the
/// plane rests. Exact when the phase stays within pi of its plane; a specimen whose phase exceeds
/// that is wrapped at the same places in every field that is compared with it.
pub(crate) fn phase_without_plane(field: &Array2<Complex64>, mask: &Array2<f64>) -> Array2<f64> {
    let (height, width) = field.dim();
    let centre = [(height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0];
    let step = |dy: usize, dx: usize| -> f64 {
        let [[re, im]] = row_sums(mask, |y, x| {
            if y + dy < height && x + dx < width {
                let next = field[[y + dy, x + dx]] * mask[[y + dy, x + dx]];
                let product = next * field[[y, x]].conj();
                [[product.re, product.im]]
            } else {
                [[0.0; 2]]
            }
        });
        im.atan2(re)
    };
    let phase = |plane: [f64; 3]| -> Array2<f64> {
        let wave_x: Vec<Complex64> =
            (0..width).map(|x| Complex64::cis(-plane[2] * (x as f64 - centre[1]))).collect();
        let mut result = Array2::zeros((height, width));
        result.axis_iter_mut(Axis(0)).enumerate().in_parallel().for_each(|(y, mut line)| {
            let wave = Complex64::cis(-plane[0] - plane[1] * (y as f64 - centre[0]));
            for ((value, wave_x), phase) in field.row(y).iter().zip(&wave_x).zip(line.iter_mut()) {
                *phase = (value * wave * wave_x).arg();
            }
        });
        result
    };
    let mut plane = [0.0, step(1, 0), step(0, 1)];
    // The mean of the unit vectors, so that the first round wraps around the right level.
    let left = phase(plane);
    let [[re, im]] = row_sums(mask, |y, x| [[left[[y, x]].cos(), left[[y, x]].sin()]]);
    plane[0] = im.atan2(re);
    for _ in 0..MAX_ROUNDS {
        let left = phase(plane);
        let change = fit_plane(&left, mask, centre);
        if change[0].abs() + change[1].abs() * centre[0] + change[2].abs() * centre[1] < 1e-9 {
            return left;
        }
        (0..3).for_each(|index| plane[index] += change[index]);
    }
    phase(plane)
}

/// Least-squares plane [level at the centre, slope along y, slope along x] over the mask.
fn fit_plane(values: &Array2<f64>, mask: &Array2<f64>, centre: [f64; 2]) -> [f64; 3] {
    let sums = row_sums(mask, |y, x| {
        let basis = [1.0, y as f64 - centre[0], x as f64 - centre[1]];
        let value = values[[y, x]];
        basis.map(|b| [b * basis[0], b * basis[1], b * basis[2], b * value])
    });
    solve(sums.map(|[a, b, c, _]| [a, b, c]), sums.map(|row| row[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_a_steep_plane_through_the_wraps() {
        let mask = Array2::from_elem((40, 50), 1.0);
        // A zero-mean phase that is orthogonal to planes: an even function of y times an even
        // function of x, minus its mean.
        let bump = |y: usize, x: usize| {
            let (v, u) = ((y as f64 - 19.5) / 20.0, (x as f64 - 24.5) / 25.0);
            0.8 * (v * v - 0.5) * (u * u - 0.5)
        };
        let mut expected = Array2::from_shape_fn((40, 50), |(y, x)| bump(y, x));
        let mean = expected.sum() / expected.len() as f64;
        expected -= mean;
        let field = Array2::from_shape_fn((40, 50), |(y, x)| {
            let plane = 2.5 - 0.9 * y as f64 + 1.3 * x as f64;
            Complex64::from_polar(1.0 + 0.1 * (y as f64).sin(), bump(y, x) + plane)
        });
        let found = phase_without_plane(&field, &mask);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn an_empty_field_has_phase_zero() {
        let phase =
            phase_without_plane(&Array2::zeros((20, 20)), &Array2::from_elem((20, 20), 1.0));
        assert!(phase.iter().all(|&p| p == 0.0));
    }
}
