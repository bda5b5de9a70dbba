//! rPIE and ePIE on simulated scans with a known truth.

use crate::common::case;
use lapwing_solve::pie::{Epie, Rpie};
use lapwing_solve::{Flow, Solver};
use lapwing_testing::swept;

#[test]
fn rpie_finds_the_truth_on_clean_data_and_epie_is_slower() {
    let case = case();
    let problem = case.problem(None);
    let rpie = Rpie { epochs: 60, ..Rpie::default() }.solve(&problem, &mut |_| Flow::Continue);
    let epie = Epie { epochs: 60, ..Epie::default() }.solve(&problem, &mut |_| Flow::Continue);
    let (rpie, epie) = (case.measure(&rpie).complex_nrmse, case.measure(&epie).complex_nrmse);
    println!("rPIE {rpie}, ePIE {epie}");
    assert!(rpie < 0.01, "rPIE: complex NRMSE {rpie}");
    // A flat object scores about 0.5.
    assert!(epie < 0.2 && epie > rpie, "ePIE: complex NRMSE {epie}, rPIE {rpie}");
}

#[test]
fn any_batch_size_is_stable_at_any_dose() {
    let case = case();
    for dose in [1e3, 1e9] {
        let problem = case.problem(Some(dose));
        for &batch_size in swept(&[1, 100_000, 10, 100], 2) {
            let rpie = Rpie { epochs: 12, batch_size, ..Rpie::default() };
            let epie = Epie { epochs: 12, batch_size, ..Epie::default() };
            for (name, solution) in [
                ("rPIE", rpie.solve(&problem, &mut |_| Flow::Continue)),
                ("ePIE", epie.solve(&problem, &mut |_| Flow::Continue)),
            ] {
                let name = format!("{name}, dose {dose}, batches of {batch_size}");
                let loss = &solution.loss;
                println!("{name}: {} to {}", loss[0], loss[11]);
                assert!(
                    solution.object.slices().iter().all(|v| v.re.is_finite() && v.im.is_finite()),
                    "{name}"
                );
                // Single patterns of few photons are believed one after the other: such a loss has
                // nowhere to fall.
                assert!(loss[11] < 1.1 * loss[1], "{name}: {loss:?}");
                assert!(
                    loss.windows(2).skip(1).all(|pair| pair[1] < 1.5 * pair[0]),
                    "{name}: {loss:?}"
                );
            }
        }
    }
}

#[test]
fn a_batch_of_one_is_the_published_update() {
    // One epoch over one pattern with a whole-pixel position: O + conj(P) chi / ((1 - a) |P|^2 + a
    // max |P|^2), by hand.
    use lapwing_model::{Complex32, Field, ForwardModel, Modes, Position};
    use lapwing_solve::Problem;
    use ndarray::Axis;
    let n = 8;
    let object = Field::from_shape_fn((10, 11), |(y, x)| {
        Complex32::new(1.0 + 0.1 * y as f32, 0.2 * x as f32 - 1.0)
    });
    let probe = Modes::from_shape_fn((1, n, n), |(_, y, x)| {
        Complex32::new(1.0 + (y % 3) as f32, (x % 4) as f32)
    });
    let position = Position { y: 5.0, x: 6.0 };
    let model = ForwardModel::new((n, n));
    let other =
        Field::from_shape_fn((10, 11), |(y, x)| Complex32::new(1.0, 0.3 * ((y * x) % 5) as f32));
    let intensity = model.intensity(other.view(), probe.view(), position).unwrap();
    let problem = Problem::builder(vec![position], object.clone(), probe.clone())
        .patterns(intensity.clone().insert_axis(Axis(0)))
        .unwrap();
    let options = Rpie { epochs: 1, batch_size: 1, object_alpha: 0.25, ..Rpie::default() };
    let found = options.solve(&problem, &mut |_| Flow::Continue);
    // The solver scales the probe to the measured power first.
    let predicted: f32 = model.intensity(object.view(), probe.view(), position).unwrap().sum();
    let probe = probe.mapv(|v| v * (intensity.sum() / predicted).sqrt());
    let far = model.at_detector(object.view(), probe.view(), position).unwrap();
    let mut wanted = far.clone();
    for ((_, u_x, u_y), value) in wanted.indexed_iter_mut() {
        // Spectra are transposed with zero frequency at (0, 0), patterns have it in the centre.
        let measured = intensity[((u_y + n / 2) % n, (u_x + n / 2) % n)].sqrt();
        *value = *value * (measured / value.norm()) - *value;
    }
    let (to_object, _) =
        model.adjoint(wanted.view(), object.view(), probe.view(), position).unwrap();
    let largest = probe.iter().map(|v| v.norm_sqr()).fold(0.0, f32::max);
    let expected = Field::from_shape_fn(object.dim(), |(y, x)| {
        let inside = (1..9).contains(&y) && (2..10).contains(&x);
        let light = if inside { probe[(0, y - 1, x - 2)].norm_sqr() } else { 0.0 };
        object[(y, x)] + to_object[(0, y, x)] / (0.75 * light + 0.25 * largest)
    });
    // The result's scale is free: compare with the best one, inside the window.
    let window = ndarray::s![1..9, 2..10];
    let (found, expected) = (found.object.projection().slice_move(window), expected.slice(window));
    let cross: Complex32 = found.iter().zip(expected).map(|(f, e)| f.conj() * e).sum();
    let scale = cross / found.iter().map(|f| f.norm_sqr()).sum::<f32>();
    for (f, e) in found.iter().zip(expected) {
        assert!((f * scale - e).norm() < 1e-4 * e.norm().max(1.0), "{f} {e}");
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let case = case();
    let options = Rpie { epochs: 3, ..Rpie::default() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| options.solve(&case.problem(Some(1e4)), &mut |_| Flow::Continue))
    };
    let (one, eight) = (run(1), run(8));
    assert!(one.object == eight.object && one.probe == eight.probe && one.loss == eight.loss);
}
