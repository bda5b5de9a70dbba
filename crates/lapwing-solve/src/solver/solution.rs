//! What a solver ends with.

use super::{modes, positions};
use crate::Problem;
use crate::engine::Fields;
use lapwing_model::{Modes, Object, Position};
use ndarray::Array3;

/// A reconstruction.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The object on the problem's grid; flat (1) where no window reached.
    pub object: Object,
    /// The probe modes, orthogonal and brightest first, in the units of the problem's patterns
    /// (counts when these are counts).
    pub probe: Modes,
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

/// An option whose value was chosen from the data, and what was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Name of the option.
    pub option: &'static str,
    /// The value that was taken.
    pub value: f64,
    /// What was tried, in this order.
    pub tried: Vec<Tried>,
}

/// A value that was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// The value.
    pub value: f64,
    /// How badly the fit predicts detector pixels that it was not shown: their loss, per pixel.
    pub score: f64,
}

impl Solution {
    /// From the fields as an engine holds them.
    pub(crate) fn new(problem: &Problem, fields: &Fields, loss: Vec<f64>) -> Self {
        let mut probe = fields.probe().to_vec();
        problem.probe_to_input_unit(&mut probe);
        modes::orthogonalise(&mut probe, problem.model.len());
        let shape = "fields have the shapes of the problem's";
        let object = Array3::from_shape_vec(problem.object.slices().dim(), fields.object().into());
        Self {
            object: Object::from_slices(object.expect(shape)).expect("an object has slices"),
            probe: Modes::from_shape_vec(problem.probe.dim(), probe).expect(shape),
            positions: positions::moved(problem, fields.offsets()),
            loss,
            choices: Vec::new(),
            settled: None,
        }
    }
}
