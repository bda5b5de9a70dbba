//! LSQML on simulated scans with a known truth: it must find the truth from wrong fields, and the
//! same bits every time.

use crate::common::{case, case_of, case_within};
use lapwing_solve::lsqml::{Batching, Lsqml, Noise};
use lapwing_solve::{Flow, Solver};
use lapwing_testing::swept;

#[test]
fn finds_the_truth_from_a_flat_object_and_a_wrong_probe() {
    let options = Lsqml { epochs: 200, ..Lsqml::default() };
    let (solution, metrics) = case().solve(None, &options);
    assert!(metrics.complex_nrmse < 0.01, "complex NRMSE {}", metrics.complex_nrmse);
    assert_eq!(solution.loss.len(), 200);
    assert!(
        solution.loss[199] < 1e-3 * solution.loss[0],
        "{} to {}",
        solution.loss[0],
        solution.loss[199]
    );
}

#[test]
fn every_batching_and_likelihood_converges_at_every_dose() {
    let case = case();
    // A flat object scores about 0.5. Random batches have no momentum and need more epochs for the
    // same error.
    for &(dose, compact_bound, random_bound) in
        swept(&[(1e5, 0.05, 0.09), (1e3, 0.20, 0.22), (1e9, 0.05, 0.09)], 1)
    {
        for &(batching, bound) in
            swept(&[(Batching::Compact, compact_bound), (Batching::Random, random_bound)], 1)
        {
            for noise in [Noise::Gaussian, Noise::Poisson] {
                let options = Lsqml { epochs: 60, batching, noise, ..Lsqml::default() };
                let (solution, metrics) = case.solve(Some(dose), &options);
                let name = format!("dose {dose}, {batching:?}, {noise:?}");
                println!("{name}: {}", metrics.complex_nrmse);
                assert!(
                    metrics.complex_nrmse < bound,
                    "{name}: complex NRMSE {}",
                    metrics.complex_nrmse
                );
                assert!(solution.loss[59] < solution.loss[0], "{name}: {:?}", solution.loss);
            }
        }
    }
}

#[test]
fn poisson_beats_gaussian_on_counted_photons() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case_of(true);
    // In the dark field most pixels hold a photon or none, and the square root of such a count is a
    // biased amplitude: the Gaussian's error stops at that bias, the Poisson's continues to the
    // noise.
    let options = Lsqml { epochs: 200, ..Lsqml::default() };
    let error = |noise| case.solve(Some(1e5), &Lsqml { noise, ..options.clone() }).1.complex_nrmse;
    let (poisson, gaussian) = (error(Noise::Poisson), error(Noise::Gaussian));
    assert!(poisson < 0.95 * gaussian, "Poisson {poisson}, Gaussian {gaussian}");
}

#[test]
fn momentum_converges_sooner() {
    if lapwing_testing::left_out() {
        return;
    }
    let case = case();
    let error =
        |momentum| case.solve(None, &Lsqml { momentum, ..Lsqml::default() }).1.complex_nrmse;
    let (with, without) = (error(0.5), error(0.0));
    assert!(with < 0.5 * without, "with {with}, without {without}");
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let case = case();
    for batching in [Batching::Compact, Batching::Random] {
        let options = Lsqml {
            epochs: 4,
            batching,
            batch_size: 37,
            noise: Noise::Poisson,
            ..Lsqml::default()
        };
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
}

#[test]
fn any_batch_size_works_and_a_caller_can_stop() {
    let case = case();
    let problem = case.problem(Some(1e5));
    for batch_size in [1, 7, 100_000] {
        for batching in [Batching::Compact, Batching::Random] {
            let options = Lsqml { epochs: 8, batch_size, batching, ..Lsqml::default() };
            let mut epochs = 0;
            let solution = options.solve(&problem, &mut |event| {
                epochs = event.done;
                if event.done == 5 { Flow::Stop } else { Flow::Continue }
            });
            assert_eq!((epochs, solution.loss.len()), (5, 5));
            assert!(
                solution.loss[4] < solution.loss[0],
                "{batch_size}, {batching:?}: {:?}",
                solution.loss
            );
            assert!(
                solution
                    .object
                    .slices()
                    .iter()
                    .all(|value| value.re.is_finite() && value.im.is_finite())
            );
        }
    }
}

#[test]
fn no_dose_nor_batch_size_diverges_from_a_flat_object() {
    if lapwing_testing::left_out() {
        return;
    }
    // 10 photons a pattern to clean data; a flat object leaves most of the detector dark.
    let case = case_within(true, 50.0);
    for dose in [10.0, 1e3, 1e9] {
        let problem = case.problem(Some(dose));
        for (noise, batch_size) in [
            (Noise::Poisson, 1),
            (Noise::Poisson, 7),
            (Noise::Poisson, 1000),
            (Noise::Gaussian, 1),
            (Noise::Gaussian, 7),
            (Noise::Gaussian, 1000),
        ] {
            for batching in [Batching::Compact, Batching::Random, Batching::Sparse] {
                let options = Lsqml { epochs: 12, noise, batch_size, batching, ..Lsqml::default() };
                let solution = options.solve(&problem, &mut |_| Flow::Continue);
                let (loss, name) =
                    (&solution.loss, format!("{noise:?}, {dose}, {batching:?} of {batch_size}"));
                println!("{name}: {} to {}", loss[0], loss[11]);
                assert!(
                    solution.object.slices().iter().all(|v| v.re.is_finite() && v.im.is_finite()),
                    "{name}"
                );
                assert!(loss[11] < loss[0], "{name}: {loss:?}");
            }
        }
    }
}

#[test]
fn the_unit_of_intensity_does_not_matter() {
    let case = case();
    let options = Lsqml { epochs: 15, ..Lsqml::default() };
    let usual = options.solve(&case.problem(Some(1e5)), &mut |_| Flow::Continue);
    let power = |solution: &lapwing_solve::Solution| -> f64 {
        solution.probe.iter().map(|v| f64::from(v.re).powi(2) + f64::from(v.im).powi(2)).sum()
    };
    for factor in [1e-27_f32, 1e-9, 1e20] {
        let other = options.solve(&case.problem_in_units(1e5, factor), &mut |_| Flow::Continue);
        let error = (&other.object.slices() - &usual.object.slices())
            .iter()
            .map(|v| f64::from(v.norm_sqr()))
            .sum::<f64>();
        // Rounding differs, so the last digits of fifteen epochs do.
        assert!((error / usual.object.slices().len() as f64).sqrt() < 5e-3, "{factor}: {error}");
        let factor = f64::from(factor);
        assert!(
            (other.loss[14] / factor / usual.loss[14] - 1.0).abs() < 1e-3,
            "{factor}: {}",
            other.loss[14]
        );
        assert!((power(&other) / factor / power(&usual) - 1.0).abs() < 1e-3, "{factor}");
    }
}
