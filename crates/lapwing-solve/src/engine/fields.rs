//! The quantities that a reconstruction changes.

use crate::Problem;
use lapwing_model::Complex32;

/// Object, probe, where positions are refined their offsets, the weights of the probe's eigenmodes,
/// and where the beam's power varies its logarithms: one vector, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    values: Vec<Complex32>,
    object_end: usize,
    probe_end: usize,
    offsets_end: usize,
    weights_end: usize,
}

/// The parts of [`Fields`], to be changed.
#[derive(Debug)]
pub struct FieldsMut<'a> {
    /// Axes (slice, y, x).
    pub object: &'a mut [Complex32],
    /// Axes (mode, y, x); eigenmodes behind the modes.
    pub probe: &'a mut [Complex32],
    /// One for every pattern, y + i x, pixels; empty where positions are not refined.
    pub offsets: &'a mut [Complex32],
    /// Weights of the probe's eigenmodes, axes (pattern, eigenmode).
    pub weights: &'a mut [Complex32],
    /// As [`Fields::log_powers`].
    pub log_powers: &'a mut [Complex32],
}

impl Fields {
    /// The start fields of `problem`, with offsets of 0 where positions are refined.
    pub(crate) fn start(problem: &Problem, offsets: bool) -> Self {
        let object = problem.object.slices();
        let mut values: Vec<Complex32> = object.iter().chain(&problem.probe).copied().collect();
        let (object_end, probe_end) = (object.len(), values.len());
        if offsets {
            values.resize(probe_end + problem.n_patterns(), Complex32::ZERO);
        }
        let offsets_end = values.len();
        values.extend(&problem.weights);
        let weights_end = values.len();
        values.extend(problem.log_powers.iter().flatten().map(|&power| Complex32::from(power)));
        Self { values, object_end, probe_end, offsets_end, weights_end }
    }

    /// The object, axes (slice, y, x).
    pub fn object(&self) -> &[Complex32] {
        &self.values[..self.object_end]
    }

    /// The probe in the solver's unit, axes (mode, y, x), eigenmodes behind the modes: its power is
    /// in the measured intensities'.
    pub fn probe(&self) -> &[Complex32] {
        &self.values[self.object_end..self.probe_end]
    }

    /// How far each position is from the measured one, y + i x, pixels; empty where positions are
    /// not refined.
    pub fn offsets(&self) -> &[Complex32] {
        &self.values[self.probe_end..self.offsets_end]
    }

    /// How far a pattern's position is from the measured one.
    pub fn offset_of(&self, pattern: usize) -> Complex32 {
        match self.offsets() {
            [] => Complex32::ZERO,
            offsets => offsets[pattern],
        }
    }

    /// Weights of the probe's eigenmodes, axes (pattern, eigenmode).
    pub fn weights(&self) -> &[Complex32] {
        &self.values[self.offsets_end..self.weights_end]
    }

    /// Natural logarithm of the beam's power in every pattern over its usual one, imaginary part 0;
    /// empty where it does not vary.
    pub fn log_powers(&self) -> &[Complex32] {
        &self.values[self.weights_end..]
    }

    /// All of them, to be changed.
    pub fn parts_mut(&mut self) -> FieldsMut<'_> {
        let (fields, log_powers) = self.values.split_at_mut(self.weights_end);
        let (fields, weights) = fields.split_at_mut(self.offsets_end);
        let (fields, offsets) = fields.split_at_mut(self.probe_end);
        let (object, probe) = fields.split_at_mut(self.object_end);
        FieldsMut { object, probe, offsets, weights, log_powers }
    }

    /// Takes all of them out; they must be put back.
    pub(crate) fn take(&mut self) -> Vec<Complex32> {
        std::mem::take(&mut self.values)
    }

    /// Puts back what was taken out.
    pub(crate) fn put_back(&mut self, values: Vec<Complex32>) {
        self.values = values;
    }

    /// All of them in one vector.
    pub fn values(&self) -> &[Complex32] {
        &self.values
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> &mut [Complex32] {
        &mut self.values
    }

    /// sum_k |P_k|^2 over all pixels of the probe.
    pub(crate) fn probe_power(&self) -> f64 {
        self.probe().iter().map(|value| f64::from(value.norm_sqr())).sum()
    }

    /// Where object, probe, offsets and weights end in [`values`](Self::values).
    pub(crate) fn ends(&self) -> [usize; 4] {
        [self.object_end, self.probe_end, self.offsets_end, self.weights_end]
    }
}
