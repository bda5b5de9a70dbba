//! A pattern's pass: from the probe to the detector, and back to the object.
//!
//! The three steps of a solver's inner loop, in this order, are
//!
//! ```text
//! illuminate    P_jk = shifted mode        psi_jk = P_jk O             to the detector
//! detect        Psi_jk = F[psi_jk]         Psi_jk factor(sum |Psi|^2)  back
//! gather        chi_jk = F^-1[Psi factor]  sum += chi_jk conj(O), unshifted
//! ```
//!
//! A method whose exit wave is not probe x object, or that wants chi alone, takes `launch` for the
//! first step and `land` for the last. In between, a wave is **in flight**: in a form private to
//! the back-end.
//!
//! [`PatternPass`] is what a back-end does. There are two, [`PlainPass`](super::plain::PlainPass)
//! for any shape and [`FusedPass`](super::fused::FusedPass) for powers of two, and
//! [`ForwardModel::new`](super::ForwardModel::new) chooses between them once.

use super::{Ramp, Workspace};
use crate::Complex32;

/// A step in the detector plane: is given the place of the first of some pixels in pattern order
/// ([`ForwardModel::to_pattern_order`](super::ForwardModel::to_pattern_order)) and their intensity,
/// and writes the factor of each.
pub type DetectorStep<'a> = dyn FnMut(usize, &[f32], &mut [f32]) + 'a;

/// What a [`DetectorStep`] needs to see of a pattern.
#[derive(Debug, Clone, Copy, Default)]
pub struct PatternQuery<'a> {
    /// Whether it needs all pixels in one call; else it may be called for a part of them at a time.
    pub whole: bool,
    /// Pixels without a measured value, by their place in pattern order: they are shown with
    /// intensity 0, and their factor is 0. Where there are any, all pixels come in one call.
    pub masked: &'a [u32],
    /// The ramps of the waves, one for each place of the exposure; a far field asks for none.
    pub ramps: &'a [Ramp],
}

/// The part of an object that a window cuts out.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'a> {
    /// The object from the window's first pixel on.
    pub object: &'a [Complex32],
    /// Length of the object's rows.
    pub columns: usize,
}

impl<'a> Patch<'a> {
    /// The patch's rows of `width` pixels.
    pub(super) fn rows(self, width: usize) -> impl Iterator<Item = &'a [Complex32]> {
        self.object.chunks(self.columns).map(move |row| &row[..width])
    }

    /// Whether it holds a window of `(height, width)`, neither side of which is zero.
    fn holds(&self, (height, width): (usize, usize)) -> bool {
        width <= self.columns && (height - 1) * self.columns + width <= self.object.len()
    }
}

/// Where a pattern was taken: what of the object lies in its window, and how the probe is shifted
/// inside the window.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The object in the window.
    pub patch: Patch<'a>,
    /// The shift of the probe.
    pub ramp: &'a Ramp,
}

impl Site<'_> {
    /// # Panics
    /// If it is none of windows of `shape`.
    pub(super) fn check(&self, shape: (usize, usize)) {
        self.ramp.check(shape);
        assert!(
            self.patch.holds(shape),
            "a window of {shape:?} pixels leaves its object, of which {} pixels follow in rows of {}",
            self.patch.object.len(),
            self.patch.columns
        );
    }
}

/// A back-end of the forward model, for windows of one shape.
///
/// Waves are of one mode, but for [`detect`](Self::detect); all slices and views are of the model's
/// shape, which [`ForwardModel`](super::ForwardModel) checks. What each method computes is
/// documented there.
pub(super) trait PatternPass: std::fmt::Debug + Send + Sync {
    /// In which order a pattern's pixels are asked for.
    fn pixel_order(&self) -> PixelOrder;

    fn illuminate(
        &self,
        spectrum: &[Complex32],
        site: Site<'_>,
        probe: &mut [Complex32],
        power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    );

    fn launch(
        &self,
        exit_wave: &[Complex32],
        ramp: &Ramp,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    );

    /// For all modes, one after the other.
    fn detect(
        &self,
        in_flight: &mut [Complex32],
        chi: &mut [Complex32],
        query: PatternQuery<'_>,
        work: &mut Workspace,
        step: &mut DetectorStep<'_>,
    );

    fn gather(
        &self,
        chi: &mut [Complex32],
        site: Site<'_>,
        in_flight: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    );

    fn land(&self, chi: &mut [Complex32], work: &mut Workspace);
}

/// Asks `step` for the factors of a whole pattern, but for the pixels that are masked.
pub(super) fn step_whole(
    masked: &[u32],
    intensity: &mut [f32],
    factor: &mut [f32],
    step: &mut DetectorStep<'_>,
) {
    masked.iter().for_each(|&pixel| intensity[pixel as usize] = 0.0);
    step(0, intensity, factor);
    masked.iter().for_each(|&pixel| factor[pixel as usize] = 0.0);
}

/// **Pattern order**: that in which a back-end asks for a pattern's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelOrder {
    /// As in files, (y, x): a pattern is an image.
    Image,
    /// A pattern is a spectrum: by groups of so many columns u_y, and in each group by u_x, then
    /// u_y.
    Spectrum(usize),
}

impl PixelOrder {
    /// Brings a pattern of `(height, width)` from the order of files, axes (y, x) and of a spectrum
    /// zero frequency in the centre, into this order.
    pub fn arrange<T: Copy>(
        self,
        centred: &[T],
        ordered: &mut [T],
        (height, width): (usize, usize),
    ) {
        assert!(
            centred.len() == height * width && ordered.len() == height * width,
            "reordering of unequal arrays"
        );
        let together = match self {
            Self::Image => return ordered.copy_from_slice(centred),
            Self::Spectrum(together) => together,
        };
        for (group, columns) in ordered.chunks_mut(together * width).enumerate() {
            for (u_x, row) in columns.chunks_exact_mut(columns.len() / width).enumerate() {
                let x = (u_x + width / 2) % width;
                for (value, u_y) in row.iter_mut().zip(group * together..) {
                    let y = (u_y + height / 2) % height;
                    *value = centred[y * width + x];
                }
            }
        }
    }
}
