//! The forward model and its adjoint written as its formulas are: one window, all probe modes, and
//! no fusing of steps. What everything faster is tested against.

use super::{ForwardModel, ModelError, Propagation};
use crate::{Complex32, Field, Modes, Position};
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

impl ForwardModel {
    /// Waves of one window at the detector: `object` has axes (y, x), `probe` (mode, y, x), the
    /// result (wave, u_x, u_y) in the far field, (wave, y, x) in the near field; all modes at the
    /// first place of the path, all at the next, and so on.
    ///
    /// # Errors
    /// A probe of another shape than the windows', a window that leaves the object.
    pub fn at_detector(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Modes, ModelError> {
        self.check_probe(probe)?;
        let window = self.window(position, object.dim())?;
        let mut work = self.workspace();
        let (mut spectrum, mut exit_wave) = (vec![ZERO; self.len()], vec![ZERO; self.len()]);
        let mut arrived = Modes::zeros(self.waves_dim(probe.dim().0));
        let mut waves = arrived.outer_iter_mut();
        for ramp in self.ramps(&window) {
            for (mode, mut wave) in probe.outer_iter().zip(&mut waves) {
                let mode: Vec<Complex32> = mode.iter().copied().collect();
                self.probe_spectrum(&mode, &mut spectrum, &mut work);
                self.shifted_probe(&spectrum, &ramp, &mut exit_wave, &mut work);
                for (value, at) in exit_wave.iter_mut().zip(self.pixels_of(&window)) {
                    *value *= object[at];
                }
                self.propagate(&exit_wave, &mut spectrum, &mut work);
                wave.iter_mut().zip(&spectrum).for_each(|(target, &value)| *target = value);
            }
        }
        Ok(arrived)
    }

    /// The adjoint of [`at_detector`](Self::at_detector): what a change of the waves asks of the
    /// object and of the probe.
    ///
    /// For fixed P, `at_detector` is linear in O and this returns its adjoint applied to `arrived`,
    /// on an object of shape `object.dim()`; for fixed O likewise for the probe. Used by tests and
    /// diagnostics; the solvers use a pattern's pass.
    ///
    /// # Errors
    /// A probe of another shape than the windows', a window that leaves the object.
    ///
    /// # Panics
    /// If `arrived` does not have the axes that [`at_detector`](Self::at_detector) gives for
    /// `probe`.
    pub fn adjoint(
        &self,
        arrived: ArrayView3<Complex32>,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<(Field, Modes), ModelError> {
        self.check_probe(probe)?;
        assert_eq!(arrived.dim(), self.waves_dim(probe.dim().0), "waves of another model");
        let window = self.window(position, object.dim())?;
        let mut work = self.workspace();
        let mut to_object = Field::zeros(object.dim());
        let mut to_probe = Modes::zeros(probe.dim());
        let (mut shifted, mut exit_wave) = (vec![ZERO; self.len()], vec![ZERO; self.len()]);
        let mut waves = arrived.outer_iter();
        for ramp in self.ramps(&window) {
            for (k, (mode, wave)) in probe.outer_iter().zip(&mut waves).enumerate() {
                let mode: Vec<Complex32> = mode.iter().copied().collect();
                let mut spectrum = vec![ZERO; self.len()];
                self.probe_spectrum(&mode, &mut spectrum, &mut work);
                self.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
                let mut wave: Vec<Complex32> = wave.iter().copied().collect();
                self.back_propagate(&mut wave, &mut exit_wave, &mut work);
                let pixels = exit_wave.iter_mut().zip(&shifted).zip(self.pixels_of(&window));
                for ((value, probe), at) in pixels {
                    to_object[at] += probe.conj() * *value;
                    *value *= object[at].conj();
                }
                let mut sum = vec![ZERO; self.len()];
                self.accumulate_unshifted(&mut exit_wave, &ramp, &mut sum, &mut work);
                self.fft.inverse(&mut sum, &mut exit_wave, &mut work.fft);
                let mut target = to_probe.index_axis_mut(Axis(0), k);
                target.iter_mut().zip(&exit_wave).for_each(|(target, &value)| *target += value);
            }
        }
        Ok((to_object, to_probe))
    }

    /// Intensity (y, x), zero frequency of a far field in the centre, of all probe modes at one
    /// window.
    ///
    /// # Errors
    /// As [`at_detector`](Self::at_detector).
    pub fn intensity(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Array2<f32>, ModelError> {
        let arrived = self.at_detector(object, probe, position)?;
        let mut intensity = vec![0.0_f32; self.len()];
        for wave in arrived.outer_iter() {
            intensity.iter_mut().zip(wave.iter()).for_each(|(sum, value)| *sum += value.norm_sqr());
        }
        let mut centred = Array2::zeros(self.shape());
        self.to_file_order(&intensity, centred.as_slice_mut().expect("a new array is contiguous"));
        Ok(centred)
    }

    /// Lengths of the axes of [`at_detector`](Self::at_detector).
    fn waves_dim(&self, modes: usize) -> (usize, usize, usize) {
        let (height, width) = self.shape();
        let waves = modes * self.n_places();
        match self.physics.propagation {
            Propagation::FarField => (waves, width, height),
            Propagation::NearField { .. } => (waves, height, width),
        }
    }

    /// The object's pixels (y, x) in a window, row by row.
    fn pixels_of(&self, window: &crate::Window) -> impl Iterator<Item = (usize, usize)> {
        let (height, width) = self.shape();
        let (row, column) = (window.row as usize, window.column as usize);
        (0..height * width).map(move |index| (row + index / width, column + index % width))
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
