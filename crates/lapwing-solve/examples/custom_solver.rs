//! A solver of one's own, outside the crate: plain gradient descent on the amplitudes of all
//! patterns. It has options like the others, and goes wherever a `dyn Solver` goes: `cargo run
//! --release -p lapwing-solve --example custom_solver`.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use lapwing_model::Object;
use lapwing_model::forward::Physics;
use lapwing_model::probe::{ProbeDesign, ProbeKind};
use lapwing_model::scan::{ScanKind, fit, generate};
use lapwing_model::simulate::expose;
use lapwing_model::specimen::Specimen;
use lapwing_solve::engine::{DetectorRule, FieldsMut, Products};
use lapwing_solve::solver::{Algorithm, Configured, Frame};
use lapwing_solve::{Constraints, Flow, Needs, Problem, Run, Solver, options, solver_basics};

options! {
    /// Options of gradient descent.
    pub struct Descent {
        /// Number of epochs; one epoch visits every pattern once.
        epochs | "num_epochs": usize = 50, Kind::EPOCHS;
        /// Step, as a share of the largest that is stable.
        step: f64 = 0.9, Kind::Number(Range::Share);
        ..constraints: Constraints, "Constraints on object and probe.";
    }
}

impl Configured for Descent {
    const NAME: &'static str = "descent";
    const ABOUT: &'static str = "plain gradient descent on amplitudes";
    const SOURCE: &'static str = "textbooks";
}

impl Solver for Descent {
    solver_basics!();

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn start<'a>(&'a self, problem: &'a Problem) -> Run<'a> {
        let all = problem.n_patterns();
        let frame = Frame::new(problem, self.constraints, all, Products::default());
        Run::new(frame, Epochs { members: (0..all).collect(), step: self.step }, self.epochs)
    }
}

/// What the solver remembers from one epoch to the next.
struct Epochs {
    members: Vec<usize>,
    step: f64,
}

impl Algorithm for Epochs {
    fn epoch(&mut self, frame: &mut Frame<'_>, _number: usize, _losses: &[f64]) -> f64 {
        frame.engine.project(&self.members, DetectorRule::Gaussian);
        frame.engine.add_sums();
        let sums = frame.engine.take_sums();
        let largest = |light: &[f32]| light.iter().fold(f32::MIN_POSITIVE, |a, &b| a.max(b));
        let to_object = self.step as f32 / largest(&sums.light);
        let to_probe = self.step as f32 / largest(&sums.power);
        let FieldsMut { object, probe, .. } = frame.engine.fields_mut().parts_mut();
        object.iter_mut().zip(&sums.object).for_each(|(value, sum)| *value += sum * to_object);
        probe.iter_mut().zip(&sums.probe).for_each(|(value, sum)| *value += sum * to_probe);
        frame.constrain();
        frame.engine.take_losses().seen / frame.problem.used_pixels() as f64
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let probe = ProbeDesign::new(ProbeKind::Defocused).build((32, 32))?;
    let scan = generate(ScanKind::Fermat, 4.0, (50.0, 50.0), 1)?;
    let placement = fit(&scan, (32, 32), 2).ok_or("an empty scan")?;
    let scan = placement.place(&scan);
    let specimen = Specimen::Cells.make(placement.shape, 1);
    let counts = expose(&Physics::default(), specimen.view(), probe.view(), &scan, 1e5, 42)?.counts;
    let problem = Problem::builder(scan, Object::flat(placement.shape), probe).patterns(counts)?;

    let solver: Box<dyn Solver> = Box::new(Descent { epochs: 60, ..Descent::default() });
    let solution = solver.solve(&problem, &mut |epoch| {
        if epoch.done == 1 || epoch.done % 10 == 0 {
            println!("{} epoch {:3}: loss {:.4}", solver.name(), epoch.done, epoch.loss);
        }
        Flow::Continue
    });
    println!("loss {:.4} to {:.4}", solution.loss[0], solution.loss[solution.loss.len() - 1]);
    Ok(())
}
