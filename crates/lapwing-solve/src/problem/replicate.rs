//! The same experiment again, with the noise of another day.

use super::{Patterns, Problem, ProblemError};
use crate::noise::PatternOrder;
use crate::solver::Solution;
use lapwing_model::random::generator;
use lapwing_model::simulate::expose_noise_free;
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;
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
        if solution.object.slices().dim() != self.object.slices().dim()
            || solution.probe.dim() != self.probe.dim()
            || solution.positions.len() != self.whole_scan.len()
        {
            let text = "expected a solution of this problem, found that of another";
            return Err(ProblemError::Object(text.to_owned()));
        }
        let scan: Vec<_> = self.frames.iter().map(|&frame| solution.positions[frame]).collect();
        let windows = scan.iter().enumerate().map(|(pattern, &position)| {
            let window = self.model.window(position, self.object.shape());
            window.map_err(|source| ProblemError::OffObject { pattern, source })
        });
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let exposure = expose_noise_free(
            solution.object.projection().view(),
            solution.probe.view(),
            &scan,
            self.mean_intensity(),
        );
        let exposure = exposure.map_err(|error| ProblemError::Object(error.to_string()))?;
        // Of the fit itself, not of the dose.
        let fitted = (1.0 / (exposure.scale * exposure.scale)) as f32;
        let order = PatternOrder::new(&self.model);
        let (factor, gain) = (self.to_solver_unit(1.0) as f32, self.gain);
        let name = format!("replicate {index}");
        let pixels = self.model.len();
        let mut intensity = exposure.counts.into_raw_vec_and_offset().0;
        intensity.par_chunks_mut(pixels).enumerate().for_each_init(
            || vec![0.0_f32; pixels],
            |expected, (pattern, drawn)| {
                expected.copy_from_slice(drawn);
                let mut draws = generator(seed, &name, pattern as u64);
                for (place, value) in drawn.iter_mut().enumerate() {
                    let coherent = expected[order.pixel_of[place] as usize] * fitted * factor;
                    let background = self.background.as_ref().map_or(0.0, |values| values[place]);
                    let mean = f64::from(coherent + background) / gain;
                    *value = match Poisson::new(mean) {
                        Ok(poisson) if mean > 0.0 => (gain * poisson.sample(&mut draws)) as f32,
                        _ => 0.0,
                    };
                }
            },
        );
        Ok(Self {
            patterns: Arc::new(Patterns::new(intensity)),
            frames: (0..scan.len()).collect(),
            whole_scan: scan.clone(),
            windows,
            scan,
            object: solution.object.clone(),
            probe: solution.probe.clone(),
            ..self.clone()
        })
    }
}
