//! A pattern's pass in five passes over memory, for windows whose sides are powers of two.
//!
//! A two-dimensional transform is a transform along every column of eight
//! ([`crate::fft::stockham`]), a transposition, and the same along the other axis. What stands
//! between two transforms - ramps, products with the object, the step in the detector plane - is
//! done while the eight columns are in the first cache, so that a pattern's way from probe to
//! detector and back, four two-dimensional transforms, reads and writes its arrays five times:
//!
//! ```text
//! shift         F[P] ramp                 inverse along x, transpose
//! illuminate    inverse along y = P_j     P_j O, forward along y, transpose
//! detect        forward along x = Psi     Psi factor(|Psi|^2), inverse along x, transpose
//! gather        inverse along y = chi     chi conj(O), forward along y, transpose
//! unshift       forward along x           conj(ramp), sum
//! ```
//!
//! `launch` is the second line without its first half, `land` the fourth without its second.
//!
//! In flight, the exit wave is transformed along y alone, (x, u_y), and chi back along x alone,
//! (u_y, x), its real and imaginary parts swapped; both in parts ([`C8`]). Inverse transforms stand
//! in swapped form, i conj z, from their first half to their second ([`crate::fft::stockham`]).
//! Pattern order is (u_y / 8, u_x, u_y mod 8).

use super::pass::{DetectorStep, Patch, PatternPass, PatternQuery, PixelOrder, Site, step_whole};
use super::{Ramp, Workspace};
use crate::Complex32;
use crate::c8::{C8, LANES, Line};
use crate::elementwise::level;
use crate::fft::stockham::{buffers, finish, start, transpose, with_length};
use crate::fft::{Blocks, ColumnTransform, lines, lines_mut};
use fearless_simd::f32x8;
use fearless_simd::prelude::*;

/// The instructions of these passes: on x86 AVX-512, whose registers are twice as many, or AVX2.
/// Processors without either take the plain pass: each set of instructions is compiled anew.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[derive(Debug, Clone, Copy)]
enum Wide {
    Avx512(fearless_simd::x86::Avx512),
    Avx2(fearless_simd::x86::Avx2),
}
/// The instructions of these passes: whatever this kind of processor has.
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
type Wide = fearless_simd::Level;

/// Those of this processor, the best first.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn all_wide() -> impl Iterator<Item = Wide> {
    let avx512 = level().as_avx512().map(Wide::Avx512);
    avx512.into_iter().chain(level().as_avx2().map(Wide::Avx2))
}
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn all_wide() -> impl Iterator<Item = Wide> {
    std::iter::once(level())
}

/// What `$body` returns, compiled for every kind of `$wide`, which is `$simd` in it.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
macro_rules! dispatch {
    ($wide:expr, $simd:ident => $body:expr) => {
        match $wide {
            Wide::Avx512($simd) => fearless_simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
            Wide::Avx2($simd) => fearless_simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
        }
    };
}
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
use fearless_simd::dispatch;

/// Why a ramp's halves are as long as the transforms along their axes.
const RAMP: &str = "the ramp was checked to be of the model's shape";

/// See the [module documentation](self).
#[derive(Debug, Clone)]
pub(super) struct FusedPass {
    fft: ColumnTransform,
    wide: Wide,
}

/// Eight pixels of a patch, in block `block` of row `y`.
#[inline(always)]
fn line<'a>(patch: &Patch<'a>, y: usize, block: usize) -> &'a Line {
    let first = y * patch.columns + block * LANES;
    patch.object[first..].first_chunk().expect("the patch was checked to hold the window")
}

impl FusedPass {
    /// For windows of `(height, width)`, or nothing when [`ColumnTransform`] does not do that
    /// shape, or the processor has too narrow vectors.
    pub fn new(shape: (usize, usize)) -> Option<Self> {
        Some(Self { fft: ColumnTransform::new(shape)?, wide: all_wide().next()? })
    }

    /// `probe` <- the mode with spectrum `spectrum` under the ramp, back along x alone: (u_y, x),
    /// swapped, in parts.
    fn shift(
        &self,
        spectrum: &[Complex32],
        ramp_x: &[Complex32],
        probe: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let along_x = &self.fft.along_x;
        let (spectrum, probe) = (lines(spectrum), lines_mut(probe));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.fft.blocks();
        dispatch!(self.wide, simd => with_length!(along_x.length, N => {
            let (a, b) = buffers::<N>(scratch);
            let ramp: &[Complex32; N] = ramp_x.first_chunk().expect(RAMP);
            for block in 0..y_blocks {
                start(simd, along_x, #[inline(always)] |x| {
                    let ramp = C8::splat(simd, ramp[x]);
                    C8::load(simd, &spectrum[x * y_blocks + block]).times(ramp).swapped()
                }, a);
                let (found, _) = finish(simd, along_x, a, b);
                transpose(simd, found, &mut probe[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// [`detect`](PatternPass::detect) of one mode, all of whose pixels are measured, eight columns
    /// u_y at a time.
    fn detect_by_columns(
        &self,
        in_flight: &[Complex32],
        chi: &mut [Complex32],
        Workspace { fft: scratch, intensity, factor, .. }: &mut Workspace,
        step: &mut DetectorStep<'_>,
    ) {
        let along_x = &self.fft.along_x;
        let (in_flight, chi) = (lines(in_flight), lines_mut(chi));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.fft.blocks();
        dispatch!(self.wide, simd => with_length!(along_x.length, N => {
            let scale = simd.splat_f32x8(self.fft.scale * self.fft.scale);
            let (intensity, factor) = (&mut intensity[..LANES * N], &mut factor[..LANES * N]);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, along_x, #[inline(always)] |x| C8::load_parts(simd, &in_flight[x * y_blocks + block]), a);
                let (found, free) = finish(simd, along_x, a, b);
                for (line, intensity) in found.iter().zip(intensity.chunks_exact_mut(LANES)) {
                    (C8::load_parts(simd, line).power() * scale).store_slice(intensity);
                }
                step(LANES * N * block, intensity, factor);
                start(simd, along_x, #[inline(always)] |x| {
                    let factor = f32x8::from_slice(simd, &factor[x * LANES..][..LANES]) * scale;
                    C8::load_parts(simd, &found[x]).scaled(factor).swapped()
                }, free);
                let (found, _) = finish(simd, along_x, free, found);
                transpose(simd, found, &mut chi[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// `in_flight` <- its transform along x in place, the far field, not scaled, in parts;
    /// `intensity` <- `intensity` + |Psi|^2, in pattern order.
    fn far_field(
        &self,
        in_flight: &mut [Complex32],
        intensity: &mut [f32],
        scratch: &mut [Complex32],
    ) {
        let along_x = &self.fft.along_x;
        let in_flight = lines_mut(in_flight);
        let y_blocks = self.fft.blocks().of_spectrum;
        dispatch!(self.wide, simd => with_length!(along_x.length, N => {
            let scale = simd.splat_f32x8(self.fft.scale * self.fft.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, along_x, #[inline(always)] |x| C8::load_parts(simd, &in_flight[x * y_blocks + block]), a);
                let (found, _) = finish(simd, along_x, a, b);
                for (x, line) in found.iter().enumerate() {
                    let psi = C8::load_parts(simd, line);
                    psi.store_parts(&mut in_flight[x * y_blocks + block]);
                    let sum = &mut intensity[(block * N + x) * LANES..][..LANES];
                    (f32x8::from_slice(simd, sum) + psi.power() * scale).store_slice(sum);
                }
            }
        }));
    }

    /// `chi` <- Psi factor, in flight, with `far_field` from [`far_field`](Self::far_field) and
    /// `factor` in pattern order.
    fn send_back(
        &self,
        far_field: &[Complex32],
        factor: &[f32],
        chi: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let along_x = &self.fft.along_x;
        let (far_field, chi) = (lines(far_field), lines_mut(chi));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.fft.blocks();
        dispatch!(self.wide, simd => with_length!(along_x.length, N => {
            let scale = simd.splat_f32x8(self.fft.scale * self.fft.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, along_x, #[inline(always)] |x| {
                    let factor = f32x8::from_slice(simd, &factor[(block * N + x) * LANES..][..LANES]) * scale;
                    C8::load_parts(simd, &far_field[x * y_blocks + block]).scaled(factor).swapped()
                }, a);
                let (found, _) = finish(simd, along_x, a, b);
                transpose(simd, found, &mut chi[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// Adds what is in flight, chi conj(O) along y (x, u_y), to the spectrum `sum`, unshifted.
    fn unshift(
        &self,
        in_flight: &[Complex32],
        ramp: &Ramp,
        sum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let along_x = &self.fft.along_x;
        let (in_flight, sum) = (lines(in_flight), lines_mut(sum));
        let y_blocks = self.fft.blocks().of_spectrum;
        dispatch!(self.wide, simd => with_length!(along_x.length, N => {
            let scale = simd.splat_f32x8(self.fft.scale);
            let (a, b) = buffers::<N>(scratch);
            let ramp_x: &[Complex32; N] = ramp.along().1.first_chunk().expect(RAMP);
            for (block, ramp_y) in lines(ramp.along().0).iter().enumerate() {
                start(simd, along_x, #[inline(always)] |x| C8::load_parts(simd, &in_flight[x * y_blocks + block]), a);
                let (found, _) = finish(simd, along_x, a, b);
                let ramp_y = C8::load(simd, ramp_y).scaled(scale);
                let sums = sum[block..].iter_mut().step_by(y_blocks);
                for ((line, ramp_x), sum) in found.iter().zip(ramp_x).zip(sums) {
                    let ramp = ramp_y.times(C8::splat(simd, *ramp_x));
                    let value = C8::load_parts(simd, line).times_conjugate(ramp);
                    C8::load(simd, sum).plus(value).store(simd, sum);
                }
            }
        }));
    }
}

impl PatternPass for FusedPass {
    fn pixel_order(&self) -> PixelOrder {
        PixelOrder::Spectrum(LANES)
    }

    fn illuminate(
        &self,
        spectrum: &[Complex32],
        Site { patch, ramp }: Site<'_>,
        probe: &mut [Complex32],
        mut power: Option<&mut [f32]>,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.shift(spectrum, ramp.along().1, probe, &mut work.fft);
        let along_y = &self.fft.along_y;
        let (probe, in_flight) = (lines_mut(probe), lines_mut(in_flight));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.fft.blocks();
        dispatch!(self.wide, simd => with_length!(along_y.length, N => {
            let (a, b) = buffers::<N>(&mut work.fft);
            let ramp: &[Complex32; N] = ramp.along().0.first_chunk().expect(RAMP);
            let scale = simd.splat_f32x8(self.fft.scale);
            for block in 0..x_blocks {
                start(simd, along_y, #[inline(always)] |y| {
                    let ramp = C8::splat(simd, ramp[y]);
                    C8::load_parts(simd, &probe[y * x_blocks + block]).times_conjugate(ramp)
                }, a);
                let (found, free) = finish(simd, along_y, a, b);
                start(simd, along_y, #[inline(always)] |y| {
                    let shifted = C8::load_parts(simd, &found[y]).swapped().scaled(scale);
                    shifted.store(simd, &mut probe[y * x_blocks + block]);
                    let object = C8::load(simd, line(&patch, y, block));
                    if let Some(power) = &mut power {
                        let sum = &mut power[(y * x_blocks + block) * LANES..][..LANES];
                        (f32x8::from_slice(simd, sum) + object.power()).store_slice(sum);
                    }
                    shifted.times(object)
                }, free);
                let (found, _) = finish(simd, along_y, free, found);
                transpose(simd, found, &mut in_flight[LANES * block * y_blocks..], y_blocks);
            }
        }));
    }

    fn launch(
        &self,
        exit_wave: &[Complex32],
        _ramp: &Ramp,
        in_flight: &mut [Complex32],
        work: &mut Workspace,
    ) {
        self.fft.forward_along_y(exit_wave, in_flight, &mut work.fft);
    }

    fn detect(
        &self,
        in_flight: &mut [Complex32],
        chi: &mut [Complex32],
        query: PatternQuery<'_>,
        work: &mut Workspace,
        step: &mut DetectorStep<'_>,
    ) {
        let pixels = work.intensity.len();
        if in_flight.len() == pixels && !query.whole && query.masked.is_empty() {
            return self.detect_by_columns(in_flight, chi, work, step);
        }
        let Workspace { fft: scratch, intensity, factor, .. } = work;
        intensity.fill(0.0);
        for in_flight in in_flight.chunks_exact_mut(pixels) {
            self.far_field(in_flight, intensity, scratch);
        }
        step_whole(query.masked, intensity, factor, step);
        let modes = in_flight.chunks_exact(pixels).zip(chi.chunks_exact_mut(pixels));
        for (far_field, chi) in modes {
            self.send_back(far_field, factor, chi, scratch);
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
        let along_y = &self.fft.along_y;
        let (chi, product) = (lines_mut(chi), lines_mut(in_flight));
        let Blocks { of_field: x_blocks, of_spectrum: y_blocks } = self.fft.blocks();
        dispatch!(self.wide, simd => with_length!(along_y.length, N => {
            let (a, b) = buffers::<N>(&mut work.fft);
            for block in 0..x_blocks {
                start(simd, along_y, #[inline(always)] |y| C8::load_parts(simd, &chi[y * x_blocks + block]), a);
                let (found, free) = finish(simd, along_y, a, b);
                start(simd, along_y, #[inline(always)] |y| {
                    let value = C8::load_parts(simd, &found[y]).swapped();
                    value.store(simd, &mut chi[y * x_blocks + block]);
                    value.times_conjugate(C8::load(simd, line(&patch, y, block)))
                }, free);
                let (found, _) = finish(simd, along_y, free, found);
                transpose(simd, found, &mut product[LANES * block * y_blocks..], y_blocks);
            }
        }));
        self.unshift(in_flight, ramp, sum, &mut work.fft);
    }

    fn land(&self, chi: &mut [Complex32], work: &mut Workspace) {
        let along_y = &self.fft.along_y;
        let chi = lines_mut(chi);
        let x_blocks = self.fft.blocks().of_field;
        dispatch!(self.wide, simd => with_length!(along_y.length, N => {
            let (a, b) = buffers::<N>(&mut work.fft);
            for block in 0..x_blocks {
                start(simd, along_y, #[inline(always)] |y| C8::load_parts(simd, &chi[y * x_blocks + block]), a);
                let (found, _) = finish(simd, along_y, a, b);
                for (line, to) in found.iter().zip(chi[block..].iter_mut().step_by(x_blocks)) {
                    C8::load_parts(simd, line).swapped().store(simd, to);
                }
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_field;
    use crate::{Position, forward::ForwardModel};

    #[test]
    fn all_kinds_of_instructions_give_the_same_bits() {
        for side in [16, 32, 64, 128, 256, 512] {
            let model = ForwardModel::new((side, side));
            let centre = side as f64 / 2.0;
            let position = Position { y: centre + 0.3, x: centre - 0.2 };
            let window = model.window(position, (side, side)).unwrap();
            let ramp = model.ramps(&window).swap_remove(0);
            let [spectrum, object] = [1, 2].map(|seed| random_field(side * side, seed));
            let patch = Patch { object: &object, columns: side };
            let found = all_wide().map(|wide| {
                let pass = FusedPass { wide, ..FusedPass::new((side, side)).unwrap() };
                let mut work = model.workspace();
                let mut waves = [(); 4].map(|()| vec![Complex32::ZERO; side * side]);
                let [probe, in_flight, chi, sum] = &mut waves;
                let mut power = vec![0.0; side * side];
                let site = Site { patch, ramp: &ramp };
                pass.illuminate(&spectrum, site, probe, Some(&mut power), in_flight, &mut work);
                let query = PatternQuery::default();
                pass.detect(in_flight, chi, query, &mut work, &mut |_, intensity, factor| {
                    let pixels = factor.iter_mut().zip(intensity);
                    pixels.for_each(|(factor, light)| *factor = 1.0 / (1.0 + light) - 1.0);
                });
                pass.gather(chi, site, in_flight, sum, &mut work);
                let floats = waves.concat().into_iter().flat_map(|value| [value.re, value.im]);
                floats.chain(power).map(f32::to_bits).collect::<Vec<_>>()
            });
            let found: Vec<Vec<u32>> = found.collect();
            assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{side}");
        }
    }
}
