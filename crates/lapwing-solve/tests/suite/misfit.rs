//! The misfit of solutions that are right, and of one that is not.

use crate::common::{Case, case};
use lapwing_model::Position;
use lapwing_model::forward::Physics;
use lapwing_model::scan::Affine;
use lapwing_model::simulate::expose;
use lapwing_solve::noise::NoiseModel;
use lapwing_solve::problem::Misfit;
use lapwing_solve::{Problem, Solution};

/// The truth as a solution, of counts at a dose.
fn truth(case: &Case, dose: f64) -> (Problem, Solution) {
    let (object, probe) = (case.truth.view(), case.probe.view());
    let exposure = expose(&Physics::default(), object, probe, &case.scan, dose, 42).unwrap();
    let probe = case.probe.mapv(|value| value * exposure.scale as f32);
    let solution = Solution::of(case.truth.clone().into(), probe, case.scan.clone());
    (case.problem_of(exposure.counts), solution)
}

#[test]
fn the_truth_has_the_misfit_of_its_noise_at_every_dose() {
    let case = case();
    for dose in [300.0, 1e4, 1e6] {
        let (problem, solution) = truth(&case, dose);
        let Misfit { ratio, unexplained } = problem.misfit(&solution).unwrap();
        println!("dose {dose}: {ratio}, {unexplained}");
        assert!((ratio - 1.0).abs() < 0.02 && unexplained < 0.1, "{dose}: {ratio}");
    }
}

#[test]
fn a_detectors_gain_is_noise() {
    let case = case();
    let (_, mut solution) = truth(&case, 1e4);
    solution.probe.mapv_inplace(|value| value * 2.0);
    let problem = case.problem_in_units(1e4, 4.0);
    let noise = NoiseModel { gain: 4.0, ..NoiseModel::photons((64, 64), problem.mean_intensity()) };
    let known = problem.with_noise(&noise).unwrap().misfit(&solution).unwrap();
    assert!((known.ratio - 1.0).abs() < 0.02, "{known:?}");
    assert!(problem.misfit(&solution).unwrap().ratio > 2.0);
}

#[test]
fn a_detector_that_tells_a_photon_from_none_says_no_share_of_the_light() {
    let case = case();
    let (object, probe) = (case.truth.view(), case.probe.view());
    let exposed = expose(&Physics::default(), object, probe, &case.scan, 300.0, 42).unwrap();
    let problem = case.problem_of(exposed.counts.mapv(|count| count.min(1.0)));
    let mut noise = NoiseModel::photons((64, 64), problem.mean_intensity());
    noise.faults.saturation = Some(1.0);
    let (_, solution) = truth(&case, 300.0);
    let found = problem.with_noise(&noise).unwrap().misfit(&solution).unwrap();
    assert!(found.unexplained == 0.0 && found.ratio.is_finite(), "{found:?}");
}

#[test]
fn positions_of_other_patterns_explain_nothing() {
    let case = case();
    let (problem, mut solution) = truth(&case, 1e4);
    solution.positions.rotate_right(1);
    let Misfit { ratio, unexplained } = problem.misfit(&solution).unwrap();
    assert!(ratio > 2.0 && unexplained > 0.1, "{ratio}, {unexplained}");
    solution.positions.pop();
    assert!(problem.misfit(&solution).is_err());
}

#[test]
fn patterns_pull_at_a_scan_that_is_stretched() {
    let case = case();
    let (problem, right) = truth(&case, 1e4);
    let pull = problem.scan_pull(&right).unwrap();
    assert!(pull.chi_square < 25.0 && !pull.is_clear(), "{pull:?}");
    let map = Affine { scale: 1.003, aspect: 0.998, rotation: 0.002, shear: 0.001 };
    let mut wrong = right.clone();
    wrong.positions = map.applied(&right.positions);
    let off = wrong.positions.iter().zip(&right.positions);
    let squares = off.map(|(wrong, right)| wrong.distance(*right).powi(2)).sum::<f64>();
    let off = (squares / right.positions.len() as f64).sqrt();
    let pull = problem.scan_pull(&wrong).unwrap();
    assert!(pull.is_clear() && (pull.shift / off - 1.0).abs() < 0.1, "{pull:?} of {off}");
    // What all positions have in common is no map.
    wrong.positions = right.positions.iter().map(|at| Position { y: at.y + 0.2, ..*at }).collect();
    let pull = problem.scan_pull(&wrong).unwrap();
    assert!(pull.chi_square < 80.0 && !pull.is_clear(), "{pull:?}");
    wrong.positions.pop();
    assert!(problem.scan_pull(&wrong).is_err());
}
