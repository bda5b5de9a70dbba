//! A pattern's whole way: from the probe to the detector, and back to the object.
//!
//! [`illuminate`](ForwardModel::illuminate), [`detect`](ForwardModel::detect) and
//! [`gather`](ForwardModel::gather), in this order, are the inner loop of every solver. They take
//! as few passes over memory as the shape of the window allows: five, by columns of eight (module
//! `sweep`), or one for every step. What the arrays hold in between is theirs.

use crate::forward::{ForwardModel, Ramp, Workspace};
pub use crate::sweep::Patch;
use crate::{Complex32, elementwise, fft};

/// A step in the detector plane: is given the place of the first of some pixels in pattern order
/// ([`ForwardModel::to_pattern_order`]) and their intensity, and writes the factor of each.
pub type DetectorStep<'a> = dyn FnMut(usize, &[f32], &mut [f32]) + 'a;

impl ForwardModel {
    /// Brings a pattern from the order of files, axes (y, x) with zero frequency in the centre,
    /// into **pattern order**, in which
    /// [`detect`](Self::detect) asks for its pixels: contiguous for each request.
    ///
    /// # Panics
    /// If a slice is not of [`len`](Self::len) elements.
    pub fn to_pattern_order<T: Copy>(&self, centred: &[T], ordered: &mut [T]) {
        match self.fft.sweeps() {
            None => fft::to_detector_order(centred, ordered, self.shape()),
            Some(sweeps) => {
                let mut transposed = centred.to_vec();
                fft::to_detector_order(centred, &mut transposed, self.shape());
                sweeps.by_columns(&transposed, ordered);
            }
        }
    }

    /// One mode on its way to the detector: `probe` (y, x) <- the mode with spectrum `spectrum`,
    /// shifted by the window's rest, and `half` <- the exit wave, on its way. Adds |O|^2 of the
    /// patch to `power` (y, x) where it is given.
    ///
    #[expect(
        clippy::too_many_arguments,
        reason = "the inner step: everything it reads and writes, by name"
    )]
    pub fn illuminate(
        &self,
        spectrum: &[Complex32],
        ramp: &Ramp,
        patch: Patch<'_>,
        probe: &mut [Complex32],
        power: Option<&mut [f32]>,
        half: &mut [Complex32],
        work: &mut Workspace,
    ) {
        if let Some(sweeps) = self.fft.sweeps() {
            let ramps = (ramp.along_y.as_slice(), ramp.along_x.as_slice());
            return sweeps.illuminate(spectrum, ramps, patch, probe, power, half, &mut work.fft);
        }
        let width = self.shape().1;
        self.shifted_probe(spectrum, ramp, probe, work);
        if let Some(power) = power {
            for (power, row) in power.chunks_exact_mut(width).zip(patch.rows(width)) {
                elementwise::add_power(power, row);
            }
        }
        let rows = work.field.chunks_exact_mut(width).zip(probe.chunks_exact(width));
        for ((wave, probe), row) in rows.zip(patch.rows(width)) {
            elementwise::multiply(wave, probe, row);
        }
        self.fft.forward(&mut work.field, half, &mut work.fft);
    }

    /// The step in the detector plane, Psi_k <- Psi_k factor, for all modes of a pattern: `half`
    /// (mode by mode) from [`illuminate`](Self::illuminate), which is overwritten, to `chi` (mode
    /// by mode), on its way back.
    ///
    /// `step` is given pixels, I = sum_k |Psi_k|^2 there, and writes the factors. It is asked for a
    /// part of the pixels at a time, or for all together with `whole`. Pixels of index in `masked`
    /// (pattern order) need `whole`: their intensity is shown as 0, and their factor is 0.
    pub fn detect(
        &self,
        half: &mut [Complex32],
        chi: &mut [Complex32],
        (whole, masked): (bool, &[u32]),
        work: &mut Workspace,
        step: &mut DetectorStep<'_>,
    ) {
        let pixels = self.len();
        let Workspace { fft: scratch, intensity, factor, .. } = work;
        let sweeps = self.fft.sweeps();
        if let (Some(sweeps), true) = (sweeps, half.len() == pixels && !whole && masked.is_empty())
        {
            return sweeps.detect(half, chi, (intensity, factor), scratch, step);
        }
        intensity.fill(0.0);
        for half in half.chunks_exact_mut(pixels) {
            match sweeps {
                Some(sweeps) => sweeps.far_field(half, intensity, scratch),
                None => elementwise::add_power(intensity, half),
            }
        }
        masked.iter().for_each(|&pixel| intensity[pixel as usize] = 0.0);
        step(0, intensity, factor);
        masked.iter().for_each(|&pixel| factor[pixel as usize] = 0.0);
        for (half, chi) in half.chunks_exact_mut(pixels).zip(chi.chunks_exact_mut(pixels)) {
            match sweeps {
                Some(sweeps) => sweeps.half_back(half, factor, chi, scratch),
                None => {
                    elementwise::scale(half, factor);
                    self.fft.inverse(half, chi, scratch);
                }
            }
        }
    }

    /// One mode back at the object: completes `chi` (y, x) from [`detect`](Self::detect), and adds
    /// chi conj(O), unshifted, to the spectrum `sum`. `half` is overwritten.
    pub fn gather(
        &self,
        chi: &mut [Complex32],
        ramp: &Ramp,
        patch: Patch<'_>,
        half: &mut [Complex32],
        sum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        if let Some(sweeps) = self.fft.sweeps() {
            let ramps = (ramp.along_y.as_slice(), ramp.along_x.as_slice());
            return sweeps.gather(chi, patch, ramps, half, sum, &mut work.fft);
        }
        let width = self.shape().1;
        let rows = half.chunks_exact_mut(width).zip(chi.chunks_exact(width));
        for ((product, chi), row) in rows.zip(patch.rows(width)) {
            elementwise::multiply_conjugate(product, chi, row);
        }
        self.accumulate_unshifted(half, ramp, sum, work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use crate::fft::Fft2;
    use crate::test_support::random_field;

    /// What one pattern's whole way leaves.
    struct Passage {
        /// Probes, chi, and the probe's sums.
        fields: [Vec<Complex32>; 3],
        power: Vec<f32>,
    }

    /// With a step whose factor depends on its own pixel only.
    fn there_and_back(
        model: &ForwardModel,
        modes: usize,
        (whole, masked): (bool, &[usize]),
    ) -> Passage {
        let (shape, len) = (model.shape(), model.len());
        let object = random_field(60 * 70, 1);
        let window = model.window(Position { y: 25.37, x: 33.81 }, (60, 70)).unwrap();
        let patch = Patch {
            object: &object[window.row as usize * 70 + window.column as usize..],
            columns: 70,
        };
        let ramp = Ramp::new(&window, shape);
        let spectra = random_field(modes * len, 2);
        let measured: Vec<f32> =
            random_field(len, 3).iter().map(|value| value.norm_sqr()).collect();
        let mut ordered = measured.clone();
        model.to_pattern_order(&measured, &mut ordered);
        // The masked pixels by their place in the order of files.
        let mut mask = vec![false; len];
        masked.iter().for_each(|&pixel| mask[pixel] = true);
        let mut bad = mask.clone();
        model.to_pattern_order(&mask, &mut bad);
        let masked: Vec<u32> =
            (0..).zip(bad).filter(|(_, bad)| *bad).map(|(index, _)| index).collect();
        let (mut probes, mut half) =
            (vec![Complex32::ZERO; modes * len], vec![Complex32::ZERO; modes * len]);
        let (mut chi, mut sum) = (half.clone(), random_field(modes * len, 4));
        let mut power = vec![0.5; len];
        let mut work = model.workspace();
        for mode in 0..modes {
            let part = mode * len..(mode + 1) * len;
            let power = (mode == 0).then_some(power.as_mut_slice());
            let (probe, half) = (&mut probes[part.clone()], &mut half[part.clone()]);
            model.illuminate(&spectra[part], &ramp, patch, probe, power, half, &mut work);
        }
        model.detect(
            &mut half,
            &mut chi,
            (whole, &masked),
            &mut work,
            &mut |first, intensity, factor| {
                for ((factor, i), m) in factor.iter_mut().zip(intensity).zip(&ordered[first..]) {
                    *factor = m / (i + 0.3) - 1.0;
                }
            },
        );
        for mode in 0..modes {
            let part = mode * len..(mode + 1) * len;
            let (chi, half) = (&mut chi[part.clone()], &mut half[part.clone()]);
            model.gather(chi, &ramp, patch, half, &mut sum[part], &mut work);
        }
        Passage { fields: [probes, chi, sum], power }
    }

    #[test]
    fn few_passes_do_what_many_do() {
        for shape in [(16, 16), (32, 16), (16, 32)] {
            let few = ForwardModel::new(shape);
            let many = ForwardModel { fft: Fft2::by_rows(shape) };
            for (modes, whole, masked) in [
                (1, false, &[][..]),
                (1, true, &[]),
                (2, false, &[]),
                (1, false, &[3, 77]),
                (2, true, &[0]),
            ] {
                let (a, b) = (
                    there_and_back(&few, modes, (whole, masked)),
                    there_and_back(&many, modes, (whole, masked)),
                );
                for (a, b) in a.fields.iter().flatten().zip(b.fields.iter().flatten()) {
                    assert!(
                        (a - b).norm() < 3e-5 * (1.0 + b.norm()),
                        "{shape:?}, {modes} modes: {a} and {b}"
                    );
                }
                for (a, b) in a.power.iter().zip(&b.power) {
                    assert!(
                        (a - b).abs() < 3e-5 * (1.0 + b.abs()),
                        "{shape:?}, {modes} modes: {a} and {b}"
                    );
                }
            }
        }
    }
}
