//! Time of an epoch on the processor and on a graphics card, and of every kernel there: `cargo
//! bench -p lapwing-solve --features gpu --bench devices -- [PATTERNS [SIDE [EPOCHS [0]]]] [NAME]`;
//! with a 0 on the card alone, with a NAME of the solvers that have it in theirs.

#![allow(clippy::print_stdout, reason = "this program prints a table")]

use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_model::{Complex32, Field};
use lapwing_solve::engine::Device;
use lapwing_solve::lsqml::{Batching, Lsqml};
use lapwing_solve::ml::Ml;
use lapwing_solve::pie::Rpie;
use lapwing_solve::solver::options::Auto;
use lapwing_solve::{Problem, Solver};
use std::error::Error;
use std::time::Instant;

/// Epochs before the clock starts, and on it.
const WARM: usize = 2;

/// `patterns` patterns of `side` pixels, three quarters of the probe's diameter overlapping.
fn problem(side: usize, patterns: usize) -> Result<Problem, Box<dyn Error>> {
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

/// Solvers by name, each of so many epochs.
fn solvers(epochs: usize) -> Vec<(&'static str, Box<dyn Solver>)> {
    let ml = |start_epochs| Ml {
        epochs: Auto::Given(epochs),
        prior: Auto::Given(20.0),
        start_epochs,
        ..Ml::default()
    };
    let lsqml = |batching| Lsqml { epochs, batching, ..Lsqml::default() };
    vec![
        ("LSQML compact 100", Box::new(lsqml(Batching::Compact))),
        ("LSQML random 100", Box::new(lsqml(Batching::Random))),
        ("ML first stage 10", Box::new(ml(epochs))),
        ("ML second stage", Box::new(ml(0))),
        ("rPIE 10", Box::new(Rpie { epochs, ..Rpie::default() })),
    ]
}

/// Microseconds of an epoch per pattern, and the loss it ended with.
fn time(problem: &Problem, solver: &dyn Solver) -> (f64, f64) {
    let mut run = solver.start(problem);
    let mut loss = f64::NAN;
    let mut began = Instant::now();
    let mut counted = 0;
    while let Some(epoch) = run.epoch() {
        loss = epoch.loss;
        if epoch.done == WARM {
            began = Instant::now();
            counted = 0;
        } else {
            counted += 1;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    (1e6 * seconds / (counted * problem.n_patterns()) as f64, loss)
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let (patterns, side) =
        (numbers.first().copied().unwrap_or(1000), numbers.get(1).copied().unwrap_or(128));
    let epochs = WARM + numbers.get(2).copied().unwrap_or(8);
    let on_cpu = numbers.get(3).is_none_or(|&cpu| cpu > 0);
    let problem = problem(side, patterns)?;
    let n = problem.n_patterns();
    println!("{n} patterns of {side} x {side}, object {:?}", problem.object().shape());
    #[cfg(feature = "gpu")]
    let card = {
        use lapwing_solve::engine::gpu::{Gpu, GpuInfo};
        for info in GpuInfo::all() {
            println!("{info:?}");
        }
        Gpu::open(0).inspect_err(|error| println!("{error}")).ok()
    };
    // Cargo adds `--bench`.
    let wanted =
        std::env::args().skip(1).find(|word| word.parse::<usize>().is_err() && word != "--bench");
    let wanted = wanted.unwrap_or_default();
    for (name, solver) in solvers(epochs) {
        if !name.contains(&wanted) {
            continue;
        }
        if on_cpu {
            let (us, loss) = time(&problem.on(Device::Cpu), &*solver);
            println!("{name:<20} processor {us:9.2} us per pattern and epoch, loss {loss:.6e}");
        }
        #[cfg(feature = "gpu")]
        if let Some(card) = &card {
            let problem = problem.on(Device::Gpu(card.clone()));
            let began = Instant::now();
            let (_, _) = time(&problem, &*solver);
            let first = began.elapsed().as_secs_f64();
            let (us, loss) = time(&problem, &*solver);
            println!(
                "{name:<20} card      {us:9.2} us per pattern and epoch, loss {loss:.6e}, first run {first:.2} s"
            );
            if let Some(failure) = card.failure() {
                println!("  failed: {failure}");
            }
            if card.measure(true) {
                time(&problem, &*solver);
                let times = card.measured();
                card.measure(false);
                let sum: f64 = times.iter().map(|kernel| kernel.seconds).sum();
                println!("  kernels {:.2} us", 1e6 * sum / (n * epochs) as f64);
                for kernel in times {
                    let us = 1e6 * kernel.seconds / (n * epochs) as f64;
                    let each = 1e6 * kernel.seconds / kernel.runs as f64;
                    println!(
                        "  {:<20} {us:8.3} us  {:6} runs of {each:8.1} us",
                        kernel.kernel, kernel.runs
                    );
                }
            }
        }
    }
    Ok(())
}
