//! ML on simulated scans with a known truth.

use crate::common::{case, case_within};
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::ml::Ml;
use lapwing_solve::noise::{Faults, NoiseModel};
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Flow, Solver};
use lapwing_testing::swept;

#[test]
fn finds_the_truth_from_a_flat_object_and_a_wrong_probe() {
    let (solution, metrics) =
        case().solve_ml(None, &Ml { prior: Auto::Given(20.0), ..Ml::default() });
    assert!(metrics.complex_nrmse < 0.01, "complex NRMSE {}", metrics.complex_nrmse);
    assert_eq!((solution.loss.len(), solution.choices.len()), (50, 0));
}

#[test]
fn is_better_than_lsqml_at_every_dose_in_as_many_epochs() {
    let case = case();
    for &dose in swept(&[1e4, 1e3, 1e5, 1e9], 1) {
        let lsqml =
            case.solve(Some(dose), &Lsqml { epochs: 50, ..Lsqml::default() }).1.complex_nrmse;
        let ml = case.solve_ml(Some(dose), &Ml::default()).1.complex_nrmse;
        println!("dose {dose}: ML {ml}, LSQML {lsqml}");
        assert!(ml < lsqml, "dose {dose}: ML {ml}, LSQML {lsqml}");
    }
}

#[test]
fn converges_without_the_prior_and_from_any_first_stage() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    for (start_epochs, start_batch_size) in [(8, 10), (0, 10), (3, 1), (5, 100_000)] {
        let options =
            Ml { prior: Auto::Given(0.0), start_epochs, start_batch_size, ..Ml::default() };
        let (solution, metrics) = case.solve_ml(Some(1e6), &options);
        let name = format!("{start_epochs} epochs of {start_batch_size}");
        println!("{name}: {}", metrics.complex_nrmse);
        assert!(metrics.complex_nrmse < 0.05, "{name}: {}", metrics.complex_nrmse);
        // In the second stage the loss never rises: such a step is taken back.
        for pair in solution.loss[start_epochs + 1..].windows(2) {
            assert!(pair[1] <= pair[0] * 1.001, "{name}: {:?}", solution.loss);
        }
    }
}

#[test]
fn no_dose_nor_batch_size_diverges_from_a_flat_object() {
    let case = case_within(true, 50.0);
    for dose in [10.0, 1e3, 1e9] {
        let problem = case.problem(Some(dose));
        for (start_batch_size, prior) in [(1, 20.0), (7, 0.0), (1000, 20.0)] {
            let options = Ml {
                epochs: Auto::Given(20),
                start_batch_size,
                prior: Auto::Given(prior),
                ..Ml::default()
            };
            let solution = options.solve(&problem, &mut |_| Flow::Continue);
            let (loss, name) =
                (&solution.loss, format!("{dose}, {start_batch_size}, prior {prior}"));
            println!("{name}: {} to {}", loss[0], loss[19]);
            assert!(
                solution.object.slices().iter().all(|v| v.re.is_finite() && v.im.is_finite()),
                "{name}"
            );
            assert!(loss[19] < loss[0], "{name}: {loss:?}");
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let case = case();
    let options = Ml { epochs: Auto::Given(20), start_epochs: 2, ..Ml::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| options.solve(&case.problem(Some(1e4)), &mut |_| Flow::Continue))
    };
    let one = run(1);
    for threads in [2, 8] {
        let many = run(threads);
        assert!(
            one.object == many.object && one.probe == many.probe && one.loss == many.loss,
            "{threads}"
        );
    }
}

#[test]
fn the_strength_chosen_is_about_the_best_one() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    for dose in [1e3, 1e5] {
        let given = |strength| {
            let options = Ml { prior: Auto::Given(strength), ..Ml::default() };
            let error = case.solve_ml(Some(dose), &options).1.complex_nrmse;
            println!("dose {dose}, prior {strength}: {error}");
            error
        };
        let best = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0].map(given).into_iter().fold(1.0, f64::min);
        let (solution, metrics) = case.solve_ml(Some(dose), &Ml::default());
        let choice = &solution.choices[0];
        println!("dose {dose}: {} with {}, best {best}", metrics.complex_nrmse, choice.value);
        assert!(metrics.complex_nrmse < 1.1 * best, "{} and {best}", metrics.complex_nrmse);
        assert!(choice.option == "prior" && choice.tried.len() >= 3);
    }
}

#[test]
fn a_background_that_is_known_costs_little() {
    if lapwing_testing::left_out() {
        return;
    }
    // 0.05 counts in every pixel, 5 to 10 % of the light.
    let case = case();
    let dose = 1e4;
    let clean = case.with_one_prior(&case.problem(Some(dose)));
    let [known, unknown] = [true, false].map(|known| case.with_background(dose, 0.05, known));
    println!("clean {clean}, known {known}, unknown {unknown}");
    assert!(known < 1.3 * clean && known < 0.9 * unknown, "{clean} {known} {unknown}");
}

#[test]
fn counts_in_another_unit_are_the_same_with_their_gain() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_within(true, 50.0);
    let counts = case.counts(Some(1e4));
    let [one, other] = [1.0_f32, 4.0].map(|gain| {
        let problem = case.problem_of(&counts * gain);
        let noise = NoiseModel {
            gain: gain.into(),
            ..NoiseModel::photons((64, 64), problem.mean_intensity())
        };
        let problem = problem.with_noise(&noise).unwrap();
        Ml::default().solve(&problem, &mut |_| Flow::Continue)
    });
    let [error, same] = [&one, &other].map(|solution| case.measure(solution).complex_nrmse);
    println!("{error} and {same}, {} and {}", one.choices[0].value, other.choices[0].value);
    assert!((error / same - 1.0).abs() < 0.05, "{error} and {same}");
    assert!((one.choices[0].value / other.choices[0].value).ln().abs() < 0.2);
}

#[test]
fn a_detector_that_stops_early_loses_little() {
    if lapwing_testing::left_out() {
        return;
    }
    let (case, dose) = (case(), 1e4);
    let whole = case.counts(Some(dose));
    let mut brightest: Vec<f32> = whole.iter().copied().collect();
    brightest.sort_unstable_by(|a, b| b.total_cmp(a));
    // The brightest twentieth, which is most of the light.
    let limit = brightest[brightest.len() / 20];
    let problem = case.problem_of(whole.mapv(|count| count.min(limit)));
    let noise = problem.estimate_noise(&Faults::default(), None);
    assert_eq!(noise.faults, Faults { saturation: Some(limit), ..Faults::default() });
    let all = case.with_one_prior(&case.problem(Some(dose)));
    let stopped = case.with_one_prior(&problem.with_noise(&noise).unwrap());
    let taken_as_they_are = case.with_one_prior(&problem);
    println!("{all}, {stopped} with the limit {limit} known, {taken_as_they_are} without");
    assert!(stopped < 1.5 * all && stopped < 0.5 * taken_as_they_are, "{stopped}, {all}");
}
