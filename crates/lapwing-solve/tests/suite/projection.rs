//! DM and RAAR: what projection algorithms find, and what they keep from one epoch to the next.

use crate::common::case;
use lapwing_solve::solver::dm::Dm;
use lapwing_solve::solver::raar::Raar;
use lapwing_solve::{Flow, Snapshot, Solver};

fn both(epochs: usize) -> [Box<dyn Solver>; 2] {
    [Box::new(Dm { epochs, ..Dm::default() }), Box::new(Raar { epochs, ..Raar::default() })]
}

#[test]
fn clean_data_are_reconstructed_from_a_wrong_probe() {
    let case = case();
    let problem = case.problem(None);
    for solver in both(60) {
        let solution = solver.solve(&problem, &mut |_| Flow::Continue);
        let found = case.measure(&solution);
        println!("{}: {:.4}", solver.name(), found.complex_nrmse);
        assert!(found.complex_nrmse < 0.06, "{}: {}", solver.name(), found.complex_nrmse);
        assert!(solution.loss[59] < 0.05 * solution.loss[0], "{:?}", solution.loss);
    }
}

#[test]
fn a_run_that_stopped_resumes_with_the_same_bits() {
    let case = case();
    let problem = case.problem(Some(1e4));
    for solver in both(4) {
        let whole = solver.solve(&problem, &mut |_| Flow::Continue);
        let mut run = solver.start(&problem);
        run.epoch();
        run.epoch();
        let kept = run.snapshot();
        let arrays = kept.arrays().map(|(name, values)| (name.to_owned(), values.clone()));
        let snapshot = Snapshot::from_arrays(kept.loss.clone(), arrays.collect());
        let parts = solver.start(&problem).resume(&snapshot).unwrap();
        let parts = parts.solve(&mut |_| Flow::Continue);
        assert!(whole.object == parts.object && whole.probe == parts.probe, "{}", solver.name());
        assert_eq!(whole.loss, parts.loss);
    }
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let case = case();
    let problem = case.problem(Some(1e4));
    for solver in both(3) {
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| solver.solve(&problem, &mut |_| Flow::Continue))
        });
        assert!(one.object == three.object && one.probe == three.probe && one.loss == three.loss);
    }
}
