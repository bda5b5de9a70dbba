//! The forward model and its adjoint written as its formulas are: one window, all probe modes, and
//! no fusing of steps. What everything faster is tested against.

use super::{ForwardModel, ModelError, Ramp};
use crate::{Complex32, Field, Modes, Position, fft};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

impl ForwardModel {
    /// Far fields (mode, u_x, u_y) of all probe modes at one window: `object` has axes (y, x),
    /// `probe` (mode, y, x).
    ///
    /// # Errors
    /// A probe of another shape than the windows', a window that leaves the object.
    pub fn far_field(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Modes, ModelError> {
        self.check_probe(probe)?;
        let (height, width) = self.shape();
        let window = self.window(position, object.dim())?;
        let ramp = Ramp::new(&window, self.shape());
        let zero = Complex32::default();
        let mut work = self.workspace();
        let (mut spectrum, mut exit_wave) = (vec![zero; self.len()], vec![zero; self.len()]);
        let mut far_fields = Modes::zeros((probe.dim().0, width, height));
        for (mode, mut far_field) in probe.outer_iter().zip(far_fields.outer_iter_mut()) {
            let mode: Vec<Complex32> = mode.iter().copied().collect();
            self.probe_spectrum(&mode, &mut spectrum, &mut work);
            self.shifted_probe(&spectrum, &ramp, &mut exit_wave, &mut work);
            for (y, row) in exit_wave.chunks_exact_mut(width).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value *= object[(window.row as usize + y, window.column as usize + x)];
                }
            }
            self.fft.forward(&mut exit_wave, &mut spectrum, &mut work.fft);
            far_field.iter_mut().zip(&spectrum).for_each(|(target, &value)| *target = value);
        }
        Ok(far_fields)
    }

    /// The adjoint of [`far_field`](Self::far_field): what a change of the far fields asks of the
    /// object and of the probe.
    ///
    /// For fixed P, `far_field` is linear in O and this returns its adjoint applied to
    /// `far_fields`, on an object of shape `object.dim()`; for fixed O likewise for the probe. Used
    /// by tests and diagnostics; the solvers use a pattern's pass.
    ///
    /// # Errors
    /// A probe of another shape than the windows', a window that leaves the object.
    ///
    /// # Panics
    /// If `far_fields` does not have the axes (mode, u_x, u_y) that [`far_field`](Self::far_field)
    /// gives for `probe`.
    pub fn adjoint(
        &self,
        far_fields: ArrayView3<Complex32>,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<(Field, Modes), ModelError> {
        self.check_probe(probe)?;
        let (height, width) = self.shape();
        assert_eq!(far_fields.dim(), (probe.dim().0, width, height), "far fields of another model");
        let window = self.window(position, object.dim())?;
        let ramp = Ramp::new(&window, self.shape());
        let zero = Complex32::default();
        let mut work = self.workspace();
        let mut to_object = Field::zeros(object.dim());
        let mut to_probe = Modes::zeros(probe.dim());
        let (mut shifted, mut exit_wave) = (vec![zero; self.len()], vec![zero; self.len()]);
        for (k, (mode, far_field)) in probe.outer_iter().zip(far_fields.outer_iter()).enumerate() {
            let mode: Vec<Complex32> = mode.iter().copied().collect();
            let mut spectrum = vec![zero; self.len()];
            self.probe_spectrum(&mode, &mut spectrum, &mut work);
            self.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
            let mut far_field: Vec<Complex32> = far_field.iter().copied().collect();
            self.back_propagate(&mut far_field, &mut exit_wave, &mut work);
            for index in 0..self.len() {
                let at =
                    (window.row as usize + index / width, window.column as usize + index % width);
                to_object[at] += shifted[index].conj() * exit_wave[index];
                exit_wave[index] *= object[at].conj();
            }
            let mut sum = vec![zero; self.len()];
            self.accumulate_unshifted(&mut exit_wave, &ramp, &mut sum, &mut work);
            self.back_propagate(&mut sum, &mut exit_wave, &mut work);
            for (target, &value) in to_probe.index_axis_mut(Axis(0), k).iter_mut().zip(&exit_wave) {
                *target = value;
            }
        }
        Ok((to_object, to_probe))
    }

    /// Intensity (y, x), zero frequency in the centre, of all probe modes at one window.
    ///
    /// # Errors
    /// As [`far_field`](Self::far_field).
    pub fn intensity(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Array2<f32>, ModelError> {
        let far_fields = self.far_field(object, probe, position)?;
        let mut intensity = vec![0.0_f32; self.len()];
        for far_field in far_fields.outer_iter() {
            intensity
                .iter_mut()
                .zip(far_field.iter())
                .for_each(|(sum, value)| *sum += value.norm_sqr());
        }
        let mut centred = Array2::zeros(self.shape());
        let target = centred.as_slice_mut().expect("a new array is contiguous");
        fft::from_detector_order(&intensity, target, self.shape());
        Ok(centred)
    }

    fn check_probe(&self, probe: ArrayView3<Complex32>) -> Result<(), ModelError> {
        let (height, width) = self.shape();
        let (_, found_height, found_width) = probe.dim();
        match (found_height, found_width) == (height, width) {
            true => Ok(()),
            false => Err(ModelError::ProbeShape { height, width, found_height, found_width }),
        }
    }
}
