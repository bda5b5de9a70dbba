//! Unitary two-dimensional Fourier transforms whose spectra are stored transposed.
//!
//! A 2-D transform is a pass over rows, a transposition, and a second pass over rows. Undoing the
//! transposition afterwards would cost a sixth of the whole, and nothing in ptychography needs it:
//! what happens between a forward and an inverse transform is element by element. So a spectrum is
//! kept with axes **(u_x, u_y)**, zero frequency at index (0, 0), and whatever is combined with it
//! (measured amplitudes, phase ramps) is brought into that order once.
//!
//! Shapes whose sides are powers of two from 16 to 512 are transformed by columns of eight, all
//! others by RustFFT. [`to_detector_order`] and [`from_detector_order`] translate to and from the
//! order of files: axes (y, x), zero frequency at index (floor(H/2), floor(W/2)).

use crate::eight::{floats, floats_mut};
use crate::sweep::Sweeps;
use crate::{Complex32, elementwise};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x4, f64x2};
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Unitary forward and inverse transforms of one shape; immutable, shared between threads.
///
/// `forward` computes Psi(u) = (H W)^(-1/2) sum_r psi(r) exp(-2 pi i (u_y y / H + u_x x / W)),
/// `inverse` its inverse, which is also its adjoint. Arrays are slices of `len()` elements in C
/// order.
#[derive(Clone)]
pub struct Fft2 {
    height: usize,
    width: usize,
    along_x: [Arc<dyn Fft<f32>>; 2],
    along_y: [Arc<dyn Fft<f32>>; 2],
    sweeps: Option<Sweeps>,
    scale: f32,
    scratch_len: usize,
}

impl std::fmt::Debug for Fft2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fft2({} x {})", self.height, self.width)
    }
}

impl Fft2 {
    /// Plans transforms of arrays of shape `(height, width)`; any shape but an empty one.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn new(shape: (usize, usize)) -> Self {
        Self::planned(shape, Sweeps::new(shape))
    }

    /// With RustFFT whatever the shape: what [`new`](Self::new) is tested against.
    #[cfg(test)]
    pub(crate) fn by_rows(shape: (usize, usize)) -> Self {
        Self::planned(shape, None)
    }

    fn planned((height, width): (usize, usize), sweeps: Option<Sweeps>) -> Self {
        assert!(
            height > 0 && width > 0,
            "a transform needs at least one pixel, not {height} x {width}"
        );
        let mut planner = FftPlanner::new();
        let along_x = [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)];
        let along_y = [planner.plan_fft_forward(height), planner.plan_fft_inverse(height)];
        let scratch_len = match &sweeps {
            Some(sweeps) => sweeps.scratch_len(),
            None => along_x
                .iter()
                .chain(&along_y)
                .map(|plan| plan.get_inplace_scratch_len())
                .max()
                .unwrap_or(0),
        };
        let scale = (1.0 / ((height * width) as f64).sqrt()) as f32;
        Self { height, width, along_x, along_y, sweeps, scale, scratch_len }
    }

    /// What does a pattern in few passes, where the shape allows it.
    pub(crate) fn sweeps(&self) -> Option<&Sweeps> {
        self.sweeps.as_ref()
    }

    /// Shape `(height, width)` of the fields that are transformed.
    pub fn shape(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Number of pixels of a field.
    #[expect(clippy::len_without_is_empty, reason = "a planned transform is never empty")]
    pub fn len(&self) -> usize {
        self.height * self.width
    }

    /// Elements of scratch space that [`forward`](Self::forward) and [`inverse`](Self::inverse)
    /// need.
    pub fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// Transforms `field` (y, x) into `spectrum` (u_x, u_y); `field` is overwritten with
    /// intermediate values.
    ///
    /// # Panics
    /// If a slice is not of `len()` elements, or `scratch` is shorter than `scratch_len()`.
    pub fn forward(
        &self,
        field: &mut [Complex32],
        spectrum: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.check(field, spectrum, scratch);
        if let Some(sweeps) = &self.sweeps {
            return sweeps.forward(field, spectrum, scratch);
        }
        self.along_x[0].process_with_scratch(field, scratch);
        transpose_scaled(field, spectrum, self.height, self.width, self.scale);
        self.along_y[0].process_with_scratch(spectrum, scratch);
    }

    /// Transforms `spectrum` (u_x, u_y) into `field` (y, x); `spectrum` is overwritten with
    /// intermediate values.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn inverse(
        &self,
        spectrum: &mut [Complex32],
        field: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        self.check(field, spectrum, scratch);
        if let Some(sweeps) = &self.sweeps {
            return sweeps.inverse(spectrum, field, scratch);
        }
        self.along_y[1].process_with_scratch(spectrum, scratch);
        transpose_scaled(spectrum, field, self.width, self.height, self.scale);
        self.along_x[1].process_with_scratch(field, scratch);
    }

    fn check(&self, field: &[Complex32], spectrum: &[Complex32], scratch: &[Complex32]) {
        assert!(
            field.len() == self.len()
                && spectrum.len() == self.len()
                && scratch.len() >= self.scratch_len,
            "a transform of {self:?} given {} and {} elements and {} of scratch space",
            field.len(),
            spectrum.len(),
            scratch.len()
        );
    }
}

/// Writes the transpose of `source` (rows x columns), times `scale`, to `target` (columns x rows).
fn transpose_scaled(
    source: &[Complex32],
    target: &mut [Complex32],
    rows: usize,
    columns: usize,
    scale: f32,
) {
    assert!(
        source.len() == rows * columns && target.len() == rows * columns,
        "transposition of unequal arrays"
    );
    dispatch!(elementwise::level(), simd => {
        let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for row in (0..whole_rows).step_by(BLOCK) {
            for column in (0..whole_columns).step_by(BLOCK) {
                transpose_block(simd, &source[row * columns + column..], columns, &mut target[column * rows + row..], rows, scale);
            }
            transpose_plainly(source, target, (rows, columns), row..row + BLOCK, whole_columns..columns, scale);
        }
        transpose_plainly(source, target, (rows, columns), whole_rows..rows, 0..columns, scale);
    });
}

/// Side of a block: eight complex numbers are a cache line, and eight lines a power of two apart
/// still fit one set.
const BLOCK: usize = 8;

/// Transposes one block, whose lines are `from` and `to` elements apart, by pairs of pairs.
#[inline(always)]
fn transpose_block<S: Simd>(
    simd: S,
    source: &[Complex32],
    from: usize,
    target: &mut [Complex32],
    to: usize,
    scale: f32,
) {
    let scale = simd.splat_f32x4(scale);
    let mut lines = [&[0.0_f32; 2 * BLOCK]; BLOCK];
    for (row, line) in lines.iter_mut().enumerate() {
        if let Some(eight) = source[row * from..].first_chunk() {
            *line = floats(eight);
        }
    }
    for pair in 0..BLOCK / 2 {
        let read = |row: usize| -> f64x2<S> {
            (f32x4::from_slice(simd, &lines[row][4 * pair..4 * pair + 4]) * scale).bitcast()
        };
        let pairs: [f64x2<S>; BLOCK] = std::array::from_fn(read);
        for half in 0..2 {
            let column = 2 * pair + half;
            let Some(eight) = target[column * to..].first_chunk_mut() else { return };
            for (out, rows) in floats_mut(eight).chunks_exact_mut(4).zip(pairs.chunks_exact(2)) {
                let turned = match half {
                    0 => simd.zip_low_f64x2(rows[0], rows[1]),
                    _ => simd.zip_high_f64x2(rows[0], rows[1]),
                };
                turned.bitcast::<f32x4<S>>().store_slice(out);
            }
        }
    }
}

fn transpose_plainly(
    source: &[Complex32],
    target: &mut [Complex32],
    (rows, columns): (usize, usize),
    some_rows: std::ops::Range<usize>,
    some_columns: std::ops::Range<usize>,
    scale: f32,
) {
    for column in some_columns {
        for row in some_rows.clone() {
            target[column * rows + row] = source[row * columns + column] * scale;
        }
    }
}

/// Signed frequency of index `index` of a transform of length `length`, in cycles per pixel, in
/// [-0.5, 0.5).
pub fn frequency(index: usize, length: usize) -> f64 {
    let signed =
        if index < length.div_ceil(2) { index as f64 } else { index as f64 - length as f64 };
    signed / length as f64
}

/// Brings one array from the order of files (y, x; zero frequency in the centre) into that of
/// spectra (u_x, u_y; at 0, 0).
///
/// # Panics
/// If the slices are not of `height * width` elements.
pub fn to_detector_order<T: Copy>(
    centred: &[T],
    spectrum: &mut [T],
    (height, width): (usize, usize),
) {
    assert!(
        centred.len() == height * width && spectrum.len() == height * width,
        "reordering of unequal arrays"
    );
    for u_x in 0..width {
        let x = (u_x + width / 2) % width;
        for u_y in 0..height {
            let y = (u_y + height / 2) % height;
            spectrum[u_x * height + u_y] = centred[y * width + x];
        }
    }
}

/// The inverse of [`to_detector_order`].
///
/// # Panics
/// If the slices are not of `height * width` elements.
pub fn from_detector_order<T: Copy>(
    spectrum: &[T],
    centred: &mut [T],
    (height, width): (usize, usize),
) {
    assert!(
        centred.len() == height * width && spectrum.len() == height * width,
        "reordering of unequal arrays"
    );
    for u_x in 0..width {
        let x = (u_x + width / 2) % width;
        for u_y in 0..height {
            let y = (u_y + height / 2) % height;
            centred[y * width + x] = spectrum[u_x * height + u_y];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_field;
    use std::f64::consts::TAU;

    fn plain_dft(field: &[Complex32], height: usize, width: usize) -> Vec<num_complex::Complex64> {
        let mut spectrum = vec![num_complex::Complex64::default(); height * width];
        for u_y in 0..height {
            for u_x in 0..width {
                let mut sum = num_complex::Complex64::default();
                for y in 0..height {
                    for x in 0..width {
                        let turn =
                            (u_y * y) as f64 / height as f64 + (u_x * x) as f64 / width as f64;
                        let value = field[y * width + x];
                        sum += num_complex::Complex64::new(value.re.into(), value.im.into())
                            * num_complex::Complex64::from_polar(1.0, -TAU * turn);
                    }
                }
                spectrum[u_x * height + u_y] = sum / ((height * width) as f64).sqrt();
            }
        }
        spectrum
    }

    #[test]
    fn agrees_with_the_plain_sum_for_even_odd_and_rectangular_shapes() {
        for (height, width) in
            [(1, 1), (8, 8), (16, 16), (7, 5), (12, 9), (6, 17), (16, 32), (32, 12)]
        {
            let field = random_field(height * width, 3);
            let fft = Fft2::new((height, width));
            let mut scratch = vec![Complex32::default(); fft.scratch_len()];
            let (mut work, mut spectrum) = (field.clone(), field.clone());
            fft.forward(&mut work, &mut spectrum, &mut scratch);
            for (value, truth) in spectrum.iter().zip(plain_dft(&field, height, width)) {
                let error = (f64::from(value.re) - truth.re).hypot(f64::from(value.im) - truth.im);
                assert!(error < 1e-5, "{height} x {width}: {error}");
            }
            let mut back = field.clone();
            fft.inverse(&mut spectrum, &mut back, &mut scratch);
            for (value, truth) in back.iter().zip(&field) {
                assert!((value - truth).norm() < 1e-5);
            }
        }
    }

    #[test]
    fn columns_of_eight_agree_with_rustfft() {
        let sides = [16, 32, 64, 128, 256, 512];
        for shape in
            sides.map(|side| (side, side)).into_iter().chain([(16, 512), (256, 32), (64, 128)])
        {
            let len = shape.0 * shape.1;
            let field = random_field(len, 9);
            let [(a, a_back), (b, b_back)] = [Fft2::new(shape), Fft2::by_rows(shape)].map(|fft| {
                let mut scratch = vec![Complex32::default(); fft.scratch_len()];
                let (mut work, mut spectrum) = (field.clone(), field.clone());
                fft.forward(&mut work, &mut spectrum, &mut scratch);
                let forward = spectrum.clone();
                fft.inverse(&mut spectrum, &mut work, &mut scratch);
                (forward, work)
            });
            for (a, b) in a.iter().zip(&b).chain(a_back.iter().zip(&b_back)) {
                assert!((a - b).norm() < 1e-5, "{shape:?}: {a} and {b}");
            }
        }
    }

    #[test]
    fn keeps_energy() {
        let field = random_field(64 * 64, 5);
        let fft = Fft2::new((64, 64));
        let mut scratch = vec![Complex32::default(); fft.scratch_len()];
        let (mut work, mut spectrum) = (field.clone(), field.clone());
        fft.forward(&mut work, &mut spectrum, &mut scratch);
        let energy =
            |values: &[Complex32]| values.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>();
        assert!((energy(&field) / energy(&spectrum) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn detector_order_puts_the_centre_at_zero_and_transposes() {
        for (height, width) in [(4, 6), (5, 3), (1, 8)] {
            let centred: Vec<usize> = (0..height * width).collect();
            let mut spectrum = vec![0; height * width];
            to_detector_order(&centred, &mut spectrum, (height, width));
            assert_eq!(spectrum[0], (height / 2) * width + width / 2);
            if height > 2 {
                // One step along u_y is the next element and the next row of the file.
                assert_eq!(spectrum[1], (height / 2 + 1) * width + width / 2);
            }
            let mut back = vec![0; height * width];
            from_detector_order(&spectrum, &mut back, (height, width));
            assert_eq!(back, centred);
        }
    }

    #[test]
    fn frequencies_are_those_of_numpy_fftfreq() {
        let even: Vec<f64> = (0..4).map(|i| frequency(i, 4)).collect();
        assert_eq!(even, [0.0, 0.25, -0.5, -0.25]);
        let odd: Vec<f64> = (0..5).map(|i| frequency(i, 5)).collect();
        assert_eq!(odd, [0.0, 0.2, 0.4, -0.4, -0.2]);
    }
}
