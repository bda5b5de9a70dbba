//! LSQML on simulated scans with a known truth: it must find the truth from wrong fields, and the same bits every time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lapwing_compare::{Metrics, Region, compare};
use lapwing_model::probe::{ProbeDesign, ProbeKind, diameter, perturb};
use lapwing_model::scan::{ScanKind, Spacing, fit, generate};
use lapwing_model::simulate::{expose, expose_noise_free};
use lapwing_model::stream::stream;
use lapwing_model::{Complex32, Field, Modes, Position};
use lapwing_solve::lsqml::{Batching, Lsqml, Noise};
use lapwing_solve::{Flow, Problem, Solution};
use rand::RngExt;

/// Blobs of random size, place and sign, smooth or with sharp edges: amplitude 0.6 to 1, phase of about one radian.
fn specimen(shape: (usize, usize), sharp: bool) -> Field {
    let seed = 5;
    let mut rng = stream(seed, "test specimen", 0);
    let blobs: Vec<[f64; 5]> = (0..shape.0 * shape.1 / 60)
        .map(|_| {
            [
                rng.random_range(0.0..shape.0 as f64),
                rng.random_range(0.0..shape.1 as f64),
                rng.random_range(1.0..6.0),
                rng.random_range(-0.7..0.7),
                rng.random_range(0.0..0.3),
            ]
        })
        .collect();
    Field::from_shape_fn(shape, |(y, x)| {
        let (mut phase, mut absorption) = (0.0, 0.0);
        for &[cy, cx, radius, depth, loss] in &blobs {
            let distance = (y as f64 - cy).powi(2) + (x as f64 - cx).powi(2);
            if distance < 16.0 * radius * radius {
                let bump = match sharp {
                    true => f64::from(distance < 1.5 * radius * radius),
                    false => (-distance / (2.0 * radius * radius)).exp(),
                };
                phase += depth * bump;
                absorption += loss * bump;
            }
        }
        let amplitude = 0.6 + 0.4 * (-absorption).exp();
        Complex32::from_polar(amplitude as f32, phase as f32)
    })
}

/// A 64 x 64 scan with 70 % linear overlap, its truth, and a start probe out of focus and astigmatic.
struct Case {
    truth: Field,
    probe: Modes,
    start: Modes,
    scan: Vec<Position>,
}

fn case() -> Case {
    case_of(false)
}

fn case_of(sharp: bool) -> Case {
    let window = (64, 64);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(window).unwrap();
    let step = Spacing::Overlap(0.7).step(diameter(probe.view())).unwrap();
    let scan = generate(ScanKind::Fermat, step, (110.0, 110.0), 1).unwrap();
    let placement = fit(&scan, window, 2).unwrap();
    let start = perturb(probe.view(), 1.0, 0.3);
    Case { truth: specimen(placement.shape, sharp), start, scan: placement.place(&scan), probe }
}

impl Case {
    fn problem(&self, dose: Option<f64>) -> Problem {
        let (object, probe) = (self.truth.view(), self.probe.view());
        let exposure = match dose {
            Some(dose) => expose(object, probe, &self.scan, dose, 42),
            None => expose_noise_free(object, probe, &self.scan, 1e6),
        };
        let flat = Field::from_elem(self.truth.dim(), Complex32::new(1.0, 0.0));
        Problem::new(exposure.unwrap().counts, self.scan.clone(), flat, self.start.clone()).unwrap()
    }

    fn measure(&self, solution: &Solution) -> Metrics {
        let region = Region::from_scan(self.truth.dim(), &self.scan, self.probe.view()).unwrap();
        compare(solution.object.view(), self.truth.view(), &region).unwrap().metrics
    }

    fn solve(&self, dose: Option<f64>, options: &Lsqml) -> (Solution, Metrics) {
        let solution = options.solve(&self.problem(dose), &mut |_| Flow::Continue);
        let metrics = self.measure(&solution);
        (solution, metrics)
    }
}

#[test]
fn finds_the_truth_from_a_flat_object_and_a_wrong_probe() {
    let options = Lsqml { epochs: 200, ..Lsqml::default() };
    let (solution, metrics) = case().solve(None, &options);
    assert!(metrics.complex_nrmse < 0.01, "complex NRMSE {}", metrics.complex_nrmse);
    assert_eq!(solution.loss.len(), 200);
    assert!(solution.loss[199] < 1e-3 * solution.loss[0], "{} to {}", solution.loss[0], solution.loss[199]);
}

#[test]
fn every_batching_and_likelihood_converges_at_every_dose() {
    let case = case();
    // A flat object scores about 0.5. Random batches have no momentum and need more epochs for the same error.
    for (dose, compact_bound, random_bound) in [(1e3, 0.20, 0.22), (1e5, 0.05, 0.09), (1e9, 0.05, 0.09)] {
        for (batching, bound) in [(Batching::Compact, compact_bound), (Batching::Random, random_bound)] {
            for noise in [Noise::Gaussian, Noise::Poisson] {
                let options = Lsqml { epochs: 60, batching, noise, ..Lsqml::default() };
                let (solution, metrics) = case.solve(Some(dose), &options);
                let name = format!("dose {dose}, {batching:?}, {noise:?}");
                println!("{name}: {}", metrics.complex_nrmse);
                assert!(metrics.complex_nrmse < bound, "{name}: complex NRMSE {}", metrics.complex_nrmse);
                assert!(solution.loss[59] < solution.loss[0], "{name}: {:?}", solution.loss);
            }
        }
    }
}

#[test]
fn poisson_beats_gaussian_on_counted_photons() {
    let case = case_of(true);
    // In the dark field most pixels hold a photon or none, and the square root of such a count is a biased amplitude: the
    // Gaussian's error stops at that bias, the Poisson's goes on to the noise.
    let options = Lsqml { epochs: 200, ..Lsqml::default() };
    let error = |noise| case.solve(Some(1e5), &Lsqml { noise, ..options.clone() }).1.complex_nrmse;
    let (poisson, gaussian) = (error(Noise::Poisson), error(Noise::Gaussian));
    assert!(poisson < 0.95 * gaussian, "Poisson {poisson}, Gaussian {gaussian}");
}

#[test]
fn momentum_converges_sooner() {
    let case = case();
    let error = |momentum| case.solve(None, &Lsqml { momentum, ..Lsqml::default() }).1.complex_nrmse;
    let (with, without) = (error(0.5), error(0.0));
    assert!(with < 0.5 * without, "with {with}, without {without}");
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let case = case();
    for batching in [Batching::Compact, Batching::Random] {
        let options =
            Lsqml { epochs: 4, batching, batch_size: 37, noise: Noise::Poisson, ..Lsqml::default() };
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| options.solve(&case.problem(Some(1e4)), &mut |_| Flow::Continue))
        };
        let one = run(1);
        for threads in [2, 8] {
            let many = run(threads);
            assert!(
                one.object == many.object && one.probe == many.probe && one.loss == many.loss,
                "{threads}"
            );
        }
    }
}

#[test]
fn any_batch_size_works_and_a_caller_can_stop() {
    let case = case();
    let problem = case.problem(Some(1e5));
    for batch_size in [1, 7, 100_000] {
        for batching in [Batching::Compact, Batching::Random] {
            let options = Lsqml { epochs: 8, batch_size, batching, ..Lsqml::default() };
            let mut epochs = 0;
            let solution = options.solve(&problem, &mut |event| {
                epochs = event.done;
                if event.done == 5 { Flow::Stop } else { Flow::Continue }
            });
            assert_eq!((epochs, solution.loss.len()), (5, 5));
            assert!(solution.loss[4] < solution.loss[0], "{batch_size}, {batching:?}: {:?}", solution.loss);
            assert!(solution.object.iter().all(|value| value.re.is_finite() && value.im.is_finite()));
        }
    }
}
