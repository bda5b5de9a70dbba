//! Sums and slopes of all physics, against finite differences of a loss that the public model
//! makes.

use super::*;
use lapwing_model::forward::{Moves, Physics, Propagation, Slices};

/// A problem, the model that made its patterns of other fields, and its start fields.
type Case = (Problem, ForwardModel, Array3<Complex32>, Modes);

/// An object of as many slices as `physics` has, two probe modes, and patterns of others.
fn made_with(physics: Physics) -> Case {
    let model = ForwardModel::with_physics((SIZE, SIZE), physics.clone()).unwrap();
    let count = physics.slices.map_or(1, |slices| slices.count);
    let object = |seed| Object::from_slices(random((count, GRID.0, GRID.1), seed)).unwrap();
    let (other, other_probe) = (object(11), random((2, SIZE, SIZE), 12));
    let mut intensity = Array3::zeros((scan().len(), SIZE, SIZE));
    for (mut pattern, position) in intensity.outer_iter_mut().zip(scan()) {
        pattern.assign(&model.intensity(&other, other_probe.view(), position).unwrap());
    }
    let (object, probe) = (object(1), random((2, SIZE, SIZE), 2));
    let builder = Problem::builder(scan(), object.clone(), probe.clone()).physics(physics);
    (builder.patterns(intensity).unwrap(), model, object.into_slices(), probe)
}

/// A thick object of three slices, and a motion besides.
fn thick() -> Case {
    let slices = Some(Slices { count: 3, fresnel_number: 0.3 });
    made_with(Physics { slices, motion: Physics::fly((1.0, -1.2)), ..Physics::default() })
}

#[test]
fn directions_of_all_physics_are_minus_half_the_gradient_by_finite_differences() {
    let near = Propagation::NearField { fresnel_number: 0.2 };
    let slices = Some(Slices { count: 2, fresnel_number: 0.3 });
    let motion = Physics::fly((1.0, -1.2));
    let cases = [
        ("near field", Physics { propagation: near, ..Physics::default() }),
        (
            "near field of a probe that moves",
            Physics { propagation: near, moves: Moves::Probe, ..Physics::default() },
        ),
        ("blur", Physics { blur: 0.6, ..Physics::default() }),
        ("motion", Physics { motion: motion.clone(), ..Physics::default() }),
        ("near field, blur", Physics { propagation: near, blur: 0.6, ..Physics::default() }),
        ("all", Physics { propagation: near, motion, blur: 0.4, slices, ..Physics::default() }),
    ];
    for (name, physics) in cases {
        agree_with_finite_differences(made_with(physics), name);
    }
    agree_with_finite_differences(thick(), "slices, motion");
}

fn agree_with_finite_differences((problem, model, object, probe): Case, name: &str) {
    // The loss of all patterns, from the public model alone.
    let loss_of = |object: &Array3<Complex32>, probe: &Modes| -> f64 {
        let object = Object::from_slices(object.clone()).unwrap();
        let (mut buffer, mut ordered) = (vec![0.0; SIZE * SIZE], vec![0.0_f32; SIZE * SIZE]);
        let patterns = problem.scan.iter().enumerate().map(|(index, &position)| {
            let intensity = model.intensity(&object, probe.view(), position).unwrap();
            model.to_pattern_order(intensity.as_slice().unwrap(), &mut ordered);
            let pixels = ordered.iter().zip(problem.pattern(index, &mut buffer));
            pixels.map(|(i, m)| f64::from(i.sqrt() - m.sqrt()).powi(2)).sum::<f64>()
        });
        patterns.sum()
    };
    let (mut engine, loss) = projected(&problem);
    engine.add_sums();
    let sums = engine.take_sums();
    assert!((loss / loss_of(&object, &probe) - 1.0).abs() < 1e-5, "{name}");
    let close = |plus: f64, minus: f64, t: f32, predicted: f64, what: &str| {
        let slope = (plus - minus) / (2.0 * f64::from(t));
        let error = (slope - predicted).abs();
        assert!(error < 4e-3 * slope.abs().max(1.0), "{name}, {what}: {slope} and {predicted}");
    };
    let t = 1e-3_f32;
    for slice in 0..object.dim().0 {
        let mut along = Array3::zeros(object.dim());
        along.index_axis_mut(Axis(0), slice).assign(&random_object(20 + slice as u64));
        let [plus, minus] = [t, -t].map(|t| loss_of(&(&object + &along.mapv(|v| v * t)), &probe));
        let predicted = -2.0 * real_dot(&sums.object, &along);
        close(plus, minus, t, predicted, "slice");
    }
    let along = random((2, SIZE, SIZE), 30);
    let [plus, minus] = [t, -t].map(|t| loss_of(&object, &(&probe + &along.mapv(|v| v * t))));
    close(plus, minus, t, -2.0 * real_dot(&sums.probe, &along), "probe");
}

#[test]
fn steps_of_slices_are_no_longer_than_the_best() {
    // Along the object's direction alone, with waves linear in each slice: the exact product is at
    // most the one that step lengths go by, and what it is multiplied with is exact.
    let (problem, model, object, probe) = thick();
    let (engine, _) = projected(&problem);
    let along = random((3, GRID.0, GRID.1), 5);
    let members: Vec<usize> = (0..problem.n_patterns()).collect();
    let flat = |field: &Array3<Complex32>| field.iter().copied().collect::<Vec<_>>();
    let still = vec![Complex32::ZERO; probe.len()];
    let normals =
        engine.batch.normals(&problem, &members, &[], &flat(&object), &flat(&along), &still);
    for (&pattern, normal) in members.iter().zip(normals) {
        let position = problem.scan[pattern];
        let mut change = Modes::zeros((0, SIZE, SIZE));
        for slice in 0..3 {
            let mut changed = object.clone();
            changed.index_axis_mut(Axis(0), slice).assign(&along.index_axis(Axis(0), slice));
            let changed = Object::from_slices(changed).unwrap();
            let waves = model.at_detector(&changed, probe.view(), position).unwrap();
            change = if slice == 0 { waves } else { change + waves };
        }
        let exact: f64 = change.iter().map(|value| f64::from(value.norm_sqr())).sum();
        assert!(exact < 1.01 * normal.object, "{exact} and {}", normal.object);
        assert!(normal.object < 6.0 * exact, "{exact} and {}", normal.object);
    }
}

#[test]
fn slopes_of_positions_are_minus_half_the_gradient_whatever_moves() {
    let near = Propagation::NearField { fresnel_number: 0.2 };
    let slices = Some(Slices { count: 2, fresnel_number: 0.3 });
    let motion = Physics::fly((1.0, -1.2));
    let stage = Physics { propagation: near, ..Physics::default() };
    let cases = [
        ("far field", Physics::default()),
        ("a probe that moves", Physics { moves: Moves::Probe, ..stage.clone() }),
        ("a fly scan", Physics { motion: motion.clone(), ..stage.clone() }),
        ("slices", Physics { slices, ..stage.clone() }),
        ("all", Physics { motion, blur: 0.4, slices, ..stage.clone() }),
        ("a specimen that moves", stage),
    ];
    for (name, physics) in cases {
        let (problem, model, object, probe) = made_with(physics);
        let object = Object::from_slices(object).unwrap();
        let members: Vec<usize> = (0..problem.n_patterns()).collect();
        let products = Products { slopes: true, ..Products::default() };
        let mut engine = Cpu::new(&problem, members.len(), products);
        engine.project(&members, DetectorRule::Gaussian);
        let (mut buffer, mut ordered) = (vec![0.0; SIZE * SIZE], vec![0.0_f32; SIZE * SIZE]);
        let slopes = engine.slopes().into_iter().enumerate();
        // That of the fourth lies between two windows, and the public model takes either.
        for (pattern, found) in slopes.filter(|(pattern, _)| *pattern != 3) {
            let mut loss = |(y, x): (f64, f64)| -> f64 {
                let at = problem.scan[pattern];
                let at = Position { y: at.y + y, x: at.x + x };
                let intensity = model.intensity(&object, probe.view(), at).unwrap();
                model.to_pattern_order(intensity.as_slice().unwrap(), &mut ordered);
                let pixels = ordered.iter().zip(problem.pattern(pattern, &mut buffer));
                pixels.map(|(i, m)| f64::from(i.sqrt() - m.sqrt()).powi(2)).sum()
            };
            let t = 1e-2;
            let slope = [(t, 0.0), (0.0, t)]
                .map(|(y, x)| -0.5 * (loss((y, x)) - loss((-y, -x))) / (2.0 * t));
            let scale = slope[0].hypot(slope[1]).max(1.0);
            for (slope, found) in slope.into_iter().zip(found) {
                let off = (slope - found).abs();
                assert!(off < 2e-2 * scale, "{name}, {pattern}: {slope} and {found}");
            }
        }
    }
}
