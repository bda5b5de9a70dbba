//! The forward model and its adjoint written as its formulas are: one window, all probe modes, and
//! no fusing of steps. Faster implementations are tested against it.

use super::{ForwardModel, ModelError, Propagation};
use crate::object::ObjectView;
use crate::{Complex32, Modes, Position};
use ndarray::{Array2, Array3, ArrayView3, Axis};

const ZERO: Complex32 = Complex32::new(0.0, 0.0);

impl ForwardModel {
    /// Waves of one window at the detector: `object` has axes (y, x) or is one of slices, `probe`
    /// (mode, y, x), the result (wave, u_x, u_y) in the far field, (wave, y, x) in the near field;
    /// all modes at the first place of the motion, all at the next, and so on.
    ///
    /// # Errors
    /// A probe of another shape than the windows', a window that leaves the object, an object of
    /// other slices than the model's.
    pub fn at_detector<'a>(
        &self,
        object: impl Into<ObjectView<'a>>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Modes, ModelError> {
        let object = object.into();
        self.check_probe(probe)?;
        self.check_slices(object)?;
        let window = self.window(position, object.shape())?;
        let mut work = self.workspace();
        let (mut spectrum, mut exit_wave) = (vec![ZERO; self.len()], vec![ZERO; self.len()]);
        let mut arrived = Modes::zeros(self.waves_dim(probe.dim().0));
        let mut waves = arrived.outer_iter_mut();
        for ramp in self.ramps(&window) {
            for (mode, mut wave) in probe.outer_iter().zip(&mut waves) {
                let mode: Vec<Complex32> = mode.iter().copied().collect();
                self.probe_spectrum(&mode, &mut spectrum, &mut work);
                self.shifted_probe(&spectrum, &ramp, &mut exit_wave, &mut work);
                self.pass_through(object, &window, &mut exit_wave, &mut work, |_| {});
                self.propagate(&exit_wave, Some(&ramp), &mut spectrum, &mut work);
                wave.iter_mut().zip(&spectrum).for_each(|(target, &value)| *target = value);
            }
        }
        Ok(arrived)
    }

    /// The adjoint of [`at_detector`](Self::at_detector): from a change of the waves to the object
    /// and the probe.
    ///
    /// For fixed P, `at_detector` is linear in each slice of O, and this returns the adjoint of its
    /// derivative applied to `arrived`, of the shape of the object, (slice, y, x); for fixed O
    /// likewise for the probe. Used by tests and diagnostics; the solvers use a pattern's pass.
    ///
    /// # Errors
    /// As [`at_detector`](Self::at_detector).
    ///
    /// # Panics
    /// If `arrived` does not have the axes that [`at_detector`](Self::at_detector) gives for
    /// `probe`.
    pub fn adjoint<'a>(
        &self,
        arrived: ArrayView3<Complex32>,
        object: impl Into<ObjectView<'a>>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<(Array3<Complex32>, Modes), ModelError> {
        let object = object.into();
        self.check_probe(probe)?;
        self.check_slices(object)?;
        assert_eq!(arrived.dim(), self.waves_dim(probe.dim().0), "waves of another model");
        let window = self.window(position, object.shape())?;
        let mut work = self.workspace();
        let mut to_object = Array3::zeros(object.slices().dim());
        let mut to_probe = Modes::zeros(probe.dim());
        let (mut shifted, mut exit_wave) = (vec![ZERO; self.len()], vec![ZERO; self.len()]);
        let mut waves = arrived.outer_iter();
        for ramp in self.ramps(&window) {
            for (k, (mode, wave)) in probe.outer_iter().zip(&mut waves).enumerate() {
                let mode: Vec<Complex32> = mode.iter().copied().collect();
                let mut spectrum = vec![ZERO; self.len()];
                self.probe_spectrum(&mode, &mut spectrum, &mut work);
                self.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
                let mut met = Vec::new();
                self.pass_through(object, &window, &mut shifted, &mut work, |wave| {
                    met.push(wave.to_vec());
                });
                let mut wave: Vec<Complex32> = wave.iter().copied().collect();
                self.back_propagate(&mut wave, Some(&ramp), &mut exit_wave, &mut work);
                for (index, met) in met.iter().enumerate().rev() {
                    let slice = object.slices().index_axis_move(Axis(0), index);
                    let mut to_slice = to_object.index_axis_mut(Axis(0), index);
                    let pixels = exit_wave.iter_mut().zip(met).zip(self.pixels_of(&window));
                    for ((value, met), at) in pixels {
                        to_slice[at] += met.conj() * *value;
                        *value *= slice[at].conj();
                    }
                    if index > 0 {
                        wave.copy_from_slice(&exit_wave);
                        self.cross_gap_back(&mut wave, &mut exit_wave, &mut work);
                    }
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
    pub fn intensity<'a>(
        &self,
        object: impl Into<ObjectView<'a>>,
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
    pub(super) fn pixels_of(&self, window: &crate::Window) -> impl Iterator<Item = (usize, usize)> {
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
