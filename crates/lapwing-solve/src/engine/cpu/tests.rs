//! The sums of a batch against the calculus they stand for.

use super::*;
use crate::engine::WaveWeights;
use lapwing_model::{Complex32, Field, ForwardModel, Modes, Object, Position};
use ndarray::{Array3, Axis};
use rand::{RngExt, SeedableRng};

mod physics;
mod steps;

const SIZE: usize = 8;
const GRID: (usize, usize) = (19, 23);

fn random(shape: (usize, usize, usize), seed: u64) -> Modes {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    Modes::from_shape_simple_fn(shape, || {
        Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))
    })
}

fn random_object(seed: u64) -> Field {
    random((1, GRID.0, GRID.1), seed).remove_axis(Axis(0))
}

fn scan() -> Vec<Position> {
    [(4.0, 4.0), (7.3, 6.8), (9.45, 12.1), (13.6, 17.5), (6.2, 18.9)]
        .map(|(y, x)| Position { y, x })
        .to_vec()
}

/// A problem whose patterns come from other fields than its start fields, with two probe modes.
fn problem(object: Field, probe: Modes) -> Problem {
    let model = ForwardModel::new((SIZE, SIZE));
    let (other_object, other_probe) = (random_object(11), random((2, SIZE, SIZE), 12));
    let mut intensity = Array3::zeros((scan().len(), SIZE, SIZE));
    for (mut pattern, position) in intensity.outer_iter_mut().zip(scan()) {
        pattern
            .assign(&model.intensity(other_object.view(), other_probe.view(), position).unwrap());
    }
    Problem::builder(scan(), object, probe).patterns(intensity).unwrap()
}

/// Loss of every pattern summed, in double precision, from the public forward model alone.
fn gaussian_loss(problem: &Problem, object: &Field, probe: &Modes) -> f64 {
    let model = ForwardModel::new((SIZE, SIZE));
    let mut loss = 0.0;
    let mut buffer = vec![0.0; SIZE * SIZE];
    for (index, &position) in problem.scan.iter().enumerate() {
        let far_fields = model.at_detector(object.view(), probe.view(), position).unwrap();
        for (pixel, &measured) in problem.pattern(index, &mut buffer).iter().enumerate() {
            let at = (pixel / SIZE, pixel % SIZE);
            let power: f64 =
                far_fields.outer_iter().map(|mode| f64::from(mode[at].norm_sqr())).sum();
            loss += (power.sqrt() - f64::from(measured).sqrt()).powi(2);
        }
    }
    loss
}

/// chi of all patterns in one batch, with the start fields as they are; returns the summed loss.
fn projected(problem: &Problem) -> (Cpu<'_>, f64) {
    let members: Vec<usize> = (0..problem.n_patterns()).collect();
    let products = Products { waves: true, slopes: false, ..Products::default() };
    let mut engine = Cpu::new(problem, members.len(), products);
    engine.project(&members, DetectorRule::Gaussian);
    let loss = engine.take_losses().seen;
    (engine, loss)
}

/// sum_j chi conj(P) and sum_j unshift(chi conj(O)), as fields.
fn sums(engine: &mut Cpu<'_>) -> (Field, Modes) {
    engine.add_sums();
    let sums = engine.take_sums();
    let probe = Modes::from_shape_vec(engine.problem.probe.dim(), sums.probe);
    (Field::from_shape_vec(GRID, sums.object).unwrap(), probe.unwrap())
}

fn real_dot<'a>(
    a: impl IntoIterator<Item = &'a Complex32>,
    b: impl IntoIterator<Item = &'a Complex32>,
) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| f64::from(a.re * b.re + a.im * b.im)).sum()
}

#[test]
fn directions_are_minus_half_the_gradient_by_finite_differences() {
    let (object, probe) = (random_object(1), random((2, SIZE, SIZE), 2));
    let problem = problem(object.clone(), probe.clone());
    let (mut engine, loss) = projected(&problem);
    let (to_object, to_probe) = sums(&mut engine);
    assert!((loss / gaussian_loss(&problem, &object, &probe) - 1.0).abs() < 1e-5);
    let t = 1e-3_f32;
    for seed in 20..23 {
        let along = random_object(seed);
        let slope = (gaussian_loss(&problem, &(&object + &along.mapv(|v| v * t)), &probe)
            - gaussian_loss(&problem, &(&object - &along.mapv(|v| v * t)), &probe))
            / (2.0 * f64::from(t));
        let predicted = -2.0 * real_dot(&to_object, &along);
        assert!(
            (slope - predicted).abs() < 2e-3 * slope.abs().max(1.0),
            "object: {slope} and {predicted}"
        );
        let along = random((2, SIZE, SIZE), seed);
        let slope = (gaussian_loss(&problem, &object, &(&probe + &along.mapv(|v| v * t)))
            - gaussian_loss(&problem, &object, &(&probe - &along.mapv(|v| v * t))))
            / (2.0 * f64::from(t));
        let predicted = -2.0 * real_dot(&to_probe, &along);
        assert!(
            (slope - predicted).abs() < 2e-3 * slope.abs().max(1.0),
            "probe: {slope} and {predicted}"
        );
    }
}

#[test]
fn seen_and_held_out_pixels_share_the_loss_whatever_masked_ones_show() {
    let mut valid = Array3::from_elem((scan().len(), SIZE, SIZE), true);
    let mut patterns = Array3::zeros(valid.dim());
    let model = ForwardModel::new((SIZE, SIZE));
    let (object, probe) = (random_object(1), random((2, SIZE, SIZE), 2));
    for (index, &position) in scan().iter().enumerate() {
        let other = model.intensity(random_object(11).view(), probe.view(), position).unwrap();
        patterns.index_axis_mut(Axis(0), index).assign(&other);
        // A third of the detector, hot.
        for pixel in (index % 3..SIZE * SIZE).step_by(3) {
            valid[[index, pixel / SIZE, pixel % SIZE]] = false;
            patterns[[index, pixel / SIZE, pixel % SIZE]] = 1e6;
        }
    }
    let problem = Problem::builder(scan(), object, probe).mask(valid.view()).patterns(patterns);
    let problem = problem.unwrap();
    let members: Vec<usize> = (0..problem.n_patterns()).collect();
    let mut engine = Cpu::new(&problem, members.len(), Products::default());
    for step in [DetectorRule::Gaussian, DetectorRule::Gradient { background: 1e-4 }] {
        let mut losses = |hidden| {
            engine.hold_out(hidden);
            engine.project(&members, step);
            engine.take_losses()
        };
        let all = losses(None);
        let part = losses(Some(HoldOut { share: 0.4, blocks: false, seed: 3 }));
        assert!(part.seen > 0.2 * all.seen && part.held_out > 0.2 * all.seen, "{step:?}");
        assert!(((part.seen + part.held_out) / all.seen - 1.0).abs() < 1e-5, "{step:?}");
    }
}

#[test]
fn sums_of_batches_add_up_to_those_of_all_together() {
    let problem = problem(random_object(1), random((2, SIZE, SIZE), 2));
    let (mut engine, whole) = projected(&problem);
    let together = sums(&mut engine);
    for members in [&[3, 0][..], &[1, 2, 4]] {
        engine.project(members, DetectorRule::Gaussian);
        engine.add_sums();
    }
    let apart = engine.take_losses().seen;
    assert_eq!(engine.take_losses(), Losses::default());
    assert!((apart / whole - 1.0).abs() < 1e-6);
    let sums = engine.take_sums();
    let pairs = sums.object.iter().zip(&together.0).chain(sums.probe.iter().zip(&together.1));
    for (apart, together) in pairs {
        assert!((apart - together).norm() < 1e-4 * (1.0 + together.norm()));
    }
    // Taken sums are removed.
    assert!(engine.take_sums().object.iter().all(|value| value.norm_sqr() == 0.0));
}

/// P_jk O_j and its modulus projection for the mode of a coherent probe, from the public model.
fn product_and_projection(
    problem: &Problem,
    pattern: usize,
    wave: Option<&[Complex32]>,
) -> [Vec<Complex32>; 2] {
    let model = ForwardModel::new((SIZE, SIZE));
    let window = model.window(problem.scan[pattern], GRID).unwrap();
    let object = problem.object.slice(0);
    let mut work = model.workspace();
    let zeros = vec![Complex32::default(); SIZE * SIZE];
    let (mut spectrum, mut product) = (zeros.clone(), zeros.clone());
    let mode: Vec<Complex32> = problem.probe.iter().copied().collect();
    model.probe_spectrum(&mode, &mut spectrum, &mut work);
    let ramp = lapwing_model::forward::Ramp::new(&window, (SIZE, SIZE));
    model.shifted_probe(&spectrum, &ramp, &mut product, &mut work);
    for (index, value) in product.iter_mut().enumerate() {
        let (y, x) = (index / SIZE, index % SIZE);
        *value *= object[(window.row as usize + y, window.column as usize + x)];
    }
    let wave = wave.map_or_else(|| product.clone(), <[Complex32]>::to_vec);
    let (mut far_field, mut projected) = (zeros.clone(), zeros);
    model.propagate(&wave, None, &mut far_field, &mut work);
    let mut buffer = vec![0.0; SIZE * SIZE];
    for (value, &measured) in far_field.iter_mut().zip(problem.pattern(pattern, &mut buffer)) {
        *value *= measured.sqrt() / value.norm();
    }
    model.back_propagate(&mut far_field, None, &mut projected, &mut work);
    [product, projected]
}

#[test]
fn stored_waves_move_as_their_update_says() {
    let problem = problem(random_object(1), random((1, SIZE, SIZE), 2));
    let members: Vec<usize> = (0..problem.n_patterns()).collect();
    let mut engine = Cpu::new(&problem, members.len(), Products::default());
    assert_eq!(engine.waves(), None);
    let close = |a: &[Complex32], b: &[Complex32]| {
        let error: f32 = a.iter().zip(b).map(|(a, b)| (a - b).norm_sqr()).sum();
        let size: f32 = b.iter().map(|b| b.norm_sqr()).sum();
        assert!(a.len() == b.len() && error < 1e-8 * size, "{error} of {size}");
    };
    // First pass: e = p, and the wave becomes 0.5 p + 0.25 e + 2 m.
    let weights = |product, before, after| WaveWeights { product, before, after };
    let keep = weights(0.5, 0.25, 2.0);
    let update = WaveUpdate { trial: [7.0, 7.0], keep, share: weights(0.0, -1.0, 2.0) };
    engine.project_waves(&members, update);
    let gap = engine.take_losses().seen;
    let first: Vec<[Vec<Complex32>; 2]> =
        members.iter().map(|&pattern| product_and_projection(&problem, pattern, None)).collect();
    let expected: Vec<Complex32> =
        first.iter().flat_map(|[p, m]| p.iter().zip(m).map(|(p, m)| p * 0.75 + m * 2.0)).collect();
    close(&engine.waves().unwrap(), &expected);
    let expected_gap: f64 = first
        .iter()
        .flat_map(|[p, m]| p.iter().zip(m).map(|(p, m)| f64::from((m - p).norm_sqr())))
        .sum();
    assert!((gap / expected_gap - 1.0).abs() < 1e-5);

    // What is shared, 2 m - e, is what the sums are made of: by the definition of the adjoint,
    // Re <sum_j c_j conj(P_j), D> = sum_j Re <c_j, P_j D_j> for any D on the object's grid.
    engine.add_sums();
    let sums = engine.take_sums();
    let direction = random_object(5);
    let found = real_dot(&sums.object, &direction);
    let mut along = problem.clone();
    along.object = std::sync::Arc::new(direction.into());
    let expected: f64 = members
        .iter()
        .zip(&first)
        .map(|(&pattern, [p, m])| {
            let share: Vec<Complex32> = p.iter().zip(m).map(|(p, m)| m * 2.0 - p).collect();
            real_dot(&share, &product_and_projection(&along, pattern, None)[0])
        })
        .sum();
    assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} and {expected}");

    // Second pass, for two patterns: e = 2 p - w.
    let before = engine.waves().unwrap();
    let update = WaveUpdate { trial: [2.0, -1.0], keep: weights(0.0, 0.0, 1.0), share: keep };
    engine.project_waves(&[3, 1], update);
    let after = engine.waves().unwrap();
    for (pattern, (after, before)) in
        after.chunks(SIZE * SIZE).zip(before.chunks(SIZE * SIZE)).enumerate()
    {
        if pattern != 3 && pattern != 1 {
            assert_eq!(after, before);
            continue;
        }
        let trial: Vec<Complex32> =
            first[pattern][0].iter().zip(before).map(|(p, w)| p * 2.0 - w).collect();
        close(after, &product_and_projection(&problem, pattern, Some(&trial))[1]);
    }

    // Stored waves come back unchanged.
    engine.set_waves(&before);
    assert_eq!(engine.waves().unwrap(), before);
}

#[test]
fn weights_and_eigenmodes_have_the_derivatives_of_the_loss() {
    let (object, probe) = (random_object(1), random((2, SIZE, SIZE), 2));
    let bare = problem(object.clone(), probe.clone());
    let members: Vec<usize> = (0..bare.n_patterns()).collect();
    let (eigenmodes, weights) = (random((2, SIZE, SIZE), 3), random((1, bare.n_patterns(), 2), 4));
    let mut varied = bare.with_eigenmodes(2);
    varied.probe.slice_mut(ndarray::s![2.., .., ..]).assign(&eigenmodes);
    varied.weights = weights.index_axis(Axis(0), 0).to_owned();
    let loss = |problem: &Problem| {
        let mut loss = 0.0;
        for (index, &position) in problem.scan.iter().enumerate() {
            let mut own = problem.probe.slice(ndarray::s![..2, .., ..]).to_owned();
            for k in 0..2 {
                let weight = problem.weights[(index, k)];
                let eigenmode = problem.probe.index_axis(Axis(0), 2 + k).to_owned();
                own.index_axis_mut(Axis(0), 0)
                    .zip_mut_with(&eigenmode, |sum, value| *sum += weight * value);
            }
            let one = Problem { scan: vec![position], kept: vec![index], ..problem.clone() };
            loss += gaussian_loss(&one, &object, &own);
        }
        loss
    };
    let mut engine = Cpu::new(&varied, members.len(), Products::default());
    engine.project(&members, DetectorRule::Gaussian);
    let found = engine.take_losses().seen;
    assert!((found / loss(&varied) - 1.0).abs() < 1e-5, "{found} and {}", loss(&varied));
    let slopes = engine.weight_slopes();
    engine.add_sums();
    let to_probe = engine.take_sums().probe;
    let t = 1e-3_f32;
    let difference = |change: &dyn Fn(&mut Problem, f32)| {
        let at = |t: f32| {
            let mut moved = varied.clone();
            change(&mut moved, t);
            loss(&moved)
        };
        (at(t) - at(-t)) / (2.0 * f64::from(t))
    };
    let along = random((1, bare.n_patterns(), 2), 20);
    let slope = difference(&|problem, t| {
        problem.weights.zip_mut_with(&along.index_axis(Axis(0), 0), |value, by| *value += by * t);
    });
    let predicted = -2.0 * real_dot(&slopes, &along);
    assert!((slope - predicted).abs() < 2e-3 * slope.abs(), "weights: {slope} and {predicted}");
    let along = random((4, SIZE, SIZE), 21);
    let slope = difference(&|problem, t| {
        problem.probe.zip_mut_with(&along, |value, by| *value += by * t);
    });
    let predicted = -2.0 * real_dot(&to_probe, &along);
    assert!((slope - predicted).abs() < 2e-3 * slope.abs(), "probe: {slope} and {predicted}");
}

#[test]
fn powers_have_the_derivative_of_the_loss() {
    let (object, probe) = (random_object(1), random((2, SIZE, SIZE), 2));
    let mut varied = problem(object.clone(), probe.clone()).with_varying_power();
    let members: Vec<usize> = (0..varied.n_patterns()).collect();
    let powers: Vec<f32> = members.iter().map(|&pattern| 0.3 - 0.1 * pattern as f32).collect();
    varied.log_powers = Some(powers.clone());
    // Of one pattern, from the naive model with a probe that is brighter.
    let loss = |pattern: usize, power: f32| {
        let (scan, kept) = (vec![varied.scan[pattern]], vec![pattern]);
        let one = Problem { scan, kept, ..varied.clone() };
        gaussian_loss(&one, &object, &probe.mapv(|value| value * (0.5 * power).exp()))
    };
    let mut engine = Cpu::new(&varied, members.len(), Products::default());
    engine.project(&members, DetectorRule::Gaussian);
    let (found, t) = (engine.take_losses().seen, 1e-2_f32);
    let all: f64 = members.iter().zip(&powers).map(|(&pattern, &power)| loss(pattern, power)).sum();
    assert!((found / all - 1.0).abs() < 1e-5, "{found} and {all}");
    for ((&pattern, &power), slope) in members.iter().zip(&powers).zip(engine.power_slopes()) {
        let (below, above) = (loss(pattern, power - t), loss(pattern, power + t));
        let expected = -0.5 * (above - below) / (2.0 * f64::from(t));
        assert!((slope / expected - 1.0).abs() < 2e-3, "{pattern}: {slope} and {expected}");
    }
}
