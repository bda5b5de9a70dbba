//! The prior of ML as a step of its own, for solvers that move by batches.

use super::{Buffers, ObjectSystem, Prior, SplitComplex};
use lapwing_model::Complex32;

/// Replaces `object`, a slice with rows of `width` pixels, by the minimiser of `sum kappa |O -
/// object|^2 + R(O)`, R the prior of strength `strength` photons with its weights taken at
/// `object`: the proximal step that follows a step down the likelihood (forward-backward
/// splitting).
///
/// `illumination` is kappa, photons per object pixel; pixels without light keep their value. `s2` =
/// sum |P|^2 / mean counts.
pub(crate) fn smooth(
    object: &mut [Complex32],
    illumination: &[f32],
    width: usize,
    s2: f64,
    prior: Prior,
) {
    if prior.strength.is_nan() || prior.strength <= 0.0 || !s2.is_finite() {
        return;
    }
    let at = prior.weights(&SplitComplex::of(object, width), s2);
    let curvature = prior.curvature(at, s2);
    let system = ObjectSystem::new(illumination.to_vec(), width, Some(curvature));
    let mut solved = system.diagonal_times(object);
    system.solve(&mut solved, &mut Buffers::default());
    for ((value, solved), _) in
        object.iter_mut().zip(&solved).zip(illumination).filter(|(_, light)| **light > 0.0)
    {
        *value = *solved;
    }
}
