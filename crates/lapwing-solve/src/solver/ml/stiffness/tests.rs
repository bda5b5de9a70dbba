//! The prior of several slices against what it says of itself.

use super::*;
use lapwing_model::forward::{Physics, Slices};
use lapwing_model::{ForwardModel, Modes, Object, Position};
use ndarray::Array3;

const SIDE: usize = 8;
const GRID: (usize, usize) = (26, 60);

/// A problem that starts from `count` slices of strong phase.
fn problem(count: usize) -> Problem {
    let scan: Vec<Position> = (0..84)
        .map(|k| Position { y: 4.0 + f64::from(k / 14) * 3.4, x: 4.0 + f64::from(k % 14) * 3.9 })
        .collect();
    let object = Array3::from_shape_fn((count, GRID.0, GRID.1), |(k, y, x)| {
        let (y, x) = (y as f32 + 5.0 * k as f32, x as f32 - 3.0 * k as f32);
        Complex32::from_polar(1.0, (0.45 * y + 0.1 * x).sin() + (0.5 * x - 0.1 * y).cos())
    });
    let probe = Modes::from_shape_fn((1, SIDE, SIDE), |(_, y, x)| {
        Complex32::from(2.0 / (1.0 + ((y as f32 - 4.0).powi(2) + (x as f32 - 4.0).powi(2)) / 4.0))
    });
    let slices = (count > 1).then_some(Slices { count, fresnel_number: 0.3 });
    let physics = Physics { slices, ..Physics::default() };
    let model = ForwardModel::with_physics((SIDE, SIDE), physics.clone()).unwrap();
    let object = Object::from_slices(object).unwrap();
    let mut counts = Array3::zeros((scan.len(), SIDE, SIDE));
    for (mut pattern, &position) in counts.outer_iter_mut().zip(&scan) {
        pattern.assign(&model.intensity(&object, probe.view(), position).unwrap());
    }
    Problem::builder(scan, object, probe).physics(physics).patterns(counts).unwrap()
}

/// Value of the prior at `values`, and its gradient with respect to them, conjugate.
fn at(problem: &Problem, fields: &Fields, jumps: Jumps) -> (f64, Vec<Complex32>) {
    let start = Fields::start(problem, false);
    let mut prior = Stiffness::new(problem, 0.05, &start);
    (prior.strength, prior.jumps) = (20.0, jumps);
    let light = vec![1.0; problem.n_slices() * problem.slice_len()];
    let mut gradient = vec![Complex32::ZERO; fields.values().len()];
    let (by_object, by_probe) = gradient.split_at_mut(fields.object().len());
    let s2 = fields.probe_power() / problem.mean_intensity;
    let (value, _) = prior.at(problem, fields, s2, light, (by_object, by_probe));
    (value, gradient)
}

/// The start fields with `change` made to every value of slice k at column x, and every value of
/// the probe.
fn changed(
    problem: &Problem,
    of_object: impl Fn(usize, usize) -> Complex32,
    of_probe: f32,
) -> Fields {
    let mut fields = Fields::start(problem, false);
    let (width, slice) = (GRID.1, problem.slice_len());
    let parts = fields.parts_mut();
    for (index, value) in parts.object.iter_mut().enumerate() {
        *value *= of_object(index / slice, index % width);
    }
    parts.probe.iter_mut().for_each(|value| *value *= of_probe);
    fields
}

#[test]
fn no_factor_that_slices_and_probe_exchange_changes_the_prior() {
    for count in [1, 2, 3] {
        let problem = problem(count);
        let (value, _) = at(&problem, &Fields::start(&problem, false), Jumps::Linear);
        let factors = [2.0, 0.25, 3.0];
        let probe = 1.0 / factors[..count].iter().product::<f32>();
        let other = changed(&problem, |slice, _| factors[slice].into(), probe);
        let (same, _) = at(&problem, &other, Jumps::Linear);
        assert!((same / value - 1.0).abs() < 1e-5, "{count} slices: {same} for {value}");
    }
}

#[test]
fn no_exchange_of_amplitude_between_slices_lowers_the_prior() {
    let problem = problem(2);
    for jumps in [Jumps::Linear, Jumps::Bounded] {
        let (value, _) = at(&problem, &Fields::start(&problem, false), jumps);
        for ramp in [0.02_f32, 0.05, 0.1, 0.2] {
            let middle = GRID.1 as f32 / 2.0;
            let exchanged = changed(
                &problem,
                |slice, x| {
                    let sign = if slice == 0 { ramp } else { -ramp };
                    Complex32::from((sign * (x as f32 - middle).clamp(-20.0, 20.0)).exp())
                },
                1.0,
            );
            let (other, _) = at(&problem, &exchanged, jumps);
            assert!(other > value, "{jumps:?}, ramp {ramp}: {other} for {value}");
        }
    }
}

#[test]
fn its_gradient_is_that_of_finite_differences() {
    for count in [1, 2, 3] {
        let problem = problem(count);
        let here = changed(
            &problem,
            |slice, x| Complex32::from(1.3_f32.powi(slice as i32) * (1.0 + 0.01 * x as f32)),
            1.0,
        );
        for jumps in [Jumps::Linear, Jumps::Bounded] {
            let (_, gradient) = at(&problem, &here, jumps);
            for seed in 0..4_u32 {
                let along = |index: usize| {
                    let angle = (index as f32 * 0.37 + seed as f32).sin() * 3.0;
                    Complex32::from_polar(0.5 + angle.cos().abs(), angle)
                };
                let moved = |t: f32| {
                    let mut fields = Fields::start(&problem, false);
                    fields.values_mut().copy_from_slice(here.values());
                    for (index, value) in fields.values_mut().iter_mut().enumerate() {
                        *value += along(index) * t;
                    }
                    at(&problem, &fields, jumps).0
                };
                let t = 2e-3_f32;
                let slope = (moved(t) - moved(-t)) / (2.0 * f64::from(t));
                let dot = |(index, value): (usize, &Complex32)| {
                    f64::from((value.conj() * along(index)).re)
                };
                let predicted = 2.0 * gradient.iter().enumerate().map(dot).sum::<f64>();
                let error = (slope - predicted).abs();
                assert!(
                    error < 5e-3 * slope.abs().max(1.0),
                    "{count} slices, {jumps:?}: {slope} and {predicted}"
                );
            }
        }
    }
}
