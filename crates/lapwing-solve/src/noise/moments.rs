//! Mean and variance of every pixel over the scan, of the patterns in which it is good.

use super::stack::{Buffer, GoOn, Stack, Stopped};
use ndarray::Array2;

/// Patterns that one task sums; fixed, so that the sums do not depend on the number of threads.
const TASK: usize = 64;
/// With less of the usual light in its good pixels a pattern cannot be judged.
const ENOUGH: f64 = 0.01;

/// Mean and variance of every pixel over some patterns.
pub(super) struct Moments {
    pub mean: Array2<f64>,
    pub variance: Array2<f64>,
    /// Patterns in which each pixel is good.
    pub patterns: Array2<u32>,
}

impl Moments {
    /// Of the patterns `members`, as long as `go_on` wants it.
    pub fn of(stack: &Stack<'_>, members: &[usize], go_on: GoOn<'_>) -> Result<Self, Stopped> {
        let (height, width) = stack.shape();
        let pixels = height * width;
        let of_task = |buffer: &mut Buffer, members: &[usize]| {
            let (mut sum, mut squares) = (vec![0.0; pixels], vec![0.0; pixels]);
            let mut hidden = vec![0_u32; if stack.hides() { pixels } else { 0 }];
            for &pattern in members {
                let pattern = stack.pattern(pattern, buffer);
                let values = pattern.values.iter().zip(&mut sum).zip(&mut squares);
                for ((&value, sum), squares) in values {
                    let value = f64::from(value);
                    *sum += value;
                    *squares += value * value;
                }
                pattern.hidden.iter().for_each(|&place| hidden[place as usize] += 1);
            }
            (sum, squares, hidden)
        };
        let parts = stack.each(members.chunks(TASK), TASK, go_on, Buffer::default, of_task)?;
        let (mut sum, mut squares) = (vec![0.0; pixels], vec![0.0; pixels]);
        let mut patterns = Array2::from_elem((height, width), members.len() as u32);
        for (more, more_squares, hidden) in &parts {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            squares.iter_mut().zip(more_squares).for_each(|(sum, more)| *sum += more);
            patterns.iter_mut().zip(hidden).for_each(|(seen, hidden)| *seen -= hidden);
        }
        let array = |values: Vec<f64>| {
            Array2::from_shape_vec((height, width), values).expect("one value for every pixel")
        };
        let numbers = || patterns.iter().map(|&seen| f64::from(seen));
        let variance = sum.iter().zip(&squares).zip(numbers()).map(|((sum, squares), n)| {
            ((squares - sum * sum / n.max(1.0)) / (n - 1.0).max(1.0)).max(0.0)
        });
        let variance = array(variance.collect());
        let mean = array(sum.iter().zip(numbers()).map(|(sum, n)| sum / n.max(1.0)).collect());
        Ok(Self { mean, variance, patterns })
    }

    /// Sum of the means of the good pixels.
    pub fn sum(&self, good: &Array2<bool>) -> f64 {
        self.mean.iter().zip(good).filter(|(_, good)| **good).map(|(mean, _)| mean).sum()
    }

    /// Share of the light of the `good` pixels that is left where a pattern hides some of them;
    /// `None` where it is too little to judge the pattern by.
    pub fn seen_share(&self, hidden: &[u32], good: &Array2<bool>) -> Option<f64> {
        if hidden.is_empty() {
            return Some(1.0);
        }
        let width = good.dim().1;
        let places = hidden.iter().map(|&place| (place as usize / width, place as usize % width));
        let lost: f64 = places.filter(|&at| good[at]).map(|at| self.mean[at]).sum();
        let all = self.sum(good);
        let share = if all > 0.0 { 1.0 - lost / all } else { 1.0 };
        (share >= ENOUGH).then_some(share)
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
