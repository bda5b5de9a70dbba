//! The forward model: probe x object patch at a sub-pixel position, the way to the detector, and
//! the adjoint of each step.
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
//! [`Physics`] describes what differs from that: the **near field** (F followed by a quadratic
//! phase and F^-1, unitary as F is, and, where light and detector stand still while the specimen
//! moves, by the shift that takes the probe back to its place), a probe that moves during the
//! exposure (**fly scan**: I_j is the mean over the places of its motion), a detector with a point
//! spread (**blur**: I_j is convolved with it), an object of several **slices**, for which the exit
//! wave of one, propagated over the gap, is what the next one multiplies.
//!
//! [`ForwardModel`] is immutable and shared; a [`Workspace`] belongs to one thread and is reused
//! for every pattern. What a solver's inner loop calls, a pattern's pass, is done by one of two
//! back-ends (module `pass`); `reference` holds the same model written as its formulas are.

mod blur;
mod error;
mod fused;
mod pass;
mod physics;
mod plain;
mod ramp;
mod reference;
mod slices;
#[cfg(test)]
mod tests;
mod workspace;

pub use error::ModelError;
pub use pass::{DetectorStep, Patch, PatternQuery, Site};
pub use physics::{MOST_BLUR, MOST_SLICES, Moves, Physics, PhysicsError, Propagation, Slices};
pub use ramp::Ramp;

use crate::fft::{self, Fft2};
use crate::{Complex32, Position, Window};
use blur::Blur;
use fused::FusedPass;
use pass::PatternPass;
use physics::Hop;
use plain::PlainPass;
use std::sync::Arc;
pub use workspace::Workspace;

/// The forward model of one window shape. See the [module documentation](self) for the formulas.
#[derive(Debug, Clone)]
pub struct ForwardModel {
    fft: Fft2,
    pass: Arc<dyn PatternPass>,
    physics: Physics,
    hop: Option<Arc<Hop>>,
    gap: Option<Arc<Hop>>,
    blur: Option<Arc<Blur>>,
}

impl ForwardModel {
    /// The far-field model for windows of shape `(height, width)`: the fastest way there is for
    /// this shape.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn new(shape: (usize, usize)) -> Self {
        Self::of(Physics::default(), Fft2::new(shape))
    }

    /// As [`new`](Self::new), of other physics.
    ///
    /// # Errors
    /// What has no model: see [`Physics::check`].
    ///
    /// # Panics
    /// If a side is zero.
    pub fn with_physics(shape: (usize, usize), physics: Physics) -> Result<Self, PhysicsError> {
        physics.check(shape)?;
        Ok(Self::of(physics, Fft2::new(shape)))
    }

    fn of(physics: Physics, fft: Fft2) -> Self {
        let hop = Hop::new(physics.propagation, fft.shape());
        let pass: Arc<dyn PatternPass> = match FusedPass::new(fft.shape()) {
            Some(fused) if hop.is_none() => Arc::new(fused),
            _ => Arc::new(PlainPass::new(fft.clone(), hop.clone())),
        };
        let blur = Blur::new(physics.blur, fft.shape(), pass.pixel_order()).map(Arc::new);
        let gap = physics.slices.map(|slices| Hop::over(slices.fresnel_number, fft.shape()));
        Self { fft, pass, physics, hop: hop.map(Arc::new), gap: gap.map(Arc::new), blur }
    }

    /// With transforms row by row and a pass step by step, whatever the shape.
    #[cfg(test)]
    fn plain(shape: (usize, usize)) -> Self {
        let fft = Fft2::by_rows(shape);
        Self {
            pass: Arc::new(PlainPass::new(fft.clone(), None)),
            ..Self::of(Physics::default(), fft)
        }
    }

    /// What it takes into account.
    pub fn physics(&self) -> &Physics {
        &self.physics
    }

    /// How many slices an object has: 1 for a thin one.
    pub fn n_slices(&self) -> usize {
        self.physics.slices.map_or(1, |slices| slices.count)
    }

    /// Whether the light stands still on a detector that sees it as an image, while the specimen
    /// moves: a near field unless it is the probe that moves.
    pub fn light_stands_still(&self) -> bool {
        self.hop.is_some() && self.physics.moves == Moves::Specimen
    }

    /// How many places an exposure sums over: 1 for a probe that stands still.
    pub fn n_places(&self) -> usize {
        self.physics.motion.len().max(1)
    }

    /// The shifts of the probe within `window` in the course of an exposure, one for each of
    /// [`n_places`](Self::n_places), each weighed so that intensities add up to their mean.
    pub fn ramps(&self, window: &Window) -> Vec<Ramp> {
        // At whole pixels the bits are those of a probe that moves.
        let shifts = |window: &Window| (window.rest_y, window.rest_x) != (0.0, 0.0);
        let ramp = |window: &Window| {
            let ramp = Ramp::new(window, self.shape());
            match &self.hop {
                Some(hop) if self.light_stands_still() && shifts(window) => ramp.back_behind(hop),
                _ => ramp,
            }
        };
        if self.physics.motion.is_empty() {
            return vec![ramp(window)];
        }
        let weight = (1.0 / (self.n_places() as f64).sqrt()) as f32;
        let at = |place: &Position| {
            let (rest_y, rest_x) = (window.rest_y + place.y, window.rest_x + place.x);
            ramp(&Window { rest_y, rest_x, ..*window }).scaled(weight)
        };
        self.physics.motion.iter().map(at).collect()
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

    /// An exit wave (y, x) at the detector, of axes (u_x, u_y) in the far field, else (y, x);
    /// `ramp` is that of its probe, without one that of a whole pixel.
    ///
    /// # Panics
    /// If a slice or the workspace is not of this model's size; so do all methods below.
    pub fn propagate(
        &self,
        exit_wave: &[Complex32],
        ramp: Option<&Ramp>,
        arrived: &mut [Complex32],
        work: &mut Workspace,
    ) {
        work.field.copy_from_slice(exit_wave);
        plain::travel(&self.fft, self.hop_of(ramp), arrived, work);
    }

    fn hop_of<'a>(&'a self, ramp: Option<&'a Ramp>) -> Option<&'a Hop> {
        ramp.and_then(Ramp::hop).or(self.hop.as_deref())
    }

    /// The inverse, and adjoint, of [`propagate`](Self::propagate): `arrived` is overwritten.
    pub fn back_propagate(
        &self,
        arrived: &mut [Complex32],
        ramp: Option<&Ramp>,
        exit_wave: &mut [Complex32],
        work: &mut Workspace,
    ) {
        plain::travel_back(&self.fft, self.hop_of(ramp), arrived, exit_wave, work);
    }

    /// Intensities of a whole pattern in the order of [`propagate`](Self::propagate), as the
    /// detector sees them, to the order of files: axes (y, x), the zero frequency of a far field in
    /// the centre.
    pub fn to_file_order(&self, arrived: &[f32], centred: &mut [f32]) {
        match self.physics.propagation {
            Propagation::FarField => fft::from_detector_order(arrived, centred, self.shape()),
            Propagation::NearField { .. } => centred.copy_from_slice(arrived),
        }
        if let Some(blur) = &self.blur {
            let mut scratch = blur::BlurScratch::default();
            let mut ordered = vec![0.0; centred.len()];
            self.to_pattern_order(centred, &mut ordered);
            blur.apply(&ordered, &mut scratch);
            blur.to_file_order(&scratch.blurred, centred);
        }
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

    /// The inverse of [`probe_spectrum`](Self::probe_spectrum): `spectrum` is overwritten.
    pub fn probe_of_spectrum(
        &self,
        spectrum: &mut [Complex32],
        mode: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.fft.inverse(spectrum, mode, &mut work.fft);
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
        self.pass.pixel_order().arrange(centred, ordered, self.shape());
    }

    /// One mode on its way to the detector: `probe` (y, x) <- the mode with spectrum `spectrum`
    /// (u_x, u_y), shifted by the ramp of `site`, and `in_flight` <- the exit wave, probe x patch.
    /// Where `power` (y, x) is given, |O|^2 of the patch is added to it.
    ///
    /// # Panics
    /// Also if the patch of `site` does not hold a window.
    pub fn illuminate(
        &self,
        spectrum: &[Complex32],
        site: Site<'_>,
        probe: &mut [Complex32],
        power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        site.check(self.shape());
        self.check([spectrum.len(), probe.len(), in_flight.len()], work);
        self.check(power.as_deref().map(<[f32]>::len), work);
        self.pass.illuminate(spectrum, site, probe, power, in_flight, work);
    }

    /// As [`illuminate`](Self::illuminate), for an exit wave (y, x) that is given: `in_flight` <-
    /// `exit_wave`, on its way to the detector, of a probe shifted by `ramp`.
    pub fn launch(
        &self,
        exit_wave: &[Complex32],
        ramp: &Ramp,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        ramp.check(self.shape());
        self.check([exit_wave.len(), in_flight.len()], work);
        self.pass.launch(exit_wave, ramp, in_flight, work);
    }

    /// The step in the detector plane, Psi_k <- Psi_k factor, for all modes of a pattern:
    /// `in_flight` (mode by mode) from [`illuminate`](Self::illuminate) or
    /// [`launch`](Self::launch), which is overwritten, to `chi` (mode by mode), on its way back.
    ///
    /// `step` is given pixels, I = sum_k |Psi_k|^2 there, and writes the factors; `query` states
    /// which pixels it needs. With a factor m / |Psi| - 1, chi is the correction of the exit wave;
    /// with m / |Psi|, the corrected wave.
    ///
    /// # Panics
    /// Also if `query` masks pixels outside the pattern, or has not the ramps of a near field.
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
        assert!(
            self.hop.is_none() || query.ramps.len() == self.n_places(),
            "a near field of {} places was asked for with {} ramps",
            self.n_places(),
            query.ramps.len()
        );
        let Some(blur) = &self.blur else {
            return self.pass.detect(in_flight, chi, query, work, step);
        };
        // The factors apply to blurred light; the adjoint of the blur carries them to the light
        // itself.
        let mut scratch = std::mem::take(&mut work.blur);
        let whole = PatternQuery { whole: true, masked: &[], ..query };
        self.pass.detect(in_flight, chi, whole, work, &mut |_, intensity, factor| {
            blur.apply(intensity, &mut scratch);
            pass::step_whole(query.masked, &mut scratch.blurred, factor, step);
            blur.apply(factor, &mut scratch);
            factor.copy_from_slice(&scratch.blurred);
        });
        work.blur = scratch;
    }

    /// One mode back at the object: completes `chi` (y, x) from [`detect`](Self::detect), and adds
    /// chi conj(O), unshifted, to the spectrum `sum` (u_x, u_y). `in_flight` is overwritten.
    ///
    /// # Panics
    /// Also if the patch of `site` does not hold a window.
    pub fn gather(
        &self,
        chi: &mut [Complex32],
        site: Site<'_>,
        in_flight: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        site.check(self.shape());
        self.check([chi.len(), in_flight.len(), sum.len()], work);
        self.pass.gather(chi, site, in_flight, sum, work);
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
