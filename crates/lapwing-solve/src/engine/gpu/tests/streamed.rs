//! Stacks that are larger than what a card holds.

use super::*;
use crate::engine::gpu::check::{Plan, layout_of};
use crate::engine::gpu::stacks::Slabs;
use crate::solver::Constraints;

#[test]
fn patterns_that_come_with_their_batches_give_the_same_bits() {
    let Some(card) = card_at_length() else { return };
    let problems = problems();
    let looked_at = if lapwing_testing::long_tests() { problems.len() } else { 1 };
    for (number, problem) in problems.iter().take(looked_at).enumerate() {
        let n = problem.n_patterns();
        let batches = [(0..n).rev().collect::<Vec<_>>(), vec![n - 1, 1, 0], vec![2], vec![1, 3]];
        let layout =
            layout_of(card, problem, Needs { batch_size: n, ..Needs::default() }, true).unwrap();
        let of_one = crate::engine::gpu::upload::bytes_of_one(problem);
        // Of four patterns each: larger batches take them several times.
        let slabs = Slabs::new(9 * of_one, of_one, 1 << 20);
        assert!(slabs.is_some());
        let mut engines = [
            GpuEngine::new(card, problem, n, Products::default()),
            GpuEngine::planned(
                card,
                problem,
                Plan { layout, slabs, left: None },
                Products::default(),
            ),
        ];
        for step in STEPS {
            let found = engines.each_mut().map(|engine| {
                for members in &batches {
                    engine.project(members, step);
                    engine.add_sums();
                }
                (engine.take_losses(), engine.take_sums())
            });
            assert_eq!(card.failure(), None);
            assert_eq!(found[0], found[1], "problem {number}, {step:?}");
        }
    }
}

#[test]
fn reconstructions_of_streamed_patterns_have_the_same_bits() {
    let Some(card) = card_at_length() else { return };
    let problem = scan();
    let lsqml = Lsqml { epochs: 4, batch_size: 20, ..Lsqml::default() };
    // Under constraints the vectors of the second stage are on neither card; else they would be
    // on the one that has room for them.
    let constraints = Constraints { object_max: Some(1e3), ..Constraints::default() };
    let ml = Ml { epochs: Auto::Given(12), prior: Auto::Given(20.0), constraints, ..Ml::default() };
    let solvers: [Box<dyn Solver>; 2] = [Box::new(lsqml), Box::new(ml)];
    for solver in solvers {
        let small = narrow(card, &problem, solver.needs());
        let plan = Plan::new(&small, &problem, solver.needs());
        assert!(plan.is_ok_and(|plan| plan.slabs.is_some()));
        let [resident, streamed] = [card, &small].map(|card| {
            let there = problem.on(Device::Gpu(card.clone()));
            solver.solve(&there, &mut |_| Flow::Continue)
        });
        assert_eq!(card.failure(), None);
        assert_eq!(resident.loss, streamed.loss);
        assert_eq!((resident.object, resident.probe), (streamed.object, streamed.probe));
    }
}
