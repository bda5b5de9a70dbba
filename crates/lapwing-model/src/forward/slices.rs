//! From one slice of a thick object to the next, and back.
//!
//! With psi_s the wave that slice s meets and G the propagation over a gap,
//!
//! ```text
//! psi_0 = P        psi_(s+1) = G[psi_s O_s]        exit wave psi_(K-1) O_(K-1)
//! ```
//!
//! and back, from chi_(K-1), the correction of the exit wave: chi_(s-1) = G^-1[chi_s conj(O_s)],
//! which is the adjoint, G being unitary. The gradient with respect to slice s is chi_s
//! conj(psi_s), to the probe chi_0 conj(O_0).

use super::{ForwardModel, ModelError, Workspace, plain};
use crate::object::ObjectView;
use crate::{Complex32, Window};

impl ForwardModel {
    /// `incident` <- the wave at the next slice, from `exit_wave` behind a slice; both (y, x).
    ///
    /// # Panics
    /// If the object is thin, or an array or the workspace is not of this model's size.
    pub fn cross_gap(
        &self,
        exit_wave: &[Complex32],
        incident: &mut [Complex32],
        work: &mut Workspace,
    ) {
        assert!(self.gap.is_some(), "a thin object has no gap");
        work.field.copy_from_slice(exit_wave);
        plain::travel(&self.fft, self.gap.as_deref(), incident, work);
    }

    /// The inverse, and adjoint, of [`cross_gap`](Self::cross_gap): `incident` is overwritten.
    ///
    /// # Panics
    /// As there.
    pub fn cross_gap_back(
        &self,
        incident: &mut [Complex32],
        exit_wave: &mut [Complex32],
        work: &mut Workspace,
    ) {
        assert!(self.gap.is_some(), "a thin object has no gap");
        plain::travel_back(&self.fft, self.gap.as_deref(), incident, exit_wave, work);
    }

    /// Replaces `wave` (y, x), incident on the object in a window, by the exit wave; calls `meet`
    /// with the wave that each slice meets, from the first on.
    ///
    /// # Panics
    /// If the window leaves the object, or an array is not of this model's size.
    pub fn pass_through(
        &self,
        object: ObjectView<'_>,
        window: &Window,
        wave: &mut [Complex32],
        work: &mut Workspace,
        mut meet: impl FnMut(&[Complex32]),
    ) {
        let slices = object.slices();
        let mut left = vec![Complex32::ZERO; if slices.dim().0 > 1 { self.len() } else { 0 }];
        for (index, slice) in slices.outer_iter().enumerate() {
            if index > 0 {
                left.copy_from_slice(wave);
                self.cross_gap(&left, wave, work);
            }
            meet(wave);
            for (value, at) in wave.iter_mut().zip(self.pixels_of(window)) {
                *value *= slice[at];
            }
        }
    }

    /// Refuses an object whose number of slices differs from that of the physics.
    ///
    /// # Errors
    /// How many there are, and should be.
    pub fn check_slices(&self, object: ObjectView<'_>) -> Result<(), ModelError> {
        let (expected, found) = (self.n_slices(), object.n_slices());
        if expected == found { Ok(()) } else { Err(ModelError::Slices { expected, found }) }
    }
}
