//! One-dimensional transforms of eight columns side by side, and the transposition of what they
//! leave.
//!
//! Eight neighbouring columns of an array, a cache line of each row, are transformed together:
//! every butterfly works on eight of them at once, and no number ever changes its place in a
//! vector. The eight columns fit the first cache, so an array is read and written once per pass,
//! whatever is done to it on the way. The algorithm is Stockham's with radix 4, and radix 8 last
//! where the length is not a power of four (Van Loan, Computational Frameworks for the Fast Fourier
//! Transform, 1992, section 1.7). Constant lengths let the compiler drop all bounds checks.
//!
//! Transforms here are forward and not scaled. The inverse of z is i conj(F[i conj z]), and i conj
//! only exchanges real and imaginary parts, which costs nothing ([`C8::swapped`]).
//!
//! Every function and closure here is inlined into the pass that calls it: only there are the
//! processor's instructions known. Arrays of vectors are written out for the same reason;
//! `std::array::from_fn` is a call.

use crate::Complex32;
use crate::buffer::CacheLine;
use crate::c8::{C8, LANES, Line, floats, floats_mut};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x4, f32x8};

/// Lengths that are transformed here.
pub(crate) const LENGTHS: [usize; 6] = [16, 32, 64, 128, 256, 512];

/// Makes the caller's frame begin on a cache line.
///
/// The compiler keeps vectors that find no register on the stack and leaves them wherever the stack
/// happens to end: where one crosses from one page to the next, a step of a pattern took up to
/// three quarters longer (docs/performance.md).
#[inline(always)]
pub(crate) fn align_frame() {
    // A constant would not be on the stack.
    let mut line = CacheLine::ZERO;
    std::hint::black_box(&mut line);
}

/// Evaluates an expression with the constant `$n`, one of [`LENGTHS`], equal to `$length`.
macro_rules! with_length {
    ($length:expr, $n:ident => $body:expr) => {
        match $length {
            16 => {
                const $n: usize = 16;
                $crate::fft::stockham::align_frame();
                $body
            }
            32 => {
                const $n: usize = 32;
                $crate::fft::stockham::align_frame();
                $body
            }
            64 => {
                const $n: usize = 64;
                $crate::fft::stockham::align_frame();
                $body
            }
            128 => {
                const $n: usize = 128;
                $crate::fft::stockham::align_frame();
                $body
            }
            256 => {
                const $n: usize = 256;
                $crate::fft::stockham::align_frame();
                $body
            }
            512 => {
                const $n: usize = 512;
                $crate::fft::stockham::align_frame();
                $body
            }
            other => unreachable!("a transform of length {other} was planned"),
        }
    };
}
pub(crate) use with_length;

/// Factors exp(-2 pi i p k / n) between the stages of a transform.
#[derive(Debug, Clone)]
pub(crate) struct Twiddles {
    pub length: usize,
    /// For every stage but the last, (p, k) with k = 1, 2, 3.
    stages: Vec<Vec<[Complex32; 3]>>,
}

impl Twiddles {
    /// For transforms of `length`, or nothing when it is not one of [`LENGTHS`].
    pub fn new(length: usize) -> Option<Self> {
        LENGTHS.contains(&length).then(|| {
            let mut stages = Vec::new();
            let mut rest = length;
            while rest > LANES {
                let factor = |p: usize, k: usize| {
                    let angle = -std::f64::consts::TAU * (p * k) as f64 / rest as f64;
                    Complex32::new(angle.cos() as f32, angle.sin() as f32)
                };
                stages.push(
                    (0..rest / 4).map(|p| [factor(p, 1), factor(p, 2), factor(p, 3)]).collect(),
                );
                rest /= 4;
            }
            Self { length, stages }
        })
    }
}

/// The two buffers of a transform of eight columns of length `N`, from scratch space of
/// [`scratch_len`] elements.
pub(crate) fn buffers<const N: usize>(
    scratch: &mut [Complex32],
) -> (&mut [Line; N], &mut [Line; N]) {
    let (a, rest) = scratch.as_chunks_mut::<LANES>().0.split_at_mut(N);
    let planned = "scratch space was planned for this length";
    (a.first_chunk_mut().expect(planned), rest.first_chunk_mut().expect(planned))
}

/// Elements that [`buffers`] needs.
pub(crate) fn scratch_len(length: usize) -> usize {
    2 * LANES * length
}

/// The first stage, from whatever `load` gives for every row; [`finish`] does the rest.
#[inline(always)]
pub(crate) fn start<S: Simd, const N: usize>(
    simd: S,
    twiddles: &Twiddles,
    load: impl FnMut(usize) -> C8<S>,
    a: &mut [Line; N],
) {
    stage::<S, N, 1>(simd, &twiddles.stages[0], load, a);
}

/// All stages but the first, from `a`, as [`start`] left it; gives the buffer that holds the
/// result, rows in order and in parts, and the other one.
#[inline(always)]
pub(crate) fn finish<'a, S: Simd, const N: usize>(
    simd: S,
    twiddles: &Twiddles,
    a: &'a mut [Line; N],
    b: &'a mut [Line; N],
) -> (&'a mut [Line; N], &'a mut [Line; N]) {
    match N {
        16 => last4(simd, a, b),
        32 => last8(simd, a, b),
        64 | 128 => {
            stage::<S, N, 4>(
                simd,
                &twiddles.stages[1],
                #[inline(always)]
                |row| C8::load_parts(simd, &a[row]),
                b,
            );
            if N == 64 {
                last4(simd, b, a)
            } else {
                last8(simd, b, a)
            }
            return (a, b);
        }
        _ => {
            stage::<S, N, 4>(
                simd,
                &twiddles.stages[1],
                #[inline(always)]
                |row| C8::load_parts(simd, &a[row]),
                b,
            );
            stage::<S, N, 16>(
                simd,
                &twiddles.stages[2],
                #[inline(always)]
                |row| C8::load_parts(simd, &b[row]),
                a,
            );
            if N == 256 { last4(simd, a, b) } else { last8(simd, a, b) }
        }
    }
    (b, a)
}

/// A stage of radix 4 after stages that make `DONE` together.
#[inline(always)]
fn stage<S: Simd, const N: usize, const DONE: usize>(
    simd: S,
    twiddles: &[[Complex32; 3]],
    mut load: impl FnMut(usize) -> C8<S>,
    to: &mut [Line; N],
) {
    for (p, [w1, w2, w3]) in twiddles.iter().enumerate().take(N / 4 / DONE) {
        let (w1, w2, w3) = (C8::splat(simd, *w1), C8::splat(simd, *w2), C8::splat(simd, *w3));
        for q in 0..DONE {
            let from = DONE * p + q;
            let [y0, y1, y2, y3] = butterfly4(
                load(from),
                load(from + N / 4),
                load(from + N / 2),
                load(from + 3 * N / 4),
            );
            let at = 4 * DONE * p + q;
            y0.store_parts(&mut to[at]);
            y1.times(w1).store_parts(&mut to[at + DONE]);
            y2.times(w2).store_parts(&mut to[at + 2 * DONE]);
            y3.times(w3).store_parts(&mut to[at + 3 * DONE]);
        }
    }
}

#[inline(always)]
fn last4<S: Simd, const N: usize>(simd: S, from: &[Line; N], to: &mut [Line; N]) {
    for q in 0..N / 4 {
        let y = butterfly4(
            C8::load_parts(simd, &from[q]),
            C8::load_parts(simd, &from[q + N / 4]),
            C8::load_parts(simd, &from[q + N / 2]),
            C8::load_parts(simd, &from[q + 3 * N / 4]),
        );
        y[0].store_parts(&mut to[q]);
        y[1].store_parts(&mut to[q + N / 4]);
        y[2].store_parts(&mut to[q + N / 2]);
        y[3].store_parts(&mut to[q + 3 * N / 4]);
    }
}

#[inline(always)]
fn last8<S: Simd, const N: usize>(simd: S, from: &[Line; N], to: &mut [Line; N]) {
    let half = simd.splat_f32x8(std::f32::consts::FRAC_1_SQRT_2);
    let minus_half = simd.splat_f32x8(-std::f32::consts::FRAC_1_SQRT_2);
    for q in 0..N / 8 {
        let e = butterfly4(
            C8::load_parts(simd, &from[q]),
            C8::load_parts(simd, &from[q + N / 4]),
            C8::load_parts(simd, &from[q + N / 2]),
            C8::load_parts(simd, &from[q + 3 * N / 4]),
        );
        let o = butterfly4(
            C8::load_parts(simd, &from[q + N / 8]),
            C8::load_parts(simd, &from[q + 3 * N / 8]),
            C8::load_parts(simd, &from[q + 5 * N / 8]),
            C8::load_parts(simd, &from[q + 7 * N / 8]),
        );
        // sqrt 2 exp(-pi i / 4) o1 and sqrt 2 exp(-pi i / 4) o3
        let o1 = C8 { re: o[1].re + o[1].im, im: o[1].im - o[1].re };
        let o3 = C8 { re: o[3].re + o[3].im, im: o[3].im - o[3].re };
        e[0].plus(o[0]).store_parts(&mut to[q]);
        e[1].plus_parts((o1.re, half), (o1.im, half)).store_parts(&mut to[q + N / 8]);
        e[2].minus_i_times(o[2]).store_parts(&mut to[q + N / 4]);
        e[3].plus_parts((o3.im, half), (o3.re, minus_half)).store_parts(&mut to[q + 3 * N / 8]);
        e[0].minus(o[0]).store_parts(&mut to[q + N / 2]);
        e[1].plus_parts((o1.re, minus_half), (o1.im, minus_half))
            .store_parts(&mut to[q + 5 * N / 8]);
        e[2].plus_i_times(o[2]).store_parts(&mut to[q + 3 * N / 4]);
        e[3].plus_parts((o3.im, minus_half), (o3.re, half)).store_parts(&mut to[q + 7 * N / 8]);
    }
}

#[inline(always)]
fn butterfly4<S: Simd>(x0: C8<S>, x1: C8<S>, x2: C8<S>, x3: C8<S>) -> [C8<S>; 4] {
    let (s, d) = (x0.plus(x2), x0.minus(x2));
    let (u, v) = (x1.plus(x3), x1.minus(x3));
    [s.plus(u), d.minus_i_times(v), s.minus(u), d.plus_i_times(v)]
}

/// Writes eight columns of `N` rows, in parts, as eight rows of `N` columns, in parts, to `to`,
/// whose first line is the first of the first row; rows are `row_lines` lines long.
#[inline(always)]
pub(crate) fn transpose<S: Simd, const N: usize>(
    simd: S,
    columns: &[Line; N],
    to: &mut [Line],
    row_lines: usize,
) {
    for (block, eight) in columns.as_chunks::<LANES>().0.iter().enumerate() {
        for part in [0, LANES] {
            for half in [0, LANES / 2] {
                let from = part + half;
                let [a, b, c, d] = transpose_within(
                    simd,
                    [
                        halves(simd, &eight[0], &eight[4], from),
                        halves(simd, &eight[1], &eight[5], from),
                        halves(simd, &eight[2], &eight[6], from),
                        halves(simd, &eight[3], &eight[7], from),
                    ],
                );
                for (row, values) in [a, b, c, d].iter().enumerate() {
                    let line = floats_mut(&mut to[(half + row) * row_lines + block]);
                    values.store_slice(&mut line[part..part + LANES]);
                }
            }
        }
    }
}

/// Four floats of one line, and the same four of another.
#[inline(always)]
fn halves<S: Simd>(simd: S, low: &Line, high: &Line, from: usize) -> f32x8<S> {
    let half = |line: &Line| f32x4::from_slice(simd, &floats(line)[from..from + LANES / 2]);
    simd.combine_f32x4(half(low), half(high))
}

/// The transposes of four rows of four numbers, in both halves: two perfect shuffles.
#[inline(always)]
fn transpose_within<S: Simd>(simd: S, [a, b, c, d]: [f32x8<S>; 4]) -> [f32x8<S>; 4] {
    let (e, f) = zip_within(simd, a, c);
    let (g, h) = zip_within(simd, b, d);
    let (a, b) = zip_within(simd, e, g);
    let (c, d) = zip_within(simd, f, h);
    [a, b, c, d]
}

/// Zips the lower, and the upper, two numbers of each half: one instruction each.
#[inline(always)]
fn zip_within<S: Simd>(simd: S, a: f32x8<S>, b: f32x8<S>) -> (f32x8<S>, f32x8<S>) {
    let ((a, c), (b, d)) = (simd.split_f32x8(a), simd.split_f32x8(b));
    (
        simd.combine_f32x4(simd.zip_low_f32x4(a, b), simd.zip_low_f32x4(c, d)),
        simd.combine_f32x4(simd.zip_high_f32x4(a, b), simd.zip_high_f32x4(c, d)),
    )
}
