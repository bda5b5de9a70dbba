//! Small systems of linear equations.

/// A direction whose own part is a smaller share of its square is taken to depend on the ones
/// before.
const DEPENDENT: f64 = 1e-13;

/// Solves a symmetric positive (semi)definite system by Cholesky's method; directions without
/// weight get zero.
pub fn solve<const N: usize>(matrix: [[f64; N]; N], right: [f64; N]) -> [f64; N] {
    let mut lower = [[0.0; N]; N];
    let mut result = [0.0; N];
    for i in 0..N {
        for j in 0..=i {
            let rest = matrix[i][j] - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            lower[i][j] = if i == j {
                if rest > DEPENDENT * matrix[i][i] { rest.sqrt() } else { 0.0 }
            } else if lower[j][j] > 0.0 {
                rest / lower[j][j]
            } else {
                0.0
            };
        }
    }
    for i in 0..N {
        let rest = right[i] - (0..i).map(|k| lower[i][k] * result[k]).sum::<f64>();
        result[i] = if lower[i][i] > 0.0 { rest / lower[i][i] } else { 0.0 };
    }
    for i in (0..N).rev() {
        let rest = result[i] - (i + 1..N).map(|k| lower[k][i] * result[k]).sum::<f64>();
        result[i] = if lower[i][i] > 0.0 { rest / lower[i][i] } else { 0.0 };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 6;

    #[test]
    fn solve_inverts_a_positive_matrix_and_ignores_empty_directions() {
        let mut matrix = [[0.0; N]; N];
        let wanted = [1.0, -2.0, 0.5, 3.0, 0.0, 4.0];
        for (i, row) in matrix.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = 1.0 / (1.0 + i as f64 + j as f64) + if i == j { 1.0 } else { 0.0 };
            }
        }
        matrix[4] = [0.0; N];
        matrix.iter_mut().for_each(|row| row[4] = 0.0);
        let right = matrix.map(|row| row.iter().zip(&wanted).map(|(a, b)| a * b).sum());
        let found = solve(matrix, right);
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        // The second direction is a third of the first: only their sum is known, and the first
        // takes it all.
        let (a, b) = (0.3, 0.1);
        assert_eq!(solve([[a * a, a * b], [a * b, b * b]], [a * 0.6, b * 0.6]), [2.0, 0.0]);
    }
}
