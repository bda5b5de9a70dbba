//! The step lengths of every pattern.

use super::*;

#[test]
fn step_lengths_are_the_brute_force_minimum_of_the_residual() {
    are_the_brute_force_minimum((8, 8), GRID, scan(), 1);
}

#[test]
fn those_of_many_rows_are_of_every_second() {
    let scan = [(64.3, 9.8), (70.0, 12.2), (66.45, 20.7), (76.1, 25.6), (78.2, 30.9)];
    let scan = scan.map(|(y, x)| Position { y, x }).to_vec();
    are_the_brute_force_minimum((128, 16), (149, 41), scan, 2);
}

/// Of the residual in every so many rows of windows of a shape on an object of `grid`.
fn are_the_brute_force_minimum(
    shape: (usize, usize),
    grid: (usize, usize),
    scan: Vec<Position>,
    between: usize,
) {
    let (height, width) = shape;
    let random_object = |seed| random((1, grid.0, grid.1), seed).remove_axis(Axis(0)) as Field;
    let (object, probe) = (random_object(1), random((1, height, width), 2));
    let model = ForwardModel::new(shape);
    let (other_object, other_probe) = (random_object(11), random((2, height, width), 12));
    let mut intensity = Array3::zeros((scan.len(), height, width));
    for (mut pattern, &position) in intensity.outer_iter_mut().zip(&scan) {
        let of_others = model.intensity(other_object.view(), other_probe.view(), position);
        pattern.assign(&of_others.unwrap());
    }
    let problem = Problem::builder(scan, object.clone(), probe.clone()).patterns(intensity.clone());
    let problem = problem.unwrap();
    let (mut engine, _) = projected(&problem);
    engine.add_sums();
    let Sums { object: d_object, probe: d_probe, .. } = engine.take_sums();
    let flat = |field: &Field| field.iter().copied().collect::<Vec<_>>();
    let normals =
        engine.batch.normals(&problem, &engine.members, &[], &flat(&object), &d_object, &d_probe);
    let d_object = Field::from_shape_vec(grid, d_object).unwrap();
    for (pattern, normal) in normals.iter().enumerate() {
        // chi, P_j, O_j and dO_j of this pattern, rebuilt from the public model.
        let position = problem.scan[pattern];
        let window = model.window(position, grid).unwrap();
        let patch = |field: &Field| {
            field
                .slice(ndarray::s![
                    window.row..window.row + height as isize,
                    window.column..window.column + width as isize
                ])
                .iter()
                .copied()
                .collect::<Vec<_>>()
        };
        let (o, d_o) = (patch(&object), patch(&d_object));
        let mut work = model.workspace();
        let (mut spectrum, mut shifted) = (d_probe.clone(), d_probe.clone());
        let mode: Vec<Complex32> = probe.iter().copied().collect();
        model.probe_spectrum(&mode, &mut spectrum, &mut work);
        let ramp = lapwing_model::forward::Ramp::new(&window, shape);
        model.shifted_probe(&spectrum, &ramp, &mut shifted, &mut work);
        let exit: Vec<Complex32> = shifted.iter().zip(&o).map(|(p, o)| p * o).collect();
        let (wave, mut far_field, mut chi) = (exit.clone(), exit.clone(), exit.clone());
        model.propagate(&wave, None, &mut far_field, &mut work);
        for (place, value) in far_field.iter_mut().enumerate() {
            // A spectrum, (u_x, u_y), beside an image with zero frequency in the centre.
            let (u_x, u_y) = (place / height, place % height);
            let at = (pattern, (u_y + height / 2) % height, (u_x + width / 2) % width);
            *value *= intensity[at].sqrt() / value.norm();
        }
        model.back_propagate(&mut far_field, None, &mut chi, &mut work);
        chi.iter_mut().zip(&exit).for_each(|(value, exit)| *value -= exit);
        let residual = |a: f64, b: f64| -> f64 {
            (0..height * width)
                .filter(|i| i / width % between == 0)
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
