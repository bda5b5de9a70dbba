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
//! for every pattern.

use crate::buffer::Buffer;
use crate::elementwise;
use crate::fft::{self, Fft2, frequency};
use crate::{Complex32, Field, Modes, Position, Window};
use ndarray::{Array2, ArrayView2, ArrayView3};

/// Why a pattern cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A window reaches beyond the object array.
    #[error(
        "the {height} x {width} window at (y, x) = ({y:.2}, {x:.2}) leaves the {rows} x {columns} object; \
         expected y in [{min_y}, {max_y}] and x in [{min_x}, {max_x}]: use a larger object or move the positions"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    OffObject {
        height: usize,
        width: usize,
        y: f64,
        x: f64,
        rows: usize,
        columns: usize,
        min_y: f64,
        max_y: f64,
        min_x: f64,
        max_x: f64,
    },
    /// The probe and the window differ in shape.
    #[error(
        "the probe is {found_height} x {found_width}; expected the shape of a pattern, {height} x {width}"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    ProbeShape { height: usize, width: usize, found_height: usize, found_width: usize },
}

/// Scratch arrays of one thread, allocated once.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(crate) field: Buffer,
    pub(crate) fft: Buffer,
    pub(crate) intensity: Vec<f32>,
    pub(crate) factor: Vec<f32>,
}

/// The forward model of one window shape. See the [module documentation](self) for the formulas.
#[derive(Debug, Clone)]
pub struct ForwardModel {
    pub(crate) fft: Fft2,
}

impl ForwardModel {
    /// The model for windows of shape `(height, width)`.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn new(shape: (usize, usize)) -> Self {
        Self { fft: Fft2::new(shape) }
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
        Workspace {
            field: Buffer::zeros(self.len()),
            fft: Buffer::zeros(self.fft.scratch_len()),
            intensity: vec![0.0; self.len()],
            factor: vec![0.0; self.len()],
        }
    }

    /// The window at `position` on an object of shape `object`, or an error when it leaves the
    /// array.
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

    /// Spectrum of one probe mode, from which [`shifted_probe`](Self::shifted_probe) makes the
    /// probe of every position.
    pub fn probe_spectrum(
        &self,
        mode: &[Complex32],
        spectrum: &mut [Complex32],
        work: &mut Workspace,
    ) {
        work.field.copy_from_slice(mode);
        self.fft.forward(&mut work.field, spectrum, &mut work.fft);
    }

    /// Writes the probe mode with spectrum `spectrum`, shifted by the window's sub-pixel rest, to
    /// `probe` (y, x).
    pub fn shifted_probe(
        &self,
        spectrum: &[Complex32],
        ramp: &Ramp,
        probe: &mut [Complex32],
        work: &mut Workspace,
    ) {
        let height = self.shape().0;
        let columns = work.field.chunks_exact_mut(height).zip(spectrum.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&ramp.along_x) {
            elementwise::multiply_scaled(target, source, along_x, &ramp.along_y);
        }
        self.fft.inverse(&mut work.field, probe, &mut work.fft);
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
        let height = self.shape().0;
        self.fft.forward(probe, &mut work.field, &mut work.fft);
        let columns = spectrum.chunks_exact_mut(height).zip(work.field.chunks_exact(height));
        for ((target, source), &along_x) in columns.zip(&ramp.along_x) {
            elementwise::add_conjugate_scaled(target, source, along_x, &ramp.along_y);
        }
    }

    /// Far fields (mode, u_x, u_y) of all probe modes at one window.
    pub fn far_field(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Modes, ModelError> {
        let (height, width) = self.shape();
        let (_, found_height, found_width) = probe.dim();
        if (found_height, found_width) != (height, width) {
            return Err(ModelError::ProbeShape { height, width, found_height, found_width });
        }
        let window = self.window(position, object.dim())?;
        let ramp = Ramp::new(&window, self.shape());
        let zero = Complex32::default();
        let mut work = self.workspace();
        let (mut spectrum, mut exit_wave) = (vec![zero; self.len()], vec![zero; self.len()]);
        let mut far_fields = Modes::zeros((probe.dim().0, width, height));
        for (mode, mut far_field) in probe.outer_iter().zip(far_fields.outer_iter_mut()) {
            let mode: Vec<Complex32> = mode.iter().copied().collect();
            self.probe_spectrum(&mode, &mut spectrum, &mut work);
            self.shifted_probe(&spectrum, &ramp, &mut exit_wave, &mut work);
            for (y, row) in exit_wave.chunks_exact_mut(width).enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value *= object[(window.row as usize + y, window.column as usize + x)];
                }
            }
            self.fft.forward(&mut exit_wave, &mut spectrum, &mut work.fft);
            far_field.iter_mut().zip(&spectrum).for_each(|(target, &value)| *target = value);
        }
        Ok(far_fields)
    }

    /// The adjoint of [`far_field`](Self::far_field): what a change of the far fields asks of the
    /// object and of the probe.
    ///
    /// For fixed P, `far_field` is linear in O and this returns its adjoint applied to
    /// `far_fields`, on an object of shape `object.dim()`; for fixed O likewise for the probe. Used
    /// by tests and diagnostics; the solvers fuse the steps.
    pub fn adjoint(
        &self,
        far_fields: ArrayView3<Complex32>,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<(Field, Modes), ModelError> {
        let (height, width) = self.shape();
        let window = self.window(position, object.dim())?;
        let ramp = Ramp::new(&window, self.shape());
        let zero = Complex32::default();
        let mut work = self.workspace();
        let mut to_object = Field::zeros(object.dim());
        let mut to_probe = Modes::zeros(probe.dim());
        let (mut shifted, mut exit_wave) = (vec![zero; self.len()], vec![zero; self.len()]);
        for (k, (mode, far_field)) in probe.outer_iter().zip(far_fields.outer_iter()).enumerate() {
            let mode: Vec<Complex32> = mode.iter().copied().collect();
            let mut spectrum = vec![zero; self.len()];
            self.probe_spectrum(&mode, &mut spectrum, &mut work);
            self.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
            let mut far_field: Vec<Complex32> = far_field.iter().copied().collect();
            self.back_propagate(&mut far_field, &mut exit_wave, &mut work);
            for index in 0..self.len() {
                let at =
                    (window.row as usize + index / width, window.column as usize + index % width);
                to_object[at] += shifted[index].conj() * exit_wave[index];
                exit_wave[index] *= object[at].conj();
            }
            let mut sum = vec![zero; self.len()];
            self.accumulate_unshifted(&mut exit_wave, &ramp, &mut sum, &mut work);
            self.back_propagate(&mut sum, &mut exit_wave, &mut work);
            for (target, &value) in
                to_probe.index_axis_mut(ndarray::Axis(0), k).iter_mut().zip(&exit_wave)
            {
                *target = value;
            }
        }
        debug_assert_eq!(exit_wave.len(), height * width);
        Ok((to_object, to_probe))
    }

    /// Intensity (y, x), zero frequency in the centre, of all probe modes at one window.
    pub fn intensity(
        &self,
        object: ArrayView2<Complex32>,
        probe: ArrayView3<Complex32>,
        position: Position,
    ) -> Result<Array2<f32>, ModelError> {
        let far_fields = self.far_field(object, probe, position)?;
        let mut intensity = vec![0.0_f32; self.len()];
        for far_field in far_fields.outer_iter() {
            intensity
                .iter_mut()
                .zip(far_field.iter())
                .for_each(|(sum, value)| *sum += value.norm_sqr());
        }
        let mut centred = Array2::zeros(self.shape());
        if let Some(target) = centred.as_slice_mut() {
            fft::from_detector_order(&intensity, target, self.shape());
        }
        Ok(centred)
    }
}

/// The separable phase ramp exp(-2 pi i f . u) of a window's sub-pixel rest f.
#[derive(Debug, Clone)]
pub struct Ramp {
    pub(crate) along_y: Vec<Complex32>,
    pub(crate) along_x: Vec<Complex32>,
}

impl Ramp {
    /// The ramp of `window` for windows of shape `(height, width)`.
    pub fn new(window: &Window, (height, width): (usize, usize)) -> Self {
        let along = |rest: f64, length: usize| {
            (0..length)
                .map(|index| {
                    let (sin, cos) =
                        (-std::f64::consts::TAU * rest * frequency(index, length)).sin_cos();
                    Complex32::new(cos as f32, sin as f32)
                })
                .collect()
        };
        Self { along_y: along(window.rest_y, height), along_x: along(window.rest_x, width) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_field;

    fn field(shape: (usize, usize), seed: u64) -> Field {
        Field::from_shape_vec(shape, random_field(shape.0 * shape.1, seed)).unwrap()
    }

    fn modes(shape: (usize, usize, usize), seed: u64) -> Modes {
        Modes::from_shape_vec(shape, random_field(shape.0 * shape.1 * shape.2, seed)).unwrap()
    }

    /// Re and Im of sum conj(a) b, in double precision.
    fn dot<'a>(
        a: impl IntoIterator<Item = &'a Complex32>,
        b: impl IntoIterator<Item = &'a Complex32>,
    ) -> num_complex::Complex64 {
        let wide = |v: &Complex32| num_complex::Complex64::new(v.re.into(), v.im.into());
        a.into_iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
    }

    #[test]
    fn adjoint_is_the_adjoint_in_object_and_probe() {
        for shape in [(16, 16), (9, 12)] {
            let model = ForwardModel::new(shape);
            let object = field((30, 33), 1);
            let probe = modes((2, shape.0, shape.1), 2);
            let position = Position { y: 13.37, x: 15.81 };
            let residual = modes((2, shape.1, shape.0), 3);
            let (to_object, to_probe) =
                model.adjoint(residual.view(), object.view(), probe.view(), position).unwrap();
            let other_object = field((30, 33), 4);
            let forward = model.far_field(other_object.view(), probe.view(), position).unwrap();
            let (left, right) = (dot(&residual, &forward), dot(&to_object, &other_object));
            assert!((left - right).norm() < 1e-4 * left.norm(), "object: {left} and {right}");
            let other_probe = modes((2, shape.0, shape.1), 5);
            let forward = model.far_field(object.view(), other_probe.view(), position).unwrap();
            let (left, right) = (dot(&residual, &forward), dot(&to_probe, &other_probe));
            assert!((left - right).norm() < 1e-4 * left.norm(), "probe: {left} and {right}");
        }
    }

    #[test]
    fn intensity_holds_the_energy_of_the_exit_wave() {
        let model = ForwardModel::new((16, 16));
        let object = Field::from_elem((20, 20), Complex32::new(1.0, 0.0));
        let probe = modes((2, 16, 16), 7);
        let intensity =
            model.intensity(object.view(), probe.view(), Position { y: 10.3, x: 9.6 }).unwrap();
        let (sum, energy) = (
            intensity.iter().map(|&v| f64::from(v)).sum::<f64>(),
            probe.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>(),
        );
        assert!((sum / energy - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_flat_pair_gives_one_bright_pixel_in_the_centre() {
        let model = ForwardModel::new((6, 9));
        let object = Field::from_elem((12, 12), Complex32::new(1.0, 0.0));
        let probe = Modes::from_elem((1, 6, 9), Complex32::new(1.0, 0.0));
        let intensity =
            model.intensity(object.view(), probe.view(), Position { y: 6.0, x: 6.0 }).unwrap();
        for ((y, x), &value) in intensity.indexed_iter() {
            let expected = if (y, x) == (3, 4) { 54.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-4, "({y}, {x}): {value}");
        }
    }

    #[test]
    fn a_whole_pixel_rest_is_a_circular_shift() {
        let model = ForwardModel::new((8, 6));
        let probe = random_field(48, 9);
        let mut work = model.workspace();
        let (mut spectrum, mut shifted) = (probe.clone(), probe.clone());
        model.probe_spectrum(&probe, &mut spectrum, &mut work);
        let ramp = Ramp::new(&Window { row: 0, column: 0, rest_y: 2.0, rest_x: -1.0 }, (8, 6));
        model.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
        for y in 0..8 {
            for x in 0..6 {
                let source = probe[((y + 8 - 2) % 8) * 6 + (x + 1) % 6];
                assert!((shifted[y * 6 + x] - source).norm() < 1e-5);
            }
        }
    }

    #[test]
    fn moving_the_window_moves_the_specimen_under_the_probe() {
        // A smooth probe moved by 0.3 px with the window fixed is the specimen moved the other way,
        // up to band limits.
        let model = ForwardModel::new((32, 32));
        let gaussian = |cy: f64, cx: f64, width: f64| {
            move |(y, x): (usize, usize)| {
                let d = (y as f64 - cy).powi(2) + (x as f64 - cx).powi(2);
                Complex32::new((-d / (2.0 * width * width)).exp() as f32, 0.0)
            }
        };
        let probe =
            Field::from_shape_fn((32, 32), gaussian(16.0, 16.0, 3.0)).insert_axis(ndarray::Axis(0));
        let at = |shift: f64| Field::from_shape_fn((64, 64), gaussian(33.0 - shift, 30.0, 4.0));
        let moved =
            model.intensity(at(0.0).view(), probe.view(), Position { y: 32.3, x: 32.0 }).unwrap();
        let same =
            model.intensity(at(0.3).view(), probe.view(), Position { y: 32.0, x: 32.0 }).unwrap();
        let peak = same.iter().fold(0.0_f32, |peak, &v| peak.max(v));
        for (a, b) in moved.iter().zip(&same) {
            assert!((a - b).abs() < 1e-4 * peak, "{a} and {b}");
        }
    }

    #[test]
    fn windows_off_the_object_and_wrong_probes_are_refused() {
        let model = ForwardModel::new((8, 8));
        let object = Field::zeros((16, 16));
        let probe = Modes::zeros((1, 8, 8));
        for position in [
            Position { y: 3.4, x: 8.0 },
            Position { y: 8.0, x: 12.6 },
            Position { y: f64::NAN, x: 8.0 },
        ] {
            let error = model.intensity(object.view(), probe.view(), position).unwrap_err();
            assert!(error.to_string().contains("leaves the 16 x 16 object"), "{error}");
        }
        assert!(model.window(Position { y: 3.5, x: 12.5 }, (16, 16)).is_ok());
        let wrong = Modes::zeros((1, 8, 9));
        assert!(model.intensity(object.view(), wrong.view(), Position { y: 8.0, x: 8.0 }).is_err());
    }
}
