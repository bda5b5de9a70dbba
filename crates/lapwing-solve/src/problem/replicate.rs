//! Replicates: the same experiment with other noise.

use super::expected::Expected;
use super::patterns::{PatternType, Patterns, Stored};
use super::{Problem, ProblemError};
use crate::outside::{OutsideBytes, OutsideStore};
use crate::solver::Solution;
use lapwing_model::parallel::InParallel;
use lapwing_model::random::generator;
use ndarray::{Axis, concatenate};
use rand_distr::{Distribution, Poisson};
use std::sync::Arc;

/// Values of the patterns that are drawn together.
const TOGETHER: usize = 1 << 22;

impl Problem {
    /// The problem whose patterns are drawn anew from what `solution` predicts, background
    /// included, with noise of this problem's gain, and which starts from `solution`: replicate
    /// number `index` of `seed`.
    ///
    /// Its patterns are in memory, four bytes for every pixel while they are made, or else in the
    /// store that [`with_pattern_store`](Self::with_pattern_store) names.
    ///
    /// # Errors
    /// When `solution` is not one of this problem.
    pub fn replicate(
        &self,
        solution: &Solution,
        seed: u64,
        index: usize,
    ) -> Result<Self, ProblemError> {
        self.drawn(solution, (seed, index), (TOGETHER / self.model.len()).max(1))
    }

    /// [`replicate`](Self::replicate), of which so many patterns are drawn together.
    pub(super) fn drawn(
        &self,
        solution: &Solution,
        (seed, index): (u64, usize),
        together: usize,
    ) -> Result<Self, ProblemError> {
        let name = format!("replicate {index}");
        let limit = self.clipped.map_or(f32::INFINITY, |clipped| clipped.limit);
        let (patterns, pixels) = (self.n_patterns(), self.model.len());
        let mut room = Room::new(patterns * pixels, self.pattern_store.as_deref());
        let mut scan = Vec::with_capacity(patterns);
        let all: Vec<usize> = (0..patterns).collect();
        for members in all.chunks(together) {
            let Expected { mut intensity, scan: places } = self.expected(solution, members)?;
            scan.extend(places);
            // Every pattern has draws of its own, whichever are drawn together.
            let each = intensity.chunks_mut(pixels).zip(members).in_parallel();
            each.for_each(|(values, &pattern)| {
                let mut draws = generator(seed, &name, pattern as u64);
                for value in values {
                    let mean = f64::from(*value) / self.gain;
                    *value = match Poisson::new(mean) {
                        Ok(poisson) if mean > 0.0 => {
                            (self.gain * poisson.sample(&mut draws)) as f32
                        }
                        _ => 0.0,
                    };
                    *value = value.min(limit);
                }
            });
            room.append(&intensity);
        }
        let windows = scan.iter().enumerate().map(|(pattern, &position)| {
            let window = self.model.window(position, self.object.shape());
            window.map_err(|source| ProblemError::OffObject { pattern, source })
        });
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            patterns: Arc::new(room.finish()),
            kept: all,
            whole_scan: scan.clone(),
            windows,
            scan,
            object: Arc::new(solution.object.clone()),
            probe: concatenate![Axis(0), solution.probe, solution.eigenmodes],
            weights: solution.weights.select(Axis(0), &self.kept),
            log_powers: self.log_powers.as_ref().map(|_| {
                self.kept.iter().map(|&stored| solution.powers[stored].ln() as f32).collect()
            }),
            ..self.clone()
        })
    }
}

/// Patterns while they are drawn.
enum Room {
    Memory(Vec<f32>),
    /// As 32-bit numbers, so many of them yet.
    Outside {
        bytes: Box<dyn OutsideBytes>,
        values: usize,
        kind: PatternType,
    },
}

impl Room {
    /// For so many values, in `store` where it has space for them, else in memory.
    fn new(values: usize, store: Option<&dyn OutsideStore>) -> Self {
        let len = values * size_of::<f32>();
        let outside = store.and_then(|store| store.bytes(len));
        match outside.filter(|bytes| (**bytes).as_ref().len() == len) {
            Some(bytes) => Self::Outside { bytes, values: 0, kind: PatternType::Bytes },
            None => Self::Memory(Vec::with_capacity(values)),
        }
    }

    fn append(&mut self, block: &[f32]) {
        match self {
            Self::Memory(all) => all.extend_from_slice(block),
            Self::Outside { bytes, values, kind } => {
                *kind = (*kind).max(PatternType::of(block));
                let from = *values * size_of::<f32>();
                let block = bytemuck::cast_slice(block);
                (**bytes).as_mut()[from..from + block.len()].copy_from_slice(block);
                *values += block.len() / size_of::<f32>();
            }
        }
    }

    /// The patterns, in the smallest type that holds them.
    fn finish(self) -> Patterns {
        match self {
            Self::Memory(all) => Patterns::new(all),
            Self::Outside { mut bytes, values, kind } => {
                narrow((*bytes).as_mut(), values, kind);
                Patterns::Stored(kind, Stored(Box::new(Outside(bytes))))
            }
        }
    }
}

/// Makes of so many 32-bit numbers others of a type, in place: from the beginning, where they never
/// reach what is still to be read.
fn narrow(bytes: &mut [u8], values: usize, kind: PatternType) {
    if kind == PatternType::Singles {
        return;
    }
    let (mut singles, mut narrowed) = (Vec::new(), Vec::new());
    for first in (0..values).step_by(BLOCK) {
        let last = (first + BLOCK).min(values);
        let wide = &bytes[first * size_of::<f32>()..last * size_of::<f32>()];
        singles.clear();
        singles.extend(wide.as_chunks().0.iter().map(|&single| f32::from_ne_bytes(single)));
        narrowed.clear();
        kind.append(&singles, &mut narrowed);
        bytes[first * kind.width()..last * kind.width()].copy_from_slice(&narrowed);
    }
}

/// Values that are narrowed at a time.
const BLOCK: usize = 1 << 16;

/// Bytes of a store that do not change any more.
struct Outside(Box<dyn OutsideBytes>);

impl AsRef<[u8]> for Outside {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}
