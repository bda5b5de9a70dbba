//! A probe that varies along the scan: its eigenmodes' weights, and the beam's power.
//!
//! With chi_j = F^-1[Psi_j factor], the correction of a pattern's exit wave psi_j, half the loss
//! falls by Re <E_k O_j, chi_j> per unit of a weight w_jk and by Re <psi_j, chi_j> / 2 per unit of
//! the logarithm of the power. Their curvatures are those of the light that they scale, as far as
//! the object lets it through (Gauss-Newton; M. Odstrcil et al., Opt. Express 24, 8360, 2016, for
//! the weights).

use super::frame::Frame;
use super::positions;
use super::refinement::Slow;
use crate::Problem;
use lapwing_model::Complex32;

/// Share of the probe's power below which an eigenmode's is not taken for the curvature of its
/// weights.
const DARK_EIGENMODE: f64 = 1e-3;
/// A beam is that much brighter or darker than usual at most, as the logarithm of a factor.
const REACH: f32 = 3.0;

/// The changes of weights and powers that a problem allows.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    eigenmodes: usize,
    /// Of the weights, and of the logarithms of the powers, which have no mean; `None` where every
    /// pattern is free.
    slow: Option<[Slow; 2]>,
}

impl Allowed {
    fn new(problem: &Problem) -> Self {
        let n = problem.n_patterns();
        let slow = problem.varies_slowly.then(|| [true, false].map(|mean| Slow::new(n, mean)));
        Self { eigenmodes: problem.n_eigenmodes(), slow }
    }

    /// Those of the problem of a frame, whose weights and powers are brought among them.
    pub fn of_start(frame: &mut Frame<'_>) -> Self {
        let allowed = Self::new(frame.problem);
        let parts = frame.engine.fields_mut().parts_mut();
        allowed.restrict(parts.weights, parts.log_powers);
        allowed
    }

    /// Removes from changes of the weights (pattern, eigenmode), and of the logarithms of the
    /// powers, what is not allowed.
    pub fn restrict(&self, weights: &mut [Complex32], log_powers: &mut [Complex32]) {
        if let Some([of_weights, of_powers]) = &self.slow {
            of_weights.restrict(weights, self.eigenmodes);
            of_powers.restrict(log_powers, log_powers.len().min(1));
        }
    }
}

/// Share of the light that the object lets through in every pattern; the mean of all where they
/// change slowly together, so that steps stay among the changes that are allowed.
fn transmission(problem: &Problem) -> Vec<f64> {
    let mut shares = positions::transmission(problem);
    if problem.varies_slowly {
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        shares.fill(mean);
    }
    shares
}

/// Power of every field of `probe`, (mode, y, x).
fn of_modes(problem: &Problem, probe: &[Complex32]) -> Vec<f64> {
    let modes = probe.chunks_exact(problem.model.len());
    modes.map(|mode| mode.iter().map(|value| f64::from(value.norm_sqr())).sum()).collect()
}

/// Curvature of every weight of an eigenmode (pattern, eigenmode): the power of the eigenmode
/// behind the object, or of a small share of the probe where it is darker. `probe` is (mode, y, x),
/// eigenmodes behind the modes.
pub(super) fn of_weights(problem: &Problem, probe: &[Complex32]) -> Vec<f32> {
    if problem.n_eigenmodes() == 0 {
        return Vec::new();
    }
    let powers = of_modes(problem, probe);
    let (modes, eigenmodes) = powers.split_at(problem.n_modes());
    let least = DARK_EIGENMODE * modes.iter().sum::<f64>();
    let of = |share: f64| {
        eigenmodes
            .iter()
            .map(move |power| ((share * power.max(least)) as f32).max(f32::MIN_POSITIVE))
    };
    transmission(problem).into_iter().flat_map(of).collect()
}

/// Curvature of the logarithm of every pattern's power; none where it does not vary.
pub(super) fn of_powers(problem: &Problem, probe: &[Complex32]) -> Vec<f32> {
    if !problem.varies_in_power() {
        return Vec::new();
    }
    let light: f64 = of_modes(problem, probe)[..problem.n_modes()].iter().sum();
    let of = |share: f64| ((0.5 * share * light) as f32).max(f32::MIN_POSITIVE);
    transmission(problem).into_iter().map(of).collect()
}

/// Keeps the logarithms of all powers within reach of their mean, which is the probe's own, and
/// takes that out.
pub(super) fn bound(powers: &mut [Complex32]) {
    centre(powers);
    powers.iter_mut().for_each(|power| *power = Complex32::from(power.re.clamp(-REACH, REACH)));
    centre(powers);
}

/// Takes the mean out of a change of the powers, which the probe follows by itself.
pub(super) fn centre(changes: &mut [Complex32]) {
    let mean = positions::mean(changes);
    changes.iter_mut().for_each(|change| *change -= mean);
}
