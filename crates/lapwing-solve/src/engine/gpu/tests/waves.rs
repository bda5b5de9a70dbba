//! Stored exit waves, and the solvers that keep them.

use super::*;
use crate::engine::{WaveUpdate, WaveWeights};
use crate::solver::dm::Dm;
use crate::solver::raar::Raar;

/// The updates of DM, and of RAAR, which shares something else than it keeps.
fn updates() -> [WaveUpdate; 2] {
    let [of_dm, kept, shared] = [[1.1, -1.0, 0.9], [0.0, 0.8, -0.6], [0.0, -1.0, 2.0]]
        .map(|[product, before, after]| WaveWeights { product, before, after });
    [
        WaveUpdate { trial: [2.0, -1.0], keep: of_dm, share: of_dm },
        WaveUpdate { trial: [0.8, 1.0], keep: kept, share: shared },
    ]
}

#[test]
fn waves_and_their_sums_are_those_of_the_processor() {
    let Some(card) = card() else { return };
    for (number, problem) in problems().iter().enumerate() {
        let n = problem.n_patterns();
        let batches = [(0..n - 2).rev().collect::<Vec<_>>(), vec![n - 1, n - 2]];
        for (which, update) in updates().into_iter().enumerate() {
            let products = Products { stored: 1 + which, ..Products::default() };
            let mut engines: [Box<dyn Engine>; 2] = [
                Box::new(Cpu::new(problem, n, products)),
                Box::new(GpuEngine::new(card, problem, n, products)),
            ];
            let mut found = engines.each_mut().map(|engine| {
                assert_eq!(engine.waves(), None);
                Vec::new()
            });
            for pass in 0..3 {
                for (engine, found) in engines.iter_mut().zip(&mut found) {
                    let mut sums = Vec::new();
                    for members in &batches {
                        engine.project_waves(members, update);
                        engine.add_sums();
                    }
                    sums.push(engine.take_sums());
                    for side in [Side::Probe, Side::Object] {
                        for members in &batches {
                            engine.share_waves(members, side);
                            engine.add_sums();
                        }
                        sums.push(engine.take_sums());
                    }
                    found.push((engine.take_losses().seen, sums, engine.waves().unwrap()));
                    // The next pass finds other fields.
                    let probe = engine.fields_mut().parts_mut().probe;
                    probe.iter_mut().for_each(|value| *value *= Complex32::new(0.9, 0.1));
                }
                let [(loss, sums, waves), (its_loss, its_sums, its_waves)] =
                    found.each_ref().map(|found| found.last().unwrap());
                let what = format!("problem {number}, update {which}, pass {pass}");
                assert_near(*its_loss, *loss, &what);
                assert_close(its_waves, waves, 2e-5, &what);
                for (of_card, sums) in its_sums.iter().zip(sums) {
                    assert_close(&of_card.object, &sums.object, 3e-5, &what);
                    assert_close(&of_card.probe, &sums.probe, 3e-5, &what);
                    assert_close(&as_fields(&of_card.light), &as_fields(&sums.light), 1e-5, &what);
                    assert_close(&as_fields(&of_card.power), &as_fields(&sums.power), 1e-5, &what);
                }
            }
            assert_eq!(card.failure(), None);
        }
    }
}

#[test]
fn waves_in_several_arrays_and_waves_put_back_have_the_same_bits() {
    let Some(card) = card_at_length() else { return };
    let problem = scan();
    let (n, update) = (problem.n_patterns(), updates()[1]);
    let products = Products { stored: 2, ..Products::default() };
    let members: Vec<usize> = (0..n).rev().step_by(2).chain((0..n - 1).rev().step_by(2)).collect();
    let needs = Needs { waves_per_pattern: 2, batch_size: 9, ..Needs::default() };
    let few = narrow(card, &problem, needs);
    let of_one = crate::engine::gpu::waves::bytes_of_one(&problem);
    assert!(few.largest_of_several() < n as u64 * of_one, "{n}, {:?}", few.memory());
    let mut engines = [card, &few].map(|card| GpuEngine::new(card, &problem, 9, products));
    let pass = |engine: &mut GpuEngine<'_>| {
        for members in members.chunks(9) {
            engine.project_waves(members, update);
            engine.add_sums();
        }
        (engine.take_losses(), engine.take_sums(), engine.waves())
    };
    let [once, apart] = engines.each_mut().map(|engine| [pass(engine), pass(engine)]);
    assert_eq!(once, apart);
    let mut later = GpuEngine::new(card, &problem, 9, products);
    later.set_waves(once[0].2.as_ref().unwrap());
    assert_eq!(pass(&mut later), once[1]);
}

#[test]
fn projection_algorithms_are_as_good_as_on_the_processor_and_resume_to_the_bit() {
    let Some(card) = card_at_length() else { return };
    let problem = scan();
    let there = problem.on(Device::Gpu(card.clone()));
    let solvers: [Box<dyn Solver>; 2] = [
        Box::new(Raar { epochs: 25, ..Raar::default() }),
        Box::new(Dm { epochs: 25, ..Dm::default() }),
    ];
    for solver in solvers {
        let on_cpu = solver.solve(&problem, &mut |_| Flow::Continue);
        let mut run = solver.start(&there);
        (0..10).for_each(|_| {
            run.epoch();
        });
        let snapshot = run.snapshot();
        let resumed = solver.start(&there).resume(&snapshot).unwrap();
        let [whole, resumed] = [run, resumed].map(|run| run.solve(&mut |_| Flow::Continue));
        assert_eq!(card.failure(), None);
        assert_eq!((&whole.loss, &whole.object), (&resumed.loss, &resumed.object));
        // They amplify what rounding makes different: the way is the same at first, and as good
        // later.
        for (epoch, tolerance) in [(0, 1e-4), (4, 1e-3), (24, 0.05)] {
            let [a, b] = [&on_cpu, &whole].map(|solution| solution.loss[epoch]);
            assert!((b / a - 1.0).abs() < tolerance, "{} {epoch}: {a} and {b}", solver.name());
        }
    }
}
