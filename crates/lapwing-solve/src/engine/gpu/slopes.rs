//! How the losses of a batch's patterns change with their positions, with the weights of the
//! probe's eigenmodes and with the beam's power.

use super::GpuEngine;
use super::arrays::Array;
use lapwing_model::Complex32;

impl GpuEngine<'_> {
    /// Some of `outs` in double precision, from number `from` on.
    fn outs(&mut self, from: usize, count: usize) -> Vec<f64> {
        let mut found = vec![0.0_f32; count];
        self.recorder.read_into([(Array::Outs, from, found.as_mut_slice())]);
        found.into_iter().map(f64::from).collect()
    }

    pub(super) fn position_slopes(&mut self) -> Vec<[f64; 2]> {
        if !self.layout.shape.moves {
            return Vec::new();
        }
        self.gather_probe();
        let each = 2 * self.layout.shape.modes * self.layout.column_groups();
        let found = self.outs(self.layout.position_slopes(), each * self.members.count);
        let sum = |slopes: &[f64], axis| slopes.iter().skip(axis).step_by(2).sum();
        found.chunks_exact(each).map(|slopes| [sum(slopes, 0), sum(slopes, 1)]).collect()
    }

    pub(super) fn slopes_with_weights(&mut self) -> Vec<Complex32> {
        let eigenmodes = self.layout.shape.eigenmodes;
        if eigenmodes == 0 {
            return Vec::new();
        }
        self.gather_probe();
        let each = 2 * self.layout.column_groups();
        let found = self.outs(self.layout.weight_slopes(), each * eigenmodes * self.members.count);
        let sum = |slopes: &[f64], part| slopes.iter().skip(part).step_by(2).sum::<f64>() as f32;
        let of_weight = |slopes| Complex32::new(sum(slopes, 0), sum(slopes, 1));
        found.chunks_exact(each).map(of_weight).collect()
    }

    pub(super) fn slopes_with_power(&mut self) -> Vec<f64> {
        if !self.layout.shape.varies {
            return Vec::new();
        }
        let each = self.layout.column_groups();
        let found = self.outs(self.layout.power_slopes(), each * self.members.count);
        found.chunks_exact(each).map(|slopes| slopes.iter().sum()).collect()
    }
}
