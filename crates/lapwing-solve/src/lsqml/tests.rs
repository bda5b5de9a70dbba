//! The sums of a batch against the calculus they stand for.

use super::*;
use crate::batch::{Batch, Wanted};
use crate::detector::Step;
use crate::probe_side::ProbeSide;
use lapwing_model::{Complex32, Field, ForwardModel, Modes, Position};
use ndarray::{Array3, Axis};
use rand::{RngExt, SeedableRng};

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
    Problem::new(intensity, scan(), object, probe).unwrap()
}

/// Loss of every pattern summed, in double precision, from the public forward model alone.
fn gaussian_loss(problem: &Problem, object: &Field, probe: &Modes) -> f64 {
    let model = ForwardModel::new((SIZE, SIZE));
    let mut loss = 0.0;
    let mut room = vec![0.0; SIZE * SIZE];
    for (index, &position) in problem.scan.iter().enumerate() {
        let far_fields = model.far_field(object.view(), probe.view(), position).unwrap();
        for (pixel, &measured) in problem.pattern(index, &mut room).iter().enumerate() {
            let at = (pixel / SIZE, pixel % SIZE);
            let power: f64 =
                far_fields.outer_iter().map(|mode| f64::from(mode[at].norm_sqr())).sum();
            loss += (power.sqrt() - f64::from(measured).sqrt()).powi(2);
        }
    }
    loss
}

struct Sums {
    object: Field,
    probe: Modes,
    batch: Batch,
    members: Vec<usize>,
    loss: f64,
}

/// sum_j chi conj(P) and sum_j unshift(chi conj(O)), by the solver's own code.
fn sums(problem: &Problem) -> Sums {
    let members: Vec<usize> = (0..problem.n_patterns()).collect();
    let object: Vec<Complex32> = problem.object.iter().copied().collect();
    let probe: Vec<Complex32> = problem.probe.iter().copied().collect();
    let mut side = ProbeSide::new(problem);
    side.look_at(&problem.model, &probe);
    let mut batch = Batch::new(problem, members.len(), Wanted { waves: true, slopes: false });
    let loss = batch.project(problem, Step::Gaussian, &members, &object, &side.spectra);
    let mut to_object = vec![Complex32::default(); object.len()];
    let mut illumination = vec![0.0; object.len()];
    batch.scatter(problem, &mut to_object, &mut illumination);
    side.clear();
    side.add(&batch);
    let to_probe = side.direction(&problem.model).0.to_vec();
    Sums {
        object: Field::from_shape_vec(GRID, to_object).unwrap(),
        probe: Modes::from_shape_vec(problem.probe.dim(), to_probe).unwrap(),
        batch,
        members,
        loss,
    }
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
    let sums = sums(&problem);
    assert!((sums.loss / gaussian_loss(&problem, &object, &probe) - 1.0).abs() < 1e-5);
    let t = 1e-3_f32;
    for seed in 20..23 {
        let along = random_object(seed);
        let slope = (gaussian_loss(&problem, &(&object + &along.mapv(|v| v * t)), &probe)
            - gaussian_loss(&problem, &(&object - &along.mapv(|v| v * t)), &probe))
            / (2.0 * f64::from(t));
        let predicted = -2.0 * real_dot(&sums.object, &along);
        assert!(
            (slope - predicted).abs() < 2e-3 * slope.abs().max(1.0),
            "object: {slope} and {predicted}"
        );
        let along = random((2, SIZE, SIZE), seed);
        let slope = (gaussian_loss(&problem, &object, &(&probe + &along.mapv(|v| v * t)))
            - gaussian_loss(&problem, &object, &(&probe - &along.mapv(|v| v * t))))
            / (2.0 * f64::from(t));
        let predicted = -2.0 * real_dot(&sums.probe, &along);
        assert!(
            (slope - predicted).abs() < 2e-3 * slope.abs().max(1.0),
            "probe: {slope} and {predicted}"
        );
    }
}

#[test]
fn step_lengths_are_the_brute_force_minimum_of_the_residual() {
    let (object, probe) = (random_object(1), random((1, SIZE, SIZE), 2));
    let problem = problem(object.clone(), probe.clone());
    let sums = sums(&problem);
    let flat = |field: &Field| field.iter().copied().collect::<Vec<_>>();
    let d_probe: Vec<Complex32> = sums.probe.iter().copied().collect();
    let directions = (&*flat(&sums.object), &*d_probe);
    let normals = sums.batch.normals(&problem, &sums.members, &flat(&object), directions);
    let model = ForwardModel::new((SIZE, SIZE));
    for (pattern, normal) in normals.iter().enumerate() {
        // chi, P_j, O_j and dO_j of this pattern, rebuilt from the public model.
        let position = problem.scan[pattern];
        let window = model.window(position, GRID).unwrap();
        let patch = |field: &Field| {
            field
                .slice(ndarray::s![
                    window.row..window.row + SIZE as isize,
                    window.column..window.column + SIZE as isize
                ])
                .iter()
                .copied()
                .collect::<Vec<_>>()
        };
        let (o, d_o) = (patch(&object), patch(&sums.object));
        let mut work = model.workspace();
        let (mut spectrum, mut shifted) = (d_probe.clone(), d_probe.clone());
        let mode: Vec<Complex32> = probe.iter().copied().collect();
        model.probe_spectrum(&mode, &mut spectrum, &mut work);
        let ramp = lapwing_model::forward::Ramp::new(&window, (SIZE, SIZE));
        model.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
        let exit: Vec<Complex32> = shifted.iter().zip(&o).map(|(p, o)| p * o).collect();
        let (mut wave, mut far_field, mut chi) = (exit.clone(), exit.clone(), exit.clone());
        model.propagate(&mut wave, &mut far_field, &mut work);
        for (value, &measured) in
            far_field.iter_mut().zip(problem.pattern(pattern, &mut vec![0.0; SIZE * SIZE]))
        {
            *value *= measured.sqrt() / value.norm();
        }
        model.back_propagate(&mut far_field, &mut chi, &mut work);
        chi.iter_mut().zip(&exit).for_each(|(value, exit)| *value -= exit);
        let residual = |a: f64, b: f64| -> f64 {
            (0..SIZE * SIZE)
                .map(|i| {
                    let rest =
                        chi[i] - d_o[i] * shifted[i] * a as f32 - d_probe[i] * o[i] * b as f32;
                    f64::from(rest.norm_sqr())
                })
                .sum()
        };
        let determinant = normal.object * normal.probe - normal.cross.powi(2);
        let a = (normal.probe * normal.object_chi - normal.cross * normal.probe_chi) / determinant;
        let b = (normal.object * normal.probe_chi - normal.cross * normal.object_chi) / determinant;
        // A minimum of a convex quadratic is lower than all its neighbours, near and far.
        let best = residual(a, b);
        for (da, db) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, 1.0)]
        {
            for size in [0.03, 0.3] {
                let (a, b) = (a + size * da * a.abs().max(0.01), b + size * db * b.abs().max(0.01));
                assert!(residual(a, b) > best, "pattern {pattern}: lower at ({a}, {b})");
            }
        }
    }
}
