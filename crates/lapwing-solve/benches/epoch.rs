//! Epochs of the solvers on simulated scans; "items" are patterns: `cargo bench -p lapwing-solve`.

use divan::Bencher;
use divan::counter::ItemsCount;
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field};
use lapwing_solve::lsqml::{Batching, Lsqml, Noise};
use lapwing_solve::ml::Ml;
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Flow, Problem, Solver};

const EPOCHS: usize = 3;

fn main() {
    divan::main();
}

/// About `patterns` patterns of `side` pixels, three quarters of the probe's diameter overlapping.
fn problem(side: usize, patterns: usize) -> Result<Problem, Box<dyn std::error::Error>> {
    let window = (side, side);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(window)?;
    let step = side as f64 / 8.0;
    let field = step * (patterns as f64).sqrt();
    let scan = generate(ScanKind::Jittered, step, (field, field), 1)?;
    let placement = fit(&scan, window, 2).ok_or("an empty scan")?;
    let scan = placement.place(&scan);
    let object = Specimen::Cells.make(placement.shape, 1);
    let counts = expose(&Physics::default(), object.view(), probe.view(), &scan, 1e5, 42)?.counts;
    let flat = Field::from_elem(object.dim(), Complex32::new(1.0, 0.0));
    Ok(Problem::builder(scan, flat, probe).patterns(counts)?)
}

fn run(
    bencher: Bencher,
    (side, patterns): (usize, usize),
    threads: usize,
    solve: impl Fn(&Problem) + Sync,
) {
    let problem = problem(side, patterns).unwrap_or_else(|error| panic!("{error}"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.unwrap_or_else(|error| panic!("{error}"));
    let items = ItemsCount::new(problem.n_patterns() * EPOCHS);
    bencher.counter(items).bench_local(|| pool.install(|| solve(&problem)));
}

fn lsqml(problem: &Problem, noise: Noise, batching: Batching) {
    let options = Lsqml { epochs: EPOCHS, noise, batching, ..Lsqml::default() };
    divan::black_box(options.solve(problem, &mut |_| Flow::Continue));
}

/// Epochs of ML's first stage (`start`) or of its second.
fn ml(problem: &Problem, start: bool) {
    let start_epochs = if start { EPOCHS } else { 0 };
    let options =
        Ml { epochs: Auto::Given(EPOCHS), prior: Auto::Given(20.0), start_epochs, ..Ml::default() };
    divan::black_box(options.solve(problem, &mut |_| Flow::Continue));
}

#[divan::bench(args = [64, 128, 256], sample_count = 5, sample_size = 1)]
fn lsqml_compact_2_threads(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 2, |problem| lsqml(problem, Noise::Gaussian, Batching::Compact));
}

#[divan::bench(args = [128], sample_count = 5, sample_size = 1)]
fn lsqml_compact_1_thread(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 1, |problem| lsqml(problem, Noise::Gaussian, Batching::Compact));
}

#[divan::bench(args = [128], sample_count = 5, sample_size = 1)]
fn lsqml_random_2_threads(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 2, |problem| lsqml(problem, Noise::Gaussian, Batching::Random));
}

#[divan::bench(args = [128], sample_count = 5, sample_size = 1)]
fn lsqml_poisson_2_threads(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 2, |problem| lsqml(problem, Noise::Poisson, Batching::Compact));
}

#[divan::bench(args = [64, 128, 256], sample_count = 5, sample_size = 1)]
fn ml_first_stage_2_threads(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 2, |problem| ml(problem, true));
}

#[divan::bench(args = [64, 128, 256], sample_count = 5, sample_size = 1)]
fn ml_second_stage_2_threads(bencher: Bencher, side: usize) {
    run(bencher, (side, 400), 2, |problem| ml(problem, false));
}

/// The cost per pattern does not depend on how many there are.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 1, sample_size = 1)]
fn lsqml_32_px_by_patterns(bencher: Bencher, patterns: usize) {
    run(bencher, (32, patterns), 2, |problem| lsqml(problem, Noise::Gaussian, Batching::Compact));
}
