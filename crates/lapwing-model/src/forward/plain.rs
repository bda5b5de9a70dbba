//! A pattern's pass step by step, for windows of any shape and all propagation: every transform,
//! ramp and product is a pass over memory of its own.
//!
//! In flight, the exit wave is what arrives at the detector, of axes (u_x, u_y) in the far field
//! and (y, x) in the near field, and chi is complete, (y, x).

use super::pass::{DetectorStep, PatternPass, PatternQuery, PixelOrder, Site, step_whole};
use super::physics::Hop;
use super::{Ramp, Workspace};
use crate::fft::Fft2;
use crate::{Complex32, elementwise};

/// See the [module documentation](self).
#[derive(Debug, Clone)]
pub(super) struct PlainPass {
    fft: Fft2,
    hop: Option<Hop>,
}

impl PlainPass {
    /// For windows of the transform's shape, to the near field by `hop`.
    pub fn new(fft: Fft2, hop: Option<Hop>) -> Self {
        Self { fft, hop }
    }

    fn hop_of<'a>(&'a self, ramp: Option<&'a Ramp>) -> Option<&'a Hop> {
        ramp.and_then(Ramp::hop).or(self.hop.as_ref())
    }
}

impl PatternPass for PlainPass {
    fn pixel_order(&self) -> PixelOrder {
        match self.hop {
            None => PixelOrder::Spectrum(self.fft.shape().0),
            Some(_) => PixelOrder::Image,
        }
    }

    fn illuminate(
        &self,
        spectrum: &[Complex32],
        Site { patch, ramp }: Site<'_>,
        probe: &mut [Complex32],
        power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        let width = self.fft.shape().1;
        shift(&self.fft, spectrum, ramp, probe, work);
        if let Some(power) = power {
            for (power, row) in power.chunks_exact_mut(width).zip(patch.rows(width)) {
                elementwise::add_power(power, row);
            }
        }
        let rows = work.field.chunks_exact_mut(width).zip(probe.chunks_exact(width));
        for ((wave, probe), row) in rows.zip(patch.rows(width)) {
            elementwise::multiply(wave, probe, row);
        }
        travel(&self.fft, self.hop_of(Some(ramp)), in_flight, work);
    }

    fn launch(
        &self,
        exit_wave: &[Complex32],
        ramp: &Ramp,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        work.field.copy_from_slice(exit_wave);
        travel(&self.fft, self.hop_of(Some(ramp)), in_flight, work);
    }

    fn detect(
        &self,
        in_flight: &mut [Complex32],
        chi: &mut [Complex32],
        query: PatternQuery<'_>,
        work: &mut Workspace,
        step: &mut DetectorStep<'_>,
    ) {
        let pixels = self.fft.len();
        let Workspace { intensity, factor, .. } = &mut *work;
        intensity.fill(0.0);
        for arrived in in_flight.chunks_exact(pixels) {
            elementwise::add_power(intensity, arrived);
        }
        step_whole(query.masked, intensity, factor, step);
        // All modes at the first place of the exposure, then at the others.
        let modes = (in_flight.len() / pixels / query.ramps.len().max(1)).max(1);
        let waves = in_flight.chunks_exact_mut(pixels).zip(chi.chunks_exact_mut(pixels));
        for (wave, (arrived, chi)) in waves.enumerate() {
            elementwise::scale(arrived, &work.factor);
            let hop = self.hop_of(query.ramps.get(wave / modes));
            travel_back(&self.fft, hop, arrived, chi, work);
        }
    }

    fn gather(
        &self,
        chi: &mut [Complex32],
        Site { patch, ramp }: Site<'_>,
        in_flight: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        let width = self.fft.shape().1;
        let rows = in_flight.chunks_exact_mut(width).zip(chi.chunks_exact(width));
        for ((product, chi), row) in rows.zip(patch.rows(width)) {
            elementwise::multiply_conjugate(product, chi, row);
        }
        add_unshifted(&self.fft, in_flight, ramp, sum, work);
    }

    fn land(&self, _chi: &mut [Complex32], _work: &mut Workspace) {}
}

/// `arrived` <- the wave of `work.field` (y, x), which is overwritten, at the detector.
pub(super) fn travel(
    fft: &Fft2,
    hop: Option<&Hop>,
    arrived: &mut [Complex32],
    work: &mut Workspace,
) {
    fft.forward(&mut work.field, arrived, &mut work.fft);
    if let Some(hop) = hop {
        hop.there.apply(arrived, &mut work.field);
        fft.inverse(&mut work.field, arrived, &mut work.fft);
    }
}

/// The inverse, and adjoint, of [`travel`]: `wave` (y, x) <- `arrived`, which is overwritten.
pub(super) fn travel_back(
    fft: &Fft2,
    hop: Option<&Hop>,
    arrived: &mut [Complex32],
    wave: &mut [Complex32],
    work: &mut Workspace,
) {
    if let Some(hop) = hop {
        fft.forward(arrived, &mut work.field, &mut work.fft);
        hop.back.apply(&work.field, arrived);
    }
    fft.inverse(arrived, wave, &mut work.fft);
}

/// `probe` (y, x) <- the mode with spectrum `spectrum`, shifted by the ramp.
pub(super) fn shift(
    fft: &Fft2,
    spectrum: &[Complex32],
    ramp: &Ramp,
    probe: &mut [Complex32],
    work: &mut Workspace,
) {
    ramp.apply(spectrum, &mut work.field);
    fft.inverse(&mut work.field, probe, &mut work.fft);
}

/// The adjoint of [`shift`]: adds to `sum` (u_x, u_y) what `probe` (y, x; overwritten) contributes.
pub(super) fn add_unshifted(
    fft: &Fft2,
    probe: &mut [Complex32],
    ramp: &Ramp,
    sum: &mut [Complex32],
    work: &mut Workspace,
) {
    fft.forward(probe, &mut work.field, &mut work.fft);
    ramp.add_unshifted(&work.field, sum);
}
