//! Waves that were put onto a known object.

use super::*;
use crate::engine::{DetectorRule, Products};
use crate::solver::{Constraints, Frame};
use lapwing_model::{Field, ForwardModel, Modes, Object, Position};
use ndarray::Array3;

const SIDE: usize = 32;
const GRID: usize = 180;

/// A structured object, its patterns without noise, and a start from it turned by `angle`.
fn problem(angle: impl Fn(f64, f64) -> f64) -> Problem {
    let scan: Vec<Position> = (0..625)
        .map(|k| Position {
            y: 18.0 + 6.0 * f64::from(k / 25) + f64::from(k * 7 % 5) * 0.4,
            x: 18.0 + 6.0 * f64::from(k % 25) + f64::from(k * 11 % 7) * 0.3,
        })
        .collect();
    let object = Field::from_shape_fn((GRID, GRID), |(y, x)| {
        let random = ((y / 3 * 7919 + x / 3 * 104_729 + y * x) % 97) as f32 / 97.0;
        Complex32::from_polar(0.8 + 0.2 * random, 1.2 * random)
    });
    let middle = SIDE as f32 / 2.0;
    let probe = Modes::from_shape_fn((1, SIDE, SIDE), |(_, y, x)| {
        let far = (y as f32 - middle).powi(2) + (x as f32 - middle).powi(2);
        Complex32::from_polar(300.0 * (-far / 50.0).exp(), 0.03 * far)
    });
    let model = ForwardModel::new((SIDE, SIDE));
    let mut counts = Array3::zeros((scan.len(), SIDE, SIDE));
    let truth = Object::thin(object.clone());
    for (mut pattern, &position) in counts.outer_iter_mut().zip(&scan) {
        pattern.assign(&model.intensity(&truth, probe.view(), position).unwrap());
    }
    let mut start = object;
    for ((y, x), value) in start.indexed_iter_mut() {
        *value *= Complex32::cis(angle(y as f64, x as f64) as f32);
    }
    Problem::builder(scan, start, probe).patterns(counts).unwrap()
}

/// Loss of ML at the fields of the frame, and its gradient.
fn evaluate(frame: &mut Frame<'_>) -> (f64, Vec<Complex32>) {
    let members: Vec<usize> = (0..frame.problem.n_patterns()).collect();
    for members in members.chunks(50) {
        frame.engine.project(members, DetectorRule::Gradient { background: 1e-4 });
        frame.engine.add_sums();
    }
    let loss = 0.5 * frame.engine.take_losses().seen;
    let sums = frame.engine.take_sums();
    let mut gradient: Vec<Complex32> = sums.object.iter().map(|value| -value).collect();
    gradient.extend(sums.probe.iter().map(|value| -value));
    (loss, gradient)
}

#[test]
fn a_slow_wave_of_the_phase_is_found_and_taken_off() {
    let half = GRID as f64 / 2.0;
    let waves: [&dyn Fn(f64, f64) -> f64; 3] = [
        &|y, x| 0.1 * ((y - half).powi(2) - (x - half).powi(2)) / (half * half),
        &|y, _| 0.05 * (y / 19.0).sin(),
        &|y, x| 0.05 * (y / 30.0).cos() * (x / 24.0).sin(),
    ];
    for wave in waves {
        let problem = problem(wave);
        let mut frame = Frame::new(&problem, Constraints::default(), 50, Products::default());
        let (before, gradient) = evaluate(&mut frame);
        let found = Wave::of(&problem, frame.engine.fields(), &gradient, 1.0).unwrap();
        found.turn(frame.engine.fields_mut().parts_mut().object, GRID);
        let (after, _) = evaluate(&mut frame);
        let won = before - after;
        assert!((found.gain - won).abs() < 0.2 * won, "promised {}, won {won}", found.gain);
        // What is left of it where the light is, whatever is the same everywhere.
        let mut angles = vec![0.0; GRID * GRID];
        for (y, row) in angles.chunks_exact_mut(GRID).enumerate() {
            found.grid.row(&found.angles, y, row);
        }
        let left = |y: usize, x: usize| wave(y as f64, x as f64) + angles[y * GRID + x];
        let rms = |of: &dyn Fn(usize, usize) -> f64| {
            let inside = || (24..GRID - 24).flat_map(|y| (24..GRID - 24).map(move |x| of(y, x)));
            let n = (GRID - 48).pow(2) as f64;
            let mean = inside().sum::<f64>() / n;
            (inside().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt()
        };
        let [left, whole] = [rms(&left), rms(&|y, x| wave(y as f64, x as f64))];
        assert!(left < 0.25 * whole, "{left} of {whole}");
    }
}

#[test]
fn of_a_fit_that_is_right_there_is_nothing_to_take() {
    let problem = problem(|_, _| 0.0);
    let mut frame = Frame::new(&problem, Constraints::default(), 50, Products::default());
    let (_, gradient) = evaluate(&mut frame);
    let found = Wave::of(&problem, frame.engine.fields(), &gradient, 1.0).unwrap();
    assert!(found.gain < CLEAR, "{}", found.gain);
}
