//! Problems whose patterns do not fit into memory: somebody else keeps them.

use crate::mask::{check_mask, mask_of};
use crate::patterns::{Kept, KeptBytes, Kind, Patterns};
use crate::problem::total;
use crate::{Problem, ProblemError};
use lapwing_model::{Field, Modes, Position};
use ndarray::ArrayView3;
use rayon::prelude::*;
use std::sync::Arc;

/// Where patterns are kept outside this process's own memory.
pub trait Scratch {
    /// Why something cannot be kept.
    type Error;

    /// Keeps some bytes behind those that came before.
    ///
    /// # Errors
    /// When there is no room for them.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// All bytes, in order.
    ///
    /// # Errors
    /// When they cannot be shown again.
    fn finish(self) -> Result<KeptBytes, Self::Error>;
}

/// A pass over all patterns in order: calls what it is given with some whole patterns at a time,
/// which may be written over. Every pass must bring the same values.
pub type Blocks<'a, E> =
    dyn FnMut(&mut dyn FnMut(&mut [f32]) -> Result<(), E>) -> Result<(), E> + 'a;

impl Problem {
    /// As [`Problem::new`], or [`Problem::masked`] where there is a mask `valid`, of patterns that
    /// are never in memory together: `blocks` brings their intensities, twice, and `scratch` keeps
    /// them, in the smallest type that holds them. The problem is the same, bit for bit.
    ///
    /// `shape` has the lengths of the axes (pattern, y, x).
    ///
    /// # Errors
    /// As [`Problem::new`] and [`Problem::masked`], and whatever `blocks` and `scratch` fail with.
    pub fn streamed<E: From<ProblemError>>(
        shape: (usize, usize, usize),
        blocks: &mut Blocks<'_, E>,
        mut scratch: impl Scratch<Error = E>,
        valid: Option<ArrayView3<bool>>,
        scan: Vec<Position>,
        object: Field,
        probe: Modes,
    ) -> Result<Self, E> {
        if let Some(valid) = valid {
            check_mask(valid, shape)?;
        }
        let mut problem = Self::without_patterns(shape, scan, object, probe)?;
        let (patterns, pixels) = (problem.n_patterns(), problem.model.len());
        let hide = |index: usize, pattern: &mut [f32]| {
            // A source may bring too many patterns, which is noticed at its end.
            if let Some(valid) = valid.filter(|_| index < patterns) {
                let hidden =
                    pattern.iter_mut().zip(mask_of(valid, index)).filter(|(_, good)| !**good);
                hidden.for_each(|(value, _)| *value = 0.0);
            }
        };

        let (mut seen, mut sum, mut kind) = (0, 0.0, Kind::Bytes);
        blocks(&mut |block| {
            let each: Vec<Result<(f64, Kind), ProblemError>> = block
                .par_chunks_exact_mut(pixels)
                .enumerate()
                .map(|(place, pattern)| {
                    hide(seen + place, pattern);
                    Ok((total(seen + place, pattern)?, Kind::of(pattern)))
                })
                .collect();
            seen += each.len();
            for found in each {
                let (total, needed) = found?;
                sum += total;
                kind = kind.max(needed);
            }
            Ok(())
        })?;
        if seen != patterns {
            return Err(ProblemError::Lengths { patterns: seen, positions: patterns }.into());
        }
        problem.set_unit(sum)?;
        let scale = problem.scale();
        if scale != 1.0 {
            kind = Kind::Singles;
        }

        let mut seen = 0;
        blocks(&mut |block| {
            let parts: Vec<Vec<u8>> = block
                .par_chunks_exact_mut(pixels)
                .enumerate()
                .map_init(
                    || vec![0.0; pixels],
                    |ordered, (place, pattern)| {
                        hide(seen + place, pattern);
                        problem.model.to_pattern_order(pattern, ordered);
                        if scale != 1.0 {
                            ordered.iter_mut().for_each(|value| *value *= scale);
                        }
                        let mut bytes = Vec::with_capacity(pixels * kind.width());
                        kind.append(ordered, &mut bytes);
                        bytes
                    },
                )
                .collect();
            seen += parts.len();
            parts.iter().try_for_each(|bytes| scratch.append(bytes))
        })?;
        let kept = scratch.finish()?;
        let (found, expected) = ((*kept).as_ref().len(), patterns * pixels * kind.width());
        if found != expected {
            return Err(ProblemError::Kept { kept: found, expected }.into());
        }
        problem.patterns = Arc::new(Patterns::Kept(kind, Kept(kept)));
        Ok(match valid {
            Some(valid) => problem.behind(valid)?,
            None => problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_model::Complex32;
    use ndarray::{Array3, s};

    /// Keeps bytes in a vector, up to a limit.
    struct Memory(Vec<u8>, usize);

    impl Scratch for Memory {
        type Error = Failure;

        fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
            self.0.extend(bytes);
            if self.0.len() > self.1 { Err(Failure::Full) } else { Ok(()) }
        }

        fn finish(self) -> Result<KeptBytes, Failure> {
            Ok(Box::new(self.0))
        }
    }

    #[derive(Debug)]
    enum Failure {
        Full,
        Problem(ProblemError),
    }

    impl From<ProblemError> for Failure {
        fn from(error: ProblemError) -> Self {
            Self::Problem(error)
        }
    }

    const SHAPE: (usize, usize, usize) = (5, 16, 8);

    fn fields() -> (Vec<Position>, Field, Modes) {
        let scan = (0..5).map(|i| Position { y: 9.0 + 0.3 * f64::from(i), x: 8.0 }).collect();
        let light = Complex32::new(1.0, 0.5);
        (scan, Field::from_elem((24, 20), light), Modes::from_elem((1, 16, 8), light))
    }

    fn streamed(
        stack: &Array3<f32>,
        valid: Option<&Array3<bool>>,
        limit: usize,
    ) -> Result<Problem, Failure> {
        let mut blocks = |take: &mut dyn FnMut(&mut [f32]) -> Result<(), Failure>| {
            for patterns in [0..2, 2..4, 4..stack.dim().0] {
                let mut block: Vec<f32> =
                    stack.slice(s![patterns, .., ..]).iter().copied().collect();
                take(&mut block)?;
            }
            Ok(())
        };
        let (scan, object, probe) = fields();
        let valid = valid.map(|valid| valid.view());
        Problem::streamed(SHAPE, &mut blocks, Memory(Vec::new(), limit), valid, scan, object, probe)
    }

    #[test]
    fn the_problem_is_the_one_in_memory() {
        for (factor, kind) in [
            (1.0, Kind::Bytes),
            (100.0, Kind::Words),
            (0.25, Kind::Singles),
            (1e-20, Kind::Singles),
        ] {
            let stack = Array3::from_shape_fn(SHAPE, |(i, y, x)| factor * (i + y * x) as f32);
            let one = Array3::from_shape_fn((1, 16, 8), |(_, y, x)| y != 3 || x > 4);
            let each = Array3::from_shape_fn(SHAPE, |(i, y, x)| y != 3 + i || x > 4);
            for valid in [None, Some(&one), Some(&each)] {
                let (scan, object, probe) = fields();
                let whole = match valid {
                    None => Problem::new(stack.clone(), scan, object, probe).unwrap(),
                    Some(valid) => {
                        Problem::masked(stack.clone(), valid.view(), scan, object, probe).unwrap()
                    }
                };
                let streamed = streamed(&stack, valid, usize::MAX).unwrap();
                assert!(matches!(*streamed.patterns, Patterns::Kept(found, _) if found == kind));
                assert_eq!(streamed.mean_intensity, whole.mean_intensity);
                assert_eq!(streamed.scale(), whole.scale());
                assert_eq!(streamed.used_pixels(), whole.used_pixels());
                let (mut a, mut b) = (vec![0.0; 128], vec![0.0; 128]);
                for index in 0..5 {
                    assert_eq!(streamed.pattern(index, &mut a), whole.pattern(index, &mut b));
                    assert_eq!(streamed.mask.of(index), whole.mask.of(index));
                }
            }
        }
    }

    #[test]
    fn failures_come_back() {
        let mut stack = Array3::<f32>::ones(SHAPE);
        assert!(matches!(streamed(&stack, None, 300), Err(Failure::Full)));
        let wrong = Array3::from_elem((1, 8, 16), true);
        assert!(matches!(
            streamed(&stack, Some(&wrong), usize::MAX),
            Err(Failure::Problem(ProblemError::Mask(_)))
        ));
        let short = stack.slice(s![..4, .., ..]).to_owned();
        assert!(matches!(
            streamed(&short, None, usize::MAX),
            Err(Failure::Problem(ProblemError::Lengths { patterns: 4, positions: 5 }))
        ));
        stack[(3, 2, 1)] = f32::NAN;
        let error = streamed(&stack, None, usize::MAX).unwrap_err();
        assert!(matches!(error, Failure::Problem(ProblemError::Intensity { pattern: 3, .. })));
        let dark = Array3::zeros(SHAPE);
        assert!(matches!(
            streamed(&dark, None, usize::MAX),
            Err(Failure::Problem(ProblemError::Dark))
        ));
    }
}
