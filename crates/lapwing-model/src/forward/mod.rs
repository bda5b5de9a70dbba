//! The forward model: probe x object patch at a sub-pixel position, far field, and the adjoint of
//! each step.
//!
//! For a window with integer corner n and rest f, and a probe mode P_k,
//!
//! ```text
//! P_jk(r)   = F^-1[ F[P_k](u) exp(-2 pi i f . u) ](r)      sub-pixel shift on the probe, circular
//! psi_jk(r) = P_jk(r) O(n + r)                             exit wave
//! Psi_jk    = F[psi_jk]                                    far field, unitary
//! I_j       = sum_k |Psi_jk|^2                             modes add in intensity
//! ```
//!
//! so sum I_j = sum_k sum |psi_jk|^2. Every step is linear in P_k and in O; their adjoints are the
//! conjugate products, the inverse transform, and the opposite shift.
//!
//! [`ForwardModel`] is immutable and shared; a [`Workspace`] belongs to one thread and is reused
//! for every pattern. What a solver's inner loop calls, a pattern's pass, is done by one of two
//! back-ends (module `pass`); `reference` holds the same model written as its formulas are.

mod error;
mod fused;
mod pass;
mod plain;
mod ramp;
mod reference;
#[cfg(test)]
mod tests;
mod workspace;

pub use error::ModelError;
pub use pass::{DetectorStep, Patch, PatternQuery, View};
pub use ramp::Ramp;

use crate::fft::Fft2;
use crate::{Complex32, Position, Window};
use fused::FusedPass;
use pass::PatternPass;
use plain::PlainPass;
use std::sync::Arc;
pub use workspace::Workspace;

/// The forward model of one window shape. See the [module documentation](self) for the formulas.
#[derive(Debug, Clone)]
pub struct ForwardModel {
    fft: Fft2,
    pass: Arc<dyn PatternPass>,
}

impl ForwardModel {
    /// The model for windows of shape `(height, width)`: the fastest way there is for this shape.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn new(shape: (usize, usize)) -> Self {
        let fft = Fft2::new(shape);
        let pass: Arc<dyn PatternPass> = match FusedPass::new(shape) {
            Some(fused) => Arc::new(fused),
            None => Arc::new(PlainPass::new(fft.clone())),
        };
        Self { fft, pass }
    }

    /// With transforms row by row and a pass step by step, whatever the shape.
    #[cfg(test)]
    fn plain(shape: (usize, usize)) -> Self {
        let fft = Fft2::by_rows(shape);
        Self { pass: Arc::new(PlainPass::new(fft.clone())), fft }
    }

    /// Shape `(height, width)` of a window, a probe mode and a pattern.
    pub fn shape(&self) -> (usize, usize) {
        self.fft.shape()
    }

    /// Pixels in a window.
    #[expect(clippy::len_without_is_empty, reason = "a model is never empty")]
    pub fn len(&self) -> usize {
        self.fft.len()
    }

    /// Scratch space for one thread.
    pub fn workspace(&self) -> Workspace {
        Workspace::new(self.len(), self.fft.scratch_len())
    }

    /// The window at `position` on an object of shape `object`.
    ///
    /// # Errors
    /// A position that is not finite, a window that leaves the object.
    pub fn window(&self, position: Position, object: (usize, usize)) -> Result<Window, ModelError> {
        let (height, width) = self.shape();
        let window = Window::of(position, (height, width));
        if position.y.is_finite() && position.x.is_finite() && window.fits((height, width), object)
        {
            return Ok(window);
        }
        let (min_y, min_x) = ((height / 2) as f64, (width / 2) as f64);
        Err(ModelError::OffObject {
            height,
            width,
            y: position.y,
            x: position.x,
            rows: object.0,
            columns: object.1,
            min_y,
            max_y: min_y + object.0 as f64 - height as f64,
            min_x,
            max_x: min_x + object.1 as f64 - width as f64,
        })
    }

    /// Far field of an exit wave, which is overwritten: `exit_wave` (y, x) to `far_field` (u_x,
    /// u_y).
    ///
    /// # Panics
    /// If a slice or the workspace is not of this model's size; so do all methods below.
    pub fn propagate(
        &self,
        exit_wave: &mut [Complex32],
        far_field: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.fft.forward(exit_wave, far_field, &mut work.fft);
    }

    /// The inverse, and adjoint, of [`propagate`](Self::propagate): `far_field` is overwritten.
    pub fn back_propagate(
        &self,
        far_field: &mut [Complex32],
        exit_wave: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.fft.inverse(far_field, exit_wave, &mut work.fft);
    }

    /// Spectrum (u_x, u_y) of one probe mode (y, x), from which
    /// [`shifted_probe`](Self::shifted_probe) makes the probe of every position.
    pub fn probe_spectrum(
        &self,
        mode: &[Complex32],
        spectrum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        work.field.copy_from_slice(mode);
        self.fft.forward(&mut work.field, spectrum, &mut work.fft);
    }

    /// Writes the probe mode with spectrum `spectrum` (u_x, u_y), shifted by the window's sub-pixel
    /// rest, to `probe` (y, x).
    pub fn shifted_probe(
        &self,
        spectrum: &[Complex32],
        ramp: &Ramp,
        probe: &mut [Complex32],
        work: &mut Workspace,
    ) {
        ramp.check(self.shape());
        plain::shift(&self.fft, spectrum, ramp, probe, work);
    }

    /// The adjoint of [`shifted_probe`](Self::shifted_probe): adds to `spectrum` what `probe` (y,
    /// x; overwritten) contributes.
    ///
    /// Contributions of many windows are summed in this one spectrum and inverted once.
    pub fn accumulate_unshifted(
        &self,
        probe: &mut [Complex32],
        ramp: &Ramp,
        spectrum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        ramp.check(self.shape());
        plain::add_unshifted(&self.fft, probe, ramp, spectrum, work);
    }
}

/// A pattern's pass, to the detector and back (module `pass`): [`illuminate`](Self::illuminate) or
/// [`launch`](Self::launch) for every mode, [`detect`](Self::detect) for all modes together,
/// [`gather`](Self::gather) or [`land`](Self::land) for every mode.
impl ForwardModel {
    /// Brings a pattern from the order of files, axes (y, x) with zero frequency in the centre,
    /// into **pattern order**, in which [`detect`](Self::detect) asks for its pixels: contiguous
    /// for each request.
    pub fn to_pattern_order<T: Copy>(&self, centred: &[T], ordered: &mut [T]) {
        pass::to_pattern_order(centred, ordered, self.shape(), self.pass.columns_together());
    }

    /// One mode on its way to the detector: `probe` (y, x) <- the mode with spectrum `spectrum`
    /// (u_x, u_y), shifted as `view` says, and `in_flight` <- the exit wave, probe x patch. Adds
    /// |O|^2 of the patch to `power` (y, x) where it is given.
    ///
    /// # Panics
    /// Also if the patch of `view` does not hold a window.
    pub fn illuminate(
        &self,
        spectrum: &[Complex32],
        view: View<'_>,
        probe: &mut [Complex32],
        power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        view.check(self.shape());
        self.check([spectrum.len(), probe.len(), in_flight.len()], work);
        self.check(power.as_deref().map(<[f32]>::len), work);
        self.pass.illuminate(spectrum, view, probe, power, in_flight, work);
    }

    /// As [`illuminate`](Self::illuminate), for an exit wave (y, x) that is given: `in_flight` <-
    /// `exit_wave`, on its way to the detector.
    pub fn launch(
        &self,
        exit_wave: &[Complex32],
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.check([exit_wave.len(), in_flight.len()], work);
        self.pass.launch(exit_wave, in_flight, work);
    }

    /// The step in the detector plane, Psi_k <- Psi_k factor, for all modes of a pattern:
    /// `in_flight` (mode by mode) from [`illuminate`](Self::illuminate) or
    /// [`launch`](Self::launch), which is overwritten, to `chi` (mode by mode), on its way back.
    ///
    /// `step` is given pixels, I = sum_k |Psi_k|^2 there, and writes the factors; `query` says what
    /// it needs to see. With a factor m / |Psi| - 1, chi is the correction of the exit wave; with
    /// m / |Psi|, the corrected wave.
    ///
    /// # Panics
    /// Also if `query` masks pixels that there are not.
    pub fn detect(
        &self,
        in_flight: &mut [Complex32],
        chi: &mut [Complex32],
        query: PatternQuery<'_>,
        work: &mut Workspace,
        step: &mut DetectorStep<'_>,
    ) {
        let modes = in_flight.len() / self.len();
        assert!(
            in_flight.len() == modes * self.len() && chi.len() == in_flight.len(),
            "waves of {} and {} elements: expected as many whole modes of {:?} pixels",
            in_flight.len(),
            chi.len(),
            self.shape()
        );
        self.check(None, work);
        self.pass.detect(in_flight, chi, query, work, step);
    }

    /// One mode back at the object: completes `chi` (y, x) from [`detect`](Self::detect), and adds
    /// chi conj(O), unshifted, to the spectrum `sum` (u_x, u_y). `in_flight` is overwritten.
    ///
    /// # Panics
    /// Also if the patch of `view` does not hold a window.
    pub fn gather(
        &self,
        chi: &mut [Complex32],
        view: View<'_>,
        in_flight: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        view.check(self.shape());
        self.check([chi.len(), in_flight.len(), sum.len()], work);
        self.pass.gather(chi, view, in_flight, sum, work);
    }

    /// As [`gather`](Self::gather), without the sum: completes `chi` (y, x) from
    /// [`detect`](Self::detect).
    pub fn land(&self, chi: &mut [Complex32], work: &mut Workspace) {
        self.check([chi.len()], work);
        self.pass.land(chi, work);
    }

    /// That slices of these lengths, and the workspace, are those of this model.
    fn check(&self, lengths: impl IntoIterator<Item = usize>, work: &Workspace) {
        for length in lengths.into_iter().chain([work.field.len()]) {
            assert!(
                length == self.len(),
                "an array of {length} elements was given to a model of {:?} pixels",
                self.shape()
            );
        }
    }
}
