//! What a solver is given: measured patterns, where they were taken, and where to start from.
//!
//! A [`Problem`] is made by its [builder](Problem::builder), which checks everything once, and
//! never changes afterwards. Patterns lie in memory or in a [`PatternStore`] outside the process.

mod builder;
mod error;
mod expected;
mod mask;
mod noise;
mod patterns;
mod pull;
mod replicate;
mod scans;
mod spooled;
#[cfg(test)]
mod tests;
mod variation;

pub use builder::ProblemBuilder;
pub use error::ProblemError;
pub use expected::Misfit;
pub use noise::AtLimit;
pub use patterns::StoredBytes;
pub use pull::ScanPull;
pub use spooled::{Blocks, PatternStore};

pub(crate) use mask::Mask;
#[cfg(feature = "gpu")]
pub(crate) use patterns::PatternType;
pub(crate) use patterns::Patterns;

use crate::engine::Device;
use crate::noise::Clipped;
use crate::outside::OutsideStore;
use crate::prior::Draw;
use lapwing_model::forward::Physics;
use lapwing_model::{Complex32, Field, ForwardModel, Modes, Object, Position, Window};
use ndarray::Array2;
use std::f64::consts::PI;
use std::ops::Range;
use std::sync::Arc;

/// Measured patterns, where they were taken, and where to start from. A clone shares the patterns.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) model: ForwardModel,
    /// Intensities in the solver's unit, pattern after pattern, each in pattern order (see
    /// [`ForwardModel::to_pattern_order`]).
    pub(crate) patterns: Arc<Patterns>,
    /// Which of the stored patterns each is: all, unless some were left out.
    pub(crate) kept: Vec<usize>,
    /// Window centres of all stored patterns.
    pub(crate) whole_scan: Vec<Position>,
    /// Pixels that do not count.
    pub(crate) mask: Mask,
    /// Window centres on the object's grid.
    pub(crate) scan: Vec<Position>,
    pub(crate) windows: Vec<Window>,
    /// Shared by all problems made from one.
    pub(crate) object: Arc<Object>,
    /// Modes, and behind them as many eigenmodes as there are weights for each pattern.
    pub(crate) probe: Modes,
    /// Weights of the eigenmodes to start from, (pattern, eigenmode).
    pub(crate) weights: Array2<Complex32>,
    /// Whether these are known and stay: each scan of several has a probe of its own.
    pub(crate) weights_stay: bool,
    /// Whether weights and powers change slowly along the scan.
    pub(crate) varies_slowly: bool,
    /// Logarithm of the beam's power in every pattern over its usual one to start from, where it
    /// varies.
    pub(crate) log_powers: Option<Vec<f32>>,
    /// Mean summed intensity of a pattern, in the solver's unit, with what the mask hides.
    pub(crate) mean_intensity: f64,
    pub(crate) unit: Unit,
    /// Mean intensity of every pixel that no coherent light brings, in the solver's unit and in
    /// pattern order, where it is known.
    pub(crate) background: Option<Vec<f32>>,
    /// Variance over mean of the intensities, in the solver's unit: 1 for photon counts.
    pub(crate) gain: f64,
    /// Whether the noise of adjacent pixels is correlated.
    pub(crate) correlated: bool,
    /// The likelihood of pixels at the detector's limit, where it has one.
    pub(crate) clipped: Option<Clipped>,
    pub(crate) device: Device,
    /// Where a solver keeps what it has on the object's grid besides the fields themselves, where
    /// that is not the memory of the process.
    pub(crate) field_store: Option<Arc<dyn OutsideStore>>,
    /// Where patterns that are drawn in place of these are stored, where that is not the memory of
    /// the process.
    pub(crate) pattern_store: Option<Arc<dyn OutsideStore>>,
    /// Where set, a prior is held at the start and joined by this draw of it
    /// ([`HeldPrior`](crate::prior::HeldPrior)), and the fit is not the most probable object but
    /// one of those that data and prior allow.
    pub(crate) prior_draw: Option<Draw>,
}

/// The unit in which solvers compute: intensities are squared, in single precision, so those far
/// from photon counts are scaled by a power of two, which changes no digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    /// Amplitudes in the solver's unit over those of the input.
    amplitude: f32,
}

impl Unit {
    /// For patterns with this mean intensity per pixel: changed where a pixel holds less than a
    /// millionth or more than a billion on average.
    fn of(mean_per_pixel: f64) -> Self {
        if (1e-6..=1e9).contains(&mean_per_pixel) {
            return Self { amplitude: 1.0 };
        }
        let power = (-0.5 * mean_per_pixel.log2()).round().clamp(-120.0, 120.0);
        Self { amplitude: power.exp2() as f32 }
    }

    /// What intensities are multiplied by on the way in.
    fn intensity(self) -> f32 {
        self.amplitude * self.amplitude
    }
}

impl Problem {
    /// A problem of these window centres on the grid of `object`, the start object (flat: all
    /// ones), and of the start probe `probe` (mode, y, x), of any power: solvers rescale it to the
    /// measured one. The builder takes the patterns.
    ///
    /// ```
    /// use lapwing_model::{Complex32, Modes, Object, Position};
    /// use lapwing_solve::Problem;
    /// use ndarray::Array3;
    ///
    /// let scan = vec![Position { y: 8.0, x: 8.0 }, Position { y: 8.0, x: 11.5 }];
    /// let probe = Modes::from_elem((1, 8, 8), Complex32::new(1.0, 0.0));
    /// let counts = Array3::from_elem((2, 8, 8), 3.0);
    /// let problem = Problem::builder(scan, Object::flat((16, 20)), probe).patterns(counts)?;
    /// assert_eq!(problem.mean_intensity(), 3.0 * 64.0);
    /// # Ok::<(), lapwing_solve::ProblemError>(())
    /// ```
    pub fn builder(
        scan: Vec<Position>,
        object: impl Into<Object>,
        probe: Modes,
    ) -> ProblemBuilder<'static> {
        ProblemBuilder::new(scan, object.into(), probe)
    }

    /// The problem with another thin object (y, x) of the same grid and another probe (mode, y, x)
    /// to start from.
    ///
    /// # Errors
    /// When the object's grid is another, and as for [`with_probe`](Self::with_probe).
    pub fn with_start(&self, object: Field, probe: Modes) -> Result<Self, ProblemError> {
        let (expected, found) = (self.object.shape(), object.dim());
        if expected != found || self.n_slices() != 1 {
            let text = format!("expected one slice of {expected:?} pixels, found one of {found:?}");
            return Err(ProblemError::Object(text));
        }
        Ok(Self { object: Arc::new(Object::thin(object)), ..self.with_probe(probe)? })
    }

    /// The problem with another start probe of the same window, axes (mode, y, x).
    ///
    /// # Errors
    /// When its window is another, it has no mode, or it is not finite.
    pub fn with_probe(&self, probe: Modes) -> Result<Self, ProblemError> {
        let (modes, height, width) = probe.dim();
        let (_, rows, columns) = self.probe.dim();
        let finite = probe.iter().all(|value| value.re.is_finite() && value.im.is_finite());
        if modes == 0 || (height, width) != (rows, columns) || !finite {
            return Err(ProblemError::Probe(format!(
                "expected finite modes of {rows} x {columns} pixels, found {modes} of {height} x {width}"
            )));
        }
        let weights = Array2::zeros((self.n_patterns(), 0));
        Ok(Self { probe, weights, weights_stay: false, ..self.clone() })
    }

    /// The problem with other positions, window centres of all stored patterns on the object's
    /// grid.
    ///
    /// # Errors
    /// When there are not as many, or a window leaves the object.
    pub fn with_scan(&self, whole_scan: Vec<Position>) -> Result<Self, ProblemError> {
        if whole_scan.len() != self.whole_scan.len() {
            let (patterns, positions) = (self.whole_scan.len(), whole_scan.len());
            return Err(ProblemError::Lengths { patterns, positions });
        }
        let scan: Vec<Position> = self.kept.iter().map(|&stored| whole_scan[stored]).collect();
        let windows = scan.iter().enumerate().map(|(pattern, &position)| {
            let window = self.model.window(position, self.object.shape());
            window.map_err(|source| ProblemError::OffObject { pattern, source })
        });
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { whole_scan, scan, windows, ..self.clone() })
    }

    /// The problem with a probe that varies along the scan (orthogonal probe relaxation: M.
    /// Odstrcil et al., Opt. Express 24, 8360, 2016): the first mode of pattern j is P_0 + sum_k
    /// w_jk E_k, with `count` eigenmodes E_k, dark to start with, whose weights begin as slow
    /// oscillations over the scan.
    pub fn with_eigenmodes(&self, count: usize) -> Self {
        let (modes, height, width) = self.probe.dim();
        let mut probe = Modes::zeros((modes - self.n_eigenmodes() + count, height, width));
        let kept = ndarray::s![..modes - self.n_eigenmodes(), .., ..];
        probe.slice_mut(kept).assign(&self.probe.slice(kept));
        let n = self.n_patterns();
        let weights = Array2::from_shape_fn((n, count), |(pattern, mode)| {
            let turns = (mode + 1) as f64 * (pattern as f64 + 0.5) / n as f64;
            Complex32::from((std::f64::consts::SQRT_2 * (PI * turns).cos()) as f32)
        });
        Self { probe, weights, weights_stay: false, ..self.clone() }
    }

    /// The problem with a beam whose power is another in every pattern, to be found.
    pub fn with_varying_power(&self) -> Self {
        Self { log_powers: Some(vec![0.0; self.n_patterns()]), ..self.clone() }
    }

    /// Whether the beam's power varies from pattern to pattern.
    pub fn varies_in_power(&self) -> bool {
        self.log_powers.is_some()
    }

    /// The same problem, reconstructed on `device`.
    pub fn on(&self, device: Device) -> Self {
        Self { device, ..self.clone() }
    }

    /// The same problem, of which a solver keeps what it has on the object's grid besides the
    /// fields themselves in `store`, as long as it has space: the bits of a solution do not depend
    /// on it.
    pub fn with_field_store(&self, store: Arc<dyn OutsideStore>) -> Self {
        Self { field_store: Some(store), ..self.clone() }
    }

    /// The same problem, whose [replicates](Self::replicate) have their patterns in `store`, as
    /// long as it has space: they are the same, bit for bit.
    pub fn with_pattern_store(&self, store: Arc<dyn OutsideStore>) -> Self {
        Self { pattern_store: Some(store), ..self.clone() }
    }

    /// The same problem with this draw of the prior, of which the field tells.
    pub(crate) fn with_prior_drawn(self, draw: Draw) -> Self {
        Self { prior_draw: Some(draw), ..self }
    }

    /// Where a solver is to keep what it has on the object's grid.
    pub(crate) fn field_store(&self) -> Option<&dyn OutsideStore> {
        self.field_store.as_deref()
    }

    /// Where it is reconstructed.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Number of eigenmodes of the probe.
    pub fn n_eigenmodes(&self) -> usize {
        self.weights.dim().1
    }

    /// Number of modes of the probe.
    pub fn n_modes(&self) -> usize {
        self.probe.dim().0 - self.n_eigenmodes()
    }

    /// Number of slices of the object.
    pub fn n_slices(&self) -> usize {
        self.model.n_slices()
    }

    /// Pixels of a slice of the object.
    pub(crate) fn slice_len(&self) -> usize {
        let (height, width) = self.object.shape();
        height * width
    }

    /// Number of patterns, without those left out.
    pub fn n_patterns(&self) -> usize {
        self.scan.len()
    }

    /// Height and width of a pattern, pixels.
    pub fn pattern_shape(&self) -> (usize, usize) {
        self.model.shape()
    }

    /// Window centres on the object's grid.
    pub fn scan(&self) -> &[Position] {
        &self.scan
    }

    /// The start object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The start probe, axes (mode, y, x), as it was given, and behind its modes the eigenmodes.
    pub fn probe(&self) -> &Modes {
        &self.probe
    }

    /// Mean over the patterns of the summed intensity, in the units of the input; where a mask
    /// hides pixels, with the light that the start fields send there.
    pub fn mean_intensity(&self) -> f64 {
        self.to_input_unit(self.mean_intensity)
    }

    /// Variance over mean of the intensities, in the units of the input: 1 for photon counts.
    pub fn gain(&self) -> f64 {
        self.to_input_unit(self.gain)
    }

    /// Pixels of all patterns that enter the likelihood.
    pub fn used_pixels(&self) -> usize {
        self.n_patterns() * self.model.len() - self.mask.count(self.n_patterns())
    }

    /// An intensity, or a loss that is one, in the unit of the input.
    pub(crate) fn to_input_unit(&self, intensity: f64) -> f64 {
        intensity / f64::from(self.unit.amplitude).powi(2)
    }

    /// An intensity in the solver's unit.
    pub(crate) fn to_solver_unit(&self, intensity: f64) -> f64 {
        intensity * f64::from(self.unit.amplitude).powi(2)
    }

    /// Brings a probe from the solver's unit to that of the input.
    pub(crate) fn probe_to_input_unit(&self, probe: &mut [Complex32]) {
        if self.unit.amplitude != 1.0 {
            probe.iter_mut().for_each(|value| *value /= self.unit.amplitude);
        }
    }

    /// A loss summed over all patterns as a mean over their used pixels, in the unit of the input.
    pub(crate) fn loss_per_pixel(&self, summed: f64) -> f64 {
        self.to_input_unit(summed / self.used_pixels() as f64)
    }

    /// Intensities of pattern `index`, in pattern order: a view, or a copy in `buffer`.
    pub(crate) fn pattern<'a>(&'a self, index: usize, buffer: &'a mut [f32]) -> &'a [f32] {
        self.patterns.of(self.stored(index), buffer)
    }

    /// The same as they are stored.
    #[cfg(feature = "gpu")]
    pub(crate) fn pattern_bytes(&self, index: usize) -> &[u8] {
        self.patterns.bytes(self.stored(index))
    }

    /// Pixels of all waves of a pattern, those of every mode at every place of its exposure, before
    /// one slice.
    pub(crate) fn waves_len(&self) -> usize {
        self.model.n_places() * self.n_modes() * self.model.len()
    }

    /// How its patterns come about.
    pub fn physics(&self) -> &Physics {
        self.model.physics()
    }

    /// Where the pixels of pattern `index` are among those of all patterns.
    pub(crate) fn stored(&self, index: usize) -> Range<usize> {
        let (stored, pixels) = (self.kept[index], self.model.len());
        stored * pixels..(stored + 1) * pixels
    }
}
