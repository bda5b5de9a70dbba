mod near;
mod pass;

use super::*;
use crate::test_support::random_field;
use crate::{Field, Modes, Object};
use ndarray::Array2;
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};

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

/// The far field, and everything that differs from it.
fn all_physics() -> [Physics; 9] {
    let near = Propagation::NearField { fresnel_number: 0.13 };
    let motion = Physics::fly((1.0, -2.3));
    let slices = Some(Slices { count: 3, fresnel_number: -0.11 });
    [
        Physics::default(),
        Physics { propagation: near, ..Physics::default() },
        Physics { propagation: near, moves: Moves::Probe, ..Physics::default() },
        Physics { motion: motion.clone(), ..Physics::default() },
        Physics { blur: 0.8, ..Physics::default() },
        Physics { slices, ..Physics::default() },
        Physics { propagation: near, motion: motion.clone(), blur: 0.8, ..Physics::default() },
        Physics { propagation: near, motion: motion.clone(), slices, ..Physics::default() },
        Physics { propagation: near, motion, blur: 0.8, slices, moves: Moves::Probe },
    ]
}

/// An object as thick as `model` has it.
fn object_for(model: &ForwardModel, (height, width): (usize, usize), seed: u64) -> Object {
    let dim = (model.n_slices(), height, width);
    let values = random_field(dim.0 * height * width, seed);
    Object::from_slices(ndarray::Array3::from_shape_vec(dim, values).unwrap()).unwrap()
}

#[test]
fn adjoint_is_the_adjoint_in_object_and_probe() {
    for (shape, physics) in
        [(16, 16), (9, 12)].into_iter().flat_map(|shape| all_physics().map(|of| (shape, of)))
    {
        let model = ForwardModel::with_physics(shape, physics).unwrap();
        let object = object_for(&model, (30, 33), 1);
        let probe = modes((2, shape.0, shape.1), 2);
        let position = Position { y: 13.37, x: 15.81 };
        let forward = model.at_detector(&object, probe.view(), position).unwrap();
        let residual = modes(forward.dim(), 3);
        let (to_object, to_probe) =
            model.adjoint(residual.view(), &object, probe.view(), position).unwrap();
        // Waves are linear in each slice.
        for (index, to_slice) in to_object.outer_iter().enumerate() {
            let (other, mut changed) = (field((30, 33), 4), object.clone());
            changed.slices_mut().index_axis_mut(ndarray::Axis(0), index).assign(&other);
            let forward = model.at_detector(&changed, probe.view(), position).unwrap();
            let (left, right) = (dot(&residual, &forward), dot(to_slice, &other));
            assert!((left - right).norm() < 1e-4 * left.norm(), "{index}: {left} and {right}");
        }
        let other_probe = modes((2, shape.0, shape.1), 5);
        let forward = model.at_detector(&object, other_probe.view(), position).unwrap();
        let (left, right) = (dot(&residual, &forward), dot(&to_probe, &other_probe));
        assert!((left - right).norm() < 1e-4 * left.norm(), "probe: {left} and {right}");
    }
}

#[test]
fn a_gaussian_beam_spreads_as_fresnel_has_it() {
    // exp(-r^2 / 2 w^2) has the spectrum exp(-2 pi^2 w^2 u^2); times exp(-i pi u^2 / f) it is that
    // of a Gaussian of w^2 + i / (2 pi f).
    let (size, width, fresnel_number) = (64, 3.0, 0.03);
    let propagation = Propagation::NearField { fresnel_number };
    let physics = Physics { propagation, ..Physics::default() };
    let model = ForwardModel::with_physics((size, size), physics).unwrap();
    let squared = |(y, x): (usize, usize)| (y as f64 - 32.0).powi(2) + (x as f64 - 32.0).powi(2);
    let probe = Field::from_shape_fn((size, size), |at| {
        Complex32::from((-squared(at) / (2.0 * width * width)).exp() as f32)
    });
    let object = Field::from_elem((size, size), Complex32::from(1.0));
    let probe = probe.insert_axis(ndarray::Axis(0));
    let found =
        model.intensity(object.view(), probe.view(), Position { y: 32.0, x: 32.0 }).unwrap();
    let spread = 1.0 / (std::f64::consts::TAU * fresnel_number);
    let narrowness = width * width / (width.powi(4) + spread * spread);
    // |q|^-2 of the amplitude in two dimensions, relative to w^-4.
    let peak = width.powi(4) / (width.powi(4) + spread * spread);
    for (at, &value) in found.indexed_iter() {
        let truth = peak * (-squared(at) * narrowness).exp();
        assert!((f64::from(value) - truth).abs() < 2e-5, "{at:?}: {value} and {truth}");
    }
}

/// exp(-i pi |u|^2 / f) on the spectrum of `wave`, by sums in double precision.
fn propagated(wave: &Array2<Complex64>, fresnel_number: f64) -> Array2<Complex64> {
    let (height, width) = wave.dim();
    let turn = |numerator: usize, length: usize| {
        Complex64::from_polar(1.0, -TAU * (numerator % length) as f64 / length as f64)
    };
    let frequency = |index: usize, length: usize| {
        let signed = if 2 * index >= length { index as f64 - length as f64 } else { index as f64 };
        signed / length as f64
    };
    let spectrum = Array2::from_shape_fn((height, width), |(v, u)| {
        let sum: Complex64 = wave
            .indexed_iter()
            .map(|((y, x), value)| value * turn(v * y, height) * turn(u * x, width))
            .sum();
        let squared = frequency(v, height).powi(2) + frequency(u, width).powi(2);
        sum * Complex64::from_polar(1.0, -PI * squared / fresnel_number)
    });
    let area = (height * width) as f64;
    Array2::from_shape_fn((height, width), |(y, x)| {
        let terms = spectrum.indexed_iter();
        let sum: Complex64 = terms
            .map(|((v, u), value)| value * (turn(v * y, height) * turn(u * x, width)).conj())
            .sum();
        sum / area
    })
}

#[test]
fn slices_are_met_one_after_the_other() {
    let shape = (8, 12);
    let slices = Some(Slices { count: 3, fresnel_number: 0.2 });
    let near = Propagation::NearField { fresnel_number: 0.15 };
    let physics = Physics { propagation: near, slices, ..Physics::default() };
    let model = ForwardModel::with_physics(shape, physics).unwrap();
    let object = object_for(&model, (14, 17), 1);
    let probe = modes((1, 8, 12), 2);
    let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
    let mut wave = probe.index_axis(ndarray::Axis(0), 0).map(wide);
    for (index, slice) in object.slices().outer_iter().enumerate() {
        if index > 0 {
            wave = propagated(&wave, 0.2);
        }
        wave *= &slice.slice(ndarray::s![2..10, 3..15]).map(wide);
    }
    let truth = propagated(&wave, 0.15);
    let found = model.at_detector(&object, probe.view(), Position { y: 6.0, x: 9.0 }).unwrap();
    let largest = truth.iter().map(|value| value.norm()).fold(0.0, f64::max);
    for (found, truth) in found.iter().zip(&truth) {
        assert!((wide(found) - truth).norm() < 1e-6 * largest, "{found} and {truth}");
    }
    let thin = model.at_detector(object.slice(0), probe.view(), Position { y: 6.0, x: 9.0 });
    let message = thin.unwrap_err().to_string();
    assert!(message.contains("has 1 slices; expected 3"), "{message}");
}

#[test]
fn a_flight_is_the_mean_of_its_places_and_a_blur_a_convolution() {
    let shape = (32, 32);
    let (object, position) = (field((64, 64), 1), Position { y: 30.2, x: 31.4 });
    // Well inside the window, so that a shift of the probe is one of the window.
    let probe = Modes::from_shape_fn((1, 32, 32), |(_, y, x)| {
        let squared = (y as f64 - 16.0).powi(2) + (x as f64 - 15.0).powi(2);
        Complex32::from((-squared / 8.0).exp() as f32)
    });
    let still = ForwardModel::new(shape);
    let motion = Physics::fly((1.0, 2.0));
    let mut mean = ndarray::Array2::<f32>::zeros(shape);
    for place in &motion {
        let at = Position { y: position.y + place.y, x: position.x + place.x };
        mean += &still.intensity(object.view(), probe.view(), at).unwrap();
    }
    mean /= motion.len() as f32;
    let flying = Physics { motion, ..Physics::default() };
    let flying = ForwardModel::with_physics(shape, flying).unwrap();
    let found = flying.intensity(object.view(), probe.view(), position).unwrap();
    let peak = mean.iter().fold(0.0_f32, |peak, &value| peak.max(value));
    for (found, truth) in found.iter().zip(&mean) {
        assert!((found - truth).abs() < 1e-4 * peak, "{found} and {truth}");
    }
    // One bright pixel in the centre becomes the point spread.
    let blurred = Physics { blur: 1.5, ..Physics::default() };
    let blurred = ForwardModel::with_physics(shape, blurred).unwrap();
    let (flat, light) =
        (Field::from_elem((64, 64), 1.0.into()), Modes::from_elem((1, 32, 32), 1.0.into()));
    let found = blurred.intensity(flat.view(), light.view(), position).unwrap();
    let total = f64::from(found.sum());
    assert!((total / 1024.0 - 1.0).abs() < 1e-5, "{total}");
    for ((y, x), &value) in found.indexed_iter() {
        let squared = (y as f64 - 16.0).powi(2) + (x as f64 - 16.0).powi(2);
        let truth = 1024.0 * (-squared / 4.5).exp() / (std::f64::consts::TAU * 2.25);
        assert!((f64::from(value) - truth).abs() < 0.1, "({y}, {x}): {value} and {truth}");
    }
}

/// Sum of (I - m)^2 over the pixels of a pattern, and what the pass brings back of its derivative:
/// sum_k chi conj(P) on the object in the window.
fn loss_and_gradient(
    model: &ForwardModel,
    object: &Field,
    probe: &Modes,
    window: &Window,
    measured: &[f32],
) -> (f64, Vec<Complex32>) {
    let (pixels, columns, width) = (model.len(), object.dim().1, model.shape().1);
    let mut work = model.workspace();
    let (ramps, waves) = (model.ramps(window), model.n_places() * probe.dim().0);
    let zeros = |count: usize| vec![Complex32::ZERO; count * pixels];
    let (mut probes, mut in_flight, mut chi) = (zeros(waves), zeros(waves), zeros(waves));
    let (mut spectrum, mut sum) = (zeros(1), zeros(1));
    let start = window.row as usize * columns + window.column as usize;
    let patch = Patch { object: &object.as_slice().unwrap()[start..], columns };
    let beams: Vec<(&Ramp, Vec<Complex32>)> = ramps
        .iter()
        .flat_map(|ramp| probe.outer_iter().map(move |mode| (ramp, mode.iter().copied().collect())))
        .collect();
    for (index, (ramp, mode)) in beams.iter().enumerate() {
        let part = index * pixels..(index + 1) * pixels;
        model.probe_spectrum(mode, &mut spectrum, &mut work);
        let view = Site { patch, ramp };
        let (probe, in_flight) = (&mut probes[part.clone()], &mut in_flight[part]);
        model.illuminate(&spectrum, view, probe, None, in_flight, &mut work);
    }
    let mut loss = 0.0;
    let query = PatternQuery { ramps: &ramps, ..PatternQuery::default() };
    model.detect(&mut in_flight, &mut chi, query, &mut work, &mut |first, intensity, factor| {
        for ((factor, &i), &m) in factor.iter_mut().zip(intensity).zip(&measured[first..]) {
            loss += f64::from(i - m).powi(2);
            *factor = 2.0 * (i - m);
        }
    });
    let mut gradient = zeros(1);
    for (index, (ramp, _)) in beams.iter().enumerate() {
        let part = index * pixels..(index + 1) * pixels;
        let view = Site { patch, ramp };
        let chi = &mut chi[part.clone()];
        model.gather(chi, view, &mut in_flight[part.clone()], &mut sum, &mut work);
        for ((gradient, chi), probe) in gradient.iter_mut().zip(chi).zip(&probes[part]) {
            *gradient += *chi * probe.conj();
        }
    }
    assert!(width <= columns);
    (loss, gradient)
}

#[test]
fn the_pass_brings_back_the_derivative_of_the_loss_whatever_the_physics() {
    for physics in all_physics() {
        let model = ForwardModel::with_physics((16, 16), physics.clone()).unwrap();
        let (object, probe) = (field((24, 24), 1), modes((2, 16, 16), 2));
        let window = model.window(Position { y: 11.3, x: 12.6 }, (24, 24)).unwrap();
        let measured: Vec<f32> =
            random_field(256, 3).iter().map(|value| value.norm_sqr()).collect();
        let at = |object: &Field| loss_and_gradient(&model, object, &probe, &window, &measured);
        let (_, gradient) = at(&object);
        let change = field((16, 16), 4);
        let moved = |step: f32| {
            let mut moved = object.clone();
            let (row, column) = (window.row as usize, window.column as usize);
            let mut part = moved.slice_mut(ndarray::s![row..row + 16, column..column + 16]);
            part.zip_mut_with(&change, |value, change| *value += change * step);
            at(&moved).0
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let truth = 2.0 * dot(&gradient, &change).re;
        assert!((slope - truth).abs() < 2e-3 * truth.abs(), "{physics:?}: {slope} and {truth}");
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
