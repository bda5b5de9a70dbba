//! Gradients and their preconditioner, and how much of ML's second stage leaves the card.

use super::*;
use crate::engine::PriorRule;
use crate::prior::{
    Absorption, Buffers, CurvatureSystem, Jumps, ObjectSystem, Prior, SplitComplex,
};
use std::sync::Arc;

/// What the processor makes of the sums of all batches: the value of the prior, the gradient, and
/// M^-1 times it.
fn on_processor(
    problem: &Problem,
    engine: &mut dyn Engine,
    rule: Option<PriorRule>,
    directions: &Arc<SplitComplex>,
) -> (f64, [Vec<Complex32>; 2]) {
    let sums = engine.take_sums();
    let fields = engine.fields();
    let width = problem.object.shape().1;
    let minus = |sum: &[Complex32]| sum.iter().map(|value| -value).collect::<Vec<_>>();
    let (mut of_object, mut of_probe) = (minus(&sums.object), minus(&sums.probe));
    let mut value = 0.0;
    let curvature = rule.map(|rule| {
        let planes = SplitComplex::of(fields.object(), width);
        let absorption = Absorption::new(rule.absorption, directions);
        let prior =
            Prior { strength: rule.strength, edge: rule.edge, jumps: rule.jumps, absorption };
        let at = prior.weights(&planes, rule.scale);
        value = at.value;
        let factor = (rule.per_power * at.weighted_power) as f32;
        of_probe.iter_mut().zip(fields.probe()).for_each(|(sum, probe)| *sum += probe * factor);
        let mut gradient = vec![Complex32::ZERO; of_object.len()];
        prior.gradient(&at, &planes, rule.scale, &mut gradient);
        of_object.iter_mut().zip(&gradient).for_each(|(sum, value)| *sum += value);
        prior.curvature(at, rule.scale)
    });
    let gradient = [of_object, of_probe].concat();
    let mut solved = gradient.clone();
    let system = ObjectSystem::new(sums.light, width, curvature);
    CurvatureSystem::new(vec![system], sums.power).solve(&mut solved, &mut Buffers::default());
    (value, [gradient, solved])
}

#[test]
fn gradients_and_their_preconditioner_are_those_of_the_processor() {
    let Some(card) = card_at_length() else { return };
    for (number, problem) in problems().iter().enumerate() {
        let n = problem.n_patterns();
        let rule = |strength, absorption, jumps| PriorRule {
            strength,
            edge: 0.3,
            jumps,
            absorption,
            directions: None,
            scale: 1.3,
            per_power: 0.01 * strength,
        };
        let bright = problem.mean_intensity() / problem.model.len() as f64;
        for rule in [
            None,
            Some(rule(2.0 * bright, 1.0, Jumps::Linear)),
            Some(rule(0.5 * bright, 16.0, Jumps::Bounded)),
        ] {
            let mut cpu = Cpu::new(problem, n, Products::default());
            let mut gpu = GpuEngine::new(card, problem, n, Products::default());
            for engine in [&mut cpu as &mut dyn Engine, &mut gpu] {
                for members in [&[2, 0, 1][..], &(3..n).collect::<Vec<_>>()] {
                    engine.project(members, DetectorRule::Gradient { background: 1e-4 });
                    engine.add_sums();
                }
            }
            // Of another object than the one at hand.
            let pixels = problem.slice_len();
            let other = random([pixels], 5).into_raw_vec_and_offset().0;
            let other = SplitComplex::of(&other, problem.object.shape().1);
            let directions = Absorption::directions(&other, &vec![1.0; pixels], 1e3, false);
            let (value, [gradient, solved]) = on_processor(problem, &mut cpu, rule, &directions);
            let mut values = vec![Complex32::ZERO; gpu.fields().values().len()];
            directions.write_to(&mut values[..pixels]);
            let [vector, there] = [gpu.new_vector(), gpu.new_vector()];
            gpu.set_vector(there, &values);
            let rule = rule.map(|rule| PriorRule { directions: Some(there), ..rule });
            let found = gpu.resident().unwrap().take_gradient(vector, rule);
            let its_gradient = gpu.vector(vector);
            gpu.resident().unwrap().precondition(vector);
            let its_solved = gpu.vector(vector);
            assert_eq!(card.failure(), None);
            let what = format!("problem {number}, {rule:?}");
            assert!((found - value).abs() <= 1e-5 * value, "{what}: {found} and {value}");
            assert_close(&its_gradient, &gradient, 1e-4, &what);
            assert_close(&its_solved, &solved, 1e-3, &what);
        }
    }
}

#[test]
fn steps_of_the_second_stage_leave_fields_on_the_card() {
    if lapwing_testing::left_out() {
        return;
    }
    // A card of its own, whose traffic is this test's alone.
    let Ok(card) = Gpu::open(0) else { return };
    let problem = scan().on(Device::Gpu(card.clone()));
    let fields = 8 * (problem.object.slices().len() + problem.probe.len()) as u64;
    let solver = Ml { start_epochs: 2, prior: Auto::Given(20.0), ..Ml::default() };
    let mut run = solver.start(&problem);
    let mut traffic_of = |epochs: usize| {
        let before = card.traffic();
        (0..epochs).for_each(|_| {
            run.epoch();
        });
        [0, 1].map(|way| card.traffic()[way] - before[way])
    };
    let first = traffic_of(4);
    assert!(first[0] > fields && first[1] > 0);
    // Two that look for slow waves of the phase, which fetch fields and gradient.
    let [there, back] = traffic_of(2).map(|bytes| bytes / 2);
    assert!(there < fields / 2, "{there} of {fields}");
    assert!(back < 2 * fields + 100_000, "{back} of {fields}");
    // Members and tiles of batches go there; products, losses and numbers of the prior come back.
    let [there, back] = traffic_of(3).map(|bytes| bytes / 3);
    assert!(there < fields / 2, "{there} of {fields}");
    assert!(back < 100_000, "{back} of {fields}");
}
