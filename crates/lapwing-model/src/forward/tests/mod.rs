mod pass;

use super::*;
use crate::test_support::random_field;
use crate::{Field, Modes};

fn field(shape: (usize, usize), seed: u64) -> Field {
    Field::from_shape_vec(shape, random_field(shape.0 * shape.1, seed)).unwrap()
}

fn modes(shape: (usize, usize, usize), seed: u64) -> Modes {
    Modes::from_shape_vec(shape, random_field(shape.0 * shape.1 * shape.2, seed)).unwrap()
}

/// Re and Im of sum conj(a) b, in double precision.
fn dot<'a>(
    a: impl IntoIterator<Item = &'a Complex32>,
    b: impl IntoIterator<Item = &'a Complex32>,
) -> num_complex::Complex64 {
    let wide = |v: &Complex32| num_complex::Complex64::new(v.re.into(), v.im.into());
    a.into_iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
}

#[test]
fn adjoint_is_the_adjoint_in_object_and_probe() {
    for shape in [(16, 16), (9, 12)] {
        let model = ForwardModel::new(shape);
        let object = field((30, 33), 1);
        let probe = modes((2, shape.0, shape.1), 2);
        let position = Position { y: 13.37, x: 15.81 };
        let residual = modes((2, shape.1, shape.0), 3);
        let (to_object, to_probe) =
            model.adjoint(residual.view(), object.view(), probe.view(), position).unwrap();
        let other_object = field((30, 33), 4);
        let forward = model.far_field(other_object.view(), probe.view(), position).unwrap();
        let (left, right) = (dot(&residual, &forward), dot(&to_object, &other_object));
        assert!((left - right).norm() < 1e-4 * left.norm(), "object: {left} and {right}");
        let other_probe = modes((2, shape.0, shape.1), 5);
        let forward = model.far_field(object.view(), other_probe.view(), position).unwrap();
        let (left, right) = (dot(&residual, &forward), dot(&to_probe, &other_probe));
        assert!((left - right).norm() < 1e-4 * left.norm(), "probe: {left} and {right}");
    }
}

#[test]
fn intensity_holds_the_energy_of_the_exit_wave() {
    let model = ForwardModel::new((16, 16));
    let object = Field::from_elem((20, 20), Complex32::new(1.0, 0.0));
    let probe = modes((2, 16, 16), 7);
    let intensity =
        model.intensity(object.view(), probe.view(), Position { y: 10.3, x: 9.6 }).unwrap();
    let (sum, energy) = (
        intensity.iter().map(|&v| f64::from(v)).sum::<f64>(),
        probe.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>(),
    );
    assert!((sum / energy - 1.0).abs() < 1e-5);
}

#[test]
fn a_flat_pair_gives_one_bright_pixel_in_the_centre() {
    let model = ForwardModel::new((6, 9));
    let object = Field::from_elem((12, 12), Complex32::new(1.0, 0.0));
    let probe = Modes::from_elem((1, 6, 9), Complex32::new(1.0, 0.0));
    let intensity =
        model.intensity(object.view(), probe.view(), Position { y: 6.0, x: 6.0 }).unwrap();
    for ((y, x), &value) in intensity.indexed_iter() {
        let expected = if (y, x) == (3, 4) { 54.0 } else { 0.0 };
        assert!((value - expected).abs() < 1e-4, "({y}, {x}): {value}");
    }
}

#[test]
fn a_whole_pixel_rest_is_a_circular_shift() {
    let model = ForwardModel::new((8, 6));
    let probe = random_field(48, 9);
    let mut work = model.workspace();
    let (mut spectrum, mut shifted) = (probe.clone(), probe.clone());
    model.probe_spectrum(&probe, &mut spectrum, &mut work);
    let ramp = Ramp::new(&Window { row: 0, column: 0, rest_y: 2.0, rest_x: -1.0 }, (8, 6));
    model.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
    for y in 0..8 {
        for x in 0..6 {
            let source = probe[((y + 8 - 2) % 8) * 6 + (x + 1) % 6];
            assert!((shifted[y * 6 + x] - source).norm() < 1e-5);
        }
    }
}

#[test]
fn moving_the_window_moves_the_specimen_under_the_probe() {
    // A smooth probe moved by 0.3 px with the window fixed is the specimen moved the other way,
    // up to band limits.
    let model = ForwardModel::new((32, 32));
    let gaussian = |cy: f64, cx: f64, width: f64| {
        move |(y, x): (usize, usize)| {
            let d = (y as f64 - cy).powi(2) + (x as f64 - cx).powi(2);
            Complex32::new((-d / (2.0 * width * width)).exp() as f32, 0.0)
        }
    };
    let probe =
        Field::from_shape_fn((32, 32), gaussian(16.0, 16.0, 3.0)).insert_axis(ndarray::Axis(0));
    let at = |shift: f64| Field::from_shape_fn((64, 64), gaussian(33.0 - shift, 30.0, 4.0));
    let moved =
        model.intensity(at(0.0).view(), probe.view(), Position { y: 32.3, x: 32.0 }).unwrap();
    let same =
        model.intensity(at(0.3).view(), probe.view(), Position { y: 32.0, x: 32.0 }).unwrap();
    let peak = same.iter().fold(0.0_f32, |peak, &v| peak.max(v));
    for (a, b) in moved.iter().zip(&same) {
        assert!((a - b).abs() < 1e-4 * peak, "{a} and {b}");
    }
}

#[test]
fn windows_off_the_object_and_wrong_probes_are_refused() {
    let model = ForwardModel::new((8, 8));
    let object = Field::zeros((16, 16));
    let probe = Modes::zeros((1, 8, 8));
    for position in [
        Position { y: 3.4, x: 8.0 },
        Position { y: 8.0, x: 12.6 },
        Position { y: f64::NAN, x: 8.0 },
    ] {
        let error = model.intensity(object.view(), probe.view(), position).unwrap_err();
        assert!(error.to_string().contains("leaves the 16 x 16 object"), "{error}");
    }
    assert!(model.window(Position { y: 3.5, x: 12.5 }, (16, 16)).is_ok());
    let wrong = Modes::zeros((1, 8, 9));
    assert!(model.intensity(object.view(), wrong.view(), Position { y: 8.0, x: 8.0 }).is_err());
}
