//! Nodes over the object between which a function is a cubic spline, and the equation of a slow
//! phase on them.

use lapwing_model::parallel::InParallel;

/// Steps of conjugate gradients at most, and the residual (r, r / diagonal), relative to the first,
/// at which they end.
const STEPS: usize = 200;
const TOLERANCE: f64 = 1e-4;
/// Share of the stiffest node's part that nodes have at least.
const FLOOR: f64 = 1e-6;

/// Nodes in rows (y, x), of which the second of the second row lies on the first pixel: a B-spline
/// of every node reaches two nodes far, so none has a kink, which an image would show.
pub(super) struct Grid {
    /// Distance of neighbours, px.
    side: f64,
    rows: usize,
    columns: usize,
}

impl Grid {
    /// Over all pixels of an object of `shape`.
    pub fn new(shape: (usize, usize), side: f64) -> Self {
        let nodes = |length: usize| (length as f64 / side).ceil() as usize + 3;
        Self { side, rows: nodes(shape.0), columns: nodes(shape.1) }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// The first of the four nodes along an axis of so many whose B-splines reach a place, px, and
    /// what they are there.
    fn along(&self, at: f64, nodes: usize) -> (usize, [f64; 4]) {
        let at = (at / self.side).clamp(0.0, (nodes - 3) as f64);
        let first = (at as usize).min(nodes - 4);
        let (t, u) = (at - first as f64, 1.0 - (at - first as f64));
        let inner = |t: f64| (4.0 + 3.0 * t * t * (t - 2.0)) / 6.0;
        (first, [u * u * u / 6.0, inner(t), inner(u), t * t * t / 6.0])
    }

    /// The function with these `values` of the nodes on the pixels of a row, in `of_row`.
    pub fn row(&self, values: &[f64], y: usize, of_row: &mut [f64]) {
        let (first, weights) = self.along(y as f64, self.rows);
        let nodes = values[first * self.columns..].chunks_exact(self.columns);
        let mut sums = vec![0.0; self.columns];
        for (nodes, weight) in nodes.zip(weights) {
            sums.iter_mut().zip(nodes).for_each(|(sum, value)| *sum += weight * value);
        }
        for (x, value) in of_row.iter_mut().enumerate() {
            let (first, weights) = self.along(x as f64, self.columns);
            *value = sums[first..].iter().zip(weights).map(|(sum, weight)| weight * sum).sum();
        }
    }

    /// Shares out `amount` at a place (y, x), px, among the nodes around it.
    pub fn add(&self, values: &mut [f64], [y, x]: [f64; 2], amount: f64) {
        let (row, of_rows) = self.along(y, self.rows);
        let (column, of_columns) = self.along(x, self.columns);
        for (values, of_row) in values[row * self.columns..].chunks_mut(self.columns).zip(of_rows) {
            for (value, of_column) in values[column..].iter_mut().zip(of_columns) {
                *value += of_row * of_column * amount;
            }
        }
    }

    /// Shares out what `of` says of every pixel of an object of `shape`.
    pub fn sums(&self, shape: (usize, usize), of: impl Fn(usize) -> f64 + Sync) -> Vec<f64> {
        let of_rows = (0..shape.0).in_parallel().map(|y| {
            let mut sums = vec![0.0; self.columns];
            for x in 0..shape.1 {
                let (first, weights) = self.along(x as f64, self.columns);
                let value = of(y * shape.1 + x);
                for (sum, weight) in sums[first..].iter_mut().zip(weights) {
                    *sum += weight * value;
                }
            }
            sums
        });
        let mut sums = vec![0.0; self.len()];
        for (y, of_row) in of_rows.iter().enumerate() {
            let (first, weights) = self.along(y as f64, self.rows);
            for (sums, weight) in sums[first * self.columns..].chunks_mut(self.columns).zip(weights)
            {
                sums.iter_mut().zip(of_row).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        sums
    }

    /// The phi for which
    ///
    /// ```text
    /// 2 slope phi + sum over neighbours along y, x
    ///                   of (v counts / side^2 + stiffness) (phi - phi')^2
    /// ```
    ///
    /// is least, with the mean of both nodes' `counts` and v the one of `slopes` along that axis,
    /// and how far below zero that is. A constant has no cost, so what `slope` has of it is left
    /// out: as much of every node as that has counts.
    pub fn solve(
        &self,
        counts: &[f64],
        slopes: [f64; 2],
        stiffness: f64,
        slope: &[f64],
    ) -> (Vec<f64>, f64) {
        let most = counts.iter().fold(0.0_f64, |most, &counts| most.max(counts));
        let per_count = slopes.map(|slope| slope / (self.side * self.side));
        let floor = FLOOR * most * per_count[0].max(per_count[1]);
        let ties = self.ties(|here, there, axis| {
            0.5 * per_count[axis] * (counts[here] + counts[there]) + stiffness + floor
        });
        let mut diagonal = vec![floor; self.len()];
        for &(here, there, tie) in &ties {
            diagonal[here] += tie;
            diagonal[there] += tie;
        }
        let share = slope.iter().sum::<f64>() / counts.iter().sum::<f64>();
        let right: Vec<f64> =
            slope.iter().zip(counts).map(|(slope, counts)| share * counts - slope).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut phi, mut rest) = (vec![0.0; self.len()], right.clone());
        let mut solved: Vec<f64> = rest.iter().zip(&diagonal).map(|(r, d)| r / d).collect();
        let mut direction = solved.clone();
        let mut size = dot(&rest, &solved);
        let enough = TOLERANCE * size;
        for _ in 0..STEPS {
            if size.is_nan() || size <= enough {
                break;
            }
            let mut image: Vec<f64> = direction.iter().map(|value| floor * value).collect();
            for &(here, there, tie) in &ties {
                let pull = tie * (direction[here] - direction[there]);
                image[here] += pull;
                image[there] -= pull;
            }
            let step = size / dot(&direction, &image);
            for (index, direction) in direction.iter().enumerate() {
                phi[index] += step * direction;
                rest[index] -= step * image[index];
                solved[index] = rest[index] / diagonal[index];
            }
            let next = dot(&rest, &solved);
            for (direction, solved) in direction.iter_mut().zip(&solved) {
                *direction = solved + next / size * *direction;
            }
            size = next;
        }
        let gain = dot(&right, &phi);
        (phi, gain)
    }

    /// All pairs of neighbours with what `of` says of them and the axis along which they lie.
    fn ties(&self, of: impl Fn(usize, usize, usize) -> f64) -> Vec<(usize, usize, f64)> {
        let mut ties = Vec::with_capacity(2 * self.len());
        for here in 0..self.len() {
            let (below, next) = (here + self.columns, here + 1);
            if below < self.len() {
                ties.push((here, below, of(here, below, 0)));
            }
            if next % self.columns != 0 {
                ties.push((here, next, of(here, next, 1)));
            }
        }
        ties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_nodes_has_no_kinks() {
        let grid = Grid::new((20, 31), 6.0);
        assert_eq!((grid.rows, grid.columns), (7, 9));
        // What is linear stays so, up to the last pixel.
        let values: Vec<f64> = (0..grid.len())
            .map(|node| (node / 9) as f64 - 1.0 + 10.0 * ((node % 9) as f64 - 1.0))
            .collect();
        let mut row = [0.0; 31];
        for y in 0..20 {
            grid.row(&values, y, &mut row);
            for (x, value) in row.iter().enumerate() {
                let expected = y as f64 / 6.0 + 10.0 * x as f64 / 6.0;
                assert!((value - expected).abs() < 1e-12, "{value} at {y}, {x}");
            }
        }
        // A single node makes the spline's own values 2/3 and 1/6, and slopes that differ by no
        // more than the second derivative of 2 / 36 allows.
        let mut values = vec![0.0; grid.len()];
        values[3 * 9 + 3] = 1.0;
        grid.row(&values, 12, &mut row);
        assert!((row[12] - 4.0 / 9.0).abs() < 1e-12 && (row[6] - 1.0 / 9.0).abs() < 1e-12);
        for around in row.windows(3) {
            assert!((around[0] - 2.0 * around[1] + around[2]).abs() < 2.0 / 36.0);
        }
        // What is shared out is there, in the place where it was.
        let sums = grid.sums((20, 31), |pixel| (pixel % 7) as f64);
        let mut ones = vec![0.0; grid.len()];
        (0..620).for_each(|pixel| {
            grid.add(&mut ones, [(pixel / 31) as f64, (pixel % 31) as f64], (pixel % 7) as f64);
        });
        assert!(sums.iter().zip(&ones).all(|(sum, one)| (sum - one).abs() < 1e-9));
        let [mut all, mut along_y] = [0.0; 2];
        for (node, sum) in sums.iter().enumerate() {
            all += sum;
            along_y += ((node / 9) as f64 - 1.0) * 6.0 * sum;
        }
        let pixels = (0..620).map(|pixel| ((pixel % 7) as f64, (pixel / 31) as f64));
        let expected =
            pixels.fold([0.0; 2], |[all, along_y], (value, y)| [all + value, along_y + value * y]);
        assert!((all - expected[0]).abs() < 1e-9 && (along_y - expected[1]).abs() < 1e-8);
    }

    #[test]
    fn the_equation_of_a_phase_is_solved() {
        let grid = Grid::new((50, 40), 5.0);
        let n = grid.len();
        let random = |seed: usize| {
            let values = (0..n).map(move |i| ((i * 7919 + seed * 104_729) % 97) as f64 / 97.0);
            values.collect::<Vec<_>>()
        };
        let (counts, slopes, stiffness) = (random(1), [3.0, 1.5], 0.02);
        let slope: Vec<f64> = random(2).iter().map(|value| value - 0.5).collect();
        let share = slope.iter().sum::<f64>() / counts.iter().sum::<f64>();
        let cost = |phi: &[f64]| {
            let mut cost = 0.0;
            for node in 0..n {
                cost += 2.0 * (slope[node] - share * counts[node]) * phi[node];
                for (next, v, inside) in
                    [(node + 11, slopes[0], node + 11 < n), (node + 1, slopes[1], node % 11 < 10)]
                {
                    if inside {
                        let tie = v * 0.5 * (counts[node] + counts[next]) / 25.0 + stiffness;
                        cost += tie * (phi[node] - phi[next]).powi(2);
                    }
                }
            }
            cost
        };
        let (phi, gain) = grid.solve(&counts, slopes, stiffness, &slope);
        let least = cost(&phi);
        assert!(gain > 0.0 && (least + gain).abs() < 1e-2 * gain, "{least} and {gain}");
        for seed in 3..8 {
            let other: Vec<f64> =
                phi.iter().zip(random(seed)).map(|(phi, r)| phi + 0.1 * (r - 0.5)).collect();
            assert!(cost(&other) > least);
        }
    }
}
