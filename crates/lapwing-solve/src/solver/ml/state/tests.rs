//! The end of a run.

use super::*;
use crate::Problem;
use crate::engine::Products;
use lapwing_model::{Field, ForwardModel, Modes, Object, Position};
use ndarray::Array3;

/// Patterns of 16 px of a structured object, to be found from a flat one.
fn problem() -> Problem {
    let scan: Vec<Position> = (0..36)
        .map(|k| Position { y: 9.0 + 3.1 * f64::from(k / 6), x: 9.0 + 3.3 * f64::from(k % 6) })
        .collect();
    let object = Field::from_shape_fn((36, 36), |(y, x)| {
        Complex32::cis(0.6 * (0.5 * y as f32).sin() + 0.4 * (0.4 * x as f32).cos())
    });
    let probe = Modes::from_shape_fn((1, 16, 16), |(_, y, x)| {
        let far = (y as f32 - 8.0).powi(2) + (x as f32 - 8.0).powi(2);
        Complex32::from_polar(40.0 * (-far / 12.0).exp(), 0.05 * far)
    });
    let (model, truth) = (ForwardModel::new((16, 16)), Object::thin(object));
    let mut counts = Array3::zeros((scan.len(), 16, 16));
    for (mut pattern, &position) in counts.outer_iter_mut().zip(&scan) {
        pattern.assign(&model.intensity(&truth, probe.view(), position).unwrap());
    }
    Problem::builder(scan, Object::flat((36, 36)), probe).patterns(counts).unwrap()
}

#[test]
fn a_last_step_that_did_harm_is_taken_back_and_one_that_helped_is_not() {
    let problem = problem();
    let options = Ml { prior: Auto::Given(5.0), ..Ml::default() };
    for spoilt in [false, true] {
        let mut frame = Frame::new(&problem, Constraints::default(), 50, Products::default());
        let mut state = State::new(&options, &mut frame);
        // The first stage makes no step that could be looked at.
        for number in 1..=options.start_epochs {
            state.epoch(&mut frame, number, &[]);
        }
        let before = frame.engine.fields().values().to_vec();
        state.end(&mut frame);
        assert_eq!(frame.engine.fields().values(), before);
        for number in options.start_epochs + 1..=options.start_epochs + 4 {
            state.epoch(&mut frame, number, &[]);
        }
        let Second::Here(Descent { last: Some(Step { from, .. }), .. }, _) = &state.second else {
            panic!("a step was made");
        };
        let from = from.x.clone();
        if spoilt {
            let values = frame.engine.fields_mut().values_mut();
            values.iter_mut().step_by(2).for_each(|value| *value *= 1.5);
        }
        let reached = frame.engine.fields().values().to_vec();
        state.end(&mut frame);
        let expected = if spoilt { &from } else { &reached };
        assert_eq!(frame.engine.fields().values(), expected);
        assert_ne!(from, reached);
    }
}
