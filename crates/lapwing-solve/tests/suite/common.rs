//! A simulated scan with a known truth, started from wrong fields.

use lapwing_compare::{Metrics, Region, compare};
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind, diameter, perturb};
use lapwing_model::random::generator;
use lapwing_model::scan::{ScanKind, Spacing, fit, generate};
use lapwing_model::simulate::{expose, expose_noise_free};
use lapwing_model::{Complex32, Field, Modes, Position};
use lapwing_solve::lsqml::Lsqml;
use lapwing_solve::ml::Ml;
use lapwing_solve::noise::NoiseModel;
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Flow, Problem, Solution, Solver};
use ndarray::Array3;
use rand::RngExt;

/// Blobs of random size, place and sign, smooth or with sharp edges: amplitude 0.6 to 1, phase of
/// about one radian.
fn specimen(shape: (usize, usize), sharp: bool) -> Field {
    let seed = 5;
    let mut rng = generator(seed, "test specimen", 0);
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

/// A scan of 64 x 64 patterns with 70 % linear overlap, its truth, and a start probe out of focus
/// and astigmatic.
pub struct Case {
    pub truth: Field,
    pub probe: Modes,
    pub start: Modes,
    pub scan: Vec<Position>,
}

pub fn case() -> Case {
    case_of(false)
}

pub fn case_of(sharp: bool) -> Case {
    case_within(sharp, 110.0)
}

/// A case whose positions span a square of `side` pixels.
pub fn case_within(sharp: bool, side: f64) -> Case {
    let window = (64, 64);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(window).unwrap();
    let step = Spacing::Overlap(0.7).step(diameter(probe.view())).unwrap();
    let scan = generate(ScanKind::Fermat, step, (side, side), 1).unwrap();
    let placement = fit(&scan, window, 2).unwrap();
    let start = perturb(probe.view(), 1.0, 0.3);
    Case { truth: specimen(placement.shape, sharp), start, scan: placement.place(&scan), probe }
}

impl Case {
    pub fn problem(&self, dose: Option<f64>) -> Problem {
        self.problem_of(self.counts(dose))
    }

    /// Counts at a dose, times `factor`.
    pub fn problem_in_units(&self, dose: f64, factor: f32) -> Problem {
        let exposure =
            expose(&Physics::default(), self.truth.view(), self.probe.view(), &self.scan, dose, 42)
                .unwrap();
        self.problem_of(exposure.counts * factor)
    }

    /// Counts at a dose, or without noise, from the true fields.
    pub fn counts(&self, dose: Option<f64>) -> Array3<f32> {
        let (object, probe) = (self.truth.view(), self.probe.view());
        let exposure = match dose {
            Some(dose) => expose(&Physics::default(), object, probe, &self.scan, dose, 42),
            None => expose_noise_free(&Physics::default(), object, probe, &self.scan, 1e6),
        };
        exposure.unwrap().counts
    }

    /// A flat object of the truth's shape.
    pub fn flat(&self) -> Field {
        Field::from_elem(self.truth.dim(), Complex32::new(1.0, 0.0))
    }

    pub fn problem_of(&self, intensity: Array3<f32>) -> Problem {
        Problem::builder(self.scan.clone(), self.flat(), self.start.clone())
            .patterns(intensity)
            .unwrap()
    }

    pub fn measure(&self, solution: &Solution) -> Metrics {
        let region = Region::from_scan(self.truth.dim(), &self.scan, self.probe.view()).unwrap();
        compare(solution.object.slice(0), self.truth.view(), &region).unwrap().metrics
    }

    pub fn solve(&self, dose: Option<f64>, options: &Lsqml) -> (Solution, Metrics) {
        let solution = options.solve(&self.problem(dose), &mut |_| Flow::Continue);
        let metrics = self.measure(&solution);
        (solution, metrics)
    }

    pub fn solve_ml(&self, dose: Option<f64>, options: &Ml) -> (Solution, Metrics) {
        let solution = options.solve(&self.problem(dose), &mut |_| Flow::Continue);
        let metrics = self.measure(&solution);
        (solution, metrics)
    }

    /// Complex error of ML on counts with a uniform background of `mean` counts per pixel, which
    /// the problem is given or not.
    pub fn with_background(&self, dose: f64, mean: f32, told: bool) -> f64 {
        let mut counts = self.counts(Some(dose));
        let mut random = generator(7, "test background", 0);
        // Knuth's product, for small means.
        let limit = (-mean).exp();
        counts.mapv_inplace(|mut count| {
            let mut product = random.random::<f32>();
            while product > limit {
                product *= random.random::<f32>();
                count += 1.0;
            }
            count
        });
        let mut noise = NoiseModel::photons((64, 64), dose);
        if told {
            noise.background.fill(mean);
        }
        let problem = self.problem_of(counts).with_noise(&noise).unwrap();
        self.with_one_prior(&problem)
    }

    /// Complex error of ML with a prior that weighs absorption as phase, so that other things can
    /// be told apart.
    pub fn with_one_prior(&self, problem: &Problem) -> f64 {
        let options = Ml { prior_absorption: Auto::Given(1.0), ..Ml::default() };
        self.measure(&options.solve(problem, &mut |_| Flow::Continue)).complex_nrmse
    }
}
