//! The probe's side of a batch: its spectra, from which the probe of every position is made, and
//! the sums that its direction comes from.

use crate::Problem;
use crate::batch::Batch;
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::Workspace;
use lapwing_model::{Complex32, ForwardModel, elementwise};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// Spectra and sums, all modes of them; allocated once.
pub(crate) struct ProbeSide {
    /// F P_k as spectra (mode, u_x, u_y).
    pub spectra: Buffer,
    /// sum_j chi conj(O_j), unshifted, as spectra (mode, u_x, u_y).
    sum: Buffer,
    /// sum_j |O_j|^2 (y, x).
    object_power: Vec<f32>,
    /// The sum as fields (mode, y, x).
    direction: Buffer,
    work: Workspace,
}

impl ProbeSide {
    pub fn new(problem: &Problem) -> Self {
        let zeros = || Buffer::zeros(problem.probe.len());
        Self {
            spectra: zeros(),
            sum: zeros(),
            object_power: vec![0.0; problem.model.len()],
            direction: zeros(),
            work: problem.model.workspace(),
        }
    }

    /// Takes over where the probe is now, (mode, y, x).
    pub fn look_at(&mut self, model: &ForwardModel, probe: &[Complex32]) {
        let pixels = model.len();
        for (mode, spectrum) in
            probe.chunks_exact(pixels).zip(self.spectra.chunks_exact_mut(pixels))
        {
            model.probe_spectrum(mode, spectrum, &mut self.work);
        }
    }

    /// Sums of nothing.
    pub fn clear(&mut self) {
        self.sum.fill(ZERO);
        self.object_power.fill(0.0);
    }

    /// Adds the sums over what `batch` has just projected.
    pub fn add(&mut self, batch: &Batch) {
        for (sum, power) in batch.probe_sums() {
            elementwise::add_both(&mut self.sum, &mut self.object_power, sum, power);
        }
    }

    /// sum_j chi conj(O_j) (mode, y, x) and sum_j |O_j|^2 (y, x).
    pub fn direction(&mut self, model: &ForwardModel) -> (&[Complex32], &[f32]) {
        let pixels = model.len();
        let modes = self.sum.chunks_exact_mut(pixels).zip(self.direction.chunks_exact_mut(pixels));
        for (spectrum, direction) in modes {
            model.back_propagate(spectrum, direction, &mut self.work);
        }
        (&self.direction, &self.object_power)
    }
}
