//! Replicates: the same experiment with other noise.

use super::expected::Expected;
use super::{Patterns, Problem, ProblemError};
use crate::solver::Solution;
use lapwing_model::parallel::InParallel;
use lapwing_model::random::generator;
use ndarray::{Axis, concatenate};
use rand_distr::{Distribution, Poisson};
use std::sync::Arc;

impl Problem {
    /// The problem whose patterns are drawn anew from what `solution` predicts, background
    /// included, with noise of this problem's gain, and which starts from `solution`: replicate
    /// number `index` of `seed`. It holds its patterns in memory, four bytes for every pixel while
    /// they are made.
    ///
    /// # Errors
    /// When `solution` is not one of this problem.
    pub fn replicate(
        &self,
        solution: &Solution,
        seed: u64,
        index: usize,
    ) -> Result<Self, ProblemError> {
        let all: Vec<usize> = (0..self.n_patterns()).collect();
        let Expected { mut intensity, scan } = self.expected(solution, &all)?;
        let windows = scan.iter().enumerate().map(|(pattern, &position)| {
            let window = self.model.window(position, self.object.shape());
            window.map_err(|source| ProblemError::OffObject { pattern, source })
        });
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let name = format!("replicate {index}");
        let limit = self.clipped.map_or(f32::INFINITY, |clipped| clipped.limit);
        let patterns = intensity.chunks_mut(self.model.len()).enumerate();
        patterns.in_parallel().for_each(|(pattern, values)| {
            let mut draws = generator(seed, &name, pattern as u64);
            for value in values {
                let mean = f64::from(*value) / self.gain;
                *value = match Poisson::new(mean) {
                    Ok(poisson) if mean > 0.0 => (self.gain * poisson.sample(&mut draws)) as f32,
                    _ => 0.0,
                };
                *value = value.min(limit);
            }
        });
        Ok(Self {
            patterns: Arc::new(Patterns::new(intensity)),
            kept: (0..scan.len()).collect(),
            whole_scan: scan.clone(),
            windows,
            scan,
            object: Arc::new(solution.object.clone()),
            probe: concatenate![Axis(0), solution.probe, solution.eigenmodes],
            weights: solution.weights.select(Axis(0), &self.kept),
            log_powers: self.log_powers.as_ref().map(|_| {
                self.kept.iter().map(|&stored| solution.powers[stored].ln() as f32).collect()
            }),
            ..self.clone()
        })
    }
}
