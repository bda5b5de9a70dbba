//! The preconditioner of stage 2: the curvature of the likelihood's diagonal and of the prior.
//!
//! For each slice of the object M_O (module `object_system`), for every mode of the probe
//!
//! ```text
//! M_P = Kp + delta max Kp      Kp = sum_j |O_j|^2
//! ```

use super::object_system::{Buffers, ObjectSystem, damp};
use lapwing_model::Complex32;

pub(crate) struct CurvatureSystem {
    /// Of every slice.
    slices: Vec<ObjectSystem>,
    /// Kp + delta max Kp (y, x); the same for all modes.
    probe: Vec<f32>,
    /// Curvature of every position's offset; empty where they are not refined.
    positions: Vec<f32>,
    /// Curvatures of what makes the probe vary: weights of eigenmodes, then powers.
    variation: Vec<f32>,
}

impl CurvatureSystem {
    /// From the systems of all slices, and Kp.
    pub fn new(slices: Vec<ObjectSystem>, mut kp: Vec<f32>) -> Self {
        damp(&mut kp);
        Self { slices, probe: kp, positions: Vec::new(), variation: Vec::new() }
    }

    /// The same for vectors that end in weights of eigenmodes, powers or both, with these
    /// curvatures, above 0.
    pub fn with_variation(self, variation: Vec<f32>) -> Self {
        Self { variation, ..self }
    }

    /// The same for vectors with offsets of positions of these curvatures, above 0, before them.
    pub fn with_positions(self, positions: Vec<f32>) -> Self {
        Self { positions, ..self }
    }

    /// v <- M^-1 v for v = (slices of the object, probe modes, offsets of positions, what makes the
    /// probe vary).
    pub fn solve(&self, v: &mut [Complex32], buffers: &mut Buffers) {
        let mut rest = v;
        for slice in &self.slices {
            let (object, behind) = rest.split_at_mut(slice.len());
            slice.solve(object, buffers);
            rest = behind;
        }
        let (probe, variation) = rest.split_at_mut(rest.len() - self.variation.len());
        let (probe, offsets) = probe.split_at_mut(probe.len() - self.positions.len());
        let varying = variation.iter_mut().zip(&self.variation);
        varying.for_each(|(value, curvature)| *value /= curvature);
        offsets.iter_mut().zip(&self.positions).for_each(|(value, curvature)| *value /= curvature);
        for mode in probe.chunks_mut(self.probe.len().max(1)) {
            mode.iter_mut().zip(&self.probe).for_each(|(value, diagonal)| *value /= diagonal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_own_curvature() {
        let slice = |kappa: f32| ObjectSystem::new(vec![kappa; 6], 3, None);
        let m = CurvatureSystem::new(vec![slice(2.0), slice(4.0)], vec![8.0; 4])
            .with_positions(vec![16.0; 3])
            .with_variation(vec![32.0; 2]);
        let mut v = vec![Complex32::ONE; 2 * 6 + 2 * 4 + 3 + 2];
        m.solve(&mut v, &mut Buffers::default());
        let damped = |curvature: f32| 1.0 / (1.001 * curvature);
        let parts = [
            (6, damped(2.0)),
            (6, damped(4.0)),
            (8, damped(8.0)),
            (3, 1.0 / 16.0),
            (2, 1.0 / 32.0),
        ];
        let truth = parts.into_iter().flat_map(|(count, value)| vec![value; count]);
        assert!(v.iter().zip(truth).all(|(value, truth)| (value - truth).norm() < 1e-6), "{v:?}");
    }
}
