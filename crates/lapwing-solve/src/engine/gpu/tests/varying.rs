//! Positions that move, a probe with eigenmodes, and a beam whose power varies.

use super::*;
use crate::solver::PositionFreedom;

/// The problems, some with eigenmodes, whose positions move and whose beam varies, and products for
/// both.
fn varying() -> (Vec<Problem>, Products) {
    let varying = |(number, problem): (usize, Problem)| {
        problem.with_eigenmodes(number % 3).with_varying_power()
    };
    let all = problems().into_iter().enumerate().map(varying).collect();
    (all, Products { waves: true, slopes: true, ..Products::default() })
}

/// Moves positions, weights and powers of an engine's fields.
fn vary(engine: &mut dyn Engine) {
    let parts = engine.fields_mut().parts_mut();
    let numbers = |index: usize| (index as f32 * 0.7).sin();
    for (index, offset) in parts.offsets.iter_mut().enumerate() {
        *offset = Complex32::new(0.9 * numbers(index), -0.6 * numbers(index + 3));
    }
    for (index, weight) in parts.weights.iter_mut().enumerate() {
        *weight = Complex32::new(0.4 * numbers(index + 2), 0.3 * numbers(index + 5));
    }
    for (index, power) in parts.log_powers.iter_mut().enumerate() {
        *power = Complex32::from(0.5 * numbers(index + 1));
    }
}

fn assert_all_close<const N: usize>(found: &[[f64; N]], truth: &[[f64; N]], what: &str) {
    assert_eq!(found.len(), truth.len(), "{what}");
    let size: f64 = truth.iter().flatten().map(|value| value * value).sum();
    let differences = found.iter().flatten().zip(truth.iter().flatten()).map(|(a, b)| a - b);
    let error: f64 = differences.map(|difference| difference * difference).sum();
    assert!(error <= 1e-8 * size, "{what}: {found:?} and {truth:?}");
}

#[test]
fn slopes_and_sums_of_patterns_that_vary_are_those_of_the_processor() {
    let Some(card) = card_at_length() else { return };
    let (problems, products) = varying();
    for (number, problem) in problems.iter().enumerate() {
        let n = problem.n_patterns();
        let mut engines: [Box<dyn Engine>; 2] = [
            Box::new(Cpu::new(problem, n, products)),
            Box::new(GpuEngine::new(card, problem, n, products)),
        ];
        engines.iter_mut().for_each(|engine| vary(&mut **engine));
        for step in STEPS {
            let found = engines.each_mut().map(|engine| {
                let mut slopes = Vec::new();
                for members in [&[2, 0, 1][..], &(3..n).collect::<Vec<_>>()] {
                    engine.project(members, step);
                    let of_powers = engine.power_slopes().into_iter().map(|slope| [slope]);
                    let of_powers = of_powers.collect::<Vec<_>>();
                    slopes.push((engine.slopes(), of_powers, engine.weight_slopes()));
                    engine.add_sums();
                }
                (slopes, engine.take_losses().seen, engine.take_sums())
            });
            assert_eq!(card.failure(), None);
            let [(slopes, loss, sums), (its_slopes, its_loss, its_sums)] = &found;
            let what = format!("problem {number}, {step:?}");
            assert_near(*its_loss, *loss, &what);
            for (found, truth) in its_slopes.iter().zip(slopes) {
                assert_all_close(&found.0, &truth.0, &what);
                assert_all_close(&found.1, &truth.1, &what);
                assert_close(&found.2, &truth.2, 1e-4, &what);
            }
            assert_close(&its_sums.object, &sums.object, 3e-5, &what);
            assert_close(&its_sums.probe, &sums.probe, 3e-5, &what);
            assert_close(&as_fields(&its_sums.light), &as_fields(&sums.light), 1e-5, &what);
            assert_close(&as_fields(&its_sums.power), &as_fields(&sums.power), 1e-5, &what);
        }
    }
}

#[test]
fn search_directions_of_a_beam_that_varies_are_those_of_the_processor() {
    let Some(card) = card_at_length() else { return };
    let (problems, products) = varying();
    let problem = &problems[1];
    let light = crate::solver::gauge::illumination(problem, problem.probe.as_slice().unwrap());
    let engines: [Box<dyn Engine>; 2] = [
        Box::new(Cpu::new(problem, 9, products)),
        Box::new(GpuEngine::new(card, problem, 9, products)),
    ];
    let found = engines.map(|mut engine| {
        vary(&mut *engine);
        engine.trail_mut().set_light(light.clone());
        engine.begin_search(SearchDirections {
            object_damping: 0.1,
            probe_damping: 0.2,
            every_batch: true,
            light_of_batch: false,
            step: 0.8,
            probe: Some(0.5),
        });
        for members in [[2, 0, 1], [3, 4, 1]] {
            engine.project(&members, DetectorRule::Gaussian);
            engine.slopes();
            engine.weight_slopes();
            engine.search();
        }
        // A kept vector holds what varies, too.
        let kept = engine.new_vector();
        engine.copy(kept, Vector::Fields);
        let values = engine.vector(kept);
        engine.fields_mut().parts_mut().log_powers.fill(Complex32::ZERO);
        engine.fields_mut().parts_mut().offsets.fill(Complex32::ZERO);
        engine.copy(Vector::Fields, kept);
        assert!(engine.fields().values() == values);
        engine.set_vector(kept, &values);
        assert!(engine.vector(kept) == values);
        (engine.end_search(), values)
    });
    let [(step, fields), (its_step, its_fields)] = &found;
    assert!((its_step / step - 1.0).abs() < 1e-3, "{its_step} and {step}");
    assert_close(its_fields, fields, 1e-3, "fields");
}

#[test]
fn reconstructions_that_move_positions_and_powers_are_as_good_as_the_processors() {
    let Some(card) = card_at_length() else { return };
    let problem = scan().with_eigenmodes(1).with_varying_power();
    let there = problem.on(Device::Gpu(card.clone()));
    let single = Some(PositionFreedom::Single);
    let lsqml = Lsqml {
        epochs: 20,
        batch_size: 20,
        refine_positions: single,
        positions_from_epoch: Some(5),
        ..Lsqml::default()
    };
    let ml = Ml {
        epochs: Auto::Given(20),
        prior: Auto::Given(20.0),
        refine_positions: single,
        ..Ml::default()
    };
    let solvers: [Box<dyn Solver>; 2] = [Box::new(lsqml), Box::new(ml)];
    for solver in solvers {
        assert_eq!(there.device.check(&there, solver.needs()), Ok(()));
        let solve = |problem: &Problem| solver.solve(problem, &mut |_| Flow::Continue);
        let [on_cpu, on_card] = [&problem, &there].map(solve);
        assert_eq!(card.failure(), None);
        let [a, b] = [&on_cpu, &on_card].map(|solution| *solution.loss.last().unwrap());
        assert!((b / a - 1.0).abs() < 0.01, "{}: {a} and {b}", solver.name());
    }
}
