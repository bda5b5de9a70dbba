//! Simulates a scan at a dose and reconstructs it with every solver of the table: `cargo run
//! --release -p lapwing-solve --example simulate_and_solve`.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use lapwing_compare::{Region, compare};
use lapwing_model::Object;
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind, diameter, perturb};
use lapwing_model::scan::{ScanKind, Spacing, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_solve::{Flow, Problem, SOLVERS};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A specimen, a defocused probe of 64 x 64 pixels, and positions that overlap by 70 %.
    let window = (64, 64);
    let probe = ProbeDesign::new(ProbeKind::Defocused).build(window)?;
    let step = Spacing::Overlap(0.7).step(diameter(probe.view()))?;
    let scan = generate(ScanKind::Fermat, step, (100.0, 100.0), 1)?;
    let placement = fit(&scan, window, 2).ok_or("an empty scan")?;
    let scan = placement.place(&scan);
    let truth = Specimen::Cells.make(placement.shape, 1);

    // 10,000 photons per pattern.
    let counts = expose(&Physics::default(), truth.view(), probe.view(), &scan, 1e4, 42)?.counts;

    // The start: a flat object, and a probe out of focus, since no experiment knows its own.
    let start = perturb(probe.view(), 1.0, 0.3);
    let flat = Object::flat(placement.shape);
    let problem = Problem::builder(scan.clone(), flat, start).patterns(counts)?;

    let region = Region::from_scan(truth.dim(), &scan, probe.view())?;
    println!("{} patterns, error of the object after alignment:", problem.n_patterns());
    for entry in SOLVERS {
        let solver = entry.defaults();
        let solution = solver.solve(&problem, &mut |_| Flow::Continue);
        let found = compare(solution.object.slice(0), truth.view(), &region)?.metrics;
        println!(
            "{:>6}, {:3} epochs: {:.4}   {}",
            entry.name,
            solution.loss.len(),
            found.complex_nrmse,
            entry.about
        );
    }
    Ok(())
}
