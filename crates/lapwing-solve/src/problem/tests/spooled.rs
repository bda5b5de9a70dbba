//! Patterns from a store are those in memory.

use crate::problem::patterns::{PatternType, Patterns};
use crate::problem::{PatternStore, Problem, ProblemError, StoredBytes};
use lapwing_model::{Complex32, Field, Modes, Position};
use ndarray::{Array3, s};

/// Stores bytes in a vector, up to a limit.
struct Memory(Vec<u8>, usize);

impl PatternStore for Memory {
    type Error = Failure;

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.extend(bytes);
        if self.0.len() > self.1 { Err(Failure::Full) } else { Ok(()) }
    }

    fn finish(self) -> Result<StoredBytes, Failure> {
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
            let mut block: Vec<f32> = stack.slice(s![patterns, .., ..]).iter().copied().collect();
            take(&mut block)?;
        }
        Ok(())
    };
    let (scan, object, probe) = fields();
    let builder = Problem::builder(scan, object, probe);
    let store = Memory(Vec::new(), limit);
    match valid {
        Some(valid) => builder.mask(valid.view()).patterns_from(SHAPE, &mut blocks, store),
        None => builder.patterns_from(SHAPE, &mut blocks, store),
    }
}

#[test]
fn the_problem_is_the_one_in_memory() {
    for (factor, kind) in [
        (1.0, PatternType::Bytes),
        (100.0, PatternType::Words),
        (0.25, PatternType::Singles),
        (1e-20, PatternType::Singles),
    ] {
        let stack = Array3::from_shape_fn(SHAPE, |(i, y, x)| factor * (i + y * x) as f32);
        let one = Array3::from_shape_fn((1, 16, 8), |(_, y, x)| y != 3 || x > 4);
        let each = Array3::from_shape_fn(SHAPE, |(i, y, x)| y != 3 + i || x > 4);
        for valid in [None, Some(&one), Some(&each)] {
            let (scan, object, probe) = fields();
            let builder = Problem::builder(scan, object, probe);
            let whole = match valid {
                None => builder.patterns(stack.clone()).unwrap(),
                Some(valid) => builder.mask(valid.view()).patterns(stack.clone()).unwrap(),
            };
            let streamed = streamed(&stack, valid, usize::MAX).unwrap();
            assert!(matches!(*streamed.patterns, Patterns::Stored(found, _) if found == kind));
            assert_eq!(streamed.mean_intensity, whole.mean_intensity);
            assert_eq!(streamed.unit, whole.unit);
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
    assert!(matches!(streamed(&dark, None, usize::MAX), Err(Failure::Problem(ProblemError::Dark))));
}
