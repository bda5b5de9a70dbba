//! A probe that varies along the scan, from how it was found to vary before.

use super::{Problem, ProblemError};
use lapwing_model::Complex32;
use ndarray::{ArrayView2, ArrayView3};

impl Problem {
    /// The problem whose eigenmodes' weights and beam's power change slowly along the scan, in the
    /// order of the patterns: they are sums of at most 13 cosines of up to six periods, one for
    /// sixteen patterns. All patterns together determine these, where weights of single patterns
    /// would follow the noise.
    pub fn varying_slowly(&self) -> Self {
        Self { varies_slowly: true, ..self.clone() }
    }

    /// [`with_eigenmodes`](Self::with_eigenmodes) that begin as what was found before:
    /// `eigenmodes`, axes (eigenmode, y, x), in the unit of the probe, and `weights`, axes
    /// (pattern, eigenmode), of all stored patterns, those that are left out among them. Of more
    /// than `count` the first are taken; those that lack are dark.
    ///
    /// # Errors
    /// When the shapes are others, or a number is not finite.
    pub fn with_eigenmodes_from(
        &self,
        count: usize,
        eigenmodes: ArrayView3<'_, Complex32>,
        weights: ArrayView2<'_, Complex32>,
    ) -> Result<Self, ProblemError> {
        let mut problem = self.with_eigenmodes(count);
        let ((height, width), patterns) = (self.pattern_shape(), self.whole_scan.len());
        let (found, rows, columns) = eigenmodes.dim();
        let finite = |value: &Complex32| value.re.is_finite() && value.im.is_finite();
        if (rows, columns) != (height, width) || weights.dim() != (patterns, found) {
            return Err(ProblemError::Probe(format!(
                "expected eigenmodes of {height} x {width} pixels with weights of {patterns} \
                 patterns, found {found} of {rows} x {columns} with weights {:?}",
                weights.dim()
            )));
        }
        if !eigenmodes.iter().chain(&weights).all(finite) {
            let text = "expected finite eigenmodes and weights, found NaN or infinity";
            return Err(ProblemError::Probe(text.to_owned()));
        }
        let modes = self.n_modes();
        for (mode, eigenmode) in eigenmodes.outer_iter().take(count).enumerate() {
            problem.probe.slice_mut(ndarray::s![modes + mode, .., ..]).assign(&eigenmode);
            for (pattern, &stored) in self.kept.iter().enumerate() {
                problem.weights[(pattern, mode)] = weights[(stored, mode)];
            }
        }
        Ok(problem)
    }

    /// [`with_varying_power`](Self::with_varying_power) that begins as what was found before:
    /// `powers`, one for each stored pattern, those that are left out among them, over the usual
    /// one.
    ///
    /// # Errors
    /// When there are not as many, or one is no finite number above 0.
    pub fn with_powers_from(&self, powers: &[f64]) -> Result<Self, ProblemError> {
        let (patterns, found) = (self.whole_scan.len(), powers.len());
        if found != patterns {
            let text = format!("expected the beam's power in {patterns} patterns, found {found}");
            return Err(ProblemError::Probe(text));
        }
        if let Some(wrong) = powers.iter().find(|power| !(power.is_finite() && **power > 0.0)) {
            let text = format!("expected finite powers of the beam above 0, found {wrong}");
            return Err(ProblemError::Probe(text));
        }
        let logarithms = self.kept.iter().map(|&stored| powers[stored].ln() as f32).collect();
        Ok(Self { log_powers: Some(logarithms), ..self.clone() })
    }
}
