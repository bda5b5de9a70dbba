//! Solvers that keep their own fields outside the process's memory: no bit changes.

use crate::common::case;
use lapwing_solve::lsqml::{Batching, Lsqml};
use lapwing_solve::ml::Ml;
use lapwing_solve::outside::{OutsideBytes, OutsideStore};
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Flow, Problem, Solution, Solver};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Space for so many vectors, which are counted.
#[derive(Debug)]
struct Shelf {
    most: usize,
    taken: AtomicUsize,
}

/// Eight bytes at a time, as a memory map begins at a page.
struct Bytes(Vec<u64>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

impl OutsideStore for Shelf {
    fn bytes(&self, len: usize) -> Option<Box<dyn OutsideBytes>> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            return None;
        }
        Some(Box::new(Bytes(vec![0; len / 8])))
    }
}

#[test]
fn fields_outside_the_memory_change_no_bit() {
    let case = case();
    let problem = case.problem(Some(1e4));
    let of = |batching| Lsqml { epochs: 8, batching, ..Lsqml::default() };
    let ml = Ml { epochs: Auto::Given(12), start_epochs: 3, ..Ml::default() };
    // LSQML of compact batches has two sums, two states of the fields, a velocity and three
    // updates.
    let solvers: [(&dyn Solver, usize); 3] =
        [(&of(Batching::Compact), 8), (&of(Batching::Random), 5), (&ml, 2)];
    for (solver, fewest) in solvers {
        let solve =
            |problem: &Problem| -> Solution { solver.solve(problem, &mut |_| Flow::Continue) };
        let whole = solve(&problem);
        for most in [usize::MAX, 2] {
            let shelf = Arc::new(Shelf { most, taken: AtomicUsize::new(0) });
            let found = solve(&problem.with_field_store(shelf.clone()));
            assert!(shelf.taken.load(Ordering::Relaxed) >= fewest, "{shelf:?}");
            assert_eq!(whole.loss, found.loss);
            assert!(whole.object == found.object && whole.probe == found.probe, "{shelf:?}");
        }
    }
}
