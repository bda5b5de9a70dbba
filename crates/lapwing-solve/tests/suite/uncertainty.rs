//! Error maps against the true error of a simulation.

use crate::common::{case, case_of};
use lapwing_compare::{Region, compare, coverage};
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::ml::Ml;
use lapwing_solve::uncertainty::error_maps;
use lapwing_solve::{Flow, Solver};
use lapwing_testing::swept;

#[test]
fn errors_lie_within_one_and_two_standard_deviations_as_often_as_they_should() {
    if lapwing_testing::left_out() {
        return;
    }
    for &(dose, sharp) in swept(&[(1e3, true), (1e4, true), (1e4, false), (1e5, false)], 1) {
        let case = case_of(sharp);
        let problem = case.problem(Some(dose));
        let solver = Ml::default();
        let solution = solver.solve(&problem, &mut |_| Flow::Continue);
        let maps = error_maps(&problem, &solution, &solver, 2, &mut |_| Flow::Continue);
        let maps = maps.unwrap().unwrap();
        let region = Region::from_scan(case.truth.dim(), &case.scan, case.probe.view()).unwrap();
        let object = solution.object.projection();
        let found = compare(object.view(), case.truth.view(), &region).unwrap();
        let (amplitude, phase) = (maps.amplitude.view(), maps.phase.view());
        let covered = coverage(&found, &region, object.view(), amplitude, phase).unwrap();
        // Normal errors have 0.68 and 0.95; a flat object and a wrong probe leave what no photon
        // decides.
        for (what, [one, two]) in [("amplitude", covered.amplitude), ("phase", covered.phase)] {
            println!("dose {dose}, sharp {sharp}: {what} {one:.3} and {two:.3}");
            assert!((0.5..0.82).contains(&one) && two > 0.8, "{what} at {dose}: {one}, {two}");
        }
        let (expected, known) = (found.metrics.phase_mae, maps.phase_rms);
        println!("phase: mean error {expected}, standard deviation {known}");
        assert!(known > 0.5 * expected && known < 3.0 * expected, "{known} and {expected}");
    }
}

#[test]
fn more_photons_leave_less_error_with_any_solver() {
    let case = case();
    let rms = |dose: f64| {
        let problem = case.problem(Some(dose));
        let solver = Lsqml { epochs: 30, ..Lsqml::default() };
        let solution = solver.solve(&problem, &mut |_| Flow::Continue);
        let maps = error_maps(&problem, &solution, &solver, 1, &mut |_| Flow::Continue);
        maps.unwrap().unwrap().phase_rms
    };
    let (few, many) = (rms(1e3), rms(1e5));
    println!("{few} and {many}");
    assert!(few > 3.0 * many, "{few} and {many}");
}

#[test]
fn maps_are_the_same_every_time_and_stop_when_told() {
    let case = case();
    let problem = case.problem(Some(1e4));
    let solver = Ml { epochs: lapwing_solve::solver::options::Auto::Given(10), ..Ml::default() };
    let solution = solver.solve(&problem, &mut |_| Flow::Continue);
    let maps = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            error_maps(&problem, &solution, &solver, 1, &mut |_| Flow::Continue).unwrap().unwrap()
        })
    };
    let (one, other) = (maps(1), maps(3));
    assert_eq!((one.phase_rms, one.amplitude_rms), (other.phase_rms, other.amplitude_rms));
    let stopped = error_maps(&problem, &solution, &solver, 1, &mut |_| Flow::Stop);
    assert!(stopped.unwrap().is_none());
}
