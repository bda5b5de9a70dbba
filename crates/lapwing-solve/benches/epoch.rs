//! Epochs of LSQML on a simulated scan; "items" are patterns: `cargo bench -p lapwing-solve`.

use divan::Bencher;
use divan::counter::ItemsCount;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field};
use lapwing_solve::lsqml::{Lsqml, Noise};
use lapwing_solve::{Flow, Problem};

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
    let counts = expose(object.view(), probe.view(), &scan, 1e5, 42)?.counts;
    let flat = Field::from_elem(object.dim(), Complex32::new(1.0, 0.0));
    Ok(Problem::new(counts, scan, flat, probe)?)
}

fn run(bencher: Bencher, side: usize, patterns: usize, noise: Noise, threads: usize) {
    let problem = problem(side, patterns).unwrap_or_else(|error| panic!("{error}"));
    let options = Lsqml { epochs: EPOCHS, noise, ..Lsqml::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.unwrap_or_else(|error| panic!("{error}"));
    let items = ItemsCount::new(problem.n_patterns() * EPOCHS);
    bencher.counter(items).bench_local(|| pool.install(|| options.solve(&problem, &mut |_| Flow::Continue)));
}

#[divan::bench(args = [64, 128, 256], sample_count = 5, sample_size = 1)]
fn gaussian_2_threads(bencher: Bencher, side: usize) {
    run(bencher, side, 400, Noise::Gaussian, 2);
}

#[divan::bench(args = [128], sample_count = 5, sample_size = 1)]
fn gaussian_1_thread(bencher: Bencher, side: usize) {
    run(bencher, side, 400, Noise::Gaussian, 1);
}

#[divan::bench(args = [128], sample_count = 5, sample_size = 1)]
fn poisson_2_threads(bencher: Bencher, side: usize) {
    run(bencher, side, 400, Noise::Poisson, 2);
}
