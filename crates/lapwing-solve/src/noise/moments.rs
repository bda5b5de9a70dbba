//! Mean and variance of every pixel over the scan.

use super::stack::{Buffer, GoOn, Stack, Stopped};
use ndarray::Array2;

/// Patterns that one task sums; fixed, so that the sums do not depend on the number of threads.
const TASK: usize = 64;

/// Mean and variance of every pixel over some patterns.
pub(super) struct Moments {
    pub mean: Array2<f64>,
    pub variance: Array2<f64>,
    /// Number of patterns.
    pub patterns: usize,
}

impl Moments {
    /// Of the patterns `members`, as long as `go_on` wants it.
    pub fn of(stack: &Stack<'_>, members: &[usize], go_on: GoOn<'_>) -> Result<Self, Stopped> {
        let (height, width) = stack.shape();
        let pixels = height * width;
        let of_task = |buffer: &mut Buffer, members: &[usize]| {
            let (mut sum, mut squares) = (vec![0.0; pixels], vec![0.0; pixels]);
            for &pattern in members {
                let pattern = stack.pattern(pattern, buffer);
                let values = pattern.iter().zip(&mut sum).zip(&mut squares);
                for ((&value, sum), squares) in values {
                    let value = f64::from(value);
                    *sum += value;
                    *squares += value * value;
                }
            }
            (sum, squares)
        };
        let parts = stack.each(members.chunks(TASK), TASK, go_on, Buffer::default, of_task)?;
        let (mut sum, mut squares) = (vec![0.0; pixels], vec![0.0; pixels]);
        for (more, more_squares) in &parts {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            squares.iter_mut().zip(more_squares).for_each(|(sum, more)| *sum += more);
        }
        let n = members.len() as f64;
        let array = |values: Vec<f64>| {
            Array2::from_shape_vec((height, width), values).expect("one value for every pixel")
        };
        let variance = sum.iter().zip(&squares);
        let variance =
            variance.map(|(sum, squares)| (squares - sum * sum / n) / (n - 1.0).max(1.0));
        let variance = array(variance.map(|value| value.max(0.0)).collect());
        let mean = array(sum.iter().map(|sum| sum / n).collect());
        Ok(Self { mean, variance, patterns: members.len() })
    }

    /// Sum of the means of the good pixels.
    pub fn sum(&self, good: &Array2<bool>) -> f64 {
        self.mean.iter().zip(good).filter(|(_, good)| **good).map(|(mean, _)| mean).sum()
    }

    /// Centre of the light, (y, x): its centre of mass, which a shifted pattern moves.
    pub fn centre(&self, good: &Array2<bool>) -> (f64, f64) {
        let (mut sum, mut y, mut x) = (0.0, 0.0, 0.0);
        for (((row, column), mean), good) in self.mean.indexed_iter().zip(good) {
            if *good {
                sum += mean;
                y += mean * row as f64;
                x += mean * column as f64;
            }
        }
        let (height, width) = self.mean.dim();
        match sum > 0.0 {
            true => (y / sum, x / sum),
            false => ((height / 2) as f64, (width / 2) as f64),
        }
    }
}
