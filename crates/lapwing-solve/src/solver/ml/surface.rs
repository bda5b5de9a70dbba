//! The minimum of a function of a few numbers of which noisy values are known.
//!
//! A parabola along every axis is fitted to all values by least squares (response surfaces: G. E.
//! P. Box, K. B. Wilson, J. R. Stat. Soc. B 13, 1, 1951): its minimum has the noise of all values
//! together, and how well it is known follows from what the fit leaves. What few values leave is
//! itself known badly, so that errors in units of it are Student's (Biometrika 6, 1, 1908): with f
//! values more than unknowns their deviation is sqrt(f / (f - 2)) and not 1.

use lapwing_model::linear::solve;

/// What is known of the minimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Minimum<const N: usize> {
    /// Where it is; the centre along an axis that has none.
    pub at: [f64; N],
    /// Standard deviations that the noise of the values makes, of each number while the others
    /// stay; `None` where there is no minimum, or too few values tell how noisy they are.
    pub sd: [Option<f64>; N],
    /// Second derivatives, above 0 where there is a minimum.
    pub bend: [f64; N],
    /// Standard deviation of the values about the parabola.
    pub noise: f64,
}

/// The minimum near `centre` of what has these values at these points, for U = 2 N + 1 unknowns;
/// `scale` is how far apart points lie along each axis. `None` where there are too few of them.
pub(super) fn minimum<const N: usize, const U: usize>(
    points: &[([f64; N], f64)],
    centre: [f64; N],
    scale: [f64; N],
) -> Option<Minimum<N>> {
    assert_eq!(U, 2 * N + 1, "a constant, a slope and a curvature along every axis");
    if points.len() < U + 2 {
        return None;
    }
    let row = |point: &[f64; N]| -> [f64; U] {
        std::array::from_fn(|column| {
            let axis = (column + N - 1) % N;
            let far = (point[axis] - centre[axis]) / scale[axis];
            match column {
                0 => 1.0,
                slope if slope <= N => far,
                _ => far * far,
            }
        })
    };
    let offset = points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
    let (mut matrix, mut right) = ([[0.0; U]; U], [0.0; U]);
    for (point, value) in points {
        let row = row(point);
        for i in 0..U {
            right[i] += row[i] * (value - offset);
            for j in 0..U {
                matrix[i][j] += row[i] * row[j];
            }
        }
    }
    let found = solve(matrix, right);
    let left = points.iter().map(|(point, value)| {
        let fitted: f64 = row(point).iter().zip(&found).map(|(a, b)| a * b).sum();
        (value - offset - fitted).powi(2)
    });
    let variance = left.sum::<f64>() / (points.len() - U) as f64;
    let free = (points.len() - U) as f64;
    let of_student = (free > 2.0).then(|| (free / (free - 2.0)).sqrt());
    let mut minimum = Minimum { at: centre, sd: [None; N], bend: [0.0; N], noise: variance.sqrt() };
    for axis in 0..N {
        let (slope, square) = (found[1 + axis], found[1 + N + axis]);
        minimum.bend[axis] = 2.0 * square / scale[axis].powi(2);
        if square.is_nan() || square <= 0.0 {
            continue;
        }
        minimum.at[axis] -= scale[axis] * slope / (2.0 * square);
        // By how much the place moves with the two numbers that it is made of.
        let mut gradient = [0.0; U];
        gradient[1 + axis] = -0.5 / square;
        gradient[1 + N + axis] = 0.5 * slope / (square * square);
        let spread: f64 = solve(matrix, gradient).iter().zip(&gradient).map(|(a, b)| a * b).sum();
        let normal = scale[axis] * (variance * spread.max(0.0)).sqrt();
        minimum.sd[axis] = of_student.map(|wider| wider * normal);
    }
    Some(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::random::generator;
    use rand::RngExt;

    fn value([a, b]: [f64; 2]) -> f64 {
        7.0 + 3.0 * (a - 0.2).powi(2) + 50.0 * (b + 0.01).powi(2)
    }

    fn points() -> Vec<[f64; 2]> {
        let steps = [-0.1, -0.05, 0.0, 0.05, 0.1];
        steps.iter().flat_map(|&a| steps.map(|b| [0.15 + a, 0.3 * b])).collect()
    }

    #[test]
    fn a_parabola_is_found_exactly() {
        let known: Vec<_> = points().into_iter().map(|at| (at, value(at))).collect();
        let found = minimum::<2, 5>(&known, [0.15, 0.0], [0.05, 0.02]).unwrap();
        for axis in 0..2 {
            assert!((found.at[axis] - [0.2, -0.01][axis]).abs() < 1e-9, "{found:?}");
            assert!((found.bend[axis] / [6.0, 100.0][axis] - 1.0).abs() < 1e-9, "{found:?}");
            assert!(found.sd[axis].unwrap() < 1e-6, "{found:?}");
        }
    }

    /// Root mean square of the errors of fits to some points, over their deviations, along each
    /// axis, of `repeats` draws of the noise.
    fn errors_over_deviations(points: &[[f64; 2]], repeats: usize) -> [f64; 2] {
        let mut random = generator(5, "noise of a parabola", 0);
        let mut squares = [0.0; 2];
        for _ in 0..repeats {
            let noisy = points.iter().map(|&at| {
                let noise: f64 = (0..12).map(|_| random.random_range(-0.5..0.5)).sum();
                (at, value(at) + 2e-3 * noise)
            });
            let known: Vec<_> = noisy.collect();
            let found = minimum::<2, 5>(&known, [0.15, 0.0], [0.05, 0.02]).unwrap();
            for axis in 0..2 {
                let error = found.at[axis] - [0.2, -0.01][axis];
                squares[axis] += (error / found.sd[axis].unwrap()).powi(2) / repeats as f64;
            }
        }
        squares.map(f64::sqrt)
    }

    #[test]
    fn deviations_are_those_of_repeated_fits() {
        let rms = errors_over_deviations(&points(), 400);
        assert!(rms.iter().all(|rms| (0.9..1.1).contains(rms)), "{rms:?}");
    }

    /// Ten values of five unknowns: without Student's factor the errors are 1.29 deviations.
    #[test]
    fn deviations_are_those_of_repeated_fits_of_few_values() {
        let all = points();
        let few: Vec<_> = all.iter().copied().step_by(5).chain(all[10..15].to_vec()).collect();
        assert_eq!(few.len(), 10);
        let rms = errors_over_deviations(&few, 4000);
        assert!(rms.iter().all(|rms| (0.9..1.1).contains(rms)), "{rms:?}");
    }

    #[test]
    fn a_saddle_has_none_along_one_axis_and_few_points_tell_nothing() {
        let saddle: Vec<_> =
            points().into_iter().map(|at| (at, at[0].powi(2) - at[1].powi(2))).collect();
        let found = minimum::<2, 5>(&saddle, [0.02, 0.01], [0.05, 0.02]).unwrap();
        assert!(found.sd[0].is_some() && found.at[0].abs() < 1e-9, "{found:?}");
        assert!(found.sd[1].is_none() && found.at[1] == 0.01 && found.noise < 1e-9, "{found:?}");
        assert_eq!(minimum::<2, 5>(&saddle[..6], [0.0; 2], [0.05, 0.02]), None);
        // Two values more than unknowns: a place, but nothing that bounds its error.
        let least: Vec<_> = saddle.iter().copied().step_by(4).collect();
        let found = minimum::<2, 5>(&least, [0.02, 0.01], [0.05, 0.02]).unwrap();
        assert!(found.bend[0] > 0.0 && found.sd == [None; 2], "{found:?}");
    }
}
