//! What a solver is given: checked once, and brought into the solver's own order.

use crate::mask::Mask;
use crate::patterns::Patterns;
use lapwing_model::forward::Ramp;
use lapwing_model::{Complex32, Field, ForwardModel, ModelError, Modes, Position, Window};
use ndarray::Array3;
use rayon::prelude::*;
use std::sync::Arc;

/// Why a problem was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// There is nothing to reconstruct from.
    #[error(
        "the scan is empty: expected at least one pattern of at least one pixel, found shape {0:?}"
    )]
    Empty((usize, usize, usize)),
    /// Patterns and positions do not pair up.
    #[error(
        "{patterns} patterns but {positions} positions: every pattern needs the centre of its window"
    )]
    Lengths {
        /// Number of patterns.
        patterns: usize,
        /// Number of positions.
        positions: usize,
    },
    /// An intensity is negative, infinite or not a number.
    #[error("intensity {value} in pattern {pattern}: expected finite numbers >= 0")]
    Intensity {
        /// Index of the first bad pattern.
        pattern: usize,
        /// The first bad value.
        value: f32,
    },
    /// All patterns are dark.
    #[error("all patterns are zero: there is no light to reconstruct from")]
    Dark,
    /// The start probe cannot be used.
    #[error("start probe: {0}")]
    Probe(String),
    /// The start object cannot be used.
    #[error("start object: {0}")]
    Object(String),
    /// The detector mask cannot be used.
    #[error("mask: {0}")]
    Mask(String),
    /// What keeps the patterns outside this problem lost some of them.
    #[error("{kept} bytes of patterns were kept, expected {expected}")]
    Kept {
        /// Bytes that were kept.
        kept: usize,
        /// Bytes of all patterns.
        expected: usize,
    },
    /// A window leaves the object.
    #[error("pattern {pattern}: {source}")]
    OffObject {
        /// Index of the pattern.
        pattern: usize,
        /// Where its window is and where it may be.
        source: ModelError,
    },
}

/// Measured patterns, where they were taken, and where to start from. A clone shares the patterns.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) model: ForwardModel,
    /// Intensities, pattern after pattern, each in pattern order
    /// ([`ForwardModel::to_pattern_order`]).
    pub(crate) patterns: Arc<Patterns>,
    /// Pixels that do not count.
    pub(crate) mask: Mask,
    pub(crate) scan: Vec<Position>,
    pub(crate) windows: Vec<Window>,
    pub(crate) ramps: Vec<Ramp>,
    pub(crate) object: Field,
    pub(crate) probe: Modes,
    /// Mean summed intensity of a pattern, in the solver's unit.
    pub(crate) mean_intensity: f64,
    /// What amplitudes were multiplied by on the way in: a power of two, 1 unless the unit is far
    /// from photons.
    unit: f32,
}

impl Problem {
    /// Checks and takes over a problem.
    ///
    /// `intensity` has axes (pattern, y, x), zero frequency in the centre, in photon counts when
    /// the dose scale is known, else in any unit; `scan` holds the window centres on the array of
    /// `object`; `object` is the start object (flat: all ones) and `probe` the start probe (mode,
    /// y, x), of any power: solvers rescale it to the measured one.
    pub fn new(
        intensity: Array3<f32>,
        scan: Vec<Position>,
        object: Field,
        probe: Modes,
    ) -> Result<Self, ProblemError> {
        let mut problem = Self::without_patterns(intensity.dim(), scan, object, probe)?;
        let pixels = problem.model.len();

        // A stack in standard order gives up its buffer; any other is copied into that order here.
        let mut intensity = match intensity.is_standard_layout() {
            true => intensity.into_raw_vec_and_offset().0,
            false => intensity.iter().copied().collect(),
        };
        // In place, pattern by pattern: the stack is the largest thing in memory.
        let model = &problem.model;
        let totals: Vec<Result<f64, ProblemError>> = intensity
            .par_chunks_mut(pixels)
            .enumerate()
            .map_init(
                || vec![0.0; pixels],
                |centred, (index, pattern)| {
                    centred.copy_from_slice(pattern);
                    let total = total(index, centred)?;
                    model.to_pattern_order(centred, pattern);
                    Ok(total)
                },
            )
            .collect();
        let total = totals.into_iter().sum::<Result<f64, _>>()?;
        problem.set_unit(total)?;
        let scale = problem.scale();
        if scale != 1.0 {
            intensity.iter_mut().for_each(|value| *value *= scale);
        }
        problem.patterns = Arc::new(Patterns::new(intensity));
        Ok(problem)
    }

    /// Checks and takes over everything but the patterns, whose axes (pattern, y, x) have the
    /// lengths `shape`.
    pub(crate) fn without_patterns(
        shape: (usize, usize, usize),
        scan: Vec<Position>,
        object: Field,
        probe: Modes,
    ) -> Result<Self, ProblemError> {
        let (patterns, height, width) = shape;
        if patterns == 0 || height == 0 || width == 0 {
            return Err(ProblemError::Empty(shape));
        }
        if patterns != scan.len() {
            return Err(ProblemError::Lengths { patterns, positions: scan.len() });
        }
        check_start(&object, &probe, (height, width))?;
        let model = ForwardModel::new((height, width));
        let windows = scan
            .iter()
            .enumerate()
            .map(|(pattern, &position)| {
                model
                    .window(position, object.dim())
                    .map_err(|source| ProblemError::OffObject { pattern, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let ramps = windows.iter().map(|window| Ramp::new(window, model.shape())).collect();
        Ok(Self {
            model,
            patterns: Arc::new(Patterns::Bytes(Vec::new())),
            mask: Mask::default(),
            scan,
            windows,
            ramps,
            object,
            probe,
            mean_intensity: 0.0,
            unit: 1.0,
        })
    }

    /// Settles the unit by the intensity of all patterns together.
    pub(crate) fn set_unit(&mut self, total: f64) -> Result<(), ProblemError> {
        if total <= 0.0 {
            return Err(ProblemError::Dark);
        }
        let mean_intensity = total / self.n_patterns() as f64;
        self.unit = amplitude_unit(mean_intensity / self.model.len() as f64);
        self.mean_intensity = mean_intensity * f64::from(self.unit).powi(2);
        Ok(())
    }

    /// What intensities are multiplied by on the way in.
    pub(crate) fn scale(&self) -> f32 {
        self.unit * self.unit
    }

    /// Number of patterns.
    pub fn n_patterns(&self) -> usize {
        self.scan.len()
    }

    /// Mean over the patterns of the summed intensity, in the units of the input.
    pub fn mean_intensity(&self) -> f64 {
        self.to_input_unit(self.mean_intensity)
    }

    /// An intensity, or a loss that is one, in the unit of the input.
    pub(crate) fn to_input_unit(&self, intensity: f64) -> f64 {
        intensity / f64::from(self.unit).powi(2)
    }

    /// An intensity in the solver's unit.
    pub(crate) fn to_solver_unit(&self, intensity: f64) -> f64 {
        intensity * f64::from(self.unit).powi(2)
    }

    /// Brings a probe from the solver's unit to that of the input.
    pub(crate) fn probe_to_input_unit(&self, probe: &mut [Complex32]) {
        if self.unit != 1.0 {
            probe.iter_mut().for_each(|value| *value /= self.unit);
        }
    }

    /// Intensities of pattern `index`, in pattern order: a view, or a copy in `room`.
    pub(crate) fn pattern<'a>(&'a self, index: usize, room: &'a mut [f32]) -> &'a [f32] {
        let pixels = self.model.len();
        self.patterns.of(index * pixels..(index + 1) * pixels, room)
    }
}

/// Sum of the intensities of pattern `index`, which are checked.
pub(crate) fn total(index: usize, pattern: &[f32]) -> Result<f64, ProblemError> {
    match pattern.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
        Some(&value) => Err(ProblemError::Intensity { pattern: index, value }),
        None => Ok(pattern.iter().map(|&value| f64::from(value)).sum()),
    }
}

/// Single precision squares and squares again what it is given, so a unit in which a pixel holds
/// less than a millionth or more than a billion on average is changed. Powers of two change no
/// digit.
fn amplitude_unit(mean_per_pixel: f64) -> f32 {
    if (1e-6..=1e9).contains(&mean_per_pixel) {
        return 1.0;
    }
    (-0.5 * mean_per_pixel.log2()).round().clamp(-120.0, 120.0).exp2() as f32
}

fn check_start(
    object: &Field,
    probe: &Modes,
    (height, width): (usize, usize),
) -> Result<(), ProblemError> {
    let finite = |value: &Complex32| value.re.is_finite() && value.im.is_finite();
    let (modes, rows, columns) = probe.dim();
    if modes == 0 || (rows, columns) != (height, width) {
        return Err(ProblemError::Probe(format!(
            "expected shape (modes, {height}, {width}), as the patterns, found ({modes}, {rows}, {columns})"
        )));
    }
    if !probe.iter().all(finite) {
        return Err(ProblemError::Probe("expected finite numbers, found NaN or infinity".into()));
    }
    if probe.iter().all(|value| value.norm_sqr() == 0.0) {
        return Err(ProblemError::Probe("expected some light, found zeros everywhere".into()));
    }
    if !object.iter().all(finite) {
        return Err(ProblemError::Object("expected finite numbers, found NaN or infinity".into()));
    }
    if object.iter().all(|value| value.norm_sqr() == 0.0) {
        return Err(ProblemError::Object(
            "expected some transmission, found zeros everywhere".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(shape: (usize, usize)) -> Field {
        Field::from_elem(shape, Complex32::new(1.0, 0.0))
    }

    fn problem(intensity: Array3<f32>, scan: &[(f64, f64)]) -> Result<Problem, ProblemError> {
        let probe = Modes::from_elem((1, 4, 4), Complex32::new(1.0, 0.0));
        let scan = scan.iter().map(|&(y, x)| Position { y, x }).collect();
        Problem::new(intensity, scan, flat((10, 10)), probe)
    }

    #[test]
    fn bad_problems_are_refused_with_what_was_found() {
        let ones = |n| Array3::<f32>::ones((n, 4, 4));
        let message = |result: Result<Problem, ProblemError>| result.unwrap_err().to_string();
        assert!(message(problem(ones(0), &[])).contains("empty"));
        assert!(message(problem(ones(2), &[(5.0, 5.0)])).contains("2 patterns but 1 positions"));
        assert!(message(problem(ones(1), &[(1.0, 5.0)])).contains("pattern 0: the 4 x 4 window"));
        let mut bad = ones(2);
        bad[(1, 2, 3)] = f32::NAN;
        assert!(message(problem(bad, &[(5.0, 5.0), (5.0, 6.0)])).contains("NaN in pattern 1"));
        assert!(message(problem(ones(1) * 0.0, &[(5.0, 5.0)])).contains("all patterns are zero"));
        let probe = Modes::from_elem((1, 4, 5), Complex32::new(1.0, 0.0));
        let scan = vec![Position { y: 5.0, x: 5.0 }];
        assert!(message(Problem::new(ones(1), scan, flat((10, 10)), probe)).contains("(1, 4, 5)"));
    }

    #[test]
    fn any_memory_layout_gives_the_same_patterns() {
        let standard = Array3::from_shape_fn((2, 4, 4), |(j, y, x)| (j * 16 + y * 4 + x) as f32);
        let scan = [(5.0, 5.0), (5.0, 6.0)];
        let mut fortran = Array3::zeros(ndarray::ShapeBuilder::f((2, 4, 4)));
        fortran.assign(&standard);
        let (a, b) = (problem(standard, &scan).unwrap(), problem(fortran, &scan).unwrap());
        for index in 0..2 {
            assert_eq!(a.pattern(index, &mut [0.0; 16]), b.pattern(index, &mut [0.0; 16]));
        }
        assert!((a.mean_intensity() - (0..32).sum::<usize>() as f64 / 2.0).abs() < 1e-9);
    }
}
