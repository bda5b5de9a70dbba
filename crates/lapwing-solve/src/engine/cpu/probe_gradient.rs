//! The probe's side of a batch: its spectra, from which the probe of every position is made, and
//! the sums that its direction comes from.

use super::batch::Batch;
use crate::Problem;
use lapwing_model::buffer::Buffer;
use lapwing_model::forward::Workspace;
use lapwing_model::{Complex32, ForwardModel, elementwise};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

/// What patterns add up to for the probe.
pub(super) struct ProbeSum {
    /// sum_j chi conj(O_j), unshifted, as spectra (mode, u_x, u_y).
    spectra: Buffer,
    /// sum_j |O_j|^2 (y, x).
    pub power: Vec<f32>,
}

impl ProbeSum {
    /// Nothing.
    pub fn new(problem: &Problem) -> Self {
        let (all, pixels) = (problem.probe.len(), problem.model.len());
        Self { spectra: Buffer::zeros(all), power: vec![0.0; pixels] }
    }

    fn clear(&mut self) {
        self.spectra.fill(ZERO);
        self.power.fill(0.0);
    }

    /// Adds the sums over what `batch` has just projected.
    pub fn add(&mut self, batch: &Batch) {
        for (sum, power) in batch.probe_sums() {
            elementwise::add_both(&mut self.spectra, &mut self.power, sum, power);
        }
    }
}

/// Spectra and directions, all modes of them; allocated once.
pub(super) struct ProbeGradient {
    /// F P_k as spectra (mode, u_x, u_y).
    pub spectra: Buffer,
    /// Of the batch.
    sum: ProbeSum,
    /// A sum as fields (mode, y, x).
    direction: Buffer,
    work: Workspace,
}

impl ProbeGradient {
    pub fn new(problem: &Problem) -> Self {
        Self {
            spectra: Buffer::zeros(problem.probe.len()),
            sum: ProbeSum::new(problem),
            direction: Buffer::zeros(problem.probe.len()),
            work: problem.model.workspace(),
        }
    }

    /// Takes over the present probe, (mode, y, x).
    pub fn set_probe(&mut self, model: &ForwardModel, probe: &[Complex32]) {
        let pixels = model.len();
        for (mode, spectrum) in
            probe.chunks_exact(pixels).zip(self.spectra.chunks_exact_mut(pixels))
        {
            model.probe_spectrum(mode, spectrum, &mut self.work);
        }
    }

    /// sum_j chi conj(O_j) (mode, y, x) and sum_j |O_j|^2 (y, x) over what `batch` has just
    /// projected.
    pub fn of_batch(&mut self, model: &ForwardModel, batch: &Batch) -> (&[Complex32], &[f32]) {
        self.sum.clear();
        self.sum.add(batch);
        back_to_fields(model, &mut self.sum.spectra, &mut self.direction, &mut self.work);
        (&self.direction, &self.sum.power)
    }

    /// The first of `sum` as fields (mode, y, x); its spectra are lost.
    pub fn direction(&mut self, model: &ForwardModel, sum: &mut ProbeSum) -> &[Complex32] {
        back_to_fields(model, &mut sum.spectra, &mut self.direction, &mut self.work);
        &self.direction
    }
}

fn back_to_fields(
    model: &ForwardModel,
    spectra: &mut [Complex32],
    fields: &mut [Complex32],
    work: &mut Workspace,
) {
    let pixels = model.len();
    let modes = spectra.chunks_exact_mut(pixels).zip(fields.chunks_exact_mut(pixels));
    for (spectrum, field) in modes {
        model.probe_of_spectrum(spectrum, field, work);
    }
}
