//! What a solver ends with.

use super::{modes, positions};
use crate::Problem;
use crate::engine::Fields;
use lapwing_model::{Complex32, Modes, Object, Position};
use ndarray::{Array2, Array3};

/// A reconstruction.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The object on the problem's grid; flat (1) where no window reached.
    pub object: Object,
    /// The probe modes, orthogonal and brightest first, in the units of the problem's patterns
    /// (counts when these are counts); as the solver has them where the first one varies.
    pub probe: Modes,
    /// Eigenmodes E_k of the first mode, (eigenmode, y, x), orthogonal and brightest first, where
    /// the probe varies along the scan.
    pub eigenmodes: Modes,
    /// Their weights, (pattern, eigenmode): the first mode of pattern j is P_0 + sum_k w_jk E_k.
    /// Patterns that were left out have weight 0.
    pub weights: Array2<Complex32>,
    /// The beam's power in every pattern over its geometric mean, where it was found; empty where
    /// it does not vary. That of patterns that were left out is 1.
    pub powers: Vec<f64>,
    /// The window centres on the problem's grid: those of the problem, unless the solver refined
    /// them. Patterns that were left out keep theirs.
    pub positions: Vec<Position>,
    /// Loss of every epoch, in order.
    pub loss: Vec<f64>,
    /// What the solver has chosen from the data, where it was left to it.
    pub choices: Vec<Choice>,
    /// Whether the loss has settled, so that more epochs would change little; `None` where the
    /// solver does not judge that.
    pub settled: Option<bool>,
}

/// An option whose value was chosen from the data, and what was tried: nothing where there was no
/// room for that and the value is the usual one.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Name of the option.
    pub option: &'static str,
    /// The value that was taken.
    pub value: f64,
    /// Its standard deviation, where that is known.
    pub sd: Option<f64>,
    /// What was tried, in this order.
    pub tried: Vec<Tried>,
}

/// A value that was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// The value.
    pub value: f64,
    /// How badly the fit predicts held-out detector pixels: their loss, per pixel.
    pub score: f64,
}

impl Solution {
    /// Fields made elsewhere, with the same probe (mode, y, x) at all `positions`.
    pub fn of(object: Object, probe: Modes, positions: Vec<Position>) -> Self {
        let (_, height, width) = probe.dim();
        Self {
            object,
            probe,
            eigenmodes: Modes::zeros((0, height, width)),
            weights: Array2::zeros((positions.len(), 0)),
            powers: Vec::new(),
            positions,
            loss: Vec::new(),
            choices: Vec::new(),
            settled: None,
        }
    }

    /// The probe of pattern `index` of all, axes (mode, y, x).
    pub fn probe_of(&self, index: usize) -> Modes {
        let mut probe = self.probe.clone();
        if let Some(mut first) = probe.outer_iter_mut().next() {
            for (&weight, eigenmode) in
                self.weights.row(index).iter().zip(self.eigenmodes.outer_iter())
            {
                first.zip_mut_with(&eigenmode, |sum, value| *sum += weight * value);
            }
        }
        if let Some(power) = self.powers.get(index) {
            let factor = power.sqrt() as f32;
            probe.mapv_inplace(|value| value * factor);
        }
        probe
    }

    /// From the fields as an engine holds them.
    pub(crate) fn new(problem: &Problem, fields: &Fields, loss: Vec<f64>) -> Self {
        let mut probe = fields.probe().to_vec();
        problem.probe_to_input_unit(&mut probe);
        let (height, width) = problem.model.shape();
        let count = problem.n_eigenmodes();
        let mut eigenmodes = probe.split_off(problem.n_modes() * height * width);
        let mut weights = fields.weights().to_vec();
        match count {
            0 => modes::orthogonalise(&mut probe, problem.model.len()),
            _ => modes::principal(&mut eigenmodes, height * width, &mut weights),
        }
        let mut all = Array2::zeros((problem.whole_scan.len(), count));
        for (&stored, weights) in problem.kept.iter().zip(weights.chunks_exact(count.max(1))) {
            all.row_mut(stored).iter_mut().zip(weights).for_each(|(to, weight)| *to = *weight);
        }
        let mut powers = Vec::new();
        if problem.varies_in_power() {
            powers = vec![1.0; problem.whole_scan.len()];
            for (&stored, power) in problem.kept.iter().zip(fields.log_powers()) {
                powers[stored] = f64::from(power.re).exp();
            }
        }
        let shape = "fields have the shapes of the problem's";
        let object = Array3::from_shape_vec(problem.object.slices().dim(), fields.object().into());
        Self {
            object: Object::from_slices(object.expect(shape)).expect("an object has slices"),
            probe: Modes::from_shape_vec((problem.n_modes(), height, width), probe).expect(shape),
            eigenmodes: Modes::from_shape_vec((count, height, width), eigenmodes).expect(shape),
            weights: all,
            powers,
            positions: positions::moved(problem, fields.offsets()),
            loss,
            choices: Vec::new(),
            settled: None,
        }
    }
}
