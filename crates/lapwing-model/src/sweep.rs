//! Whole patterns in five passes over memory, for windows whose sides are powers of two.
//!
//! A two-dimensional transform is a transform along every column of eight ([`crate::columns`]), a
//! turn, and the same along the other axis. What stands between two transforms - ramps, products
//! with the object, the step in the detector plane - is done while the eight columns are in the
//! first cache, so that a pattern's way from probe to detector and back, four two-dimensional
//! transforms, reads and writes its arrays five times:
//!
//! ```text
//! shift         F[P] ramp                 inverse along x, turn
//! illuminate    inverse along y = P_j     P_j O, forward along y, turn
//! detect        forward along x = Psi     Psi factor(|Psi|^2), inverse along x, turn
//! back          inverse along y = chi     chi conj(O), forward along y, turn
//! gather        forward along x           conj(ramp), sum
//! ```
//!
//! Inverse transforms stand in exchanged form, i conj z, from their first half to their second
//! ([`crate::columns`]).

use crate::Complex32;
use crate::columns::{self, Twiddles, buffers, finish, start, turn, with_length};
use crate::eight::{Eight, LANES, Line};
use crate::elementwise::level;
use fearless_simd::prelude::*;
use fearless_simd::{dispatch, f32x8};

/// Plans for windows of one shape.
#[derive(Debug, Clone)]
pub(crate) struct Sweeps {
    along_y: Twiddles,
    along_x: Twiddles,
    /// 1 / sqrt(H W)
    scale: f32,
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
    pub(crate) fn rows(self, width: usize) -> impl Iterator<Item = &'a [Complex32]> {
        self.object.chunks(self.columns).map(move |row| &row[..width])
    }

    #[inline(always)]
    fn line(&self, y: usize, block: usize) -> &Line {
        let start = y * self.columns + block * LANES;
        match self.object[start..].first_chunk() {
            Some(line) => line,
            None => unreachable!("a window leaves the object"),
        }
    }
}

fn lines(values: &[Complex32]) -> &[Line] {
    values.as_chunks().0
}

fn lines_mut(values: &mut [Complex32]) -> &mut [Line] {
    values.as_chunks_mut().0
}

impl Sweeps {
    /// Plans for windows of `(height, width)`, or nothing when a side is not one of
    /// [`columns::LENGTHS`].
    pub fn new((height, width): (usize, usize)) -> Option<Self> {
        let scale = (1.0 / ((height * width) as f64).sqrt()) as f32;
        Some(Self { along_y: Twiddles::new(height)?, along_x: Twiddles::new(width)?, scale })
    }

    pub fn scratch_len(&self) -> usize {
        columns::scratch_len(self.along_y.length.max(self.along_x.length))
    }

    /// Lines of eight in a row of the window, and in a row of the spectrum.
    fn blocks(&self) -> (usize, usize) {
        (self.along_x.length / LANES, self.along_y.length / LANES)
    }

    /// Unitary forward transform, (y, x) to (u_x, u_y).
    pub fn forward(
        &self,
        field: &[Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (field, spectrum) = (lines(field), lines_mut(spectrum));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let (a, b) = buffers::<N>(scratch);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| Eight::load(simd, &field[y * x_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_y, a, b);
                turn(simd, found, &mut spectrum[LANES * block * y_blocks..], y_blocks);
            }
        }));
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| Eight::load_parts(simd, &spectrum[x * y_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                for (line, to) in found.iter().zip(spectrum[block..].iter_mut().step_by(y_blocks)) {
                    Eight::load_parts(simd, line).scaled(scale).store(simd, to);
                }
            }
        }));
    }

    /// Unitary inverse transform, (u_x, u_y) to (y, x).
    pub fn inverse(
        &self,
        spectrum: &[Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (spectrum, field) = (lines(spectrum), lines_mut(field));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| Eight::load(simd, &spectrum[x * y_blocks + block]).exchanged(), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                turn(simd, found, &mut field[LANES * block * x_blocks..], x_blocks);
            }
        }));
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let scale = simd.splat_f32x8(self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| Eight::load_parts(simd, &field[y * x_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_y, a, b);
                for (line, to) in found.iter().zip(field[block..].iter_mut().step_by(x_blocks)) {
                    Eight::load_parts(simd, line).exchanged().scaled(scale).store(simd, to);
                }
            }
        }));
    }

    /// `probe` <- the mode with spectrum `spectrum` under the ramp, half way: along x only,
    /// exchanged, in parts.
    fn shift(
        &self,
        spectrum: &[Complex32],
        ramp_x: &[Complex32],
        probe: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (spectrum, probe) = (lines(spectrum), lines_mut(probe));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let (a, b) = buffers::<N>(scratch);
            let Some(ramp) = ramp_x.first_chunk::<N>() else { return };
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| {
                    let ramp = Eight::splat(simd, ramp[x]);
                    Eight::load(simd, &spectrum[x * y_blocks + block]).times(ramp).exchanged()
                }, a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                turn(simd, found, &mut probe[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// `probe` (y, x) <- the mode with spectrum `spectrum`, shifted by the ramp; `half` <- the exit
    /// wave's transform along y. `power` <- `power` + |O|^2 where it is asked for.
    #[expect(
        clippy::too_many_arguments,
        reason = "the inner step: everything it reads and writes, by name"
    )]
    pub fn illuminate(
        &self,
        spectrum: &[Complex32],
        (ramp_y, ramp_x): (&[Complex32], &[Complex32]),
        patch: Patch<'_>,
        probe: &mut [Complex32],
        mut power: Option<&mut [f32]>,
        half: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.shift(spectrum, ramp_x, probe, scratch);
        let (probe, half) = (lines_mut(probe), lines_mut(half));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let (a, b) = buffers::<N>(scratch);
            let Some(ramp) = ramp_y.first_chunk::<N>() else { return };
            let scale = simd.splat_f32x8(self.scale);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| {
                    let ramp = Eight::splat(simd, ramp[y]);
                    Eight::load_parts(simd, &probe[y * x_blocks + block]).times_conjugate(ramp)
                }, a);
                let (found, free) = finish(simd, &self.along_y, a, b);
                start(simd, &self.along_y, #[inline(always)] |y| {
                    let shifted = Eight::load_parts(simd, &found[y]).exchanged().scaled(scale);
                    shifted.store(simd, &mut probe[y * x_blocks + block]);
                    let object = Eight::load(simd, patch.line(y, block));
                    if let Some(power) = &mut power {
                        let sum = &mut power[(y * x_blocks + block) * LANES..][..LANES];
                        (f32x8::from_slice(simd, sum) + object.power()).store_slice(sum);
                    }
                    shifted.times(object)
                }, free);
                let (found, _) = finish(simd, &self.along_y, free, found);
                turn(simd, found, &mut half[LANES * block * y_blocks..], y_blocks);
            }
        }));
    }

    /// For windows of one mode: `chi` <- Psi factor, half way back, with `half` from
    /// [`illuminate`](Self::illuminate) and the factor from `step` (first pixel, |Psi|^2, factor),
    /// which is asked for eight columns u_y at a time: pixels are in the order (u_y / 8, u_x, u_y
    /// mod 8).
    pub fn detect(
        &self,
        half: &[Complex32],
        chi: &mut [Complex32],
        (intensity, factor): (&mut [f32], &mut [f32]),
        scratch: &mut [Complex32],
        mut step: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        let (half, chi) = (lines(half), lines_mut(chi));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale * self.scale);
            let (intensity, factor) = (&mut intensity[..LANES * N], &mut factor[..LANES * N]);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| Eight::load_parts(simd, &half[x * y_blocks + block]), a);
                let (found, free) = finish(simd, &self.along_x, a, b);
                for (line, intensity) in found.iter().zip(intensity.chunks_exact_mut(LANES)) {
                    (Eight::load_parts(simd, line).power() * scale).store_slice(intensity);
                }
                step(LANES * N * block, intensity, factor);
                start(simd, &self.along_x, #[inline(always)] |x| {
                    let factor = f32x8::from_slice(simd, &factor[x * LANES..][..LANES]) * scale;
                    Eight::load_parts(simd, &found[x]).scaled(factor).exchanged()
                }, free);
                let (found, _) = finish(simd, &self.along_x, free, found);
                turn(simd, found, &mut chi[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// `half` <- its transform along x in place, the unscaled far field, in parts; `intensity` <-
    /// `intensity` + |Psi|^2, its pixels in the order (u_y / 8, u_x, u_y mod 8).
    pub fn far_field(
        &self,
        half: &mut [Complex32],
        intensity: &mut [f32],
        scratch: &mut [Complex32],
    ) {
        let half = lines_mut(half);
        let y_blocks = self.blocks().1;
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale * self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| Eight::load_parts(simd, &half[x * y_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                for (x, line) in found.iter().enumerate() {
                    let psi = Eight::load_parts(simd, line);
                    let at = x * y_blocks + block;
                    psi.store_parts(&mut half[at]);
                    let sum = &mut intensity[(block * N + x) * LANES..][..LANES];
                    (f32x8::from_slice(simd, sum) + psi.power() * scale).store_slice(sum);
                }
            }
        }));
    }

    /// `chi` <- Psi factor, half way back, with `far_field` from [`far_field`](Self::far_field) and
    /// `factor` in the order (u_y / 8, u_x, u_y mod 8).
    pub fn half_back(
        &self,
        far_field: &[Complex32],
        factor: &[f32],
        chi: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (far_field, chi) = (lines(far_field), lines_mut(chi));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale * self.scale);
            let (a, b) = buffers::<N>(scratch);
            for block in 0..y_blocks {
                start(simd, &self.along_x, #[inline(always)] |x| {
                    let at = x * y_blocks + block;
                    let factor = f32x8::from_slice(simd, &factor[(block * N + x) * LANES..][..LANES]) * scale;
                    Eight::load_parts(simd, &far_field[at]).scaled(factor).exchanged()
                }, a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                turn(simd, found, &mut chi[LANES * block * x_blocks..], x_blocks);
            }
        }));
    }

    /// Completes `chi` (y, x), which [`detect`](Self::detect) or [`half_back`](Self::half_back)
    /// left half way, and adds chi conj(O), unshifted, to `sum` (u_x, u_y). `half` is overwritten.
    pub fn gather(
        &self,
        chi: &mut [Complex32],
        patch: Patch<'_>,
        (ramp_y, ramp_x): (&[Complex32], &[Complex32]),
        half: &mut [Complex32],
        sum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (chi, half, sum) = (lines_mut(chi), lines_mut(half), lines_mut(sum));
        let (x_blocks, y_blocks) = self.blocks();
        dispatch!(level(), simd => with_length!(self.along_y.length, N => {
            let (a, b) = buffers::<N>(scratch);
            for block in 0..x_blocks {
                start(simd, &self.along_y, #[inline(always)] |y| Eight::load_parts(simd, &chi[y * x_blocks + block]), a);
                let (found, free) = finish(simd, &self.along_y, a, b);
                start(simd, &self.along_y, #[inline(always)] |y| {
                    let value = Eight::load_parts(simd, &found[y]).exchanged();
                    value.store(simd, &mut chi[y * x_blocks + block]);
                    value.times_conjugate(Eight::load(simd, patch.line(y, block)))
                }, free);
                let (found, _) = finish(simd, &self.along_y, free, found);
                turn(simd, found, &mut half[LANES * block * y_blocks..], y_blocks);
            }
        }));
        dispatch!(level(), simd => with_length!(self.along_x.length, N => {
            let scale = simd.splat_f32x8(self.scale);
            let (a, b) = buffers::<N>(scratch);
            let Some(ramp_x) = ramp_x.first_chunk::<N>() else { return };
            for (block, ramp_y) in lines(ramp_y).iter().enumerate() {
                start(simd, &self.along_x, #[inline(always)] |x| Eight::load_parts(simd, &half[x * y_blocks + block]), a);
                let (found, _) = finish(simd, &self.along_x, a, b);
                let ramp_y = Eight::load(simd, ramp_y).scaled(scale);
                let sums = sum[block..].iter_mut().step_by(y_blocks);
                for ((line, ramp_x), sum) in found.iter().zip(ramp_x).zip(sums) {
                    let ramp = ramp_y.times(Eight::splat(simd, *ramp_x));
                    let value = Eight::load_parts(simd, line).times_conjugate(ramp);
                    Eight::load(simd, sum).plus(value).store(simd, sum);
                }
            }
        }));
    }

    /// Brings a pattern from (u_x, u_y) into the order of [`detect`](Self::detect), (u_y / 8, u_x,
    /// u_y mod 8).
    pub fn by_columns<T: Copy>(&self, pattern: &[T], ordered: &mut [T]) {
        let rows = || pattern.chunks_exact(self.along_y.length);
        for (block, columns) in ordered.chunks_exact_mut(LANES * self.along_x.length).enumerate() {
            for (eight, row) in columns.chunks_exact_mut(LANES).zip(rows()) {
                eight.copy_from_slice(&row[block * LANES..][..LANES]);
            }
        }
    }
}
