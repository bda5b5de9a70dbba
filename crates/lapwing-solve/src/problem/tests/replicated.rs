//! Counts that are drawn anew do not depend on how many are drawn together, and where they lie.

use crate::lsqml::Lsqml;
use crate::outside::{OutsideBytes, OutsideStore};
use crate::problem::Problem;
use crate::problem::patterns::{PatternType, Patterns};
use crate::{Flow, Solver};
use lapwing_model::random::generator;
use lapwing_model::{Complex32, Field, Modes, Position};
use ndarray::Array3;
use rand_distr::{Distribution, Poisson};
use std::sync::Arc;

/// Space in vectors, or none.
#[derive(Debug)]
struct Shelf(bool);

impl OutsideStore for Shelf {
    fn bytes(&self, len: usize) -> Option<Box<dyn OutsideBytes>> {
        self.0.then(|| Box::new(vec![0_u8; len]) as Box<dyn OutsideBytes>)
    }
}

/// Five patterns of so many counts a pixel on average.
fn problem(counts: f32) -> Problem {
    let scan = (0..5).map(|i| Position { y: 9.0 + 0.3 * f64::from(i), x: 8.0 }).collect();
    let light = Complex32::new(1.0, 0.5);
    let probe = Modes::from_shape_fn((1, 16, 8), |(_, y, x)| {
        light * (-0.1 * ((y as f32 - 8.0).powi(2) + (x as f32 - 4.0).powi(2))).exp()
    });
    let stack =
        Array3::from_shape_fn((5, 16, 8), |(i, y, x)| (counts * ((i + y * x) % 3) as f32).round());
    Problem::builder(scan, Field::from_elem((24, 20), light), probe).patterns(stack).unwrap()
}

fn values(problem: &Problem) -> Vec<Vec<f32>> {
    let mut buffer = vec![0.0; problem.model.len()];
    (0..5).map(|index| problem.pattern(index, &mut buffer).to_vec()).collect()
}

#[test]
fn every_pattern_has_its_own_draws() {
    let whole = problem(3.0);
    let solution = Lsqml { epochs: 2, ..Lsqml::default() }.solve(&whole, &mut |_| Flow::Continue);
    let drawn = values(&whole.replicate(&solution, 42, 7).unwrap());
    for (index, found) in drawn.iter().enumerate() {
        let means = whole.expected(&solution, &[index]).unwrap().intensity;
        let mut draws = generator(42, "replicate 7", index as u64);
        let expected = means.iter().map(|&mean| match Poisson::new(f64::from(mean)) {
            Ok(poisson) if mean > 0.0 => poisson.sample(&mut draws) as f32,
            _ => 0.0,
        });
        assert!(found.iter().copied().eq(expected), "{index}");
    }
    assert!(drawn != values(&whole.replicate(&solution, 42, 8).unwrap()));
}

#[test]
fn they_are_the_same_in_pieces_and_outside_the_memory() {
    // As many as the smallest type holds, and more.
    for (counts, kind) in
        [(3.0, PatternType::Bytes), (3e3, PatternType::Words), (1e7, PatternType::Singles)]
    {
        let whole = problem(counts);
        let solution =
            Lsqml { epochs: 2, ..Lsqml::default() }.solve(&whole, &mut |_| Flow::Continue);
        let expected = values(&whole.replicate(&solution, 1, 0).unwrap());
        for (space, together) in [(false, 2), (false, 5), (true, 1), (true, 2), (true, 9)] {
            let stored = whole.with_pattern_store(Arc::new(Shelf(space)));
            let replicate = stored.drawn(&solution, (1, 0), together).unwrap();
            assert!(values(&replicate) == expected, "{kind:?} {space} {together}");
            let found = match *replicate.patterns {
                Patterns::Stored(found, _) => Some(found),
                _ => None,
            };
            // Without space they are in memory after all.
            assert_eq!(found, space.then_some(kind));
        }
    }
}
